//! Calls that are handed on: blind, attended, over REST, and by phones that take another's place.

mod attended;
mod between;
mod blind;
mod carriers;
mod replacing;
mod rest;
mod walk;

use std::time::Duration;

use media::{Command as MediaCommand, Hears, LegId};
use model::{Cdr, Command, Event, Reply};

use crate::{phone::Habit, world::World};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl World {
    /// A phone dials to take the place of the party whose dialog with us `replaces` names.
    pub(crate) fn dial_replacing(&mut self, from: &str, to: &str, replaces: &str) {
        let now = self.now;
        self.phone(from).dial(now, to, &[("Replaces", replaces)]);
        self.drain(from);
    }

    /// A phone asks that its call be handed to whom `to` names; of two calls the first one.
    pub(crate) fn refer(&mut self, number: &str, to: &str) {
        let now = self.now;
        let phone = self.phone(number);
        let session = phone.before.or(phone.session).unwrap();
        phone.refer(now, session, to);
        self.drain(number);
    }

    /// A phone asks that the two parties that it talks to be joined; by a REFER within its second call if `by_second`.
    pub(crate) fn refer_attended(&mut self, number: &str, to: &str, by_second: bool) {
        assert!(self.try_refer_attended(number, to, by_second));
    }

    /// The same; false if one of the two is no dialog any more, or not yet.
    pub(crate) fn try_refer_attended(&mut self, number: &str, to: &str, by_second: bool) -> bool {
        let now = self.now;
        let phone = self.phone(number);
        let (Some(first), Some(second)) = (phone.before, phone.session) else { return false };
        let (within, named) = if by_second { (second, first) } else { (first, second) };
        let Some(to) = phone.refer_to_replacing(to, named) else { return false };
        phone.refer(now, within, &to);
        self.drain(number);
        true
    }

    /// How many calls each carrier has.
    fn lines(&mut self) -> Vec<u32> {
        match self.order(Command::Carriers).unwrap() {
            Reply::Carriers(views) => views.iter().map(|view| view.calls).collect(),
            other => panic!("{other:?}"),
        }
    }
}

/// Slots whose phones ring, and two of them talk: the first has dialled the second.
fn talking(count: u16) -> World {
    let mut world = World::new(count);
    world.dial("6001", "6002");
    world.run(seconds(1));
    for place in 1..=count {
        world.phone(&(6000 + place).to_string()).habit = Habit::Ring;
    }
    world.log.clear();
    world
}

/// What a leg was told to hear, in order.
fn heard(world: &World, leg: u64) -> Vec<Hears> {
    let hears = world.media.iter().filter_map(|command| match command {
        MediaCommand::Hear { leg: of, hears } if *of == LegId(leg) => Some(*hears),
        _ => None,
    });
    hears.collect()
}

/// Each segment of a record: its slot, when it began and ended (ms since the answer), and how long it held.
fn segments(cdr: &Cdr) -> Vec<(i64, u64, u64, u64)> {
    let answered = cdr.answered_at.unwrap();
    let of = |segment: &model::Segment| {
        (segment.slot.0, segment.from.ms_since(answered), segment.to.unwrap().ms_since(answered), segment.hold_ms)
    };
    cdr.segments.iter().map(of).collect()
}

/// What is told of handing a call on, in order: whom to, how far it is, and why it came to nothing.
fn handed(world: &World) -> Vec<String> {
    let transfers = world.events.iter().filter_map(|event| match event {
        Event::CallUpdated(view) => view.transfer.as_ref(),
        _ => None,
    });
    let mut told: Vec<String> = transfers
        .map(|transfer| {
            let cause = transfer.cause.map_or(String::new(), |cause| format!(" {}", cause.code()));
            format!("{} > {} {:?}{cause}", transfer.by.0, transfer.to, transfer.status)
        })
        .collect();
    told.dedup();
    told
}

/// Which slots the newest picture of the call names as those that serve it now.
fn serving(world: &World) -> Vec<i64> {
    let views = world.events.iter().rev().filter_map(|event| match event {
        Event::CallUpdated(view) => Some(view),
        _ => None,
    });
    let view = views.into_iter().next().unwrap();
    view.segments.iter().filter(|segment| segment.to.is_none()).map(|segment| segment.slot.0).collect()
}
