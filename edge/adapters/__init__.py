"""One port each to the world outside."""
