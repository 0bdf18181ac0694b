"""Recordings: what is read, what is left out and named, and what comes out of a replay."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from pydantic import ValidationError

from connectors import replay
from connectors.channel_map import ChannelMap, load_channel_map
from connectors.decoder import MessageDecoder
from connectors.mqtt.broker import BrokerSettings
from connectors.recording import Recording, load_recording, registry
from connectors.topic import Subscription
from model.connector import Deliveries, Delivery
from model.errors import ConfigErrors, FengsuiError
from tests.checks.sources import BoundedInbox, running
from tests.servers import Mosquitto, free_port, until

ROOT = Path(__file__).parent.parent.parent
MAP = ChannelMap.model_validate(
    {
        "site": "line",
        "channels": [
            {"channel": "P_{along_m}m", "kind": "pipe_head", "unit": "mH2O", "scale": 2},
            {"channel": "Tree *", "kind": "thermocouple"},
            {"channel": "wind_*", "skip": True},
        ],
    }
)
CSV = """timestamp,P_0m,P_3600m,Tree 1-2,wind_dir,notes
2026-01-01 00:00:00.000,1.5,2.5,20,270,x
2026-01-01 00:00:00.020,,2.75,21,270,x
2026-01-01 00:00:00.040,oops,3,22,270,x
2026-01-01 00:00:00.060,9,9
when,1,1,1,1,x

