//! The way into the signalling loop, from any thread.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use calls::{AskId, Settings};
use model::{Command, Directory, RecordingRow, Refusal, Reply, route::AskOutcome};
use net::{FromWorker, Waker};
use sip_core::{
    GuardSettings,
    locate::{Answer, Query},
};
use tokio::sync::oneshot;

use crate::capture::Capture;

/// Commands that may wait for the loop; more are refused as unavailable.
const COMMANDS_MAX: usize = 10_000;

/// So long the loop sleeps at most while there is work, and so long what is in no hurry waits at most.
pub(crate) const NAP: Duration = Duration::from_millis(50);

/// Without work for so long, the loop sleeps until something wakes it.
const ACTIVE: Duration = Duration::from_secs(1);

/// What goes into the loop beside SIP messages.
pub(crate) enum Message {
    /// A media worker reports.
    Worker(FromWorker),
    /// An order, and where its reply goes.
    Command(Command, oneshot::Sender<Result<Reply, Refusal>>),
    /// Slots or hubs have changed; the sender wants to know when the loop has them.
    Directory(Arc<Directory>, oneshot::Sender<()>),
    /// The configuration has changed; the sender wants to know when the loop has it.
    Settings(Box<Settings>, GuardSettings, oneshot::Sender<()>),
    /// From now on SIP messages are copied so, or not at all.
    Capture(Option<Box<Capture>>),
    /// A recording was closed.
    Recorded(RecordingRow),
    /// DNS has answered.
    Resolved(Query, Answer),
    /// A program has answered a question of a route, or will not.
    Answered(AskId, Result<Bytes, AskOutcome>),
    /// No new calls.
    Drain,
    /// End all calls.
    EndAll,
    /// End the loop.
    Stop,
}

/// How much is going on, for whoever waits for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Load {
    pub(crate) calls: usize,
    pub(crate) sessions: usize,
    /// Accounts with carriers that are still to be un-registered.
    pub(crate) leaving: usize,
}

/// The way into the loop. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    hall: Arc<Hall>,
    waker: Waker,
}

struct Hall {
    queue: Mutex<Queue>,
    /// The loop sleeps for longer than a [`NAP`].
    asleep: AtomicBool,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    /// How many of them are commands, whose number is bounded.
    commands: usize,
    /// The loop is woken already for what is queued.
    woken: bool,
    /// There is no loop any more: what comes is dropped, so that nobody waits for its answer.
    closed: bool,
}

