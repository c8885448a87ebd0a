//! Lists as files: CSV and XLSX, made by a job with the rights that its requester has while it runs, or at once.
//!
//! A file holds the rows up to the greatest key that there was when it was asked for, in the order of their keys. Masked columns are not
//! exported, as hidden ones are not. A file is its requester's, as long as their rights are those by which it was made, and theirs who may see
//! everybody's exports and all that stands in it; it goes after [`KEPT`].
//!
//! What is small is made at once and given with the answer ([`Office::quick_export`]); nothing of it is kept.

mod cells;
mod headers;
mod look;
mod quick;
mod rule;
mod run;
#[cfg(test)]
mod tests;
mod xlsx;

use std::{collections::BTreeSet, os::unix::fs::DirBuilderExt as _, path::PathBuf, time::Duration};

use model::{Action, Column, ColumnKind, Owner, Resource, UserId, WallTime};
use serde_json::{Value, json};
use sqlx::FromRow;
use store::{
    Statement, StoreError,
    audit::{self, Category, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements,
};

pub use headers::header;
pub(crate) use quick::QUICK_AT_ONCE;
pub use quick::{QUICK_ROWS_MAX, QUICK_TIME, Quick, QuickFile, Table};
pub use run::RunExport;
pub use xlsx::workbook;

use crate::{Conflict, Fault, ListParams, Office, OfficeError, Permit, Principal, Purpose, Selection, View, can, jobs::NewJob};

/// How long a file is kept after it is made.
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// What there is none of if a file was made by other rights than its requester has now: [`OfficeError::NotFound`].
pub const EXPORT_BY_THESE_RIGHTS: &str = "export by the rights of now";
/// Exports of one person that wait or run at once.
const OPEN_MAX: i64 = 5;

/// Exports, as people see them.
pub static EXPORTS: Resource = Resource {
    name: "exports",
    from: "exports t",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.created_by"),
    lists: &[],
    search: "",
    order: "-id",
    read: can::EXPORTS_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The export's number.").filtered().sorted(),
        Column::new("job_id", "t.job_id", ColumnKind::Id, "The job that makes it."),
        Column::new("resource", "t.resource", ColumnKind::Text, "What is exported.").filtered(),
        Column::new("filter", "t.filter", ColumnKind::Json, "Which rows of it."),
        Column::new("columns", "t.columns", ColumnKind::Json, "Which columns."),
        Column::new("format", "t.format", ColumnKind::Code(&["csv", "xlsx"]), "As what file.").filtered(),
        Column::new("locale", "t.locale", ColumnKind::Text, "In which language."),
        Column::new("tz", "t.tz", ColumnKind::Text, "By the clocks of which time zone."),
        Column::new("state", "t.state", ColumnKind::Code(STATES), "Where it stands.").filtered(),
        Column::new("size", "t.size", ColumnKind::Int, "The file's octets, when it is done.").nullable(),
        Column::new("row_count", "t.row_count", ColumnKind::Int, "Its rows, when it is done.").nullable(),
        Column::new("sha256", "t.sha256", ColumnKind::Text, "The file's SHA-256 in hexadecimal, when it is done.").nullable(),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was asked for.").filtered(),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "By whom.").nullable().filtered(),
        Column::new("expires_at", "t.expires_at", ColumnKind::Time, "When its file goes."),
    ],
};

const STATES: &[&str] = &["queued", "running", "done", "failed", "cancelled", "expired"];

statements! {
    LIKES: both "SELECT COALESCE(u.locale, c.locale) AS locale, COALESCE(u.tz, c.tz) AS tz FROM centers c LEFT JOIN users u ON u.id = $2
        WHERE c.id = $1";
    OPEN: both "SELECT count(*) FROM exports WHERE center_id = $1 AND created_by = $2 AND state IN ('queued', 'running')";
    INSERT: both "INSERT INTO exports (id, center_id, job_id, resource, filter, columns, format, locale, tz, state, created_at, created_by,
        expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', $10, $11, $12)";
    EXPORT: both "SELECT resource, state, file, size, created_by, created_at, expires_at, tz, rule FROM exports
        WHERE id = $1 AND center_id = $2";
    DELETE: both "DELETE FROM exports WHERE id = $1";
    EXPIRED: both "SELECT id FROM exports WHERE expires_at <= $1 AND state = 'done' ORDER BY expires_at LIMIT $2";
    EXPIRE: both "UPDATE exports SET state = 'expired', file = NULL WHERE id = $1 AND state = 'done'";
    FORGET: both "DELETE FROM exports WHERE id IN (SELECT id FROM exports WHERE expires_at < $1 AND state NOT IN ('queued', 'running')
        ORDER BY expires_at LIMIT $2)";
    STATE: both "SELECT state FROM exports WHERE id = $1";
}

