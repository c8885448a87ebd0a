//! A peer that sends what it likes to an endpoint, in any order, while its owner does what owners do: tables stay within their limits,
//! nothing is told of a session after its end, and when everybody has hung up and time has passed, nothing is left.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use arbitrary::Unstructured;
use bytes::Bytes;
use sip_core::{
    Account, AccountId, Endpoint, EndpointOutput, EndpointSettings, Extras, Flow, Invite, Message, Method, Name, Notice, NotifierSettings,
    Package, ReferId, ServerTx, SessionEvent, SessionId, Transport,
    notifier::{DialogInfo, DialogState, MessageSummary, WatchedDialog},
};

/// Small, so that they are reached.
const TRANSACTIONS_MAX: usize = 20;
const SESSIONS_MAX: usize = 4;
const SUBSCRIPTIONS_MAX: usize = 3;
const NOTIFIES_MAX: usize = 5;
/// What the peer remembers of what it heard and said.
const MEMORY: usize = 8;
/// More steps teach nothing new, and a run must stay short.
const STEPS_MAX: usize = 200;
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const METHODS: [&str; 14] =
    ["INVITE", "INVITE", "ACK", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "OPTIONS", "REGISTER", "PRACK", "REFER", "SUBSCRIBE", "NOTIFY"];
const STATUSES: [u16; 14] = [100, 180, 183, 199, 200, 200, 202, 302, 401, 408, 422, 481, 486, 603];
/// Of the account by which calls of ours are proven.
const REALM: &str = "trunk.example";
const SECRET: &str = "what nobody may see";
/// As it stands in a proof.
const USERNAME: &str = "username=\"trunk\"";
/// What a peer asks for who wants that proven: it is answered, or it must not be.
const CHALLENGES: [&str; 4] = [
    "Digest realm=\"trunk.example\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"",
    "Digest realm=\"trunk.example\", nonce=\"2\", algorithm=SHA-256, qop=\"auth-int\", stale=true",
    "Digest realm=\"trunk.example\", nonce=\"3\", algorithm=MD5, qop=\"auth\"",
    "Digest realm=\"other.example\", nonce=\"4\", qop=\"auth\"",
];
/// Headers of which an INVITE and what follows it may have any.
const EXTRAS: [&str; 8] = [
    "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n",
    "Session-Expires: 90;refresher=uas\r\nSupported: timer\r\n",
    "Min-SE: 4294967295\r\n",
    "Require: 100rel\r\n",
    "Supported: timer, replaces\r\nAllow: UPDATE\r\n",
    "Record-Route: <sip:192.0.2.3;lr>, <sip:192.0.2.4>\r\n",
    "Max-Forwards: 0\r\n",
    "Session-Expires: 1\r\nContent-Type: application/sdp\r\n",
];
/// Of transfers and subscriptions. `{}` is the name of a dialog in Replaces.
const MORE: [&str; 10] = [
    "Refer-To: <sip:200@192.0.2.9>\r\nEvent: dialog\r\n",
    "Refer-To: <sip:200@192.0.2.9?Replaces={escaped}>\r\nReferred-By: <sip:a@x>\r\nEvent: message-summary\r\n",
    "Refer-To: <tel:1>\r\nRefer-Sub: false\r\nEvent: refer\r\nExpires: 0\r\n",
    "Refer-To: sip:a@x\r\nRefer-To: sip:b@x\r\nEvent: dialog;id=1\r\nExpires: 0\r\n",
    "Replaces: {}\r\nEvent: dialog\r\nExpires: 60\r\n",
    "Replaces: {};early-only\r\nRequire: replaces\r\nEvent: message-summary\r\nExpires: 4294967295\r\n",
    "Replaces: c;to-tag=1;from-tag=2\r\nEvent: presence\r\n",
    "Refer-To: <http://x>\r\nEvent: dialog\r\nExpires: 1\r\n",
    "Event: dialog\r\nContact: <sip:q@192.0.2.7>\r\n",
    "Content-Type: text/plain\r\nEvent: refer;id=1\r\n",
];

/// Plays the sequence that `data` stands for.
///
/// # Panics
/// When the endpoint breaks a promise.
pub fn run(data: &[u8]) {
    // A peer who says it himself proves nothing.
    if super::has(data, SECRET) || super::has(data, USERNAME) {
        return;
    }
    let mut input = Unstructured::new(data);
    let mut game = Game::new();
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        game.step(&mut input);
    }
    game.finish();
}

