//! The registrar of a carrier: checks credentials (RFC 7616, MD5) and knows who is bound where.

use std::collections::BTreeMap;

use sip_core::{Contacts, Message, Name, SipUri};

use crate::phone::md5;

const REALM: &str = "carrier";

#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Everybody's password; none: nobody is asked.
    pub(crate) password: Option<&'static str>,
    /// Whatever comes is refused with this.
    pub(crate) refuses: Option<u16>,
    /// Shorter intervals are refused with 423.
    pub(crate) min_expires: u32,
    /// The Service-Route that whoever is bound is told (RFC 3608).
    pub(crate) service_route: Option<&'static str>,
    /// Who is bound where, by user name.
    pub(crate) bound: BTreeMap<String, String>,
    /// The nonce that is good now; an older one is stale.
    pub(crate) nonce: u32,
    /// Each change of a binding: the user, and for how long.
    pub(crate) changes: Vec<(String, u32)>,
}

impl Registry {
    pub(crate) fn asking(password: &'static str) -> Self {
        Self { password: Some(password), ..Self::default() }
    }

    pub(crate) fn judge(&mut self, message: &Message) -> (u16, Vec<(&'static str, String)>) {
        if let Some(status) = self.refuses {
            return (status, Vec::new());
        }
        if let Some(refused) = self.challenge(message) {
            return (401, vec![("WWW-Authenticate", refused)]);
        }
        let Contacts::List(contacts) = message.contacts().unwrap() else { panic!("no contact") };
        let [contact] = contacts.as_slice() else { panic!("one contact") };
        let expires: u32 = str::from_utf8(contact.params.value("expires").unwrap()).unwrap().parse().unwrap();
        if expires > 0 && expires < self.min_expires {
            return (423, vec![("Min-Expires", self.min_expires.to_string())]);
        }
        let user = SipUri::parse(message.to().unwrap().uri).unwrap().user_text().unwrap();
        let uri = String::from_utf8(contact.uri.to_vec()).unwrap();
        self.changes.push((user.clone(), expires));
        if expires == 0 {
            self.bound.remove(&user);
            return (200, Vec::new());
        }
        self.bound.insert(user, uri.clone());
        let route = self.service_route.map(|route| ("Service-Route", route.to_owned()));
        (200, std::iter::once(("Contact", format!("<{uri}>;expires={expires}"))).chain(route).collect())
    }

    /// The challenge to what is not proven.
    fn challenge(&self, message: &Message) -> Option<String> {
        let password = self.password?;
        let nonce = format!("n{}", self.nonce);
        let challenge = format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\", qop=\"auth\", algorithm=MD5");
        let Some(shown) = message.header(Name::Authorization) else { return Some(challenge) };
        let shown = String::from_utf8(shown.to_vec()).unwrap();
        let value = |name: &str| {
            let parts = shown.trim_start_matches("Digest ").split(", ").filter_map(|part| part.split_once('='));
            let found = parts.filter(|(of, _)| *of == name).map(|(_, value)| value.trim_matches('"').to_owned()).next();
            found.unwrap_or_default()
        };
        if value("nonce") != nonce {
            return Some(format!("{challenge}, stale=true"));
        }
        let ha1 = md5(&format!("{}:{REALM}:{password}", value("username")));
        let ha2 = md5(&format!("REGISTER:{}", value("uri")));
        let response = md5(&format!("{ha1}:{nonce}:{}:{}:auth:{ha2}", value("nc"), value("cnonce")));
        (value("response") != response).then_some(challenge)
    }
}
