#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{fs, io::ErrorKind, path::PathBuf};

use model::{SlotId, WallTime};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A fact that can be told from others and has about `length` octets.
fn fact(n: i64, length: usize) -> Fact {
    let contact = format!("sip:{}", "x".repeat(length));
    Fact::Bound {
        binding: model::Binding {
            slot: SlotId(n + 1),
            contact,
            transport: "udp".to_owned(),
            local: String::new(),
            remote: String::new(),
            call_id: "я\0\"".to_owned(),
            cseq: 1,
            user_agent: String::new(),
            since: WallTime(n),
            expires_at: WallTime(0),
            path: String::new(),
            instance: String::new(),
            reg_id: 0,
        },
    }
}

fn small(n: i64) -> Fact {
    Fact::Unbound { slot: SlotId(n), at: WallTime(n) }
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Everything after `after`, and the reader that read it.
fn read(dir: &Path, after: u64) -> (Vec<(u64, Fact)>, Reader) {
    let mut reader = Reader::open(dir, after).unwrap();
    let mut facts = Vec::new();
    loop {
        let batch = reader.next_batch(7).unwrap();
        if batch.is_empty() {
            return (facts, reader);
        }
        assert!(batch.len() <= 7);
        facts.extend(batch);
    }
}

/// The numbers 1 to `count` with their small facts.
fn smalls(count: i64) -> Vec<(u64, Fact)> {
    (1..=count).map(|n| (u64::try_from(n).unwrap(), small(n))).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    segment::list(dir).unwrap().into_iter().map(|segment| segment.path).collect()
}

/// A journal of `count` small facts, one a write, in segments of `octets`.
fn journal(dir: &Path, count: i64, octets: u64) -> Journal {
    let mut journal = Journal::open_with(dir, octets).unwrap();
    for n in 1..=count {
        assert_eq!(journal.append(&[small(n)]).unwrap(), u64::try_from(n).unwrap());
    }
    journal
}

#[test]
fn what_is_appended_is_read_in_order_over_segments_and_restarts() {
    let dir = dir();
    assert_eq!(read(dir.path(), 0).0, []);
    assert_eq!(Reader::open(&dir.path().join("none yet"), 5).unwrap().next_batch(1).unwrap(), []);
    drop(journal(dir.path(), 20, 300));
    assert!(files(dir.path()).len() > 3);
    let mut journal = Journal::open_with(dir.path(), 300).unwrap();
    assert_eq!(journal.last_seq(), 20);
    assert_eq!(journal.append(&[]).unwrap(), 20);
    assert_eq!(journal.append(&[small(21), small(22)]).unwrap(), 22);
    for after in 0..=22 {
        let (facts, reader) = read(dir.path(), after);
        assert_eq!(facts, smalls(22)[usize::try_from(after).unwrap()..], "after {after}");
        assert_eq!((reader.position(), reader.damaged(), reader.missing()), (22, 0, 0));
    }
    assert_eq!(read(dir.path(), 1000).0, []);
}

#[test]
fn one_process_appends() {
    let dir = dir();
    let first = Journal::open(dir.path()).unwrap();
    assert!(matches!(Journal::open(dir.path()), Err(JournalError::Locked(_))));
    drop(first);
    Journal::open(dir.path()).unwrap();
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_was_torn() {
    let whole = dir();
    drop(journal(whole.path(), 3, SEGMENT_OCTETS_MAX));
    let file = &files(whole.path())[0];
    let octets = fs::read(file).unwrap();
    let third = record::at(&octets, record::whole(&octets, MAGIC.len(), 0).nth(1).unwrap().end).unwrap();
    assert_eq!((third.seq, third.end), (3, octets.len()));

    for kept in 0..octets.len() {
        let dir = dir();
        let torn = dir.path().join(file.file_name().unwrap());
        fs::write(&torn, &octets[..kept]).unwrap();
        // The consumer may be there before the cut; it must not be misled.
        let mut early = Reader::open(dir.path(), 0).unwrap();
        let seen = early.next_batch(10).unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        let survived = journal.last_seq();
        assert_eq!(seen.len() as u64, survived, "{kept} octets kept");
        assert!(survived < 3);
        if kept >= third.start {
            assert_eq!(survived, 2);
        }
        // The lost numbers are given again: nobody has heard of them.
        let again = i64::try_from(survived).unwrap() + 1;
        assert_eq!(journal.append(&[small(again)]).unwrap(), survived + 1);
        let (facts, reader) = read(dir.path(), 0);
        assert_eq!(facts, smalls(again));
        assert_eq!((reader.damaged(), reader.missing()), (0, 0));
        if kept >= MAGIC.len() {
            assert_eq!(early.next_batch(10).unwrap(), [(survived + 1, small(again))], "{kept} octets kept");
        }
    }
}

#[test]
fn what_a_power_cut_leaves_behind_the_end_is_cut_off() {
    for tail in [vec![0; 5000], vec![0xff; 100], b"{\"fact\":".to_vec(), vec![0, 0, 0, 0, 1]] {
        let dir = dir();
        drop(journal(dir.path(), 3, SEGMENT_OCTETS_MAX));
        let file = files(dir.path()).remove(0);
        let mut octets = fs::read(&file).unwrap();
        let length = octets.len();
        octets.extend(tail);
        fs::write(&file, octets).unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        assert_eq!(journal.last_seq(), 3);
        assert_eq!(fs::metadata(&file).unwrap().len(), length as u64);
        journal.append(&[small(4)]).unwrap();
        assert_eq!(read(dir.path(), 0).0, smalls(4));
    }
}

#[test]
fn damage_costs_the_record_that_is_damaged_and_is_never_silent() {
    // In an old segment, in the growing one, and in the growing one when it is opened again.
    for (segment_octets, reopen) in [(300, false), (SEGMENT_OCTETS_MAX, false), (SEGMENT_OCTETS_MAX, true)] {
        let dir = dir();
        let journal = journal(dir.path(), 12, segment_octets);
        let file = files(dir.path()).remove(0);
        let sound = fs::read(&file).unwrap();
        let second = record::whole(&sound, MAGIC.len(), 0).nth(1).unwrap();
        let mut journal = Some(journal);
        for place in second.start..second.end {
            let mut octets = sound.clone();
            octets[place] ^= 0x41;
            fs::write(&file, octets).unwrap();
            if reopen {
                journal.take();
                let opened = Journal::open(dir.path()).unwrap();
                assert_eq!(opened.last_seq(), 12, "facts behind damage are not cut off");
                journal = Some(opened);
            }
            let (facts, reader) = read(dir.path(), 0);
            let mut wanted = smalls(12);
            wanted.remove(1);
            assert_eq!(facts, wanted, "octet {place}");
            assert_eq!((reader.damaged(), reader.missing(), reader.unreadable()), (1, 1, 0), "octet {place}");
            // Whoever has that fact already has lost nothing.
            assert_eq!(read(dir.path(), 2).1.missing(), 0);
        }
    }
}

#[test]
fn a_damaged_end_of_an_old_segment_is_passed_and_counted() {
    let dir = dir();
    let _journal = journal(dir.path(), 20, 300);
    let file = files(dir.path()).remove(0);
    let octets = fs::read(&file).unwrap();
    let records: Vec<_> = record::whole(&octets, MAGIC.len(), 0).collect();
    let (last, lost) = (records.last().unwrap(), 1);
    fs::write(&file, &octets[..last.start + 9]).unwrap();
    let (facts, reader) = read(dir.path(), 0);
    assert_eq!(facts.len(), 20 - lost);
    assert_eq!((reader.damaged(), reader.missing()), (1, 1));
    // A whole segment is gone.
    fs::remove_file(&files(dir.path())[1]).unwrap();
    let (facts, reader) = read(dir.path(), 0);
    assert_eq!(facts.last().unwrap().0, 20);
    assert_eq!(reader.missing(), 20 - facts.len() as u64);
}

#[test]
fn a_reader_waits_for_the_rest_of_a_record() {
    let source = dir();
    drop(journal(source.path(), 3, SEGMENT_OCTETS_MAX));
    let file = files(source.path()).remove(0);
    let octets = fs::read(&file).unwrap();

    let dir = dir();
    let growing = dir.path().join(file.file_name().unwrap());
    let mut reader = Reader::open(dir.path(), 0).unwrap();
    let mut facts = Vec::new();
    for length in 0..=octets.len() {
        fs::write(&growing, &octets[..length]).unwrap();
        facts.extend(reader.next_batch(10).unwrap());
        assert_eq!(facts.len(), record::whole(&octets[..length], MAGIC.len().min(length), 0).count());
    }
    assert_eq!(facts, smalls(3));
    assert_eq!((reader.damaged(), reader.missing()), (0, 0));
}

#[test]
fn long_facts_are_read_whole_and_too_long_ones_refused() {
    let dir = dir();
    let mut journal = Journal::open(dir.path()).unwrap();
    let facts = [fact(1, 3_000_000), small(2), fact(3, 1_048_576), fact(4, 9_000_000)];
    journal.append(&facts).unwrap();
    let too_long = journal.append(&[small(5), fact(6, 17_000_000)]).unwrap_err();
    assert_eq!(too_long.kind(), ErrorKind::InvalidInput);
    assert_eq!(journal.append(&[small(5)]).unwrap(), 5, "all or none");
    let read: Vec<_> = read(dir.path(), 0).0.into_iter().map(|(_, fact)| fact).collect();
    assert_eq!(read, [&facts[..], &[small(5)]].concat());
    drop(journal);
    assert_eq!(Journal::open(dir.path()).unwrap().last_seq(), 5);
}

#[test]
fn the_lock_goes_with_the_appender_even_if_somebody_else_has_its_file_open() {
    let dir = dir();
    let journal = Journal::open(dir.path()).unwrap();
    // As in a child process between fork and exec.
    let other = journal._lock.0.try_clone().unwrap();
    drop(journal);
    Journal::open(dir.path()).unwrap();
    drop(other);
}

#[test]
fn a_failed_write_leaves_no_trace() {
    let dir = dir();
    let mut journal = journal(dir.path(), 2, SEGMENT_OCTETS_MAX);
    let file = files(dir.path()).remove(0);
    // A handle that cannot write: neither the facts nor the cut.
    let sound = std::mem::replace(&mut journal.segment.as_mut().unwrap().file, Arc::new(File::open(&file).unwrap()));
    assert!(journal.append(&[small(3)]).is_err());
    assert!(journal.append(&[small(3)]).is_err());
    assert_eq!(journal.last_seq(), 2);
    // Meanwhile half a record got there.
    fs::OpenOptions::new().append(true).open(&file).and_then(|mut file| io::Write::write_all(&mut file, b"\x40\0\0\0half")).unwrap();
    let mut reader = Reader::open(dir.path(), 0).unwrap();
    assert_eq!(reader.next_batch(10).unwrap(), smalls(2));
    journal.segment.as_mut().unwrap().file = sound;
    assert_eq!(journal.append(&[small(3)]).unwrap(), 3);
    assert_eq!(reader.next_batch(10).unwrap(), [(3, small(3))]);
    assert_eq!((read(dir.path(), 0).0, reader.damaged()), (smalls(3), 0));
}

#[test]
fn a_first_write_that_fails_leaves_a_segment_that_can_be_used() {
    let dir = dir();
    let mut journal = Journal::open(dir.path()).unwrap();
    let open = create(dir.path(), 1, &journal.sync).unwrap();
    journal.segment = Some(open);
    assert_eq!(read(dir.path(), 0).0, []);
    assert_eq!(journal.append(&[small(1)]).unwrap(), 1);
    assert_eq!(read(dir.path(), 0).0, smalls(1));
}

#[test]
fn too_many_waiting_segments_stop_the_journal_until_they_are_consumed() {
    let dir = dir();
    let mut journal = journal(dir.path(), 5, 300);
    let full = (1..).find(|_| journal.segment.as_ref().unwrap().length >= 300 || journal.append(&[small(9)]).is_err()).unwrap();
    assert!(full < 10);
    let last = journal.last_seq();
    let fillers: Vec<_> = (1_000_000..).take(SEGMENTS_MAX).map(|seq| segment::path(dir.path(), seq)).collect();
    for filler in &fillers {
        fs::write(filler, b"").unwrap();
    }
    assert_eq!(journal.append(&[small(10)]).unwrap_err().kind(), ErrorKind::StorageFull);
    for filler in &fillers {
        fs::remove_file(filler).unwrap();
    }
    assert_eq!(journal.append(&[small(10)]).unwrap(), last + 1);
}

#[test]
fn consumed_segments_go_but_for_the_youngest() {
    let dir = dir();
    let _journal = journal(dir.path(), 20, 300);
    let firsts: Vec<u64> = segment::list(dir.path()).unwrap().iter().map(|segment| segment.first_seq).collect();
    assert!(firsts.len() >= 4, "{firsts:?}");
    for (consumed, removed) in
        [(0, 0), (firsts[1] - 2, 0), (firsts[1] - 1, 0), (firsts[2] - 2, 0), (firsts[2] - 1, 1), (firsts[2], 0), (20, firsts.len() - 3)]
    {
        assert_eq!(prune(dir.path(), consumed).unwrap(), removed, "{consumed} of {firsts:?}");
        let (facts, _) = read(dir.path(), consumed);
        assert_eq!(facts, smalls(20)[usize::try_from(consumed).unwrap()..]);
    }
    assert_eq!(files(dir.path()).len(), 2);
    assert_eq!(prune(dir.path(), u64::MAX).unwrap(), 0, "the one that grows stays");
}

#[test]
fn a_new_journal_goes_on_after_an_old_database() {
    let dir = dir();
    let mut journal = Journal::open(dir.path()).unwrap();
    journal.skip_to(5000);
    assert_eq!(journal.append(&[small(1)]).unwrap(), 5001);
    journal.skip_to(10);
    assert_eq!(journal.append(&[small(2)]).unwrap(), 5002);
    let (facts, reader) = read(dir.path(), 5000);
    assert_eq!(facts, [(5001, small(1)), (5002, small(2))]);
    assert_eq!(reader.missing(), 0);
    drop(journal);
    // A journal that was put back from an older copy.
    let mut journal = Journal::open(dir.path()).unwrap();
    journal.skip_to(6000);
    assert_eq!(journal.append(&[small(3)]).unwrap(), 6001);
    assert_eq!(read(dir.path(), 6000).0, [(6001, small(3))]);
    assert_eq!(read(dir.path(), 0).1.missing(), 5000 + 998);
}

#[test]
fn facts_of_a_newer_program_are_passed_and_counted() {
    let dir = dir();
    let mut journal = journal(dir.path(), 1, SEGMENT_OCTETS_MAX);
    // {"fact":"from_the_future"} with a sound CRC.
    let json = br#"{"fact":"from_the_future"}"#;
    let length = u32::try_from(json.len()).unwrap().to_le_bytes();
    let seq = 2_u64.to_le_bytes();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[&length[..], &seq, json].concat());
    let record = [&length[..], &hasher.finalize().to_le_bytes(), &seq, json].concat();
    journal.segment.as_mut().unwrap().append(&record).unwrap();
    journal.last_seq = 2;
    journal.append(&[small(3)]).unwrap();
    let (facts, reader) = read(dir.path(), 0);
    assert_eq!(facts, [(1, small(1)), (3, small(3))]);
    assert_eq!((reader.unreadable(), reader.damaged(), reader.missing()), (1, 0, 0));
}

#[test]
fn a_newer_format_is_left_alone() {
    let dir = dir();
    let path = segment::path(dir.path(), 1);
    fs::write(&path, b"CBJRNL2\nwhatever").unwrap();
    let refused = Journal::open(dir.path()).unwrap_err();
    assert!(matches!(&refused, JournalError::Newer { file, version: 2 } if *file == path));
    let words = refused.to_string();
    assert!(words.contains("of format 2") && words.contains("start the newer program again"), "{words}");
    assert_eq!(fs::read(&path).unwrap(), b"CBJRNL2\nwhatever");
    let unread = Reader::open(dir.path(), 0).unwrap().next_batch(1).unwrap_err();
    assert_eq!((unread.kind(), unread.to_string()), (ErrorKind::InvalidData, words));
}

/// Every way in which one octet of a head can be wrong, but for those that make it the head of a newer format.
fn wrong_heads() -> impl Iterator<Item = [u8; 8]> {
    (0..MAGIC.len()).flat_map(|place| {
        (0..=u8::MAX).filter_map(move |octet| {
            let mut head = *MAGIC;
            head[place] = octet;
            (Head::read(&head) == Head::Damaged).then_some(head)
        })
    })
}

#[test]
fn a_damaged_head_costs_nothing_but_is_never_silent() {
    assert_eq!(wrong_heads().count(), 8 * 255 - 8, "2 to 9 are formats to come");
    let rooms = dir();
    for (case, head) in wrong_heads().step_by(37).enumerate() {
        let dir = rooms.path().join(case.to_string());
        let firsts: Vec<u64> = {
            drop(journal(&dir, 12, 300));
            segment::list(&dir).unwrap().iter().map(|segment| segment.first_seq).collect()
        };
        for file in files(&dir) {
            fs::OpenOptions::new().write(true).open(file).unwrap().write_all_at(&head, 0).unwrap();
        }
        let damaged = firsts.len() as u64;
        let (facts, reader) = read(&dir, 0);
        assert_eq!(facts, smalls(12), "{head:?}");
        assert_eq!((reader.damaged(), reader.missing()), (damaged, 0), "{head:?}");
        // The start goes on, whether the database has its facts or not, and so do later ones.
        for next in 13..=14 {
            let mut journal = Journal::open_with(&dir, 300).unwrap();
            assert_eq!(journal.last_seq(), next - 1, "{head:?}");
            journal.append(&[small(i64::try_from(next).unwrap())]).unwrap();
        }
        let (facts, reader) = read(&dir, 0);
        assert_eq!(facts, smalls(14), "{head:?}");
        assert_eq!((reader.damaged(), reader.missing()), (damaged, 0), "{head:?}");
        for after in 0..=14 {
            let (facts, reader) = read(&dir, after);
            assert_eq!(facts, smalls(14)[usize::try_from(after).unwrap()..]);
            assert_eq!(reader.missing(), 0);
        }
    }
}

#[test]
fn records_are_found_behind_a_head_that_is_gone_or_longer_or_damaged_with_what_follows() {
    for (cut, put, lost) in [(8, vec![], 0), (3, vec![], 0), (0, vec![0; 5], 0), (8, vec![b'{'; 3_000_000], 0), (20, vec![7; 20], 1)] {
        let dir = dir();
        drop(journal(dir.path(), 5, SEGMENT_OCTETS_MAX));
        let file = files(dir.path()).remove(0);
        let octets = fs::read(&file).unwrap();
        fs::write(&file, [&put, &octets[cut..]].concat()).unwrap();
        for _ in 0..2 {
            let (facts, reader) = read(dir.path(), 0);
            assert_eq!(facts, smalls(5)[lost..], "{cut} octets are gone");
            assert_eq!((reader.damaged(), reader.missing()), (1, lost as u64), "{cut} octets are gone");
            assert_eq!(Journal::open(dir.path()).unwrap().last_seq(), 5);
        }
    }
}

#[test]
fn a_segment_in_which_nothing_can_be_read_is_set_aside() {
    let dir = dir();
    drop(journal(dir.path(), 20, 300));
    let last = files(dir.path()).pop().unwrap();
    let first_seq = segment::list(dir.path()).unwrap().last().unwrap().first_seq;
    fs::write(&last, [0x55; 200]).unwrap();
    let (facts, reader) = read(dir.path(), 0);
    assert_eq!((facts.len() as u64, reader.damaged()), (first_seq - 1, 0), "it might be growing");
    let mut journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.last_seq(), first_seq - 1);
    assert_eq!(fs::read(last.with_extension("log.damaged")).unwrap(), [0x55; 200]);
    // Nothing is given twice that the database has.
    journal.skip_to(20);
    assert_eq!(journal.append(&[small(21)]).unwrap(), 21);
    assert_eq!(read(dir.path(), 20).0, [(21, small(21))]);

    // An old one is passed and counted.
    let old = files(dir.path()).remove(0);
    fs::write(&old, [0x55; 200]).unwrap();
    let (facts, reader) = read(dir.path(), 0);
    assert_eq!(facts.last().unwrap(), &(21, small(21)));
    assert_eq!((reader.damaged(), reader.missing()), (1, 21 - facts.len() as u64));
}

