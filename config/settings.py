"""fengsui.yaml: where things are kept, which packs and registry count, what comes in and what goes out."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from config.alarms import AlarmSettings
from config.findings import Findings, one_of
from config.incidents import IncidentSettings
from config.shape import Duration, Name, Shape, check_data, check_shape
from config.yaml_file import Data, Document, Loc, read_yaml
from model.errors import Place
from model.plan import AlarmPolicy


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) <= 65_535):
        raise ValueError('must be an address such as "127.0.0.1:9464"')
    return text


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as Asia/Shanghai") from None
    return name


Address = Annotated[str, AfterValidator(_address)]


class MetricsSettings(Shape):
    pipeline: Address = Field(default="127.0.0.1:9464", description="Metrics of the pipeline; port 0 = any.")
    delivery: Address = Field(default="127.0.0.1:9465", description="Metrics of the delivery; port 0 = any.")
    archiver: Address = Field(default="127.0.0.1:9466", description="Metrics of the archiver; port 0 = any.")


def _limit(given: object) -> object:
    if given != "none" and (isinstance(given, bool) or not isinstance(given, int | float)):
        raise ValueError("must be a number, or none for no limit")
    return None if given == "none" else given


#: A limit that is off only where somebody wrote ``none``.
BytesLimit = Annotated[Annotated[int, Field(ge=100_000)] | None, BeforeValidator(_limit)]
DaysLimit = Annotated[Annotated[float, Field(gt=0, le=36_500)] | None, BeforeValidator(_limit)]


#: A lag that counts only where somebody wrote a number.
LagLimit = Annotated[Annotated[float, Field(gt=0, le=366 * 86_400.0)] | None, BeforeValidator(_limit)]


#: The system's own alarms, by the code that they have in /readyz.
FindingCode = Literal[
    "loop_stands",
    "source_disconnected",
    "no_data",
    "watermark_lag",
    "journal_full",
    "store_failing",
    "journal_damage",
    "messages_lost",
    "clock_offset",
    "sink_failing",
    "archive_failing",
    "grouping_failing",
]
GradeName = Literal["blue", "yellow", "orange", "red"]


class HealthSettings(Shape):
    grades: dict[FindingCode, GradeName] = Field(default={}, description="How grave a system alarm is.")
    clock_offset_s_max: LagLimit = Field(default=None, description="Our own clock may be off so far; or none.")
    loop_limit_s: Duration = Field(default=20.0, ge=5, le=600, description="A loop that stands so long is a fault.")
    disconnected_s_max: Duration = Field(default=10.0, description="A source may be disconnected so long.")
    undelivered_s_max: Duration = Field(default=20.0, description="A message to a sink may wait so long.")
    watermark_lag_s_max: LagLimit = Field(default=None, description="The newest reading may be so old; or none.")


class JournalSettings(Shape):
    segment_bytes: int = Field(
        default=64_000_000, ge=65_536, le=4_000_000_000, description="A new file begins at this size."
    )
    round_messages_max: int = Field(
        default=1_000, ge=1, le=1_000, description="Most messages taken in one round; each round ends in one commit."
    )
    keep_bytes: BytesLimit = Field(default=20_000_000_000, description="Beyond this the oldest files go; or none.")
    keep_days: DaysLimit = Field(default=30, description="Files whose inputs are all older go; or none.")
    bytes_max: BytesLimit = Field(default=40_000_000_000, description="Beyond this a file goes though a sink needs it.")
    reserve_bytes: int = Field(
        default=16_000_000, ge=0, le=4_000_000_000, description="Room held back for a full disk."
    )

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> Self:
        if self.keep_bytes is not None and self.bytes_max is not None and self.keep_bytes > self.bytes_max:
            raise ValueError(f"bytes_max must be at least keep_bytes ({self.keep_bytes}), not {self.bytes_max}")
        return self


class HeartbeatSettings(Shape):
    url: str | None = Field(default=None, pattern="^https?://", description="Called while all goes well.")
    url_file: str | None = Field(default=None, min_length=1, description="File with that address, where it is secret.")
    method: Literal["GET", "POST"] = Field(default="GET", description="How it is called.")
    interval_s: Duration = Field(default=10.0, ge=1, le=300, description="Of the synthetic sensor and the calls.")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("must have either url or url_file")
        return self


class ChangesSettings(Shape):
    live: Literal["apply", "start", "watch"] = Field(
        default="apply", description="When changed files count: on fengsui apply, at a restart too, or as they change."
    )
    look_every_s: Duration = Field(default=5.0, ge=0.2, le=3600, description="How often the files are looked at.")
    proposal_s: Duration = Field(
        default=86_400.0, ge=60, le=30 * 86_400, description="A red change waits so long for the second person."
    )
    warm_s_max: Duration = Field(
        default=120.0, ge=0, le=3600, description="Changed detectors may be warmed on the past for so long; 0 = never."
    )
    tests: bool = Field(default=True, description="Whether the packs' own tests must hold before a change counts.")


class ArchiveSettings(Shape):
    enabled: bool = Field(default=True, description="Whether readings are kept as Parquet.")
    folder: str | None = Field(default=None, min_length=1, description="Where; else archive in data_dir.")
    keep_days: DaysLimit = Field(default=366, description="Days that ended longer ago go; or none.")
    bytes_max: BytesLimit = Field(default=100_000_000_000, description="Beyond this the oldest days go; or none.")
    free_bytes_min: int = Field(
        default=1_000_000_000, ge=0, le=10**15, description="Room left on its disk for the journal."
    )


class QualitySettings(Shape):
    online_min: float = Field(default=0.95, ge=0, le=1, description="Share of the time a sensor is to be heard.")
    completeness_min: float = Field(default=0.9, ge=0, le=1, description="Share of the expected readings.")
    calibration_days: int = Field(default=30, ge=0, le=3_660, description="Calibrations that end so soon are due.")


class _ConnectionFile(BaseModel):
    """The two keys that every source and sink has; the rest belongs to its connector."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: Name
    connector: str = Field(min_length=1)


