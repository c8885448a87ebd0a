//! What the API is given to work with, and what all its handlers share.

use std::{
    fs::File,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use crm::Crm;
use futures_util::future::BoxFuture;
use links::oidc::Providers;
use model::{CallId, Command, Event, Ha1, RecordingRow, Refusal, Reply, UserId, WallTime};
use office::{Office, StoreError, rights::RightsChange};

use crate::{
    auth::{Auth, now},
    error::{Code, Problem},
    idempotency::{KeyError, Lost, Orders},
    live::{Live, door::Doors, presence::Presence},
    metrics::Metrics,
    phones::Phones,
    routes::{oidc::Waiting, recording::Heard},
};

/// Recordings that are read through at once, to be drawn.
const DRAWINGS_MAX: usize = 2;
/// How long an answer waits for signalling to follow a change of slots.
const FOLLOW_TIME: Duration = Duration::from_secs(5);

/// Call control, as far as orders go to it.
pub trait Control: Send + Sync + 'static {
    /// Carries out an order; resolves once its outcome is certain and journaled (R8).
    fn execute(&self, command: Command) -> BoxFuture<'static, Result<Reply, Refusal>>;

    /// The store's slots, hubs, carriers or routes have changed: reloads them and resolves once signalling works with them, or once it is clear that it cannot
    /// be waited for; signalling then follows as soon as the store can be read, without being asked again.
    fn directory_changed(&self) -> BoxFuture<'static, Result<(), NotYet>>;
}

/// Signalling does not know of a change yet, because the store cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotYet;

/// The server itself, as far as orders go to it.
pub trait System: Send + Sync + 'static {
    /// Reads the configuration again and puts it into force, whole or not at all.
    ///
    /// # Errors
    /// All that is wrong with it, as text for people; nothing has changed then.
    fn reload(&self) -> BoxFuture<'static, Result<Reloaded, Vec<String>>>;

    /// How it is.
    fn status(&self) -> Status;
}

/// How the server is, for administrators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The program's version.
    pub version: &'static str,
    /// How long it has been up.
    pub uptime: Duration,
    /// Facts that the database does not have yet.
    pub journal_lag: i64,
    /// Octets free where the data is.
    pub disk_free: Option<u64>,
    /// Octets in all there.
    pub disk_total: Option<u64>,
    /// The certificate that an authority gives; none: none is ordered.
    pub certificate: Option<CertificateStatus>,
}

/// How it is with the certificate that an authority gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateStatus {
    /// The names that it is for.
    pub domains: Vec<String>,
    /// Until when the one in force is good; none: there is none.
    pub ends_at: Option<WallTime>,
    /// When the next is ordered.
    pub next_at: Option<WallTime>,
    /// What somebody should do something about.
    pub warning: Option<String>,
}

/// A configuration was put into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// The keys that have another value now, such as `log.filter`.
    pub changed: Vec<String>,
    /// What is in force otherwise than it stands there, and what is likely a mistake; as text for people.
    pub warnings: Vec<String>,
}

/// Where recordings are.
pub trait Recordings: Send + Sync + 'static {
    /// Opens a recording to be streamed, also while it grows. Blocks; called off the runtime's threads.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read.
    fn open(&self, row: &RecordingRow) -> io::Result<OpenRecording>;

    /// How loud a recording is, moment by moment. Blocks; called off the runtime's threads.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read.
    fn peaks(&self, row: &RecordingRow) -> io::Result<Peaks>;
}

/// How loud a recording is.
#[derive(Debug, Clone, PartialEq)]
pub struct Peaks {
    /// Its length, in milliseconds.
    pub duration_ms: u64,
    /// Moments a second.
    pub per_second: f64,
    /// For each channel and moment the least and the greatest sample, as -127 to 127.
    pub channels: [Vec<[i8; 2]>; 2],
}

/// A recording that can be streamed: a snapshot of a file that may still grow.
#[derive(Debug)]
pub struct OpenRecording {
    /// The file. Its position does not matter.
    pub file: File,
    /// What stands for the file's first 44 octets, if the file's own are not true for this length.
    pub header: Option<[u8; 44]>,
    /// How many octets to serve, header included.
    pub length: u64,
    /// Whether the file has its final length.
    pub closed: bool,
}

