//! The office at work: its jobs, its audit log, its webhooks, and what its jobs tell the consoles.

use std::{fs, path::Path, sync::Arc};

use anyhow::Context;
use api::{Live, Metrics};
use config::{Config, OidcDirectory, OidcProvider, SmtpTls};
use crm::{Crm, LeadChanges, follow::Follower, leads::HandOverMany, reminders::Reminder};
use links::{
    Roots,
    http::{Client, Guard, Limits},
    oidc::{self, Keycloak, Providers},
    smtp::{self, Encryption, Mailer},
};
use model::{Event, JobView};
use office::{
    Adders, Office, Settings, WorkOptions,
    accounts::RefreshDirectory,
    bulk::BulkActions,
    jobs::{Clock, JobProgress, Kinds, Runner, RunnerOptions},
    notify::SendMail,
    recordings::Unlink,
    webhooks::{Deliverer, DelivererOptions, WebhookOptions},
};
use store::Store;
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
};
use tracing::warn;

use crate::{
    recordings::RecordingDir,
    secrets::{self, Secrets},
    signalling::wall_clock,
    start,
};

/// Jobs that are worked on at once.
const WORKERS: usize = 2;

/// Opens the office on a database that is up to date, where nobody is reminded of leads.
pub(crate) async fn open(store: Store, config: &Config, providers: &Providers, data_dir: &Path) -> anyhow::Result<Office> {
    open_telling(store, config, providers, data_dir, LeadChanges::default()).await
}

/// Opens the office on a database that is up to date. Its jobs tell there which leads they have changed.
pub(crate) async fn open_telling(
    store: Store,
    config: &Config,
    providers: &Providers,
    data_dir: &Path,
    changed: LeadChanges,
) -> anyhow::Result<Office> {
    let roots = roots(config)?;
    let files = Arc::new(RecordingDir(start::recording_dir(config, data_dir)));
    let kinds = crm::kinds(Kinds::default()).with(directories(config, providers)?).with(Unlink::new(files));
    let kinds = match mailer(config, &roots)? {
        Some(mailer) => kinds.with(SendMail::new(mailer)),
        None => kinds,
    };
    let bulk = crm::bulk(BulkActions::default()).with(HandOverMany::telling(changed));
    let work = WorkOptions { kinds, bulk, exports_dir: data_dir.join("exports"), ..WorkOptions::default() };
    let http = Client::new(guard(config), &roots, Limits::default());
    let added = crm::added(Adders::default(), &store);
    let settings = Settings { parts: vec![crm::part()], added, work, webhooks: WebhookOptions { http } };
    Office::open(store, settings, wall_clock()).await.context("cannot open the office")
}

/// Where requests may go that people cause: webhooks, and the questions of routes.
pub(crate) fn guard(config: &Config) -> Guard {
    let ports = config.links.allow_ports.iter().map(|port| port.0).collect();
    Guard::public(config.links.allow_nets.clone(), ports)
}

/// By whom people can log in beside us.
pub(crate) fn providers(config: &Config) -> anyhow::Result<Providers> {
    let provider = |provider: &OidcProvider| oidc::Settings {
        id: provider.id.clone(),
        name: provider.name.clone(),
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        client_secret: provider.client_secret.as_ref().map(|secret| secret.secret().to_owned()),
        scopes: provider.scopes.clone(),
        allow_insecure: provider.allow_insecure,
        bearer_audience: provider.bearer_audience.clone(),
    };
    Ok(Providers::new(config.oidc.providers.0.iter().map(provider).collect(), &roots(config)?))
}

/// The job that asks who is whose manager (S001-05 to S001-07). Without a directory it has nothing to do, and no schedule.
fn directories(config: &Config, providers: &Providers) -> anyhow::Result<RefreshDirectory<Keycloak>> {
    let known = config.oidc.providers.0.iter().filter(|provider| provider.directory == Some(OidcDirectory::Keycloak));
    let directory = |provider: &OidcProvider| {
        let known = providers.find(&provider.id).cloned().context("a provider is not there")?;
        let keycloak = Keycloak::new(known).with_context(|| format!("the directory of {} cannot be used (oidc.providers)", provider.id))?;
        Ok((keycloak, provider.issuer.clone()))
    };
    Ok(RefreshDirectory::new(known.map(directory).collect::<anyhow::Result<_>>()?))
}

