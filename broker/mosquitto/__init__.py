"""Configuration of the real broker."""
