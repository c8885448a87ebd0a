//! Short texts that people type.

use office::Fault;

/// A text of one line, without the blanks around it; none if nothing is left. `max` in characters.
pub(crate) fn line(field: &str, text: &str, max: usize, faults: &mut Vec<Fault>) -> Option<String> {
    let text = text.trim();
    if text.chars().count() > max || text.chars().any(char::is_control) {
        faults.push(Fault::invalid(field, format!("this has at most {max} characters, none of them a control character")));
    }
    if text.is_empty() { None } else { Some(text.to_owned()) }
}
