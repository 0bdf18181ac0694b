"""Reads recordings, CSV or Parquet, into readings in time order and the registry that fits them.

A recording is a file, or a folder of files (in it, or in its ``series`` folder), each a series with a time column and a
column a channel. It is held in memory: 20 bytes a reading. A cell or a row that cannot be used is left out, counted and
named with file and line; an empty cell is no reading.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from connectors.channel_map import Channel, ChannelMap, PlacesFile, SeriesAsset
from connectors.formats.columns import SHANGHAI
from connectors.topic import TagTemplate, tag_fault
from model.errors import FengsuiError
from model.sensor import Asset, Position, Sensor
from model.text import Text

SUFFIXES = (".csv", ".csv.gz", ".parquet")
BAD_ROWS_NAMED_MAX = 100

Times: TypeAlias = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row or cell that was left out."""

    file: str
    line: int
    detail: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.detail}"


@dataclass(slots=True)
class BadRows:
    """How many there were, and the first of them."""

    count: int = 0
    named: list[BadRow] = field(default_factory=list)

    def add(self, file: Path, line: int, detail: str) -> None:
        self.count += 1
        if len(self.named) < BAD_ROWS_NAMED_MAX:
            self.named.append(BadRow(str(file), line, detail))


@dataclass(frozen=True, slots=True)
class RecordedSensor:
    """A sensor and where in the recording it stands."""

    sensor: Sensor
    series: str
    channel: str
    unit: str  # of the readings; empty = the kind's


@dataclass(frozen=True, slots=True)
class Recording:
    """All readings of all series, in time order; those of one time in the order of files and columns.

    Attributes:
        site: site of the assets.
        asset: what each series is a recording of.
        sensors: one a channel of a series.
        sensor: int32 [n], index into ``sensors``.
        time_ns: int64 [n], ns since 1970 UTC, rising.
        value: float64 [n], in the sensor's unit.
        bad_rows: what was left out.
        unmapped: ``series/channel`` for which the map has no rule.

    """

    site: str
    asset: SeriesAsset
    sensors: tuple[RecordedSensor, ...]
    sensor: NDArray[np.int32]
    time_ns: Times
    value: NDArray[np.float64]
    bad_rows: BadRows
    unmapped: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True)
class RecordedRegistry:
    """What a registry needs to know of a recording: an asset a series, a sensor a channel."""

    assets: tuple[Asset, ...]
    sensors: tuple[Sensor, ...]
    rows: tuple[RecordedSensor, ...]


@dataclass(slots=True)
class _Column:
    channel: Channel
    time_ns: Times
    value: NDArray[np.float64]


def registry(recording: Recording) -> RecordedRegistry:
    names = dict.fromkeys(one.sensor.asset for one in recording.sensors)
    of = recording.asset
    assets = tuple(Asset(name, Text(name, name), recording.site, of.kind, dict(of.attributes)) for name in names)
    return RecordedRegistry(assets, tuple(one.sensor for one in recording.sensors), recording.sensors)


def series_files(path: Path, series: list[str] | None = None) -> dict[str, Path]:
    """Files of a recording by the name of their series.

    Raises:
        FengsuiError: there is none, or two have the same name.

    """
    folder = path / "series" if (path / "series").is_dir() else path
    candidates = sorted(folder.iterdir()) if folder.is_dir() else [path]
    found: dict[str, Path] = {}
    for file in candidates:
        suffix = next((one for one in SUFFIXES if file.name.endswith(one)), None)
        name = file.name.removesuffix(suffix or "")
        if suffix is None or not file.is_file() or (series and not any(fnmatch(name, one) for one in series)):
            continue
        if name in found:
            raise FengsuiError(f"{file}: a series has one file, got {found[name].name} too")
        found[name] = file
    if not found:
        raise FengsuiError(f"{path}: must be or hold files {', '.join(SUFFIXES)} of series {series or '*'}, got none")
    return found


def channels_of(path: Path) -> list[str]:
    """Names of all columns of all series, each once.

    Raises:
        FengsuiError: a file cannot be read.

    """
    names: dict[str, None] = {}
    for file in series_files(path).values():
        try:
            if file.name.endswith(".parquet"):
                columns = pa_parquet.read_schema(file).names
            else:
                with pa.input_stream(str(file)) as stream:
                    columns = pa_csv.open_csv(stream).schema.names
        except (OSError, pa.ArrowException) as error:
            raise FengsuiError(f"{file}: must be a readable recording, got: {error}") from error
        names |= dict.fromkeys(columns)
    return list(names)


