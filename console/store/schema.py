"""Brings a database to this version's tables (Alembic)."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from console.store.database import Database


def migrate(database: Database) -> None:
    """Runs the migrations that are still to be run; nothing where there are none."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database"] = database
    command.upgrade(config, "head")
