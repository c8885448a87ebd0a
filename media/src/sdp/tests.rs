#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{fmt::Write as _, time::Duration};

use expect_test::{Expect, expect};
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

use super::*;
use crate::Codec;

fn local() -> LocalMedia {
    LocalMedia { address: "192.0.2.1".parse().unwrap(), rtp_port: 30_000, session_id: 4711, version: 1 }
}

/// A description as it stands in a test: one line each, indented.
fn wire(text: &str) -> Vec<u8> {
    text.trim().lines().map(|line| format!("{}\r\n", line.trim())).collect::<String>().into_bytes()
}

fn show_remote(remote: &Remote) -> String {
    let Remote { rtp, rtcp, payloads, sends, receives, ptime_ms } = remote;
    let place = |place: &Option<SocketAddr>| place.map_or("-".to_owned(), |place| place.to_string());
    let dtmf = payloads.dtmf_pt.map_or("-".to_owned(), |payload_type| payload_type.to_string());
    let direction = match (sends, receives) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    };
    format!("rtp {} rtcp {} {}={} dtmf={dtmf} {direction} {ptime_ms} ms", place(rtp), place(rtcp), payloads.codec.name(), payloads.codec_pt)
}

fn show_offer(sdp: &[u8], prefer: Option<Codec>) -> String {
    let offered = match read_offer(sdp) {
        Ok(offered) => offered,
        Err(error) => return format!("{error}\n"),
    };
    let codecs: Vec<_> = offered.codecs().into_iter().map(Codec::name).collect();
    let mut shown = format!("{} | {}\n", codecs.join(" "), show_remote(&offered.remote(prefer)));
    let answer = String::from_utf8(offered.answer(&local(), prefer)).unwrap();
    // The head is the same each time: only the media are shown.
    for line in answer.split("t=0 0\r\n").nth(1).unwrap().lines() {
        let _ = writeln!(shown, "{line}");
    }
    shown
}

fn check_offer(sdp: &str, expected: Expect) {
    expected.assert_eq(&show_offer(&wire(sdp), None));
}

