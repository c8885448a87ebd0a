//! Everything that the fuzz targets have ever found worth keeping (`fuzz/corpus`), played through the same functions without a fuzzer. An input that
//! once broke a room stays there, so that it cannot do so again.

// The targets are written for the fuzzer's own build, which is no part of the workspace.
#[path = "../../fuzz/src/lib.rs"]
pub mod targets;

use std::{fs, panic, path::Path};

/// Plays the corpus of one target; says which input broke it.
fn replay(name: &str) {
    let target = targets::TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target);
    let target = target.unwrap_or_else(|| panic!("there is no target {name}"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let mut paths: Vec<_> = fs::read_dir(&folder).expect("a corpus").flatten().map(|entry| entry.path()).collect();
    assert!(paths.len() >= 10, "the corpus of {name} is lost: {} inputs", paths.len());
    paths.sort();
    for path in paths {
        let input = fs::read(&path).expect("an input");
        if panic::catch_unwind(|| target(&input)).is_err() {
            panic!("{} breaks {name}", path.display());
        }
    }
}

macro_rules! corpora {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_its_test() {
            let tested = [$(stringify!($name)),*];
            let known: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(tested.as_slice(), known);
        }
    };
}

corpora!(challenge digest guard locator rtcp rtp sdp sip_endpoint sip_message sip_stream uri websocket);
