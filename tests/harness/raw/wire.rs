//! What a phone's messages go by: datagrams, or one TCP stream that the phone opens to its server and keeps.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream, UdpSocket},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};

use crate::ports;

/// The receiving thread looks this often whether it should stop.
const STOP_LOOK: Duration = Duration::from_millis(50);
/// A connection on one machine is made at once or not at all.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A server that takes nothing for so long is stuck.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// More than any message of a test.
const MESSAGE_MAX: usize = 1 << 20;

/// One phone's way to its server.
#[derive(Debug)]
pub struct Wire {
    local: SocketAddr,
    server: SocketAddr,
    kind: Kind,
    closed: AtomicBool,
}

#[derive(Debug)]
enum Kind {
    Udp(UdpSocket),
    Tcp(Mutex<TcpStream>),
}

/// What came by a stream and is no whole message yet.
#[derive(Debug, Default)]
pub struct Pending(Vec<u8>);

impl Wire {
    /// Datagrams, from a port of the test's choice at the server's own host.
    ///
    /// # Errors
    /// When the port is not free.
    pub fn udp(port: u16, server: SocketAddr) -> Result<Self> {
        Self::udp_from(SocketAddr::new(own(server), port), server)
    }

    /// Datagrams from an address of the test's choice.
    ///
    /// # Errors
    /// When it is not free.
    pub fn udp_from(local: SocketAddr, server: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind(local).context("a SIP port")?;
        socket.set_read_timeout(Some(STOP_LOOK))?;
        Ok(Self { local: socket.local_addr()?, server, kind: Kind::Udp(socket), closed: AtomicBool::new(false) })
    }

    /// A stream to the server.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn tcp(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&server, CONNECT_LIMIT).with_context(|| format!("a stream to {server}"))?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(SEND_LIMIT))?;
        Ok(Self { local: stream.local_addr()?, server, kind: Kind::Tcp(Mutex::new(stream)), closed: AtomicBool::new(false) })
    }

    /// Its own address.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Its server.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// As a Via names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Udp(_) => "UDP",
            Kind::Tcp(_) => "TCP",
        }
    }

    /// What a Contact's URI needs besides.
    #[must_use]
    pub fn parameter(&self) -> &'static str {
        match self.kind {
            Kind::Udp(_) => "",
            Kind::Tcp(_) => ";transport=tcp",
        }
    }

    /// Whether the server has ended the stream; never for datagrams.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Sends octets.
    ///
    /// # Errors
    /// When the kernel refuses them.
    pub fn send(&self, octets: &[u8]) -> Result<()> {
        match &self.kind {
            Kind::Udp(socket) => socket.send_to(octets, self.server).map(drop)?,
            Kind::Tcp(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).write_all(octets)?,
        }
        Ok(())
    }

    /// Ends the stream, as a phone that lost its network does not but its operating system would.
    pub fn close(&self) {
        if let Kind::Tcp(stream) = &self.kind {
            // It may be closed already.
            let _ = stream.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Both);
        }
    }

    /// A way to read that shares nothing with the one to write.
    ///
    /// # Errors
    /// When the kernel has no descriptor left.
    pub fn reader(&self) -> Result<Option<TcpStream>> {
        match &self.kind {
            Kind::Udp(_) => Ok(None),
            Kind::Tcp(stream) => {
                let reader = stream.lock().unwrap_or_else(PoisonError::into_inner).try_clone()?;
                reader.set_read_timeout(Some(STOP_LOOK))?;
                Ok(Some(reader))
            }
        }
    }

    /// Whole messages that have come within a short look; from others than the server nothing is taken.
    pub fn receive(&self, reader: &mut Option<TcpStream>, pending: &mut Pending) -> Vec<Vec<u8>> {
        match (&self.kind, reader) {
            (Kind::Udp(socket), _) => {
                let mut datagram = vec![0; 65_536];
                match socket.recv_from(&mut datagram) {
                    Ok((length, from)) if from == self.server => {
                        datagram.truncate(length);
                        vec![datagram]
                    }
                    _ => Vec::new(),
                }
            }
            (Kind::Tcp(_), Some(reader)) => {
                let mut octets = [0; 65_536];
                match reader.read(&mut octets) {
                    Ok(0) => self.ended(),
                    Ok(length) => pending.feed(octets.get(..length).unwrap_or_default()),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                    Err(_) => self.ended(),
                }
                std::iter::from_fn(|| pending.next()).collect()
            }
            (Kind::Tcp(_), None) => Vec::new(),
        }
    }

    fn ended(&self) {
        if !self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        // Nothing will come any more: the thread need not look often.
        std::thread::park_timeout(STOP_LOOK);
    }
}

impl Pending {
    /// Adds what was read.
    pub fn feed(&mut self, octets: &[u8]) {
        if self.0.len() < MESSAGE_MAX {
            self.0.extend_from_slice(octets);
        }
    }

    /// The next whole message, by its Content-Length (RFC 3261, 18.3); keep-alives between messages are passed over.
    #[expect(clippy::should_implement_trait, reason = "the end of what was fed is not the end of the stream")]
    pub fn next(&mut self) -> Option<Vec<u8>> {
        let blanks = self.0.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
        self.0.drain(..blanks);
        let head = self.0.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(self.0.get(..head)?).into_owned();
        let length: usize = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| ["content-length", "l"].iter().any(|known| name.trim().eq_ignore_ascii_case(known)))
            .and_then(|(_, value)| value.trim().parse().ok())
            .unwrap_or(0);
        (self.0.len() >= head + length).then(|| self.0.drain(..head + length).collect())
    }
}

/// Our own address beside a server's.
fn own(server: SocketAddr) -> IpAddr {
    server.ip()
}

/// A free port for a phone beside `server`.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(ports::block(2)?.start)
}

/// An address as it stands in a URI, a Via or a session description's owner: `127.0.0.1`, `[::1]`.
#[must_use]
pub fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_into_its_messages() {
        let mut pending = Pending::default();
        let stream = b"\r\n\r\nOPTIONS sip:a SIP/2.0\r\nl : 4\r\n\r\nbodySIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\nBYE";
        let mut messages = Vec::new();
        for octet in stream {
            pending.feed(&[*octet]);
            messages.extend(pending.next());
        }
        let texts: Vec<_> = messages.iter().map(|message| String::from_utf8_lossy(message).into_owned()).collect();
        assert_eq!(texts, ["OPTIONS sip:a SIP/2.0\r\nl : 4\r\n\r\nbody", "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"]);
    }
}
