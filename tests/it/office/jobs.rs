//! `kill -9` in the middle of a bulk job and of an export: each ends once, with the promised count (S004-136, S000-21).

use std::{collections::BTreeSet, fs, io::Cursor, time::Duration};

use anyhow::{Context, Result, ensure};
use calamine::{Data, Reader as _, Xlsx};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::{Rest, Server, server::Settings, wait};

use super::{Engine, chance, ended, number, on, on_both, refused, sql::Sql, text};

/// Accounts of the bulk job.
const ACCOUNTS: i64 = 2_000;
/// Records of the export: eight chunks of it.
const RECORDS: i64 = 40_000;
/// How often each is killed.
const KILLS: i64 = 3;
/// What a job gets on with is seen within this, also after a crash.
const ON: Duration = Duration::from_secs(60);

on_both! {
    /// Each account is disabled once, with one row in the audit log; what is cancelled stays cancelled.
    a_bulk_job_that_is_killed_ends_once = a_killed_bulk_job;
    /// Each record is in the file once, and nothing but the file is left.
    an_export_that_is_killed_ends_once = a_killed_export;
}

/// Numbers from 1 to `last` as a table `n (i)`, for both databases.
fn numbers(last: i64) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})")
}

/// Waits until a job has done so much, or has ended. However slow the machine is: it gets on.
fn wait_for_progress(sql: &Sql, job: &str, done: i64) -> Result<()> {
    let mut last = -1;
    loop {
        let row = wait::until(format!("job {job} gets on from {last} to {done}"), ON, || {
            let row = sql.rows(&format!("SELECT done, ended_at FROM jobs WHERE id = {job}"))?.pop().context("the job")?;
            Ok((row["done"].as_i64() > Some(last) || !row["ended_at"].is_null()).then_some(row))
        })?;
        last = number(&row, "done")?;
        if last >= done || !row["ended_at"].is_null() {
            return Ok(());
        }
    }
}

/// Kills the server in the middle of a job, several times; says how far the job was each time.
fn kill_on_the_way(server: &mut Server, sql: &Sql, job: &str, total: i64, rng: &mut ChaCha8Rng) -> Result<Vec<i64>> {
    let mut moments = Vec::new();
    for round in 0..KILLS {
        // Somewhere in the round's part of the way; for the last time perhaps at its very end.
        let moment = total * round / KILLS + rng.random_range(1..=total / KILLS);
        wait_for_progress(sql, job, moment)?;
        server.kill()?;
        moments.push(sql.number(&format!("SELECT done FROM jobs WHERE id = {job}"))?);
        server.launch()?;
    }
    Ok(moments)
}

fn a_killed_bulk_job(engine: Engine) -> Result<()> {
    let (seed, mut rng) = chance();
    on(engine, Settings::default(), |server, admin, sql| {
        sql.run(format!(
            "INSERT INTO users (id, center_id, username, email, display_name, state, search_norm, version, created_at, updated_at) {}
             SELECT 1000 + i, 1, 'bulk-' || i, 'bulk-' || i || '@example.org', 'Bulk ' || i, 'active', 'bulk-' || i, 1, 0, 0 FROM n;
             UPDATE ids SET next = 10000 WHERE kind = 'user'",
            numbers(ACCOUNTS)
        ))?;
        let order = |action: &str, dry: bool| json!({"action": action, "filter": {"username": {"prefix": "bulk-"}}, "dry_run": dry});
        let counted = admin.post("/api/users/bulk", &order("disable", true))?.expect(200)?;
        ensure!(counted == json!({"count": ACCOUNTS}), "{counted}");
        let begun = admin.post("/api/users/bulk", &order("disable", false))?.expect(202)?;
        ensure!(begun["count"] == ACCOUNTS, "{begun}");
        let job = text(&begun, "job_id")?;
        let moments = kill_on_the_way(server, sql, &job, ACCOUNTS, &mut rng).with_context(|| format!("OFFICE_SEED={seed}"))?;
        ensure!(moments.iter().filter(|done| (1..ACCOUNTS).contains(*done)).count() >= 2, "it was hardly killed on its way: {moments:?}");

        let admin = server.admin()?;
        let done = ended(&admin, &job)?;
        ensure!(done["state"] == "done" && done["done"] == ACCOUNTS && done["total"] == ACCOUNTS, "{moments:?}: {done}");
        let result = &done["result"];
        ensure!(result["changed"] == ACCOUNTS && result["skipped"] == 0 && result["as_promised"] == true, "{done}");
        each_once(sql, "users.update", ACCOUNTS)?;
        let changed = "SELECT count(*) FROM users WHERE username LIKE 'bulk-%' AND state = 'disabled' AND version = 2";
        ensure!(sql.number(changed)? == ACCOUNTS, "every account is one version on");
        let others = sql.number("SELECT count(*) FROM users WHERE username NOT LIKE 'bulk-%' AND (state <> 'active' OR version <> 1)")?;
        ensure!(others == 0, "nobody else was touched");
        let by = sql.rows("SELECT DISTINCT actor_kind, actor_name FROM audit_log WHERE action = 'users.update'")?;
        ensure!(by == [json!({"actor_kind": "user", "actor_name": "admin"})], "{by:?}");
        let told = server.command(&["audit", "verify"], "")?;
        ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));

        a_cancelled_bulk_job(server, sql, &order("enable", false), &mut rng)
    })
}

