//! Certificates, made by OpenSSL's own program: what phones and servers of others make them with.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

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
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj"])
            .arg(format!("/CN={name}"))
            // Not an authority's, which no server may show.
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-days"])
            .arg(days.to_string())
            .arg("-out")
            .arg(&certificate.chain)
            .arg("-keyout")
            .arg(&certificate.key)
            .stdin(Stdio::null())
            .output()
            .context("no openssl: scripts/setup-tests.sh installs it")?;
        ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        Ok(certificate)
    }
}
