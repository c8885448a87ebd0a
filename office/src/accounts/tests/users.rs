//! Accounts made, changed and deleted.

use serde_json::json;

use super::*;
use crate::{
    Conflict, ListParams,
    rights::{AccessList, ColumnPolicy, NewRole, NewSet, PermissionItem, can},
};

impl House {
    async fn create(&self, new: NewUser) -> Result<UserId, OfficeError> {
        let permit = self.permit("root", can::USERS_CREATE, 0).await;
        self.office.create_user(&permit, new, at(1)).await
    }

    /// Root changes an account as it is now.
    async fn change(&self, user: UserId, change: UserChange) -> Result<(), OfficeError> {
        let permit = self.permit("root", can::USERS_UPDATE, 0).await;
        let version = self.stored(user).await.version;
        self.office.update_user(&permit, user, change, version, at(2)).await
    }

    async fn delete(&self, user: UserId) -> Result<(), OfficeError> {
        let permit = self.permit("root", can::USERS_DELETE, 0).await;
        self.office.delete_user(&permit, user, at(3)).await
    }

    /// Makes a role and deletes it.
    async fn role_again(&self) {
        let root = self.principal("root", 0).await;
        let role = NewRole { code: "again".to_owned(), name: "again".to_owned(), ..NewRole::default() };
        let id = self.office.create_role(&root.permit(can::ROLES_CREATE).unwrap(), &role, at(0)).await.unwrap();
        self.office.delete_role(&root.permit(can::ROLES_DELETE).unwrap(), id, 1, at(0)).await.unwrap();
    }

    /// A role that comes with nothing but these permissions.
    async fn role(&self, code: &str, permissions: &[(&str, &str)]) {
        let root = self.principal("root", 0).await;
        let permit = root.permit(can::ROLES_CREATE).unwrap();
        let items =
            permissions.iter().map(|(name, scope)| PermissionItem { permission: (*name).to_owned(), scope: scope.parse().unwrap() });
        let set = NewSet { code: code.to_owned(), name: code.to_owned(), permissions: items.collect() };
        self.office.create_permission_set(&permit, &set, at(0)).await.unwrap();
        let role = NewRole { code: code.to_owned(), name: code.to_owned(), sets: vec![code.to_owned()], ..NewRole::default() };
        self.office.create_role(&permit, &role, at(0)).await.unwrap();
    }
}

