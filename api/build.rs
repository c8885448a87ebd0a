//! The console is built by npm into `console/dist`. Without it the program builds all the same, and serves a page that says how to build it:
//! the folder that is embedded must be there, if empty.

use std::{env, fs, path::Path};

fn main() {
    let room = env::var("CARGO_MANIFEST_DIR").expect("cargo says where the room is");
    fs::create_dir_all(Path::new(&room).join("../console/dist")).expect("the folder of the console can be made");
    println!("cargo::rerun-if-changed=../console/dist");
}
