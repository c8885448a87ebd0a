//! Hearing recordings: streamed in pieces, by ranges, also while they grow (S004-128, FT-20).

use std::{
    collections::HashMap,
    io,
    os::unix::fs::FileExt as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use crm::hearing::Sound;
use futures_util::stream;
use http::{
    Extensions, HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
        RANGE,
    },
};
use model::{CallId, RecordingRow, RecordingState, UserId};
use office::{RECORDINGS, can};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now, play, subject},
    error::{Code, Problem},
    params::{Id, JsonBody, Params},
    range::{Part, part},
    routes::calls,
    state::{Api, OpenRecording, Peaks},
};

/// What is in memory of a stream at a time, in octets: 2 s of sound.
const PIECE: u64 = 64 * 1024;
/// Before the sound itself in a file.
const HEADER_OCTETS: u64 = 44;
/// Two channels of 8 samples a millisecond, two octets each.
const OCTETS_PER_MS: u64 = 32;
/// How long a recording's token lives (wire contract).
const TICKET_LIFE: Duration = Duration::from_secs(5 * 60);
/// Hearings that are kept in memory.
const HEARD_MAX: usize = 10_000;

/// A token that an audio element can carry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ticket {
    /// Good for this call's recording and for this user.
    token: String,
    /// The recording's path with the token in it.
    pub(crate) url: String,
    /// Seconds until it expires.
    #[schema(examples(300))]
    pub(crate) expires_in: u64,
}

/// Whether a recording is held.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hold {
    /// `true`: nobody erases it until it is let go.
    held: bool,
}

/// How loud a recording is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PeaksAnswer {
    /// The recording's length, in milliseconds.
    duration_ms: u64,
    /// Moments a second: 50, and fewer for a long recording.
    #[schema(examples(50.0))]
    per_second: f64,
    /// Our side and the world: for each moment the least and the greatest sample, -127 to 127, one after the other.
    channels: [Vec<i8>; 2],
}

/// Hear a recording.
///
/// Stereo: our side left, the world right. While the call lasts it is a snapshot of what is on disk.
#[utoipa::path(get, path = "/api/calls/{id}/recording", tag = "recordings",
    params(("id" = String, Path),
        ("t" = Option<String>, Query, description = "A token of POST …/recording/token, instead of the Authorization header."),
        ("Range" = Option<String>, Header, description = "One range of bytes.")),
    responses((status = 200, description = "All of it.", content_type = "audio/wav", body = Vec<u8>),
        (status = 206, description = "The range.", content_type = "audio/wav", body = Vec<u8>),
        (status = 304, description = "It is what If-None-Match names.")))]
pub(crate) async fn stream(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<CallId>,
    method: Method,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    params.take("t");
    params.finish()?;
    let row = known(&api, &caller, id).await?;
    // A player asks for many ranges of what it plays: that is one hearing, whichever part it asks for first.
    let hearing = (caller.user(), id);
    if method == Method::GET && !api.heard.is_known(Instant::now(), hearing) {
        api.office.audit_read(&caller, can::RECORDINGS_LISTEN.0, RECORDINGS.name, id, now()).await?;
        api.heard.keep(Instant::now(), hearing);
    }
    let missing = || Problem::new(Code::RecordingNotFound);
    let recordings = api.recordings.clone();
    let opened = tokio::task::spawn_blocking(move || recordings.open(&row)).await.map_err(Problem::internal)?;
    let open = match opened {
        Ok(open) => open,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::warn!(call = %id, "A recording's file is missing.");
            return Err(missing());
        }
        Err(error) => return Err(Problem::internal(format!("recording of {id}: {error}"))),
    };
    Ok(answer(id, open, &method, &headers))
}

/// Get a token to hear a recording with.
///
/// An audio element cannot send an Authorization header; it plays `url` instead, in the browser that asked and in no other: the answer sets a cookie, and
/// without that the url is 401.
#[utoipa::path(post, path = "/api/calls/{id}/recording/token", tag = "recordings", params(("id" = String, Path)),
    responses((status = 200, description = "The token.", body = Ticket)))]
