//! baresip, a softphone that others wrote: without a sound card it speaks a WAV file and writes what it hears and says to WAV files.
//!
//! It is driven through its control port (module `ctrl_tcp`): JSON in netstrings, commands in, answers and events out.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{
    audio::{self, Wav},
    ports,
    rest::Account,
    wait,
};

/// Starting it, with all its modules, takes well under a second.
const START_LIMIT: Duration = Duration::from_secs(15);
/// A command is answered at once.
const COMMAND_LIMIT: Duration = Duration::from_secs(5);
/// What it speaks is longer than any test's call; it starts again from the beginning otherwise.
const SPEECH_S: u32 = 120;

/// What it does with an incoming call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerMode {
    /// Answers at once.
    Auto,
    /// Rings until [`Baresip::accept`].
    Manual,
}

/// What carries its signalling to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream within TLS, to a server whose certificate this file vouches for.
    Tls(PathBuf),
}

/// Where and as whom it registers, and what it speaks.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The user name, also for digest authentication.
    pub username: String,
    /// The password; none = it registers nowhere.
    pub password: Option<String>,
    /// The server; for a phone without password unused.
    pub server: SocketAddr,
    /// How it is reached.
    pub over: Over,
    /// What it does with calls.
    pub answer: AnswerMode,
    /// The tone that it speaks.
    pub tone_hz: u32,
    /// Its codecs in order, as `PCMU/8000,PCMA/8000`.
    pub codecs: String,
}

impl Setup {
    /// A phone for `account` that answers by itself and speaks a tone of `tone_hz`.
    #[must_use]
    pub fn of(account: &Account, server: SocketAddr, tone_hz: u32) -> Self {
        Self {
            username: account.username.clone(),
            password: Some(account.password.clone()),
            server,
            over: Over::Udp,
            answer: AnswerMode::Auto,
            tone_hz,
            codecs: "PCMU/8000,PCMA/8000".to_owned(),
        }
    }

    /// The same over another transport, to where the server listens for it.
    #[must_use]
    pub fn over(mut self, over: Over, server: SocketAddr) -> Self {
        (self.over, self.server) = (over, server);
        self
    }

    /// The same, which rings instead of answering.
    #[must_use]
    pub fn manual(mut self) -> Self {
        self.answer = AnswerMode::Manual;
        self
    }

    /// The same with other codecs.
    #[must_use]
    pub fn codecs(mut self, codecs: &str) -> Self {
        codecs.clone_into(&mut self.codecs);
        self
    }
}

/// A running baresip. Ended when dropped.
#[derive(Debug)]
pub struct Baresip {
    child: Child,
    control: TcpStream,
    heard: Arc<Messages>,
    home: tempfile::TempDir,
    sip: SocketAddr,
    commands: u64,
}

/// Every message of the control port so far, in order.
#[derive(Debug, Default)]
struct Messages {
    all: Mutex<Vec<Value>>,
    more: Condvar,
}