/// Every SQL text of exports.
pub(crate) const ALL_STATEMENTS: &[&[Statement]] = &[STATEMENTS, run::STATEMENTS];

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values in UTF-8 with a byte order mark, as spreadsheets want it; separated by semicolons in Russian.
    Csv,
    /// A workbook.
    Xlsx,
}

impl Format {
    /// The name on the wire and in the database, and the file's extension.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// The format with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Csv, Self::Xlsx].into_iter().find(|format| format.as_str() == name)
    }

    /// The media type.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// What is to be exported.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportOrder {
    /// Of what: a resource's name.
    pub resource: String,
    /// Which rows: a list's filter.
    pub filter: Option<Value>,
    /// Words that are found in the rows.
    pub search: Option<String>,
    /// Which columns, in this order; none: all that can be exported.
    pub columns: Option<Vec<String>>,
    /// As what.
    pub format: Format,
    /// In which language; none: the requester's.
    pub locale: Option<String>,
}

/// An export that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartedExport {
    /// Its number.
    pub id: i64,
    /// The job that makes it.
    pub job: i64,
}

/// A file to be sent.
#[derive(Debug)]
pub struct ExportFile {
    /// The file, open for reading.
    pub file: std::fs::File,
    /// The name by which it is to be saved: `calls-2026-11-21.csv`.
    pub name: String,
    /// Its media type.
    pub mime: &'static str,
    /// Its octets.
    pub size: u64,
}

/// What is to be exported, checked.
struct Choice<'v> {
    selection: Selection<'v>,
    columns: Vec<&'static Column>,
    locale: String,
    tz: String,
}

impl Choice<'_> {
    fn resource(&self) -> &'static str {
        self.selection.view().resource().name
    }

    fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }

    /// What the audit log has of it: the export's number, empty if it has none.
    fn entry(&self, permit: &Permit, order: &ExportOrder, id: &str) -> Entry {
        let diff = Diff::none()
            .and("resource", Value::Null, self.resource())
            .and("filter", Value::Null, order.filter.clone().unwrap_or_else(|| json!({})))
            .and("columns", Value::Null, json!(self.names()))
            .and("format", Value::Null, order.format.as_str());
        Entry { category: Category::Read, ..Entry::change(permit.action().0, "exports", id, diff) }
    }
}

#[derive(FromRow)]
struct LikesRow {
    locale: String,
    tz: String,
}

#[derive(FromRow)]
struct ExportRow {
    resource: String,
    state: String,
    file: Option<String>,
    size: Option<i64>,
    created_by: Option<i64>,
    created_at: i64,
    expires_at: i64,
    tz: String,
    rule: Option<String>,
}

impl Office {
    /// The right that it takes to export a resource; none if there is no such resource, or it cannot be exported.
    #[must_use]
    pub fn export_right(&self, resource: &str) -> Option<Action> {
        self.resource(resource).filter(|resource| !resource.from.is_empty()).and_then(|resource| resource.export)
    }

    /// The language that somebody's files are written in, unless they say otherwise: `en` or `ru`.
    ///
    /// # Errors
    /// As the database's.
    pub async fn locale_of_files(&self, permit: &Permit) -> Result<String, OfficeError> {
        Ok(self.likes(permit).await?.locale)
    }

    async fn likes(&self, permit: &Permit) -> Result<LikesRow, OfficeError> {
        let likes = self.store().db().one(LIKES, binds![permit.rows().center, permit.principal().user()]).await?;
        likes.ok_or(OfficeError::NotFound("center"))
    }

    /// Has rows that the permit reaches written to a file. The permit is for the resource's [`Office::export_right`].
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong; [`Conflict::State`] if the person has five exports under way.
    pub async fn start_export(&self, permit: &Permit, order: &ExportOrder, now: WallTime) -> Result<StartedExport, OfficeError> {
        let view = self.view_to_export(permit, order)?;
        let choice = self.choose(&view, order).await?;
        self.begin_export(permit, order, &choice, now).await
    }

