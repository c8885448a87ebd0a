//! Domain names: checked, and one spelling for each.

use std::{fmt, sync::Arc};

/// The longest name, in characters without the last dot (RFC 1035, 2.3.4).
const NAME_MAX: usize = 253;
/// The longest label, in octets (RFC 1035, 2.3.4).
const LABEL_MAX: usize = 63;

/// A domain name in lower case, without a dot at its end. Cheap to clone.
///
/// Labels are of letters, digits, `-` and `_`: what hosts are named with (RFC 1123, 2.1), and what services are (RFC 2782). A name in another
/// script has to come in its ASCII form (RFC 5890).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Arc<str>);

impl DomainName {
    /// Reads a name; a dot at its end is left out. `None` if it breaks the rules: too long, an empty or too long label, another character. Nor is
    /// a name whose last label is a number one: it looks like an address (RFC 3261, 25.1, `toplabel`).
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let is_label = |label: &[u8]| (1..=LABEL_MAX).contains(&label.len()) && label.iter().copied().all(is_label_char);
        let last = name.rsplit(|&byte| byte == b'.').next()?;
        let sound = name.len() <= NAME_MAX && name.split(|&byte| byte == b'.').all(is_label) && !last.iter().all(u8::is_ascii_digit);
        sound.then(|| Self(String::from_utf8_lossy(name).to_ascii_lowercase().into()))
    }

    /// Another name before this one: `_sip._udp` before `example.org`. `None` when it would be too long.
    pub(super) fn under(&self, prefix: &str) -> Option<Self> {
        let name = format!("{prefix}.{self}");
        (name.len() <= NAME_MAX).then(|| Self(name.into()))
    }

    /// The text, without a dot at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
