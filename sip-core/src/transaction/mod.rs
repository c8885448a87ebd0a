//! Transactions: RFC 3261, 17, with RFC 6026. A request, its retransmissions and its responses are one thing from here on.
//!
//! The four state machines are in their own files; here are the tables in which they live. `companion` has the rule by which a
//! request finds its transaction (17.2.3) and the few messages that a transaction makes itself, `wire` what all of them need.

mod client;
mod client_invite;
mod companion;
mod server;
mod server_invite;
mod table;
mod wire;

use std::{
    collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry},
    net::SocketAddr,
    time::Instant,
};

use bytes::Bytes;

use self::{
    client::ClientOther,
    client_invite::ClientInvite,
    companion::{ack_2xx, ack_refusal, cancel_of},
    server::ServerOther,
    server_invite::ServerInvite,
    wire::{Clocks, Context},
};
pub(crate) use self::{
    companion::ServerKey,
    table::Table,
    wire::{Branch, ClientTx, Keyed, Owner, Spread, Tag, Wire},
};
use crate::{
    endpoint::{Fork, OwnVia, REQUESTS_MAX, ReferId, RequestId, ServerTx, SessionId},
    flow::Flow,
    message::{Message, Method, Via, response_flow, response_head},
    notifier::SubscriptionId,
    timer::Timer,
};

/// What became of a message that a transaction took in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Absorbed.
    Nothing,
    /// Goes up.
    Tell,
    /// Goes up, and the transaction is over.
    TellAndGone,
    /// The transaction is over.
    Gone,
}

/// What became of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fired {
    /// The transaction goes on.
    Stay,
    /// It is over, as expected.
    Gone,
    /// It is over because the other side was silent; that goes up.
    TimedOut,
}

/// Why a client transaction was started, which says where its outcome goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The INVITE that begins a session.
    Invite(SessionId),
    /// The BYE for which a session still waits.
    Bye(SessionId),
    /// The CANCEL of a session's INVITE.
    Cancel(SessionId),
    /// An OPTIONS that asks whether the peer still knows of the session.
    Probe(SessionId),
    /// An INFO within a session.
    Info(SessionId),
    /// A MESSAGE within a session, which is no business of the session's (RFC 5057, 4).
    Text(SessionId),
    /// A re-INVITE or UPDATE of ours.
    Reoffer(SessionId),
    /// A PRACK of ours, within one of the early dialogs of a session.
    Prack(SessionId, Fork),
    /// A NOTIFY about a transfer.
    Refer(SessionId, ReferId),
    /// Nobody waits for it: the BYE of a fork, or of a session that was already told to be over.
    Nobody(SessionId),
    /// A request outside any dialog.
    Outside(RequestId),
    /// A NOTIFY within a subscription.
    Notify(SubscriptionId),
}

impl Purpose {
    /// The session it is about, which may be over; `None`: it is of none.
    pub(crate) fn session(self) -> Option<SessionId> {
        match self {
            Self::Invite(id)
            | Self::Bye(id)
            | Self::Cancel(id)
            | Self::Probe(id)
            | Self::Info(id)
            | Self::Text(id)
            | Self::Reoffer(id)
            | Self::Prack(id, _)
            | Self::Refer(id, _)
            | Self::Nobody(id) => Some(id),
            Self::Outside(_) | Self::Notify(_) => None,
        }
    }
}

/// An INVITE to be sent.
#[derive(Debug)]
pub(crate) struct OutgoingInvite {
    pub(crate) flow: Flow,
    /// The one in its top Via.
    pub(crate) branch: Branch,
    pub(crate) request: Message,
    pub(crate) purpose: Purpose,
}

/// Another request to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) flow: Flow,
    /// The one in its top Via.
    pub(crate) branch: Branch,
    pub(crate) method: Method,
    pub(crate) bytes: Bytes,
    pub(crate) purpose: Purpose,
}

/// A request that came, and what names its transaction.
#[derive(Debug)]
pub(crate) struct Arrived<'m> {
    pub(crate) flow: Flow,
    pub(crate) key: ServerKey,
    /// By what it would be known again if it came by another path ([`Transactions::merge_key`]), once that was asked for.
    pub(crate) merge: Option<u64>,
    pub(crate) message: &'m Message,
}

