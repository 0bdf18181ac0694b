"""registry.yaml and its sensor table: who owns which site, what stands there, which sensor measures what."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config.findings import ERRORS_MAX, Findings, Plain, one_of
from config.shape import Name, Shape, TextShape, check_shape, day, in_text
from config.yaml_file import Data, Document, read_text, read_yaml
from model.errors import Place
from model.override import Labels
from model.sensor import Asset, Enterprise, GridCell, Link, Position, Relation, Sensor, Site
from model.text import Text

CSV_BYTES_MAX = 64_000_000
SENSORS_MAX = 200_000


class _PositionShape(Shape):
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    along_m: float | None = Field(default=None, ge=0)

    def position(self) -> Position:
        return Position(self.lat, self.lon, self.along_m)


class _EnterpriseShape(Shape):
    id: Name
    name: TextShape
    contact: str = Field(default="", max_length=500)


class _GridCellShape(Shape):
    id: Name
    name: TextShape


Label = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(in_text)]
Labelled = Annotated[dict[Label, Label], Field(max_length=50)]


def _sorted(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


class _SiteShape(Shape):
    id: Name
    name: TextShape
    enterprise: str
    grid_cell: str
    position: _PositionShape = _PositionShape()
    labels: Labelled = Field(default={})


class _LinkShape(Shape):
    relation: Literal["upstream", "downstream", "same_room", "same_space", "feeds", "powers"] = Field(
        description="What the other asset is to this one."
    )
    to: str = Field(description="Id of the other asset.")
    distance_m: float | None = Field(default=None, ge=0, description="Along the link.")


class _AssetShape(Shape):
    id: Name
    name: TextShape
    site: str
    kind: str = Field(default="", description="What detectors and rules on whole assets go by.")
    attributes: dict[str, float] = Field(default={}, description="SI, such as wave_speed_m_s.")
    position: _PositionShape = _PositionShape()
    labels: Labelled = Field(default={})
    links: list[_LinkShape] = Field(default=[], description="To other assets; each counts both ways.")

    def asset(self) -> Asset:
        links = tuple(Link(Relation(link.relation), link.to, link.distance_m) for link in self.links)
        return Asset(
            self.id,
            self.name.text(),
            self.site,
            self.kind,
            self.attributes,
            labels=_sorted(self.labels),
            position=self.position.position(),
            links=links,
        )


class SensorShape(Shape):
    tag: Name
    kind: str
    asset: str
    name: TextShape | None = Field(default=None, description="The tag if not given.")
    position: _PositionShape = _PositionShape()
    period_s: float | None = Field(default=None, gt=0, le=366 * 86_400, description="The kind's if not given.")
    gateway: Name | None = Field(default=None, description="What carries its readings: silent together is one alarm.")
    calibrated_until: Annotated[date | None, BeforeValidator(day)] = Field(
        default=None, description="Last day on which its calibration holds."
    )
    labels: Labelled = Field(
        default={}, description="Rules and overrides choose by them; those of asset and site count too."
    )


class _RegistryFile(Shape):
    enterprises: list[_EnterpriseShape] = Field(default=[])
    grid_cells: list[_GridCellShape] = Field(default=[])
    sites: list[_SiteShape] = Field(default=[])
    assets: list[_AssetShape] = Field(default=[])
    sensors: list[SensorShape] = Field(default=[])
    sensors_csv: str | None = Field(default=None, min_length=1)


@dataclass(frozen=True, slots=True)
class Registry:
    enterprises: tuple[Enterprise, ...] = ()
    grid_cells: tuple[GridCell, ...] = ()
    sites: tuple[Site, ...] = ()
    assets: tuple[Asset, ...] = ()
    sensors: tuple[Sensor, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """A sensor and where its keys stand."""

    sensor: Sensor
    place: Callable[[str], Place]


def load_registry(path: Path, kinds: Collection[str] | None, findings: Findings) -> Registry:
    """Read a registry; what is wrong goes to ``findings``.

    Args:
        path: of registry.yaml.
        kinds: ids of the kinds that the packs define; None = not known, do not check.
        findings: gets the errors.

    """
    document = read_yaml(path, findings)
    shape = check_shape(document, (), _RegistryFile, findings) if document else None
    if document is None or shape is None:
        return Registry()
    check = _References(findings)
    enterprises = check.ids(document, "enterprises", [entry.id for entry in shape.enterprises])
    cells = check.ids(document, "grid_cells", [entry.id for entry in shape.grid_cells])
    sites = check.ids(document, "sites", [entry.id for entry in shape.sites])
    assets = check.ids(document, "assets", [entry.id for entry in shape.assets])
    for at, site in enumerate(shape.sites):
        check.known(document.place("sites", at, "enterprise"), "an enterprise", site.enterprise, enterprises)
        check.known(document.place("sites", at, "grid_cell"), "a grid cell", site.grid_cell, cells)
    for at, asset in enumerate(shape.assets):
        check.known(document.place("assets", at, "site"), "a site", asset.site, sites)
        check.links(document, at, asset, assets)
    rows = [*_yaml_rows(document, shape.sensors), *_csv_rows(document, shape.sensors_csv, findings)]
    check.sensors(rows, None if kinds is None else frozenset(kinds), assets)
    return _registry(shape, rows)


def _registry(shape: _RegistryFile, rows: Sequence[_Row]) -> Registry:
    return Registry(
        tuple(Enterprise(entry.id, entry.name.text(), entry.contact) for entry in shape.enterprises),
        tuple(GridCell(entry.id, entry.name.text()) for entry in shape.grid_cells),
        tuple(
            Site(
                entry.id,
                entry.name.text(),
                entry.enterprise,
                entry.grid_cell,
                entry.position.position(),
                _sorted(entry.labels),
            )
            for entry in shape.sites
        ),
        tuple(entry.asset() for entry in shape.assets),
        tuple(row.sensor for row in rows),
    )


def _sensor(shape: SensorShape) -> Sensor:
    name = shape.name.text() if shape.name else Text(shape.tag, shape.tag)
    return Sensor(
        shape.tag,
        shape.kind,
        shape.asset,
        name,
        shape.position.position(),
        shape.period_s,
        shape.gateway or "",
        calibrated_until=shape.calibrated_until,
        labels=_sorted(shape.labels),
    )


def _yaml_rows(document: Document, shapes: Iterable[SensorShape]) -> Iterable[_Row]:
    for at, shape in enumerate(shapes):
        yield _Row(_sensor(shape), lambda key, at=at: document.place("sensors", at, key))  # type: ignore[misc]


class _References:
    """Checks that ids are unique and that what is referred to exists."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def ids(self, document: Document, section: str, ids: Sequence[str]) -> frozenset[str]:
        first: dict[str, Place] = {}
        for at, name in enumerate(ids):
            self._once(first, name, document.place(section, at, "id"))
        return frozenset(ids)

    def known(self, place: Place, what: str, given: str, names: frozenset[str]) -> None:
        if given not in names:
            enough = len(self._findings.errors) > ERRORS_MAX  # a search for each of ten thousand takes minutes
            hint = "" if enough else f"; {one_of(names, given)}"
            self._findings.error(place, f"must be {what} that exists{hint}", given)

    def links(self, document: Document, at: int, asset: _AssetShape, assets: frozenset[str]) -> None:
        seen: set[tuple[str, str]] = set()
        for number, link in enumerate(asset.links):
            place = document.place("assets", at, "links", number, "to")
            if link.to == asset.id:
                self._findings.error(place, "must be another asset than the one it stands at", link.to)
            elif (link.relation, link.to) in seen:
                self._findings.error(place, f"must be linked once as {link.relation}", link.to)
            else:
                self.known(place, "an asset", link.to, assets)
            seen.add((link.relation, link.to))

    def sensors(self, rows: Sequence[_Row], kinds: frozenset[str] | None, assets: frozenset[str]) -> None:
        first: dict[str, Place] = {}
        for row in rows:
            self._once(first, row.sensor.tag, row.place("tag"))
            if kinds is not None and row.sensor.kind not in kinds:
                self.known(row.place("kind"), "a kind of a loaded pack", row.sensor.kind, kinds)
            if row.sensor.asset not in assets:
                self.known(row.place("asset"), "an asset", row.sensor.asset, assets)
        if len(rows) > SENSORS_MAX:
            place = rows[SENSORS_MAX].place("tag")
            self._findings.error(place, f"may be one of {SENSORS_MAX:,} sensors", Plain(f"{len(rows):,}"))

    def _once(self, first: dict[str, Place], name: str, place: Place) -> None:
        earlier = first.setdefault(name, place)
        if earlier is not place:
            self._findings.error(place, f"must be unique, first given at {earlier.file}:{earlier.line}", name)


