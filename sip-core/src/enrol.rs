//! The registration of one account of ours at one registrar (RFC 3261, 10.2): what a trunk needs to be called.
//!
//! It makes the REGISTERs and says when; its owner sends them by [`crate::Endpoint::request`], which answers challenges, and tells it
//! what came of them. `grant` reads the responses, `pace` knows how long to wait, `state` is what is told of it.

mod grant;
mod pace;
mod state;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

use self::pace::Trouble;
pub use self::{
    grant::ROUTES_MAX,
    pace::{EXPIRES_S, RETRY_AFTER_S_MAX, SPACING, START_SPREAD},
    state::{EnrolState, Failure},
};
use crate::{
    digest::client::{ANSWERS_MAX, Unproven},
    endpoint::{AccountId, OutsideRequest, RequestId, Unanswered, user_part},
    flow::{Flow, Transport},
    message::{Message, Method, address_text},
};

/// Whom to register where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolSettings {
    /// Where the REGISTERs are sent.
    pub flow: Flow,
    /// Our address as the peer of `flow` is told it: [`crate::EndpointSettings::seen_at`].
    pub seen: SocketAddr,
    /// The Request-URI: the registrar's domain, `sip:carrier.example`.
    pub registrar: String,
    /// The address of record: `sip:4930123@carrier.example`.
    pub address: String,
    /// The user part of our Contact, as text; escaped here. It stands in the Request-URI of calls to us.
    pub user: String,
    /// The interval that is asked for, in seconds, within [`EXPIRES_S`].
    pub expires_s: u32,
    /// By what we prove who we are.
    pub account: Option<AccountId>,
}

/// What the owner has to do or to know.
#[derive(Debug, Clone)]
pub enum EnrolOutput {
    /// To be sent by [`crate::Endpoint::request`], and its outcome told by [`Enrol::sent`] at once.
    Register(OutsideRequest),
    /// The state is another.
    State(EnrolState),
}

/// So many ways that fail one after another are left for the next without a pause.
const WAYS_AT_ONCE: u32 = 3;

/// The registration of one account.
///
/// ```text
///     `new`, `change`
///        |
///        |<-----------------------------------------------+
///        v                                                |
///     Waiting                                             |   2xx with our contact: Registered, until well before its end
///        |                                                |   2xx without it, 408, 480, 5xx, silence: Failing, a while
///        | due: REGISTER                                  |   other refusals: Failing, a long while
///        v                                                |
///      Asking --- answered, unanswered -------------------+   423: once at once, with the longer interval
///        |
///        | `stop` (and its answer): REGISTER with 0 seconds, if we may be bound
///        v
///     Leaving --- answered, unanswered ---> Stopped
/// ```
#[derive(Debug)]
pub struct Enrol {
    settings: EnrolSettings,
    stage: Stage,
    state: EnrolState,
    /// The same for all REGISTERs of one address at one registrar (10.2).
    call_id: Bytes,
    /// The CSeq number of the newest REGISTER.
    cseq: u32,
    /// The interval that is asked for: what the settings say, or the registrar's least.
    expires_s: u32,
    /// The REGISTER that is waited for.
    awaited: Option<RequestId>,
    /// Of those that were put out and not yet `sent`: whether it is the one to wait for.
    outgoing: VecDeque<bool>,
    /// When the newest went out.
    sent_at: Option<Instant>,
    /// Until when the registrar has our contact.
    until: Option<Instant>,
    /// It may have our contact, for all that we know.
    may_be_bound: bool,
    /// The flow is gone.
    is_lost: bool,
    /// `stop` was called.
    is_stopping: bool,
    /// The REGISTER that is waited for followed a 423 at once.
    is_raised: bool,
    failures: u32,
    /// The first of these.
    since: Option<Instant>,
    last: Option<(u16, String)>,
    service_route: Vec<String>,
    rng: ChaCha12Rng,
    output: VecDeque<EnrolOutput>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting(Instant),
    /// With the time after which no answer is waited for.
    Asking(Instant),
    /// The same.
    Leaving(Instant),
    Stopped,
}

/// The endpoint tells the outcome of a request sooner, challenges included.
const ANSWER_WAIT: Duration = Duration::from_secs(300);

