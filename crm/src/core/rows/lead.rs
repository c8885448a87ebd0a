//! What a row says of a lead.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use model::{Number, Problem, WallTime, carrier::NumberForm};
use serde::{Deserialize, Serialize};

use super::{COLUMNS_MAX, RawRow, filled};
use crate::core::days::Day;

/// The most characters of a name.
const NAME_CHARS_MAX: usize = 200;
/// The most characters of an e-mail address (RFC 5321, 4.5.3.1.3, less its brackets).
const EMAIL_CHARS_MAX: usize = 254;
/// The most characters of a source.
const SOURCE_CHARS_MAX: usize = 100;
/// The most characters of what is to be done next.
const ACTION_CHARS_MAX: usize = 500;
/// The most characters that are kept of a number as it was written.
const PHONE_CHARS_MAX: usize = 64;
/// The least digits of a number of the world, its country's code included.
const DIGITS_MIN: usize = 7;
/// At which hour a date without a time is meant.
const HOUR_OF_DATE: u32 = 9;

codes! {
    /// What a column can say of a lead.
    LeadField, "a lead's field":
    /// Their name. Several columns of it are joined by a blank, in the order that they stand in.
    ClientName = "client_name",
    /// Their telephone number.
    Phone = "phone",
    /// Their e-mail address.
    Email = "email",
    /// How they have come to us.
    Source = "source",
    /// What is to be done next.
    NextAction = "next_action",
    /// When.
    NextActionAt = "next_action_at",
}

codes! {
    /// What can be wrong with a row.
    Why, "what is wrong with a row":
    /// There is neither a number nor a name in it.
    Nobody = "nobody",
    /// It has more cells than the file has columns, so that they cannot be told apart.
    MoreCells = "more_cells",
    /// Its text is longer than its field.
    TooLong = "too_long",
    /// It is no telephone number.
    NotANumber = "not_a_number",
    /// A spreadsheet has cut off its last digits: `7,91612E+10`.
    Shortened = "shortened",
    /// There is more than one number in the cell.
    SeveralNumbers = "several_numbers",
    /// It is no number of the world: too short, too long, or of a country that is not said.
    NotWorldwide = "not_worldwide",
    /// It is no e-mail address.
    NotAnAddress = "not_an_address",
    /// It is no date with or without a time.
    NotATime = "not_a_time",
}

/// Which field each column of a file is, from the first on; none: it is not read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"columns\": [\"client_name\", null, \"phone\"]}")]
pub struct Mapping {
    /// The columns' fields. Columns behind its end are not read.
    pub columns: Vec<Option<LeadField>>,
}

/// How rows are read: by which columns, and as people in a place write numbers and times.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What the columns are.
    pub mapping: &'a Mapping,
    /// How numbers are written there.
    pub form: &'a NumberForm,
    /// Whose clocks times are of.
    pub zone: Tz,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewLead {
    /// Their name, empty if it is not said.
    pub client_name: String,
    /// Their number in E.164.
    pub phone: Option<Number>,
    /// The number as it was written, at most 64 characters; empty if there was none.
    pub phone_as_given: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// How they have come to us.
    pub source: Option<String>,
    /// What is to be done next.
    pub next_action: Option<String>,
    /// When.
    pub next_action_at: Option<WallTime>,
}

/// One thing that is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowReason {
    /// Of which field; none: of the whole row.
    pub field: Option<LeadField>,
    /// What.
    pub why: Why,
}

impl Mapping {
    /// What the names of columns seem to mean, in English and Russian.
    #[must_use]
    pub fn guess(header: &[String]) -> Self {
        let mut columns: Vec<Option<LeadField>> = Vec::with_capacity(header.len());
        for name in header {
            let found = field_of(name).filter(|field| *field == LeadField::ClientName || !columns.contains(&Some(*field)));
            columns.push(found);
        }
        Self { columns }
    }