impl Messages {
    fn add(&self, message: Value) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        self.more.notify_all();
    }

    /// The first message from number `from` on that is wanted, and the number after it.
    fn find(&self, from: usize, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Option<(usize, Value)> {
        let end = Instant::now() + limit;
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let hit = all.iter().enumerate().skip(from).find(|(_, message)| wanted(message));
            if let Some((at, message)) = hit {
                return Some((at + 1, message.clone()));
            }
            let left = end.checked_duration_since(Instant::now())?;
            all = self.more.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Baresip {
    /// Starts it. It registers by itself, if it has a password; that is for the caller to wait for.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start(setup: &Setup) -> Result<Self> {
        // SIP, TLS beside it (baresip takes the port after its SIP port), control, and RTP of four calls.
        let ports = ports::block(12)?;
        let home = tempfile::tempdir()?;
        fs::create_dir(home.path().join("rec"))?;
        let speech = home.path().join("speech.wav");
        audio::write_tone(&speech, setup.tone_hz, SPEECH_S)?;
        let control = SocketAddr::from(([127, 0, 0, 1], ports.start + 2));
        fs::write(home.path().join("config"), config(&ports, control, home.path(), &speech, &setup.over))?;
        fs::write(home.path().join("accounts"), account(setup))?;
        fs::write(home.path().join("contacts"), "")?;

        let log = fs::File::create(home.path().join("log"))?;
        let child = Command::new("baresip")
            .arg("-f")
            .arg(home.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("baresip does not start: scripts/setup-tests.sh installs it (Debian's baresip-core)")?;
        let mut guard = Ended(Some(child));
        let control = wait::until("baresip's control port", START_LIMIT, || {
            if let Some(child) = &mut guard.0
                && let Some(status) = child.try_wait()?
            {
                bail!("baresip ended at its start: {status}\n{}", fs::read_to_string(home.path().join("log")).unwrap_or_default());
            }
            Ok(TcpStream::connect(control).ok())
        })?;
        let heard = Arc::new(Messages::default());
        follow(control.try_clone()?, Arc::clone(&heard));
        let sip = SocketAddr::from(([127, 0, 0, 1], ports.start));
        let child = guard.0.take().context("no process")?;
        Ok(Self { child, control, heard, home, sip, commands: 0 })
    }

    /// Its own SIP address.
    #[must_use]
    pub fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// Gives a command and waits for its answer's text.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub fn command(&mut self, command: &str, parameters: &str) -> Result<String> {
        self.commands += 1;
        let token = self.commands.to_string();
        let text = json!({"command": command, "params": parameters, "token": token}).to_string();
        self.control.write_all(format!("{}:{text},", text.len()).as_bytes())?;
        let answer = self.heard.find(0, COMMAND_LIMIT, |message| message["response"] == true && message["token"] == token.as_str());
        let (_, answer) = answer.with_context(|| format!("baresip does not answer {command}\n{}", self.log()))?;
        ensure!(answer["ok"] == true, "baresip refuses {command} {parameters}: {answer}");
        Ok(answer["data"].as_str().unwrap_or_default().to_owned())
    }

    /// Dials a number or a URI.
    ///
    /// # Errors
    /// When it refuses.
    pub fn dial(&mut self, whom: &str) -> Result<()> {
        self.command("dial", whom).map(drop)
    }

    /// Answers the call that rings.
    ///
    /// # Errors
    /// When it refuses.
    pub fn accept(&mut self) -> Result<()> {
        self.command("accept", "").map(drop)
    }

    /// Ends or declines the current call.
    ///
    /// # Errors
    /// When it refuses.
    pub fn hangup(&mut self) -> Result<()> {
        self.command("hangup", "").map(drop)
    }

    /// Sends digits as RFC 4733 events.
    ///
    /// # Errors
    /// When it refuses.
    pub fn digits(&mut self, digits: &str) -> Result<()> {
        digits.chars().try_for_each(|digit| self.command("sndcode", &digit.to_string()).map(drop))
    }

    /// How many messages have come so far: a mark for [`Baresip::event_after`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.heard.all.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The first event of type `kind` (`CALL_ESTABLISHED`, `CALL_CLOSED`, …) since the start.
    ///
    /// # Errors
    /// When it does not come within `limit`.
    pub fn event(&self, kind: &str, limit: Duration) -> Result<Value> {
        self.event_after(0, kind, limit)
    }

    /// The first event of type `kind` after a mark.
    ///
    /// # Errors
    /// When it does not come within `limit`.
    pub fn event_after(&self, mark: usize, kind: &str, limit: Duration) -> Result<Value> {
        let found = self.heard.find(mark, limit, |message| message["event"] == true && message["type"] == kind);
        found.map(|(_, event)| event).with_context(|| {
            let all = self.heard.all.lock().unwrap_or_else(PoisonError::into_inner);
            let seen: Vec<_> = all.iter().filter_map(|message| message["type"].as_str()).collect();
            format!("baresip: no {kind}, but {seen:?}\n{}", self.log())
        })
    }

    /// Whether an event of type `kind` has come.
    #[must_use]
    pub fn has_seen(&self, kind: &str) -> bool {
        self.heard.find(0, Duration::ZERO, |message| message["type"] == kind).is_some()
    }

    /// What it heard in its calls so far, one WAV file a call; a file is whole once its call has ended.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn heard(&self) -> Result<Vec<Wav>> {
        self.dumps("-dec.wav")
    }

    /// What it said, as [`Baresip::heard`].
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn said(&self) -> Result<Vec<Wav>> {
        self.dumps("-enc.wav")
    }

    fn dumps(&self, ending: &str) -> Result<Vec<Wav>> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.home.path().join("rec"))?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.to_string_lossy().ends_with(ending));
        paths.sort();
        paths.iter().map(|path| Wav::open(path)).collect()
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        // Both fail only if it is already gone, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends a process that did not come up.
struct Ended(Option<Child>);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads netstrings (`12:hello world!,`) until the other side closes.
fn follow(mut stream: TcpStream, heard: Arc<Messages>) {
    thread::spawn(move || {
        let (mut unread, mut chunk) = (Vec::new(), [0_u8; 4096]);
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            unread.extend_from_slice(chunk.get(..length).unwrap_or_default());
            while let Some((message, used)) = netstring(&unread) {
                if let Ok(message) = serde_json::from_slice(message) {
                    heard.add(message);
                }
                unread.drain(..used);
            }
        }
    });
}

