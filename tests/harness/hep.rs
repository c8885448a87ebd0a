//! A capture server: hears HEP version 3 on a UDP port and reads it by the specification, and lets `tshark` read
//! the messages too where that is installed.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Somebody else's reader of packets.
const TSHARK: &str = "/usr/bin/tshark";

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

    /// What `tshark` makes of the messages of all packets so far, a JSON object each, if it is installed: their layers, `udp` and `sip` among
    /// them. `port` is the SIP port.
    ///
    /// # Errors
    /// When it finds anything malformed.
    pub fn read_by_tshark(&self, port: u16) -> Result<Option<Vec<Value>>> {
        if !Path::new(TSHARK).is_file() {
            return Ok(None);
        }
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("heard.pcap");
        fs::write(&file, pcap(&self.packets))?;
        // Its version for Debian 12 cannot read HEP itself, so it gets what was inside.
        let decode = format!("udp.port=={port},sip");
        let output = Command::new(TSHARK).args(["-n", "-d", decode.as_str(), "-T", "json", "-r"]).arg(&file).output()?;
        ensure!(output.status.success(), "tshark: {}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(!told.contains("_ws.malformed"), "malformed to tshark: {told}");
        let packets: Vec<Value> = serde_json::from_str(&told)?;
        Ok(Some(packets.into_iter().map(|mut packet| packet["_source"]["layers"].take()).collect()))
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

/// The messages as a capture file (libpcap's format, LINKTYPE_RAW), each as a datagram between the IPv4 addresses that its packet names.
fn pcap(packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 1 << 18, 101] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for Packet { source, destination, message, at, .. } in packets {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (source.ip(), destination.ip()) else { continue };
        let udp = u16::try_from(8 + message.len()).unwrap_or(u16::MAX);
        let length = 20 + u32::from(udp);
        for word in [u32::try_from(at.as_secs()).unwrap_or(u32::MAX), at.subsec_micros(), length, length] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        let whole = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        file.extend_from_slice(&[0x45, 0, whole[0], whole[1], 0, 0, 0, 0, 64, 17, 0, 0]);
        file.extend_from_slice(&[from.octets(), to.octets()].concat());
        for number in [source.port(), destination.port(), udp, 0] {
            file.extend_from_slice(&number.to_be_bytes());
        }
        file.extend_from_slice(message.as_bytes());
    }
    file
}
