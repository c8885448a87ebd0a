//! What is in memory follows the database, and stands in for it.

use expect_test::expect;
use model::{CenterId, Mode};
use store::{Db, binds};

use super::{
    super::{AccessChange, NewRole, RoleChange, can},
    HOME, NOW, column, on_both, texts,
};
use crate::Office;

#[tokio::test]
async fn what_another_process_changed_is_noticed() {
    on_both(async |house| {
        let other: Office = crate::testing::office(house.base.open().await).await;
        let admin = house.user("admin", &["admin"]).await;
        let user = house.user("u", &["viewer"]).await;
        assert!(other.access_of(user).await.unwrap().1.grants_at("calls.read", HOME, HOME).next().is_some());
        let change = house.permit(admin, can::ROLES_UPDATE).await;
        let none = RoleChange { sets: Some(vec![]), ..RoleChange::default() };
        house.office.update_role(&change, house.role_id("viewer").await, 1, &none, NOW).await.unwrap();
        assert!(house.office.access_of(user).await.unwrap().1.grants_at("calls.read", HOME, HOME).next().is_none());
        // The other one has looked a moment ago; it looks again when that is too long ago.
        other.memory().let_it_be_old();
        assert!(other.access_of(user).await.unwrap().1.grants_at("calls.read", HOME, HOME).next().is_none());
        // A role that it has never seen it reads at once.
        house.role("new", &["calls.read@center"], NewRole::default()).await;
        house.give(user, &super::of_roles(&["new"])).await;
        let (codes, access) = other.access_of(user).await.unwrap();
        assert_eq!(codes, ["new"]);
        assert!(access.grants_at("calls.read", HOME, HOME).next().is_some());
        // A grant that nothing in the program could have given is none.
        house
            .run(
                super::both("UPDATE permission_set_items SET reach = 'everything' WHERE permission = 'calls.read' AND set_id = $1"),
                binds![house.set_id("new").await],
            )
            .await;
        assert!(other.read_picture().await.is_ok());
        assert!(other.access_of(user).await.unwrap().1.grants_at("calls.read", HOME, HOME).next().is_none());
    })
    .await;
}

#[tokio::test]
async fn without_a_database_roles_are_known_and_what_is_hidden_from_anybody_is_hidden() {
    on_both(async |house| {
        let user = house.user("u", &["supervisor"]).await;
        let hides = vec![column("users", "email", Mode::Hide)];
        house.give(user, &AccessChange { columns: Some(hides), ..AccessChange::default() }).await;
        house.office.memory().let_it_be_old();
        house.office.picture().await.unwrap();
        match house.store().db() {
            Db::Lite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Db::Pg(pool) => pool.close().await,
        }
        house.office.memory().let_it_be_old();
        assert!(house.office.access_of(user).await.unwrap_err().is_unavailable());
        let access = house.office.access_for_roles(HOME, &texts(&["supervisor", "HelpDeskManager", "nothing"])).unwrap();
        let seat = super::super::Seat { user, home: HOME, center: HOME };
        let columns = access.columns(can::USERS_READ, seat, &crate::accounts::USERS);
        assert!(columns.iter().any(|(column, _)| column.name == "username") && !columns.iter().any(|(column, _)| column.name == "email"));
        assert!(access.rows(can::CALLS_START, seat).is_some());
        assert!(house.office.access_for_roles(CenterId(2), &texts(&["supervisor"])).unwrap().rows(can::CALLS_READ, seat).is_none());
        assert_eq!(house.office.center(HOME).await.unwrap().unwrap().code, "main");
    })
    .await;
}

#[tokio::test]
async fn people_are_told_what_they_may_do() {
    on_both(async |house| {
        let user = house.user("u", &["client_admin"]).await;
        let hides = vec![column("users", "email", Mode::Mask), column("users", "tz", Mode::Hide)];
        house.give(user, &AccessChange { columns: Some(hides), ..AccessChange::default() }).await;
        let person = house.person(user).await;
        let mine = house.office.my_permissions(&person);
        assert_eq!(mine.roles, ["client_admin"]);
        let permissions: Vec<String> = mine.permissions.iter().map(|mine| serde_json::to_string(mine).unwrap() + "\n").collect();
        expect![[r#"
            {"permission":"audit_log.read","scopes":["center"]}
            {"permission":"calls.export","scopes":["center"]}
            {"permission":"calls.read","scopes":["center"]}
            {"permission":"exports.delete","scopes":["own"]}
            {"permission":"exports.read","scopes":["own"]}
            {"permission":"jobs.manage","scopes":["own"]}
            {"permission":"jobs.read","scopes":["own"]}
            {"permission":"profile.read","scopes":["own"]}
            {"permission":"profile.update","scopes":["own"]}
            {"permission":"recordings.listen","scopes":["center"]}
            {"permission":"recordings.read","scopes":["center"]}
            {"permission":"roles.read","scopes":["list"]}
            {"permission":"roles.update","scopes":["list"]}
            {"permission":"scenarios.read","scopes":["center"]}
            {"permission":"users.create","scopes":["list"]}
            {"permission":"users.delete","scopes":["list"]}
            {"permission":"users.read","scopes":["list"]}
            {"permission":"users.update","scopes":["list"]}
        "#]]
        .assert_eq(&permissions.concat());
        let users = &mine.resources["users"].columns;
        let email = users.iter().find(|column| column.name == "email").unwrap();
        assert_eq!((email.mode, email.sort, email.filter), (Mode::Mask, false, false));
        assert!(!users.iter().any(|column| column.name == "tz"));
        assert!(!mine.resources.contains_key("slots") && !mine.resources.contains_key("centers"));

        let check = |action: &str| serde_json::to_string(&house.office.role_check(&person, action)).unwrap();
        assert_eq!(check("calls.read"), r#"{"action":"calls.read","allowed":true,"scopes":["center"]}"#);
        assert_eq!(check("calls.start"), r#"{"action":"calls.start","allowed":false,"scopes":[]}"#);
        assert_eq!(check("calls.fly"), r#"{"action":"calls.fly","allowed":false,"scopes":[]}"#);
        // Abroad they may do nothing at all.
        let abroad = house.office.my_permissions(&house.person_at(user, CenterId(2)).await);
        assert!(abroad.permissions.is_empty() && abroad.resources.is_empty());

        let catalogue = house.office.permissions();
        let read = catalogue.permissions.iter().find(|known| known.permission == "users.create").unwrap();
        assert_eq!(serde_json::to_string(&read.scopes).unwrap(), r#"["list","all+list","center","all"]"#);
        let users = catalogue.resources.iter().find(|known| known.name == "users").unwrap();
        assert_eq!(serde_json::to_string(&users.list_kinds).unwrap(), r#"["role"]"#);
        let email = users.columns.iter().find(|column| column.name == "email").unwrap();
        assert_eq!(email.mask, "email");
    })
    .await;
}
