//! The API's description: OpenAPI 3.1, made from the handlers and from the catalogue of resources, kept as a golden file.

use model::{Column, ColumnKind, Resource};
use office::{
    CENTERS, RECORDINGS, REGISTRATIONS, ROUTES as ROUTING, TRUNKS,
    accounts::{OIDC_ROLE_MAP, USERS},
    audit::{AUDIT_LOG, SECURITY_AUDIT},
    events::EVENTS_LOG,
    export::EXPORTS,
    jobs::{JOBS, SCHEDULES},
    rights::{PERMISSION_SETS, ROLES},
    scenarios::SCENARIOS,
    webhooks::{WEBHOOK_DELIVERIES, WEBHOOKS},
};
use utoipa::{
    IntoParams, Modify, OpenApi,
    openapi::{
        ArrayBuilder, Content, HttpMethod, ObjectBuilder, PathItem, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn},
        schema::{SchemaType, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    auth::Access,
    resources::{ColumnAnswer, ListParamsSchema},
    routes::{
        self, audit, budgets, bulk, call, callers, calls, centers, exports, jobs, me, monitor, oidc, recording, roles, routing, scenarios,
        security, session, slots, system, transfer, trunks, users, webhooks,
    },
    wire::{Count, FieldErrorSchema, ProblemSchema},
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Cordboard", description = "A telephone exchange and call centre: slots, calls, records, recordings, people and their rights."),
    paths(
        session::login, session::refresh, session::logout, session::link, session::use_link, session::forgot,
        oidc::providers, oidc::start, oidc::callback, oidc::backchannel,
        me::me, me::change, me::change_password, me::permissions, me::setting, me::set_setting, me::sessions, me::end_session,
        me::tokens, me::create_token, me::end_token, roles::check,
        users::create, users::change, users::delete, users::link, users::logout, users::tokens,
        roles::create, roles::change, roles::delete, roles::shape, roles::set_shape,
        roles::create_set, roles::change_set, roles::delete_set, roles::permissions, roles::create_rule, roles::delete_rule,
        centers::create, centers::change,
        audit::verify, audit::log_event,
        jobs::cancel, jobs::create_schedule, jobs::change_schedule, jobs::delete_schedule,
        bulk::users,
        webhooks::create, webhooks::change, webhooks::delete, webhooks::renew, webhooks::test, webhooks::replay,
        exports::create, exports::quick, exports::delete, exports::file, exports::ticket,
        slots::list, slots::read, slots::change, slots::delete, slots::limits, slots::set_limits,
        callers::caller, callers::set_caller, slots::take, slots::release,
        trunks::create, trunks::read, trunks::change, trunks::delete,
        routing::create, routing::read, routing::change, routing::delete, routing::explain,
        scenarios::create, scenarios::change, scenarios::delete,
        call::start, call::end, transfer::transfer, calls::list, calls::read, calls::ladder, calls::records,
        recording::stream, recording::ticket, recording::peaks, recording::erase, recording::hold,
        budgets::budgets, budgets::set_budget, budgets::delete_budget, budgets::release_budget,
        security::bans, security::ban, security::release, security::status,
        monitor::network, monitor::slots, monitor::slot,
        system::pbx_status, system::status, system::reload, system::openapi, system::healthz, system::metrics,
    ),
    components(schemas(ProblemSchema, FieldErrorSchema, Count, ColumnAnswer)),
    tags(
        (name = "session", description = "Log-in, tokens, log-out."),
        (name = "me", description = "One's own account."),
        (name = "users", description = "Accounts."),
        (name = "roles", description = "Roles, permission sets, permissions."),
        (name = "centers", description = "Centres: customers' spaces."),
        (name = "audit", description = "What was done, by whom."),
        (name = "jobs", description = "Background jobs and their schedules."),
        (name = "exports", description = "Lists as files."),
        (name = "webhooks", description = "Events that are sent to other servers."),
        (name = "slots", description = "SIP accounts: who has them, how they are."),
        (name = "trunks", description = "Hubs of slots, and carriers."),
        (name = "routes", description = "By whom calls go where, and why."),
        (name = "scenarios", description = "What calls are about."),
        (name = "calls", description = "Calls and their records."),
        (name = "recordings", description = "What was said."),
        (name = "security", description = "Who is banned, and for what; budgets against toll fraud."),
        (name = "system", description = "How the server is."),
    ),
    security(("token" = [])),
)]
struct Document;

