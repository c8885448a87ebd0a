//! The schemas of carriers, routes and explanations, whose types stand in `model`, which knows no schemas. A test holds them against what
//! those types write.

#![expect(dead_code, reason = "they are read for the API's document only")]

use std::collections::BTreeMap;

use model::Cause;
use utoipa::{
    ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Type},
    },
};

use crate::{
    routes::trunks::{ChangeTrunk, CreateTrunk},
    wire::TrunkWithSlots,
};

/// A trunk to be made: a hub, or a carrier.
#[derive(ToSchema)]
#[schema(as = CreateTrunkOrCarrier)]
#[serde(untagged)]
pub(crate) enum CreateAnyTrunk {
    Hub(CreateTrunk),
    Carrier(Box<CreateCarrier>),
}

/// What to change of a trunk: of a hub what is said, of a carrier all.
#[derive(ToSchema)]
#[schema(as = ChangeTrunkOrCarrier)]
#[serde(untagged)]
pub(crate) enum ChangeAnyTrunk {
    Hub(ChangeTrunk),
    Carrier(Box<ChangeCarrier>),
}

/// A trunk: a hub with its slots, or a carrier.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum TrunkAnswer {
    Hub(TrunkWithSlots),
    Carrier(Box<CarrierAnswer>),
}

/// A carrier to be made.
#[derive(ToSchema)]
pub(crate) struct CreateCarrier {
    #[schema(schema_with = sip)]
    r#type: String,
    #[serde(flatten)]
    settings: CarrierSchema,
}

/// A carrier with other settings; what is left out gets its default, but accounts without a password keep theirs if no host is new.
#[derive(ToSchema)]
pub(crate) struct ChangeCarrier {
    /// The version that the change was made from.
    version: i64,
    #[serde(flatten)]
    settings: CarrierSchema,
}

/// A carrier, without its passwords.
#[derive(ToSchema)]
pub(crate) struct CarrierAnswer {
    #[schema(examples("3"))]
    id: String,
    #[schema(schema_with = sip)]
    r#type: String,
    /// Grows with each change; a change names the one it was made from.
    version: i64,
    /// Why it is not used although it is there.
    warnings: Vec<Warning>,
    #[serde(flatten)]
    settings: CarrierSchema,
}

/// Something that somebody should do something about.
#[derive(ToSchema)]
#[schema(as = PlanWarning)]
pub(crate) struct Warning {
    /// Which field; empty: the whole.
    path: String,
    /// What is wrong with it, in words.
    text: String,
}

/// A carrier: a trunk to the world.
#[derive(ToSchema)]
#[schema(as = Carrier)]
pub(crate) struct CarrierSchema {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Whether it is used at all.
    #[schema(default = true, required = false)]
    on: bool,
    /// Who may use it: the centre that it belongs to, or all.
    #[schema(schema_with = centers, required = false)]
    centers: String,
    /// Where it is: `sip:` or `sips:`, a name or an address, a port, `;transport=udp`, `tcp` or `tls`.
    #[schema(min_items = 1, max_items = 16, examples(json!(["sip:sip.example.com;transport=tcp"])))]
    hosts: Vec<String>,
    /// Where its calls come from (CIDR); empty: the addresses of its hosts.
    #[schema(required = false)]
    networks: Vec<String>,
    #[schema(required = false)]
    accounts: Vec<CarrierAccount>,
    /// Our numbers with it.
    #[schema(required = false)]
    numbers: Vec<CarrierNumber>,
    /// Caller numbers that it has verified.
    #[schema(required = false)]
    callers: Vec<CarrierCaller>,
    /// Calls at once, both ways.
    #[schema(minimum = 1, maximum = 20000)]
    capacity: u16,
    /// Calls that may begin in a second; 0 has no limit.
    #[schema(default = 0, maximum = 1000, required = false)]
    calls_per_s: u16,
    #[schema(required = false)]
    health: CarrierHealth,
    /// The group that routes call it by; empty: none.
    #[schema(required = false)]
    group: String,
    /// Lower ones of a group are tried first.
    #[schema(default = 100, required = false)]
    priority: u16,
    /// How often it comes first among equals; 0: after them.
    #[schema(default = 100, required = false)]
    weight: u16,
    #[schema(required = false, examples("RUB"))]
    currency: String,
    /// What its calls cost, by the longest prefix.
    #[schema(required = false)]
    rates: Vec<CarrierRate>,
    /// Whether it is only used for numbers that have a price.
    #[schema(default = false, required = false)]
    rated_only: bool,
    #[schema(required = false)]
    failover: CarrierFailover,
    /// How numbers are written where it is.
    #[schema(required = false, nullable = false)]
    form: Option<NumberForm>,
    /// What is done to numbers that it sends, before `form` reads them.
    #[schema(required = false)]
    rules_in: Vec<NumberRule>,
    /// How it wants numbers.
    #[schema(schema_with = send, required = false)]
    send: String,
    /// What is done to numbers that it is sent, after all else.
    #[schema(required = false)]
    rules_out: Vec<NumberRule>,
    #[schema(required = false)]
    identity: CarrierIdentity,
    /// What the caller hears before the answer.
    #[schema(schema_with = early_media, required = false)]
    early_media: String,
    /// How often a call is sent on when it answers 3xx.
    #[schema(default = 0, maximum = 5, required = false)]
    redirects_max: u8,
}

