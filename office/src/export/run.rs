//! The job that writes an export.
//!
//! Rows are gathered in chunks: a CSV file is written as it will be, for a workbook each row is a line of JSON. A chunk is on the disk before
//! the checkpoint says so, and whatever the file has beyond its checkpoint is cut off before the next one; so after a crash the file
//! goes on where it was, and is the same as if nothing had happened.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use model::Column;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;
use store::{Db, binds, statements};

use super::{
    Format, KEPT, Paths,
    look::Look,
    make_dir, params, rule,
    xlsx::{self, Book},
};
use crate::{
    OfficeError, Purpose, audit,
    jobs::{End, JobError, JobKind, Next, Step},
};

/// Rows of one step.
pub(super) const CHUNK: u32 = 5000;

statements! {
    ORDER: both "SELECT resource, filter, columns, format, locale, tz, rule FROM exports WHERE id = $1 AND job_id = $2";
    RUNS: both "UPDATE exports SET state = 'running', rule = $2 WHERE id = $1";
    IS_DONE: both "UPDATE exports SET state = 'done', file = $2, size = $3, row_count = $4, sha256 = $5, expires_at = $6 WHERE id = $1";
    ENDED: both "UPDATE exports SET state = $2 WHERE id = $1 AND state IN ('queued', 'running')";
}

/// Writes exports.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunExport;

#[derive(Debug, Deserialize)]
struct Payload {
    export: i64,
    /// The greatest key when it was asked for.
    upto: i64,
    search: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Checkpoint {
    stage: Stage,
    /// All rows up to this key are in the file.
    after: i64,
    /// So many octets of the file count.
    len: u64,
    rows: u64,
}

/// Nothing is gathered yet.
const START: Checkpoint = Checkpoint { stage: Stage::Gather, after: 0, len: 0, rows: 0 };

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Rows are being gathered.
    Gather,
    /// All are there.
    Finish,
    /// The file is there; what it was made of can go.
    Tidy,
}

#[derive(FromRow)]
struct OrderRow {
    resource: String,
    filter: String,
    columns: String,
    format: String,
    locale: String,
    tz: String,
    rule: Option<String>,
}

/// The file as it is to be.
#[derive(Debug, Clone)]
struct Plan {
    paths: Paths,
    look: Look,
}

impl JobKind for RunExport {
    fn name(&self) -> &'static str {
        "exports.run"
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let (office, payload) = (step.office(), step.payload::<Payload>()?);
        let order: Option<OrderRow> = office.store().db().one(ORDER, binds![payload.export, step.job().id]).await?;
        let order = order.ok_or_else(|| permanent("the export was deleted"))?;
        let resource = office.resource(&order.resource).ok_or_else(|| permanent("this can no longer be exported"))?;
        let format = Format::parse(&order.format).ok_or_else(|| permanent("the export's format is not known"))?;
        let known: Option<Checkpoint> = step.checkpoint()?;
        let is_first = known.is_none();
        let mut at = known.unwrap_or(START);
        let paths = office.export_paths(payload.export);
        if at.stage == Stage::Tidy {
            let part = paths.part();
            blocking(move || gone(&part)).await?;
            return Ok(Next::Done);
        }

