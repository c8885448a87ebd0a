//! Wireshark's program without a window, as a reader of SIP that others wrote: what we send must be no riddle to it.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A SIP message on its way. It is shown to `tshark` as a datagram, whatever carried it.
#[derive(Debug, Clone)]
pub struct Carried<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// Who got it.
    pub destination: SocketAddr,
    /// When, since 1970.
    pub at: Duration,
    /// As it was on the wire.
    pub octets: &'a [u8],
}

/// What `tshark` makes of messages, a JSON object each: their layers, `udp`, `sip` and `sdp` among them. `port` is the SIP port of one side.
///
/// # Errors
/// When it is not installed, finds anything malformed or reads another number of messages.
pub fn read(messages: &[Carried<'_>], port: u16) -> Result<Vec<Value>> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("heard.pcap");
    fs::write(&file, pcap(messages))?;
    let output = Command::new("tshark")
        .args(["-n", "-d", &format!("udp.port=={port},sip"), "-T", "json", "-r"])
        .arg(&file)
        .output()
        .context("no tshark: scripts/setup-tests.sh installs it")?;
    ensure!(output.status.success(), "tshark: {}", String::from_utf8_lossy(&output.stderr));
    let packets: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    ensure!(packets.len() == messages.len(), "{} of {} messages", packets.len(), messages.len());
    let layers: Vec<Value> = packets.into_iter().map(|mut packet| packet["_source"]["layers"].take()).collect();
    for (message, layers) in messages.iter().zip(&layers) {
        let told = layers.to_string();
        let is_malformed = MALFORMED.iter().any(|mark| told.contains(mark));
        ensure!(!is_malformed, "malformed to tshark:\n{}\n{layers:#}", String::from_utf8_lossy(message.octets));
    }
    Ok(layers)
}

/// What it says of a message that it cannot read to its end, and of a field that breaks the protocol (PI_MALFORMED, in `epan/proto.h`).
const MALFORMED: [&str; 2] = ["\"_ws.malformed", r#""_ws.expert.group":"117440512""#];

/// The messages as a capture file (libpcap's format, LINKTYPE_RAW), each as a datagram between its IPv4 addresses.
fn pcap(messages: &[Carried<'_>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 1 << 18, 101] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for Carried { source, destination, at, octets } in messages {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (source.ip(), destination.ip()) else { continue };
        let udp = u16::try_from(8 + octets.len()).unwrap_or(u16::MAX);
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
        file.extend_from_slice(octets);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds the judge against itself.
    #[test]
    fn what_is_broken_is_told() -> Result<()> {
        let (one, other) = (SocketAddr::from(([127, 0, 0, 1], 5060)), SocketAddr::from(([127, 0, 0, 1], 5062)));
        let read =
            |text: &str| read(&[Carried { source: one, destination: other, at: Duration::from_secs(1), octets: text.as_bytes() }], 5060);
        let sound = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n\
             Call-ID: 1\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read(sound)?[0]["sip"]["sip.Status-Line"], "SIP/2.0 200 OK");
        for (right, wrong) in [("Call-ID: 1", "Call-ID 1"), ("Content-Length: 0", "Content-Length: x")] {
            assert!(read(&sound.replace(right, wrong)).is_err(), "{wrong}");
        }
        Ok(())
    }
}
