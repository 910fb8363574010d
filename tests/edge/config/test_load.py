"""The configuration file: examples load, every problem is told with its place and cure."""

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.certificates import make_certificates
from edge.config import schema
from edge.config.document import ConfigError
from edge.config.load import load_config, read_secret

ROOT = Path(__file__).resolve().parents[3]
GOOD = """
node: {name: box, state_dir: state}
broker: {host: 127.0.0.1, port: 1883, tls: false, password_file: secret}
console: {url: "http://127.0.0.1:8080", token_file: secret}
cameras:
  - name: gate
    url: rtsp://127.0.0.1/gate
    zones:
      - name: z
        polygon: [[0, 0], [1, 0], [1, 1]]
    rules:
      - {kind: loitering, zone: z, dwell_s: 60}
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "secret").write_text("s\n")

    def _write(text: str) -> Path:
        path = tmp_path / "edge.yaml"
        path.write_text(text)
        return path

    return _write


@pytest.mark.parametrize("example", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_loads(example, tmp_path):
    text = example.read_text()
    (tmp_path / "secrets").mkdir()
    make_certificates(tmp_path / "secrets", "gatehouse.example.org")
    for name in ("broker.password", "console.token", "camera.password"):
        (tmp_path / "secrets" / name).write_text("x\n")
    (tmp_path / example.name).write_text(text)
    config = load_config(tmp_path / example.name, with_secrets=example.name == "school.yaml")
    assert config.cameras


def test_the_first_example_shows_every_setting():
    text = (ROOT / "configs" / "school.yaml").read_text()
    sections = [value for value in vars(schema).values() if isinstance(value, type) and hasattr(value, "model_fields")]
    missing = {name for section in sections for name in section.model_fields if f"{name}:" not in text}
    assert not missing, f"show {sorted(missing)} in configs/school.yaml"


def test_alarms_about_a_camera_are_chosen_by_fault_and_an_unknown_one_is_told(write):
    alarms = "    camera_alarms: {all: none, camera_covered: critical}\n    zones:"
    camera = load_config(write(GOOD.replace("    zones:", alarms)), with_secrets=False).cameras[0]
    assert camera.camera_alarms == {"all": "none", "camera_covered": "critical"}
    with pytest.raises(ConfigError, match="camera_alarms") as raised:
        load_config(write(GOOD.replace("    zones:", "    camera_alarms: {covered: high, all: loud}\n    zones:")))
    assert "camera_covered" in str(raised.value)
    assert "critical" in str(raised.value)


def test_paths_are_relative_to_the_file(write):
    path = write(GOOD)
    config = load_config(path)
    assert config.node.state_dir == path.parent / "state"
    assert config.broker.password_file == path.parent / "secret"


# what is changed in the good file, the line the fault is at, and words that must stand in the report
BAD = [
    ("name: gate\n", "name: gate\n    colour: red\n", 7, "unknown key"),
    ("name: gate\n", "name: gate\n    analysd_fps: 3\n", 7, "did you mean 'analysed_fps'"),
    ("dwell_s: 60", "dwell_s: soon", 12, "not 'soon'"),
    ("dwell_s: 60", "dwell_s: on", 12, "reads 'on' as yes or no"),
    ("zone: z,", "zone: q,", 12, "'q' is no zone of this camera (there is: z)"),
    ("kind: loitering", "kind: dancing", 12, "there is no rule 'dancing'"),
    ("[1, 0], [1, 1]", "[1, 0]", 10, "at least 3"),
    ("[1, 0], [1, 1]", "[0.5, 0], [1, 0]", 10, "line"),
    ("[1, 0], [1, 1]", "[1, 1], [1, 0], [0, 1]", 10, "cross"),
    ("[1, 1]]", "[1, 2]]", 10, "less than or equal to 1"),
    ("rtsp://127", "rtsp://user:pw@127", 7, "take the user and password out"),
    ("rtsp://127.0.0.1/gate", "/dev/video0", 7, "must look like rtsp://"),
    ("rtsp://127.0.0.1/gate", "rtsp://127.0.0.1:99999/gate", 7, "Port out of range"),
    ("rtsp://127.0.0.1/gate", "rtsp://127.0.0.1:/gate", 7, "the port is missing"),
    ("rtsp://127.0.0.1/gate", "rtsp://[::1/gate", 7, "Invalid IPv6 URL"),
    ("rtsp://127.0.0.1/gate", "'rtsp://127.0.0.1/a gate'", 7, "no spaces"),
    ("name: gate\n", "name: gate\n    ca_file: secret\n", 6, "ca_file is for rtsps"),
    ("host: 127.0.0.1", "host: 192.0.2.1", 3, "tls: true"),
    ("http://127.0.0.1:8080", "http://192.0.2.1", 4, "https://"),
    ("token_file: secret", "token_file: nothing", 4, "can't be read"),
    ("state_dir: state", "state_dir: state, timezone: Mars/Base", 2, "no time zone"),
    ("dwell_s: 60", "dwell_s: 60, armed: [{days: []}]", 12, "at least 1"),
    ("dwell_s: 60", "dwell_s: 60, armed: [{begins: '07:00', ends: '07:00'}]", 12, "for the whole day write"),
    ("kind: loitering, zone: z, dwell_s: 60", "kind: repeated_presence, zone: z, dwell_s: 901", 12, "window longer"),
    ("dwell_s: 60}", "dwell_s: 60}\n      - {kind: line_crossing, name: z, line: [[0, 0], [1, 1]]}", 13, "named 'z'"),
    ("name: box", "name: my box", 2, "letters, digits"),
    ("  - name: gate\n", "  - name: gate\n    name: gate\n", 7, "stands twice"),
    ("state_dir: state", "state_dir: secret", 2, "no folder that this account may write to"),
    ("state_dir: state", "state_dir: secret/state", 2, "no folder that this account may write to"),
    ("state_dir: state", 'state_dir: "a\\0b"', 2, "no file is named so"),
    ("state_dir: state", "state_dir: ''", 2, "no file is named so"),
    ("password_file: secret", "password_file: ~no-such-account/secret", 3, "can't be read"),
    ("host: 127.0.0.1", "host: gate..example.org", 3, "no name or address of a machine"),
    ("host: 127.0.0.1", "host: " + "a" * 64, 3, "no name or address of a machine"),
    ("rtsp://127.0.0.1/gate", "rtsp://gate..example.org/", 7, "no name or address of a machine"),
    ("name: gate\n", 'name: gate\n    username: "a\\r\\nb"\n    password_file: secret\n', 7, "match pattern"),
    ("dwell_s: 60", "dwell_s: " + "9" * 5000, 12, "finite number"),
    ("dwell_s: 60", "dwell_s: 0x" + "f" * 5000, 12, "valid number"),
    ("dwell_s: 60", "dwell_s: !!timestamp soon", 12, "not 'soon'"),
    ("dwell_s: 60", "dwell_s: !secret x", 12, "could not determine a constructor for the tag '!secret'; take it out"),
    ("state_dir: state", "state_dir: state, workers: " + "9" * 5000, 2, "node.workers"),
    ("name: gate\n", "name: gate\n    recording: {max_bytes: " + "9" * 4000 + "}\n", 7, "max_bytes"),
    ("name: gate\n", "name: gate\n    " + "9" * 999 + ": 1\n", 7, "unknown key"),
    ("polygon: [", "polygon: " + "[" * 9999, 10, "nested deeper"),
    ("polygon: [[0, 0]", 'polygon: ["\\UFFFFFFFF"', 10, "too large"),
    ("name: gate\n", "name: gate\x01\n", 6, "U+0001"),
]


@pytest.mark.parametrize(("old", "new", "line", "words"), BAD, ids=[row[3][:60] for row in BAD])
def test_a_fault_is_told_with_its_place_and_cure(write, old, new, line, words):
    assert old in GOOD
    with pytest.raises(ConfigError) as error:
        load_config(write(GOOD.replace(old, new, 1)), network_fault=lambda _: "")
    told = [problem for problem in error.value.problems if words in str(problem)]
    assert told, str(error.value)
    assert told[0].line == line, str(error.value)


def test_a_file_in_another_alphabet_is_told_with_the_line(write):
    path = write(GOOD)
    path.write_bytes(GOOD.encode() + b"  # C\xd4ng\n")
    with pytest.raises(ConfigError, match=r"line 13: .*save it as UTF-8"):
        load_config(path)


ALWAYS = "armed: [{days: [sun, mon, tue, wed, thu, fri, sat], begins: 00:00, ends: '24:00'}]"
LINE = "kind: line_crossing, line: [[0, 0], [1, 1]]"


@pytest.mark.parametrize(
    "rules",
    [
        ["kind: loitering, zone: z, dwell_s: 60"] * 2,
        ["kind: loitering, zone: z, dwell_s: 60", f"zone: z, dwell_s: 60.0, kind: loitering, {ALWAYS}"],
        ["kind: loitering, zone: z, dwell_s: 60", "kind: loitering, zone: z, dwell_s: 6e+1, second_stage_at: 2"],
        ["kind: intrusion, zone: z, severity: high", "kind: intrusion, zone: z, confirm_s: 1"],
        ["kind: crowd, zone: z, people: 3", "kind: crowd, zone: z, people: 3, hold_s: 10.0"],
        ["kind: repeated_presence, zone: z, dwell_s: 9", "kind: repeated_presence, zone: z, dwell_s: 9, window_s: 900"],
        [f"{LINE}, name: a", f"{LINE}, name: b, direction: both"],
    ],
    ids=lambda rules: rules[1][:60],
)
def test_a_rule_that_would_double_each_alert_is_told(write, rules):
    listed = "".join(f"      - {{{rule}}}\n" for rule in rules)
    with pytest.raises(ConfigError) as error:
        load_config(write(GOOD.replace("      - {kind: loitering, zone: z, dwell_s: 60}\n", listed)))
    (problem,) = error.value.problems
    assert (problem.place, problem.line) == ("cameras[0].rules[1]", 13)
    assert "rules[0], so that each alert would come twice; take one out" in problem.text


def test_rules_that_differ_in_what_or_when_stand_side_by_side(write):
    rules = [
        "kind: loitering, zone: z, dwell_s: 60, armed: [{ends: '12:00'}]",
        "kind: loitering, zone: z, dwell_s: 60, armed: [{begins: '12:00'}]",
        "kind: loitering, zone: z, dwell_s: 120",
        "kind: repeated_presence, zone: z, dwell_s: 60",
        "kind: repeated_presence, zone: z, dwell_s: 60, window_s: 600",
        f"{LINE}, name: a, direction: in",
        f"{LINE}, name: b, direction: out",
    ]
    listed = "".join(f"      - {{{rule}}}\n" for rule in rules)
    path = write(GOOD.replace("      - {kind: loitering, zone: z, dwell_s: 60}\n", listed))
    assert len(load_config(path).cameras[0].rules) == len(rules)


def test_the_same_rule_at_two_cameras_is_no_double(write):
    second = GOOD[GOOD.index("  - name: gate") :].replace("name: gate", "name: yard")
    assert len(load_config(write(GOOD + second)).cameras) == 2


def test_a_camera_has_no_more_shapes_than_a_message_holds(write):
    zones = "".join(f"\n      - {{name: z{i}, polygon: [[0, 0], [1, 0], [1, 1]]}}" for i in range(32))
    text = GOOD.replace("\n      - name: z\n        polygon: [[0, 0], [1, 0], [1, 1]]", zones).replace(
        "zone: z,", "zone: z1,"
    )
    assert len(load_config(write(text)).cameras[0].zones) == 32
    line = "      - {kind: line_crossing, name: l, line: [[0, 0], [1, 1]]}\n"
    with pytest.raises(ConfigError, match="32 zones and 1 lines; a camera may have 32 in all"):
        load_config(write(text + line))


def test_all_faults_are_told_at_once(write):
    text = (
        GOOD.replace("name: box", "name: my box").replace("dwell_s: 60", "dwell_s: -1").replace("zone: z,", "zone: q,")
    )
    text += "  - {name: gate, url: 'rtsp://127.0.0.1/other'}\n"
    with pytest.raises(ConfigError) as error:
        load_config(write(text))
    told = str(error.value)
    for words in ("letters", "greater than or equal", "no zone of this camera", "more than one camera is named 'gate'"):
        assert words in told, told


def test_faults_between_keys_and_missing_secrets_are_told_with_those_of_single_keys(write):
    text = GOOD.replace("host: 127.0.0.1", "host: 192.0.2.1").replace("token_file: secret", "token_file: nothing")
    text = text.replace("  - name: gate\n", "  - name: gate\n    username: guard\n    colour: red\n")
    with pytest.raises(ConfigError) as error:
        load_config(write(text))
    told = str(error.value)
    for words in ("unknown key", "tls: false is allowed on this machine", "can't be read", "go together"):
        assert words in told, told
    assert len(error.value.problems) == 4


def test_a_few_lines_that_stand_for_millions_are_refused_at_once(write):
    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    with pytest.raises(ConfigError, match="without aliases"):
        load_config(write(bomb))


def test_quiet_hours_and_a_limit_are_read_and_hours_without_length_are_told(write):
    spans = '[{days: [mon], begins: "22:00", ends: "06:00"}, {begins: "12:00", ends: "12:00"}]'
    upload = f"upload: {{max_bytes_per_s: 250_000, quiet_hours: {spans}}}\n"
    with pytest.raises(ConfigError, match=r"upload\.quiet_hours\[1\]: begins and ends are the same"):
        load_config(write(upload + GOOD))
    config = load_config(write(upload.replace('"12:00"}', '"13:00"}') + GOOD))
    assert (config.upload.max_bytes_per_s, config.upload.quiet_hours[0].ends) == (250_000, "06:00")
    with pytest.raises(ConfigError, match=r"upload\.quiet_hours\[0\]: quiet all week"):
        load_config(write("upload: {quiet_hours: [{}]}\n" + GOOD))
    with pytest.raises(ConfigError, match=r"upload\.max_bytes_per_s"):
        load_config(write("upload: {max_bytes_per_s: 0}\n" + GOOD))


def test_a_secret_keeps_its_blanks(tmp_path):
    (tmp_path / "secret").write_text(" spaced pw \n")
    assert read_secret(tmp_path / "secret") == " spaced pw "


def test_a_secret_never_stands_in_a_report(write):
    with pytest.raises(ConfigError) as error:
        load_config(write(GOOD.replace("rtsp://127", "rtsp://user:hunter2@127")))
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "content", "words"),
    [
        ("password_file: odd", b"", "is empty"),
        ("password_file: odd", b"\xff\xfe", "not text"),
        ("password_file: odd", b"one\ntwo\n", "several lines"),
        ("password_file: secret, ca_file: odd", b"x", "holds no certificate"),
        (
            "password_file: secret, ca_file: odd",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "no cert",
        ),
        ("password_file: .", b"", "Is a directory"),
    ],
)
def test_secrets_and_certificates_that_are_none_are_told(write, line, content, words):
    path = write(GOOD.replace("password_file: secret", line))
    (path.parent / "odd").write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load_config(path)
    load_config(path, with_secrets=False)


def test_a_token_that_no_header_takes_is_told(write):
    path = write(GOOD.replace("token_file: secret", "token_file: odd"))
    (path.parent / "odd").write_text("tökén")
    with pytest.raises(ConfigError, match="copy it again from the console"):
        load_config(path)


def test_unquoted_times_are_not_read_as_minutes(write):
    hours = "armed: [{begins: 22:00, ends: 5:30}]"
    config = load_config(write(GOOD.replace("dwell_s: 60", "dwell_s: 60, " + hours)))
    assert config.cameras[0].rules[0].armed[0].begins == "22:00"
    assert config.cameras[0].rules[0].armed[0].ends == "05:30"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: [",
        "\x00",
        "- 1",
        "node: 3",
        "a: &a [*a]",
        "cameras: {1: 2}",
        "a: 2026-13-45",
        "? [a]",
        "%YAML " + "9" * 5000 + ".1",
    ],
)
def test_what_is_no_configuration_is_told(write, text):
    with pytest.raises(ConfigError):
        load_config(write(text))


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        load_config(tmp_path / "nothing.yaml")


def check(path: Path) -> None:
    """It loads, or its problems are told; anything else is raised."""
    with suppress(ConfigError):
        load_config(path)


KEYS = sorted(
    {name for value in vars(schema).values() if hasattr(value, "model_fields") for name in value.model_fields} | {"tls"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(
        ["gate", "z", "loitering", "line_crossing", "22:00", "rtsp://a:b@c/d", "rtsp://[", "x:y://", "24:00"]
    )
    | st.dates()
    | st.binary(max_size=3)
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | SCALARS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(DOCUMENTS)
def test_odd_documents_never_do_more_than_a_config_error(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("odd") / "edge.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError):
        load_config(path)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.data())
def test_one_odd_value_in_a_good_file_is_told_or_taken(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("odd")
    (folder / "secret").write_text("s")
    document = yaml.safe_load(GOOD)
    at = document
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(DOCUMENTS)
    (folder / "edge.yaml").write_text(yaml.safe_dump(document))
    check(folder / "edge.yaml")


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.text(alphabet="abz: -[]{}\n\t#&*!|>%@`'\"?,.~0\x00\x85\ufeff\ud800é", max_size=60) | st.binary(max_size=60))
def test_odd_text_never_does_more_than_a_config_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("odd") / "edge.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError):
        load_config(path)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.data())
def test_a_good_file_that_is_cut_or_scrambled_never_does_more_than_a_config_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("odd")
    (folder / "secret").write_text("s")
    begin = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(begin, min(len(GOOD), begin + 12)))
    filling = data.draw(st.text(alphabet=" \n:-[]{}&*!~0'\"a", max_size=4))
    (folder / "edge.yaml").write_text(GOOD[:begin] + filling + GOOD[end:])
    check(folder / "edge.yaml")


def test_a_signal_is_not_lost_before_it_can_be_missed(write):
    camera = GOOD.replace("cameras:\n  - ", "cameras:\n  - signal_lost_s: 5\n    stall_s: 60\n    ", 1)
    with pytest.raises(ConfigError, match=r"signal_lost_s: 5 s are less than stall_s, 60 s"):
        load_config(write(camera))
