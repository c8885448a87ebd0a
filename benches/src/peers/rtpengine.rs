//! rtpengine in userspace, started privately on loopback, and as much of its control protocol (ng: bencode over UDP) as a call needs.

use std::{
    collections::BTreeMap,
    fmt::Write,
    net::{SocketAddr, UdpSocket},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Process, block, wait, words};
use crate::generate::text;

const CONFIGURATION: &str = include_str!("../../peers/rtpengine.conf");
/// Four a call: 500 calls, and as many that were just deleted.
const MEDIA_PORTS: u16 = 4_000;
/// It starts within a second.
const START_LIMIT: Duration = Duration::from_secs(5);

/// A running rtpengine.
#[derive(Debug)]
pub(crate) struct Rtpengine {
    process: Process,
    control: UdpSocket,
    cookie: u64,
    _dir: tempfile::TempDir,
}

impl Rtpengine {
    /// Starts one.
    pub(crate) fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let configuration = dir.path().join("rtpengine.conf");
        std::fs::write(&configuration, CONFIGURATION)?;
        let ng = SocketAddr::from(([127, 0, 0, 1], block(2)?.start));
        let media = block(MEDIA_PORTS)?;
        let process = Process::start(
            Command::new("rtpengine")
                .arg("--foreground")
                .arg(format!("--config-file={}", configuration.display()))
                .arg(format!("--listen-ng={ng}"))
                .args([format!("--port-min={}", media.start), format!("--port-max={}", media.end - 1)])
                .arg(format!("--pidfile={}", dir.path().join("pid").display()))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(words(&dir.path().join("words"))?),
        )?;
        let control = UdpSocket::bind("127.0.0.1:0")?;
        control.connect(ng)?;
        control.set_read_timeout(Some(Duration::from_millis(100)))?;
        let mut rtpengine = Self { process, control, cookie: 0, _dir: dir };
        wait::until_true(format!("rtpengine's answer at {ng}"), START_LIMIT, || rtpengine.ask(&[("command", "ping")]).is_ok())?;
        rtpengine.control.set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok(rtpengine)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Opens a call between two sides; says where each of them sends its sound.
    pub(crate) fn open(&mut self, call: &str, one: SocketAddr, other: SocketAddr) -> Result<(SocketAddr, SocketAddr)> {
        let (offer, answer) = (text::description(one), text::description(other));
        let for_other = self.ask(&[("command", "offer"), ("call-id", call), ("from-tag", "one"), ("sdp", &offer)])?;
        let for_one = self.ask(&[("command", "answer"), ("call-id", call), ("from-tag", "one"), ("to-tag", "other"), ("sdp", &answer)])?;
        let media = |reply: &BTreeMap<String, String>| text::media(&format!("\r\n\r\n{}", reply.get("sdp").map_or("", String::as_str)));
        Ok((media(&for_one).context("no sound for one side")?, media(&for_other).context("no sound for the other side")?))
    }

    /// Ends a call.
    pub(crate) fn close(&mut self, call: &str) -> Result<()> {
        self.ask(&[("command", "delete"), ("call-id", call), ("from-tag", "one")])?;
        Ok(())
    }

    /// One request, and the texts of its reply; an error unless the result is `ok` or `pong`.
    fn ask(&mut self, fields: &[(&str, &str)]) -> Result<BTreeMap<String, String>> {
        self.cookie += 1;
        let cookie = self.cookie.to_string();
        self.control.send(format!("{cookie} {}", encode(fields)).as_bytes())?;
        let mut datagram = vec![0; 65_536];
        loop {
            let length = self.control.recv(&mut datagram).context("rtpengine does not answer")?;
            let reply = String::from_utf8_lossy(datagram.get(..length).unwrap_or_default()).into_owned();
            // An answer to a question that we no longer wait for is passed over.
            let Some(reply) = reply.strip_prefix(&format!("{cookie} ")) else { continue };
            let reply = decode(reply);
            let result = reply.get("result").map_or("", String::as_str);
            ensure!(["ok", "pong"].contains(&result), "rtpengine: {reply:?}");
            return Ok(reply);
        }
    }
}

/// A bencoded dictionary of texts. Its keys must be sorted by whoever is strict; rtpengine is not.
fn encode(fields: &[(&str, &str)]) -> String {
    let mut text = "d".to_owned();
    for (key, value) in fields {
        let _ = write!(text, "{}:{key}{}:{value}", key.len(), value.len());
    }
    text + "e"
}

/// The texts at the top of a bencoded dictionary; lists, numbers and what stands deeper are passed over.
fn decode(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.strip_prefix('d').unwrap_or_default();
    while let Some((key, after)) = take_text(rest) {
        if let Some((value, next)) = take_text(after) {
            found.insert(key.to_owned(), value.to_owned());
            rest = next;
        } else if let Some(next) = skip(after) {
            rest = next;
        } else {
            break;
        }
    }
    found
}

/// `4:ping`, and what follows it.
fn take_text(text: &str) -> Option<(&str, &str)> {
    let (digits, rest) = text.split_once(':')?;
    rest.split_at_checked(digits.parse().ok()?)
}

/// What follows the first value.
fn skip(text: &str) -> Option<&str> {
    if let Some(number) = text.strip_prefix('i') {
        return Some(number.split_once('e')?.1);
    }
    let Some(mut rest) = text.strip_prefix(['d', 'l']) else { return Some(take_text(text)?.1) };
    loop {
        match rest.strip_prefix('e') {
            Some(after) => return Some(after),
            None => rest = skip(rest)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_bencode() {
        let encoded = encode(&[("result", "ok"), ("sdp", "v=0\r\n1:2")]);
        assert_eq!(encoded, "d6:result2:ok3:sdp8:v=0\r\n1:2e");
        let decoded = decode(&encoded);
        assert_eq!((decoded.len(), decoded.get("sdp").map(String::as_str)), (2, Some("v=0\r\n1:2")));
        let mixed = decode("d7:createdi1795e4:SSRCde4:tagsd3:oned3:tag3:one4:listli1ei2eeee6:result2:oke");
        assert_eq!((mixed.len(), mixed.get("result").map(String::as_str)), (1, Some("ok")));
        assert_eq!(decode("d7:result").len(), 0);
    }
}