impl Enrol {
    /// The first REGISTER is due within [`START_SPREAD`]. `seed` gives its moment, those of the later ones, and the Call-ID.
    #[must_use]
    pub fn new(now: Instant, settings: EnrolSettings, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let at = now + pace::between(&mut rng, Duration::ZERO, START_SPREAD);
        let call_id = draw_call_id(&mut rng);
        Self {
            stage: Stage::Waiting(at),
            state: EnrolState::Trying,
            call_id,
            cseq: 0,
            expires_s: settings.expires_s.clamp(EXPIRES_S.0, EXPIRES_S.1),
            awaited: None,
            outgoing: VecDeque::new(),
            sent_at: None,
            until: None,
            may_be_bound: false,
            is_lost: false,
            is_stopping: false,
            is_raised: false,
            failures: 0,
            since: None,
            last: None,
            service_route: Vec::new(),
            rng,
            output: VecDeque::from([EnrolOutput::State(EnrolState::Trying)]),
            settings,
        }
    }

    /// What to do next; drained after every input.
    pub fn poll(&mut self) -> Option<EnrolOutput> {
        self.output.pop_front()
    }

    /// When [`Enrol::wake`] is due, and for what.
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        match self.stage {
            Stage::Waiting(at) => Some((at, "register")),
            Stage::Asking(at) | Stage::Leaving(at) => Some((at, "register without answer")),
            Stage::Stopped => None,
        }
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Instant) {
        match self.stage {
            Stage::Waiting(at) if at <= now => self.register(now),
            Stage::Asking(at) if at <= now => self.unheard(now, Failure::Unanswered(Unanswered::Timeout)),
            Stage::Leaving(at) if at <= now => self.stopped(),
            _ => {}
        }
    }

    /// What came of the oldest [`EnrolOutput::Register`] of which this was not said yet: what [`crate::Endpoint::request`] gave.
    pub fn sent(&mut self, now: Instant, request: Option<RequestId>) {
        if self.outgoing.pop_front() != Some(true) {
            return;
        }
        match request {
            Some(request) => self.awaited = Some(request),
            None => self.unheard(now, Failure::Unsent),
        }
    }

    /// [`crate::EndpointOutput::Answered`]. Ignored if it is not about the REGISTER that is waited for.
    pub fn answered(&mut self, now: Instant, request: RequestId, response: &Message, unproven: Option<Unproven>) {
        if self.awaited != Some(request) {
            return;
        }
        self.awaited = None;
        // A challenge takes a number.
        self.cseq = self.cseq.max(response.cseq().map_or(0, |cseq| cseq.number));
        let status = response.status();
        self.last = Some((status, grant::reason(response)));
        if matches!(self.stage, Stage::Leaving(_)) {
            return self.stopped();
        }
        let was_raised = std::mem::take(&mut self.is_raised);
        match status {
            200..=299 => self.accepted(now, response),
            423 => self.too_brief(now, response, was_raised),
            _ => {
                let why = state::refusal(response, unproven);
                self.failed(now, why, trouble_of(status), grant::retry_after(response));
            }
        }
        self.stop_if_wanted(now);
    }

    /// [`crate::EndpointOutput::Unanswered`]. Ignored like [`Enrol::answered`].
    pub fn unanswered(&mut self, now: Instant, request: RequestId, cseq: u32, why: Unanswered) {
        if self.awaited == Some(request) {
            self.cseq = self.cseq.max(cseq);
            self.unheard(now, Failure::Unanswered(why));
        }
    }

    /// The flow is gone: nobody reaches us by it. It is tried again soon; if the owner has another way, [`Enrol::change`] is better.
    pub fn lost(&mut self, now: Instant) {
        self.is_lost = true;
        self.until = None;
        // What is open is told by the endpoint.
        if matches!(self.stage, Stage::Waiting(_)) {
            let pause = SPACING + pace::between(&mut self.rng, Duration::ZERO, START_SPREAD);
            self.failing(now, Failure::Unanswered(Unanswered::FlowLost), pause);
        }
    }

    /// Another account, registrar, address or flow: registers anew, and un-registers the old contact if it is another one. That takes
    /// the old account, which should stay in the endpoint until then. Ignored once stopped, and if nothing is new.
    pub fn change(&mut self, now: Instant, settings: EnrolSettings) {
        if self.is_stopping || self.settings == settings {
            return;
        }
        let is_same_address = self.settings.address == settings.address && self.settings.registrar == settings.registrar;
        let is_same_contact = is_same_address && contact_uri(&self.settings) == contact_uri(&settings);
        // The same registration by another way. If the last ways have failed it waits as it would have: several dead targets in turn are
        // asked no more often than one.
        let is_other_way = EnrolSettings { flow: settings.flow, seen: settings.seen, ..self.settings.clone() } == settings;
        if self.may_be_bound && !self.is_lost && !is_same_contact {
            self.send(now, 0, false);
        }
        self.settings = settings;
        self.expires_s = self.settings.expires_s.clamp(EXPIRES_S.0, EXPIRES_S.1);
        if !is_same_address {
            self.call_id = draw_call_id(&mut self.rng);
            self.cseq = 0;
            self.service_route.clear();
        } else if self.sent_at.is_some() {
            // What is still open may be challenged, and takes a number each time.
            self.cseq = self.cseq.saturating_add(ANSWERS_MAX.into());
        }
        if !is_same_contact {
            self.until = None;
            self.may_be_bound = false;
        }
        self.awaited = None;
        self.outgoing.iter_mut().for_each(|is_awaited| *is_awaited = false);
        (self.is_lost, self.is_raised, self.last) = (false, false, None);
        if !is_other_way {
            (self.failures, self.since) = (0, None);
        }
        let at = now
            + match self.failures.checked_sub(WAYS_AT_ONCE) {
                Some(failures @ 1..) => pace::after_failure(&mut self.rng, Trouble::Passing, failures, None),
                _ => pace::between(&mut self.rng, Duration::ZERO, START_SPREAD),
            };
        self.stage = Stage::Waiting(self.spaced(at));
        self.become_state(EnrolState::Trying);
    }

    /// Un-registers, if there may be something to un-register, and ends: [`EnrolState::Stopped`], at the latest when the registrar has
    /// been silent for as long as two REGISTERs may take, the one that is open and the last one.
    pub fn stop(&mut self, now: Instant) {
        self.is_stopping = true;
        // What is open is waited for: the registrar takes REGISTERs in their order.
        if matches!(self.stage, Stage::Waiting(_)) {
            self.stop_if_wanted(now);
        }
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> &EnrolState {
        &self.state
    }

    /// The status and the reason phrase of the last answer.
    #[must_use]
    pub fn last(&self) -> Option<(u16, &str)> {
        self.last.as_ref().map(|(status, reason)| (*status, reason.as_str()))
    }

    /// The values of Route for our requests to that registrar's domain (Service-Route, RFC 3608), first hop first; at most
    /// [`ROUTES_MAX`].
    #[must_use]
    pub fn service_route(&self) -> &[String] {
        &self.service_route
    }

    /// What it was given.
    #[must_use]
    pub fn settings(&self) -> &EnrolSettings {
        &self.settings
    }

    fn register(&mut self, now: Instant) {
        self.send(now, self.expires_s, true);
        self.stage = Stage::Asking(now + ANSWER_WAIT);
    }

    fn send(&mut self, now: Instant, expires_s: u32, is_awaited: bool) {
        self.cseq = self.cseq.saturating_add(1);
        self.sent_at = Some(now);
        let EnrolSettings { flow, registrar, address, account, .. } = &self.settings;
        let address = format!("<{address}>");
        let request = OutsideRequest {
            flow: *flow,
            method: Method::Register,
            uri: Bytes::copy_from_slice(registrar.as_bytes()),
            from: address.clone(),
            to: address,
            call_id: Some(self.call_id.clone()),
            cseq: self.cseq,
            contact: false,
            headers: vec![
                ("Contact", format!("<{}>;expires={expires_s}", contact_uri(&self.settings))),
                ("Expires", expires_s.to_string()),
            ],
            body: None,
            account: *account,
        };
        self.outgoing.push_back(is_awaited);
        self.output.push_back(EnrolOutput::Register(request));
    }

    /// A 2xx.
    fn accepted(&mut self, now: Instant, response: &Message) {
        let granted = grant::granted(response, contact_uri(&self.settings).as_bytes(), self.expires_s).unwrap_or(0).min(EXPIRES_S.1);
        if granted == 0 {
            (self.until, self.may_be_bound) = (None, false);
            return self.failed(now, Failure::NotBound, Trouble::Passing, None);
        }
        (self.failures, self.since, self.may_be_bound, self.is_lost) = (0, None, true, false);
        self.service_route = grant::service_route(response);
        let until = now + Duration::from_secs(granted.into());
        self.until = Some(until);
        self.stage = Stage::Waiting(now + pace::refresh(&mut self.rng, granted));
        self.become_state(EnrolState::Registered { until });
    }

    /// 10.2.8: "the UA MAY retry ... after making the expiration interval ... equal to or greater than" Min-Expires. At once, unless that
    /// is what was done just now.
    fn too_brief(&mut self, now: Instant, response: &Message, was_raised: bool) {
        let least = grant::min_expires(response).filter(|&least| least > self.expires_s && least <= EXPIRES_S.1);
        if let Some(least) = least {
            self.expires_s = least;
            if !was_raised && !self.is_stopping {
                self.is_raised = true;
                return self.register(now);
            }
        }
        let trouble = if least.is_some() { Trouble::Passing } else { Trouble::Lasting };
        self.failed(now, state::refusal(response, None), trouble, grant::retry_after(response));
    }

    /// Without an answer.
    fn unheard(&mut self, now: Instant, why: Failure) {
        self.awaited = None;
        self.is_raised = false;
        // It may have arrived, and its answer not.
        self.may_be_bound |= why != Failure::Unsent;
        match self.stage {
            Stage::Leaving(_) => self.stopped(),
            Stage::Stopped => {}
            Stage::Waiting(_) | Stage::Asking(_) => {
                self.failed(now, why, Trouble::Passing, None);
                self.stop_if_wanted(now);
            }
        }
    }

    fn failed(&mut self, now: Instant, why: Failure, trouble: Trouble, retry_after: Option<u32>) {
        self.failures = self.failures.saturating_add(1);
        let pause = pace::after_failure(&mut self.rng, trouble, self.failures, retry_after);
        self.failing(now, why, pause);
    }

    fn failing(&mut self, now: Instant, why: Failure, pause: Duration) {
        let since = *self.since.get_or_insert(now);
        let retry_at = self.spaced(now + pause);
        self.stage = Stage::Waiting(retry_at);
        let until = self.until.filter(|&until| until > now);
        self.become_state(EnrolState::Failing { why, since, retry_at, until });
    }

    fn spaced(&self, at: Instant) -> Instant {
        self.sent_at.map_or(at, |sent| at.max(sent + SPACING))
    }

    /// Nothing is open: `stop` may go on.
    fn stop_if_wanted(&mut self, now: Instant) {
        if !self.is_stopping || !matches!(self.stage, Stage::Waiting(_)) {
            return;
        }
        if self.may_be_bound && !self.is_lost {
            self.stage = Stage::Leaving(now + ANSWER_WAIT);
            self.send(now, 0, true);
        } else {
            self.stopped();
        }
    }

    fn stopped(&mut self) {
        self.awaited = None;
        (self.until, self.may_be_bound) = (None, false);
        self.service_route.clear();
        self.stage = Stage::Stopped;
        self.become_state(EnrolState::Stopped);
    }

    fn become_state(&mut self, state: EnrolState) {
        if self.state != state {
            self.state = state.clone();
            self.output.push_back(EnrolOutput::State(state));
        }
    }
}

fn trouble_of(status: u16) -> Trouble {
    match status {
        // Not this method, not this version, not of this length: they will not learn it.
        501 | 505 | 513 => Trouble::Lasting,
        408 | 430 | 480 | 500..=599 => Trouble::Passing,
        _ => Trouble::Lasting,
    }
}

/// What is bound: `sip:user@address:port`.
fn contact_uri(settings: &EnrolSettings) -> String {
    let transport = match settings.flow.transport {
        Transport::Udp => String::new(),
        other => format!(";transport={}", other.param()),
    };
    format!("sip:{}{}{transport}", user_part(&settings.user), address_text(settings.seen))
}

/// RFC 3261, 8.1.1.4.
fn draw_call_id(rng: &mut ChaCha12Rng) -> Bytes {
    format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()).into()
}
