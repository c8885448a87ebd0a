//! House rules: who imports whom (the floor table in ARCHITECTURE.md), what a core may touch, how long a file may be.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

/// A file is what one reads at a sitting; past this, somebody has to ask what the second noun is (conventions, 6).
const LINES_MAX: usize = 1000;
/// The highest floor whose rooms are cores: no IO, no clock, no thread, no lock.
const CORES_UP_TO: u8 = 2;
/// What no core may touch.
const BANNED: [&str; 14] = [
    "tokio",
    "mio::",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "std::fs",
    "std::thread",
    "std::env",
    "std::process",
    "Instant::now",
    "SystemTime::now",
    "Mutex",
    "RwLock",
    "static mut",
];
/// Dependencies that no core may have, whatever it does with them.
const BANNED_DEPENDENCIES: [&str; 9] = ["tokio", "mio", "quinn-udp", "socket2", "rustix", "libc", "sqlx", "axum", "hyper"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Every room's floor and manifest.
fn rooms() -> Result<BTreeMap<String, (u8, String)>> {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    let mut rooms = BTreeMap::new();
    for (room, floor) in page.lines().filter_map(floor_row) {
        let manifest = root().join(room).join("Cargo.toml");
        let manifest = fs::read_to_string(&manifest)
            .with_context(|| format!("ARCHITECTURE.md has a room `{room}`, but there is no {}", manifest.display()))?;
        rooms.insert(room.to_owned(), (floor, manifest));
    }
    ensure!(!rooms.is_empty(), "ARCHITECTURE.md has no floor table");
    Ok(rooms)
}

#[test]
fn rooms_import_only_from_lower_floors() -> Result<()> {
    let rooms = rooms()?;
    let floor_of: BTreeMap<&str, u8> = rooms.iter().map(|(room, (floor, _))| (room.as_str(), *floor)).collect();
    for (room, (_, manifest)) in &rooms {
        let wrong = forbidden_imports(room, manifest, &floor_of);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    Ok(())
}

#[test]
fn every_room_has_a_floor() -> Result<()> {
    let rooms = rooms()?;
    let workspace = fs::read_to_string(root().join("Cargo.toml"))?;
    let members: BTreeSet<String> = members(&workspace).into_iter().collect();
    ensure!(members.len() > 5, "the workspace's members were not found: {members:?}");
    let without: Vec<_> = members.iter().filter(|room| !rooms.contains_key(*room) && *room != "tests" && *room != "benches").collect();
    assert!(without.is_empty(), "ARCHITECTURE.md's floor table lacks {without:?}");
    Ok(())
}

#[test]
fn cores_touch_nothing_of_the_outside_world() -> Result<()> {
    for (room, (floor, manifest)) in rooms()? {
        if floor > CORES_UP_TO {
            continue;
        }
        let wrong: Vec<_> = imports(&manifest).filter(|import| BANNED_DEPENDENCIES.contains(import)).collect();
        assert!(wrong.is_empty(), "{room} (floor {floor}) depends on {wrong:?}");
        let mut sources = Vec::new();
        sources_below(&root().join(&room).join("src"), &mut sources)?;
        ensure!(!sources.is_empty(), "{room} has no sources");
        for path in sources.iter().filter(|path| !is_test(path)) {
            let wrong = banned_words(&fs::read_to_string(path)?);
            assert!(wrong.is_empty(), "{}: a core may not touch {wrong:?}", path.display());
        }
    }
    Ok(())
}

/// A room above may keep what it decides in `src/core`: that is held to the same, and besides may know no room but `model`.
#[test]
fn cores_within_rooms_touch_nothing_of_the_outside_world() -> Result<()> {
    let mut sources = Vec::new();
    let rooms = rooms()?;
    let above = |(room, (floor, _)): &(&String, &(u8, String))| *floor > CORES_UP_TO && root().join(room).join("src/core").is_dir();
    for (room, _) in rooms.iter().filter(above) {
        sources_below(&root().join(room).join("src/core"), &mut sources)?;
    }
    ensure!(!sources.is_empty(), "no room has a src/core");
    for path in sources.iter().filter(|path| !is_test(path)) {
        let text = fs::read_to_string(path)?;
        let outside = rooms.keys().filter(|room| *room != "model").map(|room| format!("{}::", room.replace('-', "_")));
        let outside: Vec<String> = outside.chain(["sqlx".to_owned()]).filter(|word| names(&text, word)).collect();
        assert!(outside.is_empty(), "{}: a core knows no room but model, this one {outside:?}", path.display());
        let wrong = banned_words(&text);
        assert!(wrong.is_empty(), "{}: a core may not touch {wrong:?}", path.display());
    }
    Ok(())
}

/// Whether a text names a room: `store::`, but not `my_store::` nor `crate::core::`.
fn names(text: &str, word: &str) -> bool {
    let is_part = |before: &str| before.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_' || last == ':');
    text.match_indices(word).any(|(at, _)| text.get(..at).is_some_and(|before| !is_part(before)))
}

#[test]
fn no_file_is_too_long_to_read() -> Result<()> {
    let mut sources = Vec::new();
    sources_below(&root(), &mut sources)?;
    ensure!(sources.len() > 20, "the sources were not found");
    for path in sources {
        let lines = fs::read_to_string(&path)?.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: what is its second noun?", path.display());
    }
    Ok(())
}

/// "| 2 | `calls` | call control |" is `("calls", 2)`; other lines are no rows.
fn floor_row(line: &str) -> Option<(&str, u8)> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let floor = cells.next()?.parse().ok()?;
    let room = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some((room, floor))
}

/// What is wrong with `room`'s imports, in words.
fn forbidden_imports(room: &str, manifest: &str, floor_of: &BTreeMap<&str, u8>) -> Vec<String> {
    let Some(floor) = floor_of.get(room) else { return vec![format!("{room} has no floor")] };
    imports(manifest)
        .filter_map(|import| Some((import, floor_of.get(import)?)))
        .filter(|(_, below)| *below >= floor)
        .map(|(import, below)| format!("{room} (floor {floor}) imports {import} (floor {below})"))
        .collect()
}

/// The names under `[dependencies]` and its likes (for a platform, or as tables of their own); what is only for tests does not count.
fn imports(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let parts: Vec<&str> = section.split('.').collect();
            inside = parts.last() == Some(&"dependencies");
            // `[dependencies.model]`
            return parts.iter().rev().nth(1).filter(|part| **part == "dependencies").and_then(|_| parts.last().copied());
        }
        if !inside || line.is_empty() || line.starts_with('#') {
            return None;
        }
        line.split(['.', ' ', '=']).next().map(|name| name.trim_matches('"'))
    })
}

