//! A zone as text, and a world in which a locator asks it, in virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use sip_core::{
    LocateError, Located, Locator, LocatorOutput, LocatorSettings, Place, SipUri, Target,
    locate::{Answer, Asker, Data, Kind, LookupId, Query, Record, Said, Urgency},
};

/// What DNS would say. A line is a name, a kind, and what there is:
///
/// ```text
/// example.org            NAPTR 10 50 s SIP+D2U _sip._udp.example.org
/// _sip._udp.example.org  SRV   10 60 5060 a.example.org
/// a.example.org          A     192.0.2.1
/// a.example.org          AAAA  silent | servfail | nxdomain | nodata
/// b.example.org          A     ttl=5 after=700 192.0.2.2
/// ```
#[derive(Debug, Default, Clone)]
pub(crate) struct Zone {
    lines: BTreeMap<(String, Kind), Line>,
    names: BTreeSet<String>,
    /// Nobody answers anything any more; or everything fails.
    pub(crate) is_silent: bool,
    pub(crate) is_broken: bool,
}

#[derive(Debug, Clone, Default)]
struct Line {
    records: Vec<Record>,
    refusal: Option<String>,
    after: Duration,
}

impl Zone {
    pub(crate) fn read(text: &str) -> Self {
        let mut zone = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let (name, kind) = (words.next().unwrap(), words.next().unwrap());
            let kind = match kind {
                "NAPTR" => Kind::Naptr,
                "SRV" => Kind::Srv,
                "A" => Kind::A,
                "AAAA" => Kind::Aaaa,
                other => panic!("{other} in {line}"),
            };
            let (mut ttl_s, mut rest) = (60, Vec::new());
            let entry = zone.lines.entry((name.to_owned(), kind)).or_default();
            for word in words {
                match word.split_once('=') {
                    Some(("ttl", value)) => ttl_s = value.parse().unwrap(),
                    Some(("after", value)) => entry.after = Duration::from_millis(value.parse().unwrap()),
                    _ => rest.push(word),
                }
            }
            match rest.as_slice() {
                [word @ ("silent" | "servfail" | "nxdomain" | "nodata")] => entry.refusal = Some((*word).to_owned()),
                words => entry.records.push(Record { ttl_s, data: data(kind, words) }),
            }
            // A name is there, and so are those above it (RFC 8020).
            let mut above = name;
            while let Some((_, rest)) = above.split_once('.') {
                zone.names.insert(above.to_owned());
                above = rest;
            }
        }
        zone
    }

    /// What is said, and after how long; `None`: nothing ever.
    fn ask(&self, query: &Query) -> Option<(Duration, Said)> {
        if self.is_silent {
            return None;
        }
        if self.is_broken {
            return Some((Duration::ZERO, Said::Failure));
        }
        let Some(line) = self.lines.get(&(query.name.to_string(), query.kind)) else {
            let is_there = self.names.contains(query.name.as_str());
            return Some((Duration::ZERO, if is_there { Said::NoData { ttl_s: Some(60) } } else { Said::NoSuchName { ttl_s: Some(60) } }));
        };
        let said = match line.refusal.as_deref() {
            None => Said::Records(line.records.clone()),
            Some("silent") => return None,
            Some("servfail") => Said::Failure,
            Some("nxdomain") => Said::NoSuchName { ttl_s: Some(60) },
            Some(_) => Said::NoData { ttl_s: Some(60) },
        };
        Some((line.after, said))
    }
}

fn data(kind: Kind, words: &[&str]) -> Data {
    match (kind, words) {
        (Kind::Naptr, &[order, preference, flags, services, replacement, ref regexp @ ..]) => Data::Naptr {
            order: order.parse().unwrap(),
            preference: preference.parse().unwrap(),
            flags: flags.trim_matches('"').into(),
            services: services.into(),
            regexp: regexp.concat().into(),
            replacement: format!("{replacement}."),
        },
        (Kind::Srv, &[priority, weight, port, target]) => Data::Srv {
            priority: priority.parse().unwrap(),
            weight: weight.parse().unwrap(),
            port: port.parse().unwrap(),
            target: if target == "." { target.to_owned() } else { format!("{target}.") },
        },
        (Kind::A, &[address]) => Data::A(address.parse().unwrap()),
        (Kind::Aaaa, &[address]) => Data::Aaaa(address.parse().unwrap()),
        _ => panic!("{words:?}"),
    }
}

