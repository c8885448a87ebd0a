//! How REST gives orders to the signalling loop.

use std::{sync::Arc, time::Duration};

use api::Control;
use futures_util::{FutureExt, future::BoxFuture};
use model::{Command, Refusal, Reply};
use store::Store;
use tokio::sync::oneshot;
use tracing::error;

use crate::door::{Door, Message};

/// The loop's door, and the store that the directory is read from.
pub(crate) struct LoopControl {
    pub(crate) door: Door,
    pub(crate) store: Store,
}

/// A directory that cannot be read is tried again after this long: the change is in the database already, so signalling must hear of it.
const RETRY: Duration = Duration::from_millis(500);

impl Control for LoopControl {
    fn execute(&self, command: Command) -> BoxFuture<'static, Result<Reply, Refusal>> {
        let (reply, replied) = oneshot::channel();
        let taken = self.door.command(command, reply);
        async move { if taken { replied.await.unwrap_or(Err(Refusal::Unavailable)) } else { Err(Refusal::Unavailable) } }.boxed()
    }

    fn directory_changed(&self) -> BoxFuture<'static, ()> {
        let (door, store) = (self.door.clone(), self.store.clone());
        async move {
            let directory = loop {
                match store.directory().await {
                    Ok(directory) => break directory,
                    Err(failure) => {
                        error!(%failure, "The directory has changed but cannot be read; trying again.");
                        tokio::time::sleep(RETRY).await;
                    }
                }
            };
            let (done, taken) = oneshot::channel();
            door.order(Message::Directory(Arc::new(directory), done));
            // The loop may be ending; then nobody needs the directory any more.
            let _ = taken.await;
        }
        .boxed()
    }
}
