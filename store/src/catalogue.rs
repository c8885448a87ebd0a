//! What can be listed of telephony: calls, their records, recordings, trunks, routes.
//!
//! Columns have the names that they have on the wire. A list of slots reaches a call if it has the calling or the called slot: whoever
//! may see a slot may see what it was in.

use model::{Action, Column, ColumnKind, Links, ListKind, Mask, Narrow, Owner, Part, Resource};

use crate::whose::why;

const CALL_STATUSES: ColumnKind = ColumnKind::Code(&["dialing", "ringing", "answered", "held", "ended"]);
const DIRECTIONS: ColumnKind = ColumnKind::Code(&["internal", "outbound", "inbound"]);
const OUTCOMES: ColumnKind = ColumnKind::Code(&["answered", "busy", "no_answer", "canceled", "failed"]);
const RECORDING_STATES: ColumnKind = ColumnKind::Code(&["recording", "complete", "partial", "failed", "not_wanted", "erased"]);
const TRUNK_KINDS: ColumnKind = ColumnKind::Code(&["auto", "mf", "ls", "sip"]);
/// The codes of `model::Cause`, in its order.
const CAUSES: ColumnKind = ColumnKind::Code(&[
    "caller_hung_up",
    "callee_hung_up",
    "transferred",
    "transfer_failed",
    "ended_by_request",
    "caller_gave_up",
    "no_answer",
    "busy",
    "declined",
    "slot_no_answer",
    "slot_refused",
    "no_such_number",
    "destination_not_allowed",
    "slot_call_limit",
    "budget_closed",
    "budget_spent",
    "premium_not_allowed",
    "too_many_hops",
    "not_registered",
    "out_of_service",
    "unreachable",
    "callee_failed",
    "no_common_codec",
    "bad_sdp",
    "bad_answer",
    "no_media_port",
    "overloaded",
    "carrier_failed",
    "carrier_full",
    "number_full",
    "not_withheld",
    "media_timeout",
    "no_ack",
    "dialog_lost",
    "session_expired",
    "aborted",
    "shutdown",
    "internal",
]);

/// A call is theirs to read who placed or served it, whose lead it is of, or at whose phone it rang: whoever heard of it while it rang may look
/// it up afterwards.
pub const USERS_OF_CALLS: Owner = Owner::Link { table: "call_users", row: "call_id", user: "user_id" };
/// Its recording is not theirs at whose phone it only rang: somebody else may have answered it.
const USERS_OF_RECORDINGS: Owner = Owner::Link {
    table: concat!("(SELECT user_id, call_id FROM call_users WHERE why & ", why!(had), " <> 0)"),
    row: "call_id",
    user: "user_id",
};

const LISTS_OF_CALLS: &[(ListKind, &str)] =
    &[(ListKind::Scenario, "t.scenario"), (ListKind::Slot, "CAST(t.caller_slot AS TEXT)"), (ListKind::Slot, "CAST(t.callee_slot AS TEXT)")];

// What calls and their records have in common.
const CALL_ID: Column = Column::new("call_id", "t.call_id", ColumnKind::Call, "The call.").filtered().sorted();
const PARENT: Column =
    Column::new("parent", "t.parent_id", ColumnKind::Call, "The call that this one consults about.").nullable().filtered();
const DIRECTION: Column = Column::new("direction", "t.direction", DIRECTIONS, "Where it goes, seen from us.").filtered();
const CALLER: Column = Column::new("caller", "t.caller", ColumnKind::Text, "The calling number.").filtered().masked(Mask::Phone);
const CALLEE: Column = Column::new("callee", "t.callee", ColumnKind::Text, "The dialled number.").filtered().masked(Mask::Phone);
const CALLER_SLOT: Column = Column::new("caller_slot", "t.caller_slot", ColumnKind::Id, "The slot that placed it.").nullable().filtered();
const CALLEE_SLOT: Column = Column::new("callee_slot", "t.callee_slot", ColumnKind::Id, "The slot that is called.").nullable().filtered();
const USER: Column = Column::new("user", "t.user_id", ColumnKind::Id, "Who placed it.").nullable().filtered();
// A call's id holds its start, so the order of ids is the order of starts.
const STARTED_AT: Column = Column::new("started_at", "t.started_at", ColumnKind::Time, "When it began.").filtered().sorted_by("t.call_id");
const RINGING_AT: Column =
    Column::new("ringing_at", "t.ringing_at", ColumnKind::Time, "When the far party first rang.").nullable().filtered();
