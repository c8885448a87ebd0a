//! What must be in place before the loops run: directories, database, journal, and what the last run left behind.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use config::Config;
use model::{CallId, Directory, Fact};
use rustix::fs::{FlockOperation, flock};
use sip_core::Transport;
use store::{Store, consumer, journal::Journal};
use tracing::{info, warn};

/// The port of SIP over UDP and TCP (RFC 3261, 19.1.2).
const SIP_PORT: u16 = 5060;

/// The SQLite database in the data directory.
const DATABASE_FILE: &str = "cordboard.db";

/// Makes the data directory and takes it for this process alone.
///
/// The returned file holds the lock; two servers on one directory would write one journal.
pub(crate) fn claim(data_dir: &Path) -> anyhow::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
    let path = data_dir.join("lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("another cordboard runs on {}; stop it, or name another --data-dir", data_dir.display());
    }
    Ok(lock)
}

/// Opens the database and brings its schema up to date. One in the data directory is made if it is not there.
pub(crate) async fn open_store(config: &Config, data_dir: &Path) -> anyhow::Result<Store> {
    let url = match &config.database.url {
        Some(url) => url.secret().to_owned(),
        None => {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(data_dir)
                .with_context(|| format!("cannot make {}", data_dir.display()))?;
            let path = fs::canonicalize(data_dir)?.join(DATABASE_FILE);
            format!("sqlite:{}", path.display())
        }
    };
    // The URL may hold a password: it is not named.
    Store::open(&url).await.context("cannot open the database")
}

/// Refuses what works on a server's data if no server has ever run there: a new database helps nobody who has named the wrong place.
pub(crate) fn expect_database(config: &Config, data_dir: &Path) -> anyhow::Result<()> {
    let wanted = "give the --data-dir and --config with which the server runs; its first start makes the database";
    match &config.database.url {
        None => {
            if !data_dir.join(DATABASE_FILE).is_file() {
                // Nobody sees in "./data" which directory that is.
                let seen = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
                bail!("there is no database in {}; {wanted}", seen.display());
            }
        }
        Some(url) => {
            let path = url.secret().strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
            let path = path.map(|path| path.split('?').next().unwrap_or(path));
            if let Some(path) = path.filter(|path| !Path::new(path).is_file()) {
                bail!("there is no database {path} (database.url); {wanted}");
            }
        }
    }
    Ok(())
}

/// Where recordings are kept.
pub(crate) fn recording_dir(config: &Config, data_dir: &Path) -> PathBuf {
    config.recording.dir.clone().unwrap_or_else(|| data_dir.join("recordings"))
}

/// Brings the database up to the journal, and finishes what the last run could not: calls that were up, recordings that were open (FT-1, FT-2).
///
/// Gives the facts that the disk does not take now; the journal's thread tries them again. A full disk does not keep phones waiting (FT-6).
pub(crate) async fn recover(store: &Store, journal: &mut Journal, journal_dir: &Path, recordings: &Path) -> anyhow::Result<Vec<Fact>> {
    // A data directory that was lost while the database was not must not begin to count anew.
    journal.skip_to(store.cursor().await?);
    let progress = consumer::catch_up(store, journal_dir).await.context("cannot bring the database up to the journal")?;
    info!(facts = progress.consumed, "The database is up to the journal.");
    let mended = recording::recover(recordings, &store.unfinished_recordings().await?);
    let mut facts = Vec::new();
    for (view, last_seen) in store.unfinished_calls().await? {
        // A recording knows better than the journal how long a call was alive: it grew to the end.
        let heard =
            mended.iter().find(|row| row.call_id == view.call_id).map(|row| row.started_at.after(Duration::from_millis(row.duration_ms)));
        facts.push(Fact::CallEnded { cdr: calls::aborted(view, heard.map_or(last_seen, |heard| heard.max(last_seen))) });
    }
    let aborted = facts.len();
    facts.extend(mended.iter().map(|row| Fact::Recording { row: row.clone() }));
    if facts.is_empty() {
        return Ok(facts);
    }
    warn!(calls = aborted, recordings = mended.len(), "The last run ended without a word; its calls and recordings are closed now.");
    if let Err(failure) = journal.append(&facts) {
        warn!(%failure, "The journal cannot be written; the records of these calls wait in memory. Free disk space.");
        return Ok(facts);
    }
    if let Err(failure) = journal.sync() {
        warn!(%failure, "The journal cannot be brought to disk; its thread goes on trying.");
        return Ok(Vec::new());
    }
    for row in &mended {
        // Until here a start that is killed tells the same once more.
        if let Err(failure) = recording::forget_sidecar(recordings, row) {
            warn!(%failure, call = %row.call_id, "A recording's sidecar cannot be taken away; the next start closes the recording again.");
        }
    }
    if let Err(failure) = consumer::catch_up(store, journal_dir).await {
        warn!(%failure, "The database does not take these records now; they wait in the journal.");
    }
    Ok(Vec::new())
}

