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

/// A loop that does what a test asks.
struct Loop {
    gate: JournalGate<Self>,
    asked: mpsc::Receiver<Ask>,
    done: mpsc::SyncSender<bool>,
}

enum Ask {
    Append(Vec<Fact>),
    Look(Look),
}

type Look = Box<dyn FnOnce(&mut JournalGate<Loop>) + Send>;

impl Resident for Loop {
    fn gate(&mut self) -> &mut JournalGate<Self> {
        &mut self.gate
    }

    fn run(mut self) {
        loop {
            let _ = self.done.send(self.gate.is_in_step());
            let facts = loop {
                match self.asked.recv() {
                    Ok(Ask::Append(facts)) => break facts,
                    Ok(Ask::Look(look)) => look(&mut self.gate),
                    Err(_) => return,
                }
            };
            let Some(resident) = append(self, facts) else { return };
            self = resident;
        }
    }
}

/// The test's end of a running loop.
struct Seat {
    ask: mpsc::SyncSender<Ask>,
    done: mpsc::Receiver<bool>,
}

impl Seat {
    fn new(gate: JournalGate<Loop>) -> Self {
        let (ask, asked) = mpsc::sync_channel(1);
        let (told, done) = mpsc::sync_channel(1);
        keep_running(Loop { gate, asked, done: told }).unwrap();
        assert!(done.recv_timeout(SOON).unwrap());
        Self { ask, done }
    }

    /// One turn; whether its packets left in step with the journal.
    fn append(&self, facts: Vec<Fact>) -> bool {
        self.ask.send(Ask::Append(facts)).unwrap();
        self.done.recv_timeout(SOON).unwrap()
    }

    fn look<R: Send + 'static>(&self, look: impl FnOnce(&mut JournalGate<Loop>) -> R + Send + 'static) -> R {
        let (answer, answered) = mpsc::sync_channel(1);
        self.ask.send(Ask::Look(Box::new(move |gate| answer.send(look(gate)).unwrap()))).unwrap();
        answered.recv_timeout(SOON).unwrap()
    }

    fn finish(&self) -> bool {
        self.look(JournalGate::finish)
    }

    /// Until everything is written.
    fn settle(&self) {
        let desk = self.look(|gate| Arc::clone(&gate.desk));
        assert!(desk.wait(SOON, State::is_idle).is_idle());
    }
}

fn seat(disk: &Arc<Disk>, patience: Patience) -> Seat {
    seat_on(disk, Vec::new(), patience)
}

fn seat_on(disk: &Arc<Disk>, unwritten: Vec<Fact>, patience: Patience) -> Seat {
    let (appends, syncs) = (Arc::clone(disk), Arc::clone(disk));
    let sync = move || {
        syncs.set(|mood| mood.syncs += 1);
        Ok(())
    };
    Seat::new(JournalGate::on(move |facts| appends.append(facts), unwritten, sync, Duration::from_millis(1), patience).unwrap())
}

pub(super) fn ringing(call: i64) -> Fact {
    Fact::CallRinging { call: CallId(call), at: WallTime(0) }
}

pub(super) fn bound(slot: i64, cseq: u32) -> Fact {
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
        path: String::new(),
        instance: String::new(),
        reg_id: 0,
    };
    Fact::Bound { binding }
}

pub(super) fn unbound(slot: i64) -> Fact {
    Fact::Unbound { slot: SlotId(slot), at: WallTime(0) }
}

pub(super) fn seen(at: i64) -> Fact {
    Fact::CallsSeen { calls: Vec::new(), at: WallTime(at) }
}

#[test]
fn a_good_disk_has_the_facts_before_the_packets_go() {
    let disk = Arc::new(Disk::default());
    let seat = seat(&disk, PATIENT);
    for call in 0..100 {
        assert!(seat.append(vec![ringing(call), ringing(call + 1_000)]));
        assert_eq!(disk.mood.lock().unwrap().written.len(), usize::try_from(call).unwrap() * 2 + 2);
    }
    assert!(seat.append(Vec::new()));
    assert!(seat.finish());
    assert!(disk.mood.lock().unwrap().syncs > 0, "the end is synced");
}

#[test]
fn the_loop_goes_on_while_its_thread_hangs_in_a_write_and_nothing_is_lost_or_reordered() {
    let disk = Arc::new(Disk::default());
    let seat = seat(&disk, HASTY);
    // Each hang costs the loop its thread; each time the other one takes over.
    for round in 0..3 {
        disk.set(|mood| mood.hangs = true);
        for call in 0..20_000 {
            assert!(!seat.append(vec![ringing(round * 20_000 + call)]));
        }
        let (handed, waiting, since) = seat.look(|gate| (gate.handed(), gate.waiting_and_lost(), gate.stalled.unwrap()));
        assert_eq!(handed, Handed::Waiting);
        assert_eq!(waiting, (20_000, 0));
        let behind = seat.look(move |gate| (gate.is_behind(since), gate.is_behind(since + BEHIND)));
        assert_eq!(behind, (false, true), "after some seconds nothing new should begin");
        disk.set(|mood| mood.hangs = false);
        seat.settle();
        assert!(seat.look(move |gate| gate.handed() == Handed::Written && !gate.is_behind(since + BEHIND)));
        assert!(seat.append(Vec::new()), "it keeps up again, and the loop hears of it");
    }
    assert_eq!(disk.mood.lock().unwrap().written, (0..60_000).map(ringing).collect::<Vec<_>>());
    assert!(seat.finish());
}

