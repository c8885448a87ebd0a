//! Accounts as lists show them, and how they are made, changed and deleted.
//!
//! Nobody changes an account that may do more than they may themselves: else a new password or another e-mail address would be a way to
//! rights that were not given.

use std::collections::BTreeSet;

use model::{Actor, CenterId, Column, ColumnKind, ListKind, Mask, Mode, Owner, Reach, Resource, Scope, UserId, WallTime};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    list::fold_search,
    sql::{News, Tx, draw, tell},
    statements,
};

use super::{
    fields, passwords,
    sessions::{self, Which},
};
use crate::{
    By, Conflict, Fault, Office, OfficeError, Permit,
    centers::LOCALES,
    rights::{AccessChange, AccessList, AccessMap, ColumnPolicy, Grant, can, guard_admins, lock_rights, without_admin},
};

/// How many managers may stand above one another.
const CHAIN_MAX: usize = 32;
/// Accounts.
pub static USERS: Resource = Resource {
    name: "users",
    from: "users t",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.id"),
    // The code of a user's only role: an account that has another role too is not reached by a list of roles.
    lists: &[(
        ListKind::Role,
        "(SELECT CASE WHEN count(*) = 1 THEN min(r.code) END FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = t.id)",
    )],
    search: "t.search_norm",
    order: "username",
    read: can::USERS_READ,
    export: Some(can::USERS_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The account's id.").sorted().filtered(),
        Column::new("username", "t.username", ColumnKind::Text, "The name to log in with, in lower case.").sorted().filtered(),
        Column::new("display_name", "t.display_name", ColumnKind::Text, "The name that others see.").filtered(),
        Column { mask: Mask::Email, ..Column::new("email", "t.email", ColumnKind::Text, "The e-mail address.").nullable().filtered() },
        Column::new("roles", "", ColumnKind::Json, "The codes of the roles."),
        Column::new("manager", "t.manager_id", ColumnKind::Id, "The manager's account.").nullable().filtered(),
        Column::new("locale", "t.locale", ColumnKind::Code(LOCALES), "The language; none: the centre's.").nullable().filtered(),
        Column::new("tz", "t.tz", ColumnKind::Text, "The time zone; none: the centre's.").nullable(),
        Column::new("state", "t.state", ColumnKind::Code(&["active", "disabled", "invited"]), "Whether the account can be used.")
            .filtered(),
        Column::new("sso", "CASE WHEN t.oidc_sub IS NULL THEN 0 ELSE 1 END", ColumnKind::Bool, "Whether a provider logs the user in.")
            .filtered(),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When the account was made.").filtered(),
        Column::new("last_login_at", "t.last_login_at", ColumnKind::Time, "When the user last logged in.")
            .nullable()
            .filtered()
            .sorted_by("COALESCE(t.last_login_at, 0)"),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("lists", "", ColumnKind::Json, "Lists of ids that narrow the rights: {resource, kind, ids}."),
        Column::new("columns", "", ColumnKind::Json, "Columns that are masked or hidden: {resource, column, mode}."),
    ],
};

/// An account to be made.
#[derive(Clone, Default)]
pub struct NewUser {
    /// The name to log in with; it is stored in lower case.
    pub username: String,
    /// The password; none: the account is `invited` until its user has chosen one by a link.
    pub password: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name that others see; none: the user name.
    pub display_name: Option<String>,
    /// The codes of the roles.
    pub roles: Vec<String>,
    /// The manager.
    pub manager: Option<UserId>,
    /// The language.
    pub locale: Option<String>,
    /// The time zone.
    pub tz: Option<String>,
    /// Lists that narrow the rights.
    pub lists: Vec<AccessList>,
    /// Columns that are masked or hidden.
    pub columns: Vec<ColumnPolicy>,
}

/// What is to be changed of an account; what is absent stays. Of texts that can be absent, an empty one takes the old one away.
#[derive(Clone, Default)]
pub struct UserChange {
    /// The name to log in with.
    pub username: Option<String>,
    /// The password; it ends all sessions, and an invited account is active with it.
    pub password: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name that others see.
    pub display_name: Option<String>,
    /// The codes of all roles.
    pub roles: Option<Vec<String>>,
    /// The manager.
    pub manager: Option<Option<UserId>>,
    /// The language.
    pub locale: Option<String>,
    /// The time zone.
    pub tz: Option<String>,
    /// Whether the account can be used; an account that never had a password is `invited` again instead of active.
    pub active: Option<bool>,
    /// All lists that narrow the rights.
    pub lists: Option<Vec<AccessList>>,
    /// All columns that are masked or hidden.
    pub columns: Option<Vec<ColumnPolicy>>,
}

