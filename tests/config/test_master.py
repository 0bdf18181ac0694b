"""The master alarm database goes out to a sheet and comes back: the same, as a proposal, or with errors by cell."""

from __future__ import annotations

import csv
import importlib
import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.jobs.master import Imported, SheetError, bring_in, export
from config.findings import Findings
from config.master import table
from config.master.changes import Defaults, compare
from config.master.rows import COLUMNS, Row, rows_of
from config.master.table import read_table, write_csv, write_xlsx
from config.plan import load_configuration
from config.settings import Settings, load_settings
from model.errors import ConfigErrors
from model.plan import Plan

GOOD = Path(__file__).parent / "faulty" / "good"
WHO = Defaults("Han Mei", "2026-11-27", "trial")
NAMES = [column.name for column in COLUMNS]
ENDINGS = ["csv", "xlsx"]


class Mqtt(BaseModel):
    pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("site")
    (folder / "pack").mkdir()
    for file in GOOD.glob("*.yaml"):
        shutil.copy(file, folder if file.name in ("fengsui.yaml", "registry.yaml") else folder / "pack")
    return load_settings(folder / "fengsui.yaml", {"mqtt": Mqtt}.get, connector_names=["mqtt"])


@pytest.fixture(scope="module")
def plan(site: Settings) -> Plan:
    return load_configuration(site).plan


def edited(plan: Plan, file: Path, edit: Callable[[list[list[str]]], object]) -> Path:
    """Let a person change the cells of a CSV; ``edit`` gets all rows, the header first."""
    export(plan, file, "zh", sensors=True)
    cells = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
    edit(cells)
    with file.open("w", encoding="utf-8-sig", newline="") as written:
        csv.writer(written).writerows(cells)
    return file


def row_of(cells: list[list[str]], rule: str, grade: str, tag: str = "") -> list[str]:
    return next(row for row in cells if row[:3] == [rule, grade, tag])


def put(rule: str, grade: str, tag: str = "", /, **values: str) -> Callable[[list[list[str]]], object]:
    def edit(cells: list[list[str]]) -> None:
        row = row_of(cells, rule, grade, tag)
        for name, value in values.items():
            row[NAMES.index(name)] = value

    return edit


def taken(site: Settings, file: Path, out: Path) -> Imported:
    return bring_in(site, file, out, WHO)


def with_proposal(site: Settings, out: Path) -> Plan:
    return load_configuration(replace(site, packs=(*site.packs, str(out)))).plan


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_nobody_changed_comes_back_as_it_was(site: Settings, plan: Plan, tmp_path: Path, ending: str) -> None:
    rows = list(rows_of(plan, sensors=True))
    assert export(plan, tmp_path / f"a.{ending}", "en", sensors=True) == len(rows) == 15
    assert [one.row for one in read_table(tmp_path / f"a.{ending}", Findings())] == rows
    assert taken(site, tmp_path / f"a.{ending}", tmp_path / "out") == Imported([], [], [])
    assert not (tmp_path / "out").exists()


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
cells_ = st.sampled_from(["=1+1", "+7", "-3", "@x", "'", "''=1", "'quoted'", ' "a", b', "一\n二", "DDE(1)"]) | texts


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells_, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=5))
def test_any_text_and_number_survives(tmp_path: Path, ending: str, given_cells: list[tuple[str, float]]) -> None:
    rows: list[Row] = [
        {column.name: number if column.is_number else text for column in COLUMNS}
        | {name: "" for name in NAMES if name.startswith("change_")}
        for text, number in given_cells
    ]
    file = tmp_path / f"a.{ending}"
    (write_csv if ending == "csv" else write_xlsx)(file, rows, "zh")
    assert [one.row for one in read_table(file, Findings())] == rows


def test_no_cell_of_a_csv_begins_a_formula(tmp_path: Path) -> None:
    row: Row = dict.fromkeys(NAMES, "=cmd|' /C calc'!A0")
    write_csv(tmp_path / "a.csv", [row], "en")
    cells = list(csv.reader((tmp_path / "a.csv").open(encoding="utf-8-sig", newline="")))[1]
    assert {cell[0] for cell in cells} == {"'"}


def test_no_cell_of_an_xlsx_is_a_formula(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "a.xlsx", [dict.fromkeys(NAMES, "=1+1")], "en")
    assert {cell.data_type for row in sheet(tmp_path / "a.xlsx").iter_rows() for cell in row} == {"s"}


def sheet(file: Path) -> Any:
    return importlib.import_module("openpyxl").load_workbook(file).active


