//! What goes wrong, told twice: to the client as `application/problem+json` (RFC 9457), to the log in our own words.

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use model::Refusal;
use office::{Conflict, OfficeError};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// How long a client should wait when the database or a port is missing, in seconds.
const RETRY_AFTER_S: u32 = 5;

macro_rules! codes {
    ($($name:ident $code:literal, $status:ident, $title:literal;)*) => {
        /// What a client can tell apart. The table is this file: code, HTTP status, meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }

            /// What it means, whatever the occasion (RFC 9457, 3.1.3).
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    MalformedRequest "malformed_request", BAD_REQUEST, "The request cannot be read.";
    MalformedJson "malformed_json", BAD_REQUEST, "The body is not JSON.";
    MissingField "missing_field", UNPROCESSABLE_ENTITY, "A required field is missing.";
    UnknownField "unknown_field", UNPROCESSABLE_ENTITY, "A field is not known here.";
    InvalidField "invalid_field", UNPROCESSABLE_ENTITY, "A field's value cannot be used.";
    UnsupportedMediaType "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.";
    BodyTooLarge "body_too_large", PAYLOAD_TOO_LARGE, "The body is longer than is accepted.";
    BodyTooSlow "body_too_slow", REQUEST_TIMEOUT, "The body took too long to arrive.";
    NotSignedIn "not_signed_in", UNAUTHORIZED, "A valid bearer token is needed.";
    InvalidCredentials "invalid_credentials", UNAUTHORIZED, "User name or password is wrong.";
    LocalLoginOff "local_login_off", FORBIDDEN, "This centre logs in by its provider, not with a password.";
    OidcLoginOff "oidc_login_off", FORBIDDEN, "This centre does not log in by a provider.";
    OidcUnavailable "oidc_unavailable", SERVICE_UNAVAILABLE, "The log-in provider does not answer.";
    OidcUnusable "oidc_unusable", BAD_GATEWAY, "The log-in provider cannot be used: an administrator finds the reason in the log.";
    OidcRefused "oidc_refused", FORBIDDEN, "The log-in provider has refused.";
    OidcForeign "oidc_foreign", BAD_REQUEST, "This log-in was not begun in this browser, or too long ago; begin again.";
    OidcToken "oidc_token", BAD_REQUEST, "What the log-in provider says does not hold.";
    OidcNoRole "oidc_no_role", FORBIDDEN, "No role here belongs to your account at the provider; ask an administrator.";
    TokenReused "token_reused", UNAUTHORIZED, "The refresh token was used before; its session has ended.";
    LinkNotGood "link_not_good", GONE, "The link was used before, has expired or never was.";
    CenterNotFound "center_not_found", NOT_FOUND, "No such centre, or not one that you may work in.";
    NoSession "no_session", FORBIDDEN, "This needs a person's session; an API token has none.";
    Forbidden "forbidden", FORBIDDEN, "Your role does not allow this.";
    Escalation "escalation", FORBIDDEN, "Nobody gives rights that they do not have themselves.";
    LastAdmin "last_admin", CONFLICT, "Nobody would be left who may administer.";
    UsernameTaken "username_taken", CONFLICT, "The user name is taken.";
    Taken "code_taken", CONFLICT, "The code is taken.";
    NameTaken "name_taken", CONFLICT, "Another one has this name.";
    PhoneTaken "phone_taken", CONFLICT, "The number is another client's.";
    VersionConflict "version_conflict", CONFLICT, "It was changed meanwhile.";
    BuiltIn "built_in", CONFLICT, "It came with the program and cannot be deleted or renamed.";
    InUse "in_use", CONFLICT, "It is still in use.";
    WrongState "wrong_state", CONFLICT, "It is not in a state for that.";
    TransitionNotAllowed "transition_not_allowed", CONFLICT, "What happens to it does not lead on from where it stands.";
    TaskTaken "task_taken", CONFLICT, "The task is not yours: somebody else has it, or nobody does.";
    ClaimLimit "claim_limit", CONFLICT, "You hold as many tasks as you may.";
    UserNotFound "user_not_found", NOT_FOUND, "No such user, or not one of yours.";
    RowNotFound "row_not_found", NOT_FOUND, "There is no such thing, or not one of yours.";
    ForeignOrigin "foreign_origin", FORBIDDEN, "Pages of this origin may not connect.";
    TooManyAttempts "too_many_attempts", TOO_MANY_REQUESTS, "Too many failed attempts; wait.";
    NotSipWebSocket "not_sip_websocket", BAD_REQUEST, "Here phones open WebSockets with the sub-protocol sip.";
    UpgradeRequired "upgrade_required", UPGRADE_REQUIRED, "This path speaks WebSocket of version 13 only.";
    TooManyConnections "too_many_connections", TOO_MANY_REQUESTS, "Too many new connections; wait.";
    NotFound "not_found", NOT_FOUND, "There is nothing at this path.";
    MethodNotAllowed "method_not_allowed", METHOD_NOT_ALLOWED, "The path does not know this method.";
    SlotNotFound "slot_not_found", NOT_FOUND, "No such slot.";
    TrunkNotFound "trunk_not_found", NOT_FOUND, "No such trunk.";
    CallNotFound "call_not_found", NOT_FOUND, "No such call, or not one of yours.";
    BudgetNotFound "budget_not_found", NOT_FOUND, "There is no such budget, or nothing with this id that could have one; the id of a slot is not its number.";
    BanNotFound "ban_not_found", NOT_FOUND, "This source is not banned.";
    LadderForgotten "ladder_forgotten", NOT_FOUND, "The messages of this call are not kept any more.";
    RecordingNotFound "recording_not_found", NOT_FOUND, "The call has no recording to hear.";
    RecordingErased "recording_erased", GONE, "The recording was erased.";
    RecordingHeld "recording_held", CONFLICT, "The recording is held: nobody erases it before it is let go.";
    SessionEnded "session_ended", CONFLICT, "The listening session has ended.";
    RangeNotSatisfiable "range_not_satisfiable", RANGE_NOT_SATISFIABLE, "The range lies outside the recording.";
    SlotNotCallable "slot_not_callable", CONFLICT, "The slot cannot call in its state.";
    SlotNotRegistered "slot_not_registered", CONFLICT, "The slot's phone is not registered.";
    SlotTaken "slot_taken", CONFLICT, "Somebody else has taken the slot.";
    HoldsAnother "holds_another_slot", CONFLICT, "You hold another slot.";
    StaleEpoch "stale_epoch", CONFLICT, "The lease is no longer the one you mean.";
    SlotInCall "slot_in_call", CONFLICT, "The slot is in a call.";
    CarrierInCall "carrier_in_call", CONFLICT, "The carrier carries calls.";
    NotLastSlot "not_last_slot", CONFLICT, "Only a trunk's last slot can be deleted, and not its only one.";
    NotHolder "not_holder", CONFLICT, "You do not hold the slot.";
    NumbersExhausted "numbers_exhausted", CONFLICT, "There is no free block of numbers of that size.";
    CallNotTransferable "call_not_transferable", CONFLICT, "The call cannot be handed on now.";
    DestinationNotAllowed "destination_not_allowed", FORBIDDEN, "The slot may not call this number.";
    SlotCallLimit "slot_call_limit", CONFLICT, "The slot is in as many calls as it may be.";
    BudgetClosed "budget_closed", CONFLICT, "A budget does not allow the call now.";
    PremiumNotAllowed "premium_not_allowed", FORBIDDEN, "No budget allows premium numbers.";
    NoRoute "no_route", UNPROCESSABLE_ENTITY, "The number leads nowhere.";
    OwnNumber "own_number", UNPROCESSABLE_ENTITY, "A slot cannot call itself.";
    SourceExempt "source_exempt", CONFLICT, "Nothing is held against this source.";
    BansOff "bans_off", CONFLICT, "Nobody is banned while `security.enabled` is false.";
    BansFull "bans_full", CONFLICT, "There are as many bans as there may be.";
    KeyReused "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used with another body.";
    KeyRunning "idempotency_key_running", CONFLICT, "The order under this Idempotency-Key is still being carried out.";
    ConfigRefused "config_refused", UNPROCESSABLE_ENTITY, "The configuration cannot be used; the old one stays in force.";
    NoMediaPort "no_media_port", SERVICE_UNAVAILABLE, "Every media port is in use.";
    Unavailable "unavailable", SERVICE_UNAVAILABLE, "The server takes no new work now.";
    StoreUnavailable "store_unavailable", SERVICE_UNAVAILABLE, "The database cannot be reached.";
    Internal "internal", INTERNAL_SERVER_ERROR, "A defect of ours.";
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// Which field: a body member or a query parameter.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) code: &'static str,
    /// The same in words.
    pub(crate) detail: String,
}

/// An answer that says what went wrong.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// RFC 9457, 3.2: extension members.
    more: Map<String, Value>,
    retry_after_s: Option<u32>,
    log: Option<String>,
}