/// Computes what the password of a slot is checked against, from its digest user name and the password.
pub type Ha1Of = Arc<dyn Fn(&str, &str) -> Ha1 + Send + Sync>;

/// How the API behaves.
#[derive(Clone)]
pub struct ApiSettings {
    /// What tokens are signed with: 32 octets from the operating system's generator, kept by the installation.
    pub jwt_secret: [u8; 32],
    /// How long an access token lives. Default 15 minutes.
    pub access_life: Duration,
    /// The longest body that is read, in octets (`http.body_max`). Default 10 MiB.
    pub body_max: usize,
    /// The domain that phones register with, shown to administrators.
    pub sip_domain: String,
    /// What phones take as their server: the domain, with a port behind it if it is not 5060.
    pub sip_server: String,
    /// What phones can reach it by: `udp`, `tcp`, `tls`, `websocket`.
    pub sip_transports: Vec<&'static str>,
    /// Where people reach the console, without a slash at its end: it stands in links that are sent to them.
    pub public_url: String,
    /// Whether people reach it over HTTPS, by a proxy if not by ourselves: cookies are then sent over nothing else.
    pub is_https: bool,
    /// Origins (`https://desk.example`) whose pages may connect by Socket.IO, besides pages that came from here.
    pub origins: Vec<String>,
}

impl ApiSettings {
    /// The defaults.
    #[must_use]
    pub fn new(jwt_secret: [u8; 32], sip_domain: String, sip_server: String) -> Self {
        Self {
            jwt_secret,
            access_life: Duration::from_secs(15 * 60),
            body_max: 10 * 1024 * 1024,
            sip_domain,
            sip_server,
            sip_transports: vec!["udp", "tcp"],
            public_url: String::new(),
            is_https: false,
            origins: vec![],
        }
    }
}

impl ApiSettings {
    /// Where the console takes one-time links; the token comes directly behind it. Behind a `#`, so that no server's log has it.
    pub(crate) fn link_page(&self) -> String {
        format!("{}/link#token=", self.public_url)
    }
}

/// What the API is made of.
pub struct ApiParts {
    /// How it behaves.
    pub settings: ApiSettings,
    /// People, rights, lists: the only way to the database.
    pub office: Office,
    /// The modules on it.
    pub crm: Crm,
    /// By whom people can log in beside us.
    pub providers: Providers,
    /// Call control.
    pub control: Arc<dyn Control>,
    /// The recordings' files.
    pub recordings: Arc<dyn Recordings>,
    /// The server itself.
    pub system: Arc<dyn System>,
    /// The bus and the board.
    pub live: Arc<Live>,
    /// The metrics that `/metrics` prints.
    pub metrics: Metrics,
    /// How the HA1s of new passwords are computed.
    pub ha1: Ha1Of,
    /// Who takes the WebSockets of phones; none: no phone registers by WebSocket.
    pub phones: Option<Arc<dyn Phones>>,
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Api(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) settings: ApiSettings,
    pub(crate) office: Office,
    pub(crate) crm: Crm,
    pub(crate) providers: Providers,
    pub(crate) waiting: Waiting,
    pub(crate) control: Arc<dyn Control>,
    pub(crate) recordings: Arc<dyn Recordings>,
    pub(crate) system: Arc<dyn System>,
    pub(crate) live: Arc<Live>,
    pub(crate) metrics: Metrics,
    pub(crate) ha1: Ha1Of,
    pub(crate) phones: Option<Arc<dyn Phones>>,
    pub(crate) auth: Auth,
    pub(crate) presence: Arc<Presence>,
    pub(crate) doors: Doors,
    pub(crate) orders: Orders<CallId, OrderError>,
    /// How many recordings are drawn at once.
    pub(crate) drawing: tokio::sync::Semaphore,
    /// Recordings that are being heard.
    pub(crate) heard: Heard,
    /// Held while slots and hubs are changed: what is retired in signalling and what is deleted in the store stay one.
    pub(crate) directory: tokio::sync::Mutex<()>,
}

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Api {
    pub(crate) fn new(parts: ApiParts) -> Self {
        let ApiParts { settings, office, crm, providers, control, recordings, system, live, metrics, ha1, phones } = parts;
        let auth = Auth::new(&settings.jwt_secret);
        let board = Arc::clone(&live);
        let is_first =
            office.tell_rights(move |RightsChange { center, users }| board.publish(now(), [Event::RightsChanged { users, center }]));
        if !is_first {
            tracing::warn!("Changes of rights are told elsewhere already; nobody hears of them here.");
        }
        let board = Arc::clone(&live);
        if !office.tell_rows(move |news| board.publish(now(), news.into_iter().map(|row| Event::Row(Box::new(row))))) {
            tracing::warn!("Rows of modules are told elsewhere already; nobody hears of them here.");
        }
        Self(Arc::new(Shared {
            settings,
            office,
            crm,
            providers,
            waiting: Waiting::default(),
            control,
            recordings,
            system,
            live,
            metrics,
            ha1,
            phones,
            auth,
            presence: Arc::default(),
            doors: Doors::default(),
            orders: Orders::new(),
            drawing: tokio::sync::Semaphore::new(DRAWINGS_MAX),
            heard: Heard::default(),
            directory: tokio::sync::Mutex::new(()),
        }))
    }

    /// Tells call control that the store's slots, hubs, carriers or routes have changed, and waits until it works with them, within reason: what was
    /// committed is done, and an answer that holds a password which is shown once is not lost if the database goes away just then.
    pub(crate) async fn directory_changed(&self) -> Result<(), NotYet> {
        let followed = tokio::spawn(self.control.directory_changed());
        match tokio::time::timeout(FOLLOW_TIME, followed).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("Signalling does not know of a change of slots, trunks or routes yet; it follows by itself.");
                Err(NotYet)
            }
        }
    }

    /// Tells call control that a user is there (R6), if that has not been told just now.
    pub(crate) fn sign_of_life(&self, user: UserId) {
        if self.presence.sign(Instant::now(), user) {
            // Nobody waits for it, and there is nothing to do if it is refused.
            tokio::spawn(self.control.execute(Command::KeepAlive { user }));
        }
    }
}

