//! Which claims of a log-in provider give which roles (D20).

use std::collections::BTreeSet;

use model::{CenterId, Column, ColumnKind, Owner, Resource, WallTime};
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements,
};

use crate::{
    Conflict, Fault, Office, OfficeError, Permit,
    rights::{can, lock_rights},
};

/// Longest issuer, in octets.
const ISSUER_MAX: usize = 512;
/// Longest path and value of a claim, in characters.
const CLAIM_MAX: usize = 256;
/// Rules of a centre.
const RULES_MAX: i64 = 1000;
/// Steps of a path into the claims.
const DEPTH_MAX: usize = 16;

/// Rules that give roles.
pub static OIDC_ROLE_MAP: Resource = Resource {
    name: "oidc_role_map",
    from: "oidc_role_map t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "id",
    read: can::OIDC_ROLE_MAP_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The rule's id.").sorted().filtered(),
        Column::new("issuer", "t.issuer", ColumnKind::Text, "The provider, as its tokens name it.").filtered(),
        Column::new("claim", "t.claim", ColumnKind::Text, "A path into the claims: realm_access.roles.").filtered(),
        Column::new("value", "t.value", ColumnKind::Text, "What must stand there, or be one of what stands there.").filtered(),
        Column::new("role", "(SELECT r.code FROM roles r WHERE r.id = t.role_id)", ColumnKind::Text, "The role that it gives.").filtered(),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When the rule was made."),
    ],
};

/// A rule to be made.
#[derive(Debug, Clone)]
pub struct NewRule {
    /// The provider, as its tokens name it.
    pub issuer: String,
    /// A path into the claims, its steps with full stops between them.
    pub claim: String,
    /// What must stand there, or be one of what stands there.
    pub value: String,
    /// The code of the role that it gives.
    pub role: String,
}

statements! {
    COUNT: both "SELECT count(*) FROM oidc_role_map WHERE center_id = $1";
    ROLE: both "SELECT id FROM roles WHERE center_id = $1 AND code = $2";
    INSERT: both "INSERT INTO oidc_role_map (id, center_id, issuer, claim, value, role_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    DELETE: both "DELETE FROM oidc_role_map WHERE id = $1 AND center_id = $2
        RETURNING issuer, claim, value, (SELECT r.code FROM roles r WHERE r.id = role_id)";
    RULES: both "SELECT m.claim, m.value, r.code FROM oidc_role_map m JOIN roles r ON r.id = m.role_id WHERE m.center_id = $1 AND m.issuer = $2";
}

impl NewRule {
    fn check(&self) -> Result<(), OfficeError> {
        let mut faults = Vec::new();
        if self.issuer.is_empty() || self.issuer.len() > ISSUER_MAX || self.issuer.chars().any(char::is_control) {
            faults.push(Fault::invalid("issuer", format!("an issuer has 1 to {ISSUER_MAX} octets, as its tokens write it")));
        }
        for (field, text) in [("claim", &self.claim), ("value", &self.value)] {
            if text.is_empty() || text.chars().count() > CLAIM_MAX || text.chars().any(char::is_control) {
                faults.push(Fault::invalid(field, format!("1 to {CLAIM_MAX} characters, none of them a control character")));
            }
        }
        if self.claim.split('.').count() > DEPTH_MAX {
            faults.push(Fault::invalid("claim", format!("a path has at most {DEPTH_MAX} steps")));
        }
        if faults.is_empty() { Ok(()) } else { Err(OfficeError::Invalid(faults)) }
    }

    fn seen(&self) -> Map<String, Value> {
        let picture = json!({"issuer": self.issuer, "claim": self.claim, "value": self.value, "role": self.role});
        if let Value::Object(picture) = picture { picture } else { Map::new() }
    }
}

