//! Runs the rows: we and the peers in alternation, round after round.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    alone::listen,
    generate::{
        lines::{Lines, Over},
        phones::{Phones, Work},
        streams::Streams,
    },
    peers::{Identity, bare::Bare, kamailio::Kamailio, ours::Ours, rtpengine::Rtpengine},
    sample::Sample,
    usage::Usage,
    work::{Kind, Row, TALK},
};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// How often each side has its turn.
    pub(crate) rounds: usize,
    /// How long a turn lasts.
    pub(crate) span: Duration,
}

/// Who had a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// Our server; its recording off.
    Ours,
    /// Our server; its recording on.
    Recording,
    /// Kamailio.
    Kamailio,
    /// rtpengine.
    Rtpengine,
    /// A relay with nothing in it.
    Bare,
}

impl Who {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Recording => "ours, recording",
            Self::Kamailio => "kamailio",
            Self::Rtpengine => "rtpengine",
            Self::Bare => "bare relay",
        }
    }
}

/// What a row came to: a sample for each round.
pub(crate) type Turns = BTreeMap<Who, Vec<Sample>>;

/// What servers take that nobody asks for anything: processor time in a second.
pub(crate) type Idle = BTreeMap<Who, Duration>;

/// Slots of the hubs whose phones keep a stream.
const LINES: [u16; 1] = [999];
/// Slots of each of two hubs of the servers that are called through: the phones of 500 calls.
const HUBS: [u16; 2] = [500, 500];
/// Media ports of each of our servers: 500 calls, and those that still rest from the turn before.
const MEDIA_PORTS: u16 = 5_000;
/// Registrations a second before a turn of calls: all phones have a binding, and a nonce for the calls to come.
const REGISTER_RATE: u32 = 1_000;
/// Calls a second that are set up for sound, and hung up after.
const SET_UP_RATE: u32 = 200;
/// How long idle servers are looked at.
const IDLE_SPAN: Duration = Duration::from_secs(3);

/// The rows of registrations and calls.
pub(crate) fn signalling(rows: &[Row], extent: Extent, idle: &mut Idle, mut tell: impl FnMut(&str)) -> Result<Vec<(Row, Turns)>> {
    let ours = Ours::start(false, &HUBS, MEDIA_PORTS)?;
    let kamailio = Kamailio::start(&ours.accounts)?;
    // Nobody reads what is said there: the phones of these rows are silent.
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    let mut sides = Vec::new();
    for (who, pid, sip) in [(Who::Ours, ours.pid(), ours.sip()), (Who::Kamailio, kamailio.pid(), kamailio.sip)] {
        let mut phones = Phones::new(sip, &ours.accounts, sink.local_addr()?)?;
        phones.register_all(REGISTER_RATE).with_context(|| format!("{} at {sip}", who.name()))?;
        sides.push((who, pid, phones));
    }
    for (who, pid, phones) in &mut sides {
        idle.insert(*who, at_rest(*pid, phones)?);
    }
    let mut results = Vec::new();
    for row in rows.iter().filter(|row| matches!(row.kind, Kind::Registration | Kind::Call)) {
        let mut turns = Turns::new();
        for round in 0..extent.rounds {
            // Who goes first has the colder caches, or the cooler processor: each in its turn.
            sides.rotate_left(1);
            for (who, pid, phones) in &mut sides {
                let work = match row.kind {
                    Kind::Call => Work::Call { talk: Some(TALK) },
                    _ => Work::Register,
                };
                if row.kind == Kind::Call {
                    phones.register_all(REGISTER_RATE)?;
                }
                let count = usize::try_from(u64::from(row.amount) * extent.span.as_secs())?;
                let (own, before) = (Usage::of_tree(std::process::id())?, Usage::of_tree(*pid)?);
                let tally = phones.run(work, row.amount, count)?;
                let after = Usage::of_tree(*pid)?;
                let sample = Sample::of_work(
                    tally,
                    after.cpu_since(&before)?,
                    Usage::of_tree(std::process::id())?.own_since(&own),
                    after.at - before.at,
                );
                tell(&line(row, round, *who, &sample));
                turns.entry(*who).or_default().push(sample);
            }
        }
        results.push((*row, turns));
    }
    Ok(results)
}