/// A list whose rows are those of a resource, and the path of one of its rows.
pub(crate) struct ListPath {
    pub(crate) resource: &'static Resource,
    pub(crate) tag: &'static str,
    pub(crate) list: &'static str,
    pub(crate) row: Option<&'static str>,
    /// What is listed, in a few words.
    pub(crate) what: &'static str,
}

macro_rules! lists {
    ($($resource:ident $tag:literal $what:literal $list:literal $($row:literal)?;)*) => {
        &[$($crate::openapi::ListPath {
            resource: &$resource,
            tag: $tag,
            what: $what,
            list: $list,
            row: $crate::openapi::lists!(@row $($row)?),
        }),*]
    };
    (@row) => { None };
    (@row $row:literal) => { Some($row) };
}
pub(crate) use lists;

const LISTS: &[ListPath] = lists! {
    USERS "users" "accounts" "/api/users" "/api/users/{id}";
    ROLES "roles" "roles" "/api/roles" "/api/roles/{id}";
    PERMISSION_SETS "roles" "permission sets" "/api/permission-sets" "/api/permission-sets/{id}";
    OIDC_ROLE_MAP "roles" "claims that give roles" "/api/oidc-role-map";
    CENTERS "centers" "centres" "/api/centers" "/api/centers/{id}";
    AUDIT_LOG "audit" "what was done" "/api/audit" "/api/audit/{id}";
    SECURITY_AUDIT "audit" "log-ins, changes of rights and refusals" "/api/security-audit";
    EVENTS_LOG "audit" "what parts of the system report" "/api/dci/logs";
    JOBS "jobs" "background jobs" "/api/jobs" "/api/jobs/{id}";
    SCHEDULES "jobs" "schedules" "/api/schedules" "/api/schedules/{id}";
    WEBHOOKS "webhooks" "webhooks" "/api/webhooks" "/api/webhooks/{id}";
    WEBHOOK_DELIVERIES "webhooks" "what was sent to webhooks" "/api/webhook-deliveries" "/api/webhook-deliveries/{id}";
    EXPORTS "exports" "exports" "/api/exports" "/api/exports/{id}";
    REGISTRATIONS "slots" "registered phones" "/api/registrations" "/api/registrations/{id}";
    TRUNKS "trunks" "trunks" "/api/trunks";
    ROUTING "routes" "routes" "/api/routes";
    SCENARIOS "scenarios" "call-handling scenarios" "/api/scenarios" "/api/scenarios/{id}";
    RECORDINGS "recordings" "recordings" "/api/recordings";
};