def test_settings_become_overrides_and_words_a_rationale(site: Settings, plan: Plan, tmp_path: Path) -> None:
    def edit(cells: list[list[str]]) -> None:
        put("tank.level", "yellow", "tank-1/level", condition="value >= 16 m", on_delay_s="45")(cells)
        put("tank.silence", "blue", off="yes", change_by="Li", change_until="2027-01-01", change_reason="why: {x}")(
            cells
        )
        put("room.gas", "orange", "room-1", deadband="3.5")(cells)
        put("tank.drained", "blue", cause_zh="泵", cause_en='the "pump"', respond_within_s="600", owner="Wang")(cells)
        put("tank.hatch", "blue", response_zh="关", response_en="Shut")(cells)

    found = taken(site, edited(plan, tmp_path / "a.csv", edit), tmp_path / "out")
    assert {one.column for one in found.differences} == {
        "condition", "on_delay_s", "off", "deadband", "cause_zh", "cause_en", "respond_within_s", "owner",
        "response_zh", "response_en",
    }  # fmt: skip
    assert [file.name for file in found.files] == ["overrides.yaml", "rationale.yaml"]
    after = with_proposal(site, tmp_path / "out")
    now = {(row["rule"], row["grade"], row["tag"]): row for row in rows_of(after, sensors=True)}
    level = now["tank.level", "yellow", "tank-1/level"]
    assert (level["condition"], level["on_delay_s"], level["off_delay_s"]) == ("value >= 16 m", 45.0, 20.0)
    assert now["tank.silence", "blue", "tank-2/level"]["off"] == "yes"
    assert now["room.gas", "orange", "room-1"]["deadband"] == 3.5
    drained = now["tank.drained", "blue", ""]
    assert (drained["cause_en"], drained["respond_within_s"], drained["owner"]) == ('the "pump"', 600.0, "Wang")
    assert now["tank.hatch", "blue", ""]["response_en"] == "Shut"
    own = {one.id: one for one in after.overrides}["from_sheet_2"]
    assert (own.owner, str(own.until), own.reason.en) == ("Li", "2027-01-01", "why: {x}")


def test_the_same_change_of_many_sensors_is_one_override(site: Settings, plan: Plan, tmp_path: Path) -> None:
    def edit(cells: list[list[str]]) -> None:
        for tag in ("tank-1/level", "tank-2/level"):
            put("tank.silence", "blue", tag, condition="level_silence >= 2 min")(cells)

    taken(site, edited(plan, tmp_path / "a.csv", edit), tmp_path / "out")
    assert [one.where.tags for one in with_proposal(site, tmp_path / "out").overrides[2:]] == [
        ("tank-1/level", "tank-2/level")
    ]


WRONG: list[tuple[Callable[[list[list[str]]], object], str]] = [
    (
        put("tank.level", "red", rule="tank.levle"),
        "a.csv:3 A3: must be a rule that there is; did you mean 'tank.level'?, got 'tank.levle'",
    ),
    (put("tank.hatch", "blue", grade="red"), ": must be a grade of tank.hatch, which has blue, got 'red'"),
    (
        put("tank.hatch", "blue", "tank-1/hatch", tag="tank-1/hutch"),
        ": must be a sensor or asset that tank.hatch judges, or empty, got 'tank-1/hutch'",
    ),
    (put("tank.level", "red", name_en="Full"), "E3: must stay as it is ('Level high'), got 'Full'"),
    (
        put("tank.level", "red", "tank-1/level", cause_en="why"),
        ": must stay empty: words are the whole rule's (''), got 'why'",
    ),
    (put("tank.level", "red", on_delay_s="soon"), "K3: must be a number, got 'soon'"),
    (put("tank.level", "red", on_delay_s="-1"), "K3: must be a number from 0, got -1.0"),
    (put("tank.level", "red", deadband=""), "M3: must be a number from 0, got nothing"),
    (put("tank.level", "red", off="ja"), "J3: must be yes; to turn it on again, take its override out, got 'ja'"),
    (put("tank.level", "red", off="yes", deadband="3"), "J3: must be off alone, or change something, got 'yes'"),
    (put("tank.level", "red", condition="value >> 3"), "I3: must be a condition: column 8: expected a"),
    (
        put("tank.level", "red", condition="value >= 19 m"),
        "I3: may have other limits only ('value >= 18 m or level_rate > 1 m/min'); for another condition write a rule",
    ),
    (
        put("tank.level", "red", deadband="3", change_since="monday"),
        "AC3: must be a day such as 2027-05-31, got 'monday'",
    ),
    (put("tank.level", "red", cause_en=""), "R3: must not be empty where its row gives words, got nothing"),
    (
        lambda cells: (put("tank.level", "red", owner="A")(cells), put("tank.level", "yellow", owner="B")(cells)),
        "X3: must be the same in all rows of tank.level, got 'A'",
    ),
    (lambda cells: cells.append(cells[1]), "must be there once, first in row 2, got 'tank.level yellow '"),
    (
        lambda cells: cells[0].__setitem__(8, "conditon X"),
        "a.csv:1 I1: must begin with the name of a column; did you mean",
    ),
    (lambda cells: cells[0].__setitem__(8, "rule"), "a.csv:1 I1: must be a column that is there once, got 'rule'"),
    (lambda cells: cells[0].__setitem__(0, "tag"), "a.csv:1: must have a column rule, got tag, grade"),
]


