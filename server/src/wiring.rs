//! From the configuration to what each room wants to be told.

use std::{fs, path::Path, time::Duration};

use anyhow::Context;
use api::Tls;
use calls::Settings;
use config::{AcmeChallenge, Config, DigestAlgorithm};
use links::{
    Roots,
    acme::{self, Keeper, Proof, Standing},
};
use net::StreamLimits;
use sip_core::{ArmourSettings, GuardSettings, RegistrarSettings};
use tokio::sync::watch;

use crate::secrets;

/// How long a digest nonce is good.
const NONCE_LIFE: Duration = Duration::from_secs(300);

/// So often a phone says something by each of its streams, in seconds (RFC 5626, 4.4.1), lest a NAT forget it.
const FLOW_TIMER_S: u32 = 120;

/// A lease ends this long after its holder's last sign of life (R6).
const LEASE: Duration = Duration::from_secs(90);

/// A taken slot waits this long for its lost phone (R5).
const UNREGISTERED_GRACE: Duration = Duration::from_secs(60);

/// Ports that each media worker binds in advance, if descriptors allow it.
const PORT_STOCK: usize = 64;

/// With fewer a worker would refill all the time.
const PORT_STOCK_MIN: usize = 4;

/// Descriptors for everything that is no phone and no call: listeners, database, journal, log, REST.
const DESCRIPTORS_KEPT: u64 = 96;

/// RTP and RTCP of two legs.
const DESCRIPTORS_A_CALL: u64 = 4;

/// A recording's file, and one that is being opened or closed.
const DESCRIPTORS_A_RECORDING: u64 = 2;

/// A pair of ports.
const DESCRIPTORS_A_PAIR: usize = 2;

/// What the descriptors that this process may open are used for (FT-11): calls, ports in stock and streams each have their share, so that
/// whichever grows, the others and the database go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// The limit itself.
    pub(crate) descriptors: u64,
    /// Calls at once.
    pub(crate) calls: usize,
    /// Connections of phones at once.
    pub(crate) streams: usize,
    /// Pairs of media ports that each worker holds in stock.
    pub(crate) stock: usize,
    /// Media workers.
    pub(crate) workers: usize,
}

/// How HTTPS is spoken.
pub(crate) struct Https {
    pub(crate) tls: Tls,
    /// What gets the certificate from an authority, and how it is with that.
    pub(crate) keeper: Option<(Keeper, watch::Receiver<Standing>)>,
}

/// The certificate, if there is to be one.
pub(crate) fn https(config: &Config, data_dir: &Path) -> anyhow::Result<Option<Https>> {
    if let (Some(chain), Some(key)) = (&config.http.tls_cert, &config.http.tls_key) {
        let tls = Tls::of_files(chain, key).context("cannot speak HTTPS (http.tls_cert, http.tls_key)")?;
        return Ok(Some(Https { tls, keeper: None }));
    }
    let acme = &config.acme;
    if !acme.is_wanted() {
        return Ok(None);
    }
    let roots = match &acme.ca_file {
        Some(file) => {
            let named = || format!("{} (acme.ca_file)", file.display());
            Roots::with_house(&fs::read(file).with_context(named)?).with_context(named)?
        }
        None => Roots::public(),
    };
    let settings = acme::Settings {
        directory: acme.directory.as_str().to_owned(),
        domains: acme.domains.iter().map(|name| name.as_str().to_owned()).collect(),
        contact: acme.contact.as_ref().map(|contact| contact.as_str().to_owned()),
        proof: match acme.challenge {
            AcmeChallenge::TlsAlpn01 => Proof::TlsAlpn01,
            AcmeChallenge::Http01 => Proof::Http01,
        },
        external_account: acme
            .eab_key_id
            .as_ref()
            .zip(acme.eab_key.as_ref())
            .map(|(id, key)| (id.as_str().to_owned(), key.secret().to_owned())),
        dir: data_dir.join("acme"),
    };
    let (keeper, certificates, standing) = Keeper::new(settings, &roots, secrets::chance);
    let tls = Tls::of_authority(certificates).context("cannot speak HTTPS (acme)")?;
    Ok(Some(Https { tls, keeper: Some((keeper, standing)) }))
}

/// The certificate of SIP over TLS, if that has one of its own.
pub(crate) fn sip_tls(config: &Config) -> anyhow::Result<Option<Tls>> {
    let (Some(chain), Some(key)) = (&config.sip.tls_cert, &config.sip.tls_key) else { return Ok(None) };
    let tls = Tls::of_files(chain, key).context("cannot speak SIP over TLS (sip.tls_cert, sip.tls_key)")?;
    Ok(Some(tls.named("sip.tls_cert")))
}

/// Whose certificates are believed when we reach a server by SIP over TLS.
pub(crate) fn sip_roots(config: &Config) -> anyhow::Result<Roots> {
    let Some(file) = &config.sip.tls_ca else { return Ok(Roots::public()) };
    let named = || format!("{} (sip.tls_ca)", file.display());
    Roots::with_house(&fs::read(file).with_context(named)?).with_context(named)
}