macro_rules! columns {
    () => {
        "id, center_id, username, email, display_name, password_hash, oidc_issuer, oidc_sub, manager_id, locale, tz, state, version"
    };
}

statements! {
    // The row stays locked until the transaction ends.
    LOCK: both concat!("UPDATE users SET version = version WHERE id = $1 AND center_id = $2 RETURNING ", columns!());
    ROW: both concat!("SELECT ", columns!(), " FROM users WHERE id = $1 AND center_id = $2");
    INSERT: both "INSERT INTO users (id, center_id, username, email, display_name, password_hash, oidc_issuer, oidc_sub, manager_id, locale, tz,
        state, search_norm, version, created_at, updated_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14, $15)";
    CHANGE: both "UPDATE users SET username = $2, email = $3, display_name = $4, password_hash = $5, manager_id = $6, locale = $7, tz = $8, state = $9,
        search_norm = $10, version = version + 1, updated_at = $11 WHERE id = $1";
    DELETE_ROW: both "DELETE FROM users WHERE id = $1";
    MANAGER_OF: both "SELECT manager_id FROM users WHERE id = $1 AND center_id = $2";
    FREE_TEAM: both "UPDATE users SET manager_id = NULL, version = version + 1, updated_at = $2 WHERE manager_id = $1 RETURNING id";
    ROLES: both "SELECT r.code FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = $1";
    END_LINKS: both "UPDATE one_time_links SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL";
    DELETE_LINKS: both "DELETE FROM one_time_links WHERE user_id = $1";
    DELETE_TOKENS: both "DELETE FROM api_tokens WHERE user_id = $1 RETURNING hash";
    DELETE_SETTINGS: both "DELETE FROM user_settings WHERE user_id = $1";
}

/// An account as the database has it.
#[derive(Clone, FromRow)]
pub(crate) struct UserRow {
    pub(crate) id: i64,
    pub(crate) center_id: i64,
    pub(crate) username: String,
    pub(crate) email: Option<String>,
    pub(crate) display_name: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) oidc_issuer: Option<String>,
    pub(crate) oidc_sub: Option<String>,
    pub(crate) manager_id: Option<i64>,
    pub(crate) locale: Option<String>,
    pub(crate) tz: Option<String>,
    pub(crate) state: String,
    pub(crate) version: i64,
}

/// What the change of an account has brought with it.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// The sessions that ended.
    pub(crate) ended: Vec<i64>,
    /// The account cannot be used any more.
    pub(crate) is_gone: bool,
    /// It has other roles, lists or column policies.
    pub(crate) has_other_rights: bool,
}

impl UserRow {
    pub(crate) fn user(&self) -> UserId {
        UserId(self.id)
    }

    pub(crate) fn is_sso(&self) -> bool {
        self.oidc_sub.is_some()
    }

    /// What others may see of it, for the audit log and for events.
    pub(crate) fn seen(&self) -> Map<String, Value> {
        let picture = json!({
            "id": self.id.to_string(),
            "username": self.username,
            "email": self.email,
            "display_name": self.display_name,
            "manager": self.manager_id.map(|id| id.to_string()),
            "locale": self.locale,
            "tz": self.tz,
            "state": self.state,
            "sso": self.is_sso(),
        });
        if let Value::Object(picture) = picture { picture } else { Map::new() }
    }

    fn search_norm(&self) -> String {
        fold_search(&format!("{} {} {}", self.username, self.display_name, self.email.as_deref().unwrap_or_default()))
    }

    pub(crate) async fn insert(&self, tx: &mut Tx, by: &Actor, now: WallTime) -> Result<(), OfficeError> {
        let binds = binds![
            self.id,
            self.center_id,
            &self.username,
            &self.email,
            &self.display_name,
            &self.password_hash,
            &self.oidc_issuer,
            &self.oidc_sub,
            self.manager_id,
            &self.locale,
            &self.tz,
            &self.state,
            self.search_norm(),
            now,
            by.user(),
        ];
        tx.run(INSERT, binds).await.map_err(name_taken)?;
        Ok(())
    }