@pytest.mark.parametrize(("edit", "said"), WRONG)
def test_what_cannot_be_is_told_by_its_cell(
    site: Settings, plan: Plan, tmp_path: Path, edit: Callable[[list[list[str]]], object], said: str
) -> None:
    file = edited(plan, tmp_path / "a.csv", edit)
    with pytest.raises(ConfigErrors) as refusal:
        taken(site, file, tmp_path / "out")
    assert said in str(refusal.value).replace(f"{tmp_path}/", "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("defaults", "said"),
    [
        (
            Defaults("", "2026-11-27", "x"),
            "AB3: must say in change_by who changes it, as settings of this row change; or give --by for all",
        ),
        (Defaults("x", "2026-11-27", ""), "AE3: must say in change_reason why"),
        (Defaults("x", "", "x"), "AC3: must say in change_since from which day"),
    ],
)
def test_who_and_why_is_asked(site: Settings, plan: Plan, tmp_path: Path, defaults: Defaults, said: str) -> None:
    file = edited(plan, tmp_path / "a.csv", put("tank.level", "red", deadband="3"))
    with pytest.raises(ConfigErrors, match=said):
        bring_in(site, file, tmp_path / "out", defaults)


def test_what_an_override_settles_is_not_settled_again(site: Settings, plan: Plan, tmp_path: Path) -> None:
    file = edited(plan, tmp_path / "a.csv", put("tank.level", "yellow", "tank-2/level", on_delay_s="60"))
    with pytest.raises(
        ConfigErrors, match=r"must not change yellow.on_delay of tank.level for tank-2/level, which tank_2"
    ):
        taken(site, file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(site: Settings, plan: Plan, tmp_path: Path) -> None:
    file = edited(plan, tmp_path / "a.csv", put("tank.level", "red", deadband="3"))
    with pytest.raises(SheetError, match="must be a folder that is not there yet"):
        taken(site, file, tmp_path)


def test_only_csv_and_xlsx_are_written(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(SheetError, match=r"must end in .csv or .xlsx, got '.xls'"):
        export(plan, tmp_path / "a.xls", "en", sensors=False)


def test_a_formula_is_refused_by_its_cell(site: Settings, plan: Plan, tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    export(plan, file, "en", sensors=False)
    book = importlib.import_module("openpyxl").load_workbook(file)
    book.active["K3"] = "=1+1"
    book.save(file)
    with pytest.raises(ConfigErrors, match=r"K3: must hold a value, not a formula, got '=1\+1'"):
        taken(site, file, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "said"), [("a.xlsx", "a.xlsx: must be an XLSX or CSV file: "), ("a.csv", "a.csv:1: must be CSV: ")]
)
def test_what_is_no_table_is_refused(site: Settings, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigErrors, match="no such file"):
        taken(site, tmp_path / name, tmp_path / "out")
    (tmp_path / name).write_bytes(b'"x" y\n')
    with pytest.raises(ConfigErrors) as refusal:
        taken(site, tmp_path / name, tmp_path / "out")
    assert said in str(refusal.value)


def test_what_is_too_large_is_refused(
    site: Settings, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.xlsx"
    export(plan, file, "en", sensors=False)
    monkeypatch.setattr(table, "UNPACKED_BYTES_MAX", 1000)
    with pytest.raises(ConfigErrors) as refusal:
        taken(site, file, tmp_path / "out")
    assert "a.xlsx: may have 64,000,000 bytes, and unpacked 1,000, got more" in str(refusal.value)
    monkeypatch.setattr(table, "ROWS_MAX", 2)
    with pytest.raises(SheetError) as too_many:
        export(plan, file, "en", sensors=False)
    assert "an XLSX sheet holds 2 rows; write a .csv, or leave out --sensors" in str(too_many.value)


def test_a_limit_that_stands_twice_is_changed_once(plan: Plan) -> None:
    """An override names an operand and an operator, which must then mean one limit."""
    now = next(iter(rows_of(plan))) | {"condition": "value > 1 m or value > 2 m and level_rate > 0"}
    after = now | {"condition": "value > 3 m or value > 4 m and level_rate > 0"}
    findings = Findings()
    compare([table.Given("a.csv", 2, tuple(NAMES), after)], [now], WHO, findings)
    (error,) = findings.errors
    assert str(error).startswith(
        "a.csv:2 I2: must have one limit for all comparisons of an operand by the same operator"
    )
