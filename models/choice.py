"""Which network runs where none is named, and how that is told."""

from edge.config.environment import model_override
from models.registry import Registry


def named(model: str) -> str:
    """A name or file for what a command was given: for `default` what GATEHOUSE_MODEL says, if anything."""
    return (model_override() or model) if model == "default" else model


def what_runs(registry: Registry) -> str:
    """One line: what runs where none is named, and how to change it."""
    if override := model_override():
        return f"where no network is named, {override} runs: GATEHOUSE_MODEL says so (without it: {registry.default})"
    if registry.default == registry.box_default:
        return f"where no network is named, {registry.default} runs, the one in the box; another: {_COMMAND} NAME"
    return f"where no network is named, {registry.default} runs; back to the box's: {_COMMAND} {registry.box_default}"


_COMMAND = "gatehouse models default"
