//! Log-in by a provider, its rules and its directory.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;

use super::*;
use crate::{
    Conflict,
    rights::{ColumnPolicy, RightsChange, can},
};

const ISSUER: &str = "https://id.example.org/realms/crm";

fn claims(sub: &str, name: &str, roles: &[&str]) -> OidcClaims {
    OidcClaims {
        issuer: ISSUER.to_owned(),
        sub: sub.to_owned(),
        sid: Some(format!("sid-{sub}")),
        email: Some(format!("{name}@example.org")),
        preferred_username: Some(name.to_owned()),
        name: Some(format!("{name} of {sub}")),
        all: json!({"sub": sub, "realm_access": {"roles": roles}, "groups": ["/staff"]}),
    }
}

impl House {
    async fn rule(&self, claim: &str, value: &str, role: &str) -> i64 {
        let permit = self.permit("root", can::OIDC_ROLE_MAP_CREATE, 0).await;
        let rule = NewRule { issuer: ISSUER.to_owned(), claim: claim.to_owned(), value: value.to_owned(), role: role.to_owned() };
        self.office.create_oidc_rule(&permit, rule, at(0)).await.unwrap()
    }

    async fn by_provider(&self, claims: &OidcClaims, now: i64) -> Result<Session, OidcError> {
        self.office.log_in_oidc(HOME, claims, &client(), at(now)).await
    }
}

