"""Settings of the console: environment variables GATEHOUSE_CONSOLE_..., all problems reported at once."""

import difflib
import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from console.domain.access import Role
from console.store.database import parse_address
from console.web.identity_provider import LOOPBACK, is_installed, is_private_way
from console.web.whep import login_of

PREFIX = "GATEHOUSE_CONSOLE_"
BROKER = ("password", "name the secrets/console.password of `gatehouse broker init`")
CLIENT = ("client's secret", "name a file that holds what the provider gave for this client")
Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsError(Exception):
    """Settings that can't be used; the text lists every problem with its variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the settings can't be used:\n" + "\n".join(f"  {problem}" for problem in problems))


class FileSettings(BaseSettings):
    """Those that name files; apart, so that a file that can't be used is told beside whatever else is wrong."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    broker_ca_file: Path | None = None
    broker_password_file: Path | None = None
    oidc_client_secret_file: Path | None = None
    live_login_file: Path | None = None  # name:password, where the media server of live_url asks for them

    def faults(self) -> Iterator[str]:
        """What is wrong with each file, and the cure."""
        if self.broker_password_file is not None and (why := _secret_fault(self.broker_password_file, BROKER)):
            yield f"{PREFIX}BROKER_PASSWORD_FILE: {why}"
        if self.oidc_client_secret_file is not None and (why := _secret_fault(self.oidc_client_secret_file, CLIENT)):
            yield f"{PREFIX}OIDC_CLIENT_SECRET_FILE: {why}"
        if self.live_login_file is not None:
            try:
                login_of(self.live_login_file)
            except (OSError, ValueError) as error:
                yield f"{PREFIX}LIVE_LOGIN_FILE: {self.live_login_file}: {_words(error)}; write one line, name:password"
        if self.broker_ca_file is not None:
            try:
                ssl.create_default_context(cafile=str(self.broker_ca_file))
            except (OSError, ValueError) as error:
                why = _words(error)
                yield f"{PREFIX}BROKER_CA_FILE: {self.broker_ca_file} is no certificate ({why}); name tls/ca.crt"
        if self.tls_certificate is not None and self.tls_key is not None:
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                    self.tls_certificate, self.tls_key, ""
                )
            except (OSError, ValueError) as error:
                why = _words(error)
                yield (
                    f"{PREFIX}TLS_CERTIFICATE, {PREFIX}TLS_KEY: {self.tls_certificate}, {self.tls_key} can't be used: "
                    f"{why}; name PEM files that belong together, the key without a password"
                )


