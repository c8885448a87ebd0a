//! Who calls: what a carrier is told, and what is believed of what it tells us.

use bytes::Bytes;
use model::{
    Number,
    carrier::{self, Account, CarrierEntry, FromPart, Host, Privacy, Redirections, RuleOf},
    route::Try,
};
use sip_core::{
    Message, Name, SipUri,
    message::{NameAddr, split_values},
};

/// What an INVITE to a carrier says of who calls whom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) uri: Bytes,
    pub(crate) from_display: Option<String>,
    pub(crate) from_user: String,
    /// The host of From.
    pub(crate) host: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Who is called, in E.164 if that is such a number: what the call costs, and whether it may go there, is looked up by it.
    pub(crate) called: Number,
}

/// RFC 3323, 4.1.1.3.
const ANONYMOUS: (&str, &str, &str) = ("Anonymous", "anonymous", "anonymous.invalid");

impl Outgoing {
    /// The parts of an INVITE for `found` by this host of the carrier, which knows us by `account`. `diverted` are the numbers that sent the call on, the first one first.
    /// None: the number is to be withheld, and the carrier does not do that.
    pub(crate) fn new(
        entry: &CarrierEntry,
        host: &Host,
        account: Option<&Account>,
        found: &Try,
        withheld: bool,
        diverted: &[Number],
    ) -> Option<Self> {
        let identity = &entry.carrier.identity;
        if withheld && identity.privacy == Privacy::Refuse {
            return None;
        }
        let bracketed = super::bracketed(&host.name);
        let uri = |number: &Number| format!("sip:{}@{bracketed}", user(number));
        let place = host.port.map_or_else(|| bracketed.clone(), |port| format!("{bracketed}:{port}"));
        let transport = match host.transport {
            carrier::Transport::Automatic => "",
            carrier::Transport::Udp => ";transport=udp",
            carrier::Transport::Tcp => ";transport=tcp",
            carrier::Transport::Tls => ";transport=tls",
        };
        let caller = format!("<{}>", uri(&found.caller));
        let mut headers = vec![("To", format!("<{}>", uri(&found.to)))];
        // With an anonymous From alone, no other header tells the number either.
        if !withheld || identity.privacy == Privacy::Id {
            if identity.asserted {
                headers.push(("P-Asserted-Identity", caller.clone()));
            }
            if identity.preferred {
                headers.push(("P-Preferred-Identity", caller.clone()));
            }
            if identity.remote_party {
                let privacy = if withheld { "full" } else { "off" };
                headers.push(("Remote-Party-ID", format!("{caller};party=calling;privacy={privacy};screen=yes")));
            }
        }
        if withheld && identity.privacy == Privacy::Id {
            headers.push(("Privacy", "id".to_owned()));
        }
        if !diverted.is_empty() {
            headers.extend(redirections(entry, identity.redirections, diverted, found, &uri));
        }
        let from_user = match (identity.from, account) {
            (FromPart::Account, Some(account)) => account.username.clone(),
            _ => found.caller.to_string(),
        };
        let (from_display, from_user, host) = match withheld {
            true => (Some(ANONYMOUS.0.to_owned()), ANONYMOUS.1.to_owned(), ANONYMOUS.2.to_owned()),
            false => (None, from_user, host.name.clone()),
        };
        let uri = format!("sip:{}@{place}{transport}", user(&found.to));
        Some(Self { uri: uri.into(), from_display, from_user, host, headers, called: found.called.clone() })
    }
}

/// Diversion has the last one on top (RFC 5806, 3.4); History-Info has all in their order, the one that is called last (RFC 7044, 7).
fn redirections(
    entry: &CarrierEntry,
    how: Redirections,
    diverted: &[Number],
    found: &Try,
    uri: &dyn Fn(&Number) -> String,
) -> Vec<(&'static str, String)> {
    let written: Vec<Number> = diverted.iter().filter_map(|number| entry.carrier.write(RuleOf::Called, number).ok()).collect();
    match how {
        Redirections::None => Vec::new(),
        Redirections::Diversion => {
            written.iter().rev().map(|number| ("Diversion", format!("<{}>;reason=unconditional;counter=1", uri(number)))).collect()
        }
        Redirections::HistoryInfo => {
            let mut index = String::new();
            let history = written.iter().chain([&found.to]).map(|number| {
                index.push_str(if index.is_empty() { "1" } else { ".1" });
                ("History-Info", format!("<{}>;index={index}", uri(number)))
            });
            history.collect()
        }
    }
}

/// A number as the user part of a URI (RFC 3261, 25.1): `#` is the one of its characters that has to be escaped.
fn user(number: &Number) -> String {
    number.as_str().replace('#', "%23")
}

/// Whether whoever sent the request wants to have the number withheld (RFC 3323, 4.2; RFC 3325, 9.3).
pub(crate) fn withholds(message: &Message) -> bool {
    let wants = |value: &[u8]| {
        let mut levels = value.split(|octet| matches!(octet, b';' | b',')).map(<[u8]>::trim_ascii);
        levels.any(|level| [&b"id"[..], b"user", b"header"].iter().any(|hides| level.eq_ignore_ascii_case(hides)))
    };
    message.headers(Name::Privacy).any(wants)
}

/// The number that an incoming call is from, as the carrier writes it: of P-Asserted-Identity if it is believed, else of From (B-54).
/// None if it is withheld, or is no number.
pub(super) fn calling(entry: &CarrierEntry, message: &Message) -> Option<Number> {
    if withholds(message) {
        return None;
    }
    let asserted = || {
        let mut values = message.headers(Name::PAssertedIdentity).flat_map(split_values);
        values.find_map(|value| number_of(NameAddr::parse(value, Name::PAssertedIdentity).ok()?.uri))
    };
    let believed = if entry.carrier.identity.believe { asserted() } else { None };
    believed.or_else(|| number_of(message.from().ok()?.uri))
}

