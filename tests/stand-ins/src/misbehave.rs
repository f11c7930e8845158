//! What a stand-in can be told to do wrong, and when.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exchange::Call;

/// Size of the body of [`Misbehaviour::Huge`], well above any cap.
pub const HUGE_BODY: u64 = 50 * 1024 * 1024;

/// Something a platform, or what stands in front of it, does wrong. Each says
/// whether the request has been applied by then, unless a [`Plan`] says
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// HTTP 500 with a text; not applied.
    Http500,
    /// A TCP reset instead of an answer; not applied.
    ResetBeforeApplying,
    /// A TCP reset instead of an answer; applied.
    ResetAfterApplying,
    /// The right answer after this time; applied before the wait.
    Slow(Duration),
    /// No answer at all. The request waits at the platform, whatever becomes of
    /// its client, and is applied once so many later requests were answered.
    ApplyLate { answers: u32 },
    /// The right headers, half of the body, then the end of the connection; applied.
    Truncated,
    /// HTTP 200 with a page of HTML; not applied.
    Html,
    /// HTTP 429 with `Retry-After` in seconds; not applied.
    Throttled { retry_after: u32 },
    /// The platform's own way to say that calls come too fast, where its
    /// document has one, otherwise HTTP 429; not applied.
    ThrottledByPlatform,
    /// 50 MB of white space before the right answer, without a
    /// `Content-Length`; applied.
    Huge,
    /// HTTP 200 with nothing in it; not applied.
    EmptyBody,
    /// HTTP 302 to a page of the stand-in that counts its visitors; not applied.
    Redirect,
    /// The platform's envelope with this refusal; not applied.
    Refuse(Refusal),
    /// Any other answer; not applied.
    Answer {
        status: u16,
        content_type: String,
        body: String,
    },
}

/// A refusal in the platform's own envelope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// `code` or `status`: a number on all platforms but dingliyun.
    pub code: String,
    pub message: String,
    /// Doudian's second code; elsewhere ignored.
    pub sub_code: String,
}

impl Refusal {
    pub fn new(code: impl ToString, message: impl Into<String>) -> Self {
        Self {
            code: code.to_string(),
            message: message.into(),
            sub_code: String::new(),
        }
    }

    pub fn with_sub_code(mut self, sub_code: impl Into<String>) -> Self {
        self.sub_code = sub_code.into();
        self
    }
}

/// Whether the request has been applied when the stand-in misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    BeforeApplying,
    AfterApplying,
}

impl Misbehaviour {
    /// The moment of the variant's description.
    pub fn usual_moment(&self) -> Moment {
        match self {
            Self::ResetAfterApplying | Self::Slow(_) | Self::Truncated | Self::Huge => {
                Moment::AfterApplying
            }
            _ => Moment::BeforeApplying,
        }
    }
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    #[default]
    Once,
    Times(u32),
    /// Until the faults are cleared.
    Always,
}

/// A misbehaviour with its moment, number and aim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub misbehaviour: Misbehaviour,
    #[serde(default)]
    pub times: Times,
    /// `None`: as the misbehaviour says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Moment>,
    /// Only requests whose path or query contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
}

impl Plan {
    /// Once, at its usual moment, whatever the request.
    pub fn new(misbehaviour: Misbehaviour) -> Self {
        Self {
            misbehaviour,
            times: Times::Once,
            moment: None,
            only: None,
        }
    }

    pub fn times(mut self, times: Times) -> Self {
        self.times = times;
        self
    }

    pub fn before_applying(mut self) -> Self {
        self.moment = Some(Moment::BeforeApplying);
        self
    }

    pub fn after_applying(mut self) -> Self {
        self.moment = Some(Moment::AfterApplying);
        self
    }

    /// Only for requests whose path or query contains `text`.
    pub fn only(mut self, text: impl Into<String>) -> Self {
        self.only = Some(text.into());
        self
    }

    fn moment(&self) -> Moment {
        self.moment
            .unwrap_or_else(|| self.misbehaviour.usual_moment())
    }
}

/// Says of each request what goes wrong with it, if anything does.
pub type Weather = Box<dyn FnMut(&Call) -> Option<Plan> + Send>;

