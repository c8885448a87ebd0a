#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use model::{CallId, WallTime};
use office::{OfficeError, Principal};
use serde_json::json;
use store::list::VALUES_MAX;

use super::{BITS_BEHIND_TIME, Place};
use crate::{
    Parent, can,
    core::lead::LeadEvent,
    links::{CallLinks, LinkCall, LinkedBy},
    notes::NewNote,
    testing::{House, NOW, leave, on_both},
};

/// A call that began so long after the lead was made.
fn call_at(ms: i64) -> i64 {
    (NOW.0 + ms) << BITS_BEHIND_TIME
}

impl House {
    async fn line(&self, who: &Principal, parent: Parent, limit: usize) -> Option<Vec<String>> {
        let action = if matches!(parent, Parent::Lead(_)) { can::LEADS_READ } else { can::CLIENTS_READ };
        let (mut told, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = match self.crm.history(&leave(who, action), parent, Some(limit), cursor.as_deref()).await {
                Ok(page) => page,
                Err(OfficeError::NotFound(_)) => return None,
                Err(other) => panic!("{other:?}"),
            };
            assert!(page.items.len() <= limit);
            told.extend(page.items.iter().map(|item| {
                let kind = item["kind"].as_str().unwrap();
                let what = match kind {
                    "event" => item["event"]["kind"].as_str().unwrap().to_owned(),
                    "note" => item["note"]["text"].as_str().unwrap().to_owned(),
                    _ => (item["at"].as_i64().unwrap() - NOW.0).to_string(),
                };
                format!("{kind} {what}")
            }));
            cursor = page.next;
            if cursor.is_none() {
                return Some(told);
            }
        }
    }
}

#[tokio::test]
async fn a_history_is_one_line_of_time_whatever_its_pages() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let viewer = house.with_role("viewer", "viewer").await;
        let lead = house.lead_of(&root, anna.user(), None).await;
        for ms in [0, 20, 40] {
            let call = house.call(call_at(ms), "sales", None).await;
            house.links(call, Some(lead), None, LinkedBy::Number).await;
        }
        for (ms, text) in [(10, "first"), (20, "second"), (20, "third")] {
            let note = NewNote { lead: Some(lead), text: text.to_owned(), ..NewNote::default() };
            house.crm.create_note(&leave(&anna, can::NOTES_CREATE), &note, None, WallTime(NOW.0 + ms)).await.unwrap();
        }
        let read = leave(&anna, can::LEADS_READ);
        house.crm.lead_event(&read, (lead, 1), LeadEvent::Contact, None, WallTime(NOW.0 + 20)).await.unwrap();
        house.crm.lead_event(&read, (lead, 2), LeadEvent::Convert, None, WallTime(NOW.0 + 50)).await.unwrap();
        let line =
            ["event convert", "call 40", "note third", "note second", "event contact", "call 20", "note first", "event create", "call 0"];
        for limit in 1..=10 {
            assert_eq!(house.line(&anna, Parent::Lead(lead), limit).await.unwrap(), line, "{limit} a page");
        }
        // Another seller knows of nothing, and who may not see notes of no note.
        assert_eq!(house.line(&boris, Parent::Lead(lead), 5).await, None);
        let without_notes: Vec<&str> = line.into_iter().filter(|item| !item.starts_with("note")).collect();
        assert_eq!(house.line(&viewer, Parent::Lead(lead), 2).await.unwrap(), without_notes);

        // The client that it became has its calls, and what became of leads that one sees; notes on the lead are not on the client.
        let row = house.office.read(&read.view(&crate::leads::LEADS), &lead.to_string()).await.unwrap();
        let client = Parent::Client(row["client_id"].as_str().unwrap().parse().unwrap());
        let of_client = ["event convert", "call 40", "event contact", "call 20", "event create", "call 0"];
        assert_eq!(house.line(&anna, client, 2).await.unwrap(), of_client);
        assert_eq!(house.line(&boris, client, 2).await, None);
        for (limit, cursor) in
            [(0, None), (201, None), (5, Some("1.call")), (5, Some("-1.call.1")), (5, Some("9223372036854775807.call.1"))]
        {
            let done = house.crm.history(&read, Parent::Lead(lead), Some(limit), cursor).await;
            assert!(matches!(done, Err(OfficeError::Invalid(_))), "{limit} {cursor:?}");
        }
    })
    .await;
}