impl Door {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { hall: Arc::new(Hall { queue: Mutex::default(), asleep: AtomicBool::new(true) }), waker }
    }

    /// Hands in what must not be lost.
    pub(crate) fn order(&self, message: Message) {
        self.hand_in(message, true);
    }

    /// Hands in what must not be lost and is in no hurry: while the loop works, it is found by the way.
    pub(crate) fn leave(&self, message: Message) {
        self.hand_in(message, false);
    }

    /// Hands in a command; whether there was room.
    pub(crate) fn command(&self, command: Command, reply: oneshot::Sender<Result<Reply, Refusal>>) -> bool {
        let mut queue = self.queue();
        let room = !queue.closed && queue.commands < COMMANDS_MAX;
        if room {
            queue.commands += 1;
            queue.messages.push_back(Message::Command(command, reply));
            self.wake(queue);
        }
        room
    }

    /// Takes all that is queued. For the loop alone.
    pub(crate) fn take(&self, into: &mut VecDeque<Message>) {
        let mut queue = self.queue();
        queue.woken = false;
        queue.commands = 0;
        into.append(&mut queue.messages);
    }

    /// The loop has ended: whoever waits for it, now or later, learns that nobody answers.
    pub(crate) fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        let unanswered = std::mem::take(&mut queue.messages);
        drop(queue);
        drop(unanswered);
    }

    /// Whether the loop was woken for it.
    fn hand_in(&self, message: Message, is_urgent: bool) -> bool {
        let mut queue = self.queue();
        if queue.closed {
            return false;
        }
        queue.messages.push_back(message);
        (is_urgent || self.hall.asleep.load(Ordering::SeqCst)) && self.wake(queue)
    }

    /// Until when the loop may sleep, which has a timer at `due`: forever if nothing has been going on for a while. For the loop alone.
    pub(crate) fn rest(&self, now: Instant, busy_at: Instant, due: Option<Instant>) -> Option<Instant> {
        let works = now.saturating_duration_since(busy_at) < ACTIVE;
        if self.hall.asleep.swap(!works, Ordering::SeqCst) == works {
            // What was left just before that may have woken nobody.
            return Some(now);
        }
        if works { Some(due.map_or(now + NAP, |due| due.min(now + NAP))) } else { due }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.hall.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the loop, unless that is done for what lies there already.
    fn wake(&self, mut queue: MutexGuard<'_, Queue>) -> bool {
        let is_woken = std::mem::replace(&mut queue.woken, true);
        drop(queue);
        if !is_woken {
            self.waker.wake();
        }
        !is_woken
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::{Ipv4Addr, SocketAddr};

    use model::UserId;
    use net::{SignallingSettings, SignallingSockets};

    use super::*;

    fn door() -> (Door, SignallingSockets) {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (sockets, waker) = SignallingSockets::bind(SignallingSettings { udp: vec![any], ..SignallingSettings::default() }).unwrap();
        (Door::new(waker), sockets)
    }

    fn count(door: &Door) -> usize {
        let mut taken = VecDeque::new();
        door.take(&mut taken);
        taken.len()
    }

    #[test]
    fn commands_are_bounded_and_orders_take_no_room_from_them() {
        let (door, _sockets) = door();
        let command = || door.command(Command::KeepAlive { user: UserId(1) }, oneshot::channel().0);
        (0..10).for_each(|_| door.order(Message::Drain));
        assert_eq!((0..=COMMANDS_MAX).filter(|_| command()).count(), COMMANDS_MAX);
        door.order(Message::Stop);
        assert_eq!(count(&door), COMMANDS_MAX + 11);
        assert!(command(), "an emptied queue has room again");
    }

    #[test]
    fn what_is_in_no_hurry_wakes_only_a_loop_that_sleeps_and_an_order_wakes_it_always() {
        let (door, mut sockets) = door();
        let start = Instant::now();
        let later = start + ACTIVE;
        // The loop works, and goes to sleep after a while: first it looks again.
        assert_eq!(door.rest(start, start, None), Some(start));
        assert_eq!(door.rest(start, start, None), Some(start + NAP));
        assert_eq!(door.rest(start, start, Some(start + NAP / 2)), Some(start + NAP / 2));
        // Fresh sockets are looked at once.
        sockets.wait(Some(start), &mut Vec::new());
        assert!(!door.hand_in(Message::Drain, false));
        assert!(door.hand_in(Message::Drain, true), "although something lay there already");
        assert!(!door.hand_in(Message::Drain, true), "once for all that lies there");
        // Without an end of its own, this wait ends only because the loop is woken.
        sockets.wait(None, &mut Vec::new());
        assert_eq!(count(&door), 3);
        assert_eq!(door.rest(later, start, None), Some(later));
        assert_eq!(door.rest(later, start, None), None);
        assert!(door.hand_in(Message::Drain, false));
        sockets.wait(None, &mut Vec::new());
        assert_eq!(count(&door), 1);
    }

    #[test]
    fn behind_a_closed_door_nobody_waits() {
        let (door, _sockets) = door();
        let command = || {
            let (reply, replied) = oneshot::channel();
            (door.command(Command::KeepAlive { user: UserId(1) }, reply), replied)
        };
        let (before, replied) = command();
        door.close();
        let (after, refused) = command();
        assert_eq!((before, after), (true, false));
        replied.blocking_recv().unwrap_err();
        refused.blocking_recv().unwrap_err();
        let (done, taken) = oneshot::channel();
        door.order(Message::Directory(Arc::default(), done));
        taken.blocking_recv().unwrap_err();
        assert_eq!(count(&door), 0);
    }
}
