"""What the environment may say, all of it."""

import os


def model_override() -> str | None:
    """GATEHOUSE_MODEL: a network's name or file, taken wherever the configuration says `default`."""
    return os.environ.get("GATEHOUSE_MODEL") or None
