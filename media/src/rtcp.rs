//! RTCP (RFC 3550, 6): what we report of a leg, and what its phone reports of us. It ends here and is never passed on (R26).

use std::time::Duration;

use crate::relay::PacketBuf;

/// The seconds of NTP time at which our own clock begins. A sender that does not know the time of day may use any clock (RFC 3550, 6.4.1).
const NTP_BEGIN_S: u64 = 0x8000_0000;
/// The length of a canonical name, in octets.
pub(crate) const CNAME_LENGTH: usize = 24;
/// The most report blocks of a packet that are looked at: the header's five bits.
const BLOCKS_MAX: usize = 31;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;

/// One source as its receiver sees it (RFC 3550, 6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ReportBlock {
    /// The source that is reported on.
    pub(crate) ssrc: u32,
    /// The share lost since the last report, in 256ths.
    pub(crate) fraction_lost: u8,
    /// Packets lost since the beginning; 24 bits go on the wire, and negative counts are read as 0.
    pub(crate) lost: u32,
    /// The greatest sequence number, its wraps above.
    pub(crate) highest: u32,
    /// The interarrival jitter, in samples.
    pub(crate) jitter: u32,
    /// The middle 32 bits of the NTP time of the source's last sender report; 0 if there was none.
    pub(crate) last_sr: u32,
    /// How long ago that came, in 1/65,536 s.
    pub(crate) since_last_sr: u32,
}

/// What we have sent (RFC 3550, 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    /// Since our clock began.
    pub(crate) elapsed: Duration,
    /// The RTP timestamp of this moment.
    pub(crate) timestamp: u32,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

/// What a compound packet says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Feedback {
    /// The sender report's source and the middle of its NTP time.
    pub(crate) sender: Option<(u32, u32)>,
    /// The report on our own stream.
    pub(crate) block: Option<ReportBlock>,
}

/// The middle 32 bits of an NTP duration: 1/65,536 s.
pub(crate) fn short_ntp(duration: Duration) -> u32 {
    (ntp(duration) >> 16) as u32
}

/// The middle 32 bits of our NTP time.
pub(crate) fn short_ntp_time(elapsed: Duration) -> u32 {
    (ntp_time(elapsed) >> 16) as u32
}

/// A compound packet: sender report (or receiver report, if nothing was sent), canonical name, and BYE if it is the last.
pub(crate) fn write(ssrc: u32, sender: Option<SenderInfo>, block: Option<ReportBlock>, cname: &[u8; CNAME_LENGTH], bye: bool) -> PacketBuf {
    let mut packet = PacketBuf::new();
    let mut words: Vec<u32> = Vec::with_capacity(20);
    let kind = if let Some(sender) = sender {
        let ntp = ntp_time(sender.elapsed);
        // The counts are modulo 2^32.
        words.extend([(ntp >> 32) as u32, ntp as u32, sender.timestamp, sender.packets as u32, sender.octets as u32]);
        SENDER_REPORT
    } else {
        RECEIVER_REPORT
    };
    if let Some(block) = block {
        let lost = block.lost.min(0x7F_FFFF) | u32::from(block.fraction_lost) << 24;
        words.extend([block.ssrc, lost, block.highest, block.jitter, block.last_sr, block.since_last_sr]);
    }
    push(&mut packet, kind, u8::from(block.is_some()), ssrc, &words);

    // SDES with one chunk: CNAME and at least one zero octet, to a word's end (RFC 3550, 6.5).
    let mut item = [0; CNAME_LENGTH + 4];
    if let Some((head, rest)) = item.split_first_chunk_mut::<2>() {
        *head = [1, CNAME_LENGTH as u8];
        for (octet, letter) in rest.iter_mut().zip(cname) {
            *octet = *letter;
        }
    }
    let words: Vec<u32> = item.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
    push(&mut packet, SOURCE_DESCRIPTION, 1, ssrc, &words);

    if bye {
        push(&mut packet, BYE, 1, ssrc, &[]);
    }
    packet
}

/// Reads a compound packet; `own` is our source identifier. None for what is no RTCP (RFC 3550, A.2): then nothing of it is believed.
pub(crate) fn read(mut compound: &[u8], own: u32) -> Option<Feedback> {
    let mut feedback = Feedback::default();
    if compound.is_empty() {
        return None;
    }
    while !compound.is_empty() {
        let [flags, kind, high, low] = *compound.first_chunk::<4>()?;
        if flags >> 6 != 2 || !(192..=223).contains(&kind) {
            return None;
        }
        let length = 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        let (packet, rest) = compound.split_at_checked(length)?;
        let words = packet.as_chunks::<4>().0;
        let word = |at: usize| words.get(at).map(|word| u32::from_be_bytes(*word));
        let blocks = usize::from(flags & 0x1F).min(BLOCKS_MAX);
        match kind {
            SENDER_REPORT => {
                feedback.sender = Some((word(1)?, (word(2)? << 16) | (word(3)? >> 16)));
                feedback.block = feedback.block.or(block(&word, 7, blocks, own)?);
            }
            RECEIVER_REPORT => feedback.block = feedback.block.or(block(&word, 2, blocks, own)?),
            _ => {}
        }
        compound = rest;
    }
    Some(feedback)
}

/// The block on `own` among `blocks` of six words that begin at word `first`; the outer none if they are not all there.
#[expect(clippy::option_option, reason = "the outer one is the packet's, the inner one the block's")]
fn block(word: &impl Fn(usize) -> Option<u32>, first: usize, blocks: usize, own: u32) -> Option<Option<ReportBlock>> {
    let mut found = None;
    for index in 0..blocks {
        let at = first + index * 6;
        let (ssrc, lost, highest) = (word(at)?, word(at + 1)?, word(at + 2)?);
        let (jitter, last_sr, since_last_sr) = (word(at + 3)?, word(at + 4)?, word(at + 5)?);
        if ssrc == own {
            let fraction_lost = (lost >> 24) as u8;
            let lost = lost & 0xFF_FFFF;
            let lost = if lost & 0x80_0000 == 0 { lost } else { 0 };
            found = Some(ReportBlock { ssrc, fraction_lost, lost, highest, jitter, last_sr, since_last_sr });
        }
    }
    Some(found)
}

fn push(packet: &mut PacketBuf, kind: u8, count: u8, ssrc: u32, words: &[u32]) {
    let [high, low] = u16::try_from(words.len() + 1).unwrap_or_default().to_be_bytes();
    let mut complete = packet.push(&[0x80 | count, kind, high, low]) && packet.push(&ssrc.to_be_bytes());
    for word in words {
        complete &= packet.push(&word.to_be_bytes());
    }
    debug_assert!(complete, "the longest compound is 108 octets");
}

/// A duration as 32.32 bits of seconds.
fn ntp(duration: Duration) -> u64 {
    (duration.as_secs() << 32) | ((u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000)
}

fn ntp_time(elapsed: Duration) -> u64 {
    (NTP_BEGIN_S << 32).wrapping_add(ntp(elapsed))
}
