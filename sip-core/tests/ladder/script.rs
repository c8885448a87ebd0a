//! A script speaks with an endpoint in virtual time; what the endpoint does is written down as a ladder.
//!
//! One step a line, `seconds verb ..`; a line that begins with `+` adds a header to the message above it.
//!
//! | step | meaning |
//! | --- | --- |
//! | `0 > INVITE cseq=1 sdp` | the peer sends a request; without `cseq` the next number, ACK and CANCEL that of the INVITE |
//! | `0 > 180 to=a` | the peer responds to our last request; `0 > 200 BYE` to the last one of that method |
//! | `0 again INVITE` | the peer sends its last such message again |
//! | `0 strangers` | from now on the owner challenges whoever comes, at once |
//! | `0 call`, `ring 180 sdp`, `answer` (`answer 2`: with the session description 2), `refuse 486`, `challenge`, `hangup`, `elsewhere`, `reoffer ok`, `respond 200`, `info`, `probe` | the owner acts |
//! | `0 refer ok`, `refer 603`, `notify 180` | the owner answers a REFER, and tells how the transfer goes |
//! | `0 text 202`, `say hello` | the owner answers a text of the session, and sends one |
//! | `0 subscribe 1 7 early` | the owner lets subscriber 1 watch resource 7: a number's calls (`idle`, `early`, `confirmed`), or so many messages (`3`) |
//! | `0 publish 7 early`, `withdraw 7`, `unsubscribe 1` | what is watched changes, goes, is not for a subscriber any more |
//! | `0 offer 2` | the owner offers the session description 2 within the session |
//! | `0 icmp`, `closed` | the network says that the peer is not there, that the stream is gone |
//! | `0 moved 7777` | the peer registered again from that port |
//! | `0 account`, `account realm=x`, `account gone` | from now on calls and requests are given an account, for that realm; it is removed |
//! | `0 ask OPTIONS` | the owner asks outside of any dialog; `cseq`, `port` |
//! | `0 count` | says how many transactions there are |
//! | `0 nothing` | only time passes |
//! | `0 raw ..` | a datagram as it stands, `\n` for line ends |
//!
//! Keys of a request: `branch`, `cseq`, `call`, `from` and `to` (a tag, or `none`), `uri`, `mf`, `via` (sent-by and parameters),
//! `port` and `host` (its source), `type`, `sdp` or `sdp=2` for another one.
//! In a header, `{branch}` is the branch of our last request, `{tag}` our first tag, `{t2}` the one that is named so and `{call}` our Call-ID, `{rseq}` the RSeq of our last response that has one. In the ladder RSeqs of ours
//! are counted from `r`, the first.
//! In the ladder `>` is what the peer sent, `<` what we sent, `*` what the owner is told. Tags and branches of ours get short
//! names; the last line says what is left when all timers have run.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use expect_test::Expect;
use sip_core::{
    Account, AccountId, Flow, Message, Method, Name, OutsideRequest, ReferId, RequestId, Transport,
    endpoint::{Endpoint, EndpointOutput, EndpointSettings, Invite, ServerTx, SessionEvent, SessionId},
    notifier::{DialogInfo, DialogState, MessageSummary, Notice, Package, WatchedDialog},
};

pub(crate) const SDP: &[u8] = b"v=0\r\n";

/// Runs `script` over UDP against a fresh endpoint.
pub(crate) fn check(script: &str, ladder: Expect) {
    ladder.assert_eq(&run(Transport::Udp, EndpointSettings::default(), script));
}

/// With what is said about session timers.
pub(crate) fn check_timed(settings: EndpointSettings, script: &str, ladder: Expect) {
    ladder.assert_eq(&play(Transport::Udp, settings, script, &["Session-Expires", "Min-SE", "Require"]));
}

