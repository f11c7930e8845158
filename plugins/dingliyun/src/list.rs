//! Calls whose body is a list and whose rows are items: one item is one row.
//!
//! The calls differ in path, list name, limit and in what belongs to the
//! request instead of the row; [`List`] says these, the rows pass through.

use crate::envelope;
use crate::members::Members;
use crate::path::{draft, path, with_body};
use crate::settings::Settings;
use crossdock_adapter::batch::{self, Row};
use crossdock_adapter::encode::segment;
use crossdock_adapter::json::{self, Text};
use crossdock_adapter::{Context, Fault, Item, Mapped, Parsed, Reply, Request};

/// One such call.
pub struct List {
    /// The operation's name.
    pub operation: &'static str,
    /// First segment below `/{tenant_id}/invc`.
    pub service: &'static str,
    /// Whether the path names a store.
    pub scope: Scope,
    /// What follows in the path.
    pub call: &'static str,
    /// The list's name in the body.
    pub member: &'static str,
    /// The field that tells rows apart.
    pub key: &'static str,
    /// Most rows in one request, where the document says so.
    pub limit: Option<usize>,
    /// Whether the call has the query parameter `operator`.
    pub operator: bool,
    /// What else belongs to the request.
    pub extra: Extra,
}

/// Whether a path names a store.
#[derive(PartialEq, Eq)]
pub enum Scope {
    /// It does not.
    Tenant,
    /// It does; the row has no such field.
    Store,
    /// It does; so may the row.
    StoreInRow,
}

/// What belongs to a request beside its list and its operator.
#[derive(PartialEq, Eq)]
pub enum Extra {
    /// Nothing.
    None,
    /// `upload_type` in the body, after the list.
    UploadType,
    /// `group_by_product` in the query.
    GroupByProduct,
}

/// Where rows go: rows of one request have this in common.
#[derive(Clone, PartialEq)]
struct To<'a> {
    /// Encoded.
    store: Option<String>,
    operator: Option<Text<'a>>,
    upload_type: Option<Text<'a>>,
    group_by_product: bool,
}

/// A row and where it goes.
struct Entry<'a> {
    to: To<'a>,
    members: Members<'a>,
    /// `product_id`, where products have to stay together.
    product: Option<Text<'a>>,
}

impl List {
    /// Items → rows → requests.
    pub fn map(&self, settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
        let mut mapped = Mapped::default();
        let rows = batch::read(&mut mapped, items, |item| self.entry(settings, item));
        let batch_size = settings.batch_size.max(1);
        let most = self.limit.map_or(batch_size, |limit| limit.min(batch_size));
        for (to, rows) in batch::group(rows, |entry| entry.to.clone()) {
            if to.group_by_product {
                for rows in whole_products(&mut mapped, rows, most) {
                    mapped.requests.push(self.request(settings, &to, &rows)?);
                }
            } else {
                for rows in rows.chunks(most) {
                    mapped.requests.push(self.request(settings, &to, rows)?);
                }
            }
        }
        Ok(mapped)
    }

    fn entry<'a>(&self, settings: &Settings<'a>, item: &'a Item) -> Result<Entry<'a>, Fault> {
        let members = Members::of(item)?;
        let store = match self.scope {
            Scope::Tenant => None,
            Scope::Store | Scope::StoreInRow => {
                let store = members
                    .text("store_id")?
                    .or_else(|| settings.default_store_id.clone());
                let store = store.ok_or_else(|| {
                    Fault::invalid_input(
                        "/store_id",
                        "the platform needs a store (门店ID): send `store_id`, or set \
                         `default_store_id` in the connection's settings",
                    )
                })?;
                Some(segment("/store_id", &store)?)
            }
        };
        let operator = match self.operator {
            true => members
                .text("operator")?
                .or_else(|| settings.operator.clone()),
            false => None,
        };
        let group_by_product =
            self.extra == Extra::GroupByProduct && members.flag("group_by_product")?;
        let product = match group_by_product {
            true => Some(members.text("product_id")?.ok_or_else(|| {
                Fault::invalid_input(
                    "/product_id",
                    "with `group_by_product` every sku has to name its product (产品ID)",
                )
            })?),
            false => None,
        };
        let upload_type = match self.extra {
            Extra::UploadType => members.text("upload_type")?,
            _ => None,
        };
        Ok(Entry {
            to: To {
                store,
                operator,
                upload_type,
                group_by_product,
            },
            members,
            product,
        })
    }

    fn request(&self, settings: &Settings, to: &To, rows: &[Row<Entry>]) -> Result<Request, Fault> {
        let call = match &to.store {
            Some(store) => format!("{}/store/{store}/{}", self.service, self.call),
            None => format!("{}/{}", self.service, self.call),
        };
        let mut draft = draft("POST", path(settings, &call)?);
        if self.extra == Extra::GroupByProduct {
            draft = draft.with_query("group_by_product", to.group_by_product.to_string());
        }
        if let Some(operator) = &to.operator {
            draft = draft.with_query("operator", &**operator);
        }
        let list = batch::array(rows, |out, entry| {
            entry.members.write_without(out, self.routing());
        });
        let mut body = format!("{{\"{}\":{list}", self.member);
        if let Some(upload_type) = &to.upload_type {
            body.push_str(",\"upload_type\":");
            json::push_string(&mut body, upload_type);
        }
        body.push('}');
        // 不存在则创建,存在则修改: arriving twice changes nothing more.
        Ok(Request::of(with_body(draft, body), batch::indices(rows)).repeatable(true))
    }

    /// Fields of a document that are not the row's.
    fn routing(&self) -> &'static [&'static str] {
        match (&self.scope, &self.extra) {
            (Scope::Store, _) => &["operator", "store_id"],
            (_, Extra::UploadType) => &["operator", "upload_type"],
            (_, Extra::GroupByProduct) => &["operator", "group_by_product"],
            _ => &["operator"],
        }
    }

    /// The platform's answer, row by row as far as it says.
    pub fn parse(&self, ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
        envelope::rows(ctx, request, reply, self.member, self.key)
    }
}

/// Batches that never split a product: the platform takes each list for all
/// skus of its products. A product that is too large for one request is refused.
fn whole_products<'a>(
    mapped: &mut Mapped,
    rows: Vec<Row<Entry<'a>>>,
    most: usize,
) -> Vec<Vec<Row<Entry<'a>>>> {
    let mut batches: Vec<Vec<Row<Entry>>> = Vec::new();
    for (_, rows) in batch::group(rows, |entry| entry.product.clone()) {
        if rows.len() > most {
            for row in &rows {
                let message = format!(
                    "with `group_by_product` all {} skus of the product have to fit into one \
                     request, which takes {most}",
                    rows.len()
                );
                mapped.fail(row.index, Fault::invalid_input("/product_id", message));
            }
            continue;
        }
        match batches.last_mut() {
            Some(batch) if batch.len() + rows.len() <= most => batch.extend(rows),
            _ => batches.push(rows),
        }
    }
    batches
}
