//! Many phones in one thread: they register, call each other and answer, on an open-loop schedule.
//!
//! It reads no more of SIP than it must, so that it costs little beside the server that it measures.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tests::Account;

use super::{
    login::Login,
    text,
    wire::{Datagram, Stamp, Wire, now, send},
};
use crate::peers::block;

/// How many addresses (127.0.1.1 and up) the phones are spread over: a guard that counts by source then sees many small ones.
const SOURCES: u8 = 20;
/// Work that has not ended after this has failed. There are no retransmissions: on loopback, a lost message is the server's doing.
const PATIENCE: Duration = Duration::from_secs(4);
/// A generator that starts its work later than this (99th percentile) did not offer the rate that it claims.
pub(crate) const LATENESS_MAX: Duration = Duration::from_millis(20);
/// How often a side of a call with sound speaks.
const PACKET: Duration = Duration::from_millis(20);
pub(crate) const DOMAIN: &str = "127.0.0.1";

/// What is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// REGISTER, 401, REGISTER, 200; one phone after another.
    Register,
    /// INVITE, 180, 200, ACK; then BYE, 200 after `talk`, or never. The first half of the phones calls the second.
    Call {
        /// How long the call lasts.
        talk: Option<Duration>,
    },
    /// BYE, 200 for calls that were left standing.
    HangUp,
}

/// How much of it, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    /// What.
    pub(crate) work: Work,
    /// How often a second.
    pub(crate) rate: u32,
    /// How often at all.
    pub(crate) count: usize,
    /// Which phone begins.
    pub(crate) first: usize,
}

impl Offer {
    /// When a piece of it is due.
    fn due(&self, began: Instant, at: usize) -> Instant {
        began + Duration::from_nanos(1_000_000_000 / u64::from(self.rate.max(1)) * u64::try_from(at).unwrap_or(u64::MAX))
    }
}

/// What became of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Begun.
    pub(crate) offered: u64,
    /// Ended as it should.
    pub(crate) done: u64,
    /// The others, by reason.
    pub(crate) failures: BTreeMap<String, u64>,
    /// From request to final success, in nanoseconds: REGISTER to its 200, INVITE to its 200.
    pub(crate) whole: Vec<u64>,
    /// From the caller's INVITE to the INVITE at the callee: what the server alone adds.
    pub(crate) through: Vec<u64>,
    /// By how much each piece of work began too late.
    pub(crate) lateness: Vec<u64>,
    /// Packets of sound that were sent and that arrived, of those calls that have sound.
    pub(crate) sound: (u64, u64),
}

impl Tally {
    /// How many failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    fn fail(&mut self, reason: impl Into<String>) {
        *self.failures.entry(reason.into()).or_default() += 1;
    }
}

struct Phone {
    login: Login,
    socket: usize,
    contact: String,
    /// Where it wants its sound.
    media: SocketAddr,
    cseq: u32,
    registering: Option<Registering>,
    call: Option<Call>,
    /// Who rings here.
    caller: Option<usize>,
    /// When an INVITE last came in.
    invited: Option<Stamp>,
    /// Where the far side of the latest INVITE wants its sound.
    offered_media: Option<SocketAddr>,
}

struct Registering {
    turn: u64,
    challenged: bool,
    sent: Stamp,
}

struct Call {
    turn: u64,
    callee: usize,
    sent: Stamp,
    answered: bool,
    ending: bool,
    target: String,
    to: String,
    routes: String,
    media: Option<SocketAddr>,
    /// Packets of sound that it has sent, modulo 2^16.
    packets: u16,
}

/// A packet that changes what a call is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    /// When it was sent.
    pub(crate) at: Stamp,
    /// Which phone is called.
    pub(crate) callee: usize,
    /// What the call becomes by it: `ringing`, `answered`, `ended`.
    pub(crate) status: &'static str,
}

/// All phones and their sockets.
pub(crate) struct Phones {
    wire: Wire,
    crowd: Crowd,
}

