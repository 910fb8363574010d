"""Every text can be read on what lies behind it, in both themes: WCAG 2.2 AA, 4.5 to 1."""

import re

import pytest

from console.web.i18n import FOLDER

CSS = (FOLDER.parent / "static" / "console.css").read_text()
GROUNDS = ("ground", "card", "raised")
# text colour -> what it is written on
PAIRS = [
    *((colour, ground) for colour in ("text", "soft", "link") for ground in (*GROUNDS, "alarm", "warn")),
    *((colour, ground) for colour in ("urgent", "high", "medium", "low", "good") for ground in ("ground", "card")),
    ("urgent", "alarm"),
    ("high", "warn"),
    ("on", "act"),
    ("on", "urgent"),
    ("ground", "text"),
]


def theme(selector: str) -> dict[str, str]:
    block = re.search(re.escape(selector) + r" \{(.*?)\n\}", CSS, re.DOTALL)
    assert block
    return dict(re.findall(r"--(\w+): (#[0-9a-f]+);", block[1]))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("selector", [":root", ':root[data-theme="light"]'])
def test_texts_stand_out(selector):
    colours = theme(selector)
    for text, ground in PAIRS:
        light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
