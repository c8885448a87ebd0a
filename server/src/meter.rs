//! What the signalling loop counts for `/metrics`.

use std::{
    collections::BTreeSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use api::{BudgetLabels, CarrierLabels, CurrencyLabels, Metrics, OutcomeLabels, SourceLabels, TimerLabels, TransportLabels, WhyLabels};
use calls::{BudgetCounts, Switchboard};
use links::hep::Counts;
use model::{CarrierId, Fact, NoRoom, RecordingRow, RecordingState, SecurityCounts, carrier::Standing, route::AskOutcome};
use net::{BanCounters, MediaWorkers, SignallingSockets, TcpCounters};
use sip_core::{GuardCounters, Transport};
use tracing::{info, warn};

use crate::traffic::Traffic;

/// Sockets and workers are asked for their counters this often at most.
const READ_EVERY: Duration = Duration::from_secs(1);

/// A limit that turns calls away is told of this often at most.
const LIMIT_EVERY: Duration = Duration::from_secs(60);

/// The loop's side of the metrics.
pub(crate) struct Meter {
    pub(crate) metrics: Metrics,
    pub(crate) traffic: Traffic,
    read_due: Option<Instant>,
    told: Totals,
    ports_short: Option<bool>,
    /// When a limit that turns calls away is next worth a line.
    limit_due: Option<Instant>,
    /// Carriers of which was told how they stand.
    carriers: BTreeSet<CarrierId>,
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
    guard_shared: u64,
    streams_accepted: u64,
    streams_refused: [u64; 2],
    streams_untold: u64,
    streams_closed: [u64; 8],
    connect_failures: u64,
    accept_failures: u64,
    handshakes_failed: u64,
    media_received: u64,
    media_sent: u64,
    media_send_failures: u64,
    journal_lost: u64,
    turned_away: [u64; NoRoom::ALL.len()],
    asked: [u64; AskOutcome::ALL.len()],
    hep: [u64; 4],
    banned_dropped: [u64; 3],
    silenced: [u64; 4],
    unseen: [u64; 2],
    bans_refused: u64,
}

impl Meter {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            traffic: Traffic::default(),
            read_due: None,
            told: Totals::default(),
            ports_short: None,
            limit_due: None,
            carriers: BTreeSet::new(),
        }
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

    /// Media ports in stock. Says once when they run out, and once when there are some again.
    pub(crate) fn ports(&mut self, free: usize) {
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
        self.counters(sockets.counters().send_failed, sockets.tcp_counters(), sockets.guard_counters());
    }

    fn counters(&mut self, udp_send_failed: u64, tcp: TcpCounters, guard: GuardCounters) {
        let (metrics, told) = (&self.metrics, &mut self.told);
        metrics.sip_send_failures.inc_by(new(&mut told.sip_send_failures, udp_send_failed + tcp.send_failed));
        for ((why, count), told) in [("new", guard.new_dropped), ("inside", guard.inside_dropped)].into_iter().zip(&mut told.guard) {
            metrics.sip_guard_dropped.get_or_create(&WhyLabels { why }).inc_by(new(told, count));
        }
        metrics.sip_guard_shared.inc_by(new(&mut told.guard_shared, guard.shared));
        metrics.sip_streams.set(i64::try_from(tcp.open).unwrap_or(i64::MAX));
        metrics.sip_streams_accepted.inc_by(new(&mut told.streams_accepted, tcp.accepted));
        for ((why, count), told) in [("limit", tcp.refused), ("guard", guard.streams_refused)].into_iter().zip(&mut told.streams_refused) {
            metrics.sip_streams_refused.get_or_create(&WhyLabels { why }).inc_by(new(told, count));
        }
        metrics.sip_streams_untold.inc_by(new(&mut told.streams_untold, tcp.closed_untold));
        let closed = [
            ("peer", tcp.closed_by_peer),
            ("lost", tcp.closed_lost),
            ("idle", tcp.closed_idle),
            ("slow", tcp.closed_slow),
            ("broken", tcp.closed_broken),
            ("stalled", tcp.closed_stalled),
            ("crowded", tcp.closed_crowded),
            ("unheard", tcp.closed_unheard),
        ];
        for ((why, count), told) in closed.into_iter().zip(&mut told.streams_closed) {
            metrics.sip_streams_closed.get_or_create(&WhyLabels { why }).inc_by(new(told, count));
        }
        metrics.sip_connect_failures.inc_by(new(&mut told.connect_failures, tcp.connect_failures));
        let failures = metrics.accept_failures.get_or_create_owned(&SourceLabels { listener: "sip" });
        failures.inc_by(new(&mut told.accept_failures, tcp.accept_failures));
        metrics.sip_handshakes_failed.inc_by(new(&mut told.handshakes_failed, tcp.handshakes_failed));
    }

    /// What the media workers have counted.
    pub(crate) fn media(&mut self, media: &MediaWorkers) {
        let workers = media.counters();
        let (metrics, told) = (&self.metrics, &mut self.told);
        metrics.media_ports_free.set(i64::try_from(workers.iter().map(|worker| worker.unused).sum::<u64>()).unwrap_or(i64::MAX));
        metrics.media_received.inc_by(new(&mut told.media_received, workers.iter().map(|worker| worker.received).sum()));
        metrics.media_sent.inc_by(new(&mut told.media_sent, workers.iter().map(|worker| worker.sent).sum()));
        metrics.media_send_failures.inc_by(new(&mut told.media_send_failures, workers.iter().map(|worker| worker.send_failed).sum()));
    }

    /// How the journal is: facts that wait for it and facts that it has lost, all told, and whether it has been away for seconds.
    pub(crate) fn journal(&mut self, waiting: usize, lost: usize, is_behind: bool) {
        let (metrics, told) = (&self.metrics, &mut self.told);
        metrics.journal_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        metrics.journal_lost.inc_by(new(&mut told.journal_lost, u64::try_from(lost).unwrap_or(u64::MAX)));
        metrics.journal_behind.set(i64::from(is_behind));
    }

    /// What has come of copies of SIP messages for a capture server.
    pub(crate) fn copies(&mut self, counts: &Counts) {
        let (metrics, told) = (&self.metrics, &mut self.told);
        let totals = [
            (&metrics.hep_sent, &counts.sent),
            (&metrics.hep_dropped, &counts.dropped),
            (&metrics.hep_cut, &counts.cut),
            (&metrics.hep_reconnects, &counts.reconnects),
        ];
        for ((metric, count), told) in totals.into_iter().zip(&mut told.hep) {
            metric.inc_by(new(told, count.load(Ordering::Relaxed)));
        }
        metrics.hep_connected.set(i64::from(counts.connected.load(Ordering::Relaxed)));
    }

    /// How many calls were turned away, all told, because none might begin. Says so now and then while a limit is the reason.
    pub(crate) fn turned_away(&mut self, now: Instant, of: impl Fn(NoRoom) -> u64) {
        for (why, told) in NoRoom::ALL.into_iter().zip(&mut self.told.turned_away) {
            let count = new(told, of(why));
            self.metrics.calls_turned_away.get_or_create(&WhyLabels { why: why.name() }).inc_by(count);
            // Of a shutdown and of a journal that is away there are lines already.
            if matches!(why, NoRoom::CallsMax | NoRoom::Signalling) && count > 0 && self.limit_due.is_none_or(|due| now >= due) {
                self.limit_due = Some(now + LIMIT_EVERY);
                warn!("Calls are turned away with 503: {why}. See cordboard_calls_turned_away_total.");
            }
        }
    }

    /// What came of the questions that routes have asked programs, all told, and how many wait.
    pub(crate) fn asked(&mut self, waiting: usize, of: impl Fn(AskOutcome) -> u64) {
        self.metrics.route_questions_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        for (outcome, told) in AskOutcome::ALL.into_iter().zip(&mut self.told.asked) {
            let count = new(told, of(outcome));
            self.metrics.route_questions.get_or_create(&OutcomeLabels { outcome: outcome.name() }).inc_by(count);
        }
    }

    /// How carriers stand.
    pub(crate) fn carriers(&mut self, standings: impl Iterator<Item = (CarrierId, Standing)>) {
        let labels = |id: CarrierId, standing: Standing| CarrierLabels { carrier: id.to_string(), standing: standing.name() };
        let mut told = BTreeSet::new();
        for (id, now) in standings {
            told.insert(id);
            for standing in Standing::ALL {
                self.metrics.carrier_standing.get_or_create_owned(&labels(id, standing)).set(i64::from(standing == now));
            }
        }
        for gone in self.carriers.difference(&told) {
            for standing in Standing::ALL {
                self.metrics.carrier_standing.remove(&labels(*gone, standing));
            }
        }
        self.carriers = told;
    }

    /// Who is banned, and what was not heard.
    pub(crate) fn bans(&mut self, sockets: BanCounters, switchboard: &Switchboard) {
        self.metrics.bans.set(i64::try_from(switchboard.bans()).unwrap_or(i64::MAX));
        for (why, count) in switchboard.bans_made() {
            let made = self.metrics.bans_made.get_or_create_owned(&WhyLabels { why });
            made.inc_by(count.saturating_sub(made.get()));
        }
        self.unheard(sockets, switchboard.security_counts());
    }

    /// What budgets have let through, refused and ended.
    pub(crate) fn budgets(&self, switchboard: &Switchboard) {
        self.metrics.budget_holds.set(i64::try_from(switchboard.budget_holds()).unwrap_or(i64::MAX));
        self.budget_counts(switchboard.budget_counts());
    }

    fn budget_counts(&self, counts: &BudgetCounts) {
        let metrics = &self.metrics;
        for (family, counts) in [(&metrics.budget_refused, &counts.refused), (&metrics.budget_cut, &counts.cut)] {
            for ((limit, scope), count) in counts {
                let told = family.get_or_create_owned(&BudgetLabels { limit: limit.as_str(), scope });
                told.inc_by(count.saturating_sub(told.get()));
            }
        }
        metrics.budget_talk_seconds.inc_by(counts.talk_s.saturating_sub(metrics.budget_talk_seconds.get()));
        for (currency, amount) in &counts.spend {
            let told = metrics.budget_spend.get_or_create_owned(&CurrencyLabels { currency: currency.clone() });
            told.inc_by(amount.saturating_sub(told.get()));
        }
    }

    /// What goes on beside calls: who watches, what is written, which timers fire, and by what SIP comes.
    pub(crate) fn beside_calls(&self, streams: &[(Transport, usize)], switchboard: &Switchboard) {
        let metrics = &self.metrics;
        for (transport, count) in streams {
            let labels = TransportLabels { transport: transport.name() };
            metrics.sip_streams_open.get_or_create(&labels).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        metrics.sip_subscriptions.set(i64::try_from(switchboard.subscriptions()).unwrap_or(i64::MAX));
        self.totals(switchboard.texts(), switchboard.timers_fired());
    }

    fn totals(&self, texts: impl Iterator<Item = (&'static str, u64)>, fired: impl Iterator<Item = (&'static str, u64)>) {
        for (outcome, count) in texts {
            let told = self.metrics.sip_texts.get_or_create_owned(&OutcomeLabels { outcome });
            told.inc_by(count.saturating_sub(told.get()));
        }
        for (timer, count) in fired {
            let told = self.metrics.sip_timers_fired.get_or_create_owned(&TimerLabels { timer });
            told.inc_by(count.saturating_sub(told.get()));
        }
    }

    fn unheard(&mut self, sockets: BanCounters, armour: SecurityCounts) {
        let (metrics, told) = (&self.metrics, &mut self.told);
        let BanCounters { datagrams, messages, streams, handshakes } = sockets;
        let dropped = [("udp", datagrams), ("tcp", messages + streams), ("handshake", handshakes)];
        for ((transport, count), told) in dropped.into_iter().zip(&mut told.banned_dropped) {
            metrics.sip_banned_dropped.get_or_create(&TransportLabels { transport }).inc_by(new(told, count));
        }
        let SecurityCounts { banned, scanners, foreign, slowed, unproven_logins, throttled, bans_refused } = armour;
        let silenced = [("banned", banned), ("scanner", scanners), ("foreign_domain", foreign), ("slowed", slowed)];
        for ((why, count), told) in silenced.into_iter().zip(&mut told.silenced) {
            metrics.sip_unanswered.get_or_create(&WhyLabels { why }).inc_by(new(told, count));
        }
        for ((why, count), told) in [("unproven", unproven_logins), ("throttled", throttled)].into_iter().zip(&mut told.unseen) {
            metrics.sip_logins_unseen.get_or_create(&WhyLabels { why }).inc_by(new(told, count));
        }
        metrics.bans_refused.inc_by(new(&mut told.bans_refused, bans_refused));
    }

    /// When [`Self::read`] next has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.read_due
    }

    /// Whether the disk of recordings refuses what is written.
    pub(crate) fn recorder(&self, in_trouble: bool) {
        self.metrics.recorder_trouble.set(i64::from(in_trouble));
    }
}

