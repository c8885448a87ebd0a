//! After a crash: growing files become closed ones, and rows and files agree again (FT-2).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use model::{CenterId, ChannelRole, RecordingRow, RecordingState, WallTime};
use rustix::fs::OFlags;

use crate::{
    disk::{Disk, RealDisk, RealSheet, Sheet, fresh_name},
    path::{Files, call_of, is_number, recording_of},
    seal::{add_reason, fail, keep_sidecar},
    wav::{FRAMES_MAX, FRAMES_PER_MS, frames_in, header, length_of},
};

/// The newest so many days are searched for files whose row is not known; a call does not last longer, and the days before have been searched at
/// earlier starts. A whole search would read the names of years.
const DAYS_SEARCHED: usize = 32;

/// Why a recording is partial that a dead server left behind.
const STOPPED: &str = "server stopped";

/// Why a recording failed whose file is not there.
const NO_FILE: &str = "no file";

/// Finishes what a killed server left behind below `dir`. To be called at start, before a [`Recorder`](crate::Recorder) is made.
///
/// `rows` are the rows in state `recording`. Gives the last state of each, and of each file whose row is not among them. A growing file becomes a
/// closed one (`partial`), or goes if it has no samples (`failed`). A file that was closed already, whose row was not, is `complete` if its header
/// tells its length and its sidecar says nothing else. A row whose file the disk does not let us finish is not given, so that it stays
/// `recording` and the next start tries again.
///
/// Each row must then be written where rows are kept, and after that [`forget_sidecar`] be called with it. Killed anywhere in between, the next
/// start gives the same rows again.
#[must_use]
pub fn recover(dir: &Path, rows: &[RecordingRow]) -> Vec<RecordingRow> {
    let mut known: BTreeMap<String, RecordingRow> = BTreeMap::new();
    let mut closed = Vec::new();
    for row in rows {
        match row.file.as_ref().filter(|file| Files::of(dir, file).is_some()) {
            Some(file) => {
                known.insert(file.clone(), row.clone());
            }
            None => {
                let mut row = row.clone();
                fail(&mut row);
                add_reason(&mut row, NO_FILE.to_owned());
                closed.push(row);
            }
        }
    }
    let mut names: BTreeSet<String> = known.keys().cloned().collect();
    names.extend(left_behind(dir));
    for name in names {
        let Some(files) = Files::of(dir, &name) else { continue };
        match finish(&files, &name, known.get(&name)) {
            Ok(row) => closed.extend(row),
            Err(error) => tracing::warn!(%error, file = name, "A recording could not be finished; the next start tries again."),
        }
    }
    closed
}

/// The row that was given out is written where rows are kept: its sidecar may go. That of a recording that still grows is left alone.
///
/// # Errors
/// The disk does not let it go: then the next start gives the same row again, which does no harm.
pub fn forget_sidecar(dir: &Path, row: &RecordingRow) -> io::Result<()> {
    forget_on(&RealDisk, dir, row)
}

pub(crate) fn forget_on(disk: &dyn Disk, dir: &Path, row: &RecordingRow) -> io::Result<()> {
    if row.state == RecordingState::Recording {
        return Ok(());
    }
    // A failed row names no file any more.
    let name = row.file.clone().unwrap_or_else(|| RecordingRow::file_name(row.call_id, row.started_at));
    match Files::of(dir, &name) {
        Some(files) if !disk.exists(&files.part) => disk.remove(&files.sidecar),
        _ => Ok(()),
    }
}

/// Finishes one recording; `None` if there was nothing to finish and nobody who waits for it.
fn finish(files: &Files, name: &str, known: Option<&RecordingRow>) -> io::Result<Option<RecordingRow>> {
    // A sidecar that was being written when the server died: the one before it holds.
    RealDisk.remove(&fresh_name(&files.sidecar))?;
    let sidecar = read_sidecar(&files.sidecar, name);
    let (part, whole) = (open_plain(&files.part)?, open_plain(&files.whole)?);
    let row = match (known, sidecar.as_ref(), &part) {
        (Some(row), ..) => row.clone(),
        (None, Some(row), _) => row.clone(),
        // The sidecar was lost, in a power cut. The name still tells whose recording it is.
        (None, None, Some(_)) => match row_of_name(name) {
            Some(row) => row,
            None => return Ok(None),
        },
        (None, None, None) => return Ok(None),
    };
    let is_known = known.is_some() || sidecar.is_some();
    // What the last run knew to be missing.
    let missing =
        sidecar.filter(|sidecar| matches!(sidecar.state, RecordingState::Partial | RecordingState::Failed)).and_then(|it| it.reason);
    match (part, whole) {
        (Some(_), Some(_)) => {
            tracing::warn!(file = name, "There are a closed and a growing recording of one call; both are left alone.");
            Ok(None)
        }
        (Some(part), None) => finish_part(files, part, row, is_known, missing).map(Some),
        (None, Some(whole)) => finish_whole(files, whole, row, missing).map(Some),
        (None, None) => {
            let mut row = row;
            fail(&mut row);
            add_reason(&mut row, missing.unwrap_or_else(|| NO_FILE.to_owned()));
            Ok(Some(row))
        }
    }
}

