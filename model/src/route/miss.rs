//! Why a route is not for a call.

use super::{Came, CameBy, Decision, Question, Route};
use crate::{Destination, Number};

/// Why a route does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    Off,
    To,
    Length,
    From,
    CameBy,
    When,
    Transit,
}

impl Route {
    /// Why it does not match; none if it does.
    pub(super) fn miss(&self, question: &Question, read: &Decision) -> Option<Miss> {
        let matches = &self.matches;
        let names_carrier = match (&matches.came_by, question.came_by) {
            (CameBy::Any, _) | (CameBy::Slot, Came::Slot) => None,
            (CameBy::Carriers(carriers), Came::Carrier(id)) => Some(carriers.contains(&id)),
            (CameBy::Slot, Came::Carrier(_)) | (CameBy::Carriers(_), Came::Slot) => Some(false),
        };
        let covers = |numbers: &[Destination], number: &Number| numbers.iter().any(|one| one.covers(number));
        if !self.on {
            Some(Miss::Off)
        } else if !matches.to.is_empty() && !covers(&matches.to, &read.to) {
            Some(Miss::To)
        } else if matches.length.is_some_and(|length| usize::from(length) != read.to.as_str().len()) {
            Some(Miss::Length)
        } else if !matches.from.is_empty() && !read.from.as_ref().is_some_and(|from| covers(&matches.from, from)) {
            Some(Miss::From)
        } else if names_carrier == Some(false) {
            Some(Miss::CameBy)
        } else if names_carrier.is_none() && question.came_by != Came::Slot && self.then.may_lead_out() {
            Some(Miss::Transit)
        } else if matches.when.as_ref().is_some_and(|when| when.calendar.is_open(question.at) != when.open) {
            Some(Miss::When)
        } else {
            None
        }
    }
}
