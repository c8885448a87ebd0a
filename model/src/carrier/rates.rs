//! What a carrier's calls cost: prices by prefix, and what comes of a length.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Number, problem::Problems};

/// An amount in minor units (kopecks, cents), to the ten-thousandth: `"1.25"`, or `150`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Price(u64);

/// A text that is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a price is an amount in minor units up to 1000000 with at most four decimals, as \"1.25\"")]
pub struct ParsePriceError;

/// What calls to numbers that begin so cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"prefix\": \"+7495\", \"per_minute\": 90}")]
pub struct Rate {
    /// The beginning of E.164 numbers: `+7495`; `+` is every number.
    pub prefix: String,
    /// The price of a minute.
    pub per_minute: Price,
    /// The price of being answered.
    #[serde(default)]
    pub connect: Price,
    /// The least that is counted, in seconds.
    #[serde(default)]
    pub first_s: u16,
    /// What the rest is rounded up to, in seconds.
    #[serde(default = "Rate::step_s")]
    pub step_s: u16,
}

/// A carrier's prices, found by the longest prefix. In JSON a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates(BTreeMap<String, Rate>);

impl Price {
    /// The greatest: a million minor units.
    pub const MAX: Self = Self(1_000_000 * Self::UNIT);
    const UNIT: u64 = 10_000;

    /// In ten-thousandths of a minor unit.
    #[must_use]
    pub fn ten_thousandths(self) -> u64 {
        self.0
    }
}

impl Rate {
    fn step_s() -> u16 {
        60
    }

    /// What a call of this length costs, in milliseconds from its answer; 0 ms was not answered, and costs nothing.
    #[must_use]
    pub fn cost(&self, talk_ms: u64) -> Price {
        if talk_ms == 0 {
            return Price(0);
        }
        let (first, step) = (u64::from(self.first_s), u64::from(self.step_s.max(1)));
        let seconds = talk_ms.div_ceil(1000);
        let counted = first.saturating_add(seconds.saturating_sub(first).div_ceil(step).saturating_mul(step));
        Price(self.connect.0.saturating_add(self.per_minute.0.saturating_mul(counted).div_ceil(60)))
    }
}

impl Rates {
    /// The most prices of one carrier.
    pub const MAX: usize = 20_000;
    /// The longest prefix, in characters.
    const PREFIX_MAX: usize = 16;

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rate with the longest prefix of the number. One look for each of its first characters.
    #[must_use]
    pub fn of(&self, number: &Number) -> Option<&Rate> {
        let text = number.as_str();
        (1..=text.len().min(Self::PREFIX_MAX)).rev().find_map(|length| self.0.get(text.get(..length)?))
    }

    pub(crate) fn check(&self, problems: &mut Problems) {
        if self.0.len() > Self::MAX {
            return problems.add(format!("{} entries, and {} is the most", self.0.len(), Self::MAX));
        }
        for rate in self.0.values() {
            problems.field(&rate.prefix, |problems| {
                problems.range("first_s", rate.first_s, 0, 3600);
                problems.range("step_s", rate.step_s, 1, 3600);
                let digits = rate.prefix.strip_prefix('+');
                if rate.prefix.len() > Self::PREFIX_MAX || !digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
                    problems.field("prefix", |problems| problems.add("is + and at most 15 digits"));
                }
            });
        }
    }
}

impl FromStr for Price {
    type Err = ParsePriceError;

    fn from_str(text: &str) -> Result<Self, ParsePriceError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str, max: usize| !text.is_empty() && text.len() <= max && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole, 7) || !digits(part, 4) {
            return Err(ParsePriceError);
        }
        let number = |text: &str| text.parse::<u64>().map_err(|_| ParsePriceError);
        let price = Self(number(whole)? * Self::UNIT + number(&format!("{part:0<4}"))?);
        if price > Self::MAX { Err(ParsePriceError) } else { Ok(price) }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:04}", self.0 % Self::UNIT);
        match part.trim_end_matches('0') {
            "" => write!(f, "{}", self.0 / Self::UNIT),
            part => write!(f, "{}.{part}", self.0 / Self::UNIT),
        }
    }
}

impl Serialize for Price {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Price;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a price in minor units, as \"1.25\" or 150")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Price, E> {
                text.parse().map_err(de::Error::custom)
            }

            fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Price, E> {
                self.visit_str(&whole.to_string())
            }
        }
        from.deserialize_any(Visitor)
    }
}

impl Serialize for Rates {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.values())
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut rates = BTreeMap::new();
        for rate in Vec::<Rate>::deserialize(from)? {
            if let Some(before) = rates.insert(rate.prefix.clone(), rate) {
                return Err(de::Error::custom(format!("the prefix {} stands twice", before.prefix)));
            }
        }
        Ok(Self(rates))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_longest_prefix_has_the_price() {
        let rates: Rates = serde_json::from_str(
            r#"[{"prefix": "+", "per_minute": 9000}, {"prefix": "+7", "per_minute": "150"}, {"prefix": "+7495", "per_minute": "0.45"}]"#,
        )
        .unwrap();
        for (number, price) in [("+74951234567", "0.45"), ("+79161234567", "150"), ("+4930123456", "9000"), ("+7", "150")] {
            assert_eq!(rates.of(&number.parse().unwrap()).unwrap().per_minute.to_string(), price, "{number}");
        }
        assert_eq!(rates.of(&"6001".parse().unwrap()), None);
        let twice = r#"[{"prefix": "+7", "per_minute": 1}, {"prefix": "+7", "per_minute": 2}]"#;
        assert!(serde_json::from_str::<Rates>(twice).unwrap_err().to_string().contains("+7 stands twice"));
    }

    #[test]
    fn a_call_costs_what_its_steps_cost() {
        let rate = |connect: &str, first_s, step_s| Rate {
            prefix: "+".into(),
            per_minute: "6".parse().unwrap(),
            connect: connect.parse().unwrap(),
            first_s,
            step_s,
        };
        let rows = [
            (rate("0", 0, 60), 0, "0"),
            (rate("0", 0, 60), 1, "6"),
            (rate("0", 0, 60), 60_000, "6"),
            (rate("0", 0, 60), 60_001, "12"),
            (rate("0", 0, 1), 61_000, "6.1"),
            (rate("0", 30, 6), 1_000, "3"),
            (rate("0", 30, 6), 31_000, "3.6"),
            (rate("2.5", 0, 1), 10_000, "3.5"),
        ];
        for (rate, talk_ms, cost) in rows {
            assert_eq!(rate.cost(talk_ms).to_string(), cost, "{rate:?} {talk_ms}");
        }
        let odd = Rate { per_minute: Price(1), ..rate("0", 0, 1) };
        assert_eq!(odd.cost(1_000), Price(1), "a part of the smallest is counted as one");
        assert_eq!(rate("0", 0, 1).cost(u64::MAX).ten_thousandths(), u64::MAX / 60 + 1, "no length makes it fall over");
    }

    #[test]
    fn a_price_is_read_as_it_is_written() {
        for (text, written) in [("1.25", "1.25"), ("0.0001", "0.0001"), ("100.50", "100.5"), ("7", "7"), ("1000000", "1000000")] {
            assert_eq!(text.parse::<Price>().unwrap().to_string(), written);
        }
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1.00001", "1000000.0001", "10000000", "1,5", "1e3"] {
            assert_eq!(wrong.parse::<Price>(), Err(ParsePriceError), "{wrong}");
        }
    }
}
