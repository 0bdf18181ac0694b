"""``fengsui demo``: a simulated district, live on the terminal."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text as RichText

from app.cli.screen import LangOption, grade_text, language, out, say, set_up_logging, show_time
from app.cli.tables import Table
from app.cli.why import Spoken, shown_value, spoken
from app.client import PipelineClient
from app.configured import Paths, read
from app.jobs.demo import Demo
from config.settings import Settings
from model.alarm import Alarm, Grade
from model.errors import FengsuiError, StoreError
from store.pipeline_reader import PipelineReader

REFRESH_S = 0.5
ALARMS_SHOWN = 10


def demo(
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="End after so long; 0 = at Ctrl-C.")] = 0.0,
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Keep everything here.")] = None,
    profile: Annotated[
        str, typer.Option("--profile", help="What the simulator plays: demo, day, day-events.")
    ] = "demo",
    speed: Annotated[float, typer.Option("--speed", help="Scenario seconds a second.")] = 1.0,
    *,
    plain: Annotated[bool, typer.Option("--plain", help="One line an alarm instead of the live view.")] = False,
    lang: LangOption = "",
) -> None:
    """演示：模拟城区的泄漏、爆管与阴燃火灾，从报文到分级报警。Demo: from simulated sensors to graded alarms."""
    set_up_logging()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: our processes must not outlive us
    speak = language(lang)
    folder = data_dir or Path(tempfile.mkdtemp(prefix="fengsui-demo-"))
    out.print(say("demo_starting", speak))
    out.print(say("demo_kept" if data_dir else "demo_data", speak, path=folder), style="dim")
    try:
        with Demo(folder, language=speak, profile=profile, speed=speed) as running:
            view = _View(running, speak)
            _watch(view, seconds, plain=plain or not sys.stdout.isatty())
        out.print(say("demo_over", speak, alarms=len(view.seen), notices=len(running.received.bodies)))
    finally:
        if data_dir is None:
            shutil.rmtree(folder, ignore_errors=True)


def _watch(view: _View, seconds: float, *, plain: bool) -> None:
    """Refresh until the time is over or Ctrl-C."""
    try:
        if plain:
            while not view.over(seconds):
                for line in view.news():
                    out.print(line, soft_wrap=True)
                time.sleep(REFRESH_S)
            return
        with Live(view.screen(), console=out, refresh_per_second=4) as live:
            while not view.over(seconds):
                live.update(view.screen())
                time.sleep(REFRESH_S)
    except KeyboardInterrupt:
        return


class _View:
    """What the demo shows, read as any client would: from the socket and the store."""

    def __init__(self, running: Demo, speak: str) -> None:
        self._demo, self._speak = running, speak
        self._configured: Settings = read(running.config)
        self._names: Spoken | None = None
        self._client = PipelineClient(self._configured.socket)
        self._reader: PipelineReader | None = None
        self._rates: deque[tuple[float, int]] = deque(maxlen=10)
        self._last_line_s = 0.0
        self.seen: dict[str, Grade] = {}
        self._first_s: float | None = None

    def over(self, seconds: float) -> bool:
        self._demo.check()
        return bool(seconds) and self._elapsed_s() >= seconds

    def news(self) -> list[str]:
        """Lines for a terminal that cannot redraw: new or higher alarms, and every 5 s how things stand."""
        alarms, status = self._read()
        lines = []
        for alarm in reversed(alarms):
            before = self.seen.get(alarm.id)
            if before != alarm.highest:
                self.seen[alarm.id] = alarm.highest
                lines.append(self._line(alarm, upgraded=before is not None))
        if self._elapsed_s() - self._last_line_s >= 5:
            self._last_line_s = self._elapsed_s()
            lines.append(f"[dim]{self._elapsed_s():4.0f} s  {self._status_line(status)}[/]")
        return lines

    def screen(self) -> Panel:
        alarms, status = self._read()
        self.seen.update({alarm.id: alarm.highest for alarm in alarms})
        table = Table(expand=True)
        for key in ("grade", "state", "what", "reason", "since"):
            table.add_column(say(key, self._speak), no_wrap=key != "what")
        for alarm in alarms[:ALARMS_SHOWN]:
            table.add_row(*self._row(alarm))
        foot = RichText(say("demo_end", self._speak), style="dim")
        head = RichText.from_markup(f"{self._elapsed_s():.0f} s   {self._status_line(status)}")
        return Panel(Group(head, table, foot), title=say("demo_title", self._speak))

    def _read(self) -> tuple[list[Alarm], dict[str, Any]]:
        try:
            status = self._client.status()
            self._reader = self._reader or PipelineReader(Paths.under(self._configured.data_dir).pipeline_db)
            self._names = self._names or spoken(self._reader, self._speak)
            alarms = self._reader.alarms(open_only=False, limit=200)
        except (FengsuiError, StoreError):
            return [], {}
        if alarms and self._first_s is None:
            self._first_s = self._elapsed_s()
        alarms.sort(key=lambda a: (-a.grade, -a.highest, -a.changed_ns))
        self._rates.append((time.monotonic(), status["rows"]["accepted"]))
        return alarms, status

    def _status_line(self, status: dict[str, Any]) -> str:
        if not status:
            return "…"
        (then, before), (now, after) = self._rates[0], self._rates[-1]
        rate = (after - before) / (now - then) if now > then else 0.0
        parts = [f"{rate:.0f} {say('demo_rate', self._speak)}"]
        parts += [f"{say(f'sensors_{name}', self._speak)} {n}" for name, n in status["sensors"].items()]
        parts.append(f"{say('demo_webhook', self._speak)} {len(self._demo.received.bodies)}")
        if self._first_s is not None:
            parts.append(say("demo_first", self._speak, seconds=self._first_s))
        return "   ".join(parts)

    def _line(self, alarm: Alarm, *, upgraded: bool) -> str:
        grade, state, what, reason, _ = self._row(alarm)
        happened = say("transition_upgraded", self._speak) if upgraded else state
        at = show_time(alarm.changed_ns, self._configured.time_zone)[11:]
        return f"{at} {grade} {what}  {reason}  {happened}".replace("\n", "  ")

    def _row(self, alarm: Alarm) -> tuple[str, str, str, str, str]:
        speak, names = self._speak, self._names
        if names is None:
            raise FengsuiError("an alarm is shown only after the plan is known")
        grade = grade_text(alarm.grade or alarm.highest, speak)
        what = f"{names.rule(alarm.rule)}\n[dim]{names.asset(alarm.asset)} · {alarm.tag}[/]"
        reason = f"{shown_value(alarm.why)}\n[dim]{alarm.why.condition if alarm.why else ''}[/]"
        since = show_time(alarm.start_ns, self._configured.time_zone)[11:]
        return grade, say(f"short_{alarm.state.value}", speak), what, reason, since

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._demo.started_s
