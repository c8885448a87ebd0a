//! People's accounts from the command line, and the first one of all.

use std::io::{self, BufRead};

use anyhow::{Context, bail};
use model::CenterId;
use store::{NewUser, PAGE_ROWS_MAX, Page, Role, Store};

use crate::{
    options::{self, NewAccount},
    secrets, start,
};

/// Shorter passwords are refused (NIST SP 800-63B, 5.1.1.2).
const PASSWORD_MIN: usize = 8;

/// Longer ones too: hashing must not become a way to keep the server busy.
const PASSWORD_MAX: usize = 256;

/// `cordboard user add`.
pub(crate) fn add(new: NewAccount) -> anyhow::Result<()> {
    let role: Role = new.role.parse().with_context(|| format!("{:?} is no role", new.role))?;
    let mut password = String::new();
    io::stdin().lock().read_line(&mut password).context("cannot read the password from standard input")?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.chars().count() < PASSWORD_MIN || password.len() > PASSWORD_MAX {
        bail!("a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters");
    }
    let (config, _) = options::load(&new.place)?;
    start::expect_database(&config, &new.place.data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = start::open_store(&config, &new.place.data_dir).await?;
        let user = create(&store, &new.username, role, password).await?;
        let place =
            if config.database.url.is_some() { "the configured database".to_owned() } else { new.place.data_dir.display().to_string() };
        start::say(&format!("Added {} as {} in {place}.", user.username, user.role));
        Ok(())
    })
}

async fn create(store: &Store, username: &str, role: Role, password: &str) -> anyhow::Result<store::User> {
    let password_hash = api::hash_password(password).context("cannot hash the password")?;
    let new = NewUser { username: username.to_owned(), role, password_hash };
    store.create_user(new).await.with_context(|| format!("cannot add {username:?}"))
}

/// The administrator that the first start makes. The password is shown once and kept nowhere.
/// Somebody added from the command line before that does not stand in for an administrator, unless it is one.
pub(crate) async fn first_admin(store: &Store) -> anyhow::Result<Option<String>> {
    let known = store.users(&Page::first(CenterId::DEFAULT, PAGE_ROWS_MAX)).await?.items;
    if known.iter().any(|user| user.role == Role::Admin || user.username == "admin") {
        return Ok(None);
    }
    let password = secrets::password()?;
    create(store, "admin", Role::Admin, &password).await?;
    Ok(Some(password))
}
