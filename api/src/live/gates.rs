//! Who hears of the rows of modules: every gate of such an event has to let its hearer in, and the row is seen as the hearer's list shows it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Action, Gate, Resource, RowNews};
use office::{Permit, Principal, View};
use serde_json::Value;

/// One person's leave, worked out once for each right and resource that events name. Both stand in the program, so there are not many.
pub(super) struct Gates {
    principal: Principal,
    /// None: without the right.
    permits: BTreeMap<Action, Option<Permit>>,
    /// By the resource's name; none: without the right to read it.
    views: BTreeMap<&'static str, Option<View>>,
}

impl Gates {
    pub(super) fn of(principal: &Principal) -> Self {
        Self { principal: principal.clone(), permits: BTreeMap::new(), views: BTreeMap::new() }
    }

    /// What this person hears of it: the row as they may see it, null if it is gone; none if they are not to hear of it.
    pub(super) fn admit(&mut self, news: &RowNews, resource: Option<&'static Resource>) -> Option<Value> {
        // Without gates it would be everybody's: whoever forgot them did not mean that.
        let is_let_in = !news.gates.is_empty() && news.gates.iter().all(|gate| self.lets_in(news, gate));
        if !is_let_in {
            return None;
        }
        let Some(row) = &news.row else { return Some(Value::Null) };
        let mut row = row.clone();
        self.view(resource?)?.project(&mut row);
        Some(Value::Object(row))
    }

    fn lets_in(&mut self, news: &RowNews, gate: &Gate) -> bool {
        let permit = self.permits.entry(gate.action).or_insert_with(|| self.principal.permit(gate.action));
        permit.as_ref().is_some_and(|permit| {
            let stands_in = |kind, ids: &BTreeSet<String>| gate.lists.iter().any(|(of, id)| *of == kind && ids.contains(id));
            permit.rows().admits(news.center, &gate.users, stands_in)
        })
    }

    fn view(&mut self, resource: &'static Resource) -> Option<&View> {
        let view = || self.principal.permit(resource.read).map(|permit| permit.view(resource));
        self.views.entry(resource.name).or_insert_with(view).as_ref()
    }
}
