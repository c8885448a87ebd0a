//! Letters to a mail server on this machine, well behaved and otherwise.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls::pki_types::PrivateKeyDer};

use super::*;

/// What a server says at a step, instead of what it should.
#[derive(Debug, Clone, Copy, Default)]
struct Bad {
    hello: Option<&'static str>,
    auth: Option<&'static str>,
    recipient: Option<&'static str>,
    data: Option<&'static str>,
    end: Option<&'static str>,
    /// It offers no STARTTLS.
    plain: bool,
}

/// A mail server. What it was told, a line each.
struct Server {
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    roots: Roots,
}

impl Server {
    async fn start(bad: Bad) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let roots = Roots::with_house(key.cert.pem().as_bytes()).unwrap();
        let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into()))
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&lines);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (told, acceptor) = (Arc::clone(&told), acceptor.clone());
                tokio::spawn(async move {
                    let first = bad.hello.unwrap_or("220 mail.example.org ESMTP");
                    if serve(&mut stream, bad, &told, Some(first)).await {
                        told.lock().unwrap().push("(encrypted)".to_owned());
                        let Ok(mut stream) = acceptor.accept(stream).await else { return };
                        serve(&mut stream, bad, &told, None).await;
                    }
                });
            }
        });
        Self { port, lines, roots }
    }

    fn mailer(&self, encryption: Encryption, login: Option<(&str, &str)>) -> Mailer {
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let from = "Стол <desk@example.org>".to_owned();
        Mailer::new(&Settings { host: "localhost".to_owned(), port: self.port, encryption, login, from }, &self.roots).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn text(&self) -> String {
        self.lines().join("\n")
    }
}

