//! A phone: the user-agent half of `sip-core`, with an account and a habit.

mod refer;

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use bytes::Bytes;
use md5::{Digest, Md5};
use sip_core::{Endpoint, EndpointOutput, EndpointSettings, Flow, Invite, Method, SessionEvent, SessionId, Transport};

use crate::registry::Registry;

/// What a phone does when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Rings, and answers when told to.
    Ring,
    /// Answers at once.
    Answer,
    /// Says that it is busy.
    Busy,
    /// Rings with early media (183 with SDP).
    EarlyMedia,
    /// Sends everything back to where it came from.
    Mirror,
    /// Hears nothing and says nothing: its plug is out.
    Dead,
    /// Hears all, and says nothing but 100.
    Idle,
    /// Refuses with this status, and the headers that [`Phone::says`].
    Refuse(u16),
    /// Asks who calls, in the realm that [`Phone::realm`] names, and answers whoever says it.
    Challenge,
}

pub(crate) struct Phone {
    pub(crate) number: String,
    pub(crate) address: SocketAddr,
    pub(crate) habit: Habit,
    pub(crate) server: SocketAddr,
    pub(crate) password: String,
    endpoint: Endpoint,
    /// The nonce of the last challenge, and how often it was used.
    nonce: Option<(String, u32)>,
    was_stale: bool,
    cseq: u32,
    /// The Call-ID of its REGISTER requests.
    pub(crate) registers_as: String,
    pub(crate) session: Option<SessionId>,
    /// The session before that one, while that one lasts: a call that it consults about.
    pub(crate) before: Option<SessionId>,
    /// Whether the running session is one that this phone was invited to.
    pub(crate) called: bool,
    pub(crate) codecs: &'static str,
    /// Whether the phone writes session descriptions that nobody can read.
    pub(crate) broken: bool,
    /// What the phone says of its media: `sendrecv`, `recvonly`.
    pub(crate) direction: &'static str,
    /// The address that the phone writes into its SDP, if it is not its own.
    pub(crate) media_address: Option<IpAddr>,
    /// Where the phone is seen from outside, if it is behind NAT.
    pub(crate) outside: Option<SocketAddr>,
    /// Bodies of INFO requests that came.
    pub(crate) infos: Vec<String>,
    pub(crate) transport: Transport,
    /// The last final refusal that came, but for challenges: what stands behind `SIP/2.0`, and its Reason and Retry-After if it has them.
    pub(crate) refused: Vec<String>,
    /// Headers of its refusals.
    pub(crate) says: Vec<(&'static str, String)>,
    pub(crate) realm: &'static str,
    /// With whom a carrier registers us; without one, REGISTERs are not answered.
    pub(crate) registry: Option<Registry>,
    /// How often its way was kept open by empty lines.
    pub(crate) pings: usize,
    /// The INVITEs, CANCELs, BYEs, REGISTERs and OPTIONS that came, without repetitions of INVITEs.
    pub(crate) heard: Vec<String>,
    /// It was challenged since it was asked for this.
    challenged: bool,
    /// Answers that are to be sent.
    says_next: Vec<Bytes>,
    /// Further header lines of its REGISTERs, each with its end.
    pub(crate) registers_with: String,
    /// Parameters of its Contact.
    pub(crate) contact_with: String,
    /// The NOTIFYs and MESSAGEs that came.
    pub(crate) told: Vec<String>,
    /// What it answers them; nothing: it does not.
    pub(crate) tells: Option<&'static str>,
    /// The final answers to what it asked by itself: SUBSCRIBE, MESSAGE, OPTIONS.
    pub(crate) answers: Vec<String>,
    /// What its REFERs were answered with.
    pub(crate) referred: Vec<String>,
    /// What NOTIFYs told it of them.
    pub(crate) notified: Vec<String>,
    /// Responses that it is about to send.
    owes: Vec<Bytes>,
}

pub(crate) const REALM: &str = "test-realm";
pub(crate) const DOMAIN: &str = "pbx.test";

pub(crate) fn md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect()
}

impl Phone {
    pub(crate) fn new(number: &str, address: SocketAddr, server: SocketAddr) -> Self {
        let mut seed = [0; 32];
        for (octet, digit) in seed.iter_mut().zip(number.bytes()) {
            *octet = digit;
        }
        Self {
            number: number.to_owned(),
            address,
            habit: Habit::Answer,
            server,
            password: format!("secret-{number}"),
            endpoint: Endpoint::new(EndpointSettings { user_agent: format!("phone {number}"), ..EndpointSettings::default() }, seed),
            nonce: None,
            was_stale: false,
            cseq: 0,
            registers_as: format!("reg-{number}"),
            session: None,
            before: None,
            called: false,
            codecs: "8 0 101",
            broken: false,
            direction: "sendrecv",
            media_address: None,
            outside: None,
            infos: Vec::new(),
            transport: Transport::Udp,
            refused: Vec::new(),
            says: Vec::new(),
            realm: "carrier",
            registry: None,
            pings: 0,
            heard: Vec::new(),
            challenged: false,
            says_next: Vec::new(),
            registers_with: String::new(),
            contact_with: String::new(),
            told: Vec::new(),
            tells: Some("200 OK"),
            answers: Vec::new(),
            referred: Vec::new(),
            notified: Vec::new(),
            owes: Vec::new(),
        }
    }