/// A filter takes no more values at once than so many.
#[tokio::test]
async fn a_lead_with_many_calls_and_notes_has_a_history() {
    on_both(async |house| {
        let many = i64::try_from(VALUES_MAX).unwrap() + 1;
        let root = house.with_role("root", "admin").await;
        let anna = house.with_role("anna", "seller").await;
        let lead = house.lead_of(&root, anna.user(), None).await;
        for ms in 1..=many {
            let call = house.call(call_at(ms), "sales", None).await;
            house.links(call, Some(lead), None, LinkedBy::Number).await;
            let note = NewNote { lead: Some(lead), text: ms.to_string(), ..NewNote::default() };
            house.crm.create_note(&leave(&anna, can::NOTES_CREATE), &note, None, WallTime(NOW.0 + ms)).await.unwrap();
        }
        let told = (1..=many).rev().flat_map(|ms| [format!("note {ms}"), format!("call {ms}")]);
        let told: Vec<String> = told.chain(["event create".to_owned()]).collect();
        for limit in [150, 200] {
            assert_eq!(house.line(&anna, Parent::Lead(lead), limit).await.unwrap(), told, "{limit} a page");
        }
    })
    .await;
}

#[tokio::test]
async fn somebody_says_whom_a_call_was_with() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let vera = house.with_role("vera", "operator").await;
        let (hers, his) = (house.lead_of(&root, anna.user(), Some(vera.user())).await, house.lead_of(&root, boris.user(), None).await);
        let call = house.call(call_at(0), "sales", Some(vera.user())).await;
        let note = NewNote { call: Some(call), text: "wants two rooms".to_owned(), ..NewNote::default() };
        house.crm.create_note(&leave(&vera, can::NOTES_CREATE), &note, None, NOW).await.unwrap();
        house.links(call, Some(his), None, LinkedBy::Number).await;
        let calls = |who: &Principal| leave(who, office::can::CALLS_READ);
        let told = async |who: &Principal, call: CallId| house.crm.call_links(&calls(who), call).await.ok();

        assert_eq!(told(&vera, call).await, Some(CallLinks::default()), "whose lead it is, the operator does not see");
        assert_eq!(told(&anna, call).await, None, "whose call it is not knows of none");
        assert_eq!(told(&boris, call).await.unwrap().lead_id, Some(his.to_string()));
        let link = async |who: &Principal, to: LinkCall| house.crm.link_call(&calls(who), call, to, NOW).await;
        let lead = |id: i64| LinkCall { lead: Some(Some(id)), client: None };
        assert!(matches!(link(&anna, lead(hers)).await, Err(OfficeError::NotFound("call"))), "nobody takes a call that they do not have");
        for id in [his, 4_711] {
            assert!(matches!(link(&vera, lead(id)).await, Err(OfficeError::NotFound("leads"))));
        }
        link(&vera, LinkCall { lead: Some(None), client: None }).await.unwrap();
        assert_eq!(house.linked(call).await.0, Some(his), "what they do not see, they do not take away");

        link(&vera, lead(hers)).await.unwrap();
        let hand = CallLinks { lead_id: Some(hers.to_string()), client_id: None, matched_by: Some("hand".to_owned()) };
        assert_eq!(told(&anna, call).await, Some(hand));
        assert_eq!(told(&boris, call).await, None, "it is not of their lead any more");
        // What was written of it goes along.
        assert_eq!(house.line(&anna, Parent::Lead(hers), 9).await.unwrap().len(), 3);
        assert_eq!(house.line(&boris, Parent::Lead(his), 9).await.unwrap(), ["event create"]);
        link(&vera, LinkCall { lead: Some(None), client: None }).await.unwrap();
        assert_eq!(house.linked(call).await, (None, None, "hand".to_owned()));
        assert_eq!(told(&anna, call).await, None);
        let page = house.crm.notes_of(&leave(&vera, can::NOTES_READ), Parent::Call(call), office::ListParams::default()).await.unwrap();
        assert_eq!((page.items.len(), &page.items[0]["lead_id"]), (1, &json!(null)));
    })
    .await;
}

#[test]
fn places_are_read_as_they_are_written() {
    for text in ["0.call.0", "1795000000000.note.17", "5.event.-1"] {
        assert_eq!(Place::read(text).map(Place::write).as_deref(), Some(text));
    }
    for wrong in ["", "1", "1.2", "1.call", "1.call.x", "x.call.1", "1.tag.1", "-1.call.1", "1.call.1.1"] {
        assert_eq!(Place::read(wrong), None, "{wrong}");
    }
}
