#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use model::CallId;
use office::{Conflict, Idempotency, ListParams, OfficeError, Principal};
use serde_json::json;
use store::{
    Statement, binds,
    whose::{OF_LEAD, RANG, TOOK_PART},
};

use super::{NewNote, TEXT_MAX};
use crate::{
    Parent, can,
    clients::ClientChange,
    links::LinkedBy,
    testing::{House, NOW, faults, in_short, leave, on_both},
};

const fn both(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, lite: sql, pg: sql }
}

const RINGS: Statement = both("RINGS", "INSERT INTO call_users (user_id, call_id, why) VALUES ($1, $2, $3)");
const TEXTS: Statement = both("TEXTS", "SELECT version, text, by_user FROM note_texts WHERE note_id = $1 ORDER BY version");
const LEFT: Statement = both("LEFT", "SELECT id, lead_id FROM notes ORDER BY id");
const LEFT_TEXTS: Statement = both("LEFT_TEXTS", "SELECT count(*) FROM note_texts");

fn on_call(call: CallId, text: &str) -> NewNote {
    NewNote { call: Some(call), text: text.to_owned(), ..NewNote::default() }
}

fn on_lead(lead: i64, text: &str) -> NewNote {
    NewNote { lead: Some(lead), text: text.to_owned(), ..NewNote::default() }
}

impl House {
    async fn note(&self, who: &Principal, new: &NewNote) -> Result<i64, OfficeError> {
        self.crm.create_note(&leave(who, can::NOTES_CREATE), new, None, NOW).await
    }

    async fn notes(&self, who: &Principal, parent: Parent) -> Option<Vec<String>> {
        match self.crm.notes_of(&leave(who, can::NOTES_READ), parent, ListParams::default()).await {
            Ok(page) => Some(page.items.iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()),
            Err(OfficeError::NotFound(_)) => None,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn notes_are_written_changed_and_deleted() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, vera) = (house.with_role("anna", "seller").await, house.with_role("vera", "operator").await);
        let lead = house.lead_of(&root, anna.user(), None).await;
        let call = house.call(1_000, "sales", Some(vera.user())).await;
        house.links(call, Some(lead), None, LinkedBy::Number).await;
        let told = house.hears();

        // S004-103: what the operator writes of the call is on its lead, which the operator does not see.
        let first = house.note(&vera, &on_call(call, " wants two rooms\nand a lift ")).await.unwrap();
        assert_eq!(house.notes(&vera, Parent::Call(call)).await.unwrap(), ["wants two rooms\nand a lift"]);
        let (seller, operator) = (anna.user().0, vera.user().0);
        assert_eq!(in_short(&told), [("note.new", true, vec![seller, operator]), ("note.new", true, vec![seller])]);
        let of_vera = house.crm.note(&leave(&vera, can::NOTES_READ), first).await.unwrap();
        assert_eq!((&of_vera["call_id"], &of_vera["lead_id"]), (&json!(call.to_string()), &json!(null)));
        assert_eq!((&of_vera["author_id"], &of_vera["author_name"]), (&json!(vera.user().to_string()), &json!("vera")));
        let of_anna = house.crm.note(&leave(&anna, can::NOTES_READ), first).await.unwrap();
        assert_eq!((&of_anna["call_id"], &of_anna["lead_id"]), (&json!(call.to_string()), &json!(lead.to_string())));
        assert_eq!(house.notes(&anna, Parent::Lead(lead)).await.unwrap().len(), 1);

        let nothing = NewNote { text: "x".to_owned(), ..NewNote::default() };
        assert_eq!(faults(house.note(&vera, &nothing).await), ["call_id"]);
        for text in ["", " \n", "\u{7}", &"x".repeat(TEXT_MAX + 1)] {
            assert_eq!(faults(house.note(&vera, &on_call(call, text)).await), ["text"]);
        }
        assert!(house.note(&vera, &on_call(call, &"ы".repeat(TEXT_MAX))).await.is_ok());
        in_short(&told);

        // One's own is changed, another's by who reaches the centre.
        let second = house.note(&anna, &on_lead(lead, "called back")).await.unwrap();
        let update = leave(&anna, can::NOTES_UPDATE);
        let others = house.crm.update_note(&update, first, 1, "no", NOW).await;
        assert!(matches!(others, Err(OfficeError::NotPermitted("notes.update"))));
        assert_eq!(house.crm.update_note(&update, second, 1, "called back twice", NOW).await.unwrap(), 2);
        assert_eq!(house.crm.update_note(&update, second, 2, "called back twice", NOW).await.unwrap(), 2, "nothing is changed");
        let late = house.crm.update_note(&update, second, 1, "x", NOW).await;
        assert!(matches!(late, Err(OfficeError::Conflict(Conflict::Version { current: 2 }))));
        house.crm.update_note(&leave(&root, can::NOTES_UPDATE), second, 2, "called back thrice", NOW).await.unwrap();
        house.crm.delete_note(&leave(&root, can::NOTES_DELETE), second, NOW).await.unwrap();
        let kinds: Vec<(&str, bool)> = in_short(&told).iter().map(|(kind, is_there, _)| (*kind, *is_there)).collect();
        assert_eq!(kinds, [("note.new", true), ("note.update", true), ("note.update", true), ("note.update", false)]);
        let texts: Vec<(i64, String, Option<i64>)> = house.crm.store().db().all(TEXTS, binds![second]).await.unwrap();
        let (anna, root_id) = (Some(anna.user().0), Some(root.user().0));
        let said = |version, text: &str, by| (version, text.to_owned(), by);
        assert_eq!(texts, [said(1, "called back", anna), said(2, "called back twice", root_id), said(3, "called back thrice", root_id)]);
        assert!(matches!(house.crm.delete_note(&leave(&root, can::NOTES_DELETE), second, NOW).await, Err(OfficeError::NotFound("notes"))));
    })
    .await;
}