/// The number of a `sip:` or `tel:` URI.
fn number_of(uri: &[u8]) -> Option<Number> {
    match SipUri::parse(uri) {
        Ok(uri) => uri.user_text()?.parse().ok(),
        Err(_) => {
            let (scheme, rest) = str::from_utf8(uri).ok()?.split_once(':')?;
            let number = rest.split(';').next()?;
            if scheme.eq_ignore_ascii_case("tel") { number.parse().ok() } else { None }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use model::{CarrierId, CenterId};

    use super::*;

    /// Each row: the carrier's settings, whether the number is withheld, who sent the call on, and what its INVITE says; none: no INVITE.
    #[test]
    fn a_carrier_is_told_who_calls_as_it_wants_it() {
        type Row = (&'static str, bool, &'static [&'static str], Option<&'static [&'static str]>);
        let rows: [Row; 9] = [
            (r#""hosts": ["sip:a.test"]"#, false, &["+71"], Some(&["sip:+72%23@a.test", "+73@a.test", "To: <sip:+72%23@a.test>"])),
            (
                r#""hosts": ["sip:[2001:db8::1]:5070;transport=tcp"], "identity": {"asserted": true}"#,
                false,
                &[],
                Some(&[
                    "sip:+72%23@[2001:db8::1]:5070;transport=tcp",
                    "+73@2001:db8::1",
                    "To: <sip:+72%23@[2001:db8::1]>",
                    "P-Asserted-Identity: <sip:+73@[2001:db8::1]>",
                ]),
            ),
            (
                r#""hosts": ["sips:a"], "identity": {"preferred": true, "remote_party": true}"#,
                false,
                &[],
                Some(&[
                    "sip:+72%23@a;transport=tls",
                    "+73@a",
                    "To: <sip:+72%23@a>",
                    "P-Preferred-Identity: <sip:+73@a>",
                    "Remote-Party-ID: <sip:+73@a>;party=calling;privacy=off;screen=yes",
                ]),
            ),
            (
                r#""hosts": ["sip:a"], "accounts": [{"username": "us", "password": "p"}], "identity": {"from": "account", "asserted": true}"#,
                false,
                &[],
                Some(&["sip:+72%23@a", "us@a", "To: <sip:+72%23@a>", "P-Asserted-Identity: <sip:+73@a>"]),
            ),
            (r#""hosts": ["sip:a"]"#, true, &[], None),
            (
                r#""hosts": ["sip:a"], "identity": {"privacy": "id", "asserted": true, "remote_party": true}"#,
                true,
                &[],
                Some(&[
                    "sip:+72%23@a",
                    "anonymous@anonymous.invalid",
                    "To: <sip:+72%23@a>",
                    "P-Asserted-Identity: <sip:+73@a>",
                    "Remote-Party-ID: <sip:+73@a>;party=calling;privacy=full;screen=yes",
                    "Privacy: id",
                ]),
            ),
            (
                r#""hosts": ["sip:a"], "identity": {"privacy": "anonymous", "asserted": true, "remote_party": true}"#,
                true,
                &[],
                Some(&["sip:+72%23@a", "anonymous@anonymous.invalid", "To: <sip:+72%23@a>"]),
            ),
            (
                r#""hosts": ["sip:a"], "send": "digits", "identity": {"redirections": "diversion"}"#,
                false,
                &["+70", "+71"],
                Some(&[
                    "sip:+72%23@a",
                    "+73@a",
                    "To: <sip:+72%23@a>",
                    "Diversion: <sip:71@a>;reason=unconditional;counter=1",
                    "Diversion: <sip:70@a>;reason=unconditional;counter=1",
                ]),
            ),
            (
                r#""hosts": ["sip:a"], "identity": {"redirections": "history_info"}"#,
                false,
                &["+70", "+71"],
                Some(&[
                    "sip:+72%23@a",
                    "+73@a",
                    "To: <sip:+72%23@a>",
                    "History-Info: <sip:+70@a>;index=1",
                    "History-Info: <sip:+71@a>;index=1.1",
                    "History-Info: <sip:+72%23@a>;index=1.1.1",
                ]),
            ),
        ];
        for (settings, withheld, diverted, expected) in rows {
            let carrier = serde_json::from_str(&format!(r#"{{"name": "A", "capacity": 1, {settings}}}"#)).unwrap();
            let entry = CarrierEntry { id: CarrierId(1), center: CenterId::DEFAULT, carrier };
            let number = |text: &&str| text.parse::<Number>().unwrap();
            let found = Try {
                carrier: entry.id,
                name: String::new(),
                called: number(&"+72#"),
                to: number(&"+72#"),
                caller: number(&"+73"),
                per_minute: None,
                currency: String::new(),
            };
            let diverted: Vec<Number> = diverted.iter().map(number).collect();
            let host = entry.carrier.hosts.first().unwrap();
            let said = Outgoing::new(&entry, host, entry.carrier.accounts.first(), &found, withheld, &diverted).map(|outgoing| {
                let headers = outgoing.headers.iter().map(|(name, value)| format!("{name}: {value}"));
                let uri = String::from_utf8(outgoing.uri.to_vec()).unwrap();
                [uri, format!("{}@{}", outgoing.from_user, outgoing.host)].into_iter().chain(headers).collect::<Vec<_>>()
            });
            let expected = expected.map(|lines| lines.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(said, expected, "{settings}");
        }
    }
}
