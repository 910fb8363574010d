"""People and what they may do, for administrators: each sees and looks after nobody who may more than they."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from console.domain.access import Reach, Rights, Role, may_give, rights_of
from console.domain.account_name import folded, is_name, spelled
from console.domain.site_tree import Grants, Site, in_order
from console.store import (
    api_tokens,
    audit,
    grants,
    one_time_links,
    provider_links,
    second_factors,
    sessions,
    sites,
    users,
)
from console.store.sessions import SignedIn
from console.web.access import MOST_ID
from console.web.auth import new_link
from console.web.context import Context
from console.web.errors import Refused

router = APIRouter()
Sites = Annotated[list[Annotated[int, Form(ge=1, le=MOST_ID)]], Form(default_factory=list, max_length=2000)]
Cameras = Annotated[list[Annotated[str, Form(max_length=90)]], Form(default_factory=list, max_length=500)]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. places: names of the granted sites; cameras: how many single ones."""

    user: users.User
    granted: Grants
    places: tuple[str, ...]

    @property
    def nowhere(self) -> bool:
        """Whether nothing is granted: then nothing can be seen."""
        return not (self.granted.everywhere or self.granted.sites or self.granted.cameras)


def people(connection: Connection, rights: Rights) -> list[Person]:
    """Everybody whom somebody with these rights may look after, those who may sign in first."""
    names = {one.id: one.name for one in sites.listing(connection)}
    everybody = users.listing(connection)
    mine = grants.manageable(connection, rights, {user.id: user.role for user in everybody})
    found = [Person(one, mine[one.id], _places(mine[one.id], names)) for one in everybody if one.id in mine]
    return sorted(found, key=lambda one: one.user.disabled_at_s is not None)


def people_within(connection: Connection, reach: Reach) -> frozenset[int]:
    """Ids of accounts, of whatever role, none of which reaches further."""
    looker = rights_of(Role.ADMINISTRATOR, reach)
    roles = {user.id: user.role for user in users.listing(connection)}
    return frozenset(grants.manageable(connection, looker, roles))


def _places(granted: Grants, names: dict[int, str]) -> tuple[str, ...]:
    return tuple(sorted(names[one] for one in granted.sites if one in names))


@router.get("/people")
def people_page(request: Request) -> Response:
    """Everybody, whoever is invited, and a form to invite more."""
    return _people(request)


@router.post("/people")
def invite(
    request: Request,
    name: Annotated[str, Form(max_length=200, pattern=r"^[^\x00]*$")],
    role: Annotated[Role, Form()],
    site: Sites,
    everywhere: Annotated[bool, Form()] = False,
) -> Response:
    """Makes a link with which somebody chooses a password; shown this once."""
    context: Context = request.app.state.context
    name, now_s = spelled(name), context.wall_s()
    granted = Grants(everywhere, frozenset(() if everywhere else site))
    if not is_name(name):
        return _people(request, 422, problem="name_missing")
    if not everywhere and not site:
        return _people(request, 422, problem="place_missing")
    with context.database.read() as connection:
        _may_make(connection, request, role, granted)
        if not _is_free(connection, request, name, now_s):
            return _people(request, 422, problem="name_taken")
    token = new_link(context.database, role, name, now_s, granted, request.state.person.user_id)
    with context.database.write() as connection:
        _note(connection, request, "invited", name, role, audit.About(site_id=min(granted.sites, default=None)))
    return _people(request, link=f"{_address(request)}/welcome/{token}", invited=name)


@router.post("/invitations/{link}/end")
def withdraw(request: Request, link: str) -> Response:
    """Makes a link worthless that nobody has used."""
    context: Context = request.app.state.context
    with context.database.write() as connection:
        found = next((one for one in one_time_links.unused(connection, context.wall_s()) if one.key == link), None)
        if found is None:
            raise Refused(404, "not_found")
        one_time_links.drop_unused(connection, found.user_name)
        _note(
            connection,
            request,
            "withdrawn",
            found.user_name,
            "",
            audit.About(site_id=min(found.granted.sites, default=None)),
        )
    return RedirectResponse("/people", status_code=303)


@router.get("/people/{user_id}")
def person_page(request: Request, user_id: int) -> Response:
    """One person: role, places, sessions, tokens, second factor."""
    return _person(request, user_id)