impl Office {
    /// Has a claim give a role; says the rule's id. It counts from each user's next log-in on, and at once for access tokens.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`]; [`OfficeError::Forbidden`] for a role that may do more than the person; [`Conflict::CodeTaken`] if there is
    /// the same rule; [`Conflict::State`] past 1000 rules.
    pub async fn create_oidc_rule(&self, permit: &Permit, rule: NewRule, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::OIDC_ROLE_MAP_CREATE)?;
        rule.check()?;
        let mut tx = self.store().db().begin().await?;
        match self.create_rule_locked(&mut tx, permit, &rule, now).await {
            Ok(id) => {
                let change = self.accounts().people.change_all();
                tx.commit().await?;
                drop(change);
                Ok(id)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    async fn create_rule_locked(&self, tx: &mut Tx, permit: &Permit, rule: &NewRule, now: WallTime) -> Result<i64, OfficeError> {
        let center = permit.rows().center;
        // One at a time, so that the count holds.
        lock_rights(tx).await?;
        let role: Option<(i64,)> = tx.one(ROLE, binds![center, &rule.role]).await?;
        let Some((role,)) = role else {
            return Err(OfficeError::Invalid(vec![Fault::invalid("role", "there is no role with this code")]));
        };
        // A rule gives the role to people whom nobody here has chosen, so it is a gift as any other.
        self.guard_role(tx, permit, role).await?;
        let count: Option<(i64,)> = tx.one(COUNT, binds![center]).await?;
        if count.is_some_and(|(count,)| count >= RULES_MAX) {
            return Err(OfficeError::Conflict(Conflict::State(format!("the centre has {RULES_MAX} rules: delete one that is not needed"))));
        }
        let id = draw(tx, "oidc_rule", 1).await?;
        let inserted = tx.run(INSERT, binds![id, center, &rule.issuer, &rule.claim, &rule.value, role, now]).await;
        inserted.map_err(|error| match error {
            StoreError::Constraint { name } if name == "oidc_role_map_center_id_issuer_claim_value_role_id_key" => {
                OfficeError::Conflict(Conflict::CodeTaken)
            }
            other => other.into(),
        })?;
        let entry = Entry::change(can::OIDC_ROLE_MAP_CREATE.0, OIDC_ROLE_MAP.name, id, Diff::created(&rule.seen()));
        audit::append(tx, now, permit.actor(), &[entry.security()]).await?;
        Ok(id)
    }

    /// Has a claim no longer give a role: from each user's next log-in on, and at once for access tokens.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn delete_oidc_rule(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::OIDC_ROLE_MAP_DELETE)?;
        let mut tx = self.store().db().begin().await?;
        let deleted: Option<(String, String, String, Option<String>)> = tx.one(DELETE, binds![id, permit.rows().center]).await?;
        let Some((issuer, claim, value, role)) = deleted else {
            tx.rollback().await?;
            return Err(OfficeError::NotFound("rule"));
        };
        let rule = NewRule { issuer, claim, value, role: role.unwrap_or_default() };
        let entry = Entry::change(can::OIDC_ROLE_MAP_DELETE.0, OIDC_ROLE_MAP.name, id, Diff::deleted(&rule.seen()));
        audit::append(&mut tx, now, permit.actor(), &[entry.security()]).await?;
        // Access tokens lose the role at once.
        let change = self.accounts().people.change_all();
        tx.commit().await?;
        drop(change);
        Ok(())
    }
}

/// The codes of the roles that claims of a provider give in a centre.
pub(crate) async fn roles_of_claims(tx: &mut Tx, center: CenterId, issuer: &str, claims: &Value) -> Result<BTreeSet<String>, StoreError> {
    Ok(given(tx.all(RULES, binds![center, issuer]).await?, claims))
}

/// The same outside of a transaction.
pub(crate) async fn roles_of_claims_now(
    db: &store::Db,
    center: CenterId,
    issuer: &str,
    claims: &Value,
) -> Result<BTreeSet<String>, StoreError> {
    Ok(given(db.all(RULES, binds![center, issuer]).await?, claims))
}

fn given(rules: Vec<(String, String, String)>, claims: &Value) -> BTreeSet<String> {
    rules.into_iter().filter(|(claim, value, _)| holds(claims, claim, value, DEPTH_MAX)).map(|(_, _, role)| role).collect()
}

/// Whether `value` stands at the path, or in a list there. A name in the claims may have full stops itself (`https://example.org/roles`), so
/// each beginning of the path is tried as one name.
fn holds(claims: &Value, path: &str, value: &str, depth: usize) -> bool {
    let Value::Object(members) = claims else { return false };
    if members.get(path).is_some_and(|found| is_or_has(found, value)) {
        return true;
    }
    depth > 0
        && path.match_indices('.').any(|(at, _)| {
            let (name, rest) = (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default());
            members.get(name).is_some_and(|inner| holds(inner, rest, value, depth - 1))
        })
}

fn is_or_has(found: &Value, value: &str) -> bool {
    match found {
        Value::String(text) => text == value,
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_finds_its_value_where_the_path_leads() {
        let claims = json!({
            "sub": "1",
            "realm_access": {"roles": ["operator", "offline_access", 7]},
            "resource_access": {"cordboard": {"roles": ["SL3User"]}, "other.client": {"roles": ["x"]}},
            "groups": ["/staff/sales", "/staff"],
            "department": "support",
            "https://example.org/roles": ["admin"],
            "deep": {"a.b": {"c": "d"}},
            "admin": true,
            "nested": [["admin"]],
        });
        for (path, value, found) in [
            ("realm_access.roles", "operator", true),
            ("realm_access.roles", "oper", false),
            ("realm_access.roles", "7", false),
            ("realm_access", "roles", false),
            ("resource_access.cordboard.roles", "SL3User", true),
            ("resource_access.other.client.roles", "x", true),
            ("groups", "/staff/sales", true),
            ("groups", "/staff/", false),
            ("department", "support", true),
            ("department.name", "support", false),
            ("https://example.org/roles", "admin", true),
            ("deep.a.b.c", "d", true),
            ("admin", "true", false),
            ("nested", "admin", false),
            ("", "1", false),
            (".", "1", false),
            ("missing", "", false),
        ] {
            assert_eq!(holds(&claims, path, value, DEPTH_MAX), found, "{path} {value}");
        }
        assert!(!holds(&json!("operator"), "realm_access.roles", "operator", DEPTH_MAX));
    }
}
