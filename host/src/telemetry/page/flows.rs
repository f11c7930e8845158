//! What `/metrics` says of flows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::super::catalogue;
use super::super::meters::OTHER;
use super::{Known, Of, Out, Page};

/// What of a flow is looked at.
#[derive(Debug, Clone, Default)]
pub struct FlowMoment {
    /// Its tenant.
    pub tenant: String,
    /// Its name.
    pub flow: String,
    /// Age of its oldest run that is under way.
    pub oldest: Option<Duration>,
    /// Records that are parked.
    pub parked: u64,
    /// Records that came in and are not queued yet.
    pub received: u64,
    /// Ticks that were passed by, ever.
    pub skipped: u64,
}

impl Page {
    /// Runs and records; and what is looked at, by flow, of those without names of
    /// their own together.
    pub(super) fn flows(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let read = self.metrics.read_flows();
        let other = read
            .other
            .map(|meter| ((OTHER.into(), OTHER.into()), meter));
        let mut meters = read.named;
        meters.extend(other);
        out.family(catalogue::FLOW_RUNS, |family| {
            for ((tenant, flow), meter) in &meters {
                for (how, count) in meter.read_runs() {
                    family.number(&[tenant, flow, how], count)?;
                }
            }
            Ok(())
        })?;
        out.family(catalogue::FLOW_RECORDS, |family| {
            for ((tenant, flow), meter) in &meters {
                for (result, count) in meter.read_records() {
                    family.number(&[tenant, flow, result], count)?;
                }
            }
            Ok(())
        })?;
        out.family(catalogue::FLOW_DONE, |family| {
            for ((tenant, flow), meter) in &meters {
                if let Some(at) = meter.done_at() {
                    family.number(&[tenant, flow], at)?;
                }
            }
            Ok(())
        })?;
        let names = meters
            .iter()
            .map(|((tenant, flow), _)| (&**tenant, &**flow));
        self.looked_at(out, &Known(names.collect::<BTreeSet<Of<'_>>>()))
    }

    fn looked_at(&self, out: &mut Out<'_, '_>, known: &Known<'_>) -> fmt::Result {
        let mut waiting: BTreeMap<Of<'_>, [u64; 3]> = BTreeMap::new();
        let mut oldest: BTreeMap<Of<'_>, Duration> = BTreeMap::new();
        for flow in &self.moment.flows {
            let names = known.names((&flow.tenant, &flow.flow));
            let sums = waiting.entry(names).or_default();
            let more = [flow.parked, flow.received, flow.skipped];
            sums.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
            if let Some(age) = flow.oldest {
                let known = oldest.entry(names).or_default();
                *known = age.max(*known);
            }
        }
        out.family(catalogue::FLOW_WAITING, |family| {
            for ((tenant, flow), [parked, received, _]) in &waiting {
                family.number(&[tenant, flow, "parked"], *parked)?;
                family.number(&[tenant, flow, "received"], *received)?;
            }
            Ok(())
        })?;
        out.family(catalogue::FLOW_SKIPPED, |family| {
            for ((tenant, flow), [_, _, skipped]) in &waiting {
                family.number(&[tenant, flow], *skipped)?;
            }
            Ok(())
        })?;
        out.family(catalogue::FLOW_OLDEST, |family| {
            for ((tenant, flow), age) in oldest {
                family.number(&[tenant, flow], age.as_secs_f64())?;
            }
            Ok(())
        })
    }
}