/// A conversation; true if it goes on encrypted.
async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bad: Bad, told: &Mutex<Vec<String>>, first: Option<&str>) -> bool {
    let mut stream = BufReader::new(stream);
    let is_encrypted = first.is_none();
    let say = async |stream: &mut BufReader<_>, text: &str| {
        let _ = AsyncWriteExt::write_all(stream, format!("{text}\r\n").as_bytes()).await;
        let _ = AsyncWriteExt::flush(stream).await;
    };
    if let Some(first) = first {
        say(&mut stream, first).await;
    }
    let mut in_data = false;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let text = line.trim_end_matches(['\r', '\n']).to_owned();
        assert!(line.ends_with("\r\n"), "a line ends as it should: {line:?}");
        told.lock().unwrap().push(text.clone());
        if in_data {
            if text == "." {
                in_data = false;
                say(&mut stream, bad.end.unwrap_or("250 taken")).await;
            }
            continue;
        }
        let answer = match text.split(' ').next().unwrap_or_default() {
            "EHLO" if bad.plain || is_encrypted => "250-mail.example.org\r\n250 AUTH PLAIN LOGIN",
            "EHLO" => "250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" => {
                say(&mut stream, "220 go").await;
                return true;
            }
            "AUTH" => bad.auth.unwrap_or("235 welcome"),
            "RCPT" => bad.recipient.unwrap_or("250 ok"),
            "DATA" if bad.data.is_some() => bad.data.unwrap_or_default(),
            "DATA" => {
                in_data = true;
                "354 go"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        say(&mut stream, answer).await;
    }
}

fn letter() -> Letter {
    Letter {
        id: "job-12".to_owned(),
        to: "anna@example.com".to_owned(),
        subject: "Приглашение".to_owned(),
        text: "Line one\n.\n.two\nТри\n".to_owned(),
    }
}

#[tokio::test]
async fn a_letter_arrives() {
    let server = Server::start(Bad { plain: true, ..Bad::default() }).await;
    server.mailer(Encryption::None, None).send(&letter()).await.unwrap();
    let text = server.text();
    for line in [
        "EHLO example.org",
        "MAIL FROM:<desk@example.org>",
        "RCPT TO:<anna@example.com>",
        "To: anna@example.com",
        "Message-ID: <job-12@example.org>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(server.lines().iter().any(|told| told.starts_with(line)), "{line}\n{text}");
    }
    assert!(text.contains("Subject: =?utf-8?b?") && text.contains("From: =?utf-8?b?"), "{text}");
    assert_eq!(server.lines().iter().filter(|line| *line == ".").count(), 1, "a dot in the text does not end it:\n{text}");
    assert!(!text.contains("AUTH"), "{text}");
}

#[tokio::test]
async fn the_connection_is_encrypted_before_the_password_is_said() {
    let server = Server::start(Bad::default()).await;
    server.mailer(Encryption::StartTls, Some(("desk", "s3cret"))).send(&letter()).await.unwrap();
    let lines = server.lines();
    let place = |wanted: &str| lines.iter().position(|line| line.starts_with(wanted)).unwrap();
    assert!(place("STARTTLS") < place("(encrypted)") && place("(encrypted)") < place("AUTH PLAIN") && place("AUTH PLAIN") < place("MAIL"));

    // Whose certificate nobody vouches for gets nothing, and who offers no encryption neither.
    let settings = Settings {
        host: "localhost".to_owned(),
        port: server.port,
        encryption: Encryption::StartTls,
        login: Some(("desk".to_owned(), "s3cret".to_owned())),
        from: "desk@example.org".to_owned(),
    };
    let stranger = Mailer::new(&settings, &Roots::public()).unwrap();
    assert!(matches!(stranger.send(&letter()).await, Err(SmtpError::Temporary(_))));
    let plain = Server::start(Bad { plain: true, ..Bad::default() }).await;
    let error = plain.mailer(Encryption::StartTls, Some(("desk", "s3cret"))).send(&letter()).await.unwrap_err();
    assert!(matches!(error, SmtpError::Temporary(_)), "{error}");
    assert!(!plain.text().contains("AUTH") && !plain.text().contains("MAIL"), "{}", plain.text());
    assert!(!format!("{settings:?} {stranger:?}").contains("s3cret"));
}

#[tokio::test]
async fn what_the_server_says_is_told_apart() {
    let of = async |bad: Bad| {
        let server = Server::start(Bad { plain: true, ..bad }).await;
        server.mailer(Encryption::None, Some(("desk", "s3cret"))).send(&letter()).await
    };
    for (bad, is_temporary) in [
        (Bad { hello: Some("421 too busy"), ..Bad::default() }, true),
        (Bad { hello: Some("554 go away"), ..Bad::default() }, false),
        (Bad { auth: Some("535 wrong password"), ..Bad::default() }, true),
        (Bad { auth: Some("454 not now"), ..Bad::default() }, true),
        (Bad { recipient: Some("450 mailbox busy"), ..Bad::default() }, true),
        (Bad { recipient: Some("550 no such user"), ..Bad::default() }, false),
        (Bad { data: Some("552 too much"), ..Bad::default() }, false),
        (Bad { end: Some("451 greylisted"), ..Bad::default() }, true),
        (Bad { end: Some("554 spam"), ..Bad::default() }, false),
    ] {
        let error = of(bad).await.unwrap_err();
        assert_eq!(error.is_temporary(), is_temporary, "{bad:?}: {error}");
        assert!(!error.to_string().contains("s3cret"));
    }
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let settings = Settings {
        host: "127.0.0.1".to_owned(),
        port: address.port(),
        encryption: Encryption::None,
        login: None,
        from: "a@b.example".to_owned(),
    };
    let nobody = Mailer::new(&settings, &Roots::public()).unwrap();
    assert!(matches!(nobody.send(&letter()).await, Err(SmtpError::Temporary(_))));
    assert!(matches!(Mailer::new(&Settings { from: "nobody".to_owned(), ..settings }, &Roots::public()), Err(SmtpError::Settings(_))));
}

#[tokio::test]
async fn nothing_becomes_a_header_or_another_recipient() {
    let server = Server::start(Bad { plain: true, ..Bad::default() }).await;
    let mailer = server.mailer(Encryption::None, None);
    let evil = [
        Letter { to: "a@example.com\r\nRCPT TO:<b@example.com>".to_owned(), ..letter() },
        Letter { to: "a@example.com, b@example.com".to_owned(), ..letter() },
        Letter { to: "Anna <a@example.com>".to_owned(), ..letter() },
        Letter { to: "a@example.com>".to_owned(), ..letter() },
        Letter { to: String::new(), ..letter() },
        Letter { to: format!("{}@example.com", "a".repeat(250)), ..letter() },
        Letter { subject: "Hi\r\nBcc: b@example.com".to_owned(), ..letter() },
        Letter { subject: "Hi\nBcc: b@example.com".to_owned(), ..letter() },
        Letter { subject: "x".repeat(SUBJECT_MAX + 1), ..letter() },
        Letter { text: "x".repeat(TEXT_MAX + 1), ..letter() },
        Letter { id: "a>\r\nBcc: b@example.com".to_owned(), ..letter() },
        Letter { id: String::new(), ..letter() },
    ];
    for letter in evil {
        assert!(matches!(mailer.send(&letter).await, Err(SmtpError::Letter(_))), "{} {} {}", letter.id, letter.to, letter.subject);
    }
    assert_eq!(server.lines(), Vec::<String>::new(), "nothing was said to the server");
    // A text that looks like the conversation stays a text.
    let text = "x\r\n.\r\nMAIL FROM:<evil@example.com>\r\n".to_owned();
    mailer.send(&Letter { text, ..letter() }).await.unwrap();
    assert_eq!(server.lines().iter().filter(|line| *line == ".").count(), 1);
}
