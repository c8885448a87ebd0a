//! Whatever a registrar answers.

use super::*;

/// The accounts of one server do not come in one burst, and each has a Call-ID of its own.
#[test]
fn many_start_spread() {
    let origin = Instant::now();
    let all: Vec<Enrol> = (0..100_u8).map(|seed| Enrol::new(origin, settings(), [seed; 32])).collect();
    let starts: Vec<Duration> = all.iter().map(|enrol| enrol.timeout().unwrap().0.duration_since(origin)).collect();
    assert!(starts.iter().all(|start| *start <= START_SPREAD));
    for second in 0..4 {
        let from = Duration::from_secs(second);
        let count = starts.iter().filter(|start| (from..from + Duration::from_secs(1)).contains(*start)).count();
        assert!((10..=40).contains(&count), "{count} of 100 in second {second}");
    }
    let ids: std::collections::BTreeSet<&Bytes> = all.iter().map(|enrol| &enrol.call_id).collect();
    assert_eq!(ids.len(), 100);
}

/// Whatever a registrar answers: never two REGISTERs within [`SPACING`] but once after a 423, always another one to come, at the latest
/// when it has to be, and once the registrar is well we are registered.
#[test]
fn any_registrar() {
    const LONGEST: Duration = Duration::from_secs(3_600 + 360 + 300);
    for seed in 0..300_u64 {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut draw = |below: u64| rng.next_u64() % below;
        let origin = Instant::now();
        let mut enrol = Enrol::new(origin, settings(), [seed as u8; 32]);
        let sick = origin + Duration::from_secs(6 * 3_600);
        let end = sick + Duration::from_secs(2 * 86_400);
        let (mut now, mut requests, mut last_sent, mut last_status, mut last_cseq) = (origin, 0, None::<Instant>, 0, 0);
        let mut was_raised = false;
        while now < end {
            while let Some(output) = enrol.poll() {
                let EnrolOutput::Register(request) = output else { continue };
                assert!(request.cseq > last_cseq, "seed {seed}");
                if let Some(last) = last_sent {
                    let pause = now.duration_since(last);
                    let is_raised = last_status == 423 && pause < SPACING;
                    assert!(pause >= SPACING || (is_raised && !was_raised), "seed {seed}: {pause:?} after {last_status}");
                    was_raised = is_raised;
                }
                last_sent = Some(now);
                requests += 1;
                let id = RequestId(requests);
                if now < sick && draw(20) == 0 {
                    (last_status, last_cseq) = (0, request.cseq);
                    enrol.sent(now, None);
                    continue;
                }
                enrol.sent(now, Some(id));
                let bumped = OutsideRequest { cseq: request.cseq + draw(5) as u32, ..request.clone() };
                last_cseq = bumped.cseq;
                if now >= sick {
                    now += Duration::from_millis(50);
                    last_status = 200;
                    enrol.answered(now, id, &response(&bumped, 200, "OK", &lines_of(&["expires=600"], &request)), None);
                    continue;
                }
                let expires = [0, 1, 7, 60, 3_600, u32::MAX][draw(6) as usize];
                let status =
                    [200, 200, 202, 300, 400, 401, 403, 404, 407, 408, 423, 423, 480, 486, 500, 501, 503, 603, 0][draw(19) as usize];
                let more = match draw(6) {
                    0 => lines_of(&[&format!("expires={expires}")], &request),
                    1 => format!("Expires: {expires}\r\n"),
                    2 => format!("Retry-After: {expires} (x)\r\nMin-Expires: {expires}\r\n"),
                    3 => format!("Min-Expires: {}\r\n", header(&request, "Expires").parse::<u64>().unwrap() + draw(3)),
                    4 => "Contact: <sip:x@y>, nonsense\r\n".into(),
                    _ => String::new(),
                };
                last_status = status;
                if status == 0 {
                    now += Duration::from_secs(32);
                    enrol.unanswered(now, id, bumped.cseq, Unanswered::Timeout);
                } else {
                    now += Duration::from_millis(draw(2_000));
                    let unproven = (draw(2) == 0).then_some(Unproven::Refused);
                    enrol.answered(now, id, &response(&bumped, status, "", &more), unproven);
                }
            }
            if draw(50) == 0 && now < sick {
                enrol.lost(now);
                continue;
            }
            let Some((at, _)) = enrol.timeout() else { panic!("seed {seed}: it has stopped for ever") };
            match enrol.state() {
                EnrolState::Registered { until } => assert!(at < *until || at <= now + SPACING, "seed {seed}: refreshed too late"),
                _ => assert!(at <= now + LONGEST, "seed {seed}: {:?} is too long", at.duration_since(now)),
            }
            if now > sick + Duration::from_secs(86_400) {
                assert!(matches!(enrol.state(), EnrolState::Registered { .. }), "seed {seed}: {:?}", enrol.state());
            }
            now = at.max(now);
            enrol.wake(now);
        }
        enrol.stop(now);
        // Silence from now on: to the one that is open, and to the last one.
        for _ in 0..2 {
            while let Some(output) = enrol.poll() {
                if let EnrolOutput::Register(_) = output {
                    enrol.sent(now, Some(RequestId(0)));
                }
            }
            let Some((at, _)) = enrol.timeout() else { break };
            assert!(at <= now + ANSWER_WAIT, "seed {seed}");
            now = at;
            enrol.wake(now);
        }
        assert_eq!((enrol.state(), enrol.timeout()), (&EnrolState::Stopped, None), "seed {seed}");
    }
}
