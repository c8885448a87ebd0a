//! The command line: check, config print, user add.

use std::{fs, process::Output};

use anyhow::{Context, Result};
use serde_json::json;
use tests::server::{self, Settings, story};

use crate::world::repository;

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_error_of_a_file_is_shown_at_once() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("broken.toml");
    let wrong = "[http]\nlisten = \"nowhere\"\nlissten = \"127.0.0.1:1\"\n\n[media]\nports = \"9-1\"\ntones = \"xx\"\n\n[sipp]\nudp = []\n\n\
                 [sip]\nsession_expires_s = 100\nsession_min_s = 101\n";
    fs::write(&file, wrong)?;
    let path = file.display().to_string();
    let output = server::run(&["check", "--config", &path], &[("CORDBOARD__CALLS__RING_S", "never"), ("CORDBOARD__NO__SUCH", "1")], "")?;
    let told = text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let wrong = ["http.listen", "lissten", "did you mean", "media.ports", "line 7, column 1: `media.tones`", "[sipp]", "sip.session_min_s"];
    for wrong in wrong.into_iter().chain(["CORDBOARD__CALLS__RING_S", "CORDBOARD__NO__SUCH"]) {
        assert!(told.contains(wrong), "nothing is said of {wrong}:\n{told}");
    }

    let output = server::run(&["serve", "--config", &path, "--data-dir", &dir.path().join("data").display().to_string()], &[], "")?;
    assert_eq!(output.status.code(), Some(1), "it does not start either: {}", text(&output));
    assert!(!dir.path().join("data").exists(), "nothing was made");

    fs::write(&file, "[http]\nlisten = \"127.0.0.1:3001\"\n")?;
    let output = server::run(&["check", "--config", &path], &[], "")?;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = server::run(&["check", "--config", "/no/such/file"], &[], "")?;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    Ok(())
}

#[test]
fn config_print_is_the_example_in_the_repository() -> Result<()> {
    let output = server::run(&["config", "print"], &[], "")?;
    assert_eq!(output.status.code(), Some(0));
    let example = fs::read_to_string(repository("cordboard.example.toml")).context("cordboard.example.toml")?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), example, "print it anew: cargo run -- config print > cordboard.example.toml");

    let dir = tempfile::tempdir()?;
    let file = dir.path().join("printed.toml");
    fs::write(&file, &output.stdout)?;
    let output = server::run(&["check", "--config", &file.display().to_string()], &[], "")?;
    assert_eq!(output.status.code(), Some(0), "what is printed is accepted: {}", text(&output));
    Ok(())
}

/// Who names no server's data directory has no second database behind.
#[test]
fn nobody_is_added_where_no_server_has_been() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data").display().to_string();
    let add = ["user", "add", "--data-dir", &data, "--username", "anna", "--role", "operator", "--password-stdin"];
    let output = server::run(&add, &[], "correct horse battery\n")?;
    let told = text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&data) && told.contains("--data-dir") && told.contains("--config"), "{told}");
    assert!(!dir.path().join("data").exists(), "nothing was made");
    Ok(())
}

#[test]
fn a_person_is_added_while_the_server_runs() -> Result<()> {
    story(Settings::default(), |server| {
        let add = |name: &str, role: &str, password: &str| {
            server.command(&["user", "add", "--username", name, "--role", role, "--password-stdin"], password)
        };
        let added = add("anna", "operator", "correct horse battery\n")?;
        assert_eq!(added.status.code(), Some(0), "{}", text(&added));
        let anna = server.anonymous().login("anna", "correct horse battery")?;
        assert_eq!(anna.get("/api/slots")?.status, 200);
        assert_eq!(
            anna.post("/api/trunks", &json!({"name": "x", "type": "auto", "capacity": 1}))?.status,
            403,
            "an operator makes no trunks"
        );
        assert_eq!(server.anonymous().post("/api/auth/login", &json!({"username": "anna", "password": "guess"}))?.status, 401);

        for (name, role, password) in [
            ("anna", "operator", "another password\n"),
            ("bert", "emperor", "correct horse battery\n"),
            ("carl", "operator", "short\n"),
            ("", "operator", "correct horse battery\n"),
        ] {
            let refused = add(name, role, password)?;
            assert_eq!(refused.status.code(), Some(1), "{name} {role}: {}", text(&refused));
        }
        assert!(server.anonymous().login("anna", "correct horse battery").is_ok(), "a refused second anna changed the first");
        Ok(())
    })
}

/// FT-30: nobody else reads what is secret, and a second server does not start on the same data.
#[test]
fn the_data_directory_is_the_servers_own() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    story(Settings::default(), |server| {
        let mode = fs::metadata(server.data())?.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "others may enter the data directory: {mode:o}");
        let second = server::run(
            &["serve", "--data-dir", &server.data().display().to_string()],
            &[("CORDBOARD__HTTP__LISTEN", "127.0.0.1:0"), ("CORDBOARD__SIP__UDP", "127.0.0.1:0")],
            "",
        )?;
        assert_eq!(second.status.code(), Some(1), "{}", text(&second));
        assert!(!text(&second).contains("password:"), "{}", text(&second));
        assert!(server.admin().is_ok());
        Ok(())
    })
}
