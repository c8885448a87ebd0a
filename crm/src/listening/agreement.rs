//! How far two people who judged the same calls agree, question by question.

use std::collections::BTreeMap;

use model::{ItemId, WallTime};
use office::{Fault, OfficeError, Permit};
use serde::Serialize;
use store::{binds, statements};

use super::{
    evaluations::KeptAnswer,
    scorecards::{self, Asked},
};
use crate::{
    Crm, can,
    core::{
        agree::{Agreement, cohen, weighted},
        score::ItemKind,
    },
};

/// Calls that two have judged which are compared at once.
pub const PAIRS_MAX: usize = 10_000;

/// Which calls are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Those of this plan; none: of all.
    pub plan: Option<i64>,
    /// Judged by the second of both at this time or later.
    pub from: Option<WallTime>,
    /// Judged by the second of both before this time.
    pub to: Option<WallTime>,
}

/// How far people agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreements {
    /// Calls that two have judged by the same revision of a card.
    pub pairs: usize,
    /// Question by question, in the order of cards, revisions and questions.
    pub items: Vec<ItemAgreement>,
}

/// How far they agree on one question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemAgreement {
    /// The card.
    pub scorecard_id: String,
    /// What it asked then.
    pub revision: i64,
    /// The question.
    pub item_id: ItemId,
    /// What is asked.
    pub name: String,
    /// How it is answered. Points of a scale count by how far they are apart.
    pub kind: ItemKind,
    /// How far. That a question does not apply is an answer like any other; of a scale only calls count for which both gave points.
    #[serde(flatten)]
    pub agreement: Agreement,
}

statements! {
    PAIRS: both "SELECT a.scorecard_id, a.revision, a.items, b.items FROM evaluations a
        JOIN listening_tasks ta ON ta.id = a.task_id AND ta.round = 1
        JOIN evaluations b ON b.plan_id = a.plan_id AND b.call_id = a.call_id AND b.scorecard_id = a.scorecard_id AND b.revision = a.revision
        JOIN listening_tasks tb ON tb.id = b.task_id AND tb.round = 2
        WHERE a.center_id = $1 AND ($2 = 0 OR a.plan_id = $2)
        AND CASE WHEN a.at > b.at THEN a.at ELSE b.at END >= $3 AND CASE WHEN a.at > b.at THEN a.at ELSE b.at END < $4
        ORDER BY a.id LIMIT $5";
    PLAN: both "SELECT id FROM listening_plans WHERE id = $1 AND center_id = $2";
}

/// What somebody answered, by question. One that is not there does not apply.
type Answers = BTreeMap<ItemId, Option<u32>>;

impl Crm {
    /// How far people agree who judged the same calls.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a plan that is not there; [`OfficeError::Invalid`] if there are more than [`PAIRS_MAX`] such calls.
    pub async fn agreement(&self, permit: &Permit, compared: Compared) -> Result<Agreements, OfficeError> {
        permit.must_be(can::LISTENING_MANAGE)?;
        let center = permit.rows().center;
        let db = self.store().db();
        if let Some(plan) = compared.plan
            && db.one::<(i64,)>(PLAN, binds![plan, center]).await?.is_none()
        {
            return Err(OfficeError::NotFound("listening_plans"));
        }
        let (from, to) = (compared.from.map_or(0, |from| from.0), compared.to.map_or(i64::MAX, |to| to.0));
        let limit = i64::try_from(PAIRS_MAX).unwrap_or(i64::MAX - 1) + 1;
        let rows: Vec<(i64, i64, String, String)> = db.all(PAIRS, binds![center, compared.plan.unwrap_or(0), from, to, limit]).await?;
        if rows.len() > PAIRS_MAX {
            let detail = format!("these are more than {PAIRS_MAX} calls: ask for one plan, or a shorter time");
            return Err(OfficeError::Invalid(vec![Fault::invalid("from", detail)]));
        }
        let pairs = rows.len();
        let mut cards: BTreeMap<(i64, i64), Vec<(Answers, Answers)>> = BTreeMap::new();
        for (card, revision, one, other) in rows {
            cards.entry((card, revision)).or_default().push((answers(&one)?, answers(&other)?));
        }
        let mut items = Vec::new();
        for ((card, number), said) in cards {
            let revision = scorecards::revision_of(db, card, number).await?;
            items.extend(revision.items.iter().map(|item| {
                let of_item = |answers: &Answers| answers.get(&item.id).copied().flatten();
                let said = said.iter().map(|(one, other)| (of_item(one), of_item(other)));
                let agreement = match item.asked.kind {
                    // Whether a question applies is an answer, too.
                    ItemKind::YesNo | ItemKind::Choice => cohen(said),
                    ItemKind::Scale => weighted(said.filter_map(|(one, other)| one.zip(other))),
                };
                let Asked { name, kind, .. } = item.asked.clone();
                ItemAgreement { scorecard_id: card.to_string(), revision: number, item_id: item.id, name, kind, agreement }
            }));
        }
        Ok(Agreements { pairs, items })
    }
}

fn answers(text: &str) -> Result<Answers, OfficeError> {
    let kept: Vec<KeptAnswer> =
        serde_json::from_str(text).map_err(|error| OfficeError::Defect(format!("an evaluation cannot be read: {error}")))?;
    Ok(kept.into_iter().map(|kept| (kept.answer.item_id, kept.answer.value)).collect())
}
