//! `[security]`

use ipnet::IpNet;

use crate::{
    section::{Findings, section},
    sip::Domain,
};

section! {
    /// Who is banned for what he sends: guessed passwords, scanners, calls without a login. docs/security.md tells all of it.
    /// Only who is proven to hear us is banned, so that nobody can have another banned by writing his address on a datagram;
    /// and nobody is locked out where he has logged in before.
    /// Points speak against a source for what it does, and halve every 11 minutes: a wrong password 10, an unknown user 15, a call
    /// without a login 10, or 25 if it is for a telephone number, a scanner 100.
    Security in security {
        /// false: nobody is judged and nobody is banned; all bans end.
        @live enabled: bool = "true";
        /// The networks that nothing is held against, such as "203.0.113.0/24". Carriers' networks are exempt by themselves.
        @live exempt: Vec<IpNet> = "[]";
        /// Points at which a source is banned.
        @live ban_at: u32 = "100", 20..=10000;
        /// How long a first ban lasts, in seconds. Each next one within two days lasts four times as long.
        @live ban_s: u32 = "300", 10..=604800;
        /// How long a ban lasts at most, in seconds, and that of a source that has guessed slowly.
        @live ban_longest_s: u32 = "86400", 10..=604800;
        /// Failed logins of one source within a day that ban it, however slowly they come.
        @live failures_a_day: u32 = "40", 3..=1000;
        /// Failed logins with one user's name within a day, from all addresses together that nobody has logged in from lately: further ones
        /// are answered as ever and not looked at.
        @live user_failures_a_day: u32 = "50", 3..=10000;
        /// Requests from the Internet for a domain that is not ours get no answer; scanners do not know ours.
        /// It counts only where sip.domain or security.domains names ours. Our addresses are ours in any case, and who is in the house is
        /// answered.
        @live drop_foreign: bool = "true";
        /// Further names that phones are set up with, beside sip.domain.
        @live domains: Vec<Domain> = "[]";
    }
}

impl Security {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if self.ban_longest_s < self.ban_s {
            findings.contradiction(
                &["security.ban_longest_s", "security.ban_s"],
                format!(
                    "`security.ban_longest_s` ({}) is less than a first ban lasts (`security.ban_s`, {})",
                    self.ban_longest_s, self.ban_s
                ),
            );
        }
        if self.user_failures_a_day <= self.failures_a_day {
            findings.warn(
                &["security.user_failures_a_day", "security.failures_a_day"],
                "one source alone can use them up before it is banned (security.failures_a_day), and the user's logins from new places are then \
                 not looked at",
            );
        }
        if self.exempt.iter().any(|network| network.prefix_len() == 0) {
            findings.warn(&["security.exempt"], "it has the whole world: nobody is ever banned");
        }
    }
}
