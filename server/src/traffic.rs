//! SIP messages counted by direction, transport and kind: plain numbers, which go to the metrics once in a while.

use api::{Metrics, SipLabels};
use sip_core::Transport;

/// What a message is: the method of a request, or the class of a response.
const KINDS: [&str; 21] = [
    "other",
    "REGISTER",
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "PRACK",
    "UPDATE",
    "INFO",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "REFER",
    "PUBLISH",
    "1xx",
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "6xx",
];

/// Where the classes of responses begin among the kinds.
const CLASSES: usize = 15;

const DIRECTIONS: [&str; 2] = ["in", "out"];

type Counts = [[[u64; KINDS.len()]; Transport::ALL.len()]; 2];

/// The counts.
#[derive(Default)]
pub(crate) struct Traffic {
    counts: Counts,
    told: Counts,
}

impl Traffic {
    /// A message came.
    pub(crate) fn came(&mut self, transport: Transport, message: &[u8]) {
        self.count(0, transport, message);
    }

    /// A message goes.
    pub(crate) fn goes(&mut self, transport: Transport, message: &[u8]) {
        self.count(1, transport, message);
    }

    fn count(&mut self, direction: usize, transport: Transport, message: &[u8]) {
        let transport = Transport::ALL.iter().position(|one| *one == transport).unwrap_or(0);
        let count = self.counts.get_mut(direction).and_then(|of| of.get_mut(transport)).and_then(|of| of.get_mut(kind(message)));
        if let Some(count) = count {
            *count += 1;
        }
    }

    /// Brings over what has been counted since the last time.
    pub(crate) fn tell(&mut self, metrics: &Metrics) {
        for (direction, (counts, told)) in DIRECTIONS.iter().zip(self.counts.iter().zip(&mut self.told)) {
            for (transport, (counts, told)) in Transport::ALL.iter().map(|one| one.name()).zip(counts.iter().zip(told)) {
                for (kind, (count, told)) in KINDS.iter().zip(counts.iter().zip(told)) {
                    let new = count - std::mem::replace(told, *count);
                    if new > 0 {
                        let total = if *direction == "in" { &metrics.sip_received } else { &metrics.sip_sent };
                        total.inc_by(new);
                        metrics.sip_messages.get_or_create(&SipLabels { direction, transport, kind }).inc_by(new);
                    }
                }
            }
        }
    }
}

/// The place among [`KINDS`]. What is no SIP at all is an "other", too.
fn kind(message: &[u8]) -> usize {
    if let Some(status) = message.strip_prefix(b"SIP/2.0 ") {
        return match status.first() {
            Some(digit @ b'1'..=b'6') => CLASSES + usize::from(digit - b'1'),
            _ => 0,
        };
    }
    let method = message.iter().take(16).position(|octet| *octet == b' ').and_then(|end| message.get(..end)).unwrap_or_default();
    KINDS.iter().take(CLASSES).position(|kind| kind.as_bytes() == method).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn messages_are_told_apart_by_their_first_octets() {
        for (message, expected) in [
            ("INVITE sip:x SIP/2.0\r\n", "INVITE"),
            ("PUBLISH sip:x SIP/2.0\r\n", "PUBLISH"),
            ("SIP/2.0 100 Trying\r\n", "1xx"),
            ("SIP/2.0 200 OK\r\n", "2xx"),
            ("SIP/2.0 603 Decline\r\n", "6xx"),
            ("SIP/2.0 700 What\r\n", "other"),
            ("invite sip:x SIP/2.0\r\n", "other"),
            ("2xx sip:x SIP/2.0\r\n", "other"),
            ("", "other"),
            ("NOSUCHMETHODATALLHERE sip:x", "other"),
        ] {
            assert_eq!(KINDS.get(kind(message.as_bytes())), Some(&expected), "{message:?}");
        }
    }

    #[test]
    fn each_message_is_told_once() {
        let (metrics, mut traffic) = (Metrics::new(), Traffic::default());
        traffic.came(Transport::Udp, b"REGISTER sip:x SIP/2.0\r\n");
        traffic.goes(Transport::Udp, b"SIP/2.0 401 Unauthorized\r\n");
        traffic.tell(&metrics);
        traffic.came(Transport::Tcp, b"REGISTER sip:x SIP/2.0\r\n");
        traffic.came(Transport::Wss, b"REGISTER sip:x SIP/2.0\r\n");
        traffic.tell(&metrics);
        traffic.tell(&metrics);
        let text = metrics.render().unwrap();
        for line in [
            r#"cordboard_sip_messages_total{direction="in",transport="udp",kind="REGISTER"} 1"#,
            r#"cordboard_sip_messages_total{direction="in",transport="tcp",kind="REGISTER"} 1"#,
            r#"cordboard_sip_messages_total{direction="in",transport="wss",kind="REGISTER"} 1"#,
            r#"cordboard_sip_messages_total{direction="out",transport="udp",kind="4xx"} 1"#,
            "cordboard_sip_received_total 3",
            "cordboard_sip_sent_total 1",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} is not in\n{text}");
        }
    }
}
