//! What an INVITE session knows before it is confirmed: the provisional responses that are acknowledged (RFC 3262), and what is offered and
//! answered within early dialogs (RFC 3311).

use std::time::Duration;

use bytes::Bytes;

use crate::{
    dialog::Dialog,
    endpoint::{Fork, Reliable},
    message::{Message, Method, Name},
    session::{Agreed, Calling, Incoming, Ours, Progress, Reoffer, Session, Stage, Stop, disarm},
    terms,
    timer::{Armed, TimerQueue},
    transaction::{ClientTx, Owner},
};

/// The option tag of reliable provisional responses.
pub(crate) const RELIABLE: &str = "100rel";
/// RFC 3262, 3: the first RSeq is "chosen uniformly between 1 and 2**31 - 1".
pub(crate) const RSEQ_START_MAX: u32 = 0x7fff_ffff;

/// Whether a caller can do with reliable provisional responses (RFC 3262, 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// It knows of none.
    Nothing,
    /// It takes them.
    Supports,
    /// It takes no others.
    Requires,
}

impl Wants {
    pub(crate) fn of(invite: &Message) -> Self {
        if names(invite, Name::Require) {
            Self::Requires
        } else if names(invite, Name::Supported) {
            Self::Supports
        } else {
            Self::Nothing
        }
    }
}

/// How a provisional response goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Plainly,
    Reliably,
    /// The caller takes only what it would have to take for an offer, and there is none yet.
    NotYet,
}

/// Our reliable provisional responses to an INVITE: one unacknowledged at a time, in order.
#[derive(Debug)]
pub(crate) struct Provisionals {
    pub(crate) wants: Wants,
    /// The RSeq of the newest.
    pub(crate) last: Option<u32>,
    pub(crate) unacked: Option<Box<Unpracked>>,
    /// Goes out next: its status, and our description. A newer one takes its place.
    pub(crate) waiting: Option<(u16, Option<Bytes>)>,
}

/// A reliable provisional response that is repeated until its PRACK.
#[derive(Debug)]
pub(crate) struct Unpracked {
    pub(crate) rseq: u32,
    pub(crate) status: u16,
    pub(crate) response: Bytes,
    pub(crate) has_sdp: bool,
    pub(crate) pause: Duration,
    pub(crate) again: Armed,
    pub(crate) limit: Armed,
}

/// What a PRACK acknowledges: the RSeq, and the CSeq number of the INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RAck {
    pub(crate) rseq: u32,
    pub(crate) number: u32,
}

/// Offers and answers within an early dialog.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// What the INVITE and a reliable response to it agreed on, and every offer since.
    pub(crate) agreed: Option<Agreed>,
    /// Our description in a reliable response to an INVITE without an offer, until the PRACK brings its answer.
    pub(crate) offered: Option<Bytes>,
    /// Their newest description.
    pub(crate) sdp: Option<Bytes>,
    /// Their UPDATE, or PRACK with an offer, that the owner has to answer; and what it offers.
    pub(crate) reoffer: Option<Reoffer>,
    pub(crate) asked: Option<Bytes>,
    /// Our UPDATE, or what is to become one.
    pub(crate) ours: Option<Box<Ours>>,
    /// The owner's next offer, while `ours` is on its way.
    pub(crate) next: Option<Bytes>,
    /// What was agreed first is not in force any more.
    pub(crate) changed: bool,
    /// The peer's newest Allow has UPDATE.
    pub(crate) peer_updates: bool,
}

/// An early dialog of an INVITE of ours.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) fork: Fork,
    pub(crate) dialog: Dialog,
    pub(crate) exchange: Exchange,
    /// The RSeq of the newest reliable response that was taken.
    pub(crate) rseq: Option<u32>,
    pub(crate) prack: Prack,
    /// 199, or nobody there knows of it. Kept so that what comes late does not begin it anew.
    pub(crate) is_over: bool,
}

/// Where the newest PRACK of an early dialog stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prack {
    /// None, or answered with a 2xx.
    Done,
    Sent(ClientTx),
    /// It was refused in a way that leaves the dialog: the response that comes again is acknowledged anew.
    Refused,
}

/// How a reliable response follows on the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Next,
    Again,
    Gap,
}

/// One early dialog of either role.
pub(crate) struct EarlyDialog<'s> {
    pub(crate) dialog: &'s mut Dialog,
    pub(crate) exchange: &'s mut Exchange,
    /// `None` as callee.
    pub(crate) fork: Option<Fork>,
    /// Nothing of RFC 3262 is open that an UPDATE of ours would overtake, and the call goes on.
    pub(crate) is_quiet: bool,
}

impl Provisionals {
    pub(crate) fn new(wants: Wants) -> Self {
        Self { wants, last: None, unacked: None, waiting: None }
    }

