"""The pipeline is killed at instants that nobody chose; no reading and no event may be lost or doubled."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.harness.lives import Nursery, command, kill_tree, nursery
from tests.faults.harness.proof import Figures, check
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Followed, Site, make_site
from tests.faults.harness.tell import Tell
from tests.servers import HttpReceiver, Mosquitto, until

RATE_HZ = 300.0
LIFE_S_MAX = 1.2


def subscribed(site: Site) -> bool:
    return any(line["session_present"] is not None for line in site.says("mqtt_subscribed"))


def lives_and_deaths(site: Site, born: Nursery, points: int, seed: int) -> None:
    """Begin and kill ``points`` lives; how long each lasts is the throw of a die."""
    chance = random.Random(seed)
    for _ in range(points):
        life = born.start()
        time.sleep(chance.uniform(0.0, LIFE_S_MAX))
        assert born.end(life, signal.SIGKILL) == -signal.SIGKILL, site.log_lines()[-5:]


def last_life(site: Site, born: Nursery, publisher: Publisher) -> Figures:
    """A life that nobody cuts short: it catches up, ends in order, and leaves a snapshot."""
    lives = len(site.says("pipeline runs"))
    life = born.start()
    publisher.finish()
    until(lambda: len(site.says("pipeline runs")) > lives, "a running pipeline", 30)
    followed = Followed(site)
    until(lambda: followed.holds(publisher.identities()), "every acknowledged reading in the journal", 60)
    assert born.end(life, signal.SIGTERM) == 0, site.log_lines()[-5:]
    assert site.says("pipeline ended")
    newest = max(path.name for path in site.paths.snapshots.glob("*.npz"))
    ended_at = site.says("pipeline ended")[-1]["offset"]
    assert newest.startswith(f"{ended_at:020d}."), "the snapshot must stand at the journal's end"
    return check(site, publisher)


def first_life(site: Site, born: Nursery) -> None:
    """Until the broker knows the subscription; from then on it keeps for us what we do not take."""
    life = born.start()
    until(lambda: subscribed(site), "the subscription", 30)
    assert born.end(life, signal.SIGKILL) == -signal.SIGKILL


def prove(site: Site, broker: Mosquitto, points: int, seed: int) -> Figures:
    with nursery(site) as born:
        first_life(site, born)
        with Publisher(broker.port, seed=seed, rate_hz=RATE_HZ) as publisher:
            lives_and_deaths(site, born, points, seed)
            return last_life(site, born, publisher)


def test_given_four_kills_at_random_instants_nothing_is_lost_and_nothing_doubled(
    broker: Mosquitto, tmp_path: Path
) -> None:
    figures = prove(make_site(tmp_path / "site", broker.port), broker, points=4, seed=1)
    assert figures.published > 100
    assert figures.events > 5


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_given_fifty_kills_at_random_instants_nothing_is_lost_and_nothing_doubled(
    seed: int, broker: Mosquitto, tmp_path: Path, tell: Tell
) -> None:
    begun_s = time.monotonic()
    figures = prove(make_site(tmp_path / "site", broker.port), broker, points=50, seed=seed)
    tell(f"50 kills in {time.monotonic() - begun_s:.0f} s: {figures}")
    assert figures.published > 5000
    assert figures.events > 100


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_given_the_shipped_command_killed_five_times_nothing_is_lost_and_nothing_doubled(
    broker: Mosquitto, tmp_path: Path, tell: Tell
) -> None:
    site = make_site(tmp_path / "site", broker.port)
    chance = random.Random(3)
    with nursery(site) as born:
        first_life(site, born)
        with Publisher(broker.port, seed=3, rate_hz=RATE_HZ) as publisher:
            for _ in range(5):
                run_and_kill(site, "pipeline", chance)
            tell(last_life(site, born, publisher))


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_given_the_whole_tree_killed_ten_times_every_event_is_told_and_told_the_same_each_time(
    broker: Mosquitto, receiver: HttpReceiver, tmp_path: Path, tell: Tell
) -> None:
    site = make_site(tmp_path / "site", broker.port, webhook_url=receiver.url)
    chance = random.Random(4)
    run_and_kill(site, "run", chance)
    until(lambda: subscribed(site), "the subscription", 30)
    with Publisher(broker.port, seed=4, rate_hz=100) as publisher:
        for point in range(10):
            if point % 2:
                run_and_kill(site, "run", chance)
            else:
                start_and_kill(site, "run", chance.uniform(0.0, 8.0))
        last = command(site, "run")
        publisher.finish()
        followed = Followed(site)
        until(lambda: followed.holds(publisher.identities()), "every acknowledged reading in the journal", 90)
        until(lambda: told_ids(receiver) >= set(site.outbox_ids()), "every notice at the receiver", 90)
        last.send_signal(signal.SIGTERM)
        assert last.wait(40) == 0
    figures = check(site, publisher)
    said = Counter((request.headers["webhook-id"], request.body) for request in receiver.requests)
    assert told_ids(receiver) == set(site.outbox_ids())
    assert len(said) == len(told_ids(receiver)), "one id with two bodies"
    assert in_order_per_alarm(receiver)
    tell(f"{figures}; {said.total() - len(said)} notices told again with the same id")


def told_ids(receiver: HttpReceiver) -> set[str]:
    return {request.headers["webhook-id"] for request in receiver.requests}


def in_order_per_alarm(receiver: HttpReceiver) -> bool:
    """Whether each alarm's events came first in the order in which they happened."""
    offsets: dict[str, list[int]] = {}
    seen: set[str] = set()
    for request in receiver.requests:
        if request.headers["webhook-id"] not in seen:
            seen.add(request.headers["webhook-id"])
            event = json.loads(request.body)["event"]
            offsets.setdefault(event.get("alarm_id") or event["incident_id"], []).append(event["offset"])
    return all(order == sorted(order) for order in offsets.values())


def start_and_kill(site: Site, name: str, after_s: float) -> None:
    """Kill the whole group so long after its start, wherever it is by then."""
    process = command(site, name)
    time.sleep(after_s)
    kill_tree(process)


def run_and_kill(site: Site, name: str, chance: random.Random) -> None:
    """Let the shipped command come up, then kill its whole group some moments later."""
    before = len(site.says("pipeline runs"))
    process: subprocess.Popen[bytes] = command(site, name)
    try:
        until(lambda: len(site.says("pipeline runs")) > before, "a running pipeline", 60)
        time.sleep(chance.uniform(0.0, 2.0))
    finally:
        kill_tree(process)