struct Game {
    endpoint: Endpoint,
    now: Instant,
    flow: Flow,
    heard: VecDeque<Message>,
    said: VecDeque<Bytes>,
    requests: VecDeque<ServerTx>,
    /// Whether each session that was told of is over.
    sessions: BTreeMap<SessionId, bool>,
    /// Transfers that somebody asked for.
    refers: VecDeque<(SessionId, ReferId)>,
    number: u32,
    account: Option<AccountId>,
    /// A dialog as a Replaces header names it.
    replaces: String,
}

fn settings(session_expires_s: u32) -> EndpointSettings {
    let notifier = NotifierSettings {
        subscriptions_max: SUBSCRIPTIONS_MAX,
        subscriber_max: 2,
        notifies_max: NOTIFIES_MAX,
        expires_max_s: 90,
        ..NotifierSettings::default()
    };
    let extras = Extras { transfers: true, messages: true, events: true, paths: true };
    let limits = EndpointSettings { transactions_max: TRANSACTIONS_MAX, sessions_max: SESSIONS_MAX, ..EndpointSettings::default() };
    EndpointSettings { session_expires_s, extras, notifier, ..limits }
}

fn remember<T>(memory: &mut VecDeque<T>, new: T) {
    if memory.len() == MEMORY {
        memory.pop_front();
    }
    memory.push_back(new);
}

impl Game {
    fn new() -> Self {
        let mut endpoint = Endpoint::new(settings(1_800), [9; 32]);
        let account = Account { username: "trunk".to_owned(), secret: SECRET.to_owned(), realm: Some(REALM.to_owned()) };
        Self {
            account: endpoint.add_account(account),
            endpoint,
            now: super::start(),
            flow: Flow { transport: Transport::Udp, local: super::peer(9, 5060), remote: super::peer(7, 5060) },
            heard: VecDeque::new(),
            said: VecDeque::new(),
            requests: VecDeque::new(),
            sessions: BTreeMap::new(),
            refers: VecDeque::new(),
            number: 0,
            replaces: String::from("c;to-tag=0;from-tag=0"),
        }
    }

    fn step(&mut self, input: &mut Unstructured<'_>) {
        let now = self.now;
        match input.arbitrary::<u8>().unwrap_or_default() % 16 {
            0 => self.advance(super::pause(input)),
            1 => {
                let datagram = super::octets(input, 4_096).to_vec();
                self.say(Bytes::from(datagram));
            }
            2..=5 => {
                let request = self.request(input);
                self.say_changed(request, input);
            }
            6 | 7 => {
                if let Some(response) = self.response(input) {
                    if let Ok(message) = Message::parse(response.clone()) {
                        self.learn(&message, true);
                    }
                    self.say_changed(response, input);
                }
            }
            8 => {
                if let Some(again) = self.chosen(input, |game| &game.said) {
                    self.say(again);
                }
            }
            9 => {
                let invite = Invite {
                    flow: self.flow,
                    uri: Bytes::from_static(b"sip:phone@192.0.2.7"),
                    from_display: Some("\"A\"".to_owned()),
                    from_user: "100".to_owned(),
                    to_user: "*72#".to_owned(),
                    host: "pbx.example".to_owned(),
                    sdp: Bytes::from_static(SDP),
                    headers: Vec::new(),
                    ring_s: 10,
                    // Every other call is one of a customer's, who proves who he is when he is asked.
                    account: self.account.filter(|_| self.number.is_multiple_of(2)),
                };
                if let Some(session) = self.endpoint.invite(now, invite) {
                    self.sessions.insert(session, false);
                }
            }
            10 => {
                let transport = if input.arbitrary().unwrap_or_default() { Transport::Udp } else { Transport::Tcp };
                self.flow = Flow {
                    transport,
                    remote: super::peer(7, 5060 + u16::from(input.arbitrary::<u8>().unwrap_or_default() % 2)),
                    ..self.flow
                };
            }
            11 => {
                if let Some(tx) = self.requests.pop_front() {
                    let status = super::pick(input, &STATUSES).copied().unwrap_or(200);
                    self.endpoint.respond(now, tx, status, None, &[("X", "y".to_owned())]);
                }
            }
            15 => self.tell(input),
            _ => self.owner(input),
        }
        self.drain(input);
    }

