//! One module per platform, each written from that platform's document.

pub mod dingliyun;
pub mod doudian;
pub mod fengchao;
pub mod lingzhi;
pub mod oauth;
pub mod shop_stock;
pub mod shopify;
pub mod wangdian;

use std::sync::Arc;

use serde_json::Value;

use crate::check::{Breach, Violation};
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::options::Options;
use crate::time::PlatformClock;

/// What the framework asks of a stand-in.
pub trait Platform: Send + Sync + 'static {
    /// Its path prefix.
    fn name(&self) -> &'static str;

    /// Checks a request without changing anything.
    fn inspect<'a>(&'a self, call: &'a Call) -> Inspection<'a>;

    /// The platform's envelope with a refusal of the caller's choice.
    fn refusal(&self, refusal: &Refusal) -> Answer;

    /// How the platform says that calls come too fast.
    fn throttled(&self) -> Answer {
        Answer::text(429, "Too Many Requests").with_header("retry-after", "1")
    }

    /// The state as JSON, for people and for programs that only speak HTTP.
    fn state(&self) -> Value;

    /// Back to the state of the start.
    fn reset(&self);
}

/// The result of checking a request.
pub struct Inspection<'a> {
    pub violations: Vec<Violation>,
    pub next: Next<'a>,
}

/// What is to be done with a checked request.
pub enum Next<'a> {
    /// Answered without being carried out.
    Refuse(Answer),
    /// Carried out by calling this.
    Apply(Box<dyn FnOnce() -> Outcome + Send + 'a>),
}

/// A request that was carried out, or refused for the state it met.
pub struct Outcome {
    pub answer: Answer,
    /// False where the platform's rules forbade it: too little stock, an id
    /// that was used before.
    pub applied: bool,
}

impl Outcome {
    pub fn applied(answer: Answer) -> Self {
        Self {
            answer,
            applied: true,
        }
    }

    pub fn refused(answer: Answer) -> Self {
        Self {
            answer,
            applied: false,
        }
    }
}

impl<'a> Inspection<'a> {
    pub fn refuse(violations: Vec<Violation>, answer: Answer) -> Self {
        Self {
            violations,
            next: Next::Refuse(answer),
        }
    }

    pub fn apply(action: impl FnOnce() -> Outcome + Send + 'a) -> Self {
        Self {
            violations: Vec::new(),
            next: Next::Apply(Box::new(action)),
        }
    }

    /// Nothing of the platform's is at this path.
    pub fn not_found(call: &Call) -> Self {
        let message = format!("the document has no {} {}", call.method, call.path);
        Self::refuse(
            vec![Violation::new(Breach::Path, "path", message)],
            Answer::text(404, "Not Found\n"),
        )
    }

    /// The path is right, the method is not.
    pub fn wrong_method(call: &Call, wanted: &str) -> Self {
        let message = format!("{} where the document has {wanted}", call.method);
        Self::refuse(
            vec![Violation::new(Breach::Method, "method", message)],
            Answer::text(405, "Method Not Allowed\n"),
        )
    }
}

/// Typed access to every platform.
pub struct Platforms {
    pub lingzhi: Arc<lingzhi::Lingzhi>,
    pub fengchao: Arc<fengchao::Fengchao>,
    pub doudian: Arc<doudian::Doudian>,
    pub wangdian: Arc<wangdian::Wangdian>,
    pub dingliyun: Arc<dingliyun::Dingliyun>,
    pub shopify: Arc<shopify::Shopify>,
    pub oauth: Arc<oauth::Oauth>,
}

impl Platforms {
    pub fn new(options: &Options, clock: &Arc<PlatformClock>) -> Self {
        let oauth = Arc::new(oauth::Oauth::new(options.oauth.clone()));
        Self {
            shopify: Arc::new(shopify::Shopify::new(
                options.shopify.clone(),
                oauth.clone(),
            )),
            oauth,
            lingzhi: Arc::new(lingzhi::Lingzhi::new(options.lingzhi.clone())),
            fengchao: Arc::new(fengchao::Fengchao::new(
                options.fengchao.clone(),
                clock.clone(),
            )),
            doudian: Arc::new(doudian::Doudian::new(
                options.doudian.clone(),
                clock.clone(),
            )),
            wangdian: Arc::new(wangdian::Wangdian::new(
                options.wangdian.clone(),
                clock.clone(),
            )),
            dingliyun: Arc::new(dingliyun::Dingliyun::new(
                options.dingliyun.clone(),
                clock.clone(),
            )),
        }
    }

    /// The same as a list.
    pub fn all(&self) -> Vec<Arc<dyn Platform>> {
        let Self {
            lingzhi,
            fengchao,
            doudian,
            wangdian,
            dingliyun,
            shopify,
            oauth,
        } = self;
        vec![
            lingzhi.clone(),
            fengchao.clone(),
            doudian.clone(),
            wangdian.clone(),
            dingliyun.clone(),
            shopify.clone(),
            oauth.clone(),
        ]
    }
}

/// Why a request is refused before its body is looked at.
#[derive(Debug)]
pub struct Failed<A> {
    pub violation: Violation,
    /// What the platform answers.
    pub answer: A,
}

/// The result of a check whose first failure decides.
pub type Checked<A> = Result<(), Box<Failed<A>>>;

/// Fails with a violation and its answer unless `fits`.
pub fn ensure<A>(fits: bool, failure: impl FnOnce() -> (Violation, A)) -> Checked<A> {
    if fits {
        return Ok(());
    }
    let (violation, answer) = failure();
    Err(Box::new(Failed { violation, answer }))
}

/// How many characters of a finding's text a refusal quotes.
const QUOTED: usize = 200;

/// The text of a refusal that no document gives, said to be so.
pub fn undocumented(violations: &[Violation]) -> String {
    let first = violations.first();
    let found = first.map_or(String::new(), |violation| {
        format!("{}: {}", violation.pointer, violation.message)
    });
    let found: String = found.chars().take(QUOTED).collect();
    format!("stand-in, text not documented: {found}")
}
