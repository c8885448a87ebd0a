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
}

impl Source {
    pub(super) fn new(latch: Latch, signalled: Option<SocketAddr>, signalled_rtcp: Option<SocketAddr>) -> Self {
        Self { latch, signalled, signalled_rtcp, learnt: None, learnt_rtcp: None, to: signalled }
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

    /// Whether anything was learnt, so that a socket is connected.
    pub(super) fn is_connected(&self) -> bool {
        self.learnt.is_some() || self.learnt_rtcp.is_some()
    }

    /// Whether RTP from `from` may be taken.
    #[inline]
    pub(super) fn admits(&self, from: SocketAddr) -> bool {
        match (self.learnt, self.latch) {
            (Some(learnt), _) => learnt == from,
            (None, Latch::Signalled) => self.signalled.is_some_and(|signalled| same_host(signalled.ip(), from.ip())),
            (None, Latch::First) => true,
        }
    }

    /// Valid RTP of an agreed payload type came from `from`, which was admitted: true if that is how the source was learnt.
    #[inline]
    pub(super) fn learn(&mut self, from: SocketAddr) -> bool {
        if self.learnt.is_some() {
            return false;
        }
        self.learnt = Some(from);
        self.to = Some(from);
        true
    }

    /// Whether RTCP from `from` may be taken: it must come from the host of the RTP.
    pub(super) fn admits_rtcp(&self, from: SocketAddr) -> bool {
        if let Some(learnt) = self.learnt_rtcp {
            return learnt == from;
        }
        let host = match (self.learnt, self.latch) {
            (Some(learnt), _) => Some(learnt.ip()),
            (None, Latch::Signalled) => self.signalled.map(|signalled| signalled.ip()),
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
