"""The `gatehouse` command: edge | console | broker | models | demo. Loads only what the subcommand needs."""

import importlib
import sys
from typing import NoReturn

_GROUPS = {
    "edge": ("edge.app.cli", "the box beside the cameras: run, check, replay"),
    "console": ("console.app.cli", "the guard's screen: serve, nodes, users"),
    "broker": ("broker.cli", "the post office between them: run, add-node, contract"),
    "models": ("models.cli", "the networks that find people: list, add, evaluate"),
    "demo": ("edge.app.demo", "one school on this machine, end to end"),
}


def main() -> None:
    """Runs the subcommand named first; without one, lists them."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in _GROUPS:
        _list_groups(name)
    module, _ = _GROUPS[name]
    try:
        app = importlib.import_module(module).app
    except KeyboardInterrupt:  # Ctrl-C while it loads
        sys.exit(130)
    app(args=sys.argv[2:], prog_name=f"gatehouse {name}")


def _list_groups(name: str) -> NoReturn:
    width = max(map(len, _GROUPS))
    lines = [f"  {group:{width}}  {text}" for group, (_, text) in _GROUPS.items()]
    known = name in ("--help", "-h", "help")
    problem = "" if known else f"gatehouse: there is no command {name!r}\n\n"
    out = sys.stdout if known else sys.stderr
    out.write(problem + "usage: gatehouse COMMAND ...\n\n" + "\n".join(lines) + "\n")
    sys.exit(0 if known else 2)


if __name__ == "__main__":
    main()
