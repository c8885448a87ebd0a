//! Answers, as these stories look at them.

use serde_json::Value;
use tests::rest::Reply;

/// Whether two refusals say the same, but for the id that was asked for and what names the request.
pub(super) fn alike((one, id): (&Reply, &str), (none, never): (&Reply, &str)) -> bool {
    one.status == none.status && said(one, id) == said(none, never)
}

fn said(reply: &Reply, id: &str) -> Value {
    let mut told = reply.json();
    if let Some(told) = told.as_object_mut() {
        told.remove("request_id");
        told.remove("instance");
        for value in told.values_mut() {
            if let Value::String(text) = value {
                *text = text.replace(id, "ID");
            }
        }
    }
    told
}

/// All of an answer, headers and body, in which what is escaped is not.
pub(super) fn read_out(reply: &Reply) -> String {
    let headers: String = reply.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?"))).collect();
    format!("{} {headers}{}", reply.status, String::from_utf8_lossy(&reply.body))
}
