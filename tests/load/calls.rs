//! A light generator of calls: all callers share one socket, all callees another, so that the client costs little beside the server.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tests::{
    Account, Server,
    audio::Law,
    raw::{Authorization, Challenge, Message, media, token},
};

/// How long a call lasts.
const TALK: Duration = Duration::from_millis(500);
/// A call without a final response after this has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A registered account that calls.
struct Line {
    account: Account,
    callee: String,
    challenge: Challenge,
    nc: AtomicU64,
}

/// Everybody who takes part: the first half of the accounts call, the second half answer.
pub(crate) struct Lines {
    server: SocketAddr,
    callers: UdpSocket,
    lines: Vec<Line>,
    stop: Arc<AtomicBool>,
    /// Where both sides' sound would go.
    sink: SocketAddr,
    _sink: UdpSocket,
}

/// What one rate came to.
pub(crate) struct Outcome {
    /// Calls that were answered and ended as they should.
    pub(crate) done: u64,
    /// All others.
    pub(crate) failed: u64,
    /// From INVITE to 200, sorted.
    pub(crate) latencies: Vec<Duration>,
}

/// One call under way.
struct Call {
    invite: Message,
    sent: Instant,
    answered: Option<Message>,
}

impl Lines {
    /// Registers everybody and lets the callees answer.
    pub(crate) fn register(server: &Server, accounts: &[Account]) -> Result<Self> {
        let (callers, callees) = accounts.split_at(accounts.len() / 2);
        let (calling, answering) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        calling.set_read_timeout(Some(Duration::from_secs(5)))?;
        answering.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut lines = Vec::new();
        for (account, callee) in callers.iter().zip(callees) {
            let challenge = register(&calling, server.sip(), account)?;
            lines.push(Line { account: account.clone(), callee: callee.number.clone(), challenge, nc: AtomicU64::new(2) });
            register(&answering, server.sip(), callee)?;
        }
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        let stop = Arc::new(AtomicBool::new(false));
        let (address, running) = (sink.local_addr()?, Arc::clone(&stop));
        answering.set_read_timeout(Some(Duration::from_millis(100)))?;
        thread::spawn(move || answer_all(&answering, address, &running));
        Ok(Self { server: server.sip(), callers: calling, lines, stop, sink: address, _sink: sink })
    }

    /// Offers `rate` calls a second for `span`, and waits for the last one's end.
    pub(crate) fn run(&self, rate: u32, span: Duration) -> Result<Outcome> {
        let count = u64::from(rate) * span.as_secs();
        let calls: Mutex<BTreeMap<String, Call>> = Mutex::default();
        let free: Mutex<VecDeque<usize>> = Mutex::new((0..self.lines.len()).collect());
        let outcome = Mutex::new(Outcome { done: 0, failed: 0, latencies: Vec::new() });
        let finished = AtomicBool::new(false);
        thread::scope(|scope| -> Result<()> {
            let receiver = scope.spawn(|| self.receive(&calls, &free, &outcome, &finished));
            let began = Instant::now();
            for at in 0..count {
                crate::pace(began + Duration::from_secs(1) * u32::try_from(at)? / rate);
                match lock(&free).pop_front() {
                    Some(line) => self.invite(line, &calls)?,
                    // Every line is in a call: the server did not keep up with what is offered.
                    None => lock(&outcome).failed += 1,
                }
            }
            let _ = tests::wait::until_true("the last calls' end", PATIENCE + TALK, || lock(&calls).is_empty());
            finished.store(true, Ordering::Relaxed);
            receiver.join().map_err(|_| anyhow::anyhow!("the receiver panicked"))?;
            Ok(())
        })?;
        let mut outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcome.failed += u64::try_from(lock(&calls).len())?;
        outcome.latencies.sort();
        Ok(outcome)
    }

    fn invite(&self, at: usize, calls: &Mutex<BTreeMap<String, Call>>) -> Result<()> {
        let line = self.lines.get(at).context("no such line")?;
        let nc = u32::try_from(line.nc.fetch_add(1, Ordering::Relaxed))?;
        let Account { username, password, .. } = &line.account;
        let uri = format!("sip:{}@{}", line.callee, self.server.ip());
        let answer = Authorization::answer(&line.challenge, "INVITE", &uri, username, password, nc, "load")?;
        let local = self.callers.local_addr()?;
        let invite = Message::new(format!("INVITE {uri} SIP/2.0"))
            .with("Via", format!("SIP/2.0/UDP {local};branch=z9hG4bK{};rport", token()))
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:{username}@{}>;tag={}", self.server.ip(), token()))
            .with("To", format!("<{uri}>"))
            .with("Call-ID", format!("{at}-{}", token()))
            .with("CSeq", "1 INVITE")
            .with("Contact", format!("<sip:{username}@{local}>"))
            .with("Authorization", answer.value())
            .body("application/sdp", media::write_sdp(self.sink, &[Law::Mu], "sendrecv").as_bytes());
        lock(calls).insert(invite.call_id().to_owned(), Call { invite: invite.clone(), sent: Instant::now(), answered: None });
        self.callers.send_to(&invite.bytes(), self.server)?;
        Ok(())
    }

