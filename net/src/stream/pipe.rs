//! What carries the octets of a stream: a TCP connection, bare or within TLS.

use std::{
    io::{self, IoSlice, Read, Write},
    net::Shutdown,
};

use mio::net::TcpStream;
use rustls::{Connection as Session, client::verify_server_name, pki_types::ServerName, server::ParsedCertificate};

/// Octets that TLS holds for a kernel that takes no more.
const HELD_MAX: usize = 16 << 10;

/// The octets of a stream, both ways; nothing here blocks.
pub(super) enum Pipe {
    Plain(TcpStream),
    /// After the handshake.
    Tls(Box<Tls>),
}

pub(super) struct Tls {
    io: TcpStream,
    session: Session,
}

impl Pipe {
    /// `session`: what TLS knows after its handshake.
    pub(super) fn new(io: TcpStream, session: Option<Session>) -> Self {
        match session {
            None => Self::Plain(io),
            Some(mut session) => {
                session.set_buffer_limit(Some(HELD_MAX));
                Self::Tls(Box::new(Tls { io, session }))
            }
        }
    }

    /// Whether it was open already when it came here: what is within TLS is so behind its handshake only.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether the peer's certificate, which was found to be good when we opened the stream, is that of `name`. Who opened a stream to us has
    /// proven nothing.
    pub(super) fn proves(&self, name: &ServerName<'_>) -> bool {
        let Self::Tls(tls) = self else { return false };
        let Session::Client(session) = &tls.session else { return false };
        let certificate = session.peer_certificates().and_then(|chain| ParsedCertificate::try_from(chain.first()?).ok());
        certificate.is_some_and(|certificate| verify_server_name(&certificate, name).is_ok())
    }

    pub(super) fn io(&self) -> &TcpStream {
        match self {
            Self::Plain(io) => io,
            Self::Tls(tls) => &tls.io,
        }
    }

    pub(super) fn io_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(io) => io,
            Self::Tls(tls) => &mut tls.io,
        }
    }

    /// Whether a read that fills less than its buffer says that nothing more is there.
    pub(super) fn tells_end_by_short_read(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Reads what is there. 0: the peer sends no more.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(io) => io.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    /// Takes what fits; how much that was. What TLS has taken goes out by and by: see [`Pipe::has_output`].
    pub(super) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(io) => io.write_vectored(slices),
            Self::Tls(tls) => {
                tls.flush()?;
                let taken = tls.session.writer().write_vectored(slices)?;
                match tls.flush() {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
                    _ => Ok(taken),
                }
            }
        }
    }

    /// Whether something that was taken is still to be given to the kernel.
    pub(super) fn has_output(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.session.wants_write())
    }

    /// Gives that to the kernel.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.flush(),
        }
    }

    /// Says that we send no more. What fails here is over anyway, and shows when it is read.
    pub(super) fn shut(&mut self) {
        if let Self::Tls(tls) = self {
            tls.session.send_close_notify();
            let _ = tls.flush();
        }
        let _ = self.io().shutdown(Shutdown::Write);
    }
}

impl Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // RFC 8446, 6.1 wants a farewell before the stream ends. Whole messages lose nothing without one, and phones do not care.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            self.session.read_tls(&mut self.io)?;
            if let Err(error) = self.session.process_new_packets() {
                // The alert that says why.
                let _ = self.flush();
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut self.io)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}
