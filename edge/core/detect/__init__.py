"""From a network's raw output to people."""
