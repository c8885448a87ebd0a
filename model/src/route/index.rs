//! Finding the routes that could match without looking at all of them.

use std::collections::BTreeMap;

use super::{CameBy, Match};
use crate::{CarrierId, Destination, Number};

/// The routes of one centre by the one thing that tells them apart best: the called number, else the calling one, else the carrier.
///
/// A look takes one step for each character of both numbers; what it gives holds all that can match, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    to: Numbers,
    from: Numbers,
    carriers: BTreeMap<CarrierId, Vec<u32>>,
    rest: Vec<u32>,
}

#[derive(Debug, Clone, Default)]
struct Numbers {
    whole: BTreeMap<String, Vec<u32>>,
    begins: BTreeMap<String, Vec<u32>>,
}

impl Index {
    /// Adds the route at this place. Places come in order.
    pub(super) fn add(&mut self, place: u32, matches: &Match) {
        let tells = |numbers: &[Destination]| !numbers.is_empty() && numbers.iter().all(|number| number.to_string() != "*");
        if tells(&matches.to) {
            self.to.add(place, &matches.to);
        } else if tells(&matches.from) {
            self.from.add(place, &matches.from);
        } else if let CameBy::Carriers(carriers) = &matches.came_by {
            for carrier in carriers {
                push(self.carriers.entry(*carrier).or_default(), place);
            }
        } else {
            push(&mut self.rest, place);
        }
    }

    /// Adds the lists of places that such a call could match.
    pub(super) fn look<'a>(&'a self, from: Option<&Number>, to: &Number, carrier: Option<CarrierId>, found: &mut Vec<&'a [u32]>) {
        self.to.look(to, found);
        if let Some(from) = from {
            self.from.look(from, found);
        }
        found.extend(carrier.and_then(|carrier| self.carriers.get(&carrier)).map(Vec::as_slice));
        if !self.rest.is_empty() {
            found.push(&self.rest);
        }
    }
}

impl Numbers {
    fn add(&mut self, place: u32, numbers: &[Destination]) {
        for number in numbers {
            let text = number.to_string();
            match text.strip_suffix('*') {
                Some(start) => push(self.begins.entry(start.to_owned()).or_default(), place),
                None => push(self.whole.entry(text).or_default(), place),
            }
        }
    }

    fn look<'a>(&'a self, number: &Number, found: &mut Vec<&'a [u32]>) {
        let text = number.as_str();
        found.extend(self.whole.get(text).map(Vec::as_slice));
        if !self.begins.is_empty() {
            let starts = (1..=text.len()).filter_map(|length| text.get(..length));
            found.extend(starts.filter_map(|start| self.begins.get(start)).map(Vec::as_slice));
        }
    }
}

fn push(places: &mut Vec<u32>, place: u32) {
    // A route that names a number twice is looked at once.
    if places.last() != Some(&place) {
        places.push(place);
    }
}

/// All places of these lists, each once and in order.
pub(super) struct Merged<'a>(pub(super) Vec<&'a [u32]>);

impl Iterator for Merged<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let least = self.0.iter().filter_map(|list| list.first()).min().copied()?;
        for list in &mut self.0 {
            if let Some((first, rest)) = list.split_first()
                && *first == least
            {
                *list = rest;
            }
        }
        Some(least)
    }
}
