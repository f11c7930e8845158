//! `GET /metrics`: everything as Prometheus' text format, version 0.0.4.

mod flows;
mod grants;
mod moment;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet,
    prometheus_text,
};
use prometheus_client::registry::Registry;

use super::catalogue::{self, About, Kind};
use super::counts::Histogram;
use super::meters::{ConnectionMeter, MOST_OPERATIONS, OTHER, OperationMeter, Phase};
use super::metrics::Metrics;

pub use flows::FlowMoment;
pub use grants::GrantMoment;
pub use moment::{Gate, Lane, Moment, SetAside, Waiting};
pub use prometheus_text::CONTENT_TYPE;

/// The page.
///
/// # Errors
/// Never; the encoder's type has one.
pub fn write(metrics: &Arc<Metrics>, moment: Moment) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page {
        metrics: metrics.clone(),
        moment,
    }));
    let mut text = String::with_capacity(16 << 10);
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Page {
    metrics: Arc<Metrics>,
    moment: Moment,
}

/// A sample's labels, in the order of the catalogue.
type Labels<'a> = &'a [&'a str];

/// One metric being written.
struct Family<'e> {
    encoder: MetricEncoder<'e>,
    about: About,
}

impl Family<'_> {
    fn named<'l>(&self, labels: Labels<'l>) -> Vec<(&'static str, &'l str)> {
        let names = self.about.labels.iter().copied();
        let named = names.zip(labels.iter().copied());
        // No value is no label.
        named.filter(|(_, value)| !value.is_empty()).collect()
    }

    fn number<N>(&mut self, labels: Labels<'_>, number: N) -> fmt::Result
    where
        N: EncodeCounterValue + EncodeGaugeValue,
    {
        let named = self.named(labels);
        let kind = self.about.kind;
        let write = |encoder: &mut MetricEncoder<'_>| match kind {
            Kind::Counter => encoder.encode_counter::<NoLabelSet, _, f64>(&number, None),
            _ => encoder.encode_gauge(&number),
        };
        match named.is_empty() {
            true => write(&mut self.encoder),
            false => write(&mut self.encoder.encode_family(&named)?),
        }
    }

    fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) -> fmt::Result {
        // Most steps are no part of most connections.
        if histogram.is_empty() {
            return Ok(());
        }
        let (sum, count, buckets) = histogram.read();
        let named = self.named(labels);
        let mut encoder = self.encoder.encode_family(&named)?;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

/// A connection that is counted by itself, or all others.
struct Counted {
    tenant: Arc<str>,
    connection: Arc<str>,
    meter: Arc<ConnectionMeter>,
}

/// Connections that are counted by themselves.
struct Known<'a>(BTreeSet<Of<'a>>);

/// Tenant and connection.
type Of<'a> = (&'a str, &'a str);

/// Counts by operation and status.
type ByOperation<'a> = BTreeMap<(&'a str, &'static str), u64>;

impl Known<'_> {
    /// The names under which something of a connection is shown.
    fn names<'n>(&self, names: Of<'n>) -> Of<'n> {
        match self.0.contains(&names) {
            true => names,
            false => (OTHER, OTHER),
        }
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let read = self.metrics.read();
        let other = read.other.map(|meter| Counted {
            tenant: OTHER.into(),
            connection: OTHER.into(),
            meter,
        });
        let mut connections: Vec<Counted> = Vec::with_capacity(read.named.len() + 1);
        for ((tenant, connection), meter) in read.named {
            connections.push(Counted {
                tenant,
                connection,
                meter,
            });
        }
        connections.extend(other);
        let known = Known(
            connections
                .iter()
                .map(|of| (&*of.tenant, &*of.connection))
                .collect(),
        );
        let mut out = Out(&mut encoder);
        self.counted(&mut out, &connections, &known)?;
        self.gates(&mut out, &known)?;
        self.grants(&mut out, &known)?;
        self.outbox(&mut out, &known)?;
        self.flows(&mut out)?;
        self.loaded(&mut out)?;
        self.held(&mut out)?;
        out.one(catalogue::LABELS_OTHER, read.others as u64)?;
        self.process(&mut out)
    }
}

/// Where metrics are written to.
struct Out<'o, 'e>(&'o mut DescriptorEncoder<'e>);

