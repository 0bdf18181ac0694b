"""``fengsui backtest``: what a change of rules would have done in the past, on the archive or on recordings."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.configured import Paths, read
from app.jobs.evaluate import Family, plan_of, prepared
from app.jobs.tune import quiet
from app.moments import moment_ns
from config.plan import load_configuration
from config.settings import Settings
from connectors.channel_map import load_channel_map
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

    def counted(self, made: Sequence[Episode], span: Span) -> list[Episode]:
        return within(made, span.begin_ns, span.end_ns)

    def seconds(self, span: Span) -> float:
        return (span.end_ns - span.played_from_ns) / SECOND_NS

    @property
    def unknown(self) -> int:
        return self._reader.problems.unknown

    @property
    def damaged(self) -> dict[str, str]:
        return self._reader.problems.files


class Recorded:
    """Readings of a folder of recordings, each series with its training rows before it.

    Attributes:
        zone: of its times.

    """

    def __init__(self, path: Path, family: Family) -> None:
        self._ready = prepared(path, family)
        self.zone = load_channel_map(family.channels).zone
        self.unknown = 0
        self.damaged: dict[str, str] = {}

    def plan(self, family: Family, base: Path) -> Plan:
        return plan_of(family, base, self._ready.recording)

    def span(self) -> Span:
        """All of it, in its own time."""
        begins_ns, ends_ns = zip(*self._ready.spans_ns.values(), strict=True)
        return Span(min(begins_ns) // SECOND_NS * SECOND_NS, max(ends_ns) + 1, 0)

    def parts(self, plan: Plan, _span: Span) -> Iterator[Slice]:
        batch = quiet(self._ready.recording, plan, 0.0)
        for at in range(0, len(batch), _BATCH_ROWS):
            rows = batch.take(slice(at, at + _BATCH_ROWS))
            yield Slice(int(rows.time_ns[-1]) - self._ready.shift_ns, rows, ticks=False)

    def counted(self, made: Sequence[Episode], _span: Span) -> list[Episode]:
        """In the recording's own time; what ended in the training rows does not count."""
        sensors = self._ready.recording.sensors
        begins_ns = {one.sensor.asset: self._ready.spans_ns[one.series][0] for one in sensors}
        own = [one.moved(-self._ready.shift_ns) for one in made]
        lasting = [one for one in own if one.end_ns is None or one.end_ns >= begins_ns[one.asset]]
        return [replace(one, begin_ns=max(one.begin_ns, begins_ns[one.asset])) for one in lasting]

    def seconds(self, _span: Span) -> float:
        """Of all series, one after the other."""
        return sum(end_ns - begin_ns for begin_ns, end_ns in self._ready.spans_ns.values()) / SECOND_NS


def played(readings: Archived | Recorded, plan: Plan, span: Span, progress: Progress) -> tuple[list[Episode], int]:
    """Alarms of a plan in a span, and on how many readings.

    Args:
        readings: of the past.
        plan: that can be played.
        span: the time that counts.
        progress: called with the part that is done.

    """
    play = Play(plan, span.played_from_ns)
    rows = 0
    for number, part in enumerate(readings.parts(plan, span)):
        play.judge(part)
        rows += len(part.rows)
        if number % _REPORT_EVERY == 0:
            progress(span.done(part.end_ns))
    return readings.counted(episodes(play.events), span), rows


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
        return moment_ns(text, zone)
    except ValueError:
        raise FengsuiError(f"{where}: must be a time such as 2026-11-24T08:00, got {text!r}") from None


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

    old, _ = played(readings, playable(before), span, lambda part: progress(part / 2))
    new, rows = played(readings, playable(after), span, lambda part: progress((1 + part) / 2))
    return Backtest(
        span=span,
        readings=rows,
        unknown=readings.unknown,
        damaged=dict(readings.damaged),
        before=_judgement(before, old, span, known, desks),
        after=_judgement(after, new, span, known, desks),
        differences=tuple(differences(old, new)),
        labels=known,
        seconds=readings.seconds(span),
        took_s=time.monotonic() - begun_s,
    )


def _judgement(plan: Plan, made: Sequence[Episode], span: Span, labels: tuple[Label, ...], desks: int) -> Judgement:
    diagnostic = {rule.id for rule in plan.rules if rule.diagnostic}
    about = [one for one in made if one.rule not in diagnostic]
    return Judgement(
        plan.version,
        tuple(made),
        load(made, span.begin_ns, span.end_ns, desks),
        told(labels, about) if labels else None,
    )