    /// How a response goes out, with a description or without. `owes_offer`: the INVITE had none, so the first reliable response has ours
    /// (RFC 3261, 13.2.1).
    pub(crate) fn way(&self, how: Reliable, has_sdp: bool, owes_offer: bool) -> Way {
        let is_reliable = match self.wants {
            Wants::Nothing => false,
            Wants::Supports => match how {
                Reliable::Never => false,
                Reliable::WithSdp => has_sdp,
                Reliable::Always => true,
            },
            Wants::Requires => true,
        };
        let has_sdp = has_sdp || matches!(self.waiting, Some((_, Some(_))));
        match is_reliable {
            false => Way::Plainly,
            true if has_sdp || !owes_offer => Way::Reliably,
            true if self.wants == Wants::Requires => Way::NotYet,
            true => Way::Plainly,
        }
    }

    /// RFC 3262, 3: "If ... any of the unacknowledged reliable provisional responses contained a session description ... it MUST NOT send a
    /// final response", a 2xx that is.
    pub(crate) fn holds_answer(&self) -> bool {
        self.unacked.as_ref().is_some_and(|unacked| unacked.has_sdp)
    }

    pub(crate) fn disarm(&mut self, timers: &mut TimerQueue<Owner>) {
        if let Some(unacked) = self.unacked.take() {
            timers.disarm(unacked.again);
            timers.disarm(unacked.limit);
        }
    }
}

impl RAck {
    /// `776656 1 INVITE` (RFC 3262, 7.2). `None` for what cannot be read, or acknowledges no response to an INVITE.
    pub(crate) fn of(prack: &Message) -> Option<Self> {
        let mut words = prack.header(Name::RAck)?.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (rseq, number, method) = (number(words.next()?)?, number(words.next()?)?, words.next()?);
        (words.next().is_none() && Method::of(method) == Method::Invite).then_some(Self { rseq, number })
    }
}

impl Exchange {
    pub(crate) fn new(peer_updates: bool) -> Self {
        Self { peer_updates, ..Self::default() }
    }

    /// A description of ours went out in a reliable response.
    pub(crate) fn is_begun(&self) -> bool {
        self.agreed.is_some() || self.offered.is_some()
    }

    /// Whether `tx` is the UPDATE of ours that it waits for.
    pub(crate) fn has_sent(&self, tx: ClientTx) -> bool {
        matches!(self.ours.as_deref(), Some(Ours { progress: Progress::Sent { tx: sent, .. }, .. }) if *sent == tx)
    }

    /// Whether an offer is open.
    pub(crate) fn ours_or_theirs(&self) -> bool {
        self.reoffer.is_some() || self.sent().is_some()
    }

    /// Our UPDATE on its way.
    pub(crate) fn sent(&self) -> Option<ClientTx> {
        match self.ours.as_deref() {
            Some(Ours { progress: Progress::Sent { tx, .. }, .. }) => Some(*tx),
            _ => None,
        }
    }

    pub(crate) fn disarm(&mut self, timers: &mut TimerQueue<Owner>) {
        if let Some(ours) = self.ours.as_deref_mut() {
            ours.disarm(timers);
        }
    }
}

impl Early {
    pub(crate) fn new(fork: Fork, dialog: Dialog) -> Self {
        Self { fork, dialog, exchange: Exchange::default(), rseq: None, prack: Prack::Done, is_over: false }
    }

    /// RFC 3262, 4: how a response with this RSeq follows on what was taken.
    pub(crate) fn turn(&self, rseq: u32) -> Turn {
        match self.rseq {
            None => Turn::Next,
            Some(last) if last.checked_add(1) == Some(rseq) => Turn::Next,
            Some(last) if last == rseq => Turn::Again,
            Some(_) => Turn::Gap,
        }
    }
}

impl Calling {
    /// Makes room for one more early dialog, at most `max`; one that is over gives way.
    pub(crate) fn add_early(&mut self, dialog: Dialog, max: usize) {
        if self.early.len() >= max {
            let Some(over) = self.early.iter().position(|early| early.is_over) else { return };
            self.early.remove(over);
        }
        self.forks = self.forks.saturating_add(1);
        self.early.push(Early::new(Fork(self.forks), dialog));
    }

    pub(crate) fn fork(&mut self, fork: Fork) -> Option<&mut Early> {
        self.early.iter_mut().find(|early| early.fork == fork && !early.is_over)
    }
}

impl Session {
    /// The first early dialog that is as `wanted`.
    pub(crate) fn early(&mut self, wanted: impl Fn(&Dialog, &Exchange) -> bool) -> Option<EarlyDialog<'_>> {
        match &mut self.stage {
            Stage::Incoming(Incoming { dialog, exchange, provisionals, answer, .. }) => wanted(dialog, exchange).then_some(EarlyDialog {
                dialog,
                exchange,
                fork: None,
                is_quiet: provisionals.unacked.is_none() && answer.is_none(),
            }),
            Stage::Calling(calling) => {
                let goes_on = matches!(calling.stop, Stop::No);
                let early = calling.early.iter_mut().find(|early| !early.is_over && wanted(&early.dialog, &early.exchange))?;
                let is_quiet = goes_on && early.prack == Prack::Done;
                Some(EarlyDialog { dialog: &mut early.dialog, exchange: &mut early.exchange, fork: Some(early.fork), is_quiet })
            }
            Stage::Talking(_) | Stage::Leaving(_) => None,
        }
    }

    /// All that early dialogs have open, taken out of them.
    pub(crate) fn take_exchanges(&mut self) -> Vec<Exchange> {
        match &mut self.stage {
            Stage::Incoming(incoming) => vec![std::mem::take(&mut incoming.exchange)],
            Stage::Calling(calling) => calling.early.iter_mut().map(|early| std::mem::take(&mut early.exchange)).collect(),
            Stage::Talking(_) | Stage::Leaving(_) => Vec::new(),
        }
    }

    /// Whether `prack` acknowledges what waits for it (RFC 3262, 3).
    pub(crate) fn awaits(&self, prack: &Message) -> bool {
        let awaited = match &self.stage {
            Stage::Incoming(Incoming { provisionals, number, .. }) => {
                provisionals.unacked.as_ref().map(|unacked| RAck { rseq: unacked.rseq, number: *number })
            }
            Stage::Talking(talking) => talking.late_prack,
            Stage::Calling(_) | Stage::Leaving(_) => None,
        };
        prack.method() == Method::Prack && awaited.is_some() && awaited == RAck::of(prack)
    }
}

