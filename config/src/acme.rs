//! `[acme]`

use std::{fmt, path::PathBuf};

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// A certificate for http.listen from an authority, without anybody fetching it: ordered, proven and renewed by ACME (RFC 8555).
    /// Instead of http.tls_cert and http.tls_key.
    Acme in acme {
        /// The names that people reach the console by, such as ["desk.example.com"]: the certificate is for them. Empty: no certificate.
        /// The authority has to reach this server under each of them, see acme.challenge.
        domains: Vec<CertificateName> = "[]";
        /// The authority's directory: an https:// address. The default is Let's Encrypt; to try out whether all is set up well, without
        /// being counted, take "https://acme-staging-v02.api.letsencrypt.org/directory", whose certificates no browser believes.
        directory: DirectoryUrl = "\"https://acme-v02.api.letsencrypt.org/directory\"";
        /// Whether you agree to the authority's terms of service. Without that it gives no certificate.
        terms_agreed: bool = "false";
        /// An e-mail address that the authority can write to, such as "desk@example.com". Empty: none.
        contact: Option<Contact> = "\"\"";
        /// How the names are proven: "tls-alpn-01", for which port 443 has to lead to http.listen, or "http-01", for which port 80 has to.
        challenge: AcmeChallenge = "\"tls-alpn-01\"";
        /// A file with the certificates of an authority of the house, PEM, so that its directory is believed. Empty: the public ones only.
        ca_file: Option<PathBuf> = "\"\"";
        /// The id of the key by which an authority knows its customers (external account binding). Empty: it asks for none.
        eab_key_id: Option<KeyId> = "\"\"";
        /// That key, as the authority shows it: base64url. Better given as CORDBOARD__ACME__EAB_KEY.
        eab_key: Option<EabKey> = "\"\"";
    }
}

/// Names in one certificate.
const NAMES_MAX: usize = 20;

impl Acme {
    /// Whether a certificate is to be ordered.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.domains.is_empty()
    }

    pub(crate) fn check(&self, findings: &mut Findings) {
        if self.eab_key_id.is_some() != self.eab_key.is_some() {
            findings.contradiction(&["acme.eab_key_id", "acme.eab_key"], "acme.eab_key_id and acme.eab_key go together".to_owned());
        }
        if !self.is_wanted() {
            return;
        }
        if !self.terms_agreed {
            let reason = format!(
                "acme.terms_agreed is to be true: no certificate is given to somebody who does not agree to the terms of {}",
                self.directory.as_str()
            );
            findings.contradiction(&["acme.terms_agreed", "acme.domains"], reason);
        }
        if self.domains.len() > NAMES_MAX {
            findings.contradiction(&["acme.domains"], format!("acme.domains has more than {NAMES_MAX} names"));
        }
    }
}

/// A name that a certificate can be for, in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateName(String);

impl CertificateName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for CertificateName {
    const EXPECTS: &'static str = "a name such as \"desk.example.com\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let name = raw.text()?.to_ascii_lowercase();
        let is_label = |label: &str| {
            let is_inner = label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
            (1..=63).contains(&label.len()) && is_inner && !label.starts_with('-') && !label.ends_with('-')
        };
        let is_address = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|octet| octet.is_ascii_digit()));
        if name.len() <= 253 && name.contains('.') && name.split('.').all(is_label) && !is_address {
            return Ok(Self(name));
        }
        let star =
            if name.starts_with("*.") { "; names with a star can only be proven in ways that this program does not know" } else { "" };
        Err(Problem::Bad(format!("{name:?} is no name in full, such as desk.example.com{star}")))
    }
}

/// Where an authority's directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryUrl(String);

impl DirectoryUrl {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for DirectoryUrl {
    const EXPECTS: &'static str = "an address such as \"https://acme-v02.api.letsencrypt.org/directory\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        let is_address = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if is_address && !text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::Bad("an authority's directory begins with https://".into()))
        }
    }
}

/// An e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact(String);

