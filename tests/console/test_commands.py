"""`gatehouse console ...`: accounts by the command line, and settings that can't be used."""

import re
import socket
import sys

import pytest
from typer.testing import CliRunner

from console.app.cli import app
from console.app.factory import build
from console.app.settings import Settings
from console.app.system_clock import wall_s
from console.domain.access import Role
from console.domain.site_tree import WHOLE_TREE, Grants
from console.store import one_time_links, second_factors, users
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


def test_an_account_is_given_a_place_and_keeps_it(command, tmp_path):
    token = str(tmp_path / "token")
    assert command("add-node", "box", "--site", "Kim Đồng", "--token-file", token).exit_code == 0
    wrong = command("add-user", "Mai", "--role", "guard", "--site", "Kim Dong")
    assert (wrong.exit_code, "there is no such site; there are Kim Đồng" in wrong.output) == (2, True)
    for words in (("--site", "Kim Đồng"), ()):  # a new password alone opens no more places
        link = re.search(r"/welcome/([\w-]+)", command("add-user", "Mai", "--role", "guard", *words).output)[1]
        console = build(Settings(folder=tmp_path), wall_s)
        with console.database.write() as connection:
            found = one_time_links.find(connection, session_hash(link), wall_s())
            assert found.granted == Grants(sites=frozenset({1}))
            if words:
                users.add(connection, "Mai", "x", Role.GUARD, wall_s(), found.granted)
        console.database.close()
    link = re.search(r"/welcome/([\w-]+)", command("add-user", "Tú", "--role", "guard").output)[1]
    console = build(Settings(folder=tmp_path), wall_s)
    with console.database.read() as connection:
        assert one_time_links.find(connection, session_hash(link), wall_s()).granted == WHOLE_TREE
    console.database.close()


def test_a_second_factor_is_taken_away_on_the_server(command, tmp_path):
    console = build(Settings(folder=tmp_path), wall_s)
    with console.database.write() as connection:
        user = users.add(connection, "Lan", "x", Role.ADMINISTRATOR, wall_s())
        second_factors.set_up(connection, user.id, "JBSWY3DPEHPK3PXP", 1, ["A"], "")
    assert command("reset-second-factor", "LAN").exit_code == 0
    with console.database.read() as connection:
        assert second_factors.secret(connection, user.id) is None
        assert second_factors.codes_left(connection, user.id) == 0
    console.database.close()
    assert "has no second factor" in command("reset-second-factor", "lan").output


def test_an_account_from_before_names_were_restricted_is_looked_after(command, tmp_path):
    console = build(Settings(folder=tmp_path), wall_s)
    with console.database.write() as connection:
        users.add(connection, "x y<b>", "x", Role.GUARD, wall_s())
    console.database.close()
    assert command("add-user", "X Y<B>", "--role", "police").output.startswith("police x y<b>, once")
    assert command("remove-user", "x y<b>").exit_code == 0


