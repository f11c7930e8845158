//! The platform's codes and their published texts.

use serde::Deserialize;

/// The four fields of an answer that say how it went.
#[derive(Debug, Clone, Deserialize)]
pub struct Refused {
    pub code: i64,
    pub msg: String,
    pub sub_code: String,
    pub sub_msg: String,
}

impl Refused {
    /// `msg` is the code's published text.
    pub fn new(code: i64, sub_code: &str, sub_msg: &str) -> Self {
        Self {
            code,
            msg: msg_of(code).to_owned(),
            sub_code: sub_code.to_owned(),
            sub_msg: sub_msg.to_owned(),
        }
    }

    pub fn success() -> Self {
        Self::new(10000, "", "")
    }

    pub fn signature_invalid() -> Self {
        Self::new(40003, "isv.signature-invalid", "签名校验失败")
    }

    pub fn public_parameter_invalid() -> Self {
        Self::new(40003, "isv.parameter-invalid", "参数错误")
    }

    pub fn throttled() -> Self {
        Self::new(60000, "isv.traffic-limited", "请求太频繁，请稍后重试")
    }
}

fn msg_of(code: i64) -> &'static str {
    match code {
        10000 => "success",
        20000 => "系统错误",
        30001 => "操作权限不足",
        40001 | 40002 => "缺少必选参数",
        40003 | 40004 => "非法的参数",
        50001 => "平台处理失败",
        50002 => "业务处理失败",
        60000 => "触发限流，请稍后重试",
        70000 => "接口服务已下线",
        _ => "其他异常",
    }
}
