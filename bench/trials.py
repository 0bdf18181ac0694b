"""One load against one receiver, and the search for the highest rate that it sustains."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench import servers
from bench.alarms import AlarmWatch
from bench.load import PEER_PREFIX, Load

P99_MS_MAX = 250.0
STEPS_MAX = 20
DRAIN_S_MAX = 60.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Trial:
    """What one rate came to; delays are from the instant a message was due to leave."""

    rate: float  # messages/s offered, or for a flood what went through
    p50_ms: float
    p99_ms: float
    lost: int
    broker_us: float  # CPU a message
    receiver_us: float
    load_us: float

    @property
    def sustained(self) -> bool:
        return self.lost == 0 and self.p99_ms <= P99_MS_MAX


Try = Callable[[Load], Trial]


@dataclass(frozen=True, slots=True)
class Ours:
    """The pipeline, through to the alarm event that can be read."""

    broker: servers.Broker
    pipeline: servers.Pipeline

    def __call__(self, load: Load) -> Trial:
        load = replace(load, port=self.broker.port)
        self._settle(load)
        before, cpu_s, broker_s = self.pipeline.rows(), self.pipeline.server.cpu_s(), self.broker.server.cpu_s()
        with AlarmWatch(self.pipeline.database) as watch, servers.load(load) as process:
            sent = servers.sent(process)
            expected = before + sent.readings
            rows, give_up_s = self.pipeline.rows(), time.monotonic() + DRAIN_S_MAX
            while rows < expected and time.monotonic() < give_up_s:
                time.sleep(POLL_S)
                rows = self.pipeline.rows()
            ended_ns = time.time_ns()
            while len(watch.delays_ms) < sent.probes and time.monotonic() < give_up_s:
                time.sleep(POLL_S)
        missing = expected - rows + sent.probes - len(watch.delays_ms)
        delays_ms = watch.delays_ms or [float("inf") if sent.probes else 0.0]
        return Trial(
            load.rate or sent.messages / (ended_ns - sent.begun_ns) * 1e9,
            float(np.percentile(delays_ms, 50)),
            float(np.percentile(delays_ms, 99)),
            missing,
            (self.broker.server.cpu_s() - broker_s) / sent.messages * 1e6,
            (self.pipeline.server.cpu_s() - cpu_s) / sent.messages * 1e6,
            sent.cpu_s / sent.messages * 1e6,
        )

    def _settle(self, load: Load) -> None:
        """One quiet reading of each sensor, so that no probe of an earlier trial is still in alarm."""
        before = self.pipeline.rows()
        with servers.load(replace(load, rate=0.0, messages=load.units)) as process:
            wanted = before + servers.sent(process).readings
        servers.until(lambda: self.pipeline.rows() >= wanted, "quiet readings to be judged", DRAIN_S_MAX, POLL_S)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program of ``bench.receivers``, begun anew for each trial; the delay ends where it has read the message."""

    broker: servers.Broker
    kind: str

    def __call__(self, load: Load) -> Trial:
        load = replace(load, port=self.broker.port, prefix=PEER_PREFIX, probes_per_s=0.0)
        messages = load.messages or int(load.rate * load.seconds)
        broker_s = self.broker.server.cpu_s()
        with servers.receiver(self.kind, self.broker.port, messages) as receiver, servers.load(load) as process:
            sent, got = servers.sent(process), servers.received(receiver)
        return Trial(
            load.rate or got.messages / max(got.ended_ns - sent.begun_ns, 1) * 1e9,
            got.p50_ms,
            got.p99_ms,
            sent.messages - got.messages,
            (self.broker.server.cpu_s() - broker_s) / sent.messages * 1e6,
            got.cpu_s / max(got.messages, 1) * 1e6,
            sent.cpu_s / sent.messages * 1e6,
        )


def sustained(
    attempt: Try, load: Load, *, flood: int, short_s: float, long_s: float, step: float
) -> tuple[Trial, Trial]:
    """Step down from what a flood lets through until a short and then a long trial pass; returns the flood and that.

    Where nothing passes, the rate that was sustained is 0, and the rest is of the last trial.
    """
    most = attempt(replace(load, rate=0.0, messages=flood))
    rate = most.rate
    for _ in range(STEPS_MAX):
        passed = attempt(replace(load, rate=rate, seconds=short_s))
        if passed.sustained and long_s:
            passed = attempt(replace(load, rate=rate, seconds=long_s))
        if passed.sustained:
            return most, passed
        rate *= step
    return most, replace(passed, rate=0.0)
