//! The database is away (R21): who was seen goes on, who was not has what the token says, and who was sent away stays away.

use super::*;
use crate::rights::can;

#[tokio::test]
async fn the_last_picture_stands_while_the_database_is_away() {
    let mut server = Postgres::start();
    let house = House::at_url(&server.database(), None).await;
    let (seen, unseen) = (house.log_in("anna", 0).await, house.log_in("root", 0).await);
    let ended = house.log_in("anna", 0).await;
    assert!(matches!(house.find(&seen, 1).await, Found::Person(_)));
    let me = person(house.find(&ended, 1).await);
    let create = person(house.find(&unseen, 1).await).permit(can::TOKENS_CREATE).unwrap();
    let (_, token) = house.office.create_token(&create, NewToken { name: "t".to_owned(), ..NewToken::default() }, at(1)).await.unwrap();
    assert!(matches!(house.office.principal_of_token(&token, &request(), at(1)).await, Found::Person(_)));
    house.office.log_out(&me, false, at(2)).await.unwrap();
    let stranger = house.office.add_user_as_system("test", HOME, new_user("boris"), at(2)).await.unwrap();
    let gone = house.office.add_user_as_system("test", HOME, new_user("gone"), at(2)).await.unwrap();
    let gones = house.log_in("gone", 2).await;
    assert!(matches!(house.find(&gones, 2).await, Found::Person(_)));
    let update = person(house.find(&unseen, 2).await).permit(can::USERS_UPDATE).unwrap();
    house.office.set_user_active(&update, gone, false, at(3)).await.unwrap();

    server.stop();
    // What is in memory is to be read anew, and cannot be.
    drop(house.office.accounts().people.change_all());
    let anna = person(house.find(&seen, 4).await);
    assert_eq!((anna.username(), anna.roles()), ("anna", ["operator".to_owned()].as_slice()));
    assert!(anna.permit(can::CALLS_START).is_some() && anna.permit(can::USERS_CREATE).is_none());
    assert!(matches!(house.find(&ended, 4).await, Found::Nobody), "who logged out stays out");
    assert!(matches!(house.find(&gones, 4).await, Found::Nobody), "who was disabled stays out");
    assert!(matches!(house.office.principal_of_token(&token, &request(), at(4)).await, Found::Person(_)));

    // Nobody has seen this one: what the roles in the token give is all there is.
    let claimed = |roles: &[&str]| Claimed {
        center: HOME,
        username: "boris".to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    let find = async |claimed: Claimed| house.office.principal_of_session(stranger, 4711, &claimed, &request(), at(4)).await;
    let boris = person(find(claimed(&["operator"])).await);
    assert_eq!((boris.user(), boris.username(), boris.session()), (stranger, "boris", Some(4711)));
    assert!(boris.permit(can::CALLS_START).is_some() && boris.permit(can::USERS_CREATE).is_none());
    assert!(person(find(claimed(&["no such role"])).await).permit(can::CALLS_START).is_none());
    // A program is known by the database only.
    let unknown = format!("{}{}", &token[..46], if token.ends_with('A') { 'E' } else { 'A' });
    assert!(matches!(house.office.principal_of_token(&unknown, &request(), at(4)).await, Found::Unknown | Found::Nobody));

    // Log-in and refresh say that it is the database.
    let refused = house.try_log_in("anna", PASSWORD, 5).await;
    assert!(matches!(&refused, Err(LogInError::Office(OfficeError::Store(error))) if error.is_unavailable()), "{refused:?}");
    let refused = house.office.refresh(&seen.refresh_token, &client(), at(5)).await;
    assert!(matches!(&refused, Err(RefreshError::Office(OfficeError::Store(error))) if error.is_unavailable()), "{refused:?}");

    server.resume();
    house.log_in("anna", 6).await;
    let again = house.office.refresh(&seen.refresh_token, &client(), at(6)).await.unwrap();
    assert!(matches!(house.find(&again, 6).await, Found::Person(_)));
}

#[tokio::test]
async fn names_are_known_of_whoever_there_is() {
    on_both(async |house| {
        let permit = house.permit("root", can::USERS_UPDATE, 0).await;
        house.office.set_user_active(&permit, house.anna, false, at(1)).await.unwrap();
        let names = house.office.names([house.root, house.anna, UserId(999)].into()).await;
        assert_eq!(names, [(house.root, "root".to_owned()), (house.anna, "anna".to_owned())].into());
        let rename = UserChange { username: Some("anya".to_owned()), ..UserChange::default() };
        let version = house.stored(house.anna).await.version;
        house.office.update_user(&permit, house.anna, rename, version, at(2)).await.unwrap();
        assert_eq!(house.office.names([house.anna].into()).await, [(house.anna, "anya".to_owned())].into());
    })
    .await;
}
