//! Markers on calls.

use model::WallTime;
use office::can::RECORDINGS_LISTEN;
use store::binds;

use super::*;
use crate::{
    tags::{MARKER_CHARS_MAX, MARKERS_MAX, NewMarker},
    testing::HOME,
};

statements! {
    ERASE: both "UPDATE recordings SET state = 'erased' WHERE call_id = $1";
    RECORD: both "INSERT INTO recordings (call_id, center_id, state, file, left_role, left_number, right_role, right_number, started_at, duration_ms,
        size) VALUES ($1, $2, $3, 'x.wav', 'caller', '', 'callee', '', $4, $5, 0)";
}

impl Desk {
    async fn mark(&self, who: &Principal, call: CallId, at_ms: i64, text: &str) -> Result<i64, OfficeError> {
        let new = NewMarker { at_ms, text: text.to_owned() };
        self.house.crm.mark_call(&leave(who, RECORDINGS_LISTEN), call, &new, NOW).await
    }

    async fn marked(&self, who: &Principal, call: CallId) -> Result<Vec<String>, OfficeError> {
        let markers = self.house.crm.markers_of_call(&leave(who, RECORDINGS_LISTEN), call).await?;
        Ok(markers.into_iter().map(|marker| format!("{} {} by {}", marker.at_ms, marker.text, marker.created_by_name.unwrap())).collect())
    }
}

#[tokio::test]
async fn a_call_is_marked_by_those_who_may_hear_it() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let (db, vera, petr, root, call) = (desk.house.crm.store().db(), &desk.vera, &desk.petr, &desk.root, desk.call);
        let none = |done: Result<i64, OfficeError>, what: &str| {
            assert!(matches!(&done, Err(OfficeError::NotFound(said)) if *said == what), "{done:?}");
        };
        none(desk.mark(vera, call, 0, "x").await, "recording");
        for id in [call, desk.foreign] {
            db.run(RECORD, binds![id, HOME, "complete", NOW, 60_000_i64]).await.unwrap();
        }
        let growing = desk.house.call(3_000, "sales", None).await;
        db.run(RECORD, binds![growing, HOME, "recording", WallTime(NOW.0 - 5_000), 0_i64]).await.unwrap();

        let first = desk.mark(vera, call, 61, " asks for the price ").await.unwrap();
        desk.mark(petr, call, 60_000, "the end").await.unwrap();
        desk.mark(petr, call, 0, "hello").await.unwrap();
        let all = ["0 hello by petr", "61 asks for the price by vera", "60000 the end by petr"];
        assert_eq!(desk.marked(vera, call).await.unwrap(), all);
        desk.mark(vera, growing, 5_000, "now").await.unwrap();
        for (call, at_ms, text, fields) in [
            (call, 60_001, "x", &["at_ms"][..]),
            (call, -1, " ", &["at_ms", "text"]),
            (call, 0, &"я".repeat(MARKER_CHARS_MAX + 1), &["text"]),
            (call, 0, "two\nlines", &["text"]),
            (growing, 5_001, "x", &["at_ms"]),
        ] {
            assert_eq!(faults(desk.mark(vera, call, at_ms, text).await), fields, "{at_ms} {text}");
        }

        // Of another scenario, of nobody's, and of a marker that another call has.
        none(desk.mark(vera, desk.foreign, 0, "x").await, "call");
        none(desk.mark(vera, CallId(77), 0, "x").await, "call");
        assert!(matches!(desk.marked(vera, desk.foreign).await, Err(OfficeError::NotFound("call"))));
        let off = async |who: &Principal, call: CallId, marker: i64| {
            desk.house.crm.unmark_call(&leave(who, RECORDINGS_LISTEN), call, marker, NOW).await
        };
        assert!(matches!(off(vera, growing, first).await, Err(OfficeError::NotFound("marker"))));
        assert!(matches!(off(vera, desk.foreign, first).await, Err(OfficeError::NotFound("call"))));
        assert!(matches!(off(petr, call, first).await, Err(OfficeError::Forbidden(_))), "another's");
        off(vera, call, first).await.unwrap();
        assert!(matches!(off(vera, call, first).await, Err(OfficeError::NotFound("marker"))));
        off(root, call, first + 1).await.unwrap();
        assert_eq!(desk.marked(vera, call).await.unwrap(), ["0 hello by petr"]);

        for at_ms in 1..200 {
            desk.mark(root, call, at_ms, "x").await.unwrap();
        }
        assert_eq!(desk.marked(vera, call).await.unwrap().len(), MARKERS_MAX);
        assert!(matches!(conflict(desk.mark(root, call, 0, "x").await), Conflict::State(_)));
        desk.mark(root, growing, 0, "x").await.unwrap();
        // Erased, and its file is still to be unlinked.
        db.run(ERASE, binds![growing]).await.unwrap();
        none(desk.mark(root, growing, 0, "x").await, "recording");
    })
    .await;
}
