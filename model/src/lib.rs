//! The nouns that more than one room needs: ids, numbers, times, causes, facts, events, commands, the directory,
//! carriers, routes, budgets, calendars.
//!
//! Plain data: this room does no IO and knows no other room.
//! It is the one place whose types are serialised for others (journal, Socket.IO, REST).

mod access;
mod actor;
mod address;
pub mod budget;
mod calendar;
pub mod carrier;
mod cause;
mod cdr;
mod command;
mod directory;
mod drawing;
mod event;
mod fact;
mod id;
mod limits;
mod linked;
mod number;
mod problem;
mod recording;
mod resource;
pub mod route;
mod security;
mod sheet;
mod slot;
mod time;

pub use access::{Action, ListKind, Mode, ParseReachError, Reach, RowPart, RowRule, Scope};
pub use actor::{Actor, ActorKind};
pub use address::not_public;
pub use budget::{BudgetEntry, BudgetNews, BudgetUsed, BudgetView, EndingView};
pub use calendar::{Calendar, Day, ParseCalendarError, Span, SpecialDate, SpecialDay, Zone};
pub use carrier::{AccountState, CarrierAccountView, CarrierHostView, CarrierView};
pub use cause::{Cause, Side};
pub use cdr::{CarrierTry, Cdr, Direction, Outcome, RUNG_MAX, Rung, Segment, TryOutcome};
pub use command::{Command, NoRoom, Refusal, Reply, TransferTo};
pub use directory::{Directory, Ha1, Hub, HubKind, SlotEntry};
pub use drawing::{Draw, Drawing};
pub use event::{
    CallStatus, CallView, DigitView, Envelope, Event, Gate, GoneNews, GoneWhy, JobView, PartyRole, PopCandidate, PopNews, ReboundView,
    RecordingView, RowNews, SlotView, Transfer, TransferStatus,
};
pub use fact::{Binding, Fact};
pub use id::{CallId, CarrierId, CenterId, HubId, ItemId, LeadId, ParseIdError, RouteId, SlotId, TagGroupId, TagId, UserId};
pub use limits::{Destination, ParseDestinationError, SlotLimits};
pub use linked::{Links, Narrow};
pub use number::{Number, ParseNumberError};
pub use problem::Problem;
pub use recording::{ChannelRole, RecordingRow, RecordingState};
pub use resource::{Column, ColumnKind, Mask, Owner, Part, Resource};
pub use security::{BanView, EvidenceCount, SecurityCounts, SecurityView, source_address};
pub use sheet::harmless;
pub use slot::{SlotState, SlotStatus};
pub use time::{Anchor, WallTime};
