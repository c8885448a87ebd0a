//! Codes and names as roles, sets, centres and the things of modules have them.

use crate::{Conflict, Fault, OfficeError};

/// Characters of a code.
pub const CODE_MAX: usize = 64;
/// Characters of a name.
pub const NAME_MAX: usize = 128;

/// A code: 1 to 64 ASCII letters, digits, `_`, `-`, `.`, beginning with a letter or digit.
pub fn code(field: &str, text: &str, faults: &mut Vec<Fault>) -> String {
    let is_plain = text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-' | b'.'));
    let begins = text.bytes().next().is_some_and(|octet| octet.is_ascii_alphanumeric());
    if !is_plain || !begins || text.len() > CODE_MAX {
        let detail = format!("a code has 1 to {CODE_MAX} Latin letters, digits, _, - and ., and begins with a letter or digit");
        faults.push(Fault::invalid(field, detail));
    }
    text.to_owned()
}

/// A code stays for ever: lists and rules name it. It may be said again as it is.
///
/// # Errors
/// [`Conflict::BuiltIn`] for another code of what came with the program.
pub fn same_code(said: Option<&str>, code: &str, is_builtin: bool, faults: &mut Vec<Fault>) -> Result<(), OfficeError> {
    if said.is_some_and(|said| said != code) {
        if is_builtin {
            return Err(OfficeError::Conflict(Conflict::BuiltIn));
        }
        faults.push(Fault::invalid("code", "a code cannot be changed; make another one and delete this"));
    }
    Ok(())
}

/// A name: 1 to 128 characters; blanks around it are dropped.
pub fn name(field: &str, text: &str, faults: &mut Vec<Fault>) -> String {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        faults.push(Fault::invalid(field, format!("a name has 1 to {NAME_MAX} characters, none of them a control character")));
    }
    name.to_owned()
}
