//! One RTP stream each way: speaks a tone, keeps what it hears.

use std::{
    collections::{BTreeSet, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    audio::{FRAME, Law, RATE, sine},
    ports,
};

/// One packet's worth of sound.
const PACKET: Duration = Duration::from_millis(20);
/// The payload type that our offers name for DTMF.
pub const DTMF_TYPE: u8 = 101;
/// Packets of one digit: 5 of 20 ms while the key is down, then its end three times (RFC 4733, 2.5.1.4).
const DIGIT_PACKETS: u16 = 5;
/// The keys in the order of their event codes (RFC 4733, 3.2).
const KEYS: &str = "0123456789*#ABCD";

/// What came in.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Decoded sound in the order of arrival.
    pub samples: Vec<i16>,
    /// Keys pressed over there.
    pub digits: String,
    /// Every source that spoke (RFC 3550).
    pub sources: BTreeSet<u32>,
    /// Every address that packets came from.
    pub addresses: BTreeSet<SocketAddr>,
    /// Packets of sound.
    pub packets: u64,
    /// Sequence numbers that were not the last one's next.
    pub jumps: u64,
}

/// A stream; stops when dropped.
#[derive(Debug)]
pub struct Media {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    socket: UdpSocket,
    local: SocketAddr,
    law: Mutex<Law>,
    tone_hz: u32,
    remote: Mutex<Option<SocketAddr>>,
    digits: Mutex<VecDeque<char>>,
    heard: Mutex<Heard>,
    sent: AtomicU64,
    /// In microseconds.
    worst_lateness: AtomicU64,
    muted: AtomicBool,
    stop: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Media {
    /// Binds a port. Nothing is said until [`Media::talk_to`].
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(law: Law, tone_hz: u32) -> Result<Self> {
        Self::start_at(IpAddr::V4(Ipv4Addr::LOCALHOST), law, tone_hz)
    }

    /// The same at an address of the test's choice.
    ///
    /// # Errors
    /// When no port is free there.
    pub fn start_at(ip: IpAddr, law: Law, tone_hz: u32) -> Result<Self> {
        let port = ports::block(2)?.start;
        let socket = UdpSocket::bind((ip, port)).context("an RTP port")?;
        let local = socket.local_addr()?;
        let shared = Arc::new(Shared {
            socket,
            local,
            law: Mutex::new(law),
            tone_hz,
            remote: Mutex::new(None),
            digits: Mutex::default(),
            heard: Mutex::default(),
            sent: AtomicU64::new(0),
            worst_lateness: AtomicU64::new(0),
            muted: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let worker = Arc::clone(&shared);
        let thread = thread::spawn(move || worker.run());
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.shared.local
    }

    /// From now on it speaks to `remote` by `law`; none = it holds its tongue.
    pub fn talk_to(&self, remote: Option<SocketAddr>, law: Law) {
        *lock(&self.shared.law) = law;
        *lock(&self.shared.remote) = remote;
    }

    /// Where it speaks to.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        *lock(&self.shared.remote)
    }

    /// Stops sending packets (as a phone that lost its network does), or goes on.
    pub fn mute(&self, muted: bool) {
        self.shared.muted.store(muted, Ordering::Relaxed);
    }

    /// Ends the stream for good; what was heard stays.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Presses keys, one after another.
    pub fn press(&self, keys: &str) {
        lock(&self.shared.digits).extend(keys.chars());
    }

    /// What it has heard so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        lock(&self.shared.heard).clone()
    }

    /// For how many seconds it has heard a tone of `hz`.
    #[must_use]
    pub fn seconds_of(&self, hz: u32) -> f64 {
        crate::audio::seconds_of(&lock(&self.shared.heard).samples, RATE, hz)
    }

    /// By how much its latest packet came too late: a measure of the machine, not of the server.
    #[must_use]
    pub fn worst_lateness(&self) -> Duration {
        Duration::from_micros(self.shared.worst_lateness.load(Ordering::Relaxed))
    }

    /// How many packets of sound it has sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut speech = Speech::new(self.tone_hz);
        let mut due = Instant::now() + PACKET;
        let mut ear = Ear::default();
        while !self.stop.load(Ordering::Relaxed) {
            let wait = due.saturating_duration_since(Instant::now()).max(Duration::from_micros(100));
            let mut packet = [0_u8; 2048];
            if self.socket.set_read_timeout(Some(wait)).is_ok()
                && let Ok((length, from)) = self.socket.recv_from(&mut packet)
            {
                self.hear(packet.get(..length).unwrap_or_default(), from, &mut ear);
            }
            let late = Instant::now().saturating_duration_since(due);
            if Instant::now() >= due {
                due += PACKET;
                self.worst_lateness.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
                self.speak(&mut speech);
            }
        }
    }

