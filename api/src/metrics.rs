//! The server's own metrics: each has a type and a name here, and `/metrics` prints them all.

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// The media type of the text that [`Metrics::render`] makes.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Label of [`Metrics::http_requests`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HttpLabels {
    /// The route's pattern, never the path: the number of values is bounded.
    pub route: &'static str,
    /// The status.
    pub status: u16,
}

/// Label of [`Metrics::sip_messages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SipLabels {
    /// `in` or `out`.
    pub direction: &'static str,
    /// `udp` or `tcp`.
    pub transport: &'static str,
    /// The method of a request (`other` for one that we do not know), or the class of a response (`2xx`): the number of values is bounded.
    pub kind: &'static str,
}

/// Label of metrics that count by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WhyLabels {
    /// The reason, one of a few.
    pub why: &'static str,
}

/// Label of metrics that count by limit of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BudgetLabels {
    /// The limit, one of a few.
    pub limit: &'static str,
    /// `slot`, `trunk`, `carrier` or `center`.
    pub scope: &'static str,
}

/// Label of [`Metrics::budget_spend`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CurrencyLabels {
    /// The currency, as carriers' prices name it (ISO 4217).
    pub currency: String,
}

/// Label of [`Metrics::sip_banned_dropped`].
/// Label of [`Metrics::sip_timers_fired`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TimerLabels {
    /// The timer's letter (RFC 3261, table 4), or what it is for.
    pub timer: &'static str,
}

/// Label of [`Metrics::sip_banned_dropped`] and [`Metrics::sip_streams_open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TransportLabels {
    /// `udp`, `tcp`, `tls`, `ws`, `wss`; of what was banned `tcp` stands for all streams, and `handshake` for those of TLS and WebSockets that
    /// have not begun.
    pub transport: &'static str,
}

/// Label of metrics that count by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabels {
    /// The outcome, one of a few.
    pub outcome: &'static str,
}

/// Labels of [`Metrics::carrier_standing`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CarrierLabels {
    /// The carrier's id: their number is bounded.
    pub carrier: String,
    /// `up`, `down`, `full` or `too_fast`.
    pub standing: &'static str,
}

/// Label of [`Metrics::accept_failures`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceLabels {
    /// Which listener: `http` or `sip`.
    pub listener: &'static str,
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ty = $make:expr, $name:literal;)*) => {
        /// All metrics. Cloning shares them; setting one is an atomic store and may be done on any thread.
        #[derive(Clone)]
        pub struct Metrics {
            registry: Arc<Registry>,
            $($(#[doc = $help])+ pub $field: $kind,)*
        }

        impl Metrics {
            /// Every metric at zero.
            #[must_use]
            pub fn new() -> Self {
                let mut registry = Registry::with_prefix("cordboard");
                $(
                    let $field: $kind = $make;
                    registry.register($name, concat!($($help),+).trim().trim_end_matches('.'), $field.clone());
                )*
                Self { registry: Arc::new(registry), $($field),* }
            }
        }
    };
}

/// 50 µs to 1.6 s.
fn fine_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.0, 16))
}