fn finish_part(files: &Files, part: File, row: RecordingRow, is_known: bool, missing: Option<String>) -> io::Result<RecordingRow> {
    let frames = frames_in(part.metadata()?.len()).min(FRAMES_MAX);
    let mut row = RecordingRow { state: RecordingState::Partial, duration_ms: frames / FRAMES_PER_MS, size: length_of(frames), ..row };
    missing.into_iter().chain([STOPPED.to_owned()]).for_each(|reason| add_reason(&mut row, reason));
    if frames == 0 {
        fail(&mut row);
        // A row that is a guess from the file's name is not worth a file.
        if is_known {
            keep_sidecar(&RealDisk, files, &row);
        }
        RealDisk.remove(&files.part)?;
        return Ok(row);
    }
    keep_sidecar(&RealDisk, files, &row);
    put_in_order(part, frames)?;
    RealDisk.rename(&files.part, &files.whole)?;
    RealDisk.sync_dir(&files.day)?;
    Ok(row)
}

/// The server died after the file had got its last name, and before that was told.
fn finish_whole(files: &Files, whole: File, row: RecordingRow, missing: Option<String>) -> io::Result<RecordingRow> {
    let length = whole.metadata()?.len();
    let frames = frames_in(length).min(FRAMES_MAX);
    let mut start = [0; 44];
    let is_whole = length == length_of(frames) && whole.read_exact_at(&mut start, 0).is_ok() && start == header(frames);
    let mut row = RecordingRow { state: RecordingState::Complete, duration_ms: frames / FRAMES_PER_MS, size: length_of(frames), ..row };
    if let Some(reason) = missing {
        row.state = RecordingState::Partial;
        add_reason(&mut row, reason);
    }
    if !is_whole {
        row.state = RecordingState::Partial;
        add_reason(&mut row, STOPPED.to_owned());
        keep_sidecar(&RealDisk, files, &row);
        put_in_order(whole, frames)?;
    }
    Ok(row)
}

/// Whole frames, and a header that tells them.
fn put_in_order(file: File, frames: u64) -> io::Result<()> {
    let sheet = RealSheet(file);
    sheet.set_length(length_of(frames))?;
    sheet.write_at(&header(frames), 0)?;
    sheet.sync()
}

/// The file, to be read and written; `None` if there is none. Never one that a link points to.
fn open_plain(path: &Path) -> io::Result<Option<File>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    match OpenOptions::new().read(true).write(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The sidecar's row, if it is whole and of this very file.
fn read_sidecar(path: &Path, name: &str) -> Option<RecordingRow> {
    let row: RecordingRow = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let is_named = match &row.file {
        Some(file) => file == name,
        None => row.state == RecordingState::Failed,
    };
    (is_named && Some(row.call_id) == call_of(name)).then_some(row)
}

/// What a file's name alone tells.
fn row_of_name(name: &str) -> Option<RecordingRow> {
    let call_id = call_of(name)?;
    let nobody = ChannelRole { role: String::new(), number: String::new() };
    Some(RecordingRow {
        call_id,
        center: CenterId::DEFAULT,
        state: RecordingState::Recording,
        reason: Some("details lost".to_owned()),
        file: Some(name.to_owned()),
        left: nobody.clone(),
        right: nobody,
        // The upper 41 bits of a call's id are its start (model, `CallId`).
        started_at: WallTime(call_id.0 >> 22),
        duration_ms: 0,
        size: 0,
    })
}

/// The recordings of the newest days that have a growing file or a sidecar.
fn left_behind(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut days = 0;
    for year in numbered(dir, 4) {
        for month in numbered(&dir.join(&year), 2) {
            for day in numbered(&dir.join(&year).join(&month), 2) {
                if days == DAYS_SEARCHED {
                    return names;
                }
                days += 1;
                let date = format!("{year}/{month}/{day}");
                let files = entries(&dir.join(&date));
                let of_day = files.iter().filter_map(|file| recording_of(file)).map(|name| format!("{date}/{name}"));
                names.extend(of_day.filter(|name| call_of(name).is_some()));
            }
        }
    }
    names
}

/// The directories named by a number of so many digits, the greatest first.
fn numbered(dir: &Path, digits: usize) -> Vec<String> {
    let mut names: Vec<_> = entries(dir).into_iter().filter(|name| is_number(name, digits)).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    names
}

/// The names in a directory; none if it cannot be read.
fn entries(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}
