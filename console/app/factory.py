"""Builds the console, top to bottom."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute

from broker.contract import topics
from console.app.one_hears import OneHears
from console.app.settings import Settings
from console.domain.access import Role
from console.ingest.hold_sender import HoldSender
from console.ingest.intake import Intake
from console.ingest.receiver import BrokerAddress, Receiver
from console.ingest.schedule_sender import ScheduleSender
from console.notify.apprise_sender import AppriseSender
from console.notify.dispatcher import Dispatcher, Senders
from console.notify.siren import SirenBroker, SirenSender
from console.notify.watcher import Watcher
from console.notify.web_push import WebPushSender
from console.store import evidence, second_factors, users
from console.store.database import Database, open_database
from console.store.schema import migrate
from console.store.sealed import Seal
from console.store.write_behind import WriteBehind
from console.web import (
    account_pages,
    alert_work,
    alerts_api,
    armed_pages,
    audit_pages,
    auth,
    blind_pages,
    calendar_pages,
    escalation_pages,
    factor_pages,
    handover_pages,
    hold_pages,
    instruction_pages,
    node_api,
    oidc,
    pages,
    people_pages,
    picture_pages,
    plan_pages,
    preferences,
    push_pages,
    search_pages,
    sites_pages,
    statistics_pages,
    stream,
    watch_pages,
)
from console.web.access import guard
from console.web.context import Context
from console.web.errors import Refused, refusal_response
from console.web.file_store import FileStore
from console.web.i18n import Languages
from console.web.identity_provider import IdentityProvider
from console.web.notice_text import NoticeText
from console.web.pages import Pages
from console.web.route_table import NODE
from console.web.small_body import SmallBody
from console.web.stream import Feed
from console.web.turns import Turns
from console.web.whep import LiveSource, login_of

PAGE_PATIENCE_S = 2.0  # how long a page waits for its turn to write

log = logging.getLogger(__name__)


class IngestError(ValueError):
    """No process can take messages in beside the console like this; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Console:
    """Everything that runs; `start` and `stop` are the order of its threads."""

    web: FastAPI
    database: Database
    feed: Feed
    receiver: Receiver | None
    work: Mapping[str, Callable[[threading.Event], None]]
    threads: list[threading.Thread]
    ended: threading.Event
    crashed: threading.Event

    def start(self, on_crash: Callable[[], None] = lambda: None) -> None:
        """Starts the threads. on_crash: called where one of them dies of a bug; `crashed` is set by then."""
        for name, run in self.work.items():
            thread = threading.Thread(target=self._live, args=(name, run, on_crash), name=name, daemon=True)
            self.threads.append(thread)
            thread.start()

    def _live(self, name: str, run: Callable[[threading.Event], None], on_crash: Callable[[], None]) -> None:
        try:
            run(self.ended)
        except Exception:  # a console that no longer hears the nodes must not look as if it did
            log.exception("the %s died; the console ends, so that it is started afresh", name)
            self.crashed.set()
            on_crash()

    def stop(self) -> None:
        """Ends the threads, then lets go of the database."""
        self.ended.set()
        for thread in self.threads:
            if thread.is_alive():
                thread.join(5)
        self.database.close()


def build(settings: Settings, wall_s: Callable[[], float]) -> Console:
    """A console that is not running yet. Raises OSError, SealError, DatabaseAddressError, SQLAlchemyError."""
    database = open_database(settings.database_url)
    migrate(database)
    with database.write() as connection:
        evidence.note_same_files(connection)
    seal = _seal(settings, database)
    receiver = None
    if settings.broker_password_file is not None:
        receiver = Receiver(_broker(settings, settings.broker_password_file), Intake(database, wall_s), wall_s)
    senders = _senders(settings, database, seal, wall_s)
    one = OneHears(settings.folder / "hearing", receiver.run, receiver.connected.is_set) if receiver else None
    context = _context(settings, database, receiver, senders, wall_s)
    if one is not None:
        context = replace(context, broker_connected=one.is_heard)
    notify = _notify(settings, context, database, senders, wall_s)
    feed, ended = Feed(database, wall_s), threading.Event()
    work = {"feed": feed.run, "notes": context.notes.run, **notify}
    if receiver is not None and one is not None:
        work["receiver"] = one.run
        counted = partial(getattr, receiver, "connections")
        leave_schedule, leave_holds = (partial(receiver.leave, topic) for topic in (topics.SCHEDULE, topics.HOLDS))
        work["schedules"] = ScheduleSender(database, settings.timezone, wall_s, leave_schedule, counted).run
        work["holds"] = HoldSender(database, wall_s, leave_holds, counted).run
    return Console(make_web(context, feed), database, feed, receiver, work, [], ended, threading.Event())


def build_ingest(settings: Settings, wall_s: Callable[[], float]) -> tuple[Receiver, Database]:
    """What takes messages in beside a console that runs elsewhere.

    Raises IngestError, OSError, DatabaseAddressError, SQLAlchemyError.
    """
    if settings.broker_password_file is None or settings.broker_protocol != "5":
        raise IngestError(
            "GATEHOUSE_CONSOLE_BROKER_PASSWORD_FILE, _BROKER_PROTOCOL: name the file and leave the protocol 5;"
            " messages are shared among several processes by MQTT 5 alone"
        )
    if not settings.database_url.startswith("postgresql"):
        raise IngestError(
            "GATEHOUSE_CONSOLE_DATABASE: SQLite has one writer at a time, so a second process takes in no more;"
            " set postgresql://... for both"
        )
    database = open_database(settings.database_url)
    migrate(database)
    address = _broker(settings, settings.broker_password_file)
    return Receiver(address, Intake(database, wall_s), wall_s, beside=True), database


