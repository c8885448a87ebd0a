//! The configuration read again in a running server: checked whole, then put into force at once, or refused with nothing changed.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use api::{CertificateStatus, Metrics, OutcomeLabels, Reloaded, Status, System, Tls};
use config::{Config, Judged};
use futures_util::{FutureExt, future::BoxFuture};
use links::acme::Standing;
use model::WallTime;
use tokio::{
    signal::unix::Signal,
    sync::{Mutex, oneshot, watch},
};
use tracing::{error, info, warn};

use crate::{
    capture::Captures,
    door::{Door, Message},
    logging::SetFilter,
    options::{self, Place},
    secrets,
    wiring::{self, Capacity},
};

/// What a reload works on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reloader(Arc<Inner>);

struct Inner {
    place: Place,
    /// The configuration that is in force. Held for the whole of a reload: there is one at a time.
    running: Mutex<Config>,
    /// `calls.drain_s` of it, for who cannot wait until a reload is through.
    drain_s: AtomicU32,
    door: Door,
    set_filter: SetFilter,
    /// What the start has settled for the whole run.
    domain: String,
    capacity: Capacity,
    metrics: Metrics,
    /// The certificates of HTTPS and of SIP over TLS, as far as they are read from files.
    tls: Option<Tls>,
    sip_tls: Option<Tls>,
    /// How it is with the certificate of an authority, if one is ordered.
    standing: Option<watch::Receiver<Standing>>,
    captures: Captures,
    began: Instant,
    data_dir: PathBuf,
}

/// What the start has settled for the whole run.
pub(crate) struct Started {
    pub(crate) domain: String,
    pub(crate) capacity: Capacity,
    pub(crate) tls: Option<Tls>,
    pub(crate) sip_tls: Option<Tls>,
    pub(crate) standing: Option<watch::Receiver<Standing>>,
    pub(crate) captures: Captures,
}

impl Reloader {
    pub(crate) fn new(place: Place, running: Config, door: Door, set_filter: SetFilter, metrics: Metrics, started: Started) -> Self {
        let Started { domain, capacity, tls, sip_tls, standing, captures } = started;
        let drain_s = AtomicU32::new(running.calls.drain_s);
        let data_dir = place.data_dir.clone();
        let running = Mutex::new(running);
        Self(Arc::new(Inner {
            place,
            running,
            drain_s,
            door,
            set_filter,
            domain,
            capacity,
            metrics,
            tls,
            sip_tls,
            standing,
            captures,
            began: Instant::now(),
            data_dir,
        }))
    }

    /// How long running calls may go on at the end: the start's value may have been changed since.
    pub(crate) fn drain_s(&self) -> u32 {
        self.0.drain_s.load(Ordering::Relaxed)
    }

    /// Reloads at each SIGHUP, for as long as the server runs.
    pub(crate) async fn follow(self, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            info!("SIGHUP: the configuration is read again.");
            if let Err(errors) = self.clone().reload_now().await {
                for text in errors {
                    error!("The configuration is not taken over: {text}");
                }
            }
        }
    }

    /// How it is with the certificate, whoever renews it; none without HTTPS.
    fn certificate(&self) -> Option<Standing> {
        let ordered = self.0.standing.as_ref().map(|standing| standing.borrow().clone());
        ordered.or_else(|| self.0.tls.as_ref().and_then(Tls::standing))
    }

    async fn reload_now(self) -> Result<Reloaded, Vec<String>> {
        let outcome = self.take_over().await;
        let label = if outcome.is_ok() { "done" } else { "refused" };
        self.0.metrics.reloads.get_or_create(&OutcomeLabels { outcome: label }).inc();
        outcome
    }

    async fn take_over(&self) -> Result<Reloaded, Vec<String>> {
        let mut running = self.0.running.lock().await;
        let place = self.0.place.clone();
        let read = tokio::task::spawn_blocking(move || options::read(&place)).await;
        let judged = read.map_err(|failure| vec![failure.to_string()])?.map_err(|error| vec![error])?;
        // What is wrong by itself and what cannot change are told together.
        let fixed = cannot_change(&self.0.place, &judged, &running);
        let (config, warnings) = match options::settle(&self.0.place, judged) {
            Ok(_) if !fixed.is_empty() => return Err(fixed),
            Ok(settled) => settled,
            Err(errors) => return Err(errors.into_iter().chain(fixed).collect()),
        };
        let certificates = || self.0.tls.iter().chain(&self.0.sip_tls);
        let unusable: Vec<String> = certificates().filter_map(|tls| Some(format!("`{}`: {}", tls.name(), tls.check().err()?))).collect();
        if !unusable.is_empty() {
            return Err(unusable);
        }
        for tls in certificates() {
            tls.reload().map_err(|failure| vec![format!("`{}`: {failure}", tls.name())])?;
        }
        let differences = running.differences(&config);
        let nonce_key = secrets::random_seed().map_err(|failure| vec![format!("{failure:#}")])?;
        let capture = match differences.iter().any(|difference| difference.key.starts_with("hep.")) {
            true => Some(self.0.captures.open(&config).map_err(|failure| vec![format!("`hep.target`: {failure:#}")])?),
            false => None,
        };
        // From here on nothing is refused any more; what can fail comes first.
        if differences.iter().any(|difference| difference.key == "log.filter") {
            (self.0.set_filter)(&config.log.filter).map_err(|failure| vec![format!("`log.filter`: {failure}")])?;
        }
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).chain(self.0.capacity.warning(&config)).collect();
        if !differences.is_empty() {
            for warning in &warnings {
                warn!("{warning}");
            }
            let settings = Box::new(wiring::switchboard_settings(&config, &self.0.domain, &self.0.capacity, nonce_key));
            if let Some(capture) = capture {
                self.0.door.order(Message::Capture(capture.map(Box::new)));
            }
            let (done, taken) = oneshot::channel();
            self.0.door.order(Message::Settings(settings, wiring::guard_settings(&config), done));
            // The loop may be ending; then nobody needs them any more.
            let _ = taken.await;
        }
        self.0.drain_s.store(config.calls.drain_s, Ordering::Relaxed);
        *running = config;
        let changed: Vec<String> = differences.iter().map(|difference| difference.key.to_owned()).collect();
        info!(changed = changed.join(", "), "The configuration was read again and is in force.");
        Ok(Reloaded { changed, warnings })
    }
}

