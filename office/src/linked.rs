//! Columns of links as a person sees them: how much of each, and which of its values.

use model::{Column, Mode, Narrow};
use store::list::{LinkRule, LinkRules};

use crate::Permit;

/// The same columns with those of links seen no more than what tells the same, and without those whose values the person may not see; and which
/// values of the others they reach. What is seen of a row and what may be asked of it come from here together, so that neither goes without the
/// other.
pub(crate) fn linked(permit: &Permit, columns: Vec<(&'static Column, Mode)>) -> (Vec<(&'static Column, Mode)>, LinkRules) {
    let mut rules = LinkRules::new();
    let mode_of = |name: &str| columns.iter().find(|(column, _)| column.name == name).map_or(Mode::Hide, |(_, mode)| *mode);
    let mut seen = Vec::with_capacity(columns.len());
    for (column, mode) in &columns {
        let mut mode = *mode;
        if let Some(links) = column.links {
            mode = links.like.iter().map(|name| mode_of(name)).fold(mode, Mode::min);
            let rule = match (links.read, links.narrow) {
                (None, Narrow::None) => Some(LinkRule::everything()),
                (None, narrow) => Some(LinkRule::of(narrow, permit.rows())),
                (Some(action), narrow) => permit.principal().permit(action).map(|permit| LinkRule::of(narrow, permit.rows())),
            };
            match rule.filter(|_| mode > Mode::Hide) {
                Some(rule) => drop(rules.insert(column.name, rule)),
                None => mode = Mode::Hide,
            }
        }
        if mode > Mode::Hide {
            seen.push((*column, mode));
        }
    }
    (seen, rules)
}
