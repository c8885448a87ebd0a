//! One SIP URI: its parts are pieces of it, it equals itself, and without its headers it is still the same address.

use sip_core::{SipUri, uri::without_headers};

/// Reads `data` as a URI, and as two of them when a line end stands between.
///
/// # Panics
/// When a promise of the URI layer does not hold.
pub fn run(data: &[u8]) {
    let mut parts = data.splitn(2, |octet| *octet == b'\n');
    let (one, other) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    read(one);
    read(other);
    if let (Ok(one), Ok(other)) = (SipUri::parse(one), SipUri::parse(other)) {
        // RFC 3261, 19.1.4: it does not matter which is compared with which.
        assert_eq!(one.equals(&other), other.equals(&one), "one way round only");
    }
}

/// One URI.
///
/// # Panics
/// When a promise of the URI layer does not hold.
pub(crate) fn read(bytes: &[u8]) {
    let Ok(uri) = SipUri::parse(bytes) else { return };
    assert!(uri.equals(&uri), "{} is another than itself", bytes.escape_ascii());
    assert!(!uri.host.is_empty());
    let _ = (uri.user_text(), uri.host_text(), uri.host_ip());
    uri.params.iter().for_each(|(name, _)| assert!(!name.is_empty()));
    let Ok(bare) = SipUri::parse(without_headers(bytes)) else { panic!("{} cannot lose its headers", bytes.escape_ascii()) };
    assert!(bare.headers.is_empty() && (bare.host, bare.user, bare.port) == (uri.host, uri.user, uri.port));
}