    pub(crate) async fn change(&self, tx: &mut Tx, now: WallTime) -> Result<(), OfficeError> {
        let binds = binds![
            self.id,
            &self.username,
            &self.email,
            &self.display_name,
            &self.password_hash,
            self.manager_id,
            &self.locale,
            &self.tz,
            &self.state,
            self.search_norm(),
            now,
        ];
        tx.run(CHANGE, binds).await.map_err(name_taken)?;
        Ok(())
    }
}

fn name_taken(error: StoreError) -> OfficeError {
    match error.on_constraint("users_username_key", || StoreError::UsernameTaken) {
        StoreError::UsernameTaken => OfficeError::Conflict(Conflict::UsernameTaken),
        other => other.into(),
    }
}

/// The codes of a user's roles, in the order of their octets: a database's own order depends on its locale.
pub(crate) async fn role_codes(tx: &mut Tx, user: UserId) -> Result<Vec<String>, StoreError> {
    let codes: Vec<(String,)> = tx.all(ROLES, binds![user]).await?;
    let mut codes: Vec<String> = codes.into_iter().map(|(code,)| code).collect();
    codes.sort_unstable();
    Ok(codes)
}

/// The account, locked until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, user: UserId, center: CenterId) -> Result<UserRow, OfficeError> {
    tx.one(LOCK, binds![user, center]).await?.ok_or(OfficeError::NotFound("user"))
}

/// The links of a user that were not used are not good any more.
pub(crate) async fn end_links(tx: &mut Tx, user: UserId, now: WallTime) -> Result<(), StoreError> {
    tx.run(END_LINKS, binds![user, now]).await.map(drop)
}

/// That an account is another now, for whoever listens. Told without roles and rights, which have resources of their own.
pub(crate) async fn tell_changed(tx: &mut Tx, row: &UserRow, now: WallTime) -> Result<(), StoreError> {
    tell(tx, News::new(CenterId(row.center_id), "user.update", &row.seen(), now)).await
}

impl Office {
    /// Makes an account in the centre that the person works in.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`Conflict::UsernameTaken`], and [`OfficeError::Forbidden`] for rights that the person does not have.
    pub async fn create_user(&self, permit: &Permit, new: NewUser, now: WallTime) -> Result<UserId, OfficeError> {
        permit.must_be(can::USERS_CREATE)?;
        let center = permit.rows().center;
        let NewUser { roles, lists, columns, manager, .. } = new.clone();
        let mut row = self.new_row(new, center).await?;
        let mut tx = self.store().db().begin().await?;
        let made = async {
            lock_rights(&mut tx).await?;
            check_manager(&mut tx, center, None, manager).await?;
            row.id = draw(&mut tx, "user", 1).await?;
            row.insert(&mut tx, permit.actor(), now).await?;
            let access = AccessChange { roles: Some(roles), lists: Some(lists), columns: Some(columns) };
            let diff = self.set_user_access(&mut tx, permit.into(), row.user(), &access, Diff::created(&row.seen())).await?;
            // Whom a permit could not reach, it cannot make either.
            if !reaches(&mut tx, permit, row.user()).await? {
                return Err(beyond());
            }
            let entry = Entry::change(can::USERS_CREATE.0, USERS.name, row.id, diff);
            tell_changed(&mut tx, &row, now).await?;
            audit::append(&mut tx, now, permit.actor(), &[entry.security()]).await?;
            Ok(row.user())
        };
        let made = made.await;
        let change = self.accounts().people.change_all();
        finish(tx, made, change).await
    }

    /// Changes an account that is at the version that the person saw.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`Conflict::Version`], [`Conflict::LastAdmin`], [`Conflict::UsernameTaken`],
    /// [`Conflict::State`] for what the account's provider decides, and [`OfficeError::Forbidden`] for rights that the person does not have.
    pub async fn update_user(
        &self,
        permit: &Permit,
        user: UserId,
        change: UserChange,
        version: i64,
        now: WallTime,
    ) -> Result<(), OfficeError> {
        permit.must_be(can::USERS_UPDATE)?;
        self.change_user(permit, user, change, Some(version), now).await
    }

