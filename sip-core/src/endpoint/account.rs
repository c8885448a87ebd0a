//! The accounts by which we are a customer of others, and how a challenged request goes out again (RFC 3261, 22).
//!
//! An account answers for the requests that were given it, and for those within a session that was begun with it as long as they go to
//! the host that the session was begun with (B-56). Nothing is proven before it is asked for.

use std::{net::IpAddr, time::Instant};

use super::{Endpoint, OwnVia, SessionId};
use crate::{
    digest::client::{Account, Answerer, Challenged, Exchange, Proof, Unproven},
    message::{Message, Method, Name, Writer},
    session::{Leaving, Progress, Stage, Talking},
    transaction::{ClientTx, Outgoing, OutgoingInvite, Purpose},
};

/// Accounts at once: those of a thousand carriers with a hundred each, and as many again as may have changed while calls by them are up. Only who
/// sets up carriers makes them; one takes some hundred octets.
pub const ACCOUNTS_MAX: usize = 131_072;

/// Names an account of this endpoint; never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub(crate) u64);

/// By what a session of ours proves who we are.
#[derive(Debug)]
pub(crate) struct Login {
    account: AccountId,
    /// Whom the INVITE was sent to. Nobody else is answered, wherever the dialog may lead.
    host: IpAddr,
    exchange: Exchange,
    /// The CSeq number of the request that carries the credentials of `exchange`.
    number: u32,
}

impl Login {
    pub(super) fn new(account: AccountId, host: IpAddr) -> Self {
        Self { account, host, exchange: Exchange::default(), number: 0 }
    }

    /// How many of the INVITEs before went out because of a challenge.
    pub(super) fn answers(&self) -> u32 {
        self.exchange.answers().into()
    }
}

impl Endpoint {
    /// Takes up an account, for [`super::Invite::account`] and [`super::OutsideRequest::account`]. What its peer asked for is remembered
    /// until it is removed: the first realm, and the strongest algorithm. An account that changes is another one.
    /// `None`: there are [`ACCOUNTS_MAX`].
    pub fn add_account(&mut self, account: Account) -> Option<AccountId> {
        (self.accounts.len() < ACCOUNTS_MAX).then(|| AccountId(self.accounts.insert_with(|_| Answerer::new(account))))
    }

    /// Forgets an account. Requests that were given it go on, and are not proven if they are challenged.
    pub fn remove_account(&mut self, account: AccountId) {
        self.accounts.remove(account.0);
    }

    /// The credentials with which `request` goes out again after `response`.
    pub(super) fn prove(
        &mut self,
        account: AccountId,
        exchange: &mut Exchange,
        response: &Message,
        request: &Message,
    ) -> Result<Vec<Proof>, Unproven> {
        let cnonce = self.wire.draw_u128();
        let answerer = self.accounts.get_mut(account.0).ok_or(Unproven::Unusable)?;
        answerer.answer(exchange, response, Challenged::of(request), cnonce)
    }

    /// Why the INVITE `request` of a session goes out again: the credentials for it after 401 or 407, those that it had after another
    /// refusal. `None`: it does not.
    pub(super) fn login_again(&mut self, id: SessionId, response: &Message, request: &Message) -> Option<Vec<Proof>> {
        let is_challenge = matches!(response.status(), 401 | 407);
        let Some(mut login) = self.sessions.get_mut(id.0)?.login.take() else { return (!is_challenge).then(Vec::new) };
        let proofs = if is_challenge {
            self.prove(login.account, &mut login.exchange, response, request).ok()
        } else {
            let cnonce = self.wire.draw_u128();
            let answerer = self.accounts.get_mut(login.account.0);
            Some(answerer.map(|answerer| answerer.again(&login.exchange, Challenged::of(request), cnonce)).unwrap_or_default())
        };
        self.sessions.get_mut(id.0)?.login = Some(login);
        proofs
    }