def _broker(settings: Settings, password_file: Path) -> BrokerAddress:
    return BrokerAddress(
        settings.broker_host,
        settings.broker_port,
        settings.broker_tls,
        settings.broker_ca_file,
        password_file,
        settings.broker_protocol,
    )


def _seal(settings: Settings, database: Database) -> Seal:
    """The key that lies beside the database, and opens what is sealed in it. Raises OSError, SealError."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    with database.read() as connection:
        may_make = not second_factors.any_sealed(connection)
    seal = Seal(settings.folder / "secrets.key", may_make=may_make)
    with database.write() as connection:
        second_factors.seal_all(connection, seal)
    return seal


def _senders(settings: Settings, database: Database, seal: Seal, wall_s: Callable[[], float]) -> Senders:
    broker = None
    if settings.broker_password_file is not None:
        host, port = settings.broker_host, settings.broker_port
        broker = SirenBroker(host, port, settings.broker_tls, settings.broker_ca_file, settings.broker_password_file)
    contact = settings.address if settings.address.startswith("https://") else "mailto:gatehouse@localhost"
    push = WebPushSender(database, settings.folder / "push.key", contact, wall_s)
    return Senders(seal, AppriseSender(), SirenSender(broker), push)


def _notify(
    settings: Settings, context: Context, database: Database, senders: Senders, wall_s: Callable[[], float]
) -> dict[str, Callable[[threading.Event], None]]:
    zone = ZoneInfo(settings.timezone)

    def local_of(at_s: float) -> datetime:
        return datetime.fromtimestamp(at_s, zone)

    compose = NoticeText(context.languages, context.address)
    dispatcher = Dispatcher(database, senders, compose, wall_s, local_of)
    return {"dispatcher": dispatcher.run, "watcher": Watcher(database, wall_s, local_of).run}


def _context(
    settings: Settings,
    database: Database,
    receiver: Receiver | None,
    senders: Senders,
    wall_s: Callable[[], float],
) -> Context:
    stills = settings.folder / "stills"
    stills.mkdir(parents=True, exist_ok=True)
    return Context(
        database=database.with_patience(PAGE_PATIENCE_S),
        notes=WriteBehind(database),
        sign_ins=Turns("sign-ins"),
        known_sign_ins=Turns("known-sign-ins"),
        files=FileStore(settings.folder / "evidence", 2 * settings.max_file_bytes),
        seal=senders.seal,
        is_channel_known=senders.is_known,
        push_key=senders.push.public_key,
        stills=stills,
        languages=Languages(settings.timezone),
        wall_s=wall_s,
        send_still=receiver.send_still if receiver else lambda _node, _camera: False,
        broker_connected=lambda: True,
        timezone=settings.timezone,
        secure=settings.secure,
        max_file_bytes=settings.max_file_bytes,
        address=settings.public_url.rstrip("/"),
        live=LiveSource(settings.live_url, login_of(settings.live_login_file)) if settings.live_url else None,
        totp_roles=settings.roles_with_totp,
        provider=_provider(settings),
    )


def _provider(settings: Settings) -> IdentityProvider | None:
    if settings.oidc_client_secret_file is None:
        return None
    secret = settings.oidc_client_secret_file.read_text(encoding="utf-8").strip()
    return IdentityProvider(
        settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_name, settings.public_url.rstrip("/")
    )


def make_web(context: Context, feed: Feed) -> FastAPI:
    """The web application: every route behind the one guard."""
    web = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    web.state.context, web.state.feed, web.state.pages = context, feed, Pages(context)
    people = (auth, oidc, factor_pages, account_pages, people_pages, sites_pages, audit_pages, preferences, push_pages)
    work = (pages, watch_pages, alert_work, blind_pages, instruction_pages, calendar_pages, escalation_pages)
    seen = (armed_pages, picture_pages, plan_pages, hold_pages)
    finding = (search_pages, statistics_pages, handover_pages)
    routers = [module.router for module in (*work, *seen, *finding, *people, alerts_api, node_api, stream)]
    for router in routers:
        web.include_router(router)
    web.state.routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    web.add_middleware(SmallBody, unlimited=NODE)  # inside of the guard, which is added last
    web.middleware("http")(guard)

    @web.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        return refusal_response(request, error)

    @web.exception_handler(RequestValidationError)
    def malformed(request: Request, _error: RequestValidationError) -> Response:
        return refusal_response(request, Refused(422, "malformed"))

    return web


def first_link(database: Database, address: str, wall_s: Callable[[], float]) -> str | None:
    """The one-time link for the first administrator, while there is nobody yet."""
    with database.read() as connection:
        if users.count(connection) > 0:
            return None
    return f"{address}/welcome/{auth.new_link(database, Role.ADMINISTRATOR, '', wall_s())}"
