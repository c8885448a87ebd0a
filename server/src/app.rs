//! The wiring: which room is given what, in which order they start, and in which order they stop.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use api::{ApiParts, ApiSettings, Live, Metrics};
use calls::{Restored, Settings, Switchboard};
use config::{Config, DigestAlgorithm, LogFormat};
use net::{MediaSettings, MediaWorkers, SignallingSockets};
use recording::{RecorderSettings, ToRecorder};
use sip_core::RegistrarSettings;
use store::{Store, consumer, journal::Journal};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::{
    accounts,
    control::LoopControl,
    journaling::JournalGate,
    meter::Meter,
    options::{self, Place},
    recorder,
    recordings::RecordingDir,
    secrets::{self, Secrets},
    shutdown,
    signalling::{Door, Load, Message, Signalling, wall_clock},
    start,
};

/// How long a digest nonce is good.
const NONCE_LIFE: Duration = Duration::from_secs(300);

/// A lease ends this long after its holder's last sign of life (R6).
const LEASE: Duration = Duration::from_secs(90);

/// A taken slot waits this long for its lost phone (R5).
const UNREGISTERED_GRACE: Duration = Duration::from_secs(60);

/// Ports that each media worker has bound in advance.
const PORT_STOCK: usize = 64;

/// How often old rows are taken away.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Outbox rows that are kept for listeners to come.
const OUTBOX_ROWS_MAX: u32 = 100_000;

/// At the end the database gets this long to take what is in the journal; the rest waits there for the next start.
const LAST_FACTS: Duration = Duration::from_secs(5);