    /// Disables an account, or enables it again, whatever its version.
    ///
    /// # Errors
    /// As [`Office::update_user`].
    pub async fn set_user_active(&self, permit: &Permit, user: UserId, active: bool, now: WallTime) -> Result<(), OfficeError> {
        must_disable(permit)?;
        self.change_user(permit, user, UserChange { active: Some(active), ..UserChange::default() }, None, now).await
    }

    async fn change_user(
        &self,
        permit: &Permit,
        user: UserId,
        change: UserChange,
        version: Option<i64>,
        now: WallTime,
    ) -> Result<(), OfficeError> {
        let mut faults = hidden_fields(permit, &change);
        if let Some(password) = &change.password {
            passwords::check_rules(password, "password", &mut faults);
        }
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        // Whether the person may do it is asked before the work of a hash is done, and again under the lock.
        self.may_change_user(permit, user).await?;
        let password_hash = match &change.password {
            Some(password) => Some(self.accounts().passwords.hash(password).await?),
            None => None,
        };
        let mut tx = self.store().db().begin().await?;
        let done = self.change_locked(&mut tx, permit, user, change, password_hash, version, now).await;
        let renamed = self.accounts().people.change(user);
        let Changed { ended, is_gone, has_other_rights } = finish(tx, done, self.accounts().people.change_all()).await?;
        drop(renamed);
        self.accounts().people.ended(ended);
        if is_gone {
            self.accounts().people.gone(user);
        } else if has_other_rights {
            self.rights_changed(permit.rows().center, [user].into());
        }
        Ok(())
    }

    /// Changes an account under the locks.
    #[expect(clippy::too_many_arguments, reason = "it is the second half of a function")]
    pub(crate) async fn change_locked(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        user: UserId,
        change: UserChange,
        password_hash: Option<String>,
        version: Option<i64>,
        now: WallTime,
    ) -> Result<Changed, OfficeError> {
        let center = permit.rows().center;
        lock_rights(tx).await?;
        if let Some(manager) = change.manager {
            check_manager(tx, center, Some(user), manager).await?;
            self.guard_team(tx, permit, user, manager).await?;
        }
        let old = self.lock_to_change(tx, permit, user).await?;
        if let Some(version) = version.filter(|version| *version != old.version) {
            tracing::debug!(%user, version, "An account was changed meanwhile.");
            return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
        }
        let has_other_roles = match &change.roles {
            Some(wanted) => !same(wanted, &role_codes(tx, user).await?),
            None => false,
        };
        if old.is_sso() && (password_hash.is_some() || has_other_roles) {
            return Err(OfficeError::Conflict(Conflict::State(
                "the provider decides on the password and the roles of this account".to_owned(),
            )));
        }
        let mut faults = Vec::new();
        let mut row = old.clone();
        change.apply(&mut row, password_hash, &mut faults);
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let mut diff = Diff::between(&old.seen(), &row.seen());
        let is_new_password = row.password_hash != old.password_hash;
        if is_new_password {
            diff = diff.secret("password");
        }
        let mut is_security = is_new_password || row.state != old.state;
        let mut has_other_rights = false;
        let access = AccessChange { roles: change.roles, lists: change.lists, columns: change.columns };
        if access.roles.is_some() || access.lists.is_some() || access.columns.is_some() {
            let before = diff.clone();
            diff = self.set_user_access(tx, permit.into(), user, &access, diff).await?;
            has_other_rights = diff != before;
            is_security |= has_other_rights;
            if !reaches(tx, permit, user).await? {
                return Err(beyond());
            }
        }
        if diff.is_empty() {
            return Ok(Changed::default());
        }
        let orphans = if is_security { without_admin(tx).await? } else { BTreeSet::new() };
        row.change(tx, now).await?;
        let is_gone = row.state == "disabled";
        let mut ended = Vec::new();
        if is_gone || is_new_password {
            ended = sessions::end(tx, user, Which::All, if is_gone { "disabled" } else { "new_password" }, now).await?;
        }
        // A link that was sent to the address of before is not good any more.
        if is_gone || is_new_password || row.email != old.email {
            end_links(tx, user, now).await?;
        }
        if is_security {
            guard_admins(tx, &orphans).await?;
        }
        let entry = Entry::change(can::USERS_UPDATE.0, USERS.name, user, diff);
        tell_changed(tx, &row, now).await?;
        audit::append(tx, now, permit.actor(), &[if is_security { entry.security() } else { entry }]).await?;
        Ok(Changed { ended, is_gone, has_other_rights })
    }

