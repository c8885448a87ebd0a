//! Keys that phones send by INFO: `application/dtmf-relay`, and its short form `application/dtmf`.
//!
//! No RFC defines the two; they are what Cisco's and most other phones send where telephone-event was not agreed on.

/// A key in an INFO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InfoDtmf {
    pub(crate) digit: char,
    pub(crate) duration_ms: u32,
}

/// How long a key counts as pressed if the phone does not say.
const DURATION_MS: u32 = 160;

/// Nobody presses a key for longer; a phone that says so is not believed.
const DURATION_MS_MAX: u32 = 10_000;

impl InfoDtmf {
    /// The form in which keys are passed on.
    pub(crate) const CONTENT_TYPE: &'static str = "application/dtmf-relay";

    /// Reads a key; none if the body is not of these types or holds none.
    pub(crate) fn read(content_type: &[u8], body: &[u8]) -> Option<Self> {
        let content_type = std::str::from_utf8(content_type).ok()?;
        let body = std::str::from_utf8(body).ok()?;
        let kind = content_type.split(';').next()?.trim();
        if kind.eq_ignore_ascii_case("application/dtmf") {
            return Some(Self { digit: key(body)?, duration_ms: DURATION_MS });
        }
        if !kind.eq_ignore_ascii_case(Self::CONTENT_TYPE) {
            return None;
        }
        let value = |name: &str| {
            let mut pairs = body.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let duration_ms = value("Duration").and_then(|text| text.parse().ok()).unwrap_or(DURATION_MS).min(DURATION_MS_MAX);
        Some(Self { digit: key(value("Signal")?)?, duration_ms })
    }

    /// The body in which the key is passed on.
    pub(crate) fn body(self) -> Vec<u8> {
        format!("Signal={}\r\nDuration={}\r\n", self.digit, self.duration_ms).into_bytes()
    }
}

/// A key of the telephone: one character, or 10 and 11 for star and pound.
fn key(text: &str) -> Option<char> {
    let text = text.trim();
    let mut characters = text.chars();
    match (characters.next()?.to_ascii_uppercase(), characters.next()) {
        (digit @ ('0'..='9' | '*' | '#' | 'A'..='D'), None) => Some(digit),
        _ if text == "10" => Some('*'),
        _ if text == "11" => Some('#'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_both_forms() {
        type Case = (&'static str, &'static str, Option<(char, u32)>);
        let cases: [Case; 11] = [
            ("application/dtmf-relay", "Signal=5\r\nDuration=250\r\n", Some(('5', 250))),
            ("Application/DTMF-Relay; x=y", "signal = *\nduration = nonsense", Some(('*', 160))),
            ("application/dtmf-relay", "Signal=11\r\n", Some(('#', 160))),
            ("application/dtmf-relay", "Signal=d\r\nDuration=4000000000\r\n", Some(('D', 10_000))),
            ("application/dtmf", " 7 \r\n", Some(('7', 160))),
            ("application/dtmf", "10", Some(('*', 160))),
            ("application/dtmf", "55", None),
            ("application/dtmf", "", None),
            ("application/dtmf-relay", "Duration=160", None),
            ("application/sdp", "Signal=5", None),
            ("application/media_control+xml", "<x/>", None),
        ];
        for (content_type, body, expected) in cases {
            let read = InfoDtmf::read(content_type.as_bytes(), body.as_bytes());
            assert_eq!(read.map(|dtmf| (dtmf.digit, dtmf.duration_ms)), expected, "{content_type} {body:?}");
        }
        assert_eq!(InfoDtmf::read(b"application/dtmf", b"\xff"), None);
    }

    #[test]
    fn a_key_is_passed_on_as_it_is_read() {
        let dtmf = InfoDtmf { digit: '#', duration_ms: 80 };
        assert_eq!(InfoDtmf::read(InfoDtmf::CONTENT_TYPE.as_bytes(), &dtmf.body()), Some(dtmf));
    }
}
