//! What a transfer names: the target of a REFER (RFC 3515), and the dialog that a new one takes the place of (RFC 3891).

use bytes::Bytes;

use crate::{
    message::{Cursor, Message, Method, Name, NameAddr, Params},
    uri::{SipUri, UriError, without_headers},
};

/// Octets of the URI in a Refer-To, its headers included; longer ones get 400.
pub const REFER_TO_MAX: usize = 1_024;

/// The dialog that a Replaces header names (RFC 3891, 6.1), as whoever it is sent to knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: Bytes,
    /// The tag of who is asked to replace it.
    pub to_tag: Bytes,
    /// The tag of the other side; `0` may stand for none.
    pub from_tag: Bytes,
    /// Only as long as nobody has answered.
    pub early_only: bool,
}

impl Replaces {
    /// Reads the value of the header. `None`: malformed, or more than one.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let at = memchr::memchr(b';', value)?;
        let call_id = value.get(..at)?.trim_ascii();
        let is_word = !call_id.is_empty() && call_id.iter().all(|&byte| byte > b' ' && byte != 0x7f && byte != b',');
        let mut cursor = Cursor::new(value.get(at..)?);
        let params = Params::read(&mut cursor).filter(|_| is_word && cursor.is_empty())?;
        let tag = |name: &str| {
            let mut all = params.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()));
            let (_, tag) = all.next().filter(|_| all.next().is_none())?;
            // A word, if not quite the token that it should be: phones have more in their tags.
            tag.filter(|tag| tag.iter().all(|&byte| byte > b' ' && !matches!(byte, b'"' | 0x7f))).map(Bytes::copy_from_slice)
        };
        Some(Self {
            call_id: Bytes::copy_from_slice(call_id),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: params.get("early-only").is_some(),
        })
    }

    /// The one header of a message. `Err`: malformed, or more than one.
    pub(crate) fn of(message: &Message) -> Result<Option<Self>, ()> {
        let mut all = message.headers(Name::Replaces);
        match (all.next(), all.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Self::parse(value).map(Some).ok_or(()),
            (Some(_), Some(_)) => Err(()),
        }
    }

    /// RFC 3891, 3: "a tag value of zero matches both zero and null".
    pub(crate) fn is_from(&self, tag: &[u8]) -> bool {
        self.from_tag == tag || (self.from_tag == b"0"[..] && tag.is_empty())
    }
}

/// Where a REFER wants somebody to go.
#[derive(Debug)]
pub(crate) struct ReferTo {
    /// Without its headers.
    pub(crate) uri: Bytes,
    pub(crate) replaces: Option<Replaces>,
}

