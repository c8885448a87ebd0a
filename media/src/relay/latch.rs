//! Whose packets a leg takes, and where ours to it go (B-58, B-59, R28).
//!
//! Before the source is learnt we send to the signalled address and to nobody else; after that, to the learnt one. Only a new description makes a leg
//! learn again.

use std::net::{IpAddr, SocketAddr};

use super::command::Latch;

#[derive(Debug)]
pub(super) struct Source {
    latch: Latch,
    /// Where the description wants RTP.
    signalled: Option<SocketAddr>,
    /// Where the description wants RTCP.
    signalled_rtcp: Option<SocketAddr>,
    /// The learnt source of RTP.
    learnt: Option<SocketAddr>,
    /// The learnt source of RTCP.
    learnt_rtcp: Option<SocketAddr>,
    /// Where RTP goes.
    to: Option<SocketAddr>,
    /// Packets of a learnt source that is not the signalled address itself.
    elsewhere: u16,
    /// Whether RTP's socket was connected to the learnt source.
    connected: bool,
}

/// A phone that sends from another port than the one that it named is answered there after so many packets, 1 s of audio, in which
/// the named port has stayed silent. The named port wins whenever it speaks (B-59).
const ELSEWHERE_MIN: u16 = 50;

impl Source {
    pub(super) fn new(latch: Latch, signalled: Option<SocketAddr>, signalled_rtcp: Option<SocketAddr>) -> Self {
        Self { latch, signalled, signalled_rtcp, learnt: None, learnt_rtcp: None, to: signalled, elsewhere: 0, connected: false }
    }

    /// A new description came. If it names the same address, we go on sending to the source learnt before until the new one is known: behind a NAT
    /// the signalled address is often no use.
    pub(super) fn again(&self, latch: Latch, signalled: Option<SocketAddr>, signalled_rtcp: Option<SocketAddr>) -> Self {
        let mut source = Self::new(latch, signalled, signalled_rtcp);
        if signalled.is_some() && signalled == self.signalled {
            source.to = self.to;
        }
        source
    }

    /// Whether a socket is connected to what was learnt.
    pub(super) fn is_connected(&self) -> bool {
        self.connected || self.learnt_rtcp.is_some()
    }

    /// Whether RTP from `from` may be taken.
    #[inline]
    pub(super) fn admits(&self, from: SocketAddr) -> bool {
        match (self.learnt, self.latch) {
            (Some(learnt), Latch::Signalled) => learnt == from || self.is_signalled(from),
            (Some(learnt), _) => learnt == from,
            (None, Latch::Signalled | Latch::SameHost) => self.signalled.is_some_and(|signalled| same_host(signalled.ip(), from.ip())),
            (None, Latch::First) => true,
        }
    }

    /// Valid RTP of an agreed payload type came from `from`, which was admitted: true if its source is certain now, so that the socket may be
    /// connected to it.
    #[inline]
    pub(super) fn learn(&mut self, from: SocketAddr) -> bool {
        if self.connected {
            return false;
        }
        if self.latch == Latch::Signalled && !self.is_signalled(from) {
            // Taken for want of better, but whoever is first on the phone's host is not yet the phone.
            self.learnt = Some(from);
            self.elsewhere = self.elsewhere.saturating_add(1);
            if self.elsewhere >= ELSEWHERE_MIN {
                self.to = Some(from);
            }
            return false;
        }
        self.learnt = Some(from);
        self.to = Some(from);
        self.connected = true;
        true
    }

    fn is_signalled(&self, from: SocketAddr) -> bool {
        self.signalled.is_some_and(|signalled| signalled.port() == from.port() && same_host(signalled.ip(), from.ip()))
    }

    /// Whether RTCP from `from` may be taken: it must come from the host of the RTP.
    pub(super) fn admits_rtcp(&self, from: SocketAddr) -> bool {
        if let Some(learnt) = self.learnt_rtcp {
            return learnt == from;
        }
        let host = match (self.learnt, self.latch) {
            (Some(learnt), _) => Some(learnt.ip()),
            (None, Latch::Signalled | Latch::SameHost) => self.signalled.map(|signalled| signalled.ip()),
            (None, Latch::First) => None,
        };
        host.is_some_and(|host| same_host(host, from.ip()))
    }

    /// Valid RTCP came from `from`, which was admitted: true if that is how its source was learnt.
    pub(super) fn learn_rtcp(&mut self, from: SocketAddr) -> bool {
        if self.learnt_rtcp.is_some() {
            return false;
        }
        self.learnt_rtcp = Some(from);
        true
    }

    /// Where RTP goes.
    #[inline]
    pub(super) fn to(&self) -> Option<SocketAddr> {
        self.to
    }

    /// Where RTCP goes: to where it comes from; else as signalled, if RTP goes as signalled; else to the port above that of RTP.
    pub(super) fn to_rtcp(&self) -> Option<SocketAddr> {
        if self.learnt_rtcp.is_some() {
            return self.learnt_rtcp;
        }
        let to = self.to?;
        if Some(to) == self.signalled && self.signalled_rtcp.is_some() {
            return self.signalled_rtcp;
        }
        Some(SocketAddr::new(to.ip(), to.port().checked_add(1)?))
    }
}

/// Whether two addresses are one host, also if one is written as IPv4 in IPv6.
fn same_host(one: IpAddr, other: IpAddr) -> bool {
    one.to_canonical() == other.to_canonical()
}
