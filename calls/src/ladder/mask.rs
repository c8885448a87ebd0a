//! What of a SIP message may be shown: no credentials, no keys of ciphers, no keys that somebody pressed, and nothing that a terminal
//! would take for an order (FT-26).

use std::fmt::Write;

/// What stands for what is not shown.
const MASK: &str = "***";

/// Headers that hold credentials or challenges, in lower case. None has a compact form.
const SECRET_HEADERS: [&str; 5] = ["authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info"];

/// The parameters of those that are no secret. Whatever else stands there is masked: a name that we do not know may be one.
const OPEN_PARAMETERS: [&str; 9] = ["username", "realm", "uri", "algorithm", "qop", "nc", "stale", "domain", "userhash"];

/// Beginnings of body lines that hold keys (RFC 4568; RFC 8839; RFC 4567; RFC 8866, 5.12), in lower case.
const SECRET_LINES: [&str; 4] = ["a=crypto:", "a=ice-pwd:", "a=key-mgmt:", "k="];

/// A message as text, a line each, without what nobody may see.
pub(super) fn shown(message: &[u8]) -> String {
    let (head, body) = split(message);
    let mut text = String::with_capacity(message.len() + 64);
    let mut method_is_info = head.starts_with(b"INFO ");
    for line in logical_lines(head) {
        let name_length = line.iter().position(|octet| *octet == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(name_length);
        let name = name.trim_ascii();
        if SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes())) {
            escape(&mut text, name);
            text.push_str(": ");
            credentials(&mut text, value.strip_prefix(b":").unwrap_or(value));
        } else {
            let is_cseq = name.eq_ignore_ascii_case(b"cseq");
            method_is_info |= is_cseq && value.trim_ascii_end().to_ascii_uppercase().ends_with(b"INFO");
            uri_passwords(&mut text, &line);
        }
        text.push('\n');
    }
    if !body.is_empty() {
        text.push('\n');
        if method_is_info {
            // Keys that were pressed may be part of a card number.
            let _ = writeln!(text, "({} octets that are not shown: an INFO may hold keys that somebody pressed)", body.len());
        } else {
            body_lines(&mut text, body);
        }
    }
    text
}

/// The head without its final blank line, and the body.
fn split(message: &[u8]) -> (&[u8], &[u8]) {
    let blank = |end: &[u8]| message.windows(end.len()).position(|window| window == end).map(|at| (at, at + end.len()));
    let crlf = blank(b"\r\n\r\n");
    let lf = blank(b"\n\n");
    let found = match (crlf, lf) {
        (Some(crlf), Some(lf)) => Some(if lf.0 < crlf.0 { lf } else { crlf }),
        (found, None) | (None, found) => found,
    };
    match found {
        Some((head, body)) => (message.get(..head).unwrap_or_default(), message.get(body..).unwrap_or_default()),
        None => (message, &[]),
    }
}

/// The lines of a head, with folded ones in one (RFC 3261, 7.3.1), so that a secret cannot hide in a fold.
fn logical_lines(head: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    // A lone CR is no end of a line to a parser, but might be to a phone that wrote a secret behind it.
    for line in head.split(|octet| matches!(octet, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
        match lines.last_mut() {
            Some(before) if line.first().is_some_and(|first| matches!(first, b' ' | b'\t')) => {
                before.push(b' ');
                before.extend_from_slice(line.trim_ascii());
            }
            _ => lines.push(line.to_vec()),
        }
    }
    lines
}

fn body_lines(text: &mut String, body: &[u8]) {
    for line in body.split(|octet| matches!(octet, b'\n' | b'\r')) {
        if line.is_empty() {
            continue;
        }
        let secret = SECRET_LINES.iter().find(|secret| {
            let start = line.trim_ascii_start().get(..secret.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(secret.as_bytes()))
        });
        match secret {
            Some(start) => {
                text.push_str(start);
                text.push_str(MASK);
            }
            None => escape(text, line),
        }
        text.push('\n');
    }
}

/// A value of a credentials header: the scheme, and its parameters as far as they are open.
fn credentials(text: &mut String, value: &[u8]) {
    let value = value.trim_ascii();
    let (scheme, rest) = match value.iter().position(u8::is_ascii_whitespace) {
        Some(at) => value.split_at(at),
        // Authentication-Info has no scheme (RFC 7615).
        None => (&[][..], value),
    };
    let (scheme, rest) = if scheme.contains(&b'=') || scheme.contains(&b',') { (&[][..], value) } else { (scheme, rest) };
    escape(text, scheme);
    let mut separator = if scheme.is_empty() { "" } else { " " };
    for parameter in split_unquoted(rest) {
        text.push_str(separator);
        separator = ", ";
        let parameter = parameter.trim_ascii();
        match parameter.iter().position(|octet| *octet == b'=') {
            Some(at) => {
                let (name, given) = parameter.split_at(at);
                let is_open = OPEN_PARAMETERS.iter().any(|open| name.trim_ascii().eq_ignore_ascii_case(open.as_bytes()));
                if is_open {
                    escape(text, name);
                    escape(text, given);
                } else if name.trim_ascii().iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-') {
                    escape(text, name);
                    text.push('=');
                    text.push_str(MASK);
                } else {
                    text.push_str(MASK);
                }
            }
            // A token of a scheme that we do not know: `Basic dXNlcjpwYXNz`.
            None => text.push_str(MASK),
        }
    }
}

/// The pieces between commas that stand outside of quotes. An open quote makes the rest one piece.
fn split_unquoted(value: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, octet) in value.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                pieces.push(value.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(value.get(start..).unwrap_or_default());
    pieces
}