/// With these headers of our messages.
pub(crate) fn check_showing(shown: &'static [&'static str], script: &str, ladder: Expect) {
    ladder.assert_eq(&play(Transport::Udp, EndpointSettings::default(), script, shown));
}

/// With these settings, and these headers of our messages.
pub(crate) fn check_with_showing(settings: EndpointSettings, shown: &'static [&'static str], script: &str, ladder: Expect) {
    ladder.assert_eq(&play(Transport::Udp, settings, script, shown));
}

/// The same over TCP.
pub(crate) fn check_tcp(script: &str, ladder: Expect) {
    ladder.assert_eq(&run(Transport::Tcp, EndpointSettings::default(), script));
}

pub(crate) fn check_with(settings: EndpointSettings, script: &str, ladder: Expect) {
    ladder.assert_eq(&run(Transport::Udp, settings, script));
}

pub(crate) fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
    Instant::now()
}

pub(crate) fn run(transport: Transport, settings: EndpointSettings, script: &str) -> String {
    play(transport, settings, script, &[])
}

/// `shown`: headers of our messages that are worth a look, beside the usual ones.
fn play(transport: Transport, settings: EndpointSettings, script: &str, shown: &'static [&'static str]) -> String {
    let origin = start();
    let mut ladder = Ladder {
        endpoint: Endpoint::new(settings, [7; 32]),
        transport,
        origin,
        now: origin,
        text: String::new(),
        names: BTreeMap::new(),
        sessions: Vec::new(),
        account: None,
        asked: Vec::new(),
        strangers: false,
        request: None,
        refer: None,
        said: None,
        heard: Vec::new(),
        sent: Vec::new(),
        our_tag: String::new(),
        number: 0,
        invite: 0,
        branches: 0,
        invite_branch: String::new(),
        shown,
        rseqs: None,
    };
    let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let mut extra = Vec::new();
        while let Some(header) = lines.next_if(|line| line.starts_with('+')) {
            extra.push(header.trim_start_matches('+').trim().to_owned());
        }
        let (at, step) = line.split_once(' ').unwrap();
        let at = origin + Duration::from_secs_f64(at.parse().unwrap());
        ladder.advance(at);
        ladder.step(step.trim(), &extra);
        ladder.drain();
    }
    ladder.advance(origin + Duration::from_secs(2 * 3_600));
    writeln!(ladder.text, "left: {} sessions, {} transactions", ladder.endpoint.live(), ladder.endpoint.transactions()).unwrap();
    assert_eq!(ladder.endpoint.subscriptions(), 0, "none lasts that long");
    ladder.text
}

struct Ladder {
    endpoint: Endpoint,
    transport: Transport,
    origin: Instant,
    now: Instant,
    text: String,
    /// Random texts of ours by the name they go under.
    names: BTreeMap<String, String>,
    sessions: Vec<SessionId>,
    account: Option<AccountId>,
    asked: Vec<RequestId>,
    strangers: bool,
    request: Option<ServerTx>,
    refer: Option<ReferId>,
    said: Option<ServerTx>,
    /// What we sent to the peer, newest last.
    heard: Vec<Message>,
    /// What the peer sent, by what it is.
    sent: Vec<(String, Bytes, Flow)>,
    our_tag: String,
    number: u32,
    invite: u32,
    branches: u32,
    invite_branch: String,
    shown: &'static [&'static str],
    /// The first RSeq of ours, and the newest.
    rseqs: Option<(u32, u32)>,
}

impl Ladder {
    fn flow(&self, port: u16) -> Flow {
        Flow { transport: self.transport, local: address("10.0.0.1:5060"), remote: SocketAddr::new(address("10.0.0.9:0").ip(), port) }
    }

    /// Lets virtual time pass, timer by timer.
    fn advance(&mut self, to: Instant) {
        while let Some((at, _)) = self.endpoint.timeout().filter(|(at, _)| *at <= to) {
            self.now = at.max(self.now);
            self.endpoint.wake(self.now);
            self.drain();
        }
        self.now = to;
    }

