"""``fengsui backtest``: what a change of rules would have done in the past, on the archive or on recordings."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from app.configured import Paths, read
from app.jobs.evaluate import Family, plan_of, spans_of, with_training
from app.jobs.tune import quiet
from config.plan import load_configuration
from config.settings import Settings
from connectors.channel_map import load_channel_map
from connectors.recording import load_recording
from model.errors import FengsuiError
from model.plan import Plan
from pipeline.hindsight.episodes import Difference, Episode, differences, episodes, within
from pipeline.hindsight.labels import Label, Told, told
from pipeline.hindsight.load import Load, load
from pipeline.hindsight.play import SECOND_NS, Play, Slice, playable, slices
from store.archive.reader import ArchiveReader
from store.pipeline_reader import PipelineReader

_BATCH_ROWS = 2000
_REPORT_EVERY = 100  # slices

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Span:
    """Which time is judged: the warm-up before it is played, too, and not counted."""

    begin_ns: int
    end_ns: int
    warmup_ns: int

    @property
    def played_from_ns(self) -> int:
        return (self.begin_ns - self.warmup_ns) // SECOND_NS * SECOND_NS

    def done(self, at_ns: int) -> float:
        """Which part of it lies behind."""
        return (at_ns - self.played_from_ns) / max(1, self.end_ns - self.played_from_ns)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One configuration's view of the span.

    Attributes:
        version: of the plan.
        episodes: alarms that begin in the span.
        load: what they ask of people.
        told: which labelled events they tell; None = there are no labels.

    """

    version: str
    episodes: tuple[Episode, ...]
    load: Load
    told: Told | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it.

    Attributes:
        readings: of the span and its warm-up, as the changed plan takes them.
        unknown: readings that no sensor of the changed plan takes.
        damaged: files of the archive that could not be read, and why.
        seconds: recorded time that was played for each plan.
        took_s: of both together.

    """

    span: Span
    readings: int
    unknown: int
    damaged: dict[str, str]
    before: Judgement
    after: Judgement
    differences: tuple[Difference, ...]
    labels: tuple[Label, ...]
    seconds: float
    took_s: float

    @property
    def speed(self) -> float:
        """How many times faster than the time that was recorded, one plan."""
        return 2 * self.seconds / self.took_s if self.took_s > 0 else 0.0


class Archived:
    """Readings of the archive and of the journal's end."""

    def __init__(self, settings: Settings, tick_s: int = 1) -> None:
        self._tick_s = tick_s
        paths = Paths.under(settings.data_dir)
        self._reader = ArchiveReader(settings.archive_folder, paths.journal if paths.journal.is_dir() else None)

    def parts(self, plan: Plan, span: Span) -> Iterator[Slice]:
        self._reader.problems.unknown = 0
        begin_ns, end_ns = span.played_from_ns, span.end_ns
        batches = self._reader.batches(plan, begin_ns, end_ns, rows_max=_BATCH_ROWS)
        return slices(batches, begin_ns, end_ns, tick_s=self._tick_s)

    def seconds(self, span: Span) -> float:
        return (span.end_ns - span.played_from_ns) / SECOND_NS

    @property
    def unknown(self) -> int:
        return self._reader.problems.unknown

    @property
    def damaged(self) -> dict[str, str]:
        return self._reader.problems.files


