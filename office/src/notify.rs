//! Letters to people: invitations and new passwords. A letter is a job, so that it outlives a restart and a mail server that is away.
//!
//! What a letter says stands in its job until it is sent, and no longer: it may hold a link that gives entry.

use std::{future::Future, time::Duration};

use links::smtp::{Letter, Mailer, SmtpError};
use model::{CenterId, UserId, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{binds, sql::Tx, statements};
use tracing::info;

use crate::{
    Conflict, Office, OfficeError,
    accounts::Purpose,
    jobs::{End, JobError, JobKind, NewJob, Next, Step},
};

/// The name of the job.
pub const MAIL_JOB: &str = "mail.send";
/// The pauses after a failure that passes; after the last of them there is one more try.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(3 * 3600),
];
/// So much of a name stands in a letter, in characters.
const NAME_MAX: usize = 60;

statements! {
    // Only once the letter is sent, or never will be.
    WIPE: both "UPDATE jobs SET payload = '{}' WHERE id = $1";
}

/// Who sends letters.
pub trait Mail: Send + Sync + 'static {
    /// Sends one.
    fn send(&self, letter: &Letter) -> impl Future<Output = Result<(), SmtpError>> + Send;
}

impl Mail for Mailer {
    fn send(&self, letter: &Letter) -> impl Future<Output = Result<(), SmtpError>> + Send {
        Self::send(self, letter)
    }
}

/// The job that sends a letter. Without it among its kinds of jobs an office sends none, and says so to who wants one sent.
#[derive(Debug, Clone)]
pub struct SendMail<M>(M);

impl<M: Mail> SendMail<M> {
    /// By this mail server.
    #[must_use]
    pub fn new(mail: M) -> Self {
        Self(mail)
    }
}

/// A link for somebody.
#[derive(Clone, Copy)]
pub(crate) struct LinkNote<'a> {
    /// Their address.
    pub(crate) to: &'a str,
    /// The name that others see.
    pub(crate) name: &'a str,
    /// The name that they log in with.
    pub(crate) username: &'a str,
    /// Their language; none: the centre's.
    pub(crate) locale: Option<&'a str>,
    /// What the link is for.
    pub(crate) purpose: Purpose,
    /// The link.
    pub(crate) url: &'a str,
    /// Until when it is good.
    pub(crate) expires_at: WallTime,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    to: String,
    subject: String,
    text: String,
    /// After this it is of no use.
    until: i64,
}

impl Office {
    /// Whether letters can be sent.
    #[must_use]
    pub fn can_mail(&self) -> bool {
        self.jobs().kinds().find(MAIL_JOB).is_some()
    }

    /// Has a link mailed, if the transaction is committed. Whoever commits may then [`Office::wake_jobs`].
    ///
    /// # Errors
    /// [`Conflict::State`] if there is no mail server.
    pub(crate) async fn notify_link(
        &self,
        tx: &mut Tx,
        center: CenterId,
        note: LinkNote<'_>,
        by: Option<UserId>,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        if !self.can_mail() {
            let what = "no mail server is set up (smtp.url): have the link shown, and hand it over".to_owned();
            return Err(OfficeError::Conflict(Conflict::State(what)));
        }
        let (center_locale, place) = match self.center(center).await? {
            Some(center) => (center.locale.clone(), center.name.clone()),
            None => ("en".to_owned(), String::new()),
        };
        let (subject, text) = link_letter(note, note.locale.unwrap_or(&center_locale), &place, now);
        let payload = Payload { to: note.to.to_owned(), subject, text, until: note.expires_at.0 };
        let payload = serde_json::to_value(payload).map_err(|error| OfficeError::Defect(error.to_string()))?;
        let job = NewJob::new(MAIL_JOB, center, payload);
        self.enqueue(tx, now, if let Some(user) = by { job.by(user) } else { job }).await
    }
}

