//! What stands where in a provider's claims.

use serde_json::{Map, Value};

/// How many values of one claim count.
const VALUES_MAX: usize = 1000;

/// The texts at a path into claims: `groups`, `realm_access.roles`, `resource_access.cordboard.roles`. A text is one value, a list of texts
/// many. A name may hold dots itself: `https://example.com/roles`.
#[must_use]
pub fn values_at(claims: &Map<String, Value>, path: &str) -> Vec<String> {
    match find(claims, path) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).take(VALUES_MAX).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    // The longest name first, so that a name with dots is found before the names in it.
    path.rmatch_indices('.').find_map(|(dot, _)| {
        let (name, rest) = (path.get(..dot)?, path.get(dot + 1..)?);
        find(claims.get(name)?.as_object()?, rest)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_by_their_path() {
        let claims = json!({
            "groups": ["/sales", "/support", 5, null],
            "role": "admin",
            "empty": [],
            "realm_access": {"roles": ["operator", "listener"], "deep": {"er": "x"}},
            "resource_access": {"cordboard.desk": {"roles": ["a"]}, "cordboard": {"desk": {"roles": ["b"]}}},
            "https://example.com/roles": ["c"],
        });
        let claims = claims.as_object().cloned().unwrap_or_default();
        for (path, wanted) in [
            ("groups", vec!["/sales", "/support"]),
            ("role", vec!["admin"]),
            ("empty", vec![]),
            ("realm_access.roles", vec!["operator", "listener"]),
            ("realm_access.deep.er", vec!["x"]),
            ("resource_access.cordboard.desk.roles", vec!["a"]),
            ("https://example.com/roles", vec!["c"]),
            ("realm_access", vec![]),
            ("realm_access.roles.x", vec![]),
            ("role.x", vec![]),
            ("", vec![]),
            (".", vec![]),
            ("nothing", vec![]),
        ] {
            assert_eq!(values_at(&claims, path), wanted, "{path}");
        }
    }
}
