//! A relay with nothing in it: receives on connected sockets, sends on the other one of the pair. What no relay of this method can undercut.
//!
//! It is a process of its own (`benches --bare-relay`), so that its processor time can be told from the generator's.

use std::{
    io::{BufRead, BufReader, Write, stdin, stdout},
    net::{SocketAddr, UdpSocket},
    os::fd::AsFd,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, ensure};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::Process;

/// One for each core of the machine that the figures come from, as Cordboard and rtpengine have there.
const THREADS: usize = 2;
/// Events taken with one system call.
const EVENTS: usize = 256;
/// Longer than any packet of sound.
const PACKET_MAX: usize = 2048;

/// A running relay.
#[derive(Debug)]
pub(crate) struct Bare {
    process: Process,
    /// Where each call's two sides send their sound.
    pub(crate) ports: Vec<(SocketAddr, SocketAddr)>,
}

impl Bare {
    /// Starts one between these pairs.
    pub(crate) fn start(pairs: &[(SocketAddr, SocketAddr)]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--bare-relay").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let mut orders = process.child.stdin.take().context("its stdin")?;
        for (one, other) in pairs {
            writeln!(orders, "{one} {other}")?;
        }
        drop(orders);
        let mut ports = Vec::new();
        for line in BufReader::new(process.child.stdout.take().context("its stdout")?).lines().take(pairs.len()) {
            ports.push(read_pair(&line?)?);
        }
        ensure!(ports.len() == pairs.len(), "the bare relay opened {} of {} calls", ports.len(), pairs.len());
        Ok(Self { process, ports })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// The relay itself: reads pairs of addresses from stdin, writes its own to stdout, and relays until it is terminated.
pub(crate) fn serve() -> Result<()> {
    let mut shares: Vec<Vec<UdpSocket>> = (0..THREADS).map(|_| Vec::new()).collect();
    let mut answer = String::new();
    for (at, line) in stdin().lines().enumerate() {
        let (one, other) = read_pair(&line?)?;
        let share = shares.get_mut(at % THREADS).context("a thread")?;
        let mut own = Vec::new();
        for remote in [one, other] {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(remote)?;
            socket.set_nonblocking(true)?;
            own.push(socket.local_addr()?.to_string());
            share.push(socket);
        }
        answer += &own.join(" ");
        answer.push('\n');
    }
    stdout().write_all(answer.as_bytes())?;
    stdout().flush()?;
    let threads: Vec<_> = shares.into_iter().map(|share| thread::spawn(move || relay(&share))).collect();
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a relay thread panicked"))??;
    }
    Ok(())
}

fn relay(sockets: &[UdpSocket]) -> Result<()> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (at, socket) in sockets.iter().enumerate() {
        epoll.add(socket.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, u64::try_from(at)?))?;
    }
    let (mut events, mut packet) = ([EpollEvent::empty(); EVENTS], [0; PACKET_MAX]);
    loop {
        let count = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in events.iter().take(count) {
            let at = usize::try_from(event.data())?;
            // The two of a call stand side by side.
            if let (Some(from), Some(to)) = (sockets.get(at), sockets.get(at ^ 1))
                && let Ok(length) = from.recv(&mut packet)
            {
                let _ = to.send(packet.get(..length).unwrap_or_default());
            }
        }
    }
}

fn read_pair(line: &str) -> Result<(SocketAddr, SocketAddr)> {
    let (one, other) = line.split_once(' ').context("two addresses")?;
    Ok((one.parse()?, other.parse()?))
}
