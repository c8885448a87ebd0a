//! `[smtp]`

use std::{fmt, net::IpAddr};

use percent_encoding::percent_decode_str;

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// Outgoing e-mail: invitations, new passwords, notices.
    Smtp in smtp {
        /// The mail server: "smtp://user:password@host:587" (encrypted by STARTTLS) or "smtps://user:password@host:465" (encrypted at once).
        /// Percent-encode what is no letter or digit in user and password. Without a port: 587 and 465.
        /// A server on this machine itself is spoken to without encryption. For any other that has none, add "?tls=none".
        /// Empty: no e-mail is sent, and an administrator hands links over by other ways.
        /// Better given as CORDBOARD__SMTP__URL if it holds a password.
        url: Option<SmtpUrl> = "\"\"";
        /// Whom letters are from: an address, or a name and an address.
        from: Sender = "\"Cordboard <cordboard@localhost>\"";
    }
}

impl Smtp {
    pub(crate) fn check(&self, findings: &mut Findings) {
        let Some(url) = &self.url else { return };
        if url.is_elsewhere() && self.from.domain() == "localhost" {
            findings.warn(&["smtp.from", "smtp.url"], "no reader can answer to localhost, and many servers take no letter from there");
        }
        if url.is_elsewhere() && url.tls == SmtpTls::None {
            let text = if url.login.is_some() { "the password and the letters cross" } else { "the letters cross" };
            findings.warn(&["smtp.url"], format!("{text} the network as clear text"));
        }
    }
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// At once.
    Wrapped,
    /// By STARTTLS, without which no letter is sent.
    StartTls,
    /// Not.
    None,
}

/// The URL of a mail server. It may hold a password, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    host: String,
    port: u16,
    tls: SmtpTls,
    login: Option<(String, String)>,
}

impl SmtpUrl {
    /// The server's name or address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the connection is encrypted.
    #[must_use]
    pub fn tls(&self) -> SmtpTls {
        self.tls
    }

    /// The user and the password, if the server wants them. Not for logs.
    #[must_use]
    pub fn secret_login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    fn is_elsewhere(&self) -> bool {
        !is_loopback(&self.host)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "a mail server's URL is such as smtp://user:password@host:587 or smtps://host".to_owned();
        if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err("a URL holds no blanks".to_owned());
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let is_wrapped = match scheme {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(wrong()),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // The last @, because a password may hold one that is not encoded.
        let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').or(port.is_empty().then_some(""))),
            None => place.split_once(':').map_or((place, Some("")), |(host, port)| (host, Some(port))),
        };
        let port = match port.ok_or_else(wrong)? {
            "" if is_wrapped => 465,
            "" => 587,
            port => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("{port:?} is no port"))?,
        };
        let is_address = host.parse::<IpAddr>().is_ok();
        let is_name = !host.is_empty() && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_'));
        if !is_address && !is_name {
            return Err(wrong());
        }
        let tls = match query {
            None if is_wrapped => SmtpTls::Wrapped,
            None if is_loopback(host) => SmtpTls::None,
            None | Some("tls=starttls") if !is_wrapped => SmtpTls::StartTls,
            Some("tls=none") if !is_wrapped => SmtpTls::None,
            _ => return Err("after ? stands tls=none or tls=starttls, with smtp:// only".to_owned()),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| wrong());
        let login = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => Some((decoded(user)?, decoded(password)?)),
            None => None,
        };
        Ok(Self { host: host.to_owned(), port, tls, login })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({}:{}, {:?}, ..)", self.host, self.port, self.tls)
    }
}

impl Value for SmtpUrl {
    const EXPECTS: &'static str = "a URL such as \"smtp://user:password@host:587\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        // The text is not repeated: it may hold a password.
        Self::parse(raw.text()?).map_err(Problem::Bad)
    }
}

/// Whom letters are from, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(String);

impl Sender {
    /// `Cordboard <cordboard@example.org>`, or the address alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end_matches('>'))
    }
}

