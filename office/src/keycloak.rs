//! Keycloak as the directory of a realm's people (S001-05 to S001-07).

use links::oidc::{Keycloak, KeycloakUser, OidcError};

use crate::accounts::{Directory, DirectoryError, DirectoryUser};

impl Directory for Keycloak {
    async fn user(&self, issuer: &str, sub: &str) -> Result<Option<DirectoryUser>, DirectoryError> {
        if issuer != self.issuer() {
            return Err(DirectoryError(format!("it knows the people of {}, and not those of {issuer}", self.issuer())));
        }
        let user = Self::user(self, sub).await.map_err(|error| match error {
            OidcError::Refused { .. } => {
                DirectoryError("our client may not read users: give its service account the role view-users of realm-management".to_owned())
            }
            error => DirectoryError(error.to_string()),
        })?;
        Ok(user.map(entry))
    }
}

fn entry(user: KeycloakUser) -> DirectoryUser {
    let names: Vec<String> = [user.first_name, user.last_name].into_iter().flatten().filter(|name| !name.trim().is_empty()).collect();
    DirectoryUser {
        email: user.email,
        manager_sub: user.manager,
        display_name: (!names.is_empty()).then(|| names.join(" ")),
        is_disabled: !user.enabled,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use links::{
        Roots,
        oidc::{Provider, Settings},
        testing::{Receiver, Reply},
    };
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn people_are_looked_up_by_their_subject() {
        let server = Receiver::start(|got| {
            let issuer = format!("http://{}/realms/main", got.header("host"));
            match got.path.as_str() {
                "/realms/main/.well-known/openid-configuration" => Reply::json(json!({
                    "issuer": issuer, "authorization_endpoint": issuer, "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/certs"),
                    "response_types_supported": [], "subject_types_supported": [], "id_token_signing_alg_values_supported": [],
                })),
                "/realms/main/certs" => Reply::json(json!({"keys": []})),
                "/realms/main/token" => Reply::json(json!({"access_token": "x", "token_type": "Bearer", "expires_in": 60})),
                "/admin/realms/main/users/a-1" => Reply::json(json!({
                    "id": "a-1", "email": "anna@example.org", "firstName": "Anna", "lastName": "Petrova", "enabled": true, "attributes": {"manager": ["b-2"]},
                })),
                "/admin/realms/main/users/c-3" => Reply::json(json!({"id": "c-3", "firstName": " ", "enabled": false})),
                _ => Reply::status(404),
            }
        })
        .await;
        let settings = Settings {
            id: "keycloak".to_owned(),
            name: "Keycloak".to_owned(),
            issuer: server.url("/realms/main"),
            client_id: "cordboard".to_owned(),
            client_secret: Some("secret".to_owned()),
            scopes: Vec::new(),
            allow_insecure: true,
            bearer_audience: None,
        };
        let issuer = settings.issuer.clone();
        let keycloak = Keycloak::new(Provider::new(settings, &Roots::public())).unwrap();
        let anna = DirectoryUser {
            email: Some("anna@example.org".to_owned()),
            manager_sub: Some("b-2".to_owned()),
            display_name: Some("Anna Petrova".to_owned()),
            is_disabled: false,
        };
        let closed = DirectoryUser { is_disabled: true, ..DirectoryUser::default() };
        assert_eq!(Directory::user(&keycloak, &issuer, "a-1").await.unwrap(), Some(anna));
        assert_eq!(Directory::user(&keycloak, &issuer, "c-3").await.unwrap(), Some(closed));
        assert_eq!(Directory::user(&keycloak, &issuer, "nobody").await.unwrap(), None);
        assert!(Directory::user(&keycloak, "https://other.example", "a-1").await.is_err());
    }
}
