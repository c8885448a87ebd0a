//! A DNS server that knows one name, for stories in which a name has to be proven.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Result;

/// A running one. Ended when dropped.
#[derive(Debug)]
pub struct Zone {
    at: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often it looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);
/// Type A (RFC 1035, 3.2.2).
const A: u16 = 1;

impl Zone {
    /// Starts one that says that `name` is at this address, and has no more to say of it; of other names, that there are none.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(name: &str, address: Ipv4Addr) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(LOOK))?;
        let (at, is_over) = (socket.local_addr()?, Arc::new(AtomicBool::new(false)));
        let mut labels: Vec<u8> =
            name.split('.').flat_map(|label| [&[u8::try_from(label.len()).unwrap_or(0)], label.as_bytes()].concat()).collect();
        labels.push(0);
        let ended = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut question = [0; 512];
            while !ended.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut question) else { continue };
                if let Some(answer) = question.get(..length).and_then(|question| answer(question, &labels, address)) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self { at, is_over, thread: Some(thread) })
    }

    /// Where it is asked.
    #[must_use]
    pub fn at(&self) -> SocketAddr {
        self.at
    }
}

/// The answer to a message with one question (RFC 1035, 4.1); none to what is no question.
fn answer(question: &[u8], labels: &[u8], address: Ipv4Addr) -> Option<Vec<u8>> {
    let id = question.get(..2)?;
    let rest = question.get(12..)?;
    let end = rest.iter().position(|octet| *octet == 0)? + 1;
    let (asked, kind) = (rest.get(..end)?, u16::from_be_bytes(rest.get(end..end + 2)?.try_into().ok()?));
    let is_known = asked.eq_ignore_ascii_case(labels);
    let records: u8 = (is_known && kind == A).into();
    // An answer, recursion desired and there; no such name is 3.
    let code = if is_known { 0x80 } else { 0x83 };
    let mut answer = [id, &[0x81, code, 0, 1, 0, records, 0, 0, 0, 0], rest.get(..end + 4)?].concat();
    if records > 0 {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

impl Drop for Zone {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_name_has_its_address_and_no_other_name_is_there() -> Result<()> {
        let zone = Zone::start("carrier.example", Ipv4Addr::new(127, 0, 0, 2))?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let ask = |name: &[u8], kind: u8| -> Result<Vec<u8>> {
            let question = [&[7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], name, &[0, kind, 0, 1]].concat();
            socket.send_to(&question, zone.at())?;
            let mut answer = [0; 512];
            let length = socket.recv(&mut answer)?;
            answer.get(..length).map(<[u8]>::to_vec).context("an answer")
        };
        let known = ask(b"\x07Carrier\x07example\0", 1)?;
        assert!(known.starts_with(&[7, 7, 0x81, 0x80]) && known.ends_with(&[127, 0, 0, 2]), "{known:?}");
        assert_eq!(ask(b"\x07carrier\x07example\0", 28)?.get(6..8), Some(&[0, 0][..]), "no address of IPv6");
        assert_eq!(ask(b"\x05other\0", 1)?.get(3), Some(&0x83));
        Ok(())
    }
}
