"""The second factor: its code at the door, setting it up with a QR code, codes for the day the phone is lost."""

import secrets
from typing import Annotated

import pyotp
import segno
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import Connection

from console.store import audit, second_factors
from console.store.sessions import SignedIn
from console.web.auth import Text, check_password, counted, in_turn, open_session
from console.web.context import Context
from console.web.errors import Refused
from console.web.identity import Missing

router = APIRouter()
RECOVERY_CODES = 10
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that are read as another
_DRIFT_STEPS = 1  # a phone's clock may be half a minute wrong
Code = Annotated[str, Form(max_length=40, pattern=r"^[^\x00]*$")]


def new_recovery_codes() -> list[str]:
    """Codes that each open the door once in place of the phone; 80 bits each, in groups that people can copy."""
    groups = ["".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4 * RECOVERY_CODES)]
    return ["-".join(groups[begin : begin + 4]) for begin in range(0, len(groups), 4)]


def step_of(secret: str, code: str, now_s: float) -> int | None:
    """The time step of which `code` is the right one at `now_s` (UTC seconds), None where it is wrong."""
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return int(pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=now_s, valid_window=_DRIFT_STEPS))
    except OTPVerificationError:
        return None


def qr_code(name: str, secret: str) -> str:
    """An SVG that a phone's authenticator reads."""
    address = pyotp.TOTP(secret, name=name, issuer="Gatehouse").provisioning_uri()
    return str(segno.make(address, error="m").svg_inline(scale=5, light="#fff", border=4))


@router.get("/sign-in/code")
def code_page(request: Request) -> Response:
    """Asks who has given a password for the code."""
    if request.state.lacks is not Missing.CODE:
        return RedirectResponse("/", status_code=303)
    return _page(request, "sign_in_code.html")


@router.post("/sign-in/code")
def give_code(request: Request, code: Code) -> Response:
    """Checks the code of the phone, or one for recovery; wrong ones count as wrong passwords do."""
    who: SignedIn = request.state.half
    if request.state.lacks is not Missing.CODE:
        return RedirectResponse("/", status_code=303)
    problem = counted(request, who.name, who.user_id, lambda: _is_right(request, who, code))
    if problem:
        status = 429 if problem == "too_many_tries" else 401
        return _page(request, "sign_in_code.html", status, problem={"wrong": "wrong_code"}.get(problem, problem))
    return open_session(request, who.user_id, code_given=True)


def _is_right(request: Request, who: SignedIn, code: str) -> bool:
    context: Context = request.app.state.context
    now_s = context.wall_s()
    with context.database.write() as connection:
        secret = second_factors.secret(connection, who.user_id)
        step = step_of(context.seal.open(secret), code, now_s) if secret else None
        if step is not None:
            return second_factors.use_step(connection, who.user_id, step)
        if not second_factors.use_code(connection, who.user_id, code):
            return False
        _note(connection, who, "recovery_used", "", now_s)
        return True


@router.get("/second-factor")
def set_up_page(request: Request) -> Response:
    """What a second factor is, and a way to begin."""
    _may_set_up(request)
    return _page(request, "second_factor.html")


@router.post("/second-factor")
async def set_up(request: Request, password: Text = "", code: Code = "") -> Response:
    """First shows a QR code; then takes the code of a phone that has read it, and shows the recovery codes once."""
    return await in_turn(request, _confirm if code else _begin, request, code or password)


def _may_set_up(request: Request) -> SignedIn:
    """Who may set a second factor up. Raises Refused for who has one: with a password alone nobody replaces it."""
    who: SignedIn = request.state.half
    if who.has_totp:
        raise Refused(409, "has_second_factor")
    return who


def _begin(request: Request, password: str) -> Response:
    who, context = _may_set_up(request), request.app.state.context
    if request.state.lacks is Missing.NOTHING:  # who must set it up at the door has just given the password
        user, problem = check_password(request, who.name, password)
        if user is None:
            return _page(request, "second_factor.html", 429 if problem == "too_many_tries" else 422, problem=problem)
    secret = pyotp.random_base32()
    with context.database.write() as connection:
        second_factors.begin(connection, who.token_sha256, context.seal.seal(secret))
    return _page(request, "second_factor.html", qr=qr_code(who.name, secret), secret=secret)


def _confirm(request: Request, code: str) -> Response:
    who, context = _may_set_up(request), request.app.state.context
    now_s = context.wall_s()
    with context.database.read() as connection:
        sealed = second_factors.begun(connection, who.token_sha256)
    if sealed is None:
        return _page(request, "second_factor.html", 422)
    secret = context.seal.open(sealed)
    step = step_of(secret, code, now_s)
    if step is None:
        values = {"qr": qr_code(who.name, secret), "secret": secret, "problem": "wrong_code"}
        return _page(request, "second_factor.html", 422, **values)
    codes = new_recovery_codes()
    with context.database.write() as connection:
        second_factors.set_up(connection, who.user_id, sealed, step, codes, who.token_sha256)
        _note(connection, who, "factor_on", "", now_s)
    return _page(request, "recovery_codes.html", codes=codes)


@router.post("/account/recovery-codes")
async def renew_codes(request: Request, password: Text) -> Response:
    """New recovery codes, shown once; the old ones open nothing any more."""
    return await in_turn(request, _renew_codes, request, password)


def _renew_codes(request: Request, password: str) -> Response:
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    if not who.has_totp:
        raise Refused(409, "no_second_factor")
    user, problem = check_password(request, who.name, password)
    if user is None:
        raise Refused(429 if problem == "too_many_tries" else 422, problem)
    codes = new_recovery_codes()
    with context.database.write() as connection:
        second_factors.renew_codes(connection, who.user_id, codes)
        _note(connection, who, "recovery_renewed", "", context.wall_s())
    return _page(request, "recovery_codes.html", codes=codes)


@router.post("/account/second-factor/remove")
async def remove(request: Request, password: Text) -> Response:
    """Takes one's own second factor away."""
    return await in_turn(request, _remove, request, password)


def _remove(request: Request, password: str) -> Response:
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    user, problem = check_password(request, who.name, password)
    if user is None:
        raise Refused(429 if problem == "too_many_tries" else 422, problem)
    with context.database.write() as connection:
        if second_factors.take_away(connection, who.user_id):
            now_s = context.wall_s()
            _note(connection, who, "factor_off", "", now_s)
    return RedirectResponse("/account", status_code=303)


def _page(request: Request, template: str, status: int = 200, **values: object) -> Response:
    shown = {"problem": "", "qr": "", "secret": "", "must": request.state.lacks is Missing.ENROLMENT, **values}
    page: Response = request.app.state.pages.render(request, template, status=status, **shown)
    return page


def _note(connection: Connection, who: SignedIn, action: str, detail: str, now_s: float) -> None:
    about = audit.About(user_id=who.user_id)
    audit.write_about(connection, who.by, action, who.name, detail, now_s, about)
