#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use model::UserId;
use office::{CenterChange, Conflict, ListParams, OfficeError, Principal};
use serde_json::{Map, Value, json};
use store::{Statement, binds};

use super::{CLIENTS, ClientChange, PHONES_MAX, PhoneChange};
use crate::{
    can,
    core::lead::LeadEvent,
    leads::LEADS,
    links::LinkedBy,
    testing::{HOME, House, NOW, faults, in_short, leave, on_both},
};

fn named(name: &str) -> ClientChange {
    ClientChange { last_name: Some(name.to_owned()), ..ClientChange::default() }
}

fn with_phones(name: &str, numbers: &[&str]) -> ClientChange {
    let phone = |number: &&str| PhoneChange { number: (*number).to_owned(), ..PhoneChange::default() };
    ClientChange { phones: Some(numbers.iter().map(phone).collect()), ..named(name) }
}

fn taken<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> (String, Option<i64>) {
    match done {
        Err(OfficeError::Conflict(Conflict::PhoneTaken { field, client })) => (field, client),
        other => panic!("not taken: {other:?}"),
    }
}

const NUMBERS: Statement = Statement {
    name: "NUMBERS",
    lite: "SELECT e164, kind, is_primary FROM client_phones WHERE client_id = $1 ORDER BY e164",
    pg: "SELECT e164, kind, is_primary FROM client_phones WHERE client_id = $1 ORDER BY e164",
};

impl House {
    async fn client(&self, who: &Principal, new: &ClientChange) -> Result<i64, OfficeError> {
        self.crm.create_client(&leave(who, can::CLIENTS_CREATE), new, NOW).await
    }

    async fn client_row(&self, who: &Principal, id: i64) -> Option<Map<String, Value>> {
        self.office.read(&leave(who, can::CLIENTS_READ).view(&CLIENTS), &id.to_string()).await.ok()
    }

