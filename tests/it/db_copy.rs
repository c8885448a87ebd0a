//! `cordboard db copy`: a SQLite that has grown becomes a PostgreSQL, the server goes on at the fact where it stopped, and back.

use std::{
    io::{BufRead, BufReader},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use rustix::net::sockopt::set_socket_send_buffer_size;
use serde_json::Value;
use tests::{
    Rest, Server,
    postgres::Postgres,
    raw::Habits,
    server::{self, Settings, story},
};

use crate::world::{self, HIGH, LOW, SOON};

fn sqlite(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

fn copy(from: &str, to: &str, more: &[&str]) -> Result<Output> {
    server::run(&[&["db", "copy", "--from", from, "--to", to], more].concat(), &[], "")
}

/// What was told of a copy that was made.
fn copied(from: &str, to: &str, more: &[&str]) -> Result<String> {
    let output = copy(from, to, more)?;
    let (told, lines) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{told}{lines}");
    assert!(told.contains("are the same") && told.contains("The audit log is whole") && told.contains("set database.url"), "{told}");
    assert!(lines.lines().any(|line| line.starts_with("copied    users: ") && line.ends_with("rows/s")), "{lines}");
    assert!(lines.lines().any(|line| line.starts_with("compared  users: ")), "{lines}");
    Ok(told.into_owned())
}

fn refused(from: &str, to: &str, why: &str) -> Result<()> {
    let output = copy(from, to, &[])?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(why), "{why:?} is not in: {told}");
    Ok(())
}

fn use_database(server: &mut Server, url: &str) -> Result<()> {
    server.configure(&format!("[database]\nurl = \"{url}\"\n"))
}

fn audit_is_whole(server: &Server) -> Result<()> {
    let file = server.config().display().to_string();
    let output = server.command(&["audit", "verify", "--config", &file], "")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// The record of a call, once its recording is closed there, too.
fn settled(rest: &Rest, call: &str) -> Result<Value> {
    tests::wait::until(format!("the whole record of {call}"), SOON, || {
        let record = rest.cdr(call)?;
        Ok((record["recording"]["state"] != "recording").then_some(record))
    })
}

/// The server is killed during a call; what its last moments were is in the journal only, and gets into the new database.
#[test]
fn a_server_goes_on_with_the_copy_where_it_stopped() -> Result<()> {
    let database = Postgres::start()?;
    world::with_hub_and(Settings::default().with_file(""), 2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let _callee = world::raw(server, other, Habits::answering(HIGH))?;
        let first = admin.start_call(&one.id, &other.number)?;
        let leg = caller.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        assert_eq!(caller.hangup(&leg.call_id)?.status(), Some(200));
        let record = settled(admin, &first)?;

        let origin = sqlite(&server.data().join("cordboard.db"));
        refused(&origin, &database.url(), "is in use: stop the server")?;

        world::slot_state(admin, one, "READY")?;
        let second = admin.start_call(&one.id, &other.number)?;
        let lost = caller.wait_for_leg("answered again", SOON, |leg| leg.acknowledged && leg.ended.is_none())?;
        server.kill()?;
        copied(&origin, &database.url(), &[])?;

        use_database(server, &database.url())?;
        server.launch()?;
        let admin = server.admin().context("the same password")?;
        assert_eq!(settled(&admin, &first)?, record);
        assert_eq!(admin.cdr(&second)?["cause"], "aborted", "FT-1: what was up when the old one stopped");
        assert_eq!(admin.list("/api/cdr/records")?.len(), 2, "nothing twice");
        refused(&database.url(), &sqlite(&server.data().join("back.db")), "is in use: stop the server")?;
        refused(&origin, &database.url(), "the database to copy to is in use")?;

        caller.register(300)?;
        world::registered(&admin, one, true)?;
        let third = admin.start_call(&one.id, &other.number)?;
        assert!(third > second, "ids go on: {third} after {second}");
        let leg = caller.wait_for_leg("a third call", SOON, |leg| {
            // The killed server's call never ended at the phone.
            leg.call_id != lost.call_id && leg.incoming && leg.acknowledged && leg.ended.is_none()
        })?;
        assert_eq!(caller.hangup(&leg.call_id)?.status(), Some(200));
        let records = [settled(&admin, &first)?, settled(&admin, &second)?, settled(&admin, &third)?];
        server.terminate(SOON)?;
        audit_is_whole(server)?;

        // A database with data is no target, whatever is said.
        assert_eq!(copy(&origin, &database.url(), &["--start-over"])?.status.code(), Some(1));
        refused(&origin, &database.url(), "is not empty")?;

        // And back.
        let back = sqlite(&server.data().join("back.db"));
        copied(&database.url(), &back, &[])?;
        use_database(server, &back)?;
        server.launch()?;
        let admin = server.admin()?;
        assert_eq!([admin.cdr(&first)?, admin.cdr(&second)?, admin.cdr(&third)?], records);
        server.terminate(SOON)?;
        audit_is_whole(server)
    })
}

/// `kill -9` in the middle of copying, which is made to wait there: nobody reads what it tells.
fn killed_in_the_middle(from: &str, to: &str) -> Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    // The kernel's least: room for some of the lines, and copying tells one for each of some thirty steps.
    set_socket_send_buffer_size(&theirs, 1)?;
    let mut child = Command::new(server::binary()?)
        .args(["db", "copy", "--from", from, "--to", to])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    let mut line = String::new();
    BufReader::with_capacity(1, ours.try_clone()?).read_line(&mut line)?;
    let ended = child.try_wait()?;
    child.kill()?;
    child.wait()?;
    ensure!(line.starts_with("copied "), "it told first: {line}");
    ensure!(ended.is_none(), "it ended before it was killed: {ended:?}");
    Ok(())
}

fn interrupted(target: impl FnOnce(&Server) -> String) -> Result<()> {
    story(Settings::default().with_file(""), |server| {
        let origin = sqlite(&server.data().join("cordboard.db"));
        server.terminate(SOON)?;
        let target = target(server);
        killed_in_the_middle(&origin, &target)?;

        use_database(server, &target)?;
        let failed = server.launch().err().context("it serves half a copy")?;
        assert!(format!("{failed:#}").contains("never finished") && format!("{failed:#}").contains("--start-over"), "{failed:#}");
        // PostgreSQL may take a moment to see that the other side is gone, and says so.
        tests::wait::until("the old copy's end", SOON, || {
            let output = copy(&origin, &target, &[])?;
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(output.status.code() == Some(1), "an unfinished copy was taken without being told to: {told}");
            Ok((told.contains("never finished") && told.contains("--start-over")).then_some(()))
        })?;

        copied(&origin, &target, &["--start-over"])?;
        server.launch()?;
        server.admin()?;
        server.terminate(SOON)?;
        audit_is_whole(server)
    })
}

#[test]
fn an_interrupted_copy_is_not_served_on_sqlite() -> Result<()> {
    interrupted(|server| sqlite(&server.data().join("copy.db")))
}

#[test]
fn an_interrupted_copy_is_not_served_on_postgresql() -> Result<()> {
    let database = Postgres::start()?;
    interrupted(|_| database.url())
}
