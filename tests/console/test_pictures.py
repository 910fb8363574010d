"""Pictures, live looks and plans: who may, what is taken in, what stands in the record."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from console.app.settings import SettingsError, load_settings
from console.domain.access import EVERYWHERE, Role
from console.domain.site_tree import Grants
from console.store import audit, plans
from console.web import whep
from console.web.errors import Refused
from console.web.plan_drawing import MOST_SIDE_PX, drawing_of

OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"


def picture(kind: str = "PNG", size: tuple[int, int] = (640, 400), **more) -> bytes:
    target = io.BytesIO()
    Image.new("RGBA" if kind != "JPEG" else "RGB", size, "#336699").save(target, kind, **more)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_plan_is_drawn_anew_and_carries_nothing_else(kind):
    secret = b"GPS of somebody"
    more = {"exif": b"Exif\x00\x00" + secret} if kind != "PNG" else {}
    found = drawing_of(picture(kind, (5000, 1000), **more))
    assert (found.sheet.width_px, found.sheet.height_px) == (MOST_SIDE_PX, MOST_SIDE_PX // 5)
    assert secret not in found.jpeg
    assert Image.open(io.BytesIO(found.jpeg)).format == "JPEG"


def test_what_is_transparent_is_paper_and_a_turned_photo_stands_upright():
    target = io.BytesIO()
    Image.new("RGBA", (100, 80), (0, 0, 0, 0)).save(target, "PNG")
    assert Image.open(io.BytesIO(drawing_of(target.getvalue()).jpeg)).getpixel((5, 5)) == (255, 255, 255)
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter to the right
    found = drawing_of(picture("JPEG", (200, 100), exif=turned))
    assert (found.sheet.width_px, found.sheet.height_px) == (100, 200)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_a_plan"),
        (b"GIF89a" + bytes(50), "not_a_plan"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_plan"),
        (picture()[:200], "not_a_plan"),
        (picture(size=(10, 900)), "plan_too_small"),
        (picture("PNG", (9000, 9000)), "plan_too_large"),
    ],
)
def test_what_is_no_plan_is_refused(data, code):
    with pytest.raises(Refused) as refused:
        drawing_of(data)
    assert refused.value.code == code


@pytest.mark.system
def test_a_plan_is_kept_for_its_site_alone_and_stands_in_the_record(desk, schools, monkeypatch):
    here, other = schools
    granted = Grants(sites=frozenset({here.site}))
    installer = desk.browser(Role.INSTALLER, granted, "installer here")
    address, marks = f"/plan/{here.site}/image", f"/plan/{here.site}/marks"
    assert installer.put(address, content=picture()).status_code == 204
    assert installer.put(address, content=picture(size=(800, 600))).status_code == 204  # another one in its place
    at = {"node": here.box, "camera": "gate", "x": "0.25", "y": "0.5"}
    assert installer.post(marks, data=at).status_code == 204
    assert installer.post(marks, data=at | {"x": "0.75"}).status_code == 204
    for wrong in ({"x": "1.5"}, {"x": "nan"}, {"camera": "none"}, {"node": other.box}):
        assert installer.post(marks, data=at | wrong).status_code == 422, wrong
    guard = desk.browser(Role.GUARD, granted, "guard here")
    assert guard.get(address).content.startswith(b"\xff\xd8")
    assert 'data-x="0.75"' in guard.get("/plan").text
    assert guard.put(address, content=picture()).status_code == 403
    elsewhere = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({other.site})), "elsewhere")
    assert elsewhere.get(address).status_code == elsewhere.put(address, content=picture()).status_code == 404
    single = desk.browser(Role.GUARD, Grants(cameras=frozenset({(1, "gate")})), "single")
    assert "data-save" not in single.get("/plan").text
    monkeypatch.setattr("console.web.plan_pages.MOST_BYTES", 1000)
    assert installer.put(address, content=bytes(1001)).json() == {"error": "plan_too_large"}
    assert installer.post(f"/plan/{here.site}/remove").status_code == 303
    with desk.console.database.read() as connection:
        assert plans.find(connection, here.site) is None
        assert plans.spots(connection, here.site) == {}
        told = audit.listing(connection, granted_reach(here), (), None, 9)
    assert [one.action for one in told] == ["plan_removed", "plan_mark", "plan_mark", "plan", "plan"]
    assert {one.subject for one in told} == {here.name}


def granted_reach(here):
    return replace(EVERYWHERE, everywhere=False, sites=frozenset({here.site}))


@pytest.mark.system
def test_a_live_look_needs_the_right_and_a_media_server(desk, schools, monkeypatch):
    here, other = schools
    address = f"/cameras/{here.box}/gate/live"
    guard = desk.browser(Role.GUARD, Grants(sites=frozenset({here.site})), "guard here")
    assert guard.post(address, data={"offer": OFFER}).status_code == 404  # no media server is named
    asked = []
    monkeypatch.setattr(whep.LiveSource, "answer", lambda _, *told: asked.append(told[:2]) or "v=0")
    state = desk.console.web.state
    state.context = replace(state.context, live=whep.LiveSource("http://127.0.0.1:1/{camera}"))
    answer = guard.post(address, data={"offer": OFFER})
    assert (answer.text, answer.headers["Content-Type"]) == ("v=0", "application/sdp")
    assert guard.post(f"/cameras/{other.box}/gate/live", data={"offer": OFFER}).status_code == 404
    police = desk.browser(Role.POLICE)
    assert police.post(address, data={"offer": OFFER}).status_code == 403
    assert asked == [(here.box, "gate")]
    guard.get("/pictures")
    guard.get("/pictures")
    state.context.notes.flush()
    with desk.console.database.read() as connection:
        told = audit.listing(connection, granted_reach(here), (), None, 9)
    assert [(one.action, one.subject) for one in told] == [("pictures", here.name), ("live", f"{here.box}/gate")]


def test_a_media_server_that_is_away_is_told():
    with pytest.raises(Refused) as refused:
        whep.LiveSource("http://127.0.0.1:1/{camera}").answer("n", "c", OFFER)
    assert refused.value.code == "live_away"


@pytest.mark.parametrize(
    "url", ["ftp://x/{camera}", "http://x/whep", "http://x/{camera}/{password}", "{camera}", "http://x/{camera.name}"]
)
def test_settings_of_the_live_view_that_can_not_be_used_are_told(url, monkeypatch, tmp_path):
    monkeypatch.setenv("GATEHOUSE_CONSOLE_LIVE_URL", url)
    monkeypatch.setenv("GATEHOUSE_CONSOLE_LIVE_LOGIN_FILE", str(tmp_path / "login"))
    (tmp_path / "login").write_text("no password\n")
    with pytest.raises(SettingsError) as told:
        load_settings(with_files=True)
    assert "GATEHOUSE_CONSOLE_LIVE_URL" in str(told.value)
    assert "GATEHOUSE_CONSOLE_LIVE_LOGIN_FILE" in str(told.value)
    (tmp_path / "login").write_text("console:secret:with:colons\n")
    assert whep.login_of(tmp_path / "login") == ("console", "secret:with:colons")
