//! People's accounts from the command line, the first one of all, and a look at the audit log.

use std::{
    io::{self, BufRead},
    process::ExitCode,
};

use anyhow::{Context, bail};
use model::CenterId;
use office::{
    Office, OfficeError,
    accounts::{NewUser, PASSWORD_MAX},
};

use crate::{
    desk,
    options::{self, NewAccount, Place},
    secrets::{self, Secrets},
    signalling::wall_clock,
    start,
};

/// The role of the first of all.
const ADMIN: &str = "admin";

/// `cordboard user add`.
pub(crate) fn add(new: NewAccount) -> anyhow::Result<()> {
    let mut password = String::new();
    io::stdin().lock().read_line(&mut password).context("cannot read the password from standard input")?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.len() > PASSWORD_MAX {
        bail!("a password has at most {PASSWORD_MAX} octets");
    }
    at_office(&new.place, async |office, place| {
        create(&office, "user add", &new.username, &new.role, password).await?;
        start::say(&format!("Added {} as {} in {place}.", new.username.trim().to_lowercase(), new.role));
        Ok(())
    })
}

/// `cordboard audit verify`: 0 if the chain is whole.
pub(crate) fn verify_audit(place: &Place) -> anyhow::Result<ExitCode> {
    at_office(place, async |office, _| {
        let verified = office.verify_audit(1, |_, _| {}).await.context("cannot read the audit log")?;
        let (rows, head) = (verified.rows, verified.head);
        match verified.broken {
            None => {
                start::say(&format!("The audit log is whole: {rows} rows, the last is {} with the hash {}.", head.seq, head.hash));
                Ok(ExitCode::SUCCESS)
            }
            Some(broken) => {
                start::say(&format!("The audit log is broken: {broken}. Nothing from there on can be relied upon."));
                Ok(ExitCode::FAILURE)
            }
        }
    })
}

/// Does something with the office of a server that has been started before, which may be running.
pub(crate) fn at_office<T>(place: &Place, work: impl AsyncFnOnce(Office, String) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let (config, _) = options::load(place)?;
    start::expect_database(&config, &place.data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut store = start::open_store(&config, &place.data_dir).await?;
        if let Some(secrets) = Secrets::find(&place.data_dir)? {
            store = store.with_key(&secrets.of_database());
        }
        let office = desk::open(store, &config, &desk::providers(&config)?, &place.data_dir).await?;
        let named = if config.database.url.is_some() { "the configured database".to_owned() } else { place.data_dir.display().to_string() };
        work(office, named).await
    })
}

async fn create(office: &Office, part: &str, username: &str, role: &str, password: &str) -> anyhow::Result<()> {
    let new =
        NewUser { username: username.to_owned(), password: Some(password.to_owned()), roles: vec![role.to_owned()], ..NewUser::default() };
    match office.add_user_as_system(part, CenterId::DEFAULT, new, wall_clock()).await {
        Ok(_) => Ok(()),
        // Everything that is wrong, for a person.
        Err(OfficeError::Invalid(faults)) => {
            let told: Vec<String> = faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.detail)).collect();
            bail!("cannot add {username:?}: {}", told.join("; "))
        }
        Err(error) => Err(error).with_context(|| format!("cannot add {username:?}")),
    }
}

/// The administrator that the first start makes. The password is shown once and kept nowhere.
/// Somebody added from the command line before that does not stand in for an administrator, unless it is one.
pub(crate) async fn first_admin(office: &Office) -> anyhow::Result<Option<String>> {
    if office.has_admin().await? {
        return Ok(None);
    }
    let password = secrets::password()?;
    create(office, "start", ADMIN, ADMIN, &password).await?;
    Ok(Some(password))
}
