"""What docs/connectors.md says of signals, kinds and refusals is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from config.packs import check_packs
from connectors.gb26875.codes import ANALOGS, Signal
from connectors.gb26875.settings import Settings
from tests.connectors.gb26875.test_decoder import REFUSED
from tests.docs.blocks import ROOT

GUIDE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
SECTION = GUIDE.partition("## gb26875\n")[2].partition("\n## ")[0]
TABLE = SECTION.partition("| signal | of |")[2].partition("\n\n")[0]


def names(text: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", text)


def rows() -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in TABLE.splitlines()[2:]]


def test_every_signal_stands_in_the_table_once() -> None:
    assert sorted(name for row in rows() for name in names(row[0])) == sorted(get_args(Signal))


def test_the_kinds_of_the_table_are_kinds_of_the_pack() -> None:
    kinds = {kind.id: kind.unit for kind in check_packs(["fire"], Path())[0].kinds}
    named = {name for row in rows() for name in names(row[3])}
    assert named <= set(kinds)
    assert {name for name in kinds if name.startswith(("panel_", "uitd_", "facility_", "duty_"))} == named


def test_the_signals_that_are_left_out_by_default_are_named() -> None:
    (line,) = re.findall(r"^Not sent on unless `signals` says so: (.*)\.$", SECTION, re.MULTILINE)
    assert set(names(line)) == set(get_args(Signal)) - set(Settings(port=0).signals)


def test_the_measured_quantities_are_named() -> None:
    (row,) = [row for row in rows() if row[0] == "`analog`"]
    assert set(names(row[2])) == {analog.signal for analog in ANALOGS.values()}


def test_every_reason_of_a_refusal_is_named() -> None:
    assert {reason for _, reason in REFUSED} | {"unknown_analog"} <= set(names(SECTION))
