//! A TCP proxy that delays what passes, or holds it: a slow database, or one that hangs.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

/// A proxy before `target`. Its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    local: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How long each piece from the target waits.
    delay: Mutex<Duration>,
    changed: Condvar,
    stopped: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens at a free port of 127.0.0.1; what connects is connected to `target`.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let local = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A target that is away is a connection that ends at once.
                let Ok(server) = TcpStream::connect(target) else { continue };
                accepting.join(client, server);
            }
        });
        Ok(Self { local, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// From now on each piece that comes from the target waits this long, also those that wait already.
    pub fn delay(&self, by: Duration) {
        *self.shared.delay.lock().unwrap_or_else(PoisonError::into_inner) = by;
        self.shared.changed.notify_all();
    }

    /// Ends every connection of now.
    pub fn cut(&self) {
        for stream in self.shared.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.delay(Duration::ZERO);
        self.cut();
        // Wakes the thread that accepts, so that it sees the end.
        let _ = TcpStream::connect(self.local);
    }
}

impl Shared {
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let clones = (client.try_clone(), server.try_clone());
        let (Ok(to_client), Ok(to_server)) = clones else { return };
        for stream in [&client, &server] {
            // Small pieces go at once; nothing is lost if that cannot be had.
            let _ = stream.set_nodelay(true);
            if let Ok(kept) = stream.try_clone() {
                self.streams.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            }
        }
        thread::spawn(move || copy(client, to_server, || {}));
        let shared = Arc::clone(self);
        thread::spawn(move || copy(server, to_client, || shared.wait()));
    }

    fn wait(&self) {
        let began = Instant::now();
        let mut delay = self.delay.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(left) = delay.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            delay = self.changed.wait_timeout(delay, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, pause: impl Fn()) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut piece)
        && length > 0
    {
        pause();
        if to.write_all(piece.get(..length).unwrap_or_default()).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_delays_passes_and_cuts() -> Result<()> {
        let target = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Proxy::start(target.local_addr()?)?;
        let mut client = TcpStream::connect(proxy.local())?;
        let (mut server, _) = target.accept()?;
        let mut exchange = || -> Result<Duration> {
            let began = Instant::now();
            client.write_all(b"question")?;
            let mut octets = [0; 8];
            server.read_exact(&mut octets)?;
            server.write_all(&octets)?;
            client.read_exact(&mut octets)?;
            assert_eq!(&octets, b"question");
            Ok(began.elapsed())
        };
        assert!(exchange()? < Duration::from_millis(200));
        proxy.delay(Duration::from_millis(300));
        assert!(exchange()? >= Duration::from_millis(300));
        proxy.delay(Duration::ZERO);
        assert!(exchange()? < Duration::from_millis(300));
        proxy.cut();
        assert!(exchange().is_err());
        Ok(())
    }
}
