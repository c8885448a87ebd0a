//! A private certificate authority that speaks ACME: Let's Encrypt's own test server, Pebble, on loopback, with names of its own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::{ports, wait};

/// It starts in a fraction of this.
const START_LIMIT: Duration = Duration::from_secs(20);
/// A request that takes longer is a failure of its own.
const REQUEST_LIMIT: &str = "10";

/// What an authority is to be like.
#[derive(Debug, Clone, Default)]
pub struct Habits {
    /// How long its certificates are good; none = its own default, years.
    pub validity: Option<Duration>,
    /// The only key of an account that it takes, as id and base64url; none = it asks for none.
    pub account_key: Option<(&'static str, &'static str)>,
}

/// A running authority. Ended when dropped.
#[derive(Debug)]
pub struct Authority {
    dir: tempfile::TempDir,
    port: u16,
    names: Child,
    pebble: Option<Child>,
}

impl Authority {
    /// Starts one, for which every name leads to 127.0.0.1, and which looks for proofs at `port` whatever their kind.
    ///
    /// # Errors
    /// When Pebble is not installed or does not start.
    pub fn start(port: u16, habits: &Habits) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let ports = ports::block(4)?;
        let at = |offset: u16| SocketAddr::from(([127, 0, 0, 1], ports.start + offset)).to_string();
        certify(dir.path())?;
        let file = |name: &str| dir.path().join(name).display().to_string();
        let mut settings = json!({
            "listenAddress": at(0), "managementListenAddress": at(1), "certificate": file("server.pem"), "privateKey": file("server.key"),
            "httpPort": port, "tlsPort": port, "ocspResponderURL": "", "externalAccountBindingRequired": habits.account_key.is_some(),
        });
        if let Some(validity) = habits.validity {
            settings["certificateValidityPeriod"] = json!(validity.as_secs());
        }
        if let Some((id, key)) = habits.account_key {
            settings["externalAccountMACKeys"] = json!({ id: key });
        }
        fs::write(dir.path().join("config.json"), json!({ "pebble": settings }).to_string())?;
        fs::write(dir.path().join("dns"), at(2))?;
        let names = Command::new("pebble-challtestsrv")
            .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", &at(2), "-management", &at(3)])
            .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("no pebble-challtestsrv: `make test` installs it (Debian's pebble)")?;
        let mut authority = Self { dir, port: ports.start, names, pebble: None };
        authority.start_again()?;
        Ok(authority)
    }

    /// Starts it after [`Authority::stop`]. It remembers nothing, and has another root.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let dir = self.dir.path();
        let log = fs::File::create(dir.join("log"))?;
        let pebble = Command::new("pebble")
            .arg("-config")
            .arg(dir.join("config.json"))
            .args(["-dnsserver", fs::read_to_string(dir.join("dns"))?.as_str()])
            // Each name is to be proven each time, and at once.
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_AUTHZREUSE", "0")])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("no pebble: `make test` installs it (Debian's pebble)")?;
        self.pebble = Some(pebble);
        let started = wait::until("Pebble's root certificate", START_LIMIT, || {
            let output = curl(&self.ca_file(), None, &[&format!("https://127.0.0.1:{}/roots/0", self.port + 1)])?;
            Ok(output.filter(|text| text.contains("BEGIN CERTIFICATE")))
        });
        let root = started.with_context(|| self.log())?;
        fs::write(self.root(), root)?;
        Ok(())
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop(&mut self) -> Result<()> {
        let mut pebble = self.pebble.take().context("it does not run")?;
        pebble.kill()?;
        pebble.wait()?;
        Ok(())
    }

    /// Where clients begin.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// The file that vouches for its own server.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The file with the root that vouches for the certificates it gives.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root.pem")
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // Either may be gone already.
        let _ = self.stop();
        let _ = self.names.kill();
        let _ = self.names.wait();
    }
}

/// Makes a certificate for the authority's own server, and one that vouches for it.
fn certify(dir: &Path) -> Result<()> {
    let mut house = CertificateParams::new(Vec::new())?;
    // Without a name of its own it would be taken for the server.
    house.distinguished_name.push(DnType::CommonName, "The house");
    house.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let house = CertifiedIssuer::self_signed(house, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &house)?;
    fs::write(dir.join("ca.pem"), house.pem())?;
    fs::write(dir.join("server.pem"), server.pem())?;
    fs::write(dir.join("server.key"), key.serialize_pem())?;
    Ok(())
}

/// A client of a server whose name leads to 127.0.0.1, as somebody else's program: curl.
#[derive(Debug, Clone)]
pub struct Visitor {
    name: String,
    port: u16,
}

impl Visitor {
    /// One who goes to `name` at `port`.
    #[must_use]
    pub fn new(name: &str, port: u16) -> Self {
        Self { name: name.to_owned(), port }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}:{}{path}", self.name, self.port)
    }

    fn resolve(&self) -> String {
        format!("{}:{}:127.0.0.1", self.name, self.port)
    }

    /// The answer, if whoever `root` vouches for is the server, by this name and at this time; none if there is no such connection.
    ///
    /// # Errors
    /// When curl is not installed.
    pub fn get(&self, root: &Path, path: &str) -> Result<Option<String>> {
        curl(root, Some(&self.resolve()), &[&self.url(path)])
    }

    /// The serial number of the certificate that is served, whoever vouches for it; none if there is none.
    ///
    /// # Errors
    /// When curl is not installed.
    pub fn serial(&self) -> Result<Option<String>> {
        let told = curl_with(&["--insecure", "--resolve", &self.resolve(), "--write-out", "\n%{certs}", &self.url("/healthz")])?;
        Ok(told.and_then(|told| told.lines().find_map(|line| line.strip_prefix("Serial Number:")).map(str::to_owned)))
    }

    /// What the server says of itself to its administrator, whoever vouches for it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self, password: &str) -> Result<Value> {
        let body = json!({ "username": "admin", "password": password }).to_string();
        let (resolve, login, status) = (self.resolve(), self.url("/api/auth/login"), self.url("/api/monitor/system"));
        let token = curl_with(&["--insecure", "--resolve", &resolve, "--json", &body, &login])?.context("no answer to the log-in")?;
        let token: Value = serde_json::from_str(&token)?;
        let token = token["access_token"].as_str().with_context(|| format!("no token: {token}"))?;
        let bearer = format!("Authorization: Bearer {token}");
        let answer =
            curl_with(&["--insecure", "--resolve", &resolve, "--header", &bearer, &status])?.context("no answer to the question")?;
        Ok(serde_json::from_str(&answer)?)
    }
}

fn curl(ca_file: &Path, resolve: Option<&str>, more: &[&str]) -> Result<Option<String>> {
    let ca_file = ca_file.display().to_string();
    let resolve: Vec<&str> = resolve.map(|resolve| vec!["--resolve", resolve]).unwrap_or_default();
    curl_with(&[&["--cacert", &ca_file][..], &resolve, more].concat())
}

/// What was answered; none if no connection came about or the answer says that something is wrong.
fn curl_with(arguments: &[&str]) -> Result<Option<String>> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", REQUEST_LIMIT])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("no curl: `make test` installs it")?;
    ensure!(output.status.code() != Some(2), "curl does not take this: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}
