//! B-66: after many calls there are as many descriptors as before, also while the server goes on. Alone in its process, so that no other test opens any.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::VecDeque,
    fs,
    sync::mpsc::sync_channel,
    time::{Duration, Instant},
};

use media::{Command, LegId, MediaEvent, ToneSet};
use net::{FromWorker, MediaSettings, MediaWorkers};

#[test]
fn a_thousand_legs_leave_no_descriptor() {
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let (tell, told) = sync_channel(10_000);
    let settings = MediaSettings {
        workers: 2,
        ports: 20_000..=29_999,
        stock: 16,
        bind: vec!["127.0.0.1".parse().unwrap()],
        tones: ToneSet::by_country("ru").unwrap(),
    };
    let workers = MediaWorkers::start(settings, [1; 32], move |event| tell.send(event).unwrap(), |_| true).unwrap();
    // All are bound when all are told.
    let mut tokens = VecDeque::new();
    while tokens.len() < 2 * 16 {
        if let FromWorker::Ports(ports) = told.recv_timeout(Duration::from_secs(10)).unwrap() {
            tokens.extend(ports);
        }
    }
    let (at_rest, began) = (descriptors(), Instant::now());
    let (mut opened, mut closed) = (0, 0);
    while closed < 1_000 {
        while opened < 1_000
            && let Some(token) = tokens.pop_front()
        {
            opened += 1;
            let leg = LegId(opened);
            assert!(workers.command(token.worker, Command::Open { leg, port: token.port }));
            assert!(workers.command(token.worker, Command::Close { leg }));
        }
        match told.recv_timeout(Duration::from_secs(10)).unwrap() {
            FromWorker::Ports(ports) => tokens.extend(ports),
            FromWorker::Event(MediaEvent::Closed { .. }) => closed += 1,
            _ => {}
        }
    }
    // What the burst has bound is given up when nobody needs it: the stock is left.
    while descriptors() > at_rest {
        let _ = told.recv_timeout(Duration::from_millis(100));
        assert!(began.elapsed() < Duration::from_secs(60), "closed legs keep descriptors: {} of {at_rest}", descriptors());
    }
    workers.stop();
    assert_eq!(descriptors(), before);
}
