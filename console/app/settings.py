"""Settings of the console: environment variables GATEHOUSE_CONSOLE_..., all problems reported at once."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SettingsError(Exception):
    """Settings that can't be used; the text lists every problem with its variable."""


class Settings(BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(env_prefix="GATEHOUSE_CONSOLE_", frozen=True, extra="forbid")
    folder: Path = Path("console-data")  # evidence, pictures and, by default, the database
    database: str = ""  # sqlite:///FILE or postgresql://...; empty: SQLite in `folder`
    host: str = "127.0.0.1"
    port: Port = 8080
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False  # a proxy on this machine or network speaks TLS for the console
    public_url: str = ""  # how people reach it, for links; empty: made from host and port
    timezone: str = "Asia/Ho_Chi_Minh"
    broker_host: str = "127.0.0.1"
    broker_port: Port = 8883
    broker_tls: bool = True
    broker_ca_file: Path | None = None
    broker_password_file: Path | None = None
    broker_protocol: Literal["5", "3.1.1"] = "5"
    max_file_bytes: Annotated[int, Field(ge=1024)] = 512 * 1024 * 1024

    @model_validator(mode="after")
    def _tls_off_loopback(self) -> "Settings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if self.host not in LOOPBACK and self.tls_certificate is None and not self.behind_proxy:
            raise ValueError(
                "off this machine the console speaks TLS only: set tls_certificate and tls_key, or behind_proxy"
            )
        if not self.broker_tls and self.broker_host not in LOOPBACK:
            raise ValueError("broker_tls=false is allowed on this machine itself only")
        return self

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


def load_settings() -> Settings:
    """Settings from the environment. Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for item in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in item["loc"]).upper()
            variable = f"GATEHOUSE_CONSOLE_{name}: " if name else ""
            lines.append(f"  {variable}{item['msg'].removeprefix('Value error, ')}")
        raise SettingsError("the settings can't be used:\n" + "\n".join(lines)) from error
