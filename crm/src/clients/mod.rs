//! Clients: people and companies that we know, each telephone number of a centre at most one's (requirements, 1.3).
//!
//! A client is its owner's, who is somebody who works here; a right to one's own clients reaches those. Who makes one with a number that another
//! client has is told so, and which client that is only if they see it.

mod change;
mod convert;
mod rows;
#[cfg(test)]
mod tests;

use model::{Column, ColumnKind, Links, Mask, Narrow, Owner, Resource};
use store::Statement;

pub use change::{ClientChange, PhoneChange};
pub(crate) use convert::of_lead;

use crate::can;

/// Characters of a part of a name.
pub const NAME_MAX: usize = 128;
/// Telephone numbers of one client.
pub const PHONES_MAX: usize = 20;
/// Digits of a taxpayer's number.
pub const INN_MAX: usize = 12;

const KINDS: &[&str] = &["person", "company"];
const PHONE_KINDS: &[&str] = &["mobile", "work", "home", "other"];

pub(crate) const STATEMENTS: &[&[Statement]] = &[change::STATEMENTS, convert::STATEMENTS, rows::STATEMENTS];

static NUMBERS: Links = Links {
    table: "client_phones",
    row: "client_id",
    value: "e164",
    kind: ColumnKind::Text,
    center: "center_id",
    has_index: true,
    read: None,
    narrow: Narrow::None,
    only: "",
    like: &["phone", "phones"],
};

/// Clients.
pub static CLIENTS: Resource = Resource {
    name: "clients",
    from: "clients t",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.owner_user_id"),
    lists: &[],
    search: "t.search_norm",
    order: "-id",
    read: can::CLIENTS_READ,
    export: Some(can::CLIENTS_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The client's id.").sorted().filtered(),
        Column::new("kind", "t.kind", ColumnKind::Code(KINDS), "A person or a company.").filtered(),
        Column::new("last_name", "t.last_name", ColumnKind::Text, "Their family name.").nullable().filtered(),
        Column::new("first_name", "t.first_name", ColumnKind::Text, "Their given name.").nullable().filtered(),
        Column::new("patronymic", "t.patronymic", ColumnKind::Text, "Their patronymic.").nullable().filtered(),
        Column::new("org_name", "t.org_name", ColumnKind::Text, "The company's name.").nullable().filtered(),
        Column::new("inn", "t.inn", ColumnKind::Text, "Their taxpayer's number.").nullable().filtered(),
        Column::new(
            "phone",
            "(SELECT p.e164 FROM client_phones p WHERE p.client_id = t.id AND p.is_primary = 1)",
            ColumnKind::Text,
            "The number to call first.",
        )
        .nullable()
        .masked(Mask::Phone),
        Column::new("phones", "t.phones", ColumnKind::Json, "All their numbers: number, kind and whether it is to be called first.")
            .like(&["phone"]),
        Column::new("number", "", ColumnKind::Text, "Any of their numbers: to filter by.").nullable().linked(&NUMBERS),
        Column::new("email", "t.email", ColumnKind::Text, "Their e-mail address.").nullable().filtered().masked(Mask::Email),
        Column::new("owner_user_id", "t.owner_user_id", ColumnKind::Id, "Whose client it is.").nullable().filtered(),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered().sorted(),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "Who made it.").nullable().filtered(),
    ],
};
