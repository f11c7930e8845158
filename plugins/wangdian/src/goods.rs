//! `goods.push`: creates or updates goods (货品) with their SKUs (单品).
//!
//! Documents are sent with the platform's own names, so only what needs a look
//! is looked at: the goods' number, the number of SKUs, and decimals.

use crate::answer::{self, Answer, Effect};
use crate::call;
use crate::number;
use crate::settings::Settings;
use crossdock_adapter::batch::{self, Row};
use crossdock_adapter::json::{self, Members, RawValue, Text};
use crossdock_adapter::{
    Body, Context, Fault, Item, Mapped, Outcome, Parsed, Refusal, Reply, Request,
};
use serde::Deserialize;

/// The platform's name of the call.
const METHOD: &str = "goods.Goods.batchPush";

/// spu维度一次不超过50条.
const MAX_GOODS: usize = 50;

/// 一个goodsInfo下sku维度一次不超过500条.
const MAX_SPECS: usize = 500;

/// What an accepted item knows: that it is not in `error_list`.
const RESULT: &str = "{}";

/// The code of an item that is: its rows have none.
const ERROR_LIST: &str = "error_list";

/// The fields of a SKU that are `Decimal(19,4)`; goods have none.
const DECIMALS: [&str; 24] = [
    "lowest_price",
    "retail_price",
    "wholesale_price",
    "member_price",
    "market_price",
    "weight",
    "height",
    "length",
    "width",
    "custom_price1",
    "custom_price2",
    "sale_score",
    "pack_score",
    "pick_score",
    "sort_score",
    "scan_score",
    "supply_score",
    "shelve_score",
    "stockin_score",
    "inspect_score",
    "packing_score",
    "operate_score",
    "weigh_score",
    "consign_score",
];

/// One goodsInfo as it is sent.
struct Goods<'a> {
    goods_no: Text<'a>,
    json: String,
}

pub fn map(settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
    let mut mapped = Mapped::default();
    let rows = batch::read(&mut mapped, items, read);
    for rows in requests(&rows) {
        // One argument, itself a list.
        let list = batch::array(rows, |out, goods: &Goods| out.push_str(&goods.json));
        let draft = call::draft(settings, METHOD, format!("[{list}]"));
        mapped.send(draft, rows, settings.goods_push_repeatable);
    }
    Ok(mapped)
}

/// Rows of at most [`MAX_GOODS`], none with the same goods twice: the answer
/// names refused goods by their number only.
fn requests<'r, 'a>(rows: &'r [Row<Goods<'a>>]) -> Vec<&'r [Row<Goods<'a>>]> {
    let mut requests = Vec::new();
    let mut start = 0;
    for end in 1..=rows.len() {
        let batch = &rows[start..end];
        let full = batch.len() == MAX_GOODS;
        let again = rows.get(end).is_some_and(|next| {
            let known = |row: &Row<Goods>| row.value.goods_no == next.value.goods_no;
            batch.iter().any(known)
        });
        if full || again || end == rows.len() {
            requests.push(batch);
            start = end;
        }
    }
    requests
}

fn read(item: &Item) -> Result<Goods<'_>, Fault> {
    let Members(members) = item.read()?;
    let mut goods_no = None;
    let mut out = String::with_capacity(item.document.len());
    out.push('{');
    for (position, (name, value)) in members.iter().enumerate() {
        push_name(&mut out, position, name);
        match &**name {
            "goods_no" => goods_no = text(value),
            "spec_list" => {
                push_specs(&mut out, value)?;
                continue;
            }
            _ => {}
        }
        out.push_str(value.get());
    }
    out.push('}');
    if !members.iter().any(|(name, _)| &**name == "spec_list") {
        return Err(no_specs());
    }
    let goods_no = goods_no
        .ok_or_else(|| Fault::invalid_input("/goods_no", "the document has no goods_no"))?;
    Ok(Goods {
        goods_no,
        json: out,
    })
}

