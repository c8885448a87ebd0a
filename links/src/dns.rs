//! Questions to DNS. What the answers mean, how long they are kept and what is done without any is not known here.
//!
//! Names are asked for as they are, from the root on: the system's search list is for people at a keyboard. Nothing is kept, so that who asks
//! decides how long an answer is good.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use hickory_resolver::{
    Resolver as Hickory, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    lookup::Lookup,
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{DNSClass, Name, RData, RecordType},
    },
};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{timeout, timeout_at},
};
use tracing::{debug, info};

/// Questions under way at once; each has a socket of its own. Others wait, and their time runs.
const QUERIES_MAX: usize = 512;
/// Servers that are asked; the C library takes three of `resolv.conf`.
const SERVERS_MAX: usize = 3;
/// Records of one answer that are handed on.
const RECORDS_MAX: usize = 64;
/// A server is asked again so often within the time of a question.
const TRIES: u32 = 2;
/// After a failure the system's file is looked at again, so often at most.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The servers, three at most. None: those of `/etc/resolv.conf`, and `/etc/hosts` before them.
    pub servers: Vec<SocketAddr>,
    /// How long a question may take in all.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { servers: Vec::new(), deadline: Duration::from_millis(4_500) }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// RFC 3403.
    Naptr,
    /// RFC 2782.
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// What DNS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Records of the kind that was asked for, one at least.
    Records(Vec<Record>),
    /// There is no such name.
    NoSuchName {
        /// For how many seconds that is so, if it is said (RFC 2308, 5).
        ttl_s: Option<u32>,
    },
    /// The name has no records of that kind.
    NoData {
        /// For how many seconds that is so, if it is said.
        ttl_s: Option<u32>,
    },
    /// No server could tell, or none in time.
    Failure {
        /// For the log.
        why: String,
    },
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How long it is good, in seconds; aliases on the way to it included.
    pub ttl_s: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says. Names end with a dot; what cannot stand in a host's name is escaped with a backslash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// RFC 3403, 4.1.
    Naptr {
        /// Order.
        order: u16,
        /// Preference.
        preference: u16,
        /// Flags.
        flags: Vec<u8>,
        /// Services.
        services: Vec<u8>,
        /// Regexp.
        regexp: Vec<u8>,
        /// Replacement.
        replacement: String,
    },
    /// RFC 2782.
    Srv {
        /// Priority.
        priority: u16,
        /// Weight.
        weight: u16,
        /// Port.
        port: u16,
        /// Target.
        target: String,
    },
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
}

/// Asks DNS. Each question is on its own: one that nobody answers holds up no other.
pub struct Resolver {
    settings: Settings,
    resolv_conf: PathBuf,
    current: Mutex<Current>,
    room: Semaphore,
}

/// What is asked by now.
struct Current {
    servers: Vec<SocketAddr>,
    hickory: TokioResolver,
    looked: Instant,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("servers", &self.servers()).field("deadline", &self.settings.deadline).finish_non_exhaustive()
    }
}

impl Resolver {
    /// One that asks as the settings say. It must be used within a tokio runtime.
    ///
    /// # Errors
    /// What hickory has against the settings, for the log.
    pub fn new(settings: Settings) -> Result<Self, String> {
        Self::with_file(settings, Path::new(RESOLV_CONF))
    }

    fn with_file(settings: Settings, resolv_conf: &Path) -> Result<Self, String> {
        let servers = servers(&settings, resolv_conf);
        let hickory = hickory(&settings, &servers)?;
        let current = Mutex::new(Current { servers, hickory, looked: Instant::now() });
        Ok(Self { settings, resolv_conf: resolv_conf.to_owned(), current, room: Semaphore::new(QUERIES_MAX) })
    }

