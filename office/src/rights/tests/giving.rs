//! What people come to have, and that nobody gives more than they have.

use std::collections::BTreeSet;

use model::{Actor, ListKind, Mode, RowPart, UserId};
use store::binds;

use super::{
    super::{
        AccessChange, NewRole, NewSet, PermissionItem, RoleChange, SetChange, can,
        given::{Given, Holder},
    },
    HOME, House, NOW, SET_MANAGER, column, faults, is_forbidden, list, of_roles, on_both, texts,
};
use crate::{By, OfficeError};

impl House {
    /// A role with a set of the same code, made by the program's own administrator.
    pub(super) async fn role(&self, code: &str, permissions: &[&str], new: NewRole) -> i64 {
        let admin = match self.store().db().one::<(i64,)>(super::both("SELECT id FROM users WHERE username = 'root'"), &[]).await.unwrap() {
            Some((id,)) => UserId(id),
            None => self.user("root", &["admin"]).await,
        };
        let permit = self.permit(admin, can::ROLES_CREATE).await;
        let set = NewSet { code: code.to_owned(), name: code.to_owned(), permissions: items(permissions) };
        self.office.create_permission_set(&permit, &set, NOW).await.unwrap();
        let role = NewRole { code: code.to_owned(), name: code.to_owned(), sets: texts(&[code]), ..new };
        self.office.create_role(&permit, &role, NOW).await.unwrap()
    }

    async fn rows(&self, user: UserId, action: model::Action) -> Vec<RowPart> {
        self.permit(user, action).await.rows().any_of.clone()
    }
}

/// `calls.read@own` and its like.
pub(super) fn items(permissions: &[&str]) -> Vec<PermissionItem> {
    let item = |text: &&str| {
        let (permission, scope) = text.split_once('@').unwrap();
        PermissionItem { permission: permission.to_owned(), scope: scope.parse().unwrap() }
    };
    permissions.iter().map(item).collect()
}

fn part(users: Option<&[UserId]>, lists: &[(ListKind, &[&str])]) -> RowPart {
    RowPart {
        users: users.map(|users| users.iter().copied().collect()),
        lists: lists.iter().map(|(kind, ids)| (*kind, texts(ids).into_iter().collect())).collect(),
    }
}

#[tokio::test]
async fn the_widest_scope_wins() {
    on_both(async |house| {
        let user = house.user("u", &["operator"]).await;
        assert_eq!(house.rows(user, can::CALLS_READ).await, [part(Some(&[user]), &[])]);
        house.give(user, &of_roles(&["operator", "supervisor"])).await;
        assert_eq!(house.rows(user, can::CALLS_READ).await, [part(None, &[])]);
        let person = house.person(user).await;
        assert_eq!(person.roles(), ["operator", "supervisor"]);
        // Of what only one of them grants, that is what there is.
        assert_eq!(person.permit(can::CALLS_START).unwrap().rows().any_of, [part(Some(&[user]), &[])]);
        assert!(person.permit(can::USERS_CREATE).is_none());
        // In another centre works only what reaches everywhere.
        let admin = house.user("a", &["admin"]).await;
        let abroad = model::CenterId(2);
        assert!(house.person_at(user, abroad).await.permit(can::CALLS_READ).is_none());
        assert_eq!(house.person_at(admin, abroad).await.permit(can::CALLS_READ).unwrap().rows().center, abroad);
    })
    .await;
}

