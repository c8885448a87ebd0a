//! The parts without which the server does no good any more. One that ends though nobody asked it to takes the server with it: a process that
//! answers "ok" while phones hear silence is worse than one that its supervisor starts again.

use std::future::Future;

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::sync::oneshot;

/// Comes when a part has ended, however it did; again and again for whoever asks.
pub(crate) type End = Shared<BoxFuture<'static, ()>>;

/// What a part holds as long as it runs; a panic drops it as well as its end does.
pub(crate) struct Alive(#[expect(dead_code, reason = "it is there to be dropped")] oneshot::Sender<()>);

/// What a part is to hold, and what its watcher is.
pub(crate) fn alive() -> (Alive, End) {
    let (alive, over) = oneshot::channel();
    (Alive(alive), end(over.map(drop)))
}

/// A future as an end.
pub(crate) fn end(over: impl Future<Output = ()> + Send + 'static) -> End {
    over.boxed().shared()
}

/// The ends of all vital parts.
pub(crate) struct Vitals {
    /// The loop that every phone talks to.
    pub(crate) signalling: End,
    /// Who writes facts down before phones hear of them.
    pub(crate) journal: End,
    /// Who writes the audio of calls.
    pub(crate) recorder: End,
    /// Who brings facts from the journal into the database.
    pub(crate) consumer: End,
}

/// A vital part has ended by a defect of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a defect ended the {part}, so the server ends and every running call with it; start it again (a supervisor does: Restart=always), \
     and please report the lines above"
)]
pub(crate) struct Fatal {
    /// Which part.
    pub(crate) part: &'static str,
}

impl Vitals {
    /// Comes when the first part has ended, and never while all is well. Where one took another with it, the cause is named.
    pub(crate) async fn fatal(&self) -> Fatal {
        let part = tokio::select! {
            biased;
            () = self.signalling.clone() => "signalling loop",
            () = self.journal.clone() => "journal's writer",
            () = self.recorder.clone() => "recorder",
            () = self.consumer.clone() => "journal's consumer",
        };
        Fatal { part }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Vitals, and what their parts hold.
    fn parts() -> (Vitals, [Option<Alive>; 4]) {
        let [(a, signalling), (b, journal), (c, recorder), (d, consumer)] = [alive(), alive(), alive(), alive()];
        (Vitals { signalling, journal, recorder, consumer }, [Some(a), Some(b), Some(c), Some(d)])
    }

    #[tokio::test]
    async fn a_part_whose_thread_panics_is_fatal_whichever_it_is() {
        for (at, part) in ["signalling loop", "journal's writer", "recorder", "journal's consumer"].into_iter().enumerate() {
            let (vitals, mut held) = parts();
            assert_eq!(vitals.fatal().now_or_never(), None, "all is well");
            let alive = held.get_mut(at).and_then(Option::take);
            let thread = thread::spawn(move || {
                let _alive = alive;
                panic!("a defect, as this test wants it");
            });
            assert_eq!(vitals.fatal().await, Fatal { part });
            assert_eq!(vitals.fatal().await, Fatal { part }, "and stays so");
            assert!(thread.join().is_err());
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_is_fatal_and_what_it_took_with_it_is_not_named() {
        let (Vitals { signalling, journal, recorder, .. }, mut held) = parts();
        let task = tokio::spawn(async { panic!("a defect, as this test wants it") });
        let vitals = Vitals { signalling, journal, recorder, consumer: end(task.map(drop)) };
        assert_eq!(vitals.fatal().await.part, "journal's consumer");
        if let Some(signalling) = held.first_mut() {
            *signalling = None;
        }
        let fatal = vitals.fatal().await;
        assert_eq!(fatal.part, "signalling loop");
        let line = fatal.to_string();
        assert!(line.contains("signalling loop") && line.contains("start it again"), "{line}");
    }
}
