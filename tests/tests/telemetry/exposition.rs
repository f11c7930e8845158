//! Prometheus' text format 0.0.4, read strictly and by its own document: names,
//! labels with their escapes, each sample below the type of its family, no
//! series twice, and buckets of histograms that add up.

use std::collections::{BTreeMap, BTreeSet};

/// A sample's labels.
pub type Labels = BTreeMap<String, String>;

/// A page that was read.
#[derive(Debug, Default)]
pub struct Page {
    /// Kind of each family, by name.
    pub kinds: BTreeMap<String, String>,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Page {
    /// Reads it.
    ///
    /// # Panics
    /// When it is not in that format.
    pub fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut explained = BTreeSet::new();
        let mut current = String::new();
        assert!(text.ends_with('\n'), "the last line ends");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(is_name(name) && !help.is_empty(), "{line}");
                assert!(explained.insert(name.to_owned()), "twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(explained.contains(name), "no help before {line}");
                let twice = page.kinds.insert(name.to_owned(), kind.to_owned());
                assert_eq!(twice, None, "twice: {line}");
                name.clone_into(&mut current);
            } else {
                let (name, labels, value) = sample(line);
                let of = match page.kinds.get(&current).map(String::as_str) {
                    Some("histogram") => ["_bucket", "_sum", "_count"]
                        .iter()
                        .find_map(|suffix| name.strip_suffix(suffix))
                        .unwrap_or(&name),
                    _ => &name,
                };
                assert_eq!(of, current, "{line}");
                let twice = page.samples.insert((name, labels), value);
                assert_eq!(twice, None, "twice: {line}");
            }
        }
        page.check_histograms();
        page
    }

    /// The value of a series with exactly these labels.
    pub fn number(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
        let key = (name.to_owned(), labels.collect());
        self.samples.get(&key).copied()
    }

    /// The sum over all series that have these labels among theirs.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |of: &Labels| {
            let mut labels = labels.iter();
            labels.all(|(label, value)| of.get(*label).is_some_and(|known| known == value))
        };
        let samples = self.samples.iter();
        let chosen = samples.filter(|((known, of), _)| known == name && has(of));
        chosen.map(|(_, value)| value).sum()
    }

    /// Every label of any series of a family.
    pub fn labels_of(&self, family: &str) -> BTreeSet<String> {
        let samples = self.samples.keys();
        let of = samples.filter(|(name, _)| name.starts_with(family));
        of.flat_map(|(_, labels)| labels.keys().cloned()).collect()
    }

    fn check_histograms(&self) {
        let histograms = self.kinds.iter().filter(|(_, kind)| *kind == "histogram");
        for (name, _) in histograms {
            let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            let bucket = format!("{name}_bucket");
            for ((of, labels), value) in &self.samples {
                if *of == bucket {
                    let mut labels = labels.clone();
                    let bound = labels.remove("le").expect("a bound");
                    let bound = bound.parse().expect("a number");
                    series.entry(labels).or_default().push((bound, *value));
                }
            }
            for (labels, mut buckets) in series {
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                let rising = buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1);
                assert!(rising, "{name} {labels:?}: {buckets:?}");
                let last = buckets.last().expect("buckets");
                assert_eq!(last.0, f64::INFINITY, "{name}");
                let count = self.samples.get(&(format!("{name}_count"), labels.clone()));
                assert_eq!(count, Some(&last.1), "{name} {labels:?}");
                let sum = self.samples.get(&(format!("{name}_sum"), labels));
                assert!(sum.is_some_and(|sum| *sum >= 0.0), "{name}");
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).expect("a value");
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest, line),
        None => (Labels::new(), rest),
    };
    let value = rest.strip_prefix(' ').expect("a space before the value");
    let value = match value {
        "+Inf" => f64::INFINITY,
        _ => value
            .parse()
            .unwrap_or_else(|_| panic!("no number: {line}")),
    };
    (name.to_owned(), labels, value)
}

/// The labels, and what follows them.
fn labels<'l>(text: &'l str, line: &str) -> (Labels, &'l str) {
    let mut labels = Labels::new();
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return (labels, after);
        }
        let (name, after) = rest.split_once("=\"").expect("a label");
        assert!(is_name(name) && !name.contains(':'), "{line}");
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("a closed quote") {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().expect("an escape").1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    other => panic!("no escape: \\{other} in {line}"),
                }),
                (_, c) => value.push(c),
            }
        };
        let twice = labels.insert(name.to_owned(), value);
        assert_eq!(twice, None, "twice: {name} in {line}");
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

#[test]
fn what_is_not_in_the_format_is_refused() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\\\\\\n\\\"\"} 1\n";
    let page = Page::parse(good);
    assert_eq!(page.number("a_total", &[("b", "c\\\n\"")]), Some(1.0));
    for bad in [
        "a_total 1\n",
        "# HELP a_total A.\n# TYPE a_total counter\nb_total 1\n",
        "# HELP a_total A.\n# TYPE a_total counter\na_total 1\na_total 2\n",
        "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c} 1\n",
        "# HELP a_total A.\n# TYPE a_total counter\na_total one\n",
        "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
        "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
    ] {
        assert!(
            std::panic::catch_unwind(|| Page::parse(bad)).is_err(),
            "{bad}"
        );
    }
}