struct Crowd {
    server: SocketAddr,
    phones: Vec<Phone>,
    by_number: HashMap<String, usize>,
    turn: u64,
    talk: Option<Duration>,
    tally: Tally,
    running: usize,
    deadlines: VecDeque<(Instant, usize, u64)>,
    byes: VecDeque<(Instant, usize, u64)>,
    /// BYEs that the server sent.
    ended: u64,
    /// What was said of calls and when, for somebody who wants to know.
    said: Option<Vec<Said>>,
    /// Of calls with sound: one in so many, none if 0; and when they speak next.
    sound_share: usize,
    speak_at: Instant,
    sound: SoundSockets,
}

/// One socket for all callers' sound, one for all callees'. The wire knows them by their places behind the others.
#[derive(Debug, Clone, Copy)]
struct SoundSockets {
    places: (usize, usize),
    addresses: (SocketAddr, SocketAddr),
}

impl Phones {
    /// Phones for these accounts of `server`, not yet registered. Their sound goes to `media` until somebody says otherwise.
    pub(crate) fn new(server: SocketAddr, accounts: &[Account], media: SocketAddr) -> Result<Self> {
        let mut sockets: Vec<UdpSocket> = (0..SOURCES)
            .map(|at| UdpSocket::bind((Ipv4Addr::new(127, 0, 1, at + 1), 0)).context("the phones' sockets"))
            .collect::<Result<_>>()?;
        let mut phones = Vec::with_capacity(accounts.len());
        for (at, account) in accounts.iter().enumerate() {
            let socket = at % usize::from(SOURCES);
            let local = sockets.get(socket).context("a socket")?.local_addr()?;
            phones.push(Phone {
                login: Login::new(account.clone()),
                socket,
                contact: format!("sip:{}@{local}", account.number),
                media,
                cseq: 0,
                registering: None,
                call: None,
                caller: None,
                invited: None,
                offered_media: None,
            });
        }
        let (one, other) = (sound_socket()?, sound_socket()?);
        let sound = SoundSockets { places: (sockets.len(), sockets.len() + 1), addresses: (one.local_addr()?, other.local_addr()?) };
        sockets.extend([one, other]);
        let by_number = accounts.iter().enumerate().map(|(at, account)| (account.number.clone(), at)).collect();
        let crowd = Crowd {
            server,
            phones,
            by_number,
            turn: 0,
            talk: None,
            tally: Tally::default(),
            running: 0,
            deadlines: VecDeque::new(),
            byes: VecDeque::new(),
            ended: 0,
            said: None,
            sound_share: 0,
            speak_at: Instant::now(),
            sound,
        };
        Ok(Self { wire: Wire::new(sockets)?, crowd })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.crowd.phones.len()
    }

    /// Where a phone wants its sound from now on.
    pub(crate) fn set_media(&mut self, phone: usize, media: SocketAddr) {
        if let Some(phone) = self.crowd.phones.get_mut(phone) {
            phone.media = media;
        }
    }

    /// From now on one call in `share` has sound both ways.
    pub(crate) fn talk_in_one_of(&mut self, share: usize) {
        let callers = self.len() / 2;
        self.crowd.sound_share = share;
        let (one, other) = self.crowd.sound.addresses;
        for (at, phone) in self.crowd.phones.iter_mut().enumerate() {
            phone.media = if at < callers { one } else { other };
        }
    }

    /// How many BYEs the server has sent so far.
    pub(crate) fn ended(&self) -> u64 {
        self.crowd.ended
    }

    /// Where the server wants the sound of this caller and of whom it calls, while the call stands.
    pub(crate) fn media_of(&self, caller: usize) -> Option<(SocketAddr, SocketAddr)> {
        let call = self.crowd.phones.get(caller)?.call.as_ref()?;
        Some((call.media?, self.crowd.phones.get(call.callee)?.offered_media?))
    }

