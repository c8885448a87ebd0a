//! `cordboard db copy`: a database moves to another engine. `store::copy` does it; here it is told to a person.

use std::{
    io::{self, Write},
    time::Instant,
};

use anyhow::Context;
use store::copy::{Copied, Progress, Stage};

use crate::{options::CopyOptions, start};

/// Copies, compares, and says what to do next.
pub(crate) fn copy(options: &CopyOptions) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let began = Instant::now();
    let copied = runtime.block_on(store::copy::copy(&options.from, &options.to, options.start_over, tell)).context("nothing was copied")?;
    conclude(&copied, began.elapsed().as_secs());
    Ok(())
}

/// A line for each table, and one now and then for a long one.
fn tell(progress: &Progress) {
    let Progress { table, stage, rows, total, time } = progress;
    if *total == 0 {
        return;
    }
    let (doing, done) = match stage {
        Stage::Copying => ("copying", "copied"),
        Stage::Comparing => ("comparing", "compared"),
    };
    // A table of a few rows takes no time that anybody could measure.
    let per_second = u128::from(*rows) * 1_000 / time.as_millis().max(1);
    let line = match progress.is_done() {
        true => format!("{done:<9} {table}: {rows} rows, {per_second} rows/s"),
        false => format!("{doing:<9} {table}: {rows} of {total} rows, {per_second} rows/s"),
    };
    let _ = writeln!(io::stderr(), "{line}");
}

fn conclude(copied: &Copied, seconds: u64) {
    start::say(&format!(
        "Copied {} rows in {} tables in {seconds} s. Both databases were read and are the same.",
        copied.rows(),
        copied.tables.len()
    ));
    match copied.audit_broken_at {
        None => start::say("The audit log is whole."),
        Some(seq) => start::say(&format!(
            "Warning: the audit log is broken at row {seq}. It was so before it was copied; `cordboard audit verify` says more."
        )),
    }
    start::say(
        "Next: set database.url to the new database and start the server with the same --data-dir: it goes on where the old one stopped.",
    );
    start::say("Do not start the server on the old database again: what it does then is not in the new one.");
}