/// Makes ready to tell what kind of number is called, so that the first call to a country does not wait for its tables: the countries in which
/// carriers have numbers and prices for us, and Russia in any case.
pub(crate) fn know_numbers(directory: &Directory) {
    /// So much of a number tells its country: `+` and three digits.
    const CODE: usize = 4;
    let carriers = directory.plan().carriers().map(|entry| &entry.carrier);
    let numbers = carriers.flat_map(|carrier| {
        let own = carrier.numbers.iter().map(|number| number.number.as_str());
        own.chain(carrier.callers.iter().map(|caller| caller.number.as_str()))
    });
    let codes: BTreeSet<&str> = numbers.filter(|number| number.starts_with('+')).filter_map(|number| number.get(..CODE)).collect();
    model::carrier::warm(&codes.into_iter().chain(["+7"]).collect::<Vec<_>>());
}

/// The greatest call id ever given, so that ids go on above it.
pub(crate) async fn last_call(store: &Store) -> anyhow::Result<Option<CallId>> {
    Ok(store.newest_call().await?)
}

/// What phones can reach the server by, as far as it is switched on.
pub(crate) fn phones_transports(config: &Config) -> Vec<&'static str> {
    let sip = &config.sip;
    let on = [("udp", !sip.udp.is_empty()), ("tcp", !sip.tcp.is_empty()), ("tls", !sip.tls.is_empty()), ("websocket", sip.websocket)];
    on.into_iter().filter_map(|(name, is_on)| is_on.then_some(name)).collect()
}

/// What phones take as their server: the domain, with the port behind it if it is not SIP's own (RFC 3261, 19.1.2).
pub(crate) fn phones_server(domain: &str, listening: &[SocketAddr]) -> String {
    let own: Option<IpAddr> = domain.trim_matches(['[', ']']).parse().ok();
    // The socket of that very address, else one of all addresses (of its family, if the domain is an address), else one that others reach.
    let is_wide = |address: &&SocketAddr| address.ip().is_unspecified() && own.is_none_or(|own| own.is_ipv4() == address.is_ipv4());
    let mut found = listening.iter().find(|address| Some(address.ip()) == own);
    found = found.or_else(|| listening.iter().find(is_wide));
    found = found.or_else(|| listening.iter().find(|address| !address.ip().is_loopback())).or(listening.first());
    let port = found.map_or(SIP_PORT, SocketAddr::port);
    let is_bare_v6 = domain.contains(':') && !domain.starts_with('[');
    let host = if is_bare_v6 { format!("[{domain}]") } else { domain.to_owned() };
    if port == SIP_PORT { host } else { format!("{host}:{port}") }
}

/// From which of our addresses requests to others may leave: those that are listened on, by transport. A wildcard address stands for the one by
/// which its family's default route goes, and for the loopback. Where no streams are opened to us over TCP or TLS, they still are by us: from the
/// addresses of UDP, with port 0, for nobody reaches us there.
pub(crate) fn outward(udp: &[SocketAddr], tcp: &[SocketAddr], tls: &[SocketAddr]) -> Vec<(Transport, SocketAddr)> {
    // Who listens at certain addresses only need not know of a way to the world.
    let of = |any: IpAddr| udp.iter().chain(tcp).chain(tls).any(|address| address.ip() == any).then(|| default_route(any)).flatten();
    outward_by(udp, tcp, tls, of(Ipv4Addr::UNSPECIFIED.into()), of(Ipv6Addr::UNSPECIFIED.into()))
}

