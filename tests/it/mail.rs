//! Letters by a mail server that wants TLS and a password: invitations and new passwords (S004-95).

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    Rest, Server,
    clock::Clock,
    postgres::Postgres,
    server::{Settings, story},
    smtp::{Letter, MailServer},
    wait,
};

use crate::world::SOON;

const PUBLIC: &str = "https://desk.example.org";
const PASSWORD: &str = "a password of the tests";

/// A person who has been invited, and the job that sends the letter.
fn invite(admin: &Rest, person: &Value) -> Result<(String, i64)> {
    let made = admin.post("/api/users", person)?.expect(201)?;
    let id = made["id"].as_str().context("no id")?.to_owned();
    let before = newest_job(admin)?;
    link(admin, &id, "invitation")?;
    Ok((id, before))
}

fn link(admin: &Rest, user: &str, purpose: &str) -> Result<Value> {
    let made = admin.post(&format!("/api/users/{user}/link"), &json!({"purpose": purpose, "send": "email"}))?.expect(200)?;
    ensure!(made["url"].is_null(), "a link that is mailed is shown to nobody: {made}");
    Ok(made)
}

fn jobs(admin: &Rest) -> Result<Vec<Value>> {
    Ok(admin.list("/api/jobs")?.into_iter().filter(|job| job["kind"] == "mail.send").collect())
}

fn newest_job(admin: &Rest) -> Result<i64> {
    Ok(jobs(admin)?.iter().filter_map(|job| job["id"].as_str()?.parse().ok()).max().unwrap_or_default())
}

/// The job that came after `before`, once `is_so`.
fn job(admin: &Rest, before: i64, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    let after = |job: &Value| job["id"].as_str().and_then(|id| id.parse::<i64>().ok()).is_some_and(|id| id > before);
    wait::until(format!("a letter's job that is {what}"), SOON * 2, || Ok(jobs(admin)?.into_iter().find(|job| after(job) && is_so(job))))
        .with_context(|| format!("{:?}", jobs(admin)))
}

/// The token of a link, which stands behind the # of the console's page, where no server's log has it.
fn token(letter: &Letter) -> Result<String> {
    let link = letter.link()?;
    let token = link.strip_prefix(&format!("{PUBLIC}/link#token=")).with_context(|| format!("the link is {link}"))?;
    ensure!(token.len() >= 40 && !token.contains(['?', '&', '/']), "the token is {token}");
    Ok(token.to_owned())
}

fn use_link(server: &Server, token: &str, password: &str) -> Result<u16> {
    Ok(server.anonymous().post("/api/auth/link", &json!({"token": token, "password": password}))?.status)
}

fn with_mail(settings: Settings, test: impl FnOnce(&mut Server, &MailServer, &Clock, &Rest) -> Result<()>) -> Result<()> {
    let (mail, clock) = (MailServer::start("localhost")?, Clock::start()?);
    let settings = Settings { clock: Some(clock.clone()), ..mail.known_to(settings).with("CORDBOARD__HTTP__PUBLIC_URL", PUBLIC) };
    story(settings, |server| {
        let admin = server.admin()?;
        test(server, &mail, &clock, &admin).with_context(|| format!("the mail server said: {}", mail.said()))
    })
}