/// Every account has exactly one row of the action.
fn each_once(sql: &Sql, action: &str, wanted: i64) -> Result<()> {
    let rows = sql.number(&format!("SELECT count(*) FROM audit_log WHERE action = '{action}'"))?;
    let different = sql.number(&format!("SELECT count(DISTINCT resource_id) FROM audit_log WHERE action = '{action}'"))?;
    ensure!((rows, different) == (wanted, wanted), "{rows} rows of {different} accounts instead of {wanted}");
    Ok(())
}

fn a_cancelled_bulk_job(server: &mut Server, sql: &Sql, order: &Value, rng: &mut ChaCha8Rng) -> Result<()> {
    let admin = server.admin()?;
    let job = text(&admin.post("/api/users/bulk", order)?.expect(202)?, "job_id")?;
    wait_for_progress(sql, &job, rng.random_range(50..300))?;
    ensure!(admin.post(&format!("/api/jobs/{job}/cancel"), &json!({}))?.status == 202, "cancelled");
    // Whether it has heard of it or not.
    server.kill()?;
    server.launch()?;
    let admin = server.admin()?;
    let cancelled = ended(&admin, &job)?;
    ensure!(cancelled["state"] == "cancelled", "{cancelled}");
    let done = number(&cancelled, "done")?;
    ensure!((1..ACCOUNTS).contains(&done), "{cancelled}");
    refused(&admin.post(&format!("/api/jobs/{job}/cancel"), &json!({}))?, 409, "wrong_state")?;
    server.kill()?;
    server.launch()?;
    // Another job that comes and goes: whoever does jobs has looked since.
    let admin = server.admin()?;
    let other = text(&admin.post("/api/audit/verify", &json!({}))?.expect(202)?, "job_id")?;
    ensure!(ended(&admin, &other)?["result"]["ok"] == true, "the log is whole");
    let still = admin.get(&format!("/api/jobs/{job}"))?.expect(200)?;
    ensure!(still == cancelled, "{cancelled}\n{still}");
    let enabled = "SELECT count(*) FROM users WHERE username LIKE 'bulk-%' AND state <> 'disabled'";
    ensure!(sql.number(enabled)? == done, "what is done stays, and no more is done");
    let rows = sql.number("SELECT count(*) FROM audit_log WHERE action = 'users.update'")?;
    ensure!(rows == ACCOUNTS + done, "{rows} rows for {done} more changes");
    Ok(())
}

fn a_killed_export(engine: Engine) -> Result<()> {
    let (seed, mut rng) = chance();
    on(engine, Settings::default(), |server, admin, sql| {
        // One of them is what a spreadsheet would take for a formula.
        sql.run(format!(
            "INSERT INTO cdrs (call_id, center_id, direction, caller, callee, user_id, started_at, ended_at, ring_ms, talk_ms, outcome, cause,
             sip_status, segments, scenario, source) {}
             SELECT (CAST(1700000000000 AS BIGINT) + CAST(i AS BIGINT) * 1000) * 4194304, 1, 'internal', CAST(7000000 + i AS TEXT), '6002', 1,
             CAST(1700000000000 AS BIGINT) + CAST(i AS BIGINT) * 1000, CAST(1700000000500 AS BIGINT) + CAST(i AS BIGINT) * 1000, 100, i,
             'answered', 'callee_hung_up', 200, '[]', CASE WHEN i % 4 = 0 THEN 'sales' ELSE 'support' END, '=1+' || i FROM n",
            numbers(RECORDS)
        ))?;
        let export = |rest: &Rest, body: Value| -> Result<(String, String)> {
            let begun = rest.post("/api/exports", &body)?.expect(202)?;
            Ok((text(&begun, "id")?, text(&begun, "job_id")?))
        };
        let columns = json!(["talk_ms", "caller", "source"]);
        let (id, job) =
            export(admin, json!({"resource": "cdrs", "format": "csv", "columns": columns, "filter": {"direction": "internal"}}))?;
        // A record that comes later is not of that moment.
        sql.run(
            "INSERT INTO cdrs (call_id, center_id, direction, caller, callee, started_at, ended_at, ring_ms, talk_ms, outcome, cause, sip_status,
             segments) SELECT max(call_id) + 1, 1, 'internal', '1', '2', 0, 0, 0, 0, 'answered', 'callee_hung_up', 200, '[]' FROM cdrs",
        )?;
        let moments = kill_on_the_way(server, sql, &job, RECORDS, &mut rng).with_context(|| format!("OFFICE_SEED={seed}"))?;
        ensure!(moments.iter().filter(|done| (1..RECORDS).contains(*done)).count() >= 2, "it was hardly killed on its way: {moments:?}");
        // And once more when all is gathered, and the file is being finished.
        wait_for_progress(sql, &job, RECORDS)?;
        server.kill()?;
        server.launch()?;

        let admin = &server.admin()?;
        let done = ended(admin, &job)?;
        ensure!(done["state"] == "done" && done["done"] == RECORDS, "{moments:?}: {done}");
        let row = admin.get(&format!("/api/exports/{id}"))?.expect(200)?;
        ensure!(row["state"] == "done" && row["row_count"].as_i64().or_else(|| row["rows"].as_i64()) == Some(RECORDS), "{row}");
        let file = admin.get(&format!("/api/exports/{id}/file"))?;
        ensure!(file.status == 200 && file.header("content-type") == Some("text/csv; charset=utf-8"), "{}", file.status);
        let kept = sql.rows(&format!("SELECT sha256, size FROM exports WHERE id = {id}"))?;
        let sum: String = Sha256::digest(&file.body).iter().map(|octet| format!("{octet:02x}")).collect();
        ensure!(kept == [json!({"sha256": sum, "size": file.body.len()})], "{kept:?} {sum} {}", file.body.len());
        let lines = String::from_utf8(file.body)?;
        let lines: Vec<&str> = lines.trim_start_matches('\u{feff}').lines().collect();
        ensure!(i64::try_from(lines.len())? == RECORDS + 1, "{} lines", lines.len());
        for (line, at) in lines.iter().skip(1).zip(1..) {
            ensure!(*line == format!("{at},{},'=1+{at}", 7_000_000 + at), "line {at}: {line}");
        }
        ensure!(files(server)? == [format!("{id}.csv")].into(), "{:?}", files(server)?);

        a_cancelled_export(server, sql, &mut rng, &id)?;
        a_killed_workbook(server, sql, &mut rng)
    })
}

