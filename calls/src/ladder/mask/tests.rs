//! What is shown of a message, and what is not.
#![expect(clippy::unwrap_used, reason = "tests")]

use expect_test::{Expect, expect};

use super::*;

fn check(message: &[u8], expected: &Expect) {
    let shown = shown(message);
    expected.assert_eq(&shown);
    // What programs are given says no more than what people are shown.
    let (lines, copy) =
        (|text: &str| text.lines().map(str::trim_end).filter(no_length).map(str::to_owned).collect::<Vec<_>>(), masked(message));
    let same = lines(&shown.replace("\\u{9}", " "));
    let copy = lines(&String::from_utf8(copy).unwrap());
    assert_eq!(
        copy.iter().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
        same.iter().filter(|line| !line.is_empty()).collect::<Vec<_>>()
    );
}

fn no_length(line: &&str) -> bool {
    !line.to_ascii_lowercase().starts_with("content-length")
}

#[test]
fn a_masked_message_is_a_message_again() {
    let masked = |text: &str| String::from_utf8(masked(text.as_bytes())).unwrap();
    let head = "INVITE sip:6002@pbx SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1\r\nFrom:\t<sip:6001@pbx>;tag=1\r\nTo: <sip:6002@pbx>\r\n\
                Call-ID: a84b@pc33\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n";
    let sdp = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let whole = format!("{head}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    assert_eq!(masked(&whole), whole.replace('\t', " "), "what has no secret is as it was");
    for (name, body, told) in [
        ("Content-Length", format!("{sdp}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\n"), "a=crypto:***\r\n"),
        ("content-LENGTH", format!("{sdp}k=clear:secret\r\n"), "k=***\r\n"),
        ("l", sdp.replace("\r\n", "\n"), "m=audio 4000 RTP/AVP 0\r\n"),
    ] {
        let message = format!(
            "{head}Proxy-Authorization: Digest username=\"6001\",\r\n\tnonce=\"secret\", response=\"secret\"\r\n{name}: {}\r\n\r\n{body}",
            body.len()
        );
        let copy = masked(&message);
        assert!(!copy.contains("secret") && copy.ends_with(told), "{copy}");
        assert!(copy.contains("\r\nProxy-Authorization: Digest username=\"6001\", nonce=***, response=***\r\n"), "{copy}");
        let read = sip_core::Message::parse(bytes::Bytes::from(copy.clone())).unwrap();
        assert_eq!(read.call_id().unwrap(), b"a84b@pc33");
        assert_eq!(read.body().len(), copy.split_once("\r\n\r\n").unwrap().1.len(), "{copy}");
        assert_eq!(masked(&copy), copy, "masked once, masked for good");
    }
    // What is cut off in its head gets an end; a length that was wrong stays wrong.
    assert_eq!(masked("BYE sip:a SIP/2.0\nCall-ID: x"), "BYE sip:a SIP/2.0\r\nCall-ID: x\r\n\r\n");
    assert!(masked("BYE sip:a SIP/2.0\r\nContent-Length: 9\r\n\r\nv=0\r\n").contains("Content-Length: 9\r\n"));
}

#[test]
fn credentials_are_masked_and_names_are_kept() {
    check(
        b"REGISTER sip:pbx SIP/2.0\r\n\
          Authorization: Digest username=\"6001\", realm=\"r, x\", nonce=\"no,nce\",uri=\"sip:pbx\", response=\"deadbeef\",\r\n \
          algorithm=MD5, cnonce=\"secret\", opaque=\"s\\\"ecret\", qop=auth, nc=00000001, new-thing=secret\r\n\
          authorization : Basic c2VjcmV0\r\n\
          AUTHORIZATION: secret\r\n\
          Authorization Digest username=\"6001\", response=\"secret\"\r\n\
          Proxy-Authorization: Digest response=\"secret\r\n\
          WWW-Authenticate: Digest realm=\"r\", nonce=\"secret\", algorithm=MD5, qop=\"auth\", stale=true\r\n\
          Proxy-Authenticate: Digest nonce=secret\r\n\
          Authentication-Info: nextnonce=\"secret\", rspauth=\"secret\", qop=auth, nc=00000001\r\n\
          From: <sip:6001:secret@pbx>;tag=1, \"x\" <SIPS:a@b>\r\n\
          Contact: <sip:6001@10.0.0.1:5060>\r\n\
          Content-Length: 0\r\n\r\n",
        &expect![[r#"
            REGISTER sip:pbx SIP/2.0
            Authorization: Digest username="6001", realm="r, x", nonce=***, uri=***, response=***, algorithm=MD5, cnonce=***, opaque=***, qop=auth, nc=00000001, ***
            authorization: Basic ***
            AUTHORIZATION: ***
            Authorization: Digest username="6001", response=***
            Proxy-Authorization: Digest response=***
            WWW-Authenticate: Digest realm="r", nonce=***, algorithm=MD5, qop="auth", stale=true
            Proxy-Authenticate: Digest nonce=***
            Authentication-Info: nextnonce=***, rspauth=***, qop=auth, nc=00000001
            From: <sip:6001:***@pbx>;tag=1, "x" <SIPS:a@b>
            Contact: <sip:6001@10.0.0.1:5060>
            Content-Length: 0
        "#]],
    );
}

#[test]
fn the_first_scheme_counts_and_no_half_of_one() {
    check(
        b"X: sips:a:b@c sip:d:e@f, sIp:g:h@i ssip:j:k@l sisip:m:n@o sip sips: sip",
        &expect![[r#"
            X: sips:a:***@c sip:d:***@f, sIp:g:***@i ssip:j:***@l sisip:m:***@o sip sips: sip
        "#]],
    );
}

/// Looked through anew for each URI, any of these lines would take long.
#[test]
fn a_line_full_of_uris_is_read_once() {
    const OCTETS: usize = 1 << 18;
    let same = ["sip:", "sip:a ", "sips:b,", "s", "sip", "a:", "=", "key ", "%", "%4", ": ", "a:b <", "\"", "://", "sip:a:b>"];
    let masked = ["sip:u:p@ ", "sip:u:p@<", "a@sip:u:p@,"].map(|piece| (piece, piece.replace(":p@", ":***@")));
    for (piece, shown_as) in same.map(|piece| (piece, piece.to_owned())).into_iter().chain(masked) {
        let count = OCTETS / piece.len();
        let line = format!("X: {}", piece.repeat(count));
        assert!(shown(line.as_bytes()) == format!("X: {}\n", shown_as.repeat(count)), "{piece:?} many times");
    }
    for piece in ["sip:u:p@", "Basic ", "auth=", "sip:u:p@ auth"] {
        let line = format!("X: {}=x", piece.repeat(OCTETS / piece.len()));
        let shown = shown(line.as_bytes());
        assert!(shown.contains("***") && shown.len() < 30, "{piece:?} many times");
    }
}

/// Wherever it stands and however it is written.
#[test]
fn what_looks_like_a_credential_is_masked_anywhere() {
    check(
        b"INVITE sip:6999:secret@pbx SIP/2.0\r\n\
          Proxy-Authorization: Digest username=\"6001\", uri=\"sip:6999:secret@pbx\", nonce=\"secret\", qop=auth, nc=\"1;response=secret\"\r\n\
          Authorization: Digest username=\"6001\";realm=\"r\";response=\"secret\"\r\n\
          Authorization: Digest username=\"6001:secret\", algorithm=MD5;response=secret\r\n\
          Authorization: Basic c2VjcmV0LXNlY3JldA==\r\n\
          X-Authorization: Digest response=\"secret\"\r\n\
          X-Authorization-Info: secret secret\r\n\
          X-Password: secret\r\n\
          X-Client-SECRET : secret\r\n\
          P-Access-Token: secret\r\n\
          Cookie: secret\r\n\
          Api_Key:secret\r\n\
          Refer-To: <sip:6002@pbx?Authorization=Digest%20response%3D%22secret%22>\r\n\
          Refer-To: <sip:6002@pbx?X=y&%61uthorization%3dsecret>\r\n\
          Refer-To: <sip:6002@pbx?Replaces=a%40b%3Bto-tag%3D1>\r\n\
          Warning: 399 pbx \"Authorization: Digest secret\"\r\n\
          Warning: 399 pbx \"got response=\\\"secret\\\", nonce=secret\"\r\n\
          Subject: nonce = secret\r\n\
          Subject: {\"password\": \"secret\"}\r\n\
          Subject: Bearer secret\r\n\
          Subject: token\r\n\
          Contact: <sip:6001@10.0.0.1:5060;pn-prid=secret>\r\n\
          Contact: <sip:10.0.0.1:5060>, <sip:6001@10.0.0.1>;expires=60\r\n\
          X: sip:u%3Asecret@h\r\n\
          X: sip:u:secret x@h, <sip:u:secret@secret@h>, sip:u:secr,et@h, <sips:anna@home:secret@h>\r\n\
          X: https://u:secret@h/x, sip:u:token=secret@h\r\n\
          From: \"sip:u:\" <sip:6001:secret@pbx>;tag=1\r\n\r\n",
        &expect![[r#"
            INVITE sip:6999:***@pbx SIP/2.0
            Proxy-Authorization: Digest username="6001", uri=***, nonce=***, qop=auth, nc=***
            Authorization: Digest username=***
            Authorization: Digest username=***, algorithm=***
            Authorization: Basic ***
            X-Authorization: Digest response=***
            X-Authorization-Info: ***
            X-Password: ***
            X-Client-SECRET : ***
            P-Access-Token: ***
            Cookie: ***
            Api_Key:***
            Refer-To: <sip:6002@pbx?Authorization=***
            Refer-To: <sip:6002@pbx?X=y&%61uthorization%3d***
            Refer-To: <sip:6002@pbx?Replaces=a%40b%3Bto-tag%3D1>
            Warning: 399 pbx "Authorization: ***
            Warning: 399 pbx "got response=***
            Subject: nonce = ***
            Subject: {"password": ***
            Subject: Bearer ***
            Subject: token
            Contact: <sip:6001@10.0.0.1:5060;pn-prid=***
            Contact: <sip:10.0.0.1:5060>, <sip:6001@10.0.0.1>;expires=60
            X: sip:u:***@h
            X: sip:u:***@h, <sip:u:***@h>, sip:u:***@h, <sips:anna@home:***@h>
            X: https://u:***@h/x, sip:u:***
            From: "sip:u:" <sip:6001:***@pbx>;tag=1
        "#]],
    );
    for first in
        ["INVITE sip:u:secret>secret@h SIP/2.0", "INVITE sip:u@h?Authorization=secret SIP/2.0", "INVITE sip:u:secret secret@h SIP/2.0"]
    {
        assert!(!shown(first.as_bytes()).contains("secret"), "{first}");
        assert!(!first_line_shown(first.as_bytes(), 99).contains("secret"), "{first}");
    }
}

#[test]
fn a_first_line_is_masked_before_it_is_cut() {
    let rows: [(&[u8], usize, &str); 6] = [
        (b"INVITE sip:6001:secret@pbx SIP/2.0\r\nX: y", 99, "INVITE sip:6001:***@pbx SIP/2.0"),
        (b"INVITE sip:6001:secret@pbx SIP/2.0", 19, "INVITE sip:6001:***"),
        (b"INVITE sip:6001:secret@pbx SIP/2.0", 17, "INVITE sip:6001:*"),
        (b"SIP/2.0 486 caf\xc3\xa9 \x1b[2J\nX: y", 99, "SIP/2.0 486 caf\u{e9} \\u{1b}[2J"),
        (b"SIP/2.0 486 caf\xc3\xa9 \x1b[2J\nX: y", 16, "SIP/2.0 486 caf\u{e9}"),
        (b"", 9, ""),
    ];
    for (message, most, expected) in rows {
        assert_eq!(first_line_shown(message, most), expected);
    }
}

#[test]
fn keys_in_a_description_are_masked() {
    let mut told = Vec::new();
    for content_type in ["", "Content-Type: application/sdp\r\n", "c : Application/SDP ;x=y\r\n"] {
        let shown = shown(
            format!(
                "INVITE sip:a SIP/2.0\r\nCSeq: 1 INVITE\r\n{content_type}\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\n\
                 A=ICE-PWD:secret\r\nk=base64:secret\r\na=key-mgmt:mikey secret\r\na=ekt:1 secret\r\na=crypto :1 secret\r\n a = ice-pwd :secret\r\n\
                 K =clear:secret\r\ni=a=crypto:1 x secret\r\nu=https://u:secret@h\r\na=x-pass:secret\r\nSignal=secret\r\nsecret\r\n\
                 a=rtpmap:8 PCMA/8000\r\na=fmtp:101 0-15\r\na=ice-ufrag:x\r\na=setup:actpass\r\na=sendrecv\r\n",
            )
            .as_bytes(),
        );
        told.push(shown.split_once("\n\n").unwrap().1.to_owned());
    }
    assert!(told.iter().all(|body| Some(body) == told.first()), "{told:?}");
    expect![[r#"
        v=0
        a=crypto:***
        A=ICE-PWD:***
        k=***
        a=key-mgmt:***
        a=ekt:***
        a=crypto :***
         a = ice-pwd :***
        k=***
        i=a=crypto:***
        u=https://u:***@h
        a=x-pass:***
        ***
        ***
        a=rtpmap:8 PCMA/8000
        a=fmtp:101 0-15
        a=ice-ufrag:x
        a=setup:actpass
        a=sendrecv
    "#]]
    .assert_eq(told.first().unwrap());
}

#[test]
fn only_of_bodies_that_are_known_something_is_shown() {
    let rows = [
        ("Content-Type: message/sip", "REGISTER sip:x SIP/2.0\r\nAuthorization: Digest response=\"secret\"\r\n\r\n"),
        ("Content-Type: multipart/mixed;boundary=b", "--b\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=secret\r\n--b--"),
        ("c: text/plain", "secret"),
        ("Content-Type:\r\n application/json", "v=0\r\ns=secret"),
        ("Content-Type: application/sdp\r\nContent-Type: text/plain", "v=0\r\ns=secret"),
        ("Content-Type: message/sipfrag", "SIP/2.0 200 OK"),
        ("Content-Type: message/sipfrag;version=2.0", "SIP/2.0 503 Busy\r\nAuthorization: Digest response=secret\r\n\r\nsecret"),
        ("Content-Type: message/sipfrag", "Authorization: secret"),
    ];
    let mut told = String::new();
    for (kind, body) in rows {
        let message = format!("NOTIFY sip:a SIP/2.0\r\nCSeq: 1 NOTIFY\r\n{kind}\r\n\r\n{body}");
        told += shown(message.as_bytes()).split_once("\n\n").unwrap().1;
    }
    expect![[r#"
        (67 octets that are not shown: only session descriptions are)
        (65 octets that are not shown: only session descriptions are)
        (6 octets that are not shown: only session descriptions are)
        (13 octets that are not shown: only session descriptions are)
        (13 octets that are not shown: only session descriptions are)
        SIP/2.0 200 OK
        SIP/2.0 503 Busy
        (47 octets more that are not shown)
        Authorization: ***
    "#]]
    .assert_eq(&told);
}

#[test]
fn keys_that_were_pressed_are_not_shown() {
    check(
        b"INFO sip:a SIP/2.0\r\nCSeq: 2 INFO\r\n\r\nSignal=5\r\n",
        &expect![[r#"
            INFO sip:a SIP/2.0
            CSeq: 2 INFO

            (10 octets that are not shown: an INFO may hold keys that somebody pressed)
        "#]],
    );
    assert!(!shown(b"SIP/2.0 200 OK\r\nCSeq: 2  info \r\n\r\nSignal=5").contains("Signal"));
}

#[test]
fn nothing_is_an_order_to_a_terminal() {
    check(
        b"INVITE sip:a SIP/2.0\nSubject: \x1b[2J\x07 \xc2\x9b1m \xe2\x80\xae \xff\xfe caf\xc3\xa9 \rX: y\n\ns=body\x1b]0;x\x07\r\ri=last",
        &expect![[r#"
            INVITE sip:a SIP/2.0
            Subject: \u{1b}[2J\u{7} \u{9b}1m \u{202e} \xff\xfe café 
            X: y

            s=body\u{1b}]0;x\u{7}
            i=last
        "#]],
    );
    assert_eq!(shown(b""), "");
}

#[test]
fn what_people_write_is_not_shown() {
    for kind in ["Content-Type: text/plain\r\n", "Content-Type: application/sdp\r\n", ""] {
        let message = format!("MESSAGE sip:6002@pbx SIP/2.0\r\nCSeq: 2 MESSAGE\r\n{kind}\r\nv=my secret\r\n");
        let shown = shown(message.as_bytes());
        assert!(!shown.contains("secret") && shown.contains("(13 octets that are not shown"), "{shown}");
    }
}