pub(crate) async fn ticket(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<CallId>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<(HeaderMap, Json<Ticket>), Problem> {
    calls::visible(&api, &caller, id).await?;
    let (cookie, ticket) = link(&api, &caller, id, &headers, &extensions)?;
    Ok((cookie, Json(ticket)))
}

/// A link to a recording for the browser that asks, and the cookie without which it is worth nothing.
pub(crate) fn link(
    api: &Api,
    caller: &Caller,
    id: CallId,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<(HeaderMap, Ticket), Problem> {
    let (play, cookie) = play::bind(api, headers, extensions, TICKET_LIFE.as_secs())?;
    Ok((cookie, Ticket::made(api, caller, path(id), Some(play))?))
}

/// Where a recording is heard.
pub(crate) fn path(id: CallId) -> String {
    format!("/api/calls/{id}/recording")
}

/// What there is to hear of a call that the caller may listen to, or was.
pub(crate) async fn sound(api: &Api, caller: &Caller, id: CallId) -> Result<Sound, Problem> {
    let missing = || Problem::new(Code::RecordingNotFound);
    let row = api.office.recording(caller, id).await?.ok_or_else(missing)?;
    match row.state {
        RecordingState::Erased => {
            let erased_at = api.office.recording_erased_at(id).await?;
            Ok(Sound { duration_ms: row.duration_ms, is_growing: false, erased_at: Some(erased_at.unwrap_or_default()) })
        }
        RecordingState::Failed | RecordingState::NotWanted => Err(missing()),
        RecordingState::Complete | RecordingState::Partial => {
            Ok(Sound { duration_ms: row.duration_ms, is_growing: false, erased_at: None })
        }
        RecordingState::Recording => {
            let recordings = api.recordings.clone();
            let opened = tokio::task::spawn_blocking(move || recordings.open(&row)).await.map_err(Problem::internal)?;
            // What is on the disk by now: nothing, before the first sound has come there.
            let length = opened.map_or(0, |open| open.length);
            Ok(Sound { duration_ms: length.saturating_sub(HEADER_OCTETS) / OCTETS_PER_MS, is_growing: true, erased_at: None })
        }
    }
}

/// How loud is a recording, moment by moment?
///
/// What a player draws. While the call lasts it is as far as the recording goes.
#[utoipa::path(get, path = "/api/calls/{id}/recording/peaks", tag = "recordings", params(("id" = String, Path)),
    responses((status = 200, description = "Least and greatest sample of each moment.", body = PeaksAnswer)))]