/// What is in the directory of exports.
fn files(server: &Server) -> Result<BTreeSet<String>> {
    let all = fs::read_dir(server.data().join("exports")).context("the directory of exports")?;
    all.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn a_cancelled_export(server: &mut Server, sql: &Sql, rng: &mut ChaCha8Rng, kept: &str) -> Result<()> {
    let admin = server.admin()?;
    let begun = admin.post("/api/exports", &json!({"resource": "cdrs", "format": "csv"}))?.expect(202)?;
    let (id, job) = (text(&begun, "id")?, text(&begun, "job_id")?);
    wait_for_progress(sql, &job, rng.random_range(1..RECORDS / 3))?;
    ensure!(admin.post(&format!("/api/jobs/{job}/cancel"), &json!({}))?.status == 202, "cancelled");
    server.kill()?;
    server.launch()?;
    let admin = server.admin()?;
    let cancelled = ended(&admin, &job)?;
    ensure!(cancelled["state"] == "cancelled", "{cancelled}");
    let row = admin.get(&format!("/api/exports/{id}"))?.expect(200)?;
    ensure!(row["state"] == "cancelled", "{row}");
    refused(&admin.get(&format!("/api/exports/{id}/file"))?, 409, "wrong_state")?;
    ensure!(files(server)? == [format!("{kept}.csv")].into(), "half a file stays: {:?}", files(server)?);
    Ok(())
}

/// The same for a workbook, which is made of what was gathered, at the end.
fn a_killed_workbook(server: &mut Server, sql: &Sql, rng: &mut ChaCha8Rng) -> Result<()> {
    let admin = server.admin()?;
    let wanted = RECORDS / 4;
    let body = json!({"resource": "cdrs", "format": "xlsx", "columns": ["talk_ms", "caller", "source"], "filter": {"scenario": "sales"}, "locale": "ru"});
    let begun = admin.post("/api/exports", &body)?.expect(202)?;
    let (id, job) = (text(&begun, "id")?, text(&begun, "job_id")?);
    for done in [rng.random_range(1..wanted), wanted] {
        wait_for_progress(sql, &job, done)?;
        server.kill()?;
        server.launch()?;
    }
    let admin = server.admin()?;
    let done = ended(&admin, &job)?;
    ensure!(done["state"] == "done" && done["done"] == wanted, "{done}");
    let file = admin.get(&format!("/api/exports/{id}/file"))?;
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(file.body))?;
    let sheet = book.worksheet_range_at(0).context("a sheet")??;
    ensure!(i64::try_from(sheet.height())? == wanted + 1 && sheet.width() == 3, "{} × {}", sheet.height(), sheet.width());
    for (row, at) in sheet.rows().skip(1).zip(1_i32..) {
        let talk = at * 4;
        let wanted = [Data::Float(f64::from(talk)), Data::String((7_000_000 + talk).to_string()), Data::String(format!("=1+{talk}"))];
        ensure!(row == wanted, "{row:?}");
    }
    ensure!(files(server)?.len() == 2 && files(server)?.contains(&format!("{id}.xlsx")), "{:?}", files(server)?);
    Ok(())
}
