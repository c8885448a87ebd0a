//! ITU-T G.711 in the fixed-point form of ITU-T G.191 (the ITU software tool library), as tables that the compiler computes.
//!
//! Samples are 16 bits, left-justified: the 14 bits of µ-law and the 13 bits of A-law are the upper ones.

/// A table with an entry for each octet, computed by the compiler.
macro_rules! table {
    (|$octet:ident| $entry:expr) => {{
        let mut table = [0; 256];
        let mut rest: &mut [_] = &mut table;
        let mut $octet: u8 = 0;
        while let Some((entry, further)) = rest.split_first_mut() {
            *entry = $entry;
            rest = further;
            $octet = $octet.wrapping_add(1);
        }
        table
    }};
}

/// From each µ-law octet to the A-law octet that its level is coded as.
pub static ULAW_TO_ALAW: [u8; 256] = table!(|octet| linear_to_alaw(expand_ulaw(octet)));

/// From each A-law octet to the µ-law octet that its level is coded as.
pub static ALAW_TO_ULAW: [u8; 256] = table!(|octet| linear_to_ulaw(expand_alaw(octet)));

/// The 16-bit sample of each µ-law octet.
pub(super) static ULAW_TO_LINEAR: [i16; 256] = table!(|octet| expand_ulaw(octet));

/// The 16-bit sample of each A-law octet.
pub(super) static ALAW_TO_LINEAR: [i16; 256] = table!(|octet| expand_alaw(octet));

/// A µ-law octet as a 16-bit sample, -32,124 to 32,124.
#[must_use]
pub fn ulaw_to_linear(octet: u8) -> i16 {
    look_up(&ULAW_TO_LINEAR, octet)
}

/// An A-law octet as a 16-bit sample, -32,256 to 32,256.
#[must_use]
pub fn alaw_to_linear(octet: u8) -> i16 {
    look_up(&ALAW_TO_LINEAR, octet)
}

/// A 16-bit sample as a µ-law octet.
#[must_use]
pub const fn linear_to_ulaw(sample: i16) -> u8 {
    // The magnitude is the one's complement of a negative sample, as in G.191: so -1 and 0 lie in one step on either side of zero.
    let magnitude = ((if sample < 0 { !sample } else { sample } >> 2) as u16) + 33;
    let magnitude = if magnitude > 0x1FFF { 0x1FFF } else { magnitude };
    // The biased magnitude has 6 to 13 significant bits: that is the segment.
    let segment = 10 - magnitude.leading_zeros() as u16;
    let step = (magnitude >> (segment + 1)) & 0x0F;
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    sign | (!((segment << 4) | step) & 0x7F) as u8
}

/// A 16-bit sample as an A-law octet.
#[must_use]
pub const fn linear_to_alaw(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample } >> 4) as u16;
    let code = if magnitude < 16 {
        magnitude
    } else {
        // 5 to 11 significant bits: segments 1 to 7, the leading bit is not sent.
        let segment = 12 - magnitude.leading_zeros() as u16;
        (segment << 4) | ((magnitude >> (segment - 1)) & 0x0F)
    };
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    // Even bits are inverted on the line (G.711, table 1a).
    (sign | code as u8) ^ 0x55
}

/// The entry of an octet: every octet has one.
#[inline]
pub(crate) fn look_up<T: Copy>(table: &[T; 256], octet: u8) -> T {
    // The compiler sees that an octet is always inside and drops the check.
    *table.get(usize::from(octet)).expect("a table of 256 has an entry for every octet")
}

const fn expand_ulaw(octet: u8) -> i16 {
    let code = !octet;
    let segment = (code >> 4) & 0x07;
    let step = (code & 0x0F) as i16;
    let magnitude = (((step << 1) + 33) << (segment + 2)) - 132;
    if octet < 0x80 { -magnitude } else { magnitude }
}

