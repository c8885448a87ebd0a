//! Trunks, and the carriers among them.

use utoipa::ToSchema;

use super::words::{centers, early_media, from_part, privacy, redirections, ring, rule_of, send, sip, slots};
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
    about: WarningSubject,
    /// What people call that.
    name: String,
    /// Whether it is left out, and not used at all.
    is_left_out: bool,
    /// Which field; empty: the whole.
    path: String,
    /// What is wrong with it, in words.
    text: String,
}

/// What a warning is about: `{"route": "6"}` or `{"carrier": "2"}`.
#[derive(ToSchema)]
#[schema(as = PlanWarningSubject)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WarningSubject {
    /// A carrier's id.
    Carrier(String),
    /// A route's id.
    Route(String),
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
    /// The scenario of calls to those of its centre's numbers that have none of their own.
    #[schema(required = false)]
    scenario: String,
    /// Which advert brought them, in the same way.
    #[schema(required = false)]
    source: String,
    /// Caller numbers that it has verified.
    #[schema(required = false)]
    callers: Vec<CarrierCaller>,
    /// Calls at once, both ways.
    #[schema(minimum = 1, maximum = 20000)]
    capacity: u16,
    /// Calls that may begin in a second; 0 has no limit, but for those that come by UDP: ten, or a quarter of `capacity`.
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
    /// Empty: the carrier's.
    #[schema(required = false)]
    scenario: String,
    /// Empty: the carrier's.
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
