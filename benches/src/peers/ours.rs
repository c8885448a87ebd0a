//! Our own server, as the end-to-end tests start it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use tests::{Account, Server, certificate::Certificate, server::Settings};

use super::{Identity, block};
use crate::generate::lines::Over;

/// Media ports come from here …
const FIRST: u16 = 12_000;
/// … to here; the kernel's own choice begins at 32768.
const LAST: u16 = 32_700;
/// It ends sooner, having nothing to end.
const END_LIMIT: Duration = Duration::from_secs(20);
/// Where the next server's begin.
static NEXT: AtomicU16 = AtomicU16::new(FIRST);

/// A running server of ours.
#[derive(Debug)]
pub(crate) struct Ours {
    server: Server,
    pid: u32,
    /// Every slot of it.
    pub(crate) accounts: Vec<Account>,
    tls: Option<SocketAddr>,
}

impl Ours {
    /// Starts one with hubs of so many slots each, three at most. It takes four media ports a call, and a port rests after its call.
    pub(crate) fn start(recording: bool, hubs: &[u16], media_ports: u16) -> Result<Self> {
        // Not asked to be free, all of them: the server passes over a port that somebody else has.
        let first = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |first| {
            Some(if first > LAST - 2 * media_ports { FIRST } else { first + media_ports })
        });
        let first = first.unwrap_or(FIRST);
        let settings = Settings { media_ports: 2, ..Settings::default() }
            .with("CORDBOARD__MEDIA__PORTS", format!("{first}-{}", first + media_ports - 1))
            .with("CORDBOARD__LOG__FILTER", "warn")
            .with("CORDBOARD__CALLS__MAX", "4000")
            .with("CORDBOARD__MEDIA__TIMEOUT_S", "3600")
            .with("CORDBOARD__RECORDING__ENABLED", if recording { "true" } else { "false" });
        let server = Server::start_with(settings).context("a server to measure")?;
        let pid = server.pid().context("it does not run")?;
        let admin = server.admin()?;
        let mut accounts = Vec::new();
        for (kind, capacity) in ["auto", "mf", "ls"].iter().zip(hubs) {
            accounts.extend(admin.hub(kind, kind, *capacity)?);
        }
        Ok(Self { server, pid, accounts, tls: None })
    }

    /// The same, which phones reach over TLS and WebSocket within TLS as well. It is asked by REST only while it starts.
    pub(crate) fn start_encrypted(identity: &Identity, hubs: &[u16]) -> Result<Self> {
        let Certificate { chain, key } = &identity.certificate;
        let (chain, key) = (chain.display().to_string(), key.display().to_string());
        let tls = SocketAddr::from(([127, 0, 0, 1], block(1)?.start));
        let settings = Settings { media_ports: 40, ..Settings::default() }
            .with_file("")
            .with("CORDBOARD__LOG__FILTER", "warn")
            .with("CORDBOARD__SIP__TLS", tls.to_string())
            .with("CORDBOARD__SIP__TLS_CERT", chain.clone())
            .with("CORDBOARD__SIP__TLS_KEY", key.clone());
        let mut server = Server::start_with(settings).context("a server to measure")?;
        let admin = server.admin()?;
        let mut accounts = Vec::new();
        for (kind, capacity) in ["auto", "mf", "ls"].iter().zip(hubs) {
            accounts.extend(admin.hub(kind, kind, *capacity)?);
        }
        server.terminate(END_LIMIT)?;
        server.configure(&format!("[http]\ntls_cert = {chain:?}\ntls_key = {key:?}\n"))?;
        server.launch()?;
        let pid = server.pid().context("it does not run")?;
        Ok(Self { server, pid, accounts, tls: Some(tls) })
    }

    /// Where phones reach it, and the path of WebSockets.
    pub(crate) fn reached(&self, over: Over) -> (SocketAddr, &'static str) {
        match over {
            Over::Tls => (self.tls.unwrap_or(self.sip()), ""),
            Over::Wss => (self.server.http(), "/sip"),
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Where it listens for SIP.
    pub(crate) fn sip(&self) -> SocketAddr {
        self.server.sip()
    }

    /// The server itself.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Deletes finished recordings, so that a bench does not fill the disk. One that is being finished at this moment stays for the next time.
    pub(crate) fn forget_recordings(&self) -> Result<()> {
        for path in self.server.recordings()?.iter().filter(|path| path.extension().is_some_and(|kind| kind == "wav")) {
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// What is measured.
    pub(crate) fn binary() -> Result<PathBuf> {
        tests::server::binary()
    }
}