/// `cordboard serve`: runs until asked to stop.
pub(crate) fn serve(place: &Place) -> anyhow::Result<()> {
    let (config, mut warnings) = options::load(place)?;
    log(&config)?;
    warnings.extend(options::ports_warning(&config));
    for warning in &warnings {
        warn!("{warning}");
    }
    if !config.sip.tcp.is_empty() {
        info!("SIP over TCP is not served by this version; phones must use UDP.");
    }
    let descriptors = net::raise_descriptor_limit();
    let _lock = start::claim(&place.data_dir)?;
    let secrets = Secrets::load(&place.data_dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(run(&config, place, &secrets, descriptors));
    runtime.shutdown_timeout(LAST_FACTS);
    outcome
}

async fn run(config: &Config, place: &Place, secrets: &Secrets, descriptors: u64) -> anyhow::Result<()> {
    // What must be there, and what the last run left.
    let store = start::open_store(config, &place.data_dir).await?;
    let drawn: String = secrets::random_seed()?.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
    let realm = store.realm(&format!("cordboard-{drawn}")).await?;
    let journal_dir = place.data_dir.join("journal");
    let recordings = start::recording_dir(config, &place.data_dir);
    let mut journal = Journal::open(&journal_dir).context("cannot open the journal")?;
    let unwritten = start::recover(&store, &mut journal, &journal_dir, &recordings).await?;
    let directory = Arc::new(store.directory().await?);

    // Sockets first: an address in use is an error before anything runs.
    let (sockets, waker) = SignallingSockets::bind(&config.sip.udp).context("cannot listen for phones (sip.udp)")?;
    let sip = sockets.local();
    let restored = Restored {
        bindings: store.bindings().await?,
        leases: store.leases().await?,
        last_call: start::last_call(&store).await?,
        listening: sip.clone(),
    };
    let http =
        TcpListener::bind(config.http.listen).await.with_context(|| format!("cannot listen on {} (http.listen)", config.http.listen))?;

    // The loops.
    let metrics = Metrics::new();
    let live = Arc::new(Live::new(wall_clock()));
    let door = Door::new(waker);
    let to_recorder = recorder::inbox();
    let recorder = recorder::start(
        Arc::clone(&to_recorder),
        RecorderSettings { dir: recordings.clone(), fsync: seconds(config.recording.fsync_s) },
        {
            let door = door.clone();
            move |row| door.order(Message::Recorded(row))
        },
    )?;
    let media = media_workers(config, &door, &to_recorder, &metrics)?;
    let (written, to_consume) = watch::channel(journal.last_seq());
    let mut gate = JournalGate::start(journal, Duration::from_millis(u64::from(config.journal.fsync_ms)), written)?;
    gate.append(unwritten);
    tokio::spawn(housekeeping(store.clone()));
    let consumer = consume(&store, &journal_dir, to_consume, &metrics);
    let domain = config.sip.domain.as_ref().map_or_else(|| start::default_domain(&sip), ToString::to_string);
    let now = Instant::now();
    let switchboard = Switchboard::new(
        now,
        wall_clock(),
        switchboard_settings(config, &domain, secrets::random_seed()?),
        directory,
        &restored,
        secrets::random_seed()?,
    );
    let (load, mut loaded) = watch::channel(Load::default());
    let signalling = Signalling {
        switchboard,
        sockets,
        door: door.clone(),
        gate,
        live: Arc::clone(&live),
        media,
        recorder: Arc::clone(&to_recorder),
        meter: Meter::new(metrics.clone()),
        load,
    }
    .start()?;

    // The front door.
    let listening = http.local_addr()?;
    // Only now, when nothing stands in the way of a start any more: the password is shown once.
    let password = accounts::first_admin(&store).await?;
    let control = Arc::new(LoopControl { door: door.clone(), store: store.clone() });
    let settings =
        ApiSettings { body_max: config.http.body_max.octets(), ..ApiSettings::new(secrets.derive("access tokens"), domain.clone()) };
    let ha1 = Arc::new(move |username: &str, password: &str| {
        let ha1 = sip_core::Credentials::of(username, &realm, password);
        model::Ha1 { md5: ha1.md5, sha256: ha1.sha256, sha512_256: ha1.sha512_256 }
    });
    let recordings = Arc::new(RecordingDir(recordings));
    let router = api::router(ApiParts { settings, store: store.clone(), control, recordings, live, metrics, ha1 });
    let (close, closed) = oneshot::channel::<()>();
    let front = tokio::spawn(api::serve(http, router, async {
        let _ = closed.await;
    }));
    greet(listening, &sip, &domain, password.as_deref());
    info!(version = env!("CARGO_PKG_VERSION"), http = %listening, domain, descriptors, "Cordboard is up.");

    // The end.
    shutdown::asked().await?;
    info!("Shutting down.");
    shutdown::drain(&door, &mut loaded, seconds(config.calls.drain_s)).await?;
    to_recorder.order(recorder::Order::Stop);
    let _ = tokio::task::spawn_blocking(move || recorder.join()).await;
    door.order(Message::Stop);
    let _ = tokio::task::spawn_blocking(move || signalling.join()).await;
    let _ = close.send(());
    let _ = front.await;
    // The journal's thread has ended, so the consumer ends when it has read everything.
    if tokio::time::timeout(LAST_FACTS, consumer).await.is_err() {
        warn!("The database is behind the journal; it catches up at the next start.");
    }
    info!("Good-bye.");
    Ok(())
}

fn media_workers(config: &Config, door: &Door, to_recorder: &recorder::RecorderInbox, metrics: &Metrics) -> anyhow::Result<MediaWorkers> {
    let workers = match config.media.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => usize::try_from(workers)?,
    };
    let settings = MediaSettings {
        workers,
        ports: config.media.ports.range(),
        stock: PORT_STOCK,
        tones: media::ToneSet::by_country(config.media.tones.country()).context("media.tones names no known country")?,
        bind: vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
    };
    let events = {
        let door = door.clone();
        move |report| door.order(Message::Worker(report))
    };
    let taps = {
        let (to_recorder, dropped) = (Arc::clone(to_recorder), metrics.recorder_dropped.clone());
        move |frame| {
            let room = to_recorder.offer(recorder::Order::Now(ToRecorder::Frame(frame)));
            if !room {
                dropped.inc();
            }
            room
        }
    };
    Ok(MediaWorkers::start(settings, secrets::random_seed()?, events, taps)?)
}

