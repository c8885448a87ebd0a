//! SIP without IO: messages, URIs, digest, the registrar and registrations of our own, transactions, dialogs, INVITE sessions, subscriptions,
//! and where a request is to be sent.
//!
//! This room knows bytes, addresses and time only as arguments. It opens no socket, reads no clock, starts no thread,
//! and does not know what a slot, an operator or a call centre is.

pub mod armour;
mod dialog;
pub mod digest;
mod early;
pub mod endpoint;
pub mod enrol;
pub mod flow;
pub mod framer;
pub mod guard;
pub mod hep;
pub mod locate;
pub mod message;
pub mod notifier;
pub mod registrar;
mod session;
mod terms;
pub mod timer;
mod transaction;
pub mod transfer;
pub mod uri;
pub mod websocket;

pub use armour::{Armour, ArmourCounters, ArmourOutput, ArmourSettings, Ban, BanList, Evidence, Peer, Treatment};
pub use digest::client::{Account, Unproven};
pub use digest::{Algorithm, Claim, Credentials, Verdict, Verifier};
pub use endpoint::{
    AccountId, EndReason, Endpoint, EndpointOutput, EndpointSettings, Extras, Fork, Invite, OutsideRequest, ReferId, Reliable,
    ReofferError, RequestId, ServerTx, SessionEvent, SessionId, Stranger, Unanswered, Unsent,
};
pub use enrol::{Enrol, EnrolOutput, EnrolSettings, EnrolState, Failure};
pub use flow::{Flow, Transport};
pub use framer::{Frame, FrameError, Framer, FramerLimits};
pub use guard::{Admit, Guard, GuardCounters, GuardSettings};
pub use locate::{DomainName, Families, Host, LocateError, Located, Locator, LocatorOutput, LocatorSettings, LookupId, Place, Target};
pub use message::{
    CSeq, Contacts, FieldError, Message, Method, Name, NameAddr, Params, ParseError, ParseErrorKind, Reply400, Via, Writer, address_text,
    peer_flow, reason_header, return_flow,
};
pub use notifier::{Notice, NotifierSettings, Package, SubscriptionId};
pub use registrar::{Bound, Change, Lost, Reach, Registered, Registrar, RegistrarSettings};
pub use transfer::Replaces;
pub use uri::{Scheme, SipUri, UriError};
pub use websocket::{WebError, WebFrame, WebSocket, frame_head};
