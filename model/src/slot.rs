//! The states of a slot.

use serde::{Deserialize, Serialize};

/// The state of a slot (S004-36, R5, R7). Registration is a fact beside it, not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SlotState {
    /// Nobody holds it. If it is registered it can be called and can call.
    Idle,
    /// Just taken by a person; passed at once.
    Assigned,
    /// Taken, and waiting for its phone to register.
    Registering,
    /// Taken and registered: its holder can call.
    Ready,
    /// An INVITE to or from it is under way.
    Calling,
    /// The far party has answered.
    ActiveCall,
    /// After-call work (0 s unless a queue or campaign sets it).
    Postcall,
    /// Set by an administrator or a device agent only.
    Fault,
    /// Taken out of service by an administrator.
    Disabled,
}

impl SlotState {
    /// The name on the wire: upper case, `ACTIVE_CALL`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Assigned => "ASSIGNED",
            Self::Registering => "REGISTERING",
            Self::Ready => "READY",
            Self::Calling => "CALLING",
            Self::ActiveCall => "ACTIVE_CALL",
            Self::Postcall => "POSTCALL",
            Self::Fault => "FAULT",
            Self::Disabled => "DISABLED",
        }
    }

    /// Whether a call to or from the slot is under way or being wrapped up.
    #[must_use]
    pub fn is_busy(self) -> bool {
        matches!(self, Self::Calling | Self::ActiveCall | Self::Postcall)
    }
}

/// The coarse status that the owner's API shows (D8, R5), computed from state, registration and holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotStatus {
    /// Registered, IDLE or READY, and not taken by somebody else.
    Free,
    /// In a call or in after-call work.
    Busy,
    /// Taken by somebody else.
    Taken,
    /// No phone is registered.
    Offline,
    /// FAULT.
    Fault,
    /// DISABLED.
    Disabled,
}
