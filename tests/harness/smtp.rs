//! A mail server on loopback (Debian's aiosmtpd, `tests/peers/smtp`) with a certificate of an authority of the test's own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;

use crate::{server, wait};

/// Debian's own Python, for which its packages are.
const PYTHON: &str = "/usr/bin/python3";
const START_LIMIT: Duration = Duration::from_secs(60);
/// Who may send.
const USER: &str = "desk@example.org";
/// With what; it has all that a URL must encode.
const PASSWORD: &str = "p:w/%@ \u{436}";

/// A running mail server.
#[derive(Debug)]
pub struct MailServer {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
}

/// A letter as it came.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Who it was sent as.
    pub user: String,
    /// Header and body, each octet as a character.
    pub raw: String,
}

impl MailServer {
    /// Starts one whose certificate is for `name`.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(name: &str) -> Result<Self> {
        ensure!(
            Path::new("/usr/lib/python3/dist-packages/aiosmtpd/smtp.py").is_file(),
            "no aiosmtpd: `make test` installs it (scripts/setup-tests.sh, Debian's python3-aiosmtpd)"
        );
        let dir = tempfile::tempdir()?;
        let place = |file: &str| dir.path().join(file);
        let mut authority = CertificateParams::new(Vec::<String>::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "The tests' authority");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, &authority)?;
        fs::write(place("authority.pem"), authority.pem())?;
        fs::write(place("certificate.pem"), certificate.pem())?;
        fs::write(place("key.pem"), key.serialize_pem())?;
        fs::create_dir(place("letters"))?;
        let mut child = Command::new(PYTHON)
            .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/smtp/server.py"))
            .env("CERTIFICATE", place("certificate.pem"))
            .env("KEY", place("key.pem"))
            .env("USER", USER)
            .env("PASSWORD", PASSWORD)
            .env("PLACE", place("letters"))
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(place("log"))?)
            .spawn()
            .with_context(|| format!("no {PYTHON}: `make test` installs it (scripts/setup-tests.sh)"))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut server = Self { dir, port: 0, child };
        let (tell, told) = mpsc::sync_channel(1);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens any more once it is up.
                let _ = tell.try_send(line);
            }
        });
        let port = told.recv_timeout(START_LIMIT).ok().and_then(|line| line.parse().ok());
        server.port = port.with_context(|| format!("the mail server does not start: {}", server.said()))?;
        Ok(server)
    }

    /// What it complained of.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Settings with which a server sends its letters here, believing the authority.
    #[must_use]
    pub fn known_to(&self, settings: server::Settings) -> server::Settings {
        self.known_without_authority(settings).with("CORDBOARD__LINKS__CA_FILE", self.authority())
    }

    /// The file with its authority's certificate.
    #[must_use]
    pub fn authority(&self) -> String {
        self.dir.path().join("authority.pem").display().to_string()
    }

    /// The same, believing public authorities only.
    #[must_use]
    pub fn known_without_authority(&self, settings: server::Settings) -> server::Settings {
        self.known_with(settings, "p%3Aw%2F%25%40%20%D0%B6")
    }

    /// The same with a password as it stands in a URL.
    #[must_use]
    pub fn known_with(&self, settings: server::Settings, password: &str) -> server::Settings {
        settings
            .with("CORDBOARD__SMTP__URL", format!("smtp://desk%40example.org:{password}@localhost:{}?tls=starttls", self.port))
            .with("CORDBOARD__SMTP__FROM", "\u{421}\u{442}\u{43e}\u{43b} <desk@example.org>")
    }

    /// The answers to the next letters, in place of taking them: `451 4.7.1 later`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn will_answer(&self, answers: &[&str]) -> Result<()> {
        let fresh = self.dir.path().join("answers.fresh");
        fs::write(&fresh, answers.iter().map(|answer| format!("{answer}\n")).collect::<String>())?;
        Ok(fs::rename(fresh, self.dir.path().join("letters/answers"))?)
    }

    /// How often somebody has tried to send a letter.
    #[must_use]
    pub fn tries(&self) -> usize {
        fs::read_to_string(self.dir.path().join("letters/tries")).unwrap_or_default().lines().count()
    }

    /// The letters that came, the first first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn letters(&self) -> Result<Vec<Letter>> {
        (1..)
            .map(|number| self.dir.path().join(format!("letters/{number}.json")))
            .take_while(|path| path.is_file())
            .map(|path| {
                let letter: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
                ensure!(letter["tls"] == true, "it came as clear text");
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                Ok(Letter {
                    from: text(&letter["from"]),
                    to: letter["to"].as_array().into_iter().flatten().map(text).collect(),
                    user: text(&letter["user"]),
                    raw: text(&letter["octets"]),
                })
            })
            .collect()
    }

    /// The letter with this number, counted from 1, waited for.
    ///
    /// # Errors
    /// When it does not come.
    pub fn letter(&self, number: usize, limit: Duration) -> Result<Letter> {
        let came = wait::until(format!("letter {number}"), limit, || Ok(self.letters()?.into_iter().nth(number - 1)));
        came.with_context(|| format!("the mail server said: {}", self.said()))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // Both fail only if it is already gone, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Letter {
    /// The header fields by name, as the octets came, unfolded (RFC 5322, 2.2.3).
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let head = self.raw.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
        head.split("\r\n").filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect()
    }

    /// One header field, its encoded words read (RFC 2047). More than one of the name is an error.
    ///
    /// # Errors
    /// When there is none, or more, or it cannot be read.
    pub fn header(&self, name: &str) -> Result<String> {
        let values: Vec<String> = self.headers().into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect();
        ensure!(values.len() == 1, "{} header fields {name}: {}", values.len(), self.raw);
        let mut octets = Vec::new();
        let mut after_word = false;
        for part in values.concat().split(' ') {
            let word = part.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?="));
            match word {
                Some(word) => {
                    if !after_word && !octets.is_empty() {
                        octets.push(b' ');
                    }
                    octets.extend(base64(word)?);
                }
                None => {
                    if !octets.is_empty() {
                        octets.push(b' ');
                    }
                    octets.extend(part.bytes());
                }
            }
            after_word = word.is_some();
        }
        Ok(String::from_utf8(octets)?)
    }

    /// The text, its transfer encoding undone.
    ///
    /// # Errors
    /// When it is in none that is known here.
    pub fn text(&self) -> Result<String> {
        let (_, body) = self.raw.split_once("\r\n\r\n").context("no body")?;
        let octets = match self.header("content-transfer-encoding")?.to_lowercase().as_str() {
            "base64" => base64(&body.replace("\r\n", ""))?,
            "quoted-printable" => quoted_printable(body)?,
            "7bit" | "8bit" => body.chars().map(|letter| u8::try_from(u32::from(letter))).collect::<Result<_, _>>()?,
            other => anyhow::bail!("the body is in {other}"),
        };
        Ok(String::from_utf8(octets)?.replace("\r\n", "\n"))
    }

    /// The link in it.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn link(&self) -> Result<String> {
        let text = self.text()?;
        let links: Vec<&str> = text.split_whitespace().filter(|word| word.contains("://")).collect();
        ensure!(links.len() == 1, "{} links in {text}", links.len());
        Ok(links.concat())
    }
}

