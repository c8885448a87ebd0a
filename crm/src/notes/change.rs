//! Notes are written, changed and deleted. What a note said before stays, also when it is gone.

use std::collections::BTreeSet;

use model::{Action, CallId, CenterId, RowNews, UserId, WallTime};
use office::{Conflict, Fault, OfficeError, Permit};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, draw, idempotency_finish},
    statements,
};

use super::{NOTES, NOTES_MAX, TEXT_MAX};
use crate::{
    Crm, can,
    parent::{Parent, gates},
};

/// A note to be written, on one at least.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewNote {
    /// On a call, and so on the call's lead.
    pub call: Option<CallId>,
    /// On a lead.
    pub lead: Option<i64>,
    /// On a client.
    pub client: Option<i64>,
    /// What it says, up to [`TEXT_MAX`] characters.
    pub text: String,
}

statements! {
    LEAD_OF_CALL: both "SELECT lead_id FROM call_links WHERE call_id = $1 AND lead_id IS NOT NULL";
    // Neither is deleted until the transaction ends; SQLite has one writer anyway.
    LEAD: each "SELECT id FROM leads WHERE id = $1 AND center_id = $2", "SELECT id FROM leads WHERE id = $1 AND center_id = $2 FOR SHARE";
    CLIENT: each "SELECT id FROM clients WHERE id = $1 AND center_id = $2",
        "SELECT id FROM clients WHERE id = $1 AND center_id = $2 FOR SHARE";
    OF_CALL: both "SELECT count(*) FROM (SELECT 1 FROM notes WHERE call_id = $1 LIMIT 2000) AS some_notes";
    OF_LEAD: both "SELECT count(*) FROM (SELECT 1 FROM notes WHERE lead_id = $1 LIMIT 2000) AS some_notes";
    OF_CLIENT: both "SELECT count(*) FROM (SELECT 1 FROM notes WHERE client_id = $1 LIMIT 2000) AS some_notes";
    INSERT: both "INSERT INTO notes (id, center_id, call_id, lead_id, client_id, text, author_id, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8)";
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE notes SET version = version WHERE id = $1 AND center_id = $2
        RETURNING call_id, lead_id, client_id, text, author_id, version, created_at, updated_at";
    PARENTS: both "SELECT call_id, lead_id, client_id FROM notes WHERE id = $1 AND center_id = $2";
    CHANGE: both "UPDATE notes SET text = $2, version = version + 1, updated_at = $3 WHERE id = $1";
    KEEP: both "INSERT INTO note_texts (note_id, version, text, at, by_user) VALUES ($1, $2, $3, $4, $5)";
    DELETE: both "DELETE FROM notes WHERE id = $1";
    NAME: both "SELECT display_name FROM users WHERE id = $1";
    // Of a lead or a client that is deleted: what is on nothing else goes, with all that it ever said.
    FORGET_OF_LEAD: both "DELETE FROM note_texts WHERE note_id IN
        (SELECT id FROM notes WHERE lead_id = $1 AND call_id IS NULL AND client_id IS NULL)";
    DELETE_OF_LEAD: both "DELETE FROM notes WHERE lead_id = $1 AND call_id IS NULL AND client_id IS NULL";
    UNLINK_LEAD: both "UPDATE notes SET lead_id = NULL WHERE lead_id = $1";
    FORGET_OF_CLIENT: both "DELETE FROM note_texts WHERE note_id IN
        (SELECT id FROM notes WHERE client_id = $1 AND call_id IS NULL AND lead_id IS NULL)";
    DELETE_OF_CLIENT: both "DELETE FROM notes WHERE client_id = $1 AND call_id IS NULL AND lead_id IS NULL";
    UNLINK_CLIENT: both "UPDATE notes SET client_id = NULL WHERE client_id = $1";
}

#[derive(Debug, Clone, FromRow)]
struct NoteRow {
    call_id: Option<i64>,
    lead_id: Option<i64>,
    client_id: Option<i64>,
    text: String,
    author_id: Option<i64>,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl NoteRow {
    fn parents(&self) -> Vec<Parent> {
        parents((self.call_id, self.lead_id, self.client_id))
    }
}

fn parents((call, lead, client): (Option<i64>, Option<i64>, Option<i64>)) -> Vec<Parent> {
    let call = call.map(|call| Parent::Call(CallId(call)));
    call.into_iter().chain(lead.map(Parent::Lead)).chain(client.map(Parent::Client)).collect()
}

impl Crm {
    /// Writes a note, by leave to do so; gives its id. Under a key that was begun (`Office::idempotency_begin`) the outcome is kept with it, as the id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`OfficeError::NotFound`] for what it is to be on and the person does not reach, [`Conflict::State`] if that has as
    /// many as there may be.
    pub async fn create_note(&self, permit: &Permit, new: &NewNote, key: Option<&str>, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::NOTES_CREATE)?;
        let text = text(&new.text)?;
        let on = parents((new.call.map(|call| call.0), new.lead, new.client));
        if on.is_empty() {
            let detail = "a note is on a call, a lead or a client".to_owned();
            return Err(OfficeError::Invalid(vec![Fault { field: "call_id".to_owned(), code: "missing_field", detail }]));
        }
        for parent in &on {
            self.must_reach(permit, *parent).await?;
        }
        let mut tx = self.store().db().begin().await?;
        let made = write(&mut tx, permit, new, &text, key, now).await;
        let (id, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        Ok(id)
    }