const ANSWERED_AT: Column =
    Column::new("answered_at", "t.answered_at", ColumnKind::Time, "When the far party answered.").nullable().filtered();
const ENDED_AT: Column = Column::new("ended_at", "t.ended_at", ColumnKind::Time, "When it ended.").filtered();
const OUTCOME: Column = Column::new("outcome", "t.outcome", OUTCOMES, "How it ended.").filtered();
const CAUSE: Column = Column::new("cause", "t.cause", CAUSES, "Why it ended.").filtered();
/// Who served a call, part by part (R14): the one column that is JSON in the database and not as it stands on the wire.
pub(crate) const SEGMENTS: &str = "segments";
const SERVED: Column = Column::new(SEGMENTS, "t.segments", ColumnKind::Json, "Who serves or served it.").with_parts(PARTS_OF_SEGMENTS);
// Whoever served a call is as little anybody's business as who placed it, and at which slot as at which it was placed or rang.
static PARTS_OF_SEGMENTS: &[Part] = &[
    Part { name: "user", of: None, column: "user" },
    Part { name: "slot", of: None, column: "caller_slot" },
    Part { name: "slot", of: None, column: "callee_slot" },
];
/// Who placed a call or served a part of it. It says more of a call than `user`, and so is seen no more than that.
static SERVERS_OF_CALLS: Links = Links {
    table: "call_users",
    row: "call_id",
    value: "user_id",
    kind: ColumnKind::Id,
    center: "",
    has_index: true,
    read: None,
    narrow: Narrow::None,
    only: concat!("l.why & ", why!(took_part), " <> 0"),
    like: &["user", "segments"],
};
const SERVED_BY: Column =
    Column::new("served_by", "", ColumnKind::Id, "Who placed it or served a part of it: to filter by; a call has any number of them.")
        .nullable()
        .linked(&SERVERS_OF_CALLS);
/// Tags of groups that somebody was not given do not exist for them.
static TAGS_OF_CALLS: Links = Links {
    table: "taggings",
    row: "call_id",
    value: "tag_id",
    kind: ColumnKind::Id,
    center: "center_id",
    has_index: true,
    read: Some(Action("tags.read")),
    narrow: Narrow::List(ListKind::TagGroup, "group_id"),
    only: "",
    like: &[],
};
const TAGS: Column = Column::new(
    "tags",
    "",
    ColumnKind::Json,
    "The tags that it has, as the list of tags shows them, by their places; to filter by are their ids.",
)
.nullable()
.linked(&TAGS_OF_CALLS);
/// In which groups of tags a call is not rated yet; it tells that the call has a recording and lacks their tags.
static UNRATED_CALLS: Links = Links {
    table: "unrated",
    row: "call_id",
    value: "group_id",
    kind: ColumnKind::Id,
    center: "center_id",
    has_index: true,
    read: Some(Action("tags.read")),
    narrow: Narrow::List(ListKind::TagGroup, "group_id"),
    only: "",
    like: &["tags", "recording"],
};
const UNRATED_IN: Column = Column::new(
    "unrated_in",
    "",
    ColumnKind::Id,
    "The groups of tags that rate calls and of which it has none yet, though it has a recording: to filter by.",
)
.nullable()
.linked(&UNRATED_CALLS);
const LISTENED: Column =
    Column::new("listened", "", ColumnKind::Int, "How much of its recording one has heard oneself, in percent; absent if one never began.")
        .nullable();
const SCENARIO: Column =
    Column::new("scenario", "t.scenario", ColumnKind::Text, "The call-handling scenario.").nullable().filtered().split();
const SOURCE: Column = Column::new("source", "t.source", ColumnKind::Text, "Which advert brought it.").nullable().filtered();
const CARRIER: Column =
    Column::new("carrier", "t.carrier_id", ColumnKind::Id, "The carrier that it came by, or that it was last tried by.")
        .nullable()
        .filtered();