impl ReferTo {
    /// Of a REFER; or the status that refuses it.
    pub(crate) fn of(refer: &Message) -> Result<Self, u16> {
        let mut all = refer.headers(Name::ReferTo);
        // 2.4.2: "zero or more than one Refer-To header field values".
        let (Some(line), None) = (all.next(), all.next()) else { return Err(400) };
        let uri = NameAddr::parse(line, Name::ReferTo).map_err(|_| 400_u16)?.uri;
        if uri.len() > REFER_TO_MAX {
            return Err(400);
        }
        let replaces = match SipUri::parse(uri) {
            Ok(target) => {
                // Whatever else it asks of a third party is none of a call.
                if target.params.value("method").is_some_and(|method| Method::of(method) != Method::Invite) {
                    return Err(403);
                }
                let mut all = target.header_values("Replaces");
                match (all.next(), all.next()) {
                    (None, _) => None,
                    (Some(value), None) => Some(Replaces::parse(&value).ok_or(400_u16)?),
                    (Some(_), Some(_)) => return Err(400),
                }
            }
            Err(UriError::Scheme) if uri.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"tel:")) => None,
            Err(UriError::Scheme) => return Err(416),
            Err(UriError::Malformed) => return Err(400),
        };
        let uri = if replaces.is_some() || uri.contains(&b'?') { without_headers(uri) } else { uri };
        Ok(Self { uri: Bytes::copy_from_slice(uri), replaces })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn refer(headers: &str) -> Message {
        let text = format!(
            "REFER sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\n\
             CSeq: 1 REFER\r\n{headers}\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// RFC 3891, 6.1, and what is none.
    #[test]
    fn replaces() {
        let one = Replaces::parse(b"98732@sip.example.com ; from-tag=r33th4x0r;to-tag=ff87ff").unwrap();
        assert_eq!(
            (&one.call_id[..], &one.to_tag[..], &one.from_tag[..]),
            (&b"98732@sip.example.com"[..], &b"ff87ff"[..], &b"r33th4x0r"[..])
        );
        assert!(!one.early_only && one.is_from(b"r33th4x0r") && !one.is_from(b"R33TH4X0R") && !one.is_from(b""));
        let none = Replaces::parse(b"c;TO-TAG=1;From-Tag=0;early-only;x=\"y\"").unwrap();
        assert!(none.early_only && none.is_from(b"") && none.is_from(b"0") && !none.is_from(b"1"));
        for broken in [
            &b""[..],
            b"c",
            b"c;to-tag=1",
            b"c;from-tag=1",
            b"c;to-tag;from-tag=1",
            b"c;to-tag=1;from-tag=2;to-tag=3",
            b";to-tag=1;from-tag=2",
            b"a b;to-tag=1;from-tag=2",
            b"c;to-tag=1;from-tag=2, d;to-tag=1;from-tag=2",
            b"c,d;to-tag=1;from-tag=2",
            b"c;to-tag=1;;from-tag=2",
            b"c;to-tag=\"1;from-tag=2",
            b"c\0;to-tag=1;from-tag=2",
            b"c;to-tag=\"1 2\";from-tag=2",
        ] {
            assert_eq!(Replaces::parse(broken), None, "{}", broken.escape_ascii());
        }
    }

    #[test]
    fn targets() {
        let of =
            |headers: &str| ReferTo::of(&refer(headers)).map(|to| (text(&to.uri), to.replaces.map(|replaces| text(&replaces.call_id))));
        let plain = |uri: &str| Ok((uri.to_owned(), None));
        assert_eq!(of("Refer-To: sip:6002@h\r\n"), plain("sip:6002@h"));
        assert_eq!(of("r: \"Bob\" <sip:6002@h;user=phone;method=INVITE>;x=y\r\n"), plain("sip:6002@h;user=phone;method=INVITE"));
        assert_eq!(of("Refer-To: <tel:+74951234567>\r\n"), plain("tel:+74951234567"));
        assert_eq!(of("Refer-To: <sip:a?b@h?Subject=x&Require=replaces>\r\n"), plain("sip:a?b@h"));
        let attended = "Refer-To: <sip:6002@h?Require=replaces&REPLACES=c%40x%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n";
        assert_eq!(of(attended), Ok(("sip:6002@h".to_owned(), Some("c@x".to_owned()))));
        for (headers, status) in [
            ("", 400),
            ("Refer-To: sip:a@h\r\nRefer-To: sip:b@h\r\n", 400),
            ("Refer-To: <sip:a@h>, <sip:b@h>\r\n", 400),
            ("Refer-To: sip:a@h?Replaces=x\r\n", 400),
            ("Refer-To: <sip:a@h\r\n", 400),
            ("Refer-To: <sip:@h>\r\n", 400),
            ("Refer-To: *\r\n", 400),
            ("Refer-To: <http://h/x>\r\n", 416),
            ("Refer-To: <sip:a@h;method=BYE>\r\n", 403),
            ("Refer-To: <sip:a@h;method=invite>\r\n", 403),
            ("Refer-To: <sip:a@h?Replaces=c%3Bto-tag%3D1>\r\n", 400),
            ("Refer-To: <sip:a@h?Replaces=c%0d%0aX%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n", 400),
            ("Refer-To: <sip:a@h?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n", 400),
        ] {
            assert_eq!(of(headers), Err(status), "{headers}");
        }
        let long = |length: usize| format!("Refer-To: <sip:{}@h>\r\n", "a".repeat(length));
        let rest = "sip:@h".len();
        assert!(of(&long(REFER_TO_MAX - rest)).is_ok() && of(&long(REFER_TO_MAX - rest + 1)) == Err(400));
    }
}
