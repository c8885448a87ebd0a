//! The configuration read again in a running server: checked whole, then put into force at once, or refused with nothing changed.

use std::sync::Arc;

use api::{Metrics, OutcomeLabels, Reloaded, System};
use config::{Config, Difference};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    signal::unix::Signal,
    sync::{Mutex, oneshot},
};
use tracing::{error, info, warn};

use crate::{
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
    door: Door,
    set_filter: SetFilter,
    /// What the start has settled for the whole run.
    domain: String,
    capacity: Capacity,
    metrics: Metrics,
}

impl Reloader {
    pub(crate) fn new(
        place: Place,
        running: Config,
        door: Door,
        set_filter: SetFilter,
        domain: String,
        capacity: Capacity,
        metrics: Metrics,
    ) -> Self {
        Self(Arc::new(Inner { place, running: Mutex::new(running), door, set_filter, domain, capacity, metrics }))
    }

    /// How long running calls may go on at the end: the start's value may have been changed since.
    pub(crate) async fn drain_s(&self) -> u32 {
        self.0.running.lock().await.calls.drain_s
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
        let (config, warnings) = read.map_err(|failure| vec![failure.to_string()])??;
        let differences = running.differences(&config);
        let fixed = cannot_change(&differences);
        if !fixed.is_empty() {
            return Err(fixed);
        }
        let nonce_key = secrets::random_seed().map_err(|failure| vec![format!("{failure:#}")])?;
        // From here on nothing is refused any more; what can fail comes first.
        if differences.iter().any(|difference| difference.key == "log.filter") {
            (self.0.set_filter)(&config.log.filter).map_err(|failure| vec![format!("`log.filter`: {failure}")])?;
        }
        if !differences.is_empty() {
            for warning in &warnings {
                warn!("{warning}");
            }
            let settings = Box::new(wiring::switchboard_settings(&config, &self.0.domain, &self.0.capacity, nonce_key));
            let (done, taken) = oneshot::channel();
            self.0.door.order(Message::Settings(settings, wiring::guard_settings(&config), done));
            // The loop may be ending; then nobody needs them any more.
            let _ = taken.await;
        }
        *running = config;
        let changed: Vec<String> = differences.iter().map(|difference| difference.key.to_owned()).collect();
        info!(changed = changed.join(", "), "The configuration was read again and is in force.");
        Ok(Reloaded { changed })
    }
}

impl System for Reloader {
    fn reload(&self) -> BoxFuture<'static, Result<Reloaded, Vec<String>>> {
        self.clone().reload_now().boxed()
    }
}

/// A line for each key that a running server cannot change.
fn cannot_change(differences: &[Difference]) -> Vec<String> {
    let fixed = differences.iter().filter(|difference| !difference.live);
    fixed
        .map(|difference| format!("`{}` cannot change while the server runs: restart it, or put the old value back", difference.key))
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

    use super::*;

    /// A reloader on a file, with a loop that takes every message and tells of the settings that it got.
    struct Bench {
        file: tempfile::NamedTempFile,
        reloader: Reloader,
        filters: Arc<StdMutex<Vec<String>>>,
        taken: Arc<StdMutex<Vec<(u32, u32)>>>,
        metrics: Metrics,
    }

    fn bench() -> Bench {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (mut sockets, waker) = SignallingSockets::bind(SignallingSettings { udp: vec![any], ..SignallingSettings::default() }).unwrap();
        let door = Door::new(waker);
        let (taken, filters) = (Arc::new(StdMutex::new(Vec::new())), Arc::new(StdMutex::new(Vec::new())));
        let (inside, takes) = (door.clone(), Arc::clone(&taken));
        thread::spawn(move || {
            let mut messages = VecDeque::new();
            loop {
                sockets.wait(None, &mut Vec::new());
                inside.take(&mut messages);
                for message in messages.drain(..) {
                    match message {
                        Message::Settings(settings, guard, done) => {
                            takes.lock().unwrap().push((settings.ring_s, guard.new_per_s));
                            let _ = done.send(());
                        }
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
        let capacity = Capacity::of(1_000_000, &Config::default());
        let reloader = Reloader::new(place, Config::default(), door, set_filter, "pbx".to_owned(), capacity, metrics.clone());
        Bench { file, reloader, filters, taken, metrics }
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
        assert_eq!(*bench.taken.lock().unwrap(), [(31, 7)]);
        assert_eq!(*bench.filters.lock().unwrap(), ["debug"]);
        assert_eq!(bench.reload(text).await.unwrap(), Vec::<String>::new(), "the running configuration is remembered");
        assert_eq!(bench.taken.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_cannot_change_is_named_and_nothing_changes() {
        let bench = bench();
        let errors = bench.reload("[sip]\nudp = [\"127.0.0.1:5070\"]\n[calls]\nring_s = 31\n[journal]\nfsync_ms = 7\n").await.unwrap_err();
        assert_eq!(errors.len(), 2);
        for (error, key) in errors.iter().zip(["`sip.udp`", "`journal.fsync_ms`"]) {
            assert!(error.starts_with(key), "{error}");
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
        assert_eq!(errors.len(), 2, "what only other rooms know, too: {errors:?}");
        fs::remove_file(bench.file.path()).unwrap();
        let errors = bench.reloader.reload().await.unwrap_err();
        assert!(errors.iter().any(|error| error.contains("cannot read")), "{errors:?}");
        assert!(bench.taken.lock().unwrap().is_empty());
        let text = bench.metrics.render().unwrap();
        assert!(text.contains(r#"cordboard_reloads_total{outcome="refused"} 3"#), "{text}");
    }
}
