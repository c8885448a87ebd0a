//! The INVITE server transaction: RFC 3261, 17.2.1, as corrected by RFC 6026.
//!
//! ```text
//!   start
//!     |
//!     v
//!   Proceeding                               Proceeding:  1xx of the owner, or 100 when he has none at once: send;
//!     |                                                   INVITE: last 1xx again
//!     |
//!     +-------------------------+
//!     |                         |
//!     | 2xx: send, arm L        | 300-699: send, arm G (UDP) and H
//!     v                         v
//!   Accepted                Completed        Accepted:    2xx of the owner: send; INVITE: absorbed; ACK: tell
//!     |                         |            Completed:   INVITE, G: final again; H: gone
//!     | L                       | ACK: arm I (TCP: gone)
//!     v                         v
//!    gone                   Confirmed        Confirmed:   INVITE, ACK: absorbed
//!                               |
//!                               | I
//!                               v
//!                              gone
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::{Clocks, Context, Fired, Heard};
use crate::timer::Timer;

#[derive(Debug)]
pub(super) struct ServerInvite {
    state: State,
    /// The last provisional while proceeding, the final one once completed.
    last: Bytes,
    pause: Duration,
    clocks: Clocks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
}

impl ServerInvite {
    pub(super) fn start(cx: &Context<'_>) -> Self {
        Self { state: State::Proceeding, last: Bytes::new(), pause: cx.values().t1, clocks: Clocks::default() }
    }

    /// 17.2.1: whether a 100 is owed, since the owner has given no response at once.
    pub(super) fn is_untried(&self) -> bool {
        self.state == State::Proceeding && self.last.is_empty()
    }

    /// The 100 was sent.
    pub(super) fn tried(&mut self, trying: Bytes) {
        self.last = trying;
    }

    /// The same INVITE came again.
    pub(super) fn again(&mut self, cx: &mut Context<'_>) {
        if matches!(self.state, State::Proceeding | State::Completed) && !self.last.is_empty() {
            cx.send(self.last.clone());
        }
    }

    /// A response of the owner. A 2xx may come many times: repeating it until the ACK is the owner's task (13.3.1.4).
    pub(super) fn reply(&mut self, cx: &mut Context<'_>, status: u16, response: Bytes) {
        match (self.state, status) {
            (State::Proceeding, 100..=199) => {
                cx.send(response.clone());
                self.last = response;
            }
            (State::Proceeding, 200..=299) => {
                cx.send(response);
                self.last = Bytes::new();
                self.state = State::Accepted;
                let t64 = cx.values().t64();
                self.clocks.end(cx, Timer::L, t64);
            }
            (State::Accepted, 200..=299) => cx.send(response),
            (State::Proceeding, 300..) => {
                cx.send(response.clone());
                self.last = response;
                self.state = State::Completed;
                if cx.is_unreliable() {
                    self.clocks.again(cx, Timer::G, self.pause);
                }
                let t64 = cx.values().t64();
                self.clocks.end(cx, Timer::H, t64);
            }
            _ => {}
        }
    }

    /// An ACK that belongs to this transaction: `Tell` when it is for a 2xx.
    pub(super) fn ack(&mut self, cx: &mut Context<'_>) -> Heard {
        match self.state {
            State::Completed => {
                self.clocks.stop(cx);
                if !cx.is_unreliable() {
                    return Heard::Gone;
                }
                self.state = State::Confirmed;
                self.last = Bytes::new();
                let t4 = cx.values().t4;
                self.clocks.end(cx, Timer::I, t4);
                Heard::Nothing
            }
            // RFC 6026, 7.1: an ACK that matches here (a peer that kept the branch) is the owner's.
            State::Accepted => Heard::Tell,
            State::Proceeding | State::Confirmed => Heard::Nothing,
        }
    }

    pub(super) fn timer(&mut self, cx: &mut Context<'_>, timer: Timer) -> Fired {
        match (self.state, timer) {
            (State::Completed, Timer::G) => {
                cx.send(self.last.clone());
                self.pause = self.pause.saturating_mul(2).min(cx.values().t2);
                self.clocks.again(cx, Timer::G, self.pause);
                Fired::Stay
            }
            (State::Completed, Timer::H) => Fired::TimedOut,
            (State::Confirmed, Timer::I) | (State::Accepted, Timer::L) => Fired::Gone,
            _ => Fired::Stay,
        }
    }

    /// No final response yet: a CANCEL still has an effect.
    pub(super) fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    /// It was refused, and the ACK of that has not come.
    pub(super) fn awaits_ack(&self) -> bool {
        self.state == State::Completed
    }

    pub(super) fn clocks(&mut self) -> &mut Clocks {
        &mut self.clocks
    }
}
