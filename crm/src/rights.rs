//! What the modules let people do, and what they list.

use model::Resource;
use office::{
    rights::{Part, Permission, Reaches},
    webhooks::EventKind,
};

use crate::{clients, hearing, leads, listening, missed, notes, tags};

macro_rules! permissions {
    ($($name:ident $text:literal $reaches:ident $about:literal;)*) => {
        /// The permissions of this room, by name.
        pub mod can {
            use model::Action;
            $(#[doc = $about] pub const $name: Action = Action($text);)*
        }

        static PERMISSIONS: &[Permission] =
            &[$(Permission { action: can::$name, about: $about, reaches: Reaches::$reaches }),*];
    };
}

permissions! {
    TAGS_READ "tags.read" LISTED "See tags, and those of calls that one sees.";
    TAGS_SET "tags.set" LISTED "Set tags on calls.";
    TAGS_UNSET "tags.unset" LISTED "Take tags off calls.";
    TAGS_MANAGE "tags.manage" CENTER "Make, change and delete tags and their groups.";

    LISTENING_READ "listening.read" LISTED "See listening plans and their tasks, and when a call counts as listened to.";
    LISTENING_CLAIM "listening.claim" LISTED "Take listening tasks and do them.";
    LISTENING_MANAGE "listening.manage" CENTER "Make, change and delete listening plans, take their samples, end claims of others, see how far listeners agree.";
    LISTENING_CONFIGURE "listening.configure" CENTER "Say when a call counts as listened to.";
    SCORECARDS_READ "scorecards.read" ROWS "See scorecards, and evaluations of calls that one sees; `own`: of oneself.";
    SCORECARDS_MANAGE "scorecards.manage" CENTER "Make, change and delete scorecards.";
    TAG_STATISTICS_READ "tag_statistics.read" ROWS "See how much was listened to and tagged, by whom and when; `own`: what one did oneself.";
    TAG_STATISTICS_EXPORT "tag_statistics.export" ROWS "Export how much was listened to and tagged.";

    LEADS_READ "leads.read" ROWS "See leads.";
    LEADS_CREATE "leads.create" ROWS "Make leads.";
    LEADS_UPDATE "leads.update" ROWS "Change leads, and lead them on; those who reach the centre's also say whose they are.";
    LEADS_DELETE "leads.delete" ROWS "Delete leads.";
    LEADS_REOPEN "leads.reopen" CENTER "Take up leads that were given up.";
    LEADS_EXPORT "leads.export" ROWS "Export leads.";
    LEADS_HAND_OVER "leads.hand_over" ROWS "Hand leads over to sellers.";
    LEADS_BULK "leads.bulk" ROWS "Change many leads at once, as far as one may change each.";

    CLIENTS_READ "clients.read" ROWS "See clients.";
    CLIENTS_CREATE "clients.create" ROWS "Make clients.";
    CLIENTS_UPDATE "clients.update" ROWS "Change clients; those who reach the centre's also say whose they are.";
    CLIENTS_DELETE "clients.delete" ROWS "Delete clients.";
    CLIENTS_EXPORT "clients.export" ROWS "Export clients.";

    NOTES_READ "notes.read" ROWS "See notes on the calls, leads and clients that one sees.";
    NOTES_CREATE "notes.create" ROWS "Write notes on the calls, leads and clients that one sees.";
    NOTES_UPDATE "notes.update" ROWS "Change notes that one wrote; those who reach the centre's also others'.";
    NOTES_DELETE "notes.delete" ROWS "Delete notes that one wrote; those who reach the centre's also others'.";

    REPORTS_READ "reports.read" ROWS "See reports of calls and of people's days; `own`: one's own.";
    REPORTS_EXPORT "reports.export" CENTER "Have reports as files.";
    CONVERSION_READ "conversion.read" ROWS "See how many leads became clients; `own`: of one's own leads.";
}

static RESOURCES: &[&Resource] = &[
    &tags::TAG_EVENTS,
    &tags::TAG_GROUPS,
    &tags::TAGS,
    &leads::LEADS,
    &hearing::LISTEN_SESSIONS,
    &listening::SCORECARDS,
    &listening::LISTENING_PLANS,
    &listening::LISTENING_TASKS,
    &listening::EVALUATIONS,
    &clients::CLIENTS,
    &notes::NOTES,
    &missed::MISSED_CALLS,
];

static EVENTS: &[EventKind] = &[
    tags::events::EVENT,
    EventKind { kind: "lead.created", right: can::LEADS_READ, resource: "leads", about: "A lead was made." },
    EventKind { kind: "lead.updated", right: can::LEADS_READ, resource: "leads", about: "A lead was changed, led on or handed over." },
];

/// What the modules bring into the office's catalogue.
#[must_use]
pub fn part() -> Part {
    Part { permissions: PERMISSIONS, resources: RESOURCES, events: EVENTS }
}
