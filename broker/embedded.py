"""The embedded broker for a demo on a machine without mosquitto: amqtt, MQTT 3.1.1, the same accounts and rules."""

import asyncio
import signal
from dataclasses import dataclass, field
from pathlib import Path

from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig, ListenerType
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from broker import access


class AccountPlugin(BaseAuthPlugin):  # type: ignore[misc]  # amqtt ships no types
    """Signs accounts in by the broker's password file."""

    async def authenticate(self, *, session: Session) -> bool | None:
        """True for a known account with its password."""
        password_file = self._get_config_option("password_file")
        if not session.username or not session.password:
            return False
        # The hash is slow on purpose; the broker must not stand still meanwhile.
        return await asyncio.to_thread(access.signs_in, password_file, session.username, session.password)

    @dataclass
    class Config:
        """Options of the plugin."""

        password_file: Path = field(default_factory=Path)


class RightsPlugin(BaseTopicPlugin):  # type: ignore[misc]  # amqtt ships no types
    """Lets each account write and read what `broker.access` says."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Whether the session may do `action` on `topic`."""
        if session is None or not session.username or not topic:
            return False
        may = access.may_write if action == Action.PUBLISH else access.may_read
        return may(session.username, topic)

    @dataclass
    class Config:
        """No options."""


async def serve(host: str, port: int, password_file: Path) -> None:
    """Serves until SIGTERM or SIGINT."""
    config = BrokerConfig(
        listeners={"default": ListenerConfig(type=ListenerType.TCP, bind=f"{host}:{port}")},
        plugins={
            "broker.embedded.AccountPlugin": {"password_file": password_file},
            "broker.embedded.RightsPlugin": {},
        },
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    broker = Broker(config)
    await broker.start()
    await stop.wait()
    await broker.shutdown()
