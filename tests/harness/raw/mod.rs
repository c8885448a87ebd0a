//! A SIP phone of the harness's own, over UDP or TCP: it can do what a phone does, and what a phone should not.
//!
//! A thread receives; what it answers by itself is in [`Habits`]. Everything that came is kept, so that a test can wait for it and judge it.

pub mod digest;
pub mod media;
pub mod message;
pub mod wire;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rand::Rng;

pub use digest::{Authorization, Challenge};
pub use media::Media;
pub use message::Message;
pub use wire::Wire;

use crate::{audio::Law, rest::Account};

/// A request is repeated after these pauses while nothing comes back (RFC 3261, 17.1.2.2, cut short).
const REPEATS: [Duration; 4] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// By a stream nothing is repeated, and an answer comes or does not.
const ONCE: [Duration; 1] = [Duration::from_secs(8)];
/// An INVITE that rings is given this long for its final response.
pub const FINAL_LIMIT: Duration = Duration::from_secs(40);

/// What the phone does with an INVITE, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 180, then 200 at once.
    AtOnce,
    /// 180, then nothing until [`RawPhone::accept`].
    Ring,
    /// This final response.
    Refuse(u16),
    /// Nothing at all, not even for BYE or OPTIONS: the test does it.
    Never,
}

/// How the phone behaves.
#[derive(Debug, Clone)]
pub struct Habits {
    /// What it does with calls.
    pub answer: Answer,
    /// The tone that it speaks.
    pub tone_hz: u32,
    /// Its codecs in order.
    pub laws: Vec<Law>,
}

impl Habits {
    /// It answers at once and speaks a tone of `tone_hz`.
    #[must_use]
    pub fn answering(tone_hz: u32) -> Self {
        Self { answer: Answer::AtOnce, tone_hz, laws: vec![Law::Mu, Law::A] }
    }

    /// The same with another answer.
    #[must_use]
    pub fn answer(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }

    /// The same with other codecs.
    #[must_use]
    pub fn laws(self, laws: &[Law]) -> Self {
        Self { laws: laws.to_vec(), ..self }
    }
}

/// One dialog, and what became of it.
#[derive(Debug, Clone)]
pub struct Leg {
    /// The Call-ID.
    pub call_id: String,
    /// Whether they called us.
    pub incoming: bool,
    /// The INVITE.
    pub invite: Message,
    /// Since when it is answered: when the 200 left or came.
    pub answered: Option<Instant>,
    /// Whether our 200 was acknowledged.
    pub acknowledged: bool,
    /// Since when it is over.
    pub ended: Option<Instant>,
    /// Its sound.
    pub media: Arc<Media>,
    local: String,
    remote: String,
    target: String,
    cseq: u32,
    tag: String,
    last_response: Option<Message>,
}

#[derive(Debug, Default)]
struct State {
    inbox: Vec<Message>,
    /// The same as octets.
    came: Vec<Vec<u8>>,
    legs: BTreeMap<String, Leg>,
    challenge: Option<Challenge>,
    nc: u32,
}

#[derive(Debug)]
struct Inner {
    wire: Wire,
    local: SocketAddr,
    server: SocketAddr,
    account: Account,
    habits: Mutex<Habits>,
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
    /// The Call-ID of its registrations: one for its life (RFC 3261, 10.2.4).
    call_id: String,
    cseq: AtomicU32,
    /// How many requests it had to send again.
    repeated: AtomicU32,
}

/// A phone. Falls silent when dropped, without a word to anybody.
#[derive(Debug)]
pub struct RawPhone {
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

/// Twelve random letters and digits.
#[must_use]
pub fn token() -> String {
    let mut rng = rand::rng();
    (0..12).map(|_| char::from(rng.sample(rand::distr::Alphanumeric))).collect()
}

impl RawPhone {
    /// A phone for `account` that knows its server. It registers when told.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(account: &Account, server: SocketAddr, habits: Habits) -> Result<Self> {
        Self::start_at(wire::free_port()?, account, server, habits)
    }