pub(crate) async fn peaks(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Json<PeaksAnswer>, Problem> {
    let row = known(&api, &caller, id).await?;
    // Each reads a whole file: some at a time, and the others wait.
    let _turn = api.drawing.acquire().await.map_err(Problem::internal)?;
    let recordings = api.recordings.clone();
    let drawn = tokio::task::spawn_blocking(move || recordings.peaks(&row)).await.map_err(Problem::internal)?;
    match drawn {
        Ok(Peaks { duration_ms, per_second, channels }) => {
            let channels = channels.map(|channel| channel.into_iter().flatten().collect());
            Ok(Json(PeaksAnswer { duration_ms, per_second, channels }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Problem::new(Code::RecordingNotFound)),
        Err(error) => Err(Problem::internal(format!("recording of {id}: {error}"))),
    }
}

/// Erase a recording, for ever.
///
/// Nobody hears it from then on; whoever is hearing it gets no further part. What is known of the call stays, and what was counted of listening to it.
#[utoipa::path(delete, path = "/api/calls/{id}/recording", tag = "recordings", params(("id" = String, Path)),
    responses((status = 204, description = "Erased.")))]
pub(crate) async fn erase(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<StatusCode, Problem> {
    calls::visible(&api, &caller, id).await?;
    api.office.erase_recording(&caller, id, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hold a recording, so that nobody erases it and its time does not count, or let it go.
#[utoipa::path(put, path = "/api/calls/{id}/recording/hold", tag = "recordings", params(("id" = String, Path)), request_body = Hold,
    responses((status = 204, description = "It is so now.")))]
pub(crate) async fn hold(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<CallId>,
    JsonBody(Hold { held }): JsonBody<Hold>,
) -> Result<StatusCode, Problem> {
    calls::visible(&api, &caller, id).await?;
    api.office.hold_recording(&caller, id, held, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The recording of a call that the caller may see, if there is one to hear.
async fn known(api: &Api, caller: &Caller, id: CallId) -> Result<RecordingRow, Problem> {
    calls::visible(api, caller, id).await?;
    let missing = || Problem::new(Code::RecordingNotFound);
    let row = api.office.recording(caller, id).await?.ok_or_else(missing)?;
    if row.state == RecordingState::Erased {
        let at = api.office.recording_erased_at(id).await?;
        return Err(Problem::new(Code::RecordingErased).with("erased_at", at.map(|at| at.0)));
    }
    if row.file.is_some() { Ok(row) } else { Err(missing()) }
}

/// Who hears which recording at the moment: what is audited already.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<HashMap<(UserId, CallId), Instant>>);

impl Heard {
    /// Whether it began less than a ticket's life ago, and was audited then.
    fn is_known(&self, now: Instant, hearing: (UserId, CallId)) -> bool {
        let began = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        began.get(&hearing).is_some_and(|began| now.saturating_duration_since(*began) < TICKET_LIFE)
    }

    #[cfg(test)]
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Keeps one that was audited. Without room for it, its next part is audited again.
    fn keep(&self, now: Instant, hearing: (UserId, CallId)) {
        let mut began = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if began.len() >= HEARD_MAX {
            began.retain(|_, began| now.saturating_duration_since(*began) < TICKET_LIFE);
        }
        if began.len() < HEARD_MAX {
            began.insert(hearing, now);
        }
    }
}

impl Ticket {
    /// A ticket for a path, in the caller's name.
    pub(crate) fn new(api: &Api, caller: &Caller, path: String) -> Result<Self, Problem> {
        Self::made(api, caller, path, None)
    }

    /// The same; with the hash of a browser's cookie, for that browser alone.
    fn made(api: &Api, caller: &Caller, path: String, play: Option<String>) -> Result<Self, Problem> {
        let subject = subject(caller.principal()).ok_or_else(|| Problem::new(Code::NoSession))?;
        let (tokens, now) = (&api.auth.tokens, SystemTime::now());
        let token = match play {
            Some(play) => tokens.ticket_of_browser(now, &subject, (path.clone(), play), TICKET_LIFE),
            None => tokens.ticket(now, &subject, path.clone(), TICKET_LIFE),
        };
        let token = token.map_err(Problem::internal)?;
        Ok(Self { url: format!("{path}?t={token}"), token, expires_in: TICKET_LIFE.as_secs() })
    }
}

fn answer(id: CallId, open: OpenRecording, method: &Method, headers: &HeaderMap) -> Response {
    let length = open.length;
    // A growing file's octets do not change, but for the header, which follows from the length.
    let etag = format!("\"{id}-{length}\"");
    let mut response = Response::new(Body::empty());
    let out = response.headers_mut();
    let mut put = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            out.insert(name, value);
        }
    };
    put(ETAG, &etag);
    put(ACCEPT_RANGES, "bytes");
    // Even a closed recording may be private to one user: it may be kept, but is asked for again.
    put(CACHE_CONTROL, if open.closed { "private, no-cache" } else { "no-store" });
    if headers.get(IF_NONE_MATCH).is_some_and(|tags| names(tags, &etag)) {
        // RFC 9110, 8.6: the length that a 200 would have, or none.
        put(CONTENT_LENGTH, &length.to_string());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    // RFC 9110, 13.1.5: a range is served only of the representation that the client has; a date is none of ours.
    let current = headers.get(IF_RANGE).is_none_or(|tag| tag.as_bytes() == etag.as_bytes());
    let wanted = match headers.get(RANGE).filter(|_| current && *method == Method::GET) {
        Some(range) if headers.get_all(RANGE).iter().count() == 1 => part(range.as_bytes(), length),
        _ => Part::Whole,
    };
    let (first, past) = match wanted {
        Part::Whole => (0, length),
        Part::Range { first, last } => {
            put(CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
            (first, last.saturating_add(1))
        }
        Part::Unsatisfiable => {
            let mut refused = Problem::new(Code::RangeNotSatisfiable).into_response();
            if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
                refused.headers_mut().insert(CONTENT_RANGE, value);
            }
            return refused;
        }
    };
    put(CONTENT_TYPE, "audio/wav");
    put(CONTENT_LENGTH, &past.saturating_sub(first).to_string());
    put(CONTENT_DISPOSITION, &format!("inline; filename=\"{id}.wav\""));
    if matches!(wanted, Part::Range { .. }) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    if *method != Method::HEAD {
        *response.body_mut() = pieces(open, first, past);
    }
    response
}

/// Whether an If-None-Match list names the tag (RFC 9110, 13.1.2: weakly compared).
fn names(tags: &HeaderValue, etag: &str) -> bool {
    let Ok(tags) = tags.to_str() else { return false };
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The octets from `first` up to `past`, read piece by piece as the client takes them.
fn pieces(open: OpenRecording, first: u64, past: u64) -> Body {
    let OpenRecording { file, header, .. } = open;
    let source = Arc::new((file, header));
    Body::from_stream(stream::try_unfold(first, move |at| {
        let source = source.clone();
        async move {
            let length = past.saturating_sub(at).min(PIECE);
            if length == 0 {
                return Ok::<_, io::Error>(None);
            }
            let piece = tokio::task::spawn_blocking(move || read(&source.0, source.1.as_ref(), at, length));
            let piece = piece.await.map_err(io::Error::other)??;
            Ok(Some((piece, at.saturating_add(length))))
        }
    }))
}

fn read(file: &std::fs::File, header: Option<&[u8; 44]>, at: u64, length: u64) -> io::Result<Bytes> {
    let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    // A file that has become shorter fails the stream: the client sees that something is missing.
    file.read_exact_at(&mut piece, at)?;
    if let (Some(header), Ok(at)) = (header, usize::try_from(at))
        && let Some(left) = header.get(at..)
    {
        piece.iter_mut().zip(left).for_each(|(octet, true_one)| *octet = *true_one);
    }
    Ok(piece.into())
}
