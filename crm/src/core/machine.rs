//! State machines as tables: what may happen to a row, to what it leads, who may do it, and what must be given for it (requirements, 1.5).
//!
//! A table is a static. Nothing is asked of a database here: whoever steps a machine says what the person may and what is at hand.

use std::fmt::Debug;

use model::Action;

/// The words that one machine is written in.
pub trait Kind: 'static {
    /// Where a row can stand.
    type State: Copy + Ord + Debug + 'static;
    /// What can happen to it.
    type Event: Copy + Ord + Debug + 'static;
    /// What must be given or hold for a step.
    type Guard: Copy + Ord + Debug + 'static;
    /// What a step brings with it, beside the new state.
    type Effect: Copy + Ord + Debug + 'static;

    /// Every state.
    const STATES: &'static [Self::State];
    /// Every event.
    const EVENTS: &'static [Self::Event];
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row<K: Kind> {
    /// From which states the event leads on.
    pub from: &'static [K::State],
    /// What happens.
    pub event: K::Event,
    /// Where the row stands then.
    pub to: K::State,
    /// Any one of these rights is enough. None: the program alone does it.
    pub rights: &'static [Action],
    /// All of these must hold.
    pub guards: &'static [K::Guard],
    /// What has to be done in the same transaction.
    pub effects: &'static [K::Effect],
}

/// A table of steps.
#[derive(Debug, Clone, Copy)]
pub struct Machine<K: Kind> {
    /// Where a new row stands.
    pub start: K::State,
    /// The steps. No two are for the same state and event.
    pub rows: &'static [Row<K>],
    /// The states that nothing leads out of.
    pub finals: &'static [K::State],
}

/// In whose name a step is asked for.
#[derive(Clone, Copy)]
pub enum Who<'a> {
    /// The program itself, which may do every step.
    System,
    /// A person, by what they may do to this row.
    Person(&'a dyn Fn(Action) -> bool),
}

/// Why a step is not made. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotNow<E, G> {
    /// The event does not lead on from here (409 `transition_not_allowed`).
    Elsewhere {
        /// The events that do, of those that the person may cause.
        allowed: Vec<E>,
    },
    /// It does, but the person may not (403).
    Forbidden {
        /// The rights of which one would be enough; none: the program alone does it.
        rights: &'static [Action],
    },
    /// It does, but this is missing.
    Missing(Vec<G>),
}

impl<K: Kind> Machine<K> {
    /// The steps that lead on from `state` and that `who` may take, in the table's order. What they still need stands in their guards.
    pub fn allowed<'a>(&self, state: K::State, who: Who<'a>) -> impl Iterator<Item = &'static Row<K>> + use<'a, K> {
        self.rows.iter().filter(move |row| row.from.contains(&state) && who.may(row.rights))
    }

    /// The step that `event` makes from `state`. `holds` tells whether a guard holds.
    ///
    /// # Errors
    /// [`NotNow`]: first whether the event leads on from here at all, then whether the person may, then what is missing.
    pub fn step(
        &self,
        state: K::State,
        event: K::Event,
        who: Who<'_>,
        holds: impl Fn(K::Guard) -> bool,
    ) -> Result<&'static Row<K>, NotNow<K::Event, K::Guard>> {
        let Some(row) = self.rows.iter().find(|row| row.event == event && row.from.contains(&state)) else {
            return Err(NotNow::Elsewhere { allowed: self.allowed(state, who).map(|row| row.event).collect() });
        };
        if !who.may(row.rights) {
            return Err(NotNow::Forbidden { rights: row.rights });
        }
        let missing: Vec<_> = row.guards.iter().copied().filter(|guard| !holds(*guard)).collect();
        if missing.is_empty() { Ok(row) } else { Err(NotNow::Missing(missing)) }
    }

    /// Whether nothing leads out of `state`.
    #[must_use]
    pub fn is_final(&self, state: K::State) -> bool {
        self.finals.contains(&state)
    }
}

impl Who<'_> {
    fn may(self, rights: &[Action]) -> bool {
        match self {
            Self::System => true,
            Self::Person(may) => rights.iter().any(|right| may(*right)),
        }
    }
}

#[cfg(test)]
pub(crate) mod check {
    use super::*;

    impl<K: Kind> Machine<K> {
        /// What is wrong with the table itself, in words: it is to be deterministic, every state is to be reached, every event used, and finals
        /// are exactly the states that nothing leads out of.
        pub(crate) fn faults(&self) -> Vec<String> {
            let mut faults = Vec::new();
            for state in K::STATES {
                for event in K::EVENTS {
                    let rows = self.rows.iter().filter(|row| row.event == *event && row.from.contains(state)).count();
                    if rows > 1 {
                        faults.push(format!("{state:?} {event:?}: {rows} rows"));
                    }
                }
                let leads_out = self.rows.iter().any(|row| row.from.contains(state));
                if leads_out == self.finals.contains(state) {
                    faults.push(format!("{state:?} is final: {}; something leads out: {leads_out}", self.finals.contains(state)));
                }
            }
            let mut reached = vec![self.start];
            while let Some(next) =
                self.rows.iter().find(|row| !reached.contains(&row.to) && row.from.iter().any(|from| reached.contains(from)))
            {
                reached.push(next.to);
            }
            faults.extend(K::STATES.iter().filter(|state| !reached.contains(state)).map(|state| format!("{state:?} is never reached")));
            let unused = K::EVENTS.iter().filter(|event| !self.rows.iter().any(|row| row.event == **event));
            faults.extend(unused.map(|event| format!("{event:?} leads nowhere")));
            faults
        }