    /// When a phone last got an INVITE; forgotten by asking.
    pub(crate) fn take_invited(&mut self, phone: usize) -> Option<Stamp> {
        self.crowd.phones.get_mut(phone)?.invited.take()
    }

    /// Keeps from now on what is said of calls; gives what was kept so far.
    pub(crate) fn take_said(&mut self) -> Vec<Said> {
        self.crowd.said.replace(Vec::new()).unwrap_or_default()
    }

    /// Registers all of them at a rate that nobody minds.
    pub(crate) fn register_all(&mut self, rate: u32) -> Result<()> {
        let tally = self.run(Work::Register, rate, self.len())?;
        ensure!(tally.failed() == 0, "the phones cannot register: {:?}", tally.failures);
        Ok(())
    }

    /// Offers `count` pieces of work, `rate` a second, whatever becomes of them, and waits for the end of the last.
    pub(crate) fn run(&mut self, work: Work, rate: u32, count: usize) -> Result<Tally> {
        self.run_all(&[Offer { work, rate, count, first: 0 }], PATIENCE, &mut |_| Ok(()))
    }

    /// Offers all of these at once, and lets somebody look `every` now and then.
    pub(crate) fn run_all(&mut self, offers: &[Offer], every: Duration, look: &mut dyn FnMut(&Tally) -> Result<()>) -> Result<Tally> {
        self.crowd.tally = Tally::default();
        self.crowd.deadlines.clear();
        self.crowd.byes.clear();
        self.crowd.talk = offers.iter().find_map(|offer| match offer.work {
            Work::Call { talk } => talk,
            Work::Register | Work::HangUp => None,
        });
        let (phones, callers) = (self.len().max(1), (self.len() / 2).max(1));
        let began = Instant::now();
        let mut next = vec![0; offers.len()];
        let mut look_at = began + every;
        loop {
            let now = Instant::now();
            for (offer, next) in offers.iter().zip(&mut next) {
                while *next < offer.count && offer.due(began, *next) <= now {
                    let sockets = self.wire.sockets();
                    let late = u64::try_from(offer.due(began, *next).elapsed().as_nanos()).unwrap_or(u64::MAX);
                    self.crowd.tally.lateness.push(late);
                    self.crowd.tally.offered += 1;
                    let at = offer.first + *next;
                    match offer.work {
                        Work::Register => self.crowd.register(sockets, at % phones),
                        Work::Call { .. } => self.crowd.invite(sockets, at % callers, callers),
                        Work::HangUp => self.crowd.hang_up(sockets, at % callers),
                    }
                    *next += 1;
                }
            }
            self.crowd.end_talks(self.wire.sockets(), now);
            self.crowd.give_up(now);
            self.crowd.speak(self.wire.sockets(), now);
            if self.crowd.running == 0 && offers.iter().zip(&next).all(|(offer, next)| *next == offer.count) {
                return Ok(std::mem::take(&mut self.crowd.tally));
            }
            if look_at <= now {
                look(&self.crowd.tally)?;
                look_at += every;
            }
            let wake = offers
                .iter()
                .zip(&next)
                .filter(|(offer, next)| **next < offer.count)
                .map(|(offer, next)| offer.due(began, *next))
                .chain(self.crowd.wake())
                .min()
                .map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
            self.listen_for(wake)?;
        }
    }

    /// Answers what comes in for a while, at most until the first datagrams were handled.
    pub(crate) fn listen_for(&mut self, patience: Duration) -> Result<()> {
        let Self { wire, crowd } = self;
        wire.wait(patience, |sockets, datagram| crowd.hear(sockets, datagram))
    }
}

impl Crowd {
    fn register(&mut self, sockets: &[UdpSocket], at: usize) {
        let turn = self.next_turn();
        let Some(phone) = self.phones.get_mut(at) else { return };
        if phone.registering.is_some() {
            self.tally.fail("the phone's last registration was not over");
            return;
        }
        phone.registering = Some(Registering { turn, challenged: false, sent: now() });
        phone.cseq += 1;
        let request = phone.write_register(at, turn, "");
        self.start(at, turn);
        send(sockets, self.socket(at), self.server, request.as_bytes());
    }

