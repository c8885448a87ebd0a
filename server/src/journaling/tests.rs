//! The gate on a disk that is slow, full, hung or gone.

#![expect(clippy::unwrap_used, reason = "tests")]

use model::{Binding, CallId, SlotId, WallTime};

use super::*;

/// So long a test waits for what must come; it does not come sooner for being shorter.
const SOON: Duration = Duration::from_secs(20);

/// No test waits for a stall, a retry or the end longer than this.
const HASTY: Patience = Patience { stall: Duration::from_millis(5), retry: Duration::from_millis(1), last: Duration::from_millis(20) };

/// A stall that is not to happen: the disk answers first.
const PATIENT: Patience = Patience { stall: SOON, ..HASTY };

/// A disk that takes facts when it is told to.
#[derive(Default)]
struct Disk {
    mood: Mutex<Mood>,
    moved: Condvar,
}

#[derive(Default)]
struct Mood {
    hangs: bool,
    refuses: bool,
    /// Writes that were begun.
    tries: usize,
    written: Vec<Fact>,
    syncs: usize,
}

impl Disk {
    fn set(&self, set: impl FnOnce(&mut Mood)) {
        set(&mut self.mood.lock().unwrap());
        self.moved.notify_all();
    }

    fn wait(&self, done: impl Fn(&Mood) -> bool) -> MutexGuard<'_, Mood> {
        let (mood, timeout) = self.moved.wait_timeout_while(self.mood.lock().unwrap(), SOON, |mood| !done(mood)).unwrap();
        assert!(!timeout.timed_out(), "it did not come");
        mood
    }

    fn append(&self, facts: &[Fact]) -> io::Result<()> {
        self.set(|mood| mood.tries += 1);
        let mut mood = self.moved.wait_while(self.mood.lock().unwrap(), |mood| mood.hangs).unwrap();
        if mood.refuses {
            return Err(io::ErrorKind::StorageFull.into());
        }
        mood.written.extend_from_slice(facts);
        drop(mood);
        self.moved.notify_all();
        Ok(())
    }
}

fn gate(disk: &Arc<Disk>, patience: Patience) -> JournalGate {
    let (appends, syncs) = (Arc::clone(disk), Arc::clone(disk));
    let sync = move || {
        syncs.set(|mood| mood.syncs += 1);
        Ok(())
    };
    JournalGate::on(move |facts| appends.append(facts), sync, Duration::from_millis(1), patience).unwrap()
}

fn ringing(call: i64) -> Fact {
    Fact::CallRinging { call: CallId(call), at: WallTime(0) }
}

fn bound(slot: i64, cseq: u32) -> Fact {
    let text = String::new;
    let binding = Binding {
        slot: SlotId(slot),
        contact: text(),
        transport: text(),
        local: text(),
        remote: text(),
        call_id: text(),
        cseq,
        user_agent: text(),
        since: WallTime(0),
        expires_at: WallTime(0),
    };
    Fact::Bound { binding }
}

fn unbound(slot: i64) -> Fact {
    Fact::Unbound { slot: SlotId(slot), at: WallTime(0) }
}

fn seen(at: i64) -> Fact {
    Fact::CallsSeen { calls: Vec::new(), at: WallTime(at) }
}

#[test]
fn a_good_disk_has_the_facts_before_the_packets_go() {
    let disk = Arc::new(Disk::default());
    let mut gate = gate(&disk, PATIENT);
    for call in 0..100 {
        assert!(gate.append(vec![ringing(call), ringing(call + 1_000)]));
        assert_eq!(disk.mood.lock().unwrap().written.len(), usize::try_from(call).unwrap() * 2 + 2);
    }
    assert!(gate.append(Vec::new()));
    assert!(gate.finish());
    assert!(disk.mood.lock().unwrap().syncs > 0, "the end is synced");
}

#[test]
fn packets_do_not_wait_for_a_disk_that_stalls_and_nothing_is_lost_or_reordered() {
    let disk = Arc::new(Disk::default());
    let mut gate = gate(&disk, HASTY);
    disk.set(|mood| mood.hangs = true);
    for call in 0..20_000 {
        assert!(!gate.append(vec![ringing(call)]));
    }
    assert!(!gate.is_written());
    assert_eq!(gate.waiting(), 20_000);
    let since = gate.stalled.unwrap();
    assert!(!gate.is_behind(since) && gate.is_behind(since + BEHIND), "after some seconds nothing new should begin");
    disk.set(|mood| mood.hangs = false);
    let written = disk.wait(|mood| mood.written.len() == 20_000).written.clone();
    assert_eq!(written, (0..20_000).map(ringing).collect::<Vec<_>>());
    drop(gate.desk.wait(SOON, State::is_idle));
    assert!(gate.is_written() && !gate.is_behind(since + BEHIND));
    gate.patience = PATIENT;
    assert!(gate.append(vec![ringing(20_000)]), "it keeps up again");
    assert!(gate.finish());
}