    fn speak(&self, speech: &mut Speech) {
        let law = *lock(&self.law);
        let key = match speech.digit {
            None => lock(&self.digits).pop_front(),
            some => some.map(|(key, _)| key),
        };
        let packets = speech.next(law, key);
        let Some(remote) = *lock(&self.remote) else { return };
        if self.muted.load(Ordering::Relaxed) {
            return;
        }
        for packet in packets {
            // A refused packet is a far side that is gone: its end is the signalling's business.
            let _ = self.socket.send_to(&packet, remote);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    fn hear(&self, packet: &[u8], from: SocketAddr, ear: &mut Ear) {
        let [first, kind, s1, s2, t1, t2, t3, t4, a, b, c, d, payload @ ..] = packet else { return };
        if first >> 6 != 2 {
            return;
        }
        let mut heard = lock(&self.heard);
        heard.addresses.insert(from);
        heard.sources.insert(u32::from_be_bytes([*a, *b, *c, *d]));
        let sequence = u16::from_be_bytes([*s1, *s2]);
        if ear.sequence.is_some_and(|last| last.wrapping_add(1) != sequence) {
            heard.jumps += 1;
        }
        ear.sequence = Some(sequence);
        match kind & 0x7f {
            0 | 8 => {
                let law = if kind & 0x7f == 0 { Law::Mu } else { Law::A };
                heard.packets += 1;
                heard.samples.extend(payload.iter().map(|code| law.decode(*code)));
            }
            DTMF_TYPE => {
                // The end of a key comes three times with one timestamp; the first counts.
                let stamp = u32::from_be_bytes([*t1, *t2, *t3, *t4]);
                if let [event, flags, ..] = payload
                    && flags & 0x80 != 0
                    && ear.key.replace(stamp) != Some(stamp)
                    && let Some(key) = KEYS.chars().nth(usize::from(*event))
                {
                    heard.digits.push(key);
                }
            }
            _ => {}
        }
    }
}

/// The state of what is heard.
#[derive(Default)]
struct Ear {
    /// The last sequence number.
    sequence: Option<u16>,
    /// The timestamp of the last key whose end was heard.
    key: Option<u32>,
}

/// The state of what is said: an RTP stream with a tone, and keys in between.
struct Speech {
    tones: [(Law, Vec<u8>); 2],
    ssrc: u32,
    sequence: u16,
    stamp: u32,
    at: usize,
    /// The key that is down and how many packets of it were sent.
    digit: Option<(char, u16)>,
    digit_stamp: u32,
}

impl Speech {
    fn new(tone_hz: u32) -> Self {
        // 100 ms hold a whole number of periods of every tone that is a multiple of 10 Hz.
        let period: Vec<i16> = (0..u64::from(RATE / 10)).map(|at| sine(tone_hz, RATE, at)).collect();
        let tones = [Law::Mu, Law::A].map(|law| (law, period.iter().map(|sample| law.encode(*sample)).collect()));
        Self { tones, ssrc: rand::random(), sequence: rand::random(), stamp: rand::random(), at: 0, digit: None, digit_stamp: 0 }
    }

    /// What goes out now: one packet, or three at the end of a key.
    fn next(&mut self, law: Law, key: Option<char>) -> Vec<Vec<u8>> {
        let frame = u32::try_from(FRAME).unwrap_or(u32::MAX);
        let packets = match key {
            None => {
                let tone = self.tones.iter().find(|(known, _)| *known == law).map_or(&[][..], |(_, tone)| tone);
                let payload: Vec<u8> = tone.iter().copied().cycle().skip(self.at).take(FRAME).collect();
                self.at = (self.at + FRAME) % tone.len().max(1);
                vec![self.packet(law.payload_type(), self.stamp, &payload)]
            }
            Some(key) => {
                let (_, sent) = self.digit.unwrap_or((key, 0));
                if sent == 0 {
                    self.digit_stamp = self.stamp;
                }
                let event = KEYS.chars().position(|known| known == key).and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
                let last = sent + 1 == DIGIT_PACKETS;
                let [high, low] = ((sent + 1) * u16::try_from(FRAME).unwrap_or(u16::MAX)).to_be_bytes();
                self.digit = if last { None } else { Some((key, sent + 1)) };
                let payload = [event, if last { 0x80 } else { 0 } | 10, high, low];
                (0..if last { 3 } else { 1 }).map(|_| self.packet(DTMF_TYPE, self.digit_stamp, &payload)).collect()
            }
        };
        self.stamp = self.stamp.wrapping_add(frame);
        packets
    }

    fn packet(&mut self, kind: u8, stamp: u32, payload: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0x80, kind];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(stamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        packet
    }
}

/// Where the other side's session description wants its sound, and by which law; none if it wants none or offers no G.711.
#[must_use]
pub fn read_sdp(sdp: &[u8]) -> Option<(SocketAddr, Law)> {
    let text = std::str::from_utf8(sdp).ok()?;
    let address = text.lines().find_map(|line| line.strip_prefix("c=IN IP4 ").or_else(|| line.strip_prefix("c=IN IP6 ")))?;
    let address: IpAddr = address.trim().parse().ok()?;
    let mut media = text.lines().find_map(|line| line.strip_prefix("m=audio "))?.split_whitespace();
    let port: u16 = media.next()?.parse().ok()?;
    let law = media.skip(1).find_map(|kind| match kind {
        "0" => Some(Law::Mu),
        "8" => Some(Law::A),
        _ => None,
    })?;
    (port != 0 && !address.is_unspecified()).then(|| ((address, port).into(), law))
}

/// A session description with one audio line at `local`: `laws` in order, then DTMF.
#[must_use]
pub fn write_sdp(local: SocketAddr, laws: &[Law], direction: &str) -> String {
    let kinds = laws.iter().fold(String::new(), |text, law| format!("{text}{} ", law.payload_type()));
    format!(
        "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {kinds}{DTMF_TYPE}\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:{DTMF_TYPE} telephone-event/8000\r\na=fmtp:{DTMF_TYPE} 0-15\r\na=ptime:20\r\na={direction}\r\n",
        family = if local.is_ipv4() { "IP4" } else { "IP6" },
        ip = local.ip(),
        port = local.port()
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::wait;

    #[test]
    fn two_streams_hear_each_others_tone_and_keys() -> Result<()> {
        let (one, other) = (Media::start(Law::Mu, 440)?, Media::start(Law::A, 880)?);
        one.talk_to(Some(other.local()), Law::Mu);
        other.talk_to(Some(one.local()), Law::A);
        wait::until_true("half a second of each tone", Duration::from_secs(10), || {
            one.seconds_of(880) >= 0.5 && other.seconds_of(440) >= 0.5
        })?;
        one.press("1#1");
        wait::until_true("the keys", Duration::from_secs(10), || other.heard().digits == "1#1")?;
        let heard = other.heard();
        assert_eq!((heard.sources.len(), heard.jumps), (1, 0));
        assert!(other.seconds_of(880) < 0.01, "it hears itself");
        Ok(())
    }

    #[test]
    fn a_session_description_is_read_as_it_is_written() {
        let local = SocketAddr::from(([127, 0, 0, 1], 4000));
        assert_eq!(read_sdp(write_sdp(local, &[Law::A, Law::Mu], "sendrecv").as_bytes()), Some((local, Law::A)));
        let local = SocketAddr::from((Ipv6Addr::LOCALHOST, 4000));
        assert_eq!(read_sdp(write_sdp(local, &[Law::Mu], "sendrecv").as_bytes()), Some((local, Law::Mu)));
        assert_eq!(read_sdp(b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 0 RTP/AVP 0\r\n"), None);
        assert_eq!(read_sdp(b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 18\r\n"), None);
    }
}
