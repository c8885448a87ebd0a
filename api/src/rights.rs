//! Who may do what: one table of actions, and what each role is granted of them.
//!
//! Rights are `resource.action` with a scope. No handler compares roles: a route names its [`Action`], the guard asks
//! [`grant`], and the handler gets the [`Scope`] to hold its rows against.

use store::Role;

/// How far a right reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// What belongs to the user; everything else answers as if it did not exist (FT-18).
    Own,
    /// What belongs to the centre.
    All,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident $code:literal, admin $admin:tt, operator $operator:tt;)*) => {
        /// What can be done. One line an action: its name, then what each role is granted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Its name, `resource.action`.
            #[must_use]
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }
        }

        /// How far `role` may do `action`; none if not at all.
        #[must_use]
        pub(crate) fn grant(role: Role, action: Action) -> Option<Scope> {
            match (action, role) {
                $((Action::$name, Role::Admin) => scope!($admin), (Action::$name, Role::Operator) => scope!($operator),)*
            }
        }
    };
}

macro_rules! scope {
    (all) => {
        Some(Scope::All)
    };
    (own) => {
        Some(Scope::Own)
    };
    (no) => {
        None
    };
}

actions! {
    /// Learn who one is.
    ProfileRead "profile.read", admin own, operator own;
    /// See slots.
    SlotsRead "slots.read", admin all, operator all;
    /// Take slots and let them go: one's own lease, or anybody's.
    SlotsTake "slots.take", admin all, operator own;
    /// Put slots into and out of service, renew their passwords, delete them (S004-68).
    SlotsManage "slots.manage", admin all, operator no;
    /// Create, read, change and delete trunks (S004-69).
    TrunksManage "trunks.manage", admin all, operator no;
    /// Start a call.
    CallsStart "calls.start", admin all, operator own;
    /// End a call (R18).
    CallsEnd "calls.end", admin all, operator own;
    /// Read calls and call records.
    CallsRead "calls.read", admin all, operator own;
    /// Read the SIP messages of calls; they name addresses.
    CallsTrace "calls.trace", admin all, operator no;
    /// Hear recordings.
    RecordingsListen "recordings.listen", admin all, operator own;
    /// See how the trunks are.
    PbxRead "pbx.read", admin all, operator no;
    /// Have the server read its configuration again.
    SystemManage "system.manage", admin all, operator no;
    /// Read the server's own metrics.
    MetricsRead "metrics.read", admin all, operator no;
    /// Hear of calls and slots as they change.
    EventsHear "events.hear", admin all, operator own;
    /// Hear which phones displaced which (R17); it names addresses.
    BindingsHear "bindings.hear", admin all, operator no;
}