@router.post("/people/{user_id}/rights")
def change_rights(
    request: Request,
    user_id: int,
    role: Annotated[Role, Form()],
    site: Sites,
    camera: Cameras,
    everywhere: Annotated[bool, Form()] = False,
) -> Response:
    """Another role, other places: from the next request on, and on streams that are open. Unused links go."""
    context: Context = request.app.state.context
    granted = Grants(True) if everywhere else Grants(False, frozenset(site), frozenset(map(_camera, camera)))
    _not_oneself(request, user_id)
    try:
        with context.database.write() as connection:
            user = _user(connection, user_id)
            _may_make(connection, request, role, granted)
            if role != Role.ADMINISTRATOR or not everywhere:
                users.keep_an_administrator(connection, user_id)
            users.set_role(connection, user_id, role)
            grants.give(connection, user_id, granted)
            one_time_links.drop_unused(connection, user.name)
            one_time_links.drop_made_by(connection, user_id)
            names = {one.id: one.name for one in sites.listing(connection)}
            places = "*" if everywhere else ", ".join([*_places(granted, names), *sorted(camera)])
            _note(connection, request, audit.RIGHTS, user.name, f"{role}: {places}", audit.About(user_id))
    except users.LastAdministratorError:
        return _person(request, user_id, 409, problem="last_administrator")
    return RedirectResponse(f"/people/{user_id}?done=rights", status_code=303)


@router.post("/people/{user_id}/password")
def new_password(request: Request, user_id: int) -> Response:
    """A link with which the person chooses another password; shown this once. Until then the old one works."""
    context: Context = request.app.state.context
    with context.database.read() as connection:
        user = _user(connection, user_id)
    if user.disabled_at_s is not None:
        raise Refused(409, "account_ended")
    made_by = request.state.person.user_id
    token = new_link(context.database, user.role, user.name, context.wall_s(), made_by=made_by)
    with context.database.write() as connection:
        _note(connection, request, "password_link", user.name, "", audit.About(user_id))
    return _person(request, user_id, link=f"{_address(request)}/welcome/{token}")


@router.post("/people/{user_id}/end")
def end_account(request: Request, user_id: int) -> Response:
    """The person is out at once, links and tokens with them; what they did stays on record."""
    context: Context = request.app.state.context
    _not_oneself(request, user_id)
    try:
        with context.database.write() as connection:
            user = _user(connection, user_id)
            users.disable(connection, user_id, context.wall_s())
            one_time_links.drop_unused(connection, user.name)
            _note(connection, request, "account_ended", user.name, "", audit.About(user_id))
    except users.LastAdministratorError:
        return _person(request, user_id, 409, problem="last_administrator")
    return RedirectResponse("/people", status_code=303)


@router.post("/people/{user_id}/second-factor/remove")
def remove_factor(request: Request, user_id: int) -> Response:
    """For who lost the phone and the recovery codes: the password alone opens the account again; sessions end."""
    context: Context = request.app.state.context
    _not_oneself(request, user_id)  # one's own goes with one's password
    with context.database.write() as connection:
        user = _user(connection, user_id)
        if not second_factors.take_away(connection, user_id):
            raise Refused(409, "no_second_factor")
        sessions.end_others(connection, user_id, "")
        _note(connection, request, "factor_off", user.name, "", audit.About(user_id))
    return RedirectResponse(f"/people/{user_id}", status_code=303)


@router.post("/people/{user_id}/sessions/{session}/end")
def end_session(request: Request, user_id: int, session: str) -> Response:
    """Signs somebody out at one place."""
    context: Context = request.app.state.context
    with context.database.write() as connection:
        user = _user(connection, user_id)
        if not sessions.end_of_user(connection, user_id, session):
            raise Refused(404, "not_found")
        _note(connection, request, "session_ended", user.name, "", audit.About(user_id))
    return RedirectResponse(f"/people/{user_id}", status_code=303)


@router.post("/people/{user_id}/tokens/{token_id}/end")
def end_token(request: Request, user_id: int, token_id: int) -> Response:
    """Ends a token of somebody."""
    context: Context = request.app.state.context
    with context.database.write() as connection:
        user = _user(connection, user_id)
        name = api_tokens.end(connection, user_id, min(token_id, MOST_ID))
        if name is None:
            raise Refused(404, "not_found")
        _note(connection, request, "token_ended", user.name, name, audit.About(user_id))
    return RedirectResponse(f"/people/{user_id}", status_code=303)


