//! What happened to the tags of calls: told when it happens, and kept for ever.
//!
//! Each tag has an event of its own, so that nobody who sees one group hears of another.

use model::{CallId, Column, ColumnKind, Gate, ListKind, Owner, Resource, RowNews, UserId, WallTime};
use office::{ListPage, ListParams, OfficeError, Permit, Row, can::CALLS_READ, webhooks::EventKind};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError, binds,
    sql::{News, Tx, tell},
    statements,
};

use super::{STOPS, set::Call};
use crate::{Crm, can, core::tags::TagAction};

/// What is told of a tag that was set on a call or taken off.
const TAGGED: &str = "call.tagged";
/// So many of what happened to one call's tags are shown, the newest; all of it is kept.
pub const SHOWN_MAX: i64 = 1_000;

const ACTIONS: &[&str] = &[TagAction::Set.code(), TagAction::Unset.code(), TagAction::Replaced.code()];

/// What is told to webhooks.
pub(crate) const EVENT: EventKind =
    EventKind { kind: TAGGED, right: can::TAGS_READ, resource: "tag_events", about: "A tag was set on a call, or taken off." };

/// What happened to a call's tags. A call is named with them, and has to be reached by itself, so they are listed of one call at a time.
pub static TAG_EVENTS: Resource = Resource {
    name: "tag_events",
    from: "",
    key: "event_id",
    center: "",
    // Whose call it is.
    owner: Owner::User(""),
    lists: &[(ListKind::TagGroup, "")],
    search: "",
    order: "-event_id",
    read: can::TAGS_READ,
    export: None,
    columns: &[
        Column::new("event_id", "", ColumnKind::Id, "The event's number.").filtered().sorted_by("event_id"),
        Column::new("call_id", "", ColumnKind::Call, "The call."),
        Column::new("tag_id", "", ColumnKind::Id, "The tag.").filtered(),
        Column::new("group_id", "", ColumnKind::Id, "Its group.").filtered(),
        Column::new(
            "action",
            "",
            ColumnKind::Code(ACTIONS),
            "What happened to it: it was set, taken off (`unset`), or another one of its exclusive group took its place (`replaced`).",
        )
        .filtered(),
        Column::new("actor", "", ColumnKind::Id, "Who did it; null: the program.").nullable().filtered(),
        Column::new("actor_name", "", ColumnKind::Text, "Their name.").nullable(),
        Column::new("at", "", ColumnKind::Time, "When.").filtered(),
        Column::new(
            "stop",
            "",
            ColumnKind::Code(STOPS),
            "What the tag means to a dialer for the call's number: nothing, or never to call it again (dnc).",
        ),
    ],
};

statements! {
    OF_CALL: both "SELECT e.id, e.tag_id, e.group_id, e.action, e.actor_id, e.at, t.stop FROM tag_events e JOIN tags t ON t.id = e.tag_id
        WHERE e.call_id = $1 ORDER BY e.id DESC LIMIT $2";
}

/// A change of a call's tags.
#[derive(Debug, FromRow)]
pub(super) struct TagEvent {
    pub(super) id: i64,
    pub(super) tag_id: i64,
    pub(super) group_id: i64,
    pub(super) action: String,
    pub(super) actor_id: Option<i64>,
    pub(super) at: i64,
    pub(super) stop: String,
}

impl TagEvent {
    fn row(&self, call: CallId, actor_name: Option<String>) -> Map<String, Value> {
        let row = json!({
            "event_id": self.id.to_string(),
            "call_id": call.to_string(),
            "tag_id": self.tag_id.to_string(),
            "group_id": self.group_id.to_string(),
            "action": self.action,
            "actor": self.actor_id.map(|actor| actor.to_string()),
            "actor_name": actor_name,
            "at": self.at,
            "stop": self.stop,
        });
        if let Value::Object(row) = row { row } else { Map::new() }
    }

    /// Writes it down for those who must not miss it, in the transaction in which it happens.
    pub(super) async fn keep(&self, tx: &mut Tx, call: &Call, actor_name: Option<String>) -> Result<(), StoreError> {
        tell(tx, News::new(call.center, TAGGED, &self.row(call.id, actor_name), WallTime(self.at))).await
    }

    /// What is told of it live: to whom may read the call, and sees the tag's group on it.
    pub(super) fn news(&self, call: &Call, actor_name: Option<String>) -> RowNews {
        let scenario = call.scenario.iter().map(|scenario| (ListKind::Scenario, scenario.clone()));
        let slots = call.slots.iter().map(|slot| (ListKind::Slot, slot.to_string()));
        let of_call = Gate { action: CALLS_READ, users: call.readers.clone(), lists: scenario.chain(slots).collect() };
        let group = (ListKind::TagGroup, self.group_id.to_string());
        let of_tag = Gate { action: can::TAGS_READ, users: call.users.clone(), lists: vec![group] };
        RowNews {
            kind: TAGGED,
            resource: TAG_EVENTS.name,
            id: call.id.to_string(),
            center: call.center,
            gates: vec![of_call, of_tag],
            row: Some(self.row(call.id, actor_name)),
        }
    }
}

impl Crm {
    /// What happened to a call's tags of the groups that the person sees, by leave to read tags: the newest [`SHOWN_MAX`].
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call that the person does not reach, [`OfficeError::Invalid`] with all that is wrong with what was asked.
    pub async fn tag_events_of_call(&self, permit: &Permit, call: CallId, params: &ListParams) -> Result<ListPage, OfficeError> {
        permit.must_be(can::TAGS_READ)?;
        let call = self.call_to_tag(permit, call).await?;
        let events: Vec<TagEvent> = self.store().db().all(OF_CALL, binds![call.id, SHOWN_MAX]).await?;
        let names = self.office().names(events.iter().filter_map(|event| event.actor_id).map(UserId).collect()).await;
        let row = |event: TagEvent| Row {
            key: event.id,
            row: event.row(call.id, event.actor_id.and_then(|actor| names.get(&UserId(actor)).cloned())),
            center: call.center,
            users: call.users.clone(),
            lists: vec![(ListKind::TagGroup, event.group_id.to_string())],
        };
        self.office().list_in_memory(&permit.view(&TAG_EVENTS), events.into_iter().map(row).collect(), params)
    }
}
