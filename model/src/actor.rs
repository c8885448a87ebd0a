//! Who did something: what every change carries to the audit log.

use crate::{CenterId, UserId};

/// In whose name something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActorKind {
    /// A person who is signed in.
    User(UserId),
    /// A program that came with a person's API token.
    Token(UserId),
    /// The program itself.
    System,
    /// Somebody who has not said who they are.
    Nobody,
}

impl ActorKind {
    /// As it stands in the database: `user`, `token`, `system`, `nobody`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Token(_) => "token",
            Self::System => "system",
            Self::Nobody => "nobody",
        }
    }
}

/// Who did something, from where, and by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// In whose name.
    pub kind: ActorKind,
    /// The name as it was then: a user name, or for the system what part of it.
    pub name: String,
    /// The centre in which it was done.
    pub center: CenterId,
    /// The address that the request came from; empty if there was none.
    pub source: String,
    /// What the client says that it is; empty if nothing.
    pub user_agent: String,
    /// The request's id, by which its log lines are found; empty if there was none.
    pub request_id: String,
}

impl Actor {
    /// The program itself; `part` says why it does something: `start`, `retention`.
    #[must_use]
    pub fn system(center: CenterId, part: &str) -> Self {
        Self {
            kind: ActorKind::System,
            name: part.to_owned(),
            center,
            source: String::new(),
            user_agent: String::new(),
            request_id: String::new(),
        }
    }

    /// The user, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match self.kind {
            ActorKind::User(user) | ActorKind::Token(user) => Some(user),
            ActorKind::System | ActorKind::Nobody => None,
        }
    }
}
