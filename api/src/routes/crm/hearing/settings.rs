//! When a call counts as listened to in a centre.

use ::crm::{core::policy::HeardPolicy, hearing::PolicyChange};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::permille;
use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::JsonBody,
    state::Api,
};

/// When a call counts as listened to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListeningSettings {
    /// Enough if so many percent of the recording were heard.
    #[schema(examples(60))]
    heard_percent: u8,
    /// Enough if so many seconds of it were heard, however long it is.
    #[schema(examples(30))]
    heard_s: u32,
    /// The highest speed of play that is believed: 1 is as it was spoken.
    #[schema(examples(3.0))]
    speed_max: f64,
}

/// What to change of it; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeListeningSettings {
    #[schema(minimum = 1, maximum = 100)]
    heard_percent: Option<u8>,
    #[schema(minimum = 1, maximum = 3600)]
    heard_s: Option<u32>,
    #[schema(minimum = 1, maximum = 4)]
    speed_max: Option<f64>,
}

impl From<HeardPolicy> for ListeningSettings {
    fn from(HeardPolicy { heard_percent, heard_s, speed_max_permille }: HeardPolicy) -> Self {
        Self { heard_percent, heard_s, speed_max: f64::from(speed_max_permille) / 1_000.0 }
    }
}

/// When does a call count as listened to?
#[utoipa::path(get, path = "/api/listening/settings", tag = "listening",
    responses((status = 200, description = "What stands in the centre.", body = ListeningSettings)))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller) -> Result<Json<ListeningSettings>, Problem> {
    Ok(Json(api.crm.listening_policy(&caller).await?.into()))
}

/// Say when a call counts as listened to.
///
/// It holds from the next report of a player on; what counts as listened to goes on to do so.
#[utoipa::path(put, path = "/api/listening/settings", tag = "listening", request_body = ChangeListeningSettings,
    responses((status = 200, description = "What stands now.", body = ListeningSettings)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<ChangeListeningSettings>,
) -> Result<Json<ListeningSettings>, Problem> {
    let ChangeListeningSettings { heard_percent, heard_s, speed_max } = body;
    let wrong = || Problem::field(Code::InvalidField, "speed_max", "is not between 1 and 4");
    let speed_max_permille = speed_max.map(|speed| permille(speed).ok_or_else(wrong)).transpose()?;
    let change = PolicyChange { heard_percent, heard_s, speed_max_permille };
    Ok(Json(api.crm.change_listening_policy(&caller, change, now()).await?.into()))
}
