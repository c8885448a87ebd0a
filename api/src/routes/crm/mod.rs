//! The modules that live on calls: their routes, and what they add to the API's document.

pub(crate) mod call_tags;
pub(crate) mod leads;
pub(crate) mod tags;

use ::crm::{
    can,
    leads::LEADS,
    tags::{TAG_GROUPS, TAGS},
};
use utoipa::OpenApi;

use super::table::routes;
use crate::{openapi::ListPath, resources};

resources::listed! {
    TagGroups = ::crm::tags::TAG_GROUPS;
    Tags = ::crm::tags::TAGS;
    Leads = ::crm::leads::LEADS;
}

routes! {
    GET "/api/tag-groups", Access::Token(can::TAGS_READ), resources::list::<TagGroups>;
    POST "/api/tag-groups", Access::Token(can::TAGS_MANAGE), tags::create_group;
    GET "/api/tag-groups/{id}", Access::Token(can::TAGS_READ), resources::read::<TagGroups>;
    PUT "/api/tag-groups/{id}", Access::Token(can::TAGS_MANAGE), tags::change_group;
    DELETE "/api/tag-groups/{id}", Access::Token(can::TAGS_MANAGE), tags::delete_group;
    GET "/api/tags", Access::Token(can::TAGS_READ), resources::list::<Tags>;
    POST "/api/tags", Access::Token(can::TAGS_MANAGE), tags::create;
    GET "/api/tags/{id}", Access::Token(can::TAGS_READ), resources::read::<Tags>;
    PUT "/api/tags/{id}", Access::Token(can::TAGS_MANAGE), tags::change;
    DELETE "/api/tags/{id}", Access::Token(can::TAGS_MANAGE), tags::delete;
    GET "/api/calls/{id}/tags", Access::Token(can::TAGS_READ), call_tags::list;
    PUT "/api/calls/{id}/tags/{tag}", Access::Token(can::TAGS_SET), call_tags::set;
    DELETE "/api/calls/{id}/tags/{tag}", Access::Token(can::TAGS_UNSET), call_tags::unset;
    GET "/api/crm/leads", Access::Token(can::LEADS_READ), leads::list;
    POST "/api/crm/leads", Access::Token(can::LEADS_CREATE), leads::create;
    GET "/api/crm/leads/{id}", Access::Token(can::LEADS_READ), resources::read::<Leads>;
    PUT "/api/crm/leads/{id}", Access::Token(can::LEADS_UPDATE), leads::change;
    DELETE "/api/crm/leads/{id}", Access::Token(can::LEADS_DELETE), leads::delete;
    GET "/api/crm/leads/{id}/transitions", Access::Token(can::LEADS_READ), leads::transitions;
    POST "/api/crm/leads/{id}/events", Access::Token(can::LEADS_READ), leads::happen;
}

/// The modules' part of the document.
#[derive(OpenApi)]
#[openapi(
    paths(
        tags::create_group, tags::change_group, tags::delete_group, tags::create, tags::change, tags::delete,
        call_tags::list, call_tags::set, call_tags::unset,
        leads::list, leads::create, leads::change, leads::delete, leads::transitions, leads::happen
    ),
    tags(
        (name = "tags", description = "What people find of calls: groups of tags, and tags on calls."),
        (name = "leads", description = "People who may become clients, and what becomes of them.")
    )
)]
pub(crate) struct Document;

/// The modules' lists.
pub(crate) const LISTS: &[ListPath] = crate::openapi::lists! {
    TAG_GROUPS "tags" "groups of tags" "/api/tag-groups" "/api/tag-groups/{id}";
    TAGS "tags" "tags" "/api/tags" "/api/tags/{id}";
    LEADS "leads" "leads" "/api/crm/leads" "/api/crm/leads/{id}";
};
