//! TLS streams that we open: they connect and shake hands here, beside the signalling thread, and go there once they are up.

use std::{convert::Infallible, io, net::TcpStream as StdTcpStream, sync::Arc, time::Duration};

use rustls::{CertificateError, ClientConfig, ClientConnection, pki_types::ServerName};
use sip_core::Flow;
use tokio::{
    net::TcpSocket,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{NotOpened, adopt::Adopter, socket::open_stream, tls::HANDSHAKE_TIME};

/// A stream that is wanted.
#[derive(Debug)]
pub(crate) struct Dial {
    /// Which try this is.
    pub(crate) id: u64,
    pub(crate) flow: Flow,
    /// What the certificate has to prove.
    pub(crate) name: ServerName<'static>,
    /// How long connecting may take; the handshake has its time besides.
    pub(crate) connect: Duration,
    /// Its other end goes when nobody wants the stream any more.
    pub(crate) given_up: oneshot::Receiver<Infallible>,
}

/// What has come of it.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) id: u64,
    pub(crate) flow: Flow,
    pub(crate) outcome: Result<(StdTcpStream, Box<ClientConnection>), Failed>,
}

/// Why there is no stream.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) why: NotOpened,
    /// For the log.
    pub(crate) detail: String,
}

/// Opens the TLS streams that the signalling sockets want ([`crate::SignallingSockets::tls_dialler`]).
#[derive(Debug)]
pub struct TlsDialler {
    pub(crate) dials: mpsc::Receiver<Dial>,
    pub(crate) adopter: Adopter,
}

impl TlsDialler {
    /// Connects and shakes hands, for as long as the sockets are there. Each stream is on its own: one whose peer stalls holds up no other, and
    /// is given up after 10 s (B-39). How many there are at once is bounded by [`crate::StreamLimits::connecting_max`].
    ///
    /// `config` says whose certificates are believed, and nothing else is asked of it: each has to be good for the name of its stream by
    /// that. Dropped, it ends all that are not over.
    pub async fn serve(mut self, config: Arc<ClientConfig>) {
        let connector = TlsConnector::from(config);
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                dial = self.dials.recv() => {
                    let Some(dial) = dial else { return };
                    tasks.spawn(run(connector.clone(), dial, self.adopter.clone()));
                }
                Some(_) = tasks.join_next() => {}
            }
        }
    }
}

async fn run(connector: TlsConnector, Dial { id, flow, name, connect, mut given_up }: Dial, adopter: Adopter) {
    let outcome = tokio::select! {
        _ = &mut given_up => return,
        outcome = open(&connector, flow, name, connect) => outcome,
    };
    adopter.dialled(Dialled { id, flow, outcome });
}

async fn open(
    connector: &TlsConnector,
    flow: Flow,
    name: ServerName<'static>,
    connect: Duration,
) -> Result<(StdTcpStream, Box<ClientConnection>), Failed> {
    let connecting = async { TcpSocket::from_std_stream(open_stream(flow.local, flow.remote)?.into()).connect(flow.remote).await };
    let stream = timeout(connect, connecting).await.map_err(late)?.map_err(unreachable)?;
    // Its last flight is not to wait for an acknowledgement.
    stream.set_nodelay(true).map_err(unreachable)?;
    let shaken = timeout(HANDSHAKE_TIME, connector.connect(name, stream)).await.map_err(late)?;
    let (stream, session) = shaken.map_err(|error| Failed { why: no_tls(&error), detail: error.to_string() })?.into_inner();
    Ok((stream.into_std().map_err(unreachable)?, Box::new(session)))
}

fn late(elapsed: impl ToString) -> Failed {
    Failed { why: NotOpened::Late, detail: elapsed.to_string() }
}

fn unreachable(error: impl Into<io::Error>) -> Failed {
    Failed { why: NotOpened::Unreachable, detail: error.into().to_string() }
}

/// What a handshake failed for.
fn no_tls(error: &io::Error) -> NotOpened {
    use CertificateError as Fault;
    let Some(rustls::Error::InvalidCertificate(fault)) = error.get_ref().and_then(|inner| inner.downcast_ref()) else {
        return NotOpened::Handshake;
    };
    match fault {
        Fault::Expired | Fault::ExpiredContext { .. } | Fault::NotValidYet | Fault::NotValidYetContext { .. } => NotOpened::CertificateTime,
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => NotOpened::CertificateName,
        // Somebody who calls himself an authority that we believe is not one.
        Fault::UnknownIssuer | Fault::BadSignature => NotOpened::CertificateIssuer,
        _ => NotOpened::Certificate,
    }
}
