"""The acceptance figure: a thousand kills of a forked pipeline, two hundred of the whole shipped tree; nothing lost."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.harness.lives import command, kill_tree, nursery
from tests.faults.harness.proof import check
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Followed, make_site
from tests.faults.harness.tell import Tell
from tests.faults.test_kill import first_life, in_order_per_alarm, last_life, subscribed, told_ids
from tests.servers import HttpReceiver, Mosquitto, until

FORKED_KILLS, TREE_KILLS = 1000, 200
#: Half of the forked lives end while they recover; the others come up, too.
LIFE_S_MAX = (0.3, 1.5)
#: Most lives of the tree end while it starts; each tenth comes up and works for a while.
START_S_MAX, FULL_LIFE_EACH = 2.5, 10

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]


def test_given_a_thousand_kills_of_the_forked_pipeline_nothing_is_lost_and_nothing_doubled(
    broker: Mosquitto, tmp_path: Path, tell: Tell
) -> None:
    site, chance, begun_s = make_site(tmp_path / "site", broker.port), random.Random(11), time.monotonic()
    with nursery(site) as born:
        first_life(site, born)
        with Publisher(broker.port, seed=11, rate_hz=40.0) as publisher:
            for _ in range(FORKED_KILLS):
                life = born.start()
                time.sleep(chance.uniform(0.0, chance.choice(LIFE_S_MAX)))
                assert born.end(life, signal.SIGKILL) == -signal.SIGKILL, site.log_lines()[-5:]
            figures = last_life(site, born, publisher)
    tell(f"{FORKED_KILLS} kills, {len(site.says('pipeline runs'))} lives came up, {time.monotonic() - begun_s:.0f} s")
    tell(figures)


def test_given_two_hundred_kills_of_the_whole_tree_every_event_is_told_and_told_the_same_each_time(
    broker: Mosquitto, receiver: HttpReceiver, tmp_path: Path, tell: Tell
) -> None:
    site, chance = make_site(tmp_path / "site", broker.port, webhook_url=receiver.url), random.Random(12)
    first = command(site, "run")
    until(lambda: subscribed(site), "the subscription", 90)
    kill_tree(first)
    begun_s = time.monotonic()
    with Publisher(broker.port, seed=12, rate_hz=20.0) as publisher:
        for point in range(TREE_KILLS):
            before = len(site.says("pipeline runs"))
            process = command(site, "run")
            if point % FULL_LIFE_EACH == 0:
                until(lambda before=before: len(site.says("pipeline runs")) > before, "a running pipeline", 90)
            time.sleep(chance.uniform(0.0, START_S_MAX))
            kill_tree(process)
        killed_s = time.monotonic() - begun_s
        last = command(site, "run")
        publisher.finish()
        followed = Followed(site)
        until(lambda: followed.holds(publisher.identities()), "every acknowledged reading in the journal", 180)
        until(lambda: told_ids(receiver) >= set(site.outbox_ids()), "every notice at the receiver", 180)
        last.send_signal(signal.SIGTERM)
        assert last.wait(40) == 0
    # Sensors that fell silent at the very end are alarms by now: with the pipeline at rest, nothing comes after them.
    rest = command(site, "delivery")
    until(lambda: told_ids(receiver) >= set(site.outbox_ids()), "the last notices at the receiver", 60)
    rest.send_signal(signal.SIGTERM)
    assert rest.wait(40) == 0
    figures = check(site, publisher)
    said = Counter((request.headers["webhook-id"], request.body) for request in receiver.requests)
    assert told_ids(receiver) == set(site.outbox_ids())
    assert len(said) == len(told_ids(receiver)), "one id with two bodies"
    assert in_order_per_alarm(receiver)
    lives = len(site.says("pipeline runs"))
    tell(
        f"{TREE_KILLS} kills in {killed_s:.0f} s, {lives} lives came up; {figures}; "
        f"{said.total() - len(said)} notices told again"
    )
