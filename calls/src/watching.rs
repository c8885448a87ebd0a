//! SUBSCRIBE: which phone may watch what (RFC 6665).
//!
//! A phone of a slot may watch the calls of the numbers of its own centre, and the mailbox of its own number. There are no mailboxes: that no
//! message waits is the truth, and it is told so that a phone which asks for it does not ask for ever.

use std::{sync::Arc, time::Instant};

use model::{Directory, SlotEntry, SlotId};
use sip_core::{Flow, Message, Notice, Package, ServerTx, SipUri, notifier::MessageSummary};

use crate::{registration::record_key, switchboard::Switchboard};

impl Switchboard {
    /// A SUBSCRIBE came, of a package that we have.
    pub(crate) fn subscribed(&mut self, now: Instant, tx: ServerTx, flow: Flow, message: &Message) {
        let Some(slot) = self.core.prove_request(now, tx, flow, message) else { return };
        let directory = Arc::clone(&self.core.directory);
        let Some(entry) = directory.slot(slot).filter(|entry| self.core.serves(entry.id)) else {
            self.core.endpoint.respond(now, tx, 403, None, &[]);
            return;
        };
        let within = self.core.endpoint.watched_by(message).and_then(|key| i64::try_from(key).ok()).map(SlotId);
        let watched = match within {
            Some(watched) => directory.slot(watched),
            None => named(&directory, message),
        };
        // Of other centres nobody learns what there is.
        let Some(watched) = watched.filter(|watched| watched.center == entry.center) else {
            self.core.endpoint.respond(now, tx, 404, None, &[]);
            return;
        };
        let notice = match Package::of(message) {
            Some(Package::MessageSummary) if watched.id != slot => {
                self.core.endpoint.respond(now, tx, 403, Some("This is not your mailbox"), &[]);
                return;
            }
            Some(Package::Dialog) => self.lamp_now(watched.id),
            // What is of no package is refused behind this, by the same answer for all.
            Some(Package::MessageSummary) | None => Notice::MessageSummary(MessageSummary::default()),
        };
        self.core.endpoint.subscribe(now, tx, record_key(slot), record_key(watched.id), notice);
        self.forget_lamp(watched.id);
    }

    /// Subscriptions that are not over.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.core.endpoint.subscriptions()
    }
}

/// The slot that a request's URI names, by its number or its user name.
pub(crate) fn named<'d>(directory: &'d Directory, message: &Message) -> Option<&'d SlotEntry> {
    let user = SipUri::parse(message.uri()).ok()?.user_text()?;
    directory.slot_by_number(&user).or_else(|| directory.slot_by_username(&user))
}