/// What the log is to say of a response; it never reaches the client.
#[derive(Debug, Clone)]
pub(crate) struct ForLog {
    /// What it is.
    pub(crate) code: Code,
    /// Our own words, if the table's do not say it all.
    pub(crate) why: Option<String>,
}

impl Problem {
    /// A problem in the table's own words.
    pub(crate) fn new(code: Code) -> Self {
        let retry_after_s = (code.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_S);
        Self(Box::new(Parts { code, detail: code.title().into(), errors: vec![], more: Map::new(), retry_after_s, log: None }))
    }

    /// Something wrong with one field.
    pub(crate) fn field(code: Code, field: &str, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.to_owned(), code: code.name(), detail: detail.into() }], code)
    }

    /// Something wrong with several fields; the first stands for all. `code` if there is none.
    pub(crate) fn fields(errors: Vec<FieldError>, code: Code) -> Self {
        let mut problem = Self::new(code);
        if let Some(first) = errors.first() {
            problem.0.code = Code::ALL.iter().copied().find(|known| known.name() == first.code).unwrap_or(code);
            problem.0.detail = first.detail.clone().into();
        }
        problem.0.errors = errors;
        problem
    }

    /// A defect of ours: the client learns nothing but that, the log learns `why`.
    pub(crate) fn internal(why: impl std::fmt::Display) -> Self {
        Self::new(Code::Internal).logged(why)
    }

    /// The same, where what was called stands in another field than `phone_number`.
    pub(crate) fn about(mut self, field: &str) -> Self {
        for error in self.0.errors.iter_mut().filter(|error| error.field == "phone_number") {
            field.clone_into(&mut error.field);
        }
        self
    }

    /// Says it in the occasion's words.
    pub(crate) fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Adds a member to the body.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// Asks the client to come back after so many seconds.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Gives the log its own words.
    pub(crate) fn logged(mut self, why: impl std::fmt::Display) -> Self {
        self.0.log = Some(why.to_string());
        self
    }

    /// What it is.
    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    fn body(&self) -> Value {
        let Parts { code, detail, errors, more, .. } = &*self.0;
        let mut body = Map::new();
        body.insert("type".into(), format!("urn:cordboard:problem:{}", code.name()).into());
        body.insert("title".into(), code.title().into());
        body.insert("status".into(), code.status().as_u16().into());
        body.insert("code".into(), code.name().into());
        body.insert("detail".into(), detail.clone().into());
        if let Some(first) = errors.first() {
            body.insert("field".into(), first.field.clone().into());
        }
        if errors.len() > 1 {
            body.insert("errors".into(), json!(errors));
        }
        body.extend(more.clone());
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body().to_string()));
        *response.status_mut() = self.0.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.0.code == Code::NotSignedIn {
            // RFC 9110, 11.6.1: a 401 names the scheme. A wrong password does not: there is no header to repeat.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(ForLog { code: self.0.code, why: self.0.log });
        response
    }
}

