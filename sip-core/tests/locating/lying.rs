//! DNS that lies, and DNS by chance.

use std::time::{Duration, Instant};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use sip_core::{
    LocateError, Located, Locator, LocatorOutput, LocatorSettings, Target,
    locate::{
        Answer, Asker, Data, Kind, LOCATE_MAX, LookupId, NEGATIVE_TTL, QUERY_MAX, QUESTIONS_MAX, Query, RECORDS_MAX, Record, Said,
        TARGETS_MAX, Urgency,
    },
};

use crate::zone::{World, place, text};

#[test]
fn records_that_cannot_be() {
    let check = |zone: &str, expected: &str| assert_eq!(World::new(zone).locate("sip:h.example"), expected, "{zone}");
    // Addresses that no host has; the others stay.
    check(
        "h.example A 0.0.0.0\nh.example A 224.0.0.5\nh.example A 255.255.255.255\nh.example A 192.0.2.1\nh.example AAAA ::\nh.example AAAA ff02::1
         h.example AAAA ::ffff:192.0.2.9\nh.example AAAA fe80::1",
        "UDP 192.0.2.1:5060",
    );
    check("h.example A 0.0.0.0", "nothing there that we speak");
    // Port 0, and hosts that are no names. There is a service, so the host itself is not tried.
    let rest = "h.example A 192.0.2.80\na.example A 192.0.2.1";
    check(&format!("{rest}\n_sip._udp.h.example SRV 1 1 0 a.example\n_sip._udp.h.example SRV 2 1 5062 a.example"), "UDP 192.0.2.1:5062");
    check(&format!("{rest}\n_sip._udp.h.example SRV 1 1 0 a.example"), "nothing there that we speak");
    for target in ["a..example", "192.0.2.1", "a/b.example", "a\u{1}.example", "ä.example", &"a".repeat(64), &"a.".repeat(200)] {
        check(&format!("{rest}\n_sip._udp.h.example SRV 1 1 5060 {target}"), "nothing there that we speak");
    }
    // A NAPTR record to no name at all.
    check(&format!("{rest}\nh.example NAPTR 1 1 s SIP+D2U .."), "nothing there that we speak");
}

/// Names that lead to names that lead to names: there is an end to questions, to records and to targets.
#[test]
fn an_avalanche_has_an_end() {
    let mut zone = String::new();
    for rule in 0..100 {
        zone += &format!("h.example NAPTR 1 {rule} s SIP+D2U _sip._udp.s{rule}.example\n");
        for host in 0..100 {
            zone += &format!("_sip._udp.s{rule}.example SRV {host} 1 5060 h{host}.s{rule}.example\n");
        }
    }
    for rule in 0..16 {
        for host in 0..16 {
            for address in 0..100 {
                zone += &format!("h{host}.s{rule}.example A 10.{rule}.{host}.{address}\n");
            }
        }
    }
    let mut world = World::new(&zone);
    let targets = world.locate("sip:h.example");
    assert_eq!(world.asked.len(), QUESTIONS_MAX);
    assert_eq!(targets.split(", ").count(), TARGETS_MAX);
    assert!(targets.starts_with("UDP 10.0.0."), "those are kept that come first: {targets}");
    assert!(world.locator.counters().dropped > 84 + 16 * 84);

    let many: String = (0..100).map(|number| format!("m.example A 10.0.0.{number}\n")).collect();
    assert_eq!(World::new(&many).locate("sip:m.example:1").split(", ").count(), RECORDS_MAX);
}

/// A loop of names is no loop of ours: nothing is followed more than twice.
#[test]
fn a_loop_has_an_end() {
    let zone = "
        l.example           NAPTR 1 1 s SIP+D2U l.example
        l.example           SRV 1 1 5060 l.example
        l.example           A nodata
    ";
    let mut world = World::new(zone);
    assert_eq!(world.locate("sip:l.example"), "nothing there that we speak");
    assert_eq!(world.questions(), "NAPTR l.example, SRV l.example, A l.example, AAAA l.example");
}

#[test]
fn answers_to_what_was_not_asked() {
    let mut world = World::new("");
    world.zone.is_silent = true;
    let Ok(Located::Later(id)) = world.begin("sip:h.example:5060") else { panic!("nothing is known") };
    let evil = |name: &str, kind| Answer {
        name: name.to_owned(),
        kind,
        said: Said::Records(vec![Record { ttl_s: 9_999, data: Data::A([192, 0, 2, 66].into()) }]),
    };
    for (name, kind) in
        [("x.example", Kind::A), ("h.example", Kind::Srv), ("h.example..", Kind::A), ("", Kind::A), ("h.example\0", Kind::A)]
    {
        world.locator.answer(world.now, evil(name, kind));
    }
    assert_eq!((world.locator.counters().unasked, world.locator.cached()), (5, 0));
    assert!(matches!(world.begin("sip:x.example:5060"), Ok(Located::Later(_))), "it was not kept");
    // Records of another kind are no records.
    world.locator.answer(world.now, evil("h.example", Kind::Aaaa));
    assert_eq!((world.locator.counters().dropped, world.locator.cached()), (1, 1));
    let (_, outcome) = world.wait(id);
    assert_eq!(outcome, Err(LocateError::NoAnswer));
    // Too late.
    world.locator.answer(world.now, evil("h.example", Kind::A));
    assert_eq!(world.locator.counters().unasked, 6);
    assert_eq!(world.begin("sip:h.example:5060"), Err(LocateError::NoAnswer));
    assert!(NEGATIVE_TTL > QUERY_MAX);
}

