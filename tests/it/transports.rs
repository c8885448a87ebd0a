//! Phones over TLS, TCP and WebSocket beside each other (RFC 3261, 26; RFC 7118): they register, call one another, and are gone at once when
//! their stream is (B-16, B-39, B-40).

use std::{
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    Account, Rest, Server,
    baresip::{Over, Setup},
    browser,
    certificate::Certificate,
    linphone::Linphone,
    ports,
    server::Settings,
    wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// A server that speaks SIP over TLS at the address, with the certificate.
fn encrypted(test: impl FnOnce(&mut Server, &Rest, &[Account], SocketAddr, &Certificate) -> Result<()>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certificate = Certificate::make(folder.path(), "localhost", 30)?;
    let tls = SocketAddr::from(([127, 0, 0, 1], ports::block(1)?.start));
    let settings = Settings::default()
        .with("CORDBOARD__SIP__TLS", tls.to_string())
        .with("CORDBOARD__SIP__TLS_CERT", certificate.chain.display().to_string())
        .with("CORDBOARD__SIP__TLS_KEY", certificate.key.display().to_string());
    world::with_hub_and(settings, 2, |server, admin, accounts| test(server, admin, accounts, tls, &certificate))
}

#[test]
fn a_phone_over_tls_and_one_over_tcp_call_each_other() -> Result<()> {
    encrypted(|server, admin, accounts, tls, certificate| {
        let [one, other] = accounts else { anyhow::bail!("two slots, not {accounts:?}") };
        let over_tls = |setup: Setup| setup.over(Over::Tls(certificate.chain.clone()), tls);
        let over_tcp = |setup: Setup| setup.over(Over::Tcp, server.sip());
        let mut encrypted = world::baresip(server, admin, one, over_tls, LOW)?;
        let mut open = world::baresip(server, admin, other, over_tcp, HIGH)?;
        for is_encrypted in [true, false] {
            let (caller, callee, number) =
                if is_encrypted { (&mut encrypted, &open, &other.number) } else { (&mut open, &encrypted, &one.number) };
            let (mark, far) = (caller.mark(), callee.mark());
            caller.dial(number)?;
            caller.event_after(mark, "CALL_ESTABLISHED", SOON)?;
            callee.event_after(far, "CALL_ESTABLISHED", SOON)?;
            let call = wait::until("the call", SOON, || {
                let calls = admin.get("/api/calls")?.expect(200)?;
                Ok(calls["items"][0]["call_id"].as_str().filter(|_| calls["items"][0]["status"] == "answered").map(str::to_owned))
            })?;
            caller.hangup()?;
            caller.event_after(mark, "CALL_CLOSED", SOON)?;
            callee.event_after(far, "CALL_CLOSED", SOON)?;
            let ladder = admin.get(&format!("/api/calls/{call}/ladder"))?;
            let text = String::from_utf8_lossy(&ladder.body).into_owned();
            assert!(text.contains("SIP/2.0/TLS") && text.contains("SIP/2.0/TCP") && text.contains(";transport=tls"), "{text}");
            assert_eq!(admin.cdr(&call)?["outcome"], "answered");
        }
        wait::until("the INVITEs in the metrics", SOON, || {
            let metrics = String::from_utf8_lossy(&admin.get("/metrics")?.body).into_owned();
            Ok(metrics.contains(r#"transport="tls",kind="INVITE""#).then_some(()))
        })?;

        // B-16: who pulls its stream is gone at once, and a call to it is refused at once.
        drop(encrypted);
        world::registered(admin, one, false)?;
        let mark = open.mark();
        open.dial(&one.number)?;
        let closed = open.event_after(mark, "CALL_CLOSED", SOON)?;
        assert!(closed["param"].as_str().is_some_and(|why| why.starts_with("480")), "{closed}");
        Ok(())
    })
}

/// What others' phone does with our challenges, its own way of keeping a stream, and its many codecs.
#[test]
fn linphone_is_called_and_calls_over_udp_tcp_and_tls() -> Result<()> {
    encrypted(|server, admin, accounts, tls, certificate| {
        let [one, other] = accounts else { anyhow::bail!("two slots, not {accounts:?}") };
        let mut far = world::baresip(server, admin, other, |setup| setup, HIGH)?;
        for (over, at) in [(Over::Udp, server.sip()), (Over::Tcp, server.sip()), (Over::Tls(certificate.chain.clone()), tls)] {
            let mut phone = Linphone::start(one, at, &over)?;
            world::registered(admin, one, true).with_context(|| phone.log())?;
            let mark = far.mark();
            far.dial(&one.number)?;
            far.event_after(mark, "CALL_ESTABLISHED", SOON).with_context(|| phone.log())?;
            phone.command("terminate")?;
            far.event_after(mark, "CALL_CLOSED", SOON).with_context(|| phone.log())?;
            let mark = far.mark();
            phone.dial(&other.number)?;
            far.event_after(mark, "CALL_ESTABLISHED", SOON).with_context(|| phone.log())?;
            far.hangup()?;
            world::slot_state(admin, one, "IDLE")?;
            phone.command("unregister")?;
            world::registered(admin, one, false).with_context(|| phone.log())?;
        }
        Ok(())
    })
}

/// B-39. OpenSSL's own client says what it was shown.
#[test]
fn a_certificate_is_exchanged_while_phones_stay_connected() -> Result<()> {
    encrypted(|server, admin, accounts, tls, certificate| {
        let over = |setup: Setup| setup.over(Over::Tls(certificate.chain.clone()), tls);
        let phone = world::baresip(server, admin, &accounts[0], over, LOW)?;
        let folder = tempfile::tempdir()?;
        let next = Certificate::make(folder.path(), "next", 30)?;
        assert_eq!(shown(tls, &[])?, Some(fingerprint(&certificate.chain)?));
        for old in ["-tls1", "-tls1_1"] {
            assert_eq!(shown(tls, &[old])?, None, "{old}");
        }
        std::fs::copy(&next.chain, &certificate.chain)?;
        // A certificate without its key is not taken, and nothing else of the reload is.
        let refused = admin.post("/api/system/reload", &json!({}))?;
        assert_eq!(refused.status, 422);
        assert!(String::from_utf8_lossy(&refused.body).contains("sip.tls_cert"), "{refused:?}");
        std::fs::copy(&next.key, &certificate.key)?;
        admin.post("/api/system/reload", &json!({}))?.expect(200)?;
        assert_eq!(shown(tls, &[])?, Some(fingerprint(&next.chain)?));
        assert_eq!(admin.slot(&accounts[0].id)?["registered"], true);
        assert!(!phone.has_seen("UNREGISTERING"));
        Ok(())
    })
}

/// The fingerprint of the certificate that is shown to OpenSSL's client; none if no TLS comes about.
fn shown(tls: SocketAddr, options: &[&str]) -> Result<Option<String>> {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &tls.to_string()])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .context("no openssl: scripts/setup-tests.sh installs it")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (Some(from), Some(to)) = (text.find("-----BEGIN CERTIFICATE-----"), text.find("-----END CERTIFICATE-----")) else {
        return Ok(None);
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("shown.pem");
    std::fs::write(&file, format!("{}-----END CERTIFICATE-----\n", &text[from..to]))?;
    fingerprint(&file).map(Some)
}

fn fingerprint(file: &Path) -> Result<String> {
    let output = Command::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(file).output()?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// RFC 7118 with the client that most pages use.
#[test]
fn jssip_in_chromium_registers_over_wss() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certificate = Certificate::make(folder.path(), "localhost", 30)?;
    world::with_hub_and(Settings::default().with_file(""), 2, |server, _, accounts| {
        // The hub is there already: our own client speaks no HTTPS.
        server.configure(&format!(
            "[http]\ntls_cert = {:?}\ntls_key = {:?}\n",
            certificate.chain.display().to_string(),
            certificate.key.display().to_string()
        ))?;
        server.terminate(Duration::from_secs(20))?;
        server.launch()?;
        let base = server.base().replace("http://", "https://");
        let world = json!({
            "base": base,
            "admin": {"username": "admin", "password": server.password()},
            "account": {"username": accounts[0].username, "password": accounts[0].password, "id": accounts[0].id},
            "domain": server.domain(),
        });
        let files = tempfile::tempdir()?;
        let told = browser::play("softphone", files.path(), &world)?;
        assert_eq!(told, json!({"foreign": "refused"}));
        Ok(())
    })
}
