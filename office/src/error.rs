//! What can go wrong, told apart by what a caller would do about it.

use model::WallTime;
use store::StoreError;

/// Why the office did not do what it was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such thing, or the person may not see it, which is the same (FT-18).
    #[error("no such {0}")]
    NotFound(&'static str),
    /// What was asked cannot be used; all that is wrong with it.
    #[error("{} field(s) cannot be used", .0.len())]
    Invalid(Vec<Fault>),
    /// What was asked does not fit what is there.
    #[error("{0}")]
    Conflict(Conflict),
    /// The person's rights do not reach so far: what is to be given is more than the person has.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The person sees what it is about, and may not do this to it: what right it takes.
    #[error("this takes the right {0}")]
    NotPermitted(&'static str),
    /// Too many passwords wait to be checked; nothing was changed.
    #[error("too many passwords wait to be checked: try again in a moment")]
    Crowded,
    /// A file could not be read or written.
    #[error("a file could not be used: {0}")]
    File(#[from] std::io::Error),
    /// A defect of ours.
    #[error("the office failed: {0}")]
    Defect(String),
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which member of the body, or parameter: `columns[2]`.
    pub field: String,
    /// `missing_field`, `unknown_field` or `invalid_field`.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub detail: String,
}

impl Fault {
    /// A value that cannot be used.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), code: "invalid_field", detail: detail.into() }
    }

    /// A name that is not known here, or may not be known to the person.
    pub fn unknown(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), code: "unknown_field", detail: detail.into() }
    }
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Nobody would be left who may administer.
    #[error("this would leave no active administrator")]
    LastAdmin,
    /// The name is in use.
    #[error("the user name is taken")]
    UsernameTaken,
    /// The code is in use.
    #[error("the code is taken")]
    CodeTaken,
    /// A telephone number is another client's.
    #[error("the number is another client's")]
    PhoneTaken {
        /// Which of the numbers that were given: `phones[1].number`.
        field: String,
        /// Whose it is, for who may know.
        client: Option<i64>,
    },
    /// The name is in use by another of its kind.
    #[error("another one has this name")]
    NameTaken,
    /// Somebody else has changed it meanwhile.
    #[error("it was changed meanwhile; its version is {current} now")]
    Version {
        /// The version that it has.
        current: i64,
    },
    /// It came with the program and cannot be deleted.
    #[error("it came with the program and cannot be deleted or renamed")]
    BuiltIn,
    /// Something else still needs it.
    #[error("it is still used by {0}")]
    InUse(String),
    /// It is not in a state for that.
    #[error("{0}")]
    State(String),
    /// The recording was erased.
    #[error("the recording was erased")]
    Erased {
        /// When.
        at: WallTime,
    },
    /// The recording is held.
    #[error("the recording is held: nobody erases it before it is let go")]
    Held,
    /// The listening session has ended.
    #[error("the listening session has ended: open another one")]
    SessionEnded,
    /// What happens to it does not lead on from where it stands.
    #[error("it is {state}, and this does not lead on from there")]
    Transition {
        /// Where it stands.
        state: &'static str,
        /// The events that lead on, of those that the person may cause.
        allowed: Vec<&'static str>,
    },
    /// Somebody else has it, or nobody does.
    #[error("it is {state}, and not yours")]
    Taken {
        /// Where it stands.
        state: &'static str,
    },
    /// The person holds as many as they may.
    #[error("you hold {limit} already: do these first, or give some back")]
    ClaimLimit {
        /// How many they may hold.
        limit: i64,
    },
}