/// An account with a carrier.
#[derive(ToSchema)]
pub(crate) struct CarrierAccount {
    username: String,
    /// Taken, and never given.
    #[schema(write_only, required = false, nullable = false)]
    password: Option<String>,
    /// The only realm that is answered; empty: the first that asks.
    #[schema(required = false)]
    realm: String,
    #[schema(default = true, required = false)]
    register: bool,
    #[schema(default = 3600, minimum = 60, maximum = 86400, required = false)]
    expires_s: u32,
    /// The user part of our contact; empty: the user name.
    #[schema(required = false)]
    contact_user: String,
}

/// A number of ours.
#[derive(ToSchema)]
pub(crate) struct CarrierNumber {
    #[schema(examples("+74951234567"))]
    number: String,
    /// Whose it is, if the carrier is shared.
    #[schema(required = false, nullable = false)]
    center: Option<String>,
    /// The slots that ring; empty: routes alone say where its calls go.
    #[schema(schema_with = slots, required = false)]
    to: Vec<String>,
    /// Whether they ring all at once, or one after another.
    #[schema(schema_with = ring, required = false)]
    ring: String,
    /// For so many seconds, each of them if they ring in turn; 30 if it is not said.
    #[schema(minimum = 1, maximum = 300, required = false)]
    ring_s: u16,
    #[schema(required = false)]
    scenario: String,
    #[schema(required = false)]
    source: String,
    /// Its calls at once; 0: as many as the carrier has.
    #[schema(default = 0, required = false)]
    calls_max: u16,
}

/// A verified caller number.
#[derive(ToSchema)]
pub(crate) struct CarrierCaller {
    #[schema(examples("+74951234567"))]
    number: String,
    /// The centre that may call by it, if the carrier is shared.
    #[schema(required = false, nullable = false)]
    center: Option<String>,
}

/// How a carrier's being there is watched.
#[derive(ToSchema)]
pub(crate) struct CarrierHealth {
    /// Seconds between OPTIONS; 0 asks nothing.
    #[schema(default = 30, required = false)]
    options_every_s: u16,
    /// After so many without an answer it is not called.
    #[schema(default = 3, required = false)]
    off_after: u8,
}

/// What calls to numbers that begin so cost. Prices are in minor units, with at most four decimals: `150` or `"90.5"`.
#[derive(ToSchema)]
pub(crate) struct CarrierRate {
    #[schema(examples("+7495"))]
    prefix: String,
    #[schema(examples("90.5"))]
    per_minute: String,
    /// The price of being answered.
    #[schema(required = false)]
    connect: String,
    /// The least that is counted.
    #[schema(default = 0, required = false)]
    first_s: u16,
    /// What the rest is rounded up to.
    #[schema(default = 60, required = false)]
    step_s: u16,
}

/// When another carrier is tried.
#[derive(ToSchema)]
pub(crate) struct CarrierFailover {
    /// After which answers.
    #[schema(required = false)]
    next: Vec<u16>,
    /// After how many seconds of silence.
    #[schema(default = 6, minimum = 1, maximum = 32, required = false)]
    silent_s: u8,
}

