//! What a killed server leaves behind, and what the next start makes of it (FT-2).

use std::fs::{self, OpenOptions};

use super::*;
use crate::{forget_sidecar, open, recover};

/// A server is killed after this many milliseconds of talk; its directory stays.
fn killed_after(ms: u64) -> TempDir {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, ms);
    // Nothing is closed or flushed: the files are as the last flush left them.
    copy_of(&bench.dir)
}

/// Recovers a directory to the end: once to die before the rows are journaled, and once more.
fn recovered(dir: &TempDir, rows: &[RecordingRow]) -> Vec<RecordingRow> {
    let told = recover(dir.path(), rows);
    assert_eq!(recover(dir.path(), rows), told, "killed in between, the next start says the same");
    told.iter().for_each(|row| forget_sidecar(dir.path(), row).unwrap());
    told
}

fn copy_of(dir: &TempDir) -> TempDir {
    let copy = TempDir::new().unwrap();
    let day = copy.path().join("2026/11/21");
    fs::create_dir_all(&day).unwrap();
    for name in names(dir.path()) {
        fs::copy(dir.path().join("2026/11/21").join(&name), day.join(&name)).unwrap();
    }
    copy
}

fn file(dir: &TempDir, suffix: &str) -> PathBuf {
    dir.path().join(format!("2026/11/21/c_0000000000001.wav{suffix}"))
}

fn cut(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn a_killed_server_loses_less_than_a_second() {
    let dir = killed_after(5_000);
    let rows = recovered(&dir, &[row(1)]);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].state, rows[0].reason.as_deref()), (RecordingState::Partial, Some("server stopped")));
    assert!((4_000..=5_000).contains(&rows[0].duration_ms), "{}", rows[0].duration_ms);
    assert_eq!(rows[0].size, 44 + rows[0].duration_ms * 32);
    assert_eq!(runs(&read(&file(&dir, ""))), format!("{} both", rows[0].duration_ms));
    assert_eq!(names(dir.path()), ["c_0000000000001.wav"]);
    let snapshot = open(dir.path(), &rows[0]).unwrap();
    assert_eq!((snapshot.length, snapshot.closed), (rows[0].size, true));
    assert!(recovered(&dir, &[]).is_empty(), "a second start finds nothing to do");
}

#[test]
fn a_file_cut_anywhere_is_playable_or_gone() {
    let (killed, known) = (killed_after(4_000), [row(1)]);
    for length in (0..=60).chain([32_043, 32_044, 32_045, 32_046, 32_047, 32_048, 90_001]) {
        for with_row in [true, false] {
            let dir = copy_of(&killed);
            cut(&file(&dir, ".part"), length);
            let rows = recovered(&dir, if with_row { &known } else { &[] });
            assert_eq!(rows.len(), 1, "{length}");
            let frames = length.saturating_sub(44) / 4;
            assert_eq!(rows[0].call_id, CallId(1));
            assert_eq!((rows[0].center, &rows[0].right.number[..]), (CenterId(7), "+74951234567"), "the sidecar knows the row");
            if frames == 0 {
                assert_eq!((rows[0].state, rows[0].file.as_deref(), rows[0].size), (RecordingState::Failed, None, 0), "{length}");
                assert!(names(dir.path()).is_empty(), "{length}");
            } else {
                assert_eq!(rows[0].state, RecordingState::Partial);
                assert_eq!((rows[0].duration_ms, rows[0].size), (frames / 8, 44 + frames * 4));
                assert_eq!(read(&file(&dir, "")), vec![[voice(); 2]; usize::try_from(frames).unwrap()], "{length}");
                assert_eq!(names(dir.path()), ["c_0000000000001.wav"]);
            }
        }
    }
}

#[test]
fn a_header_of_zeroes_or_rubbish_is_repaired() {
    for rubbish in [[0; 44], [0xff; 44]] {
        let dir = killed_after(2_000);
        let mut bytes = fs::read(file(&dir, ".part")).unwrap();
        bytes[..44].copy_from_slice(&rubbish);
        fs::write(file(&dir, ".part"), &bytes).unwrap();
        let rows = recovered(&dir, &[row(1)]);
        assert_eq!(read(&file(&dir, "")).len() as u64, rows[0].duration_ms * 8);
    }
}