    /// A phone that keeps one TCP stream to its server, and can be called by that alone (RFC 5626).
    ///
    /// # Errors
    /// When the server does not take the stream.
    pub fn start_tcp(account: &Account, server: SocketAddr, habits: Habits) -> Result<Self> {
        Self::start_by(Wire::tcp(server)?, account, habits)
    }

    /// Like [`RawPhone::start`], at a port of the test's choice: as after a reboot of a phone with a fixed address.
    ///
    /// # Errors
    /// When the port is not free.
    pub fn start_at(port: u16, account: &Account, server: SocketAddr, habits: Habits) -> Result<Self> {
        Self::start_by(Wire::udp(port, server)?, account, habits)
    }

    /// Like [`RawPhone::start`], at an address of the test's choice: as from another office.
    ///
    /// # Errors
    /// When the address is not free.
    pub fn start_from(local: SocketAddr, account: &Account, server: SocketAddr, habits: Habits) -> Result<Self> {
        Self::start_by(Wire::udp_from(local, server)?, account, habits)
    }

    fn start_by(wire: Wire, account: &Account, habits: Habits) -> Result<Self> {
        let mut reader = wire.reader()?;
        let inner = Arc::new(Inner {
            local: wire.local(),
            server: wire.server(),
            wire,
            account: account.clone(),
            habits: Mutex::new(habits),
            state: Mutex::default(),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            call_id: token(),
            cseq: AtomicU32::new(1),
            repeated: AtomicU32::new(0),
        });
        let receiver = Arc::clone(&inner);
        let thread = thread::spawn(move || receiver.receive(&mut reader));
        Ok(Self { inner, thread: Some(thread) })
    }

