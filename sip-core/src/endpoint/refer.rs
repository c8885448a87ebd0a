//! REFER within a session (RFC 3515): the peer asks that we call somebody else, and hears how that goes by NOTIFY (B-51).
//!
//! ```text
//!   REFER: told
//!     |
//!     v
//!   Asked ---- `answer_refer`: refused; 64*T1: over, nothing was promised
//!     |
//!     | `answer_refer`: 202                     with `Refer-Sub: false` (RFC 4488): 200, over
//!     v
//!   Open      NOTIFY 100, then what `notify_refer` says: one on its way at a time, the newest waits
//!     |
//!     | 180 s: renewed, as long as the owner is at it, and 15 minutes at most (2.4.4)
//!     | a final status; SUBSCRIBE with Expires 0; 15 minutes; the session ends: the last NOTIFY
//!     | 481 and the like to a NOTIFY, or silence: nobody listens, and the session goes on (RFC 5057, 5.1)
//!     v
//!    over
//! ```
//!
//! There is one at a time in a session; another gets 491. 503 would be the wrong word: with a Retry-After it tells the peer to leave this server
//! alone altogether (RFC 3261, 21.5.4), while 491 speaks of this dialog only (21.4.27).
//!
//! The answer is 202, as RFC 3515 has it. RFC 7647, 6 would rather have 200, and has everybody take 202 for the same; the phones of before know
//! 202 only.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{
    Endpoint, ServerTx, SessionEvent, SessionId,
    notify::{Left, ends_subscription, seconds_until},
    refusal,
};
use crate::{
    message::{Message, Method, Name, NameAddr, default_reason, seconds},
    session::{Stage, Talking},
    timer::{Armed, Timer},
    transaction::{Outgoing, Owner, Purpose},
    transfer::ReferTo,
};

/// Names a REFER within its session; never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferId(pub(crate) u32);

/// For how long at once the peer is told how its transfer goes, in seconds.
pub const REFER_S_MAX: u32 = 180;
/// So long before its end the subscription is renewed: phones that ring one after another may take longer.
const RENEW_AHEAD: Duration = Duration::from_secs(15);
/// A transfer of which nothing came in so long is none.
const LONGEST: Duration = Duration::from_secs(900);
/// When there is no room for a NOTIFY.
const NO_ROOM_PAUSE: Duration = Duration::from_secs(1);
/// The package, and what its NOTIFYs carry.
const EVENT: &[u8] = b"refer";
const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// A transfer that a session's peer asked for.
#[derive(Debug)]
pub(crate) struct Refer {
    /// The REFER's CSeq number, by which NOTIFYs name it (2.4.6).
    id: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The owner has not decided. `quiet`: the peer wants to hear nothing of it.
    Asked {
        tx: ServerTx,
        quiet: bool,
    },
    Open(Open),
}

/// The implicit subscription.
#[derive(Debug)]
struct Open {
    until: Instant,
    /// When it is over whatever comes.
    last: Instant,
    clock: Armed,
    /// What was said last.
    said: u16,
    /// What is to be said next.
    next: Option<u16>,
    /// A NOTIFY is on its way.
    sent: bool,
}

impl Refer {
    /// Its timer, once nothing is to be said any more.
    pub(crate) fn clock(&self) -> Option<Armed> {
        match &self.state {
            State::Asked { .. } => None,
            State::Open(open) => Some(open.clock),
        }
    }
}

impl Endpoint {
    /// Answers a [`SessionEvent::Referred`]: 202, and the peer hears of it by [`Endpoint::notify_refer`] for as long as [`REFER_S_MAX`]; or a
    /// final response from 300 on (others become 500). False: it is too late, and the peer was promised nothing.
    pub fn answer_refer(&mut self, now: Instant, session: SessionId, refer: ReferId, outcome: Result<(), u16>) -> bool {
        let Some(Refer { id, state: State::Asked { tx, quiet } }) = self.talking(session).and_then(|talking| talking.refer.as_deref())
        else {
            return false;
        };
        let (tx, quiet) = (*tx, *quiet);
        if *id != refer.0 {
            return false;
        }
        let is_open = self.transactions.request_of(tx).is_some();
        match outcome {
            Ok(()) if is_open => self.accept_refer(now, session, tx, quiet),
            Ok(()) => self.drop_refer(session),
            Err(status) => {
                self.drop_refer(session);
                self.refuse_invite(now, tx, refusal(status), "", &[]);
            }
        }
        is_open
    }

