//! orderstockservice (订单占货服务): stock held for orders.
//!
//! Locking, shipping and unlocking are sent once:
//!
//! | call | why it is not repeatable |
//! |---|---|
//! | lock | the document does not promise that a `request_id` counts once |
//! | ship | whether a second one is refused or ships again is not said |
//! | unlock of an order | a late second one would release what was locked since |
//! | unlock with `request_id` | how a second one is answered is not said: a refusal of it would hide that the first was applied |
//!
//! When the outcome of one is unknown, the adapter asks for `order/lockresult`
//! and reports what it says, but the item stays `unknown`: that answer is about
//! the order, of which another request may have made what it is, and "nothing
//! held yet" does not keep the request that timed out from arriving later. A
//! lock's own answer has the same shape as a read-back's, so the request tells
//! them apart: see [`is_read_back`].

mod answer;

use crate::envelope;
use crate::members::Members;
use crate::path::{draft, path, with_body};
use crate::read::Answered;
use crate::settings::Settings;
use answer::LockAnswer;
use crossdock_adapter::batch;
use crossdock_adapter::encode::{from_percent, segment};
use crossdock_adapter::json;
use crossdock_adapter::{Context, Draft, Fault, Item, Mapped, Outcome, Parsed, Reply, Request};

const LOCK_RESULT: &str = "orderstockservice/order/lockresult";

/// A call that changes what is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// 订单占货.
    Lock,
    /// 订单占货发货|出库.
    Ship,
    /// 取消占货.
    Unlock,
}

impl Change {
    /// One request per item: every order is its own.
    pub fn map(self, settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
        let mut mapped = Mapped::default();
        let rows = batch::read(&mut mapped, items, |item| self.request(settings, item));
        for row in rows {
            // Never repeatable: see the table above.
            mapped
                .requests
                .push(Request::of(row.value, vec![row.index]));
        }
        Ok(mapped)
    }

    fn request(self, settings: &Settings, item: &Item) -> Result<Draft, Fault> {
        let members = Members::of(item)?;
        let order_id = members.text("order_id")?.unwrap_or_default();
        let operator = members
            .text("operator")?
            .or_else(|| settings.operator.clone());
        let operated = |draft: Draft| match &operator {
            Some(operator) => draft.with_query("operator", &**operator),
            None => draft,
        };
        Ok(match self {
            Self::Lock => {
                let draft = draft("POST", path(settings, "orderstockservice/lock")?);
                let body = lock_body(&members, &item.key);
                with_body(operated(draft), body)
            }
            Self::Ship => {
                let order_id = segment("/order_id", &order_id)?;
                let call = format!("orderstockservice/ship/{order_id}");
                operated(draft("PUT", path(settings, &call)?))
            }
            Self::Unlock => {
                let draft = draft("POST", path(settings, "orderstockservice/unlock")?);
                let draft = operated(draft).with_query("order_id", &*order_id);
                match members.text("request_id")? {
                    Some(request_id) => draft.with_query("request_id", &*request_id),
                    None => draft,
                }
            }
        })
    }

    /// What became of the order, or how to find out.
    pub fn parse(
        self,
        ctx: &Context,
        settings: &Settings,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        if is_read_back(&request.draft) {
            let outcome = read_back(ctx, request, reply)?;
            return Ok(Parsed::every(request, outcome));
        }
        let outcome = match self.own_answer(ctx, settings, request, reply) {
            Ok(outcome) => outcome,
            // Applied or not, an unreadable answer does not tell.
            Err(Fault::InvalidReply(detail)) => {
                let message = format!("{}; {}", detail.message, reply.beginning());
                Outcome::unknown(UNREADABLE, message)
            }
            Err(fault) => return Err(fault),
        };
        let ask = matches!(outcome, Outcome::Unknown(_));
        let mut parsed = Parsed::every(request, outcome);
        if ask {
            parsed.next = self.read_back_of(settings, &request.draft)?;
        }
        Ok(parsed)
    }

