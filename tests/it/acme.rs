//! Certificates from an authority (RFC 8555, RFC 8737), against Let's Encrypt's test server: got, served, renewed, refused.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use tests::{
    Server,
    acme::{Authority, Habits, Visitor},
    server::{Settings, story},
    wait,
};

use crate::world::SOON;

const NAME: &str = "desk.example.test";
/// An authority's order takes some seconds on a loaded machine: it is asked again each half a second at first, then less often.
const ORDERED: Duration = Duration::from_secs(60);
/// How long the certificates are good that are to be renewed while somebody looks.
const SHORT: Duration = Duration::from_secs(15);
const KEY: (&str, &str) = ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");

/// A server that has been started once, so that its port and its administrator's password are known, and is stopped now.
fn stopped(test: impl FnOnce(&mut Server, u16) -> Result<()>) -> Result<()> {
    story(Settings::default().with_file(""), |server| {
        server.terminate(SOON)?;
        let port = server.base().rsplit(':').next().context("a port")?.parse()?;
        test(server, port)
    })
}

fn configure(server: &Server, authority: &Authority, more: &str) -> Result<()> {
    let (directory, ca_file) = (authority.directory(), authority.ca_file());
    server.configure(&format!(
        "[acme]\ndomains = [\"{NAME}\"]\ndirectory = \"{directory}\"\nterms_agreed = true\ncontact = \"desk@example.test\"\nca_file = \"{}\"\n{more}",
        ca_file.display()
    ))
}

fn plain(server: &Server, path: &str) -> Result<u16> {
    Ok(server.anonymous().get(path)?.status)
}

fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path).with_context(|| path.display().to_string())?.permissions().mode() & 0o777)
}

#[test]
fn a_certificate_is_got_served_and_renewed() -> Result<()> {
    stopped(|server, port| {
        let mut authority = Authority::start(port, &Habits { validity: Some(SHORT), account_key: None })?;
        let visitor = Visitor::new(NAME, port);
        configure(server, &authority, "")?;
        server.launch()?;
        let answer = wait::until("a certificate that its root vouches for", ORDERED, || visitor.get(&authority.root(), "/healthz"));
        let answer = answer.with_context(|| authority.log())?;
        assert!(answer.contains("\"ok\""), "{answer}");
        assert_eq!(visitor.get(&authority.ca_file(), "/healthz")?, None, "another authority does not vouch for it");
        let directory = server.data().join("acme");
        assert_eq!(mode(&directory)?, 0o700);
        for file in ["account.json", "certificate.pem"] {
            assert_eq!(mode(&directory.join(file))?, 0o600, "{file}");
        }
        let account = fs::read(directory.join("account.json"))?;

        let first = visitor.serial()?.context("a certificate")?;
        let second =
            wait::until("another certificate, without a restart", ORDERED, || Ok(visitor.serial()?.filter(|serial| *serial != first)))?;
        assert_eq!(fs::read(directory.join("account.json"))?, account, "the account stays the same");

        authority.stop()?;
        let warning = wait::until("a warning that it cannot be renewed", ORDERED, || {
            Ok(visitor.status(server.password())?["certificate"]["warning"].as_str().map(str::to_owned))
        })?;
        assert!(warning.contains(NAME) && warning.contains("cannot be asked"), "{warning}");
        // It may have been renewed once more before the authority was gone.
        let last = visitor.serial()?.context("the old one is served on")?;
        ensure!(last != first, "{first}, {second}, {last}");
        assert_eq!(server.count_logged("No certificate could be had"), 1, "it does not knock again and again");

        // What is stored is served by the next start, with nobody there to ask.
        server.terminate(SOON)?;
        server.launch()?;
        assert_eq!(visitor.serial()?.as_deref(), Some(last.as_str()));

        // An authority that was set up anew knows no account of ours, and gets another.
        server.terminate(SOON)?;
        authority.start_again()?;
        server.launch()?;
        wait::until("a certificate of the new root", ORDERED, || visitor.get(&authority.root(), "/healthz"))
            .with_context(|| authority.log())?;
        assert_ne!(fs::read(directory.join("account.json"))?, account);
        assert_eq!(visitor.status(server.password())?["certificate"]["warning"], serde_json::Value::Null);
        Ok(())
    })
}

#[test]
fn without_a_certificate_the_server_says_why_and_works_on() -> Result<()> {
    stopped(|server, port| {
        let authority = Authority::start(port, &Habits { validity: None, account_key: Some(KEY) })?;
        let stranger = Authority::start(port, &Habits::default())?;
        let visitor = Visitor::new(NAME, port);
        let mut failures = 0;
        let mut failed = |server: &mut Server, why: &str| -> Result<()> {
            server.launch()?;
            failures += 1;
            let told = wait::until("the failure in the log", ORDERED, || {
                Ok((server.count_logged("No certificate could be had") >= failures).then_some(()))
            });
            told.with_context(|| authority.log())?;
            ensure!(server.logged(why).is_some_and(|line| line.contains("No certificate could be had")), "{why:?} is not in the log");
            // Health is told, nothing else is, and nothing is sent where nobody is.
            assert_eq!((plain(server, "/healthz")?, plain(server, "/api/me")?, plain(server, "/")?), (200, 503, 503));
            assert_eq!(visitor.serial()?, None);
            server.terminate(SOON)?;
            Ok(())
        };
        // An authority that another vouches for.
        configure(server, &authority, "")?;
        let text = fs::read_to_string(server.config())?;
        server.configure(&text.replace(&authority.ca_file().display().to_string(), &stranger.ca_file().display().to_string()))?;
        failed(server, "no secure connection")?;
        // One that wants to know by whom we are sent.
        configure(server, &authority, "")?;
        failed(server, "externalAccountBinding")?;
        let wrong = KEY.1.replace('z', "y");
        configure(server, &authority, &format!("eab_key_id = \"{}\"\neab_key = \"{wrong}\"\n", KEY.0))?;
        failed(server, "external account binding JWS verification error")?;

        let right = format!("eab_key_id = \"{}\"\neab_key = \"{}\"\nchallenge = \"http-01\"\n", KEY.0, KEY.1);
        configure(server, &authority, &right)?;
        server.launch()?;
        wait::until("a certificate", ORDERED, || visitor.get(&authority.root(), "/healthz")).with_context(|| authority.log())?;
        let status = visitor.status(server.password())?["certificate"].clone();
        assert_eq!((&status["domains"][0], &status["warning"]), (&NAME.into(), &serde_json::Value::Null), "{status}");
        assert!(status["ends_at"].as_i64() > status["next_at"].as_i64(), "{status}");

        // Another authority: from a staging, one goes on to the real one, and does not wait for two thirds of five years.
        server.terminate(SOON)?;
        configure(server, &stranger, "")?;
        server.launch()?;
        wait::until("a certificate of the other authority", ORDERED, || visitor.get(&stranger.root(), "/healthz"))
            .with_context(|| stranger.log())?;
        Ok(())
    })
}
