"""English texts of the code words about alerts as work; the catalogue has the Vietnamese."""

WORK_WORDS: dict[str, dict[str, str]] = {
    "step": {
        "acknowledge": "Acknowledge",
        "start": "Start handling",
        "resume": "Go on",
        "hold": "Put on hold",
        "take_over": "Take over",
        "close": "Close",
        "note": "Note",
        "prioritise": "Priority",
        "correct": "Correct the outcome",
        "reopen": "Open again",
    },
    "done": {
        "acknowledge": "acknowledged it",
        "start": "started handling it",
        "resume": "went on with it",
        "hold": "put it on hold",
        "take_over": "took it over from {was}",
        "close": "closed it: {became}",
        "note": "noted:",
        "prioritise": "set the priority from {was} to {became}",
        "correct": "corrected the outcome from {was} to {became}:",
        "reopen": "opened it again (the outcome was: {was}):",
    },
}

# Of the group "problem", and of scripts.
WORK_PROBLEMS = {
    "already_closed": "This alert is closed already.",
    "not_acknowledged": "Acknowledge this alert first.",
    "not_closed": "This alert is not closed.",
    "not_your_closing": "Somebody else closed it: a supervisor can correct it.",
    "why_missing": "Please write why.",
}
