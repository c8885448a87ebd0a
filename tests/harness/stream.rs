//! A connection to the server under the test's own hand: bare, within TLS, or a WebSocket (RFC 7118). It says whatever octets it is given.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{
    certificate::Certificate,
    raw::{Message, wire::Pending},
};

/// Between two looks at a socket.
const LOOK: Duration = Duration::from_millis(50);
/// A handshake on one machine comes about at once or not at all.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// RFC 6455, 1.3: a key, and what proves that it was understood.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// RFC 6455, 5.7.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An open connection.
#[derive(Debug)]
pub struct Stream {
    kind: Kind,
    local: SocketAddr,
    pending: Pending,
    /// Octets of a WebSocket that are no whole frame yet.
    frames: Vec<u8>,
    code: Option<u16>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Web(TcpStream),
}

impl Stream {
    /// A bare stream.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn tcp(server: SocketAddr) -> Result<Self> {
        let stream = connect(server)?;
        Self::new(stream.local_addr()?, &stream.try_clone()?, Kind::Tcp(stream))
    }

    /// A stream within TLS, to a server that proves to be `localhost` by this certificate and no other.
    ///
    /// # Errors
    /// When no TLS comes about.
    pub fn tls(server: SocketAddr, certificate: &Certificate) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&certificate.chain)?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut session = ClientConnection::new(Arc::new(config), "localhost".try_into()?)?;
        let mut stream = connect(server)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream).context("no TLS")?;
        }
        let (local, bare) = (stream.local_addr()?, stream.try_clone()?);
        Self::new(local, &bare, Kind::Tls(Box::new(StreamOwned::new(session, stream))))
    }

    /// A WebSocket of a phone at the HTTP address `server`, which has no Origin: no browser holds it.
    ///
    /// # Errors
    /// When the server refuses it, or says that it speaks something else.
    pub fn web(server: SocketAddr) -> Result<Self> {
        let mut stream = connect(server)?;
        write!(
            stream,
            "GET /sip HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
        )?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet).context("no answer to the opening handshake")?;
            head.extend(octet);
        }
        let told = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let is_there = |line: &str| told.lines().any(|told| told == line.to_ascii_lowercase());
        let is_open = told.starts_with("http/1.1 101 ") && is_there("sec-websocket-protocol: sip");
        ensure!(is_open && is_there(&format!("sec-websocket-accept: {ACCEPT}")), "no WebSocket: {told}");
        Self::new(stream.local_addr()?, &stream.try_clone()?, Kind::Web(stream))
    }

    fn new(local: SocketAddr, bare: &TcpStream, kind: Kind) -> Result<Self> {
        bare.set_read_timeout(Some(LOOK))?;
        Ok(Self { kind, local, pending: Pending::default(), frames: Vec::new(), code: None })
    }

    /// Its own end.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// As a Via names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Tcp(_) => "TCP",
            Kind::Tls(_) => "TLS",
            Kind::Web(_) => "WS",
        }
    }

    /// Says these octets; by a WebSocket as one message, a text if it is one.
    ///
    /// # Errors
    /// When the other side has ended the connection.
    pub fn send(&mut self, octets: &[u8]) -> Result<()> {
        match &mut self.kind {
            Kind::Tcp(stream) => stream.write_all(octets)?,
            Kind::Tls(stream) => stream.write_all(octets)?,
            Kind::Web(stream) => {
                let opcode = if std::str::from_utf8(octets).is_ok() { 0x81 } else { 0x82 };
                stream.write_all(&masked(opcode, octets)?)?;
            }
        }
        Ok(())
    }

    /// The SIP messages that have come, and whether the other side has ended the connection.
    ///
    /// # Errors
    /// When something came that is no SIP, or no frame.
    pub fn read(&mut self) -> Result<(Vec<Message>, bool)> {
        let mut octets = vec![0; 65_536];
        let read = match &mut self.kind {
            Kind::Tcp(stream) | Kind::Web(stream) => stream.read(&mut octets),
            Kind::Tls(stream) => stream.read(&mut octets),
        };
        let (came, mut closed) = match read {
            Ok(length) => (octets.get(..length).unwrap_or_default(), length == 0),
            Err(error) => (&[][..], !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)),
        };
        let mut messages = Vec::new();
        if matches!(self.kind, Kind::Web(_)) {
            self.frames.extend_from_slice(came);
            while let Some((first, payload)) = frame(&mut self.frames)? {
                match first {
                    0x81 | 0x82 => messages.push(Message::parse(&payload)?),
                    0x88 => {
                        self.code = payload.first_chunk().copied().map(u16::from_be_bytes);
                        closed = true;
                    }
                    other => bail!("a frame that begins with {other:#x}"),
                }
            }
        } else {
            self.pending.feed(came);
            while let Some(octets) = self.pending.next() {
                messages.push(Message::parse(&octets)?);
            }
        }
        Ok((messages, closed))
    }

    /// With which code the other side has ended a WebSocket (RFC 6455, 7.4.1).
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.code
    }
}

fn connect(server: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, HANDSHAKE_LIMIT).with_context(|| format!("a stream to {server}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HANDSHAKE_LIMIT))?;
    stream.set_write_timeout(Some(HANDSHAKE_LIMIT))?;
    Ok(stream)
}

/// A frame as clients send it (RFC 6455, 5.2).
fn masked(first: u8, payload: &[u8]) -> Result<Vec<u8>> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | u8::try_from(length)?),
        length => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).context("no message of a test is so long")?.to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    Ok(frame)
}

/// Takes the first whole frame of a server out of `octets`: its first octet and its payload.
fn frame(octets: &mut Vec<u8>) -> Result<Option<(u8, Vec<u8>)>> {
    let (first, length, head) = match octets.as_slice() {
        [first, short @ ..=125, ..] => (*first, usize::from(*short), 2),
        [first, 126, a, b, ..] => (*first, usize::from(u16::from_be_bytes([*a, *b])), 4),
        [_, 127..=255, ..] => bail!("a frame of 64 KiB, or one with a mask"),
        _ => return Ok(None),
    };
    if octets.len() < head + length {
        return Ok(None);
    }
    let payload = octets.drain(..head + length).skip(head).collect();
    Ok(Some((first, payload)))
}