def registry_files(path: Path) -> list[Path]:
    """The files that a registry consists of."""
    document = read_yaml(path, Findings())
    shape = check_shape(document, (), _RegistryFile, Findings()) if document else None
    return [path] if shape is None or shape.sensors_csv is None else [path, path.parent / shape.sensors_csv]


_REQUIRED = ("tag", "kind", "asset")
_NUMBERS = ("lat", "lon", "along_m", "period_s")
_WORDS = ("gateway", "calibrated_until")
_COLUMNS = (*_REQUIRED, "name_zh", "name_en", *_NUMBERS, *_WORDS)
_LABEL = "label."  # and its key: a column of labels


def _csv_rows(document: Document, name: str | None, findings: Findings) -> list[_Row]:
    if name is None:
        return []
    path = Path(document.file).parent / name
    text = read_text(path, findings, size_bytes_max=CSV_BYTES_MAX)
    if text is None:
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[_Row] = []
    try:
        columns = _columns(str(path), next(reader, []), findings)
        if columns is None:
            return []
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = _csv_row(str(path), reader.line_num, columns, cells, findings)
                rows += [row] if row else []
    except csv.Error as error:
        findings.error(Place(str(path), reader.line_num, ""), f"must be CSV: {error}", Plain("something else"))
    return rows