/// S004-88: whatever a seller asks, what is written of another's lead, call or client is as if it did not exist.
#[tokio::test]
async fn a_seller_learns_nothing_of_what_is_written_of_others() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let his = house.lead_of(&root, boris.user(), None).await;
        let call = house.call(1_000, "sales", None).await;
        house.links(call, Some(his), None, LinkedBy::Number).await;
        let client = ClientChange { last_name: Some("Petrov".to_owned()), owner: Some(Some(boris.user())), ..ClientChange::default() };
        let client = house.crm.create_client(&leave(&root, can::CLIENTS_CREATE), &client, NOW).await.unwrap();
        let on_client = NewNote { client: Some(client), text: "x".to_owned(), ..NewNote::default() };
        let written = [
            house.note(&boris, &on_call(call, "of the call")).await.unwrap(),
            house.note(&boris, &on_lead(his, "of the lead")).await.unwrap(),
            house.note(&boris, &on_client).await.unwrap(),
        ];
        assert_eq!(house.notes(&boris, Parent::Call(call)).await.unwrap().len(), 1, "a call of one's own lead is one's own");
        for parent in [Parent::Call(call), Parent::Lead(his), Parent::Client(client), Parent::Call(CallId(77)), Parent::Lead(77)] {
            assert_eq!(house.notes(&anna, parent).await, None, "{parent:?}");
        }
        for new in [on_call(call, "x"), on_lead(his, "x"), on_client, on_call(CallId(77), "x"), on_lead(77, "x")] {
            assert!(matches!(house.note(&anna, &new).await, Err(OfficeError::NotFound(_))), "{new:?}");
        }
        // Not even along with what is hers.
        let hers = house.lead_of(&root, anna.user(), None).await;
        let both = NewNote { lead: Some(hers), ..on_call(call, "x") };
        assert!(matches!(house.note(&anna, &both).await, Err(OfficeError::NotFound("call"))));
        for id in written.into_iter().chain([4_711]) {
            assert!(matches!(house.crm.note(&leave(&anna, can::NOTES_READ), id).await, Err(OfficeError::NotFound("notes"))));
            let changed = house.crm.update_note(&leave(&anna, can::NOTES_UPDATE), id, 1, "mine", NOW).await;
            assert!(matches!(changed, Err(OfficeError::NotFound("notes"))));
        }
    })
    .await;
}