/// A line with the passwords of its URIs masked: `sip:user:password@host` (RFC 3261, 19.1.1).
fn uri_passwords(text: &mut String, line: &[u8]) {
    let mut rest = line;
    while let Some(at) = find_scheme(rest) {
        let (before, uri) = rest.split_at(at);
        escape(text, before);
        let end = uri.iter().position(|octet| matches!(octet, b'@' | b'>' | b'<' | b'"' | b' ' | b'\t' | b',')).unwrap_or(uri.len());
        let (userinfo, after) = uri.split_at(end);
        let colon = userinfo.iter().position(|octet| *octet == b':');
        match (after.first(), colon) {
            (Some(b'@'), Some(colon)) => {
                let user = userinfo.get(..colon).unwrap_or_default();
                escape(text, user);
                text.push(':');
                text.push_str(MASK);
            }
            _ => escape(text, userinfo),
        }
        rest = after;
    }
    escape(text, rest);
}

/// Where the part of a URI behind its scheme begins.
fn find_scheme(line: &[u8]) -> Option<usize> {
    let found =
        |scheme: &[u8]| line.windows(scheme.len()).position(|window| window.eq_ignore_ascii_case(scheme)).map(|at| at + scheme.len());
    match (found(b"sip:"), found(b"sips:")) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Text as it is; what is none, and what would move a cursor or turn the direction of writing, by its number.
pub(super) fn escape(text: &mut String, octets: &[u8]) {
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || is_format(character) {
                let _ = write!(text, "\\u{{{:x}}}", u32::from(character));
            } else {
                text.push(character);
            }
        }
        for octet in chunk.invalid() {
            let _ = write!(text, "\\x{octet:02x}");
        }
    }
}

/// Characters that are not seen but change what is: marks and overrides of direction, separators of lines, the byte order mark.
fn is_format(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(message: &[u8], expected: &Expect) {
        expected.assert_eq(&shown(message));
    }

    #[test]
    fn credentials_are_masked_and_names_are_kept() {
        check(
            b"REGISTER sip:pbx SIP/2.0\r\n\
              Authorization: Digest username=\"6001\", realm=\"r, x\", nonce=\"no,nce\",uri=\"sip:pbx\", response=\"deadbeef\",\r\n \
              algorithm=MD5, cnonce=\"secret\", opaque=\"s\\\"ecret\", qop=auth, nc=00000001, new-thing=secret\r\n\
              authorization : Basic c2VjcmV0\r\n\
              AUTHORIZATION: secret\r\n\
              Proxy-Authorization: Digest response=\"secret\r\n\
              WWW-Authenticate: Digest realm=\"r\", nonce=\"secret\", algorithm=MD5, qop=\"auth\", stale=true\r\n\
              Proxy-Authenticate: Digest nonce=secret\r\n\
              Authentication-Info: nextnonce=\"secret\", rspauth=\"secret\", qop=auth, nc=00000001\r\n\
              From: <sip:6001:secret@pbx>;tag=1, \"x\" <SIPS:a@b>\r\n\
              Contact: <sip:6001@10.0.0.1:5060>\r\n\
              Content-Length: 0\r\n\r\n",
            &expect![[r#"
                REGISTER sip:pbx SIP/2.0
                Authorization: Digest username="6001", realm="r, x", nonce=***, uri="sip:pbx", response=***, algorithm=MD5, cnonce=***, opaque=***, qop=auth, nc=00000001, new-thing=***
                authorization: Basic ***
                AUTHORIZATION: ***
                Proxy-Authorization: Digest response=***
                WWW-Authenticate: Digest realm="r", nonce=***, algorithm=MD5, qop="auth", stale=true
                Proxy-Authenticate: Digest nonce=***
                Authentication-Info: nextnonce=***, rspauth=***, qop=auth, nc=00000001
                From: <sip:6001:***@pbx>;tag=1, "x" <SIPS:a@b>
                Contact: <sip:6001@10.0.0.1:5060>
                Content-Length: 0
            "#]],
        );
    }

    #[test]
    fn keys_in_a_body_are_masked() {
        check(
            b"INVITE sip:a SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\n\
              A=ICE-PWD:secret\r\nk=base64:secret\r\na=key-mgmt:mikey secret\r\na=sendrecv\r\n",
            &expect![[r#"
                INVITE sip:a SIP/2.0
                CSeq: 1 INVITE

                v=0
                a=crypto:***
                a=ice-pwd:***
                k=***
                a=key-mgmt:***
                a=sendrecv
            "#]],
        );
    }

    #[test]
    fn keys_that_were_pressed_are_not_shown() {
        check(
            b"INFO sip:a SIP/2.0\r\nCSeq: 2 INFO\r\n\r\nSignal=5\r\n",
            &expect![[r#"
                INFO sip:a SIP/2.0
                CSeq: 2 INFO

                (10 octets that are not shown: an INFO may hold keys that somebody pressed)
            "#]],
        );
        assert!(!shown(b"SIP/2.0 200 OK\r\nCSeq: 2  info \r\n\r\nSignal=5").contains("Signal"));
    }

    #[test]
    fn nothing_is_an_order_to_a_terminal() {
        check(
            b"INVITE sip:a SIP/2.0\nSubject: \x1b[2J\x07 \xc2\x9b1m \xe2\x80\xae \xff\xfe caf\xc3\xa9 \rX: y\n\nbody\x1b]0;x\x07\r\rlast",
            &expect![[r#"
                INVITE sip:a SIP/2.0
                Subject: \u{1b}[2J\u{7} \u{9b}1m \u{202e} \xff\xfe café 
                X: y

                body\u{1b}]0;x\u{7}
                last
            "#]],
        );
        assert_eq!(shown(b""), "");
    }
}
