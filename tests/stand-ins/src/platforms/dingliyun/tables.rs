//! The entity tables of section 2, and the bodies of section 1.
//!
//! The document has no column that says what is mandatory. Required here is
//! only what tells one row from another, and what a lock cannot do without.

use crate::check::{Field, Shape, optional, required};

/// 每次更新不超过100条.
pub const MOST_ROWS: usize = 100;

/// Examples show a type's name where a table lists values; it is let through,
/// because the example is.
const PLACEHOLDER: &str = "string";

const TEXTS: Shape = Shape::List(&Shape::Text);

/// 2.2 Brand.
const BRAND: &[Field] = &[
    required("id", Shape::Filled),
    optional("name", Shape::Text),
    optional("parentId", Shape::Text),
    optional("remark", Shape::Text),
];

/// 2.3 BrandFilter.
pub const BRAND_FILTER: &[Field] = &[
    optional("ids", TEXTS),
    optional("key_like", Shape::Text),
    optional("modified_end", Shape::DateTime),
    optional("modified_start", Shape::DateTime),
    optional("name_like", Shape::Text),
    optional("parent_id", Shape::Text),
    optional("parent_id_is_null", Shape::Bool),
    optional("parent_ids", TEXTS),
];

/// 2.7 CategoryFilter, whose casing is not the brands'.
pub const CATEGORY_FILTER: &[Field] = &[
    optional("ids", TEXTS),
    optional("key_like", Shape::Text),
    optional("modifiedEnd", Shape::DateTime),
    optional("modifiedStart", Shape::DateTime),
    optional("name_like", Shape::Text),
    optional("parentId", Shape::Text),
    optional("parent_id_is_null", Shape::Bool),
    optional("parent_ids", TEXTS),
];

/// 1.2.2: brands, at most 100.
pub const BRANDS: &[Field] = &[required(
    "brands",
    Shape::ListUpTo(&Shape::Object(BRAND), MOST_ROWS),
)];

/// 2.8 CategoryList; 2.6 Category has the fields of a brand.
pub const CATEGORIES: &[Field] = &[required("categories", Shape::List(&Shape::Object(BRAND)))];

/// 2.44 TagList of 2.43 Tag.
pub const TAGS: &[Field] = &[required(
    "tags",
    Shape::List(&Shape::Object(&[
        required("code", Shape::Filled),
        optional("name", Shape::Text),
    ])),
)];

/// 2.11 IdsWrapper.
pub const IDS: &[Field] = &[required("ids", TEXTS)];

/// 2.13 InputCode.
const INPUT_CODE: &[Field] = &[
    optional("code", Shape::Text),
    optional("qpc", Shape::Number),
    optional("qpc_str", Shape::Text),
    optional("source", Shape::Text),
    optional("type", Shape::Text),
    optional("unit", Shape::Text),
    optional("weight", Shape::Number),
];

/// 2.23 ProductQpc.
const PRODUCT_QPC: &[Field] = &[
    optional("id", Shape::Text),
    optional("qpc", Shape::Number),
    optional("qpc_str", Shape::Text),
    optional("unit", Shape::Text),
    optional("uuid", Shape::Text),
    optional("weight", Shape::Number),
];

/// 1.2.5 of 2.21 Product.
pub const PRODUCTS: &[Field] = &[required(
    "products",
    Shape::List(&Shape::Object(&[
        required("id", Shape::Filled),
        optional("gid", Shape::Text),
        optional("input_codes", Shape::List(&Shape::Object(INPUT_CODE))),
        // 修改时传null不修改
        optional("is_unified", Shape::Nullable(&Shape::Bool)),
        optional("name", Shape::Text),
        optional("qpcs", Shape::List(&Shape::Object(PRODUCT_QPC))),
        optional("remark", Shape::Text),
        optional("state", Shape::Text),
    ])),
)];

/// 2.12 ImageDetail.
const IMAGE: &[Field] = &[
    optional("image_base64", Shape::Text),
    // 长度不能超过64
    optional("name", Shape::TextUpTo(64)),
    optional("sort", Shape::IntIn(i32::MIN as i64, i32::MAX as i64)),
    optional("url", Shape::Text),
];

/// 2.29 SkuImage.
const SKU_IMAGE: &[Field] = &[
    required("sku_id", Shape::Filled),
    optional("image", Shape::Object(IMAGE)),
    optional("sub_images", Shape::List(&Shape::Object(IMAGE))),
    optional("detail_images", Shape::List(&Shape::Object(IMAGE))),
];

