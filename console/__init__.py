"""The guard's screen."""