impl From<OfficeError> for Problem {
    fn from(error: OfficeError) -> Self {
        let words = error.to_string();
        match error {
            OfficeError::Store(error) => error.into(),
            OfficeError::NotFound("user") => Self::new(Code::UserNotFound),
            OfficeError::NotFound("trunk") => Self::new(Code::TrunkNotFound),
            OfficeError::NotFound("slot") => Self::new(Code::SlotNotFound),
            OfficeError::NotFound("link") => Self::new(Code::LinkNotGood),
            OfficeError::Crowded => Self::new(Code::TooManyAttempts).retry_after(1),
            OfficeError::NotFound("budget") => Self::new(Code::BudgetNotFound),
            OfficeError::NotFound("call") => Self::new(Code::CallNotFound),
            OfficeError::NotFound("recording") => Self::new(Code::RecordingNotFound),
            OfficeError::NotFound(office::export::EXPORT_BY_THESE_RIGHTS) => {
                let detail = "The file was made by other rights than yours are now: export it again.";
                Self::new(Code::RowNotFound).with("resource", "export").detail(detail)
            }
            OfficeError::NotFound(what) => Self::new(Code::RowNotFound).with("resource", what),
            OfficeError::Invalid(faults) => {
                let errors = faults.into_iter().map(|fault| FieldError { field: fault.field, code: fault.code, detail: fault.detail });
                Self::fields(errors.collect(), Code::InvalidField)
            }
            OfficeError::Conflict(conflict) => conflict.into(),
            OfficeError::NotPermitted(action) => Self::new(Code::Forbidden).with("action", action),
            OfficeError::Forbidden(why) => Self::new(Code::Escalation).detail(why),
            OfficeError::File(_) | OfficeError::Defect(_) => Self::internal(words),
        }
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        let words = conflict.to_string();
        match conflict {
            Conflict::LastAdmin => Self::new(Code::LastAdmin),
            Conflict::UsernameTaken => Self::field(Code::UsernameTaken, "username", words.clone()),
            Conflict::CodeTaken => Self::field(Code::Taken, "code", words.clone()),
            Conflict::NameTaken => Self::field(Code::NameTaken, "name", words.clone()),
            Conflict::PhoneTaken { field, client } => {
                let problem = Self::field(Code::PhoneTaken, &field, words.clone());
                client.into_iter().fold(problem, |problem, client| problem.with("client_id", client.to_string()))
            }
            Conflict::Version { current } => Self::new(Code::VersionConflict).with("version", current),
            Conflict::BuiltIn => Self::new(Code::BuiltIn),
            Conflict::InUse(_) => Self::new(Code::InUse),
            Conflict::State(_) => Self::new(Code::WrongState),
            Conflict::Erased { at } => Self::new(Code::RecordingErased).with("erased_at", at.0),
            Conflict::Held => Self::new(Code::RecordingHeld),
            Conflict::SessionEnded => Self::new(Code::SessionEnded),
            Conflict::Transition { state, allowed } => Self::new(Code::TransitionNotAllowed).with("state", state).with("allowed", allowed),
            Conflict::Taken { state } => Self::new(Code::TaskTaken).with("state", state),
            Conflict::ClaimLimit { limit } => Self::new(Code::ClaimLimit).with("limit", limit),
        }
        .detail(words)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let words = refusal.to_string();
        match refusal {
            Refusal::SlotNotFound => Self::new(Code::SlotNotFound),
            Refusal::SlotNotCallable { state, .. } => Self::new(Code::SlotNotCallable).with("state", state.name()),
            Refusal::SlotNotRegistered { state, .. } => Self::new(Code::SlotNotRegistered).with("state", state.name()),
            Refusal::SlotTaken { state, .. } => Self::new(Code::SlotTaken).with("state", state.name()),
            Refusal::HoldsAnother { number } => Self::new(Code::HoldsAnother).with("number", number),
            Refusal::StaleEpoch { epoch } => Self::new(Code::StaleEpoch).with("epoch", epoch),
            Refusal::SlotInCall { number, state } => Self::new(Code::SlotInCall).with("number", number).with("state", state.name()),
            Refusal::NotHolder { .. } => Self::new(Code::NotHolder),
            Refusal::CallNotFound => Self::new(Code::CallNotFound),
            Refusal::CallNotTransferable => Self::new(Code::CallNotTransferable),
            Refusal::LadderForgotten => Self::new(Code::LadderForgotten),
            Refusal::NotBanned => Self::new(Code::BanNotFound),
            Refusal::SourceExempt => Self::new(Code::SourceExempt),
            Refusal::BansOff => Self::new(Code::BansOff),
            Refusal::BansFull => Self::new(Code::BansFull),
            Refusal::DestinationNotAllowed { slot, number } => {
                Self::new(Code::DestinationNotAllowed).with("slot", slot).with("number", number)
            }
            Refusal::SlotCallLimit { state, limit, .. } => Self::new(Code::SlotCallLimit).with("state", state.name()).with("limit", limit),
            Refusal::BudgetClosed { scope, limit, frees_at } => Self::new(Code::BudgetClosed)
                .with("kind", scope.kind())
                .with("limit", limit.as_str())
                .with("frees_at", frees_at.map(|at| at.0)),
            Refusal::PremiumNotAllowed { number } => Self::new(Code::PremiumNotAllowed).with("number", number),
            Refusal::BudgetNotFound => Self::new(Code::BudgetNotFound),
            Refusal::NoRoute => Self::field(Code::NoRoute, "phone_number", words.clone()),
            Refusal::OwnNumber => Self::field(Code::OwnNumber, "phone_number", words.clone()),
            Refusal::NoMediaPort => Self::new(Code::NoMediaPort),
            Refusal::NoRoom(_) | Refusal::Unavailable => Self::new(Code::Unavailable),
        }
        .detail(words)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use expect_test::expect;
    use model::{NoRoom, SlotState};

    use super::*;

    #[test]
    fn the_table_is_sound() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len(), "a code stands twice");
        for code in Code::ALL {
            assert!(code.status().as_u16() >= 400, "{}", code.name());
            assert!(code.title().ends_with('.'), "{}", code.name());
            assert!(code.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", code.name());
        }
    }

