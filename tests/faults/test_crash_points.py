"""One alarm from raise to last notice, killed just before every call that changes its disk: it always recovers.

strace sends the SIGKILL, at a call counted beforehand; the life after it has nobody watching. What is held against it
is the same story without a kill.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.harness.crash import Lives, Point, lives, one_of_each
from tests.faults.harness.incident import told_readings
from tests.faults.harness.proof import Figures, check_site
from tests.faults.harness.site import Site, make_site
from tests.faults.harness.tell import Tell
from tests.faults.test_kill import in_order_per_alarm, told_ids
from tests.servers import HttpReceiver

POINTS_MAX = 800
PARTS = 4


@dataclass(slots=True)
class Incident:
    """The story on one machine, and what came of it without a kill."""

    folder: Path
    born: Lives
    receiver: HttpReceiver
    points: list[Point]
    events: list[str]  # ids, in order

    def recovers(self, at: Point) -> Figures:
        """Kill one life there, have another end the story, and look at all that is left."""
        site = Site(self.folder / f"{at.call}-{at.number}")
        site.folder.mkdir()
        self.receiver.requests.clear()
        assert self.born.killed(site.folder, at) == (-signal.SIGKILL, at)
        assert self.born.whole(site.folder) == 0, site.log_lines()[-5:]
        figures = check_site(site, told_readings())
        assert site.outbox_ids() == self.events, "another history than without the kill"
        said = {(request.headers["webhook-id"], request.body) for request in self.receiver.requests}
        assert told_ids(self.receiver) == set(self.events), "not every event was told"
        assert len(said) == len(self.events), "one id with two bodies"
        assert in_order_per_alarm(self.receiver)
        return figures


def lived_once(folder: Path, born: Lives, receiver: HttpReceiver) -> Incident:
    """The story without a kill, twice: its calls are the same each time, or they could not be named by number."""
    first, again = Site(folder / "first"), Site(folder / "again")
    for site in (first, again):
        site.folder.mkdir()
    points = born.counted(first.folder)
    assert born.counted(again.folder) == points
    check_site(first, told_readings())
    return Incident(folder, born, receiver, points, first.outbox_ids())


def test_given_a_kill_at_each_kind_of_call_on_each_kind_of_file_the_incident_comes_to_the_same_end(
    receiver: HttpReceiver, tmp_path: Path
) -> None:
    with lives(make_site(tmp_path / "site", 1883, webhook_url=receiver.url).config) as born:
        incident = lived_once(tmp_path, born, receiver)
        kinds = {point.call for point in incident.points}
        assert kinds >= {"pwrite64", "fdatasync", "fsync", "rename", "unlink", "ftruncate"}
        for at in one_of_each(incident.points):
            incident.recovers(at)


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_given_a_kill_at_every_call_the_incident_comes_to_the_same_end(
    part: int, receiver: HttpReceiver, tmp_path: Path, tell: Tell
) -> None:
    begun_s, again, told_again = time.monotonic(), 0, 0
    with lives(make_site(tmp_path / "site", 1883, webhook_url=receiver.url).config) as born:
        incident = lived_once(tmp_path, born, receiver)
        assert len(incident.points) <= POINTS_MAX
        killed = incident.points[part::PARTS]
        for at in killed:
            again += incident.recovers(at).redelivered
            told_again += len(receiver.requests) - len(incident.events)
    calls = Counter(point.call for point in killed)
    tell(
        f"{len(killed)} of {len(incident.points)} points, all recovered, {time.monotonic() - begun_s:.0f} s: "
        f"{dict(calls)}; {len(incident.events)} events each, {again} readings delivered again, "
        f"{told_again} notices told again"
    )