class Recorded:
    """Readings of a folder of recordings, each series with its training rows before it."""

    def __init__(self, path: Path, family: Family) -> None:
        channel_map = load_channel_map(family.channels)
        self._recording = with_training(load_recording(path, channel_map), channel_map.train)
        if not len(self._recording):
            raise FengsuiError(f"{path}: must have readings, got none")
        self.unknown = 0
        self.damaged: dict[str, str] = {}

    def plan(self, family: Family, base: Path) -> Plan:
        return plan_of(family, base, self._recording)

    def span(self) -> Span:
        """All of it."""
        times = self._recording.time_ns
        return Span(int(times[0]) // SECOND_NS * SECOND_NS, int(times[-1]) + 1, 0)

    def parts(self, plan: Plan, span: Span) -> Iterator[Slice]:
        batch = quiet(self._recording, plan, 0.0)
        first, last = np.searchsorted(batch.time_ns, [span.played_from_ns, span.end_ns])
        for at in range(int(first), int(last), _BATCH_ROWS):
            rows = batch.take(slice(at, min(at + _BATCH_ROWS, int(last))))
            yield Slice(int(rows.time_ns[-1]), rows, ticks=False)

    def seconds(self, _span: Span) -> float:
        """Of all series, one after the other."""
        return sum(end_ns - begin_ns for begin_ns, end_ns in spans_of(self._recording).values()) / SECOND_NS


def running_plan(settings: Settings) -> Plan:
    """The configuration in force.

    Raises:
        StoreError: the pipeline has never run with this data folder.

    """
    reader = PipelineReader(Paths.under(settings.data_dir).pipeline_db)
    try:
        return reader.plan()
    finally:
        reader.close()


def configured_plan(file: Path) -> Plan:
    """The configuration as its files stand.

    Raises:
        ConfigErrors: all that is wrong with them.

    """
    return load_configuration(read(file)).plan


def read_labels(file: Path, zone: str) -> tuple[Label, ...]:
    """Labelled events of a CSV with columns ``start`` and ``end``, and where they are known ``name`` and ``subject``.

    ``kind`` may stand for ``name``; ``tag``, ``asset`` or ``series`` for ``subject``. Rows without times are left out.

    Raises:
        FengsuiError: a column is missing, or a time is none.

    """
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.DictReader(opened)
        missing = [name for name in ("start", "end") if name not in (rows.fieldnames or ())]
        if missing:
            raise FengsuiError(f"{file}: must have the columns start and end, got {', '.join(rows.fieldnames or ())}")
        return tuple(
            Label(
                row.get("name") or row.get("kind") or "",
                _time_ns(row["start"], zone, f"{file}:{rows.line_num} start"),
                _time_ns(row["end"], zone, f"{file}:{rows.line_num} end"),
                next((row[name] for name in ("subject", "tag", "asset", "series") if row.get(name)), ""),
            )
            for row in rows
            if row["start"] and row["end"]
        )


def _time_ns(text: str, zone: str, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FengsuiError(f"{where}: must be a time such as 2026-11-24T08:00, got {text!r}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def backtest(
    readings: Archived | Recorded,
    before: Plan,
    after: Plan,
    span: Span,
    *,
    labels: tuple[Label, ...] = (),
    desks: int = 1,
    progress: Progress = lambda _part: None,
) -> Backtest:
    """Judge the same time by two plans and tell what differs.

    Args:
        readings: of the past.
        before: the plan to compare with.
        after: the changed plan.
        span: the time that counts.
        labels: what really happened; those in the span count.
        desks: operators who share the alarms.
        progress: called with the part that is done.

    """
    begun_s = time.monotonic()
    known = tuple(one for one in labels if span.begin_ns <= one.begin_ns < span.end_ns)

    def judged(plan: Plan, done: float) -> tuple[Judgement, int]:
        playing = playable(plan)
        play = Play(playing, span.played_from_ns)
        rows = 0
        for number, part in enumerate(readings.parts(playing, span)):
            play.judge(part)
            rows += len(part.rows)
            if number % _REPORT_EVERY == 0:
                progress(done + span.done(part.end_ns) / 2)
        return _judgement(plan, play, span, known, desks), rows

    old, _ = judged(before, 0.0)
    new, rows = judged(after, 0.5)
    return Backtest(
        span=span,
        readings=rows,
        unknown=readings.unknown,
        damaged=dict(readings.damaged),
        before=old,
        after=new,
        differences=tuple(differences(old.episodes, new.episodes)),
        labels=known,
        seconds=readings.seconds(span),
        took_s=time.monotonic() - begun_s,
    )


def _judgement(plan: Plan, play: Play, span: Span, labels: tuple[Label, ...], desks: int) -> Judgement:
    made = within(episodes(play.events), span.begin_ns, span.end_ns)
    diagnostic = {rule.id for rule in plan.rules if rule.diagnostic}
    about = [one for one in made if one.rule not in diagnostic]
    return Judgement(
        plan.version,
        tuple(made),
        load(made, span.begin_ns, span.end_ns, desks),
        told(labels, about) if labels else None,
    )