impl Out<'_, '_> {
    fn family(
        &mut self,
        about: About,
        write: impl FnOnce(&mut Family<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let kind = about.kind.encoded();
        let encoder = self
            .0
            .encode_descriptor(about.stem(), about.meaning, None, kind)?;
        write(&mut Family { encoder, about })
    }

    fn one<N>(&mut self, about: About, number: N) -> fmt::Result
    where
        N: EncodeCounterValue + EncodeGaugeValue,
    {
        self.family(about, |family| family.number(&[], number))
    }
}

impl Page {
    /// What calls and deliveries count.
    fn counted(
        &self,
        out: &mut Out<'_, '_>,
        connections: &[Counted],
        known: &Known<'_>,
    ) -> fmt::Result {
        let build = self.moment.version;
        out.family(catalogue::BUILD, |family| family.number(&[build], 1_u64))?;
        type Read = fn(&OperationMeter) -> Vec<super::meters::Counted>;
        let tables: [(About, Read); 3] = [
            (catalogue::CALLS, OperationMeter::read_calls),
            (catalogue::ITEMS, OperationMeter::read_items),
            (catalogue::POSTPONED, OperationMeter::read_postponed),
        ];
        for (about, read) in tables {
            out.family(about, |family| {
                if about == catalogue::CALLS {
                    for (word, blame, count) in read(&self.metrics.nobody) {
                        family.number(&["", "", "", word, blame], count)?;
                    }
                }
                for of in connections {
                    for (operation, meter) in of.meter.read_operations() {
                        for (word, blame, count) in read(&meter) {
                            let labels = [&*of.tenant, &*of.connection, &*operation, word, blame];
                            family.number(&labels, count)?;
                        }
                    }
                }
                if about == catalogue::ITEMS {
                    for ((tenant, connection), operations) in self.set_aside(known) {
                        for ((operation, status), count) in operations {
                            let labels = [tenant, connection, operation, status, "none"];
                            family.number(&labels, count)?;
                        }
                    }
                }
                Ok(())
            })?;
        }
        out.family(catalogue::REQUESTS, |family| {
            for of in connections {
                for (attempt, answer, count) in of.meter.read_requests() {
                    family.number(&[&of.tenant, &of.connection, attempt, answer], count)?;
                }
            }
            Ok(())
        })?;
        out.family(catalogue::THROTTLES, |family| {
            for of in connections {
                family.number(&[&of.tenant, &of.connection], of.meter.throttles.get())?;
            }
            Ok(())
        })?;
        out.family(catalogue::STEP, |family| {
            for of in connections {
                for step in Phase::GUEST {
                    let labels = [&*of.tenant, &*of.connection, step.as_str()];
                    family.histogram(&labels, of.meter.phase(step))?;
                }
            }
            Ok(())
        })?;
        type Which = fn(&ConnectionMeter) -> &Histogram;
        let histograms: [(About, Which); 3] = [
            (catalogue::HTTP, |meter| &meter.http),
            (catalogue::TURN, |meter| &meter.turn),
            (catalogue::QUEUE_WAIT, |meter| &meter.queued),
        ];
        for (about, which) in histograms {
            out.family(about, |family| {
                for of in connections {
                    family.histogram(&[&of.tenant, &of.connection], which(&of.meter))?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What was superseded and discarded, by connection, then by operation and
    /// status. Operations beyond the bound are counted together.
    fn set_aside<'p>(&'p self, known: &Known<'p>) -> BTreeMap<Of<'p>, ByOperation<'p>> {
        let mut counted: BTreeMap<Of<'p>, ByOperation<'p>> = BTreeMap::new();
        for lane in self
            .moment
            .outbox
            .iter()
            .flat_map(|outbox| &outbox.set_aside)
        {
            let names = known.names((&lane.tenant, &lane.connection));
            let operations = counted.entry(names).or_default();
            for (status, count) in lane.items.into_iter().filter(|(_, count)| *count > 0) {
                let of = (&*lane.operation, status);
                let has_room = operations.len() < MOST_OPERATIONS * lane.items.len();
                let named = has_room || operations.contains_key(&of);
                let of = if named { of } else { (OTHER, status) };
                *operations.entry(of).or_default() += count;
            }
        }
        counted
    }

    /// Whether queued requests may leave, by connection.
    fn gates(&self, out: &mut Out<'_, '_>, known: &Known<'_>) -> fmt::Result {
        let mut states: BTreeMap<(Of<'_>, &str), u64> = BTreeMap::new();
        let mut requests: BTreeMap<Of<'_>, (u64, u64)> = BTreeMap::new();
        for gate in &self.moment.gates {
            let names = known.names((&gate.tenant, &gate.connection));
            *states.entry((names, gate.state)).or_default() += 1;
            let (allowed, under_way) = requests.entry(names).or_default();
            *allowed += gate.allowed;
            *under_way += gate.under_way;
        }
        out.family(catalogue::GATE, |family| {
            for (((tenant, connection), state), count) in &states {
                family.number(&[tenant, connection, state], *count)?;
            }
            Ok(())
        })?;
        out.family(catalogue::ALLOWED, |family| {
            for ((tenant, connection), (allowed, _)) in &requests {
                family.number(&[tenant, connection], *allowed)?;
            }
            Ok(())
        })?;
        out.family(catalogue::UNDER_WAY, |family| {
            for ((tenant, connection), (_, under_way)) in &requests {
                family.number(&[tenant, connection], *under_way)?;
            }
            Ok(())
        })
    }

    /// What waits, by connection; those that are not counted by themselves
    /// together.
    fn outbox(&self, out: &mut Out<'_, '_>, known: &Known<'_>) -> fmt::Result {
        let Some(outbox) = &self.moment.outbox else {
            return Ok(());
        };
        let mut items: BTreeMap<(Of<'_>, &str), u64> = BTreeMap::new();
        let mut oldest: BTreeMap<Of<'_>, Duration> = BTreeMap::new();
        for lane in &outbox.lanes {
            let names = known.names((&lane.tenant, &lane.connection));
            for (state, count) in &lane.items {
                *items.entry((names, state)).or_default() += count;
            }
            if let Some(age) = lane.oldest {
                let known = oldest.entry(names).or_default();
                *known = age.max(*known);
            }
        }
        out.family(catalogue::OUTBOX_ITEMS, |family| {
            for (((tenant, connection), state), count) in items {
                family.number(&[tenant, connection, state], count)?;
            }
            Ok(())
        })?;
        out.family(catalogue::OUTBOX_OLDEST, |family| {
            for ((tenant, connection), age) in oldest {
                family.number(&[tenant, connection], age.as_secs_f64())?;
            }
            Ok(())
        })?;
        out.one(catalogue::OUTBOX_UP, u64::from(outbox.up))?;
        out.one(catalogue::OUTBOX_DAMAGED, u64::from(outbox.damaged))?;
        out.family(catalogue::WEBHOOKS, |family| {
            for (state, count) in &outbox.webhooks {
                family.number(&[state], *count)?;
            }
            Ok(())
        })
    }

    fn loaded(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let moment = &self.moment;
        for (about, (serving, refused)) in [
            (catalogue::PLUGINS, moment.plugins),
            (catalogue::TENANTS, moment.tenants),
        ] {
            out.family(about, |family| {
                family.number(&["serving"], serving)?;
                family.number(&["refused"], refused)
            })?;
        }
        out.family(catalogue::GENERATION, |family| {
            for (plugin, kind, number) in &moment.generations {
                family.number(&[plugin, kind], u64::from(*number))?;
            }
            Ok(())
        })?;
        out.family(catalogue::RELOADS, |family| {
            for (of, reloads) in [
                ("plugin", &self.metrics.plugins),
                ("tenant", &self.metrics.tenants),
            ] {
                family.number(&[of, "accepted"], reloads.accepted.get())?;
                family.number(&[of, "refused"], reloads.refused.get())?;
            }
            Ok(())
        })?;
        let arrivals = [
            ("platform", &self.metrics.pushes),
            ("webhook", &self.metrics.webhooks),
        ];
        out.family(catalogue::ARRIVALS, |family| {
            for (of, arrivals) in arrivals {
                family.number(&[of, "accepted"], arrivals.accepted.get())?;
                family.number(&[of, "unverified"], arrivals.unverified.get())?;
                family.number(&[of, "refused"], arrivals.refused.get())?;
            }
            Ok(())
        })?;
        out.family(catalogue::REPEATS, |family| {
            for (of, arrivals) in arrivals {
                family.number(&[of], arrivals.repeated.get())?;
            }
            Ok(())
        })
    }

    fn held(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let moment = &self.moment;
        out.family(catalogue::WARM, |family| {
            family.number(&["adapter"], moment.warm.0)?;
            family.number(&["script"], moment.warm.1)
        })?;
        out.one(catalogue::WARM_BYTES, moment.warm_script_bytes)?;
        out.one(catalogue::GUEST, moment.guest_time.as_secs_f64())?;
        out.one(catalogue::MEMORY_USED, moment.memory.0)?;
        out.one(catalogue::MEMORY_LIMIT, moment.memory.1)?;
        out.one(catalogue::LOG_LOST, moment.log_lost)?;
        out.one(catalogue::RECORDINGS_LOST, moment.recordings_lost)?;
        out.one(catalogue::SPANS_SENT, moment.spans.0)?;
        out.one(catalogue::SPANS_LOST, moment.spans.1)
    }

    fn process(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let Some(process) = &self.moment.process else {
            return Ok(());
        };
        out.one(catalogue::CPU, process.cpu)?;
        out.one(catalogue::RESIDENT, process.resident)?;
        out.one(catalogue::OPEN_FDS, process.open_fds)?;
        if let Some(most) = process.max_fds {
            out.one(catalogue::MAX_FDS, most)?;
        }
        out.one(catalogue::STARTED, process.started)?;
        out.one(catalogue::THREADS, process.threads)
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