    /// The owner says how a transfer goes, and what becomes of what others watch.
    fn tell(&mut self, input: &mut Unstructured<'_>) {
        let now = self.now;
        let status = super::pick(input, &STATUSES).copied().unwrap_or(200);
        let refer = self.refers.get(usize::from(status) % self.refers.len().max(1)).copied();
        match (input.arbitrary::<u8>().unwrap_or_default() % 8, refer) {
            (0, Some((session, refer))) => drop(self.endpoint.answer_refer(now, session, refer, Ok(()))),
            (1, Some((session, refer))) => drop(self.endpoint.answer_refer(now, session, refer, Err(status))),
            (2 | 3, Some((session, refer))) => self.endpoint.notify_refer(now, session, refer, status),
            (4, _) => self.endpoint.withdraw(now, Package::Dialog, 1),
            (5, _) => self.endpoint.unsubscribe(now, 1),
            (kind, _) => self.endpoint.publish(now, 1, notice(kind % 2 == 0, status)),
        }
    }

    /// The owner does something with a session of any age.
    fn owner(&mut self, input: &mut Unstructured<'_>) {
        let known: Vec<SessionId> = self.sessions.keys().rev().take(MEMORY).copied().collect();
        let Some(session) = super::pick(input, &known).copied() else { return };
        let now = self.now;
        let status = super::pick(input, &STATUSES).copied().unwrap_or(200);
        match input.arbitrary::<u8>().unwrap_or_default() % 14 {
            0 | 1 => self.endpoint.answer(now, session, SDP),
            2 => self.endpoint.ring(now, session, status, Some(SDP)),
            3 => self.endpoint.hangup(now, session, Some((16, "bye"))),
            4 => self.endpoint.refuse(now, session, status, None, &[]),
            5 => self.endpoint.answer_reoffer(now, session, Ok(SDP)),
            6 => self.endpoint.answer_reoffer(now, session, Err(status)),
            7 => self.endpoint.probe(now, session),
            8 => self.endpoint.info(now, session, "application/dtmf-relay", b"Signal=1"),
            9 => {
                let _refused = self.endpoint.reoffer(now, session, SDP);
            }
            10 => self.endpoint.flow_closed(now, self.flow),
            11 => {
                let new = Flow { transport: Transport::Tcp, remote: super::peer(7, 6_000), ..self.flow };
                self.endpoint.flow_moved(self.flow, new);
                self.endpoint.subscriber_moved(now, 1, self.flow, new);
            }
            12 => self.endpoint.reconfigure(settings(90 * u32::from(status % 3))),
            _ => self.endpoint.unreachable(now, self.flow.remote),
        }
    }

    fn chosen<T: Clone>(&self, input: &mut Unstructured<'_>, of: impl Fn(&Self) -> &VecDeque<T>) -> Option<T> {
        let memory = of(self);
        let choice = usize::from(input.arbitrary::<u8>().unwrap_or_default());
        memory.get(memory.len().checked_sub(1)? - choice.checked_rem(memory.len())?).cloned()
    }

