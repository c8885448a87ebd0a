//! A story is text: one input a line, `<seconds> <what> <arguments>`; under it stands what came of it.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use expect_test::Expect;
use model::{
    CallId, CenterId, Directory, Event, Fact, Ha1, Hub, HubId, HubKind, Refusal, SlotEntry, SlotId, SlotLimits, SlotState, SlotView,
    UserId, WallTime,
};

use crate::{Seats, SeatsOutput, SeatsSettings};

/// Tells the story and compares. Each story starts with slots 6001 and 6002, both IDLE and without a phone.
pub(super) fn check(script: &str, expect: Expect) {
    let mut story = Story::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        story.tell(line);
    }
    expect.assert_eq(&story.text);
}

/// The core, its clock, and the text so far.
pub(super) struct Story {
    pub(super) seats: Seats,
    start: Instant,
    pub(super) now: Instant,
    pub(super) text: String,
}

impl Story {
    pub(super) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "only differences to this moment are used")]
        let start = Instant::now();
        let mut seats = Seats::new(SeatsSettings::default());
        seats.set_clock(start, WallTime(0));
        seats.directory(start, &directory(&[6001, 6002]));
        while seats.poll().is_some() {}
        Self { seats, start, now: start, text: String::new() }
    }

    /// One line: time passes (with all timers on the way), the input, and all that came of it.
    pub(super) fn tell(&mut self, line: &str) {
        let (seconds, input) = line.split_once(' ').unwrap();
        self.pass(Duration::from_secs_f64(seconds.parse().unwrap()));
        writeln!(self.text, "{line}").unwrap();
        let answer = self.input(input);
        if !answer.is_empty() {
            writeln!(self.text, "    = {answer}").unwrap();
        }
        self.drain();
    }

    /// How long the story has been going on.
    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Lets the clock run to `until` after the start, and calls timers at the moment they asked for.
    pub(super) fn pass(&mut self, until: Duration) {
        let until = self.start + until;
        assert!(until >= self.now, "a story goes forward");
        while let Some((due, timer)) = self.seats.timeout()
            && due <= until
        {
            writeln!(self.text, "{} timer: {timer}", (due - self.start).as_secs_f64()).unwrap();
            self.now = self.now.max(due);
            self.seats.wake(self.now);
            self.drain();
        }
        self.now = until;
    }

    fn input(&mut self, input: &str) -> String {
        let now = self.now;
        let words: Vec<&str> = input.split_whitespace().collect();
        let seats = &mut self.seats;
        match words.as_slice() {
            ["take", who, number] => view(seats.take(now, user(who), slot(number))),
            ["release", who, number] => view(seats.release(now, user(who), false, slot(number), None)),
            ["release", who, number, epoch] => view(seats.release(now, user(who), false, slot(number), Some(epoch.parse().unwrap()))),
            ["admin-release", who, number] => view(seats.release(now, user(who), true, slot(number), None)),
            ["alive", who] => {
                seats.keep_alive(now, user(who));
                String::new()
            }
            ["registered", number] => {
                seats.registered(now, slot(number));
                String::new()
            }
            ["unregistered", number] => {
                seats.unregistered(now, slot(number));
                String::new()
            }
            ["start", who, number, id] => done(seats.start_call(now, user(who), slot(number), call(id))),
            ["dial", number, id] => match seats.dial(now, slot(number), call(id)) {
                Ok(Some(parent)) => format!("consultation about {}", parent.0),
                other => done(other.map(drop)),
            },
            ["ring", number, id] => done(seats.ring(now, slot(number), call(id))),
            ["answered", id] => {
                seats.answered(now, call(id));
                String::new()
            }
            ["ended", number, id] => {
                seats.ended(now, slot(number), call(id));
                String::new()
            }
            ["joined", number, from, to] => {
                seats.hand_over(now, slot(number), call(from), call(to));
                String::new()
            }
            ["service", number, state] => view(seats.set_service(now, slot(number), service(state))),
            ["retire", numbers @ ..] => {
                let slots: Vec<SlotId> = numbers.iter().map(|number| slot(number)).collect();
                done(seats.retire(now, &slots))
            }
            ["directory", numbers @ ..] => {
                let numbers: Vec<u16> = numbers.iter().map(|number| number.parse().unwrap()).collect();
                seats.directory(now, &directory(&numbers));
                String::new()
            }
            ["restore", number, holder, epoch] => {
                let holder = (*holder != "nobody").then(|| user(holder));
                seats.restore_lease(now, slot(number), holder, epoch.parse().unwrap());
                String::new()
            }
            ["wait"] => String::new(),
            _ => panic!("what is {input:?}?"),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.seats.poll() {
            writeln!(self.text, "    {}", told(&output)).unwrap();
        }
    }
}

