//! Typed views of header values: pure functions of bytes. They borrow, never panic and never guess.

use std::{borrow::Cow, fmt};

use super::{
    Method, Name,
    cursor::{Cursor, digits, is_host_char, is_lws, is_param, is_param_name, is_token, is_uri_char, trim},
};

/// Contacts in one message; more is an error (B-12).
pub const CONTACTS_MAX: usize = 32;

/// The greatest CSeq number (RFC 3261, 8.1.1.5: less than 2^31).
pub const CSEQ_MAX: u32 = 0x7fff_ffff;

/// The magic cookie that begins a branch of RFC 3261 (8.1.1.7).
pub const BRANCH_COOKIE: &[u8] = b"z9hG4bK";

/// Why a header could not be read. The sender's fault: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A header that must be there is not.
    #[error("missing {0}")]
    Missing(Name),
    /// A header that may stand once stands more often.
    #[error("more than one {0}")]
    Repeated(Name),
    /// It breaks the grammar.
    #[error("malformed {0}")]
    Malformed(Name),
    /// A number beyond its range, or a list beyond its length.
    #[error("{0} out of range")]
    OutOfRange(Name),
}

/// `CSeq: number method` (RFC 3261, 20.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// At most [`CSEQ_MAX`].
    pub number: u32,
    /// The method; its token is [`crate::Message::method_bytes`].
    pub method: Method,
}

/// Reads a CSeq: the number and the method's token.
pub(super) fn cseq(value: &[u8]) -> Result<(u32, &[u8]), FieldError> {
    let mut cursor = Cursor::new(value);
    cursor.skip_lws();
    let number = digits(cursor.take_while(|byte| byte.is_ascii_digit())).ok_or(FieldError::Malformed(Name::CSeq))?;
    let number = u32::try_from(number).ok().filter(|&number| number <= CSEQ_MAX).ok_or(FieldError::OutOfRange(Name::CSeq))?;
    let before = cursor;
    cursor.skip_lws();
    let blank = !cursor.since(before).is_empty();
    let method = cursor.take_while(is_token);
    cursor.skip_lws();
    if blank && !method.is_empty() && cursor.is_empty() { Ok((number, method)) } else { Err(FieldError::Malformed(Name::CSeq)) }
}

/// A Call-ID is one word; we ask only that it has no blanks (RFC 3261, 20.8) and nothing that our requests, which repeat it, could not say.
pub(super) fn call_id(value: &[u8]) -> Result<&[u8], FieldError> {
    if value.is_empty() || value.iter().any(|&byte| byte == b' ' || byte.is_ascii_control()) {
        Err(FieldError::Malformed(Name::CallId))
    } else {
        Ok(value)
    }
}

/// Parameters, `;name=value`, of a header or a URI. Checked when made, so reading them cannot fail.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Params<'a> {
    raw: &'a [u8],
}