#[test]
fn a_loop_that_rested_is_watched_again() {
    let disk = Arc::new(Disk::default());
    let seat = seat(&disk, HASTY);
    assert!(seat.append(vec![ringing(1)]));
    let desk = seat.look(|gate| Arc::clone(&gate.desk));
    let begun = Instant::now();
    while desk.state().watched {
        assert!(begun.elapsed() < SOON, "it is looked at for ever");
        thread::yield_now();
    }
    disk.set(|mood| mood.hangs = true);
    assert!(!seat.append(vec![ringing(2)]), "the hang is noticed all the same");
    disk.set(|mood| mood.hangs = false);
    assert!(seat.finish());
}

#[test]
fn what_the_start_could_not_write_comes_first() {
    let disk = Arc::new(Disk::default());
    disk.set(|mood| mood.refuses = true);
    let (appends, hasty) = (Arc::clone(&disk), HASTY);
    let gate: JournalGate<Loop> =
        JournalGate::on(move |facts| appends.append(facts), vec![ringing(1)], || Ok(()), Duration::from_millis(1), hasty).unwrap();
    assert!(!gate.is_in_step());
    let (ask, asked) = mpsc::sync_channel(1);
    let (told, done) = mpsc::sync_channel(1);
    keep_running(Loop { gate, asked, done: told }).unwrap();
    assert!(!done.recv_timeout(SOON).unwrap());
    let seat = Seat { ask, done };
    assert!(!seat.append(vec![ringing(2)]));
    disk.set(|mood| mood.refuses = false);
    assert_eq!(disk.wait(|mood| mood.written.len() == 2).written, [ringing(1), ringing(2)]);
    assert!(seat.finish());
}

#[test]
fn a_full_disk_is_tried_until_it_has_room() {
    let disk = Arc::new(Disk::default());
    let seat = seat(&disk, HASTY);
    disk.set(|mood| mood.refuses = true);
    assert!(!seat.append(vec![ringing(1)]));
    drop(disk.wait(|mood| mood.tries > 2));
    assert!(!seat.append(vec![ringing(2)]));
    disk.set(|mood| mood.refuses = false);
    assert_eq!(disk.wait(|mood| mood.written.len() == 2).written, [ringing(1), ringing(2)]);
    assert!(seat.finish());
}

#[test]
fn a_disk_that_is_long_away_does_not_fill_the_memory() {
    let disk = Arc::new(Disk::default());
    let seat = seat(&disk, HASTY);
    disk.set(|mood| mood.hangs = true);
    let rounds: u32 = 2_000;
    for round in 0..rounds {
        let registrations = (0..100).map(|slot| bound(slot, round));
        assert!(!seat.append(registrations.chain([seen(i64::from(round)), ringing(i64::from(round))]).collect()));
        assert!(seat.look(|gate| gate.waiting_and_lost().0) <= backlog::FACTS_MAX + WRITE_MAX);
    }
    disk.set(|mood| mood.hangs = false);
    seat.settle();
    assert_eq!(seat.look(|gate| gate.waiting_and_lost()), (0, 0));
    let written = disk.mood.lock().unwrap().written.clone();
    let rang: Vec<_> = written.iter().filter(|fact| matches!(fact, Fact::CallRinging { .. })).cloned().collect();
    assert_eq!(rang, (0..i64::from(rounds)).map(ringing).collect::<Vec<_>>(), "every record, in order");
    for slot in 0..100 {
        let newest = written.iter().rfind(|fact| matches!(fact, Fact::Bound { binding } if binding.slot == SlotId(slot)));
        assert_eq!(newest, Some(&bound(slot, rounds - 1)));
    }
    assert!(seat.finish());
}

#[test]
fn what_calls_have_to_tell_is_bounded_too_and_what_is_lost_is_counted() {
    let disk = Arc::new(Disk::default());
    let seat = seat(&disk, HASTY);
    disk.set(|mood| mood.hangs = true);
    let cap = i64::try_from(backlog::FACTS_CAP).unwrap();
    // Nothing of it is superseded by anything. The first thousand are stuck in the write, and thousand find no room.
    for thousand in 0..=cap / 1_000 + 2 {
        assert!(!seat.append((thousand * 1_000..(thousand + 1) * 1_000).map(ringing).collect()));
        assert!(seat.look(|gate| gate.waiting_and_lost().0) <= backlog::FACTS_CAP + 1_000);
    }
    let total = (cap / 1_000 + 3) * 1_000;
    let lost = usize::try_from(total - cap - 1_000).unwrap();
    assert_eq!(seat.look(|gate| gate.waiting_and_lost().1), lost);
    assert_eq!(seat.look(JournalGate::handed), Handed::Lost, "whoever waits for one of them learns of it");
    disk.set(|mood| mood.hangs = false);
    seat.settle();
    assert_eq!(seat.look(JournalGate::handed), Handed::Written, "once");
    assert!(
        disk.mood.lock().unwrap().written.iter().eq((0..cap + 1_000).map(ringing).collect::<Vec<_>>().iter()),
        "a true story to its end"
    );
    assert!(seat.append(vec![ringing(0)]), "it is in step again");
    assert!(!seat.finish(), "some are lost");
}

