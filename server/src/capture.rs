//! SIP messages copied to a capture server (HEP): the wire between the signalling loop and `links`.
//!
//! The loop shares a message's octets and notes the time; what a copy costs beyond that, masking and all, is another thread's.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use config::{Config, HepCarrier};
use links::{
    Roots,
    hep::{self, Carrier, Counts, Spout, Target},
};
use sip_core::{Flow, Message, hep as wire};
use tokio::{task::JoinSet, time::timeout};
use tracing::warn;

use crate::{desk, secrets};

/// At the end, what waits for capture servers gets this long; `links` itself takes a second.
const LAST_COPIES: Duration = Duration::from_secs(2);

/// The loop's side: copies of a turn, until they are left to the sender.
pub(crate) struct Capture {
    pub(crate) target: Target,
    pub(crate) terms: Arc<Terms>,
    spout: Spout<Copied>,
    copies: Vec<Copied>,
}

/// How copies are made. It holds a secret, so it is not shown.
#[derive(PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) capture_id: u32,
    pub(crate) auth_key: String,
    pub(crate) mask: bool,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Capture {
    /// A message came.
    pub(crate) fn came(&mut self, flow: Flow, message: &Bytes) {
        self.copy(Way::In, flow, message);
    }

    /// A message goes.
    pub(crate) fn goes(&mut self, flow: Flow, message: &Bytes) {
        self.copy(Way::Out, flow, message);
    }

    fn copy(&mut self, way: Way, flow: Flow, message: &Bytes) {
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.copies.push(Copied { terms: Arc::clone(&self.terms), at, way, flow, message: message.clone() });
    }

    /// Hands the turn's copies on. Waits for nobody.
    pub(crate) fn leave(&mut self) {
        self.spout.leave(&mut self.copies);
    }
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// A message as it was seen.
struct Copied {
    terms: Arc<Terms>,
    /// Since 1970.
    at: Duration,
    way: Way,
    flow: Flow,
    message: Bytes,
}

impl hep::Packet for Copied {
    fn octets(&self) -> usize {
        size_of::<Self>() + self.message.len()
    }

    fn write(&self, is_datagram: bool, into: &mut Vec<u8>) -> bool {
        let message = if self.terms.mask { Bytes::from(calls::masked(&self.message)) } else { self.message.clone() };
        // What is no whole message belongs to no call that one could tell.
        let read = Message::parse(message.clone()).ok();
        let call_id = read.as_ref().and_then(|read| read.call_id().ok()).unwrap_or_default();
        let (source, destination) = match self.way {
            Way::In => (self.flow.remote, self.flow.local),
            Way::Out => (self.flow.local, self.flow.remote),
        };
        let packet = wire::Packet {
            transport: self.flow.transport,
            source,
            destination,
            at: self.at,
            capture_id: self.terms.capture_id,
            auth_key: self.terms.auth_key.as_bytes(),
            correlation: call_id,
            message: &message,
        };
        packet.write(if is_datagram { wire::DATAGRAM_MAX } else { wire::PACKET_MAX }, into) > 0
    }
}

/// The senders to capture servers: one that is in use, and for a moment those before it. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Captures {
    counts: Arc<Counts>,
    senders: Arc<Mutex<JoinSet<()>>>,
}

impl Captures {
    /// What all of them have done.
    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// A way to the capture server of a configuration, if it names one. What it sends ends when the [`Capture`] is dropped.
    pub(crate) fn open(&self, config: &Config) -> anyhow::Result<Option<Capture>> {
        let Some(target) = &config.hep.target else { return Ok(None) };
        let (carrier, roots) = match target.carrier() {
            HepCarrier::Udp => (Carrier::Udp, Roots::public()),
            HepCarrier::Tcp => (Carrier::Tcp, Roots::public()),
            HepCarrier::Tls => (Carrier::Tls, desk::roots(config)?),
        };
        let target = Target { carrier, host: target.host().to_owned(), port: target.port() };
        let (spout, sender) = hep::open(target.clone(), &roots, self.counts(), secrets::chance);
        let mut senders = self.senders();
        while senders.try_join_next().is_some() {}
        senders.spawn(sender.run());
        let terms = Terms {
            capture_id: config.hep.capture_id,
            auth_key: config.hep.auth_key.as_ref().map(|key| key.secret().to_owned()).unwrap_or_default(),
            mask: config.hep.mask,
        };
        Ok(Some(Capture { target, terms: Arc::new(terms), spout, copies: Vec::new() }))
    }

