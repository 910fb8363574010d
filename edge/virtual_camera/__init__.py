"""A camera to try things on."""
