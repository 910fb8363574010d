"""How rules are set on this box, as the console is told: it shows what its calendar makes of them."""

from broker.contract.messages import RuleHours, RuleSetting
from edge.app.build import watched_rule
from edge.config.schema import RuleSection, WeeklyHours
from edge.core.rules.table import seconds_of

_ALWAYS = (WeeklyHours(),)


def rule_setting(rule: RuleSection) -> RuleSetting:
    """One rule as it is configured."""
    spans = () if rule.armed == _ALWAYS else rule.armed
    return RuleSetting(
        rule=rule.kind,
        seconds=seconds_of(watched_rule(rule, "UTC").params),
        severity=rule.severity,
        hours=tuple(RuleHours(days=span.days, begins=span.begins, ends=span.ends) for span in spans),
        follows_calendar=rule.follows_calendar,
    )
