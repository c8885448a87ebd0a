//! Somebody who can administer is always left, in every centre.

use model::{Actor, CenterId, UserId};
use store::{binds, sql::Tx};

use super::{
    super::{NewRole, PermissionItem, RoleChange, SetChange, can, guard_admins, memory, without_admin},
    HOME, House, NOW, SET_STATE, both,
    giving::items,
    is_conflict, of_roles, on_both,
};
use crate::{By, Conflict, OfficeError};

impl House {
    /// Disables an account as accounts do it.
    async fn disable(&self, user: UserId) -> Result<(), OfficeError> {
        let mut tx: Tx = self.tx().await;
        memory::lock(&mut tx).await.unwrap();
        let before = without_admin(&mut tx).await.unwrap();
        tx.run(SET_STATE, binds![user, "disabled"]).await.unwrap();
        match guard_admins(&mut tx, &before).await {
            Ok(()) => {
                tx.commit().await.unwrap();
                Ok(())
            }
            Err(error) => {
                tx.rollback().await.unwrap();
                Err(error)
            }
        }
    }
}

#[tokio::test]
async fn no_change_takes_the_last_administrator_away() {
    on_both(async |house| {
        // Before there is one, nobody is missed.
        let other = house.user("other", &["operator"]).await;
        house.disable(other).await.unwrap();
        let admin = house.user("admin", &["admin"]).await;
        let update = house.permit(admin, can::USERS_UPDATE).await;
        let change = house.permit(admin, can::ROLES_UPDATE).await;
        let last = Conflict::LastAdmin;

        is_conflict(&house.disable(admin).await, &last);
        is_conflict(&house.try_give((&update).into(), admin, &of_roles(&["operator"])).await, &last);
        is_conflict(&house.try_give((&update).into(), admin, &of_roles(&[])).await, &last);
        let set = house.set_id("admin").await;
        for missing in ["users.update", "roles.update", "system.configure"] {
            let view = house.permit(admin, can::ROLES_READ).await.view(&crate::rights::PERMISSION_SETS);
            let all = house.office.permission_set(&view, &set.to_string()).await.unwrap()["permissions"].clone();
            let mut all: Vec<PermissionItem> = serde_json::from_value(all).unwrap();
            all.retain(|item| item.permission != missing);
            let done = house
                .office
                .update_permission_set(&change, set, 1, &SetChange { permissions: Some(all), ..SetChange::default() }, NOW)
                .await;
            is_conflict(&done, &last);
        }
        let none = RoleChange { sets: Some(vec![]), ..RoleChange::default() };
        is_conflict(&house.office.update_role(&change, 1, 1, &none, NOW).await, &last);
        let shape = serde_json::json!({"users": ["update"], "roles": ["update"]});
        is_conflict(&house.office.set_role_shape(&change, 1, 1, shape.as_object().unwrap(), NOW).await, &last);
        assert_eq!((house.version("role", 1).await, house.version("set", set).await), (1, 1));

        // With another one it can be done; a role of the same rights will do.
        let deputy_set = &["users.update@center", "roles.update@center", "system.configure@all"];
        house.role("deputy", deputy_set, NewRole::default()).await;
        let root: (i64,) = house.store().db().one(both("SELECT id FROM users WHERE username = 'root'"), &[]).await.unwrap().unwrap();
        house.disable(admin).await.unwrap();
        is_conflict(&house.disable(UserId(root.0)).await, &last);
        let deputy = house.user("deputy", &["deputy"]).await;
        house.disable(UserId(root.0)).await.unwrap();
        is_conflict(&house.disable(deputy).await, &last);
        // A right to fewer people than all is not enough.
        let change = house.permit(deputy, can::ROLES_UPDATE).await;
        let narrower = items(&["users.update@team", "roles.update@center", "system.configure@all"]);
        let narrower = SetChange { permissions: Some(narrower), ..SetChange::default() };
        is_conflict(&house.office.update_permission_set(&change, house.set_id("deputy").await, 1, &narrower, NOW).await, &last);
        // Nor is one that administers another centre only.
        let elsewhere = CenterId(2);
        house
            .run(
                both(
                    "INSERT INTO centers (id, code, name, locale, tz, state, settings, search_norm, version, created_at, updated_at)
            VALUES (2, 'b', 'b', 'en', 'UTC', 'active', '{}', 'b', 1, 0, 0)",
                ),
                &[],
            )
            .await;
        // The new centre never had anybody of its own: that is not held against changes elsewhere.
        is_conflict(&house.disable(deputy).await, &last);
        let far = house.user_in(elsewhere, "far", &[]).await;
        house.run(both("INSERT INTO user_roles (user_id, role_id) VALUES ($1, $2)"), binds![far, house.role_id("deputy").await]).await;
        is_conflict(&house.disable(deputy).await, &last);
        house.run(both("UPDATE permission_set_items SET reach = 'all' WHERE set_id = $1"), binds![house.set_id("deputy").await]).await;
        house.disable(deputy).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn two_that_leave_each_other_behind_do_not_both_go() {
    on_both(async |house| {
        let (one, two) = (house.user("one", &["admin"]).await, house.user("two", &["admin"]).await);
        for _ in 0..5 {
            let (first, second) = tokio::join!(house.disable(one), house.disable(two));
            assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
            let refused = if first.is_err() { first } else { second };
            is_conflict(&refused, &Conflict::LastAdmin);
            house.run(both("UPDATE users SET state = 'active'"), &[]).await;
            // By roles, too.
            let nothing = of_roles(&[]);
            let system = Actor::system(HOME, "test");
            let by = || By::Program(&system);
            let (first, second) = tokio::join!(house.try_give(by(), one, &nothing), house.try_give(by(), two, &nothing));
            assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
            house.give(one, &of_roles(&["admin"])).await;
            house.give(two, &of_roles(&["admin"])).await;
        }
    })
    .await;
}
