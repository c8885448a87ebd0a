//! The office from outside: audit, jobs, exports, webhooks, rights and bad input, on the real program, with SQLite and with PostgreSQL.

mod audit;
mod bad_input;
mod intruder;
mod jobs;
mod rights;
mod sql;
mod webhooks;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tests::{
    Rest, Server,
    postgres::Postgres,
    rest::Reply,
    server::{Settings, story},
    wait,
};

pub(crate) use sql::Sql;

/// One password for all people of these stories: to hash it takes time.
pub(crate) const PASSWORD: &str = "a password of the tests";
/// A job of these stories takes some seconds; two cores may be busy with other stories.
pub(crate) const JOB: Duration = Duration::from_secs(180);

/// Which database a story runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Makes of each story a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($(#[$about:meta])* $name:ident = $story:ident;)*) => {
        $(
            $(#[$about])*
            mod $name {
                #[test]
                fn on_sqlite() -> anyhow::Result<()> {
                    super::$story($crate::office::Engine::Sqlite)
                }

                #[test]
                fn on_postgresql() -> anyhow::Result<()> {
                    super::$story($crate::office::Engine::Postgres)
                }
            }
        )*
    };
}
pub(crate) use on_both;

/// A fresh server on a database of its own, the administrator, and the database past the program.
pub(crate) fn on(engine: Engine, settings: Settings, test: impl FnOnce(&mut Server, &Rest, &Sql) -> Result<()>) -> Result<()> {
    let database = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Postgres::start()?),
    };
    let settings = match &database {
        Some(database) => settings.with("CORDBOARD__DATABASE__URL", database.url()),
        None => settings,
    };
    story(settings, |server| {
        let admin = server.admin()?;
        let sql = Sql::of(server, database.as_ref())?;
        test(server, &admin, &sql)
    })
}

/// Chance with a seed, which `OFFICE_SEED` sets; whoever fails tells it.
pub(crate) fn chance() -> (u64, ChaCha8Rng) {
    let seed = std::env::var("OFFICE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    (seed, ChaCha8Rng::seed_from_u64(seed))
}

/// Makes an account by the API and gives it as it is answered.
pub(crate) fn user(admin: &Rest, name: &str, roles: &[&str]) -> Result<Value> {
    admin.post("/api/users", &json!({"username": name, "password": PASSWORD, "roles": roles}))?.expect(201)
}

/// The same, logged in.
pub(crate) fn person(server: &Server, admin: &Rest, name: &str, roles: &[&str]) -> Result<Rest> {
    user(admin, name, roles)?;
    server.anonymous().login(name, PASSWORD)
}

/// A member of an answer that is a text.
pub(crate) fn text(value: &Value, name: &str) -> Result<String> {
    value[name].as_str().map(str::to_owned).with_context(|| format!("no text {name} in {value}"))
}

/// A member of an answer that is a whole number.
pub(crate) fn number(value: &Value, name: &str) -> Result<i64> {
    value[name].as_i64().with_context(|| format!("no number {name} in {value}"))
}

/// Waits until a job has ended, and gives it.
pub(crate) fn ended(rest: &Rest, job: &str) -> Result<Value> {
    let mut last = Value::Null;
    let found = wait::until(format!("the end of job {job}"), JOB, || {
        last = rest.get(&format!("/api/jobs/{job}"))?.expect(200)?;
        Ok(["done", "failed", "cancelled"].contains(&last["state"].as_str().unwrap_or_default()).then(|| last.clone()))
    });
    found.with_context(|| format!("it is {last}"))
}

/// A refusal with this status and code, told as a problem of RFC 9457 is told.
pub(crate) fn refused(reply: &Reply, status: u16, code: &str) -> Result<()> {
    let told = reply.json();
    ensure!(reply.status == status && told["code"] == code, "{status} {code} expected, got {} {told}", reply.status);
    ensure!(reply.header("content-type") == Some("application/problem+json"), "{:?}", reply.header("content-type"));
    ensure!(
        told["status"] == status && told["detail"].as_str().is_some_and(|detail| detail.len() > 5),
        "it tells a person nothing: {told}"
    );
    Ok(())
}

/// For a query's value.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, octet| {
        if octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded += &format!("%{octet:02X}");
        }
        encoded
    })
}

/// RFC 4648, 5, without padding.
pub(crate) fn unbase64(text: &str) -> Result<Vec<u8>> {
    let (mut octets, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => anyhow::bail!("{text} is not base64url"),
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from((bits >> count) & 0xff)?);
        }
    }
    Ok(octets)
}