impl Capacity {
    /// What a limit of so many descriptors allows of what is configured.
    pub(crate) fn of(descriptors: u64, config: &Config) -> Self {
        let workers = match config.media.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => size(workers),
        };
        let rest = descriptors.saturating_sub(DESCRIPTORS_KEPT);
        let share = |part: u64| usize::try_from(part).unwrap_or(usize::MAX);
        let stock = (share(rest / 8) / DESCRIPTORS_A_PAIR / workers).clamp(PORT_STOCK_MIN, PORT_STOCK);
        // Also if recordings are off: a reload may turn them on.
        let a_call = DESCRIPTORS_A_CALL + DESCRIPTORS_A_RECORDING;
        Self { descriptors, calls: share(rest * 5 / 8 / a_call).max(1), streams: share(rest / 4).max(1), stock, workers }
    }

    /// What to tell the administrator if the limit is lower than what is configured.
    pub(crate) fn warning(&self, config: &Config) -> Option<String> {
        (self.calls < size(config.calls.max)).then(|| {
            format!(
                "the limit of open files ({}) allows {} calls at once and {} connections of phones, and calls.max is {}; \
                 raise it (LimitNOFILE= of systemd, ulimit -n)",
                self.descriptors,
                self.calls,
                self.streams.min(size(config.sip.tcp_connections_max)),
                config.calls.max
            )
        })
    }
}

/// What call control is told, at the start and at each reload.
pub(crate) fn switchboard_settings(config: &Config, domain: &str, capacity: &Capacity, nonce_key: [u8; 32]) -> Settings {
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
        session_expires_s: config.sip.session_expires_s,
        session_min_s: config.sip.session_min_s,
        calls_max: size(config.calls.max).min(capacity.calls),
        recording: config.recording.enabled,
        registrar: RegistrarSettings {
            expires_min: config.sip.expires_min,
            expires_default: config.sip.expires_default,
            expires_max: config.sip.expires_max,
            flow_timer_s: Some(FLOW_TIMER_S),
            ..RegistrarSettings::default()
        },
        digest: config.sip.digest.iter().map(|algorithm| algorithm_of(*algorithm)).collect(),
        nonce_key,
        nonce_life: NONCE_LIFE,
        lease: LEASE,
        unregistered_grace: UNREGISTERED_GRACE,
        ladder_memory: config.log.ladder_memory.octets(),
        carrier_nets: config.sip.allow_nets.clone(),
        armour: armour_settings(config),
    }
}

/// Who is banned for what, at the start and at each reload.
fn armour_settings(config: &Config) -> ArmourSettings {
    let security = &config.security;
    // Without a name of our own phones are set up with whatever address leads here: then there is no foreign one.
    let names = config.sip.domain.iter().chain(&security.domains).filter(|_| security.drop_foreign);
    let domains: Vec<String> = names.map(|name| name.as_str().to_owned()).collect();
    let media_address = match config.media.address {
        config::MediaAddress::Address(address) => Some(address),
        config::MediaAddress::Auto => None,
    };
    let listening = config.sip.udp.iter().chain(&config.sip.tcp).chain(&config.sip.tls).map(std::net::SocketAddr::ip);
    let addresses = listening.chain(config.media.public_address).chain(media_address).filter(|address| !address.is_unspecified());
    // A domain may be an address, too.
    let named = domains.iter().filter_map(|name| name.trim_matches(['[', ']']).parse().ok());
    ArmourSettings {
        is_on: security.enabled,
        ban_at: security.ban_at,
        ban_first: seconds(security.ban_s),
        ban_longest: seconds(security.ban_longest_s),
        source_failures: security.failures_a_day,
        user_failures: security.user_failures_a_day,
        exempt: security.exempt.clone(),
        addresses: addresses.chain(named).collect(),
        domains,
    }
}

/// What the guard before the loop is told, at the start and at each reload.
pub(crate) fn guard_settings(config: &Config) -> GuardSettings {
    GuardSettings {
        new_per_s: config.guard.new_per_s,
        new_burst: config.guard.new_burst,
        inside_per_s: config.guard.inside_per_s,
        inside_burst: config.guard.inside_burst,
        ..GuardSettings::default()
    }
}

/// How much streams may take.
pub(crate) fn stream_limits(config: &Config, capacity: &Capacity) -> StreamLimits {
    let connections_max = size(config.sip.tcp_connections_max).min(capacity.streams);
    let default = StreamLimits::default();
    StreamLimits {
        connections_max,
        per_source_max: default.per_source_max.min(connections_max),
        connecting_max: default.connecting_max.min(connections_max),
        // The other half is for phones, whatever carriers do.
        outgoing_max: (connections_max / 2).max(1),
        ..default
    }
}

pub(crate) fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn algorithm_of(algorithm: DigestAlgorithm) -> sip_core::Algorithm {
    match algorithm {
        DigestAlgorithm::Md5 => sip_core::Algorithm::Md5,
        DigestAlgorithm::Sha256 => sip_core::Algorithm::Sha256,
        DigestAlgorithm::Sha512_256 => sip_core::Algorithm::Sha512_256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_are_shared_out_so_that_all_can_live() {
        let mut config = Config::default();
        config.media.workers = 2;
        for (descriptors, calls, streams, stock) in
            [(64, 1, 1, 4), (256, 16, 40, 5), (1_024, 96, 232, 29), (65_536, 6_816, 16_360, 64), (1_048_576, 109_216, 262_120, 64)]
        {
            let capacity = Capacity::of(descriptors, &config);
            assert_eq!(capacity, Capacity { descriptors, calls, streams, stock, workers: 2 }, "{descriptors}");
            let used = DESCRIPTORS_KEPT
                + u64::try_from(calls).unwrap_or(0) * 6
                + u64::try_from(streams).unwrap_or(0)
                + u64::try_from(stock).unwrap_or(0) * 4;
            assert!(used <= descriptors.max(256), "{descriptors} descriptors, {used} used");
        }
    }

    #[test]
    fn a_limit_that_is_too_low_is_told_with_its_cure() {
        let config = Config::default();
        let told = |descriptors| Capacity::of(descriptors, &config).warning(&config);
        let warning = told(256).unwrap_or_default();
        assert!(warning.contains("(256)") && warning.contains("ulimit -n"), "{warning}");
        assert_eq!(told(1_048_576), None);
    }
}
