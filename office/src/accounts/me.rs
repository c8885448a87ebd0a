//! One's own account.

use model::{CenterId, UserId, WallTime};
use sqlx::FromRow;
use store::{
    audit::{self, AuditOutcome, Diff, Entry},
    binds, statements,
};

use super::{
    fields, passwords,
    sessions::{self, Which},
    users::{self, USERS, UserRow},
};
use crate::{Conflict, Fault, Office, OfficeError, Permit, rights::can};

/// One's own account, as one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The account.
    pub id: UserId,
    /// The name to log in with.
    pub username: String,
    /// The name that others see.
    pub display_name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The language, else the centre's.
    pub locale: String,
    /// The time zone, else the centre's.
    pub tz: String,
    /// The centre that one works in now.
    pub center: CenterId,
    /// The centre that one belongs to.
    pub home: CenterId,
    /// The codes of one's roles.
    pub roles: Vec<String>,
    /// Whether a provider logs one in, so that there is no password to change here.
    pub sso: bool,
}

/// What one can change of oneself; what is absent stays, and an empty text takes the old one away.
#[derive(Debug, Clone, Default)]
pub struct MeChange {
    /// The name that others see.
    pub display_name: Option<String>,
    /// The language.
    pub locale: Option<String>,
    /// The time zone.
    pub tz: Option<String>,
}

statements! {
    ME: both "SELECT u.username, u.display_name, u.email, COALESCE(u.locale, c.locale) AS locale, COALESCE(u.tz, c.tz) AS tz, u.oidc_sub FROM users u
        JOIN centers c ON c.id = u.center_id WHERE u.id = $1";
}

#[derive(FromRow)]
struct Row {
    username: String,
    display_name: String,
    email: Option<String>,
    locale: String,
    tz: String,
    oidc_sub: Option<String>,
}

impl Office {
    /// One's own account.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if it was deleted just now.
    pub async fn me(&self, permit: &Permit) -> Result<Me, OfficeError> {
        permit.must_be(can::PROFILE_READ)?;
        let who = permit.principal();
        let row: Option<Row> = self.store().db().one(ME, binds![who.user()]).await?;
        let row = row.ok_or(OfficeError::NotFound("user"))?;
        Ok(Me {
            id: who.user(),
            username: row.username,
            display_name: row.display_name,
            email: row.email,
            locale: row.locale,
            tz: row.tz,
            center: who.center(),
            home: who.home(),
            roles: who.roles().to_vec(),
            sso: row.oidc_sub.is_some(),
        })
    }

    /// Changes one's own name, language and time zone.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`].
    pub async fn change_me(&self, permit: &Permit, change: MeChange, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::PROFILE_UPDATE)?;
        let who = permit.principal();
        let mut tx = self.store().db().begin().await?;
        let old = users::lock(&mut tx, who.user(), who.home()).await?;
        let mut row = old.clone();
        let mut faults = Vec::new();
        change.apply(&mut row, &mut faults);
        let diff = Diff::between(&old.seen(), &row.seen());
        if !faults.is_empty() || diff.is_empty() {
            tx.rollback().await?;
            return if faults.is_empty() { Ok(()) } else { Err(OfficeError::Invalid(faults)) };
        }
        row.change(&mut tx, now).await?;
        users::tell_changed(&mut tx, &row, now).await?;
        audit::append(&mut tx, now, permit.actor(), &[Entry::change(can::PROFILE_UPDATE.0, USERS.name, row.id, diff)]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sets another password of one's own, and ends all other sessions: whoever knew the old one is out.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] if the old one is not it, or the new one is too short; [`OfficeError::Crowded`]; [`Conflict::State`] if a
    /// provider logs one in.
    pub async fn change_own_password(&self, permit: &Permit, old: &str, new: &str, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::PROFILE_UPDATE)?;
        let who = permit.principal();
        let mut faults = Vec::new();
        passwords::check_rules(new, "new", &mut faults);
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let row = self.user_row(who.user(), who.home()).await?;
        let Some(hash) = row.password_hash.filter(|_| row.oidc_sub.is_none()) else {
            return Err(OfficeError::Conflict(Conflict::State("your provider logs you in: change the password there".to_owned())));
        };
        let entry = || Entry::change("users.password", USERS.name, who.user(), Diff::none().secret("password")).security();
        let wrong = || OfficeError::Invalid(vec![Fault::invalid("old", "this is not your password")]);
        if !self.accounts().passwords.check(Some(&hash), old).await? {
            let mut tx = self.store().db().begin().await?;
            let refused = Entry { outcome: AuditOutcome::Refused, diff: Diff::none(), ..entry() };
            audit::append(&mut tx, now, permit.actor(), &[refused]).await?;
            tx.commit().await?;
            return Err(wrong());
        }
        let new_hash = self.accounts().passwords.hash(new).await?;
        let mut tx = self.store().db().begin().await?;
        let mut row = users::lock(&mut tx, who.user(), who.home()).await?;
        if row.password_hash.as_deref() != Some(&hash) || row.state != "active" {
            tx.rollback().await?;
            return Err(wrong());
        }
        row.password_hash = Some(new_hash);
        row.change(&mut tx, now).await?;
        let which = who.session().map_or(Which::All, Which::AllBut);
        let ended = sessions::end(&mut tx, who.user(), which, "new_password", now).await?;
        users::end_links(&mut tx, who.user(), now).await?;
        audit::append(&mut tx, now, permit.actor(), &[entry()]).await?;
        tx.commit().await?;
        self.accounts().people.ended(ended);
        Ok(())
    }
}

impl MeChange {
    fn apply(&self, row: &mut UserRow, faults: &mut Vec<Fault>) {
        if let Some(display_name) = &self.display_name {
            let name = fields::display_name(display_name, faults);
            row.display_name = if name.is_empty() { row.username.clone() } else { name };
        }
        if let Some(locale) = &self.locale {
            row.locale = fields::locale(locale, faults);
        }
        if let Some(tz) = &self.tz {
            row.tz = fields::zone(tz, faults);
        }
    }
}
