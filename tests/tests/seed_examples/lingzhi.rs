//! Document 000.

use crossdock::report::ItemStatus;
use serde_json::json;

use crate::case::{Becomes, Case, LINGZHI};

pub fn cases() -> Vec<Case> {
    let accepted = || vec![Becomes::accepted(json!({"batch": true})); 3];
    let refused = Becomes::not(ItemStatus::Rejected, "10001", "库存更新失败");
    vec![
        Case::of(LINGZHI, "参数示例, 返回示例")
            .operation("lingzhi", "stock.update")
            .script("{sku: .key, quantity: .stock, location: .store_code, type}")
            .stand_in(accepted())
            .answer(|_| accepted())
            .other(
                "code 其他失败",
                json!({"code": 10001, "data": [], "msg": "库存更新失败"}),
                vec![refused; 3],
            ),
    ]
}
