//! SIP messages for tests: read and written as text, nothing hidden, nothing repaired.

use std::fmt::Write;

use anyhow::{Context, Result};

/// A SIP message as a start line, header lines in order, and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The start line, without its end.
    pub start: String,
    /// Header names as written (compact ones written out) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// A message with nothing but a start line.
    #[must_use]
    pub fn new(start: impl Into<String>) -> Self {
        Self { start: start.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Reads one datagram.
    ///
    /// # Errors
    /// When it is no SIP message.
    pub fn parse(datagram: &[u8]) -> Result<Self> {
        let end = datagram.windows(4).position(|window| window == b"\r\n\r\n").context("no end of the header")?;
        let head = String::from_utf8_lossy(datagram.get(..end).unwrap_or_default()).into_owned();
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        anyhow::ensure!(start.contains("SIP/2.0"), "no SIP message: {start}");
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').with_context(|| format!("no header line: {line}"))?;
            headers.push((long_name(name.trim()).to_owned(), value.trim().to_owned()));
        }
        Ok(Self { start, headers, body: datagram.get(end + 4..).unwrap_or_default().to_vec() })
    }

    /// This message with one more header line.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// This message with `name` standing once, with `value`, where it first stood.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        let place = self.headers.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        let place = place.unwrap_or(self.headers.len()).min(self.headers.len());
        self.headers.insert(place, (name.to_owned(), value.into()));
        self
    }

    /// This message without `name`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// This message with a body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.set("Content-Type", content_type)
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a header, a line each.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The status of a response; none for a request.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method of a request, or of the request that a response answers.
    #[must_use]
    pub fn method(&self) -> &str {
        match self.status() {
            Some(_) => self.header("CSeq").and_then(|value| value.split_whitespace().nth(1)).unwrap_or_default(),
            None => self.start.split(' ').next().unwrap_or_default(),
        }
    }

    /// The number in CSeq.
    #[must_use]
    pub fn cseq(&self) -> u32 {
        self.header("CSeq").and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.header("Call-ID").unwrap_or_default()
    }

    /// The branch of the topmost Via.
    #[must_use]
    pub fn branch(&self) -> &str {
        self.header("Via").and_then(|via| parameter(via, "branch")).unwrap_or_default()
    }

    /// The tag of `From` or `To`.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        parameter(self.header(name)?, "tag")
    }

    /// The URI of the first Contact.
    #[must_use]
    pub fn contact(&self) -> Option<&str> {
        Some(uri_of(self.header("Contact")?))
    }

    /// The octets that go on the wire. Content-Length is added unless the test wrote its own.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if self.header("Content-Length").is_none() {
            let _ = write!(text, "Content-Length: {}\r\n", self.body.len());
        }
        text.push_str("\r\n");
        [text.as_bytes(), &self.body].concat()
    }

    /// A response to this request: Via, From, To, Call-ID and CSeq copied, `tag` put on To if it has none (RFC 3261, 8.2.6).
    #[must_use]
    pub fn response(&self, status: u16, reason: &str, tag: &str) -> Self {
        let mut response = Self::new(format!("SIP/2.0 {status} {reason}"));
        for (name, value) in &self.headers {
            let copied = ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route"].iter().any(|known| name.eq_ignore_ascii_case(known));
            if copied {
                let bare = name.eq_ignore_ascii_case("To") && parameter(value, "tag").is_none() && status > 100;
                response.headers.push((name.clone(), if bare { format!("{value};tag={tag}") } else { value.clone() }));
            }
        }
        response
    }
}

/// The URI within `<…>`, or what stands before the parameters.
#[must_use]
pub fn uri_of(value: &str) -> &str {
    match (value.find('<'), value.find('>')) {
        (Some(open), Some(close)) if open < close => value.get(open + 1..close).unwrap_or_default(),
        _ => value.split(';').next().unwrap_or_default().trim(),
    }
}

/// A parameter of a header value, without quotes; what stands within `<…>` does not count.
#[must_use]
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let after = value.rfind('>').map_or(value, |close| value.get(close..).unwrap_or_default());
    after.split(';').skip(1).find_map(|parameter| {
        let (known, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// RFC 3261, 7.3.3 and 20: the compact forms.
fn long_name(name: &str) -> &str {
    match name {
        "v" => "Via",
        "f" => "From",
        "t" => "To",
        "i" => "Call-ID",
        "m" => "Contact",
        "l" => "Content-Length",
        "c" => "Content-Type",
        "k" => "Supported",
        "s" => "Subject",
        "e" => "Content-Encoding",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_is_written() -> Result<()> {
        let request = Message::new("INVITE sip:6002@127.0.0.1 SIP/2.0")
            .with("v", "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport")
            .with("From", "\"A;tag=no\" <sip:6001@127.0.0.1;tag=no>;tag=one")
            .with("To", "sip:6002@127.0.0.1")
            .with("Call-ID", "x@y")
            .with("CSeq", "7 INVITE")
            .with("Contact", "<sip:6001@127.0.0.1:5070;ob>;expires=60")
            .body("text/plain", b"hi");
        let read = Message::parse(&request.bytes())?;
        assert_eq!((read.method(), read.cseq(), read.branch(), read.call_id()), ("INVITE", 7, "z9hG4bK1", "x@y"));
        assert_eq!((read.tag("From"), read.tag("To")), (Some("one"), None));
        assert_eq!((read.contact(), read.header("content-length")), (Some("sip:6001@127.0.0.1:5070;ob"), Some("2")));
        assert_eq!(read.body, b"hi");

        let response = Message::parse(&read.response(486, "Busy Here", "two").bytes())?;
        assert_eq!((response.status(), response.method(), response.tag("To")), (Some(486), "INVITE", Some("two")));
        Ok(())
    }
}
