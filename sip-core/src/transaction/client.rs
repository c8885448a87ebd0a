//! The non-INVITE client transaction: RFC 3261, 17.1.2.
//!
//! ```text
//!   start: send request, arm E (UDP) and F
//!     |
//!     v
//!   Trying ---- 1xx ----> Proceeding         Trying:      E: send again, T1 doubling to T2
//!     |                       |              Proceeding:  E: send again, T2
//!     +-----------+-----------+              both:        F, unreachable: tell, gone
//!                 |
//!                 | 200-699: tell, arm K (TCP: gone)
//!                 v
//!             Completed                      Completed:   responses: absorbed
//!                 |
//!                 | K
//!                 v
//!                gone
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::{Clocks, Context, Fired, Heard};
use crate::timer::{Timer, Timers};

#[derive(Debug)]
pub(super) struct ClientOther {
    state: State,
    /// Empty once completed: nothing is repeated then.
    request: Bytes,
    pause: Duration,
    clocks: Clocks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    Completed,
}

impl ClientOther {
    pub(super) fn start(cx: &mut Context<'_>, request: Bytes) -> Self {
        let mut clocks = Clocks::default();
        let pause = cx.values().t1;
        cx.send(request.clone());
        if cx.is_unreliable() {
            clocks.again(cx, Timer::E, pause);
        }
        let t64 = cx.values().t64();
        clocks.end(cx, Timer::F, t64);
        Self { state: State::Trying, request, pause, clocks }
    }

    pub(super) fn response(&mut self, cx: &mut Context<'_>, status: u16) -> Heard {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                Heard::Nothing
            }
            (State::Trying | State::Proceeding, _) => {
                self.clocks.stop(cx);
                if !cx.is_unreliable() {
                    return Heard::TellAndGone;
                }
                self.state = State::Completed;
                self.request = Bytes::new();
                let t4 = cx.values().t4;
                self.clocks.end(cx, Timer::K, t4);
                Heard::Tell
            }
            (State::Completed, _) => Heard::Nothing,
        }
    }

    pub(super) fn timer(&mut self, cx: &mut Context<'_>, timer: Timer) -> Fired {
        match (self.state, timer) {
            (State::Trying | State::Proceeding, Timer::E) => {
                cx.send(self.request.clone());
                let Timers { t2, .. } = cx.values();
                // 17.1.2.2: doubling up to T2 while trying, T2 once something was heard.
                self.pause = if self.state == State::Trying { self.pause.saturating_mul(2).min(t2) } else { t2 };
                self.clocks.again(cx, Timer::E, self.pause);
                Fired::Stay
            }
            (State::Trying | State::Proceeding, Timer::F) => Fired::TimedOut,
            (State::Completed, Timer::K) => Fired::Gone,
            _ => Fired::Stay,
        }
    }

    /// The request as it was sent, until its final response.
    pub(super) fn request(&self) -> &Bytes {
        &self.request
    }

    pub(super) fn is_pending(&self) -> bool {
        self.state != State::Completed
    }

    pub(super) fn clocks(&mut self) -> &mut Clocks {
        &mut self.clocks
    }
}
