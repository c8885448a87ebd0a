//! How a binding is reached that is not simply where its REGISTER came from: through proxies (Path, RFC 3327), and by which of its phone's
//! streams (RFC 5626).
//!
//! A phone that keeps several streams registers by each of them, and names each by its `+sip.instance` and a `reg-id`: a REGISTER with both the
//! same takes the place of the one before, whatever contact either says. It is so only by streams. By datagrams the phone would ask us by STUN
//! whether its flow still lives (4.4.2), which nobody answers here, and take the silence for the end of it; so a `reg-id` that comes by UDP means
//! nothing, and our answer does not say otherwise.
//!
//! There are no GRUUs (RFC 5627): a request to one would have to find the one phone of several that it names wherever a number is dialled.

use bytes::Bytes;

use super::Refusal;
use crate::{
    flow::Flow,
    message::{CSEQ_MAX, Message, Name, NameAddr, seconds, unquoted},
    uri::SipUri,
};

/// Proxies on the way to a phone; more get 400.
pub const PATH_MAX: usize = 8;
/// Octets of all their URIs; more get 400.
pub const PATH_OCTETS_MAX: usize = 2_048;
/// Octets of a `+sip.instance`; a longer one gets 400.
pub const INSTANCE_MAX: usize = 256;
/// The option tag of RFC 5626.
const OUTBOUND: &[u8] = b"outbound";

/// How a binding is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// The value of Route in requests to it, as it came in Path (RFC 3327, 5.3): the proxies between us and the phone. Empty: none.
    pub route: Bytes,
    /// Which of its phone's flows it is.
    pub flow: Option<FlowName>,
}

impl Reach {
    /// As it was written down in an earlier life: `route` and `instance` empty, `reg_id` 0 for what there is not. `None`: no REGISTER could have
    /// made it.
    #[must_use]
    pub fn restored(route: &str, instance: &str, reg_id: u32) -> Option<Self> {
        let has_ends = route.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        if route.len() > PATH_OCTETS_MAX || has_ends || instance.len() > INSTANCE_MAX || !is_plain(instance.as_bytes()) {
            return None;
        }
        let flow = (reg_id > 0 && !instance.is_empty()).then(|| FlowName { instance: Bytes::copy_from_slice(instance.as_bytes()), reg_id });
        Some(Self { route: Bytes::copy_from_slice(route.as_bytes()), flow })
    }
}

/// One of the flows of a phone (RFC 5626, 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowName {
    /// The phone: its `+sip.instance`, without quotes.
    pub instance: Bytes,
    /// The flow: its `reg-id`, from 1 on.
    pub reg_id: u32,
}

/// What a REGISTER says of the way, for all of its contacts.
pub(super) struct Way {
    route: Bytes,
    /// Flows that are named count.
    has_outbound: bool,
}

impl Way {
    /// Of a REGISTER that came by `flow`.
    pub(super) fn of(request: &Message, flow: Flow) -> Result<Self, Refusal> {
        let (route, is_first_hop_able) = path(request)?;
        let wants = flow.transport.is_reliable() && request.values(Name::Supported).any(|option| option.eq_ignore_ascii_case(OUTBOUND));
        // 6: who came through a proxy is known by what that one has done, which says so by `ob`.
        let is_direct = request.values(Name::Via).nth(1).is_none();
        Ok(Self { route, has_outbound: wants && (is_direct || is_first_hop_able) })
    }

    /// For one of its contacts. `None`: there is nothing to know.
    pub(super) fn reach(&self, contact: &NameAddr<'_>) -> Result<Option<Box<Reach>>, Refusal> {
        let flow = if self.has_outbound { flow_name(contact)? } else { None };
        let has_any = flow.is_some() || !self.route.is_empty();
        Ok(has_any.then(|| Box::new(Reach { route: self.route.clone(), flow })))
    }

    /// As it is said again in the answer (RFC 3327, 5.3).
    pub(super) fn route(&self) -> &Bytes {
        &self.route
    }
}

/// The proxies, as one value; and whether the one that is nearest to the phone keeps its flows.
fn path(request: &Message) -> Result<(Bytes, bool), Refusal> {
    let mut route = Vec::new();
    let mut keeps_flows = false;
    for (at, value) in request.values(Name::Path).enumerate() {
        let hop = NameAddr::parse(value, Name::Path).map_err(|_| Refusal::Malformed)?;
        let uri = SipUri::parse(hop.uri).map_err(|_| Refusal::Malformed)?;
        // 4: they are loose routers; for strict ones our requests would have to look otherwise.
        if at == PATH_MAX || uri.params.get("lr").is_none() || std::str::from_utf8(value).is_err() {
            return Err(Refusal::Malformed);
        }
        if at > 0 {
            route.extend_from_slice(b", ");
        }
        route.extend_from_slice(value);
        keeps_flows = uri.params.get("ob").is_some();
    }
    if route.len() > PATH_OCTETS_MAX || route.iter().any(|&byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(Refusal::Malformed);
    }
    Ok((route.into(), keeps_flows))
}

fn flow_name(contact: &NameAddr<'_>) -> Result<Option<FlowName>, Refusal> {
    let reg_id = contact.params.value("reg-id").and_then(seconds).filter(|id| (1..=CSEQ_MAX).contains(id));
    let (Some(reg_id), Some(instance)) = (reg_id, contact.params.value("+sip.instance")) else { return Ok(None) };
    let instance = unquoted(instance);
    if instance.is_empty() || instance.len() > INSTANCE_MAX || !is_plain(&instance) {
        return Err(Refusal::Malformed);
    }
    Ok(Some(FlowName { instance: Bytes::copy_from_slice(&instance), reg_id }))
}

/// It is said again in answers.
fn is_plain(instance: &[u8]) -> bool {
    instance.iter().all(|&byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}