    /// Tells the peer how its transfer goes: 100 to 199 on the way, anything from 200 on is the end of it. Ignored when nobody listens (any more).
    pub fn notify_refer(&mut self, now: Instant, session: SessionId, refer: ReferId, status: u16) {
        if !(100..=699).contains(&status) {
            return;
        }
        let Some(open) = self.open_refer(session, Some(refer.0)) else { return };
        // What is final stays so.
        if open.next.is_none_or(|next| next < 200) {
            open.next = Some(status);
            self.send_refer(now, session);
        }
    }

    /// A REFER in order.
    pub(super) fn referred(&mut self, now: Instant, id: SessionId, tx: ServerTx, message: &Message) {
        let refuse = |endpoint: &mut Self, status| endpoint.refuse_invite(now, tx, status, "", &[]);
        let pending = match self.talking(id).map(|talking| (talking.leave.is_some(), talking.refer.as_deref())) {
            None | Some((true, _)) => return refuse(self, 481),
            Some((false, None)) => false,
            Some((false, Some(Refer { state: State::Asked { tx, .. }, .. }))) => {
                let tx = *tx;
                self.transactions.request_of(tx).is_some()
            }
            Some((false, Some(Refer { state: State::Open(_), .. }))) => true,
        };
        if pending {
            return refuse(self, 491);
        }
        let target = match ReferTo::of(message) {
            Ok(target) => target,
            Err(status) => return refuse(self, status),
        };
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        let quiet = message.header_named("Refer-Sub").is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"false"));
        let Some(talking) = self.talking(id) else { return };
        talking.refer = Some(Box::new(Refer { id: number, state: State::Asked { tx, quiet } }));
        let referred_by = message.header(Name::ReferredBy).and_then(|value| NameAddr::parse(value, Name::ReferredBy).ok());
        let referred_by = referred_by.map(|by| Bytes::copy_from_slice(by.uri));
        let event = SessionEvent::Referred { refer: ReferId(number), to: target.uri, replaces: target.replaces.map(Box::new), referred_by };
        self.tell(id, event);
    }

    fn accept_refer(&mut self, now: Instant, id: SessionId, tx: ServerTx, quiet: bool) {
        let status = if quiet { 200 } else { 202 };
        let (Some(mut head), Some(place)) = (self.head(tx, status, ""), self.place_of(tx)) else { return };
        head.own_contact(place);
        if quiet {
            head.header("Refer-Sub", "false");
        }
        self.transactions.reply(&mut self.wire, now, tx, status, head.end());
        if quiet {
            return self.drop_refer(id);
        }
        let until = now + Duration::from_secs(REFER_S_MAX.into());
        let clock = self.wire.timers.arm(until - RENEW_AHEAD, Owner::Session(id), Timer::Refer);
        let Some(Talking { refer: Some(refer), .. }) = self.talking(id) else { return };
        refer.state = State::Open(Open { until, last: now + LONGEST, clock, said: 100, next: Some(100), sent: false });
        self.send_refer(now, id);
    }

    /// A SUBSCRIBE within a session: it is about its REFER (2.4.4), or about nothing.
    pub(super) fn subscribed_inside(&mut self, now: Instant, id: SessionId, tx: ServerTx, message: &Message) {
        let (package, wanted) = event_of(message);
        if !package.eq_ignore_ascii_case(EVENT) {
            let packages = self.settings.extras.allow_events().to_owned();
            return self.refuse_invite(now, tx, 489, "", &[("Allow-Events", packages)]);
        }
        let expires = message.expires().unwrap_or(None).unwrap_or(REFER_S_MAX);
        let Some(open) = self.open_refer(id, wanted) else { return self.refuse_invite(now, tx, 481, "", &[]) };
        let left = if expires == 0 { 0 } else { seconds_until(now, open.until) };
        let said = open.said;
        let (Some(mut head), Some(place)) = (self.head(tx, 200, ""), self.place_of(tx)) else { return };
        head.own_contact(place).number_header("Expires", left, "");
        self.transactions.reply(&mut self.wire, now, tx, 200, head.end());
        if expires == 0 {
            return self.close_refer(now, id, "timeout");
        }
        let Some(open) = self.open_refer(id, wanted) else { return };
        open.next.get_or_insert(said);
        self.send_refer(now, id);
    }

    /// Sends what waits, unless a NOTIFY is on its way.
    fn send_refer(&mut self, now: Instant, id: SessionId) {
        let has_room = self.transactions.has_room_inside();
        let Some(open) = self.open_refer(id, None) else { return };
        let Some(status) = open.next.filter(|_| !open.sent) else { return };
        if !has_room {
            let (before, until) = (open.clock, open.until);
            self.wire.timers.disarm(before);
            let clock = self.wire.timers.arm(until.min(now + NO_ROOM_PAUSE), Owner::Session(id), Timer::Refer);
            if let Some(open) = self.open_refer(id, None) {
                open.clock = clock;
            }
            return;
        }
        if status >= 200 {
            return self.close_refer(now, id, "noresource");
        }
        (open.next, open.said, open.sent) = (None, status, true);
        let left = Left::until(now, open.until);
        self.notify(now, id, status, left, None);
    }

    /// One NOTIFY about the open REFER of a session, if it has one.
    fn notify(&mut self, now: Instant, id: SessionId, status: u16, left: Left, purpose: Option<Purpose>) {
        let branch = self.wire.draw_branch();
        let Some(Stage::Talking(Talking { dialog, refer: Some(refer), .. })) =
            self.sessions.get_mut(id.0).map(|session| &mut session.stage)
        else {
            return;
        };
        let number = refer.id;
        let purpose = purpose.unwrap_or(Purpose::Refer(id, ReferId(number)));
        let flow = dialog.flow;
        let mut writer = dialog.next_request(Method::Notify, self.settings.via(flow, branch));
        writer.own_contact(self.settings.place(flow));
        writer.parts("Event", &[EVENT, b";id=", number.to_string().as_bytes()]);
        left.write(&mut writer);
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        let frag = format!("SIP/2.0 {status} {}\r\n", default_reason(status));
        let bytes = writer.body(SIPFRAG, frag.as_bytes());
        self.transactions.request(&mut self.wire, now, Outgoing { flow, branch, method: Method::Notify, bytes, purpose });
    }

    /// Its last NOTIFY, if it is open; what nobody has answered yet gets 487 (RFC 3261, 15.1.2). Then there is none.
    pub(super) fn close_refer(&mut self, now: Instant, id: SessionId, why: &'static str) {
        let Some(refer) = self.talking(id).and_then(|talking| talking.refer.as_deref()) else { return };
        match &refer.state {
            State::Asked { tx, .. } => {
                let tx = *tx;
                self.refuse_invite(now, tx, 487, "", &[]);
            }
            State::Open(open) => {
                let said = open.next.unwrap_or(open.said);
                if self.transactions.has_room_inside() {
                    self.notify(now, id, said, Left::Nothing(why), Some(Purpose::Nobody(id)));
                }
            }
        }
        self.drop_refer(id);
    }

    fn drop_refer(&mut self, id: SessionId) {
        let Some(refer) = self.talking(id).and_then(|talking| talking.refer.take()) else { return };
        if let Some(clock) = refer.clock() {
            self.wire.timers.disarm(clock);
        }
    }

    /// Its time is over, or there may be room now.
    pub(super) fn refer_timer(&mut self, now: Instant, id: SessionId) {
        let Some(open) = self.open_refer(id, None) else { return };
        if open.until <= now {
            return self.close_refer(now, id, "timeout");
        }
        if now + RENEW_AHEAD >= open.until && open.until < open.last {
            open.until = (now + Duration::from_secs(REFER_S_MAX.into())).min(open.last);
            let said = open.said;
            open.next.get_or_insert(said);
        }
        let until = open.until;
        let at = until.checked_sub(RENEW_AHEAD).filter(|at| *at > now).unwrap_or(until);
        let clock = self.wire.timers.arm(at, Owner::Session(id), Timer::Refer);
        if let Some(open) = self.open_refer(id, None) {
            open.clock = clock;
        }
        self.send_refer(now, id);
    }

    /// A NOTIFY was answered; 0: it was not.
    pub(super) fn refer_notified(&mut self, now: Instant, id: SessionId, refer: ReferId, status: u16) {
        let Some(open) = self.open_refer(id, Some(refer.0)) else { return };
        open.sent = false;
        if ends_subscription(status) {
            self.drop_refer(id);
        } else {
            self.send_refer(now, id);
        }
    }

    /// The implicit subscription of a session, if it is the one that is `wanted`.
    fn open_refer(&mut self, id: SessionId, wanted: Option<u32>) -> Option<&mut Open> {
        let refer = self.talking(id)?.refer.as_deref_mut().filter(|refer| wanted.is_none_or(|wanted| wanted == refer.id))?;
        match &mut refer.state {
            State::Open(open) => Some(open),
            State::Asked { .. } => None,
        }
    }
}

/// The package of an Event header, and its `id` if it is a number.
fn event_of(message: &Message) -> (&[u8], Option<u32>) {
    let value = message.header(Name::Event).unwrap_or_default();
    let mut parts = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let package = parts.next().unwrap_or_default();
    let id = parts.find_map(|part| part.strip_prefix(b"id=")).and_then(seconds);
    (package, id)
}