    fn invite(&mut self, sockets: &[UdpSocket], at: usize, callers: usize) {
        let turn = self.next_turn();
        let callee = at + callers;
        let Some(number) = self.phones.get(callee).map(|callee| callee.login.account.number.clone()) else { return };
        let Some(phone) = self.phones.get_mut(at) else { return };
        if phone.call.is_some() {
            self.tally.fail("the caller's last call was not over");
            return;
        }
        let request = phone.write_invite(at, turn, &number);
        let call = Call {
            turn,
            callee,
            sent: now(),
            answered: false,
            ending: false,
            target: String::new(),
            to: String::new(),
            routes: String::new(),
            media: None,
            packets: 0,
        };
        phone.call = Some(call);
        if let Some(callee) = self.phones.get_mut(callee) {
            callee.caller = Some(at);
        }
        self.start(at, turn);
        send(sockets, self.socket(at), self.server, request.as_bytes());
    }

    fn hang_up(&mut self, sockets: &[UdpSocket], at: usize) {
        let Some(call) = self.phones.get_mut(at).and_then(|phone| phone.call.as_mut()) else {
            self.tally.fail("no call to hang up");
            return;
        };
        call.ending = true;
        let turn = call.turn;
        self.start(at, turn);
        let Some(bye) = self.phones.get(at).and_then(|phone| phone.write_inside(at, "BYE", 2)) else { return };
        send(sockets, self.socket(at), self.server, bye.as_bytes());
    }

    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    fn start(&mut self, at: usize, turn: u64) {
        self.running += 1;
        self.deadlines.push_back((Instant::now() + PATIENCE + self.talk.unwrap_or_default(), at, turn));
    }

    fn socket(&self, at: usize) -> usize {
        self.phones.get(at).map_or(0, |phone| phone.socket)
    }

    /// When there is something to do though nothing comes in.
    fn wake(&self) -> Option<Instant> {
        let speak = (self.sound_share > 0 && self.running > 0).then_some(self.speak_at);
        [self.byes.front().map(|bye| bye.0), self.deadlines.front().map(|end| end.0), speak].into_iter().flatten().min()
    }

    /// One packet of each side of each call that has sound, every 20 ms.
    fn speak(&mut self, sockets: &[UdpSocket], now: Instant) {
        if self.sound_share == 0 || self.speak_at > now {
            return;
        }
        self.speak_at = now.max(self.speak_at + PACKET);
        let callers = self.phones.len() / 2;
        for at in (0..callers).step_by(self.sound_share) {
            let Some(Call { callee, turn, media: Some(media), packets, ending: false, .. }) =
                self.phones.get_mut(at).and_then(|phone| phone.call.as_mut())
            else {
                continue;
            };
            *packets = packets.wrapping_add(1);
            let (sequence, clock, callee, source) =
                (*packets, u32::from(*packets).wrapping_mul(160), *callee, u32::try_from(*turn).unwrap_or_default());
            let media = *media;
            let Some(far) = self.phones.get(callee).and_then(|callee| callee.offered_media) else { continue };
            let mut packet = [0xD5; 172];
            for (place, octet) in
                packet.iter_mut().zip([&[0x80, 0][..], &sequence.to_be_bytes(), &clock.to_be_bytes(), &source.to_be_bytes()].concat())
            {
                *place = octet;
            }
            send(sockets, self.sound.places.0, media, &packet);
            send(sockets, self.sound.places.1, far, &packet);
            self.tally.sound.0 += 2;
        }
    }

    /// Sends the BYEs that are due.
    fn end_talks(&mut self, sockets: &[UdpSocket], now: Instant) {
        while let Some((due, at, turn)) = self.byes.front().copied() {
            if due > now {
                return;
            }
            self.byes.pop_front();
            let Some(phone) = self.phones.get_mut(at) else { continue };
            let Some(call) = phone.call.as_mut().filter(|call| call.turn == turn) else { continue };
            call.ending = true;
            let callee = call.callee;
            let Some(bye) = phone.write_inside(at, "BYE", 2) else { continue };
            self.say(callee, "ended");
            send(sockets, self.socket(at), self.server, bye.as_bytes());
        }
    }

