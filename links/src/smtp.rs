//! E-mail, handed to one mail server over SMTP (RFC 5321, RFC 6409).
//!
//! A letter is plain text. Nothing of it can become a header or another recipient: addresses are parsed, and what is not a letter of a
//! line is refused in a subject.

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use tokio::time::timeout;

use crate::tls::Roots;

/// How long one step of the conversation may take.
const STEP_MAX: Duration = Duration::from_secs(15);
/// How long all of it may take.
const WHOLE_MAX: Duration = Duration::from_secs(60);
/// The longest address, in octets (RFC 5321, 4.5.3.1.3).
const ADDRESS_MAX: usize = 254;
/// The longest subject, in characters.
const SUBJECT_MAX: usize = 200;
/// The longest text, in octets.
const TEXT_MAX: usize = 256 << 10;
/// How much is told of what a server said, in characters.
const SAID_MAX: usize = 300;

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// At once.
    Wrapped,
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// Not.
    None,
}

/// The mail server, and whom letters are from.
#[derive(Clone)]
pub struct Settings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// User and password, if it wants them.
    pub login: Option<(String, String)>,
    /// Whom letters are from: `Desk <desk@example.org>`.
    pub from: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, encryption, from, .. } = self;
        f.debug_struct("Settings")
            .field("server", &format!("{host}:{port}"))
            .field("encryption", encryption)
            .field("from", from)
            .finish_non_exhaustive()
    }
}

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What makes it this letter: a letter that is sent again has the same, so that who gets it twice can tell. Letters, digits, `.`, `-`.
    pub id: String,
    /// Whom it is to: one address.
    pub to: String,
    /// What it is about: one line.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// Why a letter was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// The settings cannot be used.
    #[error("the mail server's settings cannot be used: {0}")]
    Settings(String),
    /// It cannot be sent as it is.
    #[error("the letter cannot be sent: {0}")]
    Letter(String),
    /// Not now: the server is away, refuses us, or asks to try later.
    #[error("the mail server did not take the letter now: {0}")]
    Temporary(String),
    /// The server will never take it.
    #[error("the mail server refuses the letter: {0}")]
    Permanent(String),
}

impl SmtpError {
    /// Whether the same letter may be taken later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Settings(_) | Self::Temporary(_))
    }
}

/// Sends letters.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("from", &self.from.email).finish_non_exhaustive()
    }
}

impl Mailer {
    /// One for a server. Connects when there is a letter.
    ///
    /// # Errors
    /// [`SmtpError::Settings`].
    pub fn new(settings: &Settings, roots: &Roots) -> Result<Self, SmtpError> {
        let from: Mailbox = settings.from.parse().map_err(|_| SmtpError::Settings(format!("{:?} is no address", settings.from)))?;
        let tls = match settings.encryption {
            Encryption::Wrapped => Tls::Wrapper(tls(&settings.host, roots)?),
            Encryption::StartTls => Tls::Required(tls(&settings.host, roots)?),
            Encryption::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(STEP_MAX))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let Some((user, password)) = &settings.login {
            builder = builder
                .credentials(Credentials::new(user.clone(), password.clone()))
                .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(Self { transport: builder.build(), from })
    }

    /// Hands a letter to the server.
    ///
    /// # Errors
    /// See [`SmtpError`]. A connection that breaks at the wrong moment leaves it open whether the letter was taken; it is told as temporary.
    pub async fn send(&self, letter: &Letter) -> Result<(), SmtpError> {
        let message = self.message(letter)?;
        match timeout(WHOLE_MAX, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(SmtpError::Temporary("it took too long".to_owned())),
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, SmtpError> {
        let wrong = |why: &str| SmtpError::Letter(why.to_owned());
        if letter.to.len() > ADDRESS_MAX {
            return Err(wrong("the address is too long"));
        }
        let to: Address = letter.to.parse().map_err(|_| wrong("the address is none"))?;
        if letter.subject.chars().count() > SUBJECT_MAX || letter.subject.chars().any(char::is_control) {
            return Err(SmtpError::Letter(format!("the subject is not one line of at most {SUBJECT_MAX} characters")));
        }
        if letter.text.len() > TEXT_MAX {
            return Err(wrong("the text is too long"));
        }
        let is_id = |id: &str| {
            !id.is_empty() && id.len() <= 64 && id.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-'))
        };
        if !is_id(&letter.id) {
            return Err(wrong("its id is none"));
        }
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .date_now()
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|error| SmtpError::Letter(error.to_string()))
    }
}

fn tls(host: &str, roots: &Roots) -> Result<TlsParameters, SmtpError> {
    let wrong = |error: lettre::transport::smtp::Error| SmtpError::Settings(error.to_string());
    let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
    for certificate in roots.house() {
        builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec()).map_err(wrong)?);
    }
    builder.build_rustls().map_err(wrong)
}

/// Asks that nobody's holiday notice answers (RFC 3834, 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn told(error: &lettre::transport::smtp::Error) -> SmtpError {
    let mut said = error.to_string();
    said.retain(|letter| !letter.is_control());
    if let Some((end, _)) = said.char_indices().nth(SAID_MAX) {
        said.truncate(end);
    }
    // 53x is about us, and not about the letter (RFC 4954, 6): whoever runs the server can mend it.
    let is_about_us = error.status().is_some_and(|code| (530..540).contains(&u16::from(code)));
    if error.is_permanent() && !is_about_us { SmtpError::Permanent(said) } else { SmtpError::Temporary(said) }
}
