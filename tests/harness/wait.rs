//! Waiting on a value, never on a moment.

use std::{
    fmt::Display,
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Between two looks at a value. Short beside every time limit of the tests, long beside the cost of a look.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `look` gives a value; an error names `what` after `limit`.
///
/// # Errors
/// When `limit` has passed without a value, or at once with the error of `look`.
pub fn until<T>(what: impl Display, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        if Instant::now() >= end {
            bail!("waited {} s in vain: {what}", limit.as_secs_f32());
        }
        #[expect(clippy::disallowed_methods, reason = "the one place that waits: between two looks at a value")]
        thread::sleep(PAUSE);
    }
}

/// Asks a SIP server on this machine by OPTIONS over UDP until it answers. `alive` is asked before each look, and ends the wait by its error.
///
/// # Errors
/// When `limit` has passed without an answer, or at once with the error of `alive`.
pub fn until_options(sip: SocketAddr, limit: Duration, mut alive: impl FnMut() -> Result<()>) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(PAUSE))?;
    let local = socket.local_addr()?;
    let options = format!(
        "OPTIONS sip:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKup\r\nMax-Forwards: 70\r\nFrom: <sip:up@{local}>;tag=up\r\n\
         To: <sip:{sip}>\r\nCall-ID: up@{local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    until(format!("an answer at {sip}"), limit, || {
        alive()?;
        // Nobody listens yet, says the kernel.
        let _ = socket.send_to(options.as_bytes(), sip);
        Ok(socket.recv_from(&mut [0; 2048]).is_ok().then_some(()))
    })
}

/// Like [`until`], for a plain condition.
///
/// # Errors
/// When `limit` has passed and `look` was never true.
pub fn until_true(what: impl Display, limit: Duration, mut look: impl FnMut() -> bool) -> Result<()> {
    until(what, limit, || Ok(look().then_some(())))
}