/// The members of the workspace's manifest.
fn members(manifest: &str) -> Vec<String> {
    let list = manifest.split_once("\nmembers = [").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split(',').map(|member| member.trim().trim_matches('"').to_owned()).filter(|member| !member.is_empty()).collect()
}

/// Lines with a banned word, outside comments and before the tests at the file's end.
fn banned_words(source: &str) -> Vec<(usize, &'static str)> {
    if source.starts_with("#![cfg(test)]") {
        return Vec::new();
    }
    let lines = source.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    let code = lines.map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()));
    code.flat_map(|(at, code)| BANNED.into_iter().filter(move |word| code.contains(word)).map(move |word| (at, word))).collect()
}

/// `tests.rs` beside a room's file, or a folder `tests` of such.
fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tests.rs") || path.parent().is_some_and(|dir| dir.ends_with("tests"))
}

/// Every Rust file below `dir`, build output apart.
fn sources_below(dir: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && !["target", "node_modules", "tests_data"].contains(&name.as_str()) {
            sources_below(&path, into)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") && (dir != root()) {
            into.push(path);
        }
    }
    Ok(())
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    let floor_of = BTreeMap::from([("model", 0), ("media", 1), ("calls", 2), ("net", 3)]);
    let check = |manifest: &str| forbidden_imports("calls", manifest, &floor_of).join("; ");
    assert_eq!(check("[dependencies]\nmodel.workspace = true\nmedia = { path = \"../media\" }\nserde = \"1\"\n"), "");
    assert_eq!(check("[dependencies]\nmodel.workspace = true\nnet.workspace = true\n"), "calls (floor 2) imports net (floor 3)");
    assert_eq!(check("[dependencies]\nnet = { path = \"../net\" }\n"), "calls (floor 2) imports net (floor 3)");
    assert_eq!(check("[dependencies.net]\npath = \"../net\"\n"), "calls (floor 2) imports net (floor 3)");
    assert_eq!(check("[target.'cfg(unix)'.dependencies]\nnet.workspace = true\n"), "calls (floor 2) imports net (floor 3)");
    assert_eq!(check("[dependencies]\ncalls.workspace = true\n"), "calls (floor 2) imports calls (floor 2)");
    assert_eq!(check("[dev-dependencies]\nnet.workspace = true\n"), "", "tests may use any room");
    assert_eq!(floor_row("| 2 | `calls` | call control |"), Some(("calls", 2)));
    assert_eq!((floor_row("| floor | room |"), floor_row("|---|---|"), floor_row("| - | `tests` | any |")), (None, None, None));
    assert_eq!(members("[workspace]\nmembers = [\n    \"model\", \"net\",\n]\n"), ["model", "net"]);
}

#[test]
fn a_banned_word_is_found_in_code_and_not_in_comments_or_tests() {
    assert_eq!(banned_words("use std::{io, time};\nuse tokio::spawn;\n"), [(2, "tokio")]);
    assert_eq!(banned_words("let now = Instant::now();"), [(1, "Instant::now")]);
    assert_eq!(banned_words("// tokio would do it\n/// Not `Instant::now`.\n"), []);
    assert_eq!(banned_words("fn a() {}\n#[cfg(test)]\nmod tests { use std::fs; }\n"), []);
}
