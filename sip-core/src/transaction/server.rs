//! The non-INVITE server transaction: RFC 3261, 17.2.2.
//!
//! ```text
//!   start: once kept, arm J as a limit for the owner
//!     |
//!     v
//!   Trying                                   Trying:      request: absorbed; J: gone, nobody waits any more
//!     |
//!     | 200-699 of the owner: send, arm J (TCP: gone)
//!     v
//!   Completed                                Completed:   request: response again
//!     |
//!     | J
//!     v
//!    gone
//! ```
//!
//! There is no Proceeding: RFC 4320, 4.1 wants no provisional response to a non-INVITE request over UDP.

use bytes::Bytes;

use super::{Clocks, Context, Fired, Heard};
use crate::timer::Timer;

#[derive(Debug)]
pub(super) struct ServerOther {
    /// Empty while trying.
    last: Bytes,
    clocks: Clocks,
}

impl ServerOther {
    pub(super) fn start() -> Self {
        Self { last: Bytes::new(), clocks: Clocks::default() }
    }

    /// RFC 4320, 4.2: a response later than 64*T1 is never sent, since the client gave up by timer F.
    pub(super) fn limit(&mut self, cx: &mut Context<'_>) {
        let t64 = cx.values().t64();
        self.clocks.end(cx, Timer::J, t64);
    }

    /// The same request came again.
    pub(super) fn again(&mut self, cx: &mut Context<'_>) {
        if !self.last.is_empty() {
            cx.send(self.last.clone());
        }
    }

    /// The final response of the owner; a second one is ignored (17.2.2).
    pub(super) fn reply(&mut self, cx: &mut Context<'_>, response: Bytes) -> Heard {
        if !self.last.is_empty() {
            return Heard::Nothing;
        }
        cx.send(response.clone());
        self.clocks.stop(cx);
        if !cx.is_unreliable() {
            return Heard::Gone;
        }
        self.last = response;
        let t64 = cx.values().t64();
        self.clocks.end(cx, Timer::J, t64);
        Heard::Nothing
    }

    pub(super) fn timer(&mut self, timer: Timer) -> Fired {
        if timer == Timer::J { Fired::Gone } else { Fired::Stay }
    }

    pub(super) fn clocks(&mut self) -> &mut Clocks {
        &mut self.clocks
    }
}
