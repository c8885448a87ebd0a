//! The console: files that npm made, embedded in the program. It is told apart by path: `/assets/…` are files whose names change with their
//! content, every other path that is no file is a place inside the console, and gets its first page.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
    },
};
use rand::{TryRngCore as _, rngs::OsRng};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::{Code, Problem};

/// What `console/dist` held when the program was built; in a debug build, what it holds now.
#[derive(RustEmbed)]
#[folder = "../console/dist"]
struct Files;

const INDEX: &str = "index.html";
/// Where the page wants the number that its style elements carry.
const NONCE_MARK: &str = "__CSP_NONCE__";

/// Shown where the program was built without the console.
const NOT_BUILT: &str = include_str!("console_not_built.html");

/// Answers what no route of the API answers.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    // A program that asks for a path of the API that is not there is not to get a page.
    if path.split('/').next().is_some_and(|first| matches!(first, "api" | "socket.io" | "sip" | ".well-known")) {
        return Problem::new(Code::NotFound).into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem::new(Code::MethodNotAllowed).into_response();
    }
    if path != INDEX
        && !path.is_empty()
        && let Some(response) = file(path, &headers)
    {
        return response;
    }
    if path.starts_with("assets/") {
        return Problem::new(Code::NotFound).into_response();
    }
    page()
}

/// One of the files, as small as the client takes it.
fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |coding: &str| accepted.split(',').any(|part| part.split(';').next().is_some_and(|name| name.trim() == coding));
    // What is asked for must be a file itself; its small forms are not files of their own.
    let plain = Files::get(path).filter(|_| !path.ends_with(".br") && !path.ends_with(".gz"))?;
    let small = |coding: &'static str, ending: &str| {
        takes(coding).then(|| Files::get(&format!("{path}{ending}"))).flatten().map(|file| (file, Some(coding)))
    };
    let (file, coding) = small("br", ".br").or_else(|| small("gzip", ".gz")).unwrap_or((plain, None));
    let etag = etag(&file);
    let mut response = Response::new(Body::empty());
    let out = response.headers_mut();
    let forever = path.starts_with("assets/");
    out.insert(CACHE_CONTROL, HeaderValue::from_static(if forever { "public, max-age=31536000, immutable" } else { "no-cache" }));
    out.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(tag) = HeaderValue::from_str(&etag) {
        out.insert(ETAG, tag);
    }
    if headers.get(IF_NONE_MATCH).is_some_and(|tags| tags.as_bytes() == etag.as_bytes()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Some(response);
    }
    out.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    out.insert(CONTENT_LENGTH, file.data.len().into());
    if let Some(coding) = coding {
        out.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    *response.body_mut() = Body::from(file.data.into_owned());
    Some(response)
}

/// The first page, with a number of its own that its style elements carry: no other style, and no script but ours, is taken from it.
fn page() -> Response {
    let index = Files::get(INDEX).and_then(|file| String::from_utf8(file.data.into_owned()).ok());
    let html = index.unwrap_or_else(|| NOT_BUILT.to_owned());
    let mut octets = [0; 16];
    if OsRng.try_fill_bytes(&mut octets).is_err() {
        return Problem::internal("the operating system yields no random octets").into_response();
    }
    let nonce = STANDARD_NO_PAD.encode(octets);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; media-src 'self' blob:; \
         connect-src 'self'; font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    );
    let mut response = Response::new(Body::from(html.replace(NONCE_MARK, &nonce)));
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    out.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        out.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let short: String = hash.iter().take(12).map(|octet| format!("{octet:02x}")).collect();
    format!("\"{short}\"")
}

/// The few kinds of file that the console's build makes.
fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    async fn ask(method: Method, path: &str) -> (StatusCode, HeaderMap, String) {
        let (parts, body) = serve(method, path.parse().unwrap(), HeaderMap::new()).await.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Whether the console is built or not, there is a page, with a policy of its own at each request.
    #[tokio::test]
    async fn every_place_in_the_console_is_the_first_page_with_a_fresh_policy() {
        let mut policies = Vec::new();
        for path in ["/", "/users/5", "/index.html", "/calls"] {
            let (status, headers, body) = ask(Method::GET, path).await;
            assert_eq!((status, headers[CACHE_CONTROL].as_bytes()), (StatusCode::OK, &b"no-cache"[..]), "{path}");
            assert!(body.contains("<html") && !body.contains(NONCE_MARK), "{path}: {body}");
            let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            let (_, nonce) = policy.split_once("'nonce-").unwrap();
            let (nonce, _) = nonce.split_once('\'').unwrap();
            assert!(nonce.len() >= 22 && !policy.contains("unsafe"), "{policy}");
            policies.push(policy);
        }
        policies.sort();
        policies.dedup();
        assert_eq!(policies.len(), 4, "no nonce comes twice");
    }

    #[tokio::test]
    async fn what_is_no_place_in_the_console_gets_no_page() {
        for (method, path, wanted) in [
            (Method::GET, "/api/nothing", StatusCode::NOT_FOUND),
            (Method::GET, "/.well-known/acme-challenge/x", StatusCode::NOT_FOUND),
            (Method::GET, "/socket.io/nothing", StatusCode::NOT_FOUND),
            (Method::GET, "/assets/gone-12345678.js", StatusCode::NOT_FOUND),
            (Method::GET, "/assets/../../Cargo.toml", StatusCode::NOT_FOUND),
            (Method::POST, "/", StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let (status, _, body) = ask(method, path).await;
            assert!(status == wanted && body.starts_with('{'), "{path}: {status} {body}");
        }
    }
}