def load_recording(path: Path, channel_map: ChannelMap, series: list[str] | None = None) -> Recording:
    """Read a recording.

    Args:
        path: a file or a folder.
        channel_map: which channels are sensors.
        series: patterns of the series wanted; all without.

    Raises:
        FengsuiError: a file cannot be read, has no time column, or two channels come to the same tag.

    """
    bad_rows = BadRows()
    places = _places(path, channel_map.places)
    sensors: list[RecordedSensor] = []
    columns: list[_Column] = []
    unmapped: list[str] = []
    for name, file in series_files(path, series).items():
        table = _read(file, channel_map, bad_rows)
        time_ns, usable = _times(file, table, channel_map, bad_rows)
        period_s = _period_s(time_ns[usable])
        for column in table.names:
            if column == channel_map.time:
                continue
            channel = channel_map.find(name, column)
            if channel is None:
                unmapped += [] if channel_map.skips(column) else [f"{name}/{column}"]
                continue
            value, given = _values(file, table, column, channel.scale, bad_rows)
            rows = usable & given
            columns.append(_Column(channel, time_ns[rows], value[rows]))
            position = places.get(column, channel.position)
            sensor = Sensor(channel.tag, channel.kind, name, channel.name, position, period_s)
            sensors.append(RecordedSensor(sensor, name, column, channel.unit))
    _check_tags(sensors)
    return _merge(channel_map, sensors, columns, bad_rows, tuple(unmapped))


def _places(path: Path, given: PlacesFile | None) -> dict[str, Position]:
    """Places of the channels that the file names; empty where there is no such file."""
    if given is None or not (path / given.file).is_file():
        return {}
    file, template = path / given.file, TagTemplate(given.channel)
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    try:
        return {
            template.render({word: row[word] for word in template.words}): Position(
                **{
                    name: float(row[column])
                    for name in ("lat", "lon", "along_m")
                    if (column := getattr(given, name)) != ""
                }
            )
            for row in rows
        }
    except (KeyError, TypeError, ValueError) as error:
        raise FengsuiError(
            f"{file}: must have the columns that the channel map names, with numbers: {error}"
        ) from error


def _merge(
    channel_map: ChannelMap,
    sensors: list[RecordedSensor],
    columns: list[_Column],
    bad_rows: BadRows,
    unmapped: tuple[str, ...],
) -> Recording:
    if not columns:
        raise FengsuiError(f"the channel map must fit a channel of the recording, got none of {list(unmapped)[:10]}")
    time_ns = np.concatenate([one.time_ns for one in columns])
    value = np.concatenate([one.value for one in columns])
    sensor = np.repeat(np.arange(len(columns), dtype=np.int32), [len(one.time_ns) for one in columns])
    order = np.argsort(time_ns, kind="stable")
    rows = sensor[order], time_ns[order], value[order]
    return Recording(channel_map.site, channel_map.asset, tuple(sensors), *rows, bad_rows, unmapped)


def _check_tags(sensors: list[RecordedSensor]) -> None:
    seen: dict[str, RecordedSensor] = {}
    for one in sensors:
        tag = one.sensor.tag
        fault = tag_fault(tag)
        if fault is not None:
            raise FengsuiError(f"{one.series}/{one.channel}: {fault}")
        if tag in seen:
            other = f"{seen[tag].series}/{seen[tag].channel}"
            raise FengsuiError(f"{one.series}/{one.channel}: a tag belongs to one channel, got {tag!r} of {other} too")
        seen[tag] = one


@dataclass(slots=True)
class _Table:
    """Columns as they stand in the file, and the line of each row."""

    names: list[str]
    columns: dict[str, pa.ChunkedArray]
    line: NDArray[np.int64]  # int64 [n]