/// RFC 4648, 4.
fn base64(text: &str) -> Result<Vec<u8>> {
    let (mut octets, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let digit = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => anyhow::bail!("{other} is not in base64"),
        };
        bits = (bits << 6 | u32::from(digit)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from(bits >> count & 0xff)?);
        }
    }
    Ok(octets)
}

/// RFC 2045, 6.7.
fn quoted_printable(text: &str) -> Result<Vec<u8>> {
    let text = text.replace("=\r\n", "");
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'=' => {
                let digits = [rest.next().context("it is cut")?, rest.next().context("it is cut")?];
                u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?
            }
            other => other,
        });
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read() -> Result<()> {
        let raw = "Subject: =?utf-8?b?0J0=?=\r\n =?utf-8?b?0L7Qsg==?= and more\r\nX: y\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                   a=\r\nb =D0=B6\r\nhttps://x/#y\r\n";
        let letter = Letter { from: String::new(), to: vec![], user: String::new(), raw: raw.to_owned() };
        assert_eq!(letter.header("subject")?, "\u{41d}\u{43e}\u{432} and more");
        assert_eq!((letter.text()?.as_str(), letter.link()?.as_str()), ("ab \u{436}\nhttps://x/#y\n", "https://x/#y"));
        assert!(letter.header("y").is_err());
        Ok(())
    }
}
