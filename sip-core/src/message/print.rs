//! Writing messages. What is written cannot hold a line end that we did not mean (header injection).

use std::{
    fmt,
    io::Write as _,
    net::{IpAddr, SocketAddr},
};

use bytes::Bytes;

use super::{
    Message, Method, Name, Params, Reply400, TopVia, Via,
    cursor::{Cursor, is_token},
    header_line,
};
use crate::{
    endpoint::{OwnPlace, OwnVia},
    flow::{Flow, Transport},
    uri::host_is,
};

/// Builds one message, front to back.
///
/// Values come from everywhere, so CR, LF and NUL in a value become blanks, blanks and control characters in the start line
/// are `%`-escaped, and a header name keeps only what a token may hold.
#[derive(Debug)]
pub struct Writer {
    buffer: Vec<u8>,
}

impl Writer {
    /// Begins a request. Headers of a SIP URI have no place in a request line and are left out (RFC 3261, 19.1.1).
    #[must_use]
    pub fn request(method: &str, uri: &[u8]) -> Self {
        let mut writer = Self { buffer: Vec::with_capacity(CAPACITY) };
        writer.token(method);
        writer.buffer.push(b' ');
        let may_have_headers = memchr::memchr(b'?', uri).is_some() && crate::uri::SipUri::parse(uri).is_ok();
        let uri = if may_have_headers { crate::uri::without_headers(uri) } else { uri };
        let breaks = |byte: u8| byte <= b' ' || byte == 0x7f;
        if uri.iter().copied().any(breaks) {
            for &byte in uri {
                if breaks(byte) {
                    writer.buffer.extend_from_slice(&[b'%', hex(byte >> 4), hex(byte & 0xf)]);
                } else {
                    writer.buffer.push(byte);
                }
            }
        } else {
            writer.buffer.extend_from_slice(uri);
        }
        writer.buffer.extend_from_slice(b" SIP/2.0\r\n");
        writer
    }

    /// Begins a response; an empty `reason` is written as [`default_reason`].
    #[must_use]
    pub fn status(status: u16, reason: &str) -> Self {
        let mut writer = Self { buffer: Vec::with_capacity(CAPACITY) };
        writer.buffer.extend_from_slice(b"SIP/2.0 ");
        writer.number(u64::from(status));
        writer.buffer.push(b' ');
        writer.value(if reason.is_empty() { default_reason(status) } else { reason }.as_bytes());
        writer.line_end();
        writer
    }

    /// Adds a header line.
    pub fn header(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.token(name);
        self.buffer.extend_from_slice(b": ");
        self.value(value.as_ref());
        self.line_end();
        self
    }

    /// Adds a header line whose value is in pieces.
    pub(crate) fn parts(&mut self, name: &str, parts: &[&[u8]]) -> &mut Self {
        self.token(name);
        self.buffer.extend_from_slice(b": ");
        for part in parts {
            self.value(part);
        }
        self.line_end();
        self
    }

    /// The CSeq header.
    pub(crate) fn cseq(&mut self, number: u32, method: &str) -> &mut Self {
        self.buffer.extend_from_slice(b"CSeq: ");
        self.number(number.into());
        self.buffer.push(b' ');
        self.token(method);
        self.line_end();
        self
    }

    /// Adds a header line: a number, then `rest` as it stands.
    pub(crate) fn number_header(&mut self, name: &str, number: u32, rest: &str) {
        self.token(name);
        self.buffer.extend_from_slice(b": ");
        self.number(u64::from(number));
        self.value(rest.as_bytes());
        self.line_end();
    }