    /// Its account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.inner.account
    }

    /// Where it listens for SIP.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.inner.local
    }

    /// Every message that came, octet by octet.
    #[must_use]
    pub fn came(&self) -> Vec<Vec<u8>> {
        self.inner.state().came.clone()
    }

    /// Changes what it does with calls from now on.
    pub fn answer(&self, answer: Answer) {
        self.inner.habits.lock().unwrap_or_else(PoisonError::into_inner).answer = answer;
    }

    /// Its Contact URI.
    #[must_use]
    pub fn contact(&self) -> String {
        self.inner.contact()
    }

    /// `sip:user@domain` for any user.
    #[must_use]
    pub fn address_of(&self, user: &str) -> String {
        format!("sip:{user}@{}", wire::host(self.inner.server.ip()))
    }

    /// A request outside any dialog, to be changed at will: fresh branch, tag and CSeq, the phone's own Call-ID for REGISTER.
    #[must_use]
    pub fn request(&self, method: &str, uri: &str, to: &str) -> Message {
        let from = self.address_of(&self.inner.account.username);
        let call_id = if method == "REGISTER" { self.inner.call_id.clone() } else { token() };
        Message::new(format!("{method} {uri} SIP/2.0"))
            .with("Via", self.via())
            .with("Max-Forwards", "70")
            .with("From", format!("<{from}>;tag={}", token()))
            .with("To", format!("<{to}>"))
            .with("Call-ID", call_id)
            .with("CSeq", format!("{} {method}", self.inner.cseq.fetch_add(1, Ordering::Relaxed)))
            .with("User-Agent", "cordboard-tests")
    }

    /// A REGISTER of its own Contact; `expires` stands in the header Expires.
    #[must_use]
    pub fn register_request(&self, expires: u32) -> Message {
        let to = self.address_of(&self.inner.account.username);
        let domain = format!("sip:{}", wire::host(self.inner.server.ip()));
        self.request("REGISTER", &domain, &to).with("Contact", format!("<{}>", self.contact())).with("Expires", expires.to_string())
    }

    /// A fresh Via line.
    #[must_use]
    pub fn via(&self) -> String {
        self.inner.via()
    }

    /// Sends octets to the server.
    ///
    /// # Errors
    /// When the kernel refuses them.
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        self.inner.wire.send(bytes)
    }

    /// What its messages go by.
    #[must_use]
    pub fn wire(&self) -> &Wire {
        &self.inner.wire
    }

    /// How many requests it had to send again because nothing came back for 500 ms: what "answered in time" is judged by, since a count
    /// does not depend on how busy the machine is as a clock does.
    #[must_use]
    pub fn repeated(&self) -> u32 {
        self.inner.repeated.load(Ordering::Relaxed)
    }

    /// How many messages have come so far: a mark for [`RawPhone::received`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.inner.state().inbox.len()
    }

    /// The first message after a mark that is wanted; none if it does not come within `limit`.
    #[must_use]
    pub fn received(&self, mark: usize, limit: Duration, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        self.inner.wait(limit, |state| state.inbox.iter().skip(mark).find(|message| wanted(message)).cloned())
    }

    /// Every message so far that is wanted.
    #[must_use]
    pub fn all_received(&self, wanted: impl Fn(&Message) -> bool) -> Vec<Message> {
        self.inner.state().inbox.iter().filter(|message| wanted(message)).cloned().collect()
    }

    /// The pauses after which a request is sent again.
    fn repeats(&self) -> &'static [Duration] {
        if self.inner.wire.parameter().is_empty() { &REPEATS } else { &ONCE }
    }

    /// Sends a request and waits for its final response, repeating it while nothing at all comes back.
    ///
    /// # Errors
    /// When there is none.
    pub fn exchange(&self, request: &Message) -> Result<Message> {
        let (mark, bytes) = (self.mark(), request.bytes());
        let ours = |message: &Message| message.branch() == request.branch() && message.status().is_some();
        for &pause in self.repeats() {
            self.send(&bytes)?;
            let Some(first) = self.received(mark, pause, ours) else {
                self.inner.repeated.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            if first.status() >= Some(200) {
                return Ok(first);
            }
            let last = self.received(mark, FINAL_LIMIT, |message| ours(message) && message.status() >= Some(200));
            return last.with_context(|| format!("no final response to {} after {}", request.start, first.start));
        }
        bail!("no response to {}", request.start)
    }

    /// Like [`RawPhone::exchange`], and answers one challenge.
    ///
    /// # Errors
    /// When there is no response or no usable challenge.
    pub fn exchange_signed(&self, request: &Message) -> Result<Message> {
        let signed = self.signed_by_last(request)?.unwrap_or_else(|| request.clone());
        let response = self.exchange(&signed)?;
        self.acknowledge_refusal(&signed, &response)?;
        if !matches!(response.status(), Some(401 | 407)) {
            return Ok(response);
        }
        let again = self.signed(request, &response)?;
        self.exchange(&again)
    }

    /// The request anew (branch, CSeq), with the answer to the first challenge of `refusal` that this phone understands.
    ///
    /// # Errors
    /// When it understands none.
    pub fn signed(&self, request: &Message, refusal: &Message) -> Result<Message> {
        let challenges = refusal.headers("WWW-Authenticate").chain(refusal.headers("Proxy-Authenticate"));
        let challenge = challenges.filter_map(|value| Challenge::parse(value).ok()).next();
        let challenge = challenge.with_context(|| format!("no challenge in {refusal:?}"))?;
        self.signed_with(request, &challenge, 1)
    }

    /// The request anew, signed with a challenge of the test's choice.
    ///
    /// # Errors
    /// When its algorithm is unknown.
    pub fn signed_with(&self, request: &Message, challenge: &Challenge, nc: u32) -> Result<Message> {
        let uri = request.start.split(' ').nth(1).unwrap_or_default().to_owned();
        let account = &self.inner.account;
        let method = request.method().to_owned();
        let answer = Authorization::answer(challenge, &method, &uri, &account.username, &account.password, nc, &token())?;
        {
            let mut state = self.inner.state();
            state.challenge = Some(challenge.clone());
            state.nc = nc;
        }
        let cseq = self.inner.cseq.fetch_add(1, Ordering::Relaxed);
        Ok(request.clone().set("Via", self.via()).set("CSeq", format!("{cseq} {method}")).set("Authorization", answer.value()))
    }

    /// The request signed with the last nonce again, its count raised, as phones do.
    fn signed_by_last(&self, request: &Message) -> Result<Option<Message>> {
        let known = {
            let state = self.inner.state();
            state.challenge.clone().map(|challenge| (challenge, state.nc + 1))
        };
        known.map(|(challenge, nc)| self.signed_with(request, &challenge, nc)).transpose()
    }

    /// Registers its own Contact. A life of 0 unregisters.
    ///
    /// # Errors
    /// When it is refused.
    pub fn register(&self, expires: u32) -> Result<Message> {
        let response = self.exchange_signed(&self.register_request(expires))?;
        ensure!(response.status() == Some(200), "not registered: {}", response.start);
        Ok(response)
    }

    /// A registration taken from a response: every Contact with its remaining life.
    #[must_use]
    pub fn bindings(response: &Message) -> Vec<(String, u32)> {
        let contacts = response
            .headers("Contact")
            .flat_map(|line| line.split(", <").map(|part| format!("<{}", part.trim_start_matches('<'))).collect::<Vec<_>>());
        contacts
            .map(|contact| {
                let expires = message::parameter(&contact, "expires").and_then(|value| value.parse().ok()).unwrap_or(0);
                (message::uri_of(&contact).to_owned(), expires)
            })
            .collect()
    }

    /// Dials and waits for the end of ringing. Gives the final response; a 200 is acknowledged and the leg talks.
    ///
    /// # Errors
    /// When there is no final response.
    pub fn dial(&self, number: &str) -> Result<(String, Message)> {
        let call = self.invite(number)?;
        let last = self.final_of(&call)?;
        Ok((call, last))
    }

    /// Sends a signed INVITE and gives its Call-ID as soon as anything but a 100 or a challenge came back.
    ///
    /// # Errors
    /// When nothing comes back.
    pub fn invite(&self, number: &str) -> Result<String> {
        self.invite_as("", number)
    }

    /// The same with a display name before its address, as it stands on the wire: `"Anna"` with its quotes (RFC 3261, 20.20).
    ///
    /// # Errors
    /// When nothing comes back.
    pub fn invite_as(&self, display: &str, number: &str) -> Result<String> {
        let habits = self.inner.habits();
        let media = Arc::new(Media::start_at(self.inner.local.ip(), *habits.laws.first().unwrap_or(&Law::Mu), habits.tone_hz)?);
        let uri = self.address_of(number);
        let sdp = media::write_sdp(media.local(), &habits.laws, "sendrecv");
        let plain =
            self.request("INVITE", &uri, &uri).with("Contact", format!("<{}>", self.contact())).body("application/sdp", sdp.as_bytes());
        let from = format!("{display} {}", plain.header("From").unwrap_or_default());
        let plain = plain.set("From", from.trim_start());
        let mut invite = self.signed_by_last(&plain)?.unwrap_or_else(|| plain.clone());
        for _ in 0..2 {
            self.inner.state().legs.insert(plain.call_id().to_owned(), Leg::outgoing(&invite, Arc::clone(&media)));
            let first = self.first_response(&invite)?;
            if !matches!(first.status(), Some(401 | 407)) {
                return Ok(plain.call_id().to_owned());
            }
            self.acknowledge_refusal(&invite, &first)?;
            invite = self.signed(&plain, &first)?;
        }
        bail!("challenged twice: {}", plain.start)
    }

    /// The first response but 100, which only says that the request arrived.
    fn first_response(&self, request: &Message) -> Result<Message> {
        let (mark, bytes) = (self.mark(), request.bytes());
        let ours = |message: &Message, least: u16| message.branch() == request.branch() && message.status() >= Some(least);
        for &pause in self.repeats() {
            self.send(&bytes)?;
            if self.received(mark, pause, |message| ours(message, 100)).is_some() {
                let more = self.received(mark, FINAL_LIMIT, |message| ours(message, 101));
                return more.with_context(|| format!("nothing but 100 to {}", request.start));
            }
            self.inner.repeated.fetch_add(1, Ordering::Relaxed);
        }
        bail!("no response to {}", request.start)
    }

    /// The final response to an INVITE sent by [`RawPhone::invite`].
    ///
    /// # Errors
    /// When there is none.
    pub fn final_of(&self, call: &str) -> Result<Message> {
        let branch = self.leg(call)?.invite.branch().to_owned();
        self.received(0, FINAL_LIMIT, |message| message.branch() == branch && message.method() == "INVITE" && message.status() >= Some(200))
            .with_context(|| format!("no final response for {call}"))
    }

    /// Waits for a provisional response of `status` to an INVITE of ours.
    ///
    /// # Errors
    /// When it does not come.
    pub fn provisional_of(&self, call: &str, status: u16) -> Result<Message> {
        let branch = self.leg(call)?.invite.branch().to_owned();
        self.received(0, Duration::from_secs(10), |message| message.branch() == branch && message.status() == Some(status))
            .with_context(|| format!("no {status} for {call}"))
    }

    /// ACK to a final response other than 2xx: part of the INVITE's own transaction (RFC 3261, 17.1.1.3).
    fn acknowledge_refusal(&self, invite: &Message, refusal: &Message) -> Result<()> {
        if invite.method() == "INVITE" && refusal.status() >= Some(300) {
            self.send(&refused_ack(invite, refusal).bytes())?;
        }
        Ok(())
    }

    /// CANCELs an INVITE of ours; gives the response to the CANCEL.
    ///
    /// # Errors
    /// When there is none.
    pub fn cancel(&self, call: &str) -> Result<Message> {
        let invite = self.leg(call)?.invite;
        let mut cancel = Message::new(invite.start.replacen("INVITE", "CANCEL", 1));
        for name in ["Via", "Max-Forwards", "From", "To", "Call-ID"] {
            cancel = cancel.with(name, invite.header(name).unwrap_or_default());
        }
        let cancel = cancel.with("CSeq", format!("{} CANCEL", invite.cseq()));
        let mark = self.mark();
        for &pause in self.repeats() {
            self.send(&cancel.bytes())?;
            if let Some(response) = self.received(mark, pause, |message| message.status().is_some() && message.method() == "CANCEL") {
                return Ok(response);
            }
        }
        bail!("no response to CANCEL")
    }

    /// Answers a call that rings (habit [`Answer::Ring`]).
    ///
    /// # Errors
    /// When there is no such call.
    pub fn accept(&self, call: &str) -> Result<()> {
        self.inner.accept(call)
    }

    /// Ends an answered call with BYE; gives the response.
    ///
    /// # Errors
    /// When there is none.
    pub fn hangup(&self, call: &str) -> Result<Message> {
        let bye = self.in_dialog(call, "BYE")?;
        let response = self.exchange(&bye)?;
        self.inner.end(call);
        Ok(response)
    }

    /// A request within a call's dialog, to be changed at will.
    ///
    /// # Errors
    /// When there is no such call.
    pub fn in_dialog(&self, call: &str, method: &str) -> Result<Message> {
        let mut state = self.inner.state();
        let leg = state.legs.get_mut(call).context("no such call")?;
        leg.cseq += 1;
        Ok(Message::new(format!("{method} {} SIP/2.0", leg.target))
            .with("Via", self.via())
            .with("Max-Forwards", "70")
            .with("From", leg.local.clone())
            .with("To", leg.remote.clone())
            .with("Call-ID", leg.call_id.clone())
            .with("CSeq", format!("{} {method}", leg.cseq))
            .with("Contact", format!("<{}>", self.contact())))
    }

    /// ACK to a 2xx of a re-INVITE.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn acknowledge(&self, invite: &Message) -> Result<()> {
        let ack = invite.clone().without("Content-Type").set("Via", self.via()).set("CSeq", format!("{} ACK", invite.cseq()));
        let ack = Message { start: invite.start.replacen("INVITE", "ACK", 1), body: Vec::new(), ..ack };
        self.send(&ack.bytes())
    }

    /// One of its calls as it stands.
    ///
    /// # Errors
    /// When there is no such call.
    pub fn leg(&self, call: &str) -> Result<Leg> {
        self.inner.state().legs.get(call).cloned().with_context(|| format!("no call {call}"))
    }

    /// All its calls as they stand, oldest first.
    #[must_use]
    pub fn legs(&self) -> Vec<Leg> {
        self.inner.state().legs.values().cloned().collect()
    }

    /// The first of its calls for which `wanted` holds, waited for.
    ///
    /// # Errors
    /// When there is none within `limit`.
    pub fn wait_for_leg(&self, what: &str, limit: Duration, wanted: impl Fn(&Leg) -> bool) -> Result<Leg> {
        let found = self.inner.wait(limit, |state| state.legs.values().find(|leg| wanted(leg)).cloned());
        found.with_context(|| {
            let state = self.inner.state();
            let seen: Vec<_> = state.inbox.iter().map(|message| message.start.as_str()).collect();
            format!("{}: no call that is {what}; it received {seen:?}", self.inner.account.number)
        })
    }
}