impl Value for Sender {
    const EXPECTS: &'static str = "an address such as \"Cordboard <desk@example.org>\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        let address = match text.split_once('<') {
            Some((_, rest)) => rest.strip_suffix('>'),
            None => Some(text),
        };
        let is_address = |address: &str| {
            let parts = address.split_once('@');
            parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
                && address.matches('@').count() == 1
                && !address.contains([' ', '<', '>', ','])
        };
        if address.is_some_and(is_address) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::Bad(format!("{text:?} is no address, such as \"Cordboard <desk@example.org>\"")))
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_mail_server_is_read() {
        let read = |text: &str| SmtpUrl::parse(text).map(|url| (url.host.clone(), url.port, url.tls, url.login.clone()));
        let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (text, host, port, tls, login) in [
            ("smtp://mail.example.org", "mail.example.org", 587, SmtpTls::StartTls, None),
            ("smtp://mail.example.org:25/", "mail.example.org", 25, SmtpTls::StartTls, None),
            ("smtps://mail.example.org", "mail.example.org", 465, SmtpTls::Wrapped, None),
            ("smtp://mail.example.org?tls=none", "mail.example.org", 587, SmtpTls::None, None),
            ("smtp://localhost:1025", "localhost", 1025, SmtpTls::None, None),
            ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, SmtpTls::None, None),
            ("smtp://[::1]:1025", "::1", 1025, SmtpTls::None, None),
            ("smtp://localhost?tls=starttls", "localhost", 587, SmtpTls::StartTls, None),
            ("smtp://[2001:db8::1]", "2001:db8::1", 587, SmtpTls::StartTls, None),
            ("smtp://desk:s3cret@mail", "mail", 587, SmtpTls::StartTls, login("desk", "s3cret")),
            ("smtp://desk%40example.org:p%3Aw%2F%25@mail", "mail", 587, SmtpTls::StartTls, login("desk@example.org", "p:w/%")),
            ("smtps://desk@example.org:p@ss@mail:1", "mail", 1, SmtpTls::Wrapped, login("desk@example.org", "p@ss")),
        ] {
            assert_eq!(read(text).unwrap(), (host.to_owned(), port, tls, login), "{text}");
        }
        for wrong in [
            "",
            "mail",
            "http://mail",
            "smtp:mail",
            "smtp://",
            "smtp://:25",
            "smtp://mail:0",
            "smtp://mail:x",
            "smtp://mail:99999",
            "smtp://ma il",
            "smtp://mail/path",
            "smtp://[::1",
            "smtp://[::1]x",
            "smtps://mail?tls=none",
            "smtp://mail?tls=maybe",
            "smtp://u:%ff@mail",
            "smtp://mail\r\n",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = SmtpUrl::read(&Raw::Text("smtp://desk:s3cret@mail".to_owned())).unwrap();
        assert_eq!(format!("{url:?}"), "SmtpUrl(mail:587, StartTls, ..)");
        assert_eq!(url.secret_login(), Some(("desk", "s3cret")));
        for wrong in ["smtp://desk:s3cret@", "smtp://desk:s3cret@mail:x", "s3cret"] {
            let Err(Problem::Bad(told)) = SmtpUrl::read(&Raw::Text(wrong.to_owned())) else { panic!("{wrong}") };
            assert!(!told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn a_sender_is_an_address() {
        let read = |text: &str| Sender::read(&Raw::Text(text.to_owned()));
        for good in ["desk@example.org", "Desk <desk@example.org>", "\u{421}\u{442}\u{43e}\u{43b} <desk@example.org>"] {
            assert!(read(good).is_ok(), "{good}");
        }
        for wrong in
            ["", "desk", "@example.org", "desk@", "a@b@c", "Desk <desk@example.org", "Desk desk@example.org", "a@b, c@d", "a@b\nBcc: c@d"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_odd_is_told() {
        let warnings = |file: &str| {
            let (_, warnings) = crate::Config::judge(Some(file), std::iter::empty(), |_| Vec::new()).outcome().unwrap();
            warnings.iter().map(|warning| warning.key.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(warnings("[smtp]\nurl = \"smtp://127.0.0.1:1025\""), Vec::<String>::new());
        assert_eq!(warnings("[smtp]\nurl = \"smtp://mail\""), ["smtp.from"]);
        assert_eq!(warnings("[smtp]\nurl = \"smtp://mail?tls=none\"\nfrom = \"a@b\""), ["smtp.url"]);
        assert_eq!(warnings("[links]\nallow_nets = [\"::/0\"]"), ["links.allow_nets"]);
    }
}
