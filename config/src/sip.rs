//! `[sip]`

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use ipnet::IpNet;

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// Signalling: where phones register and call.
    Sip in sip {
        /// Addresses and ports for SIP over UDP. An IPv6 address does no harm on a machine without IPv6.
        udp: Vec<SocketAddr> = "[\"0.0.0.0:5060\", \"[::]:5060\"]";
        /// Addresses and ports for SIP over TCP. Empty: phones reach us over UDP only.
        tcp: Vec<SocketAddr> = "[\"0.0.0.0:5060\", \"[::]:5060\"]";
        /// Addresses and ports for SIP over TLS, such as ["0.0.0.0:5061", "[::]:5061"]. Empty: no phone can encrypt its signalling that way.
        tls: Vec<SocketAddr> = "[]";
        /// The file with the certificate for SIP over TLS and those that vouch for it, PEM. It is read again when it changes.
        /// Empty: the certificate of HTTPS ([http] or [acme]).
        tls_cert: Option<PathBuf> = "\"\"";
        /// The file with that certificate's private key, PEM.
        tls_key: Option<PathBuf> = "\"\"";
        /// A file with certificates of authorities, PEM, which are believed beside the public ones when we reach a server by SIP over TLS: that of
        /// a carrier or a PBX whose certificate no public authority vouches for. Empty: the public ones only.
        tls_ca: Option<PathBuf> = "\"\"";
        /// The DNS servers that are asked where carriers are, three at most, such as ["192.0.2.53:53"].
        /// Empty: those of /etc/resolv.conf, and /etc/hosts before them.
        dns: Vec<SocketAddr> = "[]";
        /// Networks that carriers may be in although they are not public: those of a house, by default. Not in them are this machine itself
        /// (127.0.0.0/8) and what clouds tell their machines only (169.254.0.0/16): whoever sets up a carrier could else have us send SIP there.
        /// Where centres belong to different owners, write those of your own carriers alone; where none does, [].
        @live allow_nets: Vec<IpNet> = "[\"10.0.0.0/8\", \"100.64.0.0/10\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"fc00::/7\"]";
        /// Whether browsers may register as phones, over WebSocket at the path /sip of the front door ([http]).
        websocket: bool = "true";
        /// The domain in our SIP addresses: a host name or an IP address.
        /// Empty: the address of the machine's default route, else 127.0.0.1; if sip.udp names certain addresses only, the first of them.
        /// It is printed at start.
        /// Passwords do not depend on it: it can change without locking a phone out.
        domain: Option<Domain> = "\"\"";
        /// Digest algorithms that phones may log in with, preferred first: MD5, SHA-256, SHA-512-256.
        /// MD5 leads because many phones read no further than the first; slots' passwords are long and random, so it does no harm.
        @live digest: Vec<DigestAlgorithm> = "[\"MD5\", \"SHA-256\", \"SHA-512-256\"]";
        /// The shortest registration that a phone may ask for, in seconds; a shorter one is refused with 423.
        @live expires_min: u32 = "60", 1..=86400;
        /// How long a registration lasts if the phone does not say, in seconds.
        @live expires_default: u32 = "300", 1..=86400;
        /// The longest registration, in seconds; a longer one is cut to this.
        @live expires_max: u32 = "3600", 1..=86400;
        /// How long a call may go without a sign of life between us and its phones, in seconds (session timers, RFC 4028).
        /// Phones refresh in half that time; one that stops does not keep its call. 0: we ask for none, and grant those that phones ask for.
        @live session_expires_s: u32 = "1800", 0..=86400;
        /// The shortest session timer that a phone may ask for, in seconds; a shorter one is refused with 422.
        @live session_min_s: u32 = "90", 90..=86400;
        /// How many connections of phones over TCP, TLS and WebSocket there may be at once; each takes a file descriptor. From three quarters on, a new one takes the place of the
        /// longest silent one of nobody known; if there is none, what is above is closed at once.
        tcp_connections_max: u32 = "10000", 1..=100000;
    }
}

impl Sip {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if !(self.expires_min <= self.expires_default && self.expires_default <= self.expires_max) {
            findings.contradiction(
                &["sip.expires_min", "sip.expires_default", "sip.expires_max"],
                format!(
                    "`sip.expires_min` ({}), `sip.expires_default` ({}) and `sip.expires_max` ({}) must stand in this order: min ≤ default ≤ max",
                    self.expires_min, self.expires_default, self.expires_max
                ),
            );
        }
        if self.digest.is_empty() {
            findings.contradiction(&["sip.digest"], "`sip.digest` names no algorithm, so no phone could log in".to_owned());
        }
        // RFC 4028, 4: no timer is shorter than the Min-SE, which itself is at least 90 s.
        if self.session_expires_s != 0 && self.session_expires_s < self.session_min_s {
            findings.contradiction(
                &["sip.session_expires_s", "sip.session_min_s"],
                format!(
                    "`sip.session_expires_s` ({}) is below `sip.session_min_s` ({}); write 0 to ask for no session timer",
                    self.session_expires_s, self.session_min_s
                ),
            );
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            let reason = "sip.tls_cert and sip.tls_key go together: a certificate is of no use without its key".to_owned();
            findings.contradiction(&["sip.tls_cert", "sip.tls_key"], reason);
        }
        if let Some(net) = self.allow_nets.iter().find(|net| net.prefix_len() == 0) {
            let reason =
                format!("{net} is every address, so that a carrier leads to this machine itself and to what clouds tell machines only");
            findings.warn(&["sip.allow_nets"], reason);
        }
        if self.dns.len() > DNS_MAX {
            findings
                .contradiction(&["sip.dns"], format!("`sip.dns` names {} servers, and no more than {DNS_MAX} are asked", self.dns.len()));
        }
        if let Some(server) = self.dns.iter().find(|server| server.port() == 0 || server.ip().is_unspecified()) {
            findings.contradiction(&["sip.dns"], format!("`sip.dns` has {server}, which is no server's address and port"));
        }
        for (key, addresses) in [("sip.udp", &self.udp), ("sip.tcp", &self.tcp), ("sip.tls", &self.tls)] {
            if let Some(twice) =
                addresses.iter().enumerate().find(|(at, one)| one.port() != 0 && addresses.iter().take(*at).any(|two| two == *one))
            {
                findings.contradiction(&[key], format!("`{key}` has {} twice", twice.1));
            }
        }
        match (self.udp.is_empty(), self.tcp.is_empty() && self.tls.is_empty()) {
            (true, true) => {
                findings.warn(&["sip.udp", "sip.tcp"], "neither it nor sip.tcp or sip.tls has an address, so no phone can register")
            }
            (true, false) => findings.warn(&["sip.udp", "sip.tcp"], "it has no address, so only phones with TCP or TLS can register"),
            (false, _) => {}
        }
    }
}

