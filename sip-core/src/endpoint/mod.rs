//! The endpoint: transactions, dialogs and INVITE sessions of both sides behind one door. Does no IO; bytes and time come in,
//! bytes and events go out.
//!
//! - `receive` finds whose a message is;
//! - `check` refuses what nobody need be asked about;
//! - `server` is the called side, `client` the calling side, `inside` what happens in a session once there is a dialog;
//! - `reliable` and `prack` are the two sides of provisional responses that are acknowledged (RFC 3262), `early` is what is offered before the
//!   answer (RFC 3311);
//! - `reoffer` is what we ask for within a session: new offers of the owner, and the refreshes of RFC 4028;
//! - `refer` is what a peer asks for within one: transfers (RFC 3515);
//! - `replaces` finds the session whose place a new one is to take (RFC 3891);
//! - `messages` are short texts (RFC 3428), `subscriptions` those who are told what others do (RFC 6665);
//! - `outside` is what we ask outside of any dialog, `account` by what we prove who we are when we are challenged.

pub(crate) mod account;
pub(crate) mod check;
mod client;
mod early;
mod extras;
mod inside;
mod messages;
mod notify;
mod outside;
pub(crate) mod oversize;
mod prack;
mod receive;
mod refer;
mod reliable;
mod reoffer;
mod replaces;
mod server;
mod settings;
mod subscriptions;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;

pub use self::{
    account::{ACCOUNTS_MAX, AccountId},
    client::user_part,
    early::ReofferError,
    extras::Extras,
    messages::{MESSAGE_OCTETS_MAX, TEXT_OCTETS_MAX},
    outside::{OutsideRequest, REQUESTS_MAX, RequestId, Unanswered, Unsent},
    oversize::DATAGRAM_MAX,
    receive::Stranger,
    refer::{REFER_S_MAX, ReferId},
    settings::{EndpointSettings, Reliable},
};
pub(crate) use self::{
    refer::Refer,
    settings::{OwnPlace, OwnVia, SESSION_MIN_S},
};
use crate::{
    digest::client::{Answerer, Unproven},
    flow::Flow,
    message::{Message, Writer, tagged_head},
    notifier::table::Subscriptions,
    session::{Sdp, Session, Stage},
    timer::Timer,
    transaction::{Keyed, Owner, Purpose, Spread, Table, Tag, Transactions, Wire},
    transfer::Replaces,
};

/// Names a session of this endpoint; never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

/// Names a request that waits for its response; never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerTx(pub(crate) u64);

/// Names one of those that ring for an INVITE of ours: an early dialog (RFC 3261, 12.1). Counted from 1 within its session, in the order in
/// which they were heard first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fork(pub(crate) u32);

