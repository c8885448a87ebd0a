//! `api/openapi.json` is what the handlers say.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{openapi, routes::all, testing::World};

#[test]
fn the_golden_document() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    expect_test::expect_file![path].assert_eq(&openapi());
}

#[test]
fn the_document_and_the_table_name_the_same_routes() {
    let document: Value = serde_json::from_str(&openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut documented = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            documented.insert(format!("{} {path}", method.to_uppercase()));
            assert!(operation["responses"]["default"]["content"]["application/problem+json"].is_object(), "{method} {path}");
        }
    }
    let table: BTreeSet<String> = all().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(documented, table);
}

#[test]
fn every_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(&openapi()).unwrap();
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    references += 1;
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(members.values());
            }
            Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
    assert!(references > 20, "{references}");
}

#[tokio::test]
async fn answers_have_the_documented_members() {
    let world = World::new().await;
    let document: Value = serde_json::from_str(&openapi()).unwrap();
    super::routing::furnish(&world).await;
    for (request, schema) in [
        ("anna GET /api/me", "Me"),
        ("anna GET /api/slots", "List_Slot"),
        ("anna GET /api/slots/1", "Slot"),
        ("root GET /api/trunks", "List_trunks"),
        ("root GET /api/trunks/1", "TrunkWithSlots"),
        ("root GET /api/trunks/2", "CarrierAnswer"),
        ("root GET /api/routes", "List_routes"),
        ("root GET /api/routes/1", "RouteAnswer"),
        ("root POST /api/routes/explain\n\n{\"from\": \"6001\", \"to\": \"+74950000000\"}", "Explanation"),
        ("root POST /api/routes/explain\n\n{\"to\": \"84951234567\", \"came_by\": {\"carrier\": \"2\"}}", "Explanation"),
        ("root POST /api/routes/explain\n\n{\"to\": \"5\"}", "Explanation"),
        ("anna GET /api/calls", "List_CallWithRecording"),
        ("anna GET /api/calls/c_00000000000z8", "CallWithRecording"),
        ("anna GET /api/cdr/records", "List_CdrWithRecording"),
        ("root GET /api/slots/1/limits", "Limits"),
        ("root GET /api/slots/1/caller", "CallerNumber"),
        ("root POST /api/system/reload", "ReloadDone"),
        ("root GET /api/pbx/status", "PbxStatus"),
        ("- GET /healthz", "Health"),
        ("- GET /api/nothing", "Problem"),
    ] {
        let (_, answer) = world.json(request).await;
        let schema = &document["components"]["schemas"][schema];
        assert!(schema.is_object(), "{request}: {schema}");
        compare(&document, schema, &answer, request);
    }
}

/// What can be set of a carrier and of a route is all in the document, and no more.
#[tokio::test]
async fn what_can_be_set_is_documented_and_no_more() {
    let world = World::new().await;
    super::routing::furnish(&world).await;
    let document: Value = serde_json::from_str(&openapi()).unwrap();
    for (request, schema) in [("root GET /api/trunks/2", "CarrierAnswer"), ("root GET /api/routes/1", "RouteAnswer")] {
        let (_, answer) = world.json(request).await;
        let (mut properties, mut required) = (serde_json::Map::new(), BTreeSet::new());
        collect(&document, &document["components"]["schemas"][schema], &mut properties, &mut required);
        assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), properties.keys().collect::<Vec<_>>(), "{request}");
    }
}

/// Every member of the value is in the schema, and every required one is there, all the way down.
fn compare(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return compare(document, document.pointer(&reference[1..]).unwrap(), value, at);
    }
    if schema.as_object().is_some_and(|schema| schema.keys().all(|key| key == "description")) {
        // Any JSON.
        return;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let objects = choices.iter().filter(|choice| choice["type"] == "object").count();
        let fits = |choice: &Value| match choice["type"].as_str() {
            Some("null") => value.is_null(),
            Some("string") => value.is_string(),
            // Of several kinds of objects, the one that says what it is, or has what is there.
            Some("object") if value.is_object() && objects > 1 => {
                let (is, said) = (&value["do"], &choice["properties"]["do"]["enum"][0]);
                let required = choice["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                (is.is_null() || is == said) && required.into_iter().all(|name| !value[name].is_null())
            }
            _ => !value.is_null() && !value.is_string(),
        };
        let choice = choices.iter().find(|choice| fits(choice));
        return compare(document, choice.unwrap_or_else(|| panic!("{at}: {value}")), value, at);
    }
    match value {
        Value::Object(members) if schema["additionalProperties"].is_object() => {
            members.values().for_each(|value| compare(document, &schema["additionalProperties"], value, at));
        }
        Value::Object(members) => {
            let mut properties = serde_json::Map::new();
            let mut required = BTreeSet::new();
            collect(document, schema, &mut properties, &mut required);
            for (name, value) in members {
                let property = properties.get(name).unwrap_or_else(|| panic!("{at}: {name} is not documented"));
                compare(document, property, value, &format!("{at}.{name}"));
            }
            for name in required {
                assert!(members.contains_key(&name), "{at}: {name} is required");
            }
        }
        Value::Array(values) => values.iter().for_each(|value| compare(document, &schema["items"], value, &format!("{at}[]"))),
        _ => {
            let types = match &schema["type"] {
                Value::String(one) => vec![one.as_str()],
                types => types.as_array().unwrap_or_else(|| panic!("{at}: {schema}")).iter().filter_map(Value::as_str).collect(),
            };
            let is = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "integer",
                _ => "string",
            };
            assert!(types.contains(&is), "{at}: {value} is no {types:?}");
            if let Some(values) = schema["enum"].as_array() {
                assert!(values.contains(value), "{at}: {value} is none of {values:?}");
            }
        }
    }
}

fn collect(document: &Value, schema: &Value, properties: &mut serde_json::Map<String, Value>, required: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return collect(document, document.pointer(&reference[1..]).unwrap(), properties, required);
    }
    properties.extend(schema["properties"].as_object().cloned().unwrap_or_default());
    required.extend(schema["required"].as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, part, properties, required);
    }
}
