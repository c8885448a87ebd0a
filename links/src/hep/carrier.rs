//! The ways to a capture server.

use std::{
    future, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UdpSocket, lookup_host},
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use tracing::{info, warn};

use super::{Carrier, Counts, Packet, Target, add};
use crate::tls::Roots;

/// How long a name, a connection and a handshake may take, together.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A server that takes nothing for so long is away.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// How often the name of a server behind UDP is resolved anew.
const RESOLVE_EVERY: Duration = Duration::from_secs(60);
/// How long that may hold copies up.
const RESOLVE_MAX: Duration = Duration::from_secs(2);
/// What a datagram that is refused adds to the score of [`Datagrams`]; one that leaves takes off 1.
const REFUSED: u32 = 2;
/// From this score on the server counts as away; at 0 it is there again.
const SCORE_AWAY: u32 = 6;
const SCORE_MAX: u32 = 10;

/// The server, and how to get to it.
pub(super) struct Peer {
    target: Target,
    tls: TlsConnector,
}

impl Peer {
    pub(super) fn new(target: &Target, roots: &Roots) -> Self {
        Self { target: target.clone(), tls: TlsConnector::from(Arc::new(roots.client())) }
    }

    /// Resolves the name and connects.
    pub(super) async fn connect(&self) -> Result<Carried<'_>, String> {
        timeout(CONNECT_MAX, self.connect_now()).await.map_err(|_| "it took too long".to_owned())?
    }

    async fn connect_now(&self) -> Result<Carried<'_>, String> {
        let mut why = "the name has no address".to_owned();
        for address in self.addresses().await? {
            match self.connect_to(address).await {
                Ok(carried) => return Ok(carried),
                Err(failure) => why = format!("{address}: {failure}"),
            }
        }
        Err(why)
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let Target { host, port, .. } = &self.target;
        let found = lookup_host((host.as_str(), *port)).await.map_err(|failure| format!("{host}: {failure}"))?;
        Ok(found.collect())
    }

    async fn connect_to(&self, address: SocketAddr) -> io::Result<Carried<'_>> {
        if self.target.carrier == Carrier::Udp {
            let socket = socket_to(address).await?;
            let resolve = Instant::now() + RESOLVE_EVERY;
            return Ok(Carried::Datagrams(Datagrams {
                peer: self,
                socket,
                address,
                resolve,
                score: 0,
                is_away: false,
                packet: Vec::new(),
            }));
        }
        let stream = TcpStream::connect(address).await?;
        let stream: Box<dyn Stream> = if self.target.carrier == Carrier::Tls {
            let name = ServerName::try_from(self.target.host.clone()).map_err(io::Error::other)?;
            Box::new(self.tls.connect(name, stream).await?)
        } else {
            Box::new(stream)
        };
        Ok(Carried::Stream { stream, packets: Vec::new() })
    }
}

async fn socket_to(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    Ok(socket)
}

/// A stream, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// A way that is there.
pub(super) enum Carried<'a> {
    Datagrams(Datagrams<'a>),
    Stream { stream: Box<dyn Stream>, packets: Vec<u8> },
}

impl Carried<'_> {
    /// Sends copies. If the way is lost: why. Those that did not leave are counted.
    pub(super) async fn send<C: Packet>(&mut self, copies: &[C], counts: &Counts) -> Result<(), String> {
        match self {
            Self::Datagrams(datagrams) => {
                datagrams.follow_name().await;
                for copy in copies {
                    datagrams.send(copy, counts).await;
                }
                Ok(())
            }
            Self::Stream { stream, packets } => {
                packets.clear();
                let cut = copies.iter().filter(|copy| copy.write(false, packets)).count();
                let written = async {
                    stream.write_all(packets).await?;
                    stream.flush().await
                };
                let failure = match timeout(WRITE_MAX, written).await {
                    Ok(Ok(())) => {
                        add(&counts.sent, copies.len());
                        add(&counts.cut, cut);
                        return Ok(());
                    }
                    Ok(Err(failure)) => failure.to_string(),
                    Err(_) => "it takes nothing".to_owned(),
                };
                add(&counts.dropped, copies.len());
                Err(failure)
            }
        }
    }

    /// Until the way is lost while nothing is sent: why. What the server says meanwhile is nothing to us.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            // Nobody tells before something is sent.
            Self::Datagrams(_) => future::pending().await,
            Self::Stream { stream, .. } => loop {
                match stream.read(&mut [0; 512]).await {
                    Ok(0) => return "it has closed the connection".to_owned(),
                    Ok(_) => {}
                    Err(failure) => return failure.to_string(),
                }
            },
        }
    }

    /// Ends in order.
    pub(super) async fn finish(&mut self) {
        if let Self::Stream { stream, .. } = self {
            // Everything is on its way; if the end is not, the server notices by itself.
            let _ = stream.shutdown().await;
        }
    }
}

/// The way of datagrams: it cannot be lost, but there may be nobody at its end.
///
/// That nobody listens is told with the datagram after the one that nobody got, which then does not leave; so at best every other one is
/// refused, and a score tells a server that is away from a single mishap.
pub(super) struct Datagrams<'a> {
    peer: &'a Peer,
    socket: UdpSocket,
    address: SocketAddr,
    /// When the name is resolved again.
    pub(super) resolve: Instant,
    score: u32,
    is_away: bool,
    packet: Vec<u8>,
}

impl Datagrams<'_> {
    async fn send<C: Packet>(&mut self, copy: &C, counts: &Counts) {
        self.packet.clear();
        let is_cut = copy.write(true, &mut self.packet);
        match self.socket.send(&self.packet).await {
            Ok(_) => {
                add(&counts.sent, 1);
                add(&counts.cut, usize::from(is_cut));
                self.score = self.score.saturating_sub(1);
                if self.score == 0 && std::mem::take(&mut self.is_away) {
                    add(&counts.reconnects, 1);
                    counts.connected.store(true, Ordering::Relaxed);
                    info!(server = %self.peer.target, "The capture server takes copies of SIP messages again.");
                }
            }
            Err(failure) => {
                add(&counts.dropped, 1);
                self.score = SCORE_MAX.min(self.score + REFUSED);
                if self.score >= SCORE_AWAY && !std::mem::replace(&mut self.is_away, true) {
                    counts.connected.store(false, Ordering::Relaxed);
                    warn!(server = %self.peer.target, %failure, "The capture server takes no copies of SIP messages; they are lost. Calls go on.");
                }
            }
        }
    }

    /// Resolves the name anew from time to time, and follows it if it has moved. What cannot be resolved stays where it was.
    async fn follow_name(&mut self) {
        if Instant::now() < self.resolve {
            return;
        }
        self.resolve = Instant::now() + RESOLVE_EVERY;
        let Ok(Ok(found)) = timeout(RESOLVE_MAX, self.peer.addresses()).await else { return };
        let Some(other) = found.first().filter(|_| !found.contains(&self.address)) else { return };
        // It is sent to where it was, if the machine has no way to the other.
        let _ = self.lead_to(*other).await;
    }

    /// Sends to another address from now on.
    pub(super) async fn lead_to(&mut self, address: SocketAddr) -> io::Result<()> {
        self.socket = socket_to(address).await?;
        self.address = address;
        Ok(())
    }
}
