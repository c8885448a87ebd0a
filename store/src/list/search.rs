//! Search by words: texts are folded when they are stored and when they are looked for, because SQLite folds nothing but ASCII by itself.

use super::Wrong;
use crate::db::storable;

/// The most text that a search may have.
pub const SEARCH_OCTETS_MAX: usize = 512;
/// The most words that a search may have.
pub const SEARCH_WORDS_MAX: usize = 8;

/// Words that are looked for, each anywhere in what is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(String);

impl Search {
    /// Reads what somebody has typed; none if that is nothing.
    ///
    /// # Errors
    /// It is too long.
    pub fn parse(text: &str) -> Result<Option<Self>, Wrong> {
        let folded = fold_search(text);
        if text.len() > SEARCH_OCTETS_MAX || folded.split(' ').count() > SEARCH_WORDS_MAX {
            return Err(Wrong::invalid("q", format!("a search has at most {SEARCH_WORDS_MAX} words and {SEARCH_OCTETS_MAX} octets")));
        }
        Ok((!folded.is_empty()).then_some(Self(folded)))
    }

    /// Whether all the words are in a folded text.
    #[must_use]
    pub fn finds(&self, folded: &str) -> bool {
        self.words().all(|word| folded.contains(word))
    }

    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text as searches see it: in small letters, `ё` as `е`, with single spaces between words and none around them.
///
/// For the columns that [`model::Resource::search`] names: they hold what this gives.
#[must_use]
pub fn fold_search(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in storable(text).split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        for letter in word.chars().flat_map(char::to_lowercase) {
            match letter {
                'ё' => folded.push('е'),
                // The same letters as some systems write them: a letter and its mark.
                '\u{308}' if folded.ends_with('е') => {}
                '\u{306}' if folded.ends_with('и') => {
                    folded.pop();
                    folded.push('й');
                }
                letter => folded.push(letter),
            }
        }
    }
    folded
}

/// A text for LIKE, with `\` before what LIKE would take for more than a letter.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 2);
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_people_would_call_the_same_is_folded_to_the_same() {
        let cases = [
            ("", ""),
            ("  \t\n ", ""),
            ("Иван", "иван"),
            ("  КОРОЛЁВ \u{a0} Пётр\n", "королев петр"),
            ("Короле\u{308}в и\u{306}од", "королев йод"),
            ("Йод", "йод"),
            ("naïve", "naïve"),
            ("a\0b", "a\u{fffd}b"),
            ("100%_\\", "100%_\\"),
            ("\u{202e}abc", "\u{202e}abc"),
        ];
        for (text, wanted) in cases {
            assert_eq!(fold_search(text), wanted, "{text:?}");
            assert_eq!(fold_search(&fold_search(text)), wanted, "{text:?} twice");
        }
        assert_eq!(escaped(r"50%_a\b"), r"50\%\_a\\b");
    }

    #[test]
    fn a_search_has_a_few_words() {
        let found = |asked: &str, text: &str| Search::parse(asked).unwrap().is_none_or(|search| search.finds(&fold_search(text)));
        assert!(found(" Пётр  КОРОЛ", "Королёв Петр"));
        assert!(!found("петр иванов", "Королёв Петр"));
        assert!(found(" ", "anything"));
        assert!(Search::parse("a b c d e f g h").is_ok());
        for wrong in ["a b c d e f g h i".to_owned(), "x".repeat(513)] {
            assert_eq!(Search::parse(&wrong).unwrap_err().field, "q");
        }
    }
}