#[test]
fn a_lost_sidecar_costs_the_details_only() {
    for sidecar in [None, Some(""), Some("{\"call_id\":"), Some("[]")] {
        let dir = killed_after(1_000);
        match sidecar {
            None => fs::remove_file(file(&dir, ".json")).unwrap(),
            Some(text) => fs::write(file(&dir, ".json"), text).unwrap(),
        }
        let rows = recovered(&dir, &[]);
        assert_eq!(rows.len(), 1, "{sidecar:?}");
        assert_eq!((rows[0].call_id, rows[0].state), (CallId(1), RecordingState::Partial));
        assert_eq!(rows[0].reason.as_deref(), Some("details lost; server stopped"));
        assert_eq!(names(dir.path()), ["c_0000000000001.wav"]);
    }
}

#[test]
fn a_sidecar_of_another_call_is_not_believed() {
    let dir = killed_after(1_000);
    fs::write(file(&dir, ".json"), serde_json::to_vec(&row(2)).unwrap()).unwrap();
    let rows = recovered(&dir, &[]);
    assert_eq!(rows.iter().map(|row| row.call_id).collect::<Vec<_>>(), [CallId(1)]);
}

/// The server died between giving the file its last name and telling so.
fn killed_after_rename(end: ToRecorder, sidecar: Option<&RecordingRow>) -> TempDir {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, 1_000);
    bench.close(end);
    if let Some(row) = sidecar {
        fs::write(bench.path(1, ".json"), serde_json::to_vec(row).unwrap()).unwrap();
    }
    bench.dir
}

#[test]
fn a_closed_file_whose_row_was_not_told_is_found() {
    let partial = RecordingRow { state: RecordingState::Partial, reason: Some("disk_full".to_owned()), ..row(1) };
    for (sidecar, state, reason) in [
        (None, RecordingState::Complete, None),
        (Some(row(1)), RecordingState::Complete, None),
        (Some(partial), RecordingState::Partial, Some("disk_full")),
    ] {
        let dir = killed_after_rename(end(1, 1_000), sidecar.as_ref());
        let rows = recovered(&dir, &[row(1)]);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].state, rows[0].reason.as_deref()), (state, reason));
        assert_eq!((rows[0].duration_ms, rows[0].size), (1_000, 32_044));
        assert_eq!(names(dir.path()), ["c_0000000000001.wav"]);
    }
    let dir = killed_after_rename(end(1, 1_000), None);
    cut(&file(&dir, ""), 20_001);
    let rows = recovered(&dir, &[row(1)]);
    assert_eq!((rows[0].state, rows[0].duration_ms), (RecordingState::Partial, 623));
    assert_eq!(read(&file(&dir, "")).len(), 4_989);
}

#[test]
fn why_a_recording_is_partial_survives_until_it_is_journaled() {
    // Closed as partial or failed, and killed before anybody wrote that down.
    for (talk_ms, kind, state, reason) in [
        (1_000, None, RecordingState::Partial, "7 frames dropped"),
        (0, Some(io::ErrorKind::QuotaExceeded), RecordingState::Failed, "disk_full; 7 frames dropped"),
    ] {
        let mut bench = Bench::new();
        bench.begin(1);
        bench.talk(&[1], 0, talk_ms);
        if let Some(kind) = kind {
            bench.disk.refuse(".part", kind);
            bench.talk(&[1], 0, 1_000);
        }
        let ended = ToRecorder::End { key: 1, duration_ms: 1_000, dropped: 7, reason: None };
        let closed = bench.close_untold(ended);
        assert_eq!((closed.state, closed.reason.as_deref()), (state, Some(reason)));
        for rows in [&[row(1)][..], &[]] {
            let dir = copy_of(&bench.dir);
            assert_eq!(recovered(&dir, rows), std::slice::from_ref(&closed));
            assert!(!names(dir.path()).iter().any(|name| name.contains("json")));
            assert!(recover(dir.path(), &[]).is_empty(), "a second start finds nothing to do");
        }
    }
}