/// Whose phone only rang reads of the call, but not what others write of it, and writes nothing on the lead that it is of.
#[tokio::test]
async fn at_whose_phone_it_only_rang_has_no_notes_of_it() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, vera) = (house.with_role("anna", "seller").await, house.with_role("vera", "operator").await);
        let rung = house.with_role("rung", "seller").await;
        let lead = house.lead_of(&root, anna.user(), None).await;
        let call = house.call(1_000, "sales", Some(vera.user())).await;
        let db = house.crm.store().db();
        db.run(RINGS, binds![rung.user(), call, RANG]).await.unwrap();
        house.links(call, Some(lead), None, LinkedBy::Number).await;
        let told = house.hears();
        let id = house.note(&vera, &on_call(call, "wants two rooms")).await.unwrap();
        let (seller, operator) = (anna.user().0, vera.user().0);
        assert_eq!(in_short(&told), [("note.new", true, vec![seller, operator]), ("note.new", true, vec![seller])], "nor hears of it");

        assert!(house.crm.call_links(&leave(&rung, office::can::CALLS_READ), call).await.is_ok(), "the call is there");
        assert_eq!(house.notes(&rung, Parent::Call(call)).await, None);
        assert!(matches!(house.note(&rung, &on_call(call, "x")).await, Err(OfficeError::NotFound("call"))));
        assert!(matches!(house.crm.note(&leave(&rung, can::NOTES_READ), id).await, Err(OfficeError::NotFound("notes"))));
        let changed = house.crm.update_note(&leave(&rung, can::NOTES_UPDATE), id, 1, "mine", NOW).await;
        assert!(matches!(changed, Err(OfficeError::NotFound("notes"))));
        assert_eq!(house.notes(&anna, Parent::Lead(lead)).await.unwrap(), ["wants two rooms"]);

        // Whose it is for another reason as well has them.
        for (name, why) in [("took", RANG | TOOK_PART), ("has", RANG | OF_LEAD)] {
            let also = house.with_role(name, "operator").await;
            db.run(RINGS, binds![also.user(), call, why]).await.unwrap();
            assert_eq!(house.notes(&also, Parent::Call(call)).await.unwrap(), ["wants two rooms"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_lead_that_is_deleted_takes_along_what_is_on_it_alone() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let anna = house.with_role("anna", "seller").await;
        let lead = house.lead_of(&root, anna.user(), None).await;
        let call = house.call(1_000, "sales", None).await;
        house.links(call, Some(lead), None, LinkedBy::Number).await;
        let of_call = house.note(&anna, &on_call(call, "of the call")).await.unwrap();
        let of_lead = house.note(&anna, &on_lead(lead, "of the lead")).await.unwrap();
        for note in [of_call, of_lead] {
            house.crm.update_note(&leave(&anna, can::NOTES_UPDATE), note, 1, "changed", NOW).await.unwrap();
        }
        house.crm.delete_lead(&leave(&anna, can::LEADS_DELETE), lead, NOW).await.unwrap();
        let db = house.crm.store().db();
        assert_eq!(db.all::<(i64, Option<i64>)>(LEFT, &[]).await.unwrap(), [(of_call, None)]);
        assert_eq!(db.one::<(i64,)>(LEFT_TEXTS, &[]).await.unwrap(), Some((1,)));
        assert_eq!(house.notes(&root, Parent::Call(call)).await.unwrap(), ["changed"]);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_kept_with_the_note_or_not_at_all() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let lead = house.lead_of(&root, root.user(), None).await;
        let begin = async || house.office.idempotency_begin(root.user(), "k", "hash", NOW).await.unwrap();
        assert_eq!(begin().await, Idempotency::Proceed);
        let create = leave(&root, can::NOTES_CREATE);
        assert!(house.crm.create_note(&create, &on_lead(4_711, "x"), Some("k"), NOW).await.is_err());
        assert_eq!(begin().await, Idempotency::Running);
        let id = house.crm.create_note(&create, &on_lead(lead, "x"), Some("k"), NOW).await.unwrap();
        assert_eq!(begin().await, Idempotency::Done { status: 201, response: id.to_string() });
    })
    .await;
}
