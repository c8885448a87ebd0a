//! How REST gives orders to the signalling loop.

use std::{future::Future, sync::Arc, time::Duration};

use api::{Control, NotYet};
use futures_util::{FutureExt, future::BoxFuture};
use model::{Command, Directory, Refusal, Reply};
use store::{Store, StoreError};
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};
use tracing::{error, info};

use crate::door::{Door, Message};

/// The loop's door, and the one task that brings the store's directory to it.
pub(crate) struct LoopControl {
    door: Door,
    /// How many changes of the directory there were.
    changes: watch::Sender<u64>,
    followed: watch::Receiver<Followed>,
}

/// How far signalling has followed the changes of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Followed {
    /// It works with this many.
    taken: u64,
    /// With this many the directory could not be read.
    failed: u64,
}

/// A directory that cannot be read is tried again after this long: the change is in the database already, so signalling must hear of it.
const RETRY: Duration = Duration::from_millis(500);

/// A read that takes longer than this has failed. A slow database (FT-5) is one that answers.
const READ_MAX: Duration = Duration::from_secs(60);

impl LoopControl {
    /// Control of the loop behind `door`; the task that reads directories ends with it. To be called in a runtime.
    pub(crate) fn new(door: Door, store: Store) -> Self {
        Self::reading(door, move || {
            let store = store.clone();
            async move { store.directory().await }
        })
    }

    fn reading<R>(door: Door, read: impl Fn() -> R + Send + 'static) -> Self
    where
        R: Future<Output = Result<Directory, StoreError>> + Send + 'static,
    {
        let (changes, changed) = watch::channel(0);
        let (follows, followed) = watch::channel(Followed::default());
        tokio::spawn(follow(door.clone(), read, changed, follows));
        Self { door, changes, followed }
    }
}

impl Control for LoopControl {
    fn execute(&self, command: Command) -> BoxFuture<'static, Result<Reply, Refusal>> {
        let (reply, replied) = oneshot::channel();
        let taken = self.door.command(command, reply);
        async move { if taken { replied.await.unwrap_or(Err(Refusal::Unavailable)) } else { Err(Refusal::Unavailable) } }.boxed()
    }

    fn directory_changed(&self) -> BoxFuture<'static, Result<(), NotYet>> {
        let mut change = 0;
        self.changes.send_modify(|changes| {
            *changes += 1;
            change = *changes;
        });
        let mut followed = self.followed.clone();
        async move {
            let outcome = followed.wait_for(|followed| followed.taken >= change || followed.failed >= change).await;
            outcome.is_ok_and(|followed| followed.taken >= change).then_some(()).ok_or(NotYet)
        }
        .boxed()
    }
}

/// Brings the directory to the loop after each change, several together if they come faster. Says once that it cannot be read, and once that it
/// can again.
async fn follow<R: Future<Output = Result<Directory, StoreError>>>(
    door: Door,
    read: impl Fn() -> R,
    mut changed: watch::Receiver<u64>,
    follows: watch::Sender<Followed>,
) {
    while changed.changed().await.is_ok() {
        let mut is_failing = false;
        let (changes, directory) = loop {
            // What is read holds at least these.
            let changes = *changed.borrow_and_update();
            let failure = match timeout(READ_MAX, read()).await {
                Ok(Ok(directory)) => break (changes, directory),
                Ok(Err(failure)) => failure.to_string(),
                Err(_) => format!("no answer in {} s", READ_MAX.as_secs()),
            };
            if !std::mem::replace(&mut is_failing, true) {
                error!(%failure, "Slots, trunks or routes have changed, and the database does not give them: the change is in force once it does.");
            }
            follows.send_modify(|followed| followed.failed = changes);
            sleep(RETRY).await;
            if follows.is_closed() {
                return;
            }
        };
        let (done, taken) = oneshot::channel();
        door.order(Message::Directory(Arc::new(directory), done));
        if taken.await.is_err() {
            // The loop is ending; nobody needs the directory any more.
            return;
        }
        if is_failing {
            info!("The changed slots, trunks and routes are in force now.");
        }
        follows.send_modify(|followed| followed.taken = changes);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{
        collections::VecDeque,
        net::{Ipv4Addr, SocketAddr},
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
        thread,
    };

    use net::{SignallingSettings, SignallingSockets};

    use super::*;

    /// A loop that counts the directories it is given, until it is told to stop.
    fn counting_loop() -> (Door, Arc<AtomicUsize>) {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (mut sockets, waker) = SignallingSockets::bind(SignallingSettings { udp: vec![any], ..SignallingSettings::default() }).unwrap();
        let (door, count) = (Door::new(waker), Arc::new(AtomicUsize::new(0)));
        let (inside, counts) = (door.clone(), Arc::clone(&count));
        thread::spawn(move || {
            let mut messages = VecDeque::new();
            loop {
                sockets.wait(None, &mut Vec::new());
                inside.take(&mut messages);
                for message in messages.drain(..) {
                    let Message::Directory(_, done) = message else { return };
                    counts.fetch_add(1, Ordering::SeqCst);
                    let _ = done.send(());
                }
            }
        });
        (door, count)
    }

    #[tokio::test]
    async fn a_change_whose_directory_cannot_be_read_is_told_so_and_comes_into_force_by_itself() {
        let (door, count) = counting_loop();
        let (is_away, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (away, counts) = (Arc::clone(&is_away), Arc::clone(&reads));
        let control = LoopControl::reading(door.clone(), move || {
            counts.fetch_add(1, Ordering::SeqCst);
            let outcome = if away.load(Ordering::SeqCst) { Err(StoreError::Unavailable("gone".into())) } else { Ok(Directory::default()) };
            async move { outcome }
        });
        assert_eq!(control.directory_changed().await, Ok(()));
        is_away.store(true, Ordering::SeqCst);
        assert_eq!(control.directory_changed().await, Err(NotYet), "at once, not when the database is back");
        // Many more, and each is answered; one task reads for all of them, at its own pace.
        let before = reads.load(Ordering::SeqCst);
        let more = futures_util::future::join_all((0..100).map(|_| control.directory_changed())).await;
        assert!(more.iter().all(|outcome| *outcome == Err(NotYet)));
        assert!(reads.load(Ordering::SeqCst) <= before + 2, "{before} reads became {reads:?}");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        is_away.store(false, Ordering::SeqCst);
        // Without a further change.
        control.followed.clone().wait_for(|followed| followed.taken == 102).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 2, "once for all of them");
        assert_eq!(control.directory_changed().await, Ok(()));
        door.order(Message::Stop);
    }

    #[tokio::test]
    async fn when_the_loop_is_gone_nobody_waits() {
        let (door, _) = counting_loop();
        let control = LoopControl::reading(door.clone(), || async { Ok(Directory::default()) });
        door.order(Message::Stop);
        door.close();
        assert_eq!(control.directory_changed().await, Err(NotYet));
        assert_eq!(control.directory_changed().await, Err(NotYet));
    }
}