/// A locator, its zone and its time.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) locator: Locator,
    pub(crate) zone: Zone,
    pub(crate) now: Instant,
    /// Who asks.
    pub(crate) asker: Asker,
    began: Instant,
    /// Answers on their way.
    coming: BTreeMap<(Instant, u64), Answer>,
    serial: u64,
    /// Every question, `NAPTR example.org`.
    pub(crate) asked: Vec<String>,
    pub(crate) outcomes: BTreeMap<LookupId, (Duration, Result<Vec<Target>, LocateError>)>,
}

impl World {
    pub(crate) fn new(zone: &str) -> Self {
        Self::with(zone, LocatorSettings::default(), 1)
    }

    #[expect(clippy::disallowed_methods, reason = "a beginning of time is needed")]
    pub(crate) fn with(zone: &str, settings: LocatorSettings, seed: u8) -> Self {
        let now = Instant::now();
        Self {
            locator: Locator::new(settings, [seed; 32]),
            zone: Zone::read(zone),
            now,
            asker: Asker { urgency: Urgency::Call, party: 1 },
            began: now,
            coming: BTreeMap::new(),
            serial: 0,
            asked: Vec::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// A lookup that has begun, or its end.
    pub(crate) fn begin(&mut self, uri: &str) -> Result<Located, LocateError> {
        let located = self.locator.locate(self.now, place(uri), self.asker);
        self.drain();
        located
    }

    /// A lookup from its beginning to its end: `UDP 192.0.2.1:5060, TLS 192.0.2.2:5061 (example.org)`, or why not.
    pub(crate) fn locate(&mut self, uri: &str) -> String {
        let outcome = match self.begin(uri) {
            Ok(Located::Now(targets)) => Ok(targets),
            Ok(Located::Later(id)) => self.wait(id).1,
            Err(error) => Err(error),
        };
        text(&outcome)
    }

    /// The same, and how long it took, in milliseconds.
    pub(crate) fn timed(&mut self, uri: &str) -> (String, u128) {
        let began = self.now;
        (self.locate(uri), (self.now - began).as_millis())
    }

    /// Time goes on until a lookup is at its end; when that was.
    pub(crate) fn wait(&mut self, id: LookupId) -> (Duration, Result<Vec<Target>, LocateError>) {
        loop {
            if let Some(outcome) = self.outcomes.remove(&id) {
                return outcome;
            }
            self.step(None);
        }
    }

    /// So much time goes by.
    pub(crate) fn pass(&mut self, by: Duration) {
        let end = self.now + by;
        while self.now < end {
            self.step(Some(end));
        }
    }

    /// What was asked since the last time.
    pub(crate) fn questions(&mut self) -> String {
        std::mem::take(&mut self.asked).join(", ")
    }

    /// To the next thing that happens, or to the end.
    fn step(&mut self, end: Option<Instant>) {
        let answer = self.coming.keys().next().copied();
        let wake = self.locator.timeout().map(|(at, _)| at);
        let next = [answer.map(|(at, _)| at), wake, end].into_iter().flatten().min().expect("a lookup always ends by itself");
        self.now = self.now.max(next);
        if let Some(key) = answer.filter(|&(at, _)| at <= self.now)
            && let Some(answer) = self.coming.remove(&key)
        {
            self.locator.answer(self.now, answer);
        } else {
            self.locator.wake(self.now);
        }
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.locator.poll() {
            match output {
                LocatorOutput::Query(query) => {
                    self.asked.push(format!("{} {}", format!("{:?}", query.kind).to_ascii_uppercase(), query.name));
                    if let Some((after, said)) = self.zone.ask(&query) {
                        self.serial += 1;
                        let answer = Answer { name: format!("{}.", query.name), kind: query.kind, said };
                        self.coming.insert((self.now + after, self.serial), answer);
                    }
                }
                LocatorOutput::Located { lookup, outcome } => {
                    let once = self.outcomes.insert(lookup, (self.now - self.began, outcome));
                    assert_eq!(once, None, "a lookup ends once");
                }
            }
        }
    }
}

pub(crate) fn place(uri: &str) -> Place {
    Place::from_uri(&SipUri::parse(uri.as_bytes()).unwrap()).unwrap()
}

pub(crate) fn text(outcome: &Result<Vec<Target>, LocateError>) -> String {
    match outcome {
        Ok(targets) => targets.iter().map(target_text).collect::<Vec<_>>().join(", "),
        Err(error) => error.to_string(),
    }
}

fn target_text(target: &Target) -> String {
    let name = target.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{} {}{name}", target.transport, target.address)
}
