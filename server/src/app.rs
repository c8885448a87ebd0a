//! The wiring: which room is given what, in which order they start, and in which order they stop.

use std::{
    fs::File,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use api::{ApiParts, ApiSettings, Live, Metrics, Tls};
use calls::{Restored, Switchboard};
use config::Config;
use crm::{Crm, LeadChanges};
use futures_util::FutureExt;
use net::{MediaSettings, MediaWorkers, SignallingSettings, SignallingSockets, TlsDoor};
use recording::{RecorderSettings, ToRecorder};
use store::{
    Store,
    consumer::{self, Progress},
    journal::Journal,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
    time::timeout,
};
use tracing::{error, info, warn};

use crate::{
    accounts,
    asking::Asking,
    capture::Captures,
    control::LoopControl,
    desk::{self, Desk},
    door::{Door, Load, Message},
    journaling::JournalGate,
    logging::{self, SetFilter},
    meter::Meter,
    options::{self, ServeOptions},
    phones::Browsers,
    recorder,
    recordings::RecordingDir,
    reload::{Reloader, Started},
    resolving::Resolving,
    secrets::{self, Secrets},
    shutdown,
    signalling::{self, Parts, Signalling, wall_clock},
    start::{self, Ways},
    tape::{self, Tape},
    vitals::{self, End, Vitals},
    wiring::{self, Capacity, Https, seconds},
};

/// How often old rows are taken away.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// How often the journal's lag is looked at.
const LAG_EVERY: Duration = Duration::from_secs(1);

/// Outbox rows that are kept for listeners to come.
const OUTBOX_ROWS_MAX: u32 = 100_000;

/// At the end the database gets this long to take what is in the journal; the rest waits there for the next start.
const LAST_FACTS: Duration = Duration::from_secs(5);

/// At the end the office gets this long to end the steps of its jobs.
const LAST_JOBS: Duration = Duration::from_secs(10);

/// At the end the signalling loop gets this long; its journal takes most of that if the disk is away.
const LAST_TURN: Duration = Duration::from_secs(15);

/// By what we are known: to those who reach us by HTTPS, and by SIP over TLS if that has a certificate of its own.
struct Certificates {
    https: Option<Https>,
    sip: Option<Tls>,
}

/// `cordboard serve`: runs until asked to stop.
pub(crate) fn serve(options: &ServeOptions) -> anyhow::Result<()> {
    let ServeOptions { place, record_inputs } = options;
    let (config, mut warnings) = options::load(place)?;
    let set_filter = logging::begin(&config)?;
    let descriptors = net::raise_descriptor_limit();
    let capacity = Capacity::of(descriptors, &config);
    let few = capacity.warning(&config);
    for warning in warnings.drain(..).map(|warning| warning.to_string()).chain(few) {
        warn!("{warning}");
    }
    let _lock = start::claim(&place.data_dir)?;
    let https = wiring::https(&config, &place.data_dir)?;
    let sip_tls = wiring::sip_tls(&config)?;
    let tape = record_inputs.as_deref().map(tape::create).transpose()?;
    let secrets = Secrets::load(&place.data_dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(run(config, options, &secrets, capacity, set_filter, tape, Certificates { https, sip: sip_tls }));
    // Whatever hangs on a disk or a database by now does not hold up the end.
    runtime.shutdown_timeout(LAST_FACTS);
    outcome
}

async fn run(
    config: Config,
    ServeOptions { place, .. }: &ServeOptions,
    secrets: &Secrets,
    capacity: Capacity,
    set_filter: SetFilter,
    tape: Option<File>,
    certificates: Certificates,
) -> anyhow::Result<()> {
    let config = &config;
    let Certificates { https, sip: sip_tls } = certificates;
    let (tls, keeper) = https.map(|https| (https.tls, https.keeper)).unzip();
    let (keeper, standing) = keeper.flatten().unzip();
    // From here on the signal does not end the process; what comes before the server is up is done then.
    let hangup = signal(SignalKind::hangup())?;
    // What must be there, and what the last run left.
    let store = start::open_store(config, &place.data_dir).await?.with_key(&secrets.of_database());
    let drawn: String = secrets::random_seed::<8>()?.iter().map(|octet| format!("{octet:02x}")).collect();
    let providers = desk::providers(config)?;
    let changed = LeadChanges::default();
    let office = desk::open_telling(store.clone(), config, &providers, &place.data_dir, changed.clone()).await?;
    let realm = store.realm(&format!("cordboard-{drawn}")).await?;
    let journal_dir = place.data_dir.join("journal");
    let recordings = start::recording_dir(config, &place.data_dir);
    let mut journal = Journal::open(&journal_dir).context("cannot open the journal")?;
    let unwritten = start::recover(&store, &mut journal, &journal_dir, &recordings).await?;
    let directory = Arc::new(store.directory().await?);
    start::know_numbers(&directory);

    // Sockets first: an address in use is an error before anything runs.
    let (mut sockets, waker) = SignallingSockets::bind(SignallingSettings {
        udp: config.sip.udp.clone(),
        tcp: config.sip.tcp.clone(),
        guard: wiring::guard_settings(config),
        stream_limits: wiring::stream_limits(config, &capacity),
        seed: secrets::random_seed()?,
    })
    .context("cannot listen for phones (sip.udp, sip.tcp)")?;
    let adopter = sockets.adopter();
    let dialler = sockets.tls_dialler().serve(Arc::new(wiring::sip_roots(config)?.client()));
    let door_of_tls = TlsDoor::bind(&config.sip.tls).context("cannot listen for phones (sip.tls)")?;
    let sip = sockets.local();
    let tcp = sockets.local_tcp();
    let outward = start::outward(&sip, &tcp, door_of_tls.local());
    let ways = Ways { udp: sip.clone(), tcp: tcp.clone(), tls: door_of_tls.local().to_vec() };
    let restored = Restored {
        bindings: store.bindings().await?,
        leases: store.leases().await?,
        last_call: start::last_call(&store).await?,
        bans: store.bans(wall_clock()).await?,
        budgets: store.budgets_used().await?,
        listening: sip.clone(),
    };
    let http =
        TcpListener::bind(config.http.listen).await.with_context(|| format!("cannot listen on {} (http.listen)", config.http.listen))?;

    // The loops.
    tokio::spawn(dialler);
    let captures = Captures::default();
    let capture = captures.open(config).context("cannot copy SIP messages (hep)")?.map(Box::new);
    let metrics = Metrics::new();
    let live = Arc::new(Live::new(wall_clock()));
    let door = Door::new(waker);
    let resolving = Resolving::start(config, {
        let door = door.clone();
        move |query, answer| door.order(Message::Resolved(query, answer))
    })?;
    let asking = Asking::start(desk::guard(config), &desk::roots(config)?, wall_clock, {
        let door = door.clone();
        move |ask, answer| door.order(Message::Answered(ask, answer))
    });
    let to_recorder = recorder::inbox();
    let recorder = recorder::start(
        Arc::clone(&to_recorder),
        RecorderSettings { dir: recordings.clone(), fsync: seconds(config.recording.fsync_s) },
        {
            let door = door.clone();
            move |row| door.order(Message::Recorded(row))
        },
    )?;
    let media = media_workers(config, &capacity, &door, &to_recorder, &metrics)?;
    let (written, to_consume) = watch::channel(journal.last_seq());
    let gate = JournalGate::start(journal, unwritten, Duration::from_millis(u64::from(config.journal.fsync_ms)), written)?;
    let journal_over = vitals::end(gate.over().map(drop));
    tokio::spawn(housekeeping(store.clone()));
    let consumer = consume(&store, &journal_dir, to_consume, &metrics).await?;
    let domain = config.sip.domain.as_ref().map_or_else(|| start::default_domain(&sip), ToString::to_string);
    let (now, wall, seed) = (Instant::now(), wall_clock(), secrets::random_seed()?);
    let settings = wiring::switchboard_settings(config, &domain, &capacity, secrets::random_seed()?);
    let tape = match tape {
        Some(file) => {
            let begin = |tape: &mut Vec<u8>| calls::tape::Recorder::begin(now, wall, &settings, &directory, &restored, seed, tape);
            Some(Tape::begin(file, begin)?)
        }
        None => None,
    };
    let switchboard = Switchboard::new(now, wall, settings, directory, &restored, seed);
    let (load, mut loaded) = watch::channel(Load::default());
    let signalling = Signalling::start(Parts {
        switchboard,
        sockets,
        door: door.clone(),
        outward,
        ways,
        resolving,
        asking,
        gate,
        live: Arc::clone(&live),
        media,
        recorder: Arc::clone(&to_recorder),
        meter: Meter::new(metrics.clone()),
        load,
        tape,
        capture,
        copies: captures.counts(),
    })?;
    let started =
        Started { domain: domain.clone(), capacity, tls: tls.clone(), sip_tls: sip_tls.clone(), standing, captures: captures.clone() };
    let reloader = Reloader::new(place.clone(), config.clone(), door.clone(), set_filter, metrics.clone(), started);
    tokio::spawn(reloader.clone().follow(hangup));

    // The front door.
    let listening = http.local_addr()?;
    // Only now, when nothing stands in the way of a start any more: the password is shown once.
    let password = accounts::first_admin(&office).await?;
    let crm = Crm::new(store.clone(), office.clone()).telling(changed);
    let control = Arc::new(LoopControl::new(door.clone(), store.clone()));
    let settings = ApiSettings {
        body_max: config.http.body_max.octets(),
        public_url: config.reached_at(listening),
        sip_transports: start::phones_transports(config),
        is_https: tls.is_some() || config.http.public_url.as_ref().is_some_and(config::PublicUrl::is_https),
        ..ApiSettings::new(secrets.derive("access tokens"), domain.clone(), start::phones_server(&domain, &sip))
    };
    let ha1 = Arc::new(move |username: &str, password: &str| {
        let ha1 = sip_core::Credentials::of(username, &realm, password);
        model::Ha1 { md5: ha1.md5, sha256: ha1.sha256, sha512_256: ha1.sha512_256 }
    });
    let recordings = Arc::new(RecordingDir(recordings));
    tokio::spawn(api::pop(Arc::clone(&live), crm.clone(), metrics.clone(), wall_clock));
    let router = api::router(ApiParts {
        settings,
        crm: crm.clone(),
        office,
        providers,
        control,
        recordings,
        system: Arc::new(reloader.clone()),
        live: Arc::clone(&live),
        metrics: metrics.clone(),
        ha1,
        phones: config.sip.websocket.then(|| -> Arc<dyn api::Phones> { Arc::new(Browsers(adopter.clone())) }),
    });
    // Behind the router, which has consoles told: what is due at a start is written down as told.
    let desk = Desk::start(&crm, &live, &metrics, secrets).await?;
    let (close, closed) = oneshot::channel::<()>();
    let scheme = if tls.is_some() { "https" } else { "http" };
    tokio::spawn(tls.clone().map_or_else(|| std::future::ready(()).boxed(), |tls| tls.follow().boxed()));
    if let Some(keeper) = keeper {
        // It orders at once if it has to: the listener answers from now on.
        tokio::spawn(keeper.run());
    }
    let encrypted = door_of_tls.local().to_vec();
    if let Some(tls) = sip_tls.as_ref().or(tls.as_ref()).filter(|_| !encrypted.is_empty()) {
        tokio::spawn(door_of_tls.serve(tls.for_sip().context("cannot speak SIP over TLS")?, adopter));
    }
    if let Some(tls) = sip_tls {
        tokio::spawn(tls.follow());
    }
    let front = tokio::spawn(api::serve(http, tls, router, metrics, async {
        let _ = closed.await;
    }));
    greet(scheme, listening, &Reached { udp: sip, tcp, tls: encrypted }, &domain, password.as_deref());
    info!(version = env!("CARGO_PKG_VERSION"), http = %listening, domain, calls_max = capacity.calls.min(usize::try_from(config.calls.max)?), "Cordboard is up.");

    // The end: somebody asks for it, or a part that the server cannot do without is gone.
    let vitals = Vitals { signalling: signalling.clone(), journal: journal_over, recorder: recorder.ended(), consumer: consumer.clone() };
    let asked = async {
        shutdown::asked().await?;
        info!("Shutting down.");
        live.drain();
        shutdown::drain(&door, &mut loaded, seconds(reloader.drain_s())).await
    };
    let fatal = tokio::select! {
        biased;
        fatal = vitals.fatal() => Some(fatal),
        drained = asked => drained.map(|()| None)?,
    };
    if let Some(fatal) = fatal {
        error!("Fatal: {fatal}.");
        live.drain();
        shutdown::hang_up(&door, &mut loaded).await;
    }
    to_recorder.order(recorder::Order::Stop);
    recorder.join().await;
    door.order(Message::Stop);
    if timeout(LAST_TURN, signalling).await.is_err() {
        warn!("Signalling does not come to its end; what it has not written is lost.");
    }
    captures.end().await;
    // Whoever still waits for the loop is told that there is none.
    door.close();
    let _ = close.send(());
    let _ = front.await;
    if timeout(LAST_JOBS, desk.stop()).await.is_err() {
        warn!("A job does not come to the end of its step; the next start goes on with it.");
    }
    // The journal's thread has ended, so the consumer ends when it has read everything.
    if timeout(LAST_FACTS, consumer).await.is_err() {
        warn!("The database is behind the journal; it catches up at the next start.");
    }
    info!("Good-bye.");
    fatal.map_or(Ok(()), |fatal| Err(fatal.into()))
}

fn media_workers(
    config: &Config,
    capacity: &Capacity,
    door: &Door,
    to_recorder: &recorder::RecorderInbox,
    metrics: &Metrics,
) -> anyhow::Result<MediaWorkers> {
    let settings = MediaSettings {
        workers: capacity.workers,
        ports: config.media.ports.range(),
        stock: capacity.stock,
        tones: media::ToneSet::by_country(config.media.tones.country()).context("media.tones names no known country")?,
        bind: vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
    };
    let events = {
        let door = door.clone();
        move |report| match signalling::is_in_no_hurry(&report) {
            true => door.leave(Message::Worker(report)),
            false => door.order(Message::Worker(report)),
        }
    };
    let taps = {
        let (to_recorder, dropped) = (Arc::clone(to_recorder), metrics.recorder_dropped.clone());
        move |frames: media::TapFrames| {
            let count = frames.len();
            let room = to_recorder.offer(recorder::Order::Now(ToRecorder::Frames(frames)));
            if !room {
                dropped.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
            }
            room
        }
    };
    Ok(MediaWorkers::start(settings, secrets::random_seed()?, events, taps)?)
}

/// Lets the database follow the journal, until the journal's writer is gone.
async fn consume(store: &Store, journal_dir: &Path, written: watch::Receiver<u64>, metrics: &Metrics) -> anyhow::Result<End> {
    let (progress, told) = watch::channel(Progress { consumed: store.cursor().await?, ..Progress::default() });
    tokio::spawn(follow_lag(written.clone(), told, metrics.clone()));
    let consumer = tokio::spawn(consumer::consume(store.clone(), journal_dir.to_owned(), written, progress));
    Ok(vitals::end(consumer.map(drop)))
}

/// Shows how many facts of the journal are not in the database, until the journal's writer is gone. It goes by the journal itself: a consumer
/// that hangs tells nothing.
async fn follow_lag(mut written: watch::Receiver<u64>, mut progress: watch::Receiver<Progress>, metrics: Metrics) {
    let mut is_told = true;
    loop {
        let behind = written.borrow_and_update().saturating_sub(progress.borrow_and_update().consumed);
        metrics.journal_lag.set(i64::try_from(behind).unwrap_or(i64::MAX));
        // There may be thousands of facts a second, and somebody looks every few.
        tokio::time::sleep(LAG_EVERY).await;
        tokio::select! {
            changed = written.changed() => if changed.is_err() { return },
            changed = progress.changed(), if is_told => is_told = changed.is_ok(),
        }
    }
}

/// Takes away what nobody needs any more: delivered outbox rows, and expired idempotency keys.
async fn housekeeping(store: Store) {
    let mut due = tokio::time::interval(HOUSEKEEPING);
    loop {
        due.tick().await;
        let outbox = store.outbox_prune(OUTBOX_ROWS_MAX).await.map(|pruned| {
            if pruned.dropped > 0 {
                info!(rows = pruned.dropped, "Outbox rows that nobody fetched were dropped.");
            }
        });
        let keys = store.idempotency_prune(wall_clock()).await.map(drop);
        for failure in [outbox, keys].into_iter().filter_map(Result::err) {
            // With the database away there is nothing to tidy; the next turn comes.
            if !failure.is_unavailable() {
                warn!(%failure, "What nobody needs any more could not be taken away.");
            }
        }
    }
}

/// Where phones reach us.
struct Reached {
    udp: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
    tls: Vec<SocketAddr>,
}

/// Tells whoever started the program where to go next.
fn greet(scheme: &str, http: SocketAddr, reached: &Reached, domain: &str, password: Option<&str>) {
    let list = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let Reached { udp, tcp, tls } = reached;
    let mut over = match tcp.as_slice() {
        [] => format!("UDP {}", list(udp)),
        tcp if tcp == udp => format!("UDP and TCP {}", list(udp)),
        tcp => format!("UDP {}; TCP {}", list(udp), list(tcp)),
    };
    if !tls.is_empty() {
        over = format!("{over}; TLS {}", list(tls));
    }
    start::say(&format!("Cordboard {} is up.", env!("CARGO_PKG_VERSION")));
    start::say(&format!("  console:              {scheme}://{http}/"));
    start::say(&format!("  REST and live events: {scheme}://{http}/api (description: {scheme}://{http}/api/openapi.json)"));
    start::say(&format!("  phones register at:   {domain} ({over})"));
    if let Some(password) = password {
        start::say("First start: an administrator was made. This password is shown once; keep it.");
        start::say("  username: admin");
        start::say(&format!("  password: {password}"));
        start::say("Next: log in and make a trunk with two slots; README.md shows a first recorded call in five minutes.");
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_lag_is_seen_although_the_consumer_tells_nothing() {
        let metrics = Metrics::new();
        let (tell, written) = watch::channel(5);
        let (consumed, progress) = watch::channel(Progress { consumed: 5, ..Progress::default() });
        let task = tokio::spawn(follow_lag(written, progress, metrics.clone()));
        let shows = async |lag| {
            let come = async {
                while metrics.journal_lag.get() != lag {
                    tokio::time::sleep(LAG_EVERY).await;
                }
            };
            timeout(LAG_EVERY * 5, come).await.is_ok()
        };
        tell.send_replace(9);
        assert!(shows(4).await, "nobody but the journal has said anything");
        consumed.send_modify(|progress| progress.consumed = 8);
        assert!(shows(1).await);
        drop(consumed);
        tell.send_replace(20);
        assert!(shows(12).await, "the consumer is gone");
        drop(tell);
        timeout(LAG_EVERY * 5, task).await.unwrap().unwrap();
    }
}
