//! RTP headers (RFC 3550, 5.1), read and written in place: no copy, no allocation.

use std::ops::Range;

/// The length of a header without CSRCs and extension, in octets.
pub const HEADER_LENGTH: usize = 12;

/// The payload type of comfort noise (RFC 3389).
pub const COMFORT_NOISE: u8 = 13;

/// What a valid packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The marker bit: the first packet of a talk spurt or of an event.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp, in samples.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// Where the payload lies in the packet, without padding.
    pub payload: Range<usize>,
}

impl Header {
    /// Reads a packet's header; none for what is no RTP: another version, a length that does not hold what it claims, or the payload types 64 to 95,
    /// under which RTCP appears on an RTP port (RFC 5761, 4).
    #[must_use]
    pub fn read(packet: &[u8]) -> Option<Self> {
        let (fixed, rest) = packet.split_first_chunk::<HEADER_LENGTH>()?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = *fixed;
        let payload_type = kind & 0x7F;
        if flags >> 6 != 2 || (64..96).contains(&payload_type) {
            return None;
        }
        let mut start = HEADER_LENGTH + usize::from(flags & 0x0F) * 4;
        if flags & 0x10 != 0 {
            let [_, _, high, low] = *rest.get(start - HEADER_LENGTH..)?.first_chunk::<4>()?;
            start += 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        }
        let mut end = packet.len();
        if flags & 0x20 != 0 {
            // The last octet counts the padding and itself.
            let padding = usize::from(*packet.last()?);
            if padding == 0 {
                return None;
            }
            end = end.checked_sub(padding)?;
        }
        (start <= end).then_some(Self {
            marker: kind & 0x80 != 0,
            payload_type,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            payload: start..end,
        })
    }
}

/// What we stamp on a packet that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp, in samples.
    pub timestamp: u32,
    /// Our synchronisation source.
    pub ssrc: u32,
}

impl Stamp {
    /// The header: version 2, no padding, extension or CSRC.
    #[must_use]
    pub fn header(&self) -> [u8; HEADER_LENGTH] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [i0, i1, i2, i3] = self.ssrc.to_be_bytes();
        let kind = (self.payload_type & 0x7F) | if self.marker { 0x80 } else { 0 };
        [0x80, kind, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3]
    }

    /// Puts this header in front of the payload that lies at `payload` in `packet`: CSRCs, extension and padding are dropped. Tells the new length;
    /// none if there is no such payload.
    #[must_use]
    pub fn write(&self, packet: &mut [u8], payload: &Range<usize>) -> Option<usize> {
        if payload.start < HEADER_LENGTH || payload.end < payload.start || payload.end > packet.len() {
            return None;
        }
        if payload.start != HEADER_LENGTH {
            packet.copy_within(payload.clone(), HEADER_LENGTH);
        }
        *packet.first_chunk_mut::<HEADER_LENGTH>()? = self.header();
        Some(HEADER_LENGTH + payload.len())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap()).collect()
    }

    #[test]
    fn headers_are_read_by_their_lengths() {
        let fixed = "00 0001 000000A0 DEADBEEF";
        for (what, packet, payload) in [
            ("no payload", format!("80 {fixed}"), Some(12..12)),
            ("payload", format!("80 {fixed} D5D5"), Some(12..14)),
            ("two CSRCs", format!("82 {fixed} 0102030405060708 D5"), Some(20..21)),
            ("CSRCs cut", format!("82 {fixed} 01020304050607"), None),
            ("extension of one word", format!("90 {fixed} BEDE0001 10FF0000 D5"), Some(20..21)),
            ("empty extension", format!("90 {fixed} BEDE0000 D5"), Some(16..17)),
            ("extension longer than the packet", format!("90 {fixed} BEDE0004 10FF0000"), None),
            ("extension of 65,535 words", format!("90 {fixed} BEDEFFFF 10FF0000"), None),
            ("extension header cut", format!("90 {fixed} BEDE00"), None),
            ("padding", format!("A0 {fixed} D5D50002"), Some(12..14)),
            ("all padding", format!("A0 {fixed} 00000003"), Some(12..13)),
            ("padding of zero", format!("A0 {fixed} D5D50000"), None),
            ("padding longer than the packet", format!("A0 {fixed} D5D500FF"), None),
            ("padding into the header", format!("A0 {fixed} D5D50005"), None),
            ("version 1", format!("40 {fixed} D5"), None),
            ("version 3", format!("C0 {fixed} D5"), None),
            ("STUN", "0001 0000 2112A442 000000000000000000000000".to_owned(), None),
            ("RTCP on the RTP port", "80C8 0001 000000A0 DEADBEEF 00".to_owned(), None),
            ("short", "8000 0001 000000A0 DEADBE".to_owned(), None),
            ("nothing", String::new(), None),
        ] {
            assert_eq!(Header::read(&hex(&packet)).map(|header| header.payload), payload, "{what}");
        }
    }

    #[test]
    fn a_stamp_is_read_back() {
        let stamp = Stamp { marker: true, payload_type: 101, sequence: 0xFFFE, timestamp: 0x8000_0001, ssrc: 7 };
        let mut packet = hex("B1 00 0001 000000A0 DEADBEEF 01020304 BEDE0001 10FF0000 CAFE 0002");
        let payload = Header::read(&packet).unwrap().payload;
        let length = stamp.write(&mut packet, &payload).unwrap();
        let header = Header::read(&packet[..length]).unwrap();
        assert_eq!(
            (header.marker, header.payload_type, header.sequence, header.timestamp, header.ssrc),
            (true, 101, 0xFFFE, 0x8000_0001, 7)
        );
        assert_eq!(&packet[header.payload], hex("CAFE"));
        assert_eq!(stamp.write(&mut packet, &(4..40)), None, "a payload that is not there");
    }
}