/// An invitation is accepted once, a forgotten password is replaced once, each in the person's language.
fn letters_arrive(settings: Settings) -> Result<()> {
    with_mail(settings, |server, mail, clock, admin| {
        let anna = json!({"username": "anna", "email": "anna@example.org", "display_name": "\u{410}\u{43d}\u{43d}\u{430} \u{41f}\u{435}\u{442}\u{440}\u{43e}\u{432}\u{430}",
            "role": "operator", "locale": "ru"});
        let (_, before) = invite(admin, &anna)?;
        let letter = mail.letter(1, SOON)?;
        assert_eq!((letter.from.as_str(), letter.to.as_slice()), ("desk@example.org", ["anna@example.org".to_owned()].as_slice()));
        assert_eq!(letter.user, "desk@example.org");
        assert_eq!(letter.header("subject")?, "\u{41f}\u{440}\u{438}\u{433}\u{43b}\u{430}\u{448}\u{435}\u{43d}\u{438}\u{435}: Main");
        assert_eq!(letter.header("from")?, "\u{421}\u{442}\u{43e}\u{43b} <desk@example.org>");
        assert_eq!((letter.header("to")?, letter.header("mime-version")?), ("anna@example.org".to_owned(), "1.0".to_owned()));
        assert_eq!(
            (letter.header("auto-submitted")?.as_str(), letter.header("content-type")?.to_lowercase().as_str()),
            ("auto-generated", "text/plain; charset=utf-8")
        );
        assert!(letter.header("date").is_ok() && letter.header("message-id")?.ends_with("@example.org>"), "{}", letter.raw);
        let lines = letter.raw.split("\r\n");
        assert!(
            lines.clone().all(|line| line.len() <= 998 && line.is_ascii()) && !letter.raw.replace("\r\n", "").contains(['\r', '\n']),
            "RFC 5321, 4.5.3.1.6"
        );
        let text = letter.text()?;
        assert!(text.starts_with("\u{417}\u{434}\u{440}\u{430}\u{432}\u{441}\u{442}\u{432}\u{443}\u{439}\u{442}\u{435}, \u{410}\u{43d}\u{43d}\u{430} \u{41f}\u{435}\u{442}\u{440}\u{43e}\u{432}\u{430}!\n"), "{text}");
        assert!(text.contains("72 \u{447}\u{430}\u{441}\u{430}"), "{text}");
        // What is sent is told, and the link is kept nowhere.
        let done = job(admin, before, "done", |job| job["state"] == "done")?;
        let secret = token(&letter)?;
        assert!(!done.to_string().contains(&secret) && !json!(admin.list("/api/audit")?).to_string().contains(&secret));

        // The page asks what it is for, and uses it up.
        let info = server.anonymous().get(&format!("/api/auth/link?token={secret}"))?.expect(200)?;
        assert_eq!((&info["purpose"], &info["username"]), (&json!("invitation"), &json!("anna")));
        assert!(server.anonymous().login("anna", PASSWORD).is_err());
        assert_eq!(use_link(server, &secret, "short")?, 422, "and it is still good");
        assert_eq!(use_link(server, &secret, PASSWORD)?, 204);
        assert_eq!(
            (use_link(server, &secret, "another password")?, server.anonymous().get(&format!("/api/auth/link?token={secret}"))?.status),
            (410, 410)
        );
        let rest = server.anonymous().login("anna", PASSWORD)?;

        // Forgotten: the answer says nothing of who there is, and one letter comes.
        for name in ["nobody", "anna", "anna"] {
            server.anonymous().post("/api/auth/forgot", &json!({"username": name}))?.expect(202)?;
        }
        let letter = mail.letter(2, SOON)?;
        assert_eq!(letter.header("subject")?, "\u{41d}\u{43e}\u{432}\u{44b}\u{439} \u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}: Main");
        let secret = token(&letter)?;
        assert_eq!(rest.get("/api/me")?.status, 200, "whoever asks ends nobody's session");
        assert_eq!(use_link(server, &secret, "the next password")?, 204);
        assert_eq!((rest.get("/api/me")?.status, use_link(server, &secret, "yet another")?), (401, 410));
        server.anonymous().login("anna", "the next password")?;
        assert!(server.anonymous().login("anna", PASSWORD).is_err());

        // Too late: after its hour a link is good for nothing, and the old password stays.
        let admin = server.admin()?;
        let user = admin.list("/api/users")?.into_iter().find(|user| user["username"] == "anna").context("no anna")?;
        link(&admin, user["id"].as_str().context("no id")?, "password_reset")?;
        let secret = token(&mail.letter(3, SOON)?)?;
        clock.step(3601)?;
        assert_eq!(
            (use_link(server, &secret, "too late a password")?, server.anonymous().get(&format!("/api/auth/link?token={secret}"))?.status),
            (410, 410)
        );
        server.anonymous().login("anna", "the next password")?;
        // In English by default, and no letter more than these.
        let admin = server.admin()?;
        invite(&admin, &json!({"username": "john", "email": "john@example.org", "role": "operator"}))?;
        let letter = mail.letter(4, SOON)?;
        assert_eq!(letter.header("subject")?, "Invitation: Main");
        assert!(letter.text()?.starts_with("Hello john,\n"), "{}", letter.raw);
        assert_eq!(mail.letters()?.len(), 4);
        Ok(())
    })
}

