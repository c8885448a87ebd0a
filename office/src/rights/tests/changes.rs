//! Roles and sets made, changed, listed and deleted.

use expect_test::expect;
use model::ListKind;
use store::binds;

use super::{
    super::{NewRole, NewSet, PERMISSION_SETS, ROLES, RoleChange, SetChange, can},
    NOW, both, column, faults,
    giving::items,
    is_conflict, list, of_roles, on_both, texts,
};
use crate::{Conflict, ListParams, OfficeError};

fn new_set(code: &str, permissions: &[&str]) -> NewSet {
    NewSet { code: code.to_owned(), name: "Set".to_owned(), permissions: items(permissions) }
}

fn new_role(code: &str, sets: &[&str]) -> NewRole {
    NewRole { code: code.to_owned(), name: "Role".to_owned(), sets: texts(sets), ..NewRole::default() }
}

#[tokio::test]
async fn a_role_is_made_of_sets_changed_and_deleted() {
    on_both(async |house| {
        let office = &house.office;
        let admin = house.user("admin", &["admin"]).await;
        let create = house.permit(admin, can::ROLES_CREATE).await;
        let change = house.permit(admin, can::ROLES_UPDATE).await;
        let delete = house.permit(admin, can::ROLES_DELETE).await;
        let read = house.permit(admin, can::ROLES_READ).await;

        let set = office.create_permission_set(&create, &new_set("night", &["calls.read@own", "calls.start@own"]), NOW).await.unwrap();
        let id = office.create_role(&create, &new_role("Night.Operator", &["night"]), NOW).await.unwrap();
        let user = house.user("u", &["Night.Operator"]).await;
        let more = RoleChange {
            code: None,
            name: Some("  Ночной оператор ".to_owned()),
            sets: Some(texts(&["viewer", "night", "night"])),
            lists: Some(vec![list("slots", ListKind::Slot, &["4"])]),
            columns: Some(vec![column("users", "email", model::Mode::Mask)]),
        };
        assert_eq!(office.update_role(&change, id, 1, &more, NOW).await.unwrap(), 2);
        // What changed in this process counts at once.
        assert!(house.person(user).await.permit(can::CALLS_READ).unwrap().is_wide());
        let mut role = office.role(&read.view(&ROLES), &id.to_string()).await.unwrap();
        role.retain(|name, _| !["id", "permissions"].contains(&name.as_str()));
        expect![[r#"{"builtin":false,"code":"Night.Operator","columns":[{"column":"email","mode":"mask","resource":"users"}],"created_at":1000,"lists":[{"ids":["4"],"kind":"slot","resource":"slots"}],"name":"Ночной оператор","sets":["night","viewer"],"updated_at":1000,"version":2}"#]]
            .assert_eq(&serde_json::to_string(&role).unwrap());
        let view = read.view(&PERMISSION_SETS);
        let shown = office.permission_set(&view, &set.to_string()).await.unwrap();
        assert_eq!(shown["permissions"], serde_json::json!([{"permission": "calls.read", "scope": "own"}, {"permission": "calls.start", "scope": "own"}]));

        // A change of a set is a change of every role that has it.
        let fewer = SetChange { permissions: Some(items(&["calls.read@own"])), ..SetChange::default() };
        assert_eq!(office.update_permission_set(&change, set, 1, &fewer, NOW).await.unwrap(), 2);
        assert!(house.person(user).await.permit(can::CALLS_START).is_none());
        // Nothing changed: no new version, no entry.
        let entries = house.count("audit_log").await;
        assert_eq!(office.update_permission_set(&change, set, 2, &fewer, NOW).await.unwrap(), 2);
        assert_eq!(office.update_role(&change, id, 2, &RoleChange::default(), NOW).await.unwrap(), 2);
        assert_eq!(house.count("audit_log").await, entries);

        is_conflict(&office.delete_role(&delete, id, 2, NOW).await, &Conflict::InUse("1 account(s)".to_owned()));
        is_conflict(&office.delete_permission_set(&delete, set, 2, NOW).await, &Conflict::InUse("the role Night.Operator".to_owned()));
        house.give(user, &of_roles(&[])).await;
        office.delete_role(&delete, id, 2, NOW).await.unwrap();
        office.delete_permission_set(&delete, set, 2, NOW).await.unwrap();
        assert!(matches!(office.delete_role(&delete, id, 2, NOW).await, Err(OfficeError::NotFound("role"))));
        let left: Option<(i64,)> = house.store().db().one(both("SELECT count(*) FROM access_lists WHERE principal_kind = 'role' AND principal_id = $1"), binds![id]).await.unwrap();
        assert_eq!(left, Some((0,)));

        let entries: Vec<(String, String, String, String)> = house
            .store()
            .db()
            .all(both("SELECT action, resource, resource_id, diff FROM audit_log WHERE seq > 1 AND category = 'security' ORDER BY seq"), &[])
            .await
            .unwrap();
        let entries: Vec<String> = entries.iter().map(|(action, resource, _, diff)| format!("{action} {resource} {diff}\n")).collect();
        expect![[r#"
            roles.create permission_sets {"code":[null,"night"],"name":[null,"Set"],"permissions":[null,["calls.read@own","calls.start@own"]]}
            roles.create roles {"code":[null,"Night.Operator"],"columns":[null,[]],"lists":[null,[]],"name":[null,"Role"],"sets":[null,["night"]]}
            roles.update roles {"columns":[[],[{"column":"email","mode":"mask","resource":"users"}]],"lists":[[],[{"ids":["4"],"kind":"slot","resource":"slots"}]],"name":["Role","Ночной оператор"],"sets":[["night"],["night","viewer"]]}
            roles.update permission_sets {"permissions":[["calls.read@own","calls.start@own"],["calls.read@own"]]}
            roles.delete roles {"code":["Night.Operator",null],"columns":[[{"column":"email","mode":"mask","resource":"users"}],null],"lists":[[{"ids":["4"],"kind":"slot","resource":"slots"}],null],"name":["Ночной оператор",null],"sets":[["night","viewer"],null]}
            roles.delete permission_sets {"code":["night",null],"name":["Set",null],"permissions":[["calls.read@own"],null]}
        "#]]
        .assert_eq(&entries.concat());
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    on_both(async |house| {
        let office = &house.office;
        let admin = house.user("admin", &["admin"]).await;
        let create = house.permit(admin, can::ROLES_CREATE).await;
        let change = house.permit(admin, can::ROLES_UPDATE).await;
        let delete = house.permit(admin, can::ROLES_DELETE).await;
        let operator = house.role_id("operator").await;
        is_conflict(&office.delete_role(&delete, operator, 1, NOW).await, &Conflict::BuiltIn);
        is_conflict(&office.delete_permission_set(&delete, house.set_id("operator").await, 1, NOW).await, &Conflict::BuiltIn);
        is_conflict(&office.create_role(&create, &new_role("operator", &[]), NOW).await, &Conflict::CodeTaken);
        is_conflict(&office.create_permission_set(&create, &new_set("operator", &[]), NOW).await, &Conflict::CodeTaken);
        let renamed = RoleChange { name: Some("x".to_owned()), ..RoleChange::default() };
        let other_code = RoleChange { code: Some("op".to_owned()), ..RoleChange::default() };
        is_conflict(&office.update_role(&change, operator, 1, &other_code, NOW).await, &Conflict::BuiltIn);
        let same_code = RoleChange { code: Some("operator".to_owned()), ..RoleChange::default() };
        assert_eq!(office.update_role(&change, operator, 1, &same_code, NOW).await.unwrap(), 1);
        is_conflict(&office.update_role(&change, operator, 7, &renamed, NOW).await, &Conflict::Version { current: 1 });
        assert!(matches!(office.update_role(&change, 999, 1, &renamed, NOW).await, Err(OfficeError::NotFound("role"))));
        // Leave to do one thing is no leave to do another.
        assert!(matches!(office.update_role(&create, operator, 1, &renamed, NOW).await, Err(OfficeError::Defect(_))));
        assert!(matches!(office.create_role(&change, &new_role("x", &[]), NOW).await, Err(OfficeError::Defect(_))));

        for code in ["", "with blank", "кириллица", "-dash", ".dot", &"x".repeat(65)] {
            assert_eq!(faults(office.create_role(&create, &new_role(code, &[]), NOW).await), ["invalid_field code"], "{code:?}");
        }
        let wrong = NewRole { name: " \t ".to_owned(), ..new_role("x y", &["nothing", "operator"]) };
        assert_eq!(
            faults(office.create_role(&create, &wrong, NOW).await),
            ["invalid_field code", "invalid_field name", "invalid_field sets[0]"]
        );
        let many = new_role("x", &["operator"; 65]);
        assert_eq!(faults(office.create_role(&create, &many, NOW).await), ["invalid_field sets"]);
        let wrong = new_set(
            "x",
            &["calls.fly@own", "calls.read@own", "centers.read@center", "users.create@own", "trunks.read@list", "profile.read@center"],
        );
        let wanted = [
            "unknown_field permissions[0].permission",
            "invalid_field permissions[2].scope",
            "invalid_field permissions[3].scope",
            "invalid_field permissions[4].scope",
            "invalid_field permissions[5].scope",
        ];
        assert_eq!(faults(office.create_permission_set(&create, &wrong, NOW).await), wanted);
        assert_eq!(faults(office.create_permission_set(&create, &new_set("role_7", &[]), NOW).await), ["invalid_field code"]);
        let many = new_set("x", &["calls.read@own"; 2001]);
        assert_eq!(faults(office.create_permission_set(&create, &many, NOW).await), ["invalid_field permissions"]);
        assert_eq!(house.count("roles").await, 13);
    })
    .await;
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_told_to_look_again() {
    on_both(async |house| {
        let office = &house.office;
        let admin = house.user("admin", &["admin"]).await;
        let change = house.permit(admin, can::ROLES_UPDATE).await;
        let (role, set) = (house.role_id("viewer").await, house.set_id("viewer").await);
        let named = |name: &str| RoleChange { name: Some(name.to_owned()), ..RoleChange::default() };
        let (one, two) = (named("one"), named("two"));
        let (first, second) =
            tokio::join!(office.update_role(&change, role, 1, &one, NOW), office.update_role(&change, role, 1, &two, NOW));
        let (done, refused) = if first.is_ok() { (first, second) } else { (second, first) };
        assert_eq!(done.unwrap(), 2);
        is_conflict(&refused, &Conflict::Version { current: 2 });
        let (one, two) = (
            SetChange { permissions: Some(items(&["calls.read@own"])), ..SetChange::default() },
            SetChange { permissions: Some(items(&["slots.read@own"])), ..SetChange::default() },
        );
        let (first, second) = tokio::join!(
            office.update_permission_set(&change, set, 1, &one, NOW),
            office.update_permission_set(&change, set, 1, &two, NOW)
        );
        let (done, refused) = if first.is_ok() { (first, second) } else { (second, first) };
        assert_eq!(done.unwrap(), 2);
        is_conflict(&refused, &Conflict::Version { current: 2 });
    })
    .await;
}

#[tokio::test]
async fn lists_show_what_roles_are_made_of() {
    on_both(async |house| {
        let office = &house.office;
        let admin = house.user("admin", &["admin"]).await;
        let read = house.permit(admin, can::ROLES_READ).await;
        let params = |pairs: &[(&str, &str)]| ListParams::from_pairs(pairs.iter().copied());
        let view = read.view(&ROLES);
        let page = office.roles(&view, &params(&[("fields", "code,sets,lists"), ("limit", "3"), ("sort", "code")])).await.unwrap();
        expect![[r#"[{"code":"HelpDeskManager","lists":[],"sets":["HelpDeskManager"]},{"code":"HelpDeskUser","lists":[],"sets":["HelpDeskUser"]},{"code":"SL3Manager","lists":[],"sets":["SL3Manager"]}]"#]]
            .assert_eq(&serde_json::to_string(&page.items).unwrap());
        let page = office.roles(&view, &params(&[("q", "администратор"), ("fields", "code")])).await.unwrap();
        assert!(page.items.is_empty());
        let page = office.roles(&view, &params(&[("q", "ADMINISTRATOR client")])).await.unwrap();
        assert_eq!(page.items[0]["lists"], serde_json::json!([{"resource": "roles", "kind": "role", "ids": ["listener"]}, {"resource": "users", "kind": "role", "ids": ["listener"]}]));
        let view = read.view(&PERMISSION_SETS);
        let page = office.permission_sets(&view, &params(&[("filter", r#"{"code":"seller"}"#)])).await.unwrap();
        assert_eq!(page.items[0]["permissions"][0], serde_json::json!({"permission": "calls.read", "scope": "own"}));
        assert_eq!(page.items[0]["permissions"].as_array().unwrap().len(), 5);

        // Hidden is hidden, in lists and in details.
        let hides = ["sets", "permissions", "lists", "columns"].map(|name| column("roles", name, model::Mode::Hide));
        house.role("blind", &["roles.read@center"], NewRole { columns: hides.to_vec(), ..NewRole::default() }).await;
        let blind = house.user("blind", &["blind"]).await;
        let view = house.permit(blind, can::ROLES_READ).await.view(&ROLES);
        let page = office.roles(&view, &ListParams::default()).await.unwrap();
        assert!(page.items.iter().all(|item| item.contains_key("code") && !item.contains_key("sets") && !item.contains_key("permissions")));
        let role = office.role(&view, "1").await.unwrap();
        assert!(!role.contains_key("permissions") && !role.contains_key("lists") && !role.contains_key("columns"));
        assert!(matches!(office.role_shape(&view, "1").await, Err(OfficeError::NotFound(_))));
        assert_eq!(faults(office.roles(&view, &params(&[("fields", "sets")])).await), ["unknown_field fields.sets"]);
        // Sets are opened by the same right: what is hidden of roles is hidden of them.
        let sets = house.permit(blind, can::ROLES_READ).await.view(&PERMISSION_SETS);
        assert!(!office.permission_set(&sets, "1").await.unwrap().contains_key("permissions"));
    })
    .await;
}