def _read(file: Path, channel_map: ChannelMap, bad_rows: BadRows) -> _Table:
    try:
        if file.name.endswith(".parquet"):
            table = pa_parquet.read_table(file)
            line = np.arange(len(table), dtype=np.int64) + 1
        else:
            table, line = _read_csv(file, bad_rows)
    except (OSError, pa.ArrowException) as error:
        raise FengsuiError(f"{file}: must be a readable recording, got: {error}") from error
    if len(set(table.column_names)) < len(table.column_names):
        raise FengsuiError(f"{file}: column names must differ, got {table.column_names[:8]}")
    if channel_map.time not in table.column_names:
        raise FengsuiError(f"{file}: must have the time column {channel_map.time!r}, got {table.column_names[:8]}")
    return _Table(table.column_names, {name: table[name] for name in table.column_names}, line)


def _read_csv(file: Path, bad_rows: BadRows) -> tuple[pa.Table, NDArray[np.int64]]:
    """Every column as text, for one cell that is no number must not take its column along."""
    left_out: list[int] = []

    def leave_out(row: pa_csv.InvalidRow) -> str:
        left_out.append(row.number)
        bad_rows.add(file, row.number, f"a row has {row.expected_columns} cells, got {row.actual_columns}")
        return "skip"

    with pa.input_stream(str(file)) as stream:
        skip = pa_csv.ParseOptions(invalid_row_handler=lambda _: "skip")
        head = pa_csv.open_csv(stream, parse_options=skip).schema.names
    table = pa_csv.read_csv(
        file,
        read_options=pa_csv.ReadOptions(use_threads=False),
        parse_options=pa_csv.ParseOptions(invalid_row_handler=leave_out, ignore_empty_lines=False),
        convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(head, pa.string())),
    )
    every = np.arange(len(table) + len(left_out), dtype=np.int64) + 2
    return table, every[~np.isin(every, left_out)]


def _times(file: Path, table: _Table, channel_map: ChannelMap, bad_rows: BadRows) -> tuple[Times, NDArray[np.bool_]]:
    column = table.columns[channel_map.time]
    zone = SHANGHAI if channel_map.zone == "Asia/Shanghai" else timezone.utc  # noqa: UP017, a timezone by type
    if pa.types.is_timestamp(column.type):
        offset_s = 0.0 if column.type.tz else zone.utcoffset(None).total_seconds()
        given = pc.is_valid(column).to_numpy(zero_copy_only=False)
        whole = pc.fill_null(column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()), 0)
        return whole.to_numpy().astype(np.int64) - int(offset_s) * 10**9, given
    texts = column.cast(pa.string()).to_pylist()
    time_ns = np.zeros(len(texts), np.int64)
    usable = np.zeros(len(texts), np.bool_)
    for row, text in enumerate(texts):
        parsed = _time_ns(text or "", zone)
        if parsed is None:
            bad_rows.add(file, int(table.line[row]), f"{channel_map.time} must be an ISO 8601 time, got {text!r}")
        else:
            time_ns[row], usable[row] = parsed, True
    return time_ns, usable


def _time_ns(text: str, zone: timezone) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    passed = (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment) - _EPOCH
    return ((passed.days * 86400 + passed.seconds) * 10**6 + passed.microseconds) * 1000


def _values(
    file: Path, table: _Table, name: str, scale: float, bad_rows: BadRows
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values, and which rows have one."""
    column = table.columns[name]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(column, ""), None, column)
    try:
        numbers = column.cast(pa.float64())
    except pa.ArrowException:
        numbers = _numbers_one_by_one(file, table, name, bad_rows)
    given = pc.is_valid(numbers).to_numpy(zero_copy_only=False)
    value = pc.fill_null(numbers, np.nan).to_numpy(zero_copy_only=False).astype(np.float64) * scale
    return value, given & np.isfinite(value)


def _numbers_one_by_one(file: Path, table: _Table, name: str, bad_rows: BadRows) -> pa.Array:
    numbers: list[float | None] = []
    for row, text in enumerate(table.columns[name].cast(pa.string()).to_pylist()):
        try:
            numbers.append(float(text) if text and text.strip() else None)
        except ValueError:
            numbers.append(None)
            bad_rows.add(file, int(table.line[row]), f"{name} must be a number, got {text[:60]!r}")
    return pa.array(numbers, pa.float64())


def _period_s(time_ns: Times) -> float | None:
    steps = np.diff(time_ns)
    steps = steps[steps > 0]
    return None if len(steps) == 0 else float(np.median(steps)) / 1e9