impl<'a> Params<'a> {
    /// Reads parameters up to what cannot be one. `None` when one is empty or broken (`;;`, `;=x`, `;a="`).
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        Self::read_for(cursor, []).map(|(params, [])| params)
    }

    /// The same, and on the way the first parameters of the names that are `wanted`, as [`Params::get`] gives them.
    fn read_for<const N: usize>(cursor: &mut Cursor<'a>, wanted: [&str; N]) -> Option<(Self, [Found<'a>; N])> {
        let start = *cursor;
        let mut end = *cursor;
        let mut found = [None; N];
        loop {
            cursor.skip_lws();
            if !cursor.eat(b';') {
                break;
            }
            let (name, value) = Self::one(cursor)?;
            for (found, wanted) in found.iter_mut().zip(&wanted) {
                if found.is_none() && name.eq_ignore_ascii_case(wanted.as_bytes()) {
                    *found = Some(value);
                }
            }
            end = *cursor;
        }
        Some((Self { raw: end.since(start) }, found))
    }

    fn one(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        cursor.skip_lws();
        let name = cursor.take_while(is_param_name);
        if name.is_empty() {
            return None;
        }
        let after_name = *cursor;
        cursor.skip_lws();
        if !cursor.eat(b'=') {
            *cursor = after_name;
            return Some((name, None));
        }
        cursor.skip_lws();
        let value = if cursor.peek() == Some(b'"') { cursor.quoted()? } else { cursor.take_while(is_param) };
        (!value.is_empty()).then_some((name, Some(value)))
    }

    /// The first parameter of that name, in any case: `Some(None)` when it stands without a value.
    /// A quoted value keeps its quotes: see [`unquoted`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The first parameter of that name that has a value.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.get(name).flatten()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut cursor = Cursor::new(self.raw);
        std::iter::from_fn(move || {
            cursor.skip_lws();
            cursor.eat(b';').then(|| Self::one(&mut cursor)).flatten()
        })
    }

    /// What was read and checked before, as [`Params::as_bytes`] gave it.
    pub(super) fn checked(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// As received, from the first semicolon on; empty when there are none.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({})", self.raw.escape_ascii())
    }
}

/// What [`Params::get`] gives.
type Found<'a> = Option<Option<&'a [u8]>>;

/// `"display" <uri>;params` of From, To, Contact, Route (RFC 3261, 20.10 and 25.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The display name as received, with its quotes and folds; empty when there is none.
    pub display: &'a [u8],
    /// The URI without angle brackets.
    pub uri: &'a [u8],
    /// The header's parameters. Without angle brackets all parameters are the header's, none the URI's (20.10).
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads the one value of a header such as From.
    ///
    /// # Errors
    /// [`FieldError::Malformed`] with `name`.
    pub fn parse(value: &'a [u8], name: Name) -> Result<Self, FieldError> {
        Self::with_tag(value, name).map(|(parsed, _)| parsed)
    }

    /// The same, and its tag.
    pub(super) fn with_tag(value: &'a [u8], name: Name) -> Result<(Self, Option<&'a [u8]>), FieldError> {
        let mut cursor = Cursor::new(value);
        let (parsed, tag) = Self::read(&mut cursor).ok_or(FieldError::Malformed(name))?;
        if cursor.is_empty() { Ok((parsed, tag)) } else { Err(FieldError::Malformed(name)) }
    }

    fn read(cursor: &mut Cursor<'a>) -> Option<(Self, Option<&'a [u8]>)> {
        cursor.skip_lws();
        let mut display: &[u8] = &[];
        if cursor.peek() == Some(b'"') {
            display = cursor.quoted()?;
            cursor.skip_lws();
            if cursor.peek() != Some(b'<') {
                return None;
            }
        } else if let Some(words) = unquoted_display(cursor) {
            display = words;
        }
        let uri = if cursor.eat(b'<') {
            cursor.until(b'>')?
        } else {
            // RFC 3261, 20.10: a comma, question mark or semicolon of the URI would need brackets.
            let uri = cursor.take_while(|byte| !is_lws(byte) && !matches!(byte, b';' | b','));
            if uri.contains(&b'?') {
                return None;
            }
            uri
        };
        if !is_uri(uri) {
            return None;
        }
        let (params, [tag]) = Params::read_for(cursor, ["tag"])?;
        Some((Self { display, uri, params }, tag.flatten()))
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.value("tag")
    }

    /// The display name for people: without quotes, escapes and folds, control characters as blanks, invalid UTF-8 replaced.
    #[must_use]
    pub fn display_text(&self) -> String {
        text(&unquoted(self.display))
    }
}

/// Words before `<`, when `<` is what ends them. RFC 3261 wants tokens; phones also send UTF-8 and dots, so we ask only
/// that nothing stands there which means something else.
fn unquoted_display<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let mut ahead = *cursor;
    let words = ahead.take_while(|byte| !matches!(byte, b'<' | b'>' | b'"' | b':' | b';' | b',' | b'\\' | 0 | 0x7f));
    if ahead.peek() != Some(b'<') {
        return None;
    }
    *cursor = ahead;
    Some(trim(words))
}