const TRIES: Column =
    Column::new("tries", "t.tries", ColumnKind::Json, "Each try to place it by a carrier, in order: how it was answered.")
        .with_parts(PARTS_OF_TRIES);
// What the carrier was told is a caller's number and a called one, and where it was called stands in its settings.
static PARTS_OF_TRIES: &[Part] = &[
    Part { name: "carrier", of: None, column: "carrier" },
    Part { name: "caller", of: None, column: "caller" },
    Part { name: "called", of: None, column: "callee" },
    Part { name: "target", of: Some(&TRUNKS), column: SETTINGS },
];
// Who hands a call on has served it.
static PARTS_OF_TRANSFERS: &[Part] = &[
    Part { name: "by", of: None, column: "caller_slot" },
    Part { name: "by", of: None, column: "callee_slot" },
    Part { name: "user", of: None, column: "user" },
    Part { name: "to", of: None, column: "callee" },
];
const ASKED: Column =
    Column::new("asked", "t.asked", ColumnKind::Json, "The program that was asked last where it goes, and what came of that.").nullable();
const RUNG: Column = Column::new("rung", "t.rung", ColumnKind::Json, "The slots whose phones were asked to take it, in order; at most 64.")
    .with_parts(PARTS_OF_RUNG);
// At whose phones it rang are called slots and users like any other.
static PARTS_OF_RUNG: &[Part] = &[Part { name: "slot", of: None, column: "callee_slot" }, Part { name: "user", of: None, column: "user" }];
const RECORDING: Column =
    Column::new("recording", "", ColumnKind::Json, "What is known of its recording.").nullable().with_parts(PARTS_OF_RECORDING);
// Either channel may be the caller's.
static PARTS_OF_RECORDING: &[Part] = &[
    Part { name: "left.number", of: None, column: "caller" },
    Part { name: "left.number", of: None, column: "callee" },
    Part { name: "right.number", of: None, column: "caller" },
    Part { name: "right.number", of: None, column: "callee" },
];

/// Numbers have no letters to fold but those of ASCII.
const NUMBERS_OF_CALLS: &str = "lower(t.caller || ' ' || t.callee)";

/// Calls, live and ended.
pub static CALLS: Resource = Resource {
    name: "calls",
    from: "calls t",
    key: "call_id",
    center: "t.center_id",
    owner: USERS_OF_CALLS,
    lists: LISTS_OF_CALLS,
    search: NUMBERS_OF_CALLS,
    order: "-started_at",
    read: Action("calls.read"),
    export: Some(Action("calls.export")),
    columns: &[
        CALL_ID,
        PARENT,
        Column::new("status", "t.status", CALL_STATUSES, "How far it has come.").filtered(),
        DIRECTION,
        CALLER,
        CALLEE,
        CALLER_SLOT,
        CALLEE_SLOT,
        USER,
        STARTED_AT,
        RINGING_AT,
        ANSWERED_AT,
        ENDED_AT.nullable(),
        OUTCOME.nullable(),
        CAUSE.nullable(),
        SERVED,
        SERVED_BY,
        TAGS,
        UNRATED_IN,
        LISTENED,
        SCENARIO,
        SOURCE,
        CARRIER,
        TRIES,
        ASKED,
        Column::new("transfer", "", ColumnKind::Json, "How it was last handed on, or was to be, while it goes on.")
            .nullable()
            .with_parts(PARTS_OF_TRANSFERS),
        RUNG,
        RECORDING,
    ],
};

/// The same, but of one's own those that one placed or served, or whose lead one has: what a right goes by that is more than to read of a call.
pub static CALLS_HAD: Resource = Resource { owner: USERS_OF_RECORDINGS, ..CALLS };