    /// Deletes an account with its sessions, tokens, links and settings. Calls keep its id, and the audit log its name.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::LastAdmin`], and [`OfficeError::Forbidden`] if the account may do more than the person.
    pub async fn delete_user(&self, permit: &Permit, user: UserId, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::USERS_DELETE)?;
        self.may_change_user(permit, user).await?;
        let mut tx = self.store().db().begin().await?;
        let deleted = self.delete_locked(&mut tx, permit, user, now).await;
        let (sessions, tokens, done) = match deleted {
            Ok((sessions, tokens)) => (sessions, tokens, Ok(())),
            Err(error) => (Vec::new(), Vec::new(), Err(error)),
        };
        let people = &self.accounts().people;
        finish(tx, done, people.change_all()).await?;
        people.ended(sessions);
        drop(people.change(user));
        people.gone(user);
        tokens.iter().for_each(|(hash,)| people.token_ended(hash));
        Ok(())
    }

    async fn delete_locked(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        user: UserId,
        now: WallTime,
    ) -> Result<(Vec<i64>, Vec<(String,)>), OfficeError> {
        let center = permit.rows().center;
        lock_rights(tx).await?;
        let row = self.lock_to_change(tx, permit, user).await?;
        let team: Vec<(i64,)> = tx.all(FREE_TEAM, binds![user, now]).await?;
        // What is taken away needs no rights of one's own: leave to delete is enough.
        let nothing = AccessChange { roles: Some(Vec::new()), lists: Some(Vec::new()), columns: Some(Vec::new()) };
        let diff = self.set_user_access(tx, By::Program(permit.actor()), user, &nothing, Diff::deleted(&row.seen())).await?;
        let sessions = sessions::delete(tx, user).await?;
        tx.run(DELETE_LINKS, binds![user]).await?;
        let tokens: Vec<(String,)> = tx.all(DELETE_TOKENS, binds![user]).await?;
        tx.run(DELETE_SETTINGS, binds![user]).await?;
        tx.run(DELETE_ROW, binds![user]).await?;
        let team: Vec<String> = team.into_iter().map(|(id,)| id.to_string()).collect();
        let diff = if team.is_empty() { diff } else { diff.and("team", team, Value::Null) };
        tell(tx, News::new(center, "user.delete", &json!({"id": user}), now)).await?;
        audit::append(tx, now, permit.actor(), &[Entry::change(can::USERS_DELETE.0, USERS.name, user, diff).security()]).await?;
        Ok((sessions, tokens))
    }

    /// The account, if the permit reaches it and it may do nothing that the person may not. What this refuses, [`Self::lock_to_change`]
    /// refuses as well: it is asked before work is done that would be for nothing.
    pub(crate) async fn may_change_user(&self, permit: &Permit, user: UserId) -> Result<UserRow, OfficeError> {
        let row = self.user_row(user, permit.rows().center).await?;
        let (roles, access) = self.access_of(user).await?;
        self.guard_account(permit, user, &roles.into_iter().collect(), &access)?;
        Ok(row)
    }

    /// The same as things are in a transaction that has the lock on rights; the account stays locked until it ends.
    pub(crate) async fn lock_to_change(&self, tx: &mut Tx, permit: &Permit, user: UserId) -> Result<UserRow, OfficeError> {
        let row = lock(tx, user, permit.rows().center).await?;
        let (roles, access) = self.access_in(tx, user).await?;
        self.guard_account(permit, user, &roles, &access)?;
        Ok(row)
    }

    /// Refuses if this manager would bring the account into the team of somebody (the manager, or who stands above them) who has rights to
    /// their team that the person does not have to this account: to the whole centre, or to a team in which it is already.
    async fn guard_team(&self, tx: &mut Tx, permit: &Permit, user: UserId, manager: Option<UserId>) -> Result<(), OfficeError> {
        let center = permit.rows().center;
        let now: Option<(Option<i64>,)> = tx.one(MANAGER_OF, binds![user, center]).await?;
        let now = from_manager_up(tx, center, now.and_then(|(manager,)| manager).map(UserId)).await?;
        let scope = if now.contains(&permit.principal().user()) { Scope::Team } else { Scope::Center };
        for above in from_manager_up(tx, center, manager).await? {
            if now.contains(&above) {
                continue;
            }
            let (_, access) = self.access_in(tx, above).await?;
            let mut wider = AccessMap::default();
            for (permission, grants) in access.grants() {
                for grant in grants.iter().filter(|grant| grant.reach.scope == Scope::Team) {
                    wider.add(permission, Grant { reach: Reach { scope, ..grant.reach }, ..grant.clone() });
                }
            }
            self.guard_giving(permit.into(), &wider).map_err(|error| match error {
                OfficeError::Forbidden(why) => OfficeError::Forbidden(format!("a team would become larger, and {why}")),
                error => error,
            })?;
        }
        Ok(())
    }

    fn guard_account(&self, permit: &Permit, user: UserId, roles: &BTreeSet<String>, access: &AccessMap) -> Result<(), OfficeError> {
        if !permit.reaches_account(user, roles) {
            return Err(OfficeError::NotFound("user"));
        }
        // One's own account as well: a token that was narrowed may not take it over.
        self.guard_giving(permit.into(), access)
    }

    /// The account.
    pub(crate) async fn user_row(&self, user: UserId, center: CenterId) -> Result<UserRow, OfficeError> {
        self.store().db().one(ROW, binds![user, center]).await?.ok_or(OfficeError::NotFound("user"))
    }

    /// The row of an account to be made, all but its id.
    pub(crate) async fn new_row(&self, new: NewUser, center: CenterId) -> Result<UserRow, OfficeError> {
        let mut faults = Vec::new();
        let username = fields::username(&new.username, &mut faults);
        let display_name = fields::display_name(new.display_name.as_deref().unwrap_or_default(), &mut faults);
        let email = fields::email(new.email.as_deref().unwrap_or_default(), &mut faults);
        let locale = fields::locale(new.locale.as_deref().unwrap_or_default(), &mut faults);
        let tz = fields::zone(new.tz.as_deref().unwrap_or_default(), &mut faults);
        if let Some(password) = &new.password {
            passwords::check_rules(password, "password", &mut faults);
        }
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let password_hash = match &new.password {
            Some(password) => Some(self.accounts().passwords.hash(password).await?),
            None => None,
        };
        let CenterId(center_id) = center;
        Ok(UserRow {
            id: 0,
            center_id,
            display_name: if display_name.is_empty() { username.clone() } else { display_name },
            username,
            email,
            state: if password_hash.is_some() { "active" } else { "invited" }.to_owned(),
            password_hash,
            oidc_issuer: None,
            oidc_sub: None,
            manager_id: new.manager.map(|UserId(id)| id),
            locale,
            tz,
            version: 1,
        })
    }
}

