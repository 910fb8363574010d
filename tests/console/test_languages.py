"""Vietnamese and English are complete, and nothing bypasses the catalogue."""

import re
from pathlib import Path
from typing import get_args

import pytest

from broker.contract.messages import CAMERA_ALARMS, CameraHealth, EventMessage, EvidenceFile, GapBridged, NodeProblem
from console.domain.access import Role
from console.domain.alert import CloseReason
from console.web.i18n import FOLDER, Languages, read_words
from console.web.words import SCRIPT_WORDS, WORDS

TEMPLATES = sorted((FOLDER.parent / "templates").glob("*.html"))
SCRIPTS = sorted((FOLDER.parent / "static").glob("*.js"))


def used() -> set[str]:
    found = set(SCRIPT_WORDS.values())
    for group in WORDS.values():
        found |= set(group.values())
    for template in TEMPLATES:
        found |= {match[1] for match in re.finditer(r"_\(\s*[\"'](.+?)[\"']\s*[,)]", template.read_text())}
    return found


def test_every_text_has_its_vietnamese_and_none_is_left_over():
    words = read_words("vi")
    assert used() - set(words) == set()
    assert set(words) - used() == set()


def test_placeholders_are_the_same_in_both_languages():
    for english, vietnamese in read_words("vi").items():
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", vietnamese)), english


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_text_outside_the_catalogue(template):
    text = re.sub(r"<script.*?</script>|\{[{%#].*?[}%#]\}|<[^>]*>", " ", template.read_text(), flags=re.DOTALL)
    text = re.sub(r"&\w+;|Gatehouse|facts\.json|SHA-256|kB|gatehouse console add-node", " ", text)
    words = re.findall(r"[^\W\d_]{2,}", text)
    assert not words, words


def test_every_reason_has_a_word():
    assert set(WORDS["reason"]) == {reason.value for reason in CloseReason}


def test_every_fault_that_a_node_can_tell_of_has_a_sentence():
    from edge.adapters import stream_faults

    told = {value for name, value in vars(stream_faults).items() if name.isupper() and isinstance(value, str)}
    assert len(told) > 15
    assert told - set(WORDS["fault"]) == set()


def test_every_fault_of_a_camera_has_a_sentence_and_is_an_alarm():
    from edge.core.integrity.faults import FAULTS, SIGNAL_LOST, FaultCode
    from edge.core.integrity.place import PlaceFault

    codes = [fault.code for fault in FAULTS]
    assert codes == list(get_args(FaultCode)) == list(CAMERA_ALARMS)
    assert {*codes, *get_args(PlaceFault)} - {SIGNAL_LOST.code} <= set(WORDS["fault"])  # a lost signal names its cause


def test_every_cause_of_a_missing_file_has_a_sentence():
    from edge.adapters.outbox_rows import MissingCode

    assert set(WORDS["missing"]) == set(get_args(MissingCode))


def test_every_problem_of_a_node_has_a_sentence():
    from edge.core.machine import LIMITS

    own = {"certificate_ended", "link_gone"}  # the console's own words
    assert set(WORDS["node_problem"]) == {*LIMITS, *own}
    told = set(get_args(NodeProblem.model_fields["severity"].annotation))
    assert set(WORDS["problem_severity"]) == told | {"notice"}  # the console's own word for what people have set so


def test_every_word_of_the_contract_has_a_sentence():
    choices = {
        name: get_args(get_args(field.annotation)[0] if type(None) in get_args(field.annotation) else field.annotation)
        for name, field in EventMessage.model_fields.items()
    }
    rules = {code for kinds in get_args(EventMessage.model_fields["rule"].annotation) for code in get_args(kinds)}
    assert rules == set(WORDS["rule"])
    assert set(CAMERA_ALARMS) <= rules & set(WORDS["why"])
    assert set(choices["severity"]) == set(WORDS["severity"])
    assert set(choices["closed_because"]) == set(WORDS["because"])
    assert set(get_args(GapBridged.model_fields["reason"].annotation)) == set(WORDS["gap"])
    assert set(get_args(CameraHealth.model_fields["state"].annotation)) | {"unknown"} == set(WORDS["camera"])
    assert set(get_args(EvidenceFile.model_fields["role"].annotation)) == set(WORDS["file"])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_holds_text_outside_the_catalogue(script):
    shown = re.findall(
        r"(?:textContent|innerText|placeholder|title|alert\(|ariaLabel)\s*=?\s*[\"'`]([^\"'`]*)", script.read_text()
    )
    words = [word for text in shown for word in re.findall(r"[^\W\d_]{2,}", re.sub(r"Gatehouse|\$\{[^}]*\}", "", text))]
    assert not words, words


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_attribute_holds_text_outside_the_catalogue(template):
    text = re.sub(r"\{[{%#].*?[}%#]\}", "", template.read_text(), flags=re.DOTALL)
    words = re.findall(r"(?:alt|title|placeholder|aria-label)=\"([^\"]*[^\W\d_]{2,}[^\"]*)\"", text)
    assert not words, words


def test_a_language_is_chosen_by_cookie_then_browser_then_vietnamese():
    languages = Languages("Asia/Ho_Chi_Minh")
    assert languages.choose("en", "vi").code == "en"
    assert languages.choose(None, "en-GB,en;q=0.9").code == "en"
    assert languages.choose("xx", "fr").code == "vi"
    assert languages.choose(None, "").time(1_792_000_000.0) == "00:46:40"


@pytest.mark.system
def test_the_wall_speaks_both_languages(desk):
    browser = desk.browser(Role.GUARD)
    assert "Không có camera nào quan sát" in browser.get("/", headers={"Accept-Language": "vi"}).text
    assert "Nobody is watching" in browser.get("/", headers={"Accept-Language": "en"}).text
    assert browser.post("/language/en", headers={"Referer": "https://evil.example//x"}).headers["location"] == "/"
    assert Path(FOLDER, "vi.po").exists()


def test_a_problem_of_a_disk_is_said_with_its_figure():
    from console.web.node_problem import NodeProblem

    languages = Languages("Asia/Ho_Chi_Minh")
    english, vietnamese = languages.choose("en", ""), languages.choose("vi", "")
    days, hours = (NodeProblem(f"disk_{unit}_left", "critical", figure=5) for unit in ("days", "hours"))
    assert days.told(english).startswith("Days until the disk is full and recording stops: 5. ")
    assert hours.told(vietnamese).startswith("Khoảng 5 giờ nữa ổ đĩa sẽ đầy")
    assert "{x}" in NodeProblem("recording_short", "warning", subject="{x}").told(english)
