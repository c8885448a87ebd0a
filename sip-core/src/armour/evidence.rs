//! What speaks against a source, and how much.

/// What speaks against a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// A login with a wrong password, for a user that there is.
    WrongPassword,
    /// A login for a user that there is not.
    UnknownUser,
    /// A tool that looks for servers and passwords ([`super::scanner`]); no phone calls itself so.
    Scanner,
    /// A phone's name that is mostly used by such tools, without a login.
    FakeAgent,
    /// A request without a login for a domain that is not ours.
    ForeignDomain,
    /// What is no SIP message.
    Malformed,
    /// A call without a login.
    CallWithoutLogin,
    /// A call without a login to what looks like a telephone number in the wide world: somebody tries who would pay.
    TollAttempt,
}

/// How much a piece of evidence weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Points against a source that nobody has logged in from.
    pub stranger: u32,
    /// Points against a source with a standing: an office, where one phone may be set up wrongly.
    pub standing: u32,
}

impl Evidence {
    /// How many kinds there are.
    pub(super) const COUNT: usize = 8;

    /// All kinds, in their order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::WrongPassword,
        Self::UnknownUser,
        Self::Scanner,
        Self::FakeAgent,
        Self::ForeignDomain,
        Self::Malformed,
        Self::CallWithoutLogin,
        Self::TollAttempt,
    ];

    /// What it weighs; at [`super::BAN_AT`] points a source is banned.
    ///
    /// What a phone does that is bound here weighs nothing: it calls first without a login, as RFC 3261, 22.1, lets it, and its mistakes in
    /// SIP are no attack. Of failed logins the first few of each name weigh the same everywhere ([`super::FAILURES_EACH`]): one stolen password
    /// would else pay for guessing all others.
    #[must_use]
    pub fn weight(self) -> Weight {
        let (stranger, standing) = match self {
            Self::WrongPassword => (10, 10),
            // Phones do not invent users; but one whose slot was deleted goes on trying.
            Self::UnknownUser => (15, 15),
            // One is enough of a stranger. It gets no answer in any case, so a ban adds nothing but the loss of an office: whoever can have one
            // of its machines open a connection, by a page on the web for example, would else put all of its phones out.
            Self::Scanner => (100, 0),
            Self::FakeAgent => (20, 0),
            Self::ForeignDomain => (10, 0),
            Self::Malformed => (5, 0),
            Self::CallWithoutLogin => (10, 0),
            Self::TollAttempt => (25, 0),
        };
        Weight { stranger, standing }
    }

    /// One word for logs and the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong_password",
            Self::UnknownUser => "unknown_user",
            Self::Scanner => "scanner",
            Self::FakeAgent => "fake_agent",
            Self::ForeignDomain => "foreign_domain",
            Self::Malformed => "malformed",
            Self::CallWithoutLogin => "call_without_login",
            Self::TollAttempt => "toll_attempt",
        }
    }

    /// The evidence of a word of [`Evidence::as_str`].
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|evidence| evidence.as_str() == word)
    }
}

/// How often each kind was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally([u32; Evidence::COUNT]);

impl Tally {
    pub(super) fn add(&mut self, evidence: Evidence) {
        if let Some((_, count)) = Evidence::ALL.into_iter().zip(&mut self.0).find(|(kind, _)| *kind == evidence) {
            *count = count.saturating_add(1);
        }
    }

    /// Those that were seen.
    pub(super) fn seen(self) -> Vec<(Evidence, u32)> {
        Evidence::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0).collect()
    }
}
