//! Carriers: by whom calls come from and go to the world (R2), as plain data.
//!
//! A [`Carrier`] is what REST takes and the database keeps. Nothing here opens a connection or counts calls.

mod account;
mod failover;
mod form;
mod host;
mod identity;
mod incoming;
mod kind;
mod order;
mod rates;
mod view;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use account::{Account, Secret};
pub use failover::{Failover, FailoverStep, NEVER_NEXT, NEXT_DEFAULT, never_next};
pub use form::{Digits, NumberForm, RULES_MAX, Rule, RuleOf, Send, rewrite};
pub use host::{Host, Transport};
pub use identity::{Caller, EarlyMedia, FromPart, Identity, NoCaller, Privacy, Redirections};
pub use incoming::{IncomingNumber, RequestNumbers, SlotRef};
pub use kind::{NumberKind, country, kind, warm};
pub use order::{Attempt, Candidate, LeftOut, Standing, order};
pub use rates::{ParsePriceError, Price, Rate, Rates};
pub use view::{AccountState, CarrierAccountView, CarrierHostView, CarrierView};

use crate::{CarrierId, CenterId, Number, ParseNumberError, Problem, problem::Problems};

/// A carrier's settings. What is left out has the default that stands at the field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// What people call it.
    pub name: String,
    /// Whether it is used at all. Default: yes.
    #[serde(default = "yes")]
    pub on: bool,
    /// Who may use it. Default: the centre that it belongs to.
    #[serde(default)]
    pub centers: Centers,
    /// Where requests to it go, the next if one does not answer: 1 to [`Carrier::HOSTS_MAX`].
    pub hosts: Vec<Host>,
    /// The networks that its calls come from; from elsewhere none is accepted (R2). Empty: the addresses of its hosts.
    #[serde(default)]
    pub networks: Vec<IpNet>,
    /// Accounts with it: to register, to be called by, and to answer its challenges. None: it knows us by our address.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// Our numbers with it.
    #[serde(default)]
    pub numbers: Vec<IncomingNumber>,
    /// The call-handling scenario of calls to those of its centre's numbers that have none of their own (S000-07); empty if none.
    #[serde(default)]
    pub scenario: String,
    /// Which advert brought them, in the same way; empty if none.
    #[serde(default)]
    pub source: String,
    /// The caller numbers that it has verified, and for whom. A centre's first is what it calls by if its slot has none.
    #[serde(default)]
    pub callers: Vec<Caller>,
    /// Calls at once, both ways: 1 to [`Carrier::CAPACITY_MAX`].
    pub capacity: u16,
    /// Calls that may begin in a second, both ways; 0 has no limit, but for those that come by datagrams: ten, or a quarter of `capacity`.
    #[serde(default)]
    pub calls_per_s: u16,
    /// How its being there is watched.
    #[serde(default)]
    pub health: Health,
    /// The group that routes call it by, with others.
    #[serde(default)]
    pub group: String,
    /// Its place in the group: all of a lower number are tried first. Default 100.
    #[serde(default = "hundred")]
    pub priority: u16,
    /// How often it is tried first among those of the same place. 0: after the others. Default 100.
    #[serde(default = "hundred")]
    pub weight: u16,
    /// The currency of its prices (ISO 4217): `RUB`. Empty if it has none.
    #[serde(default)]
    pub currency: String,
    /// What its calls cost, by the beginning of the number.
    #[serde(default)]
    pub rates: Rates,
    /// Whether it is only used for numbers that have a price. Default: no.
    #[serde(default)]
    pub rated_only: bool,
    /// After which answers the next carrier is tried.
    #[serde(default)]
    pub failover: Failover,
    /// How numbers are written where it is. Needed to understand and to write national numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<NumberForm>,
    /// What is done to numbers that it sends, before `form` reads them.
    #[serde(default)]
    pub rules_in: Vec<Rule>,
    /// How it wants numbers.
    #[serde(default)]
    pub send: Send,
    /// What is done to numbers that it is sent, after all else.
    #[serde(default)]
    pub rules_out: Vec<Rule>,
    /// How it is told who calls.
    #[serde(default)]
    pub identity: Identity,
    /// What the caller hears before the answer.
    #[serde(default)]
    pub early_media: EarlyMedia,
    /// How many times a call is sent on when it answers 3xx (RFC 3261, 8.1.3.4), 0 to [`Carrier::REDIRECTS_MAX`].
    /// Where it is sent to passes the plan and the gate as if it had been dialled (R23). Default 0: 3xx is a refusal.
    #[serde(default)]
    pub redirects_max: u8,
}