#[test]
fn the_end_comes_also_with_a_dead_disk() {
    for (hangs, refuses) in [(false, true), (true, false)] {
        let disk = Arc::new(Disk::default());
        let seat = seat(&disk, HASTY);
        disk.set(|mood| (mood.hangs, mood.refuses) = (hangs, refuses));
        assert!(!seat.append(vec![ringing(1), ringing(2)]));
        assert!(!seat.finish(), "two facts are lost");
        disk.set(|mood| mood.hangs = false);
    }
}

#[test]
fn the_end_writes_what_waits_once_there_is_room() {
    let disk = Arc::new(Disk::default());
    // The next try would come after a long time: the end asks for it at once.
    let seat = seat(&disk, Patience { retry: SOON, last: SOON, ..HASTY });
    disk.set(|mood| mood.refuses = true);
    assert!(!seat.append(vec![ringing(1)]));
    // The loop's own try, and that of the thread which stands by.
    drop(disk.wait(|mood| mood.tries == 2));
    disk.set(|mood| mood.refuses = false);
    assert!(seat.finish());
    assert_eq!(disk.mood.lock().unwrap().written, [ringing(1)]);
}

#[test]
fn a_fact_that_cannot_be_written_does_not_stop_the_others() {
    let disk = Arc::new(Disk::default());
    let takes = Arc::clone(&disk);
    let append = move |facts: &[Fact]| {
        if facts.contains(&ringing(2)) { Err(io::ErrorKind::InvalidInput.into()) } else { takes.append(facts) }
    };
    let seat = Seat::new(JournalGate::on(append, Vec::new(), || Ok(()), Duration::from_millis(1), PATIENT).unwrap());
    assert!(!seat.append(vec![ringing(1), ringing(2), ringing(3)]));
    seat.settle();
    assert_eq!(disk.mood.lock().unwrap().written, [ringing(1), ringing(3)]);
    assert!(seat.append(vec![ringing(4)]));
    assert_eq!(seat.look(JournalGate::handed), Handed::Lost, "it may be any, although the last ones are written");
    assert_eq!(seat.look(JournalGate::handed), Handed::Written);
    assert!(!seat.finish(), "one is lost");
}

#[test]
fn a_defect_in_writing_is_told_and_everything_lost_by_it_is_counted() {
    // In the loop's own write, and in that of the thread which stands by.
    for refuses_first in [false, true] {
        let mut tries = 0;
        let disk = move |_: &[Fact]| -> io::Result<()> {
            tries += 1;
            if refuses_first && tries == 1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            panic!("a defect, as this test wants it")
        };
        let seat = Seat::new(JournalGate::on(disk, Vec::new(), || Ok(()), Duration::from_millis(1), HASTY).unwrap());
        let over = seat.look(|gate| gate.over());
        assert!(!seat.append(vec![ringing(1)]));
        over.blocking_recv().unwrap_err();
        assert!(!seat.append(vec![ringing(2), ringing(3)]), "the loop goes on until somebody ends it");
        assert_eq!(seat.look(|gate| gate.waiting_and_lost()), (0, 3));
        let (first, second) = seat.look(|gate| (gate.handed(), gate.handed()));
        assert_eq!((first, second), (Handed::Lost, Handed::Lost), "whatever comes is lost");
        assert!(seat.look(|gate| gate.is_behind(Instant::now())), "nothing new is to begin, at once");
        assert!(!seat.finish());
    }
}

#[test]
fn the_end_of_any_of_its_threads_is_told() {
    // The thread that syncs.
    let disk = Arc::new(Disk::default());
    let appends = Arc::clone(&disk);
    let sync = || -> io::Result<()> { panic!("a defect, as this test wants it") };
    let seat = Seat::new(JournalGate::on(move |facts| appends.append(facts), Vec::new(), sync, Duration::from_millis(1), PATIENT).unwrap());
    seat.look(|gate| gate.over()).blocking_recv().unwrap_err();
    assert!(seat.append(vec![ringing(1)]), "facts are written all the same");
    // The loop's own.
    let seat = seat_on(&disk, Vec::new(), PATIENT);
    let over = seat.look(|gate| gate.over());
    seat.ask.send(Ask::Look(Box::new(|_| panic!("a defect, as this test wants it")))).unwrap();
    over.blocking_recv().unwrap_err();
    // And the end in good order.
    let seat = seat_on(&disk, Vec::new(), PATIENT);
    let mut over = seat.look(|gate| gate.over());
    assert!(over.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
    assert!(seat.finish());
    over.blocking_recv().unwrap_err();
}