impl Contact {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Contact {
    const EXPECTS: &'static str = "an e-mail address such as \"desk@example.com\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        let is_address = text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
        if is_address && text.bytes().all(|octet| octet.is_ascii_graphic() && !b",;?<>:".contains(&octet)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::Bad(format!("{text:?} is no e-mail address, such as desk@example.com")))
        }
    }
}

/// By what a name is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// By a certificate at port 443.
    TlsAlpn01,
    /// By an answer over plain HTTP at port 80.
    Http01,
}

impl Value for AcmeChallenge {
    const EXPECTS: &'static str = "\"tls-alpn-01\" or \"http-01\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw.text()? {
            "tls-alpn-01" => Ok(Self::TlsAlpn01),
            "http-01" => Ok(Self::Http01),
            other => Err(Problem::Bad(format!("{other:?} is neither \"tls-alpn-01\" nor \"http-01\""))),
        }
    }
}

/// The id of a key at an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId(String);

impl KeyId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for KeyId {
    const EXPECTS: &'static str = "a key's id";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        Ok(Self(raw.text()?.to_owned()))
    }
}

/// The key itself. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct EabKey(String);

impl EabKey {
    /// The key, in base64url. Not for logs.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EabKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EabKey(..)")
    }
}

impl Value for EabKey {
    const EXPECTS: &'static str = "a key in base64url";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?.trim_end_matches('=');
        let is_base64 = text.len() % 4 != 1 && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
        // The text is not repeated: it is a secret.
        if is_base64 && text.len() >= 16 { Ok(Self(text.to_owned())) } else { Err(Problem::Bad("it is no key in base64url".into())) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    #[test]
    fn a_name_is_one_that_an_authority_can_prove() {
        for good in ["desk.example.com", "Desk.Example", "a-b.c1.example", "xn--80ak6aa92e.com"] {
            assert_eq!(CertificateName::read(&text(good)).unwrap().as_str(), good.to_lowercase());
        }
        for wrong in [
            "",
            "localhost",
            "*.example.com",
            "192.0.2.1",
            "desk.example.com.",
            "-a.example",
            "a..b",
            "a b.example",
            "\u{434}.example",
            "https://a.example",
        ] {
            assert!(CertificateName::read(&text(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_authority_is_asked_by_https_only() {
        assert!(DirectoryUrl::read(&text("https://ca.house.example:14000/dir")).is_ok());
        for wrong in ["", "http://ca.example/dir", "ca.example", "https://", "https:///dir", "https://ca.example/a b"] {
            assert!(DirectoryUrl::read(&text(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = EabKey::read(&text("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")).unwrap();
        assert!(!format!("{key:?}").contains("zWNDZ"));
        for wrong in ["", "short", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ1 W", "zWNDZM6eQGHWpSRTP+l5eIU/"] {
            let Err(Problem::Bad(told)) = EabKey::read(&text(wrong)) else { panic!("{wrong}") };
            assert!(wrong.is_empty() || !told.contains(wrong));
        }
    }

    #[test]
    fn contradictions_are_told() {
        let errors = |file: &str| {
            let judged = crate::Config::judge(Some(file), std::iter::empty(), |_| Vec::new());
            judged.errors().iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
        };
        assert_eq!(errors("[acme]\ndomains = [\"desk.example\"]\nterms_agreed = true\ncontact = \"a@b.example\""), "");
        assert!(errors("[acme]\ndomains = [\"desk.example\"]").contains("acme.terms_agreed is to be true"));
        assert!(errors("[acme]\neab_key_id = \"a\"").contains("go together"));
        let both = "[http]\ntls_cert = \"a\"\ntls_key = \"b\"\n[acme]\ndomains = [\"desk.example\"]\nterms_agreed = true";
        assert!(errors(both).contains("acme.domains"), "{}", errors(both));
        assert!(errors("[acme]\nchallenge = \"dns-01\"").contains("neither"));
        assert!(errors("[acme]\ncontact = \"nobody\"").contains("no e-mail address"));
    }
}