        /// Every step, a line each: `new assign > assigned: leads.update|leads.hand_over; assignee`.
        pub(crate) fn lines(&self) -> Vec<String> {
            let mut lines = Vec::new();
            for row in self.rows {
                for from in row.from {
                    let rights: Vec<_> = row.rights.iter().map(|right| right.0).collect();
                    let guards: Vec<_> = row.guards.iter().map(|guard| format!("{guard:?}").to_lowercase()).collect();
                    let words = format!("{from:?} {:?} > {:?}", row.event, row.to).to_lowercase();
                    lines.push(format!("{words}: {}; {}", rights.join("|"), guards.join(" ")));
                }
            }
            lines.sort();
            lines
        }

        /// Plays every state with every event, as the system and as a person with each single right, with all guards and with none, and holds
        /// the answers against `lines`, which a test writes down by hand.
        pub(crate) fn check_exhaustively(&self, lines: &[&str]) {
            assert_eq!(self.faults(), Vec::<String>::new());
            let mut expected = lines.to_vec();
            expected.sort_unstable();
            assert_eq!(self.lines(), expected);
            let mut rights: Vec<Action> = self.rows.iter().flat_map(|row| row.rights).copied().collect();
            rights.push(Action("nothing.read"));
            for (state, event) in K::STATES.iter().flat_map(|state| K::EVENTS.iter().map(move |event| (*state, *event))) {
                let row = self.rows.iter().find(|row| row.event == event && row.from.contains(&state));
                for right in rights.iter().copied().map(Some).chain([None]) {
                    let may = |asked: Action| Some(asked) == right;
                    let who = if right.is_none() { Who::System } else { Who::Person(&may) };
                    let may_do = |row: &Row<K>| right.is_none_or(|right| row.rights.contains(&right));
                    let full = self.step(state, event, who, |_| true);
                    let empty = self.step(state, event, who, |_| false).map(|row| row.to);
                    match row {
                        None => {
                            let of = |row: &&Row<K>| row.from.contains(&state) && may_do(row);
                            let allowed = self.rows.iter().filter(of).map(|row| row.event).collect();
                            assert_eq!(empty, Err(NotNow::Elsewhere { allowed }), "{state:?} {event:?} {right:?}");
                        }
                        Some(row) if !may_do(row) => assert_eq!(empty, Err(NotNow::Forbidden { rights: row.rights })),
                        Some(row) if row.guards.is_empty() => assert_eq!(empty, Ok(row.to)),
                        Some(row) => assert_eq!(empty, Err(NotNow::Missing(row.guards.to_vec()))),
                    }
                    let goes_on = row.filter(|row| may_do(row)).map(|row| row.to);
                    assert_eq!(full.ok().map(|row| row.to), goes_on, "{state:?} {event:?} {right:?}");
                    assert!(!(self.is_final(state) && goes_on.is_some()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lamp that burns out.
    enum Lamp {}

    impl Kind for Lamp {
        type State = u8;
        type Event = char;
        type Guard = ();
        type Effect = ();
        const STATES: &'static [u8] = &[0, 1, 2];
        const EVENTS: &'static [char] = &['s', 'b'];
    }

    const fn row(from: &'static [u8], event: char, to: u8) -> Row<Lamp> {
        Row { from, event, to, rights: &[], guards: &[], effects: &[] }
    }

    fn faults(rows: &'static [Row<Lamp>], finals: &'static [u8]) -> Vec<String> {
        Machine::<Lamp> { start: 0, rows, finals }.faults()
    }

    #[test]
    fn a_table_that_is_wrong_is_found_out() {
        const WHOLE: &[Row<Lamp>] = &[row(&[0], 's', 1), row(&[1], 's', 0), row(&[0, 1], 'b', 2)];
        assert_eq!(faults(WHOLE, &[2]), Vec::<String>::new());
        assert_eq!(faults(WHOLE, &[]), ["2 is final: false; something leads out: false"]);
        assert_eq!(faults(WHOLE, &[0, 2]), ["0 is final: true; something leads out: true"]);
        const TWO_WAYS: &[Row<Lamp>] = &[row(&[0], 's', 1), row(&[0, 1], 's', 0), row(&[0, 1], 'b', 2)];
        assert_eq!(faults(TWO_WAYS, &[2]), ["0 's': 2 rows"]);
        const NEVER_BURNT: &[Row<Lamp>] = &[row(&[0], 's', 1), row(&[1], 's', 0)];
        assert_eq!(faults(NEVER_BURNT, &[2]), ["2 is never reached", "'b' leads nowhere"]);
        const AN_ISLAND: &[Row<Lamp>] = &[row(&[0], 'b', 0), row(&[1], 's', 2), row(&[2], 's', 1)];
        assert_eq!(faults(AN_ISLAND, &[]), ["1 is never reached", "2 is never reached"]);
    }
}
