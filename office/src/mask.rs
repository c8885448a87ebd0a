//! What is left of a value whose column is masked.

use model::Mask;
use serde_json::Value;

/// What stands for what is not shown.
const DOT: char = '•';
/// What stands for a whole value, so that its length says nothing.
const WHOLE: &str = "•••";
/// A number with so many digits or fewer is an internal one: all of it would be guessed from a part.
const INTERNAL_MAX: usize = 4;
/// From so many digits on, a number has a country or trunk code before its area and can spare four digits at its end.
const LONG: usize = 10;

/// A masked value. What is absent stays absent.
pub(crate) fn masked(mask: Mask, value: &Value) -> Value {
    let text = match value {
        Value::Null => return Value::Null,
        Value::String(text) => text,
        _ => return Value::from(WHOLE),
    };
    let masked = match mask {
        Mask::Phone => phone(text),
        Mask::Email => email(text),
        Mask::Whole => None,
    };
    Value::from(masked.unwrap_or_else(|| WHOLE.to_owned()))
}

/// `+7 9•• ••• 12 34` of `+79161231234`; none if it is no number, or too short to show any of it.
fn phone(text: &str) -> Option<String> {
    let is_number =
        text.chars().enumerate().all(|(at, letter)| letter.is_ascii_digit() || " -().".contains(letter) || (at == 0 && letter == '+'));
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    if !is_number || digits.len() <= INTERNAL_MAX {
        return None;
    }
    let (head, tail) = match digits.len() {
        0..LONG if digits.len() < 7 => (0, 2),
        0..LONG => (1, 2),
        _ => (2, 4),
    };
    let kept = |at: usize| at < head || at + tail >= digits.len();
    // Groups as people read them: country, area, and the rest in threes and twos, from the end.
    let starts_group = |at: usize| {
        let left = digits.len() - at;
        at > 0 && (left == 2 || left == 4 || left == 7 || left == 10)
    };
    let mut shown = String::from(if text.starts_with('+') { "+" } else { "" });
    for (at, digit) in digits.iter().enumerate() {
        if starts_group(at) {
            shown.push(' ');
        }
        shown.push(if kept(at) { *digit } else { DOT });
    }
    Some(shown)
}

/// `a•••@•••.ru` of `anna@mail.example.ru`; none if it is no address.
fn email(text: &str) -> Option<String> {
    let (name, domain) = text.rsplit_once('@')?;
    let first = name.chars().next().filter(|first| first.is_alphanumeric())?;
    let (_, last) = domain.rsplit_once('.')?;
    let is_last = !last.is_empty() && last.chars().all(char::is_alphanumeric);
    is_last.then(|| format!("{first}{WHOLE}@{WHOLE}.{last}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn little_is_left_of_a_masked_value() {
        let cases = [
            (Mask::Phone, json!("+79161231234"), json!("+7 9•• ••• 12 34")),
            (Mask::Phone, json!("89161231234"), json!("8 9•• ••• 12 34")),
            (Mask::Phone, json!("8 (916) 123-12-34"), json!("8 9•• ••• 12 34")),
            (Mask::Phone, json!("9161231234"), json!("91• ••• 12 34")),
            (Mask::Phone, json!("+4930901820123"), json!("+49• ••• ••• 01 23")),
            (Mask::Phone, json!("1231234"), json!("1•• •• 34")),
            (Mask::Phone, json!("123456"), json!("•• •• 56")),
            (Mask::Phone, json!("12345"), json!("• •• 45")),
            (Mask::Phone, json!("6001"), json!("•••")),
            (Mask::Phone, json!("1"), json!("•••")),
            (Mask::Phone, json!(""), json!("•••")),
            (Mask::Phone, json!("anonymous"), json!("•••")),
            (Mask::Phone, json!("+7916123+1234"), json!("•••")),
            (Mask::Phone, json!("sip:79161231234@example.org"), json!("•••")),
            (Mask::Phone, json!("<img src=x>79161231234"), json!("•••")),
            (Mask::Phone, json!("٧٩١٦١٢٣١٢٣٤"), json!("•••")),
            (Mask::Phone, json!(79161231234_i64), json!("•••")),
            (Mask::Email, json!("anna@mail.example.ru"), json!("a•••@•••.ru")),
            (Mask::Email, json!("Анна@почта.рф"), json!("А•••@•••.рф")),
            (Mask::Email, json!("a@b"), json!("•••")),
            (Mask::Email, json!("a@b."), json!("•••")),
            (Mask::Email, json!("@b.ru"), json!("•••")),
            (Mask::Email, json!("\"a b\"@b.ru"), json!("•••")),
            (Mask::Email, json!("anna"), json!("•••")),
            (Mask::Whole, json!("anything"), json!("•••")),
            (Mask::Whole, json!(7), json!("•••")),
            (Mask::Whole, json!(false), json!("•••")),
            (Mask::Whole, json!([{"user": "7"}]), json!("•••")),
        ];
        for (mask, value, wanted) in cases {
            assert_eq!(masked(mask, &value), wanted, "{mask:?} {value}");
        }
        for mask in [Mask::Phone, Mask::Email, Mask::Whole] {
            assert_eq!(masked(mask, &Value::Null), Value::Null);
        }
    }
}
