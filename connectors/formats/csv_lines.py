"""The format ``csv``: lines of cells, each line alone, so that a bad one does not take its neighbours along.

A quote therefore ends on its own line. Lines without a quote are cut at the delimiter; the others are left to Python's
``csv``.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from connectors.formats.columns import judge, quality_column, value_column
from connectors.formats.contract import (
    FAULTS_TOLD_MAX,
    WHOLE,
    Context,
    Fault,
    Faults,
    Rows,
    fault_of_each,
    parts_in,
    payloads,
    usable,
)
from connectors.formats.time_form import TimeForm
from connectors.interning import UNKNOWN, Words
from connectors.settings import SettingsModel
from connectors.topic import OWN_TAG, Subscription
from model.batch import GOOD, NO_TIME
from model.connector import Deliveries, Refusals

#: What some editors put before UTF-8.
_MARK = b"\xef\xbb\xbf"

_BLANKS = " \t\r\v\f"

_NO_COMMA = "value has a comma before its fraction (decimal), got "
_KNOWN = ("tag", "time", "value", "unit", "quality", "-")


class NamedValue(SettingsModel):
    """A column of values of one sensor."""

    name: str = Field(min_length=1, description="What `{tag}` stands for in the tag template.")
    unit: str = Field(default="", description="Unit of its values.")
    scale: float = Field(default=1.0, description="The value is multiplied by this,")
    offset: float = Field(default=0.0, description="and this is added.")


def _column(given: str) -> str:
    if given not in _KNOWN:
        raise ValueError(f"must be one of {', '.join(_KNOWN)}, or {{name, unit, scale, offset}} of a value")
    return given


#: Told apart by whether it is a word or a mapping.
Column = Annotated[
    Annotated[NamedValue, Tag("named")] | Annotated[str, AfterValidator(_column), Tag("word")],
    Discriminator(lambda given: "named" if isinstance(given, dict | NamedValue) else "word"),
]


class CsvSubscription(Subscription):
    """Messages of lines of cells."""

    format: Literal["csv"] = Field(default="csv", description="How payloads are written.")
    columns: list[Column] = Field(
        min_length=1,
        max_length=500,
        description="What each column holds: `tag`, `time`, `value`, `unit`, `quality`, `-` for nothing of ours, or "
        "`{name, unit, scale, offset}` for the values of one sensor.",
    )
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="Character between two cells.")
    decimal: Literal[".", ","] = Field(default=".", description="Character before the fraction of a value.")
    header: bool = Field(default=False, description="Whether the first line names the columns, and is no reading.")
    encoding: Literal["utf-8", "gb18030"] = Field(default="utf-8", description="Encoding of the text.")
    time: TimeForm = Field(default=TimeForm(), description="How times are written: `{form, zone}`.")

    @property
    def named(self) -> list[NamedValue]:
        return [one for one in self.columns if isinstance(one, NamedValue)]

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        plain = [one for one in self.columns if isinstance(one, str) and one != "-"]
        twice = sorted({one for one in plain if plain.count(one) > 1})
        if twice:
            raise ValueError(f"columns hold each of their kinds once, got {', '.join(twice)} again")
        if ("value" in plain) == bool(self.named):
            raise ValueError("columns hold value, or values with names, got both or none")
        if self.named and not {"tag", "unit"}.isdisjoint(plain):
            raise ValueError("columns with names give tag and unit themselves, got a column of tag or unit")
        if f"{{{OWN_TAG}}}" in self.tag and not self.named and "tag" not in plain:
            raise ValueError(
                f"the tag template uses {{{OWN_TAG}}}: columns need tag, or values with names, got neither"
            )
        if self.delimiter == self.decimal or self.delimiter in '"\r\n':
            raise ValueError(f"delimiter is neither the decimal nor a quote nor a line end, got {self.delimiter!r}")
        return self


@dataclass(slots=True)
class _Lines:
    """Lines of a batch, cut into cells, and where they stand."""

    cells: list[list[str]] = field(default_factory=list)
    delivery: list[int] = field(default_factory=list)
    number: list[int] = field(default_factory=list)


class CsvLines:
    """The format ``csv``."""

    def __init__(self, subscription: CsvSubscription, context: Context) -> None:
        self._subscription = subscription
        self._named = subscription.named or [NamedValue(name="-")]
        self._place = {one: at for at, one in enumerate(subscription.columns) if isinstance(one, str) and one != "-"}
        self._values = [at for at, one in enumerate(subscription.columns) if one == "value" or not isinstance(one, str)]
        self._scale = np.array([one.scale for one in self._named])
        self._offset = np.array([one.offset for one in self._named])
        self._readings_max = context.readings_max
        self._words = Words()

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_], refusals: Refusals) -> Rows:
        self._words.forget_if_many()
        cut = _Lines()
        for message, payload in payloads(deliveries, wanted):
            count = (payload.count(b"\n") + 1) * len(self._values)
            if count > self._readings_max:
                limit = self._readings_max
                fault = Fault(
                    "too_many", f"a message holds at most {limit} readings (readings_max), got lines for {count}"
                )
                refusals.add(message, WHOLE, fault, payload)
            elif not self._cut_plain(message, payload, cut):
                self._cut_carefully(message, payload, cut, refusals)
        return self._rows(cut, deliveries, refusals)

    def parts(self, payload: bytes, elements: Sequence[int]) -> list[bytes]:
        lines = dict(self._lines(payload))
        return [lines[element] for element in elements]

    def _lines(self, payload: bytes) -> list[tuple[int, bytes]]:
        """Lines that are not empty, and their numbers from 1; without the header."""
        lines = payload.removeprefix(_MARK).split(b"\n")
        numbered = [(at, line) for at, line in enumerate(lines, 1) if line.strip(_BLANKS.encode())]
        return numbered[1:] if self._subscription.header else numbered

    def _cut_plain(self, message: int, payload: bytes, cut: _Lines) -> bool:
        """Cut a message whose lines are all text, without quotes and of the right number of cells."""
        try:
            text = payload.removeprefix(_MARK).decode(self._subscription.encoding)
        except UnicodeDecodeError:
            return False
        if '"' in text:
            return False
        delimiter, width = self._subscription.delimiter, len(self._subscription.columns)
        numbered = [(at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip(_BLANKS)]
        numbered = numbered[1:] if self._subscription.header else numbered
        cells = [line.split(delimiter) for _, line in numbered]
        if set(map(len, cells)) != {width}:
            return False
        cut.cells += cells
        cut.delivery += [message] * len(cells)
        cut.number += [at for at, _ in numbered]
        return True

    def _cut_carefully(self, message: int, payload: bytes, cut: _Lines, refusals: Refusals) -> None:
        lines = self._lines(payload)
        if not lines:
            refusals.add(message, WHOLE, Fault("no_value", "a message holds at least one line, got none"), payload)
        for number, line in lines:
            found = self._split(line)
            if isinstance(found, Fault):
                refusals.add(message, number, Fault(found.reason, f"line {number}: {found.detail}"), line)
            else:
                cut.cells.append(found)
                cut.delivery.append(message)
                cut.number.append(number)

    def _split(self, line: bytes) -> list[str] | Fault:
        subscription = self._subscription
        try:
            text = line.decode(subscription.encoding)
            found = next(csv.reader([text], delimiter=subscription.delimiter, strict=True)) if '"' in text else None
        except UnicodeDecodeError as error:
            return Fault("bad_encoding", f"a line is text in {subscription.encoding}, got: {error.reason}")
        except csv.Error as error:
            return Fault("bad_line", f"quotes go in pairs and end on their line, got: {error}")
        found = text.split(subscription.delimiter) if found is None else found
        if len(found) != len(subscription.columns):
            return Fault("wrong_shape", f"a line has {len(subscription.columns)} cells (columns), got {len(found)}")
        return found

    def _column(self, cut: _Lines, kind: str) -> list[str]:
        """Cells of a column, one for each reading; empty where there is no such column."""
        place, each = self._place.get(kind), len(self._values)
        if place is None:
            return [""] * (len(cut.cells) * each)
        return [line[place].strip() for line in cut.cells for _ in range(each)]

    def _value_column(self, cut: _Lines, faults: Faults) -> NDArray[np.float64]:
        cells = [line[at].strip() for line in cut.cells for at in self._values]
        if self._subscription.decimal == ",":
            pointed = [row for row, cell in enumerate(cells) if "." in cell]
            cells = [cell.replace(",", ".") for cell in cells]
            faults.update(
                fault_of_each(pointed, lambda row: Fault("bad_value", f"{_NO_COMMA}, got {cells[row]!r:.60}"))
            )
        of = np.tile(np.arange(len(self._values)), len(cut.cells))
        with np.errstate(over="ignore"):
            value: NDArray[np.float64] = value_column([cell or None for cell in cells], faults) * self._scale[of]
            value += self._offset[of]
        return value

    def _time_column(self, cut: _Lines, faults: Faults) -> NDArray[np.int64]:
        if "time" not in self._place:
            return np.full(len(cut.cells) * len(self._values), NO_TIME, np.int64)
        return self._subscription.time.column([cell or None for cell in self._column(cut, "time")], faults)

    def _quality_column(self, cut: _Lines, faults: Faults) -> NDArray[np.uint8]:
        if "quality" not in self._place:
            return np.full(len(cut.cells) * len(self._values), GOOD, np.uint8)
        return quality_column([_opc(cell) for cell in self._column(cut, "quality")], faults)

    def _rows(self, cut: _Lines, deliveries: Deliveries, refusals: Refusals) -> Rows:
        faults: Faults = {}
        lines, each, named = len(cut.cells), len(self._values), self._subscription.named
        value = self._value_column(cut, faults)
        time_ns = self._time_column(cut, faults)
        quality = self._quality_column(cut, faults)
        judge(value, quality)
        tags = [one.name for one in named] * lines if named else self._column(cut, "tag")
        units = [one.unit for one in named] * lines if named else self._column(cut, "unit")
        name = np.array(self._words.names.places_of(tags), np.int32)
        name[[not tag for tag in tags]] = UNKNOWN
        rows = Rows(
            self._words.names.words,
            name,
            self._words.units.words,
            np.array(self._words.units.places_of(units), np.int32),
            value,
            time_ns,
            quality,
            np.repeat(np.array(cut.delivery, np.int32), each),
            np.repeat(np.array(cut.number, np.int32), each),
        )
        for row in list(faults)[:FAULTS_TOLD_MAX]:
            faults[row] = Fault(faults[row].reason, f"line {rows.element[row]}: {faults[row].detail}")
        return usable(rows, faults, refusals, parts_in(deliveries, self.parts))


def _opc(text: str) -> int | str | None:
    """An OPC quality where the cell holds digits."""
    return int(text) if text.isdecimal() and len(text) <= 3 else text or None