fn push_specs(out: &mut String, list: &RawValue) -> Result<(), Fault> {
    let specs: Vec<Members> = serde_json::from_str(list.get())
        .map_err(|error| Fault::invalid_input("/spec_list", error.to_string()))?;
    if specs.is_empty() {
        return Err(no_specs());
    }
    if specs.len() > MAX_SPECS {
        return Err(Fault::invalid_input(
            "/spec_list",
            format!(
                "the goods have {} SKUs; the platform takes at most {MAX_SPECS} of one goodsInfo",
                specs.len()
            ),
        ));
    }
    out.push('[');
    for (index, Members(members)) in specs.iter().enumerate() {
        out.push_str(if index == 0 { "{" } else { ",{" });
        for (position, (name, value)) in members.iter().enumerate() {
            push_name(out, position, name);
            out.push_str(if DECIMALS.contains(&&**name) {
                number::decimal(value, || format!("/spec_list/{index}/{}", &**name))?
            } else {
                value.get()
            });
        }
        out.push('}');
    }
    out.push(']');
    Ok(())
}

fn no_specs() -> Fault {
    Fault::invalid_input("/spec_list", "the platform wants at least one SKU")
}

fn push_name(out: &mut String, position: usize, name: &str) {
    if position > 0 {
        out.push(',');
    }
    json::push_string(out, name);
    out.push(':');
}

fn text(raw: &RawValue) -> Option<Text<'_>> {
    serde_json::from_str(raw.get()).ok()
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    error_list: Vec<RowError<'a>>,
}

/// A row that was refused.
#[derive(Deserialize)]
struct RowError<'a> {
    #[serde(borrow)]
    no: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl RowError<'_> {
    fn no(&self) -> String {
        json::text(self.no).into()
    }

    fn error(&self) -> String {
        json::text(self.error).into()
    }
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    let data = match answer::read(ctx, Effect::Writes, request, reply)? {
        Answer::Done(Some(data)) => data,
        Answer::Done(None) => {
            return Err(Fault::invalid_reply(
                "/data",
                "the answer has no data, so it does not say which goods were refused",
            ));
        }
        Answer::Failed(outcome) => return Ok(Parsed::every(request, outcome)),
    };
    let Data { error_list } = serde_json::from_str(data.get())
        .map_err(|error| Fault::invalid_reply("/data", error.to_string()))?;
    if error_list.is_empty() {
        return Ok(Parsed::every(request, Outcome::Accepted(RESULT.into())));
    }
    Ok(Parsed::of(outcomes(request, &error_list)?))
}

/// What the refused rows mean for each of the request's goods.
fn outcomes(request: &Request, errors: &[RowError]) -> Result<Vec<Outcome>, Fault> {
    #[derive(Deserialize)]
    struct Sent<'a> {
        #[serde(borrow)]
        goods_no: Text<'a>,
    }
    let Body::Text(body) = &request.draft.body else {
        return Err(Fault::Other("the request has no body".into()));
    };
    let (sent,): (Vec<Sent>,) =
        serde_json::from_str(body).map_err(|error| Fault::Other(error.to_string()))?;

    let errors: Vec<(String, String)> = errors.iter().map(|row| (row.no(), row.error())).collect();
    // A row without goods of this request concerns one of them all the same.
    let stray = errors
        .iter()
        .find(|(no, _)| !sent.iter().any(|goods| *goods.goods_no == **no));
    let outcome = |goods: &Sent| {
        let mut own = errors.iter().filter(|(no, _)| *goods.goods_no == **no);
        if let Some((_, error)) = own.next() {
            let refusal = Refusal::new(ERROR_LIST, error);
            let more = own.fold(refusal, |refusal, (_, error)| {
                refusal.with_detail("", error)
            });
            return Outcome::Rejected(more);
        }
        match stray {
            None => Outcome::Accepted(RESULT.into()),
            Some((_, error)) if sent.len() == 1 => Outcome::rejected(ERROR_LIST, error),
            Some((no, error)) => {
                let detail = format!(
                    "the platform refused `{no}`, which is no goods_no of this request, so it \
                     does not say whether these goods were taken"
                );
                Outcome::Unknown(Refusal::new(ERROR_LIST, error).with_detail("", detail))
            }
        }
    };
    Ok(sent.iter().map(outcome).collect())
}