    /// What of a resource may be exported, by leave to export it.
    fn view_to_export(&self, permit: &Permit, order: &ExportOrder) -> Result<View, OfficeError> {
        let unknown = || OfficeError::Invalid(vec![Fault::unknown("resource", "there is nothing of this name to export")]);
        let right = self.export_right(&order.resource).ok_or_else(unknown)?;
        let resource = self.resource(&order.resource).ok_or_else(unknown)?;
        if permit.action() != right {
            return Err(OfficeError::Forbidden(format!("to export {} takes the right {right}", resource.name)));
        }
        Ok(permit.view(resource))
    }

    /// Checks what is to be exported.
    async fn choose<'v>(&self, view: &'v View, order: &ExportOrder) -> Result<Choice<'v>, OfficeError> {
        let resource = view.resource();
        let params = params(order.filter.as_ref(), order.search.as_deref(), order.columns.as_deref());
        let selection = view.select(&params, Purpose::Export).map_err(|error| as_columns(error, "columns"))?;
        let mut faults = Vec::new();
        // Columns that neither the list reads nor a module adds, such as whether there is a recording, are not in the rows that it walks.
        let columns: Vec<&'static Column> =
            selection.columns().iter().filter(|column| self.is_exported(resource, column)).copied().collect();
        if columns.is_empty() {
            faults.push(Fault::invalid("columns", "there is no column to export"));
        }
        if let Some(name) =
            order.columns.iter().flatten().find(|name| resource.column(name).is_some_and(|column| !self.is_exported(resource, column)))
        {
            faults.push(Fault::invalid(format!("columns.{name}"), "this column cannot be exported"));
        }
        let (locale, tz) = self.language(view.permit(), order.locale.as_deref(), &mut faults).await?;
        if faults.is_empty() { Ok(Choice { selection, columns, locale, tz }) } else { Err(OfficeError::Invalid(faults)) }
    }

    /// In which language a person reads files, unless they say which, and by the clocks of which time zone.
    async fn language(&self, permit: &Permit, locale: Option<&str>, faults: &mut Vec<Fault>) -> Result<(String, String), OfficeError> {
        let likes = self.likes(permit).await?;
        let locale = match locale {
            None => likes.locale,
            Some(locale @ ("en" | "ru")) => locale.to_owned(),
            Some(_) => {
                faults.push(Fault::invalid("locale", "a locale is en or ru"));
                String::new()
            }
        };
        Ok((locale, likes.tz))
    }

    async fn begin_export(
        &self,
        permit: &Permit,
        order: &ExportOrder,
        choice: &Choice<'_>,
        now: WallTime,
    ) -> Result<StartedExport, OfficeError> {
        let (center, user) = (permit.rows().center, permit.principal().user());
        // Rows that come later are not in the file: it shows one moment.
        let upto = self.last_key(&choice.selection).await?.unwrap_or(0);

        let mut tx = self.store().db().begin().await?;
        // Numbers are drawn one after the other, so whoever counts has the exports of before all counted.
        let id = draw(&mut tx, "export", 1).await?;
        let open: Option<(i64,)> = tx.one(OPEN, binds![center, user]).await?;
        if open.is_some_and(|(open,)| open >= OPEN_MAX) {
            return Err(OfficeError::Conflict(Conflict::State(format!("{OPEN_MAX} of your exports are under way: wait, or cancel one"))));
        }
        let payload = json!({"export": id, "upto": upto, "search": order.search});
        let job = self.enqueue(&mut tx, now, NewJob::new("exports.run", center, payload).by(user)).await?;
        let filter = order.filter.clone().unwrap_or_else(|| json!({}));
        let binds = binds![
            id,
            center,
            job,
            choice.resource(),
            filter.to_string(),
            json!(choice.names()).to_string(),
            order.format.as_str(),
            &choice.locale,
            &choice.tz,
            now,
            user,
            now.after(KEPT),
        ];
        tx.run(INSERT, binds).await?;
        audit::append(&mut tx, now, permit.actor(), &[choice.entry(permit, order, &id.to_string())]).await?;
        tx.commit().await?;
        self.wake_jobs();
        Ok(StartedExport { id, job })
    }

    /// The file of an export, for its requester, or for who may read everybody's exports and see all that stands in it. That it was fetched
    /// is written to the audit log first.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], also if it was made by other rights ([`EXPORT_BY_THESE_RIGHTS`]); [`Conflict::State`] if it is not there yet, or
    /// no more.
    pub async fn open_export(&self, permit: &Permit, id: i64, now: WallTime) -> Result<ExportFile, OfficeError> {
        permit.must_be(can::EXPORTS_READ)?;
        let export = self.export_row(permit, id).await?;
        let is_by_these_rights = self.may_still_see(permit.principal(), &export)?;
        let state = |what: String| OfficeError::Conflict(Conflict::State(what));
        if export.state == "expired" || (export.state == "done" && export.expires_at <= now.0) {
            return Err(state("the file is not kept any more: export it again".to_owned()));
        }
        let file = match (export.state.as_str(), &export.file) {
            ("done", Some(file)) => file,
            (other, _) => return Err(state(format!("there is no file: the export is {other}"))),
        };
        if !is_by_these_rights {
            return Err(OfficeError::NotFound(EXPORT_BY_THESE_RIGHTS));
        }
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        let format = Format::parse(extension).ok_or_else(|| OfficeError::Defect(format!("export {id} has the file {file}")))?;
        let path = self.exports_dir().join(file);
        let opened = tokio::task::spawn_blocking(move || std::fs::File::open(path)).await;
        let opened = opened.map_err(|error| OfficeError::Defect(error.to_string()))?;
        let opened = opened.map_err(|_| state("the file is gone: export it again".to_owned()))?;
        self.audit_read(permit, "exports.download", "exports", id, now).await?;
        let name = name(&export.resource, WallTime(export.created_at), &export.tz, format);
        let size = export.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        Ok(ExportFile { file: opened, name, mime: format.mime(), size })
    }

    /// Deletes an export with its file.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`]; [`Conflict::State`] while it is under way.
    pub async fn delete_export(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::EXPORTS_DELETE)?;
        let export = self.export_row(permit, id).await?;
        if matches!(export.state.as_str(), "queued" | "running") {
            return Err(OfficeError::Conflict(Conflict::State("the export is under way: cancel its job first".to_owned())));
        }
        self.remove_files(id).await?;
        let mut tx = self.store().db().begin().await?;
        tx.run(DELETE, binds![id]).await?;
        let diff = Diff::none().and("resource", export.resource, Value::Null).and("state", export.state, Value::Null);
        audit::append(&mut tx, now, permit.actor(), &[Entry::change(permit.action().0, "exports", id, diff)]).await?;
        Ok(tx.commit().await?)
    }

    async fn export_row(&self, permit: &Permit, id: i64) -> Result<ExportRow, OfficeError> {
        let row: Option<ExportRow> = self.store().db().one(EXPORT, binds![id, permit.rows().center]).await?;
        let owner = |row: &ExportRow| row.created_by.map(UserId).into_iter().collect::<BTreeSet<_>>();
        row.filter(|row| permit.reaches(&owner(row))).ok_or(OfficeError::NotFound("export"))
    }

    /// A file outlives the rights by which it was made: who fetches it must have the same now, or see everything. Gives whether they do; those
    /// whose file it is not are told of none.
    fn may_still_see(&self, principal: &Principal, export: &ExportRow) -> Result<bool, OfficeError> {
        let not_found = || OfficeError::NotFound("export");
        let resource = self.resource(&export.resource).ok_or_else(not_found)?;
        let permit = resource.export.and_then(|right| principal.permit(right)).ok_or_else(not_found)?;
        let is_own = export.created_by == Some(principal.user().0);
        let is_same = export.rule.as_ref().is_some_and(|rule| *rule == rule::hash(self, &permit, resource));
        let may = is_same || rule::sees_everything(&permit, resource);
        if may || is_own { Ok(may) } else { Err(not_found()) }
    }

    fn export_paths(&self, id: i64) -> Paths {
        Paths::new(self.exports_dir(), id)
    }

    async fn remove_files(&self, id: i64) -> Result<(), OfficeError> {
        let paths = self.export_paths(id);
        let removed = tokio::task::spawn_blocking(move || paths.remove()).await;
        Ok(removed.map_err(|error| OfficeError::Defect(error.to_string()))??)
    }
}