fn switchboard_settings(config: &Config, domain: &str, nonce_key: [u8; 32]) -> Settings {
    let media_address = match config.media.address {
        config::MediaAddress::Address(address) => Some(address),
        config::MediaAddress::Auto => None,
    };
    Settings {
        domain: domain.to_owned(),
        user_agent: concat!("Cordboard/", env!("CARGO_PKG_VERSION")).to_owned(),
        media_address,
        public_address: config.media.public_address,
        local_nets: config.media.local_nets.clone(),
        media_timeout: seconds(config.media.timeout_s),
        ring_s: config.calls.ring_s,
        slot_ring_s: config.calls.slot_ring_s,
        calls_max: usize::try_from(config.calls.max).unwrap_or(usize::MAX),
        recording: config.recording.enabled,
        registrar: RegistrarSettings {
            expires_min: config.sip.expires_min,
            expires_default: config.sip.expires_default,
            expires_max: config.sip.expires_max,
            ..RegistrarSettings::default()
        },
        digest: config.sip.digest.iter().map(|algorithm| algorithm_of(*algorithm)).collect(),
        nonce_key,
        nonce_life: NONCE_LIFE,
        lease: LEASE,
        unregistered_grace: UNREGISTERED_GRACE,
    }
}

fn algorithm_of(algorithm: DigestAlgorithm) -> sip_core::Algorithm {
    match algorithm {
        DigestAlgorithm::Md5 => sip_core::Algorithm::Md5,
        DigestAlgorithm::Sha256 => sip_core::Algorithm::Sha256,
        DigestAlgorithm::Sha512_256 => sip_core::Algorithm::Sha512_256,
    }
}

/// Lets the database follow the journal, until the journal's writer is gone.
fn consume(store: &Store, journal_dir: &Path, written: watch::Receiver<u64>, metrics: &Metrics) -> tokio::task::JoinHandle<()> {
    let (progress, mut told) = watch::channel(consumer::Progress::default());
    let lag = metrics.journal_lag.clone();
    tokio::spawn(async move {
        while told.changed().await.is_ok() {
            lag.set(i64::try_from(told.borrow_and_update().lag()).unwrap_or(i64::MAX));
        }
    });
    tokio::spawn(consumer::consume(store.clone(), journal_dir.to_owned(), written, progress))
}

/// Takes away what nobody needs any more: delivered outbox rows, and expired idempotency keys.
async fn housekeeping(store: Store) {
    let mut due = tokio::time::interval(HOUSEKEEPING);
    loop {
        due.tick().await;
        // With the database away there is nothing to tidy; the next turn comes.
        if let Ok(pruned) = store.outbox_prune(OUTBOX_ROWS_MAX).await
            && pruned.dropped > 0
        {
            info!(rows = pruned.dropped, "Outbox rows that nobody fetched were dropped.");
        }
        let _ = store.idempotency_prune(wall_clock()).await;
    }
}

/// Tells whoever started the program where to go next.
fn greet(http: SocketAddr, sip: &[SocketAddr], domain: &str, password: Option<&str>) {
    let addresses: Vec<_> = sip.iter().map(ToString::to_string).collect();
    start::say(&format!("Cordboard {} is up.", env!("CARGO_PKG_VERSION")));
    start::say(&format!("  REST and live events: http://{http}/api (description: http://{http}/api/openapi.json)"));
    start::say(&format!("  phones register at:   {domain} (UDP {})", addresses.join(", ")));
    if let Some(password) = password {
        start::say("First start: an administrator was made. This password is shown once; keep it.");
        start::say("  username: admin");
        start::say(&format!("  password: {password}"));
        start::say("Next: log in and make a trunk with two slots; README.md shows a first recorded call in five minutes.");
    }
}

fn log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log.filter).context("log.filter cannot be read")?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}