def _may_make(connection: Connection, request: Request, role: Role, granted: Grants) -> None:
    """Raises Refused where somebody would give more than they have, or what is not there."""
    known = {one.id for one in sites.listing(connection)}
    boxes = {(box, name) for box, name, _, _ in sites.cameras(connection)}
    if not granted.sites <= known or not granted.cameras <= boxes:
        raise Refused(404, "not_found")
    rights: Rights = request.state.person.rights
    empty = not (granted.everywhere or granted.sites or granted.cameras)
    if empty and may_give(rights, role):
        return  # nothing at all is not too much
    if not grants.may_be_managed(connection, rights, role, granted):
        raise Refused(403, "more_than_yours")


def _is_free(connection: Connection, request: Request, name: str, now_s: float) -> bool:
    """Whether somebody may be invited under a name: no account that goes on has it, no invitation of others."""
    rights: Rights = request.state.person.rights
    known = users.find(connection, name)
    if known is not None:
        granted = grants.of_user(connection, known.id)
        if known.disabled_at_s is None or not grants.may_be_managed(connection, rights, known.role, granted):
            return False
    invited = (one for one in one_time_links.unused(connection, now_s) if folded(one.user_name) == folded(name))
    return all(grants.may_be_managed(connection, rights, one.role, one.granted) for one in invited)


def _not_oneself(request: Request, user_id: int) -> None:
    if request.state.person.user_id == user_id:
        raise Refused(409, "not_yourself")


def _user(connection: Connection, user_id: int) -> users.User:
    found = users.find_by_id(connection, user_id)
    if found is None:
        raise Refused(404, "not_found")
    return found


def _camera(key: str) -> tuple[int, str]:
    """A camera as the form names it: "box's number/name". Raises Refused."""
    box, _, name = key.partition("/")
    if not (box.isascii() and box.isdigit() and len(box) < 10 and name):
        raise Refused(422, "malformed")
    return int(box), name


def _note(connection: Connection, request: Request, action: str, subject: str, detail: str, about: audit.About) -> None:
    context: Context = request.app.state.context
    who: SignedIn = request.state.person
    audit.write_about(connection, who.by, action, subject, detail, context.wall_s(), about)


def _address(request: Request) -> str:
    context: Context = request.app.state.context
    return context.address or str(request.base_url).rstrip("/")


def _people(request: Request, status: int = 200, **values: object) -> Response:
    context: Context = request.app.state.context
    rights: Rights = request.state.person.rights
    with context.database.read() as connection:
        tree = in_order(sites.listing(connection))
        names = {site.id: site.name for _, site in tree}
        links = [
            (one, _places(one.granted, names))
            for one in one_time_links.unused(connection, context.wall_s())
            if grants.may_be_managed(connection, rights, one.role, one.granted)
        ]
        shown = {"people": people(connection, rights), "links": links, "sites": tree}
    known = {"problem": "", "link": "", "invited": "", "roles": _roles(rights)}
    page: Response = request.app.state.pages.render(request, "people.html", status=status, **known | shown | values)
    return page


def _person(request: Request, user_id: int, status: int = 200, **values: object) -> Response:
    context: Context = request.app.state.context
    with context.database.read() as connection:
        user = _user(connection, user_id)
        tree = in_order(sites.listing(connection))
        shown = {
            "user": user,
            "granted": grants.of_user(connection, user_id),
            "sites": tree,
            "cameras": _cameras(connection, tree),
            "sessions": sessions.of_user(connection, user_id, context.wall_s()),
            "tokens": api_tokens.of_user(connection, user_id),
            "provider_link": provider_links.of_user(connection, user_id),
            "done": request.query_params.get("done", ""),
        }
    known = {"problem": "", "link": "", "roles": _roles(request.state.person.rights)}
    page: Response = request.app.state.pages.render(request, "person.html", status=status, **known | shown | values)
    return page


def _cameras(connection: Connection, tree: list[tuple[int, Site]]) -> list[tuple[str, str, tuple[int, str]]]:
    """Cameras to choose: the site's name, the camera's, and what stands for it."""
    names = {site.id: site.name for _, site in tree}
    return [(names.get(site_id, ""), label, (box, name)) for box, name, label, site_id in sites.cameras(connection)]


def _roles(rights: Rights) -> tuple[Role, ...]:
    return tuple(role for role in Role if may_give(rights, role))