    /// Ends the message with a body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Bytes {
        self.header(Name::ContentType.as_str(), content_type);
        self.length(body.len());
        self.buffer.extend_from_slice(body);
        self.whole()
    }

    /// Ends the message without a body.
    #[must_use]
    pub fn end(mut self) -> Bytes {
        self.length(0);
        self.whole()
    }

    /// Many are kept, by transactions and ladders, so none holds memory that it does not need; the buffer goes back to be the next one's.
    fn whole(self) -> Bytes {
        Bytes::copy_from_slice(&self.buffer)
    }

    fn length(&mut self, length: usize) {
        self.buffer.extend_from_slice(b"Content-Length: ");
        self.number(u64::try_from(length).unwrap_or(u64::MAX));
        self.buffer.extend_from_slice(b"\r\n\r\n");
    }

    /// A line copied from a received message, with nothing changed but its folds.
    fn copy(&mut self, name: Name, value: &[u8]) {
        self.buffer.extend_from_slice(name.as_str().as_bytes());
        self.buffer.extend_from_slice(b": ");
        self.unfolded(value);
        self.line_end();
    }

    /// RFC 3261, 7.3.1: a fold means a blank.
    fn unfolded(&mut self, value: &[u8]) {
        self.buffer.extend_from_slice(value);
        if memchr::memchr2(b'\r', b'\n', value).is_some() {
            self.blank_out(value.len(), |byte| matches!(byte, b'\r' | b'\n'));
        }
    }

    fn token(&mut self, token: &str) {
        if token.bytes().all(is_token) {
            self.buffer.extend_from_slice(token.as_bytes());
        } else {
            self.buffer.extend(token.bytes().filter(|&byte| is_token(byte)));
        }
    }

    fn value(&mut self, value: &[u8]) {
        self.buffer.extend_from_slice(value);
        if memchr::memchr3(b'\r', b'\n', 0, value).is_some() {
            self.blank_out(value.len(), |byte| matches!(byte, b'\r' | b'\n' | 0));
        }
    }

    /// Makes blanks of what is unwanted among the last `length` octets.
    fn blank_out(&mut self, length: usize, unwanted: impl Fn(u8) -> bool) {
        let start = self.buffer.len().saturating_sub(length);
        for byte in self.buffer.iter_mut().skip(start).filter(|byte| unwanted(**byte)) {
            *byte = b' ';
        }
    }

    fn number(&mut self, mut number: u64) {
        let mut digits = [b'0'; 20];
        let mut used = 0;
        for place in digits.iter_mut().rev() {
            *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            used += 1;
            if number == 0 {
                break;
            }
        }
        self.buffer.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
    }

    fn line_end(&mut self) {
        self.buffer.extend_from_slice(b"\r\n");
    }
}

/// What most messages fit in.
const CAPACITY: usize = 1_024;

fn hex(nibble: u8) -> u8 {
    char::from_digit(u32::from(nibble), 16).map_or(b'0', |digit| digit.to_ascii_uppercase() as u8)
}

/// `text` as a quoted string (RFC 3261, 25.1); control characters become blanks.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// `192.0.2.1:5060`, as its `Display` writes it, but without a port of 0, which is none.
#[must_use]
pub fn address_text(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(_) => {
            let mut writer = Writer { buffer: Vec::with_capacity("255.255.255.255:65535".len()) };
            writer.address(address);
            String::from_utf8(writer.buffer).unwrap_or_default()
        }
        SocketAddr::V6(address) if address.port() == 0 => ["[", &address.ip().to_string(), "]"].concat(),
        SocketAddr::V6(address) => address.to_string(),
    }
}

/// The value of a Reason header (RFC 3326) for a Q.850 cause: `Q.850;cause=16;text="Normal call clearing"`.
#[must_use]
pub fn reason_header(q850: u8, text: &str) -> String {
    ["Q.850;cause=", &q850.to_string(), ";text=", &quoted(text)].concat()
}

/// The head of a response to `request` (RFC 3261, 8.2.6.2): all Via, From, To, Call-ID, CSeq; Timestamp in a 100 (8.2.6.1);
/// Record-Route where the response can make a dialog (12.1.1). `to_tag` is added unless To has a tag.
/// The top Via gets `received` and `rport` (18.2.1; RFC 3581, 4). An empty `reason` is the usual one.
#[must_use]
pub fn response_head(request: &Message, flow: Flow, status: u16, reason: &str, to_tag: Option<&str>) -> Writer {
    tagged_head(request, flow, status, reason, to_tag.map(str::as_bytes))
}

pub(crate) fn tagged_head(request: &Message, flow: Flow, status: u16, reason: &str, to_tag: Option<&[u8]>) -> Writer {
    let mut writer = Writer::status(status, reason);
    for (at, line) in request.headers(Name::Via).enumerate() {
        match request.top_via() {
            Some(via) if at == 0 => writer.top_via(via, flow.remote),
            None if at == 0 && Via::parse(line).is_ok() => writer.read_top_via(line, flow.remote),
            _ => writer.copy(Name::Via, line),
        }
    }
    if dialog_making(request.method()) && (101..300).contains(&status) {
        for line in request.headers(Name::RecordRoute) {
            writer.copy(Name::RecordRoute, line);
        }
    }
    if let Some(from) = request.header(Name::From) {
        writer.copy(Name::From, from);
    }
    if let Some(to) = request.header(Name::To) {
        let untagged = request.to_tag().is_none() && request.to().is_ok_and(|to| to.params.get("tag").is_none());
        match to_tag {
            Some(tag) if untagged => {
                writer.buffer.extend_from_slice(b"To: ");
                writer.unfolded(to);
                writer.buffer.extend_from_slice(b";tag=");
                writer.buffer.extend(tag.iter().copied().filter(|&byte| is_token(byte)));
                writer.line_end();
            }
            _ => writer.copy(Name::To, to),
        }
    }
    for name in [Name::CallId, Name::CSeq] {
        if let Some(value) = request.header(name) {
            writer.copy(name, value);
        }
    }
    if status == 100
        && let Some(value) = request.header(Name::Timestamp)
    {
        writer.copy(Name::Timestamp, value);
    }
    writer
}