    /// A REGISTER as it goes on the wire; with credentials once there was a challenge.
    pub(crate) fn register(&mut self, expires: u32) -> Bytes {
        self.cseq += 1;
        let uri = format!("sip:{DOMAIN}");
        let authorization = self.authorization("REGISTER", &uri).map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let (number, address, cseq, transport) = (&self.number, self.address, self.cseq, self.transport.as_str());
        let (lines, parameters) = (&self.registers_with, &self.contact_with);
        Bytes::from(format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {address};branch=z9hG4bKreg{number}x{cseq};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{number}@{DOMAIN}>;tag=t{number}\r\nTo: <sip:{number}@{DOMAIN}>\r\nCall-ID: {}\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <sip:{number}@{address}>;expires={expires}{parameters}\r\n{lines}{authorization}Content-Length: 0\r\n\r\n",
            self.registers_as
        ))
    }

    /// A request that begins no call, as it goes on the wire: `dialog` names it, and within one that has begun `tag` is the other side's.
    pub(crate) fn ask(&mut self, method: &str, user: &str, (dialog, tag): (&str, &str), lines: &str, body: &str) -> Bytes {
        self.cseq += 1;
        let uri = format!("sip:{user}@{DOMAIN}");
        let authorization = self.authorization(method, &uri).map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        let (number, address, cseq, transport) = (&self.number, self.address, self.cseq, self.transport.as_str());
        let length = body.len();
        Bytes::from(format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {address};branch=z9hG4bK{method}{number}x{cseq};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{number}@{DOMAIN}>;tag=t{number}\r\nTo: <{uri}>{tag}\r\nCall-ID: {dialog}-{number}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{number}@{address}>\r\n{lines}{authorization}Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Notes what it does not know by its endpoint, and what it answers. False: its endpoint knows it.
    fn is_told(&mut self, text: &str) -> Option<Option<Bytes>> {
        if text.starts_with("SIP/2.0 ") {
            let is_own = [" SUBSCRIBE", " MESSAGE", " OPTIONS"]
                .iter()
                .any(|method| text.lines().any(|line| line.starts_with("CSeq:") && line.ends_with(method)));
            if is_own && !text.starts_with("SIP/2.0 401") {
                self.answers.push(text.to_owned());
            }
            return None;
        }
        // Those of a REFER are its endpoint's.
        if !["NOTIFY ", "MESSAGE "].iter().any(|method| text.starts_with(method)) || text.contains("\r\nEvent: refer") {
            return None;
        }
        self.told.push(text.to_owned());
        let kept = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let lines = text.lines().take_while(|line| !line.is_empty()).filter(|line| kept.iter().any(|name| line.starts_with(name)));
        let lines: String = lines
            .map(|line| {
                let is_untagged = line.starts_with("To:") && !line.contains(";tag=");
                format!("{line}{}\r\n", if is_untagged { ";tag=told" } else { "" })
            })
            .collect();
        Some(self.tells.map(|status| Bytes::from(format!("SIP/2.0 {status}\r\n{lines}Content-Length: 0\r\n\r\n"))))
    }

    /// Credentials for a request, if there was a challenge (RFC 7616, MD5).
    fn authorization(&mut self, method: &str, uri: &str) -> Option<String> {
        let (nonce, count) = self.nonce.as_mut()?;
        *count += 1;
        let (number, password) = (&self.number, &self.password);
        let ha1 = md5(&format!("{number}:{REALM}:{password}"));
        let ha2 = md5(&format!("{method}:{uri}"));
        let response = md5(&format!("{ha1}:{nonce}:{count:08x}:cn:auth:{ha2}"));
        Some(format!(
            "Digest username=\"{number}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm=MD5, cnonce=\"cn\", qop=auth, nc={count:08x}"
        ))
    }

    /// Whether the last challenge said that only the nonce was old: a phone goes on by itself then (RFC 7616, 3.3). Told once.
    pub(crate) fn is_to_go_on(&mut self) -> bool {
        std::mem::take(&mut self.was_stale)
    }

    /// Whether it was challenged. Told once.
    pub(crate) fn is_asked_anew(&mut self) -> bool {
        std::mem::take(&mut self.challenged)
    }

    /// Reads the nonce of an MD5 challenge from a 401.
    fn learn_nonce(&mut self, datagram: &[u8]) {
        let text = String::from_utf8_lossy(datagram);
        let Some(challenge) = text.lines().find(|line| line.starts_with("WWW-Authenticate:") && line.contains("algorithm=MD5")) else {
            return;
        };
        let nonce = challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next());
        self.nonce = nonce.map(|nonce| (nonce.to_owned(), 0));
        self.was_stale = challenge.contains("stale=true");
    }

    /// Whether this phone has credentials to show.
    pub(crate) fn is_challenged(&self) -> bool {
        self.nonce.is_some()
    }

    fn sdp(&self) -> Vec<u8> {
        if self.broken {
            return b"v=0\r\nnonsense".to_vec();
        }
        let ip = self.media_address.unwrap_or(self.address.ip());
        let (codecs, direction) = (self.codecs, self.direction);
        format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP {codecs}\r\na={direction}\r\n")
            .into_bytes()
    }

    fn flow(&self) -> Flow {
        Flow { transport: self.transport, local: self.address, remote: self.server }
    }

    /// Where the phone's packets come from, seen from the server.
    pub(crate) fn seen_at(&self) -> SocketAddr {
        self.outside.unwrap_or(self.address)
    }

    #[expect(clippy::disallowed_methods, reason = "a phone asks no gate")]
    pub(crate) fn dial(&mut self, now: Instant, number: &str, headers: &[(&'static str, &str)]) {
        let uri = format!("sip:{number}@{DOMAIN}");
        let proof = self.authorization("INVITE", &uri).map(|value| ("Authorization", value));
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(proof).collect();
        let invite = Invite {
            flow: self.flow(),
            uri: uri.into(),
            from_display: None,
            from_user: self.number.clone(),
            to_user: number.to_owned(),
            host: DOMAIN.to_owned(),
            sdp: self.sdp().into(),
            headers,
            ring_s: 180,
            account: None,
        };
        self.before = self.session.take();
        self.session = self.endpoint.invite(now, invite);
        self.called = false;
    }

    /// A carrier brings a call.
    #[expect(clippy::disallowed_methods, reason = "a carrier asks no gate")]
    pub(crate) fn bring(&mut self, now: Instant, caller: &str, called: &str, headers: &[(&'static str, &str)]) {
        let (user, to) = called.split_once('/').unwrap_or((called, called));
        let invite = Invite {
            flow: self.flow(),
            uri: format!("sip:{user}@{DOMAIN}").into(),
            from_display: Some("\u{202e}<sip:6001@pbx.test>\r\nX: y".to_owned()),
            from_user: caller.to_owned(),
            to_user: to.to_owned(),
            host: "carrier.test".to_owned(),
            sdp: self.sdp().into(),
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            ring_s: 180,
            account: None,
        };
        self.session = self.endpoint.invite(now, invite);
        self.called = false;
    }

    /// The last request of this method that it heard.
    pub(crate) fn last(&self, method: &str) -> &str {
        self.heard.iter().rev().find(|message| message.starts_with(method)).map_or("", String::as_str)
    }

    /// The header of the last request of this method, if it had it.
    pub(crate) fn header(&self, method: &str, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.last(method).lines().find_map(|line| line.strip_prefix(&start))
    }

    /// How many requests of this method it heard.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.heard.iter().filter(|message| message.starts_with(method)).count()
    }

    pub(crate) fn answer(&mut self, now: Instant) {
        let sdp = self.sdp();
        self.endpoint.answer(now, self.session.unwrap(), &sdp);
    }

    pub(crate) fn hang_up(&mut self, now: Instant) {
        if let Some(session) = self.session {
            self.endpoint.hangup(now, session, None);
        }
    }

    /// It was switched off and on again.
    pub(crate) fn forget_session(&mut self) {
        self.session = None;
    }

    pub(crate) fn info(&mut self, now: Instant, content_type: &str, body: &str) {
        self.endpoint.info(now, self.session.unwrap(), content_type, body.as_bytes());
    }

    /// Sends a text within the running session.
    pub(crate) fn text(&mut self, now: Instant, content_type: &str, body: &str) {
        self.endpoint.text(now, self.session.unwrap(), content_type, body.as_bytes()).unwrap();
    }

    /// Asks within the running session whether there is it.
    pub(crate) fn probe(&mut self, now: Instant) {
        self.endpoint.probe(now, self.session.unwrap());
    }

    /// Refuses the call that waits.
    pub(crate) fn refuse(&mut self, now: Instant, status: u16) {
        self.endpoint.refuse(now, self.session.unwrap(), status, None, &[]);
    }

    /// Offers new media in the running session.
    pub(crate) fn reoffer(&mut self, now: Instant) {
        let sdp = self.sdp();
        self.endpoint.reoffer(now, self.session.unwrap(), &sdp).unwrap();
    }

    /// The same, unless there is no session that could be offered any now.
    pub(crate) fn try_reoffer(&mut self, now: Instant) {
        let sdp = self.sdp();
        if let Some(session) = self.session {
            let _ = self.endpoint.reoffer(now, session, &sdp);
        }
    }

    pub(crate) fn received(&mut self, now: Instant, datagram: Bytes) {
        if self.habit == Habit::Dead {
            return;
        }
        if datagram.as_ref() == b"\r\n\r\n" {
            self.pings += 1;
            return;
        }
        let text = String::from_utf8_lossy(&datagram).into_owned();
        if let Some(answer) = self.is_told(&text) {
            self.says_next.extend(answer);
            return;
        }
        let Some(datagram) = self.comes(datagram) else { return };
        self.note_refusal(&datagram);
        let text = String::from_utf8_lossy(&datagram).into_owned();
        if ["INVITE ", "CANCEL ", "BYE ", "REGISTER ", "OPTIONS "].iter().any(|method| text.starts_with(method))
            && self.heard.last() != Some(&text)
        {
            self.heard.push(text);
        }
        if datagram.starts_with(b"SIP/2.0 401") {
            self.challenged = true;
            self.learn_nonce(&datagram);
        }
        let flow = self.flow();
        self.endpoint.received(now, flow, datagram);
    }

    fn note_refusal(&mut self, datagram: &[u8]) {
        let text = String::from_utf8_lossy(datagram);
        let Some(status) = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.lines().next()) else { return };
        if status.starts_with(['1', '2']) || status.starts_with("401") {
            return;
        }
        let header = |name: &str| text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        self.refused = [Some(status.to_owned()), header("Reason:"), header("Retry-After:")].into_iter().flatten().collect();
    }

    pub(crate) fn wake(&mut self, now: Instant) {
        self.endpoint.wake(now);
    }

    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.endpoint.timeout().map(|(at, _)| at)
    }

    /// What the phone sends, after it did what its habit says.
    pub(crate) fn drain(&mut self, now: Instant) -> Vec<Bytes> {
        let mut out = std::mem::take(&mut self.says_next);
        out.append(&mut self.owes);
        let is_dead = self.habit == Habit::Dead;
        if is_dead {
            out.clear();
        }
        while let Some(output) = self.endpoint.poll() {
            match output {
                EndpointOutput::Transmit { .. } if is_dead => {}
                EndpointOutput::Transmit { bytes, .. } => out.push(self.leaves(bytes)),
                EndpointOutput::Invited { session, message, .. } => {
                    if self.habit == Habit::Challenge && message.header_named("Proxy-Authorization").is_none() {
                        let challenge = format!("Digest realm=\"{}\", nonce=\"n1\", qop=\"auth\", algorithm=MD5", self.realm);
                        self.endpoint.challenge(now, session, 407, &[("Proxy-Authenticate", challenge)]);
                        continue;
                    }
                    self.before = self.session.replace(session);
                    self.called = true;
                    let sdp = self.sdp();
                    match self.habit {
                        Habit::Dead | Habit::Mirror | Habit::Idle => {}
                        Habit::Refuse(status) => self.endpoint.refuse(now, session, status, None, &self.says),
                        Habit::Ring => self.endpoint.ring(now, session, 180, None),
                        Habit::EarlyMedia => self.endpoint.ring(now, session, 183, Some(&sdp)),
                        Habit::Busy => self.endpoint.refuse(now, session, 486, None, &[]),
                        Habit::Answer | Habit::Challenge => self.endpoint.answer(now, session, &sdp),
                    }
                }
                EndpointOutput::Session { session, event: SessionEvent::Ended { .. } | SessionEvent::Refused { .. } } => {
                    self.before.take_if(|before| *before == session);
                    if self.session == Some(session) {
                        self.session = self.before.take();
                    }
                }
                EndpointOutput::Session { session, event: SessionEvent::Reoffered { .. } } => {
                    let sdp = self.sdp();
                    self.endpoint.answer_reoffer(now, session, Ok(&sdp));
                }
                EndpointOutput::Session { event: SessionEvent::Info { body, .. }, .. } => {
                    self.infos.push(String::from_utf8(body.to_vec()).unwrap());
                }
                EndpointOutput::Request { tx, message, .. } if message.method() == Method::Register && self.registry.is_some() => {
                    if let Some((status, headers)) = self.registry.as_mut().map(|registry| registry.judge(&message)) {
                        self.endpoint.respond(now, tx, status, None, &headers);
                    }
                }
                EndpointOutput::Session { .. } | EndpointOutput::Request { .. } | EndpointOutput::Heard { .. } => {}
                EndpointOutput::Answered { .. } | EndpointOutput::Unanswered { .. } => panic!("a phone asks nothing outside of calls"),
            }
        }
        out
    }
}
