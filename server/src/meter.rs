//! What the signalling loop counts for `/metrics`.

use std::time::{Duration, Instant};

use api::Metrics;
use model::{Fact, RecordingRow, RecordingState};
use net::{MediaWorkers, SignallingSockets};
use tracing::{info, warn};

/// Sockets and workers are asked for their counters this often at most.
const READ_EVERY: Duration = Duration::from_secs(1);

/// The loop's side of the metrics.
pub(crate) struct Meter {
    pub(crate) metrics: Metrics,
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
    media_received: u64,
    media_sent: u64,
    media_send_failures: u64,
}

impl Meter {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, read_due: None, told: Totals::default(), ports_short: None }
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

    /// Brings over what sockets and media workers have counted, once a [`READ_EVERY`].
    pub(crate) fn read(&mut self, now: Instant, sockets: &SignallingSockets, media: &MediaWorkers) {
        if self.read_due.is_some_and(|due| now < due) {
            return;
        }
        self.read_due = Some(now + READ_EVERY);
        let workers = media.counters();
        let totals = Totals {
            sip_send_failures: sockets.counters().send_failed,
            media_received: workers.iter().map(|worker| worker.received).sum(),
            media_sent: workers.iter().map(|worker| worker.sent).sum(),
            media_send_failures: workers.iter().map(|worker| worker.send_failed).sum(),
        };
        let told = std::mem::replace(&mut self.told, totals);
        self.metrics.sip_send_failures.inc_by(totals.sip_send_failures.saturating_sub(told.sip_send_failures));
        self.metrics.media_received.inc_by(totals.media_received.saturating_sub(told.media_received));
        self.metrics.media_sent.inc_by(totals.media_sent.saturating_sub(told.media_sent));
        self.metrics.media_send_failures.inc_by(totals.media_send_failures.saturating_sub(told.media_send_failures));
    }
}