/// The files of one export.
#[derive(Debug, Clone)]
struct Paths {
    dir: PathBuf,
    id: i64,
}

impl Paths {
    fn new(dir: &std::path::Path, id: i64) -> Self {
        Self { dir: dir.to_owned(), id }
    }

    /// Rows that are being gathered.
    fn part(&self) -> PathBuf {
        self.dir.join(format!("{}.part", self.id))
    }

    /// The workbook that is being made of them.
    fn book_part(&self) -> PathBuf {
        self.dir.join(format!("{}.xlsx.part", self.id))
    }

    /// The name of the finished file.
    fn name(&self, format: Format) -> String {
        format!("{}.{}", self.id, format.as_str())
    }

    fn finished(&self, format: Format) -> PathBuf {
        self.dir.join(self.name(format))
    }

    fn remove(&self) -> std::io::Result<()> {
        for path in [self.part(), self.book_part(), self.finished(Format::Csv), self.finished(Format::Xlsx)] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The name by which a file is to be saved: of what it is, and of which day in the reader's time zone.
fn name(resource: &str, at: WallTime, tz: &str, format: Format) -> String {
    let day = cells::text(ColumnKind::Time, &json!(at.0), tz.parse().unwrap_or(chrono_tz::Tz::UTC));
    format!("{resource}-{}.{}", day.get(..10).unwrap_or_default(), format.as_str())
}

/// What is exported is for few eyes.
fn make_dir(dir: &std::path::Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// What is asked of the list.
fn params(filter: Option<&Value>, search: Option<&str>, columns: Option<&[String]>) -> ListParams {
    let mut params = ListParams::default();
    if let Some(filter) = filter {
        params = params.filtered(filter.clone());
    }
    if let Some(search) = search {
        params = params.searched(search);
    }
    match columns {
        Some(columns) => params.of_fields(columns.iter().cloned()),
        None => params,
    }
}

/// A list says `fields` where an export says `columns`.
fn as_columns(error: OfficeError, name: &str) -> OfficeError {
    match error {
        OfficeError::Invalid(faults) => OfficeError::Invalid(
            faults
                .into_iter()
                .map(|fault| match fault.field.strip_prefix("fields.") {
                    Some(column) => Fault { field: format!("{name}.{column}"), ..fault },
                    None => fault,
                })
                .collect(),
        ),
        other => other,
    }
}

/// Takes the files of exports away that have had their time, at most `limit`; says how many.
pub(crate) async fn expire(office: &Office, tx: &mut Tx, now: WallTime, limit: i64) -> Result<u64, OfficeError> {
    let expired: Vec<(i64,)> = tx.all(EXPIRED, binds![now, limit]).await?;
    let mut gone = 0;
    for (id,) in expired {
        // The file first: a row without a file says what is true, a file without a row would stay for ever.
        office.remove_files(id).await?;
        gone += tx.run(EXPIRE, binds![id]).await?;
    }
    Ok(gone)
}

/// Takes exports from the list that have expired before `before`, at most `limit`; says how many.
pub(crate) async fn forget(tx: &mut Tx, before: WallTime, limit: i64) -> Result<u64, StoreError> {
    tx.run(FORGET, binds![before, limit]).await
}

/// Takes files away that belong to no export which is under way or done; says how many.
pub(crate) async fn sweep(office: &Office) -> Result<u64, OfficeError> {
    let dir = office.exports_dir().to_owned();
    let ids = tokio::task::spawn_blocking(move || ids_in(&dir)).await.map_err(|error| OfficeError::Defect(error.to_string()))??;
    let mut gone = 0;
    for id in ids {
        let state: Option<(String,)> = office.store().db().one(STATE, binds![id]).await?;
        if state.is_none_or(|(state,)| matches!(state.as_str(), "failed" | "cancelled" | "expired")) {
            office.remove_files(id).await?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// The exports of which there are files.
fn ids_in(dir: &std::path::Path) -> std::io::Result<BTreeSet<i64>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let mut ids = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name();
        ids.extend(name.to_str().and_then(|name| name.split_once('.')).and_then(|(id, _)| id.parse::<i64>().ok()));
    }
    Ok(ids)
}
