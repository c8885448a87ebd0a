//! Explanations: where a call goes, and why.

use utoipa::ToSchema;

use super::{
    carriers::Warning,
    words::{came_by, cause, origin, origin_or_null, ring},
};

/// Where a call goes, and why.
#[derive(ToSchema)]
#[schema(as = Explanation)]
pub(crate) struct Explained {
    question: ExplainedCall,
    /// The calling number as it was read.
    from: Option<String>,
    /// The called number as it was read, before the route rewrote it.
    to: String,
    /// What kind of number that is: `fixed`, `mobile`, `premium` and so on.
    kind: String,
    /// Its country by two letters.
    country: Option<String>,
    /// Routes in their order, until the one that matched.
    looked: Vec<LookedRoute>,
    /// How many more do not match, for which there was no room.
    more: u64,
    /// What was passed over on the way, and why.
    passed: Vec<String>,
    decision: RouteDecision,
    /// What of the centre's carriers and routes somebody should do something about.
    warnings: Vec<Warning>,
    /// How the carriers stand now that the call would go by; it has no part in the decision. Null while call control does not say.
    now: Option<StandingNow>,
}

/// How carriers stand at a moment.
#[derive(ToSchema)]
pub(crate) struct StandingNow {
    /// The moment: milliseconds since 1970.
    at: i64,
    /// In the order in which the call would try them.
    carriers: Vec<CarrierNow>,
}

/// How a carrier stands.
#[derive(ToSchema)]
pub(crate) struct CarrierNow {
    carrier: String,
    /// `up`, `down`, `full` or `too_fast`; null if call control does not have it yet.
    standing: Option<String>,
}

/// The call that is explained.
#[derive(ToSchema)]
pub(crate) struct ExplainedCall {
    from: Option<String>,
    to: String,
    #[schema(schema_with = came_by)]
    came_by: String,
    at: i64,
    center: String,
    caller: Option<String>,
    /// By what the order of equal carriers is drawn; always 0 here.
    chance: u64,
}

/// A route that was looked at.
#[derive(ToSchema)]
pub(crate) struct LookedRoute {
    #[schema(schema_with = origin)]
    origin: String,
    name: String,
    /// Why it does not match; null if it does.
    miss: Option<String>,
}

/// Where the call goes.
#[derive(ToSchema)]
pub(crate) struct RouteDecision {
    from: Option<String>,
    /// The called number as the route rewrote it.
    to: String,
    /// What said so; null if nothing matched.
    #[schema(schema_with = origin_or_null)]
    origin: Option<String>,
    scenario: String,
    source: String,
    way: RouteWay,
}

/// A call's way: one of these.
#[derive(ToSchema)]
pub(crate) struct RouteWay {
    /// These slots ring together.
    #[schema(required = false, nullable = false)]
    slots: Option<WayOfSlots>,
    /// It goes out by the first of these that takes it.
    #[schema(required = false, nullable = false)]
    carriers: Option<Vec<CarrierTry>>,
    /// It goes to this service.
    #[schema(required = false, nullable = false)]
    service: Option<String>,
    /// It is refused.
    #[schema(required = false, nullable = false)]
    refuse: Option<WayOfRefusal>,
    /// A program is asked first.
    #[schema(required = false, nullable = false)]
    ask: Option<WayOfQuestion>,
}

/// Slots by their ids.
#[derive(ToSchema)]
pub(crate) struct WayOfSlots {
    slots: Vec<String>,
    ring_s: u16,
    #[schema(schema_with = ring, required = false)]
    ring: String,
}

/// Why it is refused.
#[derive(ToSchema)]
pub(crate) struct WayOfRefusal {
    #[schema(schema_with = cause)]
    cause: String,
    why: String,
}

/// Whom is asked, and what happens without an answer.
#[derive(ToSchema)]
pub(crate) struct WayOfQuestion {
    url: String,
    deadline_ms: u16,
    #[schema(no_recursion)]
    default: Box<RouteWay>,
}

/// A carrier that is tried.
#[derive(ToSchema)]
pub(crate) struct CarrierTry {
    carrier: String,
    name: String,
    /// The number that it is sent.
    to: String,
    /// The caller number that it is sent.
    caller: String,
    /// The price of a minute in minor units; null if it has none.
    per_minute: Option<String>,
    currency: String,
}
