//! The browser that a link plays in: a cookie that no script reads, whose hash stands in the link's ticket. A link that is passed on is worth nothing.

use http::{Extensions, HeaderMap};
use rand::{TryRngCore as _, rngs::OsRng};
use sha2::{Digest as _, Sha256};

use crate::{
    error::Problem,
    routes::session::{cookie, set_cookie},
    state::Api,
};

/// The cookie.
const NAME: &str = "cordboard_play";
/// Where it is sent: to recordings, and little else.
const PATH: &str = "/api/calls";

/// What a cookie of this browser has as its hash, and the header that sets it, for so many seconds. A browser that has one keeps it, so that its other
/// players go on.
pub(crate) fn bind(api: &Api, headers: &HeaderMap, extensions: &Extensions, life_s: u64) -> Result<(String, HeaderMap), Problem> {
    let value = match known(headers) {
        Some(value) => value,
        None => drawn()?,
    };
    let hash = hash(&value);
    Ok((hash, set_cookie(api, extensions, &format!("{NAME}={value}; Max-Age={life_s}"), PATH)))
}

/// Whether a request is from the browser whose cookie has this hash.
pub(crate) fn is_here(headers: &HeaderMap, wanted: &str) -> bool {
    known(headers).is_some_and(|value| hash(&value) == wanted)
}

/// The cookie of a request, if it is one that we have drawn.
fn known(headers: &HeaderMap) -> Option<String> {
    let is_ours = |value: &String| value.len() == 32 && value.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'));
    cookie(headers, NAME).filter(is_ours)
}

fn drawn() -> Result<String, Problem> {
    let mut octets = [0; 16];
    OsRng.try_fill_bytes(&mut octets).map_err(Problem::internal)?;
    Ok(hex(&octets))
}

fn hash(value: &str) -> String {
    hex(&Sha256::digest(value.as_bytes()))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