    /// Changes what a note says, which is at the version that the person saw; gives its new version. Others' notes are changed by who reaches
    /// their authors, as far as the centre goes.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::NotPermitted`] for a note that is seen and is another's, [`OfficeError::Invalid`],
    /// [`Conflict::Version`].
    pub async fn update_note(&self, permit: &Permit, id: i64, version: i64, new: &str, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::NOTES_UPDATE)?;
        let new = text(new)?;
        self.reach_note(permit, id).await?;
        let mut tx = self.store().db().begin().await?;
        let made = change(&mut tx, permit, (id, version), &new, now).await;
        let (version, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        Ok(version)
    }

    /// Deletes a note; what it said is kept.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::NotPermitted`] for a note that is seen and is another's.
    pub async fn delete_note(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::NOTES_DELETE)?;
        self.reach_note(permit, id).await?;
        let mut tx = self.store().db().begin().await?;
        let made = delete(&mut tx, permit, id, now).await;
        let news = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        Ok(())
    }

    /// A note that is not reached by anything that it is on is not there.
    pub(super) async fn reach_note(&self, permit: &Permit, id: i64) -> Result<(), OfficeError> {
        let row: Option<(Option<i64>, Option<i64>, Option<i64>)> = self.store().db().one(PARENTS, binds![id, permit.rows().center]).await?;
        for parent in row.map(parents).unwrap_or_default() {
            if self.reaches(permit, parent).await? {
                return Ok(());
            }
        }
        Err(OfficeError::NotFound("notes"))
    }
}

async fn write(
    tx: &mut Tx,
    permit: &Permit,
    new: &NewNote,
    text: &str,
    key: Option<&str>,
    now: WallTime,
) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let lead = match (new.lead, new.call) {
        (Some(lead), _) => Some(lead),
        (None, Some(call)) => tx.one::<(i64,)>(LEAD_OF_CALL, binds![call]).await?.map(|(lead,)| lead),
        (None, None) => None,
    };
    let on = (new.call.map(|call| call.0), lead, new.client);
    let (id, news) = add(tx, permit, on, text, now).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, NOTES.name, id, said("", text))]).await?;
    if let Some(key) = key {
        idempotency_finish(tx, permit.principal().user(), key, 201, &id.to_string()).await?;
    }
    Ok((id, news))
}

/// Puts a note there, on what the person was found to reach, and says who hears of it. It is for the caller to write into the audit log.
pub(crate) async fn add(
    tx: &mut Tx,
    permit: &Permit,
    (call, lead, client): (Option<i64>, Option<i64>, Option<i64>),
    text: &str,
    now: WallTime,
) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let (center, author) = (permit.rows().center, permit.actor().user());
    // What was deleted meanwhile takes no notes.
    if let Some(lead) = lead {
        tx.one::<(i64,)>(LEAD, binds![lead, center]).await?.ok_or(Parent::Lead(lead).none())?;
    }
    if let Some(client) = client {
        tx.one::<(i64,)>(CLIENT, binds![client, center]).await?.ok_or(Parent::Client(client).none())?;
    }
    for parent in parents((call, lead, client)) {
        let count = match parent {
            Parent::Call(_) => OF_CALL,
            Parent::Lead(_) => OF_LEAD,
            Parent::Client(_) => OF_CLIENT,
        };
        let (count,): (i64,) = tx.one(count, binds![parent.key()]).await?.unwrap_or_default();
        if count >= NOTES_MAX {
            return Err(OfficeError::Conflict(Conflict::State(format!("there are {NOTES_MAX} notes on it already"))));
        }
    }
    let id = draw(tx, "note", 1).await?;
    tx.run(INSERT, binds![id, center, call, lead, client, text, author, now]).await?;
    let row = NoteRow {
        call_id: call,
        lead_id: lead,
        client_id: client,
        text: text.to_owned(),
        author_id: author.map(|author| author.0),
        version: 1,
        created_at: now.0,
        updated_at: now.0,
    };
    let news = news(tx, center, "note.new", id, &row, true).await?;
    Ok((id, news))
}

