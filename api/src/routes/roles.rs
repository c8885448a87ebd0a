//! Roles, permission sets, and what is permitted to whom (S004-50, 52, 56…58, 67; S003-57, 67).

use axum::{Json, extract::State};
use http::StatusCode;
use office::{
    accounts::NewRule,
    can,
    rights::{
        AccessList, CatalogueAnswer, ColumnPolicy, NewRole, NewSet, PERMISSION_SETS, PermissionItem, ROLES, RoleChange, RoleCheck,
        SetChange, ShapeAnswer,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{JsonBody, Params, PathText},
    resources::{ListAnswer, ListQuery},
    routes::jobs::{missing_version, number},
    state::Api,
};

/// A role to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRole {
    #[schema(min_length = 1, max_length = 64, examples("night_shift"))]
    code: String,
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// The codes of its permission sets.
    #[serde(default)]
    sets: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    lists: Vec<AccessList>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    columns: Vec<ColumnPolicy>,
}

/// What to change of a role; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeRole {
    version: Option<i64>,
    /// Of a role that did not come with the program.
    code: Option<String>,
    name: Option<String>,
    sets: Option<Vec<String>>,
    #[schema(value_type = Option<Vec<Object>>)]
    lists: Option<Vec<AccessList>>,
    #[schema(value_type = Option<Vec<Object>>)]
    columns: Option<Vec<ColumnPolicy>>,
}

/// A role's rights in the form of `{"users": ["create", "read"], "all": true}`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetShape {
    version: Option<i64>,
    #[schema(value_type = Object)]
    shape: Map<String, Value>,
}

/// A permission set to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSet {
    #[schema(min_length = 1, max_length = 64)]
    code: String,
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// `{"permission": "calls.read", "scope": "own"}`
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    permissions: Vec<PermissionItem>,
}

/// What to change of a permission set; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSet {
    version: Option<i64>,
    /// Of a set that did not come with the program.
    code: Option<String>,
    name: Option<String>,
    #[schema(value_type = Option<Vec<Object>>)]
    permissions: Option<Vec<PermissionItem>>,
}

/// A claim of a log-in provider that gives a role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRule {
    /// The provider, as its tokens name it.
    issuer: String,
    /// A path into the claims.
    #[schema(examples("realm_access.roles"))]
    claim: String,
    /// What must stand there, or be one of what stands there.
    value: String,
    /// The code of the role.
    role: String,
}

/// What to check, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Params reads")]
pub(crate) struct RoleCheckParams {
    /// A permission.
    #[param(example = "calls.read")]
    action: String,
}

/// List roles.
pub(crate) async fn list(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(api.office.roles(&caller.view(&ROLES), &query.params()).await?.into()))
}

/// Read a role.
pub(crate) async fn read(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(api.office.role(&caller.view(&ROLES), &id).await?))
}

/// Make a role.
#[utoipa::path(post, path = "/api/roles", tag = "roles", request_body = CreateRole,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/roles"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateRole>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateRole { code, name, sets, lists, columns } = body;
    let id = api.office.create_role(&caller, &NewRole { code, name, sets, lists, columns }, now()).await?;
    Ok((StatusCode::CREATED, Json(role(&api, &caller, id).await?)))
}

/// Change a role.
#[utoipa::path(put, path = "/api/roles/{id}", tag = "roles", params(("id" = String, Path)), request_body = ChangeRole,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/roles"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeRole>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeRole { version, code, name, sets, lists, columns } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    api.office.update_role(&caller, id, version, &RoleChange { code, name, sets, lists, columns }, now()).await?;
    Ok(Json(role(&api, &caller, id).await?))
}

/// Delete a role that nobody has.
#[utoipa::path(delete, path = "/api/roles/{id}", tag = "roles", params(("id" = String, Path), ("version" = i64, Query)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    mut params: Params,
) -> Result<StatusCode, Problem> {
    api.office.delete_role(&caller, number(&id)?, version(&mut params)?, now()).await?;
    params.finish()?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read a role's rights in the form of the owner's documents.
#[utoipa::path(get, path = "/api/roles/{id}/shape", tag = "roles", params(("id" = String, Path)),
    responses((status = 200, description = "`{\"calls\": [\"read\"], …}`", body = Object)))]
pub(crate) async fn shape(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(api.office.role_shape(&caller.view(&ROLES), &id).await?))
}

/// Set a role's rights in the form of the owner's documents.
///
/// What has no meaning here yet is named in `not_applied`.
#[utoipa::path(put, path = "/api/roles/{id}/shape", tag = "roles", params(("id" = String, Path)), request_body = SetShape,
    responses((status = 200, description = "Set.", body = Object)))]
