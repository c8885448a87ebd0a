//! What most stories begin with.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;
use tests::{
    Account, Baresip, RawPhone, Rest, Server,
    baresip::Setup,
    raw::Habits,
    rest,
    server::{Settings, story},
    wait,
};

/// For things that happen at once; generous, because two cores may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// The tone of whoever calls.
pub(crate) const LOW: u32 = 440;
/// The tone of whoever is called.
pub(crate) const HIGH: u32 = 880;

/// A server with default settings, its administrator logged in and one hub of `capacity` slots.
pub(crate) fn with_hub(capacity: u16, test: impl FnOnce(&mut Server, &Rest, &[Account]) -> Result<()>) -> Result<()> {
    with_hub_and(Settings::default(), capacity, test)
}

/// The same with settings.
pub(crate) fn with_hub_and(
    settings: Settings,
    capacity: u16,
    test: impl FnOnce(&mut Server, &Rest, &[Account]) -> Result<()>,
) -> Result<()> {
    story(settings, |server| {
        let admin = server.admin()?;
        let accounts = admin.hub("desk one", "auto", capacity)?;
        test(server, &admin, &accounts)
    })
}

/// A baresip on `account` that is registered.
pub(crate) fn baresip(
    server: &Server,
    admin: &Rest,
    account: &Account,
    setup: impl FnOnce(Setup) -> Setup,
    tone_hz: u32,
) -> Result<Baresip> {
    let phone = Baresip::start(&setup(Setup::of(account, server.sip(), tone_hz)))?;
    registered(admin, account, true).with_context(|| phone.log())?;
    Ok(phone)
}

/// A phone of our own on `account` that is registered.
pub(crate) fn raw(server: &Server, account: &Account, habits: Habits) -> Result<RawPhone> {
    let phone = RawPhone::start(account, server.sip(), habits)?;
    phone.register(300)?;
    Ok(phone)
}

/// Waits until the API says that the slot is, or is not, registered.
pub(crate) fn registered(admin: &Rest, account: &Account, wanted: bool) -> Result<()> {
    wait::until(format!("slot {} registered: {wanted}", account.number), SOON, || {
        Ok((admin.slot(&account.id)?["registered"] == wanted).then_some(()))
    })
}

/// Waits until the API shows the slot in `state`.
pub(crate) fn slot_state(admin: &Rest, account: &Account, state: &str) -> Result<Value> {
    let mut last = Value::Null;
    let found = wait::until(format!("slot {} in {state}", account.number), SOON, || {
        last = admin.slot(&account.id)?;
        Ok((last["state"] == state).then(|| last.clone()))
    });
    found.with_context(|| format!("it is {last}"))
}

/// The recording of a call once it is closed, as its whole file.
pub(crate) fn closed_recording(rest: &Rest, call: &str) -> Result<Vec<u8>> {
    let path = rest::recording_path(call);
    wait::until(format!("the closed recording of {call}"), SOON, || {
        let reply = rest.get(&path)?;
        let open = reply.header("cache-control").is_some_and(|value| value.contains("no-store"));
        Ok((reply.status == 200 && !open).then_some(reply.body))
    })
}

/// A path in the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
