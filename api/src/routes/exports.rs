//! Lists as files (S004-136, S000-21).

use std::io;

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE},
};
use office::export::{ExportFile, ExportOrder, Format, Quick, QuickFile, StartedExport};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use utoipa::ToSchema;

use crate::{
    auth::{self, Caller, now},
    error::{Code, Problem},
    params::{JsonBody, Params, PathText},
    routes::{jobs::number, recording::Ticket},
    state::Api,
};

/// What is in memory of a file at a time, in octets.
const PIECE: usize = 256 * 1024;

/// A list to be exported, in the order of its key, from old to new.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    /// Which list: `calls`, `users`.
    resource: String,
    /// As the list's `filter`.
    filter: Option<Value>,
    /// As the list's `q`.
    q: Option<String>,
    /// Which columns, in this order; without it, all that may be exported.
    columns: Option<Vec<String>>,
    /// `csv` or `xlsx`.
    format: String,
    /// The language of the head, `en` or `ru`; without it, one's own.
    locale: Option<String>,
}

/// An export that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportBegun {
    #[schema(examples("3"))]
    id: String,
    /// The job that makes it: hear of it by `job.progress`.
    #[schema(examples("12"))]
    job_id: String,
}

impl Export {
    /// What it orders, and leave to export that.
    fn read(self, api: &Api, caller: &Caller) -> Result<(Caller, ExportOrder), Problem> {
        let Export { resource, filter, q, columns, format, locale } = self;
        let format = Format::parse(&format).ok_or_else(|| Problem::field(Code::InvalidField, "format", "a format is csv or xlsx"))?;
        let unknown = || Problem::field(Code::UnknownField, "resource", "there is nothing of this name to export");
        let right = api.office.export_right(&resource).ok_or_else(unknown)?;
        let caller = auth::permit(api, caller.principal(), right)?;
        Ok((caller, ExportOrder { resource, filter, search: q, columns, format, locale }))
    }
}

impl From<StartedExport> for ExportBegun {
    fn from(begun: StartedExport) -> Self {
        Self { id: begun.id.to_string(), job_id: begun.job.to_string() }
    }
}

/// Export a list.
///
/// A job writes the file; it takes the right to export the resource, now and while the job runs.
#[utoipa::path(post, path = "/api/exports", tag = "exports", request_body = Export,
    responses((status = 202, description = "Under way.", body = ExportBegun)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<Export>,
) -> Result<(StatusCode, Json<ExportBegun>), Problem> {
    let (caller, order) = body.read(&api, &caller)?;
    let begun = api.office.start_export(&caller, &order, now()).await?;
    Ok((StatusCode::ACCEPTED, Json(begun.into())))
}

/// Export a small list at once.
///
/// Up to 5,000 rows are answered as the file itself, and nothing is kept. More of them, and what takes longer than 30 s, are exported as by
/// `POST /api/exports`, and the answer is 202.
#[utoipa::path(post, path = "/api/exports/quick", tag = "exports", request_body = Export, responses(
    (status = 200, description = "The file.", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 202, description = "It is too much: a job makes it.", body = ExportBegun)))]
pub(crate) async fn quick(State(api): State<Api>, caller: Caller, JsonBody(body): JsonBody<Export>) -> Result<Response, Problem> {
    let (caller, order) = body.read(&api, &caller)?;
    match api.office.quick_export(&caller, &order, now()).await? {
        Quick::File(QuickFile { octets, name, mime }) => {
            let size = u64::try_from(octets.len()).unwrap_or(u64::MAX);
            Ok(attachment(Body::from(octets), (&name, mime, size)))
        }
        Quick::Started(begun) => Ok((StatusCode::ACCEPTED, Json(ExportBegun::from(begun))).into_response()),
    }
}

/// Fetch an export's file.
#[utoipa::path(get, path = "/api/exports/{id}/file", tag = "exports",
    params(("id" = String, Path), ("t" = Option<String>, Query, description = "A token of POST …/file/token, instead of the Authorization header.")),
    responses((status = 200, description = "The file.", content_type = "application/octet-stream", body = Vec<u8>)))]
pub(crate) async fn file(State(api): State<Api>, caller: Caller, PathText(id): PathText, mut params: Params) -> Result<Response, Problem> {
    params.take("t");
    params.finish()?;
    let ExportFile { file, name, mime, size } = api.office.open_export(&caller, number(&id)?, now()).await?;
    let file = tokio::fs::File::from_std(file);
    let pieces = stream::try_unfold(file, async |mut file| {
        let mut piece = vec![0; PIECE];
        let length = file.read(&mut piece).await?;
        piece.truncate(length);
        Ok::<_, io::Error>((length > 0).then(|| (Bytes::from(piece), file)))
    });
    Ok(attachment(Body::from_stream(pieces), (&name, mime, size)))
}

/// A file to be saved by a name.
pub(crate) fn attachment(body: Body, (name, mime, size): (&str, &'static str, u64)) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(CONTENT_LENGTH, size.into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The name is made of a resource's name and a date: nothing in it needs an escape.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// Get a token to fetch an export's file with.
///
/// A link cannot send an Authorization header; it leads to `url` instead.
#[utoipa::path(post, path = "/api/exports/{id}/file/token", tag = "exports", params(("id" = String, Path)),
    responses((status = 200, description = "The token.", body = Ticket)))]
pub(crate) async fn ticket(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<Ticket>, Problem> {
    let id = number(&id)?;
    Ok(Json(Ticket::new(&api, &caller, format!("/api/exports/{id}/file"))?))
}

/// Delete an export with its file.
#[utoipa::path(delete, path = "/api/exports/{id}", tag = "exports", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.office.delete_export(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
