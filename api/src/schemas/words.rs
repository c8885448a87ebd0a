//! What a word or a short form may be.

use model::Cause;
use utoipa::openapi::{
    RefOr, Schema,
    schema::{ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Type},
};

pub(super) fn one_of(names: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied())).build()
}

pub(super) fn sip() -> Object {
    one_of(&["sip"])
}

pub(super) fn centers() -> Object {
    one_of(&["own", "all"])
}

pub(super) fn send() -> Object {
    one_of(&["plus", "digits", "national"])
}

pub(super) fn early_media() -> Object {
    one_of(&["prefer", "pass", "ring"])
}

pub(super) fn rule_of() -> Object {
    one_of(&["both", "called", "caller"])
}

pub(super) fn from_part() -> Object {
    one_of(&["caller", "account"])
}

pub(super) fn privacy() -> Object {
    one_of(&["refuse", "id", "anonymous"])
}

pub(super) fn redirections() -> Object {
    one_of(&["none", "diversion", "history_info"])
}

pub(super) fn cause() -> Object {
    let codes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.code()).collect();
    one_of(&codes)
}

pub(super) fn ring() -> Object {
    one_of(&["together", "in_turn"])
}

/// `{"name": value}`.
pub(super) fn only(name: &str, value: impl Into<RefOr<Schema>>) -> Object {
    ObjectBuilder::new().property(name, value).required(name).build()
}

pub(super) fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

/// `"slot"`, or `{"carrier": "3"}`.
pub(crate) fn came_by() -> Schema {
    Schema::OneOf(OneOfBuilder::new().item(one_of(&["slot"])).item(only("carrier", text())).build())
}

/// `"any"`, `"slot"`, or `{"carriers": ["3"]}`.
pub(super) fn route_came_by() -> Schema {
    let carriers = ArrayBuilder::new().items(text());
    Schema::OneOf(OneOfBuilder::new().item(one_of(&["any", "slot"])).item(only("carriers", carriers)).build())
}

/// A slot by its number, or by its id: `"6001"`, `{"id": "44"}`.
pub(super) fn slots() -> Schema {
    let slot = OneOfBuilder::new().item(text()).item(only("id", text()));
    Schema::Array(ArrayBuilder::new().items(slot).build())
}

pub(super) fn origins() -> OneOfBuilder {
    OneOfBuilder::new().item(one_of(&["numbering"])).item(only("route", text())).item(only("number", text()))
}

pub(super) fn origin() -> Schema {
    Schema::OneOf(origins().build())
}

pub(super) fn origin_or_null() -> Schema {
    Schema::OneOf(origins().item(ObjectBuilder::new().schema_type(Type::Null)).build())
}