        // The rights of now, and not those of when it was asked for: whoever has lost them gets nothing more.
        let principal = office.principal_of_job(step.job()).await?;
        let principal = principal.ok_or_else(|| permanent("the account of whoever asked for it is not active any more"))?;
        let permit = resource.export.and_then(|right| principal.permit(right));
        let permit =
            permit.ok_or_else(|| JobError::Permanent(format!("the right to export {} was taken away meanwhile", resource.name)))?;
        let view = permit.view(resource);
        let (filter, columns) = (read::<Value>(&order.filter)?, read::<Vec<String>>(&order.columns)?);
        let params = params(Some(&filter), payload.search.as_deref(), Some(&columns));
        let selection = view.select(&params, Purpose::Export).map_err(|error| match error {
            OfficeError::Invalid(faults) => {
                let names: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
                JobError::Permanent(format!("rights were taken away meanwhile: {} cannot be exported", names.join(", ")))
            }
            other => other.into(),
        })?;
        let rule = rule::hash(office, &permit, resource);
        if !is_first && order.rule.as_ref() != Some(&rule) {
            // Rows of before were gathered by other rights: everything once more, by those of now.
            step.progress(0, step.total());
            step.save(&START);
            step.tx().await?.run(RUNS, binds![payload.export, &rule]).await?;
            return Ok(Next::Again);
        }
        let selection = selection.in_chunks_of(CHUNK);
        let columns: Vec<&'static Column> = selection.columns().to_vec();
        let plan = Plan { paths, look: Look::new(resource.name, columns, format, (&order.locale, &order.tz)) };
        if is_first {
            // How many there are is for the progress bar only: what would take too long to count is not counted.
            let total = office.count(&selection).await.ok().and_then(|count| i64::try_from(count).ok());
            step.progress(0, total);
            step.tx().await?.run(RUNS, binds![payload.export, &rule]).await?;
        }
        if at.stage == Stage::Gather {
            if matches!(office.store().db(), Db::Pg(_)) {
                // Where several programs can share a database, nobody else may be writing the same file: the job is ours until the end
                // of this transaction. With SQLite there is one program, which others would wait for while it writes.
                step.tx().await?;
            }
            let chunk = office.walk(&selection, at.after, payload.upto).await?;
            let rows = u64::try_from(chunk.rows.len()).unwrap_or(u64::MAX);
            if format == Format::Xlsx && at.rows.saturating_add(rows) > xlsx::ROWS_MAX {
                return Err(JobError::Permanent(format!("a workbook has at most {} rows: export CSV, or fewer rows", xlsx::ROWS_MAX)));
            }
            let (from, is_last) = (at.len, chunk.is_last);
            let (keys, mut rows_of_chunk): (Vec<i64>, Vec<Map<String, Value>>) = chunk.rows.into_iter().unzip();
            if resource.name == audit::AUDIT_LOG.name {
                // What a row tells of another resource is as visible as that is.
                office.project_page(&principal, &keys, &mut rows_of_chunk).await?;
            }
            office.added_as_text(resource, &plan.look.columns, &order.locale, &mut rows_of_chunk);
            let written = blocking(move || plan.gather(from, &rows_of_chunk)).await?;
            at = match written {
                Some(len) => {
                    Checkpoint { stage: if is_last { Stage::Finish } else { Stage::Gather }, after: chunk.after, len, rows: at.rows + rows }
                }
                // What was gathered is gone, as after a disk was replaced: everything once more.
                None => START,
            };
            let total = step.total();
            step.progress(i64::try_from(at.rows).unwrap_or(i64::MAX), total);
            step.save(&at);
            return Ok(Next::Again);
        }
        let checkpoint = at.clone();
        let name = plan.paths.name(format);
        let Some((size, sha256)) = blocking(move || plan.finish(&checkpoint)).await? else {
            step.save(&START);
            return Ok(Next::Again);
        };
        let rows = i64::try_from(at.rows).unwrap_or(i64::MAX);
        let expires_at = step.now().after(KEPT);
        step.progress(rows, Some(rows));
        step.result(&json!({"export": payload.export.to_string(), "rows": rows, "size": size}));
        step.save(&Checkpoint { stage: Stage::Tidy, ..at });
        step.tx().await?.run(IS_DONE, binds![payload.export, &name, size, rows, &sha256, expires_at]).await?;
        Ok(Next::Again)
    }

    async fn ended(&self, step: &mut Step<'_>, how: &End) -> Result<(), JobError> {
        let payload = step.payload::<Payload>()?;
        let state = match how {
            End::Failed(_) => "failed",
            End::Cancelled => "cancelled",
        };
        let is_done = step.checkpoint::<Checkpoint>().ok().flatten().is_some_and(|at| at.stage == Stage::Tidy);
        if is_done {
            // It was cancelled when it had its file already.
            return Ok(());
        }
        step.tx().await?.run(ENDED, binds![payload.export, state]).await?;
        let paths = step.office().export_paths(payload.export);
        blocking(move || paths.remove()).await
    }
}