/// 2.30 SkuImageList, at most 100.
pub const IMAGES: &[Field] = &[
    required(
        "sku_images",
        Shape::ListUpTo(&Shape::Object(SKU_IMAGE), MOST_ROWS),
    ),
    optional("upload_type", Shape::OneOf(&["url", "base64", PLACEHOLDER])),
];

const PRODUCT_TYPE: Shape = Shape::OneOf(&["normal", "fresh", "combined"]);

/// 2.25 Sku.
const SKU: &[Field] = &[
    required("id", Shape::Filled),
    optional("barcode", Shape::Text),
    optional("brand_id", Shape::Text),
    optional("capacity", Shape::Number),
    optional("capacity_unit", Shape::Text),
    optional("category_id", Shape::Text),
    optional(
        "combined_items",
        Shape::List(&Shape::Object(&[
            optional("id", Shape::Text),
            optional("price", Shape::Number),
            optional("product_type", PRODUCT_TYPE),
            optional("quantity", Shape::Number),
            optional("title", Shape::Text),
        ])),
    ),
    optional("created", Shape::DateTime),
    optional("creator", Shape::Text),
    optional(
        "customs_fields",
        Shape::List(&Shape::Object(&[
            optional("id", Shape::Text),
            optional("name", Shape::Text),
            optional("value", Shape::Text),
        ])),
    ),
    optional("desc", Shape::Text),
    optional("detail_image_urls", TEXTS),
    optional("disp", Shape::Bool),
    optional("first_arriving_time", Shape::DateTime),
    optional("gid", Shape::Text),
    optional("heavy_type", Shape::OneOf(&["普通", "重物", PLACEHOLDER])),
    optional("image_url", Shape::Text),
    optional("input_codes", Shape::List(&Shape::Object(INPUT_CODE))),
    optional("invc_unit", Shape::Text),
    optional("invoice_name", Shape::Text),
    optional("is_inv_unit", Shape::Bool),
    optional("is_light_catering", Shape::Bool),
    optional("kind_types", TEXTS),
    optional("label_printing", Shape::Bool),
    optional("member_price", Shape::Number),
    optional("modified", Shape::DateTime),
    optional("modifier", Shape::Text),
    optional("name", Shape::Text),
    optional(
        "online_type",
        Shape::OneOf(&["自营商品", "供应商商品", PLACEHOLDER]),
    ),
    optional(
        "packing",
        Shape::Object(&[
            optional("quantity", Shape::Number),
            optional("spec", Shape::Text),
            optional("spec2", Shape::Text),
            optional("unit", Shape::Text),
        ]),
    ),
    optional("product_id", Shape::Text),
    optional("product_type", PRODUCT_TYPE),
    optional("remark", Shape::Text),
    optional("retail_price", Shape::Number),
    optional("sale_point", Shape::Text),
    optional("shelf_life", Shape::Text),
    optional(
        "size",
        Shape::Object(&[
            optional("height", Shape::Number),
            optional("length", Shape::Number),
            optional("unit", Shape::Text),
            optional("width", Shape::Number),
        ]),
    ),
    optional(
        "sku_combined_tag",
        Shape::Object(&[
            optional("code", Shape::Text),
            optional("enabled", Shape::Bool),
            optional("price", Shape::Number),
            optional("qty", Shape::Number),
        ]),
    ),
    optional("source", Shape::OneOf(&["DLY", "ERP"])),
    optional("state", Shape::Text),
    optional("sub_image_urls", TEXTS),
    optional("tax_rate", Shape::Number),
    optional("tax_sort_code", Shape::Text),
    optional("title", Shape::Text),
    optional(
        "trace_source_code_type",
        Shape::OneOf(&["一物一码", "标准", "酒类溯源码", PLACEHOLDER]),
    ),
    optional("upc", Shape::Text),
    optional(
        "weight",
        Shape::Object(&[
            optional("unit", Shape::OneOf(&["g", "kg", ""])),
            optional("value", Shape::Number),
        ]),
    ),
];

/// 1.2.10: skus, at most 100.
pub const SKUS: &[Field] = &[required(
    "skus",
    Shape::ListUpTo(&Shape::Object(SKU), MOST_ROWS),
)];

