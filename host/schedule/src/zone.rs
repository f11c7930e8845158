//! Time zones by name.

use jiff::tz::{self, TimeZone};

use crate::ScheduleError;

/// A zone by its name in the database of zones, `Asia/Shanghai`. `UTC` is one.
pub(crate) fn named(name: &str) -> Result<TimeZone, ScheduleError> {
    if name.len() <= 64
        && let Ok(zone) = tz::db().get(name)
    {
        return Ok(zone);
    }
    let shown: String = name.chars().take(64).collect();
    let near = match near(name) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write one as `Asia/Shanghai` or `UTC`".to_owned(),
    };
    Err(ScheduleError::Zone(format!(
        "there is no time zone `{shown}`; {near}"
    )))
}

/// Names under which people look for zones of another name.
const ALSO: &[(&str, &str)] = &[
    ("beijing", "Asia/Shanghai"),
    ("peking", "Asia/Shanghai"),
    ("shenzhen", "Asia/Shanghai"),
    ("guangzhou", "Asia/Shanghai"),
    ("cst", "Asia/Shanghai"),
    ("utc+8", "Asia/Shanghai"),
    ("gmt+8", "Asia/Shanghai"),
    ("+08:00", "Asia/Shanghai"),
    ("+8", "Asia/Shanghai"),
];

/// The zone that may have been meant.
fn near(name: &str) -> Option<String> {
    let city = |zone: &str| {
        let city = zone.rsplit('/').next().unwrap_or(zone);
        city.to_lowercase().replace(' ', "_")
    };
    let (whole, wanted) = (name.to_lowercase(), city(name));
    let also = ALSO
        .iter()
        .find(|(also, _)| *also == wanted || *also == whole);
    if let Some((_, zone)) = also {
        return Some((*zone).to_owned());
    }
    if name.len() > 64 || wanted.is_empty() {
        return None;
    }
    let zones = tz::db().available().map(|zone| zone.as_str().to_owned());
    // What is as far as this is something else.
    let allowed = |length: usize| 1 + length / 5;
    let by_distance = zones.filter_map(|zone| {
        let of_whole = distance(&zone.to_lowercase(), &whole);
        let of_city = distance(&city(&zone), &wanted);
        let whole = (of_whole <= allowed(whole.len())).then_some(of_whole);
        let city = (of_city <= allowed(wanted.len())).then_some(of_city + 1);
        let nearest = whole.into_iter().chain(city).min()?;
        Some((nearest, zone))
    });
    by_distance.min().map(|(_, zone)| zone)
}

/// Letters to change, add or leave out to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let changed = before + usize::from(from != *to);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_is_not_there_is_refused_with_the_one_that_may_be_meant() {
        for (wrong, meant) in [
            ("Asia/Shanghia", "Asia/Shanghai"),
            ("Shanghai", "Asia/Shanghai"),
            ("Asia/Beijing", "Asia/Shanghai"),
            ("UTC+8", "Asia/Shanghai"),
            ("Europe/Berln", "Europe/Berlin"),
            ("New York", "America/New_York"),
        ] {
            let error = named(wrong).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("there is no time zone `{wrong}`; did you mean `{meant}`?")
            );
        }
        for wrong in [
            "",
            "../../etc/passwd",
            "nowhere/at/all/in/this/world",
            &"x".repeat(9_999),
        ] {
            let error = named(wrong).unwrap_err().to_string();
            assert!(error.contains("write one as `Asia/Shanghai`"), "{error}");
            assert!(error.len() < 200, "{error}");
        }
        for right in ["UTC", "Asia/Shanghai", "asia/shanghai", "Europe/Berlin"] {
            assert!(named(right).is_ok(), "{right}");
        }
    }
}