#[tokio::test]
async fn the_rules_own_the_roles_of_an_account_that_a_provider_logs_in() {
    on_both(async |house| {
        house.rule("realm_access.roles", "crm-operator", "operator").await;
        house.rule("realm_access.roles", "crm-boss", "supervisor").await;
        // Nobody without a role.
        assert!(matches!(house.by_provider(&claims("s1", "boris", &["other"]), 0).await, Err(OidcError::NoRole)));
        assert_eq!(house.office.users_count().await.unwrap(), 2);
        let entry = house.last_entry().await;
        assert!(entry.outcome == "refused" && entry.actor_name == "boris" && entry.diff.contains("no_role"), "{entry:?}");

        let told: Arc<Mutex<Vec<RightsChange>>> = Arc::default();
        let hearing = Arc::clone(&told);
        assert!(house.office.tell_rights(move |change| hearing.lock().unwrap().push(change)));
        let first = house.by_provider(&claims("s1", "Boris", &["crm-operator", "crm-boss"]), 1).await.unwrap();
        assert_eq!(
            (first.username.as_str(), first.roles.as_slice()),
            ("boris", ["operator".to_owned(), "supervisor".to_owned()].as_slice())
        );
        let user = first.user;
        let seen = house.seen(user).await;
        assert_eq!(
            (&seen["sso"], &seen["email"], &seen["display_name"]),
            (&json!(true), &json!("Boris@example.org"), &json!("Boris of s1"))
        );
        assert!(person(house.find(&first, 1).await).permit(can::USERS_READ).is_some());
        assert!(matches!(house.try_log_in("boris", "", 1).await, Err(LogInError::Wrong)));

        // A role that is taken away there is gone here, in sessions that are up as well.
        let second = house.by_provider(&claims("s1", "boris", &["crm-operator"]), 2).await.unwrap();
        assert_eq!((second.user, second.roles.as_slice()), (user, ["operator".to_owned()].as_slice()));
        assert!(person(house.find(&first, 2).await).permit(can::USERS_READ).is_none());
        assert_eq!(house.seen(user).await["display_name"], json!("boris of s1"));
        // Who was signed in hears of that, and of nothing when all stays as it was.
        house.by_provider(&claims("s1", "boris", &["crm-operator"]), 2).await.unwrap();
        assert_eq!(*told.lock().unwrap(), [RightsChange { center: HOME, users: [user].into() }]);
        // Nobody gives it another by hand, or a password.
        let permit = house.permit("root", can::USERS_UPDATE, 0).await;
        let version = house.stored(user).await.version;
        for change in [
            UserChange { roles: Some(vec!["admin".to_owned()]), ..UserChange::default() },
            UserChange { password: Some(PASSWORD.to_owned()), ..UserChange::default() },
        ] {
            let refused = house.office.update_user(&permit, user, change, version, at(3)).await;
            assert!(matches!(refused, Err(OfficeError::Conflict(Conflict::State(_)))), "{refused:?}");
        }
        let same = UserChange { roles: Some(vec!["operator".to_owned()]), locale: Some("ru".to_owned()), ..UserChange::default() };
        house.office.update_user(&permit, user, same, version, at(3)).await.unwrap();
        let refused = house.office.make_link(&permit, user, Purpose::PasswordReset, Deliver::Show, "", at(3)).await;
        assert!(matches!(refused, Err(OfficeError::Conflict(Conflict::State(_)))));

        // With the last role every session goes.
        assert!(matches!(house.by_provider(&claims("s1", "boris", &[]), 4).await, Err(OidcError::NoRole)));
        for session in [&first, &second] {
            assert!(matches!(house.find(session, 4).await, Found::Nobody));
            assert!(matches!(house.office.refresh(&session.refresh_token, &client(), at(4)).await, Err(RefreshError::Unknown)));
        }
        assert_eq!(house.seen(user).await["roles"], json!([]));
        // And comes back with it.
        assert_eq!(house.by_provider(&claims("s1", "boris", &["crm-boss"]), 5).await.unwrap().user, user);
        // Disabled here is disabled.
        house.office.set_user_active(&permit, user, false, at(6)).await.unwrap();
        assert!(matches!(house.by_provider(&claims("s1", "boris", &["crm-boss"]), 7).await, Err(OidcError::Disabled)));
        house.set_center(r#"{"login": {"oidc": false}}"#).await;
        assert!(matches!(house.by_provider(&claims("s2", "clara", &["crm-boss"]), 8).await, Err(OidcError::Off)));
    })
    .await;
}

/// What a program gets by an access token that says this.
async fn by_token(house: &House, token: &str, claims: &OidcClaims, now: i64) -> Found {
    house.office.principal_of_bearer(HOME, token, claims, &PrincipalRequest::default(), at(now)).await
}

#[tokio::test]
async fn a_program_has_the_rights_that_its_tokens_claims_give() {
    on_both(async |house| {
        house.rule("realm_access.roles", "crm-operator", "operator").await;
        let boss_rule = house.rule("realm_access.roles", "crm-boss", "supervisor").await;
        // Nobody without a role, and no account for them.
        assert!(matches!(by_token(&house, "t0", &claims("s1", "boris", &["other"]), 0).await, Found::NoRole));
        assert_eq!(house.office.users_count().await.unwrap(), 2);
        // The first of two at once makes the account.
        let (boss, operator) = (claims("s1", "boris", &["crm-boss"]), claims("s1", "boris", &["crm-operator"]));
        let (one, two) = tokio::join!(by_token(&house, "t1", &boss, 0), by_token(&house, "t2", &operator, 0));
        let (one, two) = (person(one), person(two));
        assert_eq!((house.office.users_count().await.unwrap(), one.user()), (3, two.user()));
        let made = house.last("users.create").await;
        assert_eq!((made.actor_kind.as_str(), made.actor_name.as_str(), made.category.as_str()), ("token", "boris", "security"));
        // Each token has its own rights, and no session.
        assert!(one.permit(can::USERS_READ).is_some() && two.permit(can::USERS_READ).is_none() && two.permit(can::CALLS_READ).is_some());
        assert!(one.session().is_none() && matches!(one.actor().kind, model::ActorKind::Token(user) if user == one.user()));
        // A log-in has the last word about the account, and a token about itself.
        let session = house.by_provider(&operator, 1).await.unwrap();
        assert_eq!((session.user, session.roles.as_slice()), (one.user(), ["operator".to_owned()].as_slice()));
        assert_eq!(person(by_token(&house, "t1", &boss, 1).await).roles(), ["supervisor"]);
        // Columns of the account's own count for it as well.
        let permit = house.permit("root", can::USERS_UPDATE, 0).await;
        let version = house.stored(one.user()).await.version;
        let hide = ColumnPolicy { resource: "users".to_owned(), column: "email".to_owned(), mode: model::Mode::Hide };
        let change = UserChange { columns: Some(vec![hide]), ..UserChange::default() };
        house.office.update_user(&permit, one.user(), change, version, at(1)).await.unwrap();
        let seen = person(by_token(&house, "t1", &boss, 1).await).permit(can::USERS_READ).unwrap().view(&USERS);
        assert_eq!(seen.mode("email"), model::Mode::Hide);
        // No token comes of a token.
        let create = person(by_token(&house, "t1", &boss, 1).await).permit(can::TOKENS_CREATE);
        if let Some(create) = create {
            let refused = house.office.create_token(&create, NewToken { name: "x".to_owned(), ..NewToken::default() }, at(1)).await;
            assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{refused:?}");
        }
        // A rule that is gone is gone at once, and so is an account.
        let delete = house.permit("root", can::OIDC_ROLE_MAP_DELETE, 0).await;
        house.office.delete_oidc_rule(&delete, boss_rule, at(2)).await.unwrap();
        assert!(matches!(by_token(&house, "t1", &boss, 2).await, Found::NoRole));
        assert!(matches!(by_token(&house, "t2", &operator, 2).await, Found::Person(_)));
        house.office.set_user_active(&permit, one.user(), false, at(3)).await.unwrap();
        assert!(matches!(by_token(&house, "t2", &operator, 3).await, Found::Nobody));
        assert!(matches!(by_token(&house, "t3", &operator, 3).await, Found::Nobody));
        house.office.set_user_active(&permit, one.user(), true, at(4)).await.unwrap();
        assert!(matches!(by_token(&house, "t2", &operator, 4).await, Found::Person(_)));
        let nameless = OidcClaims { sub: String::new(), ..operator.clone() };
        assert!(matches!(by_token(&house, "t4", &nameless, 4).await, Found::Nobody));
        house.set_center(r#"{"login": {"oidc": false}}"#).await;
        assert!(matches!(by_token(&house, "t5", &operator, 5).await, Found::Off));
    })
    .await;
}

#[tokio::test]
async fn a_provider_takes_over_nobodys_account() {
    on_both(async |house| {
        house.rule("groups", "/staff", "operator").await;
        house.rule("realm_access.roles", "crm-admin", "admin").await;
        let anna = house.by_provider(&claims("s1", "ANNA", &[]), 0).await.unwrap();
        assert_ne!(anna.user, house.anna);
        assert!(anna.username.starts_with("anna-") && anna.username.len() == 17, "{}", anna.username);
        // Another subject, another issuer: other accounts. The same again: the same.
        let other = house.by_provider(&claims("s2", "anna", &[]), 1).await.unwrap();
        assert!(![anna.user, house.anna].contains(&other.user));
        assert_eq!(house.by_provider(&claims("s1", "renamed", &[]), 2).await.unwrap().username, anna.username);
        let nameless =
            OidcClaims { preferred_username: None, email: Some("not an address".to_owned()), name: None, ..claims("s3", "x", &[]) };
        let nameless = house.by_provider(&OidcClaims { email: None, ..nameless }, 3).await.unwrap();
        assert!(nameless.username.starts_with("sso-"), "{}", nameless.username);
        // Two first log-ins at once.
        let new = claims("s4", "dora", &[]);
        let (one, two) = tokio::join!(house.by_provider(&new, 4), house.by_provider(&new, 4));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.user == two.user && one.id != two.id);
        // Names of any length and content.
        let odd = OidcClaims {
            preferred_username: Some(format!("a\n{}", "b".repeat(500))),
            email: Some("a@b\r\nBcc: c@d".to_owned()),
            ..claims("s5", "x", &[])
        };
        let odd = house.by_provider(&odd, 5).await.unwrap();
        assert_eq!(odd.username.chars().count(), 128);
        assert_eq!(house.seen(odd.user).await["email"], Value::Null);
        for wrong in [
            OidcClaims { sub: String::new(), ..new.clone() },
            OidcClaims { sub: "s".repeat(600), ..new.clone() },
            OidcClaims { sid: Some("\n".to_owned()), ..new },
        ] {
            assert!(matches!(house.by_provider(&wrong, 6).await, Err(OidcError::Office(_))));
        }
        // The last administrator by a provider loses the role like anybody: what is gone there is gone here.
        let boss = house.by_provider(&claims("s6", "boss", &["crm-admin"]), 7).await.unwrap();
        let permit = person(house.find(&boss, 7).await).permit(can::USERS_UPDATE).unwrap();
        house.office.set_user_active(&permit, house.root, false, at(8)).await.unwrap();
        assert_eq!(house.by_provider(&claims("s6", "boss", &[]), 9).await.unwrap().roles, ["operator"]);
        assert!(!house.office.has_admin().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_provider_ends_its_sessions() {
    on_both(async |house| {
        house.rule("groups", "/staff", "operator").await;
        let with_sid = |sid: &str| OidcClaims { sid: Some(sid.to_owned()), ..claims("s1", "boris", &[]) };
        let (one, two) = (house.by_provider(&with_sid("a"), 0).await.unwrap(), house.by_provider(&with_sid("b"), 0).await.unwrap());
        let other = house.by_provider(&claims("s2", "clara", &[]), 0).await.unwrap();
        let end = async |issuer: &str, sid: Option<&str>, sub: Option<&str>| {
            house.office.end_oidc_sessions(issuer, sid, sub, &client(), at(1)).await.unwrap()
        };
        assert_eq!(end("https://evil.example", Some("a"), None).await, 0);
        assert_eq!(end(ISSUER, Some("a"), Some("s2")).await, 0, "the session is somebody else's");
        assert_eq!(end(ISSUER, None, None).await, 0);
        assert_eq!(end(ISSUER, Some("a"), Some("s1")).await, 1);
        assert!(matches!(house.find(&one, 1).await, Found::Nobody));
        assert!(matches!(house.find(&two, 1).await, Found::Person(_)));
        assert_eq!(house.last_entry().await.action, "session.provider_logout");
        assert_eq!(end(ISSUER, None, Some("s1")).await, 1);
        assert!(matches!(house.find(&two, 1).await, Found::Nobody));
        assert!(matches!(house.find(&other, 1).await, Found::Person(_)));
    })
    .await;
}

#[tokio::test]
async fn rules_are_made_and_deleted_by_who_may_give_the_role() {
    on_both(async |house| {
        let create = house.permit("root", can::OIDC_ROLE_MAP_CREATE, 0).await;
        let rule = |claim: &str, role: &str| NewRule {
            issuer: ISSUER.to_owned(),
            claim: claim.to_owned(),
            value: "x".to_owned(),
            role: role.to_owned(),
        };
        let id = house.office.create_oidc_rule(&create, rule("groups", "operator"), at(0)).await.unwrap();
        assert_eq!(house.last_entry().await.action, "oidc_role_map.create");
        let again = house.office.create_oidc_rule(&create, rule("groups", "operator"), at(0)).await;
        assert!(matches!(again, Err(OfficeError::Conflict(Conflict::CodeTaken))), "{again:?}");
        assert_eq!(faults(house.office.create_oidc_rule(&create, rule("groups", "none"), at(0)).await), ["role"]);
        let empty = NewRule { issuer: String::new(), claim: "a.".repeat(20), value: "x".repeat(300), role: "operator".to_owned() };
        assert_eq!(faults(house.office.create_oidc_rule(&create, empty, at(0)).await), ["issuer", "value", "claim"]);
        let read = house.permit("root", can::OIDC_ROLE_MAP_READ, 0).await;
        let page = house.office.list(&read.view(&OIDC_ROLE_MAP), &crate::ListParams::default()).await.unwrap();
        assert_eq!((page.items.len(), &page.items[0]["role"], &page.items[0]["id"]), (1, &json!("operator"), &json!(id.to_string())));
        let delete = house.permit("root", can::OIDC_ROLE_MAP_DELETE, 0).await;
        house.office.delete_oidc_rule(&delete, id, at(1)).await.unwrap();
        assert!(house.last_entry().await.diff.contains("operator"));
        assert!(matches!(house.office.delete_oidc_rule(&delete, id, at(1)).await, Err(OfficeError::NotFound(_))));
    })
    .await;
}

/// A directory of a few people.
#[derive(Default)]
struct Book(Mutex<BTreeMap<String, DirectoryUser>>, AtomicBool);

impl Directory for Book {
    async fn user(&self, issuer: &str, sub: &str) -> Result<Option<DirectoryUser>, DirectoryError> {
        assert_eq!(issuer, ISSUER);
        if sub == "broken" && !self.1.load(Ordering::Relaxed) {
            return Err(DirectoryError("500".to_owned()));
        }
        Ok(self.0.lock().unwrap().get(sub).cloned())
    }
}

#[tokio::test]
async fn the_directory_tells_addresses_and_managers() {
    on_both(async |house| {
        house.rule("groups", "/staff", "operator").await;
        let mut users = BTreeMap::new();
        for sub in ["s1", "s2", "s3", "s4"] {
            users.insert(sub, house.by_provider(&claims(sub, sub, &[]), 0).await.unwrap().user);
        }
        let book = Book::default();
        let write = |sub: &str, manager: Option<&str>, email: &str| {
            let user = DirectoryUser { email: Some(email.to_owned()), manager_sub: manager.map(str::to_owned), ..DirectoryUser::default() };
            book.0.lock().unwrap().insert(sub.to_owned(), user);
        };
        write("s1", None, "first@example.org");
        write("s2", Some("s1"), "second@example.org");
        // Nobody here, a circle, no address.
        write("s3", Some("stranger"), "third");
        let refresh = async |after: UserId, limit: u32| house.office.refresh_directory(&book, ISSUER, after, limit, at(1)).await.unwrap();
        let page = refresh(UserId(0), 3).await;
        assert_eq!(page, DirectoryProgress { last: Some(users["s3"]), found: 3, missing: 0, changed: 2 });
        let page = refresh(users["s3"], 3).await;
        assert_eq!(page, DirectoryProgress { last: Some(users["s4"]), found: 0, missing: 1, changed: 0 });
        assert_eq!(refresh(users["s4"], 3).await, DirectoryProgress::default());
        let seen = house.seen(users["s2"]).await;
        assert_eq!((&seen["email"], &seen["manager"]), (&json!("second@example.org"), &json!(users["s1"])));
        let told = house.last("users.update").await;
        assert_eq!((told.actor_kind.as_str(), told.actor_name.as_str()), ("system", "directory"));
        write("s1", Some("s2"), "first@example.org");
        assert_eq!(refresh(UserId(0), 10).await.changed, 0, "a circle is passed over");
        assert_eq!(house.stored(users["s1"]).await.manager_id, None);
        // Who is nobody's man there is nobody's here.
        write("s1", None, "first@example.org");
        write("s2", None, "second@example.org");
        assert_eq!(refresh(UserId(0), 10).await.changed, 1);
        assert_eq!(house.stored(users["s2"]).await.manager_id, None);
        // Who may not log in there any more is out here, until they may again.
        let session = house.by_provider(&claims("s2", "s2", &[]), 1).await.unwrap();
        let close = |is_disabled: bool| {
            let user = DirectoryUser { is_disabled, ..DirectoryUser::default() };
            book.0.lock().unwrap().insert("s2".to_owned(), user);
        };
        close(true);
        assert_eq!((refresh(UserId(0), 10).await.changed, refresh(UserId(0), 10).await.changed), (1, 0));
        assert!(matches!(house.find(&session, 1).await, Found::Nobody));
        assert_eq!(house.seen(users["s2"]).await["roles"], json!([]));
        assert_eq!(house.last("session.provider_logout").await.actor_name, "directory");
        close(false);
        assert_eq!(refresh(UserId(0), 10).await.changed, 0);
        assert_eq!(house.by_provider(&claims("s2", "s2", &[]), 1).await.unwrap().roles, ["operator"]);
        house.by_provider(&claims("broken", "broken", &[]), 0).await.unwrap();
        let refused = house.office.refresh_directory(&book, ISSUER, UserId(0), 10, at(2)).await;
        assert!(matches!(refused, Err(DirectoryFailure::Directory(_))), "{refused:?}");
    })
    .await;
}
