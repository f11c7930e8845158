//! Reads `[flows.NAME]`.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_schedule::{Cron, Every};

use super::reading::{meant, word};
use super::{FlowConfig, FlowSource, Missed, Overlap, Trigger};
use crate::config::connection::ConnectionReader;
use crate::config::mistakes::Report;
use crate::config::reader::{Section, Typed, shown};
use crate::config::settings::note_places;
use crate::config::tenant_file::{NAME_RULE, is_name};
use crate::config::{WebhookGate, WebhookSource};

/// Most flows of one tenant.
const MOST_FLOWS: usize = 200;

/// Most records worked on at once.
const MOST_PAGE: u64 = 10_000;

/// Records worked on at once unless the setting says otherwise.
const PAGE: u64 = 1_000;

/// Reads the flows of one tenant.
pub(super) struct FlowReader<'f, 'r, 'e> {
    /// What reads the files that a flow names.
    pub files: &'f mut ConnectionReader<'r, 'e>,
    /// The names of the tenant's connections, right or wrong.
    pub connections: &'f BTreeSet<&'f str>,
}

/// What follows the flows in a path of the host.
const RESERVED: &str = "events";

/// The flows, as far as they can be read. What is wrong with them is reported.
pub(in crate::config) fn read_flows(
    flows: Section,
    connections: &BTreeSet<&str>,
    files: &mut ConnectionReader,
    report: &mut Report,
) -> BTreeMap<String, FlowConfig> {
    let mut reader = FlowReader { files, connections };
    let mut read = BTreeMap::new();
    for (index, entry) in flows.entries().enumerate() {
        if index >= MOST_FLOWS {
            let detail = format!("a tenant has at most {MOST_FLOWS} flows.");
            report.at(&entry.name_span, "config-out-of-range", detail);
            break;
        }
        if !is_name(entry.name) {
            let detail = format!("`{}` cannot name a flow: {NAME_RULE}.", shown(entry.name));
            report.at(&entry.name_span, "config-bad-name", detail);
        }
        if entry.name == RESERVED {
            let detail = format!(
                "`{RESERVED}` is reserved and cannot name a flow, as a path of the host has it; choose another name."
            );
            report.at(&entry.name_span, "config-bad-name", detail);
        }
        if let Some(section) = entry.table(report) {
            let flow = reader.flow(entry.name, section, report);
            read.insert(entry.name.to_owned(), flow);
        }
    }
    read
}

impl FlowReader<'_, '_, '_> {
    fn flow(&mut self, name: &str, mut section: Section, report: &mut Report) -> FlowConfig {
        let mut places = BTreeMap::from([(String::new(), report.position(section.span().start))]);
        note_places(section.table(), "", report, &mut places);
        let trigger = trigger(&mut section, report);
        let missed = missed(&mut section, &trigger, report);
        let overlaps = [("skip", Overlap::Skip), ("queue", Overlap::Queue)];
        let overlap = word(&mut section, "overlap", &overlaps, report);
        let changes_only = section.boolean(report, "changes_only").unwrap_or(false);
        let may_echo = section.boolean(report, "may_echo").unwrap_or(false);
        let page = section.integer(report, "page", 1..=MOST_PAGE);
        if !section.table().contains_key("from") {
            let advice = "say where records come from, as in from = { connection = \"erp\", operation = \"stock.pending\" }.";
            section.missing(report, "from", advice);
        }
        let source = section.section(report, "from");
        let source = source.and_then(|source| self.source(source, report));
        let steps = self.steps(&mut section, report);
        let targets = self.targets(&mut section, report);
        let confirm = section.section(report, "confirm");
        let confirm = confirm.and_then(|confirm| self.confirm(confirm, report));
        section.finish(report);
        FlowConfig {
            name: name.into(),
            trigger,
            missed: missed.unwrap_or_default(),
            overlap: overlap.unwrap_or_default(),
            changes_only,
            may_echo,
            page: page.unwrap_or(PAGE) as usize,
            // Without one, the file has a problem and never serves; the rest is
            // checked all the same.
            source: source.unwrap_or(FlowSource::Webhook(WebhookSource {
                gate: WebhookGate::Bearer,
                records: None,
                key: None,
            })),
            steps,
            targets,
            confirm,
            places,
        }
    }

    /// `connection` of a part of a flow: one that the tenant has.
    pub(super) fn connection(&self, typed: &Typed<&str>, report: &mut Report) -> Option<String> {
        if self.connections.contains(typed.value) {
            return Some(typed.value.to_owned());
        }
        // It may be on a line that could not be read.
        if !report.is_broken() {
            let known = self.connections.iter().copied();
            let detail = format!(
                "is `{}`, which is no connection of this tenant: {}",
                shown(typed.value),
                meant(typed.value, known)
            );
            typed.refuse(report, "config-unknown-connection", detail);
        }
        None
    }

    /// `connection` and `operation`, which both have to be there.
    pub(super) fn call(
        &self,
        section: &mut Section,
        report: &mut Report,
    ) -> Option<(String, String)> {
        let advice = "name one of this tenant's connections, as in connection = \"erp\".";
        let connection = section.required(report, "connection", advice);
        let connection = connection.and_then(|typed| self.connection(&typed, report));
        let advice = "name what is asked of the connection, as in operation = \"stock.update\".";
        let operation = section.required(report, "operation", advice);
        Some((connection?, operation?.value.to_owned()))
    }
}

