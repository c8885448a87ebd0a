//! Routes: which calls they are for, and what becomes of those.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::{
    carriers::{NumberRule, Warning},
    words::{cause, ring, route_came_by, slots},
};

/// A route: calls that match go so.
#[derive(ToSchema)]
#[schema(as = Route)]
pub(crate) struct RouteSchema {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Lower ones are looked at first; among equals the older one.
    position: u32,
    #[schema(default = true, required = false)]
    on: bool,
    #[schema(required = false)]
    r#match: RouteMatch,
    then: RouteAction,
    #[schema(required = false)]
    scenario: String,
    #[schema(required = false)]
    source: String,
    /// What is done to the called number: the first rule that is for it.
    #[schema(required = false)]
    rewrite: Vec<NumberRule>,
}

/// A route with other settings; what is left out gets its default.
#[derive(ToSchema)]
pub(crate) struct ChangeRoute {
    /// The version that the change was made from.
    version: i64,
    #[serde(flatten)]
    route: RouteSchema,
}

/// A route as it is.
#[derive(ToSchema)]
pub(crate) struct RouteAnswer {
    id: String,
    /// Grows with each change; a change names the one it was made from.
    version: i64,
    created_at: i64,
    created_by: Option<String>,
    updated_at: i64,
    /// What it names that is not there, or why it is not used. Left out if parts of it are hidden from you.
    #[schema(required = false)]
    warnings: Vec<Warning>,
    #[serde(flatten)]
    route: RouteSchema,
}

/// Which calls a route is for: all that is said must be so.
#[derive(ToSchema)]
pub(crate) struct RouteMatch {
    /// The calling number is one of these (`+74951234567`), or begins so (`+7495*`).
    #[schema(required = false)]
    from: Vec<String>,
    /// The called number is.
    #[schema(required = false)]
    to: Vec<String>,
    /// The called number has so many characters, `+` included.
    #[schema(required = false, nullable = false)]
    length: Option<u8>,
    #[schema(schema_with = route_came_by, required = false)]
    came_by: String,
    #[schema(required = false, nullable = false)]
    when: Option<RouteWhen>,
}

/// When a route is for a call.
#[derive(ToSchema)]
pub(crate) struct RouteWhen {
    calendar: CalendarSchema,
    /// Within the hours, or with `false` outside of them.
    #[schema(default = true, required = false)]
    open: bool,
}

/// Work hours.
#[derive(ToSchema)]
#[schema(as = Calendar)]
pub(crate) struct CalendarSchema {
    #[schema(examples("Europe/Moscow"))]
    zone: String,
    /// `mon` to `sun`, each with its hours: `09:00-18:00`.
    #[schema(required = false)]
    week: BTreeMap<String, Vec<String>>,
    #[schema(required = false)]
    special: Vec<SpecialDay>,
}

/// A day with hours of its own.
#[derive(ToSchema)]
pub(crate) struct SpecialDay {
    /// `2026-12-31`, or `12-31` of every year.
    date: String,
    #[schema(required = false)]
    name: String,
    #[schema(required = false)]
    hours: Vec<String>,
}

/// What becomes of a call.
#[derive(ToSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum RouteAction {
    /// These slots ring: all at once, or one after another for so many seconds each.
    Slots {
        #[schema(schema_with = slots)]
        slots: Vec<String>,
        #[schema(default = 30, minimum = 1, maximum = 300, required = false)]
        ring_s: u16,
        #[schema(schema_with = ring, required = false)]
        ring: String,
    },
    /// The slot whose number is called rings.
    DialledSlot {
        #[schema(default = 30, minimum = 1, maximum = 300, required = false)]
        ring_s: u16,
    },
    /// It goes out by the first of these that takes it.
    Carriers {
        order: Vec<Outlet>,
        /// Whether the cheapest of a group goes first, among those of the same priority.
        #[schema(default = false, required = false)]
        least_cost: bool,
    },
    /// It goes to a service.
    Service {
        /// Left out: the called one.
        #[schema(required = false, nullable = false)]
        number: Option<String>,
    },
    /// It is refused.
    Refuse {
        #[schema(schema_with = cause)]
        cause: String,
    },
    /// A program is asked over HTTP.
    Ask {
        url: String,
        /// What questions are signed with, as webhooks are: 16 to 128 characters. It is never shown; left out of a change, it stays if the URL
        /// does.
        #[schema(required = false, nullable = false, write_only, min_length = 16, max_length = 128)]
        secret: Option<String>,
        #[schema(default = 1000, minimum = 50, maximum = 5000, required = false)]
        deadline_ms: u16,
        /// What becomes of the call if there is no good answer by then. Not another question.
        #[schema(no_recursion)]
        default: Box<RouteAction>,
    },
}

/// A carrier, or a group of carriers.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outlet {
    Carrier(String),
    Group(String),
}