/// Who may use a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centers {
    /// The centre that it belongs to.
    #[default]
    Own,
    /// Every centre: it is shared. Its numbers and caller numbers still belong to one each.
    All,
}

/// How a carrier's being there is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object such as {\"options_every_s\": 30}")]
pub struct Health {
    /// Seconds between OPTIONS (RFC 3261, 11) to each of its hosts; 0 asks nothing. Default 30.
    pub options_every_s: u16,
    /// After so many without an answer it is not called until it answers again. Default 3.
    pub off_after: u8,
}

/// A carrier as the store knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct CarrierEntry {
    /// Its id.
    pub id: CarrierId,
    /// Whose it is.
    pub center: CenterId,
    /// Its settings.
    pub carrier: Carrier,
}

impl Carrier {
    /// The most characters of a name, of the carrier, its group, a scenario or a source.
    pub const NAME_MAX: usize = 100;
    /// The most hosts.
    pub const HOSTS_MAX: usize = 16;
    /// The most networks.
    pub const NETWORKS_MAX: usize = 64;
    /// The most accounts.
    pub const ACCOUNTS_MAX: usize = 100;
    /// The most numbers of ours.
    pub const NUMBERS_MAX: usize = 10_000;
    /// The most verified caller numbers.
    pub const CALLERS_MAX: usize = 10_000;
    /// The most calls at once.
    pub const CAPACITY_MAX: u16 = 20_000;
    /// The most calls that can be let begin in a second.
    pub const CALLS_PER_S_MAX: u16 = 1_000;
    /// The most times that a call can be let be sent on.
    pub const REDIRECTS_MAX: u8 = 5;

