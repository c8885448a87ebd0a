//! What the operating system allows this process: descriptors and ports.

use std::{fs, ops::RangeInclusive};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open descriptors to the hard limit, and says what it is now (`u64::MAX`: without limit).
///
/// A call needs four sockets and a recording one file (FT-11), while many systems start a process with a soft limit of 1,024.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Refused only in odd sandboxes; then the limit stays what it was, and the return value says so.
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
            tracing::warn!(%error, "The limit of open descriptors could not be raised.");
        }
    }
    descriptor_limit()
}

/// How many descriptors this process may open (`u64::MAX`: without limit).
pub(crate) fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The ports that the kernel gives to outgoing connections by itself; `None` where the kernel does not say.
///
/// Media ports should lie outside, else a connection to a database may sit on a media port.
#[must_use]
pub fn ephemeral_ports() -> Option<RangeInclusive<u16>> {
    parse_port_range(&fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
}

/// "32768\t60999\n" is 32768..=60999.
fn parse_port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?.parse().ok()?;
    let last = words.next()?.parse().ok()?;
    (first <= last && words.next().is_none()).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        assert_eq!(parse_port_range("32768\t60999\n"), Some(32_768..=60_999));
        for wrong in ["", "1", "2 1", "1 2 3", "-1 5", "1 65536", "a b"] {
            assert_eq!(parse_port_range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_limit_reaches_the_hard_limit() {
        let now = raise_descriptor_limit();
        assert_eq!(now, getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX));
        assert!(now > 0);
    }
}
