"""The box beside the cameras."""