impl Drop for RawPhone {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Leg {
    fn outgoing(invite: &Message, media: Arc<Media>) -> Self {
        Self {
            call_id: invite.call_id().to_owned(),
            incoming: false,
            invite: invite.clone(),
            answered: None,
            acknowledged: false,
            ended: None,
            media,
            local: invite.header("From").unwrap_or_default().to_owned(),
            remote: invite.header("To").unwrap_or_default().to_owned(),
            target: invite.start.split(' ').nth(1).unwrap_or_default().to_owned(),
            cseq: invite.cseq(),
            tag: String::new(),
            last_response: None,
        }
    }

    /// Answered and not over.
    #[must_use]
    pub fn talks(&self) -> bool {
        self.answered.is_some() && self.ended.is_none()
    }
}

/// The ACK that belongs to a refused INVITE's own transaction.
fn refused_ack(invite: &Message, refusal: &Message) -> Message {
    let mut ack = Message::new(invite.start.replacen("INVITE", "ACK", 1));
    for name in ["Via", "Max-Forwards", "From"] {
        ack = ack.with(name, invite.header(name).unwrap_or_default());
    }
    ack.with("To", refusal.header("To").unwrap_or_default())
        .with("Call-ID", invite.call_id())
        .with("CSeq", format!("{} ACK", invite.cseq()))
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn habits(&self) -> Habits {
        self.habits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wait<T>(&self, limit: Duration, look: impl Fn(&State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if let Some(value) = look(&state) {
                return Some(value);
            }
            let left = end.checked_duration_since(Instant::now())?;
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn contact(&self) -> String {
        format!("sip:{}@{}{}", self.account.username, self.local, self.wire.parameter())
    }

    fn via(&self) -> String {
        format!("SIP/2.0/{} {};branch=z9hG4bK{};rport", self.wire.name(), self.local, token())
    }

    fn receive(&self, reader: &mut Option<TcpStream>) {
        let mut pending = wire::Pending::default();
        while !self.stop.load(Ordering::Relaxed) {
            for octets in self.wire.receive(reader, &mut pending) {
                let Ok(message) = Message::parse(&octets) else { continue };
                // First what it means to the calls, so that who waits for a message finds them as it left them.
                if message.status().is_none() {
                    self.requested(&message);
                } else {
                    self.responded(&message);
                }
                let mut state = self.state();
                state.inbox.push(message);
                state.came.push(octets);
                drop(state);
                self.changed.notify_all();
            }
        }
    }

    fn transmit(&self, message: &Message) {
        // A datagram that the kernel refuses is one that the network lost; a stream that is gone is for the test to see.
        let _ = self.wire.send(&message.bytes());
    }

    fn requested(&self, request: &Message) {
        let answer = self.habits().answer;
        if answer == Answer::Never {
            return;
        }
        match request.method() {
            "INVITE" => self.invited(request, answer),
            "ACK" => {
                if let Some(leg) = self.state().legs.get_mut(request.call_id()) {
                    leg.acknowledged = true;
                }
            }
            "CANCEL" => {
                self.transmit(&request.response(200, "OK", "cancel"));
                let pending = self.state().legs.get(request.call_id()).filter(|leg| leg.answered.is_none() && leg.ended.is_none()).cloned();
                if let Some(leg) = pending {
                    self.transmit(&leg.invite.response(487, "Request Terminated", &leg.tag));
                    self.end(&leg.call_id);
                }
            }
            "BYE" => {
                let known = self.state().legs.contains_key(request.call_id());
                self.transmit(&if known {
                    request.response(200, "OK", "")
                } else {
                    request.response(481, "Call/Transaction Does Not Exist", "x")
                });
                self.end(request.call_id());
            }
            _ => self.transmit(&request.response(200, "OK", "x")),
        }
    }

    fn invited(&self, invite: &Message, answer: Answer) {
        let known = self.state().legs.get(invite.call_id()).cloned();
        if let Some(leg) = known {
            if invite.tag("To").is_some() && invite.cseq() != leg.invite.cseq() {
                self.reinvited(invite, &leg);
            } else if let Some(last) = &leg.last_response {
                self.transmit(last);
            }
            return;
        }
        let contact = format!("<{}>", self.contact());
        let tag = token();
        if let Answer::Refuse(status) = answer {
            self.transmit(&invite.response(status, "Refused", &tag).with("Contact", contact));
            return;
        }
        let habits = self.habits();
        let Ok(media) = Media::start_at(self.local.ip(), *habits.laws.first().unwrap_or(&Law::Mu), habits.tone_hz) else {
            self.transmit(&invite.response(500, "No Port", &tag));
            return;
        };
        let to = format!("{};tag={tag}", invite.header("To").unwrap_or_default());
        let ringing = invite.response(180, "Ringing", &tag).with("Contact", contact);
        self.transmit(&ringing);
        let leg = Leg {
            call_id: invite.call_id().to_owned(),
            incoming: true,
            invite: invite.clone(),
            answered: None,
            acknowledged: false,
            ended: None,
            media: Arc::new(media),
            local: to,
            remote: invite.header("From").unwrap_or_default().to_owned(),
            target: invite.contact().unwrap_or_default().to_owned(),
            cseq: 0,
            tag,
            last_response: Some(ringing),
        };
        self.state().legs.insert(leg.call_id.clone(), leg);
        if answer == Answer::AtOnce {
            // Without a usable offer the leg stays as it rings; the test sees that it was not answered.
            let _ = self.accept(invite.call_id());
        }
    }

    fn accept(&self, call: &str) -> Result<()> {
        let leg = self.state().legs.get(call).cloned().context("no such call")?;
        let (remote, law) = media::read_sdp(&leg.invite.body).context("no usable offer")?;
        leg.media.talk_to(Some(remote), law);
        let ok = self.ok(&leg.invite, &leg, law);
        self.transmit(&ok);
        if let Some(leg) = self.state().legs.get_mut(call) {
            leg.answered = Some(Instant::now());
            leg.last_response = Some(ok);
        }
        self.changed.notify_all();
        Ok(())
    }

    /// A new offer within the dialog: the sound follows it.
    fn reinvited(&self, invite: &Message, leg: &Leg) {
        match media::read_sdp(&invite.body) {
            Some((remote, law)) => {
                leg.media.talk_to(Some(remote), law);
                self.transmit(&self.ok(invite, leg, law));
            }
            None => self.transmit(&self.ok(invite, leg, Law::Mu)),
        }
    }

    fn ok(&self, invite: &Message, leg: &Leg, law: Law) -> Message {
        let sdp = media::write_sdp(leg.media.local(), &[law], "sendrecv");
        let contact = format!("<{}>", self.contact());
        invite.response(200, "OK", &leg.tag).with("Contact", contact).body("application/sdp", sdp.as_bytes())
    }

    fn responded(&self, response: &Message) {
        if response.method() != "INVITE" {
            return;
        }
        let Some(leg) = self.state().legs.get(response.call_id()).cloned() else { return };
        if leg.incoming || response.branch() != leg.invite.branch() {
            return;
        }
        let sound = media::read_sdp(&response.body);
        if let Some((remote, law)) = sound {
            leg.media.talk_to(Some(remote), law);
        }
        match response.status() {
            Some(200..300) => {
                let target = response.contact().unwrap_or_default().to_owned();
                let to = response.header("To").unwrap_or_default().to_owned();
                let ack = Message::new(format!("ACK {target} SIP/2.0"))
                    .with("Via", self.via())
                    .with("Max-Forwards", "70")
                    .with("From", leg.local.clone())
                    .with("To", to.clone())
                    .with("Call-ID", leg.call_id.clone())
                    .with("CSeq", format!("{} ACK", leg.invite.cseq()));
                self.transmit(&ack);
                if let Some(leg) = self.state().legs.get_mut(response.call_id()) {
                    leg.answered.get_or_insert_with(Instant::now);
                    leg.acknowledged = true;
                    leg.target = target;
                    leg.remote = to;
                }
            }
            // A challenge is the business of who sent the INVITE.
            Some(300..) if !matches!(response.status(), Some(401 | 407)) => {
                self.transmit(&refused_ack(&leg.invite, response));
                self.end(response.call_id());
            }
            _ => {}
        }
    }

    fn end(&self, call: &str) {
        if let Some(leg) = self.state().legs.get_mut(call) {
            leg.ended.get_or_insert_with(Instant::now);
            leg.media.stop();
        }
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports;

    fn account(number: &str) -> Account {
        Account { id: number.to_owned(), number: number.to_owned(), username: number.to_owned(), password: String::new() }
    }

    /// Holds the phone against itself: each is the other's server.
    #[test]
    fn two_phones_talk_without_a_server() -> Result<()> {
        let (one, other) = (ports::block(2)?.start, ports::block(2)?.start);
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let caller = RawPhone::start_at(one, &account("caller"), at(other), Habits::answering(440))?;
        let callee = RawPhone::start_at(other, &account("callee"), at(one), Habits::answering(880).laws(&[Law::A]))?;

        let (call, answer) = caller.dial("callee")?;
        assert_eq!(answer.status(), Some(200));
        let theirs = callee.wait_for_leg("acknowledged", Duration::from_secs(5), |leg| leg.acknowledged)?;
        let ours = caller.leg(&call)?;
        crate::wait::until_true("a second of each tone", Duration::from_secs(10), || {
            ours.media.seconds_of(880) >= 1.0 && theirs.media.seconds_of(440) >= 1.0
        })?;
        assert_eq!(caller.hangup(&call)?.status(), Some(200));
        callee.wait_for_leg("over", Duration::from_secs(5), |leg| leg.ended.is_some())?;
        assert_eq!(caller.hangup(&call)?.status(), Some(200), "a BYE twice is answered twice");

        callee.answer(Answer::Refuse(486));
        assert_eq!(caller.dial("callee")?.1.status(), Some(486));

        callee.answer(Answer::Ring);
        let call = caller.invite("callee")?;
        caller.provisional_of(&call, 180)?;
        assert_eq!(caller.cancel(&call)?.status(), Some(200));
        assert_eq!(caller.final_of(&call)?.status(), Some(487));
        Ok(())
    }
}
