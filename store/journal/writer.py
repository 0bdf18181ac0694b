"""The journal: every input that can change an alarm, durable before anything depends on it.

One process writes (held by a lock), any number reads. ``append`` collects, a commit makes durable with one sync and
hands back what is durable now: nothing reaches ``step`` by another way.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import structlog

from model.batch import Batch
from model.errors import JournalError, JournalFull
from model.inputs import Input, PlanChange, Tick
from store.disk import FULL, LOCAL_DISK, Disk
from store.journal import recovery, segment
from store.journal.active_segment import ActiveSegment, must_sync
from store.journal.encoding import RecordType, encode
from store.journal.entries import Damage, Entry
from store.journal.reader import JournalReader, segments
from store.journal.recovery import PlanInForce, kept_segment
from store.journal.reserve import Reserve
from store.journal.retention import KeepLimits, KeptSegment, Removal, is_over, oldest_to_go
from store.journal.segment import Draft, FileHeader, Record

log = structlog.get_logger("journal")

SEGMENT_BYTES_DEFAULT = 64 * 1024 * 1024
#: More rows than this become several records: a record has a largest size, and a reader takes more for damage.
RECORD_ROWS_MAX = 1_000_000
#: When the caller should commit what it appended, whichever comes first.
COMMIT_BYTES_MAX = 1024 * 1024
COMMIT_DELAY_S_MAX = 0.020


class Journal:
    """The one writer.

    A commit has two halves: ``begin_commit`` writes and begins the sync, ``finish_commit`` waits for it and returns
    what is durable. Between them more may be appended; it belongs to the next commit.

    When the disk is full, ``begin_commit`` raises ``JournalFull``. The caller stops to acknowledge, and stays up: what
    was appended waits, nothing else has changed, and ``begin_commit`` may be called again at any time. With
    ``release_reserve`` it gets room for what it has to say itself (ticks, acts, its stores); once a commit has gone
    through without that room, ``restore_reserve`` takes it back.

    Any other ``JournalError`` is the end: the process goes, and recovers from what is really on the disk.

    Attributes:
        next_offset: of the next input that is appended.
        torn_bytes: of commits that were not finished, cut off at the start.
        commits: begun so far.
        damage: what was durable once and does not read any more, as far as it was met.

    Raises:
        JournalError: another process writes this journal, or a file is not what it should be.

    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES_DEFAULT,
        reserve_bytes: int = 0,
        durable_to: int = 0,
        disk: Disk = LOCAL_DISK,
        syncing: Executor | None = None,
    ) -> None:
        """Open it and bring it in order.

        Args:
            folder: made if it is not there.
            segment_bytes: size at which a new file begins; so much room is taken beforehand.
            reserve_bytes: room that is held back for a full disk.
            durable_to: offset below which all was durable, as the stores beside know: what lacks there is damage.
            disk: that it is on.
            syncing: carries out the syncs, one at a time; None = a thread of its own.

        """
        self._folder, self._disk, self._segment_bytes = folder, disk, segment_bytes
        self.damage: list[Damage] = []
        self.commits = 0
        self._pending: list[Entry] = []
        self._drafts: list[Draft] = []
        self._pending_bytes = 0
        self._under_way, self._broken = list[Entry](), False
        self._written_plan = self._appended_plan = PlanInForce()
        self._holds: dict[str, int] = {}
        self._guard = threading.Lock()  # of the list of segments and the holds: retention works beside the rounds
        self._sync_thread = syncing or ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal-sync")
        self._syncing: Future[None] | None = None
        self._reserve = Reserve(disk, folder, reserve_bytes)
        self._lock = _lock(disk, folder)
        try:
            self._recover(durable_to)
        except OSError as error:
            disk.close(self._lock)
            raise JournalError(f"{folder}: cannot open the journal: {error}") from error
        except JournalError:
            disk.close(self._lock)
            raise

    @property
    def pending_bytes(self) -> int:
        """Size of what was appended and waits for a commit."""
        return self._pending_bytes

    @property
    def is_syncing(self) -> bool:
        """Whether the disk is at work on a commit just now; thread-safe."""
        syncing = self._syncing
        return syncing is not None and not syncing.done()

    @property
    def oldest_offset(self) -> int:
        """Of the first input that is kept; ``next_offset`` where there is none."""
        with self._guard:
            return next((one.first_offset for one in self._kept()), self.next_offset)

    @property
    def needs_plan(self) -> bool:
        """Whether the plan in force is lost, so that no rows may be appended before a new one."""
        return self._appended_plan.lost

    @property
    def bytes_written(self) -> int:
        """Size of all segments, without the room that the newest has taken beforehand."""
        with self._guard:
            return sum(one.bytes for one in self._kept())

    def append(self, item: Input) -> int:
        """Take an item; durable only after a commit. Returns the offset of its first input.

        A batch without rows is no input; one with very many becomes several entries.

        Raises:
            JournalError: the item is larger than a record can be, or rows come without a plan (``needs_plan``).

        """
        offset = self.next_offset
        for part in _parts(item):
            kind, payload, inputs = encode(part)
            if kind is RecordType.BATCH and self.needs_plan:
                raise JournalError(f"{self._folder}: the plan in force is lost; rows need a new one before them")
            plan = self._appended_plan
            if kind is RecordType.PLAN:
                plan = PlanInForce(segment.plan_after(plan.number), payload)
            draft = Draft(Record(kind, self.next_offset, inputs, payload, plan.number))
            self._drafts.append(draft)
            self._pending.append(Entry(self.next_offset, part))
            self._pending_bytes += draft.record.size
            self._appended_plan = plan
            self.next_offset += inputs
        return offset

    def commit(self) -> list[Entry]:
        """Both halves of a commit: write and sync what was appended; returns it, in order.

        Raises:
            JournalFull: there is no room; nothing is lost, and the same may be tried again.
            JournalError: the disk refused otherwise.

        """
        self._write_pending()
        if self._under_way and self._active is not None:
            with self._to_the_end():
                self._active.sync()
        durable, self._under_way = self._under_way, []
        return durable

    def begin_commit(self) -> None:
        """Write what was appended, and begin to sync it. Without anything to write there is nothing to finish.

        Raises:
            JournalFull: there is no room; nothing is lost, and the same may be tried again.
            JournalError: the disk refused otherwise, or a commit is under way.

        """
        self._write_pending()
        if self._under_way and self._active is not None:
            self.commits += 1
            self._syncing = self._sync_thread.submit(self._active.sync)

    def finish_commit(self) -> list[Entry]:
        """Wait for the sync; returns what is durable by it, in order. Empty when no commit was begun.

        Raises:
            JournalError: the sync failed. It is never tried again: the kernel may have dropped the pages, so the
                process must end and recover from what is really on the disk.

        """
        self._refuse_if_broken()
        if self._syncing is not None:
            syncing, self._syncing = self._syncing, None
            with self._to_the_end():
                syncing.result()
        durable, self._under_way = self._under_way, []
        return durable

    def release_reserve(self) -> None:
        """Give back the room that is held for a full disk."""
        self._reserve.release()

    def restore_reserve(self) -> bool:
        """Take that room again; False: there is not enough of it yet."""
        return self._reserve.restore()

    def replay(self, offset: int | None) -> Iterator[Entry]:
        """Read what is behind a snapshot, before anything is appended; damage that is met is set aside and noted.

        Args:
            offset: to begin at; None = at the oldest input that is kept, with the plan in force there before it. Where
                that plan is lost, what stands before the next one is left out: nothing can be made of it.

        Raises:
            OffsetGone: the offset is no longer kept.

        """
        oldest = self.oldest_offset
        if offset is None and oldest:
            log.warning("journal: its beginning is no longer kept", oldest=oldest)
        reader = JournalReader(
            self._folder, oldest if offset is None else offset, tell_plan=offset is None and oldest > 0, disk=self._disk
        )
        has_begun = offset is not None
        for entry in reader.read():
            has_begun = has_begun or isinstance(entry.item, PlanChange) or not reader.damage
            if has_begun:
                yield entry
        met = [damage for damage in reader.damage if damage not in self.damage]
        recovery.set_aside(self._disk, self._folder, met)
        self.damage += met

    def hold(self, name: str, offset: int) -> None:
        """Keep what a cursor has not read yet: everything from ``offset`` on. Thread-safe."""
        with self._guard:
            self._holds[name] = offset

    def let_go(self, name: str) -> None:
        """Forget a cursor that is no more. Thread-safe."""
        with self._guard:
            self._holds.pop(name, None)

    def trim(self, limits: KeepLimits, oldest_snapshot: Callable[[], int | None]) -> Removal | None:
        """Remove the oldest segment if it may go; to be called again while something went, from one thread.

        Args:
            limits: what is kept.
            oldest_snapshot: offset of the oldest usable snapshot, None = there is none; asked only when a limit is
                reached.

        Raises:
            JournalError: the disk refused.

        """
        with self._guard:
            kept, holds, now_ns = self._kept(), dict(self._holds), self._wall_ns
        if not is_over(kept, limits, now_ns):
            return None
        removal = oldest_to_go(kept, limits, now_ns=now_ns, snapshot_offset=oldest_snapshot(), holds=holds)
        if removal is None:
            return None
        with self._to_the_end():
            with contextlib.suppress(FileNotFoundError):  # somebody was quicker
                self._disk.unlink(removal.segment.path)
            must_sync(self._folder, functools.partial(self._disk.sync_folder, self._folder))
        with self._guard:
            self._closed.remove(removal.segment)
        return removal

    def close(self) -> None:
        """Wait for a sync that is under way, give back the room taken beforehand, let others write."""
        if self._under_way and not self._broken:
            with contextlib.suppress(JournalError):
                self.finish_commit()
        self._sync_thread.shutdown()
        if self._active is not None:
            with contextlib.suppress(OSError):  # room that is not given back now is given back at the next roll
                self._active.close(at_end=not self._broken)
        self._disk.close(self._lock)

    def _recover(self, durable_to: int) -> None:
        found = recovery.recover(self._disk, self._folder, durable_to=durable_to)
        self.next_offset, self.torn_bytes, self.damage = found.next_offset, found.torn_bytes, found.damage
        self._written_plan = self._appended_plan = found.plan
        self._wall_ns = found.wall_ns
        self._active = found.active
        active_path = found.active.path if found.active else None
        kept = [kept_segment(self._disk, path) for path in segments(self._folder, self._disk)]
        self._closed = [one for one in kept if one.first_offset < self.next_offset and one.path != active_path]
        self._active_kept = next((one for one in kept if one.path == active_path), None)
        self._reserve.restore()

    def _kept(self) -> list[KeptSegment]:
        """Every segment, oldest first; to be called under the guard."""
        if self._active is None or self._active_kept is None:
            return list(self._closed)
        return [*self._closed, replace(self._active_kept, bytes=self._active.end)]

    def _write_pending(self) -> None:
        self._refuse_if_broken()
        if self._under_way:
            raise JournalError(f"{self._folder}: a commit is under way; finish it before the next")
        if not self._pending:
            return
        with self._to_the_end():
            active = self._with_room_for(self._pending_bytes)
            active.append(b"".join(piece for draft in self._drafts for piece in draft.pieces(active.end)))
        self._note_written()
        self._under_way, self._pending, self._drafts, self._pending_bytes = self._pending, [], [], 0

    def _with_room_for(self, size: int) -> ActiveSegment:
        """The segment that the next ``size`` bytes go into, a new one where they do not fit any more."""
        active = self._active
        if active is not None and (active.is_empty or active.end + size <= self._segment_bytes):
            active.make_room(size, self._segment_bytes)
            return active
        first_offset, wall_ns = self._pending[0].offset, self._wall_ns
        made = ActiveSegment.make(
            self._disk,
            self._folder,
            FileHeader(first_offset, wall_ns, self._written_plan.number),
            self._written_plan.again(first_offset),
            needed=size,
            wanted=self._segment_bytes,
        )
        with self._guard:
            self._closed = self._kept()
            self._active, self._active_kept = made, KeptSegment(made.path, first_offset, 0, wall_ns)
        if active is not None:
            active.close()
        return made

    def _note_written(self) -> None:
        """What the head of the next segment will tell."""
        for entry, draft in zip(self._pending, self._drafts, strict=True):
            if isinstance(entry.item, Tick):
                self._wall_ns = entry.item.wall_ns
            elif isinstance(entry.item, PlanChange):
                self._written_plan = PlanInForce(draft.record.plan, draft.record.payload)

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise JournalError(f"{self._folder}: an earlier write failed; restart to recover")

    @contextlib.contextmanager
    def _to_the_end(self) -> Iterator[None]:
        """A full disk is waited for; any other refusal is the end of this writer."""
        try:
            yield
        except JournalError:
            self._broken = True
            raise
        except OSError as error:
            if error.errno in FULL:
                raise JournalFull(f"{self._folder}: no room for the journal: {error}") from error
            self._broken = True
            raise JournalError(f"{self._folder}: cannot write the journal: {error}") from error


def _parts(item: Input) -> Iterator[Input]:
    """What goes into one record each."""
    if not isinstance(item, Batch):
        yield item
        return
    for begin in range(0, len(item), RECORD_ROWS_MAX):
        yield item if len(item) <= RECORD_ROWS_MAX else item.take(slice(begin, begin + RECORD_ROWS_MAX))


def _lock(disk: Disk, folder: Path) -> int:
    try:
        disk.make_folder(folder)
        return disk.lock(folder / "lock")
    except BlockingIOError as error:
        raise JournalError(f"{folder}: another process writes this journal; stop it first") from error
    except OSError as error:
        raise JournalError(f"{folder}: cannot open the journal: {error}") from error