const fn expand_alaw(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let segment = (code >> 4) & 0x07;
    let step = (code & 0x0F) as i16;
    let magnitude = if segment == 0 { (step << 4) + 8 } else { ((step << 4) + 0x108) << (segment - 1) };
    if code < 0x80 { -magnitude } else { magnitude }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// `ulaw_compress` of G.191, word for word.
    fn reference_ulaw(sample: i16) -> u8 {
        let sample = i32::from(sample);
        let absno = if sample < 0 { ((!sample) >> 2) + 33 } else { (sample >> 2) + 33 };
        let absno = absno.min(0x1FFF);
        let mut i = absno >> 6;
        let mut segno = 1;
        while i != 0 {
            segno += 1;
            i >>= 1;
        }
        let high_nibble = 0x0008 - segno;
        let low_nibble = 0x000F - ((absno >> segno) & 0x000F);
        let mut log = (high_nibble << 4) | low_nibble;
        if sample >= 0 {
            log |= 0x0080;
        }
        log as u8
    }

    /// `alaw_compress` of G.191, word for word.
    fn reference_alaw(sample: i16) -> u8 {
        let sample = i32::from(sample);
        let mut ix = if sample < 0 { (!sample) >> 4 } else { sample >> 4 };
        if ix > 15 {
            let mut iexp = 1;
            while ix > 16 + 15 {
                ix >>= 1;
                iexp += 1;
            }
            ix -= 16;
            ix += iexp << 4;
        }
        if sample >= 0 {
            ix |= 0x0080;
        }
        (ix ^ 0x0055) as u8
    }

    /// `ulaw_expand` of G.191.
    fn reference_from_ulaw(octet: u8) -> i16 {
        let log = i32::from(octet);
        let sign = if log < 0x0080 { -1 } else { 1 };
        let mantissa = !log;
        let exponent = (mantissa >> 4) & 0x0007;
        let segment = exponent + 1;
        let mantissa = mantissa & 0x000F;
        let step = 4 << segment;
        i16::try_from(sign * ((0x0080 << exponent) + step * mantissa + step / 2 - 4 * 33)).unwrap()
    }

    /// `alaw_expand` of G.191.
    fn reference_from_alaw(octet: u8) -> i16 {
        let ix = (i32::from(octet) ^ 0x0055) & 0x007F;
        let iexp = ix >> 4;
        let mut mant = ix & 0x000F;
        if iexp > 0 {
            mant += 16;
        }
        mant = (mant << 4) + 0x0008;
        if iexp > 1 {
            mant <<= iexp - 1;
        }
        i16::try_from(if octet > 127 { mant } else { -mant }).unwrap()
    }

    #[test]
    fn every_sample_is_compressed_as_in_g191() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(linear_to_ulaw(sample), reference_ulaw(sample), "u-law of {sample}");
            assert_eq!(linear_to_alaw(sample), reference_alaw(sample), "A-law of {sample}");
        }
    }

    #[test]
    fn every_octet_is_expanded_as_in_g191() {
        for octet in 0..=u8::MAX {
            assert_eq!(ulaw_to_linear(octet), reference_from_ulaw(octet), "u-law {octet:#x}");
            assert_eq!(alaw_to_linear(octet), reference_from_alaw(octet), "A-law {octet:#x}");
        }
    }

    #[test]
    fn conversion_between_the_laws_keeps_the_level() {
        for octet in 0..=u8::MAX {
            let ulaw = (ulaw_to_linear(octet), alaw_to_linear(look_up(&ULAW_TO_ALAW, octet)));
            let alaw = (alaw_to_linear(octet), ulaw_to_linear(look_up(&ALAW_TO_ULAW, octet)));
            for (from, to) in [ulaw, alaw] {
                // Half a step: a step is at most a sixteenth of the level, and 16 near zero.
                let error = (i32::from(from) - i32::from(to)).abs();
                assert!(error <= i32::from(from).abs() / 32 + 8, "{octet:#x}: {from} became {to}");
            }
        }
        // A-law has fewer levels near zero; there and back again must not walk away.
        for octet in 0..=u8::MAX {
            let once = look_up(&ALAW_TO_ULAW, look_up(&ULAW_TO_ALAW, octet));
            let twice = look_up(&ALAW_TO_ULAW, look_up(&ULAW_TO_ALAW, once));
            assert_eq!(once, twice, "u-law {octet:#x} drifts");
        }
    }
}
