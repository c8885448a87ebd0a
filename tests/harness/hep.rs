//! A capture server: hears HEP version 3 on a UDP port and reads it by the specification, and lets `tshark` read
//! the messages too.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::tshark::{self, Carried};

/// A running capture server.
#[derive(Debug)]
pub struct CaptureServer {
    socket: UdpSocket,
    packets: Vec<Packet>,
}

/// A packet as it came.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Who sent the message.
    pub source: SocketAddr,
    /// Who got it.
    pub destination: SocketAddr,
    /// What carried it: 17 for UDP, 6 for TCP.
    pub ip_protocol: u8,
    /// When, since 1970.
    pub at: Duration,
    /// The capture agent.
    pub capture_id: u32,
    /// Its key; empty if there is none.
    pub auth_key: String,
    /// What its messages have in common; empty if it is not told.
    pub correlation: String,
    /// The message; each octet that is no text as a mark.
    pub message: String,
}

impl CaptureServer {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start() -> Result<Self> {
        Ok(Self { socket: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, packets: Vec::new() })
    }

    /// What stands in `hep.target`.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn target(&self) -> Result<String> {
        Ok(format!("udp://{}", self.socket.local_addr()?))
    }

    /// Waits for so many packets, counted from the last time, and gives these.
    ///
    /// # Errors
    /// When they do not come, or one of them is no HEP of a SIP message.
    pub fn next(&mut self, count: usize, limit: Duration) -> Result<Vec<Packet>> {
        let (end, from) = (Instant::now() + limit, self.packets.len());
        let mut octets = vec![0; 1 << 16];
        while self.packets.len() < from + count {
            let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left))?;
            let heard = self.socket.recv(&mut octets);
            let length = heard.with_context(|| format!("{} of {count} packets: {:#?}", self.packets.len() - from, self.packets))?;
            let raw = octets.get(..length).unwrap_or_default();
            self.packets.push(Packet::read(raw).with_context(|| format!("{raw:02x?}"))?);
        }
        Ok(self.packets.get(from..).unwrap_or_default().to_vec())
    }

    /// What `tshark` makes of the messages of all packets so far ([`tshark::read`]): its version for Debian 12 cannot read HEP itself, so it gets what
    /// was inside. `port` is the SIP port.
    ///
    /// # Errors
    /// As [`tshark::read`].
    pub fn read_by_tshark(&self, port: u16) -> Result<Vec<Value>> {
        let messages = self.packets.iter().map(|packet| Carried {
            source: packet.source,
            destination: packet.destination,
            at: packet.at,
            octets: packet.message.as_bytes(),
        });
        tshark::read(&messages.collect::<Vec<_>>(), port)
    }
}

impl Packet {
    fn read(raw: &[u8]) -> Result<Self> {
        let number = |octets: &[u8]| octets.iter().fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
        ensure!(raw.get(..4) == Some(b"HEP3"), "it does not begin as one");
        ensure!(number(raw.get(4..6).context("no length")?) == u64::try_from(raw.len())?, "its length is another");
        let (mut chunks, mut at) = (BTreeMap::new(), 6);
        while at < raw.len() {
            let head = raw.get(at..at + 6).context("half a chunk")?;
            let length = usize::try_from(number(&head[4..]))?;
            let value = raw.get(at + 6..at + length).context("a chunk beyond the end")?;
            ensure!(number(&head[..2]) == 0, "a chunk of a vendor");
            ensure!(chunks.insert(number(&head[2..4]), value).is_none(), "a chunk that is there twice");
            at += length;
        }
        let mut take = |kind: u64| chunks.remove(&kind).with_context(|| format!("no chunk {kind}"));
        ensure!(take(11)? == [1], "no SIP");
        let addresses: [IpAddr; 2] = match take(1)? {
            [2] => [<[u8; 4]>::try_from(take(3)?)?.into(), <[u8; 4]>::try_from(take(4)?)?.into()],
            [10] => [<[u8; 16]>::try_from(take(5)?)?.into(), <[u8; 16]>::try_from(take(6)?)?.into()],
            other => bail!("family {other:?}"),
        };
        let port = |value: &[u8]| u16::try_from(number(value));
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let packet = Self {
            source: SocketAddr::new(addresses[0], port(take(7)?)?),
            destination: SocketAddr::new(addresses[1], port(take(8)?)?),
            ip_protocol: *take(2)?.first().context("no protocol")?,
            at: Duration::from_secs(number(take(9)?)) + Duration::from_micros(number(take(10)?)),
            capture_id: u32::try_from(number(take(12)?))?,
            auth_key: take(14).map(text).unwrap_or_default(),
            correlation: take(17).map(text).unwrap_or_default(),
            message: text(take(15)?),
        };
        ensure!(chunks.is_empty(), "chunks that nobody expects: {chunks:?}");
        Ok(packet)
    }
}
