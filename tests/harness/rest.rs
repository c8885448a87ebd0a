//! The REST API as an outside program sees it: plain HTTP, JSON values, no types of the product.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use ureq::http;

/// A call over REST is answered at once or something is wrong.
const LIMIT: Duration = Duration::from_secs(30);
/// A connection that has been idle for so long is not used again.
const IDLE: Duration = Duration::from_secs(5);
/// A list in a test never has more pages than this.
const PAGES_MAX: usize = 1_000;

/// One answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: http::HeaderMap,
    /// The body, as received.
    pub body: Vec<u8>,
}

impl Reply {
    /// One header field, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as JSON, provided that the status is `status`.
    ///
    /// # Errors
    /// With status and body in words, when it is another.
    pub fn expect(&self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "{status} expected, got {} {}", self.status, String::from_utf8_lossy(&self.body));
        Ok(self.json())
    }
}

/// A SIP account as `POST /api/trunks` gives it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The slot's id.
    pub id: String,
    /// The number under which it is dialled.
    pub number: String,
    /// The user name for digest authentication.
    pub username: String,
    /// The password; told this once.
    pub password: String,
}

/// A client of the REST API, with or without somebody logged in.
#[derive(Debug, Clone)]
pub struct Rest {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Rest {
    /// A client of `base` (`http://127.0.0.1:8080`) that is nobody.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(LIMIT))
            // The server closes what is idle for 10 s: a request must not meet that.
            .max_idle_age(IDLE)
            .build();
        Self { agent: config.new_agent(), base: base.into(), token: None }
    }

    /// This client, with somebody logged in.
    ///
    /// # Errors
    /// When the log-in is refused.
    pub fn login(&self, username: &str, password: &str) -> Result<Self> {
        let body = self.post("/api/auth/login", &json!({"username": username, "password": password}))?.expect(200)?;
        let token = body["access_token"].as_str().context("no access_token")?;
        Ok(self.with_token(token))
    }

    /// This client, with a token of the caller's choice.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Its token, if it has one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Any request.
    ///
    /// # Errors
    /// When no answer came at all; a status is never an error here.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Result<Reply> {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => self.agent.run(request.body(body)?),
            None => self.agent.run(request.body(())?),
        };
        let response = response.with_context(|| format!("{method} {path}"))?;
        let (head, mut body) = response.into_parts();
        let body = body.with_config().limit(1 << 30).read_to_vec().with_context(|| format!("the body of {method} {path}"))?;
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// `GET`.
    ///
    /// # Errors
    /// When no answer came.
    pub fn get(&self, path: &str) -> Result<Reply> {
        self.request("GET", path, &[], None)
    }

    /// `HEAD`.
    ///
    /// # Errors
    /// When no answer came.
    pub fn head(&self, path: &str) -> Result<Reply> {
        self.request("HEAD", path, &[], None)
    }

    /// `GET` of a part: `range` is the header's value, `bytes=0-43`.
    ///
    /// # Errors
    /// When no answer came.
    pub fn range(&self, path: &str, range: &str) -> Result<Reply> {
        self.request("GET", path, &[("range", range)], None)
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// When no answer came.
    pub fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.request("POST", path, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
    }

    /// `PUT` of JSON.
    ///
    /// # Errors
    /// When no answer came.
    pub fn put(&self, path: &str, body: &Value) -> Result<Reply> {
        self.request("PUT", path, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// When no answer came.
    pub fn delete(&self, path: &str) -> Result<Reply> {
        self.request("DELETE", path, &[], None)
    }

    /// Every item of a list, over all its pages.
    ///
    /// # Errors
    /// When a page is refused or has no `items`.
    pub fn list(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let glue = if path.contains('?') { '&' } else { '?' };
            let page = match &cursor {
                Some(cursor) => self.get(&format!("{path}{glue}cursor={cursor}"))?,
                None => self.get(path)?,
            };
            let page = page.expect(200)?;
            items.extend(page["items"].as_array().context("no items")?.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
        bail!("{path} has no end")
    }

    /// Makes a hub and gives back its accounts in the order of their numbers.
    ///
    /// # Errors
    /// When it is refused.
    pub fn hub(&self, name: &str, kind: &str, capacity: u16) -> Result<Vec<Account>> {
        let hub = self.post("/api/trunks", &json!({"name": name, "type": kind, "capacity": capacity}))?.expect(201)?;
        let text = |slot: &Value, key: &str| slot[key].as_str().map(str::to_owned).with_context(|| format!("a slot without {key}: {slot}"));
        let slots = hub["slots"].as_array().context("no slots")?;
        slots
            .iter()
            .map(|slot| {
                Ok(Account {
                    id: text(slot, "id")?,
                    number: text(slot, "number")?,
                    username: text(slot, "username")?,
                    password: text(slot, "password")?,
                })
            })
            .collect()
    }

    /// What the API says of a slot.
    ///
    /// # Errors
    /// When there is no such slot.
    pub fn slot(&self, id: &str) -> Result<Value> {
        self.list("/api/slots")?.into_iter().find(|slot| slot["id"] == id).with_context(|| format!("no slot {id}"))
    }

    /// Starts a call and gives back its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn start_call(&self, slot_id: &str, phone_number: &str) -> Result<String> {
        let call = self.post("/api/call/start", &json!({"slot_id": slot_id, "phone_number": phone_number}))?.expect(202)?;
        ensure!(call["status"] == "dialing", "{call}");
        let id = call["call_id"].as_str().context("no call_id")?;
        ensure!(id.starts_with("c_"), "a call's id looks otherwise: {id}");
        Ok(id.to_owned())
    }

    /// Every CDR of one call: more or fewer than one is for the caller to judge.
    ///
    /// # Errors
    /// When the list is refused.
    pub fn cdrs_of(&self, call: &str) -> Result<Vec<Value>> {
        Ok(self.list("/api/cdr/records")?.into_iter().filter(|cdr| cdr["call_id"] == call).collect())
    }

    /// The one CDR of a call, waited for. A second one is an error.
    ///
    /// # Errors
    /// When none came, or more than one.
    pub fn cdr(&self, call: &str) -> Result<Value> {
        let mut cdrs = crate::wait::until(format!("the CDR of {call}"), Duration::from_secs(15), || {
            let cdrs = self.cdrs_of(call)?;
            Ok((!cdrs.is_empty()).then_some(cdrs))
        })?;
        ensure!(cdrs.len() == 1, "{} CDRs for one call: {cdrs:?}", cdrs.len());
        cdrs.pop().context("no CDR")
    }
}

/// Where a call's recording is.
#[must_use]
pub fn recording_path(call: &str) -> String {
    format!("/api/calls/{call}/recording")
}