/// 2.28 SkuFilter.
pub const SKU_FILTER: &[Field] = &[
    optional("barcode", Shape::Text),
    optional("barcode_from", Shape::Text),
    optional("barcode_like", Shape::Text),
    optional("barcodes", TEXTS),
    optional("brand_id", Shape::Text),
    optional("category_id", Shape::Text),
    optional("code_type", Shape::Text),
    optional("codes", TEXTS),
    optional("created_end", Shape::DateTime),
    optional("created_start", Shape::DateTime),
    // The table has a list, the example a string.
    optional("exclude_sku_ids", Shape::Either(&Shape::Text, &TEXTS)),
    optional("fetch_parts", Shape::Text),
    optional("key_like", Shape::Text),
    optional("kinds_in", TEXTS),
    optional("modified_end", Shape::DateTime),
    optional("modified_start", Shape::DateTime),
    optional("name_like", Shape::Text),
    optional("pre_page", Shape::IntIn(0, i32::MAX as i64)),
    optional("product_ids", TEXTS),
    optional("product_types", Shape::List(&PRODUCT_TYPE)),
    optional("sku_id_from", Shape::Text),
    optional("sku_id_gt", Shape::Text),
    optional("sku_id_in", TEXTS),
    optional("sku_id_like", Shape::Text),
    optional("title_like", Shape::Text),
];

/// 2.36 SkuQuantityList of 2.35 SkuQuantity.
pub const QUANTITIES: &[Field] = &[
    optional("business_key", Shape::Text),
    optional("business_type", Shape::Text),
    optional("operator", Shape::Text),
    required(
        "skus",
        Shape::List(&Shape::Object(&[
            required("sku_id", Shape::Filled),
            optional("available", Shape::Number),
            optional("change_time", Shape::DateTime),
            optional("fixed_qty", Shape::Number),
            optional("stock_qty", Shape::Number),
            optional("task_id", Shape::Text),
        ])),
    ),
];

/// 1.4.2 of 2.37 StoreSku, at most 100. The table calls the member `storeSkus`.
pub const STORE_SKUS: &[Field] = &[required(
    "store_skus",
    Shape::ListUpTo(
        &Shape::Object(&[
            required("sku_id", Shape::Filled),
            optional(
                "business_type",
                Shape::OneOf(&["经销", "联营", "代销", PLACEHOLDER]),
            ),
            optional("erp_state", Shape::Text),
            optional("is_active_sales", Shape::Bool),
            optional("modified", Shape::DateTime),
            optional("sku_shelf_position_code", Shape::Text),
            // The example's value explains forSale, sale and notForSale.
            optional("state", Shape::Text),
            optional("store_id", Shape::Text),
            optional("store_name", Shape::Text),
            optional("use_state", Shape::OneOf(&["启用", "不启用", PLACEHOLDER])),
        ]),
        MOST_ROWS,
    ),
)];

/// 2.41 StoreSkuShelfPositionCodeList of 2.40, at most 100.
pub const SHELVES: &[Field] = &[required(
    "store_sku_shelf_position_codes",
    Shape::ListUpTo(
        &Shape::Object(&[
            required("sku_id", Shape::Filled),
            required("shelf_position_codes", TEXTS),
        ]),
        MOST_ROWS,
    ),
)];

/// 1.5.1 of 2.33 SkuPrice. The table calls the member `prices`.
pub const PRICES: &[Field] = &[required(
    "skus",
    Shape::List(&Shape::Object(&[
        required("sku_id", Shape::Filled),
        optional("change_time", Shape::DateTime),
        optional("cost_price", Shape::Number),
        optional("max_price", Shape::Number),
        optional("mbr_price", Shape::Number),
        optional("min_price", Shape::Number),
        optional("modified", Shape::DateTime),
        optional("modifier", Shape::Text),
        optional("price", Shape::Number),
        optional("price_mode", Shape::OneOf(&["unit_price", "price"])),
        optional("task_id", Shape::Text),
        optional("unit_price", Shape::Number),
    ])),
)];

/// 2.19 OrderDataParam.
pub const LOCK: &[Field] = &[
    required(
        "items",
        Shape::List(&Shape::Object(&[
            required("sku_id", Shape::Filled),
            required("qty", Shape::Number),
        ])),
    ),
    // The last is the example's placeholder.
    optional("lock_type", Shape::OneOf(&["pre_lock", "lock", "3232323"])),
    required("order_id", Shape::Filled),
    optional("platform_id", Shape::Text),
    optional("request_id", Shape::Text),
    optional("shop_id", Shape::Text),
    optional("shop_name", Shape::Text),
    required("store_id", Shape::Filled),
    optional("store_name", Shape::Text),
];
