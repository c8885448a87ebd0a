//! Notes: what people write down of calls, leads and clients (S004-15, S004-16, S004-103).
//!
//! A note is on one of these or on several; a note on a call is on the call's lead, too. It is reached by whoever reaches one of them, both by the
//! right to see it and by the right to notes; the others are not named to who does not reach them.

mod change;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::{CallId, Column, ColumnKind, Owner, Resource};
use office::{ListPage, ListParams, OfficeError, Permit};
use serde_json::{Map, Value};
use store::Statement;

pub use change::NewNote;
pub(crate) use change::{add, of_deleted, text};

use crate::{Crm, can, parent::Parent};

/// Characters of a note.
pub const TEXT_MAX: usize = 8_000;
/// Notes of one call, lead or client; more are refused.
pub const NOTES_MAX: i64 = 2_000;

pub(crate) const STATEMENTS: &[&[Statement]] = &[change::STATEMENTS];

/// Notes. Whose a note is, what it is on says: no list of them is given but of something that the person was found to reach.
pub static NOTES: Resource = Resource {
    name: "notes",
    from: "notes t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Anybody,
    lists: &[],
    search: "",
    order: "-id",
    read: can::NOTES_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The note's id.").sorted().filtered(),
        Column::new("call_id", "t.call_id", ColumnKind::Call, "The call that it is on, for who reaches that.").nullable(),
        Column::new("lead_id", "t.lead_id", ColumnKind::Id, "The lead that it is on, for who reaches that.").nullable(),
        Column::new("client_id", "t.client_id", ColumnKind::Id, "The client that it is on, for who reaches that.").nullable(),
        Column::new("text", "t.text", ColumnKind::Text, "What it says."),
        Column::new("author_id", "t.author_id", ColumnKind::Id, "Who wrote it; absent for the program.").nullable().filtered(),
        Column::new("author_name", "(SELECT u.display_name FROM users u WHERE u.id = t.author_id)", ColumnKind::Text, "Their name.")
            .nullable()
            .like(&["author_id"]),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was written.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered(),
    ],
};

impl Crm {
    /// A page of the notes on a call, a lead or a client, by leave to read notes; the newest first.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for what the person does not reach, [`OfficeError::Invalid`] with what is wrong with the parameters.
    pub async fn notes_of(&self, permit: &Permit, parent: Parent, params: ListParams) -> Result<ListPage, OfficeError> {
        permit.must_be(can::NOTES_READ)?;
        self.must_reach(permit, parent).await?;
        let params = params.within(parent.column(), parent.id());
        let mut page = self.office().list(&permit.view(&NOTES), &params).await?;
        self.name_reached(permit, Some(parent), page.items.iter_mut()).await?;
        Ok(page)
    }

    /// A note as the person sees it, by leave to read notes.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if they reach nothing of what it is on.
    pub async fn note(&self, permit: &Permit, id: i64) -> Result<Map<String, Value>, OfficeError> {
        permit.must_be(can::NOTES_READ)?;
        self.reach_note(permit, id).await?;
        let mut row = self.office().read(&permit.view(&NOTES), &id.to_string()).await?;
        self.name_reached(permit, None, std::iter::once(&mut row)).await?;
        Ok(row)
    }

    /// Leaves of what notes are on what the person reaches; `known` they do.
    pub(crate) async fn name_reached(
        &self,
        permit: &Permit,
        known: Option<Parent>,
        rows: impl Iterator<Item = &mut Map<String, Value>>,
    ) -> Result<(), OfficeError> {
        let mut reached: BTreeMap<Parent, bool> = known.into_iter().map(|known| (known, true)).collect();
        for row in rows {
            for column in ["call_id", "lead_id", "client_id"] {
                let Some(text) = row.get(column).and_then(Value::as_str) else { continue };
                let parent = match column {
                    "call_id" => text.parse::<CallId>().ok().map(Parent::Call),
                    "lead_id" => text.parse().ok().map(Parent::Lead),
                    _ => text.parse().ok().map(Parent::Client),
                };
                let is_reached = match parent {
                    Some(parent) => match reached.get(&parent) {
                        Some(is_reached) => *is_reached,
                        None => {
                            let reader = permit.principal().permit(parent.read());
                            let is_reached = match reader {
                                Some(reader) => self.reaches(&reader, parent).await?,
                                None => false,
                            };
                            reached.insert(parent, is_reached);
                            is_reached
                        }
                    },
                    None => false,
                };
                if !is_reached {
                    row.insert(column.to_owned(), Value::Null);
                }
            }
        }
        Ok(())
    }
}
