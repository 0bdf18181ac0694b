"""Tables of cells in CSV and XLSX, for spreadsheets: what is written is read back as it was, and nothing is ever run.

A text that a spreadsheet would take for a formula gets an apostrophe before it in CSV, and is marked as text in XLSX. A
cell that holds a formula when it comes back is refused: what people see of it is not what stands there.
"""

from __future__ import annotations

import csv
import importlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.findings import Findings, Plain, one_of
from config.master.rows import BY_NAME, COLUMNS, Cell, Row
from config.yaml_file import read_text
from model.errors import Place

ROWS_MAX = 1_048_575  # of an XLSX sheet, without the header
BYTES_MAX = 64_000_000
UNPACKED_BYTES_MAX = 1_000_000_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
SHEET = "alarms"


@dataclass(frozen=True, slots=True)
class Given:
    """A row as it came back; ``columns`` are in the order of its cells."""

    file: str
    number: int  # of the row, as the spreadsheet counts
    columns: tuple[str, ...]
    row: Row

    def place(self, column: str = "") -> Place:
        """Of a cell, by its address such as ``D7``; of the row where no column is named."""
        address = f"{_letters(self.columns.index(column))}{self.number}" if column in self.columns else ""
        return Place(self.file, self.number, address)


def write_csv(path: Path, rows: Iterable[Row], lang: str) -> int:
    """Write rows; returns how many. In UTF-8 with a mark, without which spreadsheets misread Chinese."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_header(lang))
        for row in rows:
            writer.writerow([_for_csv(row[column.name]) for column in COLUMNS])
            count += 1
    return count


def write_xlsx(path: Path, rows: Iterable[Row], lang: str) -> int:
    """Write rows into one sheet; returns how many.

    Raises:
        ValueError: there are more than a sheet can hold.

    """
    openpyxl = _openpyxl()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    sheet.freeze_panes = "D2"
    sheet.append([_text_cell(sheet, label) for label in _header(lang)])
    count = 0
    for row in rows:
        count += 1
        if count > ROWS_MAX:
            raise ValueError(f"an XLSX sheet holds {ROWS_MAX:,} rows; write a .csv, or leave out --sensors")
        cells = (row[column.name] for column in COLUMNS)
        sheet.append([_for_xlsx(sheet, cell) for cell in cells])
        if count == 1:
            sheet.auto_filter.ref = f"A1:{_letters(len(COLUMNS) - 1)}1"
    book.save(path)
    return count


def read_table(path: Path, findings: Findings) -> list[Given]:
    """Rows as they came back; what is wrong with file, header or cells goes to ``findings``."""
    raw = _csv_rows(path, findings) if path.suffix.lower() == ".csv" else _xlsx_rows(path, findings)
    numbered = enumerate(raw, 1)
    _, header = next(numbered, (1, []))
    columns = _columns(path, header, findings)
    if columns is None:
        return []
    given = []
    for number, cells in numbered:
        if all(cell in ("", None) for cell in cells):
            continue
        row = Given(str(path), number, columns, dict.fromkeys(BY_NAME, ""))
        for name, cell in zip(columns, cells, strict=False):
            row.row[name] = _value(row.place(name), name, cell, findings)
        given.append(row)
    return given


def _header(lang: str) -> list[str]:
    return [f"{column.name} {column.label.say(lang)}" for column in COLUMNS]


def _for_csv(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return repr(float(cell)).removesuffix(".0")


def _for_xlsx(sheet: Any, cell: Cell) -> Any:
    """Numbers are written with 16 digits; one that needs more goes as text, which is read back as the number it was."""
    if cell == "":
        return None
    if isinstance(cell, str):
        return _text_cell(sheet, cell)
    return cell if float(f"{cell:.16g}") == cell else _text_cell(sheet, repr(cell))


def _text_cell(sheet: Any, text: str) -> Any:
    cell = importlib.import_module("openpyxl.cell").WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(_FORMULA)
    return cell


def _openpyxl() -> Any:
    return importlib.import_module("openpyxl")


def _csv_rows(path: Path, findings: Findings) -> Iterator[Sequence[object]]:
    text = read_text(path, findings, size_bytes_max=BYTES_MAX)
    if text is None:
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            yield [cell.removeprefix("'") for cell in cells]
    except csv.Error as error:
        findings.error(Place(str(path), reader.line_num, ""), f"must be CSV: {error}", Plain("something else"))


@dataclass(frozen=True, slots=True)
class _Formula:
    text: str


def _xlsx_rows(path: Path, findings: Findings) -> Iterator[Sequence[object]]:
    place = Place(str(path), 0, "")
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if path.stat().st_size > BYTES_MAX or unpacked > UNPACKED_BYTES_MAX:
            findings.error(place, f"may have {BYTES_MAX:,} bytes, and unpacked {UNPACKED_BYTES_MAX:,}", Plain("more"))
            return
        book = _openpyxl().load_workbook(path, read_only=True, data_only=False)
        sheet = book[SHEET] if SHEET in book.sheetnames else book.worksheets[0]
    except OSError as error:
        findings.error(place, "must be a file that can be read", Plain((error.strerror or "an error").lower()))
        return
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        findings.error(place, f"must be an XLSX or CSV file: {error}", Plain("something else"))
        return
    for cells in sheet.iter_rows():
        yield [_Formula(str(cell.value)) if cell.data_type == "f" else cell.value for cell in cells]
    book.close()


def _columns(path: Path, header: Sequence[object], findings: Findings) -> tuple[str, ...] | None:
    names = [str(cell or "").split(" ")[0] for cell in header]
    while names and not names[-1]:
        names.pop()
    before = len(findings.errors)
    for at, name in enumerate(names):
        place = Place(str(path), 1, f"{_letters(at)}1")
        if name not in BY_NAME:
            requirement = f"must begin with the name of a column; {one_of(BY_NAME, name)}"
            findings.error(place, requirement, name)
        elif name in names[:at]:
            findings.error(place, "must be a column that is there once", name)
    for name in ("rule", "grade"):
        if name not in names:
            findings.error(Place(str(path), 1, ""), f"must have a column {name}", Plain(", ".join(names) or "nothing"))
    return tuple(names) if len(findings.errors) == before else None


def _value(place: Place, name: str, cell: object, findings: Findings) -> Cell:
    if isinstance(cell, _Formula):
        findings.error(place, "must hold a value, not a formula", cell.text)
        return ""
    if cell is None or cell == "":
        return ""
    if not BY_NAME[name].is_number:
        day = getattr(cell, "date", None)  # a spreadsheet makes days of what looks like one
        return str(day() if callable(day) else cell).strip() if name.startswith("change_") else str(cell)
    try:
        return float(str(cell).strip())
    except ValueError:
        findings.error(place, "must be a number", str(cell))
        return ""


def _letters(at: int) -> str:
    """``0`` -> ``A``, ``26`` -> ``AA``."""
    letters = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
