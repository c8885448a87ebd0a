//! What a recorder makes of frames, of silence and of a disk that refuses.

use std::{
    fs,
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
};

use media::Channel::{Left, Right};

use super::*;
use crate::open;

#[test]
fn a_call_becomes_a_file() {
    let mut bench = Bench::new();
    bench.begin(1);
    assert_eq!(bench.names(), ["c_0000000000001.wav.json", "c_0000000000001.wav.part"]);
    bench.talk(&[1], 0, 1_000);
    bench.run_to(1_000);
    bench.tell(frame(1, Right, 1_300));
    bench.run_to(2_000);
    let row = bench.close(end(1, 2_000));
    assert_eq!(row.state, RecordingState::Complete);
    assert_eq!((row.duration_ms, row.size, row.reason.as_deref()), (2_000, 64_044, None));
    assert_eq!(bench.names(), ["c_0000000000001.wav"], "the sidecar is gone");
    let path = bench.path(1, "");
    assert_eq!(runs(&read(&path)), "1000 both, 300 silence, 20 right, 680 silence");
    assert_eq!(fs::metadata(&path).unwrap().len(), 64_044);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(bench.recorder.timeout(), None, "nothing is left to do");
}

#[test]
fn what_came_after_the_calls_end_is_cut_off() {
    for duration in [0, 1, 500, 980, 1_000] {
        let mut bench = Bench::new();
        bench.begin(1);
        bench.talk(&[1], 0, 1_000);
        let row = bench.close(end(1, duration));
        assert_eq!((row.state, row.duration_ms, row.size), (RecordingState::Complete, duration, 44 + duration * 32));
        assert_eq!(read(&bench.path(1, "")).len() as u64, duration * 8, "{duration}");
    }
}

#[test]
fn a_call_without_media_is_silence() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.run_to(3_000);
    let row = bench.close(end(1, 3_000));
    assert_eq!(row.state, RecordingState::Complete);
    assert_eq!(runs(&read(&bench.path(1, ""))), "3000 silence");
}

#[test]
fn a_long_hold_occupies_no_room() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, 1_000);
    bench.run_to(301_000);
    bench.talk(&[1], 301_000, 302_000);
    let row = bench.close(end(1, 302_000));
    assert_eq!(row.state, RecordingState::Complete);
    assert_eq!(runs(&read(&bench.path(1, ""))), "1000 both, 300000 silence, 1000 both");
    let occupied = fs::metadata(bench.path(1, "")).unwrap().blocks() * 512;
    assert!(occupied < 200_000, "{occupied} octets are occupied");
}

#[test]
fn a_growing_file_can_be_heard_up_to_the_last_second() {
    let mut bench = Bench::new();
    bench.begin(1);
    let at_once = open(bench.dir.path(), &row(1)).unwrap();
    assert_eq!((at_once.length, at_once.closed), (44, false));
    for seconds in 1..10_u64 {
        bench.talk(&[1], (seconds - 1) * 1_000, seconds * 1_000);
        let mut snapshot = open(bench.dir.path(), &row(1)).unwrap();
        assert!(!snapshot.closed);
        assert_eq!((snapshot.length - 44) % 4, 0);
        let frames = (snapshot.length - 44) / 4;
        assert!(frames >= seconds * 8_000 - 5_600, "{frames} frames after {seconds} s");
        // What a listener gets is a file that another program reads.
        let mut heard = snapshot.header.unwrap().to_vec();
        snapshot.file.seek(SeekFrom::Start(44)).unwrap();
        snapshot.file.take(snapshot.length - 44).read_to_end(&mut heard).unwrap();
        let reader = hound::WavReader::new(&heard[..]).unwrap();
        assert_eq!(u64::from(reader.duration()), frames);
        assert!(reader.into_samples::<i16>().all(|sample| sample.unwrap() == voice()));
        // And so is the file itself, should the server be killed now, up to the last time that its header was written.
        let told = read(&bench.path(1, ".part")).len() as u64;
        assert!(told <= frames && told + 20_000 >= frames && (seconds < 3 || told > 0), "{told} of {frames} frames after {seconds} s");
    }
    let closed = bench.close(end(1, 9_000));
    let snapshot = open(bench.dir.path(), &closed).unwrap();
    assert_eq!((snapshot.length, snapshot.header, snapshot.closed), (closed.size, None, true));
    let late_listener = open(bench.dir.path(), &row(1)).unwrap();
    assert!(late_listener.closed, "a row of a moment ago finds the closed file");
}