class Settings(FileSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)
    folder: Path = Path("console-data")  # evidence, pictures and, by default, the database
    database: str = ""  # sqlite:///FILE or postgresql://...; empty: SQLite in `folder`
    host: str = "127.0.0.1"
    port: Port = 8080
    behind_proxy: bool = False  # a proxy on this machine or network speaks TLS for the console
    public_url: str = ""  # how people reach it, for links; empty: made from host and port
    timezone: str = "Asia/Ho_Chi_Minh"
    broker_host: str = "127.0.0.1"
    broker_port: Port = 8883
    broker_tls: bool = True
    broker_protocol: Literal["5", "3.1.1"] = "5"
    max_file_bytes: Annotated[int, Field(ge=1024)] = 2 * 1024**3  # a box makes no clip of more than 2,000,000,000
    live_url: str = ""  # WHEP address of a media server, with {node} and {camera}; empty: no live view
    totp_roles: str = ""  # roles that must have a second factor, with commas between
    oidc_issuer: Annotated[str, Field(max_length=300)] = ""  # a provider of identities, by which people may sign in
    oidc_client_id: Annotated[str, Field(max_length=255)] = ""  # as the provider knows the console
    oidc_name: Annotated[str, Field(max_length=40)] = ""  # as people know the provider

    # What ties settings together stands at the later one, so that it is told beside what is wrong with others.

    @field_validator("tls_key")
    @classmethod
    def _both_or_none(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (info.data.get("tls_certificate") is None) != (key is None):
            raise ValueError("tls_certificate and tls_key go together")
        return key

    @field_validator("behind_proxy")
    @classmethod
    def _tls_off_loopback(cls, behind_proxy: bool, info: ValidationInfo) -> bool:
        own_tls = info.data.get("tls_certificate", "unsound") is not None
        if info.data["host"] not in LOOPBACK and not own_tls and not behind_proxy:
            raise ValueError(
                "off this machine the console speaks TLS only: set tls_certificate and tls_key, or behind_proxy"
            )
        return behind_proxy

    @field_validator("broker_tls")
    @classmethod
    def _broker_tls_off_loopback(cls, broker_tls: bool, info: ValidationInfo) -> bool:
        if not broker_tls and info.data["broker_host"] not in LOOPBACK:
            raise ValueError("broker_tls=false is allowed on this machine itself only")
        return broker_tls

    @field_validator("database")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url:
            parse_address(url)
        return url

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone; for example Asia/Ho_Chi_Minh") from None
        return name

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError(f"{url!r} is no address of a page; for example https://gatehouse.example.org")
        return url

    @field_validator("live_url")
    @classmethod
    def _whep_address(cls, url: str) -> str:
        parts = urlsplit(url)
        names = {name for _, name, _, _ in Formatter().parse(url) if name is not None} if url else {"camera"}
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError(f"{url!r} is no address; for example http://127.0.0.1:8889/{{node}}/{{camera}}/whep")
        if "camera" not in names or names - {"node", "camera"}:
            raise ValueError(f"{url!r} must name {{camera}}, may name {{node}}, and nothing else in braces")
        return url

    @field_validator("totp_roles")
    @classmethod
    def _known_roles(cls, names: str) -> str:
        unknown = [name for name in _words_of(names) if name not in list(Role)]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no role; give some of {', '.join(Role)}, with commas between")
        return names

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_address(cls, issuer: str) -> str:
        if issuer and (not is_private_way(issuer) or urlsplit(issuer).query or urlsplit(issuer).fragment):
            raise ValueError(f"{issuer!r} is no https address; for example https://id.example.org/realms/schools")
        return issuer

    @field_validator("oidc_name")
    @classmethod
    def _whole_provider(cls, name: str, info: ValidationInfo) -> str:
        parts = {one: info.data.get(one, "unsound") for one in ("oidc_issuer", "oidc_client_id")}
        parts |= {"oidc_client_secret_file": info.data.get("oidc_client_secret_file"), "oidc_name": name.strip()}
        missing = [f"{PREFIX}{one.upper()}" for one, value in parts.items() if not value]
        if len(missing) == len(parts):
            return ""
        if missing:
            raise ValueError(f"a provider of identities needs all four, and these are missing: {', '.join(missing)}")
        if not info.data.get("public_url", "unsound"):
            raise ValueError(f"people come back from the provider to the console's address: set {PREFIX}PUBLIC_URL")
        if not is_installed():
            raise ValueError("signing in through a provider is an extra: pip install 'gatehouse[oidc]'")
        return name.strip()

    @property
    def roles_with_totp(self) -> frozenset[Role]:
        """Roles that must have a second factor."""
        return frozenset(Role(name) for name in _words_of(self.totp_roles))

    @property
    def database_url(self) -> str:
        """The database to open."""
        return self.database or f"sqlite:///{self.folder / 'console.sqlite'}"

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by https."""
        return self.tls_certificate is not None or self.behind_proxy

    @property
    def address(self) -> str:
        """How people reach the console."""
        scheme = "https" if self.secure else "http"
        return self.public_url.rstrip("/") or f"{scheme}://{self.host}:{self.port}"


def load_settings(*, with_files: bool = False) -> Settings:
    """Settings from the environment. Raises SettingsError with every problem.

    with_files: whether the files that settings name must be sound, too.
    """
    problems = [*_unknown(os.environ), *(FileSettings().faults() if with_files else ())]
    try:
        settings = Settings()
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in item["loc"]).upper()
            problems.append(f"{PREFIX}{name}: {item['msg'].removeprefix('Value error, ')}")
        raise SettingsError(problems) from error
    if problems:
        raise SettingsError(problems)
    return settings


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            guess = difflib.get_close_matches(name.upper(), known, n=1)
            yield f"{name}: there is no such setting" + (f"; did you mean {guess[0]}?" if guess else "; take it out")


def _words_of(names: str) -> list[str]:
    return [name for name in (part.strip() for part in names.split(",")) if name]


def _secret_fault(path: Path, kind: tuple[str, str]) -> str:
    what, cure = kind
    try:
        lines = path.read_text(encoding="utf-8").strip().splitlines()
    except (OSError, ValueError) as error:
        return f"{path} can't be read ({_words(error)}); {cure}"
    return "" if len(lines) == 1 else f"{path} holds {len(lines)} lines; put the {what} alone into it"


def _words(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or "it is not text"
