"""People, places and the record: who gives what to whom, at once, and nobody more than they have."""

import re

import pytest
from argon2 import PasswordHasher

from console.domain.access import Role
from console.domain.site_tree import Grants
from console.store import audit, grants, nodes, site_setup, sites, users
from console.web.people_words import PEOPLE_WORDS

pytestmark = pytest.mark.system
ENGLISH = {"Accept-Language": "en", "Accept": "text/html"}
PASSWORD = "mat-khau-dai"
CHOICE = {"password": PASSWORD, "again": PASSWORD}


def link_in(text: str) -> str:
    return re.search(r'value="http://testserver(/welcome/[\w-]+)"', text)[1]


def test_somebody_is_invited_to_a_district_and_sees_its_schools(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    told = boss.post("/people", data={"name": "Mai", "role": "guard", "site": str(here.district)}, headers=ENGLISH)
    link = link_in(told.text)
    assert "Mai" in boss.get("/people").text
    assert link not in boss.get("/people").text
    mai = desk.browser()
    assert mai.post(link, data=CHOICE).status_code == 303
    assert mai.get(f"/alerts/{here.event_id}").status_code == 200
    assert mai.get(f"/alerts/{other.event_id}").status_code == 404
    again = boss.post("/people", data={"name": "MAI", "role": "guard", "everywhere": "true"}, headers=ENGLISH)
    assert (again.status_code, "This name is taken" in again.text) == (422, True)
    nowhere = boss.post("/people", data={"name": "Tú", "role": "guard"}, headers=ENGLISH)
    assert (nowhere.status_code, "Please choose where" in nowhere.text) == (422, True)


def test_an_invitation_is_withdrawn(desk, schools):
    boss = desk.browser(Role.ADMINISTRATOR)
    link = link_in(boss.post("/people", data={"name": "Mai", "role": "guard", "everywhere": "true"}).text)
    key = re.findall(r"/invitations/(\w+)/end", boss.get("/people").text)
    for one in key:
        assert boss.post(f"/invitations/{one}/end").status_code == 303
    assert desk.browser().post(link, data=CHOICE).status_code == 404


def test_who_looks_after_a_district_gives_no_more_than_that(desk, schools):
    here, other = schools
    officer = desk.browser(Role.ADMINISTRATOR, Grants(sites=frozenset({here.district})), name="officer")
    desk.browser(Role.ADMINISTRATOR)
    page = officer.get("/people").text
    assert f"guard of {here.box}" in page
    assert not [word for word in (*other.words, ">administrator<", 'name="everywhere"') if word in page]
    rights = f"/people/{here.guard}/rights"
    form = {"role": "guard", "site": str(here.site)}
    for more in ({"site": str(other.site)}, {"camera": "2/gate"}, {"site": "999999"}):
        assert officer.post(rights, data={**form, **more}).status_code == 404, more
    assert officer.post(rights, data={"role": "guard", "everywhere": "true"}).status_code == 403
    invited = {"name": "Mai", "role": "guard"}
    assert officer.post("/people", data={**invited, "everywhere": "true"}).status_code == 403
    assert officer.post("/people", data={**invited, "site": str(other.site)}).status_code == 404
    assert officer.post("/people", data={**invited, "site": str(here.site)}).status_code == 200
    assert officer.post(rights, data={**form, "role": "administrator"}).status_code == 303
    for guest in (f"guest of {other.box}", f"GUARD of {other.box}"):
        answer = officer.post("/people", data={**invited, "name": guest, "site": str(here.site)})
        assert answer.status_code == 422  # neither an account nor an invitation of others is replaced
    with desk.console.database.read() as connection:
        boss = users.find(connection, "administrator").id
    for path in (f"/people/{boss}", f"/people/{other.guard}"):
        assert officer.get(path).status_code == 404
        assert officer.post(f"{path}/end").status_code == 404


def test_a_change_of_places_counts_at_once(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    guard = desk.browser(Role.GUARD, Grants(sites=frozenset({here.site})))
    with desk.console.database.read() as connection:
        user_id = users.find(connection, "guard").id
        boxes = {box: node_id for node_id, box in connection.exec_driver_sql("SELECT id, name FROM node").all()}
    assert guard.get(f"/alerts/{here.event_id}").status_code == 200
    form = {"role": "guard", "camera": f"{boxes[other.box]}/gate"}
    assert boss.post(f"/people/{user_id}/rights", data=form).status_code == 303
    assert guard.get(f"/alerts/{here.event_id}").status_code == 404
    assert guard.get(f"/alerts/{other.event_id}").status_code == 200
    assert boss.post(f"/people/{user_id}/rights", data={"role": "auditor"}).status_code == 303
    assert guard.get("/").status_code == 403
    assert "Nowhere: sees nothing" in boss.get("/people", headers=ENGLISH).text


def test_a_link_from_before_gives_no_role_back_that_was_taken(desk):
    boss = desk.browser(Role.ADMINISTRATOR)
    desk.browser(Role.SUPERVISOR)
    with desk.console.database.read() as connection:
        user_id = users.find(connection, "supervisor").id
    link = link_in(boss.post(f"/people/{user_id}/password").text)
    assert boss.post(f"/people/{user_id}/rights", data={"role": "guard", "everywhere": "true"}).status_code == 303
    assert desk.browser().post(link, data=CHOICE).status_code == 404
    link = link_in(boss.post(f"/people/{user_id}/password").text)
    assert desk.browser().post(link, data=CHOICE).status_code == 303
    with desk.console.database.read() as connection:
        assert users.find_by_id(connection, user_id).role == Role.GUARD


def test_who_is_no_administrator_any_more_keeps_no_link_to_become_one(desk, schools):
    here, _ = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    for number, act in enumerate(("end", "rights")):
        leaving = desk.browser(Role.ADMINISTRATOR, name=f"leaving {number}")
        form = {"name": f"back door {number}", "role": "administrator", "everywhere": "true"}
        links = [link_in(leaving.post("/people", data=form).text)]
        links.append(link_in(leaving.post(f"/people/{here.guard}/password").text))
        assert [desk.browser().get(link).status_code for link in links] == [200, 200]
        with desk.console.database.read() as connection:
            user_id = users.find(connection, f"leaving {number}").id
        assert boss.post(f"/people/{user_id}/{act}", data={"role": "guard", "site": str(here.site)}).status_code == 303
        assert [desk.browser().get(link).status_code for link in links] == [404, 404]


def test_nobody_locks_the_console_for_everybody(desk, schools):
    boss = desk.browser(Role.ADMINISTRATOR)
    with desk.console.database.read() as connection:
        own = users.find(connection, "administrator").id
    for path, form in (("end", {}), ("rights", {"role": "guard", "everywhere": "true"}), ("second-factor/remove", {})):
        assert boss.post(f"/people/{own}/{path}", data=form).status_code == 409
    # Another administrator of one district only is none who could look after the whole.
    officer = {"role": "administrator", "site": str(schools[0].district)}
    assert boss.post(f"/people/{schools[0].guard}/rights", data=officer).status_code == 303
    with desk.console.database.write() as connection, pytest.raises(users.LastAdministratorError):
        users.disable(connection, own, desk.clock())


def test_an_ended_account_is_out_and_comes_back_by_an_invitation_without_what_it_had(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    with desk.console.database.write() as connection:
        box = connection.exec_driver_sql(f"SELECT id FROM node WHERE name = '{other.box}'").scalar_one()
        grants.give(connection, here.guard, Grants(sites=frozenset({here.site}), cameras=frozenset({(box, "gate")})))
    assert boss.post(f"/people/{here.guard}/end").status_code == 303
    form = {"name": f"guard of {here.box}", "role": "guard", "site": str(here.site)}
    back = desk.browser()
    assert back.post(link_in(boss.post("/people", data=form).text), data=CHOICE).status_code == 303
    assert back.get(f"/alerts/{here.event_id}").status_code == 200
    assert back.get(f"/alerts/{other.event_id}").status_code == 404


def sign_in(desk, name: str = "lan", password: str = PASSWORD):
    browser = desk.browser()
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"}
    assert browser.post("/sign-in", data={"name": name, "password": password}, headers=headers).status_code == 303
    return browser


def test_sessions_are_listed_and_ended_by_oneself_and_by_an_administrator(desk):
    with desk.console.database.write() as connection:
        hashed = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
        user_id = users.add(connection, "Lan", hashed, Role.GUARD, desk.clock()).id
    here, phone, third = sign_in(desk), sign_in(desk), sign_in(desk)
    page = here.get("/account", headers=ENGLISH).text
    assert page.count("Chrome · Linux") == 3
    assert page.count("this one") == 1
    keys = re.findall(r"/account/sessions/(\w{16})/end", page)
    own = re.search(r"this one.*?/account/sessions/(\w{16})/end", page, re.DOTALL)[1]
    other = next(key for key in keys if key != own)
    assert desk.browser(Role.GUARD).post(f"/account/sessions/{other}/end").status_code == 404
    for key in ("", "%25", "_" * 16):
        assert here.post(f"/account/sessions/{key}/end").status_code == 404
    assert here.post(f"/account/sessions/{other}/end").status_code == 303
    assert sorted(one.get("/").status_code for one in (phone, third)) == [200, 401]
    assert here.get("/").status_code == 200
    boss = desk.browser(Role.ADMINISTRATOR)
    for key in re.findall(r"/sessions/(\w{16})/end", boss.get(f"/people/{user_id}").text):
        assert boss.post(f"/people/{user_id}/sessions/{key}/end").status_code == 303
    assert [one.get("/").status_code for one in (here, phone, third)] == [401, 401, 401]


def test_another_password_ends_all_other_sessions(desk):
    with desk.console.database.write() as connection:
        hashed = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
        users.add(connection, "Lan", hashed, Role.GUARD, desk.clock())
    here, elsewhere = sign_in(desk), sign_in(desk)
    form = {"password": PASSWORD, "new": "mot-mat-khau-khac", "again": "mot-mat-khau-khac"}
    for more in ({"password": "a guess"}, {"again": "another one"}, {"new": "short", "again": "short"}):
        assert here.post("/account/password", data={**form, **more}).status_code == 422
    assert elsewhere.get("/").status_code == 200
    assert here.post("/account/password", data=form).status_code == 303
    assert (here.get("/").status_code, elsewhere.get("/").status_code) == (200, 401)
    sign_in(desk, password="mot-mat-khau-khac")


def test_sites_stand_in_a_tree_and_those_in_use_stay(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    new = {"name": "Trường mới", "kind": "school", "parent": str(here.district)}
    assert boss.post("/sites", data=new).status_code == 303
    for form, word in (
        (new, "of this name already"),
        ({**new, "name": "x", "parent": str(here.site)}, "It can&#39;t stand there"),
        ({**new, "name": "x", "kind": "province"}, "It can&#39;t stand there"),
    ):
        told = boss.post("/sites", data=form, headers=ENGLISH)
        assert (told.status_code, word in told.text) == (422, True), form
    forms = boss.get(f"/sites?edit={here.site}").text
    assert re.findall(r'action="(/sites/\d+)"', forms) == [f"/sites/{here.site}"]
    for site in (here.site, here.district):
        assert boss.post(f"/sites/{site}/remove").status_code == 409
    smaller = {"name": "Phường 1", "kind": "school", "parent": "0"}
    assert boss.post(f"/sites/{here.district}", data=smaller).status_code == 422
    officer = desk.browser(Role.ADMINISTRATOR, Grants(sites=frozenset({other.district})), name="officer")
    page = officer.get("/sites").text
    assert other.name in page
    assert not [word for word in (here.name, "Phường 1", "Trường mới", ">Tỉnh<") if word in page]
    for parent in ("0", str(here.district)):
        assert officer.post("/sites", data={**new, "name": "x", "parent": parent}).status_code == 404
        moved = {"name": other.name, "kind": "school", "parent": parent}
        assert officer.post(f"/sites/{other.site}", data=moved).status_code == 404
    assert officer.post("/sites", data={**new, "name": "y", "parent": str(other.district)}).status_code == 303
    moved = {"name": here.name, "kind": "school", "parent": str(other.district)}
    assert officer.get(f"/alerts/{here.event_id}").status_code == 404
    assert boss.post(f"/sites/{here.site}", data=moved).status_code == 303
    assert officer.get(f"/alerts/{here.event_id}").status_code == 200  # it stands below the officer's district now
    with desk.console.database.read() as connection:
        empty = connection.exec_driver_sql("SELECT id FROM site WHERE name = 'Trường mới'").scalar_one()
    assert boss.post(f"/instructions/{empty}", data={"kind": "crowd", "text": "Gọi bảo vệ."}).status_code == 303
    assert boss.post(f"/sites/{empty}/remove").status_code == 303


def test_a_site_is_renamed_where_it_stands_by_who_may_not_see_what_is_above_it(desk, schools):
    here, other = schools
    granted = Grants(sites=frozenset({here.site, other.district}))  # a school, and a district that it is not of
    officer = desk.browser(Role.ADMINISTRATOR, granted)
    form = officer.get(f"/sites?edit={here.site}").text.split(f'action="/sites/{here.site}"')[1].split("</form>")[0]
    parents = form.split('name="parent"')[1]
    # As browsers do: what is selected, else the first.
    chosen = re.findall(r'value="(\d+)" selected', parents) or re.findall(r'value="(\d+)"', parents)[:1]
    data = {"name": "Trường Hoa Mai", "kind": "school", "parent": chosen}
    assert officer.post(f"/sites/{here.site}", data=data).status_code == 303
    with desk.console.database.read() as connection:
        now = next(one for one in sites.listing(connection) if one.id == here.site)
    assert (now.name, now.parent_id) == ("Trường Hoa Mai", here.district)


def test_who_set_instructions_stands_on_the_record_of_the_site(desk, schools):
    here, other = schools
    for number, school in enumerate(schools):
        supervisor = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({school.district})), f"supervisor {number}")
        supervisor.post(f"/instructions/{school.site}", data={"kind": "crowd", "text": "Gọi bảo vệ."})
        supervisor.post(f"/instructions/{school.site}", data={"camera": ["1"], "area": ["Cổng"]})
    text = desk.browser(name="supervisor 0", role=Role.SUPERVISOR).get("/audit", headers=ENGLISH).text
    for acts in ("wrote the instructions of", "set the neighbouring cameras of", "Crowd gathering", here.name):
        assert acts in text
    assert other.name not in text
    assert "supervisor 1" not in text


def test_each_change_is_on_record_for_those_who_may_know_of_it(desk, schools):
    here, other = schools
    boss = desk.browser(Role.ADMINISTRATOR)
    for school in schools:
        boss.get(f"/alerts/{school.event_id}")
        boss.get(f"/api/alerts/{school.event_id}/facts.json")
        form = {"role": "supervisor", "site": str(school.site)}
        assert boss.post(f"/people/{school.guard}/rights", data=form).status_code == 303
        site = {"name": school.name, "kind": "school", "parent": str(school.district)}
        assert boss.post(f"/sites/{school.site}", data=site).status_code == 303
    assert boss.post(f"/people/{other.guard}/end").status_code == 303
    whole = desk.browser(Role.AUDITOR).get("/audit", headers=ENGLISH).text
    for word in ("downloaded from", "set role and places of", "ended the account of", "changed the site", other.name):
        assert word in whole
    limited = desk.browser(Role.AUDITOR, Grants(sites=frozenset({here.district})), name="b")
    text = limited.get("/audit", headers=ENGLISH).text
    assert f"guard of {here.box}" in text
    assert text.count("an alert") == 2  # looked at and downloaded; an auditor is given no way to it
    assert f"/alerts/{here.event_id}" not in text
    assert not [word for word in other.words if word in text]


def test_instructions_are_written_of_whole_schools_and_read_by_who_watches_one_camera_there(desk, schools):
    here, other = schools
    with desk.console.database.write() as connection:
        box = nodes.find(connection, here.box)
        for school in schools:
            site_setup.set_instruction(connection, school.site, "loitering", f"Việc ở {school.name}")
    camera = Grants(cameras=frozenset({(box.id, "gate")}))
    alert = desk.browser(Role.GUARD, camera).get(f"/alerts/{here.event_id}").text
    assert f"Việc ở {here.name}" in alert
    of_one_camera = desk.browser(Role.SUPERVISOR, camera, "of one camera")
    assert "/instructions/" not in of_one_camera.get("/instructions").text  # no form that could not be saved
    assert of_one_camera.get(f"/instructions?site={here.site}").status_code == 404
    officer = desk.browser(Role.SUPERVISOR, Grants(sites=frozenset({here.district})), "officer")
    page = officer.get("/instructions").text
    assert f'action="/instructions/{here.site}"' in page
    assert "Phường 1" not in page  # nothing rings at a district itself, so that nobody would ever read it
    assert officer.post(f"/instructions/{here.district}", data={"kind": "crowd", "text": "x"}).status_code == 404
    assert officer.get(f"/instructions?site={other.site}").status_code == 404


def test_the_record_is_read_in_pieces(desk):
    auditor = desk.browser(Role.AUDITOR)
    with desk.console.database.write() as connection:
        user_id = users.find(connection, "auditor").id
        for n in range(150):
            about = audit.About(user_id=user_id)
            audit.write_about(connection, audit.By(user_id), "password", f"number {n:03}", "", desk.clock(), about)
    first = auditor.get("/audit").text
    older = auditor.get(re.search(r'href="(/audit\?before=\d+)"', first)[1]).text
    found = [set(re.findall(r"number \d{3}", text)) for text in (first, older)]
    assert [len(one) for one in found] == [100, 50]
    assert not found[0] & found[1]
    assert "?before" not in older
    assert auditor.get("/audit?before=x").status_code == 422


def test_every_role_kind_and_act_has_a_word():
    from pathlib import Path

    from console.domain.site_tree import SiteKind

    assert set(PEOPLE_WORDS["role"]) == set(PEOPLE_WORDS["role_means"]) == set(Role)
    assert set(PEOPLE_WORDS["site_kind"]) == set(SiteKind)
    web = Path(__file__).resolve().parents[2] / "console" / "web"
    written = {
        word
        for path in (*web.glob("*_pages.py"), web / "oidc.py")
        for word in re.findall(r'_note\([^"]*?"(\w+)"', path.read_text(), re.DOTALL)
    }
    pages = "".join(path.read_text() for path in web.glob("*_pages.py"))
    written |= set(re.findall(r'write_(?:about|look)\([^"()]*"(\w+)"', pages))
    written |= {f"escalation_{part}" for part in re.findall(r'_changed\(request, site_id, "(\w+)"', pages)}
    assert {"invited", "site_added", "token_made", "factor_on", "escalation_ways", "watch_fault"} <= written
    assert written | {audit.RIGHTS, "view", "download"} == set(PEOPLE_WORDS["act"])