#[test]
fn only_plain_files_of_our_own_are_opened() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, 100);
    let whole = bench.close(end(1, 100));
    let dir = bench.dir.path().to_owned();
    let secret = dir.join("secret");
    fs::write(&secret, "secret").unwrap();
    symlink(&secret, bench.path(2, "")).unwrap();
    fs::create_dir(bench.path(3, "")).unwrap();
    let named = |file: &str| RecordingRow { file: Some(file.to_owned()), ..whole.clone() };
    let refused = [
        RecordingRow { file: None, ..whole.clone() },
        RecordingRow { state: RecordingState::Failed, ..whole.clone() },
        RecordingRow { state: RecordingState::NotWanted, ..whole.clone() },
        row(2),
        row(3),
        row(4),
        named("secret"),
        named("../secret"),
        named(secret.to_str().unwrap()),
        named("2026/11/21/../../../secret"),
        named("2026/11/21/c_0000000000001.wav/../../../../secret"),
    ];
    assert!(open(&dir, &whole).is_ok());
    for row in refused {
        assert!(open(&dir, &row).is_err(), "{:?}", row.file);
    }
}

#[test]
fn an_erased_recording_is_gone_with_all_that_lies_beside_it() {
    let mut bench = Bench::new();
    let dir = bench.dir.path().to_owned();
    bench.begin(1);
    bench.talk(&[1], 0, 100);
    let closed = bench.close(end(1, 100));
    let name = closed.file.clone().unwrap();
    for beside in [".part", ".json", ".json.new"] {
        fs::write(bench.path(1, beside), "x").unwrap();
    }
    let other = bench.path(2, "");
    fs::write(&other, "x").unwrap();
    // Whoever has it open hears it to the end.
    let open_one = open(&dir, &closed).unwrap();
    crate::erase(&dir, &name).unwrap();
    assert_eq!(fs::read_dir(other.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(open_one.file.metadata().unwrap().len(), closed.size);
    assert_eq!(open(&dir, &closed).unwrap_err().kind(), io::ErrorKind::NotFound);
    // What is not there, and what is none of ours.
    for nothing in [name.as_str(), "2026/01/01/c_0000000000001.wav", "../secret", "2026/11/21/c_0000000000002.wav/..", "secret"] {
        crate::erase(&dir, nothing).unwrap();
    }
    assert!(other.exists());
    // A row that says so is not opened, whatever file it names.
    fs::write(bench.path(1, ""), vec![0; 44]).unwrap();
    let erased = RecordingRow { state: RecordingState::Erased, ..closed };
    assert_eq!(open(&dir, &erased).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn frames_that_were_dropped_make_it_partial() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, 200);
    let told = ToRecorder::End { key: 1, duration_ms: 200, dropped: 3, reason: Some("media worker stopped".to_owned()) };
    let row = bench.close(told);
    assert_eq!(row.state, RecordingState::Partial);
    assert_eq!(row.reason.as_deref(), Some("media worker stopped; 3 frames dropped"));
}

#[test]
fn frames_out_of_place_are_refused() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.tell(frame(1, Left, 60_000));
    bench.tell(frame(1, Left, 61_000));
    bench.tell(frame(9, Left, 0));
    let counters = bench.recorder.counters();
    assert_eq!((counters.live, counters.frames, counters.ahead, counters.unknown), (1, 1, 1, 1));
    let row = bench.close(end(1, 20));
    assert_eq!(row.reason.as_deref(), Some("1 frames out of place"));
    assert_eq!(runs(&read(&bench.path(1, ""))), "20 silence");
    bench.tell(frame(1, Left, 0));
    bench.tell(end(1, 20));
    assert_eq!(bench.recorder.poll(), None, "a recording ends once");
}

#[test]
fn a_file_that_is_there_is_never_touched() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, 100);
    bench.tell(ToRecorder::Begin { key: 2, row: row(1) });
    let refused = bench.recorder.poll().unwrap();
    assert_eq!((refused.state, refused.reason.as_deref()), (RecordingState::Failed, Some("file exists")));
    assert_eq!(bench.close(end(1, 100)).state, RecordingState::Complete);
    bench.begin(1);
    assert_eq!(bench.recorder.poll().unwrap().reason.as_deref(), Some("file exists"));
    assert_eq!(runs(&read(&bench.path(1, ""))), "100 both");
}

