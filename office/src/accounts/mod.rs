//! Accounts: who they are, how they log in, and what they come with afterwards.
//!
//! | file | what |
//! |---|---|
//! | `users`, `user_list`, `bulk`, `fields` | accounts: made, changed, deleted, listed, many at once; what their fields may hold |
//! | `me`, `settings` | one's own account and settings |
//! | `passwords`, `secrets` | hashes of passwords; random texts that give entry |
//! | `log_in`, `oidc`, `oidc_rules`, `directory` | log-in with a password, and by a provider |
//! | `links` | invitations, forgotten passwords |
//! | `sessions`, `api_tokens` | what a log-in gives; what programs come with |
//! | `principals`, `people` | from a token to the person, with the last picture of everybody in memory |
//! | `system` | accounts that the program makes itself |
//!
//! Whoever changes accounts or what they may do locks the rights first, then the account; the audit log comes last, always. Who only ends
//! sessions, logs in or changes their own password locks no rights.

mod api_tokens;
mod bulk;
mod directory;
mod fields;
mod links;
mod log_in;
mod me;
mod oidc;
mod oidc_rules;
mod passwords;
mod people;
mod principals;
mod secrets;
mod sessions;
mod settings;
mod system;
#[cfg(test)]
mod tests;
mod user_list;
mod users;

use std::sync::Arc;

use store::Statement;
use tokio::sync::{Semaphore, broadcast};

pub use api_tokens::{NewToken, TokenView};
pub use bulk::bulk_actions;
pub use directory::{Directory, DirectoryError, DirectoryFailure, DirectoryProgress, DirectoryUser, RefreshDirectory};
pub use fields::email;
pub use links::{Deliver, LinkInfo, MadeLink, Purpose};
pub use log_in::{LogIn, LogInError};
pub use me::{Me, MeChange};
pub use oidc::{OidcClaims, OidcError};
pub use oidc_rules::{NewRule, OIDC_ROLE_MAP};
pub use passwords::{PASSWORD_MAX, hash_password};
pub use people::Ending;
pub use principals::{Claimed, Found, PrincipalRequest};
pub use sessions::{Client, RefreshError, Session, SessionView};
pub use users::{NewUser, USERS, UserChange};

use crate::Office;

/// Forgotten passwords that are looked into at once.
const FORGETTING_MAX: usize = 4;

/// What accounts have in memory. One an office.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) passwords: passwords::Passwords,
    pub(crate) people: people::People,
    successors: sessions::Successors,
    forgetting: Arc<Semaphore>,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self {
            passwords: passwords::Passwords::new(),
            people: people::People::default(),
            successors: sessions::Successors::default(),
            forgetting: Arc::new(Semaphore::new(FORGETTING_MAX)),
        }
    }
}

impl Office {
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Hears, from now on, of each session, API token, account and centre that ends in this process: whoever is listened to without a request
    /// is then to be asked for anew, if it concerns them. What another process ends is not told here.
    #[must_use]
    pub fn endings(&self) -> broadcast::Receiver<Ending> {
        self.accounts().people.endings()
    }
}

/// Every SQL text of accounts.
pub(crate) const STATEMENTS: &[&[Statement]] = &[
    api_tokens::STATEMENTS,
    directory::STATEMENTS,
    links::STATEMENTS,
    log_in::STATEMENTS,
    me::STATEMENTS,
    oidc::STATEMENTS,
    oidc_rules::STATEMENTS,
    principals::STATEMENTS,
    sessions::STATEMENTS,
    settings::STATEMENTS,
    system::STATEMENTS,
    user_list::STATEMENTS,
    users::STATEMENTS,
];
