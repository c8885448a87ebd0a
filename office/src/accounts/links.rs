//! Links that are good once: by one a person accepts an invitation, or sets a new password.
//!
//! A new link ends the older ones of its purpose. An account whose user a provider logs in has no password, and gets none by a link.

use std::fmt;

use model::{ActorKind, CenterId, UserId, WallTime};
use serde_json::Value;
use sqlx::FromRow;
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::Tx,
    statements,
};

use super::{
    fields, passwords,
    secrets::{self, Kind},
    sessions::{self, Client, Which},
    users::{self, USERS, UserRow},
};
use crate::{
    Conflict, Office, OfficeError, Permit,
    notify::LinkNote,
    rights::{can, lock_rights},
};

/// So long an invitation is good.
const INVITATION_MS: i64 = 72 * 60 * 60 * 1000;
/// So long a link to a new password is good.
const PASSWORD_RESET_MS: i64 = 60 * 60 * 1000;
/// One forgotten password is mailed about no more often.
const FORGOT_EVERY_MS: i64 = 5 * 60 * 1000;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To accept an invitation: the first password.
    Invitation,
    /// To set a new password.
    PasswordReset,
}

impl Purpose {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    /// The purpose with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Invitation, Self::PasswordReset].into_iter().find(|purpose| purpose.as_str() == name)
    }

    fn life_ms(self) -> i64 {
        match self {
            Self::Invitation => INVITATION_MS,
            Self::PasswordReset => PASSWORD_RESET_MS,
        }
    }
}

/// How a link gets to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliver {
    /// By e-mail.
    Email,
    /// Whoever makes it hands it over.
    Show,
}

/// A link that was made.
#[derive(Clone, PartialEq, Eq)]
pub struct MadeLink {
    /// Where it leads, if it is to be handed over.
    pub url: Option<String>,
    /// Until when it is good.
    pub expires_at: WallTime,
}

impl fmt::Debug for MadeLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MadeLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What a link is about, for whoever has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkInfo {
    /// What it is for.
    pub purpose: Purpose,
    /// Whose password it sets.
    pub username: String,
    /// Until when it is good.
    pub expires_at: WallTime,
}

statements! {
    INSERT: both "INSERT INTO one_time_links (hash, user_id, purpose, created_at, created_by, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    END_OLDER: both "UPDATE one_time_links SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL";
    NEWEST: both "SELECT COALESCE(max(created_at), 0) FROM one_time_links WHERE user_id = $1 AND purpose = $2";
    FIND: both "SELECT l.user_id, l.purpose, l.expires_at, u.center_id, u.username FROM one_time_links l JOIN users u ON u.id = l.user_id
        JOIN centers c ON c.id = u.center_id WHERE l.hash = $1 AND l.used_at IS NULL AND l.expires_at > $2
        AND u.state IN ('active', 'invited') AND u.oidc_sub IS NULL AND c.state = 'active'";
    USE: both "UPDATE one_time_links SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING user_id";
    // Who has forgotten a password has had one, and an address.
    FORGETFUL: both "SELECT id, center_id FROM users
        WHERE username = $1 AND state = 'active' AND password_hash IS NOT NULL AND email IS NOT NULL AND oidc_sub IS NULL";
}

#[derive(FromRow)]
struct LinkRow {
    user_id: i64,
    purpose: String,
    expires_at: i64,
    center_id: i64,
    username: String,
}