impl<M: Mail> JobKind for SendMail<M> {
    fn name(&self) -> &'static str {
        MAIL_JOB
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let payload: Payload = step.payload()?;
        let (job, now) = (step.job(), step.now());
        if payload.until <= now.0 {
            return Err(JobError::Permanent("its link has ended before it could be sent".to_owned()));
        }
        let letter =
            Letter { id: format!("job-{}-{}", job.id, job.created_at.0), to: payload.to, subject: payload.subject, text: payload.text };
        // Before the step's transaction: a mail server takes its time, and the database is not to wait for it.
        match self.0.send(&letter).await {
            Ok(()) => {
                info!(job = job.id, "A letter was sent.");
                step.tx().await?.run(WIPE, binds![job.id]).await?;
                step.progress(1, Some(1));
                Ok(Next::Done)
            }
            Err(error) if error.is_temporary() => {
                let tries: usize = step.checkpoint()?.unwrap_or(0);
                let Some(pause) = PAUSES.get(tries) else { return Err(JobError::Permanent(error.to_string())) };
                step.save(&(tries + 1));
                step.result(&json!({"tries": tries + 1, "waits_because": error.to_string()}));
                Ok(Next::At(now.after(*pause)))
            }
            Err(error) => Err(JobError::Permanent(error.to_string())),
        }
    }

    async fn ended(&self, step: &mut Step<'_>, _: &End) -> Result<(), JobError> {
        let id = step.job().id;
        step.tx().await?.run(WIPE, binds![id]).await?;
        Ok(())
    }
}

/// Subject and text.
fn link_letter(note: LinkNote<'_>, locale: &str, place: &str, now: WallTime) -> (String, String) {
    let LinkNote { name, username, url, expires_at, purpose, .. } = note;
    let (name, username, place) = (plain(name), plain(username), plain(place));
    let hours = expires_at.ms_since(now).div_ceil(3_600_000).max(1);
    match (locale, purpose) {
        ("ru", Purpose::Invitation) => (
            format!("Приглашение: {place}"),
            format!(
                "Здравствуйте, {name}!\n\nДля вас создана учётная запись «{username}» ({place}).\nЧтобы принять приглашение, задайте пароль по \
                 ссылке:\n\n{url}\n\nСсылка действует {hours} {} и только один раз.\nЕсли вы не ждали этого письма, ничего не делайте.\n",
                hours_ru(hours)
            ),
        ),
        ("ru", Purpose::PasswordReset) => (
            format!("Новый пароль: {place}"),
            format!(
                "Здравствуйте, {name}!\n\nДля учётной записи «{username}» ({place}) запрошен новый пароль.\nЗадайте его по \
                 ссылке:\n\n{url}\n\nСсылка действует {hours} {} и только один раз.\nЕсли запрос сделали не вы, ничего не делайте: прежний \
                 пароль остаётся в силе.\n",
                hours_ru(hours)
            ),
        ),
        (_, Purpose::Invitation) => (
            format!("Invitation: {place}"),
            format!(
                "Hello {name},\n\nan account was made for you: {username} ({place}).\nTo accept the invitation, choose a password \
                 here:\n\n{url}\n\nThe link is good for {hours} {}, and once.\nIf you did not expect this letter, do nothing.\n",
                hours_en(hours)
            ),
        ),
        (_, Purpose::PasswordReset) => (
            format!("New password: {place}"),
            format!(
                "Hello {name},\n\na new password was asked for the account {username} ({place}).\nChoose it here:\n\n{url}\n\nThe link is good \
                 for {hours} {}, and once.\nIf it was not you who asked, do nothing: the old password stays.\n",
                hours_en(hours)
            ),
        ),
    }
}

fn hours_en(hours: u64) -> &'static str {
    if hours == 1 { "hour" } else { "hours" }
}

/// CLDR's plural forms of Russian: one, few, many.
fn hours_ru(hours: u64) -> &'static str {
    match (hours % 10, hours % 100) {
        (_, 11..=14) => "часов",
        (1, _) => "час",
        (2..=4, _) => "часа",
        _ => "часов",
    }
}