/// The second answer to the same question is one to none.
#[test]
fn the_first_answer_counts() {
    let mut world = World::new("h.example AAAA nodata\nh.example A silent");
    let Ok(Located::Later(id)) = world.begin("sip:h.example:1") else { panic!("nothing is known") };
    for last in [1, 2] {
        let said = Said::Records(vec![Record { ttl_s: 60, data: Data::A([192, 0, 2, last].into()) }]);
        world.locator.answer(world.now, Answer { name: "h.example.".to_owned(), kind: Kind::A, said });
    }
    assert_eq!((text(&world.wait(id).1).as_str(), world.locator.counters().unasked), ("UDP 192.0.2.1:1", 1));
}

const URIS: [&str; 8] = [
    "sip:a.example",
    "sip:b.example",
    "sips:a.example",
    "sip:c.example;transport=tcp",
    "sip:d.example:5070",
    "sip:192.0.2.1",
    "sips:b.example;maddr=c.example",
    "sip:a.example;transport=udp",
];
const NAMES: [&str; 8] =
    ["a.example.", "b.example", "C.EXAMPLE.", "d.example", "_sip._udp.a.example", "_sips._tcp.b.example", ".", "c.example"];
const KINDS: [Kind; 4] = [Kind::Naptr, Kind::Srv, Kind::A, Kind::Aaaa];
const SERVICES: [&str; 6] = ["SIP+D2U", "sip+d2t", "SIPS+D2T", "SIP+D2X", "E2U+sip", ""];
const FLAGS: [&str; 4] = ["s", "S", "u", ""];

/// What comes by chance.
struct Chance(ChaCha8Rng);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u32()).unwrap() % end
    }

    fn small(&mut self, end: u16) -> u16 {
        u16::try_from(self.below(end.into())).unwrap()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        let at = self.below(all.len());
        *all.get(at).unwrap()
    }

    fn name(&mut self) -> String {
        if self.below(8) > 0 {
            return self.of(&NAMES).to_owned();
        }
        let length = self.below(300);
        (0..length).map(|_| char::from_u32(self.0.next_u32() >> self.below(32)).unwrap_or('.')).collect()
    }

    fn ttl_s(&mut self) -> u32 {
        self.0.next_u32() >> self.below(32)
    }

    fn asker(&mut self) -> Asker {
        Asker { urgency: self.of(&[Urgency::Call, Urgency::Upkeep]), party: self.of(&[1, 2]) }
    }

    fn data(&mut self) -> Data {
        match self.below(4) {
            0 => Data::Naptr {
                order: self.small(3),
                preference: self.small(3),
                flags: self.of(&FLAGS).into(),
                services: self.of(&SERVICES).into(),
                regexp: Vec::new(),
                replacement: self.name(),
            },
            1 => Data::Srv { priority: self.small(3), weight: self.small(u16::MAX), port: self.small(3), target: self.name() },
            2 => Data::A(self.0.next_u32().checked_shr(u32::from(self.small(33))).unwrap_or(0).into()),
            _ => Data::Aaaa((u128::from(self.0.next_u64()) << self.below(64)).into()),
        }
    }

    /// Mostly records, and mostly of the kind that was asked for.
    fn said(&mut self, kind: Kind) -> Said {
        let ttl_s = Some(self.ttl_s()).filter(|ttl_s| ttl_s % 2 == 0);
        match self.below(10) {
            0 => Said::NoSuchName { ttl_s },
            1 | 2 => Said::NoData { ttl_s },
            3 => Said::Failure,
            _ => {
                let count = self.below(24);
                let fits = |data: &Data| {
                    matches!(
                        (kind, data),
                        (Kind::Naptr, Data::Naptr { .. })
                            | (Kind::Srv, Data::Srv { .. })
                            | (Kind::A, Data::A(_))
                            | (Kind::Aaaa, Data::Aaaa(_))
                    )
                };
                Said::Records(
                    (0..count).map(|_| (self.ttl_s(), self.data())).filter(|(_, data)| fits(data) || count < 3).map(record).collect(),
                )
            }
        }
    }
}

