//! The one door outward (R23): what stands between a slot and every INVITE that its phone or its operator causes.
//!
//! Pure: whoever is about to send such an INVITE asks here first, whatever made it (a phone that dials, REST, a transfer, a 302, later a
//! dialer or a callback), and what lets an INVITE go wants to see the [`Permit`]. Being called is not limited here.

use model::{Number, SlotLimits};

/// Why the door stays closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// The slot's list does not name the number.
    Destination {
        /// Which number.
        number: Number,
    },
    /// The slot is in as many calls as it may be.
    Calls {
        /// How many that is.
        limit: u8,
    },
}

/// That one call to one number may leave: only [`may_call`] and [`by_route`] give it, and the call uses it up.
///
/// It cannot be made by hand, and not be copied:
///
/// ```compile_fail,E0451
/// let permit = seats::Permit { number: "6001".parse().expect("a number") };
/// ```
/// ```compile_fail,E0277
/// let copy: fn(&seats::Permit) -> seats::Permit = Clone::clone;
/// ```
#[derive(Debug)]
#[must_use = "the door was asked for a call, and no call is made"]
pub struct Permit {
    number: Number,
}

impl Permit {
    /// Whom the call may go to, and nobody else.
    #[must_use]
    pub fn number(&self) -> &Number {
        &self.number
    }
}

/// Whether a slot with these limits, which takes part in `calls` calls now, may begin one to `number`.
///
/// # Errors
/// Which limit is in the way: where the call leads is asked before how many there are.
pub fn may_call(limits: &SlotLimits, calls: usize, number: Number) -> Result<Permit, Closed> {
    if number.is_emergency() {
        return Ok(Permit { number });
    }
    if !limits.allows(&number) {
        return Err(Closed::Destination { number });
    }
    let limit = limits.calls_max.min(SlotLimits::CALLS_MAX);
    if calls >= usize::from(limit) {
        return Err(Closed::Calls { limit });
    }
    Ok(Permit { number })
}

/// For a call that came by a carrier: no slot causes it, so no slot's limits count. The plan is its permission: it lets such a call ring our
/// slots (being called is not limited here), and lets it out again by no other route than one that an administrator wrote for calls of that
/// very carrier.
pub fn by_route(number: Number) -> Permit {
    Permit { number }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// What the door says to a slot that is in `calls` calls; a permit is for the very number that was asked for.
    fn told(limits: &SlotLimits, calls: usize, number: &str) -> &'static str {
        let asked: Number = number.parse().unwrap();
        match may_call(limits, calls, asked.clone()) {
            Ok(permit) => {
                assert_eq!(permit.number(), &asked);
                "open"
            }
            Err(Closed::Destination { number }) => {
                assert_eq!(number, asked);
                "destination"
            }
            Err(Closed::Calls { limit }) => {
                assert_eq!(limit, limits.calls_max.min(2));
                "calls"
            }
        }
    }

    /// Each row: the slot's limits, the calls it is in, what it dials, and what the door says.
    #[test]
    fn the_door_opens_to_what_the_limits_name() {
        type Row = (u8, &'static [&'static str], usize, &'static str, &'static str);
        let rows: [Row; 16] = [
            (2, &[], 0, "6002", "open"),
            (2, &[], 1, "+74951234567", "open"),
            (2, &[], 2, "6002", "calls"),
            (1, &[], 1, "6002", "calls"),
            (1, &[], usize::MAX, "6002", "calls"),
            (10, &[], 2, "6002", "calls"),
            (2, &["60*"], 0, "6002", "open"),
            (2, &["60*"], 0, "7002", "destination"),
            (2, &["6002"], 0, "60021", "destination"),
            (2, &["6002", "+7495*"], 0, "+74951234567", "open"),
            (2, &["+7495*"], 0, "84951234567", "destination"),
            (2, &["*"], 0, "84951234567", "open"),
            (1, &["7*"], 1, "6002", "destination"),
            // Help is called from every phone, also from one that may call nobody else and is in a call.
            (1, &["7*"], 1, "112", "open"),
            (1, &["7*"], 0, "911", "open"),
            (1, &["7*"], 0, "1120", "destination"),
        ];
        for (calls_max, destinations, calls, number, expected) in rows {
            let destinations = destinations.iter().map(|text| text.parse().unwrap()).collect();
            let limits = SlotLimits { calls_max, destinations };
            assert_eq!(told(&limits, calls, number), expected, "{limits:?} in {calls} calls > {number}");
        }
        for number in Number::EMERGENCY {
            let limits = SlotLimits { calls_max: 1, destinations: vec!["6001".parse().unwrap()] };
            assert_eq!(told(&limits, 9, number), "open", "{number}");
        }
    }
}