pub(super) fn directory(numbers: &[u16]) -> Directory {
    let hub = Hub { id: HubId(1), center: CenterId::DEFAULT, name: "hub".into(), kind: HubKind::Auto, capacity: 9 };
    let slots = numbers
        .iter()
        .map(|number| SlotEntry {
            id: SlotId(i64::from(*number)),
            center: CenterId::DEFAULT,
            hub: HubId(1),
            kind: HubKind::Auto,
            number: number.to_string().parse().unwrap(),
            username: number.to_string(),
            ha1: Ha1 { md5: [0; 16], sha256: [0; 32], sha512_256: [0; 32] },
            service: SlotState::Idle,
            limits: SlotLimits::default(),
            caller: None,
        })
        .collect();
    Directory::new("realm".into(), vec![hub], slots)
}

fn slot(number: &str) -> SlotId {
    SlotId(number.parse().unwrap())
}

fn call(id: &str) -> CallId {
    CallId(id.parse().unwrap())
}

const PEOPLE: [&str; 3] = ["ann", "bob", "cid"];

fn user(name: &str) -> UserId {
    UserId(1 + i64::try_from(PEOPLE.iter().position(|known| *known == name).unwrap()).unwrap())
}

fn name(user: Option<UserId>) -> &'static str {
    user.map_or("nobody", |user| PEOPLE[usize::try_from(user.0).unwrap() - 1])
}

fn service(state: &str) -> SlotState {
    match state {
        "IDLE" => SlotState::Idle,
        "FAULT" => SlotState::Fault,
        "DISABLED" => SlotState::Disabled,
        "READY" => SlotState::Ready,
        _ => panic!("no service state: {state}"),
    }
}

fn done(result: Result<(), Refusal>) -> String {
    result.map_or_else(|refusal| refusal.to_string(), |()| "done".into())
}

fn view(result: Result<SlotView, Refusal>) -> String {
    result.map_or_else(|refusal| refusal.to_string(), |view| line(&view))
}

/// `6001 READY phone ann#2 since 3`
pub(super) fn line(view: &SlotView) -> String {
    let phone = if view.registered { "phone" } else { "no-phone" };
    let since = f64::from(i32::try_from(view.since.0).unwrap()) / 1000.0;
    format!("{} {} {phone} {}#{} since {since}", view.number, view.state.name(), name(view.holder), view.epoch)
}

fn told(output: &SeatsOutput) -> String {
    match output {
        SeatsOutput::Event(Event::SlotUpdated(view)) => format!("event {}", line(view)),
        SeatsOutput::Event(Event::SlotRemoved { slot, .. }) => format!("event {slot} removed"),
        SeatsOutput::Fact(Fact::Leased { slot, holder, epoch, .. }) => format!("fact  {slot} leased {}#{epoch}", name(*holder)),
        SeatsOutput::Fact(Fact::ServiceSet { slot, state, .. }) => format!("fact  {slot} service {}", state.name()),
        other => panic!("not of this room: {other:?}"),
    }
}
