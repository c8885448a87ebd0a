//! What offers the load: SIP phones, REST clients and streams of sound, as lean as they can be.

pub(crate) mod lines;
pub(crate) mod login;
pub(crate) mod phones;
pub(crate) mod streams;
pub(crate) mod text;
pub(crate) mod wire;
