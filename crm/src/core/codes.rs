//! Words that stand for something on the wire and in the database: one lower-case code each, read in any case (S004-106).

/// A text that is none of the codes that it should be one of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} is one of {}", known.join(", "))]
pub struct UnknownCode {
    /// What was to be read: "a lead's state".
    pub kind: &'static str,
    /// The codes that there are.
    pub known: Vec<&'static str>,
}

/// An enum whose variants each have a code. It is written and serialised as its code, and read in any case.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident, $kind:literal: $($(#[$of:meta])* $variant:ident = $code:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl $name {
            /// All of them, in the order that they are declared in.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code, as it stands on the wire and in the database.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::core::UnknownCode;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().copied().find(|known| known.code().eq_ignore_ascii_case(text));
                found.ok_or_else(|| $crate::core::UnknownCode { kind: $kind, known: Self::ALL.iter().map(|known| known.code()).collect() })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    #![expect(unreachable_pub, reason = "what the macro makes is public")]

    codes! {
        /// Two words.
        Word, "a word":
        /// The first.
        First = "first",
        /// The second.
        SecondOne = "second_one",
    }

    #[test]
    fn a_code_is_written_in_lower_case_and_read_in_any() {
        assert_eq!(serde_json::to_string(Word::ALL).unwrap(), r#"["first","second_one"]"#);
        for text in ["second_one", "SECOND_ONE", "Second_One"] {
            assert_eq!(text.parse(), Ok(Word::SecondOne));
            assert_eq!(serde_json::from_value::<Word>(text.into()).unwrap(), Word::SecondOne);
        }
        for wrong in ["", "third", " first", "second-one"] {
            assert_eq!(wrong.parse::<Word>().unwrap_err().to_string(), "a word is one of first, second_one", "{wrong}");
        }
        assert!(serde_json::from_str::<Word>("1").is_err());
    }
}