fn conflict<T: std::fmt::Debug>(result: Result<T, OfficeError>) -> Conflict {
    match result {
        Err(OfficeError::Conflict(conflict)) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

#[tokio::test]
async fn an_account_is_made_seen_changed_and_deleted() {
    on_both(async |house| {
        let new = NewUser {
            email: Some("boris@example.org".to_owned()),
            display_name: Some("Борис Королёв".to_owned()),
            roles: vec!["operator".to_owned(), "supervisor".to_owned()],
            manager: Some(house.anna),
            locale: Some("ru".to_owned()),
            tz: Some("Europe/Moscow".to_owned()),
            lists: vec![AccessList { resource: "users".to_owned(), kind: model::ListKind::Role, ids: vec!["listener".to_owned()] }],
            columns: vec![ColumnPolicy { resource: "users".to_owned(), column: "email".to_owned(), mode: model::Mode::Mask }],
            ..new_user(" Boris ")
        };
        let boris = house.create(new).await.unwrap();
        let entry = house.last_entry().await;
        assert_eq!((entry.action.as_str(), entry.actor_name.as_str(), entry.resource.as_str()), ("users.create", "root", "users"));
        assert!(entry.diff.contains("supervisor") && !entry.diff.contains(PASSWORD) && !entry.diff.contains("argon2"), "{}", entry.diff);
        let mut seen = house.seen(boris).await;
        assert_eq!(seen.remove("created_at"), Some(json!(at(1).0)));
        let wanted = json!({
            "id": boris, "username": "boris", "display_name": "Борис Королёв", "email": "boris@example.org",
            "roles": ["operator", "supervisor"], "manager": house.anna, "locale": "ru", "tz": "Europe/Moscow", "state": "active", "sso": false,
            "last_login_at": null, "version": 1,
            "lists": [{"resource": "users", "kind": "role", "ids": ["listener"]}],
            "columns": [{"resource": "users", "column": "email", "mode": "mask"}],
        });
        assert_eq!(Value::Object(seen), wanted);

        // The list says the same, and finds people as they are written.
        let permit = house.permit("root", can::USERS_READ, 0).await;
        let view = permit.view(&USERS);
        for (search, names) in [("королев", vec!["boris"]), ("BORIS@EXAMPLE", vec!["boris"]), ("nobody", vec![])] {
            let page = house.office.users(&view, &ListParams::from_pairs([("q", search)])).await.unwrap();
            assert_eq!(page.items.iter().map(|row| row["username"].as_str().unwrap()).collect::<Vec<_>>(), names, "{search}");
        }
        let page = house.office.users(&view, &ListParams::from_pairs([("sort", "username"), ("fields", "username,roles")])).await.unwrap();
        let wanted = json!([
            {"username": "anna", "roles": ["operator"]},
            {"username": "boris", "roles": ["operator", "supervisor"]},
            {"username": "root", "roles": ["admin"]},
        ]);
        assert_eq!(json!(page.items), wanted);

        let change = UserChange {
            display_name: Some(String::new()),
            email: Some(String::new()),
            manager: Some(None),
            locale: Some(String::new()),
            lists: Some(Vec::new()),
            roles: Some(vec!["operator".to_owned(), "operator".to_owned()]),
            ..UserChange::default()
        };
        house.change(boris, change).await.unwrap();
        let seen = house.seen(boris).await;
        assert_eq!((&seen["display_name"], &seen["email"], &seen["manager"], &seen["locale"]), (&json!("boris"), &Value::Null, &Value::Null, &Value::Null));
        assert_eq!((&seen["roles"], &seen["lists"], &seen["version"]), (&json!(["operator"]), &json!([]), &json!(2)));
        let entry = house.last("users.update").await;
        assert_eq!(entry.category, "security");
        assert!(entry.diff.contains(r#""email":["boris@example.org",null]"#), "{}", entry.diff);
        // Nothing new is no change.
        house.change(boris, UserChange { tz: Some("Europe/Moscow".to_owned()), ..UserChange::default() }).await.unwrap();
        assert_eq!(house.stored(boris).await.version, 2);
        // A version that was overtaken.
        let permit = house.permit("root", can::USERS_UPDATE, 0).await;
        let stale = UserChange { tz: Some("UTC".to_owned()), ..UserChange::default() };
        assert_eq!(conflict(house.office.update_user(&permit, boris, stale, 1, at(2)).await), Conflict::Version { current: 2 });

        let session = house.log_in("boris", 2).await;
        house.delete(boris).await.unwrap();
        assert!(matches!(house.find(&session, 3).await, Found::Nobody));
        assert!(matches!(house.office.refresh(&session.refresh_token, &client(), at(3)).await, Err(RefreshError::Unknown)));
        let entry = house.last_entry().await;
        assert!(entry.action == "users.delete" && entry.diff.contains(r#""username":["boris",null]"#), "{entry:?}");
        assert!(matches!(house.delete(boris).await, Err(OfficeError::NotFound(_))));
        // The name is free again, and is another account's.
        let again = house.create(new_user("boris")).await.unwrap();
        assert!(again > boris);
        assert_eq!(house.seen(again).await["roles"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn what_an_account_cannot_hold_is_told_at_once() {
    on_both(async |house| {
        let wrong = NewUser {
            username: "a".repeat(129),
            password: Some("short".to_owned()),
            email: Some("nobody".to_owned()),
            display_name: Some("a\nb".to_owned()),
            locale: Some("de".to_owned()),
            tz: Some("Mars".to_owned()),
            ..NewUser::default()
        };
        assert_eq!(faults(house.create(wrong).await), ["username", "display_name", "email", "locale", "tz", "password"]);
        assert_eq!(faults(house.create(NewUser { roles: vec!["none".to_owned()], ..new_user("b") }).await), ["roles[0]"]);
        assert_eq!(faults(house.create(NewUser { manager: Some(UserId(999)), ..new_user("b") }).await), ["manager"]);
        assert_eq!(conflict(house.create(new_user("ANNA")).await), Conflict::UsernameTaken);
        let taken = UserChange { username: Some("Root".to_owned()), ..UserChange::default() };
        assert_eq!(conflict(house.change(house.anna, taken).await), Conflict::UsernameTaken);
        assert_eq!(
            faults(house.change(house.anna, UserChange { password: Some("x".repeat(1025)), ..UserChange::default() }).await),
            ["password"]
        );
        assert_eq!(house.stored(house.anna).await.version, 1);
        assert_eq!(house.office.users_count().await.unwrap(), 2);
        assert!(matches!(house.change(house.anna, UserChange::default()).await, Ok(())));
    })
    .await;
}

#[tokio::test]
async fn managers_do_not_go_in_a_circle() {
    on_both(async |house| {
        let boris = house.create(NewUser { manager: Some(house.anna), ..new_user("boris") }).await.unwrap();
        let clara = house.create(NewUser { manager: Some(boris), ..new_user("clara") }).await.unwrap();
        let managed_by = |manager: UserId| UserChange { manager: Some(Some(manager)), ..UserChange::default() };
        for manager in [house.anna, boris, clara] {
            assert_eq!(faults(house.change(house.anna, managed_by(manager)).await), ["manager"], "{manager}");
        }
        house.change(house.anna, managed_by(house.root)).await.unwrap();
        // Two changes that would close a circle together.
        house.change(boris, UserChange { manager: Some(None), ..UserChange::default() }).await.unwrap();
        house.change(clara, UserChange { manager: Some(None), ..UserChange::default() }).await.unwrap();
        let permit = house.permit("root", can::USERS_UPDATE, 0).await;
        let versions = (house.stored(boris).await.version, house.stored(clara).await.version);
        let (one, two) = tokio::join!(
            house.office.update_user(&permit, boris, managed_by(clara), versions.0, at(4)),
            house.office.update_user(&permit, clara, managed_by(boris), versions.1, at(4)),
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        // Who is deleted manages nobody any more.
        let (manager, report) = if one.is_ok() { (clara, boris) } else { (boris, clara) };
        house.delete(manager).await.unwrap();
        assert_eq!(house.stored(report).await.manager_id, None);
        assert!(house.last_entry().await.diff.contains(&format!(r#""team":[["{report}"],null]"#)));
    })
    .await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    on_both(async |house| {
        assert!(house.office.has_admin().await.unwrap());
        let disable = || UserChange { active: Some(false), ..UserChange::default() };
        let demote = || UserChange { roles: Some(vec!["operator".to_owned()]), ..UserChange::default() };
        assert_eq!(conflict(house.change(house.root, disable()).await), Conflict::LastAdmin);
        assert_eq!(conflict(house.change(house.root, demote()).await), Conflict::LastAdmin);
        assert_eq!(conflict(house.delete(house.root).await), Conflict::LastAdmin);
        assert_eq!((house.stored(house.root).await.version, house.seen(house.root).await["roles"].clone()), (1, json!(["admin"])));

        // Of two who disable each other at once, one stays.
        let other = house.create(NewUser { roles: vec!["admin".to_owned()], ..new_user("other") }).await.unwrap();
        let (one, two) = (house.permit("root", can::USERS_UPDATE, 0).await, house.permit("other", can::USERS_UPDATE, 0).await);
        let (done, also) = tokio::join!(
            house.office.set_user_active(&one, other, false, at(5)),
            house.office.set_user_active(&two, house.root, false, at(5)),
        );
        assert!(done.is_ok() != also.is_ok(), "{done:?} {also:?}");
        assert!(house.office.has_admin().await.unwrap());
        // One who is not the last may disable themselves.
        let (left, left_id, gone) = if done.is_ok() { (one, house.root, other) } else { (two, other, house.root) };
        house.office.set_user_active(&left, gone, true, at(6)).await.unwrap();
        house.office.set_user_active(&left, left_id, false, at(7)).await.unwrap();
        assert_eq!(house.stored(left_id).await.state, "disabled");
    })
    .await;
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once_and_who_has_another_role_has_it_at_once() {
    on_both(async |house| {
        let session = house.log_in("anna", 0).await;
        let anna = person(house.find(&session, 0).await);
        assert!(anna.permit(can::USERS_READ).is_none());
        house.change(house.anna, UserChange { roles: Some(vec!["supervisor".to_owned()]), ..UserChange::default() }).await.unwrap();
        assert!(person(house.find(&session, 1).await).permit(can::USERS_READ).is_some());
        house.change(house.anna, UserChange { active: Some(false), ..UserChange::default() }).await.unwrap();
        assert!(matches!(house.find(&session, 2).await, Found::Nobody));
        assert!(matches!(house.office.refresh(&session.refresh_token, &client(), at(2)).await, Err(RefreshError::Unknown)));
        let entry = house.last_entry().await;
        assert!(entry.category == "security" && entry.diff.contains(r#""state":["active","disabled"]"#), "{entry:?}");
        // Enabled again, the old session stays ended.
        house.change(house.anna, UserChange { active: Some(true), ..UserChange::default() }).await.unwrap();
        assert!(matches!(house.find(&session, 3).await, Found::Nobody));
        // Another password by the administrator ends the sessions, too.
        let session = house.log_in("anna", 4).await;
        house.change(house.anna, UserChange { password: Some("battery staple".to_owned()), ..UserChange::default() }).await.unwrap();
        assert!(matches!(house.find(&session, 5).await, Found::Nobody));
        assert!(house.last_entry().await.diff.contains(r#""password":[null,"changed"]"#));
        assert!(house.try_log_in("anna", "battery staple", 6).await.is_ok());
        // One who was invited and disabled is invited again.
        let invited = house.create(NewUser { password: None, ..new_user("boris") }).await.unwrap();
        assert_eq!(house.stored(invited).await.state, "invited");
        house.change(invited, UserChange { active: Some(false), ..UserChange::default() }).await.unwrap();
        house.change(invited, UserChange { active: Some(true), ..UserChange::default() }).await.unwrap();
        assert_eq!(house.stored(invited).await.state, "invited");
        house.change(invited, UserChange { password: Some(PASSWORD.to_owned()), ..UserChange::default() }).await.unwrap();
        assert_eq!(house.stored(invited).await.state, "active");
    })
    .await;
}

#[tokio::test]
async fn nobody_changes_who_may_do_more_or_what_they_do_not_see() {
    on_both(async |house| {
        house
            .role("clerk", &[("users.read", "center"), ("users.update", "center"), ("users.delete", "center"), ("users.create", "center")])
            .await;
        let clerk = house.create(NewUser { roles: vec!["clerk".to_owned()], ..new_user("clerk") }).await.unwrap();
        let plain = house.create(new_user("plain")).await.unwrap();
        let update = house.permit("clerk", can::USERS_UPDATE, 0).await;
        let delete = house.permit("clerk", can::USERS_DELETE, 0).await;
        let create = house.permit("clerk", can::USERS_CREATE, 0).await;
        let forbidden = |result: Result<(), OfficeError>| assert!(matches!(result, Err(OfficeError::Forbidden(_))), "{result:?}");
        let mail = || UserChange { email: Some("clerk@example.org".to_owned()), ..UserChange::default() };
        let now = at(9);
        // Neither mail, nor password, nor link, nor deletion of an administrator.
        forbidden(house.office.update_user(&update, house.root, mail(), 1, now).await);
        let password = UserChange { password: Some("12345678".to_owned()), ..UserChange::default() };
        forbidden(house.office.update_user(&update, house.root, password, 1, now).await);
        forbidden(house.office.make_link(&update, house.root, Purpose::PasswordReset, Deliver::Show, "", now).await.map(drop));
        forbidden(house.office.delete_user(&delete, house.root, now).await);
        forbidden(house.office.log_out_user(&update, house.root, now).await);
        // Nor if the account became one while the password was hashed: what counts is judged under the lock.
        let mut tx = house.office.store().db().begin().await.unwrap();
        let late = house.office.change_locked(&mut tx, &update, house.root, mail(), None, None, now).await;
        forbidden(late.map(drop));
        tx.rollback().await.unwrap();
        // No rights that the clerk does not have: not to others, not to the clerk.
        let admin = || UserChange { roles: Some(vec!["admin".to_owned()]), ..UserChange::default() };
        forbidden(house.office.update_user(&update, plain, admin(), 1, now).await);
        forbidden(house.office.update_user(&update, clerk, admin(), 1, now).await);
        let new = NewUser { roles: vec!["admin".to_owned()], ..new_user("mallory") };
        forbidden(house.office.create_user(&create, new, now).await.map(drop));
        assert_eq!(house.office.users_count().await.unwrap(), 4);
        // What is one's own to give.
        house.office.update_user(&update, plain, mail(), 1, now).await.unwrap();
        house.office.update_user(&update, clerk, mail(), 1, now).await.unwrap();
        let role = UserChange { roles: Some(vec!["clerk".to_owned()]), ..UserChange::default() };
        house.office.update_user(&update, plain, role, 2, now).await.unwrap();
        // A permit for something else is a defect of ours, and does nothing.
        assert!(matches!(house.office.delete_user(&update, plain, now).await, Err(OfficeError::Defect(_))));
        assert!(matches!(house.office.create_user(&delete, new_user("x"), now).await, Err(OfficeError::Defect(_))));
        let bulk = house.permit("root", can::USERS_BULK, 0).await;
        assert!(matches!(house.office.update_user(&bulk, plain, mail(), 1, now).await, Err(OfficeError::Defect(_))));

        // What is masked or hidden cannot be changed.
        let policies = [("email", model::Mode::Mask), ("tz", model::Mode::Hide)];
        let policy = |(column, mode): (&str, model::Mode)| ColumnPolicy { resource: "users".to_owned(), column: column.to_owned(), mode };
        let columns = UserChange { columns: Some(policies.into_iter().map(policy).collect()), ..UserChange::default() };
        house.change(clerk, columns).await.unwrap();
        let update = house.permit("clerk", can::USERS_UPDATE, 0).await;
        let both = UserChange { email: Some("a@b".to_owned()), tz: Some("UTC".to_owned()), ..UserChange::default() };
        let version = house.stored(plain).await.version;
        assert_eq!(faults(house.office.update_user(&update, plain, both, version, now).await), ["email", "tz"]);
    })
    .await;
}

#[tokio::test]
async fn nobody_makes_a_team_larger_to_see_more() {
    on_both(async |house| {
        let clerk = [("users.read", "center"), ("users.update", "center"), ("calls.read", "team")];
        house.role("clerk", &clerk).await;
        house.role("chief", &[clerk[0], clerk[1], ("calls.read", "center")]).await;
        let make = async |name: &str, role: &str, manager: Option<UserId>| {
            let roles = vec![role.to_owned()];
            // Whoever changes them may do at least as much.
            house.create(NewUser { roles, manager, ..new_user(name) }).await.unwrap()
        };
        let (clara, chief) = (make("clara", "clerk", None).await, make("chief", "chief", None).await);
        let deputy = make("deputy", "clerk", Some(clara)).await;
        let (boris, under_boris) = (house.create(new_user("boris")).await.unwrap(), house.create(new_user("under")).await.unwrap());
        let managed_by = |manager: UserId| UserChange { manager: Some(Some(manager)), ..UserChange::default() };
        let update = house.permit("clara", can::USERS_UPDATE, 0).await;
        for (who, manager) in [(boris, clara), (boris, deputy), (under_boris, deputy)] {
            let refused = house.office.update_user(&update, who, managed_by(manager), house.stored(who).await.version, at(9)).await;
            let Err(OfficeError::Forbidden(why)) = refused else { panic!("{refused:?}") };
            assert!(why.contains("a team") && why.contains("calls.read@center"), "{why}");
        }
        // Nor through somebody else with the same rights, whose password they could set.
        let helper = make("helper", "clerk", None).await;
        let refused = house.office.update_user(&update, boris, managed_by(helper), 1, at(9)).await;
        assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{refused:?}");
        // To another's team, and within the own one.
        house.office.update_user(&update, boris, managed_by(chief), 1, at(9)).await.unwrap();
        house.change(under_boris, managed_by(clara)).await.unwrap();
        let version = house.stored(under_boris).await.version;
        house.office.update_user(&update, under_boris, managed_by(deputy), version, at(9)).await.unwrap();
        // Who sees everybody's calls anyway.
        let update = house.permit("chief", can::USERS_UPDATE, 0).await;
        let version = house.stored(under_boris).await.version;
        house.office.update_user(&update, under_boris, managed_by(chief), version, at(9)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_right_to_listed_roles_reaches_accounts_with_these_roles_only() {
    on_both(async |house| {
        let admin = NewUser { roles: vec!["client_admin".to_owned()], ..new_user("clara") };
        let clara = house.create(admin).await.unwrap();
        let listener = house.create(NewUser { roles: vec!["listener".to_owned()], ..new_user("lena") }).await.unwrap();
        let read = house.permit("clara", can::USERS_READ, 0).await;
        let page = house.office.users(&read.view(&USERS), &ListParams::default()).await.unwrap();
        assert_eq!(page.items.iter().map(|row| row["username"].as_str().unwrap()).collect::<Vec<_>>(), ["lena"]);
        for other in [house.root, house.anna, clara] {
            assert!(matches!(house.office.user(&read.view(&USERS), other).await, Err(OfficeError::NotFound(_))));
        }
        let (create, update) = (house.permit("clara", can::USERS_CREATE, 0).await, house.permit("clara", can::USERS_UPDATE, 0).await);
        let now = at(9);
        let new = |role: &str| NewUser { roles: vec![role.to_owned()], ..new_user(&format!("new-{role}")) };
        house.office.create_user(&create, new("listener"), now).await.unwrap();
        for role in ["operator", "client_admin", "admin"] {
            let refused = house.office.create_user(&create, new(role), now).await;
            assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{role}: {refused:?}");
        }
        assert!(
            matches!(house.office.create_user(&create, new_user("none"), now).await, Err(OfficeError::Forbidden(_))),
            "no role is not in the list"
        );
        let raise = UserChange { roles: Some(vec!["listener".to_owned(), "operator".to_owned()]), ..UserChange::default() };
        assert!(matches!(house.office.update_user(&update, listener, raise, 1, now).await, Err(OfficeError::Forbidden(_))));
        let rename = || UserChange { display_name: Some("Lena".to_owned()), ..UserChange::default() };
        house.office.update_user(&update, listener, rename(), 1, now).await.unwrap();
        assert!(matches!(house.office.update_user(&update, house.anna, rename(), 1, now).await, Err(OfficeError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn one_changes_ones_own_name_and_password() {
    on_both(async |house| {
        let (one, two) = (house.log_in("anna", 0).await, house.log_in("anna", 1).await);
        let anna = person(house.find(&one, 2).await);
        let (read, update) = (anna.permit(can::PROFILE_READ).unwrap(), anna.permit(can::PROFILE_UPDATE).unwrap());
        let me = house.office.me(&read).await.unwrap();
        assert_eq!((me.username.as_str(), me.locale.as_str(), me.tz.as_str(), me.sso), ("anna", "en", "UTC", false));
        assert_eq!((me.roles.as_slice(), me.center, me.home), (["operator".to_owned()].as_slice(), HOME, HOME));
        let change =
            MeChange { display_name: Some("Анна".to_owned()), locale: Some("ru".to_owned()), tz: Some("Asia/Omsk".to_owned()) };
        house.office.change_me(&update, change, at(3)).await.unwrap();
        let me = house.office.me(&read).await.unwrap();
        assert_eq!((me.display_name.as_str(), me.locale.as_str(), me.tz.as_str()), ("Анна", "ru", "Asia/Omsk"));
        assert_eq!(
            faults(house.office.change_me(&update, MeChange { tz: Some("Mars".to_owned()), ..MeChange::default() }, at(3)).await),
            ["tz"]
        );

        let change = async |old: &str, new: &str| house.office.change_own_password(&update, old, new, at(4)).await;
        assert_eq!(faults(change("wrong horse", "battery staple").await), ["old"]);
        let entry = house.last_entry().await;
        assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("users.password", "refused"));
        assert_eq!(faults(change(PASSWORD, "short").await), ["new"]);
        change(PASSWORD, "battery staple").await.unwrap();
        assert!(matches!(house.find(&one, 5).await, Found::Person(_)), "one's own session goes on");
        assert!(matches!(house.find(&two, 5).await, Found::Nobody), "the others end");
        assert!(house.try_log_in("anna", PASSWORD, 6).await.is_err() && house.try_log_in("anna", "battery staple", 6).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn settings_are_small_and_few() {
    on_both(async |house| {
        let anna = house.principal("anna", 0).await;
        let (read, update) = (anna.permit(can::PROFILE_READ).unwrap(), anna.permit(can::PROFILE_UPDATE).unwrap());
        let put = async |key: &str, value: &Value| house.office.put_setting(&update, key, value, at(1)).await;
        assert_eq!(house.office.setting(&read, "calls.columns").await.unwrap(), Value::Null);
        let value = json!({"order": ["id", "caller"], "wide": true, "name": "Анна\u{0}"});
        put("calls.columns", &value).await.unwrap();
        assert_eq!(house.office.setting(&read, "calls.columns").await.unwrap(), value);
        for key in ["", "A", "a b", "ключ", &"k".repeat(65), "a/b", "a\0"] {
            assert_eq!(faults(put(key, &json!(1)).await), ["key"], "{key:?}");
            assert_eq!(faults(house.office.setting(&read, key).await), ["key"]);
        }
        put("big", &json!("x".repeat(64 * 1024 - 2))).await.unwrap();
        assert_eq!(faults(put("big", &json!("x".repeat(64 * 1024 - 1))).await), ["value"]);
        for n in 2..100 {
            put(&format!("key-{n}"), &json!(n)).await.unwrap();
        }
        assert!(matches!(put("one-more", &json!(1)).await, Err(OfficeError::Conflict(Conflict::State(_)))));
        put("key-2", &json!("a hundred may change")).await.unwrap();
        put("big", &Value::Null).await.unwrap();
        put("one-more", &json!(1)).await.unwrap();
        // Nobody sees another's.
        let root = house.permit("root", can::PROFILE_READ, 0).await;
        assert_eq!(house.office.setting(&root, "calls.columns").await.unwrap(), Value::Null);
    })
    .await;
}

#[tokio::test]
async fn changes_at_once_wait_for_one_another_and_none_fails() {
    on_both(async |house| {
        let boris = house.create(NewUser { manager: Some(house.anna), ..new_user("boris") }).await.unwrap();
        let rules = house.permit("root", can::OIDC_ROLE_MAP_CREATE, 0).await;
        let rule = NewRule { issuer: "i".to_owned(), claim: "groups".to_owned(), value: "g".to_owned(), role: "operator".to_owned() };
        house.office.create_oidc_rule(&rules, rule, at(0)).await.unwrap();
        let root = house.principal("root", 0).await;
        let permit = |action| root.permit(action).unwrap();
        let (update, create, delete) = (permit(can::USERS_UPDATE), permit(can::USERS_CREATE), permit(can::USERS_DELETE));
        let rounds = 8_i64;
        let toggle = async {
            for n in 0..rounds {
                house.office.set_user_active(&update, boris, n % 2 == 1, at(n)).await.unwrap();
            }
        };
        let manage = async {
            for n in 0..rounds {
                let manager = if n % 2 == 0 { Some(house.root) } else { None };
                let version = house.stored(house.anna).await.version;
                let change = UserChange { manager: Some(manager), ..UserChange::default() };
                house.office.update_user(&update, house.anna, change, version, at(n)).await.unwrap();
            }
        };
        let come_and_go = async {
            for n in 0..rounds {
                let new = NewUser { roles: vec!["operator".to_owned()], manager: Some(boris), password: None, ..new_user("guest") };
                let guest = house.office.create_user(&create, new, at(n)).await.unwrap();
                let link = house.office.make_link(&update, guest, Purpose::Invitation, Deliver::Show, "", at(n)).await.unwrap();
                house.office.use_link(&link.url.unwrap(), PASSWORD, &client(), at(n)).await.unwrap();
                house.log_in("guest", n).await;
                house.office.delete_user(&delete, guest, at(n)).await.unwrap();
            }
        };
        let by_provider = async {
            for n in 0..rounds {
                let all = json!({"groups": ["g"]});
                let sub = (n % 3).to_string();
                let claims = OidcClaims { issuer: "i".to_owned(), sub, name: Some(format!("name {n}")), all, ..OidcClaims::default() };
                house.office.log_in_oidc(HOME, &claims, &client(), at(n)).await.unwrap();
            }
        };
        let log_in = async {
            for n in 0..rounds {
                let session = house.log_in("root", n).await;
                house.office.refresh(&session.refresh_token, &client(), at(n)).await.unwrap();
                house.office.log_out(&person(house.find(&session, n).await), false, at(n)).await.unwrap();
            }
        };
        let roles = async {
            for _ in 0..rounds {
                house.role_again().await;
            }
        };
        tokio::join!(toggle, manage, come_and_go, by_provider, log_in, roles);
        let verified = house.office.verify_audit(1, |_, _| {}).await.unwrap();
        assert!(verified.broken.is_none() && verified.rows > 60, "{verified:?}");
    })
    .await;
}