#[test]
fn syncing_is_done_when_there_is_something_to_sync() {
    let dir = dir();
    let mut journal = Journal::open_with(dir.path(), 300).unwrap();
    let handle = journal.sync_handle();
    assert!(!handle.sync_if_dirty().unwrap());
    for n in 1..=20 {
        journal.append(&[small(n)]).unwrap();
        if n % 8 == 0 {
            assert!(handle.sync_if_dirty().unwrap());
            assert!(!handle.sync_if_dirty().unwrap());
            assert_eq!(handle.synced_seq(), u64::try_from(n).unwrap());
        }
    }
    journal.sync().unwrap();
    assert_eq!(handle.synced_seq(), 20);
    assert_eq!(handle.open_files(), 1, "segments that have ended are let go");
}

#[test]
fn syncing_opens_nothing() {
    let home = dir();
    let place = home.path().join("journal");
    let mut journal = Journal::open_with(&place, 300).unwrap();
    let handle = journal.sync_handle();
    journal.append(&[small(1)]).unwrap();
    // A directory of another name cannot be opened by the old one, as none can when descriptors have run out.
    fs::rename(&place, home.path().join("elsewhere")).unwrap();
    assert!(handle.sync_if_dirty().unwrap());
    assert_eq!(handle.synced_seq(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However facts are batched, segmented, interrupted by restarts and read, what comes out is what went in.
    #[test]
    fn any_journal_is_read_as_it_was_written(
        batches in prop::collection::vec((prop::collection::vec(0..2000_usize, 0..6), any::<bool>()), 0..20),
        segment_octets in 1..5000_u64,
        facts_max in 1..9_usize,
        after in 0..60_u64,
    ) {
        let dir = dir();
        let mut journal = Journal::open_with(dir.path(), segment_octets).unwrap();
        let mut follower = Reader::open(dir.path(), 0).unwrap();
        let (mut written, mut followed) = (Vec::new(), Vec::new());
        for (lengths, restart) in batches {
            if restart {
                drop(journal);
                journal = Journal::open_with(dir.path(), segment_octets).unwrap();
            }
            let facts: Vec<Fact> = lengths.iter().zip(written.len()..).map(|(length, n)| fact(i64::try_from(n).unwrap(), *length)).collect();
            let last = journal.append(&facts).unwrap();
            for fact in facts {
                written.push((written.len() as u64 + 1, fact));
            }
            prop_assert_eq!(last, written.len() as u64);
            followed.extend(follower.next_batch(facts_max).unwrap());
        }
        loop {
            let batch = follower.next_batch(facts_max).unwrap();
            if batch.is_empty() {
                break;
            }
            followed.extend(batch);
        }
        prop_assert_eq!(&followed, &written);
        let late: Vec<_> = written.iter().filter(|(seq, _)| *seq > after).cloned().collect();
        let (facts, reader) = read(dir.path(), after);
        prop_assert_eq!(facts, late);
        prop_assert_eq!((reader.damaged(), reader.missing(), reader.unreadable()), (0, 0, 0));
    }

    /// Nothing that lies in a segment makes the reader or the appender fail or stand still.
    #[test]
    fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..300), then in prop::collection::vec(any::<u8>(), 0..60), sound in any::<bool>()) {
        let dir = dir();
        let path = segment::path(dir.path(), 1);
        let head = if sound { &MAGIC[..] } else { b"" };
        fs::write(&path, [head, &octets].concat()).unwrap();
        prop_assert_eq!(Reader::open(dir.path(), 0).unwrap().next_batch(10).unwrap(), []);
        fs::write(segment::path(dir.path(), 2), [head, &then].concat()).unwrap();
        prop_assert_eq!(Reader::open(dir.path(), 0).unwrap().next_batch(10).unwrap(), []);
        let mut journal = Journal::open(dir.path()).unwrap();
        journal.append(&[small(2)]).unwrap();
        prop_assert_eq!(Reader::open(dir.path(), 0).unwrap().next_batch(10).unwrap(), [(2, small(2))]);
    }
}
