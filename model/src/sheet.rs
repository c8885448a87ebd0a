//! What a spreadsheet takes for a formula.

/// A text that a spreadsheet which opens a CSV file does not take for a formula (OWASP, CSV Injection): what begins like one gets an
/// apostrophe before it, also in the middle of a text, behind what a spreadsheet of another language takes for the end of a cell.
///
/// A telephone number in its international form begins like one, too, but has digits only behind its plus: it can do nothing, and with an
/// apostrophe before it nobody could dial it. In the middle of a text, numbers with a sign are left as they are.
#[must_use]
pub fn harmless(text: String) -> String {
    if is_telephone_number(&text) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 1);
    let (mut begins, mut is_first) = (true, true);
    for (at, character) in text.char_indices() {
        // The full-width forms are taken for the plain ones by spreadsheets in East Asian languages.
        let is_like_one = match character {
            '=' | '@' | '＝' | '＋' | '－' | '＠' => true,
            '+' | '-' => is_first || !is_number(text.get(at + 1..).unwrap_or_default()),
            '\t' | '\r' | '\n' => is_first,
            _ => false,
        };
        if begins && is_like_one {
            safe.push('\'');
        }
        begins = matches!(character, ',' | ';' | '\t' | '\r' | '\n' | '"') || (begins && !is_first && character == ' ');
        is_first = false;
        safe.push(character);
    }
    safe
}

/// Whether what stands behind a sign is a number, up to the end of the cell or of the JSON that it stands in.
fn is_number(rest: &str) -> bool {
    let cell = rest.split([',', ';', '\t', '\r', '\n', '"', ']', '}', ' ']).next().unwrap_or_default();
    !cell.is_empty() && cell.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.')
}

fn is_telephone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| (1..=15).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_made_harmless() {
        for hostile in ["=1+1", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "＝1", "+7916x", "+", "-", "-7", "+12345678901234567"] {
            assert_eq!(harmless(hostile.to_owned()), format!("'{hostile}"));
        }
        for plain in ["", "a=1", " =1", "'=1", "+79161231234", "7", "Anna", "a; b", r#"{"a":[1,-2]}"#, "1, +7", "a - b"] {
            assert_eq!(harmless(plain.to_owned()), plain);
        }
        // What another separator makes a cell of its own.
        for (hostile, safe) in [
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\n=1", "'\n'=1"),
            ("x;=1+1;", "x;'=1+1;"),
            ("a,=1", "a,'=1"),
            ("a; @SUM(A1)", "a; '@SUM(A1)"),
            ("a\t=1", "a\t'=1"),
            ("a\r\n-2+3", "a\r\n'-2+3"),
            ("a\",+1*2", "a\",'+1*2"),
            ("a;＝1", "a;'＝1"),
            ("a;-", "a;'-"),
        ] {
            assert_eq!(harmless(hostile.to_owned()), safe);
        }
    }
}