class _SettingsFile(Shape):
    data_dir: str = Field(default="./data", min_length=1, description="Journal, databases, snapshots.")
    language: Literal["zh", "en"] = Field(default="zh", description="Language of messages and screens.")
    packs: list[str] = Field(min_length=1, max_length=100, description="Shipped packs by name, or folders.")
    registry: str = Field(min_length=1, description="Sites, assets and sensors; relative to this file.")
    metrics: MetricsSettings = MetricsSettings()
    health: HealthSettings = HealthSettings()
    heartbeat: HeartbeatSettings | None = Field(
        default=None, description="A call to somebody outside while all goes well."
    )
    sources: list[_ConnectionFile] = Field(default=[], max_length=100, description="Where readings come from.")
    sinks: list[_ConnectionFile] = Field(default=[], max_length=100, description="Where alarms and readings go.")
    journal: JournalSettings = JournalSettings()
    archive: ArchiveSettings = ArchiveSettings()
    changes: ChangesSettings = ChangesSettings()
    quality: QualitySettings = QualitySettings()
    alarms: AlarmSettings = AlarmSettings()
    incidents: IncidentSettings = IncidentSettings()
    snapshot_every_s: Duration = Field(default=60.0, ge=1, description="How often the state is saved.")
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Asia/Shanghai", description="Zone of shown times."
    )
    socket: str | None = Field(default=None, description="Socket for human acts; else in data_dir.")


@dataclass(frozen=True, slots=True)
class Connection:
    """One source or sink as configured; ``settings`` is the connector's own model."""

    name: str
    connector: str
    settings: BaseModel
    place: Place


@dataclass(frozen=True, slots=True)
class Settings:
    """fengsui.yaml, checked, with absolute paths."""

    file: Path
    data_dir: Path
    language: str
    packs: tuple[str, ...]
    pack_places: tuple[Place, ...]  # where each pack is named
    registry: Path
    metrics: MetricsSettings
    health: HealthSettings
    heartbeat: HeartbeatSettings | None
    sources: tuple[Connection, ...]
    sinks: tuple[Connection, ...]
    journal: JournalSettings
    archive: ArchiveSettings
    archive_folder: Path
    changes: ChangesSettings
    quality: QualitySettings
    alarms: AlarmPolicy
    incidents: IncidentSettings
    snapshot_every_s: float
    time_zone: str
    socket: Path


ConnectorSettings: TypeAlias = Callable[[str], "type[BaseModel] | None"]

#: A unix socket's path is a fixed field of the kernel's address: 108 bytes with the closing zero.
SOCKET_BYTES_MAX = 107


def load_settings(
    path: Path, connector_settings: ConnectorSettings, *, connector_names: Collection[str] = ()
) -> Settings:
    """Read and check fengsui.yaml.

    Args:
        path: of the file.
        connector_settings: name of a connector -> the model of its settings; None = there is no such connector.
        connector_names: for the suggestion when there is none.

    Raises:
        ConfigErrors: all that is wrong with it.

    """
    findings = Findings()
    path = path.absolute()
    document = read_yaml(path, findings)
    shape = check_shape(document, (), _SettingsFile, findings) if document else None
    if document is None or shape is None:
        findings.raise_errors()
        raise AssertionError("a file without findings has a shape")
    reader = _Connections(document, connector_settings, connector_names, findings)
    sources, sinks = reader.read("sources"), reader.read("sinks")
    settings = _settings(document, shape, sources, sinks, findings)
    findings.raise_errors()
    return settings