    async fn clients(&self, who: &Principal, params: &ListParams) -> Vec<String> {
        let page = self.office.list(&leave(who, can::CLIENTS_READ).view(&CLIENTS), params).await.unwrap();
        page.items.iter().map(|row| row["last_name"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn client_of(&self, who: &Principal, lead: i64) -> Value {
        self.office.read(&leave(who, can::LEADS_READ).view(&LEADS), &lead.to_string()).await.unwrap()["client_id"].clone()
    }
}

#[tokio::test]
async fn clients_are_made_changed_and_deleted() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let change = CenterChange {
            settings: Some(json!({"numbers": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}})),
            ..CenterChange::default()
        };
        house.office.update_center(&leave(&root, office::can::CENTERS_UPDATE), HOME, 1, &change, NOW).await.unwrap();
        let (anna, vera) = (house.with_role("anna", "seller").await, house.with_role("vera", "operator").await);
        let told = house.hears();
        let petrov = house.client(&vera, &with_phones(" Пётров ", &["8 (916) 123-45-67", "8 495 1234567"])).await.unwrap();
        assert_eq!(in_short(&told), [("client.update", true, vec![])]);
        let row = house.client_row(&vera, petrov).await.unwrap();
        assert_eq!((&row["kind"], &row["last_name"], &row["phone"]), (&json!("person"), &json!("Пётров"), &json!("+79161234567")));
        assert_eq!(
            row["phones"],
            json!([
                {"number": "+79161234567", "kind": "other", "primary": true},
                {"number": "+74951234567", "kind": "other", "primary": false}
            ])
        );
        // Any number finds them, and names in any spelling.
        let by_number = ListParams::default().filtered(json!({"number": "+74951234567"}));
        for params in [by_number, ListParams::default().searched("петров"), ListParams::default().searched("9161234567")] {
            assert_eq!(house.clients(&vera, &params).await, ["Пётров"], "{params:?}");
        }
        assert!(house.clients(&anna, &ListParams::default()).await.is_empty(), "it is nobody's");

        let wrong = ClientChange {
            kind: Some("friend".to_owned()),
            inn: Some("77x".to_owned()),
            email: Some("petrov".to_owned()),
            phones: Some(vec![
                PhoneChange { number: "+79160000001".to_owned(), kind: Some("fax".to_owned()), primary: true },
                PhoneChange { number: "8 916 0000001".to_owned(), kind: None, primary: true },
                PhoneChange { number: " ".to_owned(), ..PhoneChange::default() },
            ]),
            ..named(&"x".repeat(129))
        };
        let told_faults = faults(house.client(&vera, &wrong).await);
        assert_eq!(told_faults, ["kind", "last_name", "inn", "email", "phones[0].kind", "phones[1].number", "phones[2].number"]);
        assert_eq!(faults(house.client(&vera, &named(" ")).await), ["last_name"], "somebody at least");
        let many: Vec<String> = (0..=PHONES_MAX).map(|at| format!("+7916000{at:04}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(faults(house.client(&vera, &with_phones("x", &many)).await), ["phones"]);
        let nobody = ClientChange { owner: Some(Some(UserId(4_711))), ..named("x") };
        assert_eq!(faults(house.client(&root, &nobody).await), ["owner_user_id"]);

        // A number is one client's.
        assert_eq!(
            taken(house.client(&vera, &with_phones("x", &["+79160000009", "+79161234567"])).await),
            ("phones[1].number".to_owned(), Some(petrov))
        );
        let other = house.client(&vera, &with_phones("Other", &["+79160000002"])).await.unwrap();
        in_short(&told);

        let update = leave(&vera, can::CLIENTS_UPDATE);
        let change = ClientChange {
            kind: Some("company".to_owned()),
            org_name: Some("Petrov Ltd".to_owned()),
            phones: Some(vec![
                PhoneChange { number: "+74951234567".to_owned(), kind: Some("work".to_owned()), primary: true },
                PhoneChange { number: "+79160000003".to_owned(), ..PhoneChange::default() },
            ]),
            owner: Some(Some(anna.user())),
            ..ClientChange::default()
        };
        assert_eq!(house.crm.update_client(&update, petrov, 1, &change, NOW).await.unwrap(), 2);
        assert_eq!(in_short(&told), [("client.update", true, vec![anna.user().0])]);
        assert_eq!(house.crm.update_client(&update, petrov, 2, &change, NOW).await.unwrap(), 2, "nothing is changed");
        let late = house.crm.update_client(&update, petrov, 1, &named("x"), NOW).await;
        assert!(matches!(late, Err(OfficeError::Conflict(Conflict::Version { current: 2 }))));
        let numbers: Vec<(String, String, i64)> = house.crm.store().db().all(NUMBERS, binds![petrov]).await.unwrap();
        let number = |text: &str, kind: &str, primary| (text.to_owned(), kind.to_owned(), primary);
        assert_eq!(numbers, [number("+74951234567", "work", 1), number("+79160000003", "other", 0)]);
        // A number that was let go is free.
        house.crm.update_client(&update, other, 1, &with_phones("Other", &["+79161234567"]), NOW).await.unwrap();

        // A seller changes their own, and gives it to nobody.
        let hers = leave(&anna, can::CLIENTS_UPDATE);
        house.crm.update_client(&hers, petrov, 2, &named("Petrov"), NOW).await.unwrap();
        let away = ClientChange { owner: Some(None), ..ClientChange::default() };
        assert!(matches!(house.crm.update_client(&hers, petrov, 3, &away, NOW).await, Err(OfficeError::Forbidden(_))));
        in_short(&told);
        house.crm.update_client(&update, petrov, 3, &away, NOW).await.unwrap();
        assert_eq!(in_short(&told), [("client.update", false, vec![anna.user().0]), ("client.update", true, vec![])]);
        house.crm.delete_client(&leave(&root, can::CLIENTS_DELETE), petrov, NOW).await.unwrap();
        assert!(house.client_row(&root, petrov).await.is_none());
        assert!(house.client(&vera, &with_phones("New", &["+74951234567"])).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_seller_learns_nothing_of_anothers_clients() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let his = ClientChange { owner: Some(Some(boris.user())), ..with_phones("Petrov", &["+79161234567"]) };
        let his = house.client(&root, &his).await.unwrap();
        let mine = ClientChange { owner: Some(Some(anna.user())), ..named("Mine") };
        let mine = house.client(&root, &mine).await.unwrap();
        let by_number = ListParams::default().filtered(json!({"number": "+79161234567"}));
        for params in [ListParams::default().searched("petrov"), by_number] {
            assert!(house.clients(&anna, &params).await.is_empty());
        }
        for id in [his, 4_711] {
            assert!(house.client_row(&anna, id).await.is_none());
            let done = house.crm.update_client(&leave(&anna, can::CLIENTS_UPDATE), id, 1, &named("x"), NOW).await;
            assert!(matches!(done, Err(OfficeError::NotFound("clients"))));
        }
        let same = with_phones("Mine", &["+79161234567"]);
        let done = house.crm.update_client(&leave(&anna, can::CLIENTS_UPDATE), mine, 1, &same, NOW).await;
        assert_eq!(taken(done), ("phones[0].number".to_owned(), None), "whose it is stays untold");
    })
    .await;
}

#[tokio::test]
async fn a_lead_becomes_a_client() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let convert = async |who: &Principal, lead: i64| {
            let read = leave(who, can::LEADS_READ);
            let version = house.crm.lead_event(&read, (lead, 1), LeadEvent::Contact, None, NOW).await.unwrap();
            let steps = house.crm.lead_steps(&read, lead).await.unwrap();
            assert!(steps.allowed.iter().any(|step| step.event == LeadEvent::Convert));
            house.crm.lead_event(&read, (lead, version), LeadEvent::Convert, None, NOW).await.unwrap();
        };
        // Of a number that nobody has, a client is made, the seller's own.
        let lead = house.lead_with(&root, Some(anna.user()), None, "+79160000001").await;
        let call = house.call(1_000, "sales", None).await;
        house.links(call, Some(lead), None, LinkedBy::Number).await;
        convert(&anna, lead).await;
        let client = house.client_of(&anna, lead).await.as_str().unwrap().parse::<i64>().unwrap();
        let row = house.client_row(&anna, client).await.unwrap();
        assert_eq!((&row["first_name"], &row["phone"]), (&json!("Olga"), &json!("+79160000001")));
        assert_eq!(row["owner_user_id"], json!(anna.user().to_string()));
        assert_eq!(house.linked(call).await, (Some(lead), Some(client), "number".to_owned()));
        // Of a known number, that client it is; who does not see it is not told which.
        let same = house.lead_with(&root, Some(boris.user()), None, "+79160000001").await;
        convert(&boris, same).await;
        assert_eq!((house.client_of(&boris, same).await, house.client_of(&root, same).await), (json!(null), json!(client.to_string())));
        assert!(house.client_row(&boris, client).await.is_none());
        assert_eq!(house.clients(&root, &ListParams::default()).await.len(), 1);
    })
    .await;
}
