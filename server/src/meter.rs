//! What the signalling loop counts for `/metrics`.

use std::time::{Duration, Instant};

use api::{Metrics, SourceLabels, WhyLabels};
use model::{Fact, RecordingRow, RecordingState};
use net::{MediaWorkers, SignallingSockets};
use tracing::{info, warn};

use crate::traffic::Traffic;

/// Sockets and workers are asked for their counters this often at most.
const READ_EVERY: Duration = Duration::from_secs(1);

/// The loop's side of the metrics.
pub(crate) struct Meter {
    pub(crate) metrics: Metrics,
    pub(crate) traffic: Traffic,
    read_due: Option<Instant>,
    told: Totals,
    ports_short: Option<bool>,
}

/// With fewer media ports than one call needs, calls are refused.
const PORTS_OF_A_CALL: usize = 2;

/// So many must be free again before a further shortage is worth a line.
const PORTS_RELIEF: usize = 16;

/// Running totals of those who count for themselves, as they were last told.
#[derive(Clone, Copy, Default)]
struct Totals {
    sip_send_failures: u64,
    guard: [u64; 2],
    streams_accepted: u64,
    streams_refused: u64,
    streams_closed: [u64; 6],
    accept_failures: u64,
    media_received: u64,
    media_sent: u64,
    media_send_failures: u64,
}

impl Meter {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, traffic: Traffic::default(), read_due: None, told: Totals::default(), ports_short: None }
    }

    /// How long the core took for one input.
    pub(crate) fn input(&self, took: Duration) {
        self.metrics.signalling_input_seconds.observe(took.as_secs_f64());
    }

    /// How long the loop took for all that had come at once.
    pub(crate) fn turn(&self, took: Duration) {
        self.metrics.signalling_handle_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn fact(&self, fact: &Fact) {
        match fact {
            Fact::CallStarted { .. } => _ = self.metrics.calls_started.inc(),
            Fact::CallEnded { .. } => _ = self.metrics.calls_ended.inc(),
            _ => {}
        }
    }

    pub(crate) fn recording_began(&self) {
        self.metrics.recordings_live.inc();
    }

    pub(crate) fn recording_closed(&self, row: &RecordingRow) {
        self.metrics.recordings_live.dec();
        if matches!(row.state, RecordingState::Partial | RecordingState::Failed) {
            self.metrics.recordings_faulty.inc();
        }
    }

    /// Media ports that are free now. Says once when they run out, and once when there are some again.
    pub(crate) fn ports(&mut self, free: usize) {
        self.metrics.media_ports_free.set(i64::try_from(free).unwrap_or(i64::MAX));
        match self.ports_short {
            Some(false) if free < PORTS_OF_A_CALL => {
                warn!("Every media port is in use; calls are refused with 503 until some are free. Widen media.ports.");
                self.ports_short = Some(true);
            }
            // At the start there are none yet: that is no shortage.
            None | Some(true) if free >= PORTS_RELIEF => {
                if self.ports_short == Some(true) {
                    info!(free, "There are media ports again.");
                }
                self.ports_short = Some(false);
            }
            _ => {}
        }
    }

    /// Lets others' counters be brought over, once a [`READ_EVERY`].
    pub(crate) fn read(&mut self, now: Instant, read: impl FnOnce(&mut Self, Instant)) {
        if self.read_due.is_some_and(|due| now < due) {
            return;
        }
        self.read_due = Some(now + READ_EVERY);
        self.traffic.tell(&self.metrics);
        read(self, now);
    }

    /// What the signalling sockets have counted.
    pub(crate) fn sockets(&mut self, sockets: &SignallingSockets) {
        let (udp, tcp, guard) = (sockets.counters(), sockets.tcp_counters(), sockets.guard_counters());
        let (metrics, told) = (&self.metrics, &mut self.told);
        metrics.sip_send_failures.inc_by(new(&mut told.sip_send_failures, udp.send_failed + tcp.send_failed));
        for ((why, count), told) in [("new", guard.new_dropped), ("inside", guard.inside_dropped)].into_iter().zip(&mut told.guard) {
            metrics.sip_guard_dropped.get_or_create(&WhyLabels { why }).inc_by(new(told, count));
        }
        metrics.sip_streams.set(i64::try_from(tcp.open).unwrap_or(i64::MAX));
        metrics.sip_streams_accepted.inc_by(new(&mut told.streams_accepted, tcp.accepted));
        metrics.sip_streams_refused.get_or_create(&WhyLabels { why: "limit" }).inc_by(new(&mut told.streams_refused, tcp.refused));
        let closed = [
            ("peer", tcp.closed_by_peer),
            ("lost", tcp.closed_lost),
            ("idle", tcp.closed_idle),
            ("slow", tcp.closed_slow),
            ("broken", tcp.closed_broken),
            ("stalled", tcp.closed_stalled),
        ];
        for ((why, count), told) in closed.into_iter().zip(&mut told.streams_closed) {
            metrics.sip_streams_closed.get_or_create(&WhyLabels { why }).inc_by(new(told, count));
        }
        let failures = metrics.accept_failures.get_or_create_owned(&SourceLabels { listener: "sip" });
        failures.inc_by(new(&mut told.accept_failures, tcp.accept_failures));
    }

    /// What the media workers have counted.
    pub(crate) fn media(&mut self, media: &MediaWorkers) {
        let workers = media.counters();
        let (metrics, told) = (&self.metrics, &mut self.told);
        metrics.media_received.inc_by(new(&mut told.media_received, workers.iter().map(|worker| worker.received).sum()));
        metrics.media_sent.inc_by(new(&mut told.media_sent, workers.iter().map(|worker| worker.sent).sum()));
        metrics.media_send_failures.inc_by(new(&mut told.media_send_failures, workers.iter().map(|worker| worker.send_failed).sum()));
    }

    /// Disks that are away: the journal's, and that of recordings.
    pub(crate) fn disks(&self, journal_waiting: usize, journal_behind: bool, recorder_trouble: bool) {
        self.metrics.journal_waiting.set(i64::try_from(journal_waiting).unwrap_or(i64::MAX));
        self.metrics.journal_behind.set(i64::from(journal_behind));
        self.metrics.recorder_trouble.set(i64::from(recorder_trouble));
    }
}

/// By how much a running total has grown since it was last told.
fn new(told: &mut u64, total: u64) -> u64 {
    total.saturating_sub(std::mem::replace(told, total))
}
