//! Certificates, made by OpenSSL's own program: what phones and servers of others make them with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::clock;

/// A certificate that vouches for itself, and its key; files, PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one for `127.0.0.1` and `localhost` in `folder`, which is good from now on for `days`.
    ///
    /// # Errors
    /// When OpenSSL is not installed or refuses.
    pub fn make(folder: &Path, name: &str, days: u32) -> Result<Self> {
        let certificate = Self { chain: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        let mut command = openssl();
        command
            .args(["req", "-x509"])
            .args(KEY)
            .arg("-subj")
            .arg(format!("/CN={name}"))
            // Not an authority's, which no server may show.
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-days"])
            .arg(days.to_string())
            .arg("-out")
            .arg(&certificate.chain)
            .arg("-keyout")
            .arg(&certificate.key);
        run(command)?;
        Ok(certificate)
    }
}

/// An authority of the test's own: who believes its certificate believes what it vouches for.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Its certificate, PEM.
    pub chain: PathBuf,
    key: PathBuf,
    folder: PathBuf,
}

impl Authority {
    /// Makes one in `folder`.
    ///
    /// # Errors
    /// When OpenSSL is not installed or refuses.
    pub fn make(folder: &Path, name: &str) -> Result<Self> {
        let authority =
            Self { chain: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")), folder: folder.to_owned() };
        let mut command = openssl();
        command.args(["req", "-x509"]).args(KEY).arg("-subj").arg(format!("/CN={name}"));
        command.args(["-addext", "basicConstraints=critical,CA:TRUE", "-days", "30", "-out"]);
        command.arg(&authority.chain).arg("-keyout").arg(&authority.key);
        run(command)?;
        Ok(authority)
    }

    /// A server's certificate for `domain`, with the files `name`: good for a day from now on, or for a day that was ten days ago.
    ///
    /// # Errors
    /// When OpenSSL or faketime is not installed, or OpenSSL refuses.
    pub fn issue(&self, name: &str, domain: &str, is_expired: bool) -> Result<Certificate> {
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        let certificate = Certificate { chain: file("pem"), key: file("key") };
        let mut request = openssl();
        request
            .arg("req")
            .args(["-new"])
            .args(KEY)
            .args(["-subj", "/CN=server", "-keyout"])
            .arg(&certificate.key)
            .arg("-out")
            .arg(file("csr"));
        run(request)?;
        fs::write(file("ext"), format!("subjectAltName=DNS:{domain}\nbasicConstraints=critical,CA:FALSE\n"))?;
        let mut command = openssl();
        command.args(["x509", "-req", "-days", "1", "-CAcreateserial", "-in"]).arg(file("csr")).arg("-extfile").arg(file("ext"));
        command.arg("-CA").arg(&self.chain).arg("-CAkey").arg(&self.key).arg("-out").arg(&certificate.chain);
        if is_expired {
            let library = clock::library().context("no libfaketime: scripts/setup-tests.sh installs it (Debian's faketime)")?;
            command.env("LD_PRELOAD", library).env("FAKETIME", "-10d");
        }
        run(command)?;
        Ok(certificate)
    }
}

/// A key on the curve that everybody has, without a password.
const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

fn openssl() -> Command {
    let mut command = Command::new("openssl");
    command.stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Result<()> {
    let output = command.output().context("no openssl: scripts/setup-tests.sh installs it")?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
