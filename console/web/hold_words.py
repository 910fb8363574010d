"""Code words of what boxes are asked to keep as sentences in English."""

HOLD_WORDS: dict[str, dict[str, str]] = {
    "hold": {
        "asked": "Asked for. The box has not answered yet.",
        "coming": "The box keeps it; nothing of it is recorded yet.",
        "kept": "The box keeps {recorded} of {length}, {size}.",
        "kept_files": "The box keeps the files of the alert, {size}. Of the recording around it nothing is left.",
        "nothing": "Nothing of it is left on the box: it was overwritten before, or never recorded.",
        "releasing": "Let go of. The box has not answered yet.",
        "released": "Let go of. The box may overwrite it.",
    },
    "hold_problem": {
        "time": "The time can't be read. Write day and hour like this: {example}.",
        "order": "The end must come after the beginning.",
        "too_long": "At most 24 hours can be kept at once. Ask for a longer time in parts.",
        "too_far_ahead": "This ends more than a day from now. Choose an earlier end.",
        "place": "Please choose the camera.",
        "reason": "Please write why it is to be kept, and for whom.",
        "too_many": "This box keeps as much as it can be asked for. Let go of something first.",
    },
}

# Of the group "problem".
HOLD_PROBLEMS = {
    "hold_reason": "Please write the reason.",
    "hold_camera": "A box can't be told the name of this camera. Give it one of letters, digits, - and _ on the box.",
    "too_many_holds": HOLD_WORDS["hold_problem"]["too_many"],
    "hold_released": "Somebody has let go of it already.",
}
