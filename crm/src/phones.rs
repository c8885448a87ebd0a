//! Telephone numbers as they are kept: as signalling reads them, so that a call and a lead of the same number have the same text.

use model::{CenterId, Number, carrier::NumberForm};
use office::{CenterSettings, Fault, OfficeError};
use store::{binds, sql::Tx, statements};

statements! {
    SETTINGS: both "SELECT settings FROM centers WHERE id = $1";
}

/// How the people of a centre write numbers; none: as they are dialled.
pub(crate) async fn form(tx: &mut Tx, center: CenterId) -> Result<Option<NumberForm>, OfficeError> {
    Ok(settings(tx, center).await?.numbers)
}

/// The settings of a centre, as they are now.
pub(crate) async fn settings(tx: &mut Tx, center: CenterId) -> Result<CenterSettings, OfficeError> {
    let row: Option<(String,)> = tx.one(SETTINGS, binds![center]).await?;
    let Some((settings,)) = row else { return Err(OfficeError::NotFound("center")) };
    serde_json::from_str(&settings).map_err(|error| OfficeError::Defect(format!("the settings of centre {center}: {error}")))
}

/// A number as it is kept; none if the text is empty.
pub(crate) fn phone(field: &str, text: &str, form: Option<&NumberForm>, faults: &mut Vec<Fault>) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    let number = text.trim().parse::<Number>().ok().map(|number| form.map_or_else(|| number.clone(), |form| form.e164(&number)));
    match number.filter(|number| !number.is_false_e164()) {
        Some(number) => Some(number.as_str().to_owned()),
        None => {
            faults.push(Fault::invalid(
                field,
                "a telephone number has up to 15 digits, with a + before it if it begins with a country's code",
            ));
            None
        }
    }
}
