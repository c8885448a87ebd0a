//! When a call counts as listened to.

use model::Problem;
use serde::{Deserialize, Serialize};

/// What a centre takes for having listened, and how fast it believes that people can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object such as {\"heard_percent\": 60, \"heard_s\": 30}")]
pub struct HeardPolicy {
    /// Enough if so many percent of the recording were heard, 1 to 100.
    pub heard_percent: u8,
    /// Enough if so many seconds of it were heard, however long it is, 1 to 3,600.
    pub heard_s: u32,
    /// The highest speed of play that is believed, in thousandths of the speed of speech, 1,000 to 4,000.
    pub speed_max_permille: u32,
}

impl Default for HeardPolicy {
    fn default() -> Self {
        Self { heard_percent: 60, heard_s: 30, speed_max_permille: 3_000 }
    }
}

impl HeardPolicy {
    /// What is wrong with it; nothing, if it can be used.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let ranges = [
            ("heard_percent", u32::from(self.heard_percent), 1, 100),
            ("heard_s", self.heard_s, 1, 3_600),
            ("speed_max_permille", self.speed_max_permille, 1_000, 4_000),
        ];
        let wrong = ranges.into_iter().filter(|(_, value, least, most)| value < least || value > most);
        wrong.map(|(path, _, least, most)| Problem { path: path.to_owned(), text: format!("is not between {least} and {most}") }).collect()
    }

    /// Whether somebody who has heard `heard_ms` of a recording of `duration_ms` has listened to it. Whoever has heard nothing has not.
    #[must_use]
    pub fn is_listened(&self, heard_ms: u64, duration_ms: u64) -> bool {
        let percent = heard_ms.saturating_mul(100) >= duration_ms.saturating_mul(u64::from(self.heard_percent));
        heard_ms > 0 && (percent || heard_ms >= u64::from(self.heard_s) * 1_000)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_part_or_a_while_is_enough() {
        let policy = HeardPolicy::default();
        for (heard, duration, listened) in [
            (0, 0, false),
            (0, 10_000, false),
            (5_999, 10_000, false),
            (6_000, 10_000, true),
            (29_999, 600_000, false),
            (30_000, 600_000, true),
            (1, 1, true),
            (u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(policy.is_listened(heard, duration), listened, "{heard} of {duration}");
        }
        assert!(!HeardPolicy { heard_percent: 100, heard_s: 3_600, ..policy }.is_listened(9_999, 10_000));
    }

    #[test]
    fn what_is_not_said_is_as_it_comes_and_what_is_wrong_is_told() {
        let read: HeardPolicy = serde_json::from_str(r#"{"heard_s": 45}"#).unwrap();
        assert_eq!(read, HeardPolicy { heard_s: 45, ..HeardPolicy::default() });
        assert!(read.validate().is_empty());
        let wrong = HeardPolicy { heard_percent: 0, heard_s: 3_601, speed_max_permille: 999 };
        let told: Vec<_> = wrong.validate().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "heard_percent: is not between 1 and 100",
                "heard_s: is not between 1 and 3600",
                "speed_max_permille: is not between 1000 and 4000"
            ]
        );
        assert!(serde_json::from_str::<HeardPolicy>(r#"{"heard_m": 1}"#).is_err());
    }
}