def _settings(
    document: Document,
    shape: _SettingsFile,
    sources: tuple[Connection, ...],
    sinks: tuple[Connection, ...],
    findings: Findings,
) -> Settings:
    file = Path(document.file)
    data_dir = _under(file.parent, shape.data_dir)
    socket = _under(file.parent, shape.socket) if shape.socket else data_dir / "fengsui.sock"
    if len(str(socket).encode()) > SOCKET_BYTES_MAX:
        requirement = f"must make a socket path of at most {SOCKET_BYTES_MAX} bytes; set socket to a shorter one"
        findings.error(document.place("socket" if shape.socket else "data_dir"), requirement, str(socket))
    return Settings(
        file=file,
        data_dir=data_dir,
        language=shape.language,
        packs=tuple(shape.packs),
        pack_places=tuple(document.place("packs", at) for at in range(len(shape.packs))),
        registry=_under(file.parent, shape.registry),
        metrics=shape.metrics,
        health=shape.health,
        heartbeat=_heartbeat(file.parent, shape.heartbeat),
        sources=sources,
        sinks=sinks,
        journal=shape.journal,
        archive=shape.archive,
        archive_folder=_under(file.parent, shape.archive.folder) if shape.archive.folder else data_dir / "archive",
        changes=shape.changes,
        quality=shape.quality,
        alarms=shape.alarms.policy(),
        incidents=shape.incidents,
        snapshot_every_s=shape.snapshot_every_s,
        time_zone=shape.time_zone,
        socket=socket,
    )


def _heartbeat(folder: Path, given: HeartbeatSettings | None) -> HeartbeatSettings | None:
    if given is None or given.url_file is None:
        return given
    return given.model_copy(update={"url_file": str(_under(folder, given.url_file))})


def _under(folder: Path, given: str) -> Path:
    return (folder / Path(given).expanduser()).resolve()


class _Connections:
    """Checks the entries of ``sources`` and ``sinks`` against their connectors' own models."""

    def __init__(
        self, document: Document, connector_settings: ConnectorSettings, names: Collection[str], findings: Findings
    ) -> None:
        self._document = document
        self._connector_settings = connector_settings
        self._names = names
        self._findings = findings
        self._first: dict[str, Place] = {}

    def read(self, section: str) -> tuple[Connection, ...]:
        entries = self._document.at(section)
        if not isinstance(entries, list):
            return ()
        found = (self._one((section, at), entry) for at, entry in enumerate(entries) if isinstance(entry, dict))
        return tuple(connection for connection in found if connection is not None)

    def _one(self, loc: Loc, entry: dict[str, Data]) -> Connection | None:
        name, connector = str(entry["name"]), str(entry["connector"])
        self._refuse_second(loc, name)
        model = self._connector_settings(connector)
        if model is None:
            requirement = f"must be a connector; {one_of(self._names, connector)}"
            self._findings.error(self._document.place(*loc, "connector"), requirement, connector)
            return None
        own = {key: value for key, value in entry.items() if key not in {"name", "connector"}}
        settings = check_data(self._document, loc, own, model, self._findings)
        if settings is None:
            return None
        folder = Path(self._document.file).parent
        return Connection(name, connector, with_paths_under(folder, settings), self._document.place(*loc))

    def _refuse_second(self, loc: Loc, name: str) -> None:
        place = self._document.place(*loc, "name")
        first = self._first.setdefault(name, place)
        if first is not place:
            self._findings.error(place, f"must be unique, already used on line {first.line} ({first.key})", name)


def with_paths_under(folder: Path, settings: BaseModel) -> BaseModel:
    """Take relative paths of a connector's settings as relative to the file they stand in."""
    changed: dict[str, object] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path):
            changed[name] = folder / value.expanduser()
        elif isinstance(value, BaseModel):
            changed[name] = with_paths_under(folder, value)
        elif isinstance(value, list | tuple) and any(isinstance(item, BaseModel | Path) for item in value):
            changed[name] = type(value)(_item_under(folder, item) for item in value)
    return settings.model_copy(update=changed) if changed else settings


def _item_under(folder: Path, item: object) -> object:
    match item:
        case Path():
            return folder / item.expanduser()
        case BaseModel():
            return with_paths_under(folder, item)
    return item