#[tokio::test]
async fn lists_of_one_kind_add_up_and_those_of_two_kinds_intersect() {
    let settings = || crate::Settings { parts: vec![super::thing::PART], ..crate::Settings::default() };
    on_both(async |mut house| {
        house.office = crate::Office::open(house.base.open().await, settings(), NOW).await.unwrap();
        let by_role = NewRole { lists: vec![list("leads", ListKind::Scenario, &["sales"])], ..NewRole::default() };
        house.role("seller_of_lists", &["leads.read@list", "leads.update@own+list"], by_role).await;
        let user = house.user("u", &["seller_of_lists"]).await;
        let scenario: &[_] = &[(ListKind::Scenario, &["sales"] as &[_])];
        assert_eq!(house.rows(user, super::thing::READ).await, [part(None, scenario)]);

        let own = vec![list("leads", ListKind::Scenario, &["support"]), list("leads", ListKind::Project, &["7", "9"])];
        house.give(user, &AccessChange { lists: Some(own), ..AccessChange::default() }).await;
        let both: &[_] = &[(ListKind::Scenario, &["sales", "support"] as &[_]), (ListKind::Project, &["7", "9"])];
        assert_eq!(house.rows(user, super::thing::READ).await, [part(None, both)]);
        assert_eq!(house.rows(user, model::Action("leads.update")).await, [part(Some(&[user]), both)]);
        // Another role's right without lists is not narrowed by them.
        house.give(user, &of_roles(&["seller_of_lists", "viewer"])).await;
        assert_eq!(house.rows(user, super::thing::READ).await, [part(None, &[])]);

        // Recordings are parts of calls: without lists of their own they go by those.
        let listener = house.user("l", &["listener"]).await;
        assert!(house.rows(listener, can::RECORDINGS_LISTEN).await.is_empty(), "narrowed without any list");
        house.run(
            super::both("INSERT INTO access_lists (principal_kind, principal_id, resource, kind, item) VALUES ('user', $1, 'calls', 'scenario', 'sales')"),
            binds![listener],
        )
        .await;
        assert_eq!(house.rows(listener, can::CALLS_READ).await, [part(None, scenario)]);
        assert_eq!(house.rows(listener, can::RECORDINGS_LISTEN).await, [part(None, scenario)]);
    })
    .await;
}

