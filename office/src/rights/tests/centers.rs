//! Centres made, changed and listed.

use expect_test::expect;
use model::CenterId;
use serde_json::json;

use super::{super::can, HOME, NOW, faults, is_conflict, of_roles, on_both};
use crate::{By, CENTERS, CenterChange, Conflict, ListParams, NewCenter, OfficeError};

fn new(code: &str) -> NewCenter {
    NewCenter { code: code.to_owned(), name: "Второй".to_owned(), ..NewCenter::default() }
}

#[tokio::test]
async fn a_centre_is_made_with_its_roles_and_changed() {
    on_both(async |house| {
        let office = &house.office;
        let admin = house.user("admin", &["admin"]).await;
        let create = house.permit(admin, can::CENTERS_CREATE).await;
        let second = NewCenter {
            locale: Some("ru".to_owned()),
            tz: Some("Europe/Moscow".to_owned()),
            settings: Some(json!({"login": {"oidc": false}})),
            ..new("second")
        };
        let id = office.create_center(&create, &second, NOW).await.unwrap();
        assert_eq!(id, CenterId(2));
        let center = office.center(id).await.unwrap().unwrap();
        assert_eq!((center.name.as_str(), center.locale.as_str(), center.tz.name()), ("Второй", "ru", "Europe/Moscow"));
        assert!(center.is_active && center.settings.login.local && !center.settings.login.oidc);
        assert!(office.center(CenterId(3)).await.unwrap().is_none());

        // Roles of the same codes are others: of its own people, with rights there.
        assert_eq!(house.count("roles").await, 26);
        let far = house.user_in(id, "far", &["supervisor"]).await;
        let person = house.person_at(far, id).await;
        assert_eq!(person.permit(can::CALLS_READ).unwrap().rows().center, id);
        assert!(house.person_at(far, HOME).await.permit(can::CALLS_READ).is_none());
        // Who may do everything everywhere makes people there, too, by working there.
        let update = house.person_at(admin, id).await.permit(can::USERS_UPDATE).unwrap();
        let operator = house.user_in(id, "o", &[]).await;
        house.try_give(By::Person(&update), operator, &of_roles(&["operator"])).await.unwrap();

        let change = house.permit(admin, can::CENTERS_UPDATE).await;
        let renamed = CenterChange { name: Some("Second".to_owned()), tz: Some("Asia/Yekaterinburg".to_owned()), ..CenterChange::default() };
        assert_eq!(office.update_center(&change, id, 1, &renamed, NOW).await.unwrap().version, 2);
        is_conflict(&office.update_center(&change, id, 1, &renamed, NOW).await, &Conflict::Version { current: 2 });
        assert_eq!(office.update_center(&change, id, 2, &renamed, NOW).await.unwrap().version, 2, "nothing is new");
        assert_eq!(office.center(id).await.unwrap().unwrap().tz.name(), "Asia/Yekaterinburg");
        let disabled = CenterChange { active: Some(false), ..CenterChange::default() };
        is_conflict(&office.update_center(&change, HOME, 1, &disabled, NOW).await, &Conflict::State("the centre that you belong to cannot be disabled".to_owned()));
        office.update_center(&change, id, 2, &disabled, NOW).await.unwrap();
        assert!(!office.center(id).await.unwrap().unwrap().is_active);
        assert!(matches!(office.update_center(&change, CenterId(9), 1, &disabled, NOW).await, Err(OfficeError::NotFound("center"))));

        let view = house.permit(admin, can::CENTERS_READ).await.view(&CENTERS);
        let page = office.list(&view, &ListParams::from_pairs([("fields", "id,code,tz,state,settings,version")])).await.unwrap();
        expect![[r#"[{"code":"main","id":"1","settings":{},"state":"active","tz":"UTC","version":1},{"code":"second","id":"2","settings":{"login":{"local":true,"oidc":false}},"state":"disabled","tz":"Asia/Yekaterinburg","version":3}]"#]]
            .assert_eq(&serde_json::to_string(&page.items).unwrap());
        let page = office.list(&view, &ListParams::from_pairs([("q", "SECOND")])).await.unwrap();
        assert_eq!(page.items.len(), 1);
        for role in ["client_admin", "supervisor", "viewer"] {
            let user = house.user(role, &[role]).await;
            assert!(house.person(user).await.permit(can::CENTERS_READ).is_none(), "{role}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_no_centre_can_be_is_refused() {
    on_both(async |house| {
        let office = &house.office;
        let admin = house.user("admin", &["admin"]).await;
        let create = house.permit(admin, can::CENTERS_CREATE).await;
        is_conflict(&office.create_center(&create, &new("main"), NOW).await, &Conflict::CodeTaken);
        let wrong = NewCenter {
            code: "a b".to_owned(),
            name: String::new(),
            locale: Some("de".to_owned()),
            tz: Some("Moon/Crater".to_owned()),
            settings: Some(json!({"login": {"local": true}, "colour": "red"})),
        };
        let wanted = ["invalid_field code", "invalid_field name", "invalid_field locale", "invalid_field tz", "invalid_field settings"];
        assert_eq!(faults(office.create_center(&create, &wrong, NOW).await), wanted);
        let to_two = json!({"source": "site", "seller": "2"});
        for settings in [
            json!([]),
            json!({"login": {"local": 1}}),
            json!({"login": {"local": false, "oidc": false}}),
            json!("x"),
            json!({"desk": [true]}),
            json!({"sources": [["site", "2", []]]}),
            json!({"sources": [{"source": "site"}]}),
            json!({"sources": [{"source": " site", "seller": "2"}]}),
            json!({"sources": [{"source": "site", "seller": "2", "ring": ["3"]}]}),
            json!({"sources": [to_two, to_two]}),
        ] {
            let wrong = NewCenter { settings: Some(settings.clone()), ..new("x") };
            assert_eq!(faults(office.create_center(&create, &wrong, NOW).await).len(), 1, "{settings}");
        }
        assert_eq!(house.count("roles").await, 13);
        // A centre whose settings nobody can read does not stop the others.
        house.run(super::both("UPDATE centers SET settings = 'broken', tz = 'Gone/Away'"), &[]).await;
        office.memory().let_it_be_old();
        let center = office.read_picture().await.unwrap().centers[&HOME].clone();
        assert!(!center.settings.login.local && !center.settings.login.oidc && center.tz.name() == "UTC");
    })
    .await;
}