def _columns(file: str, header: Sequence[str], findings: Findings) -> list[str] | None:
    columns = [cell.strip() for cell in header]
    place = Place(file, 1, "")
    before = len(findings.errors)
    for column in columns:
        if column not in _COLUMNS and not (column.startswith(_LABEL) and column != _LABEL):
            findings.error(place, f"must have columns that are known; {one_of(_COLUMNS, column)}", column)
        elif columns.count(column) > 1:
            findings.error(place, "must have each column once", column)
    for column in _REQUIRED:
        if column not in columns:
            findings.error(place, f"must have a column {column}", Plain(", ".join(columns) or "nothing"))
    return columns if len(findings.errors) == before else None


def _csv_row(file: str, line: int, columns: Sequence[str], cells: Sequence[str], findings: Findings) -> _Row | None:
    if len(cells) != len(columns):
        findings.error(Place(file, line, ""), f"must have {len(columns)} cells", Plain(str(len(cells))))
        return None
    given = {column: cell.strip() for column, cell in zip(columns, cells, strict=True) if cell.strip()}
    numbers: dict[str, Data] = {column: _number(given[column]) for column in _NUMBERS if column in given}
    zh, en = given.get("name_zh"), given.get("name_en")
    data: dict[str, Data] = {column: given[column] for column in (*_REQUIRED, *_WORDS) if column in given}
    if zh or en:
        data["name"] = {"zh": zh or en, "en": en or zh}
    data["position"] = {key: numbers[key] for key in ("lat", "lon", "along_m") if key in numbers}
    data["period_s"] = numbers.get("period_s")
    data["labels"] = {column.removeprefix(_LABEL): given[column] for column in given if column.startswith(_LABEL)}
    row = Document(file, data, lines={(): line})
    shape = check_shape(row, (), SensorShape, findings)
    return _Row(_sensor(shape), row.place) if shape else None


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell
