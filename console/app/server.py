"""The web server: its TLS and its door are tried before anything runs, so that what is wrong is said in a sentence."""

import gc
import resource
import socket

import uvicorn
from fastapi import FastAPI

from console.app.settings import Settings


class ServerError(Exception):
    """The console can't be served like this; the text says what to change."""


def make_server(settings: Settings, web: FastAPI) -> tuple[uvicorn.Server, socket.socket]:
    """A server that does not run yet, and the socket for its `run`. Raises ServerError."""
    config = uvicorn.Config(
        web,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        proxy_headers=settings.behind_proxy,
        access_log=False,  # addresses hold one-time links
        log_level="warning",
        timeout_graceful_shutdown=2,  # an open stream would hold up the end for ever
        server_header=False,
    )
    try:
        config.load()
    except OSError as error:
        raise ServerError(
            f"tls_certificate or tls_key can't be used: {error}; name PEM files that belong together"
        ) from error
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the usual 1,024 are soon held by who only half asks
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        door = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise ServerError(
            f"{settings.host} port {settings.port} can't be listened on: {error.strerror};"
            " set GATEHOUSE_CONSOLE_HOST and GATEHOUSE_CONSOLE_PORT to what is free"
        ) from error
    leave_alone_what_stays()
    return uvicorn.Server(config), door


def leave_alone_what_stays() -> None:
    """Takes what is loaded by now out of the rounds of the garbage collector: it never goes, and the rounds over it
    took as long as all the rest of a province's wall."""
    gc.collect()
    gc.freeze()
