"""What the processes say about themselves to Prometheus; names and units follow its conventions."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class PipelineMetrics:
    """Of the pipeline process."""

    def __init__(self) -> None:
        self.registry = r = CollectorRegistry()
        self.readings = Counter("fengsui_readings", "Readings journaled.", ["source"], registry=r)
        self.poison = Counter("fengsui_poison", "Messages or readings refused.", ["reason"], registry=r)
        self.unregistered = Counter("fengsui_unregistered", "Readings of tags not registered.", registry=r)
        self.unlisted = Counter("fengsui_unregistered_unlisted", "Unknown tags beyond the list's size.", registry=r)
        self.retained = Counter("fengsui_retained", "Retained messages left out: state, not news.", registry=r)
        self.left_out = Counter("fengsui_left_out", "Parts of messages that are no readings.", ["what"], registry=r)
        self.rows = Counter("fengsui_rows", "Journaled rows by what became of them.", ["verdict"], registry=r)
        self.clock_faults = Counter("fengsui_clock_faults", "Rows with an impossible device time.", registry=r)
        self.journal_bytes = Gauge("fengsui_journal_bytes", "Size of the journal.", registry=r)
        self.journal_offset = Gauge("fengsui_journal_offset", "Inputs journaled.", registry=r)
        self.torn_bytes = Counter("fengsui_journal_torn_bytes", "Bytes cut from a torn tail at start.", registry=r)
        self.journal_damage = Counter(
            "fengsui_journal_damage", "Parts of the journal that do not read any more.", ["reason"], registry=r
        )
        self.journal_lost = Counter("fengsui_journal_lost_inputs", "Inputs missing by that damage.", registry=r)
        self.journal_removed = Counter("fengsui_journal_removed_bytes", "Bytes removed by retention.", registry=r)
        self.journal_overrun = Counter(
            "fengsui_journal_overrun", "Segments removed although a cursor needed them.", ["cursor"], registry=r
        )
        self.journal_held = Gauge(
            "fengsui_journal_held_bytes", "Journal beyond its limit, kept for this cursor.", ["cursor"], registry=r
        )
        self.commit_seconds = Histogram(
            "fengsui_journal_commit_seconds", "Write and sync of one commit.", buckets=_SECONDS, registry=r
        )
        self.step_seconds = Histogram("fengsui_step_seconds", "One round of step.", buckets=_SECONDS, registry=r)
        self.watermark_delay = Gauge(
            "fengsui_watermark_delay_seconds",
            "Now less the newest event time, by the devices' clocks: how old the newest reading is.",
            registry=r,
        )
        self.receipt_delay = Gauge(
            "fengsui_receipt_delay_seconds",
            "Now less the newest receive time, by our own clock: how long nothing has come.",
            registry=r,
        )
        self.alarms = Gauge("fengsui_alarms", "Open alarms.", ["grade", "state"], registry=r)
        self.hidden = Gauge("fengsui_alarms_hidden", "Open alarms kept from annunciation.", ["kind"], registry=r)
        self.events = Counter("fengsui_events", "Alarm events.", ["transition", "grade"], registry=r)
        self._add_of_start_and_incidents(r)
        self.outbox_rows = Counter("fengsui_outbox_rows", "Rows put into the outbox.", registry=r)
        self.inbox_depth = Gauge("fengsui_inbox_depth", "Deliveries waiting for the pipeline.", registry=r)
        self.connected = Gauge("fengsui_source_connected", "1 = the source is connected.", ["source"], registry=r)
        self.source_restarts = Counter("fengsui_source_restarts", "Source threads begun again.", ["source"], registry=r)
        self.requests = Counter("fengsui_source_requests", "Requests to devices: rebirths.", ["source"], registry=r)
        self.gaps = Counter(
            "fengsui_source_gaps",
            "Times that messages were lost before they came to us.",
            ["source", "reason"],
            registry=r,
        )
        self.gap_messages = Counter(
            "fengsui_source_gap_messages", "Messages lost so, where that is known.", ["source", "reason"], registry=r
        )
        self.broker = Gauge(
            "fengsui_broker", "What the broker tells: dropped, stored, stored_bytes.", ["source", "figure"], registry=r
        )
        self.sensors = Gauge("fengsui_sensors", "Sensors by whether they report, by receipt.", ["state"], registry=r)
        self.gateways = Gauge("fengsui_gateways", "Watched gateways by whether they are heard.", ["state"], registry=r)
        self.held_back = Gauge(
            "fengsui_silence_held_back", "Sensors whose silence alarm waits for their silent gateway.", registry=r
        )
        self.last_tick = Gauge("fengsui_last_tick_timestamp_seconds", "Wall time of the last tick.", registry=r)
        self.ready = ready_gauge(r)

    def _add_of_start_and_incidents(self, registry: CollectorRegistry) -> None:
        self.reconciled = Counter(
            "fengsui_alarms_reconciled",
            "Open alarms that a start brought to what was told.",
            ["difference"],
            registry=registry,
        )
        self.incidents = Gauge("fengsui_incidents", "Open incidents.", ["kind", "grade"], registry=registry)
        self.incident_events = Counter(
            "fengsui_incident_events", "Incident events.", ["change", "grade"], registry=registry
        )
        self.grouping = Gauge(
            "fengsui_incidents_grouped", "0 = alarms are not grouped any more, after an error.", registry=registry
        )


def ready_gauge(registry: CollectorRegistry) -> Gauge:
    """Every process shows whether they do their work."""
    return Gauge("fengsui_ready", "0 = the process is not ready for this reason.", ["reason"], registry=registry)


class DeliveryMetrics:
    """Of the delivery process."""

    def __init__(self) -> None:
        self.registry = r = CollectorRegistry()
        self.attempts = Counter("fengsui_delivery_attempts", "Attempts by outcome.", ["sink", "outcome"], registry=r)
        self.pending = Gauge("fengsui_delivery_pending", "Outbox messages not delivered yet.", ["sink"], registry=r)
        self.dead = Gauge("fengsui_delivery_dead", "Messages given up; they are kept.", ["sink"], registry=r)
        self.last_success = Gauge(
            "fengsui_delivery_last_success_timestamp_seconds", "Last success.", ["sink"], registry=r
        )
        self.cursor_missing = Counter(
            "fengsui_cursor_missing_inputs", "Inputs that a cursor could not have.", ["sink"], registry=r
        )
        self.cursor_lag = Gauge(
            "fengsui_cursor_lag_bytes", "Journal that a cursor has not read yet.", ["sink"], registry=r
        )
        self.heartbeats = Counter("fengsui_heartbeats", "Looks at the heartbeat by outcome.", ["outcome"], registry=r)
        self.heartbeat_sent = Gauge(
            "fengsui_heartbeat_last_sent_timestamp_seconds", "Last heartbeat that was taken.", registry=r
        )
        self.ready = ready_gauge(r)


class ArchiveMetrics:
    """Of the archiver process."""

    def __init__(self) -> None:
        self.registry = r = CollectorRegistry()
        self.readings = Counter("fengsui_archive_readings", "Readings archived.", registry=r)
        self.files = Gauge("fengsui_archive_files", "Files of the archive.", registry=r)
        self.bytes = Gauge("fengsui_archive_bytes", "Size of the archive.", registry=r)
        self.lag = Gauge("fengsui_archive_lag_bytes", "Journal that the archiver has not read yet.", registry=r)
        self.position = Gauge(
            "fengsui_archive_position_timestamp_seconds", "Wall time up to which the journal is archived.", registry=r
        )
        self.errors = Counter("fengsui_archive_errors", "Times that the archive could not be written.", registry=r)
        self.missing = Counter("fengsui_archive_missing_inputs", "Inputs that the journal could not give.", registry=r)
        self.merges = Counter("fengsui_archive_merges", "Days merged.", registry=r)
        self.damaged = Counter("fengsui_archive_damaged", "Damaged files met when merging.", registry=r)
        self.removed = Counter("fengsui_archive_removed_bytes", "Bytes removed by retention.", registry=r)
        self.ready = ready_gauge(r)