/// By how much a running total has grown since it was last told.
fn new(told: &mut u64, total: u64) -> u64 {
    total.saturating_sub(std::mem::replace(told, total))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use model::budget::Limit;

    use super::*;

    #[test]
    fn what_goes_wrong_on_sockets_is_told_once_and_nothing_is_left_out() {
        let tcp = TcpCounters {
            open: 1,
            accepted: 2,
            refused: 3,
            accept_failures: 4,
            connect_failures: 5,
            closed_by_peer: 6,
            closed_lost: 7,
            closed_idle: 8,
            closed_slow: 9,
            closed_broken: 10,
            closed_stalled: 11,
            closed_crowded: 12,
            closed_untold: 18,
            closed_unheard: 21,
            send_failed: 13,
            handshakes_failed: 20,
            // Counted elsewhere, or of no use to an administrator.
            held: 0,
            connected: 0,
            received: 0,
            sent: 0,
            pings: 0,
        };
        let guard = GuardCounters { inside: 0, new: 0, inside_dropped: 14, new_dropped: 15, shared: 16, streams_refused: 19 };
        let mut meter = Meter::new(Metrics::new());
        meter.counters(17, tcp, guard);
        meter.counters(17, tcp, guard);
        let text = meter.metrics.render().unwrap();
        for line in [
            "cordboard_sip_streams 1",
            "cordboard_sip_streams_accepted_total 2",
            r#"cordboard_sip_streams_refused_total{why="limit"} 3"#,
            r#"cordboard_sip_streams_refused_total{why="guard"} 19"#,
            "cordboard_sip_streams_untold_total 18",
            r#"cordboard_accept_failures_total{listener="sip"} 4"#,
            "cordboard_sip_connect_failures_total 5",
            r#"cordboard_sip_streams_closed_total{why="peer"} 6"#,
            r#"cordboard_sip_streams_closed_total{why="lost"} 7"#,
            r#"cordboard_sip_streams_closed_total{why="idle"} 8"#,
            r#"cordboard_sip_streams_closed_total{why="slow"} 9"#,
            r#"cordboard_sip_streams_closed_total{why="broken"} 10"#,
            r#"cordboard_sip_streams_closed_total{why="stalled"} 11"#,
            r#"cordboard_sip_streams_closed_total{why="crowded"} 12"#,
            r#"cordboard_sip_streams_closed_total{why="unheard"} 21"#,
            r#"cordboard_sip_guard_dropped_total{why="inside"} 14"#,
            r#"cordboard_sip_guard_dropped_total{why="new"} 15"#,
            "cordboard_sip_guard_shared_total 16",
            "cordboard_sip_send_failures_total 30",
            "cordboard_sip_handshakes_failed_total 20",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_comes_of_budgets_is_told_as_a_total() {
        let meter = Meter::new(Metrics::new());
        let mut counts = BudgetCounts { talk_s: 61, spend: [("RUB".to_owned(), 7)].into(), ..BudgetCounts::default() };
        counts.refused.insert((Limit::Premium, "slot"), 2);
        counts.cut.insert((Limit::DaySpend, "center"), 1);
        meter.budget_counts(&counts);
        meter.budget_counts(&counts);
        let text = meter.metrics.render().unwrap();
        for line in [
            r#"cordboard_budget_refused_total{limit="premium",scope="slot"} 2"#,
            r#"cordboard_budget_cut_total{limit="day_spend",scope="center"} 1"#,
            "cordboard_budget_talk_seconds_total 61",
            r#"cordboard_budget_spend_total{currency="RUB"} 7"#,
            "cordboard_budget_holds 0",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn running_totals_are_told_once() {
        let meter = Meter::new(Metrics::new());
        for texts in [2, 2, 5] {
            meter.totals([("delivered", texts), ("away", 1)].into_iter(), [("F", 3), ("2xx again", texts)].into_iter());
        }
        let text = meter.metrics.render().unwrap();
        for line in [
            r#"cordboard_sip_texts_total{outcome="delivered"} 5"#,
            r#"cordboard_sip_texts_total{outcome="away"} 1"#,
            r#"cordboard_sip_timers_fired_total{timer="F"} 3"#,
            r#"cordboard_sip_timers_fired_total{timer="2xx again"} 5"#,
            "cordboard_sip_subscriptions 0",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn calls_that_are_turned_away_are_counted_once_and_a_limit_is_told_now_and_then() {
        let mut meter = Meter::new(Metrics::new());
        let now = Instant::now();
        let of = |draining, most| {
            move |why| {
                if why == NoRoom::Draining {
                    draining
                } else if why == NoRoom::CallsMax {
                    most
                } else {
                    0
                }
            }
        };
        meter.turned_away(now, of(3, 0));
        assert_eq!(meter.limit_due, None, "of a shutdown there are lines already");
        meter.turned_away(now, of(3, 5));
        meter.turned_away(now + LIMIT_EVERY / 2, of(4, 9));
        assert_eq!(meter.limit_due, Some(now + LIMIT_EVERY));
        meter.turned_away(now + LIMIT_EVERY, of(4, 10));
        assert_eq!(meter.limit_due, Some(now + 2 * LIMIT_EVERY));
        let text = meter.metrics.render().unwrap();
        for line in [
            r#"cordboard_calls_turned_away_total{why="draining"} 4"#,
            r#"cordboard_calls_turned_away_total{why="journal_behind"} 0"#,
            r#"cordboard_calls_turned_away_total{why="calls_max"} 10"#,
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_carrier_stands_one_way_and_is_forgotten_with_its_end() {
        let mut meter = Meter::new(Metrics::new());
        let shows = |meter: &Meter, line: &str| meter.metrics.render().unwrap().lines().any(|printed| printed == line);
        meter.carriers([(CarrierId(3), Standing::Up), (CarrierId(4), Standing::Full)].into_iter());
        assert!(shows(&meter, r#"cordboard_carrier_standing{carrier="3",standing="up"} 1"#));
        meter.carriers([(CarrierId(3), Standing::Down)].into_iter());
        for line in [r#"{carrier="3",standing="up"} 0"#, r#"{carrier="3",standing="down"} 1"#] {
            assert!(shows(&meter, &format!("cordboard_carrier_standing{line}")), "{line}");
        }
        assert!(!meter.metrics.render().unwrap().contains(r#"carrier="4""#));
    }

    #[test]
    fn copies_for_a_capture_server_are_told_once() {
        let counts = Counts { sent: 5.into(), dropped: 4.into(), cut: 3.into(), reconnects: 2.into(), connected: true.into() };
        let mut meter = Meter::new(Metrics::new());
        meter.copies(&counts);
        counts.sent.store(7, Ordering::Relaxed);
        meter.copies(&counts);
        let text = meter.metrics.render().unwrap();
        for line in [
            "cordboard_hep_sent_total 7",
            "cordboard_hep_dropped_total 4",
            "cordboard_hep_cut_total 3",
            "cordboard_hep_reconnects_total 2",
            "cordboard_hep_connected 1",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_not_heard_is_told_once() {
        let sockets = BanCounters { datagrams: 1, messages: 2, streams: 3, handshakes: 4 };
        let armour = SecurityCounts { banned: 6, scanners: 7, foreign: 8, slowed: 9, unproven_logins: 10, throttled: 11, bans_refused: 12 };
        let mut meter = Meter::new(Metrics::new());
        meter.unheard(sockets, armour);
        meter.unheard(sockets, armour);
        let text = meter.metrics.render().unwrap();
        for line in [
            r#"cordboard_sip_banned_dropped_total{transport="udp"} 1"#,
            r#"cordboard_sip_banned_dropped_total{transport="tcp"} 5"#,
            r#"cordboard_sip_banned_dropped_total{transport="handshake"} 4"#,
            r#"cordboard_sip_unanswered_total{why="banned"} 6"#,
            r#"cordboard_sip_unanswered_total{why="scanner"} 7"#,
            r#"cordboard_sip_unanswered_total{why="foreign_domain"} 8"#,
            r#"cordboard_sip_unanswered_total{why="slowed"} 9"#,
            r#"cordboard_sip_logins_unseen_total{why="unproven"} 10"#,
            r#"cordboard_sip_logins_unseen_total{why="throttled"} 11"#,
            "cordboard_bans_refused_total 12",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn lost_facts_are_told() {
        let mut meter = Meter::new(Metrics::new());
        meter.journal(5, 2, true);
        meter.journal(0, 3, false);
        let text = meter.metrics.render().unwrap();
        for line in ["cordboard_journal_waiting 0", "cordboard_journal_lost_total 3", "cordboard_journal_behind 0"] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }
}