/// The faults waiting for requests, in the order in which they were asked for,
/// and the weather for requests that none of them is for.
#[derive(Default)]
pub struct Faults {
    queue: Mutex<VecDeque<Plan>>,
    weather: Mutex<Option<Weather>>,
}

impl Faults {
    pub fn add(&self, plan: Plan) {
        if plan.times != Times::Times(0) {
            self.queue().push_back(plan);
        }
    }

    pub fn set_weather(&self, weather: Weather) {
        *self.weather() = Some(weather);
    }

    pub fn clear(&self) {
        self.queue().clear();
        *self.weather() = None;
    }

    /// The fault for this request, used up if it was the last of its number.
    pub fn take(&self, call: &Call) -> Option<(Misbehaviour, Moment)> {
        self.queued(call).or_else(|| {
            let plan = self.weather().as_mut()?(call)?;
            let moment = plan.moment();
            Some((plan.misbehaviour, moment))
        })
    }

    fn queued(&self, call: &Call) -> Option<(Misbehaviour, Moment)> {
        let mut queue = self.queue();
        if queue.is_empty() {
            return None;
        }
        let aimed = |plan: &Plan| plan.only.as_deref().is_none_or(|text| call.mentions(text));
        let index = queue.iter().position(aimed)?;
        let plan = queue.get_mut(index)?;
        let found = (plan.misbehaviour.clone(), plan.moment());
        match &mut plan.times {
            Times::Always => {}
            Times::Times(left) if *left > 1 => *left -= 1,
            Times::Once | Times::Times(_) => {
                queue.remove(index);
            }
        }
        Some(found)
    }

    /// The plans that are still waiting.
    pub fn waiting(&self) -> Vec<Plan> {
        self.queue().iter().cloned().collect()
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Plan>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn weather(&self) -> std::sync::MutexGuard<'_, Option<Weather>> {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    fn call(path: &str) -> Call {
        Call {
            method: Method::POST,
            path: path.to_owned(),
            raw_query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    #[test]
    fn faults_come_in_order_and_as_often_as_asked() {
        let faults = Faults::default();
        faults.add(Plan::new(Misbehaviour::Http500).times(Times::Times(2)));
        faults.add(Plan::new(Misbehaviour::Html));
        let mut seen = Vec::new();
        while let Some((misbehaviour, _)) = faults.take(&call("/a")) {
            seen.push(misbehaviour);
        }
        assert_eq!(
            seen,
            [
                Misbehaviour::Http500,
                Misbehaviour::Http500,
                Misbehaviour::Html
            ]
        );
    }

    #[test]
    fn an_aimed_fault_waits_for_its_request() {
        let faults = Faults::default();
        faults.add(
            Plan::new(Misbehaviour::Truncated)
                .only("/lock")
                .times(Times::Always),
        );
        assert_eq!(faults.take(&call("/ship")), None);
        assert_eq!(
            faults.take(&call("/lock")),
            Some((Misbehaviour::Truncated, Moment::AfterApplying))
        );
        assert_eq!(faults.waiting().len(), 1);
    }

    #[test]
    fn the_weather_is_for_requests_that_no_plan_is_for() {
        let faults = Faults::default();
        faults.add(Plan::new(Misbehaviour::Http500));
        faults.set_weather(Box::new(|call| {
            let wet = call.mentions("/lock");
            wet.then(|| Plan::new(Misbehaviour::Slow(Duration::ZERO)).before_applying())
        }));
        let (first, _) = faults.take(&call("/lock")).unwrap();
        assert_eq!(first, Misbehaviour::Http500);
        let second = faults.take(&call("/lock"));
        let slow = Misbehaviour::Slow(Duration::ZERO);
        assert_eq!(second, Some((slow, Moment::BeforeApplying)));
        assert_eq!(faults.take(&call("/ship")), None);
        faults.clear();
        assert_eq!(faults.take(&call("/lock")), None);
    }

    #[test]
    fn a_plan_can_change_the_moment() {
        let faults = Faults::default();
        faults.add(Plan::new(Misbehaviour::Http500).after_applying());
        assert_eq!(
            faults.take(&call("/")),
            Some((Misbehaviour::Http500, Moment::AfterApplying))
        );
    }
}
