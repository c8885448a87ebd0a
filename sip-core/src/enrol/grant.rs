//! What a registrar's response says (RFC 3261, 10.3): how long our contact is bound, when to come again, the route of later requests.

use crate::{
    message::{Message, Name, NameAddr, seconds, split_values, text, unquoted},
    uri::SipUri,
};

/// Contacts that are looked at in one response.
const CONTACTS_READ_MAX: usize = 256;
/// Routes that one registrar may set, and the octets of each; a route beyond that is not taken, in part would be another route.
pub const ROUTES_MAX: usize = 8;
const ROUTE_MAX: usize = 512;
/// Characters of a reason phrase that are kept.
const REASON_MAX: usize = 128;
/// RFC 3261, 20.10: an `expires` that cannot be read "SHOULD be treated as equivalent to 3600".
const EXPIRES_UNREADABLE_S: u32 = 3_600;
/// RFC 3261, 19.1.2.
const DEFAULT_PORT: u16 = 5060;

/// How well a contact of theirs is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// Our user, at another address.
    User,
    /// Our user and address; they have changed its parameters.
    Address,
    /// As URIs compare (RFC 3261, 19.1.4): with parameters that we did not give, it may be that of another life of ours.
    Same,
    /// Octet by octet.
    Literal,
}

/// For how many seconds `response`, a 2xx, binds `contact`, where `asked` seconds were asked for. `None`: it does not name it.
///
/// A registrar may tell of many contacts. One that shows our contact as it sees us, at another address, is believed if that is the only
/// one; one that tells of none, by its Expires.
pub(super) fn granted(response: &Message, contact: &[u8], asked: u32) -> Option<u32> {
    let ours = SipUri::parse(contact).ok()?;
    let general = response.header(Name::Expires).map(|value| seconds(value).unwrap_or(EXPIRES_UNREADABLE_S));
    let mut count = 0;
    let mut best: Option<(Likeness, u32)> = None;
    for value in response.values(Name::Contact).take(CONTACTS_READ_MAX) {
        count += 1;
        let Ok(listed) = NameAddr::parse(value, Name::Contact) else { continue };
        let likeness = match SipUri::parse(listed.uri) {
            _ if listed.uri == contact => Likeness::Literal,
            Ok(theirs) if let Some(likeness) = likeness(&ours, &theirs) => likeness,
            _ => continue,
        };
        let own = listed.params.value("expires").map(|value| seconds(&unquoted(value)).unwrap_or(EXPIRES_UNREADABLE_S));
        if best.is_none_or(|(before, _)| likeness > before) {
            best = Some((likeness, own.or(general).unwrap_or(asked)));
        }
    }
    match best {
        None if count == 0 => general,
        Some((Likeness::User, _)) if count > 1 => None,
        best => best.map(|(_, expires)| expires),
    }
}

fn likeness(ours: &SipUri<'_>, theirs: &SipUri<'_>) -> Option<Likeness> {
    if ours.equals(theirs) {
        return Some(Likeness::Same);
    }
    if ours.user_text()? != theirs.user_text()? {
        return None;
    }
    let port = |uri: &SipUri<'_>| uri.port.unwrap_or(DEFAULT_PORT);
    let is_there = match (ours.host_ip(), theirs.host_ip()) {
        (Some(a), Some(b)) => a == b,
        _ => ours.host.eq_ignore_ascii_case(theirs.host),
    };
    Some(if is_there && port(ours) == port(theirs) { Likeness::Address } else { Likeness::User })
}

/// Service-Route (RFC 3608, 6.1): the Route of later requests, in order. Empty: there is none, or none that can be followed; one without `lr` would want
/// the Request-URI written anew (RFC 3261, 12.2.1.1), which is not done for a request outside a dialog.
pub(super) fn service_route(response: &Message) -> Vec<String> {
    let lines = response.all_headers().filter(|(name, _)| name.eq_ignore_ascii_case(b"Service-Route"));
    let mut routes = Vec::new();
    for value in lines.flat_map(|(_, line)| split_values(line)) {
        let route = std::str::from_utf8(value).ok().filter(|route| route.len() <= ROUTE_MAX && !route.chars().any(char::is_control));
        let is_loose = |route: &&str| {
            let uri = NameAddr::parse(route.as_bytes(), Name::Route).ok().and_then(|address| SipUri::parse(address.uri).ok());
            uri.is_some_and(|uri| uri.params.get("lr").is_some())
        };
        match route.filter(is_loose) {
            Some(route) if routes.len() < ROUTES_MAX => routes.push(route.to_owned()),
            _ => return Vec::new(),
        }
    }
    routes
}

/// Retry-After in seconds: `18 (in a meeting);duration=60` (RFC 3261, 20.33).
pub(super) fn retry_after(response: &Message) -> Option<u32> {
    let value = response.header(Name::RetryAfter)?;
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    seconds(value.get(..end)?)
}

/// Min-Expires in seconds (RFC 3261, 20.23).
pub(super) fn min_expires(response: &Message) -> Option<u32> {
    seconds(response.header(Name::MinExpires)?)
}

/// The reason phrase for people; the usual one where there is none.
pub(super) fn reason(response: &Message) -> String {
    let told = text(response.reason());
    if told.is_empty() { crate::message::default_reason(response.status()).to_owned() } else { told.chars().take(REASON_MAX).collect() }
}