impl Office {
    /// Makes a link for a user and sends it, or gives it out to be handed over. `page` is where the console asks for the new password: the
    /// link is that text with the token behind it. Have the token stand behind a `#`, which browsers send to no server.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] if the account may do more than the person, [`Conflict::State`] for an account
    /// that is not in a state for it, or if it is to be sent and there is no address or no mail server.
    pub async fn make_link(
        &self,
        permit: &Permit,
        user: UserId,
        purpose: Purpose,
        deliver: Deliver,
        page: &str,
        now: WallTime,
    ) -> Result<MadeLink, OfficeError> {
        permit.must_be(can::USERS_UPDATE)?;
        self.may_change_user(permit, user).await?;
        let mut tx = self.store().db().begin().await?;
        match self.make_locked(&mut tx, permit, user, purpose, deliver, page, now).await {
            Ok(made) => {
                tx.commit().await?;
                self.wake_jobs();
                Ok(made)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "it is the second half of a function")]
    async fn make_locked(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        user: UserId,
        purpose: Purpose,
        deliver: Deliver,
        page: &str,
        now: WallTime,
    ) -> Result<MadeLink, OfficeError> {
        lock_rights(tx).await?;
        let row = self.lock_to_change(tx, permit, user).await?;
        let wanted = match purpose {
            Purpose::Invitation => "invited",
            Purpose::PasswordReset => "active",
        };
        let state = |what: String| Err(OfficeError::Conflict(Conflict::State(what)));
        if row.is_sso() {
            return state("this account's provider logs it in: it has no password here".to_owned());
        }
        if row.state != wanted {
            return state(format!("the account is {}, and this link is for one that is {wanted}", row.state));
        }
        let by = permit.principal().user();
        let (url, expires_at) = issue(tx, user, purpose, Some(by), page, now).await?;
        let (how, url) = match deliver {
            Deliver::Email => {
                self.send(tx, &row, purpose, (&url, expires_at), Some(by), now).await?;
                ("email", None)
            }
            Deliver::Show => ("show", Some(url)),
        };
        let diff = Diff::none().and("link", Value::Null, purpose.as_str()).and("send", Value::Null, how);
        audit::append(tx, now, permit.actor(), &[Entry::change("users.link", USERS.name, user, diff).security()]).await?;
        Ok(MadeLink { url, expires_at })
    }

    /// What a link is about.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if it is not good any more, or never was.
    pub async fn link_info(&self, token: &str, now: WallTime) -> Result<LinkInfo, OfficeError> {
        let (row, purpose, _) = self.find_link(token, now).await?;
        Ok(LinkInfo { purpose, username: row.username, expires_at: WallTime(row.expires_at) })
    }

    /// Uses a link up: sets the password, makes an invited account active, and ends all sessions and all other links of the user.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] as [`Office::link_info`], [`OfficeError::Invalid`] for a password that is too short, with which the link is
    /// still good, and [`OfficeError::Crowded`].
    pub async fn use_link(&self, token: &str, password: &str, client: &Client, now: WallTime) -> Result<(), OfficeError> {
        let (found, purpose, hash) = self.find_link(token, now).await?;
        let mut faults = Vec::new();
        passwords::check_rules(password, "password", &mut faults);
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let password_hash = self.accounts().passwords.hash(password).await?;
        let (user, center) = (UserId(found.user_id), CenterId(found.center_id));
        let mut tx = self.store().db().begin().await?;
        // The account first: whoever else changes it locks it first, too.
        let row = users::lock(&mut tx, user, center).await?;
        let used: Option<(i64,)> = tx.one(USE, binds![&hash, now]).await?;
        if used.is_none() || row.is_sso() || row.state == "disabled" {
            tx.rollback().await?;
            return Err(OfficeError::NotFound("link"));
        }
        let changed = UserRow { password_hash: Some(password_hash), state: "active".to_owned(), ..row.clone() };
        changed.change(&mut tx, now).await?;
        let ended = sessions::end(&mut tx, user, Which::All, "new_password", now).await?;
        users::end_links(&mut tx, user, now).await?;
        users::tell_changed(&mut tx, &changed, now).await?;
        let diff = Diff::between(&row.seen(), &changed.seen()).secret("password").and("link", purpose.as_str(), Value::Null);
        let actor = client.actor(ActorKind::Nobody, &row.username, center);
        audit::append(&mut tx, now, &actor, &[Entry::change("users.password", USERS.name, user, diff).security()]).await?;
        let change = self.accounts().people.change(user);
        tx.commit().await?;
        drop(change);
        self.accounts().people.ended(ended);
        Ok(())
    }

    /// Somebody says that they have forgotten their password: whoever has an account with that name, a password and an e-mail address is
    /// sent a link, at most every five minutes. What comes of it is told to nobody, and it is done after this has returned, so that time
    /// tells nothing either.
    pub fn forgot(&self, username: &str, client: &Client, page: &str, now: WallTime) {
        // Past the bound it is as if nobody had asked; people ask again.
        let Ok(place) = self.accounts().forgetting.clone().try_acquire_owned() else {
            tracing::warn!("Too many forgotten passwords at once; some are not mailed about.");
            return;
        };
        let (office, client, page) = (self.clone(), client.clone(), page.to_owned());
        let name: String = username.chars().take(fields::NAME_MAX + 1).collect();
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = office.mail_forgetful(&name, &client, &page, now).await {
                tracing::warn!(%error, "A link to a new password could not be mailed.");
            }
        });
    }

    /// Says whether a link was sent.
    pub(crate) async fn mail_forgetful(&self, username: &str, client: &Client, page: &str, now: WallTime) -> Result<bool, OfficeError> {
        if !self.can_mail() {
            return Ok(false);
        }
        let found: Option<(i64, i64)> = self.store().db().one(FORGETFUL, binds![fields::fold(username)]).await?;
        let Some((user, center)) = found.map(|(user, center)| (UserId(user), CenterId(center))) else { return Ok(false) };
        let mut tx = self.store().db().begin().await?;
        let row = users::lock(&mut tx, user, center).await?;
        let newest: Option<(i64,)> = tx.one(NEWEST, binds![user, Purpose::PasswordReset.as_str()]).await?;
        let is_new = newest.is_none_or(|(at,)| now.0.saturating_sub(at) >= FORGOT_EVERY_MS);
        if !is_new || row.state != "active" {
            tx.rollback().await?;
            return Ok(false);
        }
        let actor = client.actor(ActorKind::Nobody, &row.username, center);
        let (url, expires_at) = issue(&mut tx, user, Purpose::PasswordReset, None, page, now).await?;
        self.send(&mut tx, &row, Purpose::PasswordReset, (&url, expires_at), None, now).await?;
        let diff = Diff::none().and("link", Value::Null, Purpose::PasswordReset.as_str()).and("send", Value::Null, "email");
        audit::append(&mut tx, now, &actor, &[Entry::change("users.forgot", USERS.name, user, diff).security()]).await?;
        tx.commit().await?;
        self.wake_jobs();
        Ok(true)
    }

    async fn find_link(&self, token: &str, now: WallTime) -> Result<(LinkRow, Purpose, String), OfficeError> {
        let not_found = || OfficeError::NotFound("link");
        let hash = secrets::hash(Kind::Link, token).ok_or_else(not_found)?;
        let row: Option<LinkRow> = self.store().db().one(FIND, binds![&hash, now]).await?;
        let row = row.ok_or_else(not_found)?;
        let purpose = Purpose::parse(&row.purpose).ok_or_else(not_found)?;
        Ok((row, purpose, hash))
    }

    /// Has a link mailed after the commit.
    async fn send(
        &self,
        tx: &mut Tx,
        row: &UserRow,
        purpose: Purpose,
        (url, expires_at): (&str, WallTime),
        by: Option<UserId>,
        now: WallTime,
    ) -> Result<(), OfficeError> {
        let Some(to) = row.email.as_deref() else {
            let what = "the account has no e-mail address: have the link shown, and hand it over".to_owned();
            return Err(OfficeError::Conflict(Conflict::State(what)));
        };
        let (name, username, locale) = (&row.display_name, &row.username, row.locale.as_deref());
        let note = LinkNote { to, name, username, locale, purpose, url, expires_at };
        self.notify_link(tx, CenterId(row.center_id), note, by, now).await.map(drop)
    }
}

/// Draws a link, and ends the older ones of its purpose.
async fn issue(
    tx: &mut Tx,
    user: UserId,
    purpose: Purpose,
    by: Option<UserId>,
    page: &str,
    now: WallTime,
) -> Result<(String, WallTime), OfficeError> {
    let token = secrets::draw(Kind::Link)?;
    let hash = secrets::hash(Kind::Link, &token);
    let expires_at = WallTime(now.0.saturating_add(purpose.life_ms()));
    tx.run(END_OLDER, binds![user, purpose.as_str(), now]).await?;
    tx.run(INSERT, binds![hash, user, purpose.as_str(), now, by, expires_at]).await?;
    Ok((format!("{page}{token}"), expires_at))
}
