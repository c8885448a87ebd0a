//! The example file.

use crate::section::Documented;

const HEAD: &str = "\
# Cordboard's configuration: every key, with its default. A key that you leave out has its default.
#
# An environment variable overrides a key: CORDBOARD__HTTP__LISTEN is http.listen. In a variable, items of a list stand between commas,
# and an empty text is the empty list.
# An unknown key or variable is an error, so that a misspelt one is not silently ignored.
#
# A running server reads this file again on SIGHUP and on POST /api/system/reload: it is checked whole, and applied whole or refused.
# What can change without a restart says so: a reload changes it.
# This file is printed by `cordboard config print`.
";

/// The sections as a TOML file.
pub(crate) fn print(sections: &[Documented]) -> String {
    let mut text = HEAD.to_owned();
    for section in sections {
        text.push('\n');
        lines(&mut text, section.about);
        text.push_str(&format!("[{}]\n", section.name));
        for (at, key) in section.keys.iter().enumerate() {
            if at > 0 {
                text.push('\n');
            }
            lines(&mut text, key.about);
            if let Some(range) = &key.range {
                text.push_str(&format!("# From {} to {}.\n", range.start(), range.end()));
            }
            if key.live {
                text.push_str("# A reload changes it.\n");
            }
            let name = key.path.rsplit('.').next().unwrap_or(key.path);
            text.push_str(&format!("{name} = {}\n", key.default));
        }
    }
    text
}

fn lines(text: &mut String, about: &[&str]) {
    for line in about {
        text.push('#');
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
