//! Invitations and forgotten passwords.

use super::*;
use crate::{Conflict, rights::can};

const PAGE: &str = "https://crm.example.org/#/link?token=";

fn token(made: &MadeLink) -> String {
    made.url.as_deref().unwrap().strip_prefix(PAGE).unwrap().to_owned()
}

impl House {
    async fn make(&self, user: UserId, purpose: Purpose, deliver: Deliver, now: i64) -> Result<MadeLink, OfficeError> {
        let permit = self.permit("root", can::USERS_UPDATE, 0).await;
        self.office.make_link(&permit, user, purpose, deliver, PAGE, at(now)).await
    }

    async fn set_password(&self, token: &str, password: &str, now: i64) -> Result<(), OfficeError> {
        self.office.use_link(token, password, &client(), at(now)).await
    }

    async fn invited(&self, name: &str) -> UserId {
        let new = NewUser { password: None, email: Some(format!("{name}@example.org")), ..new_user(name) };
        self.office.add_user_as_system("test", HOME, new, at(0)).await.unwrap()
    }
}

#[tokio::test]
async fn an_invitation_is_accepted_once() {
    on_both(async |house| {
        let boris = house.invited("boris").await;
        let older = house.make(boris, Purpose::Invitation, Deliver::Show, 0).await.unwrap();
        let made = house.make(boris, Purpose::Invitation, Deliver::Show, MINUTE).await.unwrap();
        assert_eq!(made.expires_at, at(MINUTE + 72 * HOUR));
        let link = token(&made);
        assert!(link.starts_with("cbl_") && !format!("{made:?}").contains(&link));
        let entry = house.last_entry().await;
        assert_eq!((entry.action.as_str(), entry.category.as_str()), ("users.link", "security"));
        assert!(!entry.diff.contains("cbl_"), "{entry:?}");
        let gone = |result: Result<(), OfficeError>| assert!(matches!(result, Err(OfficeError::NotFound("link"))), "{result:?}");
        gone(house.set_password(&token(&older), PASSWORD, 2 * MINUTE).await);

        let info = house.office.link_info(&link, at(HOUR)).await.unwrap();
        assert_eq!((info.purpose, info.username.as_str(), info.expires_at), (Purpose::Invitation, "boris", made.expires_at));
        assert_eq!(faults(house.set_password(&link, "short", HOUR).await), ["password"], "the link is still good");
        gone(house.set_password(&link, PASSWORD, MINUTE + 72 * HOUR).await);
        for nonsense in ["", "cbl_", &link[1..], &link.to_uppercase(), &link.replace("cbl_", "cbr_")] {
            gone(house.set_password(nonsense, PASSWORD, HOUR).await);
        }
        assert_eq!(house.stored(boris).await.state, "invited");
        house.set_password(&link, PASSWORD, HOUR).await.unwrap();
        assert_eq!(house.stored(boris).await.state, "active");
        let entry = house.last_entry().await;
        assert_eq!((entry.action.as_str(), entry.actor_kind.as_str(), entry.actor_name.as_str()), ("users.password", "nobody", "boris"));
        house.log_in("boris", HOUR).await;
        gone(house.set_password(&link, "another horse", HOUR).await);
        assert!(matches!(house.office.link_info(&link, at(HOUR)).await, Err(OfficeError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn a_link_used_twice_at_once_sets_one_password() {
    on_both(async |house| {
        let made = house.make(house.anna, Purpose::PasswordReset, Deliver::Show, 0).await.unwrap();
        assert_eq!(made.expires_at, at(HOUR));
        let session = house.log_in("anna", 1).await;
        let link = token(&made);
        let (one, two) = tokio::join!(house.set_password(&link, "horse number one", 2), house.set_password(&link, "horse number two", 2));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let password = if one.is_ok() { "horse number one" } else { "horse number two" };
        assert!(house.try_log_in("anna", password, 3).await.is_ok());
        assert!(matches!(house.find(&session, 3).await, Found::Nobody), "all sessions end");
    })
    .await;
}

#[tokio::test]
async fn a_link_is_for_accounts_that_can_use_it() {
    on_both(async |house| {
        let boris = house.invited("boris").await;
        let state =
            |result: Result<MadeLink, OfficeError>| assert!(matches!(result, Err(OfficeError::Conflict(Conflict::State(_)))), "{result:?}");
        state(house.make(boris, Purpose::PasswordReset, Deliver::Show, 0).await);
        state(house.make(house.anna, Purpose::Invitation, Deliver::Show, 0).await);
        // Anna has no e-mail address.
        state(house.make(house.anna, Purpose::PasswordReset, Deliver::Email, 0).await);
        assert!(matches!(house.make(UserId(999), Purpose::Invitation, Deliver::Show, 0).await, Err(OfficeError::NotFound(_))));
        let mailed = house.make(boris, Purpose::Invitation, Deliver::Email, 0).await.unwrap();
        assert_eq!(mailed.url, None, "who has it mailed does not see it");
        let mails = house.mails().await;
        assert!(mails.len() == 1 && mails[0].contains("boris@example.org") && mails[0].contains(PAGE), "{mails:?}");
        // Who is disabled is not let in by an old link.
        let link = token(&house.make(house.anna, Purpose::PasswordReset, Deliver::Show, 0).await.unwrap());
        let permit = house.permit("root", can::USERS_UPDATE, 0).await;
        house.office.set_user_active(&permit, house.anna, false, at(1)).await.unwrap();
        assert!(matches!(house.set_password(&link, "another horse", 2).await, Err(OfficeError::NotFound(_))));
        house.office.set_user_active(&permit, house.anna, true, at(3)).await.unwrap();
        assert!(matches!(house.set_password(&link, "another horse", 4).await, Err(OfficeError::NotFound(_))), "it does not come back");
        house.log_in("anna", 5).await;
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_password_is_mailed_about_now_and_then() {
    on_both(async |house| {
        let permit = house.permit("root", can::USERS_UPDATE, 0).await;
        let forgot = async |name: &str, now: i64| house.office.mail_forgetful(name, &client(), PAGE, at(now)).await.unwrap();
        let boris = house.invited("boris").await;
        // Without an address, invited, or unknown: nothing, and nothing is told.
        for name in ["anna", "boris", "nobody", "", "' OR 1=1 --"] {
            assert!(!forgot(name, 0).await, "{name}");
        }
        assert_eq!((house.links(house.anna).await, house.links(boris).await), (0, 0));
        let mail = UserChange { email: Some("anna@example.org".to_owned()), ..UserChange::default() };
        house.office.update_user(&permit, house.anna, mail, 1, at(0)).await.unwrap();
        assert!(forgot(" ANNA ", MINUTE).await);
        let entry = house.last_entry().await;
        assert_eq!((entry.action.as_str(), entry.actor_kind.as_str(), entry.actor_name.as_str()), ("users.forgot", "nobody", "anna"));
        assert!(!forgot("anna", 2 * MINUTE).await && !forgot("anna", 6 * MINUTE - 1).await);
        assert!(forgot("anna", 6 * MINUTE).await);
        assert_eq!((house.links(house.anna).await, house.mails().await.len()), (2, 2));
        // At once, it is one mail.
        let (one, two) = tokio::join!(forgot("anna", 12 * MINUTE), forgot("anna", 12 * MINUTE));
        assert!(one != two);
        // What a route calls returns before anything is done.
        house.office.forgot("anna", &client(), PAGE, at(18 * MINUTE));
        house.office.forgot("nobody", &client(), PAGE, at(18 * MINUTE));
        let done = async {
            while house.links(house.anna).await < 4 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), done).await.unwrap();
        house.office.set_user_active(&permit, house.anna, false, at(19 * MINUTE)).await.unwrap();
        assert!(!forgot("anna", 40 * MINUTE).await);
    })
    .await;
}