/// The RSeq of a provisional response that is to be acknowledged (RFC 3262, 4); `None` for every other.
pub(crate) fn rseq_of(response: &Message) -> Option<u32> {
    let is_reliable = response.status() > 100 && names(response, Name::Require);
    number(response.header(Name::RSeq).filter(|_| is_reliable)?.trim_ascii())
}

/// An Allow that is not there says nothing new.
pub(crate) fn updates(message: &Message, before: bool) -> bool {
    terms::allows_update(message).unwrap_or(before)
}

fn names(message: &Message, name: Name) -> bool {
    message.values(name).any(|option: &[u8]| option.eq_ignore_ascii_case(RELIABLE.as_bytes()))
}

/// Digits alone, below 2^32.
fn number(text: &[u8]) -> Option<u32> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// As [`disarm`], for the timer of the minute as well.
pub(crate) fn disarm_incoming(incoming: &mut Incoming, timers: &mut TimerQueue<Owner>) {
    disarm(timers, incoming.again.take());
    incoming.provisionals.disarm(timers);
    incoming.exchange.disarm(timers);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn message(start: &str, headers: &str) -> Message {
        let method = start.split(' ').next().unwrap();
        let method = if method.starts_with("SIP") { "INVITE" } else { method };
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\
             {headers}\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    #[test]
    fn what_a_prack_acknowledges() {
        let rack = |value: &str| RAck::of(&message("PRACK sip:b@h SIP/2.0", &format!("RAck: {value}\r\n")));
        assert_eq!(rack("776656 1 INVITE"), Some(RAck { rseq: 776_656, number: 1 }));
        assert_eq!(rack("4294967295 \t 7  INVITE"), Some(RAck { rseq: u32::MAX, number: 7 }));
        for broken in ["", "1", "1 2", "1 2 UPDATE", "1 2 INVITE 3", "+1 2 INVITE", "1 -2 INVITE", "4294967296 1 INVITE", "a 1 INVITE"] {
            assert_eq!(rack(broken), None, "{broken}");
        }
        assert_eq!(RAck::of(&message("PRACK sip:b@h SIP/2.0", "")), None);
    }

    #[test]
    fn which_responses_are_reliable() {
        for (status, headers, expected) in [
            (180, "Require: 100rel\r\nRSeq: 7\r\n", Some(7)),
            (183, "Require: timer, 100REL\r\nRSeq: 0\r\n", Some(0)),
            (180, "Supported: 100rel\r\nRSeq: 7\r\n", None),
            (180, "RSeq: 7\r\n", None),
            (180, "Require: 100rel\r\n", None),
            (180, "Require: 100rel\r\nRSeq: seven\r\n", None),
            // RFC 3262, 4: "If the provisional response is a 100 (Trying) response, this option tag MUST be ignored".
            (100, "Require: 100rel\r\nRSeq: 7\r\n", None),
        ] {
            assert_eq!(rseq_of(&message(&format!("SIP/2.0 {status} X"), headers)), expected, "{status} {headers}");
        }
    }

    #[test]
    fn how_a_response_goes_out() {
        use Reliable::{Always, Never, WithSdp};
        for (wants, how, has_sdp, owes_offer, expected) in [
            (Wants::Nothing, Always, true, false, Way::Plainly),
            (Wants::Supports, Never, true, false, Way::Plainly),
            (Wants::Supports, WithSdp, true, false, Way::Reliably),
            (Wants::Supports, WithSdp, false, false, Way::Plainly),
            (Wants::Supports, Always, false, false, Way::Reliably),
            (Wants::Supports, Always, false, true, Way::Plainly),
            (Wants::Supports, Always, true, true, Way::Reliably),
            (Wants::Requires, Never, false, false, Way::Reliably),
            (Wants::Requires, Never, false, true, Way::NotYet),
            (Wants::Requires, Never, true, true, Way::Reliably),
        ] {
            assert_eq!(Provisionals::new(wants).way(how, has_sdp, owes_offer), expected, "{wants:?} {how:?} {has_sdp} {owes_offer}");
        }
    }
}
