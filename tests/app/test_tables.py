"""What people read on a terminal of 80 columns is whole: no word cut, no column squeezed to nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from app.cli import alarm_table as shown
from app.cli.tables import Table
from app.cli.why import Spoken
from model.alarm import AlarmState, Grade, beginning

ADVICE = "立即关闭上游阀门并切断气源，在上风向疏散、设警戒；拨打119；不得进入室内开关电器。"
ALARM = replace(
    beginning("0123456789abcdef0123", "gas.lel", "gas-station-1/ch4-01", "regulator-1", 0),
    state=AlarmState.RETURNED,
    highest=Grade.RED,
)


class Named(Spoken):
    """Names without a plan."""

    def __init__(self) -> None:
        self.speak = "en"

    def rule(self, rule: str) -> str:
        return f"Combustible gas above limit ({rule})"

    def asset(self, asset: str) -> str:
        return f"Cabinet {asset}"


def drawn(what: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 79, 80])
@pytest.mark.parametrize("grid", [True, False])
def test_a_sentence_without_blanks_is_shown_whole(width: int, *, grid: bool) -> None:
    table = Table.grid(padding=(0, 2)) if grid else Table("a", "b")
    table.add_row("建议", ADVICE)
    told = "".join(drawn(table, width))
    assert "".join(letter for letter in told if letter in ADVICE and letter not in "建议") == "".join(
        letter for letter in ADVICE if letter not in "建议"
    )


@pytest.mark.parametrize("incidents", [None, {ALARM.id: "fedcba98765432100000"}])
@pytest.mark.parametrize("width", [80, 100, 140])
def test_alarms_have_room_to_say_what_they_are(
    width: int, incidents: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "out", Console(width=width))
    lines = drawn(shown.alarm_table([ALARM], Named(), "UTC", incidents), width)
    told = "\n".join(lines)
    for whole in (
        "● red",
        "returned",
        "Combustible gas above limit",
        "gas-station-1/ch4-01",
        "01234567",
        "01-01 00:00:00",
    ):
        assert whole in told
    assert ("fedcba98" in told) == (incidents is not None)
    assert "…" not in told
    assert max(map(len, lines)) <= width
