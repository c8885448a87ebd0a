//! Who is banned, and for what; bans by hand and their end.

use std::hash::{DefaultHasher, Hasher};

use axum::{Json, extract::State};
use http::StatusCode;
use model::{BanView, Command, EvidenceCount, Reply, SecurityView, WallTime, source_address};
use office::{BANS, Diff, Entry, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, FieldError, Problem},
    params::{JsonBody, PathText},
    resources::{ListAnswer, ListParamsSchema, ListQuery, object, seen},
    state::Api,
    wire::List,
};

/// How long a ban by hand lasts if nobody says: a day, in seconds.
const FOR_S: i64 = 86_400;
/// How long it lasts at least and at most: a minute and 30 days, in seconds.
const FOR_S_RANGE: std::ops::RangeInclusive<i64> = 60..=30 * 86_400;

/// A source that is not heard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ban {
    /// The source.
    #[schema(examples("192.0.2.1"))]
    id: String,
    /// An address, or a network of IPv6 with 64 bits.
    #[schema(examples("192.0.2.1"))]
    source: String,
    /// What made it full: a kind of evidence, `slow_guessing` or `by_hand`.
    #[schema(examples("wrong_password"))]
    why: String,
    #[schema(value_type = i64)]
    since: WallTime,
    #[schema(value_type = i64)]
    until: WallTime,
    /// Which ban in a row this is, from 1 on: each lasts longer.
    times: u32,
    /// The points that spoke against it when it was banned.
    points: u32,
    /// What whoever banned it by hand has noted.
    note: Option<String>,
    /// What was seen of it.
    evidence: Vec<Seen>,
}

/// What was seen of a source, and how often.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Seen {
    /// `wrong_password`, `unknown_user`, `scanner`, `fake_agent`, `foreign_domain`, `malformed`, `call_without_login`, `toll_attempt`.
    kind: String,
    count: u32,
}

impl From<BanView> for Ban {
    fn from(view: BanView) -> Self {
        let BanView { source, why, since, until, times, points, note, evidence } = view;
        let evidence = evidence.into_iter().map(|EvidenceCount { kind, count }| Seen { kind, count }).collect();
        Self { id: source.clone(), source, why, since, until, times, points, note, evidence }
    }
}

/// A ban by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBan {
    /// An address; of IPv6, any of the network with 64 bits that is banned.
    #[schema(examples("192.0.2.1"))]
    source: String,
    /// For how many seconds; without it a day.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 60, maximum = 2_592_000, examples(3600))]
    for_s: Option<i64>,
    /// What to remember of it.
    #[serde(default)]
    #[schema(max_length = 200)]
    note: Option<String>,
}

/// How the server defends itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecurityStatus {
    /// Whether anybody is judged (`security.enabled`).
    enabled: bool,
    /// Sources that are banned.
    bans: u64,
    /// How many may be.
    bans_max: u64,
    /// Sources that something is remembered of, proven by a round trip.
    proven_sources: u64,
    /// Sources in whose name something was sent that proves nothing.
    unproven_sources: u64,
    /// Users whose names too many have failed with: log-ins from new places are not looked at.
    guarded_users: u64,
    /// Networks that nothing is held against: those of the configuration, and carriers'.
    #[schema(examples(json!(["203.0.113.0/24"])))]
    exempt: Vec<String>,
    /// Our domains; none: any is ours.
    domains: Vec<String>,
    /// Domains that were asked for lately and are not ours, the last one last: perhaps one is missing in `security.domains`.
    foreign_domains: Vec<String>,
    thresholds: Thresholds,
    counts: Counts,
}

/// When a source is banned, and for how long.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Thresholds {
    /// Points at which a source is banned.
    ban_at: u32,
    /// Seconds that a first ban lasts.
    ban_s: u64,
    /// Seconds that a ban lasts at most.
    ban_longest_s: u64,
    /// Failed log-ins of a source within a day that ban it.
    failures_a_day: u32,
    /// Failed log-ins with one user's name within a day after which strangers' are not looked at.
    user_failures_a_day: u32,
}

/// What was done since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Requests of banned sources that came as far as call control, and got no answer.
    banned: u64,
    /// Requests of scanners, which got none.
    scanners: u64,
    /// Requests for a domain that is not ours, which got none.
    foreign: u64,
    /// Requests of sources that are not proven, which got none because too much spoke against them.
    slowed: u64,
    /// Log-ins with a nonce that was not sent to their source: they got a new one.
    unproven_logins: u64,
    /// Log-ins that were not looked at, since too many had failed.
    throttled: u64,
    /// Bans that were not made, since there was no room.
    bans_refused: u64,
}

impl From<SecurityView> for SecurityStatus {
    fn from(view: SecurityView) -> Self {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let model::SecurityCounts { banned, scanners, foreign, slowed, unproven_logins, throttled, bans_refused } = view.counts;
        Self {
            enabled: view.is_on,
            bans: count(view.bans),
            bans_max: count(view.bans_max),
            proven_sources: count(view.proven_sources),
            unproven_sources: count(view.unproven_sources),
            guarded_users: count(view.guarded_users),
            exempt: view.exempt,
            domains: view.domains,
            foreign_domains: view.foreign_domains,
            thresholds: Thresholds {
                ban_at: view.ban_at,
                ban_s: view.ban_s,
                ban_longest_s: view.ban_longest_s,
                failures_a_day: view.failures_a_day,
                user_failures_a_day: view.user_failures_a_day,
            },
            counts: Counts { banned, scanners, foreign, slowed, unproven_logins, throttled, bans_refused },
        }
    }
}

