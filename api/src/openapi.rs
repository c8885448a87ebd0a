//! The API's description: OpenAPI 3.1, made from the handlers, kept as a golden file.

use store::Role;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, Ref, RefOr, Response,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    auth::Access,
    rights::{Scope, grant},
    routes::{ROUTES, call, calls, recording, session, slots, system, trunks},
    wire::{FieldErrorSchema, ProblemSchema},
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Cordboard", description = "A telephone exchange and call centre: slots, calls, records, recordings."),
    paths(
        session::login, session::refresh, session::me,
        slots::list, slots::read, slots::change, slots::delete, slots::limits, slots::set_limits,
        slots::take, slots::release,
        trunks::list, trunks::create, trunks::read, trunks::change, trunks::delete,
        call::start, call::end, calls::list, calls::read, calls::ladder, calls::records,
        recording::stream, recording::ticket,
        system::pbx_status, system::reload, system::openapi, system::healthz, system::metrics,
    ),
    components(schemas(ProblemSchema, FieldErrorSchema)),
    tags(
        (name = "session", description = "Log-in and tokens."),
        (name = "slots", description = "SIP accounts: who has them, how they are."),
        (name = "trunks", description = "Hubs of slots."),
        (name = "calls", description = "Calls and their records."),
        (name = "recordings", description = "What was said."),
        (name = "system", description = "How the server is."),
    ),
    security(("token" = [])),
    modifiers(&Common),
)]
struct Document;

/// The document as JSON text, as it stands in `api/openapi.json`.
#[must_use]
pub fn document() -> String {
    // It is made of strings and maps only; nothing in it can fail to be written.
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// What all operations share: the token, and problems as the answer to everything that goes wrong.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        if let Some(components) = &mut document.components {
            components.add_security_scheme("token", SecurityScheme::Http(scheme));
        }
        for route in ROUTES {
            let Some(item) = document.paths.paths.get_mut(route.path) else { continue };
            let operation = match route.method {
                "GET" => &mut item.get,
                "PUT" => &mut item.put,
                "POST" => &mut item.post,
                _ => &mut item.delete,
            };
            if let Some(operation) = operation {
                identify(operation);
                rights(operation, route.access);
                problems(operation);
            }
        }
    }
}

/// Handlers are called `list` and `read` in many modules; what is made from the document wants names that differ.
fn identify(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    operation.operation_id = operation.operation_id.take().map(|name| format!("{tag}_{name}"));
}

/// Says what the operation asks of its caller, from the table that the guard works by.
fn rights(operation: &mut Operation, access: Access) {
    let action = match access {
        Access::Open => {
            operation.security = Some(vec![SecurityRequirement::default()]);
            return;
        }
        Access::Token(action) | Access::TokenOrTicket(action) | Access::TokenOrLoopback(action) => action,
    };
    let roles: Vec<&str> = [Role::Admin, Role::Operator]
        .into_iter()
        .filter_map(|role| match grant(role, action)? {
            Scope::All => Some(role.as_str()),
            Scope::Own => Some(if role == Role::Operator { "operator (own)" } else { role.as_str() }),
        })
        .collect();
    let right = format!("Right: `{}`. Roles: {}.", action.name(), roles.join(", "));
    operation.description = Some(match operation.description.take().filter(|words| !words.is_empty()) {
        Some(words) => format!("{words}\n\n{right}"),
        None => right,
    });
}

fn problems(operation: &mut Operation) {
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    let response = Response::builder().description("What went wrong.").content("application/problem+json", content).build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
}
