//! DNS that says what it likes, when it likes: each lookup ends once and in its time, with targets that can be sent to or with a reason, tables stay
//! within their limits, and when time has passed nothing is left.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use arbitrary::Unstructured;
use sip_core::{
    Families, LocateError, Located, Locator, LocatorOutput, LocatorSettings, Place, SipUri, Target,
    locate::{Answer, Asker, Data, Kind, LOCATE_MAX, LookupId, Over, QUERY_MAX, Query, Record, Said, TARGETS_MAX, Urgency},
};

/// Small, so that they are reached; the one party that asks has a fourth.
const LOCATING_MAX: usize = 16;
const ASKER: Asker = Asker { urgency: Urgency::Call, party: 1 };
const CACHE_MAX: usize = 8;
/// More steps teach nothing new, and a run must stay short.
const STEPS_MAX: usize = 200;
const URIS: [&str; 10] = [
    "sip:a.example",
    "sip:b.example",
    "sips:a.example",
    "sip:c.example;transport=tcp",
    "sip:d.example:5070",
    "sip:192.0.2.1",
    "sips:b.example;maddr=c.example",
    "sip:a.example;transport=udp",
    "sip:a.example;transport=tls;maddr=192.0.2.9",
    "sip:[2001:db8::1]:5062",
];
const NAMES: [&str; 8] =
    ["a.example.", "b.example", "C.EXAMPLE.", "d.example", "_sip._udp.a.example", "_sips._tcp.b.example", ".", "c.example"];
const SERVICES: [&str; 6] = ["SIP+D2U", "sip+d2t", "SIPS+D2T", "SIP+D2X", "E2U+sip", ""];
const FLAGS: [&str; 4] = ["s", "S", "u", ""];
const KINDS: [Kind; 4] = [Kind::Naptr, Kind::Srv, Kind::A, Kind::Aaaa];
const ADDRESSES: [[u8; 4]; 6] = [[192, 0, 2, 1], [192, 0, 2, 2], [0, 0, 0, 0], [224, 0, 0, 5], [255, 255, 255, 255], [127, 0, 0, 1]];

/// Plays the sequence that `data` stands for.
///
/// # Panics
/// When the locator breaks a promise.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let families = [Families::V4First, Families::V6First, Families::V4, Families::V6];
    let families = super::pick(&mut input, &families).copied().unwrap_or(Families::V4);
    let settings = LocatorSettings { families, locating_max: LOCATING_MAX, cache_max: CACHE_MAX, ..LocatorSettings::default() };
    let mut game = Game {
        locator: Locator::new(settings, [5; 32]),
        families,
        now: super::start(),
        open: Vec::new(),
        waiting: BTreeMap::new(),
        seen: Vec::new(),
    };
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        game.step(&mut input);
    }
    game.finish();
}

struct Game {
    locator: Locator,
    families: Families,
    now: Instant,
    /// Questions that were not answered.
    open: Vec<Query>,
    /// Until when each lookup must have ended, and where it goes.
    waiting: BTreeMap<LookupId, (Instant, Place)>,
    seen: Vec<Target>,
}

impl Game {
    fn step(&mut self, input: &mut Unstructured<'_>) {
        match input.arbitrary::<u8>().unwrap_or_default() % 16 {
            0..=3 => self.locate(input),
            4..=10 => {
                let at = usize::from(input.arbitrary::<u8>().unwrap_or_default()).checked_rem(self.open.len());
                if let Some(query) = at.map(|at| self.open.swap_remove(at)) {
                    let said = said(input, query.kind);
                    self.locator.answer(self.now, Answer { name: query.name.to_string(), kind: query.kind, said });
                }
            }
            11 => {
                let kind = super::pick(input, &KINDS).copied().unwrap_or(Kind::A);
                let answer = Answer { name: name(input), kind, said: said(input, kind) };
                // It may be the answer to a question after all.
                self.open
                    .retain(|query| query.kind != kind || !answer.name.trim_end_matches('.').eq_ignore_ascii_case(query.name.as_str()));
                self.locator.answer(self.now, answer);
            }
            12 => {
                if let Some(target) = super::pick(input, &self.seen) {
                    let retry_after = Duration::from_secs(input.arbitrary().unwrap_or_default());
                    self.locator.failed(self.now, target, Some(retry_after));
                }
            }
            13 => {
                if let Some(target) = super::pick(input, &self.seen) {
                    self.locator.succeeded(target);
                }
            }
            14 => {
                let ids: Vec<LookupId> = self.waiting.keys().copied().collect();
                if let Some(id) = super::pick(input, &ids) {
                    self.locator.cancel(*id);
                    self.waiting.remove(id);
                }
            }
            _ => self.pass(super::pause(input)),
        }
        self.drain();
    }

