//! The audit log after an intruder who has the database's file or its password (S004-45): each row that was edited, taken out or cut off
//! is found, and named.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    Rest, Server,
    server::{Settings, run},
};

use super::{Engine, ended, on, on_both, sql::Sql, text};

on_both! {
    /// One row edited, one taken out, the end cut off.
    what_an_intruder_did_to_the_log_is_named = an_intruder;
}

/// The log is whole, or broken at a row: the command says so by its words and its exit code, and the job by its result.
pub(crate) fn verified(server: &Server, admin: &Rest, sql: &Sql, broken: Option<(i64, &str)>) -> Result<()> {
    let told = server.command(&["audit", "verify"], "")?;
    let words = format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    let reply = admin.post("/api/audit/verify", &json!({}))?.expect(202)?;
    let job = ended(admin, &text(&reply, "job_id")?)?;
    match broken {
        None => {
            ensure!(told.status.code() == Some(0) && words.contains("The audit log is whole"), "{:?}: {words}", told.status);
            ensure!(job["state"] == "done" && job["result"]["ok"] == true, "{job}");
            ensure!(job["result"]["rows"].as_i64() >= Some(sql.number("SELECT count(*) FROM audit_log")? - 5), "{job}");
        }
        Some((seq, why)) => {
            ensure!(told.status.code() == Some(1) && words.contains(&format!("row {seq} ")), "{seq}: {:?}: {words}", told.status);
            ensure!(job["state"] == "failed" && job["error"].as_str().is_some_and(|error| error.contains(&format!("row {seq} "))), "{job}");
            let found = &job["result"]["broken"];
            ensure!(job["result"]["ok"] == false && found["seq"] == seq && found["why"] == why, "{job}");
        }
    }
    Ok(())
}

fn an_intruder(engine: Engine) -> Result<()> {
    on(engine, Settings::default(), |server, admin, sql| {
        for at in 0..30 {
            admin.post("/api/dci/log-event", &json!({"module": "m", "severity": "info", "code": "c", "message": "x"}))?.expect(201)?;
            admin.put("/api/me", &json!({"display_name": format!("name {at}")}))?.expect(200)?;
        }
        verified(server, admin, sql, None)?;
        let last = sql.number("SELECT max(seq) FROM audit_log")?;
        let (edited, gone) = (last - 12, last - 7);

        // Each field of a row counts.
        for (column, value) in [
            ("actor_name", "'somebody'"),
            ("diff", "'{}'"),
            ("at", "1"),
            ("outcome", "'refused'"),
            ("source", "'192.0.2.1'"),
            ("resource_id", "'99'"),
        ] {
            let kept = sql.rows(&format!("SELECT {column} AS kept FROM audit_log WHERE seq = {edited}"))?;
            let kept = kept.first().map(|row| row["kept"].clone()).context("the row")?;
            let kept = kept.as_str().map_or_else(|| kept.to_string(), |text| format!("'{}'", text.replace('\'', "''")));
            sql.past_the_triggers(&format!("UPDATE audit_log SET {column} = {value} WHERE seq = {edited}"))?;
            let told = server.command(&["audit", "verify"], "")?;
            let words = String::from_utf8_lossy(&told.stdout).into_owned();
            ensure!(told.status.code() == Some(1) && words.contains(&format!("row {edited} was edited")), "{column}: {words}");
            sql.past_the_triggers(&format!("UPDATE audit_log SET {column} = {kept} WHERE seq = {edited}"))?;
        }
        verified(server, admin, sql, None)?;

        // An edited row whose hash was made right again does not fit the row behind it.
        sql.past_the_triggers(&format!("UPDATE audit_log SET actor_name = 'somebody' WHERE seq = {edited}"))?;
        verified(server, admin, sql, Some((edited, "edited")))?;
        let events = admin.get("/api/dci/logs?module=audit&severity=critical")?.expect(200)?;
        ensure!(events["items"][0]["code"] == "audit.broken", "those on duty hear of it: {events}");
        sql.past_the_triggers(&format!("UPDATE audit_log SET actor_name = 'admin' WHERE seq = {edited}"))?;
        verified(server, admin, sql, None)?;

        let columns = "seq, at, center_id, category, actor_kind, actor_id, actor_name, action, outcome, resource, resource_id, diff, source, user_agent, request_id, prev_hash, hash";
        sql.run(format!("CREATE TABLE kept AS SELECT {columns} FROM audit_log WHERE seq = {gone}"))?;
        sql.past_the_triggers(&format!("DELETE FROM audit_log WHERE seq = {gone}"))?;
        verified(server, admin, sql, Some((gone, "missing")))?;
        sql.run(format!("INSERT INTO audit_log ({columns}) SELECT {columns} FROM kept"))?;
        verified(server, admin, sql, None)?;

        // Its end cut off, with the server stopped so that nobody goes on writing behind it.
        let last = sql.number("SELECT max(seq) FROM audit_log")?;
        sql.past_the_triggers(&format!("DELETE FROM audit_log WHERE seq > {}", last - 4))?;
        let told = server.command(&["audit", "verify"], "")?;
        let words = String::from_utf8_lossy(&told.stdout).into_owned();
        ensure!(told.status.code() == Some(1) && words.contains(&format!("row {} ", last - 3)), "{words}");
        // Who asks for the check leaves a row behind the gap.
        verified(server, admin, sql, Some((last - 3, "missing")))?;

        // A directory without a database is no whole log.
        let nowhere = tempfile::tempdir()?;
        let told = run(&["audit", "verify", "--data-dir", &nowhere.path().display().to_string()], &[], "")?;
        ensure!(told.status.code() == Some(1), "{told:?}");
        Ok(())
    })
}