#[test]
fn a_full_disk_is_tried_until_it_has_room() {
    let disk = Arc::new(Disk::default());
    let mut gate = gate(&disk, HASTY);
    disk.set(|mood| mood.refuses = true);
    assert!(!gate.append(vec![ringing(1)]));
    drop(disk.wait(|mood| mood.tries > 2));
    assert!(!gate.append(vec![ringing(2)]));
    disk.set(|mood| mood.refuses = false);
    assert_eq!(disk.wait(|mood| mood.written.len() == 2).written, [ringing(1), ringing(2)]);
    assert!(gate.finish());
}

#[test]
fn what_is_superseded_is_left_out_and_every_record_is_kept() {
    let mut facts = VecDeque::from([
        bound(1, 1),
        ringing(1),
        seen(1),
        bound(2, 1),
        unbound(1),
        ringing(2),
        bound(1, 2),
        seen(2),
        unbound(3),
        Fact::Leased { slot: SlotId(1), holder: None, epoch: 1, at: WallTime(0) },
        Fact::Leased { slot: SlotId(1), holder: None, epoch: 2, at: WallTime(0) },
    ]);
    assert_eq!(leave_out_superseded(&mut facts), 3);
    let kept = [
        ringing(1),
        bound(2, 1),
        ringing(2),
        bound(1, 2),
        seen(2),
        unbound(3),
        Fact::Leased { slot: SlotId(1), holder: None, epoch: 1, at: WallTime(0) },
        Fact::Leased { slot: SlotId(1), holder: None, epoch: 2, at: WallTime(0) },
    ];
    assert_eq!(facts, kept);
    assert_eq!(leave_out_superseded(&mut facts), 0);
}

#[test]
fn a_disk_that_is_long_away_does_not_fill_the_memory() {
    let disk = Arc::new(Disk::default());
    let mut gate = gate(&disk, HASTY);
    disk.set(|mood| mood.hangs = true);
    let rounds: u32 = 2_000;
    for round in 0..rounds {
        let registrations = (0..100).map(|slot| bound(slot, round));
        assert!(!gate.append(registrations.chain([seen(i64::from(round)), ringing(i64::from(round))]).collect()));
        assert!(gate.waiting() <= FACTS_MAX + WRITE_MAX);
    }
    disk.set(|mood| mood.hangs = false);
    drop(gate.desk.wait(SOON, State::is_idle));
    let written = disk.mood.lock().unwrap().written.clone();
    let rang: Vec<_> = written.iter().filter(|fact| matches!(fact, Fact::CallRinging { .. })).cloned().collect();
    assert_eq!(rang, (0..i64::from(rounds)).map(ringing).collect::<Vec<_>>(), "every record, in order");
    for slot in 0..100 {
        let newest = written.iter().rfind(|fact| matches!(fact, Fact::Bound { binding } if binding.slot == SlotId(slot)));
        assert_eq!(newest, Some(&bound(slot, rounds - 1)));
    }
    assert!(gate.finish());
}

#[test]
fn the_end_comes_also_with_a_dead_disk() {
    for (hangs, refuses) in [(false, true), (true, false)] {
        let disk = Arc::new(Disk::default());
        let mut gate = gate(&disk, HASTY);
        disk.set(|mood| (mood.hangs, mood.refuses) = (hangs, refuses));
        assert!(!gate.append(vec![ringing(1), ringing(2)]));
        assert!(!gate.finish(), "two facts are lost");
        disk.set(|mood| mood.hangs = false);
    }
}

#[test]
fn the_end_writes_what_waits_once_there_is_room() {
    let disk = Arc::new(Disk::default());
    // The next try would come after a long time: the end asks for it at once.
    let mut gate = gate(&disk, Patience { retry: SOON, last: SOON, ..HASTY });
    disk.set(|mood| mood.refuses = true);
    assert!(!gate.append(vec![ringing(1)]));
    drop(disk.wait(|mood| mood.tries == 1));
    disk.set(|mood| mood.refuses = false);
    assert!(gate.finish());
    assert_eq!(disk.mood.lock().unwrap().written, [ringing(1)]);
}

#[test]
fn a_fact_that_cannot_be_written_does_not_stop_the_others() {
    let disk = Arc::new(Disk::default());
    let takes = Arc::clone(&disk);
    let append = move |facts: &[Fact]| {
        if facts.contains(&ringing(2)) { Err(io::ErrorKind::InvalidInput.into()) } else { takes.append(facts) }
    };
    let mut gate = JournalGate::on(append, || Ok(()), Duration::from_millis(1), PATIENT).unwrap();
    assert!(gate.append(vec![ringing(1), ringing(2), ringing(3)]));
    assert_eq!(disk.mood.lock().unwrap().written, [ringing(1), ringing(3)]);
    assert!(!gate.finish(), "one is lost");
}

#[test]
fn a_writer_that_died_is_known() {
    let disk = |_: &[Fact]| -> io::Result<()> { panic!("a defect, as this test wants it") };
    let mut gate = JournalGate::on(disk, || Ok(()), Duration::from_millis(1), HASTY).unwrap();
    assert!(!gate.append(vec![ringing(1)]));
    drop(gate.desk.wait(SOON, |state| state.writer_gone));
    assert!(!gate.append(vec![ringing(2)]));
    assert!(!gate.is_written());
    assert!(!gate.finish());
}
