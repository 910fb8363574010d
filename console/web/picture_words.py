"""Words of the picture wall, the live view and the plan."""

PICTURE_PROBLEMS = {
    "live_away": "The live view can't be reached now. The pictures go on coming.",
    "no_live_picture": "This camera gives no live picture now.",
    "not_a_plan": "This file is no picture that can be read. Bring a JPEG, PNG or WebP file.",
    "plan_too_large": "This picture is too large: at most 12 MB and 40 million pixels.",
    "plan_too_small": "This picture is too small to be a plan.",
}

PICTURE_SCRIPT_WORDS = {
    "live_starts": "Connecting to the camera …",
    "live_on": "Live",
    "live_failed": "The live picture has broken off. Try again.",
    "live_ended": "The live view has ended after 10 minutes. Begin it again where you still need it.",
    "plan_brings": "The plan is being sent …",
    "plan_saved": "Saved: {name}",
    "plan_taken_off": "Taken off the plan: {name}",
}
