//! What the endpoint refuses by itself, before anybody is asked: RFC 3261, 8.2.

use super::EndpointSettings;
use crate::{
    early,
    message::{Contacts, Message, Method, Name},
    terms,
};

/// The bodies we read.
pub(super) const ACCEPT: &str = "application/sdp";
/// How much of a Require is told back in Unsupported.
const UNSUPPORTED_MAX: usize = 512;

/// A final response and what it must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Empty: the usual phrase.
    pub(super) reason: &'static str,
    pub(super) header: Option<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn plain(status: u16) -> Self {
        Self { status, reason: "", header: None }
    }

    pub(super) fn with(status: u16, name: &'static str, value: impl Into<String>) -> Self {
        Self { status, reason: "", header: Some((name, value.into())) }
    }

    fn because(status: u16, reason: &'static str) -> Self {
        Self { status, reason, header: None }
    }
}

/// A request outside any dialog, in the order of 8.2: method, headers, content.
pub(super) fn outside(message: &Message, settings: &EndpointSettings) -> Result<(), Refusal> {
    match message.method() {
        Method::Invite | Method::Options | Method::Register => {}
        // 12.2.2: these live only in a dialog, and there is none.
        Method::Bye | Method::Info | Method::Update | Method::Prack => return Err(Refusal::plain(481)),
        method if settings.extras.has_outside(method) => {}
        // Only within a session: what it asks for is about one (RFC 5589, 6).
        Method::Refer if settings.extras.transfers => return Err(Refusal::plain(403)),
        _ => return Err(Refusal::with(405, "Allow", settings.extras.allow())),
    }
    if !has_sip_scheme(message.uri()) {
        return Err(Refusal::plain(416));
    }
    // A hop that may not go on (16.3, 3). We are a B2BUA: what we would do for it would be a further hop.
    if message.max_forwards() == Ok(Some(0)) {
        return Err(Refusal::plain(483));
    }
    extensions(message, settings)?;
    if message.method() == Method::Invite {
        if !matches!(message.contacts(), Ok(Contacts::List(_))) {
            return Err(Refusal::because(400, "Bad Request - malformed Contact"));
        }
        content(message)?;
        accepts_sdp(message)?;
        session_interval(message, settings)?;
    }
    Ok(())
}

/// RFC 4028, 9: a session interval that is too short.
pub(super) fn session_interval(message: &Message, settings: &EndpointSettings) -> Result<(), Refusal> {
    terms::too_short(message, settings).map_or(Ok(()), |least| Err(Refusal::with(422, "Min-SE", least.to_string())))
}

/// 8.2.2.3: extensions that must be understood; session timers, reliable provisional responses and what [`super::Extras`] bring are those
/// that we have. A proxy needs to understand none of it.
pub(super) fn extensions(message: &Message, settings: &EndpointSettings) -> Result<(), Refusal> {
    let mut unsupported = String::new();
    let is_known = |option: &&[u8]| [terms::TIMER, early::RELIABLE].iter().any(|known| option.eq_ignore_ascii_case(known.as_bytes()));
    let required =
        message.values(Name::Require).filter(|option| !is_known(option) && !settings.extras.understands(message.method(), option));
    for option in required.chain(message.values(Name::ProxyRequire)) {
        if option.is_empty() || unsupported.len() > UNSUPPORTED_MAX {
            continue;
        }
        if !unsupported.is_empty() {
            unsupported.push_str(", ");
        }
        unsupported.push_str(&String::from_utf8_lossy(option));
    }
    if unsupported.is_empty() { Ok(()) } else { Err(Refusal::with(420, "Unsupported", unsupported)) }
}

/// 8.2.3: a session is described by SDP, in the clear, or not at all.
pub(super) fn content(message: &Message) -> Result<(), Refusal> {
    if message.body().is_empty() {
        return Ok(());
    }
    if message.values(Name::ContentEncoding).any(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(Refusal::with(415, "Accept-Encoding", "identity"));
    }
    if sdp(message).is_none() {
        return Err(Refusal::with(415, "Accept", ACCEPT));
    }
    Ok(())
}

/// 21.4.7: whoever accepts no SDP cannot be answered with any.
pub(super) fn accepts_sdp(message: &Message) -> Result<(), Refusal> {
    let mut accepted = message.values(Name::Accept).map(media_type).peekable();
    if accepted.peek().is_none() {
        return Ok(());
    }
    let ours = accepted.any(|kind| [ACCEPT, "application/*", "*/*"].iter().any(|ours| kind.eq_ignore_ascii_case(ours.as_bytes())));
    if ours { Ok(()) } else { Err(Refusal::plain(406)) }
}

/// The session description a message carries. A body without a type is taken for one: what else would a phone send?
pub(super) fn sdp(message: &Message) -> Option<bytes::Bytes> {
    let body = message.body_bytes();
    let is_sdp = message.header(Name::ContentType).is_none_or(|kind| media_type(kind).eq_ignore_ascii_case(ACCEPT.as_bytes()));
    (is_sdp && !body.is_empty()).then_some(body)
}

/// `application/sdp` of `application/sdp;charset=..`.
pub(super) fn media_type(value: &[u8]) -> &[u8] {
    value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

fn has_sip_scheme(uri: &[u8]) -> bool {
    let scheme = uri.split(|&byte| byte == b':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"sip") || scheme.eq_ignore_ascii_case(b"sips")
}