    /// Counts as failed what has had time enough.
    fn give_up(&mut self, now: Instant) {
        while let Some((end, at, turn)) = self.deadlines.front().copied() {
            let Some(phone) = self.phones.get_mut(at) else { return };
            let registering = phone.registering.as_ref().is_some_and(|one| one.turn == turn);
            let calling =
                phone.call.as_ref().is_some_and(|call| call.turn == turn && (self.talk.is_some() || !call.answered || call.ending));
            if !registering && !calling {
                self.deadlines.pop_front();
                continue;
            }
            if end > now {
                return;
            }
            self.deadlines.pop_front();
            self.running -= 1;
            if registering {
                phone.registering = None;
                self.tally.fail("no answer to REGISTER");
            } else if let Some(call) = phone.call.take() {
                self.tally.fail(if call.answered { "no answer to BYE" } else { "no answer to INVITE" });
            }
        }
    }

    fn say(&mut self, callee: usize, status: &'static str) {
        if let Some(said) = &mut self.said {
            said.push(Said { at: now(), callee, status });
        }
    }

    fn hear(&mut self, sockets: &[UdpSocket], datagram: &Datagram<'_>) {
        if datagram.socket == self.sound.places.0 || datagram.socket == self.sound.places.1 {
            self.tally.sound.1 += u64::from(datagram.octets.first().is_some_and(|first| first >> 6 == 2) && datagram.octets.len() == 172);
            return;
        }
        let Ok(message) = std::str::from_utf8(datagram.octets) else { return };
        match text::status(message) {
            Some(status) => self.hear_response(sockets, status, message, datagram),
            None => self.hear_request(sockets, message, datagram),
        }
    }

    /// Call-IDs of ours say whose they are and in which turn: `12-345@…`.
    fn hear_response(&mut self, sockets: &[UdpSocket], status: u16, message: &str, datagram: &Datagram<'_>) {
        let Some((at, turn)) = text::header(message, "Call-ID").and_then(read_call_id) else { return };
        let Some((cseq, method)) = text::header(message, "CSeq").and_then(|value| value.split_once(' ')) else { return };
        let server = self.server;
        let Some(phone) = self.phones.get_mut(at) else { return };
        let socket = phone.socket;
        match (method, status) {
            (_, ..200) => {}
            // A second challenge means that the answer to the first is refused: that is a failure, not a reason to go on.
            ("REGISTER", 401) if phone.registering.as_ref().is_some_and(|one| !one.challenged) => {
                let Some(one) = phone.registering.as_mut().filter(|_| cseq == phone.cseq.to_string()) else { return };
                one.challenged = true;
                let turn = one.turn;
                let Some(challenge) = text::header(message, "WWW-Authenticate") else { return };
                phone.login.keep(challenge);
                let answer = phone.login.authorize("REGISTER", &format!("sip:{DOMAIN}"));
                phone.cseq += 1;
                send(sockets, socket, server, phone.write_register(at, turn, &answer).as_bytes());
            }
            ("REGISTER", _) => {
                let Some(one) = phone.registering.take_if(|_| cseq == phone.cseq.to_string()) else { return };
                self.running -= 1;
                if status == 200 {
                    self.tally.done += 1;
                    self.tally.whole.push(datagram.at.saturating_sub(one.sent));
                } else {
                    self.tally.fail(format!("REGISTER: {status}"));
                }
            }
            ("INVITE", 200..300) => {
                let Some(call) = phone.call.as_mut().filter(|call| call.turn == turn) else { return };
                if !call.answered {
                    call.answered = true;
                    call.media = text::media(message);
                    text::uri(text::header(message, "Contact").unwrap_or_default()).clone_into(&mut call.target);
                    text::header(message, "To").unwrap_or_default().clone_into(&mut call.to);
                    let mut routes: Vec<_> = text::headers(message, "Record-Route").collect();
                    routes.reverse();
                    call.routes = routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
                    self.tally.whole.push(datagram.at.saturating_sub(call.sent));
                    match self.talk {
                        Some(talk) => self.byes.push_back((Instant::now() + talk, at, turn)),
                        None => {
                            self.tally.done += 1;
                            self.running -= 1;
                        }
                    }
                }
                let Some(ack) = phone.write_inside(at, "ACK", 1) else { return };
                send(sockets, socket, server, ack.as_bytes());
            }
            ("INVITE", _) => {
                let Some(call) = phone.call.take_if(|call| call.turn == turn) else { return };
                self.running -= 1;
                self.tally.fail(format!("INVITE: {status}"));
                let to = text::header(message, "To").unwrap_or_default().to_owned();
                let Some(number) = self.phones.get(call.callee).map(|callee| callee.login.account.number.clone()) else { return };
                let Some(phone) = self.phones.get(at) else { return };
                send(sockets, socket, server, phone.write_refused(at, turn, &number, &to).as_bytes());
            }
            ("BYE", _) => {
                if phone.call.take_if(|call| call.turn == turn).is_none() {
                    return;
                }
                self.running -= 1;
                if status == 200 {
                    self.tally.done += 1;
                } else {
                    self.tally.fail(format!("BYE: {status}"));
                }
            }
            _ => {}
        }
    }

