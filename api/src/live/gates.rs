//! Who hears of the rows of modules: every gate of such an event has to let its hearer in, and the row is seen as the hearer's list shows it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Action, CenterId, Gate, PopCandidate, Resource, RowNews};
use office::{Permit, Principal, View};
use serde_json::{Map, Value};

/// One person's leave, worked out once for each right and resource that events name. Both stand in the program, so there are not many.
pub(super) struct Gates {
    principal: Principal,
    /// None: without the right.
    permits: BTreeMap<Action, Option<Permit>>,
    /// By the resource's name; none: without the right to read it.
    views: BTreeMap<&'static str, Option<View>>,
}

/// What somebody may know of who is calling.
pub(super) enum Seen {
    /// The row.
    Row(Map<String, Value>),
    /// That there is one, and who works with it.
    Hint,
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

    /// Who may be calling, as this person may know it: the row as they see it if their right reaches it, else at most that somebody works with it.
    pub(super) fn candidate(&mut self, center: CenterId, candidate: &PopCandidate, resource: &'static Resource) -> Option<Seen> {
        // One seller's leads are nobody's business among the others (S004-88).
        let is_seller = self.principal.roles().iter().any(|role| role == "seller");
        let permit = self.permit(resource.read)?;
        if permit.rows().admits(center, &candidate.users, |_, _| false) {
            let mut row = candidate.row.clone();
            self.view(resource)?.project(&mut row);
            return Some(Seen::Row(row));
        }
        (candidate.is_hinted && !is_seller && permit.rows().center == center).then_some(Seen::Hint)
    }

    fn lets_in(&mut self, news: &RowNews, gate: &Gate) -> bool {
        self.permit(gate.action).is_some_and(|permit| {
            let stands_in = |kind, ids: &BTreeSet<String>| gate.lists.iter().any(|(of, id)| *of == kind && ids.contains(id));
            permit.rows().admits(news.center, &gate.users, stands_in)
        })
    }

    fn permit(&mut self, action: Action) -> Option<&Permit> {
        self.permits.entry(action).or_insert_with(|| self.principal.permit(action)).as_ref()
    }

    fn view(&mut self, resource: &'static Resource) -> Option<&View> {
        let view = || self.principal.permit(resource.read).map(|permit| permit.view(resource));
        self.views.entry(resource.name).or_insert_with(view).as_ref()
    }
}