/// Whose certificates are believed.
pub(crate) fn roots(config: &Config) -> anyhow::Result<Roots> {
    let Some(file) = &config.links.ca_file else { return Ok(Roots::public()) };
    let named = || format!("{} (links.ca_file)", file.display());
    Roots::with_house(&fs::read(file).with_context(named)?).with_context(named)
}

fn mailer(config: &Config, roots: &Roots) -> anyhow::Result<Option<Mailer>> {
    let Some(url) = &config.smtp.url else { return Ok(None) };
    let encryption = match url.tls() {
        SmtpTls::Wrapped => Encryption::Wrapped,
        SmtpTls::StartTls => Encryption::StartTls,
        SmtpTls::None => Encryption::None,
    };
    let login = url.secret_login().map(|(user, password)| (user.to_owned(), password.to_owned()));
    let from = config.smtp.from.as_str().to_owned();
    let settings = smtp::Settings { host: url.host().to_owned(), port: url.port(), encryption, login, from };
    Mailer::new(&settings, roots).map(Some).context("the mail server cannot be used (smtp.url)")
}

/// The office's tasks. They end when they are told to.
pub(crate) struct Desk {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Desk {
    /// Begins to work.
    pub(crate) async fn start(crm: &Crm, live: &Arc<Live>, metrics: &Metrics, secrets: &Secrets) -> anyhow::Result<Self> {
        let office = crm.office();
        // The database may be away by now; the runner waits for it, and the next start sets the schedules.
        if let Err(failure) = office.install_schedules(wall_clock()).await {
            warn!(%failure, "The schedules that come with the program could not be set.");
        }
        let clock: Clock = Arc::new(wall_clock);
        let seed = u64::from_le_bytes(secrets::random_seed()?);
        let [a, b, c, d, e, f, g, h, ..] = secrets.derive("name of the installation");
        let node = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        // The data directory is locked: nobody else does the jobs of its database. Of a database elsewhere that is not known.
        let sole = office.engine() == "sqlite";
        let runner = Runner::new(office.clone(), Arc::clone(&clock), RunnerOptions { workers: WORKERS, seed, node, sole });
        let (stop, stopped) = watch::channel(false);
        let deliverer = Deliverer::new(office.clone(), Arc::clone(&clock), DelivererOptions { seed, ..DelivererOptions::default() });
        let lag = metrics.crm_follow_lag.clone();
        let lag = Arc::new(move |rows| _ = lag.set(rows));
        let follower = Follower { crm: crm.clone(), clock: Arc::clone(&clock), lag };
        let reminder = Reminder::new(crm.clone(), Arc::clone(&clock));
        let tasks = vec![
            tokio::spawn(runner.run(stopped.clone())),
            tokio::spawn(follower.run(stopped.clone())),
            tokio::spawn(reminder.run(stopped.clone())),
            tokio::spawn(deliverer.run(stopped.clone())),
            tokio::spawn(office.clone().write_refusals(clock, stopped)),
            tokio::spawn(tell(office.job_news(), Arc::clone(live))),
        ];
        Ok(Self { stop, tasks })
    }

    /// Ends what has begun, and what is in memory only is written.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let mut tasks = self.tasks;
        // Nothing hangs on what is told.
        if let Some(telling) = tasks.pop() {
            telling.abort();
        }
        for task in tasks {
            if let Err(failure) = task.await {
                warn!(%failure, "A task of the office has failed.");
            }
        }
    }
}

/// Tells consoles of jobs. What is missed for being too many stands in the list of jobs.
async fn tell(mut news: broadcast::Receiver<JobProgress>, live: Arc<Live>) {
    loop {
        match news.recv().await {
            Ok(JobProgress { id, center, kind, created_by, state, done, total, .. }) => {
                let view = JobView { id, center, user: created_by, kind, state: state.as_str().to_owned(), done, total };
                live.publish(wall_clock(), [Event::JobProgressed(view)]);
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
