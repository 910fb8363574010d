"""What is wrong with a node itself, as sentences with their figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from console.web.i18n import Language
from console.web.words import WORDS, sentence

_FIGURES: dict[str, Callable[[Language, float], str]] = {
    "hot": lambda language, celsius: f"{language.number(celsius)} °C",
    "disk_worn": Language.share,
    "memory_low": Language.share,
    "link_errors": Language.share,
    "outbox_filling": Language.share,
    "load_high": lambda language, each: language.number(each, 1),
}
_INTENDED = ("uploads_quiet",)  # what people have set so is nothing to take care of


@dataclass(frozen=True, slots=True)
class NodeProblem:
    """One problem as a node told it. severity: a word of the group "problem_severity". since_at_s: by its clock."""

    code: str
    severity: str
    since_at_s: float | None = None
    subject: str = ""
    figure: float | None = None

    @property
    def for_the_wall(self) -> bool:
        """Whether somebody on the wall must see to it: what is critical, fills up or ends soon."""
        return self.severity == "critical" or self.code in ("disk_days_left", "outbox_filling", "calendar_ends")

    def told(self, language: Language) -> str:
        """The sentence; one that names the code word where it is newer than this console."""
        if self.code not in WORDS["node_problem"]:
            return sentence(language, "node_problem", self.code)
        ended = self.code == "certificate_ends" and (self.figure or 0) < 1
        text = sentence(language, "node_problem", "certificate_ended" if ended else self.code)
        shown = _FIGURES.get(self.code, Language.number)
        return text.format(subject=self.subject, figure="" if self.figure is None else shown(language, self.figure))


def gone_links(links: Mapping[str, float | None]) -> tuple[NodeProblem, ...]:
    """A node's network sockets that are gone; links: by name since when, None while it is there."""
    return tuple(
        NodeProblem("link_gone", "critical", since, name) for name, since in links.items() if since is not None
    )


def node_problems(health: Mapping[str, Any]) -> tuple[NodeProblem, ...]:
    """The problems in a health message as JSON. Older nodes tell code words alone, cameras' among them."""
    told = health.get("node_problems")
    if told is not None:
        found = (NodeProblem(**{name: one.get(name) for name in NodeProblem.__slots__}) for one in told)
        return tuple(replace(one, severity="notice") if one.code in _INTENDED else one for one in found)
    words = health.get("problems", ())
    return tuple(NodeProblem(word, "critical") for word in words if not word.startswith("camera_"))