impl Plan {
    /// Writes rows behind the first `from` octets, and to the disk; says how long the file is then. None if it has not so many octets.
    fn gather(&self, from: u64, rows: &[Map<String, Value>]) -> io::Result<Option<u64>> {
        make_dir(&self.paths.dir)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.paths.part())?;
        let len = file.metadata()?.len();
        if len < from {
            return Ok(None);
        }
        if len > from {
            file.set_len(from)?;
        }
        file.seek(SeekFrom::Start(from))?;
        let mut octets = Vec::new();
        match self.look.format {
            Format::Csv => self.look.csv(from == 0, rows, &mut octets)?,
            Format::Xlsx => self.lines(rows, &mut octets)?,
        }
        file.write_all(&octets)?;
        file.sync_data()?;
        Ok(Some(from + u64::try_from(octets.len()).unwrap_or(u64::MAX)))
    }

    fn lines(&self, rows: &[Map<String, Value>], to: &mut Vec<u8>) -> io::Result<()> {
        for row in rows {
            let values: Vec<&Value> = self.look.values(row).collect();
            serde_json::to_writer(&mut *to, &values)?;
            to.push(b'\n');
        }
        Ok(())
    }

    /// Makes the finished file of what was gathered; says how long it is, and its SHA-256. None if what was gathered is gone.
    fn finish(&self, at: &Checkpoint) -> io::Result<Option<(u64, String)>> {
        let (part, finished) = (self.paths.part(), self.paths.finished(self.look.format));
        if self.look.format == Format::Csv && !part.exists() && finished.exists() {
            // The last life ended between giving the file its name and saying so.
            fs::rename(&finished, &part)?;
        }
        match fs::metadata(&part) {
            Ok(found) if found.len() >= at.len => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let gathered = OpenOptions::new().write(true).open(&part)?;
        gathered.set_len(at.len)?;
        gathered.sync_all()?;
        let ready = match self.look.format {
            Format::Csv => part,
            Format::Xlsx => {
                let book_part = self.paths.book_part();
                let lines = BufReader::new(File::open(&part)?).lines().map(|line| Ok(serde_json::from_str(&line?)?));
                let out = BufWriter::new(File::create(&book_part)?);
                let (rows, mut out) = Book::new(&self.look, &self.paths.dir).write(lines, out)?;
                out.flush()?;
                out.get_ref().sync_all()?;
                if rows != at.rows {
                    return Err(io::Error::other(format!("{rows} rows were written instead of {}", at.rows)));
                }
                book_part
            }
        };
        let (len, hash) = hash(&ready)?;
        fs::rename(&ready, &finished)?;
        // The name must be on the disk before the database says that it is.
        File::open(&self.paths.dir)?.sync_all()?;
        Ok(Some((len, hash)))
    }
}

/// A file's length, and its SHA-256 in hexadecimal.
fn hash(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hash, mut len) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(octets) = buffer.get(..read).filter(|octets| !octets.is_empty()) else { break };
        hash.update(octets);
        len += u64::try_from(read).unwrap_or(u64::MAX);
    }
    Ok((len, hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect()))
}

fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn permanent(text: &str) -> JobError {
    JobError::Permanent(text.to_owned())
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, JobError> {
    serde_json::from_str(text).map_err(|error| JobError::Permanent(format!("the export's order cannot be read: {error}")))
}

/// Work with files, off the runtime's threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, JobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        // The library that writes workbooks panics if it cannot write.
        Err(_) => Err(permanent("the file could not be written: there may be no room left on the disk")),
    }
}