fn record((ttl_s, data): (u32, Data)) -> Record {
    Record { ttl_s, data }
}

/// A script by chance, and what has to be so after each of its steps: each lookup that began ends once, in its time, with a target at least or
/// a reason.
struct Play {
    chance: Chance,
    locator: Locator,
    now: Instant,
    open: Vec<Query>,
    waiting: Vec<(LookupId, Instant)>,
    seen: Vec<Target>,
    /// How many lookups found something.
    found: usize,
}

impl Play {
    #[expect(clippy::disallowed_methods, reason = "a beginning of time is needed")]
    fn new(seed: u64) -> Self {
        let mut chance = Chance(ChaCha8Rng::seed_from_u64(seed));
        let mut bytes = [0; 32];
        chance.0.fill_bytes(&mut bytes);
        let locator = Locator::new(LocatorSettings { cache_max: 8, ..LocatorSettings::default() }, bytes);
        Self { chance, locator, now: Instant::now(), open: Vec::new(), waiting: Vec::new(), seen: Vec::new(), found: 0 }
    }

    fn step(&mut self) {
        match self.chance.below(24) {
            0..6 => match self.locator.locate(self.now, place(self.chance.of(&URIS)), self.chance.asker()) {
                Ok(Located::Later(id)) => self.waiting.push((id, self.now + LOCATE_MAX)),
                Ok(Located::Now(targets)) => self.find(targets),
                Err(_) => {}
            },
            6..18 if !self.open.is_empty() => {
                let query = self.open.swap_remove(self.chance.below(self.open.len()));
                let said = self.chance.said(query.kind);
                self.locator.answer(self.now, Answer { name: query.name.to_string(), kind: query.kind, said });
            }
            18 => {
                let kind = self.chance.of(&KINDS);
                let said = self.chance.said(kind);
                let name = self.chance.name();
                self.locator.answer(self.now, Answer { name, kind, said });
            }
            19 => {
                let ms = self.chance.0.next_u32() >> self.chance.below(32);
                self.pass(Duration::from_millis(ms.into()));
            }
            20 if !self.seen.is_empty() => {
                let target = self.seen.get(self.chance.below(self.seen.len())).unwrap();
                let retry_after = Duration::from_secs(self.chance.0.next_u64() >> self.chance.below(64));
                self.locator.failed(self.now, target, Some(retry_after));
            }
            21 if !self.seen.is_empty() => self.locator.succeeded(self.seen.get(self.chance.below(self.seen.len())).unwrap()),
            22 if !self.waiting.is_empty() => {
                let (id, _) = self.waiting.swap_remove(self.chance.below(self.waiting.len()));
                self.locator.cancel(id);
            }
            23 => {
                let (locating_max, cache_max) = (self.chance.below(4), self.chance.below(9));
                self.locator.set(LocatorSettings { locating_max, cache_max, ..LocatorSettings::default() });
            }
            _ => self.pass(Duration::from_millis(300)),
        }
        self.drain();
        assert_eq!(self.locator.live(), self.waiting.len());
        assert!(self.locator.cached() <= 8);
    }

    fn pass(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some((at, _)) = self.locator.timeout().filter(|&(at, _)| at <= end) {
            assert!(at >= self.now, "nothing is left undone");
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
                    // One that ran out may be asked again.
                    self.open.retain(|other| *other != query);
                    self.open.push(query);
                }
                LocatorOutput::Located { lookup, outcome } => {
                    let at = self.waiting.iter().position(|(id, _)| *id == lookup).expect("it began, and did not end before");
                    let (_, ends) = self.waiting.swap_remove(at);
                    assert!(self.now <= ends, "in time");
                    outcome.into_iter().for_each(|targets| self.find(targets));
                }
            }
        }
    }

    fn find(&mut self, targets: Vec<Target>) {
        assert!(!targets.is_empty() && targets.len() <= TARGETS_MAX);
        assert!(targets.iter().all(|target| target.address.port() != 0 && !target.address.ip().is_unspecified()));
        let is_numeric = targets.iter().all(|target| target.address.ip().to_string() == "192.0.2.1");
        self.found += usize::from(!is_numeric);
        self.seen = targets;
    }
}

/// Ten thousand scripts by chance: never a panic, always an end.
#[test]
fn whatever_dns_says() {
    let mut found = 0;
    for seed in 0..10_000 {
        let play = std::panic::catch_unwind(|| {
            let mut play = Play::new(seed);
            for _ in 0..40 {
                play.step();
            }
            // The last question of a lookup is open a little longer than it.
            play.pass(LOCATE_MAX + QUERY_MAX);
            assert_eq!((play.locator.live(), play.locator.timeout(), play.waiting.len()), (0, None, 0), "all is at its end");
            play.found
        });
        found += play.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(found > 10_000, "the scripts lead somewhere: {found}");
}
