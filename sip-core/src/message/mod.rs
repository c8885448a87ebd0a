//! A SIP message: the bytes as received and an index into them.
//!
//! Parsing finds the parts and checks what every message must have; typed views are made when asked for.
//! Unknown methods, headers, schemes and phrases stay bytes, and nothing is ever re-escaped, so what is passed on is what came.

mod cursor;
mod fields;
mod name;
mod parse;
mod print;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use bytes::Bytes;

pub use fields::{
    BRANCH_COOKIE, CONTACTS_MAX, CSEQ_MAX, CSeq, Contacts, FieldError, NameAddr, Params, Via, seconds, split_values, text, unquoted,
};
pub use name::{Method, Name};
pub use parse::{HEADERS_MAX, LINE_MAX, MESSAGE_MAX, ParseError, ParseErrorKind, Reply400};
pub use print::{Writer, address_text, default_reason, peer_flow, quoted, reason_header, response_flow, response_head, return_flow};

pub(crate) use cursor::{Cursor, digits, is_host_char, is_token, is_uri_char};
pub(crate) use fields::{has_cookie, is_uri};
pub(crate) use parse::header_line;
use parse::{Index, Start};
pub(crate) use print::tagged_head;

/// A request or response. Cloning it copies two pointers.
#[derive(Clone)]
pub struct Message {
    bytes: Bytes,
    index: Arc<Index>,
}

impl Message {
    /// Reads one datagram.
    ///
    /// What comes out has a start line, one each of From, To, Call-ID and CSeq, a topmost Via, at most one Max-Forwards, all of
    /// them well formed; the CSeq's method is the request's; the body is as long as Content-Length says, or runs to the end.
    ///
    /// # Errors
    /// [`ParseError`], which knows how to answer the sender.
    pub fn parse(datagram: Bytes) -> Result<Self, ParseError> {
        parse::parse(datagram)
    }

    fn new(bytes: Bytes, index: Index) -> Self {
        Self { bytes, index: Arc::new(index) }
    }