/// More DNS servers are not asked: what a question may take is shared out among them.
const DNS_MAX: usize = 3;

/// A digest algorithm (RFC 7616; RFC 8760).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// MD5.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256.
    Sha512_256,
}

impl Value for DigestAlgorithm {
    const EXPECTS: &'static str = "\"MD5\", \"SHA-256\" or \"SHA-512-256\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw.text()?.to_ascii_uppercase().as_str() {
            "MD5" => Ok(Self::Md5),
            "SHA-256" => Ok(Self::Sha256),
            "SHA-512-256" => Ok(Self::Sha512_256),
            text => Err(Problem::Bad(format!("{text:?} is none of {}", Self::EXPECTS))),
        }
    }
}

/// A host name or an IP address (RFC 3261, 25.1: `host`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// The longest host name (RFC 1035, 2.3.4).
    const LENGTH_MAX: usize = 253;
    const LABEL_LENGTH_MAX: usize = 63;

    /// As it stands in a SIP address: an IPv6 address in brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        match bare.parse() {
            Ok(IpAddr::V6(address)) => return Ok(Self(format!("[{address}]"))),
            Ok(IpAddr::V4(address)) if bare == text => return Ok(Self(address.to_string())),
            _ => {}
        }
        let is_label = |label: &str| {
            (1..=Self::LABEL_LENGTH_MAX).contains(&label.len())
                && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // RFC 3261, 25.1: the last label begins with a letter, so that a misspelt IPv4 address is no host name.
        let last_is_name = text.rsplit('.').next().is_some_and(|label| label.starts_with(|first: char| first.is_ascii_alphabetic()));
        if text.len() <= Self::LENGTH_MAX && text.split('.').all(is_label) && last_is_name {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!("{text:?} is no host name and no IP address"))
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for Domain {
    const EXPECTS: &'static str = "a host name or an IP address";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        raw.text()?.parse().map_err(Problem::Bad)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn dns_servers_are_few_and_real() {
        let errors = |servers: &str| {
            let judged = crate::Config::judge(Some(&format!("[sip]\ndns = {servers}\n")), std::iter::empty(), |_| Vec::new());
            judged.errors().iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
        };
        assert_eq!(errors("[\"192.0.2.53:53\", \"[2001:db8::53]:53\", \"127.0.0.1:5353\"]"), "");
        assert!(errors("[\"192.0.2.1:53\", \"192.0.2.2:53\", \"192.0.2.3:53\", \"192.0.2.4:53\"]").contains("no more than 3"));
        assert!(errors("[\"192.0.2.1:0\"]").contains("192.0.2.1:0"));
        assert!(errors("[\"0.0.0.0:53\"]").contains("0.0.0.0:53"));
        assert!(errors("[\"192.0.2.1\"]").contains("address and port"));
    }

    #[test]
    fn tls_has_a_certificate_and_a_port_of_its_own() {
        let errors = |file: &str| {
            let judged = crate::Config::judge(Some(file), std::iter::empty(), |_| Vec::new());
            judged.errors().iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
        };
        let own = "tls_cert = \"a\"\ntls_key = \"b\"\n";
        let https = "[http]\ntls_cert = \"a\"\ntls_key = \"b\"\n";
        let tls = "tls = [\"0.0.0.0:5061\"]\n";
        assert!(errors(&format!("[sip]\n{tls}")).contains("sip.tls needs a certificate"));
        assert_eq!(errors(&format!("[sip]\n{tls}{own}")), "");
        assert_eq!(errors(&format!("{https}[sip]\n{tls}")), "");
        assert!(errors("[sip]\ntls_cert = \"a\"\n").contains("sip.tls_cert and sip.tls_key go together"));
        assert!(errors(&format!("[sip]\n{own}tls = [\"0.0.0.0:5060\"]\n")).contains("both have 0.0.0.0:5060"));
        assert!(errors(&format!("[http]\nlisten = \"0.0.0.0:5061\"\n[sip]\n{own}{tls}")).contains("`http.listen` and `sip.tls` both have"));
        assert!(errors(&format!("[sip]\n{own}tls = [\"0.0.0.0:1\", \"0.0.0.0:1\"]\n")).contains("twice"));
    }
}