/// From which of our addresses requests leave for others, as [`outward`] has them for the whole world.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) tcp: Vec<SocketAddr>,
    pub(crate) tls: Vec<SocketAddr>,
}

impl Ways {
    /// Those that have this address, from which the kernel goes somewhere; none if nothing is listened on there.
    pub(crate) fn at(&self, local: IpAddr) -> Vec<(Transport, SocketAddr)> {
        let mut ours =
            outward_by(&self.udp, &self.tcp, &self.tls, Some(local).filter(IpAddr::is_ipv4), Some(local).filter(IpAddr::is_ipv6));
        ours.retain(|(_, address)| address.ip() == local);
        // The loopback stands for every wildcard beside it.
        ours.dedup();
        ours
    }
}

fn outward_by(
    udp: &[SocketAddr],
    tcp: &[SocketAddr],
    tls: &[SocketAddr],
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
) -> Vec<(Transport, SocketAddr)> {
    let real = |address: &SocketAddr| {
        let wide = match (address.ip().is_unspecified(), address.is_ipv4()) {
            (false, _) => return vec![*address],
            (true, true) => [v4, Some(Ipv4Addr::LOCALHOST.into())],
            // Without a way to the world over IPv6 nothing there is looked for.
            (true, false) => [v6, v6.map(|_| Ipv6Addr::LOCALHOST.into())],
        };
        wide.into_iter().flatten().map(|ip| SocketAddr::new(ip, address.port())).collect()
    };
    let unheard: Vec<SocketAddr> = udp.iter().map(|address| SocketAddr::new(address.ip(), 0)).collect();
    let streams = |listening: &[SocketAddr]| if listening.is_empty() { unheard.clone() } else { listening.to_vec() };
    let ours = [(Transport::Udp, udp.to_vec()), (Transport::Tcp, streams(tcp)), (Transport::Tls, streams(tls))];
    ours.into_iter().flat_map(|(transport, all)| all.iter().flat_map(real).map(move |one| (transport, one)).collect::<Vec<_>>()).collect()
}

/// Our address towards the world, of the family of `any`. No packet is sent.
fn default_route(any: IpAddr) -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    // Documentation addresses (RFC 5737, RFC 3849): the kernel only looks up which way it would go.
    let world: SocketAddr = match any {
        IpAddr::V4(_) => ([192, 0, 2, 1], 9).into(),
        IpAddr::V6(_) => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(),
    };
    socket.connect(world).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

