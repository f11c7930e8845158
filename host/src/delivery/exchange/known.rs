//! What is known of a request's items, answer by answer: the delivery's own, then
//! pages and read-backs.

use super::super::outcome::{self, Attempted, Doubt};
use super::super::pages::Merged;
use super::Exchange;
use crate::budget::bounds::Bounds;
use crate::plugin::promise::ItemOutcome;
use crate::problem::{Blame, Problem};
use crate::report::ItemStatus;

/// What is known of the request's items, answer by answer.
pub(super) struct Known {
    pub(super) outcomes: Vec<(ItemOutcome, Doubt)>,
    /// Of items that are pages: what was read so far. Their outcome has the
    /// first of them.
    pub(super) merged: Merged,
}

impl Known {
    /// With all pages of an item in its outcome.
    fn into_outcomes(self, bounds: &Bounds) -> impl Iterator<Item = (ItemOutcome, Doubt)> {
        let Self {
            outcomes,
            mut merged,
        } = self;
        let outcomes = outcomes.into_iter().enumerate();
        outcomes.map(move |(item, (outcome, doubt))| match outcome {
            ItemOutcome::Accepted(page) => {
                let whole = merged.take(item, bounds).unwrap_or(page);
                (ItemOutcome::Accepted(whole), doubt)
            }
            outcome => (outcome, doubt),
        })
    }
}

impl Exchange<'_> {
    /// Of a request that must not be repeated, `retry` promises that it was
    /// not applied. Of one that may, it promises nothing: given up, it may
    /// have been, and whoever sends a change anew would make it twice.
    pub(super) fn doubt(&self, in_doubt: bool) -> Doubt {
        if in_doubt || self.request.repeatable {
            Doubt::Retry
        } else {
            Doubt::Nothing
        }
    }

    pub(super) fn attempted(&self, known: Known) -> Vec<Attempted> {
        let outcomes = known.into_outcomes(&self.setting.route.bounds);
        outcomes
            .map(|(outcome, doubt)| self.attempted_one(outcome, doubt))
            .collect()
    }

    /// The report tells what the platform asks for; an item waits no longer
    /// than its connection does.
    fn attempted_one(&self, outcome: ItemOutcome, doubt: Doubt) -> Attempted {
        let throttled = matches!(outcome, ItemOutcome::Throttled(_));
        let redaction = &self.setting.trace.redaction;
        self.keep(match outcome::attempted(outcome, doubt, redaction) {
            Attempted::Again { after, otherwise } if throttled => Attempted::Again {
                after: after.map(|after| after.min(self.setting.longest_pause)),
                otherwise,
            },
            attempted => attempted,
        })
    }

    /// What is kept until the answer is counted.
    pub(super) fn keep(&self, attempted: Attempted) -> Attempted {
        attempted.kept(&self.setting.route.bounds)
    }

    pub(super) fn alike(&self, attempted: Attempted) -> Vec<Attempted> {
        let items = self.request.items.iter();
        items.map(|_| self.keep(attempted.clone())).collect()
    }

    /// Adds what a follow-up's answer said. That the follow-up itself was
    /// throttled or not let in says nothing about the request before it.
    /// The error is what was known before, if there is no memory for more pages.
    pub(super) fn merge(
        &self,
        known: Known,
        after: Vec<ItemOutcome>,
        doubt: Doubt,
    ) -> Result<Known, Known> {
        let Known {
            outcomes,
            mut merged,
        } = known;
        let mut fits = true;
        let pairs = outcomes.into_iter().zip(after).enumerate();
        let outcomes = pairs.map(|(item, ((before, doubted), after))| match (before, after) {
            (ItemOutcome::Accepted(page), ItemOutcome::Accepted(next)) => {
                let bounds = &self.setting.route.bounds;
                let doubt = match fits && merged.add(item, page.get(), next.get(), bounds) {
                    true => doubt,
                    false => {
                        fits = false;
                        doubted
                    }
                };
                (ItemOutcome::Accepted(page), doubt)
            }
            (before, after @ (ItemOutcome::Throttled(_) | ItemOutcome::Unauthenticated(_))) => {
                if !self.request.repeatable || is_final(&before) {
                    (before, doubted)
                } else if self.setting.reads {
                    // Pages are worth nothing without the missing one.
                    (after, doubt)
                } else {
                    (after, Doubt::Everything)
                }
            }
            (_, after) => (after, doubt),
        });
        let outcomes = outcomes.collect();
        let known = Known { outcomes, merged };
        if fits { Ok(known) } else { Err(known) }
    }

    /// There is no memory for more pages: what was read is given, and that it
    /// is not all.
    pub(super) fn too_many_pages(&self, known: Known, pages: usize) -> Vec<Attempted> {
        let attempted = self.attempted(known).into_iter();
        attempted
            .map(|attempted| match attempted {
                Attempted::Final(mut report) if report.status == ItemStatus::Accepted => {
                    report.status = ItemStatus::Partial;
                    report.blame = Some(Blame::Host);
                    report.code = Some("result-too-large".into());
                    report.message = Some(format!(
                        "the result has more pages than fit into the memory of a call (`[limits] call_memory_mb`): {pages} were read, and `data` has these and no more"
                    ));
                    Attempted::Final(report)
                }
                attempted => attempted,
            })
            .collect()
    }

    /// A follow-up told nothing. Pages are worth nothing without the missing
    /// one; what a request that must not be repeated had told before stays.
    pub(super) fn cut_short(&self, known: Known, why: Attempted) -> Vec<Attempted> {
        if !self.request.repeatable {
            return self.attempted(known);
        }
        let why = match self.setting.reads {
            true => why,
            // The request itself was sent, whatever became of what followed.
            false => why.in_doubt(),
        };
        self.attempted_as(known, &why)
    }

    pub(super) fn too_many_follow_ups(&self, known: Known) -> Vec<Attempted> {
        let why = Attempted::failed(Problem::adapter(
            "too-many-follow-ups",
            format!(
                "adapter {} asked for more than {} follow-up requests, which `[limits] follow_up_requests` allows",
                self.setting.route.adapter.label, self.setting.follow_ups
            ),
        ));
        // What came before the pages has been sent.
        let why = match self.setting.reads && self.request.repeatable {
            true => why,
            false => why.in_doubt(),
        };
        self.attempted_as(known, &why)
    }

    /// `why` for all items but those the platform is through with.
    pub(super) fn attempted_as(&self, known: Known, why: &Attempted) -> Vec<Attempted> {
        let outcomes = known.outcomes.into_iter();
        outcomes
            .map(|(outcome, doubt)| match is_final(&outcome) {
                true => self.attempted_one(outcome, doubt),
                false => self.keep(why.clone()),
            })
            .collect()
    }
}

/// Whether the platform is through with an item, so that nothing about a later
/// draft changes it.
fn is_final(outcome: &ItemOutcome) -> bool {
    matches!(
        outcome,
        ItemOutcome::Duplicate(_) | ItemOutcome::Rejected(_)
    )
}