/// The rows of registrations over streams within TLS.
pub(crate) fn encrypted(rows: &[Row], extent: Extent, mut tell: impl FnMut(&str)) -> Result<Vec<(Row, Turns)>> {
    let rows: Vec<(&Row, Over)> =
        rows.iter().filter_map(|row| if let Kind::Encrypted(over) = row.kind { Some((row, over)) } else { None }).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let identity = Identity::make()?;
    let ours = Ours::start_encrypted(&identity, &LINES)?;
    let mut results = Vec::new();
    for (row, over) in rows {
        // Kamailio takes no other contact for a phone that has one, so it begins anew.
        let kamailio = Kamailio::start_encrypted(&ours.accounts, &identity)?;
        let mut sides = Vec::new();
        for (who, pid, (address, path)) in
            [(Who::Ours, ours.pid(), ours.reached(over)), (Who::Kamailio, kamailio.pid(), kamailio.reached(over))]
        {
            let lines = Lines::open(over, address, path, &ours.accounts, identity.der()?)
                .with_context(|| format!("{} at {address}", who.name()))?;
            sides.push((who, pid, lines));
        }
        let mut turns = Turns::new();
        for round in 0..extent.rounds {
            sides.rotate_left(1);
            for (who, pid, lines) in &mut sides {
                let count = usize::try_from(u64::from(row.amount) * extent.span.as_secs())?;
                let (own, before) = (Usage::of_tree(std::process::id())?, Usage::of_tree(*pid)?);
                let tally = lines.register(row.amount, count)?;
                let after = Usage::of_tree(*pid)?;
                let generator = Usage::of_tree(std::process::id())?.own_since(&own);
                let sample = Sample::of_work(tally, after.cpu_since(&before)?, generator, after.at - before.at);
                tell(&line(row, round, *who, &sample));
                turns.entry(*who).or_default().push(sample);
            }
        }
        results.push((*row, turns));
    }
    Ok(results)
}

/// The rows of sound.
pub(crate) fn sound(rows: &[Row], extent: Extent, idle: &mut Idle, mut tell: impl FnMut(&str)) -> Result<Vec<(Row, Turns)>> {
    let (plain, recording) = (Ours::start(false, &HUBS, MEDIA_PORTS)?, Ours::start(true, &HUBS, MEDIA_PORTS)?);
    let mut rtpengine = Rtpengine::start()?;
    let mut streams = Streams::new()?;
    let mut phones = BTreeMap::new();
    for (who, ours) in [(Who::Ours, &plain), (Who::Recording, &recording)] {
        let mut own = Phones::new(ours.sip(), &ours.accounts, streams.locals(0)?.0)?;
        let callers = own.len() / 2;
        for call in 0..callers {
            let (one, other) = streams.locals(call)?;
            own.set_media(call, one);
            own.set_media(call + callers, other);
        }
        own.register_all(REGISTER_RATE)?;
        phones.insert(who, own);
    }
    for (who, pid) in [(Who::Ours, plain.pid()), (Who::Recording, recording.pid()), (Who::Rtpengine, rtpengine.pid())] {
        if let Entry::Vacant(unknown) = idle.entry(who) {
            unknown.insert(at_rest(pid, phones.values_mut().next().context("phones")?)?);
        }
    }
    let mut results = Vec::new();
    for row in rows.iter().filter(|row| row.kind == Kind::Sound) {
        let calls = usize::try_from(row.amount)?;
        let mut turns = Turns::new();
        let mut order = vec![Who::Ours, Who::Rtpengine, Who::Bare, Who::Recording];
        for round in 0..extent.rounds {
            order.rotate_left(1);
            for who in &order {
                let sample = match who {
                    Who::Rtpengine => {
                        let remotes: Vec<_> = (0..calls)
                            .map(|call| {
                                let (one, other) = streams.locals(call)?;
                                rtpengine.open(&format!("bench-{round}-{call}"), one, other)
                            })
                            .collect::<Result<_>>()?;
                        let sample = speak(&mut streams, &remotes, rtpengine.pid(), extent.span)?;
                        for call in 0..calls {
                            rtpengine.close(&format!("bench-{round}-{call}"))?;
                        }
                        sample
                    }
                    Who::Bare => {
                        let pairs: Vec<_> = (0..calls).map(|call| streams.locals(call)).collect::<Result<_>>()?;
                        let bare = Bare::start(&pairs)?;
                        speak(&mut streams, &bare.ports, bare.pid(), extent.span)?
                    }
                    Who::Ours | Who::Recording | Who::Kamailio => {
                        let ours = if *who == Who::Recording { &recording } else { &plain };
                        let phones = phones.get_mut(who).context("phones")?;
                        through_ours(ours, phones, &mut streams, calls, extent.span)?
                    }
                };
                tell(&line(row, round, *who, &sample));
                turns.entry(*who).or_default().push(sample);
            }
        }
        results.push((*row, turns));
    }
    Ok(results)
}