OIDC = {
    "OIDC_ISSUER": "https://id.example.org",
    "OIDC_CLIENT_ID": "c",
    "OIDC_CLIENT_SECRET_FILE": "s",
    "OIDC_NAME": "ID",
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PORT": "0", "MAX_FILE_BYTES": "1"}, ("GATEHOUSE_CONSOLE_PORT", "GATEHOUSE_CONSOLE_MAX_FILE_BYTES")),
        ({"HOST": "0.0.0.0"}, ("off this machine the console speaks TLS only",)),
        ({"DATABASE": "mysql://x"}, ("write sqlite:///FILE or postgresql://",)),
        (
            {"DATABASE": "postgresql://x@127.0.0.1:1/x"},
            ("GATEHOUSE_CONSOLE_DATABASE: ", "connection", "see that it is"),
        ),
        ({"DATABASE": "postgresql://x@127.0.0.1:99999/x"}, ("GATEHOUSE_CONSOLE_DATABASE: the port 99999 can't be",)),
        ({"DATABASE": "postgresql://x@127.0.0.1:soon/x"}, ("write sqlite:///FILE or postgresql://",)),
        ({"OIDC_NAME": "ID", "OIDC_ISSUER": "http://id.example.org"}, ("'http://id.example.org' is no https address",)),
        (
            {"OIDC_NAME": "ID", "OIDC_ISSUER": "https://id.example.org", "PORT": "no"},
            (
                "these are missing: GATEHOUSE_CONSOLE_OIDC_CLIENT_ID, GATEHOUSE_CONSOLE_OIDC_CLIENT_SECRET_FILE",
                "_PORT: ",
            ),
        ),
        ({**OIDC, "PUBLIC_URL": ""}, ("set GATEHOUSE_CONSOLE_PUBLIC_URL",)),
        (
            {"FODLER": "x", "TIMEZONE": "Mars", "PUBLIC_URL": "ftp://x", "DATABASE": "x", "TLS_KEY": "k", "PORT": "no"}
            | {"HOST": "0.0.0.0", "BROKER_HOST": "192.0.2.1", "BROKER_TLS": "false"},
            (
                "GATEHOUSE_CONSOLE_FODLER: there is no such setting; did you mean GATEHOUSE_CONSOLE_FOLDER?",
                "GATEHOUSE_CONSOLE_TIMEZONE: 'Mars' is no time zone",
                "GATEHOUSE_CONSOLE_PUBLIC_URL: 'ftp://x' is no address of a page",
                "GATEHOUSE_CONSOLE_DATABASE: ",
                "GATEHOUSE_CONSOLE_TLS_KEY: tls_certificate and tls_key go together",
                "GATEHOUSE_CONSOLE_PORT: ",
                "GATEHOUSE_CONSOLE_BEHIND_PROXY: off this machine",
                "GATEHOUSE_CONSOLE_BROKER_TLS: broker_tls=false",
            ),
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_settings_that_cannot_be_used_are_all_told_with_their_names(command, settings, said):
    told = command("add-user", "Mai", "--role", "guard", **settings)
    assert told.exit_code == 2
    for words in said:
        assert words in told.output
    assert "Traceback" not in told.output


def test_a_provider_without_the_extra_is_told_with_the_cure(command, monkeypatch):
    there = {**OIDC, "PUBLIC_URL": "https://gatehouse.example.org"}
    assert command("add-user", "Mai", "--role", "guard", **there).exit_code == 0
    monkeypatch.setitem(sys.modules, "authlib", None)
    told = command("add-user", "Lan", "--role", "guard", **there)
    assert (told.exit_code, "pip install 'gatehouse[oidc]'" in told.output) == (2, True)
    told = command("serve", **there, PORT="x")
    assert "GATEHOUSE_CONSOLE_OIDC_CLIENT_SECRET_FILE: s can't be read" in told.output


def test_a_console_that_cannot_serve_says_why_and_ends(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = command("serve", PORT=port)
    assert told.exit_code == 2
    assert f"127.0.0.1 port {port} can't be listened on" in told.output
    (tmp_path / "no.pem").write_text("nothing")
    told = command("serve", TLS_CERTIFICATE=str(tmp_path / "no.pem"), TLS_KEY=str(tmp_path / "no.pem"))
    assert told.exit_code == 2
    assert "GATEHOUSE_CONSOLE_TLS_CERTIFICATE, GATEHOUSE_CONSOLE_TLS_KEY: " in told.output
    told = command("serve", BROKER_PASSWORD_FILE=str(tmp_path / "none"), BROKER_TLS="false")
    assert told.exit_code == 2
    assert str(tmp_path / "none") in told.output


def test_files_of_the_settings_that_cannot_be_used_are_told_with_all_else(command, tmp_path):
    (tmp_path / "latin").write_bytes(b"m\xe2t")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("words")
    gone = tmp_path / "gone"
    gone.symlink_to(tmp_path / "nowhere")
    for name, words in (
        ("latin", "can't be read (invalid continuation byte)"),
        ("empty", "holds 0 lines; put the password alone into it"),
        (".", "can't be read (Is a directory)"),
        ("gone", "can't be read (No such file or directory)"),
    ):
        files = {"BROKER_PASSWORD_FILE": str(tmp_path / name), "BROKER_CA_FILE": str(tmp_path / "text")}
        keys = {"TLS_CERTIFICATE": str(tmp_path / "text"), "TLS_KEY": str(tmp_path)}
        told = command("serve", PORT="x", **files, **keys)
        assert told.exit_code == 2
        assert isinstance(told.exception, SystemExit)
        assert words in told.output
        for variable in ("BROKER_PASSWORD_FILE: ", "BROKER_CA_FILE: ", "TLS_KEY: ", "PORT: "):
            assert f"GATEHOUSE_CONSOLE_{variable}" in told.output


def test_a_folder_or_database_that_cannot_be_used_is_told_by_its_setting(command, tmp_path):
    (tmp_path / "text").write_text("words")
    told = command("serve", FOLDER=str(tmp_path / "text"))
    assert (told.exit_code, "GATEHOUSE_CONSOLE_FOLDER" in told.output) == (2, True)
    for file in (tmp_path / "text", tmp_path):
        told = command("serve", DATABASE=f"sqlite:///{file}")
        assert told.exit_code == 2
        assert "GATEHOUSE_CONSOLE_DATABASE: the database can't be used: " in told.output
        assert "sqlalche.me" not in told.output


def test_a_new_node_that_cannot_be_is_told_whole_and_leaves_nothing(command, tmp_path):
    options = ("--site", "", "--label", "a\nb", "--token-file", str(tmp_path / "no" / "token"))
    told = command("add-node", "a/+", *options)
    assert told.exit_code == 2
    for words in ("4 problem(s)", "NAME: 'a/+' can't be a name", "--site ''", "--label 'a\\nb'", "there is no folder"):
        assert words in told.output
    assert "the console's own account" in command("add-node", "console", *options).output
    token = tmp_path / "token"
    assert command("add-node", "box", "--site", "Kim Đồng", "--token-file", str(token)).exit_code == 0
    assert token.stat().st_mode & 0o777 == 0o600
    again = command("add-node", "box2", "--site", "Kim Đồng", "--token-file", str(token))
    assert "is there already; name another file" in again.output
