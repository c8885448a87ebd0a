//! What is wrong with something that a person has set, told all at once.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The field's path in the JSON, such as `numbers[2].calls_max`; empty for the whole.
    pub path: String,
    /// What is wrong with it, for a person: lower case, without a full stop.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.text) } else { write!(f, "{}: {}", self.path, self.text) }
    }
}

/// Collects problems while something is walked through; knows the path by itself.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    path: String,
    found: Vec<Problem>,
}

impl Problems {
    /// The most problems that are told at once: nobody reads more, and a wrong file of thousands of prices must not answer with megabytes.
    const FOUND_MAX: usize = 100;

    /// What was found.
    pub(crate) fn found(self) -> Vec<Problem> {
        self.found
    }

    /// The field at hand has this problem.
    pub(crate) fn add(&mut self, text: impl Into<String>) {
        if self.found.len() < Self::FOUND_MAX {
            self.found.push(Problem { path: self.path.clone(), text: text.into() });
        }
    }

    /// Looks at a field of what is at hand.
    pub(crate) fn field(&mut self, name: &str, look: impl FnOnce(&mut Self)) {
        let before = self.path.len();
        if before > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        look(self);
        self.path.truncate(before);
    }

    /// Looks at each entry of a list, which may have `max` of them.
    pub(crate) fn list<T>(&mut self, name: &str, entries: &[T], max: usize, mut look: impl FnMut(&mut Self, &T)) {
        self.field(name, |problems| {
            if entries.len() > max {
                return problems.add(format!("{} entries, and {max} is the most", entries.len()));
            }
            for (at, entry) in entries.iter().enumerate() {
                let before = problems.path.len();
                problems.path.push_str(&format!("[{at}]"));
                look(problems, entry);
                problems.path.truncate(before);
            }
        });
    }

    /// A name or another short text for people: something is in it, and nothing that ruins a line of a log.
    pub(crate) fn text(&mut self, name: &str, text: &str, max: usize) {
        self.field(name, |problems| {
            if text.trim().is_empty() {
                problems.add("must not be empty");
            } else if text.chars().count() > max {
                problems.add(format!("longer than {max} characters"));
            } else if text.chars().any(char::is_control) {
                problems.add("has control characters");
            }
        });
    }

    /// A number with both ends.
    pub(crate) fn range<T: PartialOrd + fmt::Display>(&mut self, name: &str, value: T, min: T, max: T) {
        if value < min || value > max {
            self.field(name, |problems| problems.add(format!("{value} is not within {min} and {max}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_it_is() {
        let mut problems = Problems::default();
        problems.text("name", " ", 3);
        problems.list("numbers", &[1, 20], 2, |problems, number| {
            problems.range("calls_max", *number, 1, 9);
        });
        problems.list("hosts", &[1, 2, 3], 2, |problems, _| problems.add("never looked at"));
        problems.field("health", |problems| problems.text("name", "four", 3));
        problems.add("all in all");
        let found: Vec<_> = problems.found().iter().map(Problem::to_string).collect();
        assert_eq!(
            found,
            [
                "name: must not be empty",
                "numbers[1].calls_max: 20 is not within 1 and 9",
                "hosts: 3 entries, and 2 is the most",
                "health.name: longer than 3 characters",
                "all in all",
            ]
        );
    }

    #[test]
    fn there_is_an_end_to_what_is_told() {
        let mut problems = Problems::default();
        problems.list("rates", &[0; 1000], 1000, |problems, _| problems.add("wrong"));
        assert_eq!(problems.found().len(), Problems::FOUND_MAX);
    }
}
