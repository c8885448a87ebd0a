//! How much streams may take, and what they have done.

use std::time::Duration;

use sip_core::FramerLimits;

/// What the streams of this server may take together and each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// Streams that are open at once, of all sources. When three quarters of them are, a new one takes the place of the stranger that has been
    /// silent for longest (see [`crate::SignallingSockets::vouch`]); where there is no such stranger, what goes beyond is refused.
    pub connections_max: usize,
    /// Streams that one source ([`sip_core::guard::Source`]) may have at once: those opened to us, and those that we open to bring it
    /// responses. One more that it opens takes the place of its stranger that has been silent for longest; where there is no such stranger,
    /// it is refused.
    pub per_source_max: usize,
    /// How long a message may take from its first octet to its last (B-37), and what we have to say may wait for its reader.
    pub half_message: Duration,
    /// How long a stream that was opened to us may take until its first whole message.
    pub first_message: Duration,
    /// How long a stream lives without a message or line end from the peer, if its peer is known; also how long one that such a peer closed in
    /// its own direction waits for the answers that it is still to carry.
    pub idle: Duration,
    /// How long a stream of a stranger lives without a message or line end from the peer, or an answer of ours. While it waits for an answer
    /// it has 32 seconds at least (64*T1).
    pub idle_stranger: Duration,
    /// Octets that may wait to be sent on one stream; it is closed when there are more, for its peer does not read.
    pub write_queue_max: usize,
    /// Octets that all streams together may hold, half read and waiting to be sent; beyond that, one that comes to hold more than 16 KiB is
    /// closed.
    pub memory_max: usize,
    /// How long opening a stream may take; a TLS handshake has 10 s besides (B-39).
    pub connect: Duration,
    /// Streams for requests of ours that may be on their way to be open at once. They are shared as those of
    /// [`StreamLimits::outgoing_max`] are.
    pub connecting_max: usize,
    /// Streams for requests of ours at once, of [`StreamLimits::connections_max`]. Beyond it, one of the owner that has the most of them goes
    /// for one of an owner that has fewer ([`crate::SignallingSockets::claim`]); where that does not help, the new one is not opened.
    pub outgoing_max: usize,
    /// The limits of one message.
    pub message: FramerLimits,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            per_source_max: 500,
            half_message: Duration::from_secs(20),
            first_message: Duration::from_secs(30),
            idle: Duration::from_secs(660),
            idle_stranger: Duration::from_secs(30),
            write_queue_max: 1 << 20,
            memory_max: 128 << 20,
            connect: Duration::from_secs(5),
            connecting_max: 1_000,
            outgoing_max: 5_000,
            message: FramerLimits::default(),
        }
    }
}

/// What the streams have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// Open now, with those that are being opened or closed.
    pub open: u64,
    /// Octets that they hold now, half read and waiting to be sent.
    pub held: u64,
    /// Opened to us.
    pub accepted: u64,
    /// Opened by us.
    pub connected: u64,
    /// Opened to us and closed at once: one of the limits of [`StreamLimits`] was reached, or too many at once were opened with TLS or as
    /// WebSockets. What the guard refuses of TCP is among its own counters.
    pub refused: u64,
    /// The system had no descriptor or memory to accept with; accepting paused (FT-11).
    pub accept_failures: u64,
    /// TLS handshakes that came to nothing: refused, too slow, or given up for others.
    pub handshakes_failed: u64,
    /// Could not be opened by us: refused, no answer in time, no descriptor, at a limit, a certificate that does not prove the name, or there is
    /// no way there ([`crate::NotOpened`]).
    pub connect_failures: u64,
    /// Closed by the peer.
    pub closed_by_peer: u64,
    /// Closed for an error of the network, or because the flow is to prove another name ([`crate::SignallingSockets::secure`]).
    pub closed_lost: u64,
    /// Closed after [`StreamLimits::idle`] or [`StreamLimits::idle_stranger`].
    pub closed_idle: u64,
    /// Closed because a message, or the first one, took too long (B-37).
    pub closed_slow: u64,
    /// Closed because nobody can tell where the next message begins (B-34, B-36).
    pub closed_broken: u64,
    /// Closed because the peer does not read what we send.
    pub closed_stalled: u64,
    /// Closed because all streams together held too much ([`StreamLimits::memory_max`]) and this one much of it, or because there were nearly
    /// too many, in all or of its source ([`StreamLimits::connections_max`], [`StreamLimits::per_source_max`]), and this one was a stranger's.
    pub closed_crowded: u64,
    /// Closed because the source was banned, or what came by it is to get no answer.
    pub closed_unheard: u64,
    /// Ends that were not told, because too many waited to be: who waits for such a stream finds out by its timers.
    pub closed_untold: u64,
    /// Messages read, with those that the guard has wait.
    pub received: u64,
    /// Messages given to the kernel or to the queue of their stream.
    pub sent: u64,
    /// Messages that had no stream to go by.
    pub send_failed: u64,
    /// Keep-alives (RFC 5626, 4.4.1). Those that come while the answer to another still waits to be sent are answered with that one.
    pub pings: u64,
}
