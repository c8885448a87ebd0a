//! The INVITE client transaction: RFC 3261, 17.1.1, as corrected by RFC 6026.
//!
//! ```text
//!   start: send INVITE, arm A (UDP) and B
//!     |
//!     v
//!   Calling -- 1xx: tell --> Proceeding      Calling:     A: send again; B, unreachable: tell, gone
//!     |                         |            Proceeding:  1xx: tell; once nobody waits any more: B: tell, gone
//!     +------------+------------+
//!     |                         |
//!     | 2xx: tell, arm M        | 300-699: tell, send ACK, arm D (TCP: 0 s)
//!     v                         v
//!   Accepted                Completed        Accepted:    2xx (again, or of another fork): tell
//!     |                         |            Completed:   300-699: send ACK again
//!     | M                       | D
//!     v                         v
//!    gone                      gone
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::{Clocks, Context, Fired, Heard, ack_refusal};
use crate::{message::Message, timer::Timer};

/// How many forks of one INVITE are ACKed; a 2xx of one more is left to run into its own time-out.
const FORKS_MAX: usize = 8;

#[derive(Debug)]
pub(crate) struct ClientInvite {
    state: State,
    /// The INVITE as sent: repeated by A, and what ACK and CANCEL are made from.
    request: Message,
    /// The pause before the next A.
    pause: Duration,
    /// The ACKs that went out, by the To tag of the response: one for a refusal, one for each fork that answered.
    acks: Vec<(Bytes, Bytes)>,
    /// Nobody waits for the outcome any more, so nobody else would end it.
    is_hurried: bool,
    clocks: Clocks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

impl ClientInvite {
    pub(super) fn start(cx: &mut Context<'_>, request: Message) -> Self {
        let mut clocks = Clocks::default();
        let pause = cx.values().t1;
        cx.send(request.bytes().clone());
        if cx.is_unreliable() {
            clocks.again(cx, Timer::A, pause);
        }
        let t64 = cx.values().t64();
        clocks.end(cx, Timer::B, t64);
        Self { state: State::Calling, request, pause, acks: Vec::new(), is_hurried: false, clocks }
    }

    pub(super) fn response(&mut self, cx: &mut Context<'_>, response: &Message) -> Heard {
        match (self.state, response.status()) {
            // 17.1.1.2: "Timer A and B ... no retransmission while in Proceeding".
            (State::Calling, 100..=199) => {
                self.clocks.stop(cx);
                self.state = State::Proceeding;
                if self.is_hurried {
                    self.limit(cx);
                }
                Heard::Tell
            }
            (State::Proceeding, 100..=199) => Heard::Tell,
            // RFC 6026, 7.2: the transaction stays to take in the 2xx of other forks and repeated ones.
            (State::Calling | State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                self.clocks.stop(cx);
                let t64 = cx.values().t64();
                self.clocks.end(cx, Timer::M, t64);
                Heard::Tell
            }
            (State::Accepted, 200..=299) => Heard::Tell,
            (State::Calling | State::Proceeding, 300..) => {
                self.clocks.stop(cx);
                let Some(ack) = ack_refusal(&self.request, response) else {
                    return Heard::TellAndGone;
                };
                cx.send(ack.clone());
                self.acks.push((Bytes::new(), ack));
                self.state = State::Completed;
                // 17.1.1.2: "a value of zero seconds for reliable transports". Who is told finds the INVITE still here, to send it anew.
                let d = if cx.is_unreliable() { cx.values().d() } else { Duration::ZERO };
                self.clocks.end(cx, Timer::D, d);
                Heard::Tell
            }
            // 17.1.1.2: our ACK was lost; "MUST be re-passed to the transport layer", not told again.
            (State::Completed, 300..) => {
                if let Some((_, ack)) = self.acks.first() {
                    cx.send(ack.clone());
                }
                Heard::Nothing
            }
            _ => Heard::Nothing,
        }
    }

    pub(super) fn timer(&mut self, cx: &mut Context<'_>, timer: Timer) -> Fired {
        match (self.state, timer) {
            (State::Calling, Timer::A) => {
                cx.send(self.request.bytes().clone());
                self.pause = self.pause.saturating_mul(2);
                self.clocks.again(cx, Timer::A, self.pause);
                Fired::Stay
            }
            (State::Calling | State::Proceeding, Timer::B) => Fired::TimedOut,
            (State::Completed, Timer::D) | (State::Accepted, Timer::M) => Fired::Gone,
            _ => Fired::Stay,
        }
    }

    /// Nobody waits for the outcome any more. While proceeding there is no limit but this: 64*T1 from now on, or from the first
    /// provisional response, if that is still to come.
    pub(super) fn hurry(&mut self, cx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.is_hurried, true) && self.state == State::Proceeding {
            self.limit(cx);
        }
    }

    fn limit(&mut self, cx: &mut Context<'_>) {
        let t64 = cx.values().t64();
        self.clocks.end(cx, Timer::B, t64);
    }

    pub(crate) fn request(&self) -> &Message {
        &self.request
    }

    /// Nothing was heard yet: a CANCEL must wait (9.1), and an unreachable peer ends it.
    pub(crate) fn is_calling(&self) -> bool {
        self.state == State::Calling
    }

    /// Keeps the ACK that answers the 2xx of the fork `tag`; false when there are too many forks.
    pub(crate) fn acked(&mut self, tag: Bytes, ack: Bytes) -> bool {
        let room = self.acks.len() < FORKS_MAX;
        if room {
            self.acks.push((tag, ack));
        }
        room
    }

    /// The ACK that already answered a 2xx of the fork `tag`.
    pub(crate) fn ack_of(&self, tag: &[u8]) -> Option<&Bytes> {
        self.acks.iter().find(|(known, _)| known == tag).map(|(_, ack)| ack)
    }

    /// Whether one more fork can be ACKed.
    pub(crate) fn has_room(&self) -> bool {
        self.acks.len() < FORKS_MAX
    }

    pub(super) fn clocks(&mut self) -> &mut Clocks {
        &mut self.clocks
    }
}