    #[test]
    fn who_has_other_rights_now_is_told_to_export_again() {
        let told = |what| Problem::from(OfficeError::NotFound(what)).body().to_string();
        expect![[r#"{"code":"row_not_found","detail":"The file was made by other rights than yours are now: export it again.","resource":"export","status":404,"title":"There is no such thing, or not one of yours.","type":"urn:cordboard:problem:row_not_found"}"#]]
            .assert_eq(&told(office::export::EXPORT_BY_THESE_RIGHTS));
        assert!(!told("export").contains("again"));
    }

    #[test]
    fn every_refusal_has_an_answer() {
        let (number, state) = ("6001".to_owned(), SlotState::ActiveCall);
        let refusals = [
            Refusal::SlotNotFound,
            Refusal::SlotNotCallable { number: number.clone(), state },
            Refusal::SlotNotRegistered { number: number.clone(), state: SlotState::Registering },
            Refusal::SlotTaken { number: number.clone(), state },
            Refusal::HoldsAnother { number: number.clone() },
            Refusal::StaleEpoch { epoch: 7 },
            Refusal::SlotInCall { number: number.clone(), state },
            Refusal::NotHolder { number: number.clone() },
            Refusal::DestinationNotAllowed { slot: number.clone(), number: "+79001234567".to_owned() },
            Refusal::SlotCallLimit { slot: number, state, limit: 2 },
            Refusal::CallNotFound,
            Refusal::CallNotTransferable,
            Refusal::NoRoute,
            Refusal::OwnNumber,
            Refusal::NoMediaPort,
            Refusal::LadderForgotten,
            Refusal::NotBanned,
            Refusal::BudgetClosed {
                scope: model::budget::Scope::Center(model::CenterId::DEFAULT),
                limit: model::budget::Limit::DaySpend,
                frees_at: Some(model::WallTime(1_795_000_000_000)),
            },
            Refusal::PremiumNotAllowed { number: "+78091234567".into() },
            Refusal::BudgetNotFound,
            Refusal::SourceExempt,
            Refusal::BansOff,
            Refusal::BansFull,
            Refusal::NoRoom(NoRoom::Draining),
            Refusal::NoRoom(NoRoom::JournalBehind),
            Refusal::NoRoom(NoRoom::CallsMax),
            Refusal::NoRoom(NoRoom::Signalling),
            Refusal::Unavailable,
        ];
        let mut told = String::new();
        for refusal in refusals {
            let problem = Problem::from(refusal);
            let retry = problem.0.retry_after_s.map(|seconds| format!(" (retry after {seconds})")).unwrap_or_default();
            let mut body = problem.body();
            for known in ["type", "title", "status", "code"] {
                body.as_object_mut().unwrap().remove(known);
            }
            told += &format!("{} {}{retry} {body}\n", problem.code().status().as_u16(), problem.code().name());
        }
        expect![[r#"
            404 slot_not_found {"detail":"no such slot"}
            409 slot_not_callable {"detail":"slot 6001 cannot call while it is ACTIVE_CALL","state":"ACTIVE_CALL"}
            409 slot_not_registered {"detail":"slot 6001 has no registered phone","state":"REGISTERING"}
            409 slot_taken {"detail":"slot 6001 is taken by somebody else","state":"ACTIVE_CALL"}
            409 holds_another_slot {"detail":"you already hold slot 6001; release it first","number":"6001"}
            409 stale_epoch {"detail":"the lease has changed: its epoch is 7","epoch":7}
            409 slot_in_call {"detail":"slot 6001 is in a call","number":"6001","state":"ACTIVE_CALL"}
            409 not_holder {"detail":"slot 6001 is not yours to release"}
            403 destination_not_allowed {"detail":"slot 6001 may not call +79001234567","number":"+79001234567","slot":"6001"}
            409 slot_call_limit {"detail":"slot 6001 may be in 2 call(s) at once","limit":2,"state":"ACTIVE_CALL"}
            404 call_not_found {"detail":"no such call"}
            409 call_not_transferable {"detail":"the call cannot be handed on now"}
            422 no_route {"detail":"no route for the number","field":"phone_number"}
            422 own_number {"detail":"a slot cannot call its own number","field":"phone_number"}
            503 no_media_port (retry after 5) {"detail":"every media port is in use"}
            404 ladder_forgotten {"detail":"the messages of this call are not kept any more"}
            404 ban_not_found {"detail":"this source is not banned"}
            409 budget_closed {"detail":"a budget does not allow the call (center 1): its money of a day is used up","frees_at":1795000000000,"kind":"center","limit":"day_spend"}
            403 premium_not_allowed {"detail":"+78091234567 is a premium number, and no budget allows those","number":"+78091234567"}
            404 budget_not_found {"detail":"there is no such budget"}
            409 source_exempt {"detail":"this source is exempt from bans"}
            409 bans_off {"detail":"bans are off (`security.enabled`)"}
            409 bans_full {"detail":"there are as many bans as there may be"}
            503 unavailable (retry after 5) {"detail":"the server is shutting down and takes no new calls"}
            503 unavailable (retry after 5) {"detail":"the disk takes no call records now, so no call may begin"}
            503 unavailable (retry after 5) {"detail":"as many calls are up as the server may have at once (`calls.max`)"}
            503 unavailable (retry after 5) {"detail":"the server is busy with as many calls and requests as it can hold"}
            503 unavailable (retry after 5) {"detail":"the server takes no new calls now"}
        "#]]
        .assert_eq(&told);
    }

    #[test]
    fn what_the_log_sees_does_not_reach_the_client() {
        let problem = Problem::internal("disk on fire at /srv");
        assert!(!problem.body().to_string().contains("fire"));
        let response = problem.into_response();
        assert_eq!(response.extensions().get::<ForLog>().unwrap().why.as_deref(), Some("disk on fire at /srv"));
    }
}
