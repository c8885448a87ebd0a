//! What the API's document says that there is.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::{Rest, rest::Reply};

use super::house::{House, Kind};

/// A method on a path.
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    /// The names of what stands in the path's braces, in order.
    pub(super) parameters: Vec<String>,
    /// What it asks of its caller; none: only to be logged in, or nothing.
    pub(super) right: Option<String>,
    /// It is for everybody.
    pub(super) is_open: bool,
    /// It follows the contract of lists.
    pub(super) is_list: bool,
    takes_body: bool,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Operation {
    /// The path with ids in place, in order.
    pub(super) fn with_ids(&self, ids: &[String]) -> String {
        let mut path = self.path.clone();
        for (name, id) in self.parameters.iter().zip(ids) {
            path = path.replace(&format!("{{{name}}}"), id);
        }
        path
    }

    /// Sends it, with the body if it takes one.
    pub(super) fn send(&self, rest: &Rest, path: &str, body: &Value) -> Result<Reply> {
        if !self.takes_body {
            return rest.request(&self.method, path, &[], None);
        }
        rest.request(&self.method, path, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
    }
}

/// Every operation of the document.
pub(super) fn document(rest: &Rest) -> Result<Vec<Operation>> {
    let document = rest.get("/api/openapi.json")?.expect(200)?;
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().context("no paths")? {
        for (method, told) in methods.as_object().context("no methods")? {
            if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let description = told["description"].as_str().unwrap_or_default();
            let right = description.rsplit_once("Right: `").map(|(_, right)| right.trim_end_matches(['`', '.', '\n']).to_owned());
            let is_open = told["security"] == json!([{}]);
            ensure!(is_open || right.is_some(), "{method} {path} says nothing of a right: {description}");
            let is_list = told["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "cursor"));
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                parameters: names(path),
                right,
                is_open,
                is_list,
                takes_body: method != "get" && method != "delete",
            });
        }
    }
    ensure!(operations.len() > 150, "{} operations", operations.len());
    Ok(operations)
}

/// The names in a path's braces.
fn names(path: &str) -> Vec<String> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}

/// Of which rows a path's parameters are the ids. A path that is not known here is an error, so that no new one is forgotten.
pub(super) fn kinds(operation: &Operation) -> Result<Vec<Kind>> {
    use Kind::{Call, Client, Group, Lead, NoRows, Note, Plan, Scenario, Scorecard, Tag, User, Webhook};

    if operation.parameters.is_empty() {
        return Ok(Vec::new());
    }
    let begins = |prefix: &str| operation.path.starts_with(prefix);
    let kinds = match operation.parameters.len() {
        1 if begins("/api/calls/{id}") => vec![Call],
        2 if begins("/api/calls/{id}/tags/{tag}") => vec![Call, Tag],
        2 if begins("/api/calls/{id}/markers/") => vec![Call, NoRows],
        1 if begins("/api/crm/notes/{call_id}") || begins("/api/missed-calls/{id}") => vec![Call],
        1 if begins("/api/crm/note/{id}") => vec![Note],
        1 if begins("/api/crm/leads/{id}") => vec![Lead],
        1 if begins("/api/clients/{id}") => vec![Client],
        1 if begins("/api/listening/plans/{id}") => vec![Plan],
        1 if begins("/api/scorecards/{id}") => vec![Scorecard],
        1 if begins("/api/tag-groups/{id}") => vec![Group],
        1 if begins("/api/tags/{id}") => vec![Tag],
        1 if begins("/api/users/{id}") => vec![User],
        1 if begins("/api/scenarios/{id}") => vec![Scenario],
        1 if begins("/api/webhooks/{id}") => vec![Webhook],
        // Everybody's own.
        1 if begins("/api/me/") || begins("/api/tokens/") => vec![NoRows],
        // Whose they are is told by stories of their own (crm/src/hearing, crm/src/listening).
        1 if begins("/api/listening/sessions/") || begins("/api/listening/tasks/") || begins("/api/evaluations/") => vec![NoRows],
        // Of the whole centre or of the whole machine: who has the right has it to all of them. Exports have a story of their own here.
        1 if [
            "/api/audit/",
            "/api/auth/",
            "/api/centers/",
            "/api/exports/",
            "/api/jobs/",
            "/api/monitor/slots/",
            "/api/oidc-role-map/",
            "/api/permission-sets/",
            "/api/registrations/",
            "/api/roles/",
            "/api/routes/",
            "/api/schedules/",
            "/api/security/bans/",
            "/api/slots/",
            "/api/trunks/",
            "/api/webhook-deliveries/",
        ]
        .into_iter()
        .any(begins) =>
        {
            vec![NoRows]
        }
        2 | 3 if begins("/api/security/budgets/") => vec![NoRows; operation.parameters.len()],
        _ => bail!("{operation}: nobody has said here whose ids these are"),
    };
    Ok(kinds)
}

/// A body that a person who reaches the row could send.
pub(super) fn body(operation: &Operation, house: &House) -> Value {
    match (operation.method.as_str(), operation.path.as_str()) {
        ("PUT", "/api/crm/leads/{id}") => json!({"version": 1, "client_name": "changed"}),
        ("POST", "/api/crm/leads/{id}/events") => json!({"version": 1, "event": "lose", "reason": "changed"}),
        ("PUT", "/api/tag-groups/{id}" | "/api/tags/{id}" | "/api/scenarios/{id}" | "/api/webhooks/{id}") => {
            json!({"version": 1, "name": "changed"})
        }
        ("PUT", "/api/listening/plans/{id}") => json!({"version": 1, "name": "changed"}),
        ("PUT", "/api/scorecards/{id}") => json!({"version": 1, "name": "changed"}),
        ("PUT", "/api/clients/{id}") => json!({"version": 1, "last_name": "changed"}),
        ("PUT", "/api/crm/note/{id}") => json!({"version": 1, "text": "changed"}),
        ("POST", "/api/crm/leads/{id}/hand-over") => json!({"version": 1, "how": "round_robin"}),
        ("POST", "/api/calls/{id}/markers") => json!({"at_ms": 0, "text": "changed"}),
        ("PUT", "/api/calls/{id}/recording/hold") => json!({"held": true}),
        ("POST", "/api/calls/{id}/evaluations") => json!({"items": []}),
        ("PUT", "/api/users/{id}") => json!({"version": 1, "display_name": "changed"}),
        ("POST", "/api/calls/{id}/transfer") => json!({"to": house.number}),
        _ => json!({}),
    }
}