#[test]
fn the_name_is_ours_alone() {
    let mut bench = Bench::new();
    let mut bad = row(1);
    bad.file = Some("../../etc/cron.d/x.wav".to_owned());
    bench.tell(ToRecorder::Begin { key: 1, row: bad });
    assert_eq!(bench.recorder.poll().unwrap().reason.as_deref(), Some("bad file name"));
    let mut none = row(2);
    none.file = None;
    bench.tell(ToRecorder::Begin { key: 2, row: none });
    let row = bench.close(end(2, 20));
    assert_eq!(row.file, Some(RecordingRow::file_name(CallId(2), NOON)));
}

#[test]
fn a_full_disk_costs_one_stretch_and_no_other_recording() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.begin(2);
    bench.talk(&[1, 2], 0, 2_000);
    bench.disk.refuse("c_0000000000001", ErrorKind::StorageFull);
    bench.talk(&[1, 2], 2_000, 4_000);
    assert_eq!(bench.recorder.trouble(), Some("disk_full"));
    bench.disk.relent();
    bench.talk(&[1, 2], 4_000, 12_000);
    assert_eq!(bench.recorder.trouble(), None, "the disk is used again");
    let row = bench.close(end(1, 12_000));
    assert_eq!((row.state, row.reason.as_deref()), (RecordingState::Partial, Some("disk_full")));
    assert_eq!((row.duration_ms, row.size), (12_000, 44 + 12_000 * 32));
    let heard = read(&bench.path(1, ""));
    assert_eq!(heard.len(), 96_000);
    let silent = heard.iter().filter(|frame| **frame == [0, 0]).count();
    assert!((16_000..64_000).contains(&silent), "{silent} frames are missing");
    assert_eq!(runs(&heard[80_000..]), "2000 both", "behind the gap the places are right");
    assert_eq!(bench.recorder.counters().lost_samples, silent as u64 + 3, "but for the 13 octets that the full disk took");
    let other = bench.close(end(2, 12_000));
    assert_eq!((other.state, other.reason), (RecordingState::Complete, None));
    assert_eq!(runs(&read(&bench.path(2, ""))), "12000 both");
}

#[test]
fn a_disk_that_takes_nothing_leaves_nothing() {
    for (kind, reason) in [
        (ErrorKind::StorageFull, "disk_full"),
        (ErrorKind::QuotaExceeded, "disk_full"),
        (ErrorKind::ReadOnlyFilesystem, "io_error: read-only filesystem or storage medium"),
        (ErrorKind::PermissionDenied, "io_error: permission denied"),
    ] {
        // Refused from the start, and refused with the first samples.
        for from_start in [true, false] {
            let mut bench = Bench::new();
            if from_start {
                bench.disk.refuse("2026", kind);
            }
            bench.begin(1);
            bench.disk.refuse("2026", kind);
            bench.talk(&[1], 0, 3_000);
            let row = bench.close(end(1, 3_000));
            assert_eq!((row.state, row.reason.as_deref(), row.file.as_deref()), (RecordingState::Failed, Some(reason), None));
            assert_eq!((row.duration_ms, row.size), (0, 0));
            assert!(bench.names().is_empty(), "{:?}", bench.names());
        }
    }
}

#[test]
fn a_recording_that_could_not_begin_begins_later() {
    let mut bench = Bench::new();
    bench.disk.refuse("2026", ErrorKind::StorageFull);
    bench.begin(1);
    bench.talk(&[1], 0, 1_000);
    bench.disk.relent();
    bench.talk(&[1], 1_000, 8_000);
    let row = bench.close(end(1, 8_000));
    assert_eq!((row.state, row.reason.as_deref()), (RecordingState::Partial, Some("disk_full")));
    let heard = read(&bench.path(1, ""));
    assert_eq!(runs(&heard[48_000..]), "2000 both");
    assert_eq!(bench.names(), ["c_0000000000001.wav"]);
}