/// `every`, or `cron` with `timezone`, or neither.
fn trigger(section: &mut Section, report: &mut Report) -> Trigger {
    let every = section.text(report, "every");
    let cron = section.text(report, "cron");
    let zone = section.text(report, "timezone");
    if every.is_some()
        && let Some(cron) = &cron
    {
        let detail = "cannot stand beside `every`; keep one of them.";
        cron.refuse(report, "config-bad-value", detail);
    }
    if cron.is_none()
        && let Some(zone) = &zone
        && !section.table().contains_key("cron")
    {
        let detail = "is the zone of `cron`, which is not there.";
        zone.refuse(report, "config-bad-value", detail);
    }
    let every = every.and_then(|typed| match Every::parse(typed.value) {
        Ok(every) => Some(every),
        Err(error) => {
            typed.refuse(report, "config-bad-schedule", format!("is wrong: {error}."));
            None
        }
    });
    let cron = cron.and_then(|typed| read_cron(&typed, zone.as_ref(), report));
    match (every, cron) {
        (Some(every), _) => Trigger::Every(every),
        (None, Some(cron)) => Trigger::Cron(cron),
        (None, None) => Trigger::Demand,
    }
}

/// Pattern and zone are read on their own, so that both are told of if both are
/// wrong.
fn read_cron(typed: &Typed<&str>, zone: Option<&Typed<&str>>, report: &mut Report) -> Option<Cron> {
    const ANY: &str = "* * * * *";
    let pattern = Cron::parse(typed.value, None);
    if let Err(error) = &pattern {
        typed.refuse(report, "config-bad-schedule", format!("is wrong: {error}."));
    }
    let in_zone = zone.map(|zone| (zone, Cron::parse(ANY, Some(zone.value))));
    if let Some((zone, Err(error))) = &in_zone {
        let end = if error.to_string().ends_with('?') {
            ""
        } else {
            "."
        };
        zone.refuse(
            report,
            "config-bad-schedule",
            format!("is wrong: {error}{end}"),
        );
        return None;
    }
    pattern.ok()?;
    Cron::parse(typed.value, zone.map(|zone| zone.value)).ok()
}

/// `missed`, which only ticks have.
fn missed(section: &mut Section, trigger: &Trigger, report: &mut Report) -> Option<Missed> {
    let words = [
        ("once", Missed::Once),
        ("all", Missed::All),
        ("none", Missed::None),
    ];
    let missed = word(section, "missed", &words, report)?;
    let scheduled = ["every", "cron"]
        .iter()
        .any(|key| section.table().contains_key(*key));
    if matches!(trigger, Trigger::Demand) && !scheduled {
        let typed = section.text(report, "missed")?;
        let detail = "says what becomes of times that were missed, and this flow has neither `every` nor `cron`.";
        typed.refuse(report, "config-bad-value", detail);
    }
    Some(missed)
}
