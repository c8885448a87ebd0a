//! How numbers are written: from what is dialled or sent to E.164 and back, and the ordered rules for what is peculiar to a peer.

use serde::{Deserialize, Serialize};

use crate::{Number, ParseNumberError, Problem, problem::Problems};

/// How people write numbers in a country, and how they dial out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"country_code\": \"7\", \"trunk_prefix\": \"8\"}")]
pub struct NumberForm {
    /// The country's calling code, without `+`: `7`.
    pub country_code: String,
    /// What is dialled before a national number: `8` in Russia, `0` in Germany; empty where there is nothing.
    #[serde(default)]
    pub trunk_prefix: String,
    /// What is dialled before a foreign number: `810`, `00`, `011`; empty if that is not understood.
    #[serde(default)]
    pub international_prefix: String,
    /// How many digits a national number has, without the trunk prefix. Shorter numbers are left as they are: they are internal or of
    /// emergency services.
    #[serde(default = "NumberForm::national_digits")]
    pub national_digits: Digits,
}

/// How many digits, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"min\": 10, \"max\": 10}")]
pub struct Digits {
    /// At least so many.
    pub min: u8,
    /// At most so many.
    pub max: u8,
}

/// How a carrier wants the numbers that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Send {
    /// `+74951234567` (E.164 with its `+`, as RFC 3261, 19.1.6 and RFC 3966 have it).
    #[default]
    Plus,
    /// `74951234567`.
    Digits,
    /// `84951234567` at home, `810…` abroad: as people dial. It takes a [`NumberForm`].
    National,
}

/// One rule: numbers that begin so lose their first characters and get others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"starts\": \"00\", \"strip\": 2, \"add\": \"+\"}")]
pub struct Rule {
    /// Which numbers it is for: the called one, the calling one, or both.
    #[serde(default)]
    pub of: RuleOf,
    /// It is for numbers that begin so; empty: for all.
    #[serde(default)]
    pub starts: String,
    /// It is for numbers with so many characters, `+` included; none: however many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Digits>,
    /// How many characters are taken from the front.
    #[serde(default)]
    pub strip: u8,
    /// What is put there instead.
    #[serde(default)]
    pub add: String,
}

/// Which numbers a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOf {
    /// The called and the calling number.
    #[default]
    Both,
    /// The called number.
    Called,
    /// The calling number.
    Caller,
}

/// The most rules of one list.
pub const RULES_MAX: usize = 64;

/// Rewrites by the first rule that is for the number; without one it stays as it is. `of` is not [`RuleOf::Both`].
///
/// # Errors
///
/// If what comes out cannot be dialled: it is empty or too long.
pub fn rewrite(rules: &[Rule], of: RuleOf, number: &Number) -> Result<Number, ParseNumberError> {
    let Some(rule) = rules.iter().find(|rule| rule.is_for(of, number)) else { return Ok(number.clone()) };
    let rest = number.as_str().get(usize::from(rule.strip)..).unwrap_or_default();
    format!("{}{rest}", rule.add).parse()
}

impl Rule {
    fn is_for(&self, of: RuleOf, number: &Number) -> bool {
        let text = number.as_str();
        let length = self.length.is_none_or(|length| usize::from(length.min) <= text.len() && text.len() <= usize::from(length.max));
        (self.of == RuleOf::Both || self.of == of) && length && text.starts_with(&self.starts)
    }

    pub(crate) fn check(&self, problems: &mut Problems) {
        for (name, text) in [("starts", &self.starts), ("add", &self.add)] {
            if !(text.is_empty() || text == "+" || text.parse::<Number>().is_ok_and(|number| number.as_str() == text)) {
                problems.field(name, |problems| problems.add("has more than digits, * and #, with an optional leading +"));
            }
        }
        if let Some(length) = self.length {
            problems.field("length", |problems| length.check(problems, 1, 32));
        }
        problems.range("strip", self.strip, 0, 32);
        if self.strip == 0 && self.add.is_empty() && self.starts.is_empty() {
            problems.add("changes nothing, and no rule after it is ever looked at: take it out");
        }
    }
}

impl Digits {
    /// Whether so many are within.
    #[must_use]
    pub fn has(self, many: usize) -> bool {
        usize::from(self.min) <= many && many <= usize::from(self.max)
    }

    fn check(self, problems: &mut Problems, min: u8, max: u8) {
        problems.range("min", self.min, min, max);
        problems.range("max", self.max, self.min, max);
    }
}

impl NumberForm {
    fn national_digits() -> Digits {
        Digits { min: 10, max: 10 }
    }

    /// The number in E.164, with `+`. What is no number of the world stays as it is.
    #[must_use]
    pub fn e164(&self, number: &Number) -> Number {
        let text = number.as_str();
        if text.bytes().any(|byte| !byte.is_ascii_digit()) {
            return number.clone();
        }
        // A foreign number has its country's code and something behind it.
        let abroad = |rest: &&str| !self.international_prefix.is_empty() && (6..=15).contains(&rest.len()) && !rest.starts_with('0');
        let national = |rest: &&str| self.national_digits.has(rest.len());
        let at_home = |rest: &str| format!("+{}{rest}", self.country_code);
        let found = None
            // First what is longer: 00 begins with the 0 of home, and 810 with the 8.
            .or_else(|| Some(format!("+{}", text.strip_prefix(&self.international_prefix).filter(abroad)?)))
            .or_else(|| Some(at_home(text.strip_prefix(&self.trunk_prefix).filter(|_| !self.trunk_prefix.is_empty()).filter(national)?)))
            .or_else(|| Some(at_home(text.strip_prefix(&self.country_code).filter(national)?)))
            .or_else(|| Some(at_home(Some(text).filter(national)?)));
        found.and_then(|found| found.parse().ok()).unwrap_or_else(|| number.clone())
    }

