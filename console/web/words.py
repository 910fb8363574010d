"""Code words of messages and states as sentences in English; the catalogue turns them into other languages."""

from console.web.i18n import Language

WORDS: dict[str, dict[str, str]] = {
    "rule": {
        "loitering": "Loitering",
        "repeated_presence": "Keeps coming back",
        "intrusion": "Intrusion",
        "crowd": "Crowd gathering",
        "line_crossing": "Line crossed",
    },
    "severity": {"low": "Low", "medium": "Medium", "high": "High", "critical": "Urgent"},
    "state": {"new": "New", "acknowledged": "Acknowledged", "closed": "Closed"},
    "reason": {
        "incident": "Incident",
        "parent_or_carer": "Parent or carer",
        "pupil": "Pupil",
        "staff": "Staff",
        "vendor": "Street vendor",
        "resident": "Resident",
        "passer_by": "Passer-by",
        "animal": "Animal",
        "false_box": "Nobody was there",
        "test": "Test",
    },
    "because": {
        "left": "the person left",
        "lost": "the person is no longer seen",
        "disarmed": "the watch hours ended",
        "dispersed": "the crowd dispersed",
        "crossed": "the line was crossed",
        "restart": "the box restarted",
        "camera_lost": "the camera was lost",
    },
    "gap": {
        "missed_detection": "not recognised for a moment",
        "occlusion": "hidden behind something",
        "identity_switch": "mixed up with somebody and told apart again",
        "brief_exit": "stepped out briefly",
    },
    "camera": {"sees": "Sees", "impaired": "Impaired", "blind": "Sees nothing"},
    "node": {
        "ok": "In order",
        "degraded": "Impaired",
        "offline": "Offline",
        "silent": "Silent",
        "never_seen": "Never connected",
    },
    "fault": {
        "connecting": "connecting",
        "no_pictures": "the stream holds no pictures that can be decoded",
        "wrong_password": "the camera refuses the password",
        "password_missing": "the camera asks for a password",
        "forbidden": "the account may not watch this stream",
        "no_such_stream": "the camera has no such stream",
        "name_not_resolved": "the camera's name is not known on the network",
        "host_unreachable": "there is no way to the camera",
        "connection_refused": "nothing answers on the camera's port",
        "connection_lost": "the connection broke",
        "no_answer": "the camera does not answer",
        "stalled": "signal lost: the camera sends no more pictures",
        "end_of_stream": "the camera ended the stream",
        "not_rtsp": "this is not a camera",
        "not_video": "the stream carries no video",
        "damaged_stream": "the stream is damaged",
        "not_recording": "the recording stands still",
        "worker_restarts": "the watching process restarts",
    },
    "problem": {
        "wrong_password": "Name or password is wrong.",
        "too_many_tries": "Too many wrong tries. Wait a few minutes.",
        "password_too_short": "The password needs at least 10 characters.",
        "passwords_differ": "The two passwords differ.",
        "name_missing": "Please give a name of 1 to 64 characters.",
        "name_taken": "This name is taken. Choose another one.",
        "not_found": "There is nothing here.",
        "not_yours": "Your account may not see this.",
        "link_used": "This link has been used or has expired. Start the console again for a new one.",
        "foreign_origin": "This request came from another page and was refused.",
        "already_closed": "This alert is closed already.",
        "reason_missing": "Please choose what it was.",
        "broker_away": "The node can't be asked now: no connection to the broker.",
    },
}

SCRIPT_WORDS = {
    "stale": "No connection since {time}. What you see may be old.",
    "sound_on": "Sound is on",
    "sound_off": "Turn sound on",
    "seconds": "s",
}


def sentence(language: Language, group: str, code: str) -> str:
    """The sentence of a code word; the word itself where it is newer than this console."""
    return language.text(WORDS[group].get(code, code))
