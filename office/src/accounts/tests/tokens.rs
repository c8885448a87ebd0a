//! API tokens.

use super::*;
use crate::{Conflict, rights::can};

impl House {
    async fn token(&self, permit: &Permit, new: NewToken) -> (TokenView, String) {
        self.office.create_token(permit, new, at(0)).await.unwrap()
    }

    async fn come(&self, token: &str, now: i64) -> Found {
        self.office.principal_of_token(token, &request(), at(now)).await
    }
}

fn named(name: &str) -> NewToken {
    NewToken { name: name.to_owned(), ..NewToken::default() }
}

#[tokio::test]
async fn a_program_comes_with_a_token_in_its_owners_name() {
    on_both(async |house| {
        let create = house.permit("root", can::TOKENS_CREATE, 0).await;
        let (view, token) = house.token(&create, named(" backup ")).await;
        assert_eq!((view.name.as_str(), view.permissions, view.expires_at, view.last_used_at), ("backup", None, None, None));
        assert!(token.starts_with("cba_"));
        let entry = house.last_entry().await;
        assert!(entry.action == "tokens.create" && entry.category == "security" && !entry.diff.contains(&token), "{entry:?}");
        let program = person(house.come(&token, 1).await);
        assert_eq!((program.user(), program.session(), &program.actor().kind), (house.root, None, &model::ActorKind::Token(house.root)));
        assert!(program.permit(can::USERS_READ).is_some());
        // A token makes no other, which would outlive it.
        let refused = house.office.create_token(&program.permit(can::TOKENS_CREATE).unwrap(), named("more"), at(1)).await;
        assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{refused:?}");
        // Its use is noted, to the minute.
        let read = house.permit("root", can::TOKENS_READ, 0).await;
        let noted = async |wanted: i64| {
            while house.office.tokens(&read, house.root, at(0)).await.unwrap()[0].last_used_at != Some(at(wanted)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), noted(1)).await.unwrap();
        house.come(&token, MINUTE).await;
        house.come(&token, MINUTE + 1).await;
        tokio::time::timeout(std::time::Duration::from_secs(60), noted(MINUTE + 1)).await.unwrap();

        for nonsense in [
            "",
            "cba_",
            &token[..46],
            &token.replace("cba_", "cbr_"),
            &format!("{}{}", &token[..46], if token.ends_with('A') { 'E' } else { 'A' }),
        ] {
            assert!(matches!(house.come(nonsense, 1).await, Found::Nobody), "{nonsense}");
        }
        let delete = house.permit("root", can::TOKENS_DELETE, 0).await;
        house.office.end_token(&delete, view.id, at(2)).await.unwrap();
        assert!(matches!(house.come(&token, 2).await, Found::Nobody), "at once");
        assert!(matches!(house.office.end_token(&delete, view.id, at(2)).await, Err(OfficeError::NotFound(_))));
        assert_eq!(house.office.tokens(&read, house.root, at(2)).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_token_has_no_more_than_its_owner_and_ends_with_them() {
    on_both(async |house| {
        let create = house.permit("root", can::TOKENS_CREATE, 0).await;
        let narrow = NewToken { permissions: Some(vec!["users.read".to_owned(), "users.read".to_owned()]), ..named("narrow") };
        let (view, token) = house.token(&create, narrow).await;
        assert_eq!(view.permissions.unwrap(), ["users.read"]);
        let program = person(house.come(&token, 1).await);
        assert!(program.permit(can::USERS_READ).is_some());
        for other in [can::USERS_UPDATE, can::CALLS_READ, can::PROFILE_UPDATE, can::TOKENS_CREATE] {
            assert!(program.permit(other).is_none(), "{other}");
        }
        for (new, fields) in [
            (NewToken { permissions: Some(vec!["users.fly".to_owned()]), ..named("x") }, vec!["permissions"]),
            (NewToken { permissions: Some(Vec::new()), ..named("x") }, vec!["permissions"]),
            (NewToken { expires_at: Some(at(0)), ..named("x") }, vec!["expires_at"]),
            (named(""), vec!["name"]),
            (named(&"n".repeat(129)), vec!["name"]),
        ] {
            assert_eq!(faults(house.office.create_token(&create, new, at(0)).await), fields);
        }
        let (_, short) = house.token(&create, NewToken { expires_at: Some(at(HOUR)), ..named("short") }).await;
        assert!(matches!(house.come(&short, HOUR - 1).await, Found::Person(_)));
        assert!(matches!(house.come(&short, HOUR).await, Found::Nobody));

        // An owner who may do less later has a token that may do less.
        let other = NewUser { roles: vec!["admin".to_owned()], ..new_user("other") };
        let other_id = house.office.add_user_as_system("test", HOME, other, at(0)).await.unwrap();
        let others = house.permit("other", can::TOKENS_CREATE, 0).await;
        let (view, token) = house.token(&others, named("all")).await;
        assert!(person(house.come(&token, 1).await).permit(can::USERS_READ).is_some());
        let update = house.permit("root", can::USERS_UPDATE, 0).await;
        let demote = UserChange { roles: Some(vec!["operator".to_owned()]), ..UserChange::default() };
        house.office.update_user(&update, other_id, demote, 1, at(2)).await.unwrap();
        assert!(person(house.come(&token, 2).await).permit(can::USERS_READ).is_none());
        house.office.set_user_active(&update, other_id, false, at(3)).await.unwrap();
        assert!(matches!(house.come(&token, 3).await, Found::Nobody));
        house.office.set_user_active(&update, other_id, true, at(4)).await.unwrap();
        assert!(matches!(house.come(&token, 4).await, Found::Person(_)));
        // Others see and end it as far as their rights reach; who is deleted leaves none behind.
        let read = house.permit("root", can::TOKENS_READ, 0).await;
        assert_eq!(house.office.tokens(&read, other_id, at(4)).await.unwrap().len(), 1);
        let (anna, session) = (house.anna, house.log_in("anna", 4).await);
        let anna_is = person(house.find(&session, 4).await);
        if let Some(own) = anna_is.permit(can::TOKENS_READ) {
            assert_eq!(house.office.tokens(&own, anna, at(4)).await.unwrap(), []);
            assert!(matches!(house.office.tokens(&own, other_id, at(4)).await, Err(OfficeError::NotFound(_))));
            let delete = anna_is.permit(can::TOKENS_DELETE).unwrap();
            assert!(matches!(house.office.end_token(&delete, view.id, at(4)).await, Err(OfficeError::NotFound(_))));
        }
        let delete = house.permit("root", can::USERS_DELETE, 0).await;
        house.office.delete_user(&delete, other_id, at(5)).await.unwrap();
        assert!(matches!(house.come(&token, 5).await, Found::Nobody));
    })
    .await;
}

#[tokio::test]
async fn tokens_are_few() {
    on_both(async |house| {
        let create = house.permit("root", can::TOKENS_CREATE, 0).await;
        for n in 0..50 {
            house.token(&create, named(&n.to_string())).await;
        }
        let refused = house.office.create_token(&create, named("51"), at(0)).await;
        assert!(matches!(refused, Err(OfficeError::Conflict(Conflict::State(_)))), "{refused:?}");
    })
    .await;
}
