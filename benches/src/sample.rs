//! What one turn of one side came to.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    generate::{
        phones::{LATENESS_MAX, Tally},
        streams::Heard,
    },
    numbers::{permille, real},
};

/// Latencies of one turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread {
    /// Half of them were shorter.
    pub(crate) p50: Duration,
    /// All but one in a hundred were shorter.
    pub(crate) p99: Duration,
}

impl Spread {
    fn of(nanoseconds: &mut [u64]) -> Option<Self> {
        let at = |nanoseconds: &mut [u64], part| permille(nanoseconds, part).map(Duration::from_nanos);
        Some(Self { p50: at(nanoseconds, 500)?, p99: at(nanoseconds, 990)? })
    }
}

/// One turn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Pieces of work done, or packets that arrived.
    pub(crate) done: u64,
    /// The server's processor time.
    pub(crate) cpu: Duration,
    /// Ours, for the same work: what the generator takes away from the server's machine.
    pub(crate) generator: Duration,
    /// How long the turn lasted.
    pub(crate) wall: Duration,
    /// What the server alone added: INVITE in to INVITE out, packet in to packet out.
    pub(crate) added: Option<Spread>,
    /// From request to final success, the generator's part included.
    pub(crate) whole: Option<Spread>,
    /// Why this turn is not to be trusted; empty = it is.
    pub(crate) faults: BTreeMap<String, u64>,
}

impl Sample {
    /// A turn of registrations or calls.
    pub(crate) fn of_work(mut tally: Tally, cpu: Duration, generator: Duration, wall: Duration) -> Self {
        let mut faults = std::mem::take(&mut tally.failures);
        note_lateness(&mut faults, &mut tally.lateness);
        if tally.done == 0 {
            faults.insert("nothing was done".to_owned(), 1);
        }
        Self { done: tally.done, cpu, generator, wall, added: Spread::of(&mut tally.through), whole: Spread::of(&mut tally.whole), faults }
    }

    /// A turn of sound.
    pub(crate) fn of_sound(mut heard: Heard, cpu: Duration, generator: Duration, wall: Duration) -> Self {
        let mut faults = BTreeMap::new();
        note_lateness(&mut faults, &mut heard.lateness);
        if heard.lost() > 0 {
            faults.insert(format!("packets lost of {}", heard.sent.iter().sum::<u64>()), heard.lost());
        }
        for (side, (sent, arrived)) in heard.sent.iter().zip(heard.arrived).enumerate() {
            if arrived > *sent {
                faults.insert(format!("packets of side {side} came twice"), arrived - sent);
            }
        }
        Self { done: heard.arrived.iter().sum(), cpu, generator, wall, added: Spread::of(&mut heard.added), whole: None, faults }
    }

    /// Processor time of one piece of work, in microseconds.
    pub(crate) fn each_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / real(self.done.max(1))
    }
}

fn note_lateness(faults: &mut BTreeMap<String, u64>, lateness: &mut [u64]) {
    if let Some(late) = permille(lateness, 990).map(Duration::from_nanos).filter(|late| *late > LATENESS_MAX) {
        faults.insert(format!("the generator was late by {} ms", late.as_millis()), 1);
    }
}