    /// The servers that are asked.
    #[must_use]
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).servers.clone()
    }

    /// Asks, with or without a dot at the name's end. There is an answer within the deadline of the settings.
    pub async fn query(&self, name: &str, kind: Kind) -> Answer {
        let Some(name) = absolute(name) else {
            return Answer::Failure { why: "not a name that can be asked for".to_owned() };
        };
        let ends = tokio::time::Instant::now() + self.settings.deadline;
        let late = || Answer::Failure { why: "no answer in time".to_owned() };
        let Ok(Ok(_room)) = timeout_at(ends, self.room.acquire()).await else { return late() };
        let hickory = self.current.lock().unwrap_or_else(PoisonError::into_inner).hickory.clone();
        // In a task of its own: a panic in a parser would end that task and no other. It ends with this future.
        let mut task = JoinSet::new();
        task.spawn(async move { hickory.lookup(name, kind.into()).await });
        let answer = match timeout_at(ends, task.join_next()).await {
            Ok(Some(Ok(Ok(lookup)))) => records(&lookup, kind),
            Ok(Some(Ok(Err(error)))) => refusal(&error),
            Ok(Some(Err(error))) => Answer::Failure { why: error.to_string() },
            Ok(None) | Err(_) => late(),
        };
        if let Answer::Failure { why } = &answer {
            debug!(why, ?kind, "DNS gave no answer");
            self.look_again().await;
        }
        answer
    }

    /// The system's servers may be others by now: a lease, a VPN, a cable.
    async fn look_again(&self) {
        {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.settings.servers.is_empty() || current.looked.elapsed() < LOOK_EVERY {
                return;
            }
            current.looked = Instant::now();
        }
        let (settings, file) = (self.settings.clone(), self.resolv_conf.clone());
        let before = self.servers();
        let read = tokio::task::spawn_blocking(move || {
            let servers = servers(&settings, &file);
            (servers != before).then(|| hickory(&settings, &servers).map(|hickory| (servers, hickory)))
        });
        // A file system that hangs is not to hold up an answer.
        if let Ok(Ok(Some(Ok((servers, hickory))))) = timeout(Duration::from_secs(1), read).await {
            info!(?servers, "other DNS servers from now on");
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.servers = servers;
            current.hickory = hickory;
        }
    }
}

/// The servers to ask. There is always one: without any the C library asks this machine (resolv.conf(5)).
fn servers(settings: &Settings, resolv_conf: &Path) -> Vec<SocketAddr> {
    let mut servers = settings.servers.clone();
    if servers.is_empty() {
        let text = std::fs::read(resolv_conf).unwrap_or_default();
        servers = listed(&String::from_utf8_lossy(&text));
    }
    if servers.is_empty() {
        servers.push((Ipv4Addr::LOCALHOST, 53).into());
    }
    servers.truncate(SERVERS_MAX);
    servers
}

/// The servers of a `resolv.conf`. Read by us, because the usual readers give up at a line that they do not know. A server at an address with a
/// zone (`fe80::1%eth0`) is passed over: hickory cannot ask it.
fn listed(resolv_conf: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        let address = (words.next() == Some("nameserver")).then(|| words.next()).flatten()?;
        Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, 53))
    };
    resolv_conf.lines().filter_map(server).collect()
}

fn hickory(settings: &Settings, servers: &[SocketAddr]) -> Result<TokioResolver, String> {
    let mut config = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
    for server in servers {
        let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
        for connection in &mut connections {
            connection.port = server.port();
        }
        config.add_name_server(NameServerConfig::new(server.ip(), true, connections));
    }
    let mut builder = Hickory::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    // One try more than there are, so that the last one can end before the deadline.
    options.timeout = settings.deadline / (TRIES + 1);
    options.attempts = usize::try_from(TRIES - 1).unwrap_or(1);
    options.cache_size = 0;
    options.max_active_requests = QUERIES_MAX;
    options.use_hosts_file = if settings.servers.is_empty() { ResolveHosts::Always } else { ResolveHosts::Never };
    builder.build().map_err(|error| error.to_string())
}

/// The name with a dot at its end: without one, search lists are tried.
fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

impl From<Kind> for RecordType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Naptr => Self::NAPTR,
            Kind::Srv => Self::SRV,
            Kind::A => Self::A,
            Kind::Aaaa => Self::AAAA,
        }
    }
}

fn records(lookup: &Lookup, kind: Kind) -> Answer {
    let answers = || lookup.answers().iter().filter(|record| record.dns_class == DNSClass::IN);
    // What an alias leads to is good for no longer than the alias.
    let alias_s = answers().filter(|record| record.record_type() == RecordType::CNAME).map(|record| record.ttl).min().unwrap_or(u32::MAX);
    let records = answers().filter(|record| record.record_type() == kind.into());
    let records = records.filter_map(|record| Some(Record { ttl_s: record.ttl.min(alias_s), data: data(&record.data)? }));
    let records: Vec<_> = records.take(RECORDS_MAX).collect();
    if records.is_empty() { Answer::NoData { ttl_s: None } } else { Answer::Records(records) }
}

fn data(data: &RData) -> Option<Data> {
    Some(match data {
        RData::A(address) => Data::A(address.0),
        RData::AAAA(address) => Data::Aaaa(address.0),
        RData::SRV(srv) => Data::Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: srv.target.to_ascii() },
        RData::NAPTR(naptr) => Data::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: naptr.flags.to_vec(),
            services: naptr.services.to_vec(),
            regexp: naptr.regexp.to_vec(),
            replacement: naptr.replacement.to_ascii(),
        },
        _ => return None,
    })
}

fn refusal(error: &NetError) -> Answer {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => Answer::NoSuchName { ttl_s: none.negative_ttl },
            ResponseCode::NoError => Answer::NoData { ttl_s: none.negative_ttl },
            code => Answer::Failure { why: code.to_string() },
        },
        error => Answer::Failure { why: error.to_string() },
    }
}