2026-01-01 00:00:00.080,2,broken,23,270,x
"""
T0 = 1_767_225_600_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "series").mkdir()
    with gzip.open(tmp_path / "series" / "a.csv.gz", "wt", encoding="utf-8") as file:
        file.write(CSV)
    table = pa.table(
        {
            "timestamp": pa.array([T0 + 10_000_000, T0 + 20_000_000], pa.timestamp("ns")),
            "P_0m": [7.0, None],
            "other": [1, 2],
        }
    )
    pa_parquet.write_table(table, tmp_path / "series" / "b.parquet")
    (tmp_path / "README.md").write_text("not a series", encoding="utf-8")
    return tmp_path


def rows(recording: Recording) -> list[tuple[int, str, float]]:
    tags = [one.sensor.tag for one in recording.sensors]
    return [
        ((int(time_ns) - T0) // 10**6, tags[sensor], float(value))
        for time_ns, sensor, value in zip(recording.time_ns, recording.sensor, recording.value, strict=True)
    ]


def test_readings_of_all_series_come_in_order_of_time(folder: Path) -> None:
    assert rows(load_recording(folder, MAP)) == [
        (0, "a/P_0m", 3.0),
        (0, "a/P_3600m", 5.0),
        (0, "a/Tree_1-2", 20.0),
        (10, "b/P_0m", 14.0),
        (20, "a/P_3600m", 5.5),
        (20, "a/Tree_1-2", 21.0),
        (40, "a/P_3600m", 6.0),
        (40, "a/Tree_1-2", 22.0),
        (80, "a/P_0m", 4.0),
        (80, "a/Tree_1-2", 23.0),
    ]


def test_what_cannot_be_used_is_named_with_file_and_line(folder: Path) -> None:
    bad_rows = load_recording(folder, MAP).bad_rows
    named = sorted(str(one).rpartition("/")[2] for one in bad_rows.named)
    assert named == [
        "a.csv.gz:4: P_0m must be a number, got 'oops'",
        "a.csv.gz:5: a row has 6 cells, got 3",
        "a.csv.gz:6: timestamp must be an ISO 8601 time, got 'when'",
        "a.csv.gz:7: timestamp must be an ISO 8601 time, got ''",
        "a.csv.gz:8: P_3600m must be a number, got 'broken'",
    ]
    assert bad_rows.count == 5


def test_a_channel_without_a_rule_is_named(folder: Path) -> None:
    assert load_recording(folder, MAP).unmapped == ("a/notes", "b/other")


def test_a_registry_has_an_asset_a_series_and_a_sensor_a_channel(folder: Path) -> None:
    made = registry(load_recording(folder, MAP))
    assert [(one.id, one.site) for one in made.assets] == [("a", "line"), ("b", "line")]
    assert [(one.tag, one.kind, one.asset, one.position.along_m, one.period_s) for one in made.sensors] == [
        ("a/P_0m", "pipe_head", "a", 0.0, 0.02),
        ("a/P_3600m", "pipe_head", "a", 3600.0, 0.02),
        ("a/Tree_1-2", "thermocouple", "a", None, 0.02),
        ("b/P_0m", "pipe_head", "b", 0.0, 0.01),
    ]
    assert [(one.series, one.channel, one.unit) for one in made.rows][:1] == [("a", "P_0m", "mH2O")]


def test_times_without_a_zone_are_in_the_zone_of_the_map(folder: Path) -> None:
    shanghai = MAP.model_copy(update={"zone": "Asia/Shanghai"})
    there, here = load_recording(folder, shanghai), load_recording(folder, MAP)
    assert np.array_equal(here.time_ns - there.time_ns, np.full(len(here), 8 * 3600 * 10**9))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "time,P_0m\n1,2\n", "time column 'timestamp'"),
        ("a.csv", "", "readable recording"),
        ("a.csv.gz", "not gzip", "readable recording"),
        ("a.parquet", "not parquet", "readable recording"),
        ("a.txt", CSV, "files .csv"),
        ("a.csv", "timestamp,wind_dir\n2026-01-01 00:00:00,2\n", "must fit a channel"),
        ("a.csv", "timestamp,Tree 1,Tree_1\n2026-01-01 00:00:00,2,3\n", "a tag belongs to one channel"),
        ("a.csv", "timestamp,P_0m,P_0m\n2026-01-01 00:00:00,2,3\n", "column names must differ"),
    ],
)
def test_a_recording_that_cannot_be_read_is_refused(name: str, content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    loose = ChannelMap.model_validate({"channels": [*MAP.model_dump()["channels"], {"channel": "Tree_*", "kind": "x"}]})
    with pytest.raises(FengsuiError, match=says):
        load_recording(tmp_path, loose)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site: s\nchannels: []\n", "map.yaml:2 channels: "),
        ("channels:\n  - {channel: a}\n", "map.yaml:2 channels[0]: a channel has either a kind or skip: true"),
        ("channels:\n  - channel: a\n    kind: k\n    scal: 2\n", "map.yaml:4 channels[0].scal: "),
        ("channels:\n  - channel: a\n    kind: k\n    tag: '{b}'\n", "map.yaml:2 channels[0]: a template may use"),
        (
            "channels:\n  - {channel: '{w}-{w}', kind: k}\n",
            "map.yaml:2 channels[0]: the words of a channel must differ",
        ),
        ("site: s\nchannels: [\n", "map.yaml:3: must be YAML, got "),
        ("a: 1\n", "map.yaml:1 channels: field required"),
        ("", "map.yaml:1: "),
        ("\x07", "map.yaml: must be YAML, got "),
    ],
)
def test_a_map_that_cannot_be_used_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigErrors, match=re.escape(f"/{message}")):
        load_channel_map(tmp_path / "map.yaml")


def test_a_map_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"map\.yaml: must be a file that can be read, got 'No such file"):
        load_channel_map(tmp_path / "map.yaml")


def test_the_place_along_a_line_is_a_number_or_the_channel_does_not_fit() -> None:
    channels = ChannelMap.model_validate({"channels": [{"channel": "P_{along_m}m", "kind": "k"}]})
    found = channels.find("s", "P_3600.5m")
    assert found is not None
    assert found.position.along_m == 3600.5
    assert channels.find("s", "P_backupm") is None


def decoded(messages: list[replay.ReplayMessage], tag: str, topic: str) -> list[tuple[int, str, float]]:
    deliveries = [Delivery("r", one.topic, one.payload, 0, retained=False, receipt=n) for n, one in enumerate(messages)]
    readings, refused = MessageDecoder([Subscription(topic=topic, tag=tag)]).decode(Deliveries.of(deliveries))
    assert not refused
    columns = zip(readings.time_ns, readings.tags, readings.value, strict=True)
    return [((int(time_ns) - T0) // 10**6, name, float(value)) for time_ns, name, value in columns]


@pytest.mark.parametrize("group", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("topic", "tag", "filter_"), [("replay/{series}", "{tag}", "replay/{s}"), ("r/{tag}", "{s}/{c}", "r/{s}/{c}")]
)
def test_messages_decode_to_the_recording(group: int, topic: str, tag: str, filter_: str, folder: Path) -> None:
    recording = load_recording(folder, MAP)
    made = list(replay.messages(recording, replay.Options(topic=topic, group=group), 0))
    assert sum(one.readings for one in made) == len(recording)
    found = decoded(made, tag, filter_)
    assert sorted(found) == sorted(rows(recording))
    for name in {row[1] for row in found}:
        times = [row[0] for row in found if row[1] == name]
        assert times == sorted(times), f"readings of {name} must keep their order"


@pytest.mark.parametrize(
    ("shift_to", "speed", "begins_ns"),
    [
        ("none", 1, T0),
        ("2030-01-01T00:00:00Z", 1, 1_893_456_000_000_000_000),
        ("2030-01-01T08:00:00+08:00", 0, 1_893_456_000_000_000_000),
        ("now", 1, 5 * T0),
        ("now", 0, 5 * T0 - 80_000_000),
    ],
)
def test_a_recording_can_be_shifted_in_time(shift_to: str, speed: float, begins_ns: int, folder: Path) -> None:
    recording = load_recording(folder, MAP)
    options = replay.Options(shift_to=shift_to, speed=speed)
    assert T0 + replay.shift_ns(recording, options, now_ns=5 * T0) == begins_ns


@pytest.mark.parametrize(
    "wrong", [{"shift_to": "soon"}, {"topic": "a/#"}, {"topic": "{x}"}, {"speed": -1}, {"group": 0}]
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        replay.Options.model_validate(wrong)


def test_speed_divides_the_time_a_replay_takes(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(json.dumps(MAP.model_dump()), encoding="utf-8")
    given = {"path": folder, "map": tmp_path / "map.yaml", "speed": 0.1}
    source, inbox = replay.build("line", replay.Settings.model_validate(given)), BoundedInbox()
    begun_s = time.monotonic()
    with running(source, inbox) as thread:
        thread.join(10)
        assert 0.8 <= time.monotonic() - begun_s < 5
        assert source.connected()
    assert len(inbox.taken) == 10
    assert source.finished  # type: ignore[attr-defined]
    assert source.bad_rows == 5  # type: ignore[attr-defined]


def test_a_source_whose_recording_is_gone_says_so(tmp_path: Path) -> None:
    given = {"path": tmp_path / "nowhere", "map": ROOT / "packs/gas/recordings/metec_gas.yaml"}
    source = replay.build("line", replay.Settings.model_validate(given))
    assert not source.probe().ok
    with running(source, BoundedInbox()) as thread:
        thread.join(10)
    assert "nowhere" in source.last_error  # type: ignore[attr-defined]
    assert not source.connected()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_publishing_ends_when_the_broker_has_everything(version: str, folder: Path, broker: Mosquitto) -> None:
    recording = load_recording(folder, MAP)
    settings = BrokerSettings.model_validate({"host": "127.0.0.1", "port": broker.port, "version": version})
    seen: list[tuple[int, int]] = []
    done = replay.publish(
        recording,
        settings,
        replay.Options(speed=0, topic="r/{tag}"),
        under_way_max=2,
        progress=lambda acknowledged, whole: seen.append((acknowledged, whole)),
    )
    assert (done.messages, done.readings, done.shift_ns) == (10, 10, 0)
    assert seen[-1] == (10, 10)
    assert broker.log().count("Received PUBLISH from fengsui-replay") == 10


def test_publishing_goes_on_after_a_restart_of_the_broker(folder: Path, broker: Mosquitto) -> None:
    recording = load_recording(folder, MAP)
    settings = BrokerSettings.model_validate({"host": "127.0.0.1", "port": broker.port})
    results: list[replay.Published] = []
    options = replay.Options(speed=0.04, topic="r/{tag}")
    thread = threading.Thread(target=lambda: results.append(replay.publish(recording, settings, options)), daemon=True)
    thread.start()
    until(lambda: "Received PUBLISH from fengsui-replay" in broker.log(), "the first message")
    broker.stop()
    broker.start()
    until(lambda: results, "the end of the replay", within_s=30)
    assert results[0].readings == 10


def test_publishing_to_nobody_says_where(folder: Path) -> None:
    recording = load_recording(folder, MAP)
    settings = BrokerSettings.model_validate({"host": "127.0.0.1", "port": free_port()})
    with pytest.raises(FengsuiError, match=r"127\.0\.0\.1"):
        replay.publish(recording, settings, replay.Options(speed=0))


def test_publishing_can_be_stopped(folder: Path, broker: Mosquitto) -> None:
    recording = load_recording(folder, MAP)
    settings = BrokerSettings.model_validate({"host": "127.0.0.1", "port": broker.port})
    stopping = threading.Event()
    results: list[replay.Published] = []
    options = replay.Options(speed=0.0001)
    thread = threading.Thread(
        target=lambda: results.append(replay.publish(recording, settings, options, stopping=stopping)), daemon=True
    )
    thread.start()
    until(lambda: "Received PUBLISH from fengsui-replay" in broker.log(), "the first message")
    stopping.set()
    until(lambda: results, "the end of the replay")


@pytest.mark.parametrize(
    ("pack", "name", "sensors", "kinds"),
    [
        ("gas", "metec_gas", 13, {"ch4_ppm", "wind_direction", "wind_speed"}),
        ("pipeline", "transient_leaks", 70, {"pipe_head"}),
        ("fire", "nist_fire", 1476, {"thermocouple", "heat_flux", "co_fraction", "co2_fraction", "o2_fraction"}),
        ("plant", "tep", 624, {f"process_{what}" for what in ("pressure", "temperature", "share", "point")}),
        (
            "plant",
            "skab",
            192,
            {f"machine_{what}" for what in ("vibration", "current", "voltage", "pressure", "flow", "temperature")},
        ),
        ("series", "nab", 31, {"generic"}),
    ],
)
def test_the_map_of_a_shared_recording_fits_it(
    pack: str, name: str, sensors: int, kinds: set[str], shared_data: Path
) -> None:
    if not (shared_data / name).is_dir():
        pytest.skip(f"the set {name} is not at ../shared/data/{name}")
    recording = load_recording(
        shared_data / name, load_channel_map(ROOT / "packs" / pack / "recordings" / f"{name}.yaml")
    )
    assert len(recording.sensors) == sensors
    assert {one.sensor.kind for one in recording.sensors} == kinds
    assert recording.unmapped == ()
    assert recording.bad_rows.count == 0