    fn step(&mut self, step: &str, extra: &[String]) {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        let first = words.first().copied().unwrap_or_default();
        let session = self.sessions.get(value(&words, "s").map_or(0, |s| s.parse::<usize>().unwrap() - 1)).copied();
        let now = self.now;
        match verb {
            ">" if first.starts_with(|c: char| c.is_ascii_digit()) => self.peer_response(first.parse().unwrap(), &words[1..], extra),
            ">" => self.peer_request(first, &words[1..], extra),
            "again" => {
                let (line, bytes, flow) = self.sent.iter().rev().find(|(line, ..)| line.starts_with(rest)).unwrap().clone();
                self.write(&format!("> {line} again"));
                self.endpoint.received(now, flow, bytes);
            }
            "raw" => {
                let text = rest.replace("\\n", "\r\n");
                self.write(&format!("> {}", text.lines().next().unwrap_or_default()));
                self.endpoint.received(now, self.flow(5060), Bytes::from(text));
            }
            "icmp" => self.endpoint.unreachable(now, self.flow(5060).remote),
            "call" => {
                let invite = Invite {
                    flow: self.flow(5060),
                    uri: Bytes::from_static(b"sip:phone@192.168.1.9:5062"),
                    from_display: Some("Cord \"board\"".into()),
                    from_user: "100".into(),
                    to_user: "*72#".into(),
                    host: "pbx.example".into(),
                    sdp: Bytes::from_static(SDP),
                    headers: Vec::new(),
                    ring_s: value(&words, "ring").map_or(60, |ring| ring.parse().unwrap()),
                    account: self.account,
                };
                match self.endpoint.invite(now, invite) {
                    Some(session) => self.sessions.push(session),
                    None => self.write("* no room"),
                }
            }
            "account" if first == "gone" => self.endpoint.remove_account(self.account.unwrap()),
            "account" => {
                let realm = value(&words, "realm").map(str::to_owned);
                self.account = self.endpoint.add_account(Account { username: "us".into(), secret: "secret".into(), realm });
            }
            "ask" => {
                let asked = OutsideRequest {
                    flow: self.flow(value(&words, "port").map_or(5060, |port| port.parse().unwrap())),
                    method: Method::of(first.as_bytes()),
                    uri: Bytes::from_static(b"sip:carrier.example"),
                    from: "\"Us\" <sip:us@carrier.example>".into(),
                    to: "<sip:us@carrier.example>".into(),
                    call_id: None,
                    cseq: value(&words, "cseq").map_or(1, |cseq| cseq.parse().unwrap()),
                    contact: true,
                    headers: Vec::new(),
                    body: None,
                    account: self.account,
                };
                match self.endpoint.request(now, asked) {
                    Ok(request) => self.asked.push(request),
                    Err(_) => self.write("* not sent"),
                }
            }
            "ring" => {
                let sdp = Some(sdp_word(&words)).filter(|word| !word.is_empty()).map(|word| described(&word));
                self.endpoint.ring(now, session.unwrap(), first.parse().unwrap(), sdp.as_deref());
            }
            "answer" => self.endpoint.answer(now, session.unwrap(), &sdp(if first.starts_with("s=") { "" } else { first })),
            "refuse" => self.endpoint.refuse(now, session.unwrap(), first.parse().unwrap(), None, &[("X-Why", "test".to_owned())]),
            "challenge" if first == "request" => self.endpoint.challenge_request(now, self.request.unwrap(), 401, &challenges()),
            "challenge" => self.endpoint.challenge(now, session.unwrap(), 401, &challenges()),
            "strangers" => self.strangers = true,
            "elsewhere" => self.endpoint.hangup_elsewhere(now, session.unwrap()),
            "hangup" => self.endpoint.hangup(now, session.unwrap(), words.contains(&"reason").then_some((16, "bye"))),
            "reoffer" => self.endpoint.answer_reoffer(now, session.unwrap(), first.parse().map_or(Ok(SDP), Err)),
            "refer" => {
                if !self.endpoint.answer_refer(now, session.unwrap(), self.refer.unwrap(), first.parse().map_or(Ok(()), Err)) {
                    self.write("* too late");
                }
            }
            "notify" => self.endpoint.notify_refer(now, session.unwrap(), self.refer.unwrap(), first.parse().unwrap()),
            "text" => self.endpoint.answer_text(now, self.said.unwrap(), first.parse().unwrap()),
            "say" => {
                if let Err(why) = self.endpoint.text(now, session.unwrap(), "text/plain", first.as_bytes()) {
                    self.write(&format!("* unsent {why:?}"));
                }
            }
            "subscribe" => {
                let (subscriber, resource) = (first.parse().unwrap(), words[1].parse().unwrap());
                if self.endpoint.subscribe(now, self.request.unwrap(), subscriber, resource, notice(words[2])).is_none() {
                    self.write("* no subscription");
                }
            }
            "publish" => self.endpoint.publish(now, first.parse().unwrap(), notice(words[1])),
            "withdraw" => {
                let resource = first.parse().unwrap();
                assert!(self.endpoint.is_watched(Package::Dialog, resource));
                self.endpoint.withdraw(now, Package::Dialog, resource);
                assert!(!self.endpoint.is_watched(Package::Dialog, resource));
            }
            "unsubscribe" => self.endpoint.unsubscribe(now, first.parse().unwrap()),
            "respond" => self.endpoint.respond(now, self.request.unwrap(), first.parse().unwrap(), None, &[]),
            "info" => self.endpoint.info(now, session.unwrap(), "application/dtmf-relay", b"Signal=1"),
            "probe" => self.endpoint.probe(now, session.unwrap()),
            "offer" => {
                if let Err(error) = self.endpoint.reoffer(now, session.unwrap(), &sdp(first)) {
                    self.write(&format!("* {error}"));
                }
            }
            "closed" => self.endpoint.flow_closed(now, self.flow(value(&words, "port").map_or(5060, |port| port.parse().unwrap()))),
            "moved" => {
                let (old, new) = (self.flow(5060), self.flow(first.parse().unwrap()));
                self.endpoint.flow_moved(old, new);
                self.endpoint.subscriber_moved(now, 1, old, new);
            }
            "count" => self.write(&format!("= {} transactions", self.endpoint.transactions())),
            "nothing" => {}
            other => panic!("no such step: {other}"),
        }
    }