/// The records of ended calls.
pub static CDRS: Resource = Resource {
    name: "cdrs",
    from: "cdrs t",
    key: "call_id",
    center: "t.center_id",
    owner: USERS_OF_CALLS,
    lists: LISTS_OF_CALLS,
    search: NUMBERS_OF_CALLS,
    order: "-started_at",
    read: Action("calls.read"),
    export: Some(Action("calls.export")),
    columns: &[
        CALL_ID,
        PARENT,
        DIRECTION,
        // Their histories are asked for by the hundred.
        CALLER.split(),
        CALLEE.split(),
        CALLER_SLOT,
        CALLEE_SLOT,
        USER,
        STARTED_AT,
        RINGING_AT,
        ANSWERED_AT,
        ENDED_AT,
        Column::new("ring_ms", "t.ring_ms", ColumnKind::Int, "From the first ringing to the answer or the end, in milliseconds.")
            .filtered(),
        Column::new("talk_ms", "t.talk_ms", ColumnKind::Int, "From the answer to the end, in milliseconds; 0 if unanswered.")
            .filtered()
            .sorted(),
        OUTCOME,
        CAUSE,
        Column::new("remedy", "", ColumnKind::Text, "What a person at the desk can do about the cause."),
        Column::new("sip_status", "t.sip_status", ColumnKind::Int, "The last SIP status of the called side.").filtered(),
        SERVED,
        SERVED_BY,
        TAGS,
        UNRATED_IN,
        LISTENED,
        SCENARIO,
        SOURCE,
        CARRIER,
        TRIES,
        ASKED,
        RUNG,
        RECORDING,
    ],
};

// Either channel may be the caller's.
const NUMBER_OF_LEFT: Column =
    Column::new("left_number", "t.left_number", ColumnKind::Text, "That party's number.").filtered().masked(Mask::Phone).like(NUMBERS);
const NUMBER_OF_RIGHT: Column =
    Column::new("right_number", "t.right_number", ColumnKind::Text, "That party's number.").filtered().masked(Mask::Phone).like(NUMBERS);
const NUMBERS: &[&str] = &["caller", "callee"];

/// Recordings: every answered call has one. A list of scenarios or slots is that of the call.
pub static RECORDINGS: Resource = Resource {
    name: "recordings",
    from: "recordings t LEFT JOIN calls c ON c.call_id = t.call_id",
    key: "call_id",
    center: "t.center_id",
    owner: USERS_OF_RECORDINGS,
    lists: &[
        (ListKind::Scenario, "c.scenario"),
        (ListKind::Slot, "CAST(c.caller_slot AS TEXT)"),
        (ListKind::Slot, "CAST(c.callee_slot AS TEXT)"),
    ],
    search: "lower(t.left_number || ' ' || t.right_number)",
    order: "-call_id",
    read: Action("recordings.read"),
    export: None,
    columns: &[
        Column::new("call_id", "t.call_id", ColumnKind::Call, "The recorded call.").filtered().sorted(),
        Column::new("state", "t.state", RECORDING_STATES, "How far it has come.").filtered(),
        Column::new("reason", "t.reason", ColumnKind::Text, "Why it is partial, failed or not wanted.").nullable(),
        Column::new("scenario", "c.scenario", ColumnKind::Text, "The call-handling scenario.").nullable().filtered(),
        Column::new("left_role", "t.left_role", ColumnKind::Text, "Who is heard on the left, our side: caller or callee."),
        NUMBER_OF_LEFT,
        Column::new("right_role", "t.right_role", ColumnKind::Text, "Who is heard on the right, the world: caller or callee."),
        NUMBER_OF_RIGHT,
        Column::new("started_at", "t.started_at", ColumnKind::Time, "When the first sample was due.").filtered(),
        Column::new("duration_ms", "t.duration_ms", ColumnKind::Int, "Length of the audio in milliseconds; 0 until closed.").filtered(),
        Column::new("size", "t.size", ColumnKind::Int, "Length of the file in octets; 0 until closed, and once it is erased.").filtered(),
        Column::new(
            "held",
            "t.held",
            ColumnKind::Bool,
            "Whether it is kept whatever happens: nobody erases it, and its time does not count.",
        )
        .filtered(),
        Column::new("erased_at", "t.erased_at", ColumnKind::Time, "When it was erased.").nullable().filtered(),
    ],
};

/// The column of trunks that stands for all that only a carrier has.
pub const SETTINGS: &str = "settings";