/// A name on one line, that is no address of a page: others may have chosen it.
fn plain(name: &str) -> String {
    let one_line = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    one_line.take(NAME_MAX).collect::<String>().replace("://", " ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::{
        collections::VecDeque,
        sync::{
            Arc, Mutex,
            atomic::{AtomicI64, Ordering},
        },
    };

    use store::Statement;
    use tokio::sync::watch;

    use super::*;
    use crate::{
        jobs::{Clock, Kinds, Runner, RunnerOptions},
        work::testing::{Base, office},
    };

    const T0: i64 = 1_763_712_000_000;
    const HOUR: i64 = 3_600_000;
    const JOB: Statement = Statement {
        name: "test",
        lite: "SELECT state, payload, error, result FROM jobs WHERE id = $1",
        pg: "SELECT state, payload, error, result FROM jobs WHERE id = $1",
    };
    type Row = (String, String, Option<String>, Option<String>);

    /// Keeps what it is given, and answers as a test says.
    #[derive(Clone)]
    struct Post {
        letters: watch::Sender<Vec<Letter>>,
        answers: Arc<Mutex<VecDeque<SmtpError>>>,
    }

    impl Mail for Post {
        async fn send(&self, letter: &Letter) -> Result<(), SmtpError> {
            self.letters.send_modify(|letters| letters.push(letter.clone()));
            self.answers.lock().unwrap().pop_front().map_or(Ok(()), Err)
        }
    }

    fn note<'a>(locale: Option<&'a str>, purpose: Purpose) -> LinkNote<'a> {
        LinkNote {
            to: "anna@example.org",
            name: "Anna",
            username: "anna",
            locale,
            purpose,
            url: "https://desk.example.org/link#cbl_secret",
            expires_at: WallTime(T0 + 72 * HOUR),
        }
    }

    async fn letters_are_sent_and_forgotten(base: Base) {
        let post = Post { letters: watch::Sender::new(Vec::new()), answers: Arc::default() };
        let office = office(base.open().await, Kinds::default().with(SendMail::new(post.clone())));
        let time = Arc::new(AtomicI64::new(T0));
        let clock: Clock = {
            let time = Arc::clone(&time);
            Arc::new(move || WallTime(time.load(Ordering::Relaxed)))
        };
        let (stop, stopped) = watch::channel(false);
        let runner =
            tokio::spawn(Runner::new(office.clone(), clock, RunnerOptions { workers: 1, seed: 1, node: 1, sole: true }).run(stopped));
        let order = async |note: LinkNote<'_>| {
            let mut tx = office.store().db().begin().await.unwrap();
            let id = office
                .notify_link(&mut tx, CenterId::DEFAULT, note, Some(UserId(7)), WallTime(time.load(Ordering::Relaxed)))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            office.wake_jobs();
            id
        };
        // A test that waits for what never comes shall fail, not hang.
        let bounded = std::time::Duration::from_secs(60);
        let came = async |count: usize| {
            let mut letters = post.letters.subscribe();
            tokio::time::timeout(bounded, letters.wait_for(|letters| letters.len() >= count)).await.unwrap().unwrap().clone()
        };
        let row = async |id: i64| office.store().db().one::<Row>(JOB, binds![id]).await.unwrap().unwrap();
        // The runner tells what becomes of a job once that is lasting.
        let mut news = office.job_news();
        let mut until = async |id: i64, state: &str| {
            let told = async { while !(news.recv().await.is_ok_and(|news| news.id == id && news.state.as_str() == state)) {} };
            tokio::time::timeout(bounded, told).await.unwrap();
        };

        let id = order(note(None, Purpose::Invitation)).await;
        until(id, "done").await;
        let letter = &came(1).await[0];
        assert_eq!(
            (letter.to.as_str(), letter.subject.as_str(), letter.id.clone()),
            ("anna@example.org", "Invitation: Main", format!("job-{id}-{T0}"))
        );
        assert!(letter.text.contains("https://desk.example.org/link#cbl_secret\n") && letter.text.contains("72 hours"), "{}", letter.text);
        assert_eq!(row(id).await.1, "{}", "the link does not stay");

        // The mail server is away, and comes back: the same letter.
        post.answers.lock().unwrap().extend([SmtpError::Temporary("away".to_owned()), SmtpError::Temporary("still".to_owned())]);
        let id = order(note(Some("ru"), Purpose::PasswordReset)).await;
        for (count, pass) in [(2, 10_000), (3, 60_000)] {
            // The pause counts from when the try began.
            came(count).await;
            time.fetch_add(pass, Ordering::Relaxed);
            office.wake_jobs();
        }
        until(id, "done").await;
        let letters = came(4).await;
        assert!(letters[1] == letters[2] && letters[2] == letters[3]);
        assert_eq!(letters[1].subject, "Новый пароль: Main");
        assert!(letters[1].text.contains("действует 72 часа и"), "{}", letters[1].text);

        // What is refused for good, and what comes too late.
        post.answers.lock().unwrap().push_back(SmtpError::Permanent("no such user".to_owned()));
        let refused = order(note(None, Purpose::Invitation)).await;
        until(refused, "failed").await;
        let (_, payload, error, _) = row(refused).await;
        assert_eq!((payload.as_str(), error.unwrap().contains("no such user")), ("{}", true));
        let late = order(LinkNote { expires_at: WallTime(T0), ..note(None, Purpose::Invitation) }).await;
        until(late, "failed").await;
        assert_eq!((row(late).await.1.as_str(), came(5).await.len()), ("{}", 5));
        stop.send_replace(true);
        runner.await.unwrap();
    }

    #[tokio::test]
    async fn letters_are_sent_and_forgotten_on_sqlite() {
        letters_are_sent_and_forgotten(Base::sqlite()).await;
    }

    #[tokio::test]
    async fn letters_are_sent_and_forgotten_on_postgres() {
        letters_are_sent_and_forgotten(Base::postgres()).await;
    }

    #[tokio::test]
    async fn without_a_mail_server_nothing_is_promised() {
        let base = Base::sqlite();
        let office = office(base.open().await, Kinds::default());
        let mut tx = office.store().db().begin().await.unwrap();
        let refused = office.notify_link(&mut tx, CenterId::DEFAULT, note(None, Purpose::Invitation), None, WallTime(T0)).await;
        assert!(matches!(refused, Err(OfficeError::Conflict(Conflict::State(_)))), "{refused:?}");
        assert!(!office.can_mail());
    }

    #[test]
    fn a_letter_is_what_its_language_has() {
        let now = WallTime(T0 + 71 * HOUR);
        for (locale, purpose, subject, words) in [
            ("en", Purpose::Invitation, "Invitation: Acme", "good for 1 hour,"),
            ("en", Purpose::PasswordReset, "New password: Acme", "the old password stays"),
            ("ru", Purpose::Invitation, "Приглашение: Acme", "действует 1 час и"),
            ("ru", Purpose::PasswordReset, "Новый пароль: Acme", "прежний пароль"),
            ("de", Purpose::Invitation, "Invitation: Acme", "choose a password"),
        ] {
            let (told, text) = link_letter(note(None, purpose), locale, "Acme", now);
            assert_eq!(told, subject);
            assert!(text.contains(words) && text.contains("anna") && text.contains("#cbl_secret\n"), "{text}");
        }
        let evil = LinkNote { name: "Anna\r\nsee https://evil.example", ..note(None, Purpose::Invitation) };
        let (subject, text) = link_letter(evil, "en", "A\nB", now);
        assert_eq!((subject.as_str(), text.contains("https://evil")), ("Invitation: A B", false));
        for (hours, word) in
            [(1, "час"), (2, "часа"), (5, "часов"), (11, "часов"), (12, "часов"), (21, "час"), (22, "часа"), (72, "часа"), (111, "часов")]
        {
            assert_eq!(hours_ru(hours), word, "{hours}");
        }
    }
}