    fn hear_request(&mut self, sockets: &[UdpSocket], message: &str, datagram: &Datagram<'_>) {
        let mut start = message.split(' ');
        let (Some(method), Some(target)) = (start.next(), start.next()) else { return };
        let from = SocketAddr::V4(datagram.from);
        match method {
            "ACK" => {}
            "INVITE" => {
                let Some(at) = text::user(target).and_then(|number| self.by_number.get(number).copied()) else { return };
                let fresh = !text::header(message, "To").is_some_and(|to| to.contains("tag="));
                let Some(phone) = self.phones.get_mut(at) else { return };
                let (contact, description) = (format!("Contact: <{}>\r\n", phone.contact), text::description(phone.media));
                if fresh {
                    phone.offered_media = text::media(message);
                    phone.invited = Some(datagram.at);
                    let caller = phone.caller.take();
                    let sent = caller.and_then(|caller| self.phones.get(caller)?.call.as_ref().map(|call| call.sent));
                    if let Some(sent) = sent {
                        self.tally.through.push(datagram.at.saturating_sub(sent));
                    }
                    self.say(at, "ringing");
                    send(sockets, datagram.socket, from, respond(message, "180 Ringing", &contact, "").as_bytes());
                    self.say(at, "answered");
                }
                send(sockets, datagram.socket, from, respond(message, "200 OK", &contact, &description).as_bytes());
            }
            "BYE" => {
                self.ended += 1;
                // To a caller: the server ends the call, which is no part of any plan here. (A proxy passes our own BYEs on to the callees.)
                let to = text::user(target).and_then(|number| self.by_number.get(number).copied());
                if let Some((at, turn)) = text::header(message, "Call-ID").and_then(read_call_id).filter(|(at, _)| to == Some(*at))
                    && let Some(call) = self.phones.get_mut(at).and_then(|phone| phone.call.take_if(|call| call.turn == turn))
                {
                    if self.talk.is_some() || !call.answered || call.ending {
                        self.running -= 1;
                    }
                    self.tally.fail("the server ended the call");
                }
                send(sockets, datagram.socket, from, respond(message, "200 OK", "", "").as_bytes());
            }
            _ => send(sockets, datagram.socket, from, respond(message, "200 OK", "", "").as_bytes()),
        }
    }
}

impl Phone {
    fn local(&self) -> &str {
        self.contact.split_once('@').map_or("", |(_, local)| local)
    }