    /// What is wrong with it for a file of so many columns; nothing, if it can be used.
    #[must_use]
    pub fn validate(&self, columns: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |path: String, text: String| problems.push(Problem { path, text });
        if self.columns.len() > columns.min(COLUMNS_MAX) {
            add("columns".to_owned(), format!("names {} columns, and the file has {columns}", self.columns.len()));
        }
        for (at, field) in self.columns.iter().enumerate() {
            let Some(field) = field.filter(|field| *field != LeadField::ClientName) else { continue };
            if self.columns.iter().take(at).any(|before| *before == Some(field)) {
                add(format!("columns[{at}]"), format!("is {field} a second time"));
            }
        }
        if !self.columns.iter().any(|field| matches!(field, Some(LeadField::Phone | LeadField::ClientName))) {
            add("columns".to_owned(), "name neither a number nor a name".to_owned());
        }
        problems
    }
}

impl Reading<'_> {
    /// What a row of a file with so many columns says.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(&self, row: &RawRow, columns: usize) -> Result<NewLead, Vec<RowReason>> {
        if filled(&row.cells) > columns {
            return Err(vec![RowReason { field: None, why: Why::MoreCells }]);
        }
        let mut lead = NewLead::default();
        let mut reasons = Vec::new();
        if row.is_cut {
            reasons.push(RowReason { field: None, why: Why::TooLong });
        }
        for (field, cell) in self.mapping.columns.iter().zip(&row.cells) {
            let (Some(field), text) = (*field, plain(cell)) else { continue };
            if !text.is_empty()
                && let Err(why) = self.fill(&mut lead, field, text)
            {
                reasons.push(RowReason { field: Some(field), why });
            }
        }
        if reasons.is_empty() && lead.client_name.is_empty() && lead.phone.is_none() {
            reasons.push(RowReason { field: None, why: Why::Nobody });
        }
        if reasons.is_empty() { Ok(lead) } else { Err(reasons) }
    }

    fn fill(&self, lead: &mut NewLead, field: LeadField, text: &str) -> Result<(), Why> {
        match field {
            LeadField::ClientName => {
                if !lead.client_name.is_empty() {
                    lead.client_name.push(' ');
                }
                lead.client_name.push_str(text);
                if lead.client_name.chars().count() > NAME_CHARS_MAX {
                    return Err(Why::TooLong);
                }
            }
            LeadField::Phone => {
                lead.phone = Some(phone(text, self.form)?);
                lead.phone_as_given = text.chars().take(PHONE_CHARS_MAX).collect();
            }
            LeadField::Email => lead.email = Some(email(text)?),
            LeadField::Source => lead.source = Some(at_most(text, SOURCE_CHARS_MAX)?),
            LeadField::NextAction => lead.next_action = Some(at_most(text, ACTION_CHARS_MAX)?),
            LeadField::NextActionAt => lead.next_action_at = Some(time(text, self.zone)?),
        }
        Ok(())
    }
}

impl fmt::Display for RowReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(match self.why {
            Why::Nobody => "there is neither a number nor a name",
            Why::MoreCells => "there are more cells than columns: a text with the delimiter in it stands without quotation marks",
            Why::TooLong => "the text is too long",
            Why::NotANumber => "this is no telephone number",
            Why::Shortened => "a spreadsheet has cut off its last digits: make the column text and fill it in anew",
            Why::SeveralNumbers => "there is more than one number",
            Why::NotWorldwide => "this is no number of the world: it is too short, too long or without its country's code",
            Why::NotAnAddress => "this is no e-mail address",
            Why::NotATime => "this is no date: write it as 2026-11-22 14:30 or 22.11.2026 14:30",
        })
    }
}

/// The text of a cell, without the blanks around it and without the mark that spreadsheets, and our own files, put before what is no formula.
fn plain(cell: &str) -> &str {
    let text = cell.trim();
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) || rest.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => text,
    }
}

fn at_most(text: &str, most: usize) -> Result<String, Why> {
    if text.chars().count() > most { Err(Why::TooLong) } else { Ok(text.to_owned()) }
}