#[test]
fn a_start_that_was_killed_in_the_middle_is_begun_again() {
    let killed = killed_after(1_000);
    let whole = copy_of(&killed);
    let told = recover(whole.path(), &[]);
    // The row was beside its file already, but the file had not got its last name; and the next sidecar was half written.
    let dir = copy_of(&killed);
    fs::copy(file(&whole, ".json"), file(&dir, ".json")).unwrap();
    fs::write(file(&dir, ".json.new"), "{\"call").unwrap();
    assert_eq!(recovered(&dir, &[]), told);
    assert_eq!(names(dir.path()), ["c_0000000000001.wav"]);
}

#[test]
fn the_sidecar_of_a_growing_recording_stays() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, 1_000);
    let failed = RecordingRow { state: RecordingState::Failed, file: None, ..row(1) };
    for other in [row(1), failed] {
        bench.tell(ToRecorder::Journaled(other));
        bench.recorder.finish();
        assert_eq!(bench.names(), ["c_0000000000001.wav.json", "c_0000000000001.wav.part"]);
    }
}

#[test]
fn rows_without_files_fail_and_files_without_rows_get_one() {
    let dir = killed_after(1_000);
    let mut nameless = row(3);
    nameless.file = None;
    let mut foreign = row(4);
    foreign.file = Some("../../../etc/passwd".to_owned());
    let mut rows = recovered(&dir, &[row(2), nameless, foreign]);
    rows.sort_by_key(|row| row.call_id);
    let told: Vec<_> = rows.iter().map(|row| (row.call_id.0, row.state, row.reason.as_deref().unwrap())).collect();
    use RecordingState::{Failed, Partial};
    assert_eq!(told, [(1, Partial, "server stopped"), (2, Failed, "no file"), (3, Failed, "no file"), (4, Failed, "no file")]);
    assert!(rows[1..].iter().all(|row| row.file.is_none()));
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let dir = killed_after_rename(end(1, 1_000), None);
    let strange = ["notes.txt", "c_x.wav.part", "c_0000000000002.mp3.part", "c_0000000000003.wav", "c_0000000000004.wav.part"];
    for name in strange {
        let path = dir.path().join("2026/11/21").join(name);
        // The last one would be ours, but is a link.
        if name.ends_with("4.wav.part") {
            std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
        } else {
            fs::write(path, "something").unwrap();
        }
    }
    fs::create_dir_all(dir.path().join("lost+found")).unwrap();
    fs::write(dir.path().join("2026/readme"), "").unwrap();
    let before = names(dir.path());
    assert!(recovered(&dir, &[]).is_empty());
    assert_eq!(names(dir.path()), before);
}

#[test]
fn an_empty_or_missing_directory_is_nothing_to_do() {
    let dir = TempDir::new().unwrap();
    assert!(recovered(&dir, &[]).is_empty());
    assert!(recover(&dir.path().join("nowhere"), &[]).is_empty());
}

#[test]
fn a_dropped_recorder_leaves_everything_it_heard() {
    let mut bench = Bench::new();
    bench.begin(1);
    bench.talk(&[1], 0, 1_234);
    let dir = bench.dir;
    drop(bench.recorder);
    let rows = recovered(&dir, &[row(1)]);
    assert_eq!((rows[0].state, rows[0].duration_ms), (RecordingState::Partial, 1_240));
}

#[test]
fn the_newest_days_are_searched_and_known_rows_on_any_day() {
    let dir = TempDir::new().unwrap();
    let mut old_row = row(50);
    old_row.file = Some("2020/01/01/c_000000000001j.wav".to_owned());
    for day in 1..=28 {
        fs::create_dir_all(dir.path().join(format!("2026/10/{day:02}"))).unwrap();
        fs::create_dir_all(dir.path().join(format!("2026/09/{day:02}"))).unwrap();
    }
    fs::create_dir_all(dir.path().join("2020/01/01")).unwrap();
    let file = |name: &str| fs::write(dir.path().join(name), vec![1; 44 + 32_000]).unwrap();
    file("2020/01/01/c_000000000001j.wav.part");
    file("2020/01/01/c_000000000001k.wav.part");
    file("2026/10/28/c_000000000001m.wav.part");
    let mut calls: Vec<_> = recovered(&dir, &[old_row]).iter().map(|row| row.call_id.to_string()).collect();
    calls.sort();
    assert_eq!(calls, ["c_000000000001j", "c_000000000001m"]);
}
