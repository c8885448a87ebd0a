//! A session description: read as an offer or an answer it never breaks us, and our answer to an offer keeps to RFC 3264.

use media::{Codec, LocalMedia, offer, read_answer, read_offer};

/// Reads `data` as an offer and as an answer.
///
/// # Panics
/// When our own description does not fit what was offered.
pub fn run(data: &[u8]) {
    if let Ok(answer) = read_answer(data) {
        assert!(answer.rtp.is_some() || !answer.receives, "nowhere to send to, and yet it receives");
        assert!(answer.ptime_ms > 0 && answer.payloads.codec_pt < 128);
    }
    let Ok(offered) = read_offer(data) else { return };
    let codecs = offered.codecs();
    assert!(!codecs.is_empty(), "an offer that has nothing for us was taken");
    let local = LocalMedia { address: super::peer(9, 0).ip(), rtp_port: 20_000, session_id: 1, version: 1 };
    for prefer in codecs.iter().copied().map(Some).chain([None]) {
        let remote = offered.remote(prefer);
        assert!(prefer.is_none_or(|prefer| remote.payloads.codec == prefer), "{prefer:?} was on the table");
        assert!(remote.rtp.is_some() || !remote.receives);
        let answer = offered.answer(&local, prefer);
        mirrors(data, &answer);
        if let Ok(ours) = read_answer(&answer) {
            assert_eq!((ours.payloads.codec, ours.payloads.codec_pt), (remote.payloads.codec, remote.payloads.codec_pt));
        }
    }
    let again = offered.offer_again(&local, &[Codec::Pcma, Codec::Pcmu]);
    assert!(read_offer(&again).is_ok(), "our offer cannot be read: {}", again.escape_ascii());
    assert!(read_offer(&offer(&local, &codecs)).is_ok_and(|offered| offered.codecs() == codecs));
}

/// RFC 3264, 6: as many streams as were offered, at most one of them taken.
fn mirrors(offer: &[u8], answer: &[u8]) {
    let streams: Vec<&[u8]> = answer.split(|octet| *octet == b'\n').filter(|line| line.starts_with(b"m=")).collect();
    // Which lines of the offer are streams is the reader's business; more than it has `m=` there cannot be.
    let most = offer.windows(2).filter(|pair| pair.eq_ignore_ascii_case(b"m=")).count();
    assert!(!streams.is_empty() && streams.len() <= most, "{} streams for at most {most}: {}", streams.len(), answer.escape_ascii());
    let taken = streams.iter().filter(|line| line.split(|octet| *octet == b' ').nth(1).is_some_and(|port| port != b"0")).count();
    assert!(taken <= 1, "{taken} streams taken: {}", answer.escape_ascii());
}
