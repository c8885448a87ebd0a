//! What gives itself away: the marks of tools that look for servers and passwords, and what nobody honest asks for.

use std::net::IpAddr;

use crate::{
    message::{Message, Method, Name},
    uri::SipUri,
};

/// Where a mark is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Anywhere in the User-Agent, in any case.
    Agent,
    /// The User-Agent begins so, in any case.
    AgentBegins,
    /// Anywhere in From, in any case.
    From,
}

/// A mark of a tool.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Where it stands.
    pub place: Place,
    /// What stands there, in lower case.
    pub text: &'static str,
    /// Whether no phone has it: then there is never an answer. Else it weighs against a source until somebody logs in.
    pub is_certain: bool,
    /// What it is a mark of, for whoever asks why.
    pub why: &'static str,
}

const fn certain(place: Place, text: &'static str, why: &'static str) -> Mark {
    Mark { place, text, is_certain: true, why }
}

const fn doubtful(text: &'static str, why: &'static str) -> Mark {
    Mark { place: Place::AgentBegins, text, is_certain: false, why }
}

/// The marks.
///
/// Tools that administrators use on their own servers and that say so (sipsak, SIPp, monitoring) are not here: what they do decides.
pub const MARKS: [Mark; 21] = [
    certain(Place::Agent, "friendly-scanner", "SIPVicious, by default"),
    certain(Place::Agent, "friendly-request", "SIPVicious PRO, by default"),
    certain(Place::Agent, "sipvicious", "SIPVicious, by its name"),
    certain(Place::From, "\"sipvicious\"", "SIPVicious, its display name when only the User-Agent was changed"),
    certain(Place::From, "@1.1.1.1", "SIPVicious (svmap) as it comes: its From is 100@1.1.1.1, an address of a resolver"),
    certain(Place::AgentBegins, "sundayddr", "a worm that spread SIPVicious under this name since 2010"),
    certain(Place::AgentBegins, "sip-scan", "a scanner by its name"),
    certain(Place::AgentBegins, "sipscan", "a scanner by its name"),
    certain(Place::AgentBegins, "smap", "an older scanner"),
    certain(Place::AgentBegins, "siparmyknife", "a fuzzer"),
    certain(Place::AgentBegins, "iwar", "a war dialler"),
    certain(Place::AgentBegins, "sivus", "a scanner for vulnerabilities"),
    certain(Place::AgentBegins, "sipcli", "a command line of 2012, used to try whether calls get out"),
    certain(
        Place::AgentBegins,
        "vaxsipuseragent",
        "the default name of a software kit; products have their own, robots that dial for money do not",
    ),
    certain(Place::AgentBegins, "vaxipuseragent", "the same kit"),
    certain(Place::AgentBegins, "pplsip", "a robot that tries passwords and numbers"),
    certain(Place::From, "sip:nm@nm", "Nmap, when it asks what serves a port"),
    doubtful("eyebeam release 3006o stamp 17551", "one release of 2006 of a softphone; robots have borrowed its name for years"),
    doubtful("eyebeam release 3010o stamp 19039", "another release that is borrowed"),
    doubtful("cisco-sipgateway/ios-12", "an old gateway, which calls from known addresses; borrowed by robots"),
    doubtful("custom sip phone", "no phone that can be bought"),
];

/// The mark that a request has.
#[must_use]
pub fn mark(request: &Message) -> Option<&'static Mark> {
    let agent = request.header(Name::UserAgent).unwrap_or_default();
    let from = request.header(Name::From).unwrap_or_default();
    MARKS.iter().find(|mark| match mark.place {
        Place::Agent => places(agent, mark.text).next().is_some(),
        Place::AgentBegins => begins(agent, mark.text.as_bytes()),
        Place::From => contains_whole(from, mark.text),
    })
}

/// Whether `text` begins with `part`, in any case. `part` is in lower case and not empty.
fn begins(text: &[u8], part: &[u8]) -> bool {
    // Nearly all differ in the first octet already.
    text.first().map(u8::to_ascii_lowercase) == part.first().copied()
        && text.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part))
}

/// Where `part` stands in `text`, in any case. Every request that begins something is searched, so it leaps from one first octet to the next.
fn places(text: &[u8], part: &str) -> impl Iterator<Item = usize> {
    let part = part.as_bytes();
    let first = part.first().copied().unwrap_or_default();
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text).filter(move |&at| begins(text.get(at..).unwrap_or_default(), part))
}

/// Whether `part` stands in `text`, and no digit or dot follows: `@1.1.1.10` is another address.
fn contains_whole(text: &[u8], part: &str) -> bool {
    let goes_on = |end: usize| text.get(end).is_some_and(|next| next.is_ascii_digit() || *next == b'.');
    places(text, part).any(|at| !goes_on(at + part.len()))
}

/// The host that a request is for and that is not among `domains` and `addresses`, nor `local`, the address that it came to; `None` when it
/// is ours.
///
/// The Request-URI says whom a request is for; of a REGISTER the To does as well (RFC 3261, 10.2). The To of other requests may name
/// whatever somebody once dialled. What is no SIP URI has no domain.
pub(super) fn foreign_host(request: &Message, domains: &[String], addresses: &[IpAddr], local: IpAddr) -> Option<String> {
    let to = request.to().ok().filter(|_| request.method() == Method::Register).map(|to| to.uri);
    [Some(request.uri()), to].into_iter().flatten().filter_map(|uri| SipUri::parse(uri).ok()).find_map(|uri| {
        let is_ours = match uri.host_ip() {
            Some(ip) => addresses.contains(&ip.to_canonical()) || ip.to_canonical() == local.to_canonical(),
            None => {
                let host = uri.host_text();
                // A dot at the end says that the name is whole (RFC 1034, 3.1).
                let host = host.strip_suffix('.').unwrap_or(&host);
                domains.iter().any(|domain| domain.eq_ignore_ascii_case(host))
            }
        };
        (!is_ours).then(|| uri.host_text())
    })
}

/// Digits from which on a number is more than an extension: national numbers with their prefix have more in nearly all countries.
const TOLL_DIGITS: usize = 9;

/// Whether a call goes to what looks like a telephone number in the wide world, whatever prefix is tried before it.
pub(super) fn is_to_the_world(request: &Message) -> bool {
    let Some(user) = SipUri::parse(request.uri()).ok().and_then(|uri| uri.user_text()) else { return false };
    user.bytes().filter(u8::is_ascii_digit).count() >= TOLL_DIGITS
        && user.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'*' | b'#' | b'-' | b'.'))
}
