"""Neural networks and their tools."""
