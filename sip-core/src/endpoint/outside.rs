//! Requests of ours outside any dialog: REGISTER, OPTIONS, MESSAGE.
//!
//! ```text
//!   `request`
//!      |
//!      v
//!    Asked ---- 401, 407, with an account that can answer: the next CSeq number, Asked again
//!      |
//!      | 200-699: Answered               Unanswered: timer F, the flow is lost, unreachable
//!      v
//!     gone
//! ```

use std::time::Instant;

use bytes::Bytes;

use super::{AccountId, Endpoint, EndpointOutput, MESSAGE_OCTETS_MAX, account::once_more, check};
use crate::{
    dialog::MAX_FORWARDS,
    digest::client::{Exchange, Unproven},
    flow::Flow,
    message::{CSEQ_MAX, Message, Method, Name, NameAddr, Writer},
    transaction::{Outgoing, Purpose},
};

/// Transactions of such requests at once, those that only wait for repeated responses included. They have room of their own: calls take
/// none of it, and they none of that of calls. One over UDP waits 5 s for repeated responses, so this is some 1,600 in a second.
pub const REQUESTS_MAX: usize = 8_192;

/// Names a request of ours outside any dialog; never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

/// A request outside any dialog.
#[derive(Debug, Clone)]
pub struct OutsideRequest {
    /// Where it is sent.
    pub flow: Flow,
    /// REGISTER, OPTIONS or MESSAGE.
    pub method: Method,
    /// The Request-URI.
    pub uri: Bytes,
    /// From without a tag: `"Name" <sip:user@host>`.
    pub from: String,
    /// To.
    pub to: String,
    /// The Call-ID, for REGISTERs that belong together (RFC 3261, 10.2); `None`: one of its own.
    pub call_id: Option<Bytes>,
    /// The CSeq number, 1 to [`CSEQ_MAX`].
    pub cseq: u32,
    /// Whether it says where we are reached, as an INVITE does.
    pub contact: bool,
    /// Further headers; a `Max-Forwards` here replaces the usual 70.
    pub headers: Vec<(&'static str, String)>,
    /// Content-Type and body.
    pub body: Option<(String, Bytes)>,
    /// By what it is proven if it is challenged.
    pub account: Option<AccountId>,
}

/// Why a request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unanswered {
    /// Nothing final was heard for 64*T1 (timer F).
    Timeout,
    /// Its stream is gone, or could not be opened.
    FlowLost,
    /// The network says that nobody is there.
    Unreachable,
}

/// Why a request of ours was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unsent {
    /// It would have more octets than a MESSAGE may have ([`MESSAGE_OCTETS_MAX`]).
    TooLong,
    /// There is no room, nobody to ask, or its parts make no message.
    Not,
}

/// One that waits for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    flow: Flow,
    request: Message,
    account: Option<AccountId>,
    exchange: Exchange,
}

impl Endpoint {
    /// How many of [`REQUESTS_MAX`] there are: who has much to send that can wait leaves room for others.
    #[must_use]
    pub fn requests_open(&self) -> usize {
        self.transactions.asking()
    }

