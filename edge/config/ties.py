"""What ties keys of a configuration together: names that differ, keys that need or exclude each other.

Looks at the file as it was parsed, so that these faults are told together with those of single keys.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from edge.config.document import Place
from edge.config.schema import MAX_SHAPES, REPEATED_PRESENCE_WINDOW_S, STALL_S, LineCrossingSection, RuleSection

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_RULE: TypeAdapter[RuleSection] = TypeAdapter(RuleSection)


def faults_between_keys(raw: dict[Any, Any]) -> Iterator[tuple[Place, str]]:
    """Where and what, as far as the file is well formed."""
    yield from _name_faults(raw)
    yield from _ties(raw)


def _name_faults(raw: dict[Any, Any]) -> Iterator[tuple[Place, str]]:
    """Names that stand twice and rules that name no zone, as far as the file is well formed."""
    cameras = dicts(raw.get("cameras"))
    yield from _twins(("cameras",), "camera", cameras)
    for i, camera in cameras:
        zones = dicts(camera.get("zones"))
        yield from _twins(("cameras", i, "zones"), "zone", zones)
        known = [zone.get("name") for _, zone in zones]
        rules = dicts(camera.get("rules"))
        yield from _twins(("cameras", i, "rules"), "line", rules, known, "line or zone")
        for j, rule in rules:
            if isinstance(rule.get("zone"), str) and rule["zone"] not in known:
                there = ", ".join(map(str, known)) or "none"
                yield (
                    ("cameras", i, "rules", j, "zone"),
                    f"{rule['zone']!r} is no zone of this camera (there is: {there})",
                )


def _twins(
    place: Place, noun: str, sections: list[tuple[int, dict[Any, Any]]], taken: list[Any] | None = None, among: str = ""
) -> Iterator[tuple[Place, str]]:
    """taken: names that stand elsewhere and must not come again. among: what all of them are."""
    seen = set(filter(lambda name: isinstance(name, str), taken or []))
    for i, section in sections:
        name = section.get("name")
        if isinstance(name, str) and name in seen:
            yield (*place, i, "name"), f"more than one {among or noun} is named {name!r}; give each its own name"
        elif isinstance(name, str):
            seen.add(name)


def _ties(raw: dict[Any, Any]) -> Iterator[tuple[Place, str]]:
    """Keys that are sound alone and do not go together."""
    yield from _upload_ties(raw.get("upload"))
    broker = raw.get("broker")
    if isinstance(broker, dict) and broker.get("tls") is False and broker.get("host", LOOPBACK[0]) not in LOOPBACK:
        yield ("broker", "tls"), "tls: false is allowed on this machine itself only; set tls: true and ca_file"
    for i, camera in dicts(raw.get("cameras")):
        if (camera.get("username") is None) != (camera.get("password_file") is None):
            yield ("cameras", i), "username and password_file go together"
        yield from ((("cameras", i, *place), text) for place, text in _signal_ties(camera))
        addresses = [camera[key] for key in ("url", "sub_url") if isinstance(camera.get(key), str)]
        if camera.get("ca_file") is not None and not all(url.startswith("rtsps:") for url in addresses):
            yield ("cameras", i), "ca_file is for rtsps:// addresses: write them so, or take it out"
        rules, zones = dicts(camera.get("rules")), dicts(camera.get("zones"))
        lines = sum(rule.get("kind") == "line_crossing" for _, rule in rules)
        if len(zones) + lines > MAX_SHAPES:
            yield ("cameras", i), f"{len(zones)} zones and {lines} lines; a camera may have {MAX_SHAPES} in all"
        yield from ((("cameras", i, "rules", j), text) for j, text in _double_rules(rules))
        for j, rule in rules:
            yield from ((("cameras", i, "rules", j, *place), text) for place, text in _rule_ties(rule))


def _upload_ties(upload: object) -> Iterator[tuple[Place, str]]:
    spans = upload.get("quiet_hours") if isinstance(upload, dict) else None
    for place, text in _empty_hours("quiet_hours", spans):
        yield ("upload", *place), text
    for k, hours in dicts(spans):
        if (hours.get("begins", "00:00"), hours.get("ends", "24:00"), hours.get("days")) == ("00:00", "24:00", None):
            yield ("upload", "quiet_hours", k), "quiet all week, clips would never leave; write begins and ends"


def _signal_ties(camera: dict[Any, Any]) -> Iterator[tuple[Place, str]]:
    lost_s, stall_s = camera.get("signal_lost_s"), camera.get("stall_s", STALL_S)
    if isinstance(lost_s, int | float) and isinstance(stall_s, int | float) and lost_s < stall_s:
        why = f"{lost_s:g} s are less than stall_s, {stall_s:g} s, before which nothing is missed"
        yield ("signal_lost_s",), f"{why}; make it longer"


def _double_rules(rules: list[tuple[int, dict[Any, Any]]]) -> Iterator[tuple[int, str]]:
    """Rules that fire at the very moments of an earlier one; compared as they are understood, defaults filled in."""
    first: dict[object, int] = {}
    lines: set[str] = set()
    for j, raw in rules:
        try:
            rule = _RULE.validate_python(raw)
        except ValidationError:
            continue  # told elsewhere
        if isinstance(rule, LineCrossingSection):
            if rule.name in lines:
                continue  # told elsewhere
            lines.add(rule.name)
        twin = first.setdefault(_moments(rule), j)
        if twin != j:
            cure = "take one out, or give them different armed hours"
            yield j, f"fires at the same moments as rules[{twin}], so that each alert would come twice; {cure}"


def _moments(rule: RuleSection) -> object:
    """What decides when a rule fires: all of it, but not what its alert is called or how urgent it is."""
    decides = rule.model_dump(exclude={"name", "severity", "second_stage_at", "armed", "follows_calendar"})
    hours = frozenset((frozenset(span.days), span.begins, span.ends) for span in rule.armed)
    return *decides.items(), hours


def _empty_hours(key: str, spans: object) -> Iterator[tuple[Place, str]]:
    for k, hours in dicts(spans):
        if "begins" in hours and hours["begins"] == hours.get("ends"):
            yield (key, k), 'begins and ends are the same; for the whole day write begins: "00:00", ends: "24:00"'


def _rule_ties(rule: dict[Any, Any]) -> Iterator[tuple[Place, str]]:
    dwell_s, window_s = rule.get("dwell_s"), rule.get("window_s", REPEATED_PRESENCE_WINDOW_S)
    numbers = isinstance(dwell_s, int | float) and isinstance(window_s, int | float)
    if rule.get("kind") == "repeated_presence" and numbers and dwell_s > window_s:
        yield ("dwell_s",), f"{dwell_s:g} s never fit into window_s, {window_s:g} s; make the window longer"
    yield from _empty_hours("armed", rule.get("armed"))


def dicts(items: object) -> list[tuple[int, dict[Any, Any]]]:
    """The mappings in a list, with their numbers; nothing of what is no list."""
    return [(i, item) for i, item in enumerate(items) if isinstance(item, dict)] if isinstance(items, list) else []
