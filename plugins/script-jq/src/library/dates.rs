//! Dates with an offset: the time they name, not the digits they show.

use super::text::utf8;
use crate::value::{Value, lift};
use jaq_core::native::{Filter, bome, unary, v};
use jaq_core::{DataT, RunPtr};
use jaq_json::{Error, Num, Val};
use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{Offset, TimeZone};

/// The functions of this module.
pub fn functions<D: for<'a> DataT<V<'a> = Value>>() -> Box<[Filter<RunPtr<D>>]> {
    Box::new([
        ("strptime", v(1), |cv| {
            unary(cv, |text, format| {
                let read =
                    |text, format| strptime(utf8(text, "strptime")?, utf8(format, "strptime")?);
                lift(read(&text.0, &format.0))
            })
        }),
        ("todateiso8601", v(0), |cv| bome(lift(to_date(&cv.1.0)))),
    ])
}

/// Broken-down time in UTC. jaq (and jq) drop an offset that was read, so that
/// `mktime` would be hours off.
fn strptime(text: &str, format: &str) -> Result<Val, Error> {
    let wrong = |error: jiff::Error| {
        Error::str(format!(
            "`{text}` is no date as `{format}` writes it: {error}"
        ))
    };
    let mut time = BrokenDownTime::parse(format, text).map_err(wrong)?;
    if let Some(zone) = time.iana_time_zone() {
        let zone = zone.to_owned();
        return Err(Error::str(format!(
            "a script has no time zones, so `{zone}` cannot be read; an offset as +08:00 can"
        )));
    }
    if time.offset().is_none() {
        time.set_offset(Some(Offset::UTC));
    }
    let zoned = time.to_zoned().map_err(wrong)?;
    Ok(broken_down(&zoned.with_time_zone(TimeZone::UTC).datetime()))
}

fn broken_down(time: &DateTime) -> Val {
    let whole = |number: i64| Val::Num(Num::from_integral(number));
    let second = match time.subsec_nanosecond() {
        0 => whole(time.second().into()),
        nanos => Val::from(f64::from(time.second()) + f64::from(nanos) / 1e9),
    };
    let parts = vec![
        whole(time.year().into()),
        whole(i64::from(time.month()) - 1),
        whole(time.day().into()),
        whole(time.hour().into()),
        whole(time.minute().into()),
        second,
        whole(time.weekday().to_sunday_zero_offset().into()),
        whole(i64::from(time.day_of_year()) - 1),
    ];
    Val::Arr(parts.into())
}

/// Seconds → ISO 8601 in UTC, without parts of a second, as in jq.
fn to_date(value: &Val) -> Result<Val, Error> {
    use jaq_std::ValT as _;
    let wrong = || Error::str(format!("{value} are no seconds that a date can be made of"));
    let seconds = match value.as_isize() {
        Some(seconds) => seconds as i64,
        None => value
            .as_f64()
            .filter(|seconds| seconds.is_finite())
            .ok_or_else(wrong)?
            .floor() as i64,
    };
    let time = jiff::Timestamp::from_second(seconds).map_err(|_| wrong())?;
    Ok(Val::utf8_str(time.to_string()))
}