/// The document as JSON text, as it stands in `api/openapi.json`.
#[must_use]
pub fn document() -> String {
    let mut document = routes::crm::AREAS.iter().fold(Document::openapi(), |document, area| document.merge_from((area.document)()));
    Lists.modify(&mut document);
    Common.modify(&mut document);
    // It is made of strings and maps only; nothing in it can fail to be written.
    let mut text = document.to_pretty_json().unwrap_or_default();
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
        for route in routes::all() {
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
    let Some(action) = access.action() else {
        operation.security = Some(vec![SecurityRequirement::default()]);
        return;
    };
    let right = format!("Right: `{action}`.");
    operation.description = Some(match operation.description.take().filter(|words| !words.is_empty()) {
        Some(words) => format!("{words}\n\n{right}"),
        None => right,
    });
}

/// Adds the lists of resources, whose columns stand in the catalogue.
struct Lists;

impl Modify for Lists {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for ListPath { resource, tag, list, row, what } in LISTS.iter().chain(routes::crm::AREAS.iter().flat_map(|area| area.lists)) {
            if let Some(components) = &mut document.components {
                components.schemas.insert(resource.name.to_owned(), RefOr::T(row_schema(resource)));
                components.schemas.insert(format!("List_{}", resource.name), RefOr::T(page_schema(resource)));
            }
            let answer = |schema: String, description: &str| {
                let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name(schema))));
                ResponseBuilder::new().description(description).content("application/json", content).build()
            };
            let page = OperationBuilder::new()
                .tag(*tag)
                .operation_id(Some(format!("list_{}", resource.name)))
                .summary(Some(format!("List {what}.")))
                .parameters(Some(ListParamsSchema::into_params(|| Some(ParameterIn::Query))))
                .response("200", answer(format!("List_{}", resource.name), "A page."));
            add(document, list, page.build());
            if let Some(row) = row {
                let id = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
                let one = OperationBuilder::new()
                    .tag(*tag)
                    .operation_id(Some(format!("read_{}", resource.name)))
                    .summary(Some(format!("Read one of {what}.")))
                    .parameter(id.schema(Some(typed(Type::String))).build())
                    .response("200", answer(resource.name.to_owned(), "It."));
                add(document, row, one.build());
            }
        }
    }
}

/// Adds a list's operation; a handler of its own has told the parameters that this list has beside those of every list.
fn add(document: &mut utoipa::openapi::OpenApi, path: &str, mut operation: Operation) {
    match document.paths.paths.get_mut(path) {
        Some(item) => {
            let more = item.get.take().and_then(|told| told.parameters).unwrap_or_default();
            operation.parameters.get_or_insert_default().extend(more);
            item.get = Some(operation);
        }
        None => drop(document.paths.paths.insert(path.to_owned(), PathItem::new(HttpMethod::Get, operation))),
    }
}

/// A row: no column is required, for a policy may hide it and `fields` may leave it out.
fn row_schema(resource: &Resource) -> Schema {
    let row = ObjectBuilder::new().description(Some(format!("A row of `{}`.", resource.name)));
    let row = resource
        .columns
        .iter()
        .filter(|column| !column.is_only_asked())
        .fold(row, |row, column| row.property(column.name, column_schema(column)));
    Schema::Object(row.build())
}

fn page_schema(resource: &Resource) -> Schema {
    let cursor = || Schema::Object(ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])).build());
    let items = ArrayBuilder::new().items(Ref::from_schema_name(resource.name)).build();
    let columns = ArrayBuilder::new().items(Ref::from_schema_name("ColumnAnswer")).build();
    let page = ObjectBuilder::new()
        .property("items", Schema::Array(items))
        .property("next", cursor())
        .property("prev", cursor())
        .property("count", Ref::from_schema_name("Count"))
        .property("columns", Schema::Array(columns));
    Schema::Object(["items", "next", "prev", "count", "columns"].into_iter().fold(page, ObjectBuilder::required).build())
}

fn column_schema(column: &Column) -> Schema {
    let kind = match column.kind {
        ColumnKind::Id | ColumnKind::Call | ColumnKind::Text | ColumnKind::Code(_) => Some(Type::String),
        ColumnKind::Int | ColumnKind::Time => Some(Type::Integer),
        ColumnKind::Bool => Some(Type::Boolean),
        ColumnKind::Json => None,
    };
    let schema = ObjectBuilder::new().description(Some(column.about));
    let schema = match kind {
        Some(kind) if column.nullable => schema.schema_type(SchemaType::from_iter([kind, Type::Null])),
        Some(kind) => schema.schema_type(kind),
        None => schema.schema_type(SchemaType::AnyValue),
    };
    let schema = match column.kind {
        ColumnKind::Code(codes) => {
            let null = column.nullable.then_some(serde_json::Value::Null);
            schema.enum_values(Some(codes.iter().map(|code| serde_json::Value::from(*code)).chain(null)))
        }
        _ => schema,
    };
    Schema::Object(schema.build())
}

fn typed(kind: Type) -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(kind).build())
}

fn problems(operation: &mut Operation) {
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    let response = Response::builder().description("What went wrong.").content("application/problem+json", content).build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
}