/// `scheme:something` without blanks, control characters, quotes or angle brackets.
pub(crate) fn is_uri(uri: &[u8]) -> bool {
    // A scheme is short: to go octet by octet is quicker than to set out for a search.
    let Some(colon) = uri.iter().position(|&byte| byte == b':') else { return false };
    let Some((scheme, rest)) = uri.split_at_checked(colon) else { return false };
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && rest.len() > 1
        && rest.iter().copied().all(is_uri_char)
}

/// What a message's Contact headers say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts<'a> {
    /// `*`, alone: all bindings (RFC 3261, 10.2.2).
    Star,
    /// The contacts in order; none when there is no such header.
    List(Vec<NameAddr<'a>>),
}

impl<'a> Contacts<'a> {
    pub(super) fn read(lines: impl Iterator<Item = &'a [u8]>) -> Result<Self, FieldError> {
        const MALFORMED: FieldError = FieldError::Malformed(Name::Contact);
        let mut list = Vec::new();
        let mut star = false;
        for line in lines {
            let mut cursor = Cursor::new(line);
            loop {
                if star {
                    return Err(MALFORMED);
                }
                cursor.skip_lws();
                if cursor.eat(b'*') {
                    cursor.skip_lws();
                    star = true;
                } else if list.len() == CONTACTS_MAX {
                    return Err(FieldError::OutOfRange(Name::Contact));
                } else {
                    list.push(NameAddr::read(&mut cursor).ok_or(MALFORMED)?.0);
                }
                if cursor.is_empty() {
                    break;
                }
                if !cursor.eat(b',') {
                    return Err(MALFORMED);
                }
            }
        }
        match (star, list.is_empty()) {
            (true, true) => Ok(Self::Star),
            (true, false) => Err(MALFORMED),
            (false, _) => Ok(Self::List(list)),
        }
    }
}

/// One Via value (RFC 3261, 20.42; RFC 3581).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    /// The transport's token as received: `UDP`.
    pub transport: &'a [u8],
    /// The sent-by host; an IPv6 address keeps its brackets.
    pub host: &'a [u8],
    /// The sent-by port.
    pub port: Option<u16>,
    /// Its parameters.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads the first value of a Via header line.
    ///
    /// # Errors
    /// [`FieldError::Malformed`], also when the version is not ours or the branch is the bare cookie: that names no transaction
    /// (RFC 4475, 3.2.1).
    pub fn parse(line: &'a [u8]) -> Result<Self, FieldError> {
        Self::with_branch(line).map(|(via, ..)| via)
    }

    /// The same, its branch, and whether it asks `rport`.
    pub(super) fn with_branch(line: &'a [u8]) -> Result<(Self, Option<&'a [u8]>, bool), FieldError> {
        const MALFORMED: FieldError = FieldError::Malformed(Name::Via);
        let mut cursor = Cursor::new(line);
        let (version, mut via) = Self::sent_by(&mut cursor).ok_or(MALFORMED)?;
        let (params, [branch, rport]) = Params::read_for(&mut cursor, ["branch", "rport"]).ok_or(MALFORMED)?;
        via.params = params;
        let branch = branch.flatten();
        let ends = cursor.is_empty() || cursor.peek() == Some(b',');
        let cookie_only = branch.is_some_and(|branch| branch.eq_ignore_ascii_case(BRANCH_COOKIE));
        if ends && version == b"2.0" && !cookie_only { Ok((via, branch, rport.is_some())) } else { Err(MALFORMED) }
    }

    /// Version, transport, host and port. Enough to answer a message whose Via is broken further on.
    pub(super) fn sent_by(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], Self)> {
        cursor.skip_lws();
        if !cursor.take_while(is_token).eq_ignore_ascii_case(b"SIP") {
            return None;
        }
        let version = slash_token(cursor)?;
        let transport = slash_token(cursor)?;
        if !cursor.peek().is_some_and(is_lws) {
            return None;
        }
        cursor.skip_lws();
        let start = *cursor;
        if cursor.eat(b'[') {
            cursor.until(b']')?;
        } else {
            cursor.take_while(is_host_char);
        }
        let host = cursor.since(start);
        if !crate::uri::is_host(host) {
            return None;
        }
        let mut port = None;
        let mut ahead = *cursor;
        ahead.skip_lws();
        if ahead.eat(b':') {
            ahead.skip_lws();
            let number = digits(ahead.take_while(|byte| byte.is_ascii_digit()))?;
            port = Some(u16::try_from(number).ok()?);
            *cursor = ahead;
        }
        Some((version, Self { transport, host, port, params: Params::default() }))
    }

    /// The `branch` parameter.
    #[must_use]
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.value("branch")
    }

    /// Whether the branch is one of RFC 3261, which alone names a transaction; else match as RFC 2543 did (17.2.3).
    #[must_use]
    pub fn has_cookie(&self) -> bool {
        self.branch().is_some_and(has_cookie)
    }

    /// The `rport` parameter (RFC 3581): `Some(None)` when asked for and not filled in, or filled in with no port number.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(|value| value.and_then(digits).and_then(|port| u16::try_from(port).ok()))
    }

    /// The `received` parameter.
    #[must_use]
    pub fn received(&self) -> Option<&'a [u8]> {
        self.params.value("received")
    }
}

