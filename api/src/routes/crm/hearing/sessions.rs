//! A player opens a session and reports what it has played.

use ::crm::hearing::{Heard, REPORT_EVERY_S, REPORT_SPANS_MAX, Report};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{Extensions, HeaderMap, StatusCode};
use model::CallId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::permille;
use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{JsonBody, PathText},
    routes::{calls, jobs::number, recording},
    state::Api,
};

/// Whose recording is to be heard.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenListening {
    #[schema(value_type = String, examples("c_01k2v8q4z1m3x"))]
    call_id: CallId,
}

/// A listening session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListeningAnswer {
    #[schema(examples("17"))]
    id: String,
    /// The recording's length in milliseconds; of one that grows, as far as it goes.
    duration_ms: u64,
    /// What the caller has heard of it before, in whatever session: spans in milliseconds, from the first to before the last.
    #[schema(value_type = Vec<Vec<u32>>, examples(json!([[0, 5000], [7000, 9500]])))]
    heard: Vec<(u32, u32)>,
    /// How much that is.
    heard_ms: u64,
    /// Whether the call counts as listened to by the caller.
    completed: bool,
    /// How often the player is to report, in seconds.
    #[schema(examples(5))]
    report_every_s: u32,
    stream: Stream,
}

/// Where the sound is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stream {
    /// For an audio element of the browser that asked; for a program with an API token, to be asked for with its token.
    url: String,
    /// Seconds until the url expires; null: it does not.
    expires_in: Option<u64>,
}

/// What a player has played.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportListening {
    /// The number of the report, 1 for the first one and more for each further one. One whose answer was lost is sent again with its number.
    #[schema(minimum = 1)]
    seq: i64,
    /// The spans that were played since the last report that was answered, in milliseconds, from the first to before the last: 50 at most.
    #[schema(value_type = Vec<Vec<u32>>, examples(json!([[0, 5000]])))]
    ranges: Vec<(u32, u32)>,
    /// Where the player stands, in milliseconds.
    position_ms: u64,
    /// How fast it plays: 1 is as it was spoken.
    #[schema(minimum = 0.1, maximum = 16)]
    speed: f64,
    /// `true`: this was the last report.
    #[serde(default)]
    ended: bool,
}

/// What a session has come to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeardAnswer {
    /// How much of the recording was heard in this session, in milliseconds.
    heard_ms: u64,
    /// How much of it the caller has heard in all.
    all_heard_ms: u64,
    /// Whether the call counts as listened to by the caller.
    completed: bool,
    /// How much this session has reported that cannot have been played in the time that had passed; it does not count.
    trimmed_ms: u64,
}

/// Begin to listen to a recording.
///
/// The answer says where the sound is, and what was heard before. The player reports what it plays, every `report_every_s` and at its end.
#[utoipa::path(post, path = "/api/listening/sessions", tag = "listening", request_body = OpenListening,
    responses((status = 201, description = "Begun.", body = ListeningAnswer)))]
pub(crate) async fn open(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    extensions: Extensions,
    JsonBody(OpenListening { call_id }): JsonBody<OpenListening>,
) -> Result<Response, Problem> {
    calls::visible(&api, &caller, call_id).await?;
    let sound = recording::sound(&api, &caller, call_id).await?;
    let opened = api.crm.open_listening(&caller, call_id, sound, now()).await?;
    let (cookie, stream) = match caller.principal().session() {
        Some(_) => {
            let (cookie, ticket) = recording::link(&api, &caller, call_id, &headers, &extensions)?;
            (cookie, Stream { url: ticket.url, expires_in: Some(ticket.expires_in) })
        }
        None => (HeaderMap::new(), Stream { url: recording::path(call_id), expires_in: None }),
    };
    let answer = ListeningAnswer {
        id: opened.id.to_string(),
        duration_ms: sound.duration_ms,
        heard: opened.heard.spans().to_vec(),
        heard_ms: opened.heard.total(),
        completed: opened.is_completed,
        report_every_s: REPORT_EVERY_S,
        stream,
    };
    Ok((StatusCode::CREATED, cookie, Json(answer)).into_response())
}

/// Report what was played.
///
/// What cannot have been played in the time since the last report does not count, nor what was heard before. A session that does not report for 15 minutes
/// has ended; so has one whose recording was erased, but what was played before counts.
#[utoipa::path(put, path = "/api/listening/sessions/{id}", tag = "listening", params(("id" = String, Path)), request_body = ReportListening,
    responses((status = 200, description = "Counted.", body = HeardAnswer)))]
pub(crate) async fn report(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ReportListening>,
) -> Result<Json<HeardAnswer>, Problem> {
    let session = number(&id)?;
    let ReportListening { seq, ranges, position_ms, speed, ended } = body;
    let wrong = |field, detail: String| Problem::field(Code::InvalidField, field, detail);
    if seq < 1 {
        return Err(wrong("seq", "reports are counted from 1 on".to_owned()));
    }
    if ranges.len() > REPORT_SPANS_MAX {
        return Err(wrong("ranges", format!("a report has at most {REPORT_SPANS_MAX} spans")));
    }
    let speed_permille = permille(speed).ok_or_else(|| wrong("speed", "a speed is a number from 0.1 to 16".to_owned()))?;
    let call = api.crm.call_of_listening(&caller, session).await?;
    calls::visible(&api, &caller, call).await?;
    let sound = recording::sound(&api, &caller, call).await?;
    let report = Report { seq, ranges: ranges.into(), position_ms, speed_permille, is_last: ended };
    let Heard { heard_ms, all_heard_ms, is_completed, trimmed_ms } =
        api.crm.report_listening(&caller, session, &report, sound, now()).await?;
    Ok(Json(HeardAnswer { heard_ms, all_heard_ms, completed: is_completed, trimmed_ms }))
}