/// An INVITE to be sent.
#[derive(Debug, Clone)]
pub struct Invite {
    /// Where it is sent.
    pub flow: Flow,
    /// The Request-URI: the contact of whom we call.
    pub uri: Bytes,
    /// The name shown at the other side.
    pub from_display: Option<String>,
    /// The user part of From, as text; escaped here.
    pub from_user: String,
    /// The user part of To, as text; escaped here.
    pub to_user: String,
    /// The host of From and To: our domain.
    pub host: String,
    /// Our offer.
    pub sdp: Bytes,
    /// Further headers; a `Max-Forwards` here replaces the usual 70, and a `To` that of `to_user` and `host`.
    pub headers: Vec<(&'static str, String)>,
    /// Seconds until it is given up with CANCEL and [`EndReason::NoAnswer`]; 0: timer C (RFC 3261, 16.6), 181 seconds since the last
    /// provisional response.
    pub ring_s: u32,
    /// By what it and the requests within its session are proven, if the peer challenges them. Without it, or if the account's realm is
    /// another, a challenge is a refusal like others.
    pub account: Option<AccountId>,
}

/// What the owner has to do or to know.
#[derive(Debug, Clone)]
pub enum EndpointOutput {
    /// To be sent as it is.
    Transmit {
        /// From where to where.
        flow: Flow,
        /// One message.
        bytes: Bytes,
        /// The session that it is about, also one that is over. `None`: of no session.
        session: Option<SessionId>,
    },
    /// A message came that belongs to a session: told before anything that follows from it, for whoever keeps the ladder of a call.
    /// It is told of repeated and late messages too, also of a session that is over while a transaction of it is still known; and
    /// of an INVITE that begins one, before its `Invited`. Not of a message that only claims to belong to one.
    Heard {
        /// Which session.
        session: SessionId,
        /// What it came by.
        flow: Flow,
        /// The message as it came.
        bytes: Bytes,
    },
    /// A REGISTER: the owner must [`Endpoint::respond`] within 64*T1, or [`Endpoint::challenge_request`]. It becomes a transaction by the
    /// first, and by [`Endpoint::poll`] giving `None` before either. Also a MESSAGE (RFC 3428), a text of bounded length, with
    /// [`Extras::messages`]; and a SUBSCRIBE with [`Extras::events`], also each within a subscription, which is taken by
    /// [`Endpoint::subscribe`].
    Request {
        /// What to respond to.
        tx: ServerTx,
        /// Where it came from.
        flow: Flow,
        /// The request.
        message: Message,
    },
    /// A new INVITE, already checked: the owner must ring, answer, refuse or [`Endpoint::challenge`]; there is no limit of ours.
    /// Unless that happens before [`Endpoint::poll`] gives `None`, a 100 goes out (RFC 3261, 17.2.1).
    Invited {
        /// The session it begins.
        session: SessionId,
        /// Where it came from.
        flow: Flow,
        /// The INVITE.
        message: Message,
        /// The session whose place this one is to take (RFC 3891), if the owner takes it up: then the owner hangs that one up once this is
        /// answered. Whether who calls may do so is for the owner to say (5): he named both tags, which proves that he saw its messages.
        /// Only with [`Extras::transfers`].
        replaces: Option<SessionId>,
    },
    /// Something happened in a session.
    Session {
        /// Which one.
        session: SessionId,
        /// What.
        event: SessionEvent,
    },
    /// The final response to a request of ours outside any dialog ([`Endpoint::request`]).
    Answered {
        /// Which one.
        request: RequestId,
        /// What it came by.
        flow: Flow,
        /// The response, 200 to 699. Its CSeq number is higher than that of the request if that was challenged on the way.
        message: Message,
        /// Why its challenge was not answered, of a 401 or 407 to a request with an account.
        unproven: Option<Unproven>,
    },
    /// A request of ours outside any dialog will not be answered.
    Unanswered {
        /// Which one.
        request: RequestId,
        /// The CSeq number that it had last.
        cseq: u32,
        /// Why.
        why: Unanswered,
    },
}

/// What happens in a session. The last one is `Refused` or `Ended`, exactly once for every session, also for one that the
/// owner itself refused; only of one that it challenged ([`Endpoint::challenge`]) nothing is told any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// As caller: a provisional response above 100; a reliable one (RFC 3262) is acknowledged already, and told once.
    Ringing {
        /// 101 to 198.
        status: u16,
        /// An answer for early media. One that came reliably holds for this fork: its later responses bring none.
        sdp: Option<Bytes>,
        /// Who rings, so that the early media of one can be told from another's (B-53). `None` without a To tag, and for more forks than are
        /// remembered.
        fork: Option<Fork>,
    },
    /// As caller: one that rang does so no more (RFC 6228; or it does not know of the call any more). Others may.
    ForkEnded {
        /// Which one.
        fork: Fork,
    },
    /// As callee: the PRACK brought the answer to our offer in [`Endpoint::ring`], which it was if the INVITE had none.
    EarlyAnswered {
        /// The answer.
        sdp: Bytes,
    },
    /// As caller: a 2xx, ACKed already.
    Answered {
        /// The answer to our offer: that of the same fork's provisional response if it came reliably, else that of the 2xx, and if this has
        /// none, that of the fork's last provisional response (B-53). After an UPDATE, what the fork said last.
        sdp: Option<Bytes>,
    },
    /// As callee: the ACK arrived.
    Confirmed {
        /// The answer, if our 2xx held the offer, or a reliable response before it; which it did when the INVITE (see
        /// [`EndpointOutput::Invited`]) had no body.
        /// `None` in that case is a peer that broke RFC 3261, 13.2.1: there is a session and nothing agreed. If our 2xx held the
        /// answer, this is `None` whatever the ACK carries.
        sdp: Option<Bytes>,
    },
    /// A re-INVITE, or an UPDATE with an offer: the owner must [`Endpoint::answer_reoffer`]. One that says again what is agreed already,
    /// on the same flow, only refreshes the session: it is answered here, and not told. An UPDATE may come before the session is confirmed, once
    /// the first offer was answered reliably (RFC 3311).
    Reoffered {
        /// Their offer; none asks for ours.
        sdp: Option<Bytes>,
        /// What it came by: another than before when the peer has moved (a new address, a new mapping in its NAT), so that its media
        /// come from elsewhere too.
        flow: Flow,
        /// Who offers, while nobody has answered our call.
        fork: Option<Fork>,
    },
    /// The ACK of a re-INVITE.
    Reconfirmed {
        /// The answer, if our 2xx held the offer, which it did when [`SessionEvent::Reoffered`] had none; as in `Confirmed`. `None` in
        /// that case: our offer was not answered, and what was agreed before holds for both sides.
        sdp: Option<Bytes>,
    },
    /// [`Endpoint::reoffer`] was accepted, and ACKed already; or a refresh of ours was, and the peer used it to change something.
    ReofferAnswered {
        /// Their answer. `None` is a peer that broke RFC 3261, 13.2.1: what was agreed before still is.
        sdp: Option<Bytes>,
    },
    /// [`Endpoint::reoffer`] was refused: the session is as it was (14.1).
    ReofferRefused {
        /// 300 to 699; 408 when nothing final was said within three minutes.
        status: u16,
    },
    /// An INFO (RFC 6086), answered with 200 already.
    Info {
        /// Its Content-Type.
        content_type: Bytes,
        /// Its body.
        body: Bytes,
    },
    /// A text (RFC 3428): the owner must [`Endpoint::answer_text`] within 64*T1. Only with [`Extras::messages`].
    Message {
        /// What to answer.
        tx: ServerTx,
        /// Its Content-Type: a text's.
        content_type: Bytes,
        /// Its body, at most [`TEXT_OCTETS_MAX`] octets.
        body: Bytes,
    },
    /// A REFER (RFC 3515): the peer wants us to call somebody else in its place. The owner must [`Endpoint::answer_refer`] within 64*T1.
    /// Only with [`Extras::transfers`], and only in a confirmed session.
    Referred {
        /// Which one.
        refer: ReferId,
        /// Whom to call: a `sip:`, `sips:` or `tel:` URI without headers. It is what a peer says: whether that may be called is asked as if
        /// the peer had dialled it (B-55).
        to: Bytes,
        /// With whom the peer is in contact already (RFC 5589, 7): the call goes to that one, and takes the place of the dialog named here, if
        /// this server has it ([`Endpoint::session_named`]).
        replaces: Option<Box<Replaces>>,
        /// The URI of Referred-By (RFC 3892), which proves nothing.
        referred_by: Option<Bytes>,
    },
    /// As caller: a final refusal, ACKed already. The session is over.
    Refused {
        /// 300 to 699.
        status: u16,
    },
    /// The session is over.
    Ended {
        /// Why.
        why: EndReason,
    },
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// They sent BYE.
    Bye,
    /// As callee: they sent CANCEL; 487 was sent.
    Cancelled,
    /// We hung up or refused, and the wire knows.
    HungUp,
    /// As caller: `ring_s` is over. Told at once; the CANCEL is still on its way.
    NoAnswer,
    /// As caller: nothing was heard for 64*T1 (timer B), or the host is unreachable.
    Timeout,
    /// As callee: our 2xx was never ACKed (13.3.1.4); BYE was sent.
    NoAck,
    /// As callee: our reliable provisional response was never acknowledged (RFC 3262, 3); 504 was sent (B-47).
    NoPrack,
    /// 481, 408 or nothing to a request within the session (12.2.1.2); BYE was sent.
    DialogLost,
    /// The session timer ran out: nobody refreshed the session in time (RFC 4028, 10; B-49); BYE was sent.
    Expired,
}

