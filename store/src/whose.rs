//! Why a call is somebody's: the bits of `call_users.why`, as numbers and as SQL.

/// The person placed the call or served a part of it (R18).
pub const TOOK_PART: i64 = 1;
/// It is of a lead of theirs: whoever links calls to leads sets it and takes it away, no fact of telephony does.
pub const OF_LEAD: i64 = 2;
/// It rang at the slot that the person had taken. They may read it, and no more: a colleague may have answered it.
pub const RANG: i64 = 4;

/// The same bits in the text of a statement: `concat!("why & ", why!(took_part), " <> 0")`.
#[macro_export]
macro_rules! why {
    (took_part) => {
        "1"
    };
    (of_lead) => {
        "2"
    };
    // Theirs altogether, and not only to be read.
    (had) => {
        "3"
    };
}
pub(crate) use why;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sql_say_the_same() {
        let texts = [why!(took_part), why!(of_lead), why!(had)].map(str::parse);
        assert_eq!(texts, [Ok(TOOK_PART), Ok(OF_LEAD), Ok(TOOK_PART | OF_LEAD)]);
        assert_eq!((TOOK_PART | OF_LEAD) & RANG, 0);
    }
}