    /// The answer to the call itself.
    fn own_answer(
        self,
        ctx: &Context,
        settings: &Settings,
        request: &Request,
        reply: &Reply,
    ) -> Result<Outcome, Fault> {
        match self {
            Self::Lock => reply.outcome(ctx, request, || {
                LockAnswer::read(reply)?.of_lock(settings.partial_lock)
            }),
            Self::Ship | Self::Unlock => envelope::whole(ctx, request, reply),
        }
    }

    /// The request that finds out what became of another.
    fn read_back_of(self, settings: &Settings, sent: &Draft) -> Result<Option<Draft>, Fault> {
        let order_id = match self {
            Self::Lock => body_order_id(sent.body.text()),
            Self::Ship => sent.path.rsplit('/').next().and_then(from_percent),
            Self::Unlock => sent.query_value("order_id").map(str::to_owned),
        };
        order_id
            .map(|order_id| lock_result_of(settings, &order_id))
            .transpose()
    }
}

/// What the order looked like after a request of unknown outcome. Whatever the
/// answer is, the item stays unknown and nothing is sent again.
fn read_back(ctx: &Context, request: &Request, reply: &Reply) -> Result<Outcome, Fault> {
    match reply.http_failure(ctx, request) {
        None => Ok(LockAnswer::read(reply)?.after_unknown()),
        Some(Outcome::Unknown(said) | Outcome::Rejected(said) | Outcome::Unauthenticated(said)) => {
            Ok(Outcome::Unknown(said))
        }
        Some(Outcome::Retry(said) | Outcome::Throttled(said)) => {
            Ok(Outcome::unknown(said.code, said.message))
        }
        Some(Outcome::Accepted(_) | Outcome::Duplicate(_)) => Err(Fault::Other(
            "an HTTP failure is neither a success nor a duplicate".into(),
        )),
    }
}

/// Code of an answer that cannot be read.
const UNREADABLE: &str = "unreadable-answer";

/// Whether a request reads back what became of another: those that change
/// something are never a GET.
fn is_read_back(draft: &Draft) -> bool {
    draft.method == "GET"
}

/// OrderDataParam. Without a `request_id` the item's key is the request's:
/// attempts and replays of one item are one request to the platform.
fn lock_body(members: &Members, key: &str) -> String {
    let mut body = members.without(&["operator"]);
    if members.get("request_id").is_none() {
        body.pop();
        body.push_str(",\"request_id\":");
        json::push_string(&mut body, key);
        body.push('}');
    }
    body
}

fn body_order_id(body: &str) -> Option<String> {
    let members: Members = serde_json::from_str(body).ok()?;
    Some(members.text("order_id").ok()??.to_string())
}

/// 查询订单占货.
pub fn lock_result(settings: &Settings, item: &Item) -> Result<Draft, Fault> {
    let order_id = Members::of(item)?.text("order_id")?.unwrap_or_default();
    lock_result_of(settings, &order_id)
}

fn lock_result_of(settings: &Settings, order_id: &str) -> Result<Draft, Fault> {
    Ok(draft("GET", path(settings, LOCK_RESULT)?).with_query("order_id", order_id))
}

/// What [`lock_result`] is answered with.
pub const LOCKED: Answered = Answered::Member("lock_result");

/// 获取指定货号平台商家占用门店库存记录.
pub fn stocks(settings: &Settings, item: &Item) -> Result<Draft, Fault> {
    let members = Members::of(item)?;
    let store = settings.stocks_store_parameter.name();
    let mut draft = draft("GET", path(settings, "orderstockservice/orderstocks")?);
    for (field, parameter) in [
        ("platform_id", "platform_id"),
        ("shop_id", "shop_id"),
        ("store_id", store),
    ] {
        if let Some(value) = members.text(field)? {
            draft = draft.with_query(parameter, &*value);
        }
    }
    for sku_id in members.texts("sku_ids")? {
        draft = draft.with_query("sku_ids", &*sku_id);
    }
    Ok(draft)
}

/// What [`stocks`] is answered with.
pub const STOCKS: Answered = Answered::List("skus");