pub(crate) async fn set_shape(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<SetShape>,
) -> Result<Json<ShapeAnswer>, Problem> {
    let version = body.version.ok_or_else(missing_version)?;
    Ok(Json(api.office.set_role_shape(&caller, number(&id)?, version, &body.shape, now()).await?))
}

/// List permission sets.
pub(crate) async fn list_sets(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(api.office.permission_sets(&caller.view(&PERMISSION_SETS), &query.params()).await?.into()))
}

/// Read a permission set.
pub(crate) async fn read_set(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(api.office.permission_set(&caller.view(&PERMISSION_SETS), &id).await?))
}

/// Make a permission set.
#[utoipa::path(post, path = "/api/permission-sets", tag = "roles", request_body = CreateSet,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/permission_sets"))))]
pub(crate) async fn create_set(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateSet>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateSet { code, name, permissions } = body;
    let id = api.office.create_permission_set(&caller, &NewSet { code, name, permissions }, now()).await?;
    Ok((StatusCode::CREATED, Json(set(&api, &caller, id).await?)))
}

/// Change a permission set.
#[utoipa::path(put, path = "/api/permission-sets/{id}", tag = "roles", params(("id" = String, Path)), request_body = ChangeSet,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/permission_sets"))))]
pub(crate) async fn change_set(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeSet>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeSet { version, code, name, permissions } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    api.office.update_permission_set(&caller, id, version, &SetChange { code, name, permissions }, now()).await?;
    Ok(Json(set(&api, &caller, id).await?))
}

/// Delete a permission set that no role has.
#[utoipa::path(delete, path = "/api/permission-sets/{id}", tag = "roles", params(("id" = String, Path), ("version" = i64, Query)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete_set(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    mut params: Params,
) -> Result<StatusCode, Problem> {
    api.office.delete_permission_set(&caller, number(&id)?, version(&mut params)?, now()).await?;
    params.finish()?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything that can be permitted, and on what.
#[utoipa::path(get, path = "/api/permissions", tag = "roles",
    responses((status = 200, description = "Permissions with their scopes, resources with their columns.", body = Object)))]
pub(crate) async fn permissions(State(api): State<Api>, _: Caller) -> Json<CatalogueAnswer> {
    Json(api.office.permissions())
}

/// May I?
#[utoipa::path(get, path = "/api/point/rolecheck", tag = "roles", params(RoleCheckParams),
    responses((status = 200, description = "Whether the caller may, and how far.", body = Object)))]
pub(crate) async fn check(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Json<RoleCheck>, Problem> {
    let action = params.take("action");
    params.finish()?;
    let action = action.ok_or_else(|| Problem::field(Code::MissingField, "action", "which permission is to be checked?"))?;
    Ok(Json(api.office.role_check(caller.principal(), &action)))
}

/// Have a claim of a log-in provider give a role.
#[utoipa::path(post, path = "/api/oidc-role-map", tag = "roles", request_body = CreateRule,
    responses((status = 201, description = "From each user's next log-in on.", body = Object)))]
pub(crate) async fn create_rule(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateRule>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateRule { issuer, claim, value, role } = body;
    let id = api.office.create_oidc_rule(&caller, NewRule { issuer, claim, value, role }, now()).await?;
    Ok((StatusCode::CREATED, Json(Map::from_iter([("id".to_owned(), id.to_string().into())]))))
}

/// Have a claim no longer give a role.
#[utoipa::path(delete, path = "/api/oidc-role-map/{id}", tag = "roles", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete_rule(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.office.delete_oidc_rule(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn role(api: &Api, caller: &Caller, id: i64) -> Result<Map<String, Value>, Problem> {
    match caller.also(can::ROLES_READ) {
        Some(reader) => Ok(api.office.role(&reader.view(&ROLES), &id.to_string()).await?),
        None => Ok(Map::from_iter([("id".to_owned(), id.to_string().into())])),
    }
}

async fn set(api: &Api, caller: &Caller, id: i64) -> Result<Map<String, Value>, Problem> {
    match caller.also(can::ROLES_READ) {
        Some(reader) => Ok(api.office.permission_set(&reader.view(&PERMISSION_SETS), &id.to_string()).await?),
        None => Ok(Map::from_iter([("id".to_owned(), id.to_string().into())])),
    }
}

/// The version of what is to be deleted.
fn version(params: &mut Params) -> Result<i64, Problem> {
    params.number("version").ok_or_else(missing_version)
}
