//! Which session a Replaces header names (RFC 3891): in an INVITE, and in the Refer-To of a transfer.

use super::{Endpoint, SessionId, check::Refusal};
use crate::{
    message::Message,
    session::{Session, Stage, Stop},
    transaction::Tag,
    transfer::Replaces,
};

/// How far a session is that somebody wants to take the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// They called, and nobody has answered.
    Incoming,
    /// We called, and nobody has answered.
    Calling,
    Confirmed,
    /// It is about to end.
    Over,
}

impl Endpoint {
    /// The session whose dialog `replaces` names, whoever began it, unless it is about to end. For a transfer whose target is in contact with
    /// the peer by this very server (RFC 5589, 7).
    #[must_use]
    pub fn session_named(&self, replaces: &Replaces) -> Option<SessionId> {
        self.named(replaces).filter(|(_, standing)| *standing != Standing::Over).map(|(id, _)| id)
    }

    /// The session that a new INVITE asks to take the place of (3). Who cannot name a dialog with both its tags, of which ours is a secret of
    /// its two sides, learns nothing but 481 here.
    pub(super) fn replaced_by(&self, invite: &Message) -> Result<Option<SessionId>, Refusal> {
        if !self.settings.extras.transfers {
            return Ok(None);
        }
        let replaces = match Replaces::of(invite) {
            Ok(Some(replaces)) => replaces,
            Ok(None) => return Ok(None),
            Err(()) => return Err(Refusal::plain(400)),
        };
        let (id, standing) = self.named(&replaces).ok_or(Refusal::plain(481))?;
        match standing {
            // "If the Replaces header field matches an early dialog that was not initiated by this UA, it returns a 481".
            Standing::Incoming => Err(Refusal::plain(481)),
            Standing::Over => Err(Refusal::plain(603)),
            Standing::Confirmed if replaces.early_only => Err(Refusal::plain(486)),
            Standing::Calling | Standing::Confirmed => Ok(Some(id)),
        }
    }

    fn named(&self, replaces: &Replaces) -> Option<(SessionId, Standing)> {
        let id = *self.by_tag.get(&Tag::parse(&replaces.to_tag)?)?;
        let session = self.sessions.get(id.0).filter(|session| session.call_id() == replaces.call_id)?;
        standing(session, replaces).map(|standing| (id, standing))
    }
}

/// `None`: its other side is another.
fn standing(session: &Session, replaces: &Replaces) -> Option<Standing> {
    let (is_it, standing) = match &session.stage {
        Stage::Incoming(incoming) => (replaces.is_from(incoming.dialog.remote_tag()), Standing::Incoming),
        Stage::Calling(calling) => {
            let is_it = calling.early.iter().any(|early| !early.is_over && replaces.is_from(early.dialog.remote_tag()));
            (is_it, if matches!(calling.stop, Stop::No) { Standing::Calling } else { Standing::Over })
        }
        Stage::Talking(talking) => {
            let standing = if talking.leave.is_some() { Standing::Over } else { Standing::Confirmed };
            (replaces.is_from(talking.dialog.remote_tag()), standing)
        }
        Stage::Leaving(leaving) => (replaces.is_from(leaving.dialog.remote_tag()), Standing::Over),
    };
    is_it.then_some(if session.told { Standing::Over } else { standing })
}