/// A number as people write it, in E.164.
pub(super) fn phone(text: &str, form: &NumberForm) -> Result<Number, Why> {
    // What looks like a blank or a dash is one; what nobody sees is nothing.
    let clean =
        text.chars().filter(|character| !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}'));
    let clean: String = clean
        .map(|character| match character {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            character if character.is_whitespace() => ' ',
            character => character,
        })
        .collect();
    // A whole number that some program took for one with a fraction.
    let clean = clean.strip_suffix(".0").or(clean.strip_suffix(",0")).unwrap_or(&clean);
    let has_digits = |part: &str| part.chars().filter(char::is_ascii_digit).count() >= DIGITS_MIN;
    if clean.split([',', ';', '/', '|']).filter(|part| has_digits(part)).count() > 1 {
        return Err(Why::SeveralNumbers);
    }
    let is_number_with = |power: &str| power.strip_prefix('+').unwrap_or(power).parse::<u8>().is_ok();
    if clean.split_once(['e', 'E']).is_some_and(|(number, power)| number.replace(',', ".").parse::<f64>().is_ok() && is_number_with(power))
    {
        return Err(Why::Shortened);
    }
    let number: Number = clean.parse().map_err(|_| Why::NotANumber)?;
    let number = form.e164(&number);
    let digits = number.as_str().strip_prefix('+').map_or(0, str::len);
    if digits < DIGITS_MIN || number.is_false_e164() { Err(Why::NotWorldwide) } else { Ok(number) }
}

fn email(text: &str) -> Result<String, Why> {
    let is_address = text.split_once('@').is_some_and(|(name, host)| {
        let is_host = host.contains('.') && host.split('.').all(|label| !label.is_empty()) && !host.contains('@');
        is_host
            && !name.is_empty()
            && !text.chars().any(|character| character.is_whitespace() || matches!(character, ',' | ';' | '<' | '>'))
    });
    if is_address { at_most(text, EMAIL_CHARS_MAX) } else { Err(Why::NotAnAddress) }
}

/// A time by the clocks of a zone, or with its difference from UTC. A date alone is meant for the morning.
fn time(text: &str, zone: Tz) -> Result<WallTime, Why> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(WallTime(at.timestamp_millis()));
    }
    let formats = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"];
    let with_time = || formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = || ["%Y-%m-%d", "%d.%m.%Y"].iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok());
    let morning = NaiveTime::from_hms_opt(HOUR_OF_DATE, 0, 0).unwrap_or_default();
    let local = with_time().or_else(|| Some(date()?.and_time(morning))).ok_or(Why::NotATime)?;
    Ok(Day::on(local.date()).map_err(|_| Why::NotATime)?.at(local.time(), zone))
}

/// What the name of a column seems to mean. Letters and digits count, in any case.
fn field_of(name: &str) -> Option<LeadField> {
    let name: String = name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let known: [(LeadField, &[&str]); 6] = [
        (
            LeadField::ClientName,
            &[
                "name",
                "clientname",
                "client",
                "fullname",
                "customer",
                "customername",
                "contact",
                "contactname",
                "lead",
                "leadname",
                "firstname",
                "lastname",
                "surname",
                "middlename",
                "patronymic",
                "имя",
                "фамилия",
                "отчество",
                "фио",
                "клиент",
                "имяклиента",
                "контакт",
                "лид",
            ],
        ),
        (
            LeadField::Phone,
            &[
                "phone",
                "phonenumber",
                "number",
                "tel",
                "telephone",
                "telephonenumber",
                "mobile",
                "mobilephone",
                "cell",
                "cellphone",
                "телефон",
                "номер",
                "номертелефона",
                "тел",
                "мобильный",
                "мобильныйтелефон",
                "контактныйтелефон",
                "телефонклиента",
                "сотовый",
            ],
        ),
        (LeadField::Email, &["email", "mail", "emailaddress", "почта", "электроннаяпочта", "имейл", "емейл", "адресэлектроннойпочты"]),
        (LeadField::Source, &["source", "leadsource", "utmsource", "источник", "источниклида", "реклама"]),
        (LeadField::NextAction, &["nextaction", "action", "task", "действие", "следующеедействие", "задача"]),
        (
            LeadField::NextActionAt,
            &[
                "nextactionat",
                "callbackat",
                "callat",
                "remindat",
                "перезвонить",
                "когдаперезвонить",
                "датазвонка",
                "напомнить",
                "датаследующегодействия",
            ],
        ),
    ];
    known.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(field, _)| *field)
}
