"""What people are told when an alarm comes: short, in their language, with nothing in it that opens anything."""

import json

from sqlalchemy import Connection, select

from console.domain.delivery import Text
from console.store import alerts, escalations
from console.store.notifications import Due
from console.store.tables import camera, node, site
from console.web.i18n import Language, Languages
from console.web.words import sentence


class NoticeText:
    """Writes what a notification says."""

    def __init__(self, languages: Languages, address: str) -> None:
        """address: how people reach the console; empty where that is not known, then there is no link."""
        self._languages, self._address = languages, address

    def __call__(self, connection: Connection, due: Due) -> Text:
        """Title and body."""
        language = self._languages.choose(due.language, "")
        if due.purpose == escalations.ALERT and due.event_id:
            return self._of_alert(connection, language, due, due.event_id)
        if due.purpose == escalations.FAULT:
            return self._of_fault(language, due)
        title = sentence(language, "notice", "test_title").format(site=due.site)
        return Text(title, sentence(language, "notice", "test").format(time=language.time(due.begun_at_s)))

    def _of_alert(self, connection: Connection, language: Language, due: Due, event_id: str) -> Text:
        found = alerts.find(connection, event_id)
        if found is None:  # nothing takes events away yet
            return Text(due.site, "")
        event = found.event
        zone = _zone_label(connection, found.node, event["camera"], event.get("zone") or "")
        where = " · ".join(part for part in (found.camera_label, zone) if part)
        gate = connection.execute(select(site.c.gate).where(site.c.id == found.site_id)).scalar()
        since_s = event["captured_at_s"] + found.clock_behind_s - event["dwell_s"]
        times = {"since": language.time(since_s), "rang": language.time(found.opened_at_s)}
        lines = [
            found.site,
            sentence(language, "notice", "gate").format(gate=gate) if gate else "",
            sentence(language, "notice", "since").format(**times),
            f"{self._address}/alerts/{event_id}" if self._address else "",
        ]
        urgent, rule = sentence(language, "severity", found.priority), sentence(language, "rule", event["rule"])
        title = " ".join(f"{urgent}: {rule} – {where}".split())  # one line, whatever a label holds
        return Text(title, "\n".join(line for line in lines if line))

    def _of_fault(self, language: Language, due: Due) -> Text:
        title = sentence(language, "watch_fault", due.fault)
        about = due.fault_subject if due.fault_subject != due.site else ""
        since = sentence(language, "notice", "fault_since").format(time=language.time(due.begun_at_s))
        return Text(title, "\n".join(line for line in (due.site, about, since, self._address) if line))


def _zone_label(connection: Connection, node_name: str, camera_name: str, zone: str) -> str:
    """What people call a zone."""
    query = select(camera.c.health_json).join(node, node.c.id == camera.c.node_id)
    told = connection.execute(query.where(node.c.name == node_name, camera.c.name == camera_name)).scalar()
    shapes = json.loads(told).get("zones", ()) if told else ()
    return next((one.get("label") or zone for one in shapes if one["zone"] == zone), zone)