/// A server that says "later" is asked again, one that says no is not; a name can add no header, recipient or link.
fn servers_refuse(settings: Settings) -> Result<()> {
    with_mail(settings, |server, mail, clock, admin| {
        mail.will_answer(&["451 4.7.1 Greylisted, come back later", "421 4.3.2 Too busy"])?;
        let (_, before) = invite(admin, &json!({"username": "grey", "email": "grey@example.org", "role": "operator"}))?;
        let waits = |tries: i64| move |job: &Value| job["result"]["tries"] == tries;
        let waiting = job(admin, before, "waiting", waits(1))?;
        assert!(waiting["result"]["waits_because"].as_str().is_some_and(|why| why.contains("Greylisted")), "{waiting}");
        assert_eq!((mail.tries(), mail.letters()?.len()), (1, 0));
        clock.step(11)?;
        job(admin, before, "waiting again", waits(2))?;
        clock.step(11 + 61)?;
        let letter = mail.letter(1, SOON * 2)?;
        assert_eq!((letter.to.as_slice(), mail.tries()), (["grey@example.org".to_owned()].as_slice(), 3));
        job(admin, before, "done", |job| job["state"] == "done")?;
        assert_eq!(use_link(server, &token(&letter)?, PASSWORD)?, 204, "the link is as good as it was");

        mail.will_answer(&["550 5.1.1 There is no such mailbox"])?;
        let (_, before) = invite(admin, &json!({"username": "gone", "email": "gone@example.org", "role": "operator"}))?;
        let failed = job(admin, before, "failed", |job| job["state"] == "failed")?;
        let told = failed["error"].as_str().unwrap_or_default();
        assert!(told.contains("the mail server refuses the letter") && told.contains("no such mailbox"), "{failed}");
        assert_eq!((mail.tries(), mail.letters()?.len()), (4, 1));

        // Names that would be more than names.
        for (at, name) in [
            "Eve\r\nBcc: everybody@example.org\r\n\r\nSpam",
            "Eve\nSubject: You have won",
            "see https://evil.example/x now",
            "<script>alert(1)</script> \"Eve\" <eve@evil.example>",
        ]
        .into_iter()
        .enumerate()
        {
            let person =
                json!({"username": format!("eve{at}"), "email": format!("eve{at}@example.org"), "display_name": name, "role": "operator"});
            let made = admin.post("/api/users", &person)?;
            if name.contains('\n') {
                assert_eq!(made.status, 422, "{name:?}");
                continue;
            }
            let id = made.expect(201)?["id"].as_str().context("no id")?.to_owned();
            let count = mail.letters()?.len();
            link(admin, &id, "invitation")?;
            let letter = mail.letter(count + 1, SOON)?;
            assert_eq!((letter.to.len(), letter.header("to")?), (1, format!("eve{at}@example.org")));
            assert!(letter.header("bcc").is_err() && letter.header("subject")? == "Invitation: Main", "{}", letter.raw);
            token(&letter)?;
        }
        for address in
            ["eve@example.org\r\nBcc: all@example.org", "eve@example.org, all@example.org", "eve@example.org>\r\nDATA", "<eve@example.org>"]
        {
            let person = json!({"username": "mallory", "email": address, "role": "operator"});
            assert_eq!(admin.post("/api/users", &person)?.status, 422, "{address:?}");
        }
        // A name that is taken from a centre is one line as well.
        let center = admin.list("/api/centers")?.into_iter().next().context("no centre")?;
        let change = json!({"version": center["version"], "name": "Main\r\nBcc: all@example.org"});
        let refused = admin.put(&format!("/api/centers/{}", center["id"].as_str().context("no id")?), &change)?;
        assert_eq!(refused.status, 422, "{}", refused.json());
        Ok(())
    })
}

/// No letter goes to a server that is not who it says it is, and no password either.
#[test]
fn a_mail_server_must_prove_its_name() -> Result<()> {
    let named = MailServer::start("localhost")?;
    let other = MailServer::start("another.example")?;
    for (what, mail, settings) in [
        ("another name", &other, other.known_to(Settings::default())),
        ("an authority that nobody knows", &named, named.known_without_authority(Settings::default())),
        ("another password", &named, named.known_with(Settings::default(), "wrong").with("CORDBOARD__LINKS__CA_FILE", named.authority())),
    ] {
        story(settings, |server| {
            let admin = server.admin()?;
            let (_, before) = invite(&admin, &json!({"username": "anna", "email": "anna@example.org", "role": "operator"}))?;
            let waiting = job(&admin, before, "waiting", |job| job["result"]["tries"] == 1)?;
            let why = waiting["result"]["waits_because"].as_str().unwrap_or_default();
            let wanted = if what == "another password" { "535" } else { "certificate" };
            ensure!(why.to_lowercase().contains(wanted), "{what}: {waiting}");
            ensure!(!why.contains("wrong"), "the password is told: {waiting}");
            ensure!((mail.tries(), mail.letters()?.len()) == (0, 0), "{what}: something was sent");
            Ok(())
        })?;
    }
    Ok(())
}

fn on_postgres(story: impl FnOnce(Settings) -> Result<()>) -> Result<()> {
    let database = Postgres::start()?;
    story(Settings::default().with("CORDBOARD__DATABASE__URL", database.url()))
}

#[test]
fn letters_arrive_on_sqlite() -> Result<()> {
    letters_arrive(Settings::default())
}

#[test]
fn letters_arrive_on_postgresql() -> Result<()> {
    on_postgres(letters_arrive)
}

#[test]
fn servers_refuse_on_sqlite() -> Result<()> {
    servers_refuse(Settings::default())
}

#[test]
fn servers_refuse_on_postgresql() -> Result<()> {
    on_postgres(servers_refuse)
}
