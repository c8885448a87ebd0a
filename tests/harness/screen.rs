//! Somebody's screen: a client of the live events, by long polling.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::Rest;

/// Between packets of one answer (Engine.IO 4).
const BETWEEN: char = '\u{1e}';

/// A listener to topics.
#[derive(Debug)]
pub struct Screen {
    rest: Rest,
    path: String,
    /// What was heard and not asked for yet: kinds and envelopes.
    heard: Vec<(String, Value)>,
}

impl Screen {
    /// Begins to listen with the token of `who`.
    ///
    /// # Errors
    /// If it is not let in.
    pub fn open(who: &Rest, topics: &[&str]) -> Result<Self> {
        let token = who.token().context("nobody is logged in")?;
        let opened = who.get("/socket.io/?EIO=4&transport=polling")?;
        ensure!(opened.status == 200, "{}", String::from_utf8_lossy(&opened.body));
        let hello: Value = serde_json::from_slice(opened.body.get(1..).context("nothing")?)?;
        let path = format!("/socket.io/?EIO=4&transport=polling&sid={}", hello["sid"].as_str().context("no sid")?);
        let mut screen = Self { rest: who.clone(), path, heard: vec![] };
        screen.say(&format!("40{}", json!({"token": token})))?;
        screen.wait_for("connect", Duration::from_secs(10))?;
        screen.say(&format!("420{}", json!(["subscribe", {"topics": topics}])))?;
        screen.wait_for("ack", Duration::from_secs(10))?;
        Ok(screen)
    }

    /// The next event of a kind; what comes before it is kept.
    ///
    /// # Errors
    /// If none comes within `limit`.
    pub fn wait_for(&mut self, kind: &str, limit: Duration) -> Result<Value> {
        let until = Instant::now() + limit;
        loop {
            if let Some(at) = self.heard.iter().position(|(known, _)| known == kind) {
                return Ok(self.heard.remove(at).1);
            }
            ensure!(Instant::now() < until, "no {kind} within {limit:?}, but {:?}", self.heard);
            self.poll()?;
        }
    }

    /// The kinds of what was heard by now, in order.
    #[must_use]
    pub fn kinds(&self) -> Vec<&str> {
        self.heard.iter().map(|(kind, _)| kind.as_str()).collect()
    }

    fn say(&self, packet: &str) -> Result<()> {
        let sent = self.rest.request("POST", &self.path, &[("content-type", "text/plain")], Some(packet.as_bytes()))?;
        ensure!(sent.status == 200, "{}", String::from_utf8_lossy(&sent.body));
        Ok(())
    }

    /// Waits for what the server says next.
    fn poll(&mut self) -> Result<()> {
        let answer = self.rest.get(&self.path)?;
        ensure!(answer.status == 200, "{}", String::from_utf8_lossy(&answer.body));
        for packet in String::from_utf8(answer.body)?.split(BETWEEN) {
            match packet.get(..2).unwrap_or(packet) {
                "2" => self.say("3")?,
                "40" => self.heard.push(("connect".to_owned(), Value::Null)),
                "43" => self.heard.push(("ack".to_owned(), Value::Null)),
                "42" => {
                    let mut event: Vec<Value> = serde_json::from_str(packet.get(2..).unwrap_or_default())?;
                    ensure!(event.len() == 2, "{packet}");
                    let envelope = event.remove(1);
                    self.heard.push((event.remove(0).as_str().context("an event without a name")?.to_owned(), envelope));
                }
                _ => bail!("what is this: {packet}"),
            }
        }
        Ok(())
    }
}
