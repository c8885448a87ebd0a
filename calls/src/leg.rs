//! One party's leg: its signalling session and its media, joined.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use media::{Hears, Latch, LegId, LocalMedia, OfferedMedia, Remote, SdpError};
use model::{Cause, SlotId};
use sip_core::SessionId;

use crate::ports::MediaPort;

/// The parties of a call: who began it, and whom it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    /// Who began it: the phone that dialled, the operator's phone, or a carrier that brings a call.
    Near,
    /// The far party.
    Far,
    /// One of those that ring together, by its place; whoever answers is the far party.
    Rung(u8),
    /// Who hands the call to somebody else, until that one has answered.
    Referrer,
}

/// A leg. Its media speaks for itself (R26): what the other leg negotiates does not concern this phone.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) session: SessionId,
    /// Whose phone it is; none of a carrier.
    pub(crate) slot: Option<SlotId>,
    /// The number by which this party is shown to whoever else is called in this call.
    pub(crate) shown: String,
    pub(crate) audio: Audio,
}

/// The media half of a leg.
#[derive(Debug)]
pub(crate) struct Audio {
    pub(crate) id: LegId,
    pub(crate) port: MediaPort,
    local: LocalMedia,
    /// What the phone offered, while it is ours to answer.
    offered: Option<OfferedMedia>,
    remote: Option<Remote>,
    /// What the media worker was told last.
    told: Option<Remote>,
    /// Where the phone's signalling comes from, if that is not where the phone believes to be: it is then behind NAT.
    nat: Option<SocketAddr>,
}

impl Audio {
    /// Takes `port`, and `address` for our SDP.
    pub(crate) fn new(id: LegId, port: MediaPort, address: IpAddr, session_id: u64, nat: Option<SocketAddr>) -> Self {
        let local = LocalMedia { address, rtp_port: port.port, session_id, version: 1 };
        Self { id, port, local, offered: None, remote: None, told: None, nat }
    }

    /// The phone's signalling now comes from `source`. If it is behind NAT, its audio will come from there too, from whichever port.
    pub(crate) fn moved(&mut self, source: SocketAddr) {
        if self.nat.is_some_and(|before| before != source) {
            self.nat = Some(source);
            self.told = None;
        }
    }

    /// Our own offer of `codecs`, preferred first.
    pub(crate) fn offer(&self, codecs: &[media::Codec]) -> Vec<u8> {
        media::offer(&self.local, codecs)
    }

    /// A further offer of ours in the same session: the version grows, and every m-line keeps its place (RFC 3264, 8).
    pub(crate) fn offer_again(&mut self) -> Vec<u8> {
        self.local.version += 1;
        let codecs = match self.codec() {
            Some(codec) => vec![codec],
            None => CODECS.to_vec(),
        };
        match &self.offered {
            Some(offered) => offered.offer_again(&self.local, &codecs),
            None => media::offer(&self.local, &codecs),
        }
    }

    /// Keeps what the phone offered, until it is answered.
    pub(crate) fn offered(&mut self, offer: OfferedMedia) {
        self.offered = Some(offer);
    }

    /// The codecs that an offer to the other party should name, in this phone's order.
    pub(crate) fn codecs(&self) -> Vec<media::Codec> {
        let mut codecs = self.offered.as_ref().map(OfferedMedia::codecs).unwrap_or_default();
        for codec in CODECS {
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        codecs
    }

    /// Our answer to what the phone offered, with `prefer` if it is among it; and what then holds for the phone.
    /// Once answered, the same offer is answered in the same words. None without an offer.
    pub(crate) fn answer(&mut self, prefer: Option<media::Codec>) -> Option<Vec<u8>> {
        let offered = self.offered.as_ref()?;
        let prefer = self.codec().or(prefer);
        let answer = offered.answer(&self.local, prefer);
        self.remote = Some(self.through_nat(offered.remote(prefer)));
        Some(answer)
    }

    /// Our answer to a new offer in a running session.
    ///
    /// # Errors
    /// The offer is broken or has no codec of ours; the session goes on as it was (RFC 3261, 14.2).
    pub(crate) fn answer_again(&mut self, sdp: &[u8]) -> Result<Vec<u8>, Cause> {
        let offered = media::read_offer(sdp).map_err(cause)?;
        let prefer = self.codec();
        self.local.version += 1;
        let answer = offered.answer(&self.local, prefer);
        self.remote = Some(self.through_nat(offered.remote(prefer)));
        self.offered = Some(offered);
        Ok(answer)
    }

    /// The phone's answer to our offer.
    ///
    /// # Errors
    /// The answer is missing, broken, or took no codec of ours.
    pub(crate) fn answered(&mut self, sdp: Option<&Bytes>) -> Result<(), Cause> {
        let sdp = sdp.ok_or(Cause::BadSdp)?;
        let remote = media::read_answer(sdp).map_err(cause)?;
        self.remote = Some(self.through_nat(remote));
        Ok(())
    }

    /// Whether anything was negotiated with the phone.
    pub(crate) fn is_negotiated(&self) -> bool {
        self.remote.is_some()
    }

    /// What holds for the phone, if it is not what was told last: a worker that is told again learns the phone's source anew.
    pub(crate) fn news(&mut self) -> Option<Remote> {
        if self.told == self.remote {
            return None;
        }
        self.told = self.remote;
        self.remote
    }

    /// Whose packets the relay may take for this phone's (B-58).
    pub(crate) fn latch(&self) -> Latch {
        if self.nat.is_some() { Latch::SameHost } else { Latch::Signalled }
    }

    /// The codec that the phone and we have agreed on.
    pub(crate) fn codec(&self) -> Option<media::Codec> {
        self.remote.as_ref().map(|remote| remote.payloads.codec)
    }

    /// Whether the phone wants to hear anything: not while it holds.
    pub(crate) fn receives(&self) -> bool {
        self.remote.as_ref().is_none_or(|remote| remote.receives)
    }

    /// Whether the phone says anything: not while it is inactive or only listens.
    pub(crate) fn sends(&self) -> bool {
        self.remote.as_ref().is_none_or(|remote| remote.sends)
    }

    /// A phone behind NAT writes an address into its SDP that leads nowhere from here.
    /// Its media then comes from where its signalling comes from; the port is learned from the first packet.
    fn through_nat(&self, mut remote: Remote) -> Remote {
        if let (Some(source), Some(rtp)) = (self.nat, remote.rtp.as_mut())
            && is_private(rtp.ip())
        {
            rtp.set_ip(source.ip());
            if let Some(rtcp) = remote.rtcp.as_mut() {
                rtcp.set_ip(source.ip());
            }
        }
        remote
    }

    /// What this leg hears of `other`: nothing while it holds, or while the other has nothing to say.
    pub(crate) fn hears(&self, other: &Self) -> Hears {
        if self.receives() && other.sends() { Hears::Leg(other.id) } else { Hears::Nothing }
    }
}

/// What we offer where nothing else decides, preferred first (R16): A-law first, as the networks here are.
pub(crate) const CODECS: [media::Codec; 2] = [media::Codec::Pcma, media::Codec::Pcmu];

/// The cause behind a session description that does not do.
pub(crate) fn cause(error: SdpError) -> Cause {
    match error {
        SdpError::NoCommonCodec => Cause::NoCommonCodec,
        SdpError::Broken(_) => Cause::BadSdp,
    }
}

/// Addresses that only mean something inside somebody's network (RFC 1918, 4193, 6598).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}
