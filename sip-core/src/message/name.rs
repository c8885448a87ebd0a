//! Header names and methods: the ones we know by name, everything else stays bytes.

use std::fmt;

/// Declares [`Name`] with its canonical spelling and compact form (RFC 3261, 7.3.3 and 20).
macro_rules! names {
    ($($(#[doc = $doc:literal])* $variant:ident $canonical:literal $($compact:literal)?;)*) => {
        /// A header's kind. Names are compared without regard to case; compact forms are the same kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Name {
            $($(#[doc = $doc])* $variant,)*
            /// A header we have no name for: see [`crate::Message::header_named`].
            Other,
        }

        impl Name {
            /// Every kind but [`Name::Other`], with its spellings.
            const ALL: &[(Name, &'static str, &'static str)] = &[$((Name::$variant, $canonical, concat!($($compact)?)),)*];

            /// The spelling we write; empty for [`Name::Other`].
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $canonical,)*
                    Self::Other => "",
                }
            }
        }
    };
}

names! {
    /// Via.
    Via "Via" "v";
    /// From.
    From "From" "f";
    /// To.
    To "To" "t";
    /// Call-ID.
    CallId "Call-ID" "i";
    /// CSeq.
    CSeq "CSeq";
    /// Contact.
    Contact "Contact" "m";
    /// Max-Forwards.
    MaxForwards "Max-Forwards";
    /// Expires.
    Expires "Expires";
    /// Min-Expires.
    MinExpires "Min-Expires";
    /// Content-Length.
    ContentLength "Content-Length" "l";
    /// Content-Type.
    ContentType "Content-Type" "c";
    /// Content-Encoding.
    ContentEncoding "Content-Encoding" "e";
    /// Content-Disposition.
    ContentDisposition "Content-Disposition";
    /// Authorization.
    Authorization "Authorization";
    /// WWW-Authenticate.
    WwwAuthenticate "WWW-Authenticate";
    /// Proxy-Authorization.
    ProxyAuthorization "Proxy-Authorization";
    /// Proxy-Authenticate.
    ProxyAuthenticate "Proxy-Authenticate";
    /// Route.
    Route "Route";
    /// Record-Route.
    RecordRoute "Record-Route";
    /// Path (RFC 3327).
    Path "Path";
    /// Require.
    Require "Require";
    /// Proxy-Require.
    ProxyRequire "Proxy-Require";
    /// Supported.
    Supported "Supported" "k";
    /// Unsupported.
    Unsupported "Unsupported";
    /// Allow.
    Allow "Allow";
    /// Accept.
    Accept "Accept";
    /// User-Agent.
    UserAgent "User-Agent";
    /// Server.
    Server "Server";
    /// Retry-After.
    RetryAfter "Retry-After";
    /// Reason (RFC 3326).
    Reason "Reason";
    /// Date.
    Date "Date";
    /// Timestamp.
    Timestamp "Timestamp";
    /// Warning.
    Warning "Warning";
    /// Alert-Info.
    AlertInfo "Alert-Info";
    /// Call-Info.
    CallInfo "Call-Info";
    /// Answer-Mode (RFC 5373).
    AnswerMode "Answer-Mode";
    /// Subject.
    Subject "Subject" "s";
    /// Session-Expires (RFC 4028).
    SessionExpires "Session-Expires" "x";
    /// Min-SE (RFC 4028).
    MinSe "Min-SE";
    /// RSeq (RFC 3262).
    RSeq "RSeq";
    /// RAck (RFC 3262).
    RAck "RAck";
    /// Refer-To (RFC 3515).
    ReferTo "Refer-To" "r";
    /// Referred-By (RFC 3892).
    ReferredBy "Referred-By" "b";
    /// Replaces (RFC 3891).
    Replaces "Replaces";
    /// Event (RFC 6665).
    Event "Event" "o";
    /// Subscription-State (RFC 6665).
    SubscriptionState "Subscription-State";
    /// Privacy (RFC 3323).
    Privacy "Privacy";
    /// P-Asserted-Identity (RFC 3325).
    PAssertedIdentity "P-Asserted-Identity";
    /// P-Preferred-Identity (RFC 3325).
    PPreferredIdentity "P-Preferred-Identity";
    /// Diversion (RFC 5806).
    Diversion "Diversion";
}

