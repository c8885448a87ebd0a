//! The end in good order (FT-3): no new calls, running calls go on for a while, every record is written.

use std::time::Duration;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::timeout,
};
use tracing::info;

use crate::door::{Door, Load, Message};

/// After the last call, phones get this long to acknowledge its end, and carriers to take back our registrations.
const FAREWELL: Duration = Duration::from_secs(2);

/// Waits for SIGTERM or Ctrl-C.
pub(crate) async fn asked() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Lets calls go on for at most `limit`, or until asked a second time, and then ends them.
pub(crate) async fn drain(door: &Door, load: &mut watch::Receiver<Load>, limit: Duration) -> anyhow::Result<()> {
    door.order(Message::Drain);
    let calls = load.borrow().calls;
    if calls > 0 {
        info!(calls, limit_s = limit.as_secs(), "Running calls go on; new ones are refused. A second Ctrl-C or SIGTERM ends them now.");
        tokio::select! {
            _ = timeout(limit, load.wait_for(|load| load.calls == 0)) => {}
            again = asked() => again?,
        }
    }
    hang_up(door, load).await;
    Ok(())
}

/// Ends every call now, as far as there is a loop to do it.
pub(crate) async fn hang_up(door: &Door, load: &mut watch::Receiver<Load>) {
    door.order(Message::EndAll);
    let _ = timeout(FAREWELL, load.wait_for(|load| *load == Load::default())).await;
}
