//! itemservice (商品服务): brands, categories, products, images, skus, tags.

use crate::list::{Extra, List, Scope};
use crate::members::Members;
use crate::page::Query;
use crate::path::{draft, path, with_body};
use crate::read::Answered;
use crate::settings::Settings;
use crossdock_adapter::encode::segment;
use crossdock_adapter::{Draft, Fault, Item};

const SERVICE: &str = "itemservice";

/// An upsert of this service; the calls below say how they differ from it.
const UPSERT: List = List {
    operation: "",
    service: SERVICE,
    scope: Scope::Tenant,
    call: "",
    member: "",
    key: "id",
    limit: None,
    operator: true,
    extra: Extra::None,
};

/// 批量更新…: lists of brands, categories, products, images, skus and tags.
pub const LISTS: &[List] = &[
    List {
        operation: "brand.update",
        call: "brands/update",
        member: "brands",
        limit: Some(100),
        ..UPSERT
    },
    List {
        operation: "category.update",
        call: "categories/update",
        member: "categories",
        ..UPSERT
    },
    List {
        operation: "product.update",
        call: "products/update",
        member: "products",
        ..UPSERT
    },
    List {
        operation: "image.update",
        call: "sku/images/update",
        member: "sku_images",
        key: "sku_id",
        limit: Some(100),
        extra: Extra::UploadType,
        ..UPSERT
    },
    List {
        operation: "sku.update",
        call: "skus/update",
        member: "skus",
        limit: Some(100),
        extra: Extra::GroupByProduct,
        ..UPSERT
    },
    List {
        operation: "tag.update",
        call: "tags/update",
        member: "tags",
        key: "code",
        ..UPSERT
    },
];

/// 分页查询…: pages of brands, categories and skus.
pub const QUERIES: &[Query] = &[
    Query {
        operation: "brand.query",
        call: "itemservice/brands/query",
        member: "brands",
    },
    Query {
        operation: "category.query",
        call: "itemservice/categories/query",
        member: "categories",
    },
    Query {
        operation: "sku.search",
        call: "itemservice/skus/es_query",
        member: "skus",
    },
];

/// 指定货号查询商品.
pub fn sku(settings: &Settings, item: &Item) -> Result<Draft, Fault> {
    let members = Members::of(item)?;
    let id = members.text("id")?.unwrap_or_default();
    let call = format!("{SERVICE}/sku/{}", segment("/id", &id)?);
    let mut draft = draft("GET", path(settings, &call)?);
    if let Some(parts) = members.text("parts")? {
        draft = draft.with_query("parts", &*parts);
    }
    Ok(draft)
}

/// What [`sku`] is answered with.
pub const SKU: Answered = Answered::Member("id");

/// 批量取指定商品信息.
pub fn skus(settings: &Settings, item: &Item) -> Result<Draft, Fault> {
    let draft = draft("POST", path(settings, "itemservice/skus")?);
    Ok(with_body(draft, Members::of(item)?.without(&[])))
}

/// What [`skus`] is answered with.
pub const SKUS: Answered = Answered::List("skus");
