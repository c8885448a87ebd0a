//! What of a SIP message may be shown: no credentials, no keys of ciphers, no keys that somebody pressed, and nothing that a terminal
//! would take for an order (FT-26).

mod line;

use std::fmt::Write;

use self::line::{Kind, line};

/// What stands for what is not shown.
const MASK: &str = "***";

/// A header whose name holds one of these has credentials or a challenge, in lower case: Proxy-Authorization, WWW-Authenticate,
/// Authentication-Info, X-Authorization.
const SECRET_HEADERS: [&str; 2] = ["authoriz", "authent"];

/// Schemes that are shown; another first word may be a secret.
const SCHEMES: [&str; 6] = ["digest", "basic", "bearer", "ntlm", "kerberos", "negotiate"];

/// The parameters of those headers that are shown.
const OPEN_PARAMETERS: [&str; 7] = ["username", "realm", "algorithm", "qop", "nc", "stale", "userhash"];

/// Parameters of which no more is shown than that they are there. What else stands there may be no parameter at all, but the end of a
/// token: `Basic dXNlcjpwYXNzd29yZDE=`.
const MASKED_PARAMETERS: [&str; 8] = ["uri", "domain", "nonce", "cnonce", "nextnonce", "opaque", "response", "rspauth"];

/// The types of bodies of which something is shown, in lower case.
const SDP: &[u8] = b"application/sdp";
const SIPFRAG: &[u8] = b"message/sipfrag";

/// A message as text, a line each, without what nobody may see.
pub(super) fn shown(message: &[u8]) -> String {
    let Shown { mut text, body } = parts(message);
    if let Some(body) = body {
        text.push('\n');
        text.push_str(&body);
    }
    text
}