#[derive(Debug)]
struct Client {
    branch: Branch,
    is_cancel: bool,
    flow: Flow,
    purpose: Purpose,
    machine: ClientMachine,
}

#[derive(Debug)]
enum ClientMachine {
    Invite(ClientInvite),
    Other(ClientOther),
}

impl Client {
    fn clocks(&mut self) -> &mut Clocks {
        match &mut self.machine {
            ClientMachine::Invite(machine) => machine.clocks(),
            ClientMachine::Other(machine) => machine.clocks(),
        }
    }
}

/// A request being answered.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) key: ServerKey,
    merge: Option<u64>,
    /// Where the request came from.
    pub(crate) source: Flow,
    /// Where its responses go (18.2.2).
    pub(crate) flow: Flow,
    /// The To tag of our responses, if the request has none.
    pub(crate) tag: Tag,
    /// The session whose INVITE this is.
    pub(crate) session: Option<SessionId>,
    /// Kept until the final response, which is made from it.
    pub(crate) request: Option<Message>,
    /// It is of no call.
    is_outside: bool,
    /// It is counted as such.
    is_counted: bool,
    machine: ServerMachine,
}

#[derive(Debug)]
enum ServerMachine {
    Invite(ServerInvite),
    Other(ServerOther),
}

/// How many transactions there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Up to here new work is taken.
    pub(crate) all: usize,
    /// How many more there may be for work of live sessions.
    pub(crate) kept: usize,
    /// How many of `all` may be of no call.
    pub(crate) outside: usize,
}

/// All transactions, both sides.
#[derive(Debug)]
pub(crate) struct Transactions {
    clients: Table<Client>,
    by_branch: HashMap<(Branch, bool), ClientTx, Spread>,
    /// The same by where they wait for an answer from: one entry for each client. A report that somebody is not there costs what it
    /// concerns, however much else there is.
    by_remote: BTreeSet<(SocketAddr, ClientTx)>,
    servers: Table<Server>,
    by_key: HashMap<ServerKey, ServerTx, Spread>,
    /// RFC 3261, 8.2.2.2: From tag, Call-ID and CSeq (hashed) of requests without a To tag.
    merged: HashMap<u64, ServerTx, Spread>,
    hash: Keyed,
    /// The request that the owner is being asked about, since when. It is in none of the maps and has no timer: whoever sent it may be a
    /// stranger, of whom nothing is kept (RFC 3261, 26.3.2.4). It becomes a transaction once the owner has done something about it.
    held: Option<(Instant, ServerTx)>,
    /// How many of `servers` are of no call.
    outside: usize,
    /// How many of `clients` are the owner's own requests, of no session.
    asking: usize,
    /// How many of them are NOTIFYs within subscriptions.
    notifying: usize,
    limits: Limits,
    /// How many server transactions each session has, those that only wait for repetitions included.
    of_session: HashMap<SessionId, usize, Spread>,
    /// INVITEs that may need a 100, as they came.
    untried: VecDeque<ServerTx>,
}

impl Transactions {
    pub(crate) fn new(wire: &mut Wire, limits: Limits) -> Self {
        let hash = Keyed::new(wire);
        Self {
            clients: Table::new(),
            by_branch: HashMap::with_hasher(Spread::default()),
            by_remote: BTreeSet::new(),
            servers: Table::new(),
            by_key: HashMap::with_hasher(Spread::default()),
            merged: HashMap::with_hasher(Spread::default()),
            of_session: HashMap::with_hasher(Spread::default()),
            hash,
            held: None,
            outside: 0,
            asking: 0,
            notifying: 0,
            limits,
            untried: VecDeque::new(),
        }
    }

    /// New limits; what is beyond them stays.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// What counts against the limits: requests of ours of no session have limits of their own.
    fn limited(&self) -> usize {
        self.len() - self.asking - self.notifying
    }