    fn locate(&mut self, input: &mut Unstructured<'_>) {
        let uri = super::pick(input, &URIS).copied().unwrap_or_default();
        let Ok(place) = SipUri::parse(uri.as_bytes()).map(|uri| Place::from_uri(&uri)) else { panic!("{uri} is none") };
        let Ok(place) = place else { panic!("{uri} leads nowhere") };
        let before = self.locator.live();
        match self.locator.locate(self.now, place.clone(), ASKER) {
            Ok(Located::Now(targets)) => self.judge(&place, &targets),
            Ok(Located::Later(id)) => {
                assert!(before < LOCATING_MAX / 4, "one too many");
                assert!(self.waiting.insert(id, (self.now + LOCATE_MAX, place)).is_none(), "two of one name");
            }
            Err(why) => assert!(why != LocateError::TooMany || before >= LOCATING_MAX / 4, "there is room"),
        }
    }

    /// Targets that a request can be sent to, and may.
    fn judge(&mut self, place: &Place, targets: &[Target]) {
        assert!((1..=TARGETS_MAX).contains(&targets.len()), "{} targets", targets.len());
        for target in targets {
            let ip = target.address.ip();
            let is_broadcast = ip == IpAddr::from([255; 4]);
            assert!(target.address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast, "{target:?}");
            assert!(!place.secure || target.transport == Over::Tls, "sips: and {target:?}");
            assert!(place.transport.is_none_or(|over| over == target.transport), "{place:?} and {target:?}");
            assert!(place.port.is_none_or(|port| port == target.address.port()), "{place:?} and {target:?}");
            // Whatever DNS made of it, the certificate proves what was asked for (RFC 5922, 4).
            assert!(target.transport != Over::Tls || target.name == place.domain, "{place:?} and {target:?}");
            let is_reached = match self.families {
                Families::V4 => ip.is_ipv4(),
                Families::V6 => ip.is_ipv6(),
                Families::V4First | Families::V6First => true,
            };
            assert!(is_reached, "{:?} and {target:?}", self.families);
        }
        self.seen = targets.to_vec();
    }

    fn pass(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some((at, why)) = self.locator.timeout().filter(|(at, _)| *at <= end) {
            assert!(at >= self.now, "{why} was left undone");
            self.now = at;
            self.locator.wake(at);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.locator.poll() {
            match output {
                LocatorOutput::Query(query) => {
                    // One that was given up may be asked again.
                    self.open.retain(|open| *open != query);
                    self.open.push(query);
                }
                LocatorOutput::Located { lookup, outcome } => {
                    let Some((until, place)) = self.waiting.remove(&lookup) else { panic!("{lookup:?} ends, and nobody waits for it") };
                    assert!(self.now <= until, "it took too long");
                    if let Ok(targets) = outcome {
                        self.judge(&place, &targets);
                    }
                }
            }
        }
        assert_eq!(self.locator.live(), self.waiting.len(), "lookups that nobody waits for, or that are lost");
        assert!(self.locator.live() <= LOCATING_MAX / 4 && self.locator.cached() <= CACHE_MAX, "beyond the limits");
    }

    /// Nobody answers any more.
    fn finish(mut self) {
        // What is asked last is asked before the last lookup ends.
        self.pass(LOCATE_MAX + QUERY_MAX);
        assert_eq!((self.waiting.len(), self.locator.live(), self.locator.timeout()), (0, 0, None), "something is left");
    }
}

fn name(input: &mut Unstructured<'_>) -> String {
    let choice: u8 = input.arbitrary().unwrap_or_default();
    match NAMES.get(usize::from(choice)) {
        Some(name) => (*name).to_owned(),
        None if choice & 0x80 == 0 => format!("h{}.example", choice & 15),
        None => String::from_utf8_lossy(super::octets(input, 300)).into_owned(),
    }
}

/// Mostly records, and mostly of the kind that was asked for.
fn said(input: &mut Unstructured<'_>, kind: Kind) -> Said {
    let shape: u8 = input.arbitrary().unwrap_or_default();
    let ttl_s = input.arbitrary::<u32>().ok().filter(|ttl_s| ttl_s % 2 == 0);
    match shape % 8 {
        0 => Said::NoSuchName { ttl_s },
        1 => Said::NoData { ttl_s },
        2 => Said::Failure,
        _ => {
            let records = (0..shape >> 3).map(|_| {
                let other = super::pick(input, &KINDS).copied().unwrap_or(kind);
                let kind = if shape % 8 == 3 { other } else { kind };
                Record { ttl_s: ttl_s.unwrap_or(60), data: data(input, kind) }
            });
            Said::Records(records.collect())
        }
    }
}

fn data(input: &mut Unstructured<'_>, kind: Kind) -> Data {
    let numbers: [u8; 4] = input.arbitrary().unwrap_or_default();
    let [one, other, port, choice] = numbers.map(|number| u16::from(number % 3));
    match kind {
        Kind::Naptr => Data::Naptr {
            order: one,
            preference: other,
            flags: super::pick(input, &FLAGS).copied().unwrap_or_default().into(),
            services: super::pick(input, &SERVICES).copied().unwrap_or_default().into(),
            regexp: if choice == 0 { b"x".to_vec() } else { Vec::new() },
            replacement: name(input),
        },
        Kind::Srv => Data::Srv { priority: one, weight: other << 14, port, target: name(input) },
        Kind::A => Data::A(super::pick(input, &ADDRESSES).copied().unwrap_or(numbers).into()),
        Kind::Aaaa => Data::Aaaa((input.arbitrary::<u128>().unwrap_or_default() >> (choice * 48)).into()),
    }
}