    /// Waits until what was left has been sent, or is given up.
    pub(crate) async fn end(&self) {
        let mut senders = std::mem::take(&mut *self.senders());
        let all = async { while senders.join_next().await.is_some() {} };
        if timeout(LAST_COPIES, all).await.is_err() {
            warn!("Copies of SIP messages for the capture server are left behind.");
        }
    }

    fn senders(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use links::hep::Packet;
    use sip_core::Transport;

    use super::*;

    const REGISTER: &[u8] = b"REGISTER sip:pbx SIP/2.0\r\n\
        Via: SIP/2.0/TCP 10.0.0.9:4000;branch=z9hG4bK1\r\n\
        From: <sip:6001@pbx>;tag=1\r\n\
        To: <sip:6001@pbx>\r\n\
        Call-ID: a84b@pc33\r\n\
        CSeq: 2 REGISTER\r\n\
        Max-Forwards: 70\r\n\
        Authorization: Digest username=\"6001\", nonce=\"secret\", response=\"secret\"\r\n\
        Content-Length: 0\r\n\r\n";

    fn copied(way: Way, mask: bool, message: impl Into<Bytes>) -> Copied {
        Copied {
            terms: Arc::new(Terms { capture_id: 7, auth_key: "key".to_owned(), mask }),
            at: Duration::from_micros(1_000_001),
            way,
            flow: Flow { transport: Transport::Tcp, local: "10.0.0.1:5060".parse().unwrap(), remote: "10.0.0.9:4000".parse().unwrap() },
            message: message.into(),
        }
    }

    fn written(copied: &Copied) -> Vec<u8> {
        let mut packet = Vec::new();
        assert!(!copied.write(false, &mut packet));
        packet
    }

    fn expected(source: &str, destination: &str, correlation: &[u8], message: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        let told = wire::Packet {
            transport: Transport::Tcp,
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            at: Duration::from_micros(1_000_001),
            capture_id: 7,
            auth_key: b"key",
            correlation,
            message,
        };
        told.write(wire::PACKET_MAX, &mut packet);
        packet
    }

    #[test]
    fn a_copy_tells_who_sent_what_to_whom_and_hides_credentials() {
        let (ours, theirs) = ("10.0.0.1:5060", "10.0.0.9:4000");
        let hidden = String::from_utf8(REGISTER.to_vec()).unwrap().replace("\"secret\"", "***");
        for (mask, shown) in [(true, hidden.as_bytes()), (false, REGISTER)] {
            assert_eq!(written(&copied(Way::In, mask, REGISTER)), expected(theirs, ours, b"a84b@pc33", shown));
            assert_eq!(written(&copied(Way::Out, mask, REGISTER)), expected(ours, theirs, b"a84b@pc33", shown));
        }
        // What is no message is copied all the same: somebody may look for just that.
        assert_eq!(written(&copied(Way::In, false, &b"\x00\xffnonsense"[..])), expected(theirs, ours, b"", b"\x00\xffnonsense"));
    }

    #[test]
    fn what_is_too_long_for_a_packet_is_cut_and_said_so() {
        let long = copied(Way::In, false, vec![b'x'; 65_500]);
        let write = |is_datagram| {
            let mut packet = Vec::new();
            (long.write(is_datagram, &mut packet), packet.len())
        };
        assert_eq!(write(true), (true, 65_507));
        assert_eq!(write(false), (true, 65_535));
    }

    #[tokio::test]
    async fn nothing_is_copied_unless_somebody_says_where_to() {
        let captures = Captures::default();
        assert!(captures.open(&Config::default()).unwrap().is_none());
        captures.end().await;
    }
}
