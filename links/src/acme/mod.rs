//! Certificates from an authority that speaks ACME (RFC 8555): ordered, proven, stored and renewed without anybody doing anything.
//!
//! ```text
//!            ┌────────────────────── due again, at two thirds of its life ──────────────────────┐
//!            ▼                                                                                   │
//!  order ──▶ answer challenges (RFC 8737, or HTTP-01) ──▶ sign ──▶ fetch ──▶ store ──▶ in force ─┘
//!    ▲                            │ refused, away, slow
//!    └── a pause that doubles ◀───┘ the certificate that is there stays in force
//! ```
//!
//! [`Certificates`] is what the listener serves from: the certificate in force, and what answers challenges while an order is under way.
//! [`Keeper`] does the rest. The account's key and the certificate with its key lie in a directory of their own that nobody else may read.

mod certificate;
mod client;
mod files;
mod order;
mod serving;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::http::HttpError;

pub use certificate::{Certificate, CertificateError};
pub use serving::{ACME_TLS, Certificates};

/// The first pause after a failure.
const PAUSE_FIRST: Duration = Duration::from_secs(60);
/// The longest: an authority counts failures by the hour, and a certificate has weeks left.
const PAUSE_MAX: Duration = Duration::from_secs(6 * 3600);
/// The least pause when the authority says that it was asked too often.
const PAUSE_LIMITED: Duration = Duration::from_secs(3600);
/// How long may be slept at once: the clock may be set meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(600);
/// All of an order, from its beginning to its certificate.
const ORDER_MAX: Duration = Duration::from_secs(180);
/// So long before its end a certificate that could not be renewed is told of.
pub const WARN_BEFORE: Duration = Duration::from_secs(14 * 24 * 3600);

/// By which challenge a name is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By a certificate at port 443 (RFC 8737).
    TlsAlpn01,
    /// By an answer over plain HTTP at port 80 (RFC 8555, 8.3).
    Http01,
}

/// What to order, and where.
#[derive(Clone)]
pub struct Settings {
    /// The authority's directory.
    pub directory: String,
    /// The names that the certificate is to be for.
    pub domains: Vec<String>,
    /// Where the authority can write to.
    pub contact: Option<String>,
    /// By which challenge the names are proven.
    pub proof: Proof,
    /// The account with the authority that ours is to belong to: its key's id, and the key itself in base64url (RFC 8555, 7.3.4).
    pub external_account: Option<(String, String)>,
    /// Where the account and the certificate are kept.
    pub dir: PathBuf,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The authority cannot be reached, or is not believed.
    #[error("the authority cannot be asked: {0}")]
    Http(#[from] HttpError),
    /// It refuses.
    #[error("the authority refuses: {text}")]
    Refused {
        /// What it says.
        text: String,
        /// Whether it was asked too often.
        is_limited: bool,
        /// Whether it does not know our account.
        is_unknown_account: bool,
    },
    /// It does not offer the challenge.
    #[error("the authority offers no {proof} for {name}")]
    NoProof {
        /// The challenge.
        proof: &'static str,
        /// The name.
        name: String,
    },
    /// What it answers makes no sense.
    #[error("the authority's answer cannot be used: {0}")]
    Answer(String),
    /// It took too long.
    #[error("the order was not done in {} s", ORDER_MAX.as_secs())]
    Slow,
    /// What came is no certificate for what was ordered.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] CertificateError),
    /// It is old already; another one would be no younger.
    #[error("the certificate that was given is to be renewed already: see whether this machine's clock is right")]
    Old,
    /// It cannot be stored.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// How it is with the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The names that it is to be for.
    pub domains: Vec<String>,
    /// Until when the one in force is good; none: there is none.
    pub ends: Option<SystemTime>,
    /// When the next is ordered.
    pub next: Option<SystemTime>,
    /// Why the last order failed; none: it did not.
    pub failure: Option<String>,
    /// Nobody orders it, people put files in place: so long before its end they are to put another there.
    pub by_hand: Option<Duration>,
}

impl Standing {
    /// How it is with a certificate that people have put in place.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn by_hand(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let (domains, begins, ends) = certificate::read(certificate)?;
        // One that lives for days only is renewed by a program, late in its life.
        let warn_before = WARN_BEFORE.min(ends.duration_since(begins).unwrap_or_default() / 4);
        Ok(Self { domains, ends: Some(ends), by_hand: Some(warn_before), ..Self::default() })
    }

    /// What somebody should know and do something about.
    #[must_use]
    pub fn warning(&self, now: SystemTime) -> Option<String> {
        let because = self.failure.as_deref().map_or_else(String::new, |failure| format!(": {failure}"));
        let names = self.domains.join(", ");
        match self.ends {
            None => Some(format!("there is no certificate for {names} yet{because}")),
            Some(ends) => match ends.duration_since(now) {
                Err(_) => Some(format!("the certificate for {names} has ended{because}")),
                Ok(left) if self.by_hand.map_or(self.failure.is_some() && left <= WARN_BEFORE, |before| left <= before) => {
                    let hours = left.as_secs() / 3600;
                    let end = format!("the certificate for {names} ends in {} days and {} hours", hours / 24, hours % 24);
                    Some(if self.by_hand.is_some() {
                        format!("{end}: put a new one into its file")
                    } else {
                        format!("{end} and could not be renewed{because}")
                    })
                }
                Ok(_) => None,
            },
        }
    }
}