    /// The message as received, without what came after its end.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether it is a request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.index.start, Start::Request { .. })
    }

    /// A request's method; of a response, the one that its CSeq answers.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.index.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => self.index.cseq.method,
        }
    }

    /// The token of [`Message::method`] as received.
    #[must_use]
    pub fn method_bytes(&self) -> &[u8] {
        match self.index.start {
            Start::Request { token, .. } => token.of(&self.bytes),
            Start::Response { .. } => self.index.cseq_method.of(&self.bytes),
        }
    }

    /// The Request-URI as received; empty for a response.
    #[must_use]
    pub fn uri(&self) -> &[u8] {
        match self.index.start {
            Start::Request { uri, .. } => uri.of(&self.bytes),
            Start::Response { .. } => &[],
        }
    }

    /// A response's status, 100 to 699; 0 for a request.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.index.start {
            Start::Request { .. } => 0,
            Start::Response { status, .. } => status,
        }
    }

    /// A response's phrase as received, often empty; empty for a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match self.index.start {
            Start::Request { .. } => &[],
            Start::Response { reason, .. } => reason.of(&self.bytes),
        }
    }

    /// The first header line of that kind: its value without blanks around it. Folds within are as received.
    #[must_use]
    pub fn header(&self, name: Name) -> Option<&[u8]> {
        self.index.first(name).map(|value| value.of(&self.bytes))
    }

    /// The value of every header line of that kind, in order.
    pub fn headers(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.index.lines().iter().filter(move |line| line.kind == name && name != Name::Other).map(|line| line.value.of(&self.bytes))
    }

    /// The comma-separated values of every header line of that kind, in order (RFC 3261, 7.3.1).
    /// Only for headers that are lists: Via, Contact, Route, Require, Supported, Allow, Accept and the like.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.headers(name).flat_map(split_values)
    }

    /// The first header line of that name, in any case.
    #[must_use]
    pub fn header_named(&self, name: &str) -> Option<&[u8]> {
        self.all_headers().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Every header line in order: name and value as received.
    pub fn all_headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.index.lines().iter().map(|line| (line.name.of(&self.bytes), line.value.of(&self.bytes)))
    }

    /// Every header line in order: kind, name and value as received.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (Name, &[u8], &[u8])> {
        self.index.lines().iter().map(|line| (line.kind, line.name.of(&self.bytes), line.value.of(&self.bytes)))
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.index.body..).unwrap_or_default()
    }

    /// The body as a slice of the same buffer.
    #[must_use]
    pub fn body_bytes(&self) -> Bytes {
        self.bytes.slice(self.index.body.min(self.bytes.len())..)
    }

    /// The topmost Via in parts; `None` for a message that was not taken.
    fn top_via(&self) -> Option<TopVia<'_>> {
        let via = &self.index.known.as_ref()?.via;
        let line = self.header(Name::Via)?;
        let view = via.view(&self.bytes);
        let params = view.params.as_bytes();
        let at = (params.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        Some(TopVia {
            sent_by: line.get(..at)?,
            params: view.params,
            rest: line.get(at + params.len()..)?,
            host: view.host,
            has_rport: via.has_rport(),
        })
    }

    /// The topmost Via.
    ///
    /// # Errors
    /// Never for what [`Message::parse`] gave.
    pub fn via(&self) -> Result<Via<'_>, FieldError> {
        match &self.index.known {
            Some(known) => Ok(known.via.view(&self.bytes)),
            None => Via::parse(self.required(Name::Via)?),
        }
    }

    /// The From header.
    ///
    /// # Errors
    /// Never for what [`Message::parse`] gave.
    pub fn from(&self) -> Result<NameAddr<'_>, FieldError> {
        match &self.index.known {
            Some(known) => Ok(known.from.view(&self.bytes)),
            None => NameAddr::parse(self.required(Name::From)?, Name::From),
        }
    }

    /// The To header.
    ///
    /// # Errors
    /// Never for what [`Message::parse`] gave.
    pub fn to(&self) -> Result<NameAddr<'_>, FieldError> {
        match &self.index.known {
            Some(known) => Ok(known.to.view(&self.bytes)),
            None => NameAddr::parse(self.required(Name::To)?, Name::To),
        }
    }

    /// The tag of From; `None` for a peer of RFC 2543 that sends none.
    #[must_use]
    pub fn from_tag(&self) -> Option<&[u8]> {
        self.index.known.as_ref()?.from.tag(&self.bytes)
    }

    /// The tag of To.
    #[must_use]
    pub fn to_tag(&self) -> Option<&[u8]> {
        self.index.known.as_ref()?.to.tag(&self.bytes)
    }

    /// The branch of the topmost Via.
    #[must_use]
    pub fn branch(&self) -> Option<&[u8]> {
        self.index.known.as_ref()?.via.branch(&self.bytes)
    }

    /// The Contact headers together.
    ///
    /// # Errors
    /// Malformed, `*` beside others, or more than [`CONTACTS_MAX`].
    pub fn contacts(&self) -> Result<Contacts<'_>, FieldError> {
        Contacts::read(self.headers(Name::Contact))
    }

    /// The Call-ID.
    ///
    /// # Errors
    /// Never for what [`Message::parse`] gave.
    pub fn call_id(&self) -> Result<&[u8], FieldError> {
        match &self.index.known {
            Some(known) => Ok(known.call_id.of(&self.bytes)),
            None => fields::call_id(self.required(Name::CallId)?),
        }
    }

    /// The CSeq.
    ///
    /// # Errors
    /// Never for what [`Message::parse`] gave.
    pub fn cseq(&self) -> Result<CSeq, FieldError> {
        Ok(self.index.cseq)
    }

    /// Max-Forwards, if there is one.
    ///
    /// # Errors
    /// Never for what [`Message::parse`] gave.
    pub fn max_forwards(&self) -> Result<Option<u8>, FieldError> {
        self.header(Name::MaxForwards).map(max_forwards).transpose()
    }

    /// The Expires header in seconds; one beyond 2^32-1 is 2^32-1.
    ///
    /// # Errors
    /// When it is not of digits.
    pub fn expires(&self) -> Result<Option<u32>, FieldError> {
        self.header(Name::Expires).map(|value| seconds(value).ok_or(FieldError::Malformed(Name::Expires))).transpose()
    }

    fn required(&self, name: Name) -> Result<&[u8], FieldError> {
        self.header(name).ok_or(FieldError::Missing(name))
    }
}

/// A Via line whose first value becomes that of a response.
struct TopVia<'m> {
    /// What comes before the parameters.
    sent_by: &'m [u8],
    params: Params<'m>,
    /// What comes after them: the line's other values.
    rest: &'m [u8],
    host: &'m [u8],
    /// It asks for `rport` (RFC 3581).
    has_rport: bool,
}

/// RFC 3261, 20.22: 0 to 255.
fn max_forwards(value: &[u8]) -> Result<u8, FieldError> {
    let hops = digits(value).ok_or(FieldError::Malformed(Name::MaxForwards))?;
    u8::try_from(hops).map_err(|_| FieldError::OutOfRange(Name::MaxForwards))
}

impl fmt::Debug for Message {
    /// The start line only: headers hold digests, bodies hold keys (FT-26).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index.start {
            Start::Request { token, uri, .. } => {
                write!(f, "Message({} {})", token.of(&self.bytes).escape_ascii(), uri.of(&self.bytes).escape_ascii())
            }
            Start::Response { status, .. } => write!(f, "Message({status})"),
        }
    }
}
