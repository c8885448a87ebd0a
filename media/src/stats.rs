//! What is counted of one leg.

/// The numbers of one leg, since it was opened. "In" is from the phone to us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LegStats {
    /// Valid RTP packets from the phone.
    pub packets_in: u64,
    /// Their payload octets.
    pub octets_in: u64,
    /// RTP packets to the phone.
    pub packets_out: u64,
    /// Their payload octets.
    pub octets_out: u64,
    /// Packets from the phone that never arrived (RFC 3550, A.3), over all its sources; duplicates count against it.
    pub lost: u64,
    /// Packets that came after a later one.
    pub late: u64,
    /// Interarrival jitter at the end (RFC 3550, 6.4.1), in milliseconds.
    pub jitter_ms: u32,
    /// The greatest interarrival jitter, in milliseconds.
    pub jitter_max_ms: u32,
    /// How often the phone changed its source identifier or jumped in sequence or time.
    pub restarts: u64,
    /// What was no RTP at all, nor of an agreed payload type (B-61).
    pub junk: u64,
    /// Packets from a wrong source, dropped (B-59).
    pub foreign: u64,
    /// Datagrams that came before the phone had said where its sound would come from: they go nowhere.
    pub early: u64,
    /// Digits that were not reported because no finger types so many a second.
    pub digits_dropped: u64,
    /// RTCP packets from the phone.
    pub rtcp_in: u64,
    /// RTCP packets to the phone.
    pub rtcp_out: u64,
    /// Packets of ours that never arrived, as the phone last reported.
    pub remote_lost: u64,
    /// The jitter that the phone last reported, in milliseconds.
    pub remote_jitter_ms: u32,
    /// The round-trip time by the phone's last report (RFC 3550, 6.4.1), in milliseconds; none if it never reported.
    pub rtt_ms: Option<u32>,
}