    /// Whether new work may be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.limited() < self.limits.all
    }

    /// Whether a request of ours of no session may be sent.
    pub(crate) fn has_room_asking(&self) -> bool {
        self.asking < REQUESTS_MAX
    }

    /// Requests of ours outside dialogs.
    pub(crate) fn asking(&self) -> usize {
        self.asking
    }

    /// Whether a NOTIFY within a subscription may be sent.
    pub(crate) fn has_room_notifying(&self, most: usize) -> bool {
        self.notifying < most
    }

    /// Whether what is of no call may be kept: however much of that comes, room is left for calls.
    pub(crate) fn has_room_outside(&self) -> bool {
        // The one that asks is among them already, if it is held.
        self.outside < self.limits.outside && self.limited() - usize::from(self.held.is_some()) < self.limits.all
    }

    /// Whether work of a session that lives already may be taken: room is kept for it, so that calls in progress can end while
    /// new ones are refused.
    pub(crate) fn has_room_inside(&self) -> bool {
        self.limited() < self.limits.all.saturating_add(self.limits.kept)
    }

    // ---- as client

    /// Sends a request and repeats it as its transport wants.
    pub(crate) fn request(&mut self, wire: &mut Wire, now: Instant, outgoing: Outgoing) -> ClientTx {
        let Outgoing { flow, branch, method, bytes, purpose } = outgoing;
        let is_cancel = method == Method::Cancel;
        let id = ClientTx(self.clients.insert_with(|id| {
            let mut cx = Context { now, owner: Owner::Client(ClientTx(id)), flow, session: purpose.session(), wire };
            let machine = ClientMachine::Other(ClientOther::start(&mut cx, bytes));
            Client { branch, is_cancel, flow, purpose, machine }
        }));
        self.by_branch.insert((branch, is_cancel), id);
        self.by_remote.insert((flow.remote, id));
        self.asking += usize::from(matches!(purpose, Purpose::Outside(_)));
        self.notifying += usize::from(matches!(purpose, Purpose::Notify(_)));
        id
    }

    /// The same for an INVITE.
    pub(crate) fn invite_with(&mut self, wire: &mut Wire, now: Instant, outgoing: OutgoingInvite) -> ClientTx {
        let OutgoingInvite { flow, branch, request, purpose } = outgoing;
        let id = ClientTx(self.clients.insert_with(|id| {
            let mut cx = Context { now, owner: Owner::Client(ClientTx(id)), flow, session: purpose.session(), wire };
            let machine = ClientMachine::Invite(ClientInvite::start(&mut cx, request));
            Client { branch, is_cancel: false, flow, purpose, machine }
        }));
        self.by_branch.insert((branch, false), id);
        self.by_remote.insert((flow.remote, id));
        id
    }

    /// Whether `via` is that of a request of ours which is not over.
    pub(crate) fn is_our_via(&self, via: &[u8]) -> bool {
        Via::parse(via).is_ok_and(|via| via.branch().is_some_and(|branch| self.is_our_branch(branch)))
    }

    /// The same for the branch of a Via.
    pub(crate) fn is_our_branch(&self, branch: &[u8]) -> bool {
        Branch::parse(branch).is_some_and(|branch| self.by_branch.contains_key(&(branch, false)))
    }

    /// 17.1.3: by branch and by the method of the CSeq. What goes up comes back with the transaction and its purpose.
    pub(crate) fn response(&mut self, wire: &mut Wire, now: Instant, flow: Flow, response: &Message) -> Option<(ClientTx, Purpose)> {
        let branch = Branch::parse(response.branch()?)?;
        let method = response.method();
        let id = *self.by_branch.get(&(branch, method == Method::Cancel))?;
        let client = self.clients.get_mut(id.0)?;
        let purpose = client.purpose;
        if let Some(session) = purpose.session() {
            wire.hear(session, flow, response);
        }
        let mut cx = Context { now, owner: Owner::Client(id), flow: client.flow, session: purpose.session(), wire };
        let heard = match &mut client.machine {
            ClientMachine::Invite(machine) if method == Method::Invite => machine.response(&mut cx, response),
            ClientMachine::Other(machine) if method != Method::Invite => machine.response(&mut cx, response.status()),
            _ => return None,
        };
        match heard {
            Heard::Nothing => None,
            Heard::Tell => Some((id, purpose)),
            Heard::TellAndGone => {
                self.drop_client(wire, id);
                Some((id, purpose))
            }
            Heard::Gone => {
                self.drop_client(wire, id);
                None
            }
        }
    }

    /// A timer of a client transaction: its purpose, when the other side was silent to the end.
    pub(crate) fn client_timer(&mut self, wire: &mut Wire, now: Instant, id: ClientTx, timer: Timer) -> Option<Purpose> {
        let client = self.clients.get_mut(id.0)?;
        let mut cx = Context { now, owner: Owner::Client(id), flow: client.flow, session: client.purpose.session(), wire };
        let fired = match &mut client.machine {
            ClientMachine::Invite(machine) => machine.timer(&mut cx, timer),
            ClientMachine::Other(machine) => machine.timer(&mut cx, timer),
        };
        let purpose = client.purpose;
        match fired {
            Fired::Stay => None,
            Fired::Gone => {
                self.drop_client(wire, id);
                None
            }
            Fired::TimedOut => {
                self.drop_client(wire, id);
                Some(purpose)
            }
        }
    }

    /// 17.1.4: transport error. Everything that waits for `remote` without having heard of it fails now.
    pub(crate) fn unreachable(&mut self, wire: &mut Wire, remote: SocketAddr) -> Vec<Purpose> {
        self.fail(wire, remote, |_| true)
    }

    /// Nothing more comes by the stream `flow`. What waits for it without having heard of it fails now. What is still to be answered
    /// stays where it is: a peer that closed its own direction alone reads on, and for one that is gone the answer's way is found when
    /// it leaves ([`crate::message::return_flow`]).
    pub(crate) fn flow_closed(&mut self, wire: &mut Wire, flow: Flow) -> Vec<Purpose> {
        self.fail(wire, flow.remote, |of| of == flow)
    }

    fn fail(&mut self, wire: &mut Wire, remote: SocketAddr, is_lost: impl Fn(Flow) -> bool) -> Vec<Purpose> {
        let failed: Vec<(ClientTx, Purpose)> = self
            .by_remote
            .range((remote, ClientTx(0))..=(remote, ClientTx(u64::MAX)))
            .filter_map(|&(_, id)| Some((id, self.clients.get(id.0)?)))
            .filter(|(_, client)| is_lost(client.flow))
            .filter(|(_, client)| match &client.machine {
                ClientMachine::Invite(machine) => machine.is_calling(),
                ClientMachine::Other(machine) => machine.is_pending(),
            })
            .map(|(id, client)| (id, client.purpose))
            .collect();
        failed
            .into_iter()
            .map(|(id, purpose)| {
                self.drop_client(wire, id);
                purpose
            })
            .collect()
    }

    /// The INVITE of a transaction, while its machine lives.
    pub(crate) fn invite(&self, id: ClientTx) -> Option<&ClientInvite> {
        match &self.clients.get(id.0)?.machine {
            ClientMachine::Invite(machine) => Some(machine),
            ClientMachine::Other(_) => None,
        }
    }

    pub(crate) fn invite_mut(&mut self, id: ClientTx) -> Option<&mut ClientInvite> {
        match &mut self.clients.get_mut(id.0)?.machine {
            ClientMachine::Invite(machine) => Some(machine),
            ClientMachine::Other(_) => None,
        }
    }

    /// The request of ours that `response` is about, unless its transaction has heard a final response already.
    pub(crate) fn challenged(&self, response: &Message) -> Option<Message> {
        let branch = Branch::parse(response.branch()?)?;
        let id = self.by_branch.get(&(branch, response.method() == Method::Cancel))?;
        match &self.clients.get(id.0)?.machine {
            ClientMachine::Invite(machine) => Some(machine.request().clone()),
            ClientMachine::Other(machine) => Message::parse(machine.request().clone()).ok(),
        }
    }

    /// The INVITE as it was sent.
    pub(crate) fn sent_invite(&self, id: ClientTx) -> Option<Message> {
        Some(self.invite(id)?.request().clone())
    }

    /// The ACK of a 2xx to the re-INVITE `id`, made from that alone (13.2.2.4), for a session that is over.
    pub(crate) fn ack_of_sent(&self, id: ClientTx, via: OwnVia) -> Option<Bytes> {
        ack_2xx(&self.sent_invite(id)?, via)
    }

    pub(crate) fn flow_of(&self, id: ClientTx) -> Option<Flow> {
        Some(self.clients.get(id.0)?.flow)
    }

    /// Where the peer is that answered `id` by `flow`: over UDP where the request went, since it may answer from anywhere; a stream
    /// may be a new one.
    pub(crate) fn answered_by(&self, id: ClientTx, flow: Flow) -> Option<Flow> {
        let client = self.clients.get(id.0)?;
        Some(if flow.transport.is_reliable() { flow } else { client.flow })
    }

    /// Sends the CANCEL of an INVITE that heard a provisional response (9.1: same branch, same Request-URI, same CSeq number).
    pub(crate) fn cancel(
        &mut self,
        wire: &mut Wire,
        now: Instant,
        invite: ClientTx,
        reason: Option<&str>,
        purpose: Purpose,
    ) -> Option<ClientTx> {
        let client = self.clients.get(invite.0)?;
        let (flow, branch) = (client.flow, client.branch);
        let request = self.sent_invite(invite)?;
        let bytes = cancel_of(&request, reason)?;
        Some(self.request(wire, now, Outgoing { flow, branch, method: Method::Cancel, bytes, purpose }))
    }

    /// Nobody waits for the outcome of an INVITE any more: a transaction that heard a provisional response would wait for ever.
    pub(crate) fn hurry(&mut self, wire: &mut Wire, now: Instant, id: ClientTx) {
        let Some(client) = self.clients.get_mut(id.0) else { return };
        let mut cx = Context { now, owner: Owner::Client(id), flow: client.flow, session: None, wire };
        if let ClientMachine::Invite(machine) = &mut client.machine {
            machine.hurry(&mut cx);
        }
    }

    /// Ends a client transaction without a word.
    pub(crate) fn drop_client(&mut self, wire: &mut Wire, id: ClientTx) {
        if let Some(mut client) = self.clients.remove(id.0) {
            client.clocks().disarm(&mut wire.timers);
            self.by_branch.remove(&(client.branch, client.is_cancel));
            self.by_remote.remove(&(client.flow.remote, id));
            self.asking -= usize::from(matches!(client.purpose, Purpose::Outside(_)));
            self.notifying -= usize::from(matches!(client.purpose, Purpose::Notify(_)));
            debug_assert_eq!(self.by_remote.len(), self.clients.len(), "one entry for each client");
        }
    }

    // ---- as server

    pub(crate) fn find(&self, key: &ServerKey) -> Option<ServerTx> {
        self.by_key.get(key).copied()
    }

    /// 8.2.2.2: the same request by another path, so that it is not the same transaction.
    pub(crate) fn is_merged(&self, arrived: &Arrived<'_>) -> bool {
        arrived.merge.is_some_and(|key| self.merged.contains_key(&key))
    }

    /// Makes a transaction of a request that is in none yet.
    pub(crate) fn serve(&mut self, wire: &mut Wire, now: Instant, arrived: Arrived<'_>, tag: Tag) -> ServerTx {
        let id = self.hold(wire, now, arrived, tag);
        self.keep();
        self.limit(wire, now, id);
        id
    }

    /// Takes up a request while the owner is asked about it. Unless [`Transactions::keep`] or a reply follows, nothing is left of it.
    pub(crate) fn hold(&mut self, wire: &mut Wire, now: Instant, arrived: Arrived<'_>, tag: Tag) -> ServerTx {
        let Arrived { flow: source, key, merge, message } = arrived;
        // What belongs to a dialog comes by one path.
        let merge = merge.filter(|_| message.to_tag().is_none());
        let flow = response_flow(message, source);
        let id = ServerTx(self.servers.insert_with(|id| {
            let machine = match message.method() {
                Method::Invite => ServerMachine::Invite(ServerInvite::start(&Context {
                    now,
                    owner: Owner::Server(ServerTx(id)),
                    flow,
                    session: None,
                    wire,
                })),
                _ => ServerMachine::Other(ServerOther::start()),
            };
            Server {
                key,
                merge,
                source,
                flow,
                tag,
                session: None,
                request: Some(message.clone()),
                is_outside: false,
                is_counted: false,
                machine,
            }
        }));
        self.held = Some((now, id));
        id
    }

    /// The same for one that is of no call.
    pub(crate) fn hold_outside(&mut self, wire: &mut Wire, now: Instant, arrived: Arrived<'_>, tag: Tag) -> ServerTx {
        let id = self.hold(wire, now, arrived, tag);
        if let Some(server) = self.servers.get_mut(id.0) {
            server.is_outside = true;
        }
        id
    }

    /// What is held, if anything.
    pub(crate) fn held(&self) -> Option<ServerTx> {
        self.held.map(|(_, id)| id)
    }

    /// Makes a transaction of what is held, for an owner that takes its time.
    pub(crate) fn keep_waiting(&mut self, wire: &mut Wire) {
        if let Some((since, id)) = self.held {
            self.keep();
            self.limit(wire, since, id);
        }
    }

    /// Makes a transaction of what is held.
    fn keep(&mut self) {
        let Some((_, id)) = self.held.take() else { return };
        let Some(server) = self.servers.get_mut(id.0) else { return };
        self.by_key.insert(server.key, id);
        if let Some(merge) = server.merge {
            self.merged.insert(merge, id);
        }
        let method = server.request.as_ref().map(Message::method);
        server.is_counted = server.is_outside;
        self.outside += usize::from(server.is_counted);
        if method == Some(Method::Invite) {
            self.untried.push_back(id);
        }
    }

    /// The owner has only so long for the response to `id`, if it is no INVITE.
    fn limit(&mut self, wire: &mut Wire, now: Instant, id: ServerTx) {
        let Some(server) = self.servers.get_mut(id.0) else { return };
        if let ServerMachine::Other(machine) = &mut server.machine {
            machine.limit(&mut Context { now, owner: Owner::Server(id), flow: server.flow, session: server.session, wire });
        }
    }

    pub(crate) fn server(&self, id: ServerTx) -> Option<&Server> {
        self.servers.get(id.0)
    }

    /// The request of `id`, until its final response.
    pub(crate) fn request_of(&self, id: ServerTx) -> Option<&Message> {
        self.servers.get(id.0)?.request.as_ref()
    }

    /// The request of `id` begins or is within `session`.
    pub(crate) fn belongs(&mut self, id: ServerTx, session: SessionId) {
        if let Some(server) = self.servers.get_mut(id.0)
            && server.session.replace(session).is_none()
        {
            *self.of_session.entry(session).or_default() += 1;
        }
    }

    /// Whether `session` may begin another request. The room that is kept for all sessions must not go to a single one.
    pub(crate) fn has_room_of(&self, session: SessionId) -> bool {
        self.of_session.get(&session).is_none_or(|&count| count < SESSION_REQUESTS_MAX)
    }

    /// 17.2.1: sends the 100 of one INVITE that has heard nothing from its owner yet.
    pub(crate) fn try_next(&mut self, wire: &mut Wire) {
        while let Some(id) = self.untried.pop_front() {
            // Most are answered or forgotten by now.
            let Some(Server { source, flow, session, request: Some(request), machine: ServerMachine::Invite(machine), .. }) =
                self.servers.get_mut(id.0)
            else {
                continue;
            };
            if machine.is_untried() {
                let trying = response_head(request, *source, 100, "", None).end();
                machine.tried(trying.clone());
                return wire.send(*flow, trying, *session);
            }
        }
    }

    /// Whether `id` is an INVITE without a final response.
    pub(crate) fn is_proceeding(&self, id: ServerTx) -> bool {
        matches!(self.servers.get(id.0), Some(Server { machine: ServerMachine::Invite(machine), .. }) if machine.is_proceeding())
    }

    /// Whether `id` is an INVITE that was refused and whose ACK has not come.
    pub(crate) fn awaits_ack(&self, id: ServerTx) -> bool {
        matches!(self.servers.get(id.0), Some(Server { machine: ServerMachine::Invite(machine), .. }) if machine.awaits_ack())
    }

    /// The request of `id` came again.
    pub(crate) fn again(&mut self, wire: &mut Wire, now: Instant, id: ServerTx, flow: Flow, message: &Message) {
        let Some(server) = self.servers.get_mut(id.0) else { return };
        if let Some(session) = server.session {
            wire.hear(session, flow, message);
        }
        let mut cx = Context { now, owner: Owner::Server(id), flow: server.flow, session: server.session, wire };
        match &mut server.machine {
            ServerMachine::Invite(machine) => machine.again(&mut cx),
            ServerMachine::Other(machine) => machine.again(&mut cx),
        }
    }

    /// Sends a response of the owner through its transaction.
    pub(crate) fn reply(&mut self, wire: &mut Wire, now: Instant, id: ServerTx, status: u16, response: Bytes) {
        if self.held() == Some(id) {
            self.keep();
        }
        let Some(server) = self.servers.get_mut(id.0) else { return };
        let mut cx = Context { now, owner: Owner::Server(id), flow: server.flow, session: server.session, wire };
        let heard = match &mut server.machine {
            ServerMachine::Invite(machine) => {
                machine.reply(&mut cx, status, response);
                Heard::Nothing
            }
            ServerMachine::Other(machine) => machine.reply(&mut cx, response),
        };
        if status >= 200 {
            server.request = None;
        }
        if heard == Heard::Gone {
            self.drop_server(wire, id);
        }
    }

    /// An ACK whose transaction is `id`: true when it is for a 2xx and so the session's.
    pub(crate) fn ack(&mut self, wire: &mut Wire, now: Instant, id: ServerTx) -> bool {
        let Some(server) = self.servers.get_mut(id.0) else { return false };
        let ServerMachine::Invite(machine) = &mut server.machine else { return false };
        let mut cx = Context { now, owner: Owner::Server(id), flow: server.flow, session: server.session, wire };
        match machine.ack(&mut cx) {
            Heard::Tell => true,
            Heard::Gone | Heard::TellAndGone => {
                self.drop_server(wire, id);
                false
            }
            Heard::Nothing => false,
        }
    }

    /// A timer of a server transaction: its session, when the transaction is over by that.
    pub(crate) fn server_timer(&mut self, wire: &mut Wire, now: Instant, id: ServerTx, timer: Timer) -> Option<SessionId> {
        let server = self.servers.get_mut(id.0)?;
        let mut cx = Context { now, owner: Owner::Server(id), flow: server.flow, session: server.session, wire };
        let fired = match &mut server.machine {
            ServerMachine::Invite(machine) => machine.timer(&mut cx, timer),
            ServerMachine::Other(machine) => machine.timer(timer),
        };
        // Timer H: the peer never ACKed our refusal. It is over for us all the same.
        if fired == Fired::Stay {
            return None;
        }
        self.drop_server(wire, id)?.session
    }

    /// Ends a server transaction without a word.
    pub(crate) fn drop_server(&mut self, wire: &mut Wire, id: ServerTx) -> Option<Server> {
        let mut server = self.servers.remove(id.0)?;
        match &mut server.machine {
            ServerMachine::Invite(machine) => machine.clocks().disarm(&mut wire.timers),
            ServerMachine::Other(machine) => machine.clocks().disarm(&mut wire.timers),
        }
        if self.held() == Some(id) {
            self.held = None;
        } else {
            self.by_key.remove(&server.key);
        }
        self.outside -= usize::from(server.is_counted);
        if let Some(merge) = server.merge
            && self.merged.get(&merge) == Some(&id)
        {
            self.merged.remove(&merge);
        }
        if let Some(session) = server.session
            && let Entry::Occupied(mut count) = self.of_session.entry(session)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(server)
    }

    /// What two copies of a request that came by different paths have in common (8.2.2.2), hashed.
    pub(crate) fn merge_key(&self, message: &Message) -> Option<u64> {
        let cseq = message.cseq().ok()?.number.to_be_bytes();
        Some(self.hash.of(&[message.from_tag().unwrap_or_default(), message.call_id().ok()?, &cseq, message.method_bytes()]))
    }
}

/// Requests of the peer that one session may have at once; over UDP each stays for 64*T1. Eight keys a second by INFO for as long
/// as that, which no finger does.
const SESSION_REQUESTS_MAX: usize = 256;
