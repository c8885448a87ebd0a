//! Figures of ours without a peer: memory of a call, and from REST to the wire.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::{
    generate::{
        lines::{Lines, Over},
        phones::{Offer, Phones, Work},
        wire::now,
    },
    numbers::{permille, real},
    peers::{Identity, ours::Ours},
    report::Figure,
    usage::Usage,
    work::{LINE_AIM, MEMORY_AIM, REST_AIM, Row},
};

/// A call takes two slots, and three hubs have 2,997.
const HUBS: [u16; 3] = [999, 999, 999];
/// Four a call, for 1,498 calls.
const MEDIA_PORTS: u16 = 6_400;
/// Calls that stand when the memory is looked at: first so many, then twice as many. (More have no slots.)
const STANDING: usize = 700;
/// Calls a second that are set up for it.
const SET_UP_RATE: u32 = 200;
/// Registrations a second.
const REGISTER_RATE: u32 = 1_000;
/// Until the database has followed the journal.
const SETTLE: Duration = Duration::from_secs(3);
/// Until a call over REST is where it should be, or has failed.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often a slot that is not yet free again is asked.
const TRIES: usize = 40;

/// What one more standing call takes in memory. No sound flows; recording is off.
pub(crate) fn memory(row: &Row, tell: fn(&str)) -> Result<Figure> {
    let ours = Ours::start(false, &HUBS, MEDIA_PORTS)?;
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    let mut phones = Phones::new(ours.sip(), &ours.accounts, sink.local_addr()?)?;
    phones.register_all(REGISTER_RATE)?;
    let mut resident = Vec::new();
    let mut faults = Vec::new();
    for first in [0, STANDING] {
        let offer = Offer { work: Work::Call { talk: None }, rate: SET_UP_RATE, count: STANDING, first };
        let tally = phones.run_all(&[offer], PATIENCE, &mut |_| Ok(()))?;
        faults.extend(tally.failures.iter().map(|(what, count)| format!("{count} × {what}")));
        listen(&mut phones, SETTLE)?;
        resident.push(Usage::of_tree(ours.pid())?.resident);
        tell(&format!("{}: {} calls: {} kB resident", row.name, first + STANDING, resident.last().copied().unwrap_or_default() / 1000));
    }
    let [some, more] = resident.as_slice() else { anyhow::bail!("two looks") };
    let each = more.saturating_sub(*some) / u64::try_from(STANDING)?;
    Ok(Figure {
        name: row.name.to_owned(),
        what: format!("of a standing call: (RSS at {} - RSS at {STANDING}) / {STANDING}", 2 * STANDING),
        text: format!("{:.1} kB (aim {} kB); no sound flows, recording off", real(each) / 1e3, MEMORY_AIM / 1000),
        of_aim: real(each) / real(MEMORY_AIM),
        faults,
    })
}

/// What one more idle stream within TLS takes in memory, with the binding of its phone.
pub(crate) fn lines(row: &Row, tell: fn(&str)) -> Result<Figure> {
    let identity = Identity::make()?;
    let ours = Ours::start_encrypted(&identity, &HUBS)?;
    let (address, path) = ours.reached(Over::Tls);
    let most = usize::try_from(row.amount)?;
    let (some, rest) = ours.accounts.get(..most).context("slots")?.split_at(most / 3);
    let mut resident = Vec::new();
    let mut open = Vec::new();
    for accounts in [some, rest] {
        open.push(Lines::open(Over::Tls, address, path, accounts, identity.der()?)?);
        std::thread::park_timeout(SETTLE);
        resident.push(Usage::of_tree(ours.pid())?.resident);
        tell(&format!("{}: {} kB resident", row.name, resident.last().copied().unwrap_or_default() / 1000));
    }
    let [few, many] = resident.as_slice() else { anyhow::bail!("two looks") };
    let each = many.saturating_sub(*few) / u64::try_from(rest.len())?;
    Ok(Figure {
        name: row.name.to_owned(),
        what: format!("of an idle TLS stream with its binding: (RSS at {most} - RSS at {}) / {}", some.len(), rest.len()),
        text: format!("{:.1} kB (aim {} kB)", real(each) / 1e3, LINE_AIM / 1000),
        of_aim: real(each) / real(LINE_AIM),
        faults: Vec::new(),
    })
}

/// From `POST /api/call/start` to the INVITE at the slot's phone, one call after another.
pub(crate) fn rest(row: &Row, count: u32) -> Result<Figure> {
    let ours = Ours::start(false, &[20], 1_000)?;
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    let mut phones = Phones::new(ours.sip(), &ours.accounts, sink.local_addr()?)?;
    phones.register_all(REGISTER_RATE)?;
    let rest = ours.server().admin()?;
    let (slot, others) = ours.accounts.split_first().context("slots")?;
    let mut waits = Vec::new();
    for at in 0..usize::try_from(count)? {
        let callee = at % others.len() + 1;
        let number = others.get(callee - 1).map(|other| other.number.as_str()).context("a number")?;
        let order = json!({"slot_id": slot.id, "phone_number": number});
        let mut tries = 0;
        let (asked, reply) = loop {
            let asked = now();
            let reply = rest.post("/api/call/start", &order)?;
            tries += 1;
            // The slot of the last call, which has just ended.
            if reply.status != 409 || tries == TRIES {
                break (asked, reply);
            }
            listen(&mut phones, Duration::from_millis(5))?;
        };
        let call = reply.expect(202)?;
        let end = Instant::now() + PATIENCE;
        let (mut near, mut far) = (None, None);
        while near.is_none() || far.is_none() {
            ensure!(Instant::now() < end, "a call over REST did not come to both phones");
            phones.listen_for(Duration::from_millis(50))?;
            near = near.or_else(|| phones.take_invited(0));
            far = far.or_else(|| phones.take_invited(callee));
        }
        waits.push(near.context("an INVITE")?.saturating_sub(asked));
        let ended = phones.ended() + 2;
        let call = call.get("call_id").context("a call_id")?;
        let reply = rest.post("/api/call/end", &json!({"call_id": call}))?;
        ensure!(reply.status < 300, "a call does not end: {}", reply.status);
        while phones.ended() < ended {
            ensure!(Instant::now() < end, "a call over REST did not end");
            phones.listen_for(Duration::from_millis(50))?;
        }
    }
    let mut at = |part| permille(&mut waits, part).map(Duration::from_nanos).context("no call");
    let (p50, p99) = (at(500)?, at(990)?);
    Ok(Figure {
        name: row.name.to_owned(),
        what: format!("POST /api/call/start to INVITE, {count} calls"),
        text: format!("p50 {:.2} ms, p99 {:.2} ms (aim {} ms)", p50.as_secs_f64() * 1e3, p99.as_secs_f64() * 1e3, REST_AIM.as_millis()),
        of_aim: p99.as_secs_f64() / REST_AIM.as_secs_f64(),
        faults: Vec::new(),
    })
}

/// Answers what comes in for a while.
pub(crate) fn listen(phones: &mut Phones, span: Duration) -> Result<()> {
    let end = Instant::now() + span;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        phones.listen_for(left)?;
    }
    Ok(())
}