/// Trunks: hubs of slots, and carriers (R2). They draw their ids of one counter. There are at most 2,997 and 1,000 in all, so any order is
/// quick.
pub static TRUNKS: Resource = Resource {
    name: "trunks",
    from: "(SELECT id, center_id, name, kind, capacity, 1 AS enabled, CAST(NULL AS TEXT) AS group_name, CAST(NULL AS BIGINT) AS version
        FROM trunks UNION ALL SELECT id, center_id, name, 'sip', capacity, enabled, group_name, version FROM carriers) t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "id",
    read: Action("trunks.read"),
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The trunk.").filtered().sorted(),
        Column::new("name", "t.name", ColumnKind::Text, "What people call it.").filtered().sorted(),
        Column::new("type", "t.kind", TRUNK_KINDS, "What a hub's numbers begin with; `sip` is a carrier.").filtered().sorted(),
        Column::new("capacity", "t.capacity", ColumnKind::Int, "How many slots a hub has; calls at once of a carrier.").filtered().sorted(),
        Column::new("on", "t.enabled", ColumnKind::Bool, "Whether it is used at all; a hub always is.").filtered(),
        Column::new("group", "t.group_name", ColumnKind::Text, "The group that routes call a carrier by.").nullable().filtered(),
        Column::new(
            "version",
            "t.version",
            ColumnKind::Int,
            "Of a carrier: grows with each change; a change names the one it was made from.",
        )
        .nullable(),
        Column::new(SETTINGS, "", ColumnKind::Json, "All else that is set of a carrier; shown where it is read by itself.").nullable(),
    ],
};

/// Routes: by whom calls go where.
pub static ROUTES: Resource = Resource {
    name: "routes",
    from: "routes t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "position",
    read: Action("routes.read"),
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The route.").filtered().sorted(),
        Column::new("name", "t.name", ColumnKind::Text, "What people call it.").filtered().sorted(),
        Column::new("position", "t.position", ColumnKind::Int, "Its place: lower ones are looked at first.").filtered().sorted(),
        Column::new("on", "t.enabled", ColumnKind::Bool, "Whether it is looked at.").filtered(),
        Column::new("match", "t.matches", ColumnKind::Json, "Which calls it is for."),
        Column::new("then", "t.action", ColumnKind::Json, "What becomes of them."),
        Column::new("scenario", "t.scenario", ColumnKind::Text, "The call-handling scenario that they get; may be empty.").filtered(),
        Column::new("source", "t.source", ColumnKind::Text, "The source that they get; may be empty.").filtered(),
        Column::new("rewrite", "t.rewrite", ColumnKind::Json, "What is done to the called number."),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made."),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "Who made it.").nullable(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed."),
    ],
};

/// All of them.
pub static RESOURCES: &[&Resource] = &[&CALLS, &CDRS, &RECORDINGS, &ROUTES, &TRUNKS];

#[cfg(test)]
mod tests {
    use model::Cause;

    use super::*;

    #[test]
    fn every_cause_can_be_asked_for() {
        let known: Vec<&str> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        assert_eq!(CAUSES, ColumnKind::Code(known.leak()));
    }

    #[test]
    fn resources_hold_together() {
        for resource in RESOURCES {
            let names: std::collections::BTreeSet<_> = resource.columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), resource.columns.len(), "{}: a name stands twice", resource.name);
            let key = resource.column(resource.key);
            assert!(key.is_some_and(|key| !key.nullable && matches!(key.kind, ColumnKind::Id | ColumnKind::Call)), "{}", resource.name);
            let order = resource.column(resource.order.trim_start_matches('-'));
            assert!(order.is_some_and(|order| !order.sort.is_empty()), "{}", resource.name);
            for column in resource.columns {
                let is_read = !column.sql.is_empty();
                let is_linked = column.links.is_some();
                assert!(is_read || is_linked || (!column.filter && column.sort.is_empty()), "{}.{}", resource.name, column.name);
                assert!(!column.filter || is_linked || column.kind != ColumnKind::Json, "{}.{}", resource.name, column.name);
                for part in column.parts {
                    let of = part.of.unwrap_or(resource);
                    assert!(column.kind == ColumnKind::Json && of.column(part.column).is_some(), "{}.{}", column.name, part.name);
                }
            }
        }
    }
}