/// A turn of ours: real calls, set up by SIP, and hung up after.
fn through_ours(ours: &Ours, phones: &mut Phones, streams: &mut Streams, calls: usize, span: Duration) -> Result<Sample> {
    phones.register_all(REGISTER_RATE)?;
    let tally = phones.run(Work::Call { talk: None }, SET_UP_RATE, calls)?;
    ensure!(tally.failed() == 0, "calls for the sound failed: {:?}", tally.failures);
    let remotes: Vec<_> = (0..calls).map(|call| phones.media_of(call).context("a call without sound")).collect::<Result<_>>()?;
    let sample = speak(streams, &remotes, ours.pid(), span)?;
    let tally = phones.run(Work::HangUp, SET_UP_RATE, calls)?;
    ensure!(tally.failed() == 0, "calls with sound did not end: {:?}", tally.failures);
    ours.forget_recordings()?;
    Ok(sample)
}

fn speak(streams: &mut Streams, remotes: &[(SocketAddr, SocketAddr)], pid: u32, span: Duration) -> Result<Sample> {
    streams.connect(remotes)?;
    let (heard, before, after) = streams.run(span, || Ok((Usage::of_tree(std::process::id())?, Usage::of_tree(pid)?)))?;
    let cpu = after.1.cpu_since(&before.1)?;
    Ok(Sample::of_sound(heard, cpu, after.0.own_since(&before.0), after.1.at - before.1.at))
}

/// What a server takes in a second in which nobody asks anything of it.
fn at_rest(pid: u32, phones: &mut Phones) -> Result<Duration> {
    let before = Usage::of_tree(pid)?;
    listen(phones, IDLE_SPAN)?;
    Ok(Usage::of_tree(pid)?.cpu_since(&before)? / u32::try_from(IDLE_SPAN.as_secs())?)
}

/// One turn, for whoever watches.
fn line(row: &Row, round: usize, who: Who, sample: &Sample) -> String {
    let Sample { done, faults, added, whole, generator, wall, cpu, .. } = sample;
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let latency = added.or(*whole).map_or_else(String::new, |spread| format!(", p50 {:.2} p99 {:.2} ms", ms(spread.p50), ms(spread.p99)));
    let faults = if faults.is_empty() { String::new() } else { format!("  {faults:?}") };
    let share = |part: &Duration| part.as_secs_f64() / wall.as_secs_f64() * 100.0;
    format!(
        "{} round {}: {}: {done} done, {:.2} us each{latency}, {:.0} % of a core, generator {:.0} %{faults}",
        row.name,
        round + 1,
        who.name(),
        sample.each_us(),
        share(cpu),
        share(generator)
    )
}
