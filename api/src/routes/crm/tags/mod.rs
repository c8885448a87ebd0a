//! What people find of calls: groups of tags, and tags on calls.

mod dictionary;
mod markers;
mod on_calls;
mod statistics;

use ::crm::{
    can,
    tags::{TAG_EVENTS, TAG_GROUPS, TAGS},
};
use utoipa::OpenApi;

use super::Area;
use crate::{openapi, resources, routes::table::routes};

resources::listed! {
    TagGroups = ::crm::tags::TAG_GROUPS;
    Tags = ::crm::tags::TAGS;
}

routes! {
    GET "/api/tag-groups", Access::Token(can::TAGS_READ), resources::list::<TagGroups>;
    POST "/api/tag-groups", Access::Token(can::TAGS_MANAGE), dictionary::create_group;
    GET "/api/tag-groups/{id}", Access::Token(can::TAGS_READ), resources::read::<TagGroups>;
    PUT "/api/tag-groups/{id}", Access::Token(can::TAGS_MANAGE), dictionary::change_group;
    DELETE "/api/tag-groups/{id}", Access::Token(can::TAGS_MANAGE), dictionary::delete_group;
    GET "/api/tags", Access::Token(can::TAGS_READ), resources::list::<Tags>;
    POST "/api/tags", Access::Token(can::TAGS_MANAGE), dictionary::create;
    GET "/api/tags/{id}", Access::Token(can::TAGS_READ), resources::read::<Tags>;
    PUT "/api/tags/{id}", Access::Token(can::TAGS_MANAGE), dictionary::change;
    DELETE "/api/tags/{id}", Access::Token(can::TAGS_MANAGE), dictionary::delete;
    GET "/api/calls/{id}/tags", Access::Token(can::TAGS_READ), on_calls::list;
    GET "/api/calls/{id}/tag-events", Access::Token(can::TAGS_READ), on_calls::events;
    PUT "/api/calls/{id}/tags/{tag}", Access::Token(can::TAGS_SET), on_calls::set;
    DELETE "/api/calls/{id}/tags/{tag}", Access::Token(can::TAGS_UNSET), on_calls::unset;
    GET "/api/calls/{id}/markers", Access::Token(office::can::RECORDINGS_LISTEN), markers::list_markers;
    POST "/api/calls/{id}/markers", Access::Token(office::can::RECORDINGS_LISTEN), markers::mark;
    DELETE "/api/calls/{id}/markers/{marker}", Access::Token(office::can::RECORDINGS_LISTEN), markers::unmark;
    GET "/api/statistics/tags", Access::Token(can::TAG_STATISTICS_READ), statistics::statistics;
}

#[derive(OpenApi)]
#[openapi(
    paths(
        dictionary::create_group, dictionary::change_group, dictionary::delete_group,
        dictionary::create, dictionary::change, dictionary::delete,
        on_calls::list, on_calls::events, on_calls::set, on_calls::unset, statistics::statistics,
        markers::list_markers, markers::mark, markers::unmark
    ),
    tags((name = "tags", description = "What people find of calls: groups of tags, and tags on calls."))
)]
struct Document;

pub(super) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        TAG_GROUPS "tags" "groups of tags" "/api/tag-groups" "/api/tag-groups/{id}";
        TAGS "tags" "tags" "/api/tags" "/api/tags/{id}";
        TAG_EVENTS "tags" "what happened to a call's tags" "/api/calls/{id}/tag-events";
    },
};
