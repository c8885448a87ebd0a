//! What requests carry, read with problems that name the field: path ids, query parameters, JSON bodies.

use std::{borrow::Cow, str::FromStr, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Path, Request},
};
use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
    request::Parts,
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use model::{CallId, CenterId, HubId, RouteId, SlotId, UserId};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    error::{Code, FieldError, Problem},
    state::Api,
};

/// Time for a body to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Parameters in a query past which it is not looked at.
const PARAMETERS_MAX: usize = 64;

/// An id in the path. What is no id names nothing, so it gets the same 404 as an id that is not there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id<T>(pub(crate) T);

/// A text in the path. One that is no text (`%ff`) names nothing.
#[derive(Debug, Clone)]
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        text.map(|Path(text)| Self(text)).map_err(|_| Problem::new(Code::NotFound))
    }
}

/// What an id in a path may name.
pub(crate) trait Resource: FromStr {
    /// The answer if there is none.
    const MISSING: Code;
}

impl Resource for SlotId {
    const MISSING: Code = Code::SlotNotFound;
}

impl Resource for UserId {
    const MISSING: Code = Code::UserNotFound;
}

impl Resource for CenterId {
    const MISSING: Code = Code::CenterNotFound;
}

impl Resource for HubId {
    const MISSING: Code = Code::TrunkNotFound;
}

impl Resource for RouteId {
    const MISSING: Code = Code::RowNotFound;
}

impl Resource for CallId {
    const MISSING: Code = Code::CallNotFound;
}

impl<T: Resource> FromRequestParts<Api> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let missing = || Problem::new(T::MISSING);
        let Path(text) = Path::<String>::from_request_parts(parts, api).await.map_err(|_| missing())?;
        text.parse().map(Self).map_err(|_| missing())
    }
}

/// Query parameters. A handler takes those it knows, then calls [`Params::finish`], which refuses the rest: a filter
/// that is misspelt must not show everything.
#[derive(Debug)]
pub(crate) struct Params {
    left: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Params {
    pub(crate) fn of(query: Option<&str>) -> Self {
        let left = form_urlencoded::parse(query.unwrap_or("").as_bytes())
            .take(PARAMETERS_MAX)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self { left, errors: vec![] }
    }

    /// The parameter's text, if it is there.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.left.iter().position(|(known, _)| known == name)?;
        Some(self.left.remove(at).1)
    }

    /// The parameter's value, a whole number; a text that is none is remembered as an error.
    pub(crate) fn number<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.take(name)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.refuse(name, format!("{text:?} is not a whole number that can be used"));
        }
        number
    }

    /// Remembers that a parameter's value cannot be used.
    pub(crate) fn refuse(&mut self, name: &str, why: impl Into<Cow<'static, str>>) {
        self.errors.push(FieldError { field: name.to_owned(), code: Code::InvalidField.name(), detail: why.into().into_owned() });
    }

    /// All that is wrong, if anything is; what was not taken is unknown or stands twice.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.left) {
            let detail = format!("the parameter {name:?} is unknown or stands twice");
            self.errors.push(FieldError { field: name, code: Code::UnknownField.name(), detail });
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors, Code::InvalidField)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(parts.uri.query()))
    }
}

/// Tells a member that is null from one that is not there: for `#[serde(default, deserialize_with = "present")]`.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A JSON body.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let octets = octets(&parts.headers, body, api.settings.body_max).await?;
        read(&octets).map(Self)
    }
}

/// A JSON body of any kind.
#[derive(Debug)]
pub(crate) struct JsonValue(pub(crate) serde_json::Value);

impl FromRequest<Api> for JsonValue {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let octets = octets(&parts.headers, body, api.settings.body_max).await?;
        serde_json::from_slice(&octets).map(Self).map_err(|error| Problem::new(Code::MalformedJson).detail(error.to_string()))
    }
}

/// A JSON body that is read once it is known what it is.
#[derive(Debug)]
pub(crate) struct JsonOctets(Bytes);

impl FromRequest<Api> for JsonOctets {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        octets(&parts.headers, body, api.settings.body_max).await.map(Self)
    }
}

impl JsonOctets {
    /// The body as what it was found to be.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        read(&self.0)
    }
}

/// Reads what a part of a body was found to be. Nothing of the value is repeated at fields that begin with `secret`.
pub(crate) fn typed<T: DeserializeOwned>(value: serde_json::Value, secret: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error: serde_path_to_error::Error<serde_json::Error>| {
        let words = error.inner().to_string();
        let named = |prefix: &str| words.strip_prefix(prefix).and_then(|rest| rest.split_once('`')).map(|(field, _)| field);
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        // serde names a field that is missing or unknown in its text, and the path may end before it.
        let whole = |field: &str| match path.rsplit('.').next() {
            Some("") | None => field.to_owned(),
            Some(last) if last == field => path.clone(),
            Some(_) => format!("{path}.{field}"),
        };
        match (named("missing field `"), named("unknown field `")) {
            (Some(field), _) => Problem::field(Code::MissingField, &whole(field), words.clone()),
            (_, Some(field)) => Problem::field(Code::UnknownField, &whole(field), words.clone()),
            _ if path.is_empty() => Problem::new(Code::InvalidField).detail(words),
            _ if !secret.is_empty() && path.starts_with(secret) => Problem::field(Code::InvalidField, &path, "it cannot be used so"),
            _ => Problem::field(Code::InvalidField, &path, words),
        }
    })
}

/// A JSON body that may be left out; an empty one is `{}`.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let octets = octets(&parts.headers, body, api.settings.body_max).await?;
        if octets.is_empty() {
            return read(b"{}").map(Self);
        }
        if !is_json(&parts.headers) {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        read(&octets).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next());
    media_type.is_some_and(|media_type| {
        let media_type = media_type.trim().to_ascii_lowercase();
        media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    })
}

async fn octets(headers: &HeaderMap, body: Body, max: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge).with("limit", max);
    // Refused before a single octet is read.
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(Code::MalformedRequest).logged(error)),
        Err(_) => Err(Problem::new(Code::BodyTooSlow)),
    }
}

/// Reads a JSON text. The parser refuses nesting deeper than 128 by itself (FT-29).
fn read<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    // serde would take a list for an object, its members by position.
    if octets.iter().find(|octet| !octet.is_ascii_whitespace()).is_some_and(|octet| *octet != b'{')
        && serde_json::from_slice::<serde::de::IgnoredAny>(octets).is_ok()
    {
        return Err(Problem::new(Code::InvalidField).detail("the body is not a JSON object"));
    }
    let mut parser = serde_json::Deserializer::from_slice(octets);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| problem(&error))?;
    parser.end().map_err(|error| Problem::new(Code::MalformedJson).detail(error.to_string()))?;
    Ok(value)
}

fn problem(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    let words = inner.to_string();
    if !inner.is_data() {
        return Problem::new(Code::MalformedJson).detail(words);
    }
    // serde names the field of these two kinds in its text only.
    let named = |prefix: &str| words.strip_prefix(prefix).and_then(|rest| rest.split_once('`')).map(|(field, _)| field.to_owned());
    let words = words.split_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    if let Some(field) = named("missing field `") {
        return Problem::field(Code::MissingField, &field, words);
    }
    if let Some(field) = named("unknown field `") {
        return Problem::field(Code::UnknownField, &field, words);
    }
    match error.path().to_string().as_str() {
        "." => Problem::new(Code::InvalidField).detail(words.to_owned()),
        path => Problem::field(Code::InvalidField, path, words),
    }
}