/// The first whole netstring in `bytes`, and how many octets it takes with its frame.
fn netstring(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let colon = bytes.iter().position(|octet| *octet == b':')?;
    let length: usize = std::str::from_utf8(bytes.get(..colon)?).ok()?.trim().parse().ok()?;
    let end = colon + 1 + length;
    (bytes.len() > end).then_some((bytes.get(colon + 1..end)?, end + 1))
}

fn account(setup: &Setup) -> String {
    let mode = match setup.answer {
        AnswerMode::Auto => "auto",
        AnswerMode::Manual => "manual",
    };
    let (user, codecs) = (&setup.username, &setup.codecs);
    match &setup.password {
        Some(password) => format!(
            "<sip:{user}@{domain};transport={over}>;auth_user={user};auth_pass={password};outbound=\"sip:{server};transport={over}\";regint=120;answermode={mode};audio_codecs={codecs}\n",
            domain = setup.server.ip(),
            server = setup.server,
            over = match setup.over {
                Over::Udp => "udp",
                Over::Tcp => "tcp",
                Over::Tls(_) => "tls",
            },
        ),
        None => format!("<sip:{user}@127.0.0.1>;regint=0;answermode={mode};audio_codecs={codecs}\n"),
    }
}

fn config(ports: &std::ops::Range<u16>, control: SocketAddr, home: &Path, speech: &Path, over: &Over) -> String {
    let modules = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules", "/usr/lib64/baresip/modules"];
    let trust = match over {
        Over::Tls(file) => format!("sip_cafile {}\nsip_verify_server yes\n", file.display()),
        Over::Udp | Over::Tcp => String::new(),
    };
    let modules = modules.into_iter().find(|path| Path::new(path).is_dir()).unwrap_or("/usr/lib/baresip/modules");
    format!(
        "\
poll_method epoll
sip_listen 127.0.0.1:{sip}
{trust}call_local_timeout 120
call_max_calls 4
audio_path /usr/share/baresip
audio_player aubridge,null
audio_source aufile,{speech}
audio_alert aubridge,null
audio_level no
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
rtp_ports {rtp}-{rtp_end}
rtcp_mux no
jitter_buffer_delay 1-5
rtp_timeout 60
net_interface 127.0.0.1
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {control}
snd_path {home}/rec
",
        sip = ports.start,
        speech = speech.display(),
        rtp = ports.start + 4,
        rtp_end = ports.end - 1,
        home = home.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netstring_is_read_when_it_is_whole() {
        assert_eq!(netstring(b"5:hello,3:ab"), Some((&b"hello"[..], 8)));
        for part in [&b""[..], b"5", b"5:hell", b"5:hello", b"x:hello,"] {
            assert_eq!(netstring(part), None, "{part:?}");
        }
    }

    /// Holds the harness against itself: two phones, no server between.
    #[test]
    fn two_phones_hear_each_other_without_a_server() -> Result<()> {
        let setup = |username: &str, tone_hz| Setup {
            username: username.to_owned(),
            password: None,
            server: SocketAddr::from(([127, 0, 0, 1], 9)),
            over: Over::Udp,
            answer: AnswerMode::Auto,
            tone_hz,
            codecs: "PCMA/8000".to_owned(),
        };
        let (mut caller, callee) = (Baresip::start(&setup("caller", 440))?, Baresip::start(&setup("callee", 880))?);
        caller.dial(&format!("sip:callee@{}", callee.sip()))?;
        caller.event("CALL_ESTABLISHED", Duration::from_secs(10))?;
        callee.event("CALL_ESTABLISHED", Duration::from_secs(10))?;
        let long_enough = |phone: &Baresip| {
            phone
                .home
                .path()
                .join("rec")
                .read_dir()
                .is_ok_and(|dir| dir.flatten().any(|file| file.metadata().is_ok_and(|file| file.len() > 48_000)))
        };
        wait::until_true("three seconds of sound", Duration::from_secs(15), || long_enough(&caller) && long_enough(&callee))?;
        caller.hangup()?;
        caller.event("CALL_CLOSED", Duration::from_secs(5))?;
        callee.event("CALL_CLOSED", Duration::from_secs(5))?;
        let files = wait::until("closed files", Duration::from_secs(5), || {
            Ok(Some((caller.heard(), callee.heard())).filter(|(one, other)| one.is_ok() && other.is_ok()))
        })?;
        for (heard, wanted, other) in [(files.0?, 880, 440), (files.1?, 440, 880)] {
            let heard = heard.first().context("nothing written")?;
            assert!(
                heard.seconds_of(0, wanted) > 1.5 && heard.seconds_of(0, other) < 0.15,
                "{wanted} Hz for {} s",
                heard.seconds_of(0, wanted)
            );
        }
        Ok(())
    }
}
