"""`gatehouse console ...`: accounts by the command line, and settings that can't be used."""

import re
import socket

import pytest
from typer.testing import CliRunner

from console.app.cli import app
from console.app.factory import build
from console.app.settings import Settings
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.store import one_time_links, users
from console.web.access import session_hash
from console.web.auth import new_link


@pytest.fixture
def command(tmp_path):
    runner = CliRunner(env={"GATEHOUSE_CONSOLE_FOLDER": str(tmp_path), "COLUMNS": "200"})
    return lambda *words, **more: runner.invoke(app, words, env={f"GATEHOUSE_CONSOLE_{k}": v for k, v in more.items()})


def test_an_account_is_invited_and_taken_away(command, tmp_path):
    invited = command("add-user", "Mai", "--role", "guard")
    assert invited.exit_code == 0
    assert re.search(r"http://127\.0\.0\.1:8080/welcome/[\w-]{20,}", invited.output)
    console = build(Settings(folder=tmp_path), wall_s)
    with console.database.write() as connection:
        users.add(connection, "Mai", "x", Role.GUARD, wall_s())
    assert command("remove-user", "mai").exit_code == 0
    with console.database.read() as connection:
        assert users.credentials(connection, "Mai") is None
    console.database.close()
    again = command("remove-user", "mai")
    assert again.exit_code == 2
    assert "nobody signs in as 'mai'" in again.output


def test_a_newer_link_for_the_same_account_replaces_the_older(command, tmp_path):
    console = build(Settings(folder=tmp_path), wall_s)
    first, second = (new_link(console.database, Role.GUARD, "Mai", wall_s()) for _ in range(2))
    assert first != second
    with console.database.read() as connection:
        assert one_time_links.find(connection, session_hash(first), wall_s()) is None
        assert one_time_links.find(connection, session_hash(second), wall_s()) is not None
    console.database.close()


def test_an_invitation_is_withdrawn(command, tmp_path):
    link = re.search(r"/welcome/([\w-]+)", command("add-user", "Hùng", "--role", "guard").output)[1]
    told = command("remove-user", "HÙNG")
    assert (told.exit_code, told.output) == (0, "HÙNG: the link is withdrawn\n")
    console = build(Settings(folder=tmp_path), wall_s)
    with console.database.read() as connection:
        assert one_time_links.find(connection, session_hash(link), wall_s()) is None
    console.database.close()
    assert command("remove-user", "Hùng").exit_code == 2


def test_the_last_administrator_stays(command, tmp_path):
    console = build(Settings(folder=tmp_path), wall_s)
    with console.database.write() as connection:
        users.add(connection, "Lan", "x", Role.ADMINISTRATOR, wall_s())
    console.database.close()
    for words in (("remove-user", "lan"), ("add-user", "LAN", "--role", "guard")):
        told = command(*words)
        assert told.exit_code == 2
        assert "the last administrator" in told.output
    assert command("add-user", "Lan", "--role", "administrator").exit_code == 0


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "two\x07bells", "ß" * 40, "x y<b>", "gu\u0430rd1"], ids=repr)
def test_a_name_that_nobody_can_sign_in_with_is_refused(command, name):
    told = command("add-user", name, "--role", "guard")
    assert told.exit_code == 2
    assert "is no name: give 1 to 64 letters and digits" in told.output


def test_an_account_from_before_names_were_restricted_is_looked_after(command, tmp_path):
    console = build(Settings(folder=tmp_path), wall_s)
    with console.database.write() as connection:
        users.add(connection, "x y<b>", "x", Role.GUARD, wall_s())
    console.database.close()
    assert command("add-user", "X Y<B>", "--role", "police").output.startswith("police x y<b>, once")
    assert command("remove-user", "x y<b>").exit_code == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PORT": "0", "MAX_FILE_BYTES": "1"}, ("GATEHOUSE_CONSOLE_PORT", "GATEHOUSE_CONSOLE_MAX_FILE_BYTES")),
        ({"HOST": "0.0.0.0"}, ("off this machine the console speaks TLS only",)),
        ({"DATABASE": "mysql://x"}, ("write sqlite:///FILE or postgresql://",)),
        ({"DATABASE": "postgresql://x@127.0.0.1:1/x"}, ("connection",)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_settings_that_cannot_be_used_are_all_told_with_their_names(command, settings, said):
    told = command("add-user", "Mai", "--role", "guard", **settings)
    assert told.exit_code == 2
    for words in said:
        assert words in told.output
    assert "Traceback" not in told.output


def test_a_console_that_cannot_serve_says_why_and_ends(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = command("serve", PORT=port)
    assert told.exit_code == 2
    assert f"127.0.0.1 port {port} can't be listened on" in told.output
    (tmp_path / "no.pem").write_text("nothing")
    told = command("serve", TLS_CERTIFICATE=str(tmp_path / "no.pem"), TLS_KEY=str(tmp_path / "no.pem"))
    assert told.exit_code == 2
    assert "tls_certificate or tls_key can't be used" in told.output
    told = command("serve", BROKER_PASSWORD_FILE=str(tmp_path / "none"), BROKER_TLS="false")
    assert told.exit_code == 2
    assert str(tmp_path / "none") in told.output
