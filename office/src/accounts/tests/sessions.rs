//! Sessions, refresh tokens, and who is behind them.

use super::*;
use crate::rights::can;

async fn refresh(house: &House, token: &str, now: i64) -> Result<Session, RefreshError> {
    house.office.refresh(token, &client(), at(now)).await
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_second_use_ends_the_session() {
    on_both(async |house| {
        let first = house.log_in("anna", 0).await;
        let second = refresh(&house, &first.refresh_token, MINUTE).await.unwrap();
        assert_eq!((second.id, second.user, second.roles.as_slice()), (first.id, house.anna, first.roles.as_slice()));
        assert_ne!(second.refresh_token, first.refresh_token);
        // Within ten seconds the old one is answered with the same successor: there is one line of descent.
        for late in [0, 1, 10 * SECOND] {
            let again = refresh(&house, &first.refresh_token, MINUTE + late).await.unwrap();
            assert_eq!(again, second);
        }
        let third = refresh(&house, &second.refresh_token, 2 * MINUTE).await.unwrap();
        assert!(matches!(house.find(&third, 2 * MINUTE).await, Found::Person(_)));

        // The owner and a thief had the same token; the second of them is found out, and both are out.
        assert!(matches!(refresh(&house, &first.refresh_token, MINUTE + 10 * SECOND + 1).await, Err(RefreshError::Reused)));
        let entry = house.last_entry().await;
        assert_eq!(
            (entry.action.as_str(), entry.outcome.as_str(), entry.category.as_str()),
            ("session.token_reused", "refused", "security")
        );
        assert_eq!((entry.actor_kind.as_str(), entry.actor_name.as_str(), entry.resource_id), ("nobody", "anna", first.id.to_string()));
        assert!(matches!(refresh(&house, &third.refresh_token, 2 * MINUTE).await, Err(RefreshError::Unknown)));
        assert!(matches!(refresh(&house, &first.refresh_token, 2 * MINUTE).await, Err(RefreshError::Unknown)), "it is told once");
        assert!(matches!(house.find(&third, 2 * MINUTE).await, Found::Nobody));
        for nonsense in ["", "cbr_", &first.refresh_token[..20], &first.refresh_token.replace("cbr_", "cba_"), &"x".repeat(10_000)] {
            assert!(matches!(refresh(&house, nonsense, MINUTE).await, Err(RefreshError::Unknown)), "{nonsense}");
        }
    })
    .await;
}

#[tokio::test]
async fn refreshes_at_once_get_the_same_successor() {
    on_both(async |house| {
        let session = house.log_in("anna", 0).await;
        let mut token = session.refresh_token;
        for round in 1..=5 {
            let answers: Vec<_> = (0..8)
                .map(|_| {
                    let (office, token) = (house.office.clone(), token.clone());
                    tokio::spawn(async move { office.refresh(&token, &client(), at(round * MINUTE)).await.unwrap().refresh_token })
                })
                .collect();
            let mut successors = std::collections::BTreeSet::new();
            for answer in answers {
                successors.insert(answer.await.unwrap());
            }
            assert_eq!(successors.len(), 1, "round {round}");
            token = successors.pop_first().unwrap();
        }
        // A second process, or the same after a restart, knows no successors: to be safe, it ends the session.
        let other = office(house.office.store().clone()).await;
        refresh(&house, &token, 6 * MINUTE).await.unwrap();
        assert!(matches!(other.refresh(&token, &client(), at(6 * MINUTE)).await, Err(RefreshError::Reused)));
    })
    .await;
}

#[tokio::test]
async fn a_session_slides_for_two_weeks_at_a_time_and_ninety_days_in_all() {
    on_both(async |house| {
        let mut session = house.log_in("anna", 0).await;
        let idle = house.log_in("anna", 0).await;
        for day in (10..90).step_by(10) {
            session = refresh(&house, &session.refresh_token, day * DAY).await.unwrap();
            let wanted = (day + 14).min(90);
            assert_eq!(session.expires_at, at(wanted * DAY));
        }
        assert!(matches!(house.find(&session, 90 * DAY - 1).await, Found::Person(_)));
        assert!(matches!(house.find(&session, 90 * DAY).await, Found::Nobody));
        assert!(matches!(refresh(&house, &session.refresh_token, 90 * DAY).await, Err(RefreshError::Unknown)));
        assert!(matches!(refresh(&house, &idle.refresh_token, 14 * DAY).await, Err(RefreshError::Unknown)));
        // What has long expired goes; what has not stays.
        let young = house.log_in("anna", 89 * DAY).await;
        let pruned = house.office.prune_accounts(at(121 * DAY)).await.unwrap();
        assert!(pruned >= 11, "{pruned}");
        assert_eq!(house.office.prune_accounts(at(121 * DAY)).await.unwrap(), 0);
        assert!(matches!(house.find(&young, 90 * DAY).await, Found::Person(_)));
    })
    .await;
}

#[tokio::test]
async fn one_sees_and_ends_ones_own_sessions_and_no_others() {
    on_both(async |house| {
        let (one, two, three) = (house.log_in("anna", 0).await, house.log_in("anna", 1).await, house.log_in("anna", 2).await);
        let roots = house.log_in("root", 3).await;
        let me = person(house.find(&one, 4).await);
        let read = me.permit(can::PROFILE_READ).unwrap();
        let update = me.permit(can::PROFILE_UPDATE).unwrap();
        let seen = house.office.own_sessions(&read, at(4)).await.unwrap();
        assert_eq!(
            seen.iter().map(|session| (session.id, session.current)).collect::<Vec<_>>(),
            [(three.id, false), (two.id, false), (one.id, true)]
        );
        assert_eq!((seen[0].method.as_str(), seen[0].source.as_str(), seen[0].user_agent.as_str()), ("password", "192.0.2.7", "Browser/1"));

        assert!(matches!(house.find(&two, 4).await, Found::Person(_)), "it is in memory");
        house.office.end_own_session(&update, two.id, at(5)).await.unwrap();
        assert!(matches!(house.find(&two, 5).await, Found::Nobody), "at once, not in five seconds");
        for other in [two.id, roots.id, 0, -1, i64::MAX] {
            assert!(matches!(house.office.end_own_session(&update, other, at(6)).await, Err(OfficeError::NotFound(_))), "{other}");
        }
        house.office.log_out(&me, false, at(7)).await.unwrap();
        assert!(matches!(house.find(&one, 7).await, Found::Nobody));
        assert!(matches!(house.find(&three, 7).await, Found::Person(_)));
        let me = person(house.find(&three, 7).await);
        let four = house.log_in("anna", 8).await;
        house.office.log_out(&me, true, at(9)).await.unwrap();
        for session in [&three, &four] {
            assert!(matches!(house.find(session, 9).await, Found::Nobody));
            assert!(matches!(refresh(&house, &session.refresh_token, 9).await, Err(RefreshError::Unknown)));
        }
        assert!(matches!(house.find(&roots, 9).await, Found::Person(_)));
        let ends = house.audit().await.into_iter().filter(|entry| entry.action == "session.logout");
        assert_eq!(ends.map(|entry| entry.actor_name).collect::<Vec<_>>(), vec!["anna"; 4]);
        // By an administrator.
        let five = house.log_in("anna", 10).await;
        let permit = person(house.find(&roots, 10).await).permit(can::USERS_UPDATE).unwrap();
        house.office.log_out_user(&permit, house.anna, at(11)).await.unwrap();
        assert!(matches!(house.find(&five, 11).await, Found::Nobody));
        assert_eq!(house.last_entry().await.actor_name, "root");
        assert!(matches!(house.office.log_out_user(&permit, UserId(999), at(11)).await, Err(OfficeError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn a_token_of_somebody_elses_session_is_nobodys() {
    on_both(async |house| {
        let (annas, roots) = (house.log_in("anna", 0).await, house.log_in("root", 0).await);
        for (user, session) in [(house.anna, roots.id), (house.root, annas.id), (house.anna, 0), (UserId(999), annas.id)] {
            let claimed = Claimed { center: HOME, username: "root".to_owned(), roles: vec!["admin".to_owned()] };
            let found = house.office.principal_of_session(user, session, &claimed, &request(), at(1)).await;
            assert!(matches!(found, Found::Nobody), "{user} {session}: {found:?}");
        }
        // Roles that a token claims count for nothing while the database is there.
        let claimed = Claimed { center: HOME, username: "root".to_owned(), roles: vec!["admin".to_owned()] };
        let anna = person(house.office.principal_of_session(house.anna, annas.id, &claimed, &request(), at(1)).await);
        assert_eq!((anna.username(), anna.roles()), ("anna", ["operator".to_owned()].as_slice()));
        assert!(anna.permit(can::USERS_CREATE).is_none());
    })
    .await;
}

#[tokio::test]
async fn another_centre_is_for_those_whose_rights_reach_all() {
    on_both(async |house| {
        let (annas, roots) = (house.log_in("anna", 0).await, house.log_in("root", 0).await);
        let permit = person(house.find(&roots, 0).await).permit(can::CENTERS_CREATE).unwrap();
        let new = crate::NewCenter { code: "north".to_owned(), name: "North".to_owned(), ..Default::default() };
        let north = house.office.create_center(&permit, &new, at(0)).await.unwrap();
        let find = async |session: &Session, center: i64| {
            let claimed = Claimed { center: HOME, username: String::new(), roles: Vec::new() };
            let request = PrincipalRequest { center: Some(CenterId(center)), client: client() };
            house.office.principal_of_session(session.user, session.id, &claimed, &request, at(1)).await
        };
        let there = person(find(&roots, north.0).await);
        assert_eq!((there.home(), there.center(), there.actor().center), (HOME, north, north));
        assert_eq!(there.permit(can::USERS_READ).unwrap().rows().center, north);
        // A centre that is disabled is no place to work in, and its people are out.
        let new = NewUser { roles: vec!["operator".to_owned()], ..new_user("nina") };
        house.office.add_user_as_system("test", north, new, at(1)).await.unwrap();
        let ninas = house.log_in("nina", 1).await;
        assert_eq!(person(house.find(&ninas, 1).await).home(), north);
        let update = person(house.find(&roots, 1).await).permit(can::CENTERS_UPDATE).unwrap();
        let disable = crate::CenterChange { active: Some(false), ..Default::default() };
        house.office.update_center(&update, north, 1, &disable, at(2)).await.unwrap();
        assert!(matches!(house.find(&ninas, 2).await, Found::Nobody));
        assert!(matches!(refresh(&house, &ninas.refresh_token, 2).await, Err(RefreshError::Unknown)));
        assert!(matches!(house.try_log_in("nina", PASSWORD, 2).await, Err(LogInError::Wrong)));
        assert!(matches!(find(&roots, north.0).await, Found::NotInCenter));
        assert!(matches!(find(&roots, 99).await, Found::NotInCenter));
        assert!(matches!(find(&annas, north.0).await, Found::NotInCenter));
        assert!(matches!(find(&annas, HOME.0).await, Found::Person(_)));
    })
    .await;
}
