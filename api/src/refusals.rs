//! Refusals that come after the guard: the right is there, but does not reach so far. They are rows of the audit log as well (S004-59).

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use crate::{
    auth::{Caller, now},
    error::{Code, ForLog},
    state::Api,
};

/// Stands behind the guard, which has noted what it has refused itself.
pub(crate) async fn note(State(api): State<Api>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let response = next.run(request).await;
    let goes_too_far = response.extensions().get::<ForLog>().is_some_and(|problem| problem.code == Code::Escalation);
    if let Some(caller) = caller.filter(|_| goes_too_far) {
        let action = caller.action();
        api.office.note_refusal(caller.actor(), action, action.resource(), "", now());
    }
    response
}