impl Writer {
    /// The first value of a Via line with `received` and `rport` as we see them, then the line's other values untouched.
    /// What the sender itself claims as `received` is dropped.
    fn read_top_via(&mut self, line: &[u8], remote: SocketAddr) {
        let mut cursor = Cursor::new(line);
        let start = cursor;
        let Some((_, mut via)) = Via::sent_by(&mut cursor) else { return self.copy(Name::Via, line) };
        let sent_by = cursor.since(start);
        via.params = Params::read(&mut cursor).unwrap_or_default();
        let has_rport = via.rport().is_some();
        self.top_via(TopVia { sent_by, params: via.params, rest: cursor.rest(), host: via.host, has_rport }, remote);
    }

    fn top_via(&mut self, TopVia { sent_by, params, rest, host, has_rport }: TopVia<'_>, remote: SocketAddr) {
        self.buffer.extend_from_slice(b"Via: ");
        self.unfolded(sent_by);
        for (name, value) in params.iter() {
            if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
                continue;
            }
            self.buffer.push(b';');
            self.buffer.extend_from_slice(name);
            if let Some(value) = value {
                self.buffer.push(b'=');
                self.unfolded(value);
            }
        }
        let ip = remote.ip().to_canonical();
        if has_rport || !host_is(host, ip) {
            self.buffer.extend_from_slice(b";received=");
            self.ip(ip, false);
        }
        if has_rport {
            self.buffer.extend_from_slice(b";rport=");
            self.number(remote.port().into());
        }
        self.unfolded(rest);
        self.line_end();
    }

    /// The Via of a request of ours (RFC 3261, 8.1.1.7), with `rport` as RFC 3581 wants of every client.
    pub(crate) fn own_via(&mut self, OwnVia { place, branch }: OwnVia) -> &mut Self {
        self.buffer.extend_from_slice(b"Via: SIP/2.0/");
        self.buffer.extend_from_slice(place.transport.as_str().as_bytes());
        self.buffer.push(b' ');
        self.address(place.seen);
        self.buffer.extend_from_slice(b";branch=");
        self.buffer.extend_from_slice(&branch.text());
        self.buffer.extend_from_slice(b";rport\r\n");
        self
    }

    /// Our Contact.
    pub(crate) fn own_contact(&mut self, place: OwnPlace) -> &mut Self {
        self.buffer.extend_from_slice(b"Contact: <sip:");
        self.address(place.seen);
        if place.transport != Transport::Udp {
            self.buffer.extend_from_slice(b";transport=");
            self.buffer.extend_from_slice(place.transport.param().as_bytes());
        }
        self.buffer.extend_from_slice(b">\r\n");
        self
    }

    /// An address and port as a host part has them. Without a port of our own there is none to name.
    fn address(&mut self, address: SocketAddr) {
        self.ip(address.ip(), true);
        if address.port() != 0 {
            self.buffer.push(b':');
            self.number(address.port().into());
        }
    }

    fn ip(&mut self, ip: IpAddr, brackets: bool) {
        match ip {
            IpAddr::V4(ip) => {
                for (at, octet) in ip.octets().into_iter().enumerate() {
                    if at > 0 {
                        self.buffer.push(b'.');
                    }
                    self.number(octet.into());
                }
            }
            IpAddr::V6(ip) if brackets => self.display(format_args!("[{ip}]")),
            IpAddr::V6(ip) => self.display(format_args!("{ip}")),
        }
    }

    fn display(&mut self, arguments: fmt::Arguments<'_>) {
        // Writing to a Vec cannot fail.
        let _ = self.buffer.write_fmt(arguments);
    }
}

fn dialog_making(method: Method) -> bool {
    matches!(method, Method::Invite | Method::Subscribe | Method::Refer | Method::Notify)
}