/// A message as [`shown`] shows it, in the form of a message again, for programs that read SIP: lines end with CRLF, folded ones are one, and
/// what is no text is told by its numbers. If the body has become longer or shorter by that, the Content-Length says how long it is now.
#[must_use]
pub fn masked(message: &[u8]) -> Vec<u8> {
    // A tab is a blank there (RFC 3261, 25.1), and no control character that somebody has to be shown.
    let message: Vec<u8> = message.iter().map(|octet| if *octet == b'\t' { b' ' } else { *octet }).collect();
    let Shown { text, body } = parts(&message);
    let body = body.unwrap_or_default().replace('\n', "\r\n");
    let is_changed = body.len() != split(&message).1.len();
    let mut written = Vec::with_capacity(message.len() + 64);
    for line in text.lines() {
        let name = line.split(':').next().unwrap_or_default().trim_ascii();
        if is_changed && ["Content-Length", "l"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
            written.extend_from_slice(format!("{name}: {}", body.len()).as_bytes());
        } else {
            written.extend_from_slice(line.as_bytes());
        }
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(b"\r\n");
    written.extend_from_slice(body.as_bytes());
    written
}

/// What is shown of a message, a line each.
struct Shown {
    text: String,
    /// None of a message that has none.
    body: Option<String>,
}

fn parts(message: &[u8]) -> Shown {
    let (head, body) = split(message);
    let mut text = String::with_capacity(message.len() + 64);
    let mut method_is_info = head.starts_with(b"INFO ");
    let mut method_is_message = head.starts_with(b"MESSAGE ");
    let mut kinds: Vec<Vec<u8>> = Vec::new();
    for (place, whole) in logical_lines(head).iter().enumerate() {
        // A line without its colon is no header, and may be meant as one.
        let colon = whole.iter().position(|octet| *octet == b':');
        let blank = || whole.trim_ascii_start().iter().position(u8::is_ascii_whitespace);
        let name_length = colon.or_else(blank).unwrap_or(whole.len());
        let (name, value) = whole.split_at(name_length);
        let name = name.trim_ascii();
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        if place > 0 && SECRET_HEADERS.iter().any(|part| lower.contains(part)) {
            escape(&mut text, name);
            text.push_str(": ");
            credentials(&mut text, value);
        } else {
            method_is_info |= lower == "cseq" && value.to_ascii_uppercase().ends_with(b"INFO");
            method_is_message |= lower == "cseq" && value.to_ascii_uppercase().ends_with(b"MESSAGE");
            if matches!(lower.as_str(), "content-type" | "c") {
                let kind = value.split(|octet| *octet == b';').next().unwrap_or_default();
                kinds.push(kind.trim_ascii().to_ascii_lowercase());
            }
            line(&mut text, whole, if place == 0 { Kind::First } else { Kind::Other });
        }
        text.push('\n');
    }
    if body.is_empty() {
        return Shown { text, body: None };
    }
    let mut told = String::with_capacity(body.len() + 64);
    if method_is_info {
        // Keys that were pressed may be part of a card number.
        let _ = writeln!(told, "({} octets that are not shown: an INFO may hold keys that somebody pressed)", body.len());
    } else if method_is_message {
        // Also one without a type.
        let _ = writeln!(told, "({} octets that are not shown: what people write to each other is theirs)", body.len());
    } else if kinds.iter().all(|kind| kind == SDP) {
        // A body without a type counts as a session description, as it does when it is read.
        description(&mut told, body);
    } else if kinds.iter().all(|kind| kind == SIPFRAG) {
        fragment(&mut told, body);
    } else {
        let _ = writeln!(told, "({} octets that are not shown: only session descriptions are)", body.len());
    }
    Shown { text, body: Some(told) }
}

/// The first line of a message as [`shown`] shows it, cut after so many characters: for a log. A password that the cut goes through is masked.
#[must_use]
pub fn first_line_shown(message: &[u8], characters_max: usize) -> String {
    let first = message.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default();
    let mut text = String::new();
    line(&mut text, first, Kind::First);
    let end = text.char_indices().nth(characters_max).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
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

/// A session description (RFC 8866): its lines, without keys. What is no line of one is not shown.
fn description(text: &mut String, body: &[u8]) {
    for whole in body.split(|octet| matches!(octet, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
        match whole.trim_ascii_start() {
            // RFC 8866, 5.12: keys, whatever their form.
            [b'k' | b'K', rest @ ..] if rest.trim_ascii_start().starts_with(b"=") => {
                text.push_str("k=");
                text.push_str(MASK);
            }
            [letter, rest @ ..] if letter.is_ascii_alphabetic() && rest.trim_ascii_start().starts_with(b"=") => {
                line(text, whole, Kind::Other);
            }
            _ => text.push_str(MASK),
        }
        text.push('\n');
    }
}

/// A piece of a message (RFC 3420), as a NOTIFY has it of how a transfer goes: its first line says all.
fn fragment(text: &mut String, body: &[u8]) {
    let end = body.iter().position(|octet| matches!(octet, b'\n' | b'\r')).unwrap_or(body.len());
    let (first, rest) = body.split_at(end);
    line(text, first, Kind::First);
    text.push('\n');
    let rest = rest.trim_ascii();
    if !rest.is_empty() {
        let _ = writeln!(text, "({} octets more that are not shown)", rest.len());
    }
}

/// A value of a credentials header: the scheme, and its parameters as far as they are open.
fn credentials(text: &mut String, value: &[u8]) {
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    // Authentication-Info has no scheme (RFC 7615).
    let (scheme, rest) = if is_one_of(scheme, &SCHEMES) { (scheme, rest) } else { (&[][..], value) };
    escape(text, scheme);
    let mut separator = if scheme.is_empty() { "" } else { " " };
    for parameter in split_unquoted(rest) {
        text.push_str(separator);
        separator = ", ";
        let at = parameter.iter().position(|octet| *octet == b'=').unwrap_or(parameter.len());
        let (name, given) = parameter.split_at(at);
        let (name, given) = (name.trim_ascii(), given.strip_prefix(b"=").unwrap_or(given).trim_ascii());
        let is_open = is_one_of(name, &OPEN_PARAMETERS);
        if is_open || is_one_of(name, &MASKED_PARAMETERS) {
            escape(text, name);
            text.push('=');
        }
        if is_open && is_harmless(given) {
            escape(text, given);
        } else {
            text.push_str(MASK);
        }
    }
}

/// Whether a value is one value, a token or one in quotes, and no more: behind a separator that is no comma, other parameters may hide, and
/// behind a colon a password.
fn is_harmless(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    match inner {
        Some(inner) => !inner.iter().any(|octet| matches!(octet, b'"' | b'\\' | b':' | b'=' | b'%')),
        None => value.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.')),
    }
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
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
mod tests;