impl UserChange {
    fn apply(&self, row: &mut UserRow, password_hash: Option<String>, faults: &mut Vec<Fault>) {
        // A provider's names keep to rules of its own: what stays is not judged.
        if let Some(username) = self.username.as_ref().filter(|username| fields::fold(username) != row.username) {
            row.username = fields::username(username, faults);
        }
        if let Some(display_name) = &self.display_name {
            let name = fields::display_name(display_name, faults);
            row.display_name = if name.is_empty() { row.username.clone() } else { name };
        }
        if let Some(email) = &self.email {
            row.email = fields::email(email, faults);
        }
        if let Some(locale) = &self.locale {
            row.locale = fields::locale(locale, faults);
        }
        if let Some(tz) = &self.tz {
            row.tz = fields::zone(tz, faults);
        }
        if let Some(manager) = self.manager {
            row.manager_id = manager.map(|UserId(id)| id);
        }
        if let Some(hash) = password_hash {
            row.password_hash = Some(hash);
            if row.state == "invited" {
                row.state = "active".to_owned();
            }
        }
        match self.active {
            Some(false) => row.state = "disabled".to_owned(),
            Some(true) if row.state == "disabled" => {
                let can_log_in = row.password_hash.is_some() || row.is_sso();
                row.state = if can_log_in { "active" } else { "invited" }.to_owned();
            }
            _ => {}
        }
    }
}

