//! LockStockResult, the answer of a lock and of every read-back.

use crate::envelope::{FAILED, no_success};
use crate::settings::PartialLock;
use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::{Fault, Outcome, Refusal, Reply};
use serde::Deserialize;

/// 占货结果.
#[derive(Deserialize)]
struct Fields<'a> {
    success: Option<bool>,
    /// Not LockStockResult's, but ActionResult's, with which every other call
    /// of the platform refuses.
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    stock_state: Option<Text<'a>>,
    #[serde(borrow)]
    lock_result: Option<Text<'a>>,
    #[serde(borrow)]
    lock_id: Option<&'a RawValue>,
}

/// The answer, and its text as the result of an accepted item.
pub struct LockAnswer<'a> {
    fields: Fields<'a>,
    result: String,
}

impl<'a> LockAnswer<'a> {
    pub fn read(reply: &'a Reply) -> Result<Self, Fault> {
        Ok(Self {
            fields: reply.json()?,
            result: reply.text().into_owned(),
        })
    }

    fn state(&self) -> &str {
        self.fields.stock_state.as_deref().unwrap_or_default()
    }

    fn lock_result(&self) -> &str {
        self.fields.lock_result.as_deref().unwrap_or_default()
    }

    fn message(&self) -> String {
        json::text(self.fields.message).into_owned()
    }

    /// The platform's code of a refusal, or [`FAILED`].
    fn code(&self) -> String {
        match json::text(self.fields.code) {
            code if code.is_empty() => FAILED.to_owned(),
            code => code.into_owned(),
        }
    }

    fn accepted(self) -> Outcome {
        Outcome::Accepted(self.result)
    }

    fn rejected(self, code: &str) -> Outcome {
        Outcome::rejected(code, self.message())
    }

    /// The answer does not say what became of the call.
    fn unknown(self) -> Outcome {
        let code = match (self.lock_result(), self.state()) {
            ("", "") => self.code(),
            ("", state) => state.to_owned(),
            (result, "") => result.to_owned(),
            (result, state) => format!("{result}/{state}"),
        };
        Outcome::unknown(code, self.message())
    }

    /// Whether the whole order is held, as far as both fields say.
    fn holds_all(&self) -> bool {
        self.lock_result() == LOCK_ALL && matches!(self.state(), "" | LOCKED | SHIPPED)
    }

    /// 部分占货 is never a silent success: the caller has to decide whether to
    /// ship the part or to release it.
    fn partial(self, policy: PartialLock) -> Outcome {
        if policy == PartialLock::Accept && self.fields.success == Some(true) {
            return self.accepted();
        }
        let lock_id = json::text(self.fields.lock_id);
        let held = format!(
            "a part of the order's stock is held (部分占货, lock_id {lock_id}): ship it with \
             `order.ship` or release it with `order.unlock`"
        );
        let refusal = Refusal::new(LOCK_PART, self.message()).with_detail("/items", held);
        Outcome::Rejected(refusal)
    }

    /// The answer to the lock itself.
    pub fn of_lock(self, policy: PartialLock) -> Result<Outcome, Fault> {
        let Some(success) = self.fields.success else {
            return Err(no_success());
        };
        Ok(match (success, self.lock_result()) {
            (true, LOCK_ALL) if self.holds_all() => self.accepted(),
            (_, LOCK_PART) => self.partial(policy),
            (_, NONE) => self.rejected(NONE),
            (false, "") => {
                let code = self.code();
                self.rejected(&code)
            }
            _ => self.unknown(),
        })
    }

    /// What the order looked like after a request of unknown outcome. It tells
    /// people where to look and decides nothing: it is about the order, not
    /// about the request, and of a moment after which the request may still
    /// arrive.
    pub fn after_unknown(self) -> Outcome {
        let said = |text: &str| match text {
            "" => "not given".to_owned(),
            text => text.to_owned(),
        };
        let lock_id = json::text(self.fields.lock_id);
        let detail = format!(
            "order/lockresult then said: lock_result {}, stock_state {}, lock_id {}, message \
             {:?}. That is the order, not this request: look at the order before you send \
             anything again",
            said(self.lock_result()),
            said(self.state()),
            said(&lock_id),
            self.message(),
        );
        let message = "no readable answer came, and nothing tells whether the request was applied \
                       or still will be";
        Outcome::Unknown(Refusal::new(NOT_CONFIRMED, message).with_detail("/order_id", detail))
    }
}

/// Code of a request of which no answer and no read-back tells the outcome.
const NOT_CONFIRMED: &str = "not-confirmed";

/// 全部占货.
const LOCK_ALL: &str = "lock_all";
/// 部分占货.
const LOCK_PART: &str = "lock_part";
/// 未占货, of the lock.
const NONE: &str = "none";

/// 已占货.
const LOCKED: &str = "locked";
/// 已发货.
const SHIPPED: &str = "shipped";
