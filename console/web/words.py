"""Code words of messages and states as sentences in English; the catalogue turns them into other languages."""

from console.web.calendar_words import CALENDAR_WORDS
from console.web.escalation_words import ESCALATION_PROBLEMS, ESCALATION_WORDS
from console.web.find_words import FIND_WORDS
from console.web.hold_words import HOLD_PROBLEMS, HOLD_WORDS
from console.web.i18n import Language
from console.web.people_words import PEOPLE_WORDS, PROVIDER_PROBLEMS
from console.web.picture_words import PICTURE_PROBLEMS, PICTURE_SCRIPT_WORDS
from console.web.work_words import WORK_PROBLEMS, WORK_WORDS

WORDS: dict[str, dict[str, str]] = {
    "rule": {
        "loitering": "Loitering",
        "repeated_presence": "Keeps coming back",
        "intrusion": "Intrusion",
        "crowd": "Crowd gathering",
        "line_crossing": "Line crossed",
        "camera_signal_lost": "Camera: no picture comes",
        "camera_frozen": "Camera: picture frozen",
        "camera_black": "Camera: picture black",
        "camera_overexposed": "Camera: picture white",
        "camera_covered": "Camera: lens covered",
        "camera_moved": "Camera: turned or moved",
        "camera_infra_red_failed": "Camera: infra-red light failed",
        "camera_too_dark": "Camera: too dark",
        "camera_defocused": "Camera: out of focus",
        "camera_resolution_changed": "Camera: other picture size",
        "camera_bit_rate_collapsed": "Camera: poor picture",
        "camera_frame_rate_changed": "Camera: other picture rate",
        "camera_clock_wrong": "Camera: its clock is wrong",
    },
    "severity": {"low": "Low", "medium": "Medium", "high": "High", "critical": "Urgent"},
    "state": {
        "new": "New",
        "acknowledged": "Acknowledged",
        "in_progress": "In progress",
        "on_hold": "On hold",
        "closed": "Closed",
    },
    "kind": {"camera_fault": "Faults of a camera"},
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
        "tampering": "Somebody did it on purpose",
        "camera_mended": "The camera has been put right",
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
        "camera_signal_lost": "No picture has come from the camera for {dwell}. Look at its power and its cable.",
        "camera_frozen": "The camera has sent the same picture for {dwell}. What happens there is not seen.",
        "camera_black": "The picture has been black for {dwell}, all at once. Look whether the lens is covered.",
        "camera_overexposed": "The picture has been white for {dwell}. Look for a lamp or laser before the lens.",
        "camera_covered": "Nothing of the usual view has been seen for {dwell}. Look whether the lens is covered.",
        "camera_moved": "The camera has shown another view for {dwell}. Look whether it was turned.",
        "camera_infra_red_failed": "For {dwell} it has been dark where infra-red light was before. See to the lamp.",
        "camera_defocused": "The picture has been out of focus for {dwell}. Clean the lens and focus it anew.",
        "camera_too_dark": "It has been too dark to see anybody for {dwell}. The place needs light at these hours.",
        "camera_resolution_changed": "For {dwell} the pictures have been of another size than when its view was taken. "
        "Set the camera back, or take its view anew.",
        "camera_bit_rate_collapsed": "For {dwell} the stream has had hardly any data: details can't be made out. "
        "Look at the camera's settings and the network.",
        "camera_frame_rate_changed": "For {dwell} pictures have come at another rate than before. "
        "Look at the camera's settings and the network.",
        "camera_clock_wrong": "The time that the camera writes into its pictures has been wrong for {dwell}. "
        "Times on this page are right. Set the camera's clock (NTP).",
    },
    "clock": {
        "slow": "The clock of this box is {duration} slow. Times are corrected here; set the clock of the box.",
        "fast": "The clock of this box is {duration} fast. Times are corrected here; set the clock of the box.",
    },
    "clock_now": {"same": "as here", "slow": "{duration} slow", "fast": "{duration} fast"},
    "missing": {
        "not_recorded": "Nothing is recorded of these seconds: the camera was away, or it is overwritten already.",
        "recording_damaged": "The recording of these seconds is damaged on the disk of the box.",
        "disk_full": "The clip could not be written: the disk of the box is full.",
        "not_written": "The clip could not be written on the box.",
        "camera_removed": "The camera was taken out of the box before the clip was made.",
        "file_gone": "A file is gone from the disk of the box.",
        "file_damaged": "A file is damaged on the disk of the box.",
        "given_up": "The box gave up sending it, for too much waited. It stays on the box for its days.",
        "too_large": "The clip is larger than this console takes (MAX_FILE_BYTES). It stays on the box for its days; "
        "whoever needs it has the box keep it, further down on this page.",
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
        "snapshot_before": "The view as it should be",
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
        "unwatched": "from then on nobody was looked for: the network that finds people failed",
        "sees_again": "the camera sees again",
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
        "network_unusable": "nobody is looked for: the network does not run on the box (gatehouse edge check says why)",
        "no_room_to_watch": "nobody is looked for: the disk of the box has no room to begin",
        "camera_frozen": "the same picture comes again and again",
        "camera_black": "the picture is black, since all at once",
        "camera_overexposed": "the picture is white",
        "camera_covered": "the lens is covered or sprayed",
        "camera_moved": "turned or moved: it shows another view",
        "camera_infra_red_failed": "dark: the infra-red light has failed",
        "camera_too_dark": "too dark to see anybody",
        "camera_defocused": "out of focus",
        "camera_resolution_changed": "the pictures are of another size than they were",
        "camera_frame_rate_changed": "pictures come at another rate than before",
        "camera_bit_rate_collapsed": "the stream has hardly any data left: the picture is poor",
        "camera_clock_wrong": "the camera's own clock is wrong",
        "zone_hidden": "something stands before a zone: its rules see nothing there",
        "zone_too_dark": "too dark in a zone: its rules see nothing there",
        "frame_rate_changed": "pictures come at another rate than before",
        "bit_rate_collapsed": "the stream has hardly any data left: the picture is poor",
        "camera_removed": "the camera is no longer in the settings of its box",
        "sight_unheard": "for a time it did not see, while its box was not heard: since when is not known",
        "impaired_unheard": "for a time it was impaired, while its box was not heard: since when is not known",
        "node_offline": "the box that watches it is offline",
        "node_silent": "the box that watches it is not heard",
    },
    "unknown": {
        "": "{code}",
        "fault": "a fault for which this console has no words yet: {code}",
        "no_fault": "the box tells no cause",
        "node_problem": "The box tells of something for which this console has no words yet: {code}. "
        "Update the console.",
    },
    "watched": {
        "all": "{place} was watched all the time from {begin} to {end}.",
        "known_means": "In that time, no alert means that nothing was seen that should ring. Of the rest nobody can "
        "say.",
        "all_means": "No alert in this time means that nothing was seen that should ring.",
        "none": "{place} was not watched at any moment from {begin} to {end} ({why}).",
        "none_means": "No alert in this time does not mean that nothing happened.",
        "partly": "{place} was watched {seen}, not {unseen}.",
        "often": "From {begin} to {end} {place} was watched for {seen}, and not for {unseen} in all: each of these "
        "times stands below.",
        "partly_means": "Where it was not watched, no alert does not mean that nothing happened.",
        "span": "from {begin} to {end}",
        "because": "from {begin} to {end} ({why})",
        "and": "{first} and {last}",
        "impaired": "It was impaired {spans}: it was watched, but something may have been missed.",
        "impaired_often": "It was impaired for {total} in all: it was watched, but something may have been missed.",
        "unrecorded": "Of the time before {begin} nothing is recorded here: nobody can say whether it was watched.",
        "missing": "Messages of its box missing since {begin}: {n}. An alert may be among them.",
        "unheard": "Since {begin} nothing has been heard of its box: whether it is watched will be known when the box "
        "is heard again.",
    },
    "not_known": {
        "unrecorded": "nothing is recorded here of this time",
        "unheard": "nothing has been heard of its box since then",
    },
    "time_problem": {
        "malformed": "The time can't be read. Write day and hour like this: {example}.",
        "order": "The end must come after the beginning, and the beginning before now.",
    },
    "node_problem": {
        "outbox_damaged": "Older alerts may be missing: on the disk of the box, what waited to be sent was damaged. "
        "What can be read is being sent. Check the disk, then take the file {subject} off the box.",
        "outbox_unreadable": "The list of what the box has to send can't be read or written: alerts may not get "
        "through. Look at the disk of the box: it may be full or worn out.",
        "outbox_full": "Too much waits to be sent: what is least important is being left out. Look at the connection.",
        "outbox_filling": "Of what may wait to be sent, {figure} is used up. "
        "Look at the connection before what is least important is left out.",
        "uploads_quiet": "Clips and pictures that wait for the quiet hours to end: {figure}. Alerts come through.",
        "console_unreachable": "Clips and pictures do not come through. Look at the connection.",
        "worker_down": "A watching process is being started again.",
        "workers_die": "Watching processes that died within the last hour: {figure}. Tell whoever looks after the box.",
        "disk_read_only": "The disk can't be written: nothing is being recorded. Replace it.",
        "disk_errors": "The disk has shown errors: {figure}. Save what matters and replace it.",
        "disk_worn": "The disk is wearing out: {figure} of its life is used. Replace it in time.",
        "under_voltage": "The power supply is too weak, the voltage drops: the box may stop at any moment. Use the "
        "supply made for it, with a short cable.",
        "hot": "The box is too hot: {figure}. Look at its fan, at dust and at the sun.",
        "throttled": "The processor has slowed itself down because of heat or weak power.",
        "memory_low": "The memory is nearly used up: {figure} in use.",
        "load_high": "The box has too much to do: {figure} tasks for each processor core. Watch fewer cameras with it.",
        "link_down": "Network socket {subject}: no connection. Look at the cable and at what it leads to.",
        "link_gone": "Network socket {subject} is no longer there. Look at its adapter and its plug; if it was taken "
        "out on purpose, start the box again.",
        "link_errors": "Network socket {subject}: {figure} of the data arrive damaged. Replace the cable.",
        "certificate_ends": "Days until the certificate {subject} expires: {figure}. Replace it before that, or the "
        "box can't connect any more.",
        "calendar_ends": "The calendar on the box ends within a week, for no newer one has come. After that its rules "
        "are armed as they are set on the box. Look at the connection.",
        "calendar_ended": "The calendar on the box has ended: its rules are armed as they are set on the box. Look at "
        "the connection.",
        "clock_wrong": "The clock of the box is wrong, so it can't tell which hours it is: all of its rules stay armed "
        "until the clock is set. Look at its time server (NTP).",
        "certificate_ended": "The certificate {subject} has expired. Replace it.",
        "recording_stopped": "Nothing is recorded any more: the disk is full of what may not be deleted. "
        "Make room on it, or let go of what is held.",
        "disk_hours_left": "Hours until the disk is full and recording stops: {figure}. "
        "Make room on it, or let go of what is held.",
        "disk_days_left": "Days until the disk is full and recording stops: {figure}. "
        "Make room on it, or let go of what is held.",
        "recording_short": "The recording of {subject} reaches too few days back: its limit of disk space is too low.",
        "files_damaged": "Files of the recording are damaged: {figure}. Look at the disk.",
    },
    "problem_severity": {"critical": "Act now", "warning": "Take care of it soon", "notice": "As intended"},
    "power": {"weak": "too weak", "sound": "in order"},
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
        "taken": "{by} took it on at {at}.",
        "note_missing": "Please write the note.",
        "priority_missing": "Please choose a priority.",
        "reason_missing": "Please choose what it was.",
        "too_large": "This request is too large.",
        "not_a_form": "Only forms are taken here.",
        "try_again_soon": "Many people are signing in at this moment. Please try again in a few seconds.",
        "wrong_code": "This code is wrong, or has been used already. Wait for the next one.",
        "has_second_factor": "There is a second factor already. Take it away before you set up another one.",
        "no_second_factor": "There is no second factor.",
        "place_missing": "Please choose where: the whole tree, or at least one site.",
        "more_than_yours": "You can't give more than you may do and see yourself.",
        "not_yourself": "You can't do this to your own account. Ask another administrator.",
        "account_ended": "This account has been ended. Invite the person again.",
        "calendar_newer": "A newer version of Gatehouse has made this calendar. Bring the console up to date.",
        "too_many_tokens": "There are too many tokens. End one of them first.",
        "site_taken": "There is a site of this name already.",
        "site_below": "It can't stand there: districts stand below provinces, schools below either.",
        "site_too_small": "Something stands below it that needs a larger one above it.",
        "site_in_use": "It can't be removed: boxes or sites stand there, or something happened there.",
        "malformed": "Something in this request is missing or too long.",
        "database_away": "The console can't reach its database now. It tries again by itself.",
        "broker_away": "The box can't be asked now: no connection to the broker.",
        **PICTURE_PROBLEMS,
        **HOLD_PROBLEMS,
    },
}

