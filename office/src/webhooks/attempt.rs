//! One try to deliver.

use http::{Request, StatusCode};
use links::http::{Client, Want};
use model::WallTime;

use super::envelope::signed;

/// What is kept of an error, in characters.
const ERROR_CHARS_MAX: usize = 500;
/// What is read of an answer, in octets: enough for so many characters.
const ANSWER_MAX: usize = 4 * ERROR_CHARS_MAX;

/// What is sent where.
pub(super) struct Parcel<'a> {
    pub(super) delivery: i64,
    pub(super) kind: &'a str,
    pub(super) payload: &'a str,
    pub(super) url: &'a str,
    pub(super) secret: &'a str,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken: 2xx.
    Delivered(u16),
    /// It was not.
    Failed {
        /// The status that was answered, if there was an answer.
        status: Option<u16>,
        /// Why: at most 500 characters.
        error: String,
    },
    /// The receiver is gone and asks not to be told any more: 410.
    Gone,
}

/// Sends a parcel.
pub(super) async fn send(http: &Client, parcel: &Parcel<'_>, now: WallTime) -> Outcome {
    let request = match request(parcel, now) {
        Ok(request) => request,
        Err(error) => return Outcome::Failed { status: None, error: cut(&format!("it cannot be sent: {error}")) },
    };
    match http.send(request, Want::Beginning(ANSWER_MAX)).await {
        Ok(answer) => match answer.status() {
            status if status.is_success() => Outcome::Delivered(status.as_u16()),
            StatusCode::GONE => Outcome::Gone,
            status => Outcome::Failed { status: Some(status.as_u16()), error: told(status, answer.body()) },
        },
        Err(error) => Outcome::Failed { status: None, error: cut(&error.to_string()) },
    }
}

fn request(parcel: &Parcel<'_>, now: WallTime) -> Result<Request<Vec<u8>>, http::Error> {
    let body = parcel.payload.as_bytes();
    signed(parcel.url, parcel.kind, parcel.secret, now, body).header("cordboard-delivery", parcel.delivery).body(body.to_vec())
}

/// What the receiver says of its refusal, for whoever mends it.
fn told(status: StatusCode, body: &[u8]) -> String {
    let reason = match status {
        status if status.is_redirection() => "it redirects, which is not followed: set the webhook to where it is now",
        _ => "it was answered",
    };
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() { format!("{reason} {status}") } else { cut(&format!("{reason} {status}: {}", text.trim())) }
}

/// The first characters on one line.
fn cut(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(ERROR_CHARS_MAX).collect()
}
