"""From configuration to objects: the camera's chain, the same for live cameras and for replays."""

from edge.config.schema import (
    CameraSection,
    CrowdSection,
    IntrusionSection,
    LineCrossingSection,
    LoiteringSection,
    RepeatedPresenceSection,
    RuleSection,
)
from edge.core.detect.attention import Attention
from edge.core.rules.crowd import CrowdParams
from edge.core.rules.intrusion import IntrusionParams
from edge.core.rules.line_crossing import LineCrossingParams
from edge.core.rules.loitering import LoiteringParams
from edge.core.rules.repeated_presence import RepeatedPresenceParams
from edge.core.rules.table import RuleParams
from edge.core.schedule import WeeklySchedule, WeeklySpan
from edge.core.tracking.tracker import Tracker
from edge.core.watch import CameraWatch, WatchedRule
from edge.core.zone import Zone
from edge.pipeline.camera_pipeline import CameraPipeline


def build_pipeline(node: str, timezone: str, camera: CameraSection, input_size: tuple[int, int]) -> CameraPipeline:
    """The chain of one camera around the network, whose input is so wide and high (pixels)."""
    zones = [Zone(zone.name, zone.polygon, zone.grace_s) for zone in camera.zones]
    rules = [watched_rule(rule, timezone) for rule in camera.rules]
    return CameraPipeline(Attention(input_size), Tracker(), CameraWatch(node, camera.name, zones, rules))


def watched_rule(rule: RuleSection, timezone: str) -> WatchedRule:
    """A rule as it is configured; timezone: on whose clocks its hours are read."""
    return WatchedRule(_params(rule), rule.severity, _schedule(rule, timezone), rule.follows_calendar)


def _params(rule: RuleSection) -> RuleParams:
    match rule:
        case LoiteringSection():
            return LoiteringParams(rule.zone, rule.dwell_s, rule.second_stage_at)
        case RepeatedPresenceSection():
            return RepeatedPresenceParams(rule.zone, rule.dwell_s, rule.window_s)
        case IntrusionSection():
            return IntrusionParams(rule.zone, rule.confirm_s)
        case CrowdSection():
            return CrowdParams(rule.zone, rule.people, rule.hold_s)
        case LineCrossingSection():
            return LineCrossingParams(rule.name, rule.line, rule.direction)


def _schedule(rule: RuleSection, timezone: str) -> WeeklySchedule:
    return WeeklySchedule(tuple(WeeklySpan(span.days, span.begins, span.ends) for span in rule.armed), timezone)
