//! FT-11: descriptors run out. Who has a call keeps it, nothing spins, it is counted, and with descriptors again all is well.

use std::{net::TcpStream, time::Duration};

use anyhow::{Context, Result, ensure};
use tests::{raw::Habits, server::Settings, wait};

use super::{Calls, metrics};
use crate::world::{self, HIGH, LOW, SOON};

/// As FT-11 says.
const DESCRIPTORS: u32 = 256;
/// Connections that come; more than there are descriptors for.
const CONNECTIONS: usize = 300;
/// While nothing but ten calls is going on, more than this share of a processor is spinning. Unoptimised, a call's 200 packets a second cost most.
const BUSY_MAX: f64 = 0.8;

#[test]
fn descriptors_run_out_in_ten_calls() -> Result<()> {
    let settings = Settings { descriptors: Some(DESCRIPTORS), media_ports: 64, ..Settings::default() };
    world::with_hub_and(settings, 22, |server, admin, accounts| {
        let [.., one, other] = accounts else { anyhow::bail!("two slots more") };
        let calls = Calls::begin(server, accounts)?;
        let phones = [world::raw(server, one, Habits::answering(LOW))?, world::raw(server, other, Habits::answering(HIGH))?];
        let (http, sip) = (server.base().replace("http://", ""), server.sip());
        let mut held = Vec::new();
        for at in 0..CONNECTIONS {
            // The kernel takes them into its queue even when the server cannot.
            let target = if at % 2 == 0 { http.parse()? } else { sip };
            if let Ok(stream) = TcpStream::connect_timeout(&target, Duration::from_millis(200)) {
                held.push(stream);
            }
        }
        wait::until("all descriptors to be used", SOON, || Ok((server.usage()?.descriptors + 4 >= DESCRIPTORS as usize).then_some(())))
            .with_context(|| {
                format!("{} of {DESCRIPTORS}, {} connections", server.usage().map_or(0, |usage| usage.descriptors), held.len())
            })?;

        let before = server.usage()?;
        let began = std::time::Instant::now();
        calls.talk_on("without descriptors")?;
        calls.talk_on("for longer")?;
        calls.register().context("phones register")?;
        let spent = server.usage()?.cpu_ms - before.cpu_ms;
        let share = std::time::Duration::from_millis(spent).as_secs_f64() / began.elapsed().as_secs_f64();
        ensure!(share < BUSY_MAX, "{share:.2} of a processor: something spins");
        ensure!(server.usage()?.descriptors <= DESCRIPTORS as usize && server.is_running()?, "it lives");

        drop(held);
        wait::until("REST again", SOON * 3, || Ok(admin.get("/api/slots").ok().filter(|reply| reply.status == 200).map(drop)))?;
        ensure!(metrics(server, "cordboard_accept_failures")? >= 1.0, "nobody counted it");
        let (call, answer) = phones[0].dial(&other.number)?;
        ensure!(answer.status() == Some(200), "a call afterwards: {}", answer.start);
        ensure!(phones[0].hangup(&call)?.status() == Some(200), "its end");
        calls.hang_up()?;
        calls.answered_in_time(2)?;
        ensure!(server.logged("panicked").is_none(), "{:?}", server.logged("panicked"));
        Ok(())
    })
}
