//! The one door outward (R23): what stands between a slot and every INVITE that its phone or its operator causes.
//!
//! Pure: whoever is about to send such an INVITE asks here first, whatever made it (a phone that dials, REST, later a transfer, a
//! dialer or a callback). Being called is not limited here.

use model::{Number, SlotLimits};

/// Emergency numbers of the countries we serve: these pass whatever the limits say.
pub const EMERGENCY: [&str; 6] = ["101", "102", "103", "104", "112", "911"];

/// Why the door stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The slot's list does not name the number.
    Destination,
    /// The slot is in as many calls as it may be.
    Calls {
        /// How many that is.
        limit: u8,
    },
}

/// Whether the number calls for help.
#[must_use]
pub fn is_emergency(number: &Number) -> bool {
    EMERGENCY.contains(&number.as_str())
}

/// Whether a slot with these limits, which takes part in `calls` calls now, may begin one to `number`.
///
/// # Errors
/// Which limit is in the way: where the call leads is asked before how many there are.
pub fn may_call(limits: &SlotLimits, calls: usize, number: &Number) -> Result<(), Closed> {
    if is_emergency(number) {
        return Ok(());
    }
    if !limits.allows(number) {
        return Err(Closed::Destination);
    }
    if calls >= usize::from(limits.calls_max) {
        return Err(Closed::Calls { limit: limits.calls_max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Each row: the slot's limits, the calls it is in, what it dials, and what the door says.
    #[test]
    fn the_door_opens_to_what_the_limits_name() {
        const LIMIT_1: Result<(), Closed> = Err(Closed::Calls { limit: 1 });
        const LIMIT_2: Result<(), Closed> = Err(Closed::Calls { limit: 2 });
        const DESTINATION: Result<(), Closed> = Err(Closed::Destination);
        type Row = (u8, &'static [&'static str], usize, &'static str, Result<(), Closed>);
        let rows: [Row; 15] = [
            (2, &[], 0, "6002", Ok(())),
            (2, &[], 1, "+74951234567", Ok(())),
            (2, &[], 2, "6002", LIMIT_2),
            (1, &[], 1, "6002", LIMIT_1),
            (1, &[], usize::MAX, "6002", LIMIT_1),
            (2, &["60*"], 0, "6002", Ok(())),
            (2, &["60*"], 0, "7002", DESTINATION),
            (2, &["6002"], 0, "60021", DESTINATION),
            (2, &["6002", "+7495*"], 0, "+74951234567", Ok(())),
            (2, &["+7495*"], 0, "84951234567", DESTINATION),
            (2, &["*"], 0, "84951234567", Ok(())),
            (1, &["7*"], 1, "6002", DESTINATION),
            // Help is called from every phone, also from one that may call nobody else and is in a call.
            (1, &["7*"], 1, "112", Ok(())),
            (1, &["7*"], 0, "911", Ok(())),
            (1, &["7*"], 0, "1120", DESTINATION),
        ];
        for (calls_max, destinations, calls, number, expected) in rows {
            let destinations = destinations.iter().map(|text| text.parse().unwrap()).collect();
            let limits = SlotLimits { calls_max, destinations };
            assert_eq!(may_call(&limits, calls, &number.parse().unwrap()), expected, "{limits:?} in {calls} calls > {number}");
        }
        for number in EMERGENCY {
            let limits = SlotLimits { calls_max: 1, destinations: vec!["6001".parse().unwrap()] };
            assert_eq!(may_call(&limits, 9, &number.parse().unwrap()), Ok(()), "{number}");
        }
    }
}
