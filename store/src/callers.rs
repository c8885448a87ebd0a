//! The number by which a slot calls the world (R8). Whether it may is for those who call.

use model::{Actor, Number, SlotId};

use crate::{
    Store, StoreError,
    audit::{self, Diff, Entry},
    db::{Tx, binds, statements},
    now,
    trunks::own,
};

statements! {
    SET: both "UPDATE slots SET caller = $2, updated_at = $3 WHERE id = $1";
}

impl Store {
    /// Gives a slot of the actor's centre a caller number, or with none takes it away. Signalling knows of it when it has the
    /// [`Store::directory`] anew.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such slot.
    pub async fn set_slot_caller(&self, actor: &Actor, slot: SlotId, caller: Option<&Number>) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let set = set(&mut tx, actor, slot, caller).await;
        match set {
            Ok(()) => tx.commit().await,
            Err(error) => {
                // Why it failed is what matters; a transaction that cannot be rolled back ends with its connection.
                drop(tx.rollback().await);
                Err(error)
            }
        }
    }
}

async fn set(tx: &mut Tx, actor: &Actor, slot: SlotId, caller: Option<&Number>) -> Result<(), StoreError> {
    let before = own(tx, actor, slot).await?.caller;
    if before.as_ref() == caller {
        return Ok(());
    }
    tx.run(SET, binds![slot, caller.map(Number::as_str), now()]).await?;
    let text = |number: Option<&Number>| number.map(ToString::to_string);
    let diff = Diff::none().and("caller", text(before.as_ref()), text(caller));
    audit::append(tx, now(), actor, &[Entry::change("slots.update", "slots", slot, diff)]).await
}