    fn peer_request(&mut self, method: &str, words: &[&str], extra: &[String]) {
        let fresh = !matches!(method, "ACK" | "CANCEL");
        let number = match value(words, "cseq") {
            Some(number) => number.parse().unwrap(),
            None if fresh => self.number + 1,
            None => self.invite,
        };
        self.number = self.number.max(number);
        // 17.1.1.3, 9.1: the ACK of a refusal and a CANCEL share the INVITE's branch; `branch=` says so for an ACK.
        let branch = match value(words, "branch") {
            Some("invite") => self.invite_branch.clone(),
            Some(branch) => branch.to_owned(),
            None if method == "CANCEL" => self.invite_branch.clone(),
            None => {
                self.branches += 1;
                format!("z9hG4bK-p{}", self.branches)
            }
        };
        if method == "INVITE" {
            self.invite = number;
            self.invite_branch.clone_from(&branch);
        }
        let inside = method != "CANCEL" && !(method == "INVITE" && self.our_tag.is_empty());
        let to_tag = match value(words, "to") {
            Some("none") => String::new(),
            Some(tag) => format!(";tag={}", self.tag_of(tag)),
            None if inside && !self.our_tag.is_empty() => format!(";tag={}", self.our_tag),
            None => String::new(),
        };
        // Once we called, the dialog is ours: Call-ID and the peer's tag are those of our INVITE.
        let begins =
            |message: &&Message| message.is_request() && message.method() == Method::Invite && message.to().unwrap().tag().is_none();
        let ours = self.heard.iter().find(begins);
        let call = value(words, "call").map(str::to_owned).unwrap_or_else(|| match ours {
            Some(invite) => String::from_utf8_lossy(invite.call_id().unwrap()).into_owned(),
            None => "call-1".to_owned(),
        });
        let from_tag = match value(words, "from") {
            Some("none") => String::new(),
            Some("ours") => format!(";tag={}", self.our_tag),
            Some(tag) => format!(";tag={tag}"),
            None => format!(";tag={}", if ours.is_some() { "a" } else { "peer" }),
        };
        let uri = value(words, "uri").unwrap_or("sip:100@10.0.0.1");
        let via = if branch == "none" { String::new() } else { format!(";branch={branch}") };
        let sent_by = value(words, "via").unwrap_or("10.0.0.9:5060;rport");
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{} {sent_by}{via}\r\nMax-Forwards: {}\r\nFrom: <sip:peer@10.0.0.9>{from_tag}\r\n\
             To: <sip:100@10.0.0.1>{to_tag}\r\nCall-ID: {call}\r\nCSeq: {number} {method}\r\n",
            self.transport.as_str(),
            value(words, "mf").unwrap_or("70"),
        );
        text = text.replace("Max-Forwards: none\r\n", "");
        let our_branch = self.heard.iter().rev().find(|message| message.is_request()).and_then(|message| message.via().ok()?.branch());
        let our_branch = String::from_utf8_lossy(our_branch.unwrap_or_default()).into_owned();
        let our_call = ours.map_or(String::new(), |invite| String::from_utf8_lossy(invite.call_id().unwrap()).into_owned());
        let our_rseq = self.rseqs.map_or(String::new(), |(_, newest)| newest.to_string());
        if fresh && !extra.iter().any(|header| header.starts_with("Contact:")) {
            text.push_str("Contact: <sip:peer@192.168.1.9:5062>\r\n");
        }
        for header in extra {
            let header = header.replace("{branch}", &our_branch).replace("{rseq}", &our_rseq);
            let header = header.replace("{tag}", &self.our_tag).replace("{call}", &our_call);
            let header = (1..=9).fold(header, |header, at| header.replace(&format!("{{t{at}}}"), &self.tag_of(&format!("t{at}"))));
            writeln!(text, "{header}\r").unwrap();
        }
        let mut flow = self.flow(value(words, "port").map_or(5060, |port| port.parse().unwrap()));
        if let Some(host) = value(words, "host") {
            flow.remote.set_ip(host.parse().unwrap());
        }
        self.peer_sends(format!("{method} {number}{}", sdp_word(words)), text, words, flow);
    }

    fn peer_response(&mut self, status: u16, words: &[&str], extra: &[String]) {
        let method = words.first().copied().filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        let request = self.heard.iter().rev().find(|message| {
            let name = String::from_utf8_lossy(message.method_bytes()).into_owned();
            message.is_request() && method.map_or(name != "ACK" && name != "CANCEL", |method| method == name)
        });
        let request = request.expect("a request of ours to respond to").clone();
        let field = |name| String::from_utf8_lossy(request.header(name).unwrap()).into_owned();
        let tag = value(words, "to").unwrap_or("a");
        let to = field(Name::To);
        let to = if to.contains("tag=") || status == 100 { to } else { format!("{to};tag={tag}") };
        let cseq = field(Name::CSeq);
        let mut text = format!(
            "SIP/2.0 {status} Whatever\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {cseq}\r\n",
            field(Name::Via),
            field(Name::From),
            field(Name::CallId),
        );
        if (101..300).contains(&status) {
            writeln!(text, "Contact: <sip:{tag}@192.168.1.9:5062>\r").unwrap();
        }
        for header in extra {
            writeln!(text, "{header}\r").unwrap();
        }
        if request.method() == Method::Invite {
            let from = request.from().unwrap();
            self.our_tag = String::from_utf8_lossy(from.tag().unwrap()).into_owned();
        }
        let sdp = sdp_word(words);
        let fork = value(words, "to").map(|tag| format!(" to={tag}")).unwrap_or_default();
        let method = cseq.split(' ').nth(1).unwrap_or_default().to_owned();
        let flow = self.flow(value(words, "port").map_or(5060, |port| port.parse().unwrap()));
        self.peer_sends(format!("{status} {method}{fork}{sdp}"), text, words, flow);
    }

    fn peer_sends(&mut self, line: String, mut text: String, words: &[&str], flow: Flow) {
        if let Some(word) = Some(sdp_word(words)).filter(|word| !word.is_empty()) {
            let sdp = described(&word);
            let kind = value(words, "type").unwrap_or("application/sdp");
            write!(text, "Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{}", sdp.len(), String::from_utf8_lossy(&sdp)).unwrap();
        } else {
            text.push_str("Content-Length: 0\r\n\r\n");
        }
        let bytes = Bytes::from(text);
        self.write(&format!("> {line}"));
        self.sent.push((line, bytes.clone(), flow));
        self.endpoint.received(self.now, flow, bytes);
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                EndpointOutput::Heard { .. } => {}
                EndpointOutput::Transmit { flow, bytes, .. } => {
                    // The answer to a broken request may lack what that one lacked.
                    let Ok(message) = Message::parse(bytes.clone()) else {
                        self.write(&format!("< {}", String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default()));
                        continue;
                    };
                    let line = self.describe(&message, flow);
                    self.write(&format!("< {line}"));
                    self.heard.push(message);
                }
                EndpointOutput::Request { tx, message, .. } => {
                    self.request = Some(tx);
                    self.write(&format!("* request {}", String::from_utf8_lossy(message.method_bytes())));
                    if self.strangers {
                        self.endpoint.challenge_request(self.now, tx, 401, &challenges());
                    }
                }
                EndpointOutput::Answered { request, message, unproven, .. } => {
                    let at = self.asked.iter().position(|known| *known == request).unwrap() + 1;
                    let why = unproven.map(|why| format!(": {why}")).unwrap_or_default();
                    self.write(&format!("* r{at} Answered {}{why}", message.status()));
                }
                EndpointOutput::Unanswered { request, cseq, why } => {
                    let at = self.asked.iter().position(|known| *known == request).unwrap() + 1;
                    self.write(&format!("* r{at} Unanswered {cseq} {why:?}"));
                }
                EndpointOutput::Invited { session, replaces, .. } => {
                    self.sessions.push(session);
                    let replaces = replaces.map(|id| self.sessions.iter().position(|known| *known == id).unwrap() + 1);
                    let replaces = replaces.map(|at| format!(" in place of s{at}")).unwrap_or_default();
                    self.write(&format!("* s{} Invited{replaces}", self.sessions.len()));
                    if self.strangers {
                        self.endpoint.challenge(self.now, session, 401, &challenges());
                    }
                }
                EndpointOutput::Session { session, event } => {
                    let at = self.sessions.iter().position(|known| *known == session).unwrap() + 1;
                    let mut named = String::new();
                    if let SessionEvent::Referred { refer, replaces, .. } = &event {
                        self.refer = Some(*refer);
                        if let Some(id) = replaces.as_ref().and_then(|replaces| self.endpoint.session_named(replaces)) {
                            let at = self.sessions.iter().position(|known| *known == id).unwrap() + 1;
                            named = format!(" in place of s{at}");
                        }
                    }
                    if let SessionEvent::Message { tx, .. } = &event {
                        self.said = Some(*tx);
                    }
                    let event = match event {
                        SessionEvent::Message { content_type, body, .. } => {
                            format!("Message {{ content_type: {content_type:?}, body: {body:?} }}")
                        }
                        SessionEvent::Reoffered { sdp, flow, fork } if flow == self.flow(5060) => {
                            format!("Reoffered {{ sdp: {sdp:?}, fork: {fork:?} }}")
                        }
                        SessionEvent::Reoffered { sdp, flow, .. } => format!("Reoffered {{ sdp: {sdp:?} }} port={}", flow.remote.port()),
                        event => format!("{event:?}"),
                    };
                    // Where there is but one fork, it is not worth a word.
                    let event = event.replace(", fork: None", "").replace(", fork: Some(Fork(1))", "");
                    let event = (1..=9).fold(event, |event, fork| {
                        event
                            .replace(&format!("Some(Fork({fork}))"), &fork.to_string())
                            .replace(&format!("Fork({fork})"), &fork.to_string())
                    });
                    let event =
                        event.replace("sdp: b\"v=0\\r\\n\"", "sdp: yes").replace("Some(b\"v=0\\r\\n\")", "yes").replace("None", "no");
                    let event = event.replace("Some(b\"v=0\\r\\ns=", "").replace("\\r\\n\")", "");
                    self.write(&format!("* s{at} {event}{named}"));
                }
            }
        }
    }

    /// What matters of a message of ours.
    fn describe(&mut self, message: &Message, flow: Flow) -> String {
        let cseq = message.cseq().unwrap();
        let method = String::from_utf8_lossy(message.method_bytes()).into_owned();
        let mut line = if message.is_request() {
            let branch = self.name("b", message.via().unwrap().branch().unwrap());
            format!("{method} {} {} {branch}", cseq.number, String::from_utf8_lossy(message.uri()))
        } else {
            format!("{} {method} {}", message.status(), cseq.number)
        };
        let to = message.to().unwrap();
        if let Some(tag) = to.tag() {
            if !message.is_request() {
                let is_invite_above_100 = method == "INVITE" && message.status() > 100;
                if is_invite_above_100 && self.our_tag.is_empty() && message.status() < 300 {
                    self.our_tag = String::from_utf8_lossy(tag).into_owned();
                }
            }
            let name = if message.is_request() { String::from_utf8_lossy(tag).into_owned() } else { self.name("t", tag) };
            write!(line, " to={name}").unwrap();
        }
        for route in message.headers(Name::Route) {
            write!(line, " Route:{}", String::from_utf8_lossy(route)).unwrap();
        }
        for name in ["Reason", "Retry-After", "Unsupported", "Accept", "Accept-Encoding"] {
            let is_offer = name == "Accept" && message.is_request();
            if let Some(value) = message.header_named(name).filter(|_| !is_offer) {
                write!(line, " {name}:{}", String::from_utf8_lossy(value)).unwrap();
            }
        }
        for name in ["Authorization", "Proxy-Authorization"] {
            if let Some(value) = message.header_named(name).map(|value| String::from_utf8_lossy(value).into_owned()) {
                let of = |key| value.split(", ").find_map(|part| part.strip_prefix(key)).unwrap_or_default();
                write!(line, " {name}:{}/{}", of("nonce="), of("nc=")).unwrap();
            }
        }
        if let Some(rseq) = message.header(Name::RSeq) {
            let rseq: u32 = String::from_utf8_lossy(rseq).parse().unwrap();
            let (first, _) = *self.rseqs.get_or_insert((rseq, rseq));
            assert!((1..0x8000_0000).contains(&first), "RFC 3262, 3");
            self.rseqs = Some((first, rseq));
            let further = Some(rseq - first).filter(|&further| further > 0).map(|further| format!("+{further}")).unwrap_or_default();
            let require = String::from_utf8_lossy(message.header(Name::Require).unwrap());
            write!(line, " RSeq:r{further} Require:{require}").unwrap();
        }
        if let Some(rack) = message.header(Name::RAck) {
            write!(line, " RAck:{}", String::from_utf8_lossy(rack)).unwrap();
        }
        for name in self.shown {
            if let Some(value) = message.header_named(name) {
                write!(line, " {name}:{}", String::from_utf8_lossy(value)).unwrap();
            }
        }
        if message.header(Name::Allow).is_some() && message.status() == 405 {
            line.push_str(" Allow");
        }
        let kind = message.header(Name::ContentType).unwrap_or_default();
        if kind == b"application/dialog-info+xml" {
            let body = String::from_utf8_lossy(message.body()).into_owned();
            let between =
                |from: &str, to: &str| body.split_once(from).map_or("idle", |(_, rest)| rest.split(to).next().unwrap()).to_owned();
            write!(line, " v{} {}", between("dialog-info\" version=\"", "\""), between("<state>", "<")).unwrap();
        } else if kind == b"application/simple-message-summary" {
            write!(line, " {}", String::from_utf8_lossy(message.body()).lines().last().unwrap()).unwrap();
        } else if kind.starts_with(b"message/sipfrag") {
            write!(line, " frag={}", String::from_utf8_lossy(message.body()).trim_end()).unwrap();
        } else if !message.body().is_empty() {
            line.push_str(" sdp");
        }
        if let Some(name) = message.body().strip_prefix(b"v=0\r\ns=") {
            write!(line, "={}", String::from_utf8_lossy(name).trim_end()).unwrap();
        }
        if flow.remote.port() != 5060 {
            write!(line, " port={}", flow.remote.port()).unwrap();
        }
        line
    }

    /// What goes under that name; else the name itself.
    fn tag_of(&self, name: &str) -> String {
        self.names.iter().find(|(_, known)| *known == name).map_or_else(|| name.to_owned(), |(text, _)| text.clone())
    }

    fn name(&mut self, kind: &str, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text).into_owned();
        if text.contains("-p") || text.len() < 8 {
            return text;
        }
        let next = self.names.values().filter(|name| name.starts_with(kind)).count() + 1;
        self.names.entry(text).or_insert_with(|| format!("{kind}{next}")).clone()
    }

    fn write(&mut self, line: &str) {
        let at = self.now.duration_since(self.origin).as_secs_f64();
        writeln!(self.text, "{at:.1} {line}").unwrap();
    }
}

