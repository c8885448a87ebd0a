//! Reading header values from left to right. Nothing here can panic; nothing here copies.

/// What is left to read of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Linear white space; a fold within a value counts as such (RFC 3261, 7.3.1).
    pub(crate) fn skip_lws(&mut self) {
        while let Some((&first, rest)) = self.rest.split_first()
            && is_lws(first)
        {
            self.rest = rest;
        }
    }

    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|&byte| !wanted(byte)).unwrap_or(self.rest.len());
        self.take(length)
    }

    /// A quoted string with its quotes (RFC 3261, 25.1); `None`, and nothing read, when it is no such or does not end.
    pub(crate) fn quoted(&mut self) -> Option<&'a [u8]> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let mut at = 1;
        loop {
            at += memchr::memchr2(b'"', b'\\', self.rest.get(at..)?)?;
            if self.rest.get(at) == Some(&b'"') {
                return Some(self.take(at + 1));
            }
            // What is escaped means nothing.
            at += 2;
        }
    }

    /// Up to `byte`, which is read too but is no part of the answer; `None`, and nothing read, when it does not come.
    pub(crate) fn until(&mut self, byte: u8) -> Option<&'a [u8]> {
        let at = memchr::memchr(byte, self.rest)?;
        let taken = self.take(at);
        self.eat(byte);
        Some(taken)
    }

    /// What was read since `self` was `earlier`.
    pub(crate) fn since(&self, earlier: Self) -> &'a [u8] {
        earlier.rest.get(..earlier.rest.len().saturating_sub(self.rest.len())).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }
}

pub(crate) fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A character of a token (RFC 3261, 25.1).
pub(crate) fn is_token(byte: u8) -> bool {
    is_of(byte, TOKEN)
}

/// What cannot end a parameter: wider than the grammar's token.
pub(crate) fn is_param(byte: u8) -> bool {
    is_of(byte, PARAM)
}

/// The same but for `=`: what a parameter's name is made of.
pub(crate) fn is_param_name(byte: u8) -> bool {
    is_of(byte, PARAM_NAME)
}

/// What a URI may hold anywhere: no blank, control character, quote or angle bracket.
pub(crate) fn is_uri_char(byte: u8) -> bool {
    is_of(byte, URI)
}

/// A character of a host name, with the underscore that is not allowed, yet used.
pub(crate) fn is_host_char(byte: u8) -> bool {
    is_of(byte, HOST)
}

fn is_of(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

const TOKEN: u8 = 1;
const PARAM: u8 = 2;
const PARAM_NAME: u8 = 4;
const URI: u8 = 8;
const HOST: u8 = 16;

/// By octet: asked for nearly every octet of a message.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < table.len() {
        let byte = at as u8;
        let alphanumeric = byte.is_ascii_alphanumeric();
        let mut classes = 0;
        if alphanumeric || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~') {
            classes |= TOKEN;
        }
        if alphanumeric || matches!(byte, b'-' | b'.' | b'_') {
            classes |= HOST;
        }
        if byte > b' ' && byte != 0x7f && !matches!(byte, b'"' | b'<' | b'>') {
            classes |= URI;
            if !matches!(byte, b';' | b',') {
                classes |= PARAM;
                if byte != b'=' {
                    classes |= PARAM_NAME;
                }
            }
        }
        table[at] = classes;
        at += 1;
    }
    table
};

/// Without linear white space at both ends.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let Some((&first, rest)) = value.split_first()
        && is_lws(first)
    {
        value = rest;
    }
    while let Some((&last, rest)) = value.split_last()
        && is_lws(last)
    {
        value = rest;
    }
    value
}

/// A number of decimal digits and nothing else; one too large for the type is its greatest value.
pub(crate) fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, &byte| byte.is_ascii_digit().then(|| sum.saturating_mul(10).saturating_add(u64::from(byte - b'0'))))
}