/// Orders and renews.
pub struct Keeper {
    settings: Settings,
    client: client::Client,
    certificates: Arc<Certificates>,
    standing: watch::Sender<Standing>,
    /// The certificate in force came from another authority: from a staging, perhaps, whose certificates nobody believes.
    is_from_elsewhere: bool,
    /// Gives a number from 0 to 1, so that many servers do not come at once.
    chance: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl Keeper {
    /// Reads what was stored; what cannot be used is told and ordered anew. `roots` vouch for the authority's own server.
    #[must_use]
    pub fn new(
        settings: Settings,
        roots: &crate::Roots,
        chance: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> (Self, Arc<Certificates>, watch::Receiver<Standing>) {
        let certificates = Arc::new(Certificates::default());
        let (standing, told) = watch::channel(Standing { domains: settings.domains.clone(), ..Standing::default() });
        let client = client::Client::new(roots);
        let mut keeper = Self {
            settings,
            client,
            certificates: Arc::clone(&certificates),
            standing,
            is_from_elsewhere: false,
            chance: Box::new(chance),
        };
        match files::certificate(&keeper.settings.dir, &keeper.settings.directory) {
            Ok(Some((certificate, is_from_here))) => {
                keeper.is_from_elsewhere = !is_from_here;
                keeper.put(&certificate);
            }
            Ok(None) => {}
            Err(error) => warn!(%error, "The stored certificate cannot be used; another is ordered."),
        }
        (keeper, certificates, told)
    }

    /// Orders what is missing and renews what is due, for ever.
    pub async fn run(mut self) {
        let mut failures = 0;
        loop {
            let next = self.due();
            self.standing.send_modify(|standing| standing.next = Some(next));
            self.wait(next).await;
            match self.order().await {
                Ok(()) => {
                    failures = 0;
                    self.standing.send_modify(|standing| standing.failure = None);
                }
                Err(error) => {
                    failures += 1;
                    let pause = pause(failures, &error, (self.chance)());
                    warn!(%error, again_in_s = pause.as_secs(), domains = self.settings.domains.join(", "), "No certificate could be had; what is there stays in force.");
                    let next = SystemTime::now() + pause;
                    self.standing.send_modify(|standing| {
                        standing.failure = Some(error.to_string());
                        standing.next = Some(next);
                    });
                    self.wait(next).await;
                }
            }
        }
    }

    /// When the next is to be ordered: now, if there is none for all names.
    fn due(&self) -> SystemTime {
        match self.certificates.in_force() {
            Some(certificate) if certificate.is_for(&self.settings.domains) && !self.is_from_elsewhere => certificate.renewal(),
            _ => SystemTime::now(),
        }
    }

    async fn wait(&self, until: SystemTime) {
        while let Ok(rest) = until.duration_since(SystemTime::now()) {
            if rest.is_zero() {
                return;
            }
            tokio::time::sleep(rest.min(LOOK_EVERY)).await;
        }
    }

    async fn order(&mut self) -> Result<(), AcmeError> {
        let (settings, certificates) = (&self.settings, &self.certificates);
        let ordered = tokio::time::timeout(ORDER_MAX, order::order(settings, &self.client, certificates)).await;
        // Whatever came of it, nothing is to be proven any more.
        self.certificates.forget_challenges();
        let pem = ordered.unwrap_or(Err(AcmeError::Slow))?;
        let certificate = Certificate::of_pem(pem.as_bytes())?;
        if !certificate.is_for(&self.settings.domains) {
            return Err(CertificateError::Names.into());
        }
        // In force even if it cannot be stored: it was given, and authorities count.
        self.put(&certificate);
        self.is_from_elsewhere = false;
        info!(domains = self.settings.domains.join(", "), "A new certificate is in force.");
        files::keep_certificate(&self.settings.dir, &self.settings.directory, &pem)?;
        // Else it would be ordered again at once, and so on.
        if certificate.renewal() <= SystemTime::now() { Err(AcmeError::Old) } else { Ok(()) }
    }

    fn put(&self, certificate: &Certificate) {
        self.certificates.put(certificate.clone());
        self.standing.send_modify(|standing| standing.ends = Some(certificate.ends()));
    }
}

/// How long to wait after so many failures in a row: between half and all of a time that doubles.
fn pause(failures: u32, error: &AcmeError, chance: f64) -> Duration {
    let doubled = PAUSE_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(PAUSE_MAX);
    let is_limited = matches!(error, AcmeError::Refused { is_limited: true, .. });
    let full = if is_limited { doubled.max(PAUSE_LIMITED) } else { doubled };
    let least = if is_limited { PAUSE_LIMITED.max(full / 2) } else { full / 2 };
    least + (full - least).mul_f64(chance.clamp(0.0, 1.0))
}