/// The SIP endpoint. One for all sockets; its owner routes by [`Flow`].
#[derive(Debug)]
pub struct Endpoint {
    settings: EndpointSettings,
    wire: Wire,
    transactions: Transactions,
    sessions: Table<Session>,
    by_tag: HashMap<Tag, SessionId, Spread>,
    accounts: Table<Answerer>,
    asked: Table<outside::Asked>,
    subscriptions: Subscriptions,
    hash: Keyed,
    /// How many times each timer has fired.
    fired: BTreeMap<&'static str, u64>,
}

impl Endpoint {
    /// `seed` gives tags, branches and Call-IDs, which must not be guessable.
    #[must_use]
    pub fn new(settings: EndpointSettings, seed: [u8; 32]) -> Self {
        let mut wire = Wire::new(settings.timers.sane(), seed);
        let transactions = Transactions::new(&mut wire, settings.limits());
        let hash = Keyed::new(&mut wire);
        let by_tag = HashMap::with_hasher(Spread::default());
        Self {
            settings,
            transactions,
            sessions: Table::new(),
            by_tag,
            accounts: Table::new(),
            asked: Table::new(),
            subscriptions: Subscriptions::new(),
            hash,
            wire,
            fired: BTreeMap::new(),
        }
    }

    /// What to do next; drained after every input. An INVITE that is still without a response when nothing else is left gets its
    /// 100 then, which is far within 200 ms (B-21) and spares those that are answered at once.
    pub fn poll(&mut self) -> Option<EndpointOutput> {
        if self.wire.output.is_empty() {
            self.keep_held();
        }
        if self.wire.output.is_empty() {
            self.transactions.try_next(&mut self.wire);
        }
        self.wire.output.pop_front()
    }

