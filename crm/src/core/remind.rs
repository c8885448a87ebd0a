//! When to remind people of what they wanted to do next with a lead.
//!
//! The times stand in the database; here is a window of the nearest ones. Its shell carries out outputs one after the other, and hands in what comes
//! of each before anything else. A reminder counts as made when the shell has written it down where it stood: `reminded_at` of the lead, while its time
//! is still the one that was told. So what is told here twice, or has been changed a moment ago, reminds nobody twice and nobody wrongly.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use model::{LeadId, WallTime};

/// How far ahead times are kept.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// How often the window is read anew: it also brings what a shell that was killed had written and not told.
pub const LOAD_EVERY: Duration = Duration::from_secs(5 * 60);
/// The most times that are read at once.
pub const LOAD_MAX: usize = 10_000;
/// The most times that are kept; the latest are forgotten and read again when it is their turn.
pub const WINDOW_MAX: usize = 20_000;
/// After how long something that the database failed at is tried again.
pub const RETRY: Duration = Duration::from_secs(5);
/// The least time between two readings, when there is more than can be read at once.
const LOAD_PAUSE: Duration = Duration::from_secs(1);

/// A lead's next action, as it stands in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which lead.
    pub lead: LeadId,
    /// When somebody is to be reminded of it.
    pub at: WallTime,
    /// The version of the lead's row, which every change counts up.
    pub version: i64,
}

/// What the core is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// The rows that [`Output::Load`] asked for, in the order of their time and lead.
    Loaded(Vec<Due>),
    /// They could not be read.
    LoadFailed,
    /// A lead has got a time, or another one. The change is committed.
    Set(Due),
    /// A lead has no time any more: it was taken away, or the lead is closed or erased.
    Cleared {
        /// Which lead.
        lead: LeadId,
        /// The version of its row.
        version: i64,
    },
    /// A reminder could not be written down: the database is away.
    Failed(Due),
    /// Nothing but that the time has gone on.
    Woken,
}

/// What the shell is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Read the leads that have a time before `upto` of which nobody was reminded: the first `most` by time and lead.
    Load {
        /// Before when.
        upto: WallTime,
        /// How many.
        most: usize,
    },
    /// Write down that people are reminded of it, if it still has this time and nobody was; if so, remind them.
    Remind(Due),
}

/// The reminders of all centres. Whatever has a time before `edge` stands in the window.
#[derive(Debug)]
pub struct Reminders {
    /// By when it is told, which is later than the lead's time if the database was away.
    window: BTreeMap<(WallTime, LeadId), Due>,
    /// When each lead of the window is told.
    of_lead: BTreeMap<LeadId, WallTime>,
    edge: (WallTime, LeadId),
    /// Up to when is being read.
    loading: Option<WallTime>,
    load_at: WallTime,
    /// The last `now`.
    seen: WallTime,
    limits: Limits,
    outputs: VecDeque<Output>,
}

/// How much is read and kept.
#[derive(Debug, Clone, Copy)]
struct Limits {
    load: usize,
    window: usize,
}

impl Reminders {
    /// Nothing is known yet; the first input makes it ask.
    #[must_use]
    pub fn new(now: WallTime) -> Self {
        Self::with(now, Limits { load: LOAD_MAX, window: WINDOW_MAX })
    }

    fn with(now: WallTime, limits: Limits) -> Self {
        Self {
            window: BTreeMap::new(),
            of_lead: BTreeMap::new(),
            edge: (WallTime(i64::MIN), LeadId(i64::MIN)),
            loading: None,
            load_at: now,
            seen: now,
            limits,
            outputs: VecDeque::new(),
        }
    }

    /// Takes an input. `now` may be earlier than the last time, if somebody has put the clock back.
    pub fn handle(&mut self, now: WallTime, input: Input) {
        match input {
            Input::Loaded(rows) => self.loaded(now, &rows),
            Input::LoadFailed => {
                self.loading = None;
                self.load_at = now.after(RETRY);
            }
            Input::Set(due) => self.set(due),
            Input::Cleared { lead, version } => {
                if self.version(lead).is_some_and(|known| known <= version) {
                    self.remove(lead);
                }
            }
            Input::Failed(due) if self.version(due.lead).is_none() => self.put(due, now.after(RETRY)),
            Input::Failed(_) | Input::Woken => {}
        }
        if now < self.seen {
            self.go_back(now);
        }
        self.seen = now;
        self.remind(now);
        if self.loading.is_none() && self.load_at <= now {
            let upto = now.after(WINDOW);
            self.loading = Some(upto);
            self.outputs.push_back(Output::Load { upto, most: self.limits.load });
        }
    }

    /// The next thing to do. Drain it after each input.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to wake it, and why. A shell that sleeps by another clock than this one's sleeps a second at most, so that a step of the clock is noticed.
    #[must_use]
    pub fn timeout(&self) -> Option<(WallTime, &'static str)> {
        let remind = self.window.keys().next().map(|(at, _)| (*at, "remind"));
        let load = self.loading.is_none().then_some((self.load_at, "load"));
        remind.into_iter().chain(load).min()
    }

    /// The clock was put back: what was reckoned from the later time would come too late.
    fn go_back(&mut self, now: WallTime) {
        self.load_at = now;
        let put_off: Vec<Due> = self.window.iter().filter(|((at, _), due)| *at > due.at).map(|(_, due)| *due).collect();
        for due in put_off {
            self.put(due, due.at.max(now.after(RETRY)));
        }
    }

    fn remind(&mut self, now: WallTime) {
        while let Some(entry) = self.window.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let due = entry.remove();
            self.of_lead.remove(&due.lead);
            self.outputs.push_back(Output::Remind(due));
        }
    }

    fn loaded(&mut self, now: WallTime, rows: &[Due]) {
        let Some(upto) = self.loading.take() else { return };
        match rows.last() {
            Some(last) if rows.len() >= self.limits.load => {
                // There may be more behind the last one; it is asked for when the time comes.
                self.edge = (last.at, last.lead);
                self.load_at = last.at.clamp(now.after(LOAD_PAUSE), now.after(LOAD_EVERY));
            }
            _ => {
                self.edge = (upto, LeadId(i64::MIN));
                self.load_at = now.after(LOAD_EVERY);
            }
        }
        for due in rows {
            // What was put off since the database was away is not told the sooner.
            if self.version(due.lead).is_none_or(|known| known < due.version) {
                self.put(*due, due.at);
            }
        }
    }

    fn set(&mut self, due: Due) {
        if self.version(due.lead).is_some_and(|known| known >= due.version) {
            return;
        }
        self.remove(due.lead);
        if (due.at, due.lead) < self.edge {
            self.put(due, due.at);
        }
    }

    fn version(&self, lead: LeadId) -> Option<i64> {
        let at = self.of_lead.get(&lead)?;
        self.window.get(&(*at, lead)).map(|due| due.version)
    }

    fn put(&mut self, due: Due, at: WallTime) {
        self.remove(due.lead);
        self.of_lead.insert(due.lead, at);
        self.window.insert((at, due.lead), due);
        if self.window.len() > self.limits.window
            && let Some(((at, lead), latest)) = self.window.pop_last()
        {
            self.of_lead.remove(&lead);
            self.edge = self.edge.min((latest.at, lead));
            self.load_at = self.load_at.min(at);
        }
    }

    fn remove(&mut self, lead: LeadId) {
        if let Some(at) = self.of_lead.remove(&lead) {
            self.window.remove(&(at, lead));
        }
    }
}

#[cfg(test)]
mod tests;