    fn write_register(&self, at: usize, turn: u64, authorization: &str) -> String {
        let Self { login, contact, cseq, .. } = self;
        let username = &login.account.username;
        let local = self.local();
        format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{at}-{turn}-{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:{username}@{DOMAIN}>;tag={turn}\r\nTo: <sip:{username}@{DOMAIN}>\r\nCall-ID: {at}-0@{local}\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <{contact}>\r\nExpires: 3600\r\nUser-Agent: bench\r\n{authorization}Content-Length: 0\r\n\r\n"
        )
    }

    fn write_invite(&mut self, at: usize, turn: u64, number: &str) -> String {
        let uri = format!("sip:{number}@{DOMAIN}");
        let authorization = self.login.authorize("INVITE", &uri);
        let body = text::description(self.media);
        let (username, contact, local) = (&self.login.account.username, &self.contact, self.local());
        format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{at}-{turn}\r\nMax-Forwards: 70\r\n\
             From: <sip:{username}@{DOMAIN}>;tag={turn}\r\nTo: <{uri}>\r\nCall-ID: {at}-{turn}@{local}\r\nCSeq: 1 INVITE\r\n\
             Contact: <{contact}>\r\nUser-Agent: bench\r\n{authorization}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// A request inside the call. ACK and BYE have branches of their own (RFC 3261, 13.2.2.4).
    fn write_inside(&self, at: usize, method: &str, cseq: u32) -> Option<String> {
        let Call { turn, target, to, routes, .. } = self.call.as_ref()?;
        let username = &self.login.account.username;
        let local = self.local();
        Some(format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{at}-{turn}-{method}\r\nMax-Forwards: 70\r\n{routes}\
             From: <sip:{username}@{DOMAIN}>;tag={turn}\r\nTo: {to}\r\nCall-ID: {at}-{turn}@{local}\r\nCSeq: {cseq} {method}\r\n\
             Content-Length: 0\r\n\r\n"
        ))
    }

    /// The ACK of a refusal, which belongs to the INVITE's transaction (RFC 3261, 17.1.1.3).
    fn write_refused(&self, at: usize, turn: u64, number: &str, to: &str) -> String {
        let username = &self.login.account.username;
        let local = self.local();
        format!(
            "ACK sip:{number}@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{at}-{turn}\r\nMax-Forwards: 70\r\n\
             From: <sip:{username}@{DOMAIN}>;tag={turn}\r\nTo: {to}\r\nCall-ID: {at}-{turn}@{local}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
        )
    }
}

/// A response: Via, Record-Route, From, To, Call-ID and CSeq copied, a tag put on To (RFC 3261, 8.2.6).
fn respond(request: &str, status: &str, contact: &str, body: &str) -> String {
    let mut response = format!("SIP/2.0 {status}\r\n");
    for line in request.split("\r\n").skip(1).take_while(|line| !line.is_empty()) {
        let copied = ["Via:", "Record-Route:", "From:", "To:", "Call-ID:", "CSeq:"]
            .iter()
            .any(|name| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)));
        if copied {
            response += line;
            if line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("To:")) && !line.contains("tag=") {
                response += ";tag=bench";
            }
            response += "\r\n";
        }
    }
    response += contact;
    if !body.is_empty() {
        response += "Content-Type: application/sdp\r\n";
    }
    response += &format!("Content-Length: {}\r\n\r\n", body.len());
    response + body
}

/// At an even port, as RTP wants it (RFC 3550, 11); where its reports would go, nobody listens.
fn sound_socket() -> Result<UdpSocket> {
    Ok(UdpSocket::bind(("127.0.0.1", block(2)?.start))?)
}

/// Which phone and which turn a Call-ID of ours belongs to.
fn read_call_id(value: &str) -> Option<(usize, u64)> {
    let (at, turn) = value.split_once('@')?.0.split_once('-')?;
    Some((at.parse().ok()?, turn.parse().ok()?))
}