    /// When [`Endpoint::wake`] is due, and the letter of the timer that asks (RFC 3261, table 4).
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        self.wire.timers.earliest().map(|(at, timer)| (at, timer.letter()))
    }

    /// Lets every timer act that is due.
    pub fn wake(&mut self, now: Instant) {
        while let Some((owner, timer)) = self.wire.timers.pop_due(now) {
            *self.fired.entry(timer.letter()).or_default() += 1;
            match owner {
                Owner::Client(tx) => {
                    if let Some(purpose) = self.transactions.client_timer(&mut self.wire, now, tx, timer) {
                        self.unheard(now, purpose, Unanswered::Timeout);
                    }
                }
                Owner::Server(tx) => {
                    if let Some(session) = self.transactions.server_timer(&mut self.wire, now, tx, timer) {
                        self.send_next(now, session);
                    }
                }
                Owner::Session(id) => self.session_timer(now, id, timer),
                Owner::Subscription(id) => self.subscription_timer(now, id, timer),
            }
        }
    }

    /// How many times each timer has fired since the start, by its letter or its words (see [`Endpoint::timeout`]).
    pub fn fired(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.fired.iter().map(|(timer, count)| (*timer, *count))
    }

    /// The network says that nobody is at `remote` (ICMP, a reset stream): what waits for it fails at once (RFC 3261, 17.1.4).
    pub fn unreachable(&mut self, now: Instant, remote: SocketAddr) {
        let failed = self.transactions.unreachable(&mut self.wire, remote);
        self.all_failed(now, failed, Unanswered::Unreachable);
    }

    /// Nothing more comes by the stream `flow`, whoever ended it, or it could not be opened: what waits for it fails at once, as by
    /// [`Endpoint::unreachable`] (RFC 5923; B-16). An INVITE that was heard to ring may still be answered by a new stream, so it waits
    /// on. A response that is still to be given is sent the same way as before: whoever writes it knows whether the peer still reads
    /// there, and where it goes if not ([`crate::message::return_flow`]; RFC 3261, 18.2.2).
    ///
    /// Who is told by it what others do is told nothing until it has another stream ([`Endpoint::subscriber_moved`]), and then all at once.
    pub fn flow_closed(&mut self, now: Instant, flow: Flow) {
        self.subscriptions.lose(flow);
        let failed = self.transactions.flow_closed(&mut self.wire, flow);
        self.all_failed(now, failed, Unanswered::FlowLost);
    }

    /// A peer that was reached by `old` is reached by `new` from now on: it has registered again from elsewhere, or over a new stream. What
    /// its sessions ask it goes there (RFC 5626, 5.3).
    pub fn flow_moved(&mut self, old: Flow, new: Flow) {
        for session in self.sessions.iter_mut() {
            session.move_flow(old, new);
        }
    }

    /// What the peer of a session is asked goes there. `None` for a session that is over, and while we call and nobody has answered.
    #[must_use]
    pub fn flow_of(&self, session: SessionId) -> Option<Flow> {
        self.sessions.get(session.0)?.flow()
    }

    fn all_failed(&mut self, now: Instant, failed: Vec<Purpose>, why: Unanswered) {
        for purpose in failed {
            match purpose {
                // Nobody will answer the INVITE either.
                Purpose::Cancel(id) => self.abandon(now, id),
                purpose => self.unheard(now, purpose, why),
            }
        }
    }

    /// The final response to a [`EndpointOutput::Request`]; ignored when it was given already or nobody waits any more.
    /// `reason` replaces the usual phrase. Where there is no room to keep it for repetitions, it is sent once, and the request is a new one
    /// if it comes again.
    pub fn respond(&mut self, now: Instant, tx: ServerTx, status: u16, reason: Option<&str>, headers: &[(&str, String)]) {
        if !(200..=699).contains(&status) || self.transactions.server(tx).is_none_or(|server| server.session.is_some()) {
            return;
        }
        if self.transactions.held() == Some(tx) && !self.transactions.has_room_outside() {
            return self.answer_once(tx, (status, reason.unwrap_or_default()), headers);
        }
        let Some(mut head) = self.head(tx, status, reason.unwrap_or_default()) else { return };
        for (name, value) in headers {
            head.header(name, value);
        }
        self.transactions.reply(&mut self.wire, now, tx, status, head.end());
    }

    /// Answers a [`EndpointOutput::Request`] of a stranger: exactly once and without keeping anything, so that strangers hold no
    /// state of ours and get no repetitions sent to whom they please (RFC 3261, 26.3.2.4). The same request again is a new
    /// `Request`. `status` is 300 to 699 (401, 403, ..; others become 500). Ignored like [`Endpoint::respond`].
    pub fn challenge_request(&mut self, _now: Instant, tx: ServerTx, status: u16, headers: &[(&str, String)]) {
        if self.transactions.server(tx).is_some_and(|server| server.session.is_none()) {
            self.answer_once(tx, (refusal(status), ""), headers);
        }
    }

    /// Whether [`Endpoint::invite`] would find room now. It may still find that the parts make no message.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.sessions.len() < self.settings.sessions_max && self.transactions.has_room()
    }

    /// New settings: user agent, addresses, limits, session timers and base timers. Nothing ends because a limit is lower now, and a timer
    /// that runs is not set anew.
    ///
    /// They hold from the next message on, in sessions that are up too: these name the new addresses, and a refresh is judged and answered
    /// by the new bounds of session timers. One that asks for less than a raised `session_min_s` gets 422 (RFC 4028, 9); the session
    /// then lasts as long as was agreed before, unless the peer asks again for more (7.3).
    pub fn reconfigure(&mut self, settings: EndpointSettings) {
        self.wire.values = settings.timers.sane();
        self.transactions.set_limits(settings.limits());
        self.settings = settings;
    }

    /// How this endpoint was set up.
    #[must_use]
    pub fn settings(&self) -> &EndpointSettings {
        &self.settings
    }

    /// Sessions that are not over, among them those whose end was told and that only wait for the wire.
    #[must_use]
    pub fn live(&self) -> usize {
        self.sessions.len()
    }

    /// Transactions that are not over.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    fn session_timer(&mut self, now: Instant, id: SessionId, timer: Timer) {
        match timer {
            Timer::Again2xx => self.repeat_answer(now, id),
            Timer::NoAck => self.no_ack(now, id),
            Timer::Again1xx => self.repeat_provisional(now, id),
            Timer::AgainReliable => self.repeat_reliable(now, id),
            Timer::NoPrack => self.no_prack(now, id),
            Timer::Ring => self.ring_limit(now, id),
            Timer::Cancelled => self.abandon(now, id),
            Timer::Retry => self.retry_ours(now, id),
            Timer::Undecided => self.cancel_ours(now, id),
            Timer::Refresh => self.refresh(now, id),
            Timer::Expires => self.expired(now, id),
            Timer::Refer => self.refer_timer(now, id),
            _ => {}
        }
    }

    /// A client transaction failed without a final response.
    fn unheard(&mut self, now: Instant, purpose: Purpose, why: Unanswered) {
        match purpose {
            Purpose::Invite(id) => {
                if why == Unanswered::Timeout || !self.invite_instead(now, id) {
                    self.invite_failed(now, id, SessionEvent::Ended { why: EndReason::Timeout });
                }
            }
            Purpose::Bye(id) => self.left(now, id),
            Purpose::Probe(id) => self.dialog_lost(now, id),
            // RFC 5057, 5.1: silence counts as 408, which ends the session. That the way is gone counts as 503 (RFC 3261, 8.1.3.1), which ends the
            // request alone: a phone whose stream broke comes back by another one.
            Purpose::Info(id) if why == Unanswered::Timeout => self.dialog_lost(now, id),
            Purpose::Reoffer(id) => {
                self.early_lost(now, id);
                self.dialog_lost(now, id);
            }
            Purpose::Prack(id, fork) => self.prack_unheard(now, id, fork),
            Purpose::Refer(id, refer) => self.refer_notified(now, id, refer, 0),
            Purpose::Outside(id) => self.unanswered(id, why),
            Purpose::Notify(id) => self.notified(now, id, None),
            Purpose::Cancel(_) | Purpose::Nobody(_) | Purpose::Info(_) | Purpose::Text(_) => {}
        }
    }

    /// The head of a response to what waits under `tx`, with our tag; `None` once the final response was sent.
    fn head(&self, tx: ServerTx, status: u16, reason: &str) -> Option<Writer> {
        let server = self.transactions.server(tx)?;
        let mut head = tagged_head(server.request.as_ref()?, server.source, status, reason, Some(&server.tag.text()));
        if !self.settings.user_agent.is_empty() {
            head.header("Server", &self.settings.user_agent);
        }
        Some(head)
    }

    /// The owner has not said that it is a stranger's, so it becomes a transaction, if there is room for one.
    fn keep_held(&mut self) {
        let Some(tx) = self.transactions.held() else { return };
        let is_of_no_call = self.transactions.server(tx).is_some_and(|server| server.session.is_none());
        if is_of_no_call && !self.transactions.has_room_outside() {
            let seconds = self.retry_after();
            return self.answer_once(tx, (503, ""), &[("Retry-After", seconds)]);
        }
        self.transactions.keep_waiting(&mut self.wire);
    }

    /// Nothing is told after the end.
    fn tell(&mut self, session: SessionId, event: SessionEvent) {
        if self.sessions.get(session.0).is_some_and(|session| !session.told) {
            self.wire.output.push_back(EndpointOutput::Session { session, event });
        }
    }

    /// The session is over for its owner, who is told exactly once.
    fn tell_end(&mut self, id: SessionId, event: SessionEvent) {
        if let Some(session) = self.sessions.get_mut(id.0)
            && !std::mem::replace(&mut session.told, true)
        {
            self.wire.output.push_back(EndpointOutput::Session { session: id, event });
        }
    }

    /// The session is over, also for the wire.
    fn end(&mut self, now: Instant, id: SessionId, why: EndReason) {
        self.tell_end(id, SessionEvent::Ended { why });
        self.drop_session(now, id);
    }

    fn drop_session(&mut self, now: Instant, id: SessionId) {
        self.release_all(now, id);
        if let Some(mut session) = self.sessions.remove(id.0) {
            if let Some(tx) = session.open_reinvite() {
                self.transactions.hurry(&mut self.wire, now, tx);
            }
            session.disarm(&mut self.wire.timers);
            self.by_tag.remove(&session.tag);
        }
    }

    /// Makes room for a session; `make` is told its id.
    fn add_session(&mut self, tag: Tag, make: impl FnOnce(SessionId) -> Stage) -> SessionId {
        let id = SessionId(self.sessions.insert_with(|id| Session { tag, told: false, login: None, stage: make(SessionId(id)) }));
        self.by_tag.insert(tag, id);
        id
    }

    /// A session description as we know it again.
    fn hash_of(&self, sdp: &[u8]) -> Sdp {
        Sdp(self.hash.of(&[sdp]))
    }

    /// A tag that no session has.
    fn fresh_tag(&mut self) -> Tag {
        loop {
            let tag = self.wire.draw_tag();
            if !self.by_tag.contains_key(&tag) {
                return tag;
            }
        }
    }
}

/// A status that refuses; 500 for one that does not.
fn refusal(status: u16) -> u16 {
    if (300..=699).contains(&status) { status } else { 500 }
}

/// 13.3.1.1: a provisional response every minute, so that no proxy's timer C runs out.
const PROVISIONAL_PAUSE: Duration = Duration::from_secs(60);
/// 16.6: timer C "MUST be larger than 3 minutes"; what stands for a ring limit of 0, and what a re-INVITE has.
const TIMER_C_S: u64 = 181;