    /// Everything that is wrong with it, at most a hundred things.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check(&mut problems);
        problems.found()
    }

    /// The prefix of the widest IPv4 network that is still one provider's.
    pub const NETWORK_V4_WIDEST: u8 = 24;
    /// The same for IPv6.
    pub const NETWORK_V6_WIDEST: u8 = 56;

    /// A network of it that is wider than one provider's, if it has one.
    #[must_use]
    pub fn wide_network(&self) -> Option<IpNet> {
        let widest = |network: &IpNet| if network.addr().is_ipv4() { Self::NETWORK_V4_WIDEST } else { Self::NETWORK_V6_WIDEST };
        self.networks.iter().find(|network| network.prefix_len() < widest(network)).copied()
    }

    pub(crate) fn check(&self, problems: &mut Problems) {
        problems.text("name", &self.name, Self::NAME_MAX);
        problems.list("hosts", &self.hosts, Self::HOSTS_MAX, |_, _| ());
        if self.hosts.is_empty() {
            problems.field("hosts", |problems| problems.add("needs at least one"));
        }
        problems.list("networks", &self.networks, Self::NETWORKS_MAX, |problems, network| {
            if network.prefix_len() == 0 {
                problems.add("is the whole world: everybody could call in by this carrier");
            }
        });
        let mut names = std::collections::BTreeSet::new();
        problems.list("accounts", &self.accounts, Self::ACCOUNTS_MAX, |problems, account| {
            account.check(problems);
            if !names.insert(account.username.clone()) {
                problems.field("username", |problems| problems.add("stands twice"));
            }
        });
        self.check_numbers(problems);
        problems.range("capacity", self.capacity, 1, Self::CAPACITY_MAX);
        problems.range("calls_per_s", self.calls_per_s, 0, Self::CALLS_PER_S_MAX);
        problems.field("health", |problems| {
            if self.health.options_every_s != 0 {
                problems.range("options_every_s", self.health.options_every_s, 5, 3600);
            }
            problems.range("off_after", self.health.off_after, 1, 100);
        });
        if !self.group.is_empty() {
            problems.text("group", &self.group, Self::NAME_MAX);
        }
        let is_code = self.currency.len() == 3 && self.currency.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_code && (!self.currency.is_empty() || !self.rates.is_empty()) {
            problems.field("currency", |problems| problems.add("is three capital letters, such as RUB"));
        }
        problems.field("rates", |problems| self.rates.check(problems));
        if self.rated_only && self.rates.is_empty() {
            problems.field("rated_only", |problems| problems.add("without rates it would never be used"));
        }
        problems.field("failover", |problems| self.failover.check(problems));
        if let Some(form) = &self.form {
            problems.field("form", |problems| form.check(problems));
        }
        problems.list("rules_in", &self.rules_in, RULES_MAX, |problems, rule| rule.check(problems));
        if self.send == Send::National && self.form.is_none() {
            problems.field("send", |problems| problems.add("national needs form, which says how numbers are written there"));
        }
        problems.list("rules_out", &self.rules_out, RULES_MAX, |problems, rule| rule.check(problems));
        problems.field("identity", |problems| self.identity.check(problems, &self.accounts));
        problems.range("redirects_max", self.redirects_max, 0, Self::REDIRECTS_MAX);
    }

    /// The number that it sent, in E.164 if it is one. `of` says which of the two it is.
    ///
    /// # Errors
    ///
    /// If a rule makes of it what cannot be dialled.
    pub fn read(&self, of: RuleOf, number: &Number) -> Result<Number, ParseNumberError> {
        let number = rewrite(&self.rules_in, of, number)?;
        Ok(self.form.as_ref().map_or(number.clone(), |form| form.e164(&number)))
    }

    /// The number as it wants it. `of` says which of the two it is.
    ///
    /// # Errors
    ///
    /// If a rule makes of it what cannot be dialled.
    pub fn write(&self, of: RuleOf, number: &Number) -> Result<Number, ParseNumberError> {
        let number = match (self.send, &self.form) {
            (Send::Digits, _) => number.as_str().trim_start_matches('+').parse()?,
            (Send::National, Some(form)) => form.national(number),
            (Send::Plus, _) | (Send::National, None) => number.clone(),
        };
        rewrite(&self.rules_out, of, &number)
    }

    /// Whether the carrier may take the number, sent as digits, for another and dear one, as they are dialled where it is: `+81088…`, which is nobody's,
    /// for a call abroad (810), and `+880 91234567` for 8 809 1234567, which is premium rate. `home` is how numbers are written there if it does not
    /// say itself. What its own rules rewrite is theirs.
    #[must_use]
    pub fn misreads(&self, number: &Number, home: Option<&NumberForm>) -> bool {
        let (Send::Digits, Some(form), Some(digits)) = (self.send, self.form.as_ref().or(home), number.as_str().strip_prefix('+')) else {
            return false;
        };
        if self.write(RuleOf::Called, number).is_ok_and(|written| written.as_str() != digits) {
            return false;
        }
        if !form.international_prefix.is_empty() && digits.starts_with(&form.international_prefix) {
            return true;
        }
        let Ok(read) = digits.parse().map(|digits| form.e164(&digits)) else { return false };
        read != *number && kind(&read).is_dear()
    }

    /// What calls to this E.164 number cost; none if it has no price.
    #[must_use]
    pub fn price(&self, number: &Number) -> Option<&Rate> {
        self.rates.of(number)
    }
}

impl CarrierEntry {
    /// Whether calls of this centre may go out by it.
    #[must_use]
    pub fn serves(&self, center: CenterId) -> bool {
        self.carrier.centers == Centers::All || self.center == center
    }
}

impl Default for Health {
    fn default() -> Self {
        Self { options_every_s: 30, off_after: 3 }
    }
}

fn yes() -> bool {
    true
}

fn hundred() -> u16 {
    100
}

#[cfg(test)]
mod tests;
