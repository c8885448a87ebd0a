//! The least of SIP and SDP that a generator has to read.

use std::net::{Ipv4Addr, SocketAddr};

/// The status of a response; none of a request.
pub(crate) fn status(message: &str) -> Option<u16> {
    message.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

/// Every value of a header, a line each, in order.
pub(crate) fn headers<'a>(message: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    message.split("\r\n").skip(1).take_while(|line| !line.is_empty()).filter_map(move |line| {
        let value = line.get(name.len()..)?.strip_prefix(':')?;
        line.get(..name.len())?.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The first value of a header.
pub(crate) fn header<'a>(message: &'a str, name: &'a str) -> Option<&'a str> {
    headers(message, name).next()
}

/// The URI in `<…>`, or the whole value without parameters.
pub(crate) fn uri(value: &str) -> &str {
    match value.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        Some((uri, _)) => uri,
        None => value.split(';').next().unwrap_or_default(),
    }
}

/// The user of a SIP URI.
pub(crate) fn user(uri: &str) -> Option<&str> {
    Some(uri.strip_prefix("sip:")?.split_once('@')?.0)
}

/// A field of a challenge, without quotes.
pub(crate) fn field<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let value = challenge.split([' ', ',']).find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

/// Where a session description wants its sound.
pub(crate) fn media(message: &str) -> Option<SocketAddr> {
    let (_, body) = message.split_once("\r\n\r\n")?;
    let address: Ipv4Addr = body.lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?.trim().parse().ok()?;
    let port: u16 = body.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()?.parse().ok()?;
    Some((address, port).into())
}

/// A session description with G.711 at `media`.
pub(crate) fn description(media: SocketAddr) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
        ip = media.ip(),
        port = media.port()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "SIP/2.0 401 Unauthorized\r\nVia: a\r\nvia: b\r\nContact: \"x\" <sip:6001@127.0.0.1:5070;ob>;expires=60\r\n\
        WWW-Authenticate: Digest realm=\"one\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"\r\n\r\nvia: c\r\n";

    #[test]
    fn what_a_generator_needs_is_read() {
        assert_eq!((status(MESSAGE), status("INVITE sip:x SIP/2.0")), (Some(401), None));
        assert_eq!(headers(MESSAGE, "Via").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(header(MESSAGE, "Contact").map(uri), Some("sip:6001@127.0.0.1:5070;ob"));
        assert_eq!(user("sip:6001@127.0.0.1:5070;ob"), Some("6001"));
        let challenge = header(MESSAGE, "WWW-Authenticate").unwrap_or_default();
        assert_eq!(
            ["realm", "nonce", "algorithm", "qop"].map(|name| field(challenge, name)),
            [Some("one"), Some("n1"), Some("MD5"), Some("auth")]
        );
        let address = SocketAddr::from(([127, 0, 0, 1], 4000));
        assert_eq!(media(&format!("INVITE\r\n\r\n{}", description(address))), Some(address));
    }
}