WORDS |= WORK_WORDS
WORDS["problem"] |= WORK_PROBLEMS
WORDS |= PEOPLE_WORDS
WORDS["problem"] |= PROVIDER_PROBLEMS
WORDS |= CALENDAR_WORDS
WORDS |= ESCALATION_WORDS
WORDS["problem"] |= ESCALATION_PROBLEMS
WORDS |= FIND_WORDS
WORDS |= HOLD_WORDS

SCRIPT_WORDS = {
    "stale": "No connection since {time}. What you see may be old.",
    "sound_on": "Sound is on",
    "sound_off": "Sound off: turn it on",
    "sound_waits": "Click anywhere to let it ring",
    "taken": "{by} took it on at {at}.",
    "taken_rest": "{by} took one of them on at {at}. The others: done ({done}).",
    **WORK_PROBLEMS,
    "about": "For all {n} alerts of this incident.",
    "about_own": "For {n} alerts of this incident. Left alone, because a colleague has them: {m}.",
    "settling": "Another alert has just come. Look at it, then press the key again.",
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
    **PICTURE_PROBLEMS,
    **PICTURE_SCRIPT_WORDS,
}


def sentence(language: Language, group: str, code: str, text: str | None = None) -> str:
    """The sentence of a code word; `text`, else one that names the word, where it is newer than this console."""
    known, unknown = WORDS[group].get(code), WORDS["unknown"]
    if known is not None:
        return language.text(known)
    if text is not None:
        return text
    if not code and group == "fault":
        return language.text(unknown["no_fault"])
    return language.text(unknown.get(group, unknown[""])).format(code=code)
