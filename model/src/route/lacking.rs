//! What is set and never has an effect: numbers of routes that are never read so, and carriers that bring nothing. Told as warnings.

use super::{CameBy, Plan, RouteEntry, plan::name_of};
use crate::{
    CarrierId, CenterId, Destination, Number, Problem,
    carrier::{Carrier, CarrierEntry, Centers, NumberForm},
    problem::Problems,
};

impl Plan {
    /// The most warnings of carriers that are told.
    const LACKING_MAX: usize = 100;

    /// What carriers name that is not there, and those by which no call comes or goes; at most a hundred.
    pub fn carriers_lacking(&self) -> impl Iterator<Item = (CarrierId, &str, Problem)> {
        let found = self.carriers().flat_map(|entry| {
            let mut problems = Problems::default();
            self.lacking(entry, &mut problems);
            problems.found().into_iter().map(|problem| (entry.id, entry.carrier.name.as_str(), problem))
        });
        found.take(Self::LACKING_MAX)
    }

    fn lacking(&self, entry: &CarrierEntry, problems: &mut Problems) {
        let carrier = &entry.carrier;
        problems.list("numbers", &carrier.numbers, Carrier::NUMBERS_MAX, |problems, number| {
            let center = entry.center_of(number);
            problems.field("to", |problems| {
                for slot in number.to.iter().filter(|slot| self.slot(slot, center).is_none()) {
                    problems.add(format!("there is no slot {} in this center", name_of(slot)));
                }
            });
        });
        // Of a shared one, a center sees what is its own.
        if carrier.on && carrier.centers == Centers::Own && carrier.numbers.is_empty() && carrier.callers.is_empty() {
            problems.add("it has neither numbers nor callers: no call comes by it, and none goes out");
        }
    }

    /// Tells of a route's numbers that no call has once its number is read.
    pub(super) fn unread(&self, entry: &RouteEntry, problems: &mut Problems) {
        let matches = &entry.route.matches;
        if let Some(form) = self.numbering().forms.get(&entry.center) {
            problems.list("match.to", &matches.to, super::Route::NUMBERS_MAX, |problems, to| {
                if !self.is_inside(entry.center, to) {
                    tell(&[form], to, problems);
                }
            });
        }
        if let CameBy::Carriers(carriers) = &matches.came_by {
            let forms: Option<Vec<&NumberForm>> = carriers.iter().map(|id| self.carrier(*id)?.carrier.form.as_ref()).collect();
            let forms = forms.unwrap_or_default();
            problems.list("match.from", &matches.from, super::Route::NUMBERS_MAX, |problems, from| tell(&forms, from, problems));
        }
    }

    /// Whether it is meant for slots, services or help, whose numbers stay as they are dialled.
    fn is_inside(&self, center: CenterId, to: &Destination) -> bool {
        let numbering = self.numbering();
        let mut slots = numbering.slots.iter().filter(|(_, (_, of))| *of == center).map(|(number, _)| number);
        let help = || Number::EMERGENCY.iter().filter_map(|number| number.parse::<Number>().ok()).any(|number| to.covers(&number));
        slots.any(|number| to.covers(number)) || numbering.services.iter().any(|number| to.covers(number)) || help()
    }
}

/// Tells how a number is read by all of these, if none of them leaves it as it is written.
fn tell(forms: &[&NumberForm], number: &Destination, problems: &mut Problems) {
    let text = number.to_string();
    let mut read = forms.iter().map(|form| read_as(form, &text));
    if let Some(Some(first)) = read.next()
        && read.all(|other| other.as_ref() == Some(&first))
    {
        let shown = first.replace('*', "…");
        problems.add(format!("{text} is read as {shown} before it gets here, so this never matches: write {first}"));
    }
}

/// What a number, or the beginning of numbers with its star, is once it is read; none if it stays as it is.
fn read_as(form: &NumberForm, text: &str) -> Option<String> {
    let Some(start) = text.strip_suffix('*') else {
        let number: Number = text.parse().ok()?;
        let read = form.e164(&number);
        return (read != number).then(|| read.to_string());
    };
    if !start.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let behind = |prefix: &str| Some(start.strip_prefix(prefix)?.to_owned()).filter(|rest| !prefix.is_empty() && !rest.is_empty());
    let at_home = |rest: String| format!("+{}{rest}", form.country_code);
    // As people mean it: first the longer prefix.
    let ways = [
        behind(&form.international_prefix).map(|rest| format!("+{rest}")),
        behind(&form.trunk_prefix).map(at_home),
        behind(&form.country_code).map(at_home),
        // Shorter ones may be of emergency services and the like.
        Some(start.to_owned()).filter(|start| start.len() >= BARE_MIN).map(at_home),
    ];
    // Only if numbers that begin so are really read so.
    let is_read = |read: &String| {
        (0..=DIGITS_MAX).any(|more| {
            let number: Option<Number> = format!("{start}{}", "2".repeat(more)).parse().ok();
            number.is_some_and(|number| form.e164(&number).as_str().starts_with(read.as_str()))
        })
    };
    ways.into_iter().flatten().find(is_read).map(|read| format!("{read}*"))
}

/// The most digits of a number of the world (E.164).
const DIGITS_MAX: usize = 15;
/// The shortest beginning of a national number, without its trunk prefix, that is taken for one.
const BARE_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_as_it_is_read() {
        let form = |text: &str| serde_json::from_str::<NumberForm>(text).unwrap_or_else(|error| panic!("{error}"));
        let russia = form(r#"{"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}"#);
        let italy = form(r#"{"country_code": "39", "international_prefix": "00", "national_digits": {"min": 8, "max": 11}}"#);
        let rows = [
            (&russia, "8495*", Some("+7495*")),
            (&russia, "7495*", Some("+7495*")),
            (&russia, "4951*", Some("+74951*")),
            (&russia, "81049*", Some("+49*")),
            (&russia, "84951234567", Some("+74951234567")),
            (&russia, "+7495*", None),
            (&russia, "*", None),
            (&russia, "+*", None),
            (&russia, "8*", None),
            (&russia, "6001", None),
            (&russia, "495*", None),
            (&russia, "112", None),
            // Longer than any number that is read.
            (&russia, "8495123456789*", None),
            (&italy, "0612*", Some("+390612*")),
            (&italy, "0049*", Some("+49*")),
        ];
        for (form, text, expected) in rows {
            assert_eq!(read_as(form, text).as_deref(), expected, "{text}");
        }
    }
}
