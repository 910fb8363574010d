"""What the environment may say, all of it."""

import os
from pathlib import Path


def model_override() -> str | None:
    """GATEHOUSE_MODEL: a network's name or file, taken wherever the configuration says `default`."""
    return os.environ.get("GATEHOUSE_MODEL") or None


def user_model_folder() -> Path:
    """Where `gatehouse models add` keeps networks: XDG_DATA_HOME/gatehouse/models, by default below ~/.local/share."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "gatehouse" / "models"


def cache_folder() -> Path:
    """For what can be measured or built anew: XDG_CACHE_HOME/gatehouse, by default below ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatehouse"


def notify_socket() -> str | None:
    """NOTIFY_SOCKET: where systemd wants to hear from a service of `Type=notify`."""
    return os.environ.get("NOTIFY_SOCKET") or None


def child_environment(**more: str) -> dict[str, str]:
    """This process's environment with `more` in it, for a child."""
    return {**os.environ, **more}