/// Leave to disable accounts, to enable them and to log them out: one by one, or many at once.
pub(crate) fn must_disable(permit: &Permit) -> Result<(), OfficeError> {
    permit.must_be(can::USERS_BULK).or_else(|_| permit.must_be(can::USERS_UPDATE))
}

/// Commits what was done, or takes it back. The pictures of accounts are read anew either way.
pub(crate) async fn finish<T>(tx: Tx, done: Result<T, OfficeError>, change: super::people::Change<'_>) -> Result<T, OfficeError> {
    let finished = match &done {
        Ok(_) => tx.commit().await,
        // The database may be what failed; what is told is the first failure.
        Err(_) => tx.rollback().await.or(Ok(())),
    };
    drop(change);
    finished?;
    done
}

/// Whether a permit reaches an account as it is in the transaction.
async fn reaches(tx: &mut Tx, permit: &Permit, user: UserId) -> Result<bool, StoreError> {
    Ok(permit.reaches_account(user, &role_codes(tx, user).await?.into_iter().collect()))
}

fn beyond() -> OfficeError {
    OfficeError::Forbidden("your rights to accounts do not reach one with these roles".to_owned())
}

/// A person can change what they see whole, and nothing else: what comes back of a masked value is the mask.
fn hidden_fields(permit: &Permit, change: &UserChange) -> Vec<Fault> {
    let view = permit.view(&USERS);
    let given = [
        ("username", change.username.is_some()),
        ("email", change.email.is_some()),
        ("display_name", change.display_name.is_some()),
        ("roles", change.roles.is_some()),
        ("manager", change.manager.is_some()),
        ("locale", change.locale.is_some()),
        ("tz", change.tz.is_some()),
        ("state", change.active.is_some()),
        ("lists", change.lists.is_some()),
        ("columns", change.columns.is_some()),
    ];
    let faults = given.into_iter().filter(|(_, is_given)| *is_given).filter_map(|(name, _)| match view.mode(name) {
        Mode::Show => None,
        Mode::Mask => Some(Fault::invalid(name, "you see a part of it only, so you cannot change it: leave it out")),
        Mode::Hide => Some(Fault::unknown(name, "there is no such field")),
    });
    faults.collect()
}

fn same(wanted: &[String], roles: &[String]) -> bool {
    wanted.iter().collect::<BTreeSet<_>>() == roles.iter().collect()
}

/// A manager, and who stands above them.
async fn from_manager_up(tx: &mut Tx, center: CenterId, manager: Option<UserId>) -> Result<Vec<UserId>, StoreError> {
    let mut chain = Vec::new();
    let mut above = manager;
    while let Some(id) = above.filter(|_| chain.len() < CHAIN_MAX) {
        chain.push(id);
        let row: Option<(Option<i64>,)> = tx.one(MANAGER_OF, binds![id, center]).await?;
        above = row.and_then(|(manager,)| manager).map(UserId);
    }
    Ok(chain)
}

/// Holds a manager against the rules: an account of the same centre, and nobody who is managed by the user in turn. The transaction has
/// the lock on rights, so that two changes cannot close a circle together.
pub(crate) async fn check_manager(tx: &mut Tx, center: CenterId, user: Option<UserId>, manager: Option<UserId>) -> Result<(), OfficeError> {
    let Some(UserId(manager)) = manager else { return Ok(()) };
    let wrong = |detail: &str| Err(OfficeError::Invalid(vec![Fault::invalid("manager", detail)]));
    let mut above = Some(manager);
    for step in 0..CHAIN_MAX {
        let Some(id) = above else { return Ok(()) };
        if Some(UserId(id)) == user {
            return wrong("a user's manager cannot be the user, nor anybody whom the user manages");
        }
        let row: Option<(Option<i64>,)> = tx.one(MANAGER_OF, binds![id, center]).await?;
        match row {
            Some((next,)) => above = next,
            None if step == 0 => return wrong("there is no such user"),
            None => return Ok(()),
        }
    }
    wrong("there would be too many managers above one another")
}