    /// The number as people here dial it. What is not E.164 stays as it is.
    #[must_use]
    pub fn national(&self, number: &Number) -> Number {
        let Some(digits) = number.as_str().strip_prefix('+') else { return number.clone() };
        let text = match digits.strip_prefix(&self.country_code).filter(|rest| self.national_digits.has(rest.len())) {
            Some(rest) => format!("{}{rest}", self.trunk_prefix),
            None => format!("{}{digits}", self.international_prefix),
        };
        text.parse().unwrap_or_else(|_| number.clone())
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check(&mut problems);
        problems.found()
    }

    pub(crate) fn check(&self, problems: &mut Problems) {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if self.country_code.is_empty() || self.country_code.len() > 3 || !digits(&self.country_code) || self.country_code.starts_with('0')
        {
            problems.field("country_code", |problems| problems.add("is 1 to 3 digits without +, such as 7"));
        }
        for (name, text) in [("trunk_prefix", &self.trunk_prefix), ("international_prefix", &self.international_prefix)] {
            if text.len() > 8 || !digits(text) {
                problems.field(name, |problems| problems.add("is at most 8 digits"));
            }
        }
        // Four digits are slots and services.
        problems.field("national_digits", |problems| self.national_digits.check(problems, 5, 14));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn form(country_code: &str, trunk: &str, international: &str, min: u8, max: u8) -> NumberForm {
        NumberForm {
            country_code: country_code.into(),
            trunk_prefix: trunk.into(),
            international_prefix: international.into(),
            national_digits: Digits { min, max },
        }
    }

    #[test]
    fn what_people_dial_becomes_e164_and_is_written_back() {
        let russia = form("7", "8", "810", 10, 10);
        let germany = form("49", "0", "00", 6, 11);
        let america = form("1", "1", "011", 10, 10);
        let italy = form("39", "", "00", 8, 11);
        let rows = [
            (&russia, "84951234567", "+74951234567", "84951234567"),
            (&russia, "74951234567", "+74951234567", "84951234567"),
            (&russia, "4951234567", "+74951234567", "84951234567"),
            (&russia, "+7 (495) 123-45-67", "+74951234567", "84951234567"),
            (&russia, "810493012345678", "+493012345678", "810493012345678"),
            (&russia, "112", "112", "112"),
            (&russia, "6001", "6001", "6001"),
            (&russia, "*72#", "*72#", "*72#"),
            (&germany, "03012345678", "+493012345678", "03012345678"),
            (&germany, "0074951234567", "+74951234567", "0074951234567"),
            (&germany, "0033123456789", "+33123456789", "0033123456789"),
            (&germany, "493012345678", "+493012345678", "03012345678"),
            (&america, "12125551234", "+12125551234", "12125551234"),
            (&america, "2125551234", "+12125551234", "12125551234"),
            (&america, "01174951234567", "+74951234567", "01174951234567"),
            // Where there is no trunk prefix, a leading zero belongs to the number.
            (&italy, "0612345678", "+390612345678", "0612345678"),
        ];
        for (form, dialled, e164, national) in rows {
            let number = form.e164(&dialled.parse().unwrap());
            assert_eq!(number.as_str(), e164, "{dialled}");
            assert_eq!(form.national(&number).as_str(), national, "{dialled}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_is_the_only_one() {
        let rules: Vec<Rule> = serde_json::from_str(
            r#"[{"of": "caller", "starts": "+7", "strip": 2, "add": "8"},
                {"starts": "9999#", "strip": 5},
                {"starts": "00", "length": {"min": 10, "max": 17}, "strip": 2, "add": "+"},
                {"starts": "0", "strip": 1, "add": "+49"}]"#,
        )
        .unwrap();
        let rows = [
            (RuleOf::Called, "+74951234567", "+74951234567"),
            (RuleOf::Caller, "+74951234567", "84951234567"),
            (RuleOf::Called, "9999#0074951234567", "0074951234567"),
            (RuleOf::Called, "0074951234567", "+74951234567"),
            (RuleOf::Called, "00749", "+490749"),
            (RuleOf::Called, "6001", "6001"),
        ];
        for (of, number, rewritten) in rows {
            assert_eq!(rewrite(&rules, of, &number.parse().unwrap()).unwrap().as_str(), rewritten, "{number}");
        }
        let nothing = [Rule { strip: 9, ..Rule::default() }];
        assert_eq!(rewrite(&nothing, RuleOf::Called, &"6001".parse().unwrap()), Err(ParseNumberError));
        let long = [Rule { add: "1".repeat(30), ..Rule::default() }];
        assert_eq!(rewrite(&long, RuleOf::Called, &"6001".parse().unwrap()), Err(ParseNumberError));
    }
}