    /// Sends a request outside any dialog. It leads to one [`EndpointOutput::Answered`] or [`EndpointOutput::Unanswered`].
    ///
    /// # Errors
    ///
    /// [`Unsent::TooLong`]: a MESSAGE of more than [`MESSAGE_OCTETS_MAX`] octets. [`Unsent::Not`]: there are [`REQUESTS_MAX`], it is of another
    /// method, or its parts make no message.
    pub fn request(&mut self, now: Instant, asked: OutsideRequest) -> Result<RequestId, Unsent> {
        let OutsideRequest { flow, method, uri, from, to, call_id, cseq, contact, headers, body, account } = asked;
        let may = matches!(method, Method::Register | Method::Options | Method::Message) && (1..=CSEQ_MAX).contains(&cseq);
        let is_untagged =
            |value: &str, name| NameAddr::parse(value.as_bytes(), name).is_ok_and(|address| address.params.get("tag").is_none());
        if !may || !self.transactions.has_room_asking() || !is_untagged(&from, Name::From) || !is_untagged(&to, Name::To) {
            return Err(Unsent::Not);
        }
        let branch = self.wire.draw_branch();
        let tag = self.wire.draw_tag();
        let call_id = call_id.unwrap_or_else(|| self.wire.draw_call_id());
        let mut writer = Writer::request(method.as_str(), &uri);
        writer.own_via(self.settings.via(flow, branch));
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Max-Forwards")) {
            writer.header("Max-Forwards", MAX_FORWARDS);
        }
        writer
            .parts("From", &[from.as_bytes(), b";tag=", &tag.text()])
            .header("To", &to)
            .header("Call-ID", &call_id)
            .cseq(cseq, method.as_str());
        if contact {
            writer.own_contact(self.settings.place(flow));
        }
        writer.header("Allow", self.settings.extras.allow());
        if method == Method::Options {
            writer.header("Accept", check::ACCEPT);
        }
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        for (name, value) in &headers {
            writer.header(name, value);
        }
        let bytes = match &body {
            Some((kind, body)) => writer.body(kind, body),
            None => writer.end(),
        };
        if method == Method::Message && bytes.len() > MESSAGE_OCTETS_MAX {
            return Err(Unsent::TooLong);
        }
        let request = Message::parse(bytes.clone()).map_err(|_| Unsent::Not)?;
        let id = RequestId(self.asked.insert_with(|_| Asked { flow, request, account, exchange: Exchange::default() }));
        let outgoing = Outgoing { flow, branch, method, bytes, purpose: Purpose::Outside(id) };
        self.transactions.request(&mut self.wire, now, outgoing);
        Ok(id)
    }

    /// A final response.
    pub(super) fn answered(&mut self, now: Instant, id: RequestId, flow: Flow, response: &Message) {
        let Err(unproven) = self.ask_again(now, id, response) else { return };
        if self.asked.remove(id.0).is_some() {
            self.wire.output.push_back(EndpointOutput::Answered { request: id, flow, message: response.clone(), unproven });
        }
    }

    /// With credentials and the next CSeq number (RFC 3261, 22.2). `Err(None)`: it does not go out again, for no reason of the account's.
    fn ask_again(&mut self, now: Instant, id: RequestId, response: &Message) -> Result<(), Option<Unproven>> {
        let asked = self.asked.get_mut(id.0).ok_or(None)?;
        let account = asked.account.filter(|_| matches!(response.status(), 401 | 407)).ok_or(None)?;
        let (flow, sent, mut exchange) = (asked.flow, asked.request.clone(), std::mem::take(&mut asked.exchange));
        let number = sent.cseq().ok().map(|cseq| cseq.number + 1).filter(|&number| number <= CSEQ_MAX).ok_or(None)?;
        if !self.transactions.has_room_asking() {
            return Err(None);
        }
        let proofs = self.prove(account, &mut exchange, response, &sent)?;
        let branch = self.wire.draw_branch();
        let request = once_more(&sent, self.settings.via(flow, branch), number, &[], &proofs, |_| {}).ok_or(None)?;
        let (method, bytes) = (request.method(), request.bytes().clone());
        if let Some(asked) = self.asked.get_mut(id.0) {
            (asked.request, asked.exchange) = (request, exchange);
        }
        self.transactions.request(&mut self.wire, now, Outgoing { flow, branch, method, bytes, purpose: Purpose::Outside(id) });
        Ok(())
    }

    /// Its transaction failed.
    pub(super) fn unanswered(&mut self, id: RequestId, why: Unanswered) {
        let Some(asked) = self.asked.remove(id.0) else { return };
        let cseq = asked.request.cseq().map_or(0, |cseq| cseq.number);
        self.wire.output.push_back(EndpointOutput::Unanswered { request: id, cseq, why });
    }
}