impl System for Reloader {
    fn reload(&self) -> BoxFuture<'static, Result<Reloaded, Vec<String>>> {
        self.clone().reload_now().boxed()
    }

    fn status(&self) -> Status {
        let disk = rustix::fs::statvfs(&self.0.data_dir).ok();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime: self.0.began.elapsed(),
            journal_lag: self.0.metrics.journal_lag.get(),
            disk_free: disk.as_ref().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
            disk_total: disk.map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize)),
            certificate: self.certificate().map(|standing| certificate_status(&standing, SystemTime::now())),
        }
    }
}

fn certificate_status(standing: &Standing, now: SystemTime) -> CertificateStatus {
    let wall =
        |time: SystemTime| WallTime(i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(i64::MAX));
    CertificateStatus {
        domains: standing.domains.clone(),
        ends_at: standing.ends.map(wall),
        next_at: standing.next.map(wall),
        warning: standing.warning(now),
    }
}

/// A line for each key that a running server cannot change.
fn cannot_change(place: &Place, judged: &Judged, running: &Config) -> Vec<String> {
    let fixed = judged.differences(running).into_iter().filter(|(difference, _)| !difference.live);
    fixed
        .map(|(difference, written)| {
            let told = format!("`{}` cannot change while the server runs: restart it, or put the old value back", difference.key);
            // A key that was taken out of the file stands nowhere.
            let placed = written.map_or_else(|| told.clone(), |written| format!("{written}: {told}"));
            options::named(place, written, &placed)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{
        collections::VecDeque,
        fs,
        net::{Ipv4Addr, SocketAddr},
        sync::Mutex as StdMutex,
        thread,
    };

    use net::{SignallingSettings, SignallingSockets};
    use sip_core::GuardSettings;

    use super::*;
    use crate::capture::{Capture, Terms};

    type Taken = (calls::Settings, GuardSettings);

    /// A reloader on a file, with a loop that takes every message and tells of the settings that it got.
    struct Bench {
        file: tempfile::NamedTempFile,
        reloader: Reloader,
        filters: Arc<StdMutex<Vec<String>>>,
        taken: Arc<StdMutex<Vec<Taken>>>,
        /// What SIP messages are copied by.
        captures: Arc<StdMutex<Vec<Option<Box<Capture>>>>>,
        metrics: Metrics,
    }

    fn bench() -> Bench {
        bench_with(1_000_000)
    }

    fn bench_with(descriptors: u64) -> Bench {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (mut sockets, waker) = SignallingSockets::bind(SignallingSettings { udp: vec![any], ..SignallingSettings::default() }).unwrap();
        let door = Door::new(waker);
        let (taken, filters) = (Arc::new(StdMutex::new(Vec::new())), Arc::new(StdMutex::new(Vec::new())));
        let captures = Arc::new(StdMutex::new(Vec::new()));
        let (inside, takes, copies) = (door.clone(), Arc::clone(&taken), Arc::clone(&captures));
        thread::spawn(move || {
            let mut messages = VecDeque::new();
            loop {
                sockets.wait(None, &mut Vec::new());
                inside.take(&mut messages);
                for message in messages.drain(..) {
                    match message {
                        Message::Settings(settings, guard, done) => {
                            takes.lock().unwrap().push((*settings, guard));
                            let _ = done.send(());
                        }
                        Message::Capture(capture) => copies.lock().unwrap().push(capture),
                        _ => return,
                    }
                }
            }
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        let place = Place { config: Some(file.path().to_owned()), data_dir: "unused".into() };
        let set = Arc::clone(&filters);
        let set_filter: SetFilter = Arc::new(move |filter| {
            set.lock().unwrap().push(filter.to_owned());
            Ok(())
        });
        let metrics = Metrics::new();
        let capacity = Capacity::of(descriptors, &Config::default());
        let (tls, sip_tls, standing) = (None, None, None);
        let started = Started { domain: "pbx".to_owned(), capacity, tls, sip_tls, standing, captures: Captures::default() };
        let reloader = Reloader::new(place, Config::default(), door, set_filter, metrics.clone(), started);
        Bench { file, reloader, filters, taken, captures, metrics }
    }

    impl Bench {
        async fn reload(&self, text: &str) -> Result<Vec<String>, Vec<String>> {
            fs::write(self.file.path(), text).unwrap();
            self.reloader.reload().await.map(|reloaded| reloaded.changed)
        }
    }

    #[tokio::test]
    async fn what_can_change_changes_at_once() {
        let bench = bench();
        let text = "[log]\nfilter = \"debug\"\n[calls]\nring_s = 31\n[guard]\nnew_per_s = 7\n";
        let changed = bench.reload(text).await.unwrap();
        assert_eq!(changed, ["guard.new_per_s", "calls.ring_s", "log.filter"]);
        let taken: Vec<_> = bench.taken.lock().unwrap().iter().map(|(settings, guard)| (settings.ring_s, guard.new_per_s)).collect();
        assert_eq!(taken, [(31, 7)]);
        assert_eq!(*bench.filters.lock().unwrap(), ["debug"]);
        assert_eq!(bench.reload(text).await.unwrap(), Vec::<String>::new(), "the running configuration is remembered");
        assert_eq!(bench.taken.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_clipped_is_told() {
        let bench = bench_with(1_024);
        fs::write(bench.file.path(), "[calls]\nmax = 90\n").unwrap();
        assert_eq!(bench.reloader.reload().await.unwrap().warnings, Vec::<String>::new());
        fs::write(bench.file.path(), "[calls]\nmax = 97\n").unwrap();
        let reloaded = bench.reloader.reload().await.unwrap();
        assert_eq!(reloaded.changed, ["calls.max"]);
        let [warning] = reloaded.warnings.as_slice() else { panic!("one warning: {reloaded:?}") };
        assert!(warning.contains("96 calls at once") && warning.contains("calls.max is 97"), "{warning}");
        let in_force: Vec<_> = bench.taken.lock().unwrap().iter().map(|(settings, _)| settings.calls_max).collect();
        assert_eq!(in_force, [90, 96]);
    }

    /// Everything that a reload can put into force, as text; whatever settings come to hold has to be named here.
    async fn in_force(bench: &Bench) -> Vec<String> {
        let calls::Settings {
            domain,
            user_agent,
            media_address,
            public_address,
            local_nets,
            media_timeout,
            ring_s,
            slot_ring_s,
            session_expires_s,
            session_min_s,
            calls_max,
            recording,
            registrar,
            digest,
            nonce_key: _,
            nonce_life,
            lease,
            unregistered_grace,
            ladder_memory,
            carrier_nets,
            armour,
        } = bench.taken.lock().unwrap().last().unwrap().0.clone();
        vec![
            format!("{domain} {user_agent} {media_address:?} {public_address:?} {local_nets:?} {media_timeout:?}"),
            format!("{ring_s} {slot_ring_s} {session_expires_s} {session_min_s} {calls_max} {recording} {registrar:?} {digest:?}"),
            format!("{nonce_life:?} {lease:?} {unregistered_grace:?} {ladder_memory} {carrier_nets:?} {armour:?}"),
            format!("{:?}", bench.taken.lock().unwrap().last().unwrap().1),
            format!("{:?}", bench.filters.lock().unwrap().last()),
            bench.reloader.drain_s().to_string(),
            bench.captures.lock().unwrap().last().and_then(Option::as_ref).map_or(String::new(), |capture| {
                let Terms { capture_id, auth_key, mask } = &*capture.terms;
                format!("{} {capture_id} {auth_key} {mask}", capture.target)
            }),
        ]
    }

    #[tokio::test]
    async fn every_key_that_says_so_has_an_effect() {
        // What is neither a number nor an answer to yes or no.
        let others = [
            ("log.filter", "\"debug\""),
            ("log.ladder_memory", "\"3 MiB\""),
            ("sip.digest", "[\"SHA-256\"]"),
            ("sip.allow_nets", "[\"192.0.2.0/24\"]"),
            ("hep.target", "\"udp://127.0.0.1:9\""),
            ("hep.auth_key", "\"x\""),
            ("security.exempt", "[\"192.0.2.0/24\"]"),
            ("security.domains", "[\"other.example\"]"),
        ];
        let documented = Config::print_documented();
        let (mut section, mut is_live, mut keys) = ("", false, 0);
        for line in documented.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
            }
            is_live |= line.ends_with("A reload changes it.");
            let Some((name, default)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else { continue };
            if !std::mem::take(&mut is_live) {
                continue;
            }
            keys += 1;
            let key = format!("{section}.{name}");
            let other = match default.parse::<u32>() {
                Ok(number) => (number + 1).to_string(),
                Err(_) => match default.parse::<bool>() {
                    Ok(choice) => (!choice).to_string(),
                    Err(_) => others.iter().find(|(of, _)| *of == key).unwrap_or_else(|| panic!("another value of {key}")).1.to_owned(),
                },
            };
            let bench = bench();
            // Another key, so that there is something in force to be compared with.
            let witness = match key.as_str() {
                "guard.new_per_s" => "[guard]\ninside_per_s = 7\n",
                "security.drop_foreign" => "[security]\ndomains = [\"other.example\"]\n",
                "hep.capture_id" | "hep.auth_key" | "hep.mask" => "[hep]\ntarget = \"tcp://127.0.0.1:9\"\n",
                _ => "[guard]\nnew_per_s = 7\n",
            };
            bench.reload(witness).await.unwrap();
            let before = in_force(&bench).await;
            let text = if witness.starts_with(&format!("[{section}]")) {
                format!("{witness}{name} = {other}\n")
            } else {
                format!("{witness}[{section}]\n{name} = {other}\n")
            };
            assert_eq!(bench.reload(&text).await.unwrap(), [key.as_str()]);
            assert_ne!(in_force(&bench).await, before, "{key} is told to be in force, and nothing has changed");
        }
        assert!(keys >= 31, "{keys} keys only");
    }

    #[tokio::test]
    async fn what_cannot_change_is_named_and_nothing_changes() {
        let bench = bench();
        let errors = bench.reload("[sip]\nudp = [\"127.0.0.1:5070\"]\n[calls]\nring_s = 31\n[journal]\nfsync_ms = 7\n").await.unwrap_err();
        assert_eq!(errors.len(), 2);
        for (error, key) in errors.iter().zip(["line 2, column 1: `sip.udp`", "line 6, column 1: `journal.fsync_ms`"]) {
            assert!(error.starts_with(&format!("{}: {key} cannot change", bench.file.path().display())), "{error}");
        }
        assert!(bench.taken.lock().unwrap().is_empty());
        assert_eq!(bench.reload("[calls]\nring_s = 31\n").await.unwrap(), ["calls.ring_s"]);
    }

    #[tokio::test]
    async fn everything_that_is_wrong_is_told() {
        let bench = bench();
        let errors = bench.reload("[calls]\nring_s = \"x\"\nnonsense = 1\n[log]\nfilter = 5\n").await.unwrap_err();
        assert_eq!(errors.len(), 3, "{errors:?}");
        let errors = bench.reload("[log]\nfilter = \"a=b=c\"\n[media]\ntones = \"xx\"\n").await.unwrap_err();
        let [filter, tones, fixed] = errors.as_slice() else { panic!("what only other rooms know, too: {errors:?}") };
        assert!(filter.contains("`log.filter`") && tones.contains("`media.tones`: \"xx\" is none of"), "{errors:?}");
        assert!(fixed.contains("`media.tones` cannot change"), "who mends the value is not told the next thing only then: {fixed}");
        let errors = bench.reload("[calls]\nring_s = 0\n[media]\ntones = \"de\"\nworkers = \"x\"\n").await.unwrap_err();
        let [range, kind, fixed] = errors.as_slice() else { panic!("three errors: {errors:?}") };
        assert!(
            range.contains("line 2, column 1: `calls.ring_s`") && kind.contains("line 5, column 1: `media.workers` expects"),
            "{errors:?}"
        );
        assert!(fixed.contains("line 4, column 1: `media.tones` cannot change"), "{fixed}");
        fs::remove_file(bench.file.path()).unwrap();
        let errors = bench.reloader.reload().await.unwrap_err();
        assert!(errors.iter().any(|error| error.contains("cannot read")), "{errors:?}");
        assert!(bench.taken.lock().unwrap().is_empty());
        let text = bench.metrics.render().unwrap();
        assert!(text.contains(r#"cordboard_reloads_total{outcome="refused"} 4"#), "{text}");
    }
}