    /// `request` of ours within session `id` was challenged: sends it again, with credentials and the next CSeq number. False when it
    /// stays as it was answered.
    pub(super) fn prove_inside(
        &mut self,
        now: Instant,
        tx: ClientTx,
        purpose: Purpose,
        request: Option<&Message>,
        response: &Message,
    ) -> bool {
        let (Some(id), Some(request)) = (purpose.session(), request) else { return false };
        let is_open = match (purpose, self.sessions.get(id.0).map(|session| &session.stage)) {
            (Purpose::Bye(_), Some(Stage::Leaving(_))) => true,
            (Purpose::Probe(_) | Purpose::Info(_) | Purpose::Text(_), Some(Stage::Talking(_))) => true,
            (Purpose::Reoffer(_), Some(Stage::Talking(_))) => self.is_ours(id, tx),
            _ => false,
        };
        if !is_open || !self.transactions.has_room_inside() {
            return false;
        }
        let Some(mut login) = self.sessions.get_mut(id.0).and_then(|session| session.login.take()) else { return false };
        let sent = self.send_proven(now, id, purpose, &mut login, request, response);
        if let Some(session) = self.sessions.get_mut(id.0) {
            session.login = Some(login);
        }
        sent.is_some()
    }

    fn send_proven(
        &mut self,
        now: Instant,
        id: SessionId,
        purpose: Purpose,
        login: &mut Login,
        request: &Message,
        response: &Message,
    ) -> Option<()> {
        let flow = self.flow_of(id).filter(|flow| flow.remote.ip() == login.host)?;
        let had = [Name::Authorization, Name::ProxyAuthorization].into_iter().any(|name| request.header(name).is_some());
        if !had {
            login.exchange = Exchange::default();
        } else if request.cseq().ok()?.number != login.number {
            // Another request was challenged meanwhile, and what this one was answered with is forgotten.
            return None;
        }
        let proofs = self.prove(login.account, &mut login.exchange, response, request).ok()?;
        let branch = self.wire.draw_branch();
        let via = self.settings.via(flow, branch);
        let method = request.method();
        let session = self.sessions.get_mut(id.0)?;
        let (Stage::Talking(Talking { dialog, .. }) | Stage::Leaving(Leaving { dialog, .. })) = &mut session.stage else { return None };
        let number = dialog.take_number();
        let request = once_more(request, via, number, &[], &proofs, |_| {})?;
        login.number = number;
        let tx = if method == Method::Invite {
            self.transactions.invite_with(&mut self.wire, now, OutgoingInvite { flow, branch, request, purpose })
        } else {
            let bytes = request.bytes().clone();
            self.transactions.request(&mut self.wire, now, Outgoing { flow, branch, method, bytes, purpose })
        };
        if let (Purpose::Reoffer(_), Some(talking)) = (purpose, self.talking(id))
            && let Some(Progress::Sent { tx: sent, number: sent_number, .. }) = talking.ours.as_deref_mut().map(|ours| &mut ours.progress)
        {
            (*sent, *sent_number) = (tx, number);
        }
        Some(())
    }
}

/// The same request as a new one (RFC 3261, 8.1.3.5 and 22.2): same Call-ID, From, To and body, another branch and CSeq number, its
/// credentials replaced. `without`: what `with` writes anew.
pub(super) fn once_more(
    sent: &Message,
    via: OwnVia,
    number: u32,
    without: &[Name],
    proofs: &[Proof],
    with: impl FnOnce(&mut Writer),
) -> Option<Message> {
    let method = sent.method().as_str();
    let mut writer = Writer::request(method, sent.uri());
    writer.own_via(via).cseq(number, method);
    with(&mut writer);
    for (kind, name, value) in sent.lines() {
        let is_ours = matches!(
            kind,
            Name::Via | Name::CSeq | Name::Authorization | Name::ProxyAuthorization | Name::ContentType | Name::ContentLength
        );
        if !is_ours && !without.contains(&kind) {
            writer.header(&String::from_utf8_lossy(name), value);
        }
    }
    for (name, value) in proofs {
        writer.header(name, value);
    }
    let bytes = match sent.header(Name::ContentType) {
        Some(kind) => writer.body(&String::from_utf8_lossy(kind), sent.body()),
        None => writer.end(),
    };
    // It is longer than the one before, and what is too long nobody would take.
    Message::parse(bytes).ok()
}