/// How people write numbers.
#[derive(ToSchema)]
pub(crate) struct NumberForm {
    #[schema(examples("7"))]
    country_code: String,
    #[schema(required = false, examples("8"))]
    trunk_prefix: String,
    #[schema(required = false, examples("810"))]
    international_prefix: String,
    #[schema(required = false)]
    national_digits: DigitsRange,
}

/// How many characters, both ends included.
#[derive(ToSchema)]
pub(crate) struct DigitsRange {
    min: u8,
    max: u8,
}

/// A rule for numbers that begin so and are so long.
#[derive(ToSchema)]
pub(crate) struct NumberRule {
    #[schema(schema_with = rule_of, required = false)]
    of: String,
    #[schema(required = false)]
    starts: String,
    #[schema(required = false, nullable = false)]
    length: Option<DigitsRange>,
    /// How many characters are taken from the front.
    #[schema(default = 0, required = false)]
    strip: u8,
    /// What is put there.
    #[schema(required = false)]
    add: String,
}

/// How a carrier is told who calls.
#[derive(ToSchema)]
pub(crate) struct CarrierIdentity {
    #[schema(schema_with = from_part, required = false)]
    from: String,
    /// P-Asserted-Identity.
    #[schema(default = false, required = false)]
    asserted: bool,
    /// P-Preferred-Identity.
    #[schema(default = false, required = false)]
    preferred: bool,
    /// Remote-Party-ID.
    #[schema(default = false, required = false)]
    remote_party: bool,
    #[schema(schema_with = privacy, required = false)]
    privacy: String,
    #[schema(schema_with = redirections, required = false)]
    redirections: String,
    /// Whether the caller of an incoming call is taken from P-Asserted-Identity.
    #[schema(default = false, required = false)]
    believe: bool,
}

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
    warnings: Vec<String>,
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

fn one_of(names: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied())).build()
}

fn sip() -> Object {
    one_of(&["sip"])
}

fn centers() -> Object {
    one_of(&["own", "all"])
}

fn send() -> Object {
    one_of(&["plus", "digits", "national"])
}

fn early_media() -> Object {
    one_of(&["prefer", "pass", "ring"])
}

fn rule_of() -> Object {
    one_of(&["both", "called", "caller"])
}

fn from_part() -> Object {
    one_of(&["caller", "account"])
}

fn privacy() -> Object {
    one_of(&["refuse", "id", "anonymous"])
}

fn redirections() -> Object {
    one_of(&["none", "diversion", "history_info"])
}

fn cause() -> Object {
    let codes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.code()).collect();
    one_of(&codes)
}

fn ring() -> Object {
    one_of(&["together", "in_turn"])
}

/// `{"name": value}`.
fn only(name: &str, value: impl Into<RefOr<Schema>>) -> Object {
    ObjectBuilder::new().property(name, value).required(name).build()
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

/// `"slot"`, or `{"carrier": "3"}`.
pub(crate) fn came_by() -> Schema {
    Schema::OneOf(OneOfBuilder::new().item(one_of(&["slot"])).item(only("carrier", text())).build())
}

/// `"any"`, `"slot"`, or `{"carriers": ["3"]}`.
fn route_came_by() -> Schema {
    let carriers = ArrayBuilder::new().items(text());
    Schema::OneOf(OneOfBuilder::new().item(one_of(&["any", "slot"])).item(only("carriers", carriers)).build())
}

/// A slot by its number, or by its id: `"6001"`, `{"id": "44"}`.
fn slots() -> Schema {
    let slot = OneOfBuilder::new().item(text()).item(only("id", text()));
    Schema::Array(ArrayBuilder::new().items(slot).build())
}

fn origins() -> OneOfBuilder {
    OneOfBuilder::new().item(one_of(&["numbering"])).item(only("route", text())).item(only("number", text()))
}

fn origin() -> Schema {
    Schema::OneOf(origins().build())
}

fn origin_or_null() -> Schema {
    Schema::OneOf(origins().item(ObjectBuilder::new().schema_type(Type::Null)).build())
}
