"""How the pipeline stands, in one dictionary: for ``fengsui status``, the demo's live view and health checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from pipeline.runners.embedded import EmbeddedRunner
from pipeline.runners.recovery import gateways_by_state, open_alarms, sensors_by_state
from pipeline.runners.unseen import unseen
from pipeline.watch.readiness import Watch
from pipeline.watch.server import readyz


def pipeline_status(running: EmbeddedRunner, watching: Watch) -> dict[str, Any]:
    state = running.state
    alarms = Counter(alarm.grade.name.lower() for alarm in open_alarms(state))
    counts = state.counts
    sensors = sensors_by_state(state)
    return {
        **readyz(watching)[1],
        "uptime_s": round(running.uptime_s(), 1),
        "plan": state.bound.plan.version,
        "sources": running.connections(),
        "gaps": [asdict(gap) for gap in running.source_watch.found],
        "sensors": {name: sensors[name] for name in ("reporting", "silent", "never")},
        "gateways": gateways_by_state(state),
        "journal_offset": state.next_offset,
        "rows": {"accepted": counts.accepted, "duplicate": counts.duplicate, "late": counts.late},
        "inbox": len(running.inbox),
        "last_tick_ns": state.clock.wall_ns,
        "open_alarms": dict(alarms),
        "unseen": unseen(state, sensors),
    }