/// List banned sources.
#[utoipa::path(get, path = "/api/security/bans", tag = "security", params(ListParamsSchema),
    responses((status = 200, description = "Who is not heard.", body = List<Ban>)))]
pub(crate) async fn bans(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let bans = match api.control.execute(Command::Bans).await? {
        Reply::Bans(bans) => bans,
        reply => return Err(Problem::internal(format!("call control answered Bans with {reply:?}"))),
    };
    // They are of no centre: whoever may see them sees them from wherever they work.
    let center = caller.center();
    let row = |ban: BanView| {
        let key = key_of(&ban.source);
        Row { key, row: object(&Ban::from(ban)), center, users: [].into(), lists: Vec::new() }
    };
    let rows = bans.into_iter().map(row).collect();
    Ok(Json(api.office.list_in_memory(&caller.view(&BANS), rows, &query.params())?.into()))
}

/// Ban a source by hand.
///
/// In place of a ban that stands. What begins something is not heard of it from now on; calls that are up go on.
#[utoipa::path(post, path = "/api/security/bans", tag = "security", request_body = NewBan,
    responses((status = 201, description = "Banned.", body = Ban)))]
pub(crate) async fn ban(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(NewBan { source, for_s, note }): JsonBody<NewBan>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let mut errors = Vec::new();
    let mut refuse =
        |field: &str, detail: String| errors.push(FieldError { field: field.to_owned(), code: Code::InvalidField.name(), detail });
    let address = source_address(source.trim());
    if address.is_none() {
        refuse("source", "not an address such as 192.0.2.1 or 2001:db8::1; whole networks are a firewall's business".to_owned());
    }
    let for_s = for_s.unwrap_or(FOR_S);
    if !FOR_S_RANGE.contains(&for_s) {
        refuse("for_s", format!("{for_s} is not from {} to {}", FOR_S_RANGE.start(), FOR_S_RANGE.end()));
    }
    let note = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.chars().count() > BanView::NOTE_MAX || note.chars().any(char::is_control)) {
        refuse("note", format!("longer than {} characters, or not a line of text", BanView::NOTE_MAX));
    }
    let (Some(address), Ok(seconds), true) = (address, u32::try_from(for_s), errors.is_empty()) else {
        return Err(Problem::fields(errors, Code::InvalidField));
    };
    match api.control.execute(Command::BanSource { address, for_s: seconds, note: note.clone() }).await? {
        Reply::Ban(ban) => {
            let diff = Diff::none().and("for_s", Value::Null, for_s).and("note", Value::Null, note);
            api.office.note(caller.actor(), Entry::change(caller.action().0, BANS.name, &ban.source, diff).security(), now());
            Ok((StatusCode::CREATED, Json(one(&caller, ban))))
        }
        reply => Err(Problem::internal(format!("call control answered BanSource with {reply:?}"))),
    }
}

/// Let a banned source go.
///
/// What spoke against it is forgotten. `source` is as the list shows it, or any address of it.
#[utoipa::path(delete, path = "/api/security/bans/{source}", tag = "security", params(("source" = String, Path)),
    responses((status = 200, description = "The ban that was taken back.", body = Ban)))]
pub(crate) async fn release(
    State(api): State<Api>,
    caller: Caller,
    PathText(source): PathText,
) -> Result<Json<Map<String, Value>>, Problem> {
    let address = source_address(&source).ok_or(Problem::new(Code::BanNotFound))?;
    match api.control.execute(Command::ReleaseBan { address }).await? {
        Reply::Ban(ban) => {
            let diff = Diff::none().and("why", ban.why.as_str(), Value::Null);
            api.office.note(caller.actor(), Entry::change(caller.action().0, BANS.name, &ban.source, diff).security(), now());
            Ok(Json(one(&caller, ban)))
        }
        reply => Err(Problem::internal(format!("call control answered ReleaseBan with {reply:?}"))),
    }
}

/// How does the server defend itself?
#[utoipa::path(get, path = "/api/security/status", tag = "security",
    responses((status = 200, description = "So.", body = SecurityStatus)))]
pub(crate) async fn status(State(api): State<Api>, _: Caller) -> Result<Json<SecurityStatus>, Problem> {
    match api.control.execute(Command::Security).await? {
        Reply::Security(view) => Ok(Json((*view).into())),
        reply => Err(Problem::internal(format!("call control answered Security with {reply:?}"))),
    }
}

/// What the caller may see of a ban.
fn one(caller: &Caller, ban: BanView) -> Map<String, Value> {
    seen(&caller.view(&BANS), &Ban::from(ban))
}

/// A number for a source, the same at each request, so that pages go on where they ended.
fn key_of(source: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(source.as_bytes());
    i64::try_from(hasher.finish() >> 1).unwrap_or_default()
}