/// RFC 3261, 8.1.1.7.
pub(crate) fn has_cookie(branch: &[u8]) -> bool {
    branch.get(..BRANCH_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(BRANCH_COOKIE))
}

fn slash_token<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    cursor.skip_lws();
    if !cursor.eat(b'/') {
        return None;
    }
    cursor.skip_lws();
    let token = cursor.take_while(is_token);
    (!token.is_empty()).then_some(token)
}

/// Comma-separated values of one header line, blanks trimmed; commas within quotes or angle brackets do not part them.
pub fn split_values(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(Cursor::new(line));
    std::iter::from_fn(move || {
        let mut cursor = rest.take()?;
        let start = cursor;
        loop {
            cursor.take_while(|byte| !matches!(byte, b',' | b'"' | b'<'));
            match cursor.peek() {
                // What does not end is taken as it stands.
                Some(b'"') => match cursor.quoted() {
                    Some(_) => {}
                    None => _ = cursor.take_while(|_| true),
                },
                Some(b'<') => match cursor.until(b'>') {
                    Some(_) => {}
                    None => _ = cursor.take_while(|_| true),
                },
                _ => break,
            }
        }
        let value = trim(cursor.since(start));
        rest = cursor.eat(b',').then_some(cursor);
        Some(value)
    })
}

/// A quoted string's content, escapes resolved; anything else as it is.
#[must_use]
pub fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else { return Cow::Borrowed(value) };
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            _ => plain.push(byte),
        }
    }
    Cow::Owned(plain)
}

/// Bytes of the network as text for people: runs of blanks and control characters become one blank, invalid UTF-8 is replaced (FT-26).
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    // Nearly all are.
    let is_clean = bytes.iter().all(|&byte| byte.is_ascii_graphic() || byte == b' ') && !bytes.windows(2).any(|pair| pair == b"  ");
    if is_clean && let Ok(clean) = std::str::from_utf8(bytes.trim_ascii()) {
        return clean.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for word in String::from_utf8_lossy(bytes).split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
    text
}

/// A number of seconds (RFC 3261, 25.1 delta-seconds). One beyond 2^32-1 is 2^32-1.
#[must_use]
pub fn seconds(value: &[u8]) -> Option<u32> {
    digits(trim(value)).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}