    /// A request that fits a dialog heard of, or begins one, or fits nothing.
    fn request(&mut self, input: &mut Unstructured<'_>) -> Bytes {
        let method = super::pick(input, &METHODS).copied().unwrap_or("INVITE");
        self.number = self.number.wrapping_add(1);
        let shape: u8 = input.arbitrary().unwrap_or_default();
        let known = self.chosen(input, |game| &game.heard).filter(|_| shape & 3 != 0);
        let (mut from, mut to, mut call) = ("a".to_owned(), String::new(), format!("c{}", self.number));
        let (mut cseq, mut branch) = (self.number, format!("z9hG4bK-{}", self.number));
        if let Some(known) = known {
            let (ours, theirs) = if known.is_request() { (known.from(), known.to()) } else { (known.to(), known.from()) };
            let tag = |address: Result<sip_core::NameAddr<'_>, _>| address.ok().and_then(|address| address.tag()).map(text);
            to = tag(ours).unwrap_or_default();
            from = tag(theirs).unwrap_or_else(|| "a".to_owned());
            call = known.call_id().map(text).unwrap_or_default();
            if matches!(method, "ACK" | "CANCEL") || shape & 4 != 0 {
                cseq = known.cseq().map_or(0, |cseq| cseq.number);
            }
            if method == "CANCEL" || shape & 8 != 0 {
                branch = known.via().ok().and_then(|via| via.branch()).map(text).unwrap_or_default();
            }
        }
        let to = if to.is_empty() { to } else { format!(";tag={to}") };
        let extra = if shape & 16 == 0 { "" } else { super::pick(input, &EXTRAS).copied().unwrap_or_default() };
        let more = if shape & 64 == 0 { "" } else { super::pick(input, &MORE).copied().unwrap_or_default() };
        let method = if shape & 128 != 0 && method == "NOTIFY" { "MESSAGE" } else { method };
        let more = more.replace("{}", &self.replaces).replace("{escaped}", &self.replaces.replace(';', "%3B").replace('=', "%3D"));
        let extra = format!("{extra}{more}");
        let body = if shape & 32 == 0 { String::new() } else { text(SDP) };
        Bytes::from(format!(
            "{method} sip:100@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch={branch}\r\nFrom: <sip:p@x>;tag={from}\r\n\
             To: <sip:100@y>{to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:p@192.0.2.7>\r\n{extra}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// A response to something heard.
    fn response(&mut self, input: &mut Unstructured<'_>) -> Option<Bytes> {
        let request = self.chosen(input, |game| &game.heard).filter(Message::is_request)?;
        let status = super::pick(input, &STATUSES).copied().unwrap_or(200);
        let shape: u8 = input.arbitrary().unwrap_or_default();
        let field = |name| request.header(name).map(text).unwrap_or_default();
        let to = field(Name::To);
        let to = if to.contains("tag=") || shape & 1 == 1 { to } else { format!("{to};tag={}", shape & 2) };
        let extra = if shape & 16 == 0 { "" } else { super::pick(input, &EXTRAS).copied().unwrap_or_default() };
        let (status, header) = if status == 401 && shape & 4 != 0 { (407, "Proxy-Authenticate") } else { (status, "WWW-Authenticate") };
        let challenge = CHALLENGES.get(usize::from(shape >> 6)).copied().unwrap_or_default();
        let challenge = if matches!(status, 401 | 407) { format!("{header}: {challenge}\r\n") } else { String::new() };
        let body = if shape & 32 == 0 { String::new() } else { text(SDP) };
        Some(Bytes::from(format!(
            "SIP/2.0 {status} X\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:a@x>\r\n{extra}{challenge}\
             Content-Length: {}\r\n\r\n{body}",
            field(Name::Via),
            field(Name::From),
            field(Name::CallId),
            field(Name::CSeq),
            body.len()
        )))
    }

    /// One message in four has a piece replaced.
    fn say_changed(&mut self, message: Bytes, input: &mut Unstructured<'_>) {
        if input.arbitrary::<u8>().unwrap_or_default() % 4 != 3 {
            return self.say(message);
        }
        let mut message = message.to_vec();
        let at = usize::from(input.arbitrary::<u16>().unwrap_or_default()) % message.len().max(1);
        let end = (at + usize::from(input.arbitrary::<u8>().unwrap_or_default()) % 32).min(message.len());
        message.splice(at..end, super::octets(input, 64).iter().copied());
        self.say(Bytes::from(message));
    }

    fn say(&mut self, message: Bytes) {
        remember(&mut self.said, message.clone());
        self.endpoint.received(self.now, self.flow, message);
    }

    /// What was said last within a dialog names it. `is_from_us`: its From is that of the endpoint.
    fn learn(&mut self, message: &Message, is_from_us: bool) {
        let (from, to) = (message.from_tag(), message.to_tag());
        let (ours, theirs) = if is_from_us { (from, to) } else { (to, from) };
        if let (Some(ours), Some(theirs), Ok(call_id)) = (ours, theirs, message.call_id()) {
            self.replaces = format!("{};to-tag={};from-tag={}", text(call_id), text(ours), text(theirs));
        }
    }

    fn advance(&mut self, by: Duration) {
        let to = self.now + by;
        while let Some((at, _)) = self.endpoint.timeout().filter(|(at, _)| *at <= to) {
            self.now = self.now.max(at);
            self.endpoint.wake(self.now);
            self.drain(&mut Unstructured::new(&[]));
        }
        self.now = to;
    }

    fn drain(&mut self, input: &mut Unstructured<'_>) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                EndpointOutput::Transmit { bytes, .. } => {
                    prove_nothing_else(&bytes);
                    // An answer to a broken request may be as broken.
                    if let Ok(message) = Message::parse(bytes) {
                        self.learn(&message, message.is_request());
                        remember(&mut self.heard, message);
                    }
                }
                EndpointOutput::Request { tx, message, .. } => {
                    if let Some(package) = Package::of(&message).filter(|_| message.method() == Method::Subscribe) {
                        let subscriber = u64::from(input.arbitrary::<u8>().unwrap_or_default() % 3);
                        let notice = notice(package == Package::Dialog, 200);
                        let subscribed = self.endpoint.subscribe(self.now, tx, subscriber, 1, notice);
                        assert!(subscribed.is_none() || self.endpoint.is_watched(package, 1), "nobody is told");
                    } else if input.arbitrary::<u8>().unwrap_or_default() % 4 == 1 {
                        self.endpoint.challenge_request(self.now, tx, 401, &[]);
                    } else {
                        remember(&mut self.requests, tx);
                    }
                }
                EndpointOutput::Invited { session, replaces, .. } => {
                    assert!(replaces.is_none_or(|replaced| self.sessions.get(&replaced) == Some(&false)), "in place of one that is over");
                    match input.arbitrary::<u8>().unwrap_or_default() % 4 {
                        1 => self.endpoint.challenge(self.now, session, 401, &[]),
                        2 => {
                            self.sessions.insert(session, false);
                            self.endpoint.answer(self.now, session, SDP);
                        }
                        _ => drop(self.sessions.insert(session, false)),
                    }
                }
                EndpointOutput::Session { session, event } => {
                    let Some(over) = self.sessions.get_mut(&session) else { panic!("{event:?} of a session that nobody knows") };
                    assert!(!*over, "{event:?} after the end");
                    *over = matches!(event, SessionEvent::Ended { .. } | SessionEvent::Refused { .. });
                    if let SessionEvent::Message { tx, .. } = event {
                        // Not always: then it waits until nobody does.
                        match input.arbitrary::<u8>().unwrap_or_default() % 4 {
                            0 => {}
                            1 => _ = self.endpoint.text(self.now, session, "text/plain", b"x"),
                            _ => self.endpoint.answer_text(self.now, tx, super::pick(input, &STATUSES).copied().unwrap_or(202)),
                        }
                    } else if let SessionEvent::Referred { refer, replaces, .. } = event {
                        remember(&mut self.refers, (session, refer));
                        let named = replaces.and_then(|replaces| self.endpoint.session_named(&replaces));
                        assert!(named.is_none_or(|named| self.sessions.get(&named) == Some(&false)), "one that is over");
                    }
                }
                EndpointOutput::Heard { .. } => {}
                EndpointOutput::Answered { .. } | EndpointOutput::Unanswered { .. } => panic!("nothing was asked"),
            }
        }
        assert!(self.endpoint.live() <= SESSIONS_MAX, "{} sessions", self.endpoint.live());
        // EndpointSettings: beyond the limit there is room for what belongs to live sessions, two each or a quarter; and a CANCEL of ours,
        // one a session, is never held back.
        let most = TRANSACTIONS_MAX + (2 * SESSIONS_MAX).max(TRANSACTIONS_MAX / 4) + SESSIONS_MAX + NOTIFIES_MAX;
        assert!(self.endpoint.subscriptions() <= SUBSCRIPTIONS_MAX, "{} subscriptions", self.endpoint.subscriptions());
        assert!(self.endpoint.transactions() <= most, "{} transactions", self.endpoint.transactions());
    }