    fn receive(
        &self,
        calls: &Mutex<BTreeMap<String, Call>>,
        free: &Mutex<VecDeque<usize>>,
        outcome: &Mutex<Outcome>,
        finished: &AtomicBool,
    ) {
        let mut datagram = vec![0; 65_536];
        let mut ending: VecDeque<(Instant, String)> = VecDeque::new();
        // A line is free again a moment after its call: the callee's slot must be idle first.
        let mut resting: VecDeque<(Instant, usize)> = VecDeque::new();
        let _ = self.callers.set_read_timeout(Some(Duration::from_millis(5)));
        while !finished.load(Ordering::Relaxed) {
            let received = self.callers.recv_from(&mut datagram).ok();
            let now = Instant::now();
            while let Some((_, id)) = ending.pop_front_if(|(due, _)| *due <= now) {
                if let Some(call) = lock(calls).get(&id)
                    && let Some(ok) = &call.answered
                {
                    self.send(&self.in_dialog(call, ok, "BYE", 2));
                }
            }
            while let Some((_, line)) = resting.pop_front_if(|(due, _)| *due <= now) {
                lock(free).push_back(line);
            }
            let Some(message) = received.and_then(|(length, _)| Message::parse(datagram.get(..length)?).ok()) else { continue };
            let Some(status) = message.status() else {
                self.send(&message.response(200, "OK", "x"));
                continue;
            };
            let mut calls = lock(calls);
            let Some(call) = calls.get_mut(message.call_id()) else { continue };
            let over = match (message.method(), status) {
                (_, ..200) => false,
                ("INVITE", 200..300) => {
                    self.send(&self.in_dialog(call, &message, "ACK", 1));
                    if call.answered.is_none() {
                        lock(outcome).latencies.push(call.sent.elapsed());
                        ending.push_back((now + TALK, message.call_id().to_owned()));
                        call.answered = Some(message.clone());
                    }
                    false
                }
                ("INVITE", _) => {
                    let to = message.header("To").unwrap_or_default();
                    let ack = call.invite.clone().without("Authorization").without("Content-Type").set("To", to).set("CSeq", "1 ACK");
                    self.send(&Message { start: call.invite.start.replacen("INVITE", "ACK", 1), body: Vec::new(), ..ack });
                    lock(outcome).failed += 1;
                    true
                }
                ("BYE", 200) => {
                    lock(outcome).done += 1;
                    true
                }
                ("BYE", _) => {
                    lock(outcome).failed += 1;
                    true
                }
                _ => false,
            };
            if over {
                calls.remove(message.call_id());
                if let Some(line) = message.call_id().split('-').next().and_then(|line| line.parse().ok()) {
                    resting.push_back((now + Duration::from_millis(200), line));
                }
            }
        }
        lock(free).extend(resting.into_iter().map(|(_, line)| line));
    }

    fn in_dialog(&self, call: &Call, ok: &Message, method: &str, cseq: u32) -> Message {
        let via = call.invite.header("Via").unwrap_or_default().split(';').next().unwrap_or_default();
        Message::new(format!("{method} {} SIP/2.0", ok.contact().unwrap_or_default()))
            .with("Via", format!("{via};branch=z9hG4bK{};rport", token()))
            .with("Max-Forwards", "70")
            .with("From", call.invite.header("From").unwrap_or_default())
            .with("To", ok.header("To").unwrap_or_default())
            .with("Call-ID", call.invite.call_id())
            .with("CSeq", format!("{cseq} {method}"))
    }

    fn send(&self, message: &Message) {
        // What the kernel refuses is lost, as on any network; it shows as a failed call.
        let _ = self.callers.send_to(&message.bytes(), self.server);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers one account from a shared socket; gives the challenge, which goes on being good for its INVITEs.
fn register(socket: &UdpSocket, server: SocketAddr, account: &Account) -> Result<Challenge> {
    let local = socket.local_addr()?;
    let domain = format!("sip:{}", server.ip());
    let Account { username, password, .. } = account;
    let call_id = token();
    let request = |cseq: u32| {
        Message::new(format!("REGISTER {domain} SIP/2.0"))
            .with("Via", format!("SIP/2.0/UDP {local};branch=z9hG4bK{};rport", token()))
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:{username}@{}>;tag=load", server.ip()))
            .with("To", format!("<sip:{username}@{}>", server.ip()))
            .with("Call-ID", call_id.clone())
            .with("CSeq", format!("{cseq} REGISTER"))
            .with("Contact", format!("<sip:{username}@{local}>"))
            .with("Expires", "3600")
    };
    let exchange = |request: Message| -> Result<Message> {
        let mut datagram = vec![0; 65_536];
        socket.send_to(&request.bytes(), server)?;
        let (length, _) = socket.recv_from(&mut datagram).context("no answer to REGISTER")?;
        Message::parse(datagram.get(..length).unwrap_or_default())
    };
    let refusal = exchange(request(1))?;
    let challenge = Challenge::parse(refusal.header("WWW-Authenticate").context("no challenge")?)?;
    let answer = Authorization::answer(&challenge, "REGISTER", &domain, username, password, 1, "load")?;
    let response = exchange(request(2).with("Authorization", answer.value()))?;
    ensure!(response.status() == Some(200), "{}", response.start);
    Ok(challenge)
}

/// Answers every call at once, and every other request with 200.
fn answer_all(socket: &UdpSocket, sink: SocketAddr, stop: &AtomicBool) {
    let mut datagram = vec![0; 65_536];
    let sdp = media::write_sdp(sink, &[Law::Mu], "sendrecv");
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut datagram) else { continue };
        let Ok(message) = Message::parse(datagram.get(..length).unwrap_or_default()) else { continue };
        let Ok(local) = socket.local_addr() else { continue };
        let response = match (message.status(), message.method()) {
            (Some(_), _) | (_, "ACK") => continue,
            (_, "INVITE") => {
                let ringing = message.response(180, "Ringing", "load").with("Contact", format!("<sip:x@{local}>"));
                let _ = socket.send_to(&ringing.bytes(), from);
                message.response(200, "OK", "load").with("Contact", format!("<sip:x@{local}>")).body("application/sdp", sdp.as_bytes())
            }
            _ => message.response(200, "OK", "load"),
        };
        let _ = socket.send_to(&response.bytes(), from);
    }
}