fn check_answer(sdp: &str, expected: Expect) {
    let shown = match read_answer(&wire(sdp)) {
        Ok(remote) => show_remote(&remote),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn our_offer() {
    let text = |local: &LocalMedia, codecs: &[Codec]| String::from_utf8(offer(local, codecs)).unwrap().replace("\r\n", "\n");
    expect![[r#"
        v=0
        o=- 4711 1 IN IP4 192.0.2.1
        s=-
        c=IN IP4 192.0.2.1
        t=0 0
        m=audio 30000 RTP/AVP 8 0 101
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]]
    .assert_eq(&text(&local(), &Codec::ALL));
    let v6 = LocalMedia { address: "2001:db8::1".parse().unwrap(), ..local() };
    expect![[r#"
        v=0
        o=- 4711 1 IN IP6 2001:db8::1
        s=-
        c=IN IP6 2001:db8::1
        t=0 0
        m=audio 30000 RTP/AVP 0 101
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]]
    .assert_eq(&text(&v6, &[Codec::Pcmu]));
}

#[test]
fn our_own_offer_is_answered_and_read_back() {
    for codecs in [&[Codec::Pcmu][..], &[Codec::Pcma], &[Codec::Pcma, Codec::Pcmu], &[Codec::Pcmu, Codec::Pcma]] {
        for address in ["192.0.2.1", "2001:db8::1"] {
            let ours = LocalMedia { address: address.parse().unwrap(), ..local() };
            let offered = read_offer(&offer(&ours, codecs)).unwrap();
            assert_eq!(offered.codecs(), codecs);
            let remote = offered.remote(None);
            assert_eq!(remote.rtp, Some(SocketAddr::new(ours.address, 30_000)));
            assert_eq!(remote.payloads, Payloads { codec: codecs[0], codec_pt: codecs[0].payload_type(), dtmf_pt: Some(101) });
            let answered = read_answer(&offered.answer(&LocalMedia { rtp_port: 40_000, ..ours }, None)).unwrap();
            assert_eq!(answered.payloads, remote.payloads);
            assert_eq!(answered.rtp, Some(SocketAddr::new(ours.address, 40_000)));
            assert!(answered.sends && answered.receives);
        }
    }
}

#[test]
fn linphone_with_ice_opus_first_and_avpf() {
    check_offer(
        "v=0
         o=alice 3792 2281 IN IP4 192.168.1.20
         s=Talk
         c=IN IP4 192.168.1.20
         t=0 0
         a=ice-pwd:0c2ae5d0a8b2f2f3a5f6c1d2
         a=ice-ufrag:ab12cd34
         a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
         a=record:off
         m=audio 7078 RTP/AVPF 96 97 98 0 8 18 101 99 100
         a=rtpmap:96 opus/48000/2
         a=fmtp:96 useinbandfec=1
         a=rtpmap:97 speex/16000
         a=fmtp:97 vbr=on
         a=rtpmap:98 speex/8000
         a=fmtp:98 vbr=on
         a=fmtp:18 annexb=yes
         a=rtpmap:101 telephone-event/48000
         a=rtpmap:99 telephone-event/16000
         a=rtpmap:100 telephone-event/8000
         a=candidate:1 1 UDP 2130706303 192.168.1.20 7078 typ host
         a=candidate:1 2 UDP 2130706302 192.168.1.20 7079 typ host
         a=rtcp-fb:* trr-int 5000
         a=rtcp-fb:* ccm tmmbr",
        expect![[r#"
            PCMU PCMA | rtp 192.168.1.20:7078 rtcp - PCMU=0 dtmf=100 sendrecv 20 ms
            m=audio 30000 RTP/AVPF 0 100
            a=rtpmap:0 PCMU/8000
            a=rtpmap:100 telephone-event/8000
            a=fmtp:100 0-15
            a=ptime:20
            a=rtcp:30001
            a=sendrecv
        "#]],
    );
}

#[test]
fn baresip() {
    check_offer(
        "v=0
         o=- 3977218441 1093873523 IN IP4 10.0.0.5
         s=-
         c=IN IP4 10.0.0.5
         t=0 0
         a=tool:baresip 3.9.0
         m=audio 10234 RTP/AVP 8 0 101
         a=rtpmap:8 PCMA/8000
         a=rtpmap:0 PCMU/8000
         a=rtpmap:101 telephone-event/8000
         a=fmtp:101 0-15
         a=rtcp:10235
         a=sendrecv
         a=label:1
         a=rtcp-rsize
         a=ssrc:2713847316 cname:sip:alice@10.0.0.9
         a=ptime:20",
        expect![[r#"
            PCMA PCMU | rtp 10.0.0.5:10234 rtcp 10.0.0.5:10235 PCMA=8 dtmf=101 sendrecv 20 ms
            m=audio 30000 RTP/AVP 8 101
            a=rtpmap:8 PCMA/8000
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-15
            a=ptime:20
            a=rtcp:30001
            a=sendrecv
        "#]],
    );
}

#[test]
fn yealink_with_crypto_video_and_dtmf_at_its_own_number() {
    check_offer(
        "v=0
         o=- 20021 20021 IN IP4 192.168.0.77
         s=SDP data
         c=IN IP4 192.168.0.77
         t=0 0
         m=audio 11796 RTP/AVP 9 0 8 18 127
         a=rtpmap:9 G722/8000
         a=rtpmap:0 PCMU/8000
         a=rtpmap:8 PCMA/8000
         a=rtpmap:18 G729/8000
         a=fmtp:18 annexb=no
         a=rtpmap:127 telephone-event/8000
         a=fmtp:127 0-15
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj
         a=ptime:20
         a=sendrecv
         m=video 11798 RTP/AVP 99
         a=rtpmap:99 H264/90000
         a=fmtp:99 profile-level-id=42e01f",
        expect![[r#"
            PCMU PCMA | rtp 192.168.0.77:11796 rtcp - PCMU=0 dtmf=127 sendrecv 20 ms
            m=audio 30000 RTP/AVP 0 127
            a=rtpmap:0 PCMU/8000
            a=rtpmap:127 telephone-event/8000
            a=fmtp:127 0-15
            a=ptime:20
            a=rtcp:30001
            a=sendrecv
            m=video 0 RTP/AVP 99
        "#]],
    );
}

#[test]
fn asterisk_with_t38_as_a_second_stream() {
    check_offer(
        "v=0
         o=root 1821477912 1821477912 IN IP4 203.0.113.9
         s=Asterisk PBX 20.5.0
         c=IN IP4 203.0.113.9
         t=0 0
         m=audio 14392 RTP/AVP 0 8 3 101
         a=rtpmap:0 PCMU/8000
         a=rtpmap:8 PCMA/8000
         a=rtpmap:3 GSM/8000
         a=rtpmap:101 telephone-event/8000
         a=fmtp:101 0-16
         a=maxptime:150
         a=sendrecv
         m=image 4182 udptl t38
         a=T38FaxVersion:0
         a=T38MaxBitRate:14400
         a=T38FaxRateManagement:transferredTCF",
        expect![[r#"
            PCMU PCMA | rtp 203.0.113.9:14392 rtcp - PCMU=0 dtmf=101 sendrecv 20 ms
            m=audio 30000 RTP/AVP 0 101
            a=rtpmap:0 PCMU/8000
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-15
            a=ptime:20
            a=rtcp:30001
            a=sendrecv
            m=image 0 udptl t38
        "#]],
    );
}

#[test]
fn a_t38_reinvite_has_nothing_for_us() {
    check_offer(
        "v=0
         o=- 1 2 IN IP4 203.0.113.9
         s=-
         c=IN IP4 203.0.113.9
         t=0 0
         m=image 4182 udptl t38
         a=T38FaxVersion:0",
        expect![[r#"
            no common codec
        "#]],
    );
}

#[test]
fn what_the_grammar_forbids_and_devices_write() {
    // Blanks in the user name, numbers beyond 64 bits, no s= and t=, national letters, lines in the wrong order, broken b= and t=.
    check_offer(
        "v=0
         o=John Q Public 99999999999999999999999999 -17 IN IP4 10.0.0.7
         b=AS:
         t=never
         z=?
         c=IN IP4 10.0.0.7
         m=audio  4000   RTP/AVP  8
         c=IN  IP4  10.0.0.8
         b=broken",
        expect![[r#"
            PCMA | rtp 10.0.0.8:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
            m=audio 30000 RTP/AVP 8
            a=rtpmap:8 PCMA/8000
            a=ptime:20
            a=rtcp:30001
            a=sendrecv
        "#]],
    );
    let mut national = wire("v=0\no=- 1 1 IN IP4 10.0.0.7\nc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 8");
    national.extend(b"s=\xD2\xE5\xEB\xE5\xF4\xEE\xED\r\na=title:\xFF\xFE\r\n\0\0\r\n\r\n");
    expect![[r#"
        PCMA | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        m=audio 30000 RTP/AVP 8
        a=rtpmap:8 PCMA/8000
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]]
    .assert_eq(&show_offer(&national, None));
    // Bare line feeds, bare carriage returns, an empty line in front.
    expect![[r#"
        PCMU | rtp 10.0.0.7:4000 rtcp - PCMU=0 dtmf=- sendrecv 20 ms
        m=audio 30000 RTP/AVP 0
        a=rtpmap:0 PCMU/8000
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]]
    .assert_eq(&show_offer(b"\nv=0\no=- 1 1 IN IP4 10.0.0.7\rc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 0\n", None));
}

#[test]
fn codecs_by_name_and_number() {
    let offer = |line: &str, maps: &str| format!("v=0\no=- 1 1 IN IP4 10.0.0.7\nc=IN IP4 10.0.0.7\n{line}\n{maps}");
    // Static numbers without rtpmap; a dynamic number for a static codec; letters in either case; a channel count.
    check_offer(
        &offer("m=audio 4000 RTP/AVP 8 0", ""),
        expect![[r#"
        PCMA PCMU | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        m=audio 30000 RTP/AVP 8
        a=rtpmap:8 PCMA/8000
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]],
    );
    check_offer(
        &offer("m=audio 4000 rtp/avp 111 101", "a=rtpmap:111 pcmu/8000/1\na=RTPMAP:101 Telephone-Event/8000"),
        expect![[r#"
        PCMU | rtp 10.0.0.7:4000 rtcp - PCMU=111 dtmf=101 sendrecv 20 ms
        m=audio 30000 rtp/avp 111 101
        a=rtpmap:111 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]],
    );
    // Two channels or another rate are other codecs; so is a number that the device has given another meaning.
    check_offer(
        &offer("m=audio 4000 RTP/AVP 111 112", "a=rtpmap:111 PCMU/8000/2\na=rtpmap:112 PCMA/16000"),
        expect![[r#"
        no common codec
    "#]],
    );
    check_offer(
        &offer("m=audio 4000 RTP/AVP 8 0", "a=rtpmap:8 L16/44100"),
        expect![[r#"
        PCMU | rtp 10.0.0.7:4000 rtcp - PCMU=0 dtmf=- sendrecv 20 ms
        m=audio 30000 RTP/AVP 0
        a=rtpmap:0 PCMU/8000
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]],
    );
    // Named twice.
    check_offer(
        &offer("m=audio 4000 RTP/AVP 0 96 8 0 8", "a=rtpmap:96 PCMU/8000"),
        expect![[r#"
        PCMU PCMA | rtp 10.0.0.7:4000 rtcp - PCMU=0 dtmf=- sendrecv 20 ms
        m=audio 30000 RTP/AVP 0
        a=rtpmap:0 PCMU/8000
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]],
    );
    // Numbers that are none.
    check_offer(
        &offer("m=audio 4000 RTP/AVP * 300 -1 8", ""),
        expect![[r#"
        PCMA | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        m=audio 30000 RTP/AVP 8
        a=rtpmap:8 PCMA/8000
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]],
    );
}

/// RFC 5761, 4: such packets would pass for RTCP.
#[test]
fn numbers_that_pass_for_rtcp_are_passed_over() {
    let offer =
        |formats: &str, maps: &str| format!("v=0\no=- 1 1 IN IP4 10.0.0.7\nc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP {formats}\n{maps}");
    let maps = "a=rtpmap:72 PCMU/8000\na=rtpmap:64 PCMA/8000\na=rtpmap:95 telephone-event/8000\na=rtpmap:96 telephone-event/8000";
    check_offer(
        &offer("72 64 95 8 96", maps),
        expect![[r#"
            PCMA | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=96 sendrecv 20 ms
            m=audio 30000 RTP/AVP 8 96
            a=rtpmap:8 PCMA/8000
            a=rtpmap:96 telephone-event/8000
            a=fmtp:96 0-15
            a=ptime:20
            a=rtcp:30001
            a=sendrecv
        "#]],
    );
    check_offer(
        &offer("72 64 95 96", maps),
        expect![[r#"
            no common codec
        "#]],
    );
    // Their neighbours are as good as any other.
    check_offer(
        &offer("63 96", "a=rtpmap:63 PCMU/8000\na=rtpmap:96 telephone-event/8000"),
        expect![[r#"
            PCMU | rtp 10.0.0.7:4000 rtcp - PCMU=63 dtmf=96 sendrecv 20 ms
            m=audio 30000 RTP/AVP 63 96
            a=rtpmap:63 PCMU/8000
            a=rtpmap:96 telephone-event/8000
            a=fmtp:96 0-15
            a=ptime:20
            a=rtcp:30001
            a=sendrecv
        "#]],
    );
    check_answer(&offer("72 95", maps), expect!["no common codec"]);
}

#[test]
fn the_preferred_codec_is_taken_if_it_is_offered() {
    let both = wire("v=0\no=- 1 1 IN IP4 10.0.0.7\nc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 0 8");
    assert_eq!(read_offer(&both).unwrap().remote(Some(Codec::Pcma)).payloads.codec, Codec::Pcma);
    assert!(
        String::from_utf8(read_offer(&both).unwrap().answer(&local(), Some(Codec::Pcma))).unwrap().contains("m=audio 30000 RTP/AVP 8\r\n")
    );
    let one = wire("v=0\no=- 1 1 IN IP4 10.0.0.7\nc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 0");
    assert_eq!(read_offer(&one).unwrap().remote(Some(Codec::Pcma)).payloads.codec, Codec::Pcmu);
}

#[test]
fn streams_are_mirrored_in_order() {
    // SRTP first, plain RTP second, a refused stream, a second audio stream: only the second is taken.
    check_offer(
        "v=0
         o=- 1 1 IN IP4 10.0.0.7
         s=-
         c=IN IP4 10.0.0.7
         t=0 0
         m=audio 4000 RTP/SAVP 8
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x
         m=audio 4002 RTP/AVP 8 0
         m=video 0 RTP/AVP
         m=audio 4004 RTP/AVP 8
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        expect![[r#"
            PCMA PCMU | rtp 10.0.0.7:4002 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
            m=audio 0 RTP/SAVP 8
            m=audio 30000 RTP/AVP 8
            a=rtpmap:8 PCMA/8000
            a=ptime:20
            a=rtcp:30001
            a=sendrecv
            m=video 0 RTP/AVP 0
            m=audio 0 RTP/AVP 8
            m=application 0 UDP/DTLS/SCTP webrtc-datachannel
        "#]],
    );
    // A browser without a gateway, a codec we do not know, no media at all.
    check_offer(
        "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\na=rtpmap:111 opus/48000/2",
        expect![[r#"
            no common codec
        "#]],
    );
    check_offer(
        "v=0\no=- 1 1 IN IP4 10.0.0.7\nc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 18",
        expect![[r#"
        no common codec
    "#]],
    );
    check_offer(
        "v=0\no=- 1 1 IN IP4 10.0.0.7\ns=-\nt=0 0",
        expect![[r#"
        no common codec
    "#]],
    );
}

#[test]
fn hold_and_direction() {
    let offer = |session: &str, address: &str, media: &str| {
        format!("v=0\no=- 1 1 IN IP4 10.0.0.7\ns=-\nc=IN IP4 {address}\nt=0 0\n{session}\nm=audio 4000 RTP/AVP 8\n{media}")
    };
    let mut shown = String::new();
    for (session, address, media) in [
        ("", "10.0.0.7", ""),
        ("", "10.0.0.7", "a=sendonly"),
        ("", "10.0.0.7", "a=recvonly"),
        ("", "10.0.0.7", "a=inactive"),
        ("a=sendonly", "10.0.0.7", ""),
        ("a=sendonly", "10.0.0.7", "a=sendrecv"),
        ("", "0.0.0.0", ""),
        ("", "0.0.0.0", "a=sendonly"),
        ("", "0.0.0.0", "a=inactive"),
    ] {
        let offered = read_offer(&wire(&offer(session, address, media))).unwrap();
        let answer = String::from_utf8(offered.answer(&local(), None)).unwrap();
        let ours = answer.lines().last().unwrap();
        let _ = writeln!(shown, "{session:10} {address:8} {media:10} | {} | {ours}", show_remote(&offered.remote(None)));
    }
    expect![[r#"
                   10.0.0.7            | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms | a=sendrecv
                   10.0.0.7 a=sendonly | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendonly 20 ms | a=recvonly
                   10.0.0.7 a=recvonly | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- recvonly 20 ms | a=sendonly
                   10.0.0.7 a=inactive | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- inactive 20 ms | a=inactive
        a=sendonly 10.0.0.7            | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendonly 20 ms | a=recvonly
        a=sendonly 10.0.0.7 a=sendrecv | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms | a=sendrecv
                   0.0.0.0             | rtp - rtcp - PCMA=8 dtmf=- sendonly 20 ms | a=recvonly
                   0.0.0.0  a=sendonly | rtp - rtcp - PCMA=8 dtmf=- sendonly 20 ms | a=recvonly
                   0.0.0.0  a=inactive | rtp - rtcp - PCMA=8 dtmf=- inactive 20 ms | a=inactive
    "#]]
    .assert_eq(&shown);
    // Held by port 0: mirrored, not refused as a whole.
    check_offer(
        "v=0\no=- 1 2 IN IP4 10.0.0.7\ns=-\nc=IN IP4 10.0.0.7\nt=0 0\nm=audio 0 RTP/AVP 8",
        expect![[r#"
        PCMA | rtp - rtcp - PCMA=8 dtmf=- inactive 20 ms
        m=audio 0 RTP/AVP 8
    "#]],
    );
}

#[test]
fn rtcp_and_packet_time() {
    let mut shown = String::new();
    for lines in [
        "a=rtcp:53020",
        "a=rtcp:53020 IN IP4 10.0.0.9",
        "a=rtcp:53020 IN IP4 0.0.0.0",
        "a=rtcp:53020 IN IP4 239.1.1.1",
        "a=rtcp:0",
        "a=rtcp:70000",
        "a=rtcp",
        "a=ptime:30",
        "a=ptime: 40",
        "a=ptime:0",
        "a=ptime:200",
        "a=ptime:x",
    ] {
        let offered = read_offer(&wire(&format!("v=0\nc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 8\n{lines}"))).unwrap();
        let _ = writeln!(shown, "{lines:30} | {}", show_remote(&offered.remote(None)));
    }
    expect![[r#"
        a=rtcp:53020                   | rtp 10.0.0.7:4000 rtcp 10.0.0.7:53020 PCMA=8 dtmf=- sendrecv 20 ms
        a=rtcp:53020 IN IP4 10.0.0.9   | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        a=rtcp:53020 IN IP4 0.0.0.0    | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        a=rtcp:53020 IN IP4 239.1.1.1  | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        a=rtcp:0                       | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        a=rtcp:70000                   | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        a=rtcp                         | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        a=ptime:30                     | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 30 ms
        a=ptime: 40                    | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 40 ms
        a=ptime:0                      | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        a=ptime:200                    | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
        a=ptime:x                      | rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms
    "#]]
    .assert_eq(&shown);
}

#[test]
fn answers_to_our_offer() {
    let answer = |media: &str| format!("v=0\no=- 1 1 IN IP4 10.0.0.7\ns=-\nc=IN IP4 10.0.0.7\nt=0 0\n{media}");
    check_answer(
        &answer("m=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000"),
        expect!["rtp 10.0.0.7:4000 rtcp - PCMA=8 dtmf=101 sendrecv 20 ms"],
    );
    check_answer(
        &answer("m=audio 4000 RTP/AVP 0 8 96\na=rtpmap:96 telephone-event/8000\na=sendonly"),
        expect!["rtp 10.0.0.7:4000 rtcp - PCMU=0 dtmf=96 sendonly 20 ms"],
    );
    check_answer(
        &answer("m=audio 4000 RTP/AVP 8\nc=IN IP6 2001:db8::7"),
        expect!["rtp [2001:db8::7]:4000 rtcp - PCMA=8 dtmf=- sendrecv 20 ms"],
    );
    check_answer(&answer("m=audio 4000 RTP/AVP 8\nc=IN IP4 0.0.0.0"), expect!["rtp - rtcp - PCMA=8 dtmf=- sendonly 20 ms"]);
    check_answer(&answer("m=audio 0 RTP/AVP 8"), expect!["no common codec"]);
    check_answer(&answer("m=audio 4000 RTP/AVP 3"), expect!["no common codec"]);
    check_answer(&answer("m=audio 4000 RTP/SAVP 8"), expect!["no common codec"]);
    check_answer("v=0\nm=audio 4000 RTP/AVP 8", expect!["broken session description: no c= line"]);
}

#[test]
fn broken_descriptions_say_what_is_wrong() {
    let too_many = format!("v=0\nc=IN IP4 10.0.0.7\n{}", "m=audio 4000 RTP/AVP 8\n".repeat(17));
    let too_long = format!("v=0\ns={}", "x".repeat(17_000));
    let mut shown = String::new();
    for (what, sdp) in [
        ("empty", ""),
        ("blank lines", "\r\n\r\n"),
        ("no SDP", "Hello, world"),
        ("another version", "v=1\nm=audio 4000 RTP/AVP 8"),
        ("media first", "m=audio 4000 RTP/AVP 8\nv=0"),
        ("no version", "o=- 1 1 IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 8"),
        ("no address", "v=0\nm=audio 4000 RTP/AVP 8"),
        ("a name as address", "v=0\nc=IN IP4 phone.example.org\nm=audio 4000 RTP/AVP 8"),
        ("an address of another net", "v=0\nc=ATM NSAP 47.0\nm=audio 4000 RTP/AVP 8"),
        ("a group", "v=0\nc=IN IP4 239.1.2.3/127\nm=audio 4000 RTP/AVP 8"),
        ("everybody", "v=0\nc=IN IP4 255.255.255.255\nm=audio 4000 RTP/AVP 8"),
        ("a group in disguise", "v=0\nc=IN IP6 ::ffff:239.1.2.3\nm=audio 4000 RTP/AVP 8"),
        ("port too great", "v=0\nc=IN IP4 10.0.0.7\nm=audio 65536 RTP/AVP 8"),
        ("negative port", "v=0\nc=IN IP4 10.0.0.7\nm=audio -1 RTP/AVP 8"),
        ("media cut", "v=0\nc=IN IP4 10.0.0.7\nm=audio"),
        ("17 media", &too_many),
        ("17,000 octets", &too_long),
    ] {
        let _ = writeln!(shown, "{what}: {}", read_offer(sdp.as_bytes()).unwrap_err());
    }
    expect![[r#"
        empty: broken session description: does not begin with v=0
        blank lines: broken session description: does not begin with v=0
        no SDP: broken session description: a line is not key=value
        another version: broken session description: not RFC 8866
        media first: broken session description: does not begin with v=0
        no version: broken session description: does not begin with v=0
        no address: broken session description: no c= line
        a name as address: broken session description: c= is no IP address
        an address of another net: broken session description: c= is not IN
        a group: broken session description: c= is a group address
        everybody: broken session description: c= is a group address
        a group in disguise: broken session description: c= is a group address
        port too great: broken session description: not RFC 8866
        negative port: broken session description: not RFC 8866
        media cut: broken session description: not RFC 8866
        17 media: broken session description: more than 16 media
        17,000 octets: broken session description: longer than 16 KiB
    "#]]
    .assert_eq(&shown);
}

#[test]
fn an_answer_cannot_be_made_to_hold_lines_of_the_offerer() {
    let sdp = b"v=0\nc=IN IP4 10.0.0.7\nm=audio 4000 RTP/AVP 8\nm=video 5000 RTP/AVP 99\x0b1\x0c2\x002 x\ra=evil\n";
    if let Ok(offered) = read_offer(sdp) {
        let answer = offered.answer(&local(), None);
        assert!(!String::from_utf8(answer).unwrap().contains("\na=evil"));
    }
}

/// B-52: whatever a description is cut and twisted into, it is read or refused, in little time, and what we answer can be read.
#[test]
fn a_hundred_thousand_hostile_descriptions() {
    let seeds = [
        wire(
            "v=0\no=- 3977218441 1093873523 IN IP4 10.0.0.5\ns=-\nc=IN IP4 10.0.0.5\nt=0 0\nm=audio 10234 RTP/AVP 8 0 101\na=rtpmap:8 PCMA/8000\n\
             a=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=rtcp:10235 IN IP4 10.0.0.5\na=sendrecv\na=ptime:20",
        ),
        wire(
            "v=0\no=root 1821477912 1821477912 IN IP6 2001:db8::9\ns=Asterisk\nc=IN IP6 2001:db8::9/3\nb=AS:64\nt=0 0\na=inactive\nm=audio 14392/2 RTP/AVPF 0 96\n\
             a=rtpmap:96 PCMA/8000/1\na=maxptime:150\nm=image 4182 udptl t38\na=T38FaxVersion:0\nm=video 0 RTP/AVP",
        ),
        offer(&local(), &Codec::ALL),
    ];
    let mut random = ChaCha12Rng::seed_from_u64(52);
    let mut pick = |bound: usize| usize::try_from(random.next_u32()).unwrap() % bound.max(1);
    let words: &[&[u8]] =
        &[b"\r\n", b"m=audio ", b"a=rtpmap:", b"c=IN IP4 ", b"=", b" ", b"/", b"0", b"99999999999999999999", b"-1", b"\0", b"\xFF", b":"];
    let mut good = 0;
    let mut longest = Duration::ZERO;
    for round in 0..100_000 {
        let mut sdp = seeds[round % seeds.len()].clone();
        for _ in 0..=pick(6) {
            let (at, length) = (pick(sdp.len()), pick(40));
            let end = (at + length).min(sdp.len());
            match pick(6) {
                0 if at < sdp.len() => sdp[at] = u8::try_from(pick(256)).unwrap(),
                1 => drop(sdp.drain(at..end)),
                2 => {
                    let part = sdp[at..end].to_vec();
                    let to = pick(sdp.len());
                    drop(sdp.splice(to..to, part));
                }
                3 => sdp.truncate(at),
                4 => drop(sdp.splice(at..at, words[pick(words.len())].iter().copied())),
                _ => drop(sdp.splice(at..end, words[pick(words.len())].iter().copied().cycle().take(pick(30)))),
            }
        }
        #[expect(clippy::disallowed_methods, reason = "the test measures how long the parser takes")]
        let begun = std::time::Instant::now();
        let _ = read_answer(&sdp);
        if let Ok(offered) = read_offer(&sdp) {
            good += 1;
            let prefer = Some(Codec::ALL[pick(2)]);
            let remote = offered.remote(prefer);
            let answer = offered.answer(&local(), prefer);
            // Our answer is a sound description with as many media, and it says the same of the codec.
            match read_answer(&answer) {
                Ok(ours) => assert_eq!(ours.payloads, remote.payloads),
                Err(error) => assert_eq!((error, remote.rtp), (SdpError::NoCommonCodec, None), "{}", String::from_utf8_lossy(&answer)),
            }
        }
        longest = longest.max(begun.elapsed());
    }
    assert!(good > 10_000, "the mutants are too wild to reach the negotiation: {good}");
    assert!(longest < Duration::from_secs(1), "one took {longest:?}");
}

fn check_offer_again(sdp: &str, codecs: &[Codec], expected: Expect) {
    let ours = LocalMedia { version: 2, ..local() };
    let offered = read_offer(&wire(sdp)).unwrap();
    let again = String::from_utf8(offered.offer_again(&ours, codecs)).unwrap();
    let (head, media) = again.split_once("t=0 0\r\n").unwrap();
    assert!(head.contains("o=- 4711 2 IN IP4 192.0.2.1\r\n"), "{head}");
    // RFC 3264, 8: never fewer streams than there were, and each in its place.
    let kinds = |text: &str| {
        text.lines().filter_map(|line| Some(line.trim().strip_prefix("m=")?.split(' ').next()?.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&again), kinds(sdp));
    expected.assert_eq(&media.replace("\r\n", "\n"));
}

#[test]
fn our_offer_after_theirs_keeps_their_streams_in_place() {
    let video_first = "v=0
         o=- 1 1 IN IP4 192.168.1.20
         s=-
         c=IN IP4 192.168.1.20
         t=0 0
         m=video 9078 RTP/AVP 96
         a=rtpmap:96 H264/90000
         m=audio 7078 RTP/AVPF 0 8 97
         a=rtpmap:97 telephone-event/8000
         m=image 0 udptl t38";
    check_offer_again(
        video_first,
        &[Codec::Pcma],
        expect![[r#"
        m=video 0 RTP/AVP 96
        m=audio 30000 RTP/AVPF 8 97
        a=rtpmap:8 PCMA/8000
        a=rtpmap:97 telephone-event/8000
        a=fmtp:97 0-15
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
        m=image 0 udptl t38
    "#]],
    );
    // Every codec, under the numbers that the phone gave them.
    let own_numbers = "v=0
         o=- 1 1 IN IP4 192.168.1.20
         s=-
         c=IN IP4 192.168.1.20
         t=0 0
         m=audio 7078 RTP/AVP 101 110
         a=rtpmap:101 PCMU/8000
         a=rtpmap:110 PCMA/8000
         m=video 9078 RTP/AVP 34";
    check_offer_again(
        own_numbers,
        &Codec::ALL,
        expect![[r#"
        m=audio 30000 RTP/AVP 110 101 102
        a=rtpmap:110 PCMA/8000
        a=rtpmap:101 PCMU/8000
        a=rtpmap:102 telephone-event/8000
        a=fmtp:102 0-15
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
        m=video 0 RTP/AVP 34
    "#]],
    );
    // A codec that was not on the table is offered under its static number, unless that is taken; a stream that was held by port 0 is woken.
    let one_codec = "v=0
         o=- 1 1 IN IP4 192.168.1.20
         s=-
         c=IN IP4 192.168.1.20
         t=0 0
         m=audio 0 RTP/AVP 0";
    check_offer_again(
        one_codec,
        &Codec::ALL,
        expect![[r#"
        m=audio 30000 RTP/AVP 8 0 101
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]],
    );
    let taken = "v=0
         o=- 1 1 IN IP4 192.168.1.20
         s=-
         c=IN IP4 192.168.1.20
         t=0 0
         m=audio 7078 RTP/AVP 8 0
         a=rtpmap:8 telephone-event/8000";
    check_offer_again(
        taken,
        &Codec::ALL,
        expect![[r#"
        m=audio 30000 RTP/AVP 0 8
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 telephone-event/8000
        a=fmtp:8 0-15
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]],
    );
    check_offer_again(
        taken,
        &[Codec::Pcma],
        expect![[r#"
        m=audio 30000 RTP/AVP 0 8
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 telephone-event/8000
        a=fmtp:8 0-15
        a=ptime:20
        a=rtcp:30001
        a=sendrecv
    "#]],
    );
}
