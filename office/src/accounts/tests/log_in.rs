//! Log-in with a password.

use super::*;
use crate::accounts::passwords;

#[tokio::test]
async fn the_right_password_logs_in_and_everything_else_is_the_same_refusal() {
    on_both(async |house| {
        let session = house.log_in(" ANNA ", 5).await;
        assert_eq!((session.user, session.center, session.username.as_str()), (house.anna, HOME, "anna"));
        assert_eq!(session.roles, ["operator"]);
        assert_eq!(session.expires_at, at(5 + 14 * DAY));
        assert!(session.refresh_token.starts_with("cbr_") && !format!("{session:?}").contains(&session.refresh_token));
        assert_eq!(house.stored(house.anna).await.last_login_at, Some(at(5).0));
        let entry = house.last_entry().await;
        assert_eq!((entry.action.as_str(), entry.outcome.as_str(), entry.category.as_str()), ("session.login", "done", "security"));
        assert_eq!((entry.actor_kind.as_str(), entry.actor_name.as_str(), entry.source.as_str()), ("user", "anna", "192.0.2.7"));
        assert_eq!((entry.resource.as_str(), entry.resource_id), ("sessions", session.id.to_string()));

        let invited = NewUser { password: None, ..new_user("boris") };
        house.office.add_user_as_system("test", HOME, invited, at(0)).await.unwrap();
        let root = house.permit("root", crate::rights::can::USERS_UPDATE, 6).await;
        let long = "n".repeat(300);
        for (name, password) in [
            ("anna", "Correct horse"),
            ("anna", ""),
            ("nobody", PASSWORD),
            ("boris", ""),
            ("boris", PASSWORD),
            (long.as_str(), PASSWORD),
            ("", ""),
            ("anna\0", PASSWORD),
            ("' OR 1=1 --", PASSWORD),
        ] {
            assert!(matches!(house.try_log_in(name, password, 7).await, Err(LogInError::Wrong)), "{name}");
            let entry = house.last_entry().await;
            assert_eq!((entry.action.as_str(), entry.outcome.as_str(), entry.actor_kind.as_str()), ("session.login", "refused", "nobody"));
            assert!(entry.actor_name.chars().count() <= 128 && !entry.diff.contains("horse"), "{entry:?}");
            assert_eq!(entry.resource_id.is_empty(), !["anna", "boris"].contains(&name), "{name}");
        }
        // The right password of a disabled account.
        house.office.set_user_active(&root, house.anna, false, at(8)).await.unwrap();
        assert!(matches!(house.try_log_in("anna", PASSWORD, 9).await, Err(LogInError::Wrong)));
        house.office.set_user_active(&root, house.anna, true, at(10)).await.unwrap();
        house.log_in("anna", 11).await;
    })
    .await;
}

#[tokio::test]
async fn an_old_hash_is_checked_and_made_anew() {
    on_both(async |house| {
        for hash in [bcrypt::hash(PASSWORD, 4).unwrap(), bcrypt::hash(PASSWORD, 4).unwrap().replacen("$2b$", "$2y$", 1)] {
            house.set_hash(house.anna, &hash).await;
            assert!(matches!(house.try_log_in("anna", "wrong horse", 1).await, Err(LogInError::Wrong)));
            assert_eq!(house.stored(house.anna).await.password_hash.unwrap(), hash, "a wrong password changes nothing");
            house.log_in("anna", 2).await;
            let anew = house.stored(house.anna).await.password_hash.unwrap();
            assert!(passwords::is_current(&anew), "{anew}");
            assert!(house.last_entry().await.diff.contains("password_hash"), "it is told that it was made anew");
            house.log_in("anna", 3).await;
            assert_eq!(house.stored(house.anna).await.password_hash.unwrap(), anew);
            assert_eq!(house.last_entry().await.diff, "{}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_centre_can_want_its_provider_and_lets_administrators_in_all_the_same() {
    on_both(async |house| {
        house.set_center(r#"{"login": {"local": false}}"#).await;
        assert!(matches!(house.try_log_in("anna", PASSWORD, 1).await, Err(LogInError::LocalOff)));
        assert!(house.last_entry().await.diff.contains("local_off"));
        // Who does not know the password is told nothing of it.
        assert!(matches!(house.try_log_in("anna", "wrong horse", 1).await, Err(LogInError::Wrong)));
        house.log_in("root", 2).await;
    })
    .await;
}

#[tokio::test]
async fn log_ins_of_one_user_at_once_are_all_let_in_and_the_oldest_make_room() {
    on_both(async |house| {
        let first = house.log_in("anna", 0).await;
        // Twelve at once, then room is made one by one: the rows are put in by hand, or the hashes would take a minute.
        let sessions: Vec<_> = (0..12)
            .map(|_| {
                let office = house.office.clone();
                let log_in = LogIn { username: "anna".to_owned(), password: PASSWORD.to_owned(), client: client() };
                tokio::spawn(async move { office.log_in(log_in, at(1)).await.unwrap().id })
            })
            .collect();
        for session in sessions {
            session.await.unwrap();
        }
        assert_eq!(house.live_sessions(house.anna).await, 13);
        for n in 0..87_i64 {
            let mut tx = house.office.store().db().begin().await.unwrap();
            let who = (house.anna, HOME, "anna");
            let method = crate::accounts::sessions::Method::Password;
            house.office.begin_session(&mut tx, who, method, &client(), at(2 + n)).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(house.live_sessions(house.anna).await, 100);
        assert!(matches!(house.find(&first, 100).await, Found::Person(_)));
        house.log_in("anna", 101).await;
        assert_eq!(house.live_sessions(house.anna).await, 100);
        assert!(matches!(house.find(&first, 101).await, Found::Nobody));
    })
    .await;
}