/// What the script says of what is watched.
fn notice(word: &str) -> Notice {
    let state = match word {
        "idle" => None,
        "early" => Some(DialogState::Early),
        "confirmed" => Some(DialogState::Confirmed),
        new => return Notice::MessageSummary(MessageSummary { new: new.parse().unwrap(), ..MessageSummary::default() }),
    };
    let dialog = |state| WatchedDialog { id: "1".into(), state, direction: None, tags: None, local: None, remote: None };
    Notice::Dialog(DialogInfo { entity: "sip:6001@pbx.example".into(), dialogs: state.into_iter().map(dialog).collect() })
}

/// A session description by its name; without one the usual one.
fn sdp(name: &str) -> Vec<u8> {
    if name.is_empty() { SDP.to_vec() } else { format!("v=0\r\ns={name}\r\n").into_bytes() }
}

/// The session description of an `sdp_word`.
fn described(word: &str) -> Vec<u8> {
    sdp(word.trim_start_matches(" sdp").trim_start_matches('='))
}

/// ` sdp` or ` sdp=2` as it stands among `words`; empty without one.
fn sdp_word(words: &[&str]) -> String {
    words.iter().find(|word| **word == "sdp" || word.starts_with("sdp=")).map(|word| format!(" {word}")).unwrap_or_default()
}

fn challenges() -> [(&'static str, String); 1] {
    [("WWW-Authenticate", "Digest realm=\"x\", nonce=\"y\"".to_owned())]
}

fn value<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