    /// Everybody hangs up, and time passes.
    fn finish(mut self) {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.endpoint.hangup(self.now, session, None);
        }
        self.drain(&mut Unstructured::new(&[]));
        self.advance(Duration::from_secs(300));
        assert_eq!((self.endpoint.live(), self.endpoint.transactions(), self.endpoint.timeout()), (0, 0, None), "something is left");
        assert_eq!(self.endpoint.subscriptions(), 0, "somebody still watches");
        assert!(self.sessions.values().all(|over| *over), "a session never ended");
    }
}

/// What is watched.
fn notice(is_dialog: bool, status: u16) -> Notice {
    let state = if status < 200 { DialogState::Early } else { DialogState::Confirmed };
    let dialog = WatchedDialog { id: status.to_string(), state, direction: None, tags: None, local: None, remote: None };
    match is_dialog {
        true => Notice::Dialog(DialogInfo { entity: "sip:1@x".to_owned(), dialogs: vec![dialog] }),
        false => Notice::MessageSummary(MessageSummary { new: status.into(), ..MessageSummary::default() }),
    }
}

/// A password goes out in no form, and a proof of it for its own realm alone (B-56).
fn prove_nothing_else(bytes: &[u8]) {
    assert!(!super::has(bytes, SECRET), "the password: {}", bytes.escape_ascii());
    let is_right = super::has(bytes, &format!("{USERNAME}, realm=\"{REALM}\""));
    assert!(is_right || !super::has(bytes, USERNAME), "for another realm: {}", bytes.escape_ascii());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