metrics! {
    /// Calls that are up or being set up.
    calls_live: Gauge = Gauge::default(), "calls_live";
    /// Calls that began.
    calls_started: Counter = Counter::default(), "calls_started";
    /// Calls that were turned away with 503 because no further call might begin, by reason.
    calls_turned_away: Family<WhyLabels, Counter> = Family::default(), "calls_turned_away";
    /// How each carrier stands: 1 for what it is, 0 for what it is not.
    carrier_standing: Family<CarrierLabels, Gauge> = Family::default(), "carrier_standing";
    /// Questions of routes to programs, by what came of them: answered, late, wrong, unreachable, or too_many that were not asked.
    route_questions: Family<OutcomeLabels, Counter> = Family::default(), "route_questions";
    /// Questions of routes to programs that wait for an answer.
    route_questions_waiting: Gauge = Gauge::default(), "route_questions_waiting";
    /// From the news that phones begin to ring to the news of who may be calling, in seconds.
    screen_pop_seconds: Histogram = Histogram::new(exponential_buckets(0.001, 2.0, 14)), "screen_pop_seconds";
    /// Look-ups of who calls, by what came of them: complete, failed, late for a call that rings no more, or missed because there were too many.
    screen_pops: Family<OutcomeLabels, Counter> = Family::default(), "screen_pops";
    /// News of ended calls that are still to be looked at: whom they were with, and what was missed.
    crm_follow_lag: Gauge = Gauge::default(), "crm_follow_lag";
    /// Calls that ended.
    calls_ended: Counter = Counter::default(), "calls_ended";
    /// Slots whose phone is registered.
    slots_registered: Gauge = Gauge::default(), "slots_registered";
    /// Recordings that grow now.
    recordings_live: Gauge = Gauge::default(), "recordings_live";
    /// Recordings that could not be kept whole.
    recordings_faulty: Counter = Counter::default(), "recordings_faulty";
    /// SIP datagrams that arrived.
    sip_received: Counter = Counter::default(), "sip_received";
    /// SIP datagrams that were sent.
    sip_sent: Counter = Counter::default(), "sip_sent";
    /// SIP datagrams that could not be sent.
    sip_send_failures: Counter = Counter::default(), "sip_send_failures";
    /// SIP messages by direction, transport, and method or class.
    sip_messages: Family<SipLabels, Counter> = Family::default(), "sip_messages";
    /// SIP datagrams that the guard dropped unread, by reason.
    sip_guard_dropped: Family<WhyLabels, Counter> = Family::default(), "sip_guard_dropped";
    /// SIP datagrams that were counted against the allowance which strangers share while loud sources fill the guard's table.
    sip_guard_shared: Counter = Counter::default(), "sip_guard_shared";
    /// SIP sources that are banned.
    bans: Gauge = Gauge::default(), "bans";
    /// Bans of SIP sources that were made, by what made them full.
    bans_made: Family<WhyLabels, Counter> = Family::default(), "bans_made";
    /// Bans that were not made because there are as many as there may be.
    bans_refused: Counter = Counter::default(), "bans_refused";
    /// Calls out that a budget did not let begin, by limit and kind of scope; a carrier each.
    budget_refused: Family<BudgetLabels, Counter> = Family::default(), "budget_refused";
    /// Calls that were ended because a budget was used up, by limit and kind of scope.
    budget_cut: Family<BudgetLabels, Counter> = Family::default(), "budget_cut";
    /// Calls out that something of a budget is reserved for.
    budget_holds: Gauge = Gauge::default(), "budget_holds";
    /// Seconds of talk that some budget has paid for.
    budget_talk_seconds: Counter = Counter::default(), "budget_talk_seconds";
    /// Minor units that were paid for that, by currency.
    budget_spend: Family<CurrencyLabels, Counter> = Family::default(), "budget_spend";
    /// SIP datagrams, messages and connections that were dropped unread because their source is banned, by transport.
    sip_banned_dropped: Family<TransportLabels, Counter> = Family::default(), "sip_banned_dropped";
    /// SIP requests that got no answer, by reason.
    sip_unanswered: Family<WhyLabels, Counter> = Family::default(), "sip_unanswered";
    /// SIP log-ins that were challenged anew without a look at the password, by reason.
    sip_logins_unseen: Family<WhyLabels, Counter> = Family::default(), "sip_logins_unseen";
    /// TCP connections of phones that are open.
    sip_streams: Gauge = Gauge::default(), "sip_streams";
    /// Streams that carry SIP now, by transport.
    sip_streams_open: Family<TransportLabels, Gauge> = Family::default(), "sip_streams_open";
    /// Subscriptions that phones have: lamps and mailboxes.
    sip_subscriptions: Gauge = Gauge::default(), "sip_subscriptions";
    /// Texts between phones (MESSAGE), by what became of them.
    sip_texts: Family<OutcomeLabels, Counter> = Family::default(), "sip_texts";
    /// Timers of SIP that have fired, by their letter or what they are for.
    sip_timers_fired: Family<TimerLabels, Counter> = Family::default(), "sip_timers_fired";
    /// TCP connections of phones that came.
    sip_streams_accepted: Counter = Counter::default(), "sip_streams_accepted";
    /// TCP connections of phones that were refused, by reason.
    sip_streams_refused: Family<WhyLabels, Counter> = Family::default(), "sip_streams_refused";
    /// TCP connections of phones that ended, by reason.
    sip_streams_closed: Family<WhyLabels, Counter> = Family::default(), "sip_streams_closed";
    /// Ends of TCP connections that signalling was not told of, because too many waited to be: their phones are found gone by timers.
    sip_streams_untold: Counter = Counter::default(), "sip_streams_untold";
    /// TLS handshakes of phones that came to nothing: refused, too slow, or given up for others.
    sip_handshakes_failed: Counter = Counter::default(), "sip_handshakes_failed";
    /// TCP connections to phones that could not be opened.
    sip_connect_failures: Counter = Counter::default(), "sip_connect_failures";
    /// Connections that could not be accepted, mostly because no descriptor is free.
    accept_failures: Family<SourceLabels, Counter> = Family::default(), "accept_failures";
    /// Seconds that the cores take for one input of signalling.
    signalling_input_seconds: Histogram = Histogram::new(exponential_buckets(0.000_001, 2.0, 18)), "signalling_input_seconds";
    /// Octets of memory that the SIP messages of recent calls take.
    ladder_octets: Gauge = Gauge::default(), "ladder_octets";
    /// Reloads of the configuration, by outcome.
    reloads: Family<OutcomeLabels, Counter> = Family::default(), "reloads";
    /// Seconds that the signalling loop takes for a batch, from its first message until its last packet has left, journal included.
    signalling_handle_seconds: Histogram = fine_buckets(), "signalling_handle_seconds";
    /// Inputs on which a core panicked: defects to be reported.
    panics: Counter = Counter::default(), "panics";
    /// RTP and RTCP packets that arrived.
    media_received: Counter = Counter::default(), "media_received";
    /// RTP and RTCP packets that were sent: relayed audio, tones, reports.
    media_sent: Counter = Counter::default(), "media_sent";
    /// RTP and RTCP packets that the kernel did not take.
    media_send_failures: Counter = Counter::default(), "media_send_failures";
    /// Pairs of media ports that no call uses; a call takes two.
    media_ports_free: Gauge = Gauge::default(), "media_ports_free";
    /// Audio frames that the recorder had no room for.
    recorder_dropped: Counter = Counter::default(), "recorder_dropped";
    /// 1 while the recording disk refuses what is written, so that audio is being lost.
    recorder_trouble: Gauge = Gauge::default(), "recorder_trouble";
    /// Media workers that took no command or have given up, so that their calls were ended.
    media_lost: Counter = Counter::default(), "media_lost";
    /// Facts in the journal that the database has not taken yet.
    journal_lag: Gauge = Gauge::default(), "journal_lag";
    /// Facts that wait in memory for a journal that stalls.
    journal_waiting: Gauge = Gauge::default(), "journal_waiting";
    /// Facts that the journal could not take and no memory could keep: records may be missing until the next start.
    journal_lost: Counter = Counter::default(), "journal_lost";
    /// 1 while the journal has been away for seconds, so that new calls are refused: what begins now might never be recorded.
    journal_behind: Gauge = Gauge::default(), "journal_behind";
    /// Journal writes that took longer than the wire may wait (R22).
    journal_stalls: Counter = Counter::default(), "journal_stalls";
    /// Copies of SIP messages that went to the capture server (HEP).
    hep_sent: Counter = Counter::default(), "hep_sent";
    /// Copies of SIP messages that the capture server did not get, because it was away or too slow.
    hep_dropped: Counter = Counter::default(), "hep_dropped";
    /// Copies of SIP messages that were cut, because they were too long for a packet.
    hep_cut: Counter = Counter::default(), "hep_cut";
    /// Times that the capture server was there again.
    hep_reconnects: Counter = Counter::default(), "hep_reconnects";
    /// 1 while there is a way to the capture server.
    hep_connected: Gauge = Gauge::default(), "hep_connected";
    /// Socket.IO clients that are connected.
    sockets_live: Gauge = Gauge::default(), "sockets_live";
    /// Socket.IO clients that were cut off because they did not read.
    sockets_too_slow: Counter = Counter::default(), "sockets_too_slow";
    /// Log-ins that were refused.
    logins_refused: Counter = Counter::default(), "logins_refused";
    /// HTTP requests by route and status.
    http_requests: Family<HttpLabels, Counter> = Family::default(), "http_requests";
    /// Seconds that an HTTP request took until its answer began.
    http_seconds: Histogram = Histogram::new(exponential_buckets(0.000_5, 2.0, 16)), "http_seconds";
}

impl Metrics {
    /// All metrics as OpenMetrics text, which Prometheus reads.
    ///
    /// # Errors
    /// Never in practice: a `String` takes all that is written to it.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(8 * 1024);
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_set_is_printed() {
        let metrics = Metrics::new();
        let elsewhere = metrics.clone();
        elsewhere.calls_live.set(3);
        elsewhere.calls_started.inc();
        elsewhere.signalling_handle_seconds.observe(0.000_1);
        elsewhere.http_requests.get_or_create(&HttpLabels { route: "/api/slots", status: 200 }).inc();
        let text = metrics.render().unwrap();
        for line in [
            "# HELP cordboard_calls_live Calls that are up or being set up.",
            "# TYPE cordboard_calls_live gauge",
            "cordboard_calls_live 3",
            "cordboard_calls_started_total 1",
            "cordboard_signalling_handle_seconds_count 1",
            r#"cordboard_http_requests_total{route="/api/slots",status="200"} 1"#,
            "# EOF",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }
}