#[tokio::test]
async fn the_stricter_policy_of_role_and_person_counts() {
    on_both(async |house| {
        let policies = vec![column("users", "email", Mode::Mask), column("users", "tz", Mode::Mask)];
        house.role("masked", &["users.read@center", "users.export@center"], NewRole { columns: policies, ..NewRole::default() }).await;
        let user = house.user("u", &["masked"]).await;
        let own = vec![column("users", "email", Mode::Hide), column("users", "tz", Mode::Show), column("users", "locale", Mode::Mask)];
        house.give(user, &AccessChange { columns: Some(own), ..AccessChange::default() }).await;
        for action in [can::USERS_READ, can::USERS_EXPORT] {
            let view = house.permit(user, action).await.view(&crate::accounts::USERS);
            let modes = ["email", "tz", "locale", "username"].map(|name| view.mode(name));
            assert_eq!(modes, [Mode::Hide, Mode::Mask, Mode::Mask, Mode::Show], "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_team_is_everybody_below_however_circular() {
    on_both(async |house| {
        let mut people = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            people.push(house.user(name, &["HelpDeskManager"]).await);
        }
        let [a, b, c, d, e] = people[..] else { unreachable!() };
        // a ← b ← c, and d ← a: a circle of a, b, c if c manages a.
        for (who, manager) in [(b, a), (c, b), (a, c), (d, a)] {
            house.run(SET_MANAGER, binds![who, manager]).await;
        }
        let team = async |user| house.rows(user, can::CALLS_READ).await[0].users.clone().unwrap();
        assert_eq!(team(a).await, BTreeSet::from([a, b, c, d]));
        assert_eq!(team(c).await, BTreeSet::from([a, b, c, d]));
        assert_eq!(team(d).await, BTreeSet::from([d]));
        assert_eq!(team(e).await, BTreeSet::from([e]));
        // Who is 33 below is in no team.
        let mut above = e;
        let mut chain = vec![e];
        for number in 0..33 {
            let user = house.user(&format!("chain{number}"), &[]).await;
            house.run(SET_MANAGER, binds![user, above]).await;
            chain.push(user);
            above = user;
        }
        let team = team(e).await;
        assert_eq!(team.len(), 33, "oneself and 32 levels");
        assert!(team.contains(&chain[32]) && !team.contains(&chain[33]));
    })
    .await;
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    on_both(async |house| {
        let admin = house.user("admin", &["admin"]).await;
        let lead = house.user("lead", &[]).await;
        house
            .role(
                "team_lead",
                &[
                    "users.read@center",
                    "users.update@center",
                    "roles.read@center",
                    "roles.create@center",
                    "roles.update@center",
                    "calls.read@center",
                    "calls.start@own",
                    "recordings.read@own",
                    "recordings.listen@own",
                    "calls.end@own",
                    "jobs.read@own",
                    "jobs.manage@own",
                ],
                NewRole::default(),
            )
            .await;
        house.give(lead, &of_roles(&["team_lead"])).await;
        let worker = house.user("worker", &[]).await;
        let update = house.permit(lead, can::USERS_UPDATE).await;
        let by = By::Person(&update);

        // To an account: a role that goes beyond, and one that does not.
        is_forbidden(&house.try_give(by, worker, &of_roles(&["admin"])).await, "audit_log.export@all");
        is_forbidden(&house.try_give(by, worker, &of_roles(&["supervisor"])).await, "calls.export@center");
        is_forbidden(&house.try_give(by, worker, &of_roles(&["operator"])).await, "slots.read@center");
        is_forbidden(&house.try_give(by, lead, &of_roles(&["team_lead", "admin"])).await, "audit_log.export@all");
        house.role("caller", &["calls.start@own", "calls.read@team"], NewRole::default()).await;
        house.try_give(by, worker, &of_roles(&["caller"])).await.unwrap();
        // Who has more already is not touched either.
        is_forbidden(&house.try_give(by, admin, &of_roles(&["admin", "caller"])).await, "@all");
        assert_eq!(house.person(admin).await.roles(), ["admin"]);

        // By a set, by a role, by a change of either.
        let (create, change) = (house.permit(lead, can::ROLES_CREATE).await, house.permit(lead, can::ROLES_UPDATE).await);
        let set = |permissions: &[&str]| NewSet { code: "mine".to_owned(), name: "Mine".to_owned(), permissions: items(permissions) };
        is_forbidden(&house.office.create_permission_set(&create, &set(&["calls.read@all"]), NOW).await, "calls.read@all");
        is_forbidden(&house.office.create_permission_set(&create, &set(&["calls.start@team"]), NOW).await, "calls.start@team");
        is_forbidden(&house.office.create_permission_set(&create, &set(&["users.delete@own"]), NOW).await, "users.delete@own");
        let mine = house
            .office
            .create_permission_set(&create, &set(&["calls.read@list", "calls.read@team", "calls.start@own"]), NOW)
            .await
            .unwrap();
        let more = SetChange { permissions: Some(items(&["calls.monitor@own"])), ..SetChange::default() };
        is_forbidden(&house.office.update_permission_set(&change, mine, 1, &more, NOW).await, "calls.monitor@own");
        let role = |sets: &[&str]| NewRole { code: "mine".to_owned(), name: "Mine".to_owned(), sets: texts(sets), ..NewRole::default() };
        is_forbidden(&house.office.create_role(&create, &role(&["mine", "supervisor"]), NOW).await, "@center");
        let id = house.office.create_role(&create, &role(&["mine"]), NOW).await.unwrap();
        let with_more = RoleChange { sets: Some(texts(&["admin"])), ..RoleChange::default() };
        is_forbidden(&house.office.update_role(&change, id, 1, &with_more, NOW).await, "@all");
        let shape = serde_json::json!({"calls": ["read@all"]});
        is_forbidden(&house.office.set_role_shape(&change, id, 1, shape.as_object().unwrap(), NOW).await, "calls.read@all");
        // A name can be changed by whoever may change roles, whatever the role grants.
        let renamed = RoleChange { name: Some("Everything".to_owned()), ..RoleChange::default() };
        house.office.update_role(&change, 1, 1, &renamed, NOW).await.unwrap();
        // Nothing of all this came to be.
        assert_eq!(house.version("role", id).await, 1);
        assert_eq!(house.version("set", mine).await, 1);
        let sets = "SELECT count(*) FROM permission_sets WHERE code = 'mine'";
        assert_eq!(house.store().db().one::<(i64,)>(super::both(sets), &[]).await.unwrap(), Some((1,)));
    })
    .await;
}

#[tokio::test]
async fn who_sees_less_or_fewer_gives_no_more() {
    on_both(async |house| {
        let narrow = NewRole {
            lists: vec![list("slots", ListKind::Slot, &["1", "2"])],
            columns: vec![column("users", "email", Mode::Mask)],
            ..NewRole::default()
        };
        let permissions = &["users.update@center", "users.read@center", "roles.update@center", "slots.read@list", "slots.use@center"];
        house.role("narrow", permissions, narrow).await;
        let lead = house.user("lead", &["narrow"]).await;
        let worker = house.user("worker", &[]).await;
        house.role("reader", &["slots.read@list"], NewRole::default()).await;
        house.role("people", &["users.read@center"], NewRole::default()).await;
        let update = house.permit(lead, can::USERS_UPDATE).await;
        let give = async |roles: &[&str], lists, columns| {
            let change = AccessChange { roles: Some(texts(roles)), lists: Some(lists), columns: Some(columns) };
            house.try_give(By::Person(&update), worker, &change).await
        };
        // Lists within their own, and no others.
        give(&["reader"], vec![], vec![]).await.unwrap();
        give(&["reader"], vec![list("slots", ListKind::Slot, &["2"])], vec![]).await.unwrap();
        is_forbidden(&give(&["reader"], vec![list("slots", ListKind::Slot, &["2", "3"])], vec![]).await, "slots.read@list");
        // Columns that they do not see themselves are hidden as well, or the right is not given.
        is_forbidden(&give(&["people"], vec![], vec![]).await, "users.read@center");
        is_forbidden(&give(&["people"], vec![], vec![column("users", "tz", Mode::Hide)]).await, "users.read@center");
        give(&["people"], vec![], vec![column("users", "email", Mode::Mask)]).await.unwrap();
        give(&["people"], vec![], vec![column("users", "email", Mode::Hide)]).await.unwrap();
        // And what was hidden is not shown again by them.
        is_forbidden(&give(&["people"], vec![], vec![]).await, "users.read@center");

        // A set is narrowed by whoever has it, so who is narrowed themselves cannot fill one.
        let change = house.permit(lead, can::ROLES_UPDATE).await;
        let set = house.set_id("reader").await;
        let also = |items: Vec<PermissionItem>| SetChange { permissions: Some(items), ..SetChange::default() };
        is_forbidden(
            &house.office.update_permission_set(&change, set, 1, &also(items(&["slots.read@list", "slots.use@own"])), NOW).await,
            "slots.read@center",
        );
        is_forbidden(
            &house.office.update_permission_set(&change, set, 1, &also(items(&["users.read@center"])), NOW).await,
            "users.read@center",
        );
        // Nor empty it: it goes beyond their own rights.
        is_forbidden(
            &house.office.update_permission_set(&change, set, 1, &also(items(&["slots.use@own"])), NOW).await,
            "slots.read@center",
        );
        // What those who have a role were listed counts for what the role would come to.
        house.give(worker, &of_roles(&["reader"])).await;
        house.give(worker, &AccessChange { lists: Some(vec![list("slots", ListKind::Slot, &["9"])]), ..AccessChange::default() }).await;
        house.role("slots_of_lists", &["slots.read@list"], NewRole::default()).await;
        let (id, sets) = (house.role_id("reader").await, Some(texts(&["slots_of_lists"])));
        let done = house.office.update_role(&change, id, 1, &RoleChange { sets, ..RoleChange::default() }, NOW).await;
        is_forbidden(&done, "slots.read@list");
    })
    .await;
}

#[tokio::test]
async fn a_client_administrator_makes_listeners_and_nobody_else() {
    on_both(async |house| {
        let client = house.user("client", &["client_admin"]).await;
        let update = house.permit(client, can::USERS_UPDATE).await;
        let by = By::Person(&update);
        let new = house.user("new", &[]).await;
        house.try_give(by, new, &of_roles(&["listener"])).await.unwrap();
        for role in ["operator", "viewer", "client_admin", "admin"] {
            let user = house.user(&format!("a {role}"), &[role]).await;
            is_forbidden(&house.try_give(by, new, &of_roles(&["listener", role])).await, "do not reach");
            is_forbidden(&house.try_give(by, user, &of_roles(&["listener"])).await, "do not reach");
            let both: BTreeSet<String> = texts(&["listener", role]).into_iter().collect();
            assert!(!update.reaches_account(user, &both), "{role}");
        }
        // Without any role nobody would be able to find the account again.
        assert!(!update.reaches_account(new, &BTreeSet::new()));
        assert!(update.reaches_account(new, &BTreeSet::from(["listener".to_owned()])));
        // The role of listeners can be seen and narrowed by them, other roles cannot; nor can sets.
        let view = house.permit(client, can::ROLES_READ).await.view(&crate::rights::ROLES);
        let listener = house.role_id("listener").await;
        assert!(house.office.role(&view, &listener.to_string()).await.is_ok());
        assert!(matches!(house.office.role(&view, "1").await, Err(OfficeError::NotFound(_))));
        let page = house.office.roles(&view, &crate::ListParams::default()).await.unwrap();
        assert_eq!(page.items.iter().map(|item| item["code"].as_str().unwrap()).collect::<Vec<_>>(), ["listener"]);
        let change = house.permit(client, can::ROLES_UPDATE).await;
        let masked = RoleChange { columns: Some(vec![column("users", "email", Mode::Mask)]), ..RoleChange::default() };
        assert_eq!(house.office.update_role(&change, listener, 1, &masked, NOW).await.unwrap(), 2);
        assert!(matches!(house.office.update_role(&change, 1, 1, &masked, NOW).await, Err(OfficeError::NotFound(_))));
        let set = house.set_id("listener").await;
        let renamed = SetChange { name: Some("x".to_owned()), ..SetChange::default() };
        assert!(matches!(house.office.update_permission_set(&change, set, 1, &renamed, NOW).await, Err(OfficeError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_used_is_told_all_at_once() {
    on_both(async |house| {
        let user = house.user("u", &[]).await;
        let lists = vec![
            list("nothing", ListKind::Slot, &["1"]),
            list("slots", ListKind::Geo, &["1"]),
            list("slots", ListKind::Slot, &[]),
            list("slots", ListKind::Slot, &["", &"x".repeat(129)]),
            super::AccessList { ids: (0..1001).map(|id| id.to_string()).collect(), ..list("slots", ListKind::Slot, &[]) },
        ];
        let columns = vec![
            column("nothing", "id", Mode::Hide),
            column("users", "nothing", Mode::Hide),
            column("users", "id", Mode::Hide),
            column("users", "email", Mode::Hide),
            column("users", "email", Mode::Mask),
        ];
        let change = AccessChange { roles: Some(texts(&["operator", "nobody"])), lists: Some(lists), columns: Some(columns) };
        let system = Actor::system(HOME, "test");
        let said = faults(house.try_give(By::Program(&system), user, &change).await);
        let wanted = [
            "invalid_field roles[1]",
            "unknown_field lists[0].resource",
            "invalid_field lists[1].kind",
            "invalid_field lists[2].ids",
            "invalid_field lists[3].ids[0]",
            "invalid_field lists[3].ids[1]",
            "invalid_field lists[4].ids",
            "unknown_field columns[0].resource",
            "unknown_field columns[1].column",
            "invalid_field columns[2].column",
            "invalid_field columns[4].column",
        ];
        assert_eq!(said, wanted);
        let many = |count| vec!["operator".to_owned(); count];
        let change = AccessChange {
            roles: Some(many(33)),
            lists: Some(vec![list("slots", ListKind::Slot, &["1"]); 65]),
            columns: Some(vec![column("users", "tz", Mode::Hide); 501]),
        };
        assert_eq!(
            faults(house.try_give(By::Program(&system), user, &change).await),
            ["invalid_field roles", "invalid_field lists", "invalid_field columns"]
        );
        assert!(house.person(user).await.roles().is_empty());
        // An account of another centre is not there.
        let elsewhere = house.user_in(model::CenterId(2), "far", &[]).await;
        assert!(matches!(house.try_give(By::Program(&system), elsewhere, &of_roles(&[])).await, Err(OfficeError::NotFound("user"))));
        assert!(matches!(house.try_give(By::Program(&system), UserId(99), &of_roles(&[])).await, Err(OfficeError::NotFound("user"))));
    })
    .await;
}

#[tokio::test]
async fn a_change_says_what_was_and_what_is() {
    on_both(async |house| {
        let user = house.user("u", &["operator"]).await;
        let system = Actor::system(HOME, "test");
        let change = AccessChange {
            roles: Some(texts(&["supervisor"])),
            lists: Some(vec![list("slots", ListKind::Slot, &["7", "5"])]),
            columns: Some(vec![column("users", "email", Mode::Hide)]),
        };
        let diff = house.try_give(By::Program(&system), user, &change).await.unwrap();
        expect_test::expect![[r#"Diff({"columns": Array [Array [], Array [Object {"column": String("email"), "mode": String("hide"), "resource": String("users")}]], "lists": Array [Array [], Array [Object {"ids": Array [String("5"), String("7")], "kind": String("slot"), "resource": String("slots")}]], "roles": Array [Array [String("operator")], Array [String("supervisor")]]})"#]]
        .assert_eq(&format!("{diff:?}"));
        assert!(house.try_give(By::Program(&system), user, &change).await.unwrap().is_empty());
        let given = Given::read(&mut house.tx().await, Holder::User(user.0)).await.unwrap();
        assert_eq!(given.lists(), [list("slots", ListKind::Slot, &["5", "7"])]);
        assert_eq!(given.columns(), [column("users", "email", Mode::Hide)]);
        assert_eq!(house.person(user).await.roles(), ["supervisor"]);
    })
    .await;
}