/// Why a call was not started; kept apart from [`Problem`] because it is told to all who wait under one key.
#[derive(Debug, Clone)]
pub(crate) enum OrderError {
    /// Call control refused.
    Refused(Refusal),
    /// Before this process started, the key stood with another body.
    Reused,
    /// Before this process started, an order came under the key, and what became of it is not known yet.
    Running,
    /// What it is about is not there, or not to be had now.
    Told(Problem),
    /// A defect of ours.
    Broken(&'static str),
}

impl From<Problem> for OrderError {
    fn from(problem: Problem) -> Self {
        Self::Told(problem)
    }
}

impl From<Lost> for OrderError {
    fn from(_: Lost) -> Self {
        Self::Broken("the order's task died")
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Refused(refusal) => refusal.into(),
            OrderError::Reused => Self::new(Code::KeyReused),
            OrderError::Running => Self::new(Code::KeyRunning).retry_after(1),
            OrderError::Told(problem) => problem,
            OrderError::Broken(why) => Self::internal(why),
        }
    }
}

impl From<KeyError<OrderError>> for Problem {
    fn from(error: KeyError<OrderError>) -> Self {
        match error {
            KeyError::Reused => Self::new(Code::KeyReused),
            KeyError::Malformed => crate::idempotency::malformed(),
            KeyError::Order(error) => error.into(),
        }
    }
}

impl From<NotYet> for Problem {
    fn from(NotYet: NotYet) -> Self {
        Self::new(Code::StoreUnavailable).detail(
            "the change is stored, but the database has gone away just then: the change comes into force when it is back; to send it again does no harm",
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(why) => Self::new(Code::StoreUnavailable).logged(format!("{error}: {why}")),
            StoreError::NotFound("trunk") => Self::new(Code::TrunkNotFound),
            StoreError::NotFound("slot") => Self::new(Code::SlotNotFound),
            StoreError::NumbersExhausted { .. } => Self::new(Code::NumbersExhausted).detail(error.to_string()),
            StoreError::Capacity(_) => Self::field(Code::InvalidField, "capacity", error.to_string()),
            StoreError::Defect(why) | StoreError::Unstorable(why) => Self::internal(format!("{error}: {why}")),
            _ => Self::internal(error),
        }
    }
}
