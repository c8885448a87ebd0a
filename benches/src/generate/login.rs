//! How a phone of the generator proves who it is (RFC 7616), by MD5 and with as little work as can be.

use md5::{Digest, Md5};
use tests::Account;

use super::text;

/// An account, and what it has been challenged with.
pub(crate) struct Login {
    pub(crate) account: Account,
    /// Of realm and password; made when the realm is known.
    ha1: Option<(String, String)>,
    nonce: String,
    nonce_count: u32,
}

impl Login {
    pub(crate) fn new(account: Account) -> Self {
        Self { account, ha1: None, nonce: String::new(), nonce_count: 0 }
    }

    /// Keeps what is needed to answer a challenge, now and later.
    pub(crate) fn keep(&mut self, challenge: &str) {
        let realm = text::field(challenge, "realm").unwrap_or_default();
        if self.ha1.as_ref().is_none_or(|(known, _)| known != realm) {
            let Account { username, password, .. } = &self.account;
            self.ha1 = Some((realm.to_owned(), md5(&format!("{username}:{realm}:{password}"))));
        }
        text::field(challenge, "nonce").unwrap_or_default().clone_into(&mut self.nonce);
        self.nonce_count = 0;
    }

    /// An Authorization header by the nonce that it has.
    pub(crate) fn authorize(&mut self, method: &str, uri: &str) -> String {
        let Some((realm, ha1)) = &self.ha1 else { return String::new() };
        self.nonce_count += 1;
        let (nonce, count, username) = (&self.nonce, self.nonce_count, &self.account.username);
        let response = md5(&format!("{ha1}:{nonce}:{count:08x}:bench:auth:{}", md5(&format!("{method}:{uri}"))));
        format!(
            "Authorization: Digest username=\"{username}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm=MD5, cnonce=\"bench\", nc={count:08x}, qop=auth\r\n"
        )
    }
}

fn md5(text: &str) -> String {
    use std::fmt::Write;
    Md5::digest(text.as_bytes()).iter().fold(String::with_capacity(32), |mut digits, octet| {
        let _ = write!(digits, "{octet:02x}");
        digits
    })
}