async fn change(
    tx: &mut Tx,
    permit: &Permit,
    (id, version): (i64, i64),
    text: &str,
    now: WallTime,
) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let center = permit.rows().center;
    let mut row = lock(tx, permit, can::NOTES_UPDATE, id).await?;
    if row.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: row.version }));
    }
    if row.text == text {
        return Ok((version, Vec::new()));
    }
    let diff = said(&row.text, text);
    tx.run(KEEP, binds![id, version, &row.text, now, permit.actor().user()]).await?;
    tx.run(CHANGE, binds![id, text, now]).await?;
    (row.text, row.version, row.updated_at) = (text.to_owned(), version + 1, now.0);
    let news = news(tx, center, "note.update", id, &row, true).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, NOTES.name, id, diff)]).await?;
    Ok((version + 1, news))
}

async fn delete(tx: &mut Tx, permit: &Permit, id: i64, now: WallTime) -> Result<Vec<RowNews>, OfficeError> {
    let center = permit.rows().center;
    let row = lock(tx, permit, can::NOTES_DELETE, id).await?;
    tx.run(KEEP, binds![id, row.version, &row.text, now, permit.actor().user()]).await?;
    tx.run(DELETE, binds![id]).await?;
    let news = news(tx, center, "note.update", id, &row, false).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, NOTES.name, id, said(&row.text, ""))]).await?;
    Ok(news)
}

/// A note of this centre, locked until the transaction ends, if the right reaches who wrote it.
async fn lock(tx: &mut Tx, permit: &Permit, right: Action, id: i64) -> Result<NoteRow, OfficeError> {
    let row: NoteRow = tx.one(LOCK, binds![id, permit.rows().center]).await?.ok_or(OfficeError::NotFound("notes"))?;
    let author: BTreeSet<UserId> = row.author_id.map(UserId).into_iter().collect();
    if permit.reaches(&author) { Ok(row) } else { Err(OfficeError::NotPermitted(right.0)) }
}

/// The notes on a lead or a client that is deleted, in its transaction: those that are on something else stay there.
pub(crate) async fn of_deleted(tx: &mut Tx, parent: Parent) -> Result<(), StoreError> {
    let statements = match parent {
        Parent::Call(_) => return Ok(()),
        Parent::Lead(_) => [FORGET_OF_LEAD, DELETE_OF_LEAD, UNLINK_LEAD],
        Parent::Client(_) => [FORGET_OF_CLIENT, DELETE_OF_CLIENT, UNLINK_CLIENT],
    };
    for statement in statements {
        tx.run(statement, binds![parent.key()]).await?;
    }
    Ok(())
}

/// One event for everything that it is on, which names that and nothing else.
async fn news(
    tx: &mut Tx,
    center: CenterId,
    kind: &'static str,
    id: i64,
    row: &NoteRow,
    is_there: bool,
) -> Result<Vec<RowNews>, StoreError> {
    let name: Option<(String,)> = match row.author_id {
        Some(author) => tx.one(NAME, binds![author]).await?,
        None => None,
    };
    let mut told = Vec::new();
    for parent in row.parents() {
        let mut picture = Map::new();
        if let Value::Object(all) = json!({
            "id": id.to_string(),
            "call_id": null,
            "lead_id": null,
            "client_id": null,
            "text": row.text,
            "author_id": row.author_id.map(|author| author.to_string()),
            "author_name": name.as_ref().map(|(name,)| name),
            "version": row.version,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }) {
            picture = all;
        }
        picture.insert(parent.column().to_owned(), parent.id());
        let gates = gates(tx, parent, Some(can::NOTES_READ)).await?;
        let row = is_there.then_some(picture);
        told.push(RowNews { kind, resource: NOTES.name, id: id.to_string(), center, gates, row });
    }
    Ok(told)
}

fn said(before: &str, after: &str) -> Diff {
    let value = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
    Diff::none().and("text", value(before), value(after))
}

/// What a note says: lines are kept, blanks around it are not.
pub(crate) fn text(text: &str) -> Result<String, OfficeError> {
    let text = text.trim();
    if text.is_empty() {
        let fault = Fault { field: "text".to_owned(), code: "missing_field", detail: "a note says something".to_owned() };
        return Err(OfficeError::Invalid(vec![fault]));
    }
    let is_strange = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if text.chars().count() > TEXT_MAX || text.chars().any(is_strange) {
        let detail = format!("a note has at most {TEXT_MAX} characters, and no control characters but ends of lines");
        return Err(OfficeError::Invalid(vec![Fault::invalid("text", detail)]));
    }
    Ok(text.to_owned())
}
