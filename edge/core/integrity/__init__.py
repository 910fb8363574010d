"""Whether a camera still sees what it was put up to see. Pure."""