impl Name {
    /// The kind of a header name as received.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        match TABLE.get(hash(name)) {
            // Most write it as we do.
            Some(&Some((kind, spelling))) if name == spelling.as_bytes() || name.eq_ignore_ascii_case(spelling.as_bytes()) => kind,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Other { "header" } else { self.as_str() })
    }
}

const TABLE_SIZE: usize = 256;

/// Every spelling in a place of its own: a name that is not in its place is none of ours.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static TABLE: [Option<(Name, &'static str)>; TABLE_SIZE] = {
    let mut table = [None; TABLE_SIZE];
    let mut at = 0;
    while at < Name::ALL.len() {
        let (name, canonical, compact) = Name::ALL[at];
        let spellings = [canonical, compact];
        let mut form = 0;
        while form < spellings.len() {
            let spelling = spellings[form];
            if !spelling.is_empty() {
                let place = hash(spelling.as_bytes());
                assert!(table[place].is_none(), "two names share a place: choose other factors in `hash`");
                table[place] = Some((name, spelling));
            }
            form += 1;
        }
        at += 1;
    }
    table
};

/// By length, first and last letter. The factors are chosen so that no two spellings meet, which the compiler checks.
const fn hash(name: &[u8]) -> usize {
    match (name.first(), name.last()) {
        (Some(first), Some(last)) => {
            let (first, last) = (first.to_ascii_lowercase() as usize, last.to_ascii_lowercase() as usize);
            (name.len() + first * 33 + last * 7) % TABLE_SIZE
        }
        _ => 0,
    }
}

/// Declares [`Method`].
macro_rules! methods {
    ($($(#[doc = $doc:literal])* $variant:ident $token:literal;)*) => {
        /// A method. Tokens are compared with regard to case (RFC 3261, 7.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Method {
            $($(#[doc = $doc])* $variant,)*
            /// One we do not know: see [`crate::Message::method_bytes`].
            Other,
        }

        impl Method {
            /// The method of a token.
            #[must_use]
            pub fn of(token: &[u8]) -> Self {
                $(if token == $token.as_bytes() { return Self::$variant; })*
                Self::Other
            }

            /// The token; empty for [`Method::Other`].
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $token,)*
                    Self::Other => "",
                }
            }
        }
    };
}

methods! {
    /// INVITE.
    Invite "INVITE";
    /// ACK.
    Ack "ACK";
    /// BYE.
    Bye "BYE";
    /// CANCEL.
    Cancel "CANCEL";
    /// REGISTER.
    Register "REGISTER";
    /// OPTIONS.
    Options "OPTIONS";
    /// INFO (RFC 6086).
    Info "INFO";
    /// UPDATE (RFC 3311).
    Update "UPDATE";
    /// PRACK (RFC 3262).
    Prack "PRACK";
    /// REFER (RFC 3515).
    Refer "REFER";
    /// NOTIFY (RFC 6665).
    Notify "NOTIFY";
    /// SUBSCRIBE (RFC 6665).
    Subscribe "SUBSCRIBE";
    /// MESSAGE (RFC 3428).
    Message "MESSAGE";
    /// PUBLISH (RFC 3903).
    Publish "PUBLISH";
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Other { "another method" } else { self.as_str() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, Name};

    #[test]
    fn every_spelling_finds_its_kind() {
        for &(name, canonical, compact) in Name::ALL {
            assert_eq!(Name::of(canonical.as_bytes()), name);
            assert_eq!(Name::of(canonical.to_uppercase().as_bytes()), name);
            assert_eq!(Name::of(canonical.to_lowercase().as_bytes()), name);
            if !compact.is_empty() {
                assert_eq!(Name::of(compact.as_bytes()), name);
                assert_eq!(Name::of(compact.to_uppercase().as_bytes()), name);
            }
        }
    }

    #[test]
    fn strangers_are_other() {
        for name in ["", "C%6Fntact", "Contacts", "z", "Vi", "X-Via", "\u{17f}ubject"] {
            assert_eq!(Name::of(name.as_bytes()), Name::Other, "{name}");
        }
    }

    #[test]
    fn method_tokens_are_case_sensitive_and_whole() {
        assert_eq!(Method::of(b"INVITE"), Method::Invite);
        for token in ["invite", "INVITEX", "INVIT", "RE%47IST%45R", ""] {
            assert_eq!(Method::of(token.as_bytes()), Method::Other, "{token}");
        }
    }
}
