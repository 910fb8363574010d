"""Code words of the search, the statistics and the handover as sentences in English."""

FIND_WORDS: dict[str, dict[str, str]] = {
    "search_problem": {
        "time": "The time can't be read. Write day and hour like this: {example}.",
        "order": "The end must come after the beginning.",
        "clock": "The time of day can't be read. Write it like this: 02:14.",
        "length": "The length of the stay can't be read. Write it like this: 90 s, 5 min, 1 h.",
        "word": "This console does not know what is asked for there. Choose it from the lists.",
    },
    "search_csv": {
        "site": "Site",
        "camera": "Camera",
        "zone": "Zone",
        "opened": "When ({timezone})",
        "rule": "What rang",
        "priority": "Priority",
        "seconds": "Seconds of the stay",
        "state": "State",
        "reason": "What it was",
        "note": "Note",
        "owner": "Owner",
        "acknowledged": "Acknowledged at",
        "closed": "Closed at",
        "id": "Number of the alert",
    },
}