#[test]
fn a_disk_that_turns_read_only_keeps_what_it_has() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, 2_000);
    bench.disk.refuse("2026", ErrorKind::ReadOnlyFilesystem);
    bench.talk(&[1], 2_000, 3_000);
    let row = bench.close(end(1, 3_000));
    assert_eq!((row.state, row.reason.as_deref()), (RecordingState::Partial, Some("io_error: read-only filesystem or storage medium")));
    assert!((1_300..=2_000).contains(&row.duration_ms), "{}", row.duration_ms);
    let snapshot = open(bench.dir.path(), &row).unwrap();
    assert_eq!((snapshot.length, snapshot.closed), (row.size, false), "it is heard under the name that it could not lose");
    // The disk is well again, and the server starts anew.
    let dir = bench.dir;
    drop(bench.recorder);
    let rows = crate::recover(dir.path(), &[]);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].call_id, rows[0].state, rows[0].duration_ms), (row.call_id, RecordingState::Partial, row.duration_ms));
    crate::forget_sidecar(dir.path(), &rows[0]).unwrap();
    assert_eq!(names(dir.path()), ["c_0000000000001.wav"]);
}

#[test]
fn the_longest_recording_stops_and_says_so() {
    let mut bench = Bench::new();
    bench.begin(1);
    let limit_ms = crate::wav::FRAMES_MAX / 8;
    bench.run_to(limit_ms - 100);
    bench.talk(&[1], limit_ms - 100, limit_ms + 400);
    let row = bench.close(end(1, limit_ms + 400));
    assert_eq!((row.state, row.reason.as_deref()), (RecordingState::Partial, Some("length_limit")));
    assert_eq!((row.duration_ms, row.size), (limit_ms, 44 + (3_900 << 20)));
    let mut reader = hound::WavReader::open(bench.path(1, "")).unwrap();
    assert_eq!(u64::from(reader.duration()), crate::wav::FRAMES_MAX);
    reader.seek(u32::try_from(crate::wav::FRAMES_MAX - 8).unwrap()).unwrap();
    assert!(reader.samples::<i16>().all(|sample| sample.unwrap() == voice()));
}

#[test]
fn a_growing_file_is_synced_now_and_then_and_a_closed_one_once_more() {
    let mut bench = Bench::new();
    bench.begin(1);
    for second in 0..11 {
        bench.talk(&[1], second * 1_000, (second + 1) * 1_000);
        // The syncing thread is waited for, so that its pace does not matter.
        bench.recorder.finish();
    }
    assert_eq!(bench.disk.syncs(), 2, "after 5 s and after 10 s");
    bench.close(end(1, 11_000));
    assert_eq!(bench.disk.syncs(), 3);
}

#[test]
fn many_recordings_are_kept_apart() {
    let mut bench = Bench::new();
    let keys: Vec<u64> = (1..=300).collect();
    keys.iter().for_each(|key| bench.begin(*key));
    bench.talk(&keys, 0, 1_000);
    for key in &keys {
        bench.tell(frame(*key, if key % 2 == 0 { Left } else { Right }, 1_000 + key));
    }
    bench.run_to(1_400);
    keys.iter().for_each(|key| bench.tell(end(*key, 1_400)));
    bench.recorder.finish();
    let rows: Vec<_> = std::iter::from_fn(|| bench.recorder.poll()).collect();
    assert_eq!(rows.len(), keys.len());
    assert!(rows.iter().all(|row| row.state == RecordingState::Complete));
    for key in keys {
        let side = if key % 2 == 0 { "left" } else { "right" };
        let expected = format!("1000 both, {key} silence, 20 {side}, {} silence", 380 - key);
        assert_eq!(runs(&read(&bench.path(key, ""))), expected);
    }
    assert_eq!(bench.names().len(), 600, "a sidecar stays until its row is journaled");
    rows.into_iter().for_each(|row| bench.tell(ToRecorder::Journaled(row)));
    bench.recorder.finish();
    assert_eq!(bench.names().len(), 300);
}