/// The SIP domain if none is configured: the address of the default route, else 127.0.0.1. No packet is sent.
/// If signalling listens on certain addresses only, it is the first of those: phones reach nothing else.
pub(crate) fn default_domain(listening: &[SocketAddr]) -> String {
    if let (Some(first), false) = (listening.first(), listening.iter().any(|address| address.ip().is_unspecified())) {
        return match first {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
    }
    default_route(Ipv4Addr::UNSPECIFIED.into()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_string()
}

/// Says something to the person who started the program.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn phones_are_told_the_port_unless_it_is_the_usual_one() {
        let told = |domain: &str, listening: &[&str]| {
            let listening: Vec<SocketAddr> = listening.iter().map(|address| address.parse().unwrap()).collect();
            phones_server(domain, &listening)
        };
        assert_eq!(told("pbx.example", &["0.0.0.0:5060", "[::]:5060"]), "pbx.example");
        assert_eq!(told("pbx.example", &["0.0.0.0:5070", "[::]:5060"]), "pbx.example:5070");
        assert_eq!(told("10.0.0.5", &["10.0.0.4:5060", "10.0.0.5:5070"]), "10.0.0.5:5070");
        assert_eq!(told("[2001:db8::5]", &["10.0.0.4:5060", "[2001:db8::5]:5070"]), "[2001:db8::5]:5070");
        assert_eq!(told("2001:db8::5", &["[2001:db8::5]:5060"]), "[2001:db8::5]");
        assert_eq!(told("10.0.0.5", &["[::]:5061", "0.0.0.0:5060"]), "10.0.0.5");
        assert_eq!(told("pbx.example", &["127.0.0.1:5062", "10.0.0.5:5060"]), "pbx.example");
    }

    #[test]
    fn requests_leave_from_real_addresses_whatever_is_listened_on() {
        let ours = |udp: &[&str], tcp: &[&str], tls: &[&str], v4: Option<&str>, v6: Option<&str>| {
            let read = |all: &[&str]| all.iter().map(|one| one.parse().unwrap()).collect::<Vec<SocketAddr>>();
            let ours = outward_by(&read(udp), &read(tcp), &read(tls), v4.map(|v4| v4.parse().unwrap()), v6.map(|v6| v6.parse().unwrap()));
            ours.iter().map(|(transport, address)| format!("{} {address}", transport.name())).collect::<Vec<_>>().join(", ")
        };
        let both = ["0.0.0.0:5060", "[::]:5060"];
        assert_eq!(
            ours(&both, &both[..1], &[], Some("198.51.100.7"), Some("2001:db8::7")),
            "udp 198.51.100.7:5060, udp 127.0.0.1:5060, udp [2001:db8::7]:5060, udp [::1]:5060, tcp 198.51.100.7:5060, tcp 127.0.0.1:5060, \
             tls 198.51.100.7:0, tls 127.0.0.1:0, tls [2001:db8::7]:0, tls [::1]:0"
        );
        assert_eq!(ours(&both, &both, &both, None, None), "udp 127.0.0.1:5060, tcp 127.0.0.1:5060, tls 127.0.0.1:5060");
        assert_eq!(ours(&["10.0.0.5:5070"], &[], &["10.0.0.5:5061"], None, None), "udp 10.0.0.5:5070, tcp 10.0.0.5:0, tls 10.0.0.5:5061");
    }

    #[test]
    fn a_request_leaves_from_where_the_kernel_goes_if_we_listen_there() {
        let read = |all: &[&str]| all.iter().map(|one| one.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let from = |udp: &[&str], tcp: &[&str], local: &str| {
            let ways = Ways { udp: read(udp), tcp: read(tcp), tls: Vec::new() };
            let ours = ways.at(local.parse().unwrap());
            ours.iter().map(|(transport, address)| format!("{} {address}", transport.name())).collect::<Vec<_>>().join(", ")
        };
        let both = ["0.0.0.0:5060", "[::]:5060"];
        assert_eq!(from(&both, &both, "10.0.0.7"), "udp 10.0.0.7:5060, tcp 10.0.0.7:5060, tls 10.0.0.7:0");
        assert_eq!(from(&both, &[], "2001:db8::7"), "udp [2001:db8::7]:5060, tcp [2001:db8::7]:0, tls [2001:db8::7]:0");
        assert_eq!(from(&both, &both, "127.0.0.1"), "udp 127.0.0.1:5060, tcp 127.0.0.1:5060, tls 127.0.0.1:0");
        let two = ["10.0.0.7:5060", "198.51.100.7:5070"];
        assert_eq!(from(&two, &two, "198.51.100.7"), "udp 198.51.100.7:5070, tcp 198.51.100.7:5070, tls 198.51.100.7:0");
        assert_eq!(from(&two, &two, "192.0.2.1"), "");
    }

    #[test]
    fn a_directory_without_a_database_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let config = |url: &str| {
            let url = [("CORDBOARD__DATABASE__URL".to_owned(), url.to_owned())];
            Config::judge(None, url.into_iter(), |_| Vec::new()).outcome().unwrap().0
        };
        let elsewhere = dir.path().join("else.db");
        let urls = [elsewhere.display().to_string(), format!("//{}?mode=rwc", elsewhere.display())];
        let refusal = |url: &str| expect_database(&config(url), &data).unwrap_err().to_string();
        assert!(refusal("").contains(&data.display().to_string()) && refusal("").contains("--data-dir"), "{}", refusal(""));
        assert!(!data.exists());
        for url in &urls {
            let told = refusal(&format!("sqlite:{url}"));
            assert!(told.contains("else.db (database.url)"), "{told}");
        }
        fs::create_dir(&data).unwrap();
        assert!(refusal("").contains("no database"));
        fs::write(data.join(DATABASE_FILE), "").unwrap();
        fs::write(&elsewhere, "").unwrap();
        for url in ["", &format!("sqlite:{}", urls[0]), &format!("sqlite:{}", urls[1]), "postgres://host/name"] {
            expect_database(&config(url), &data).unwrap();
        }
    }
}
