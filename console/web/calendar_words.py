"""English texts of the code words about calendars; the Vietnamese ones stand in the catalogue."""

import re
from collections.abc import Callable, Mapping

CALENDAR_WORDS: dict[str, dict[str, str]] = {
    "day_kind": {
        "school_day": "School day",
        "exam_day": "Exam day",
        "special_day": "Day with an event",
        "holiday": "Holiday",
        "no_school": "No school",
    },
    "period": {
        "drop_off": "Drop-off",
        "lessons": "Lessons",
        "break": "Break",
        "exam": "Exam",
        "event": "Event",
        "pick_up": "Pick-up",
        "after_hours": "After hours",
    },
    "rang_in": {
        "drop_off": "It was drop-off time.",
        "lessons": "It was during lessons.",
        "break": "It was during a break.",
        "exam": "It was during an exam.",
        "event": "It was during an event at the school.",
        "pick_up": "It was pick-up time.",
        "after_hours": "It was after hours.",
        "clock_wrong": "The clock of the box was wrong, so all of its rules were armed.",
    },
    "said_by": {
        "own": "set here",
        "province": "from the province",
        "district": "from the district",
        "school": "from the school",
        "suggested": "suggested by Gatehouse",
    },
    "order_mode": {
        "inherit": "as above",
        "box": "at the box's own hours",
        "off": "off",
        "on": "on",
    },
    "calendar_part": {
        "start": "A calendar for this place",
        "end": "No own calendar any more",
        "week": "Week",
        "times": "Times of the day",
        "days": "Own days",
        "orders": "What is armed",
    },
    "calendar_problem": {
        "no_time": "Write each time as hours and minutes, for example 07:30.",
        "no_date": "Write each date as year, month and day, for example 2026-11-20.",
        "no_number": "Write the seconds as a number.",
        "no_week": "Choose a kind for each of the seven days.",
        "no_scope": "This place is not watched any more. Choose another one.",
        "times_order": "Each time of the day must end after it begins.",
        "times_overlap": "Two times of the day overlap. Change one of them.",
        "too_many_spans": "A day has at most 16 times.",
        "days_order": "The last day must not be before the first.",
        "days_long": "One entry is at most 200 days long. Make two of it.",
        "days_overlap": "Two entries name the same date. Change one of them.",
        "too_many_days": "There are too many entries. Take out old ones.",
        "too_many_orders": "There are too many settings for single zones. Take some out.",
        "seconds": "Seconds are from 1 to 7200.",
        "changed_meanwhile": "Somebody else has changed this calendar in the meantime. Look at it and do it again.",
    },
    "calendar_change": {
        "public_holidays": "Public holidays are free",
        "no_public_holidays": "Public holidays are not free",
    },
    "weekday": {
        "0": "Monday",
        "1": "Tuesday",
        "2": "Wednesday",
        "3": "Thursday",
        "4": "Friday",
        "5": "Saturday",
        "6": "Sunday",
    },
}


_IN_CHANGES = ("day_kind", "period", "order_mode", "calendar_part", "calendar_change", "rule", "severity")


def told_change(detail: str, say: Callable[[str, str], str], words: Mapping[str, Mapping[str, str]]) -> str:
    """What the record says of a changed calendar, with its code words in the reader's language.

    say: the sentence of a code word of a group. words: all groups. What stands in quotes is what people wrote.
    """

    def told(match: re.Match[str]) -> str:
        word = match[0]
        group = next((one for one in _IN_CHANGES if word in words[one]), None)
        return say(group, word) if group else word

    parts = detail.split('"')
    return '"'.join(part if number % 2 else re.sub(r"[a-z_]+", told, part) for number, part in enumerate(parts))
