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
    "why": {
        "loitering": "Somebody has stayed in the zone for {dwell}. The limit is {limit}.",
        "loitering_free": "Somebody has stayed in the zone for {dwell}.",
        "repeated_presence": "Somebody came {visits} times and stayed {dwell} in all. The limit is {limit}.",
        "repeated_presence_free": "Somebody came {visits} times and stayed {dwell} in all.",
        "intrusion": "Somebody is in a zone where nobody may be at this hour.",
        "crowd": "{people} people have been together for {dwell}. The limit is {limit}.",
        "crowd_free": "{people} people have been together for {dwell}.",
        "line_crossing": "Somebody has crossed the line.",
        "line_crossing_in": "Somebody has crossed the line inwards.",
        "line_crossing_out": "Somebody has crossed the line outwards.",
    },
    "clock": {
        "slow": "The clock of this box is {duration} slow. Times are corrected here; set the clock of the box.",
        "fast": "The clock of this box is {duration} fast. Times are corrected here; set the clock of the box.",
    },
    "missing": {
        "not_recorded": "Nothing is recorded of these seconds: the camera was away, or it is overwritten already.",
        "recording_damaged": "The recording of these seconds is damaged on the disk of the box.",
        "disk_full": "The clip could not be written: the disk of the box is full.",
        "not_written": "The clip could not be written on the box.",
        "camera_removed": "The camera was taken out of the box before the clip was made.",
        "file_gone": "A file is gone from the disk of the box.",
        "file_damaged": "A file is damaged on the disk of the box.",
    },
    "aside": {
        "malformed": "The message can't be read by this console. Box and console may be of different versions.",
        "node_unknown": "This console knows no box of that name. Add it.",
        "foreign_event": "The alert belongs to another box.",
        "untimely": "Its time can't be true. Set the clock of the box.",
        "absurd_number": "Its number can't be true.",
        "not_stored": "The database can't hold it.",
    },
    "clip": {"here": "Watch the clip", "coming": "The clip is on its way …", "missing": "No clip"},
    "picture": {"coming": "Picture on its way", "missing": "No picture"},
    "file": {
        "clip": "Clip",
        "snapshot": "Picture",
        "snapshot_boxes": "Picture with frames drawn on it",
        "track": "Positions of the people",
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
    "camera": {"sees": "Sees", "impaired": "Impaired", "blind": "Sees nothing", "unknown": "Not known now"},
    "node": {
        "ok": "In order",
        "degraded": "Impaired",
        "offline": "Offline",
        "silent": "Silent",
        "never_seen": "Never connected",
        "unknown": "Not known now",
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
        "unsupported_codec": "the camera's video format can't be used: set it to H.264 or H.265",
        "damaged_stream": "the stream is damaged",
        "resolution_changed": "the picture size has changed: connecting anew",
        "picture_size_unknown": "the camera does not say how large its picture is",
        "sign_in_too_long": "the name or password is too long for the camera",
        "not_tls": "the camera does not answer in encrypted form",
        "certificate_untrusted": "the camera's certificate is not trusted",
        "transport_refused": "the camera refuses this way of sending: try TCP instead of UDP, or the other way round",
        "camera_error": "the camera answers with an error of its own",
        "stopped": "the watching was stopped",
        "unknown": "the cause is not known; look at the box's log",
        "not_recording": "the recording stands still",
        "overloaded": "the box has too much to do and can't look at every picture",
        "worker_restarts": "the watching process restarts",
        "node_offline": "the box that watches it is offline",
        "node_silent": "the box that watches it is not heard",
    },
    "node_problem": {
        "outbox_full": "Too much waits to be sent: what is least important is being left out. Look at the connection.",
        "console_unreachable": "Clips and pictures do not come through. Look at the connection.",
        "worker_down": "A watching process is being started again.",
        "recording_stopped": "Nothing is recorded any more: the disk is full of what may not be deleted. "
        "Make room on it, or let go of what is held.",
        "disk_hours_left": "Hours until the disk is full and recording stops: {n}. "
        "Make room on it, or let go of what is held.",
        "disk_days_left": "Days until the disk is full and recording stops: {n}. "
        "Make room on it, or let go of what is held.",
        "recording_short": "The recording of {n} does not reach back as many days as it should. "
        "Its limit of disk space is too small.",
        "files_damaged": "Files of the recording are damaged: {n}. Look at the disk.",
    },
    "problem": {
        "wrong_password": "Name or password is wrong.",
        "too_many_tries": "Too many wrong tries. Wait a few minutes.",
        "password_too_short": "The password needs at least 10 characters.",
        "passwords_differ": "The two passwords differ.",
        "name_missing": "Please give a name of 1 to 64 digits and letters of one script (of Latin ones a-z, đ and ƀ, "
        "with marks); blanks and . - _ ' @ may stand between.",
        "name_taken": "This name is taken. Choose another one.",
        "not_found": "There is nothing here.",
        "not_yours": "Your account may not see this.",
        "link_used": "This link has been used or withdrawn, or has expired. Ask an administrator for a new one.",
        "first_link_used": "This link does not work any more. Start the console again for a new one.",
        "last_administrator": "This is the last administrator, whose role must stay. Make another one first.",
        "foreign_origin": "This request came from another page and was refused.",
        "taken": "{by} has this alert already.",
        "already_closed": "This alert is closed already.",
        "reason_missing": "Please choose what it was.",
        "too_large": "This request is too large.",
        "not_a_form": "Only forms are taken here.",
        "try_again_soon": "Many people are signing in at this moment. Please try again in a few seconds.",
        "malformed": "Something in this request is missing or too long.",
        "database_away": "The console can't reach its database now. It tries again by itself.",
        "broker_away": "The box can't be asked now: no connection to the broker.",
    },
}

SCRIPT_WORDS = {
    "stale": "No connection since {time}. What you see may be old.",
    "sound_on": "Sound is on",
    "sound_off": "Sound off: turn it on",
    "sound_waits": "Click anywhere to let it ring",
    "taken": "{by} has this alert already.",
    "settling": "Another alert has just come to the top. Look at it, then press A again.",
    "moved_off": "The alert that was chosen is no longer here. Choose another one.",
    "not_done": "That did not work. Please try again.",
    "seconds": "{s} s",
    "minutes": "{m} min",
    "minutes_seconds": "{m} min {s} s",
    "hours": "{h} h {m} min",
    "no_playback": "This browser can't play the clip. Download it below and play it with VLC.",
    "moment": "at the alarm",
    "before": "{s} s before the alarm",
    "after": "{s} s after the alarm",
    "asked": "Asked for …",
    "node_away": "The box can't be asked now: no connection to the broker.",
}


def node_problem(language: Language, problem: str) -> str:
    """The sentence of a node's problem: a code, for some with a figure or a name behind a colon."""
    code, _, told = problem.partition(":")
    known = WORDS["node_problem"]
    return language.text(known[code]).format(n=told) if code in known else problem


def sentence(language: Language, group: str, code: str, text: str | None = None) -> str:
    """The sentence of a code word; `text`, else the word itself, where it is newer than this console."""
    return language.text(WORDS[group][code]) if code in WORDS[group] else code if text is None else text
