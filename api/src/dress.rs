//! What every answer wears and every request leaves: security headers, a request id, a span, a log line, metrics.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, HttpBody as _},
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
};
use rand::{TryRngCore as _, rngs::OsRng};
use tracing::{Instrument as _, debug, info_span, warn};

use crate::{
    error::{ForLog, Problem},
    metrics::HttpLabels,
    routes,
    serve::Encrypted,
    state::Api,
};

/// By this name a person finds an answer's log lines.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id, for whoever answers it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// An answer that took longer is worth a line of its own.
const SLOW: Duration = Duration::from_secs(5);

/// The outermost layer.
pub(crate) async fn dress(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id();
    request.extensions_mut().insert(RequestId(id.clone()));
    let encrypted = request.extensions().get::<Encrypted>().is_some();
    let method = request.method().clone();
    // The route's pattern, never the path or the query: no tokens, and few values.
    let route = request.extensions().get::<MatchedPath>().map_or("other", |path| routes::pattern(path.as_str()));
    let span = info_span!("request", %id, %method, route, user = tracing::field::Empty);
    let (request, is_read) = watched(request);
    let mut response = async {
        // FT-14: a defect costs this request only.
        let response = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let response = response.unwrap_or_else(|_| Problem::internal("a handler panicked").into_response());
        report(&response, began.elapsed());
        response
    }
    .instrument(span)
    .await;
    api.metrics.http_requests.get_or_create(&HttpLabels { route, status: response.status().as_u16() }).inc();
    api.metrics.http_seconds.observe(began.elapsed().as_secs_f64());

    let headers = response.headers_mut();
    if !is_read.load(Ordering::Relaxed) {
        // RFC 9112, 9.6: what is left of the body stands before the next request, so the connection ends. Said so, no client uses it again.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // The console's page has a policy of its own.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if encrypted {
        // RFC 6797: half a year, and no subdomains, which are not ours to speak for.
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=15768000"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The request, and whether its body was read to its end; none is as good as read.
fn watched(request: Request) -> (Request, Arc<AtomicBool>) {
    let is_read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    if is_read.load(Ordering::Relaxed) {
        return (request, is_read);
    }
    let end = Arc::clone(&is_read);
    let behind = stream::poll_fn(move |_| {
        end.store(true, Ordering::Relaxed);
        Poll::Ready(None)
    });
    (request.map(|body| Body::from_stream(body.into_data_stream().chain(behind))), is_read)
}

fn report(response: &Response, took: Duration) {
    let status = response.status();
    let problem = response.extensions().get::<ForLog>();
    let code = problem.map_or("", |problem| problem.code.name());
    let why = problem.and_then(|problem| problem.why.as_deref()).unwrap_or("");
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if status == StatusCode::INTERNAL_SERVER_ERROR || took > SLOW {
        warn!(status = status.as_u16(), code, why, took_ms, "Request answered.");
    } else {
        debug!(status = status.as_u16(), code, why, took_ms, "Request answered.");
    }
}

/// 64 bits: enough to find a line in a day's log. Without random octets there is none, and nothing else works either.
fn request_id() -> String {
    format!("{:016x}", OsRng.try_next_u64().unwrap_or_default())
}