/// Where the response to a request that came by `flow` goes (RFC 3261, 18.2.2; RFC 3581, 4): back over a stream; over UDP to the
/// source address, at its source port when the top Via asks `rport`, else at the port that Via names. `maddr` is not followed.
#[must_use]
pub fn response_flow(request: &Message, flow: Flow) -> Flow {
    if flow.transport.is_reliable() { flow } else { via_flow(request, flow) }
}

/// The source of `request`, which came by `flow`; but at the port that its top Via names unless that asks `rport`.
fn via_flow(request: &Message, flow: Flow) -> Flow {
    let (has_rport, port) = match (request.top_via(), request.via()) {
        (Some(TopVia { has_rport, .. }), Ok(via)) => (has_rport, via.port),
        (None, Ok(via)) => (via.rport().is_some(), via.port),
        // A Via that is broken further on still names its port.
        (_, Err(_)) => {
            let line = request.header(Name::Via).unwrap_or_default();
            (false, Via::sent_by(&mut Cursor::new(line)).and_then(|(_, via)| via.port))
        }
    };
    if has_rport { flow } else { at_port(flow, port) }
}

/// The way of a response by a new stream, when `flow`, which its request came by, is gone: to the source of the request, at the port of
/// the sent-by in the top Via (RFC 3261, 18.2.2). Nobody is reached by it but who sent the request. `None` for what is no response, and
/// for one whose top Via cannot be read.
#[must_use]
pub fn return_flow(response: &[u8], flow: Flow) -> Option<Flow> {
    let mut lines = response.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if !lines.next()?.get(..4)?.eq_ignore_ascii_case(b"SIP/") {
        return None;
    }
    let mut head = lines.take_while(|line| !line.is_empty()).filter_map(header_line);
    let (_, top) = head.find(|(name, _)| Name::of(name) == Name::Via)?;
    let (_, via) = Via::sent_by(&mut Cursor::new(top))?;
    Some(at_port(flow, via.port))
}

fn at_port(mut flow: Flow, port: Option<u16>) -> Flow {
    flow.remote.set_port(port.filter(|&port| port != 0).unwrap_or(flow.transport.default_port()));
    flow
}

/// Where requests to the sender of `request` go, which came by `flow`: where it sends from, since that is open in its NAT.
/// One that is behind no NAT (its top Via names the address it sends from) and does not ask for `rport` listens at the port that
/// its Via names (RFC 3261, 18.2.2), whatever port it sends from: that is what [`response_flow`] says.
#[must_use]
pub fn peer_flow(request: &Message, flow: Flow) -> Flow {
    match request.via() {
        Ok(via) if host_is(via.host, flow.remote.ip().to_canonical()) => response_flow(request, flow),
        _ => flow,
    }
}

impl Reply400 {
    /// The status: 400, or 505 and 513 where they say it better.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// The whole response, and where it goes. The same request gets the same octets: no state is needed (RFC 3261, 8.2.7).
    #[must_use]
    pub fn response(&self, flow: Flow) -> (Flow, Bytes) {
        let status = self.kind.status();
        let reason = if status == 400 { format!("Bad Request - {}", self.kind) } else { String::new() };
        let tag = format!("{:016x}", fnv(self.message.bytes()));
        let writer = response_head(&self.message, flow, status, &reason, Some(&tag));
        (response_flow(&self.message, flow), writer.end())
    }
}

/// FNV-1a: a tag that is the same for the same octets. Not a secret.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The usual phrase of a status (RFC 3261, 21 and later ones).
#[must_use]
pub fn default_reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        199 => "Early Dialog Terminated",
        200 => "OK",
        202 => "Accepted",
        204 => "No Notification",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        412 => "Conditional Request Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        417 => "Unknown Resource-Priority",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        428 => "Use Identity Header",
        429 => "Provide Referrer Identity",
        430 => "Flow Failed",
        433 => "Anonymity Disallowed",
        436 => "Bad Identity Info",
        437 => "Unsupported Credential",
        438 => "Invalid Identity Header",
        439 => "First Hop Lacks Outbound Support",
        440 => "Max-Breadth Exceeded",
        469 => "Bad Info Package",
        470 => "Consent Needed",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        494 => "Security Agreement Required",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        580 => "Precondition Failure",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        608 => "Rejected",
        other => match other / 100 {
            1 => "Progress",
            2 => "OK",
            3 => "Redirected",
            4 => "Client Error",
            5 => "Server Error",
            _ => "Global Failure",
        },
    }
}
