//! Answers as servers write them: every spelling of a number, the wrong charset
//! in the label, characters cut in two, the platform's code under HTTP 4xx. What
//! can be read is read, by all five adapters; what cannot is shown.

use std::sync::{Arc, Mutex, PoisonError};

use crossdock::host::Host;
use crossdock::report::{ItemReport, ItemStatus};
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::platforms::{PLATFORMS, code, message};
use crossdock_tests::recorder::{Recorder, Reply};

/// A platform that answers everything as it was told last.
struct Desk {
    reply: Arc<Mutex<Reply>>,
    host: Host,
    _platform: Recorder,
    _bed: Bed,
}

impl Desk {
    async fn open() -> Self {
        let reply = Arc::new(Mutex::new(Reply::json("{}")));
        let told = reply.clone();
        let platform = Recorder::answering(move |_| {
            let told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.clone()
        })
        .await;
        let bed = Bed::with_plugins(&PLATFORMS);
        let mut tenant = String::new();
        for name in PLATFORMS {
            let account = match name {
                "fengchao" => {
                    "settings = { appid = \"a\", seller_nick = \"1\", path = \"/x\" }\n\
                     secrets = { app_secret = { file = \"s.txt\" } }\n"
                }
                "doudian" => {
                    "settings = { app_key = \"k\" }\n\
                     secrets = { app_secret = { file = \"s.txt\" }, access_token = { file = \"t.txt\" } }\n"
                }
                "wangdian" => {
                    "settings = { sid = \"w\", key = \"k\", rate_limit_pause_ms = 0 }\n\
                     secrets = { secret = { file = \"s.txt\" }, salt = { file = \"t.txt\" } }\n"
                }
                "dingliyun" => "settings = { tenant_id = \"demo\" }\n",
                _ => "",
            };
            let more = format!("limits = {{ attempts = 1 }}\n{account}");
            tenant += &connection(name, name, &platform.base_url(), &more);
        }
        bed.put_tenant("acme", "s.txt", "sesame-4711");
        bed.put_tenant("acme", "t.txt", "token-4712");
        bed.put_tenant("acme", "tenant.toml", &tenant);
        let host = bed.host_unwatched().await;
        Self {
            reply,
            host,
            _platform: platform,
            _bed: bed,
        }
    }

    /// What becomes of one item of the platform when it answers so.
    async fn hear(&self, platform: &str, reply: Reply) -> ItemReport {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
        let (operation, document) = match platform {
            "wangdian" => (
                "goods.push",
                r#"{"goods_no":"G","goods_name":"g","spec_list":[{"spec_no":"S"}]}"#,
            ),
            // A change with an id, which may be a duplicate.
            "fengchao" | "doudian" => (
                "stock.update",
                r#"{"sku":"1","quantity":-1,"mode":"adjust","idempotency_key":"k"}"#,
            ),
            _ => (
                "stock.update",
                r#"{"sku":"1^^^a","quantity":1,"location":"1"}"#,
            ),
        };
        let mut report = deliver(&self.host, call("acme", platform, operation, document)).await;
        report.items.remove(0)
    }
}

/// Success with its code written so; `{}` in the text is the code.
fn success(platform: &str, code: &str) -> String {
    match platform {
        "lingzhi" => format!(r#"{{"code":{code},"data":[],"msg":""}}"#),
        "fengchao" => format!(r#"{{"code":{code},"message":"ok","data":null}}"#),
        "doudian" => format!(r#"{{"code":{code},"msg":"success","data":{{}}}}"#),
        _ => format!(r#"{{"status":{code},"data":{{"error_list":[]}}}}"#),
    }
}

/// A refusal in the platform's envelope.
fn refusal(platform: &str, message: &str) -> String {
    match platform {
        "lingzhi" => format!(r#"{{"code":5,"data":[],"msg":"{message}"}}"#),
        "fengchao" => format!(r#"{{"code":5,"message":"{message}","data":null}}"#),
        "doudian" => format!(
            r#"{{"code":50002,"msg":"x","sub_code":"isv.business-failed:2010012","sub_msg":"{message}"}}"#
        ),
        "wangdian" => format!(r#"{{"status":100,"message":"{message}"}}"#),
        _ => format!(r#"{{"success":false,"code":"E5","message":"{message}"}}"#),
    }
}

/// The refusal's code.
fn refused_code(platform: &str) -> &'static str {
    match platform {
        "doudian" => "isv.business-failed:2010012",
        "wangdian" => "100",
        "dingliyun" => "E5",
        _ => "5",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_a_number_in_every_spelling() {
    let desk = Desk::open().await;
    for platform in ["lingzhi", "fengchao", "doudian", "wangdian"] {
        let (good, bad): (&[&str], &[&str]) = match platform {
            "doudian" => (
                &["10000", "10000.0", "1e4", "1.0E+4"],
                &["\"10000\"", "10000.5", "true"],
            ),
            _ => (
                &["0", "0.0", "0e0", "-0", "0.00E+7"],
                &[
                    "\"0\"", "\"0.0\"", "\"\"", "\"ok\"", "0.5", "false", "null", "[0]", "NaN",
                ],
            ),
        };
        for code in good {
            let item = desk
                .hear(platform, Reply::json(success(platform, code)))
                .await;
            assert_eq!(
                item.status,
                ItemStatus::Accepted,
                "{platform} {code}: {item:?}"
            );
        }
        for written in bad {
            let item = desk
                .hear(platform, Reply::json(success(platform, written)))
                .await;
            let found = (item.status, code(&item));
            let unread = (ItemStatus::Unknown, "unreadable-answer");
            assert_eq!(found, unread, "{platform} {written}: {item:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_is_no_json_of_its_shape_is_unreadable() {
    let desk = Desk::open().await;
    for platform in PLATFORMS {
        let good = match platform {
            "dingliyun" => r#"{"success":true}"#.to_owned(),
            "doudian" => success(platform, "10000"),
            _ => success(platform, "0"),
        };
        let name = match platform {
            "dingliyun" => "success",
            "wangdian" => "status",
            _ => "code",
        };
        let twice = good.replacen('{', &format!("{{\"{name}\":null,"), 1);
        for body in [
            String::new(),
            " \r\n".into(),
            "<html><body>登录</body></html>".into(),
            format!("{good}{good}"),
            format!("{good}\0"),
            format!("callback({good})"),
            good[..good.len() - 1].into(),
            good.replace(":true", ":\"true\"").replace(":{", ":NaN{"),
            twice,
        ] {
            if body == good {
                continue;
            }
            let item = desk.hear(platform, Reply::json(body.clone())).await;
            assert_eq!(
                item.status,
                ItemStatus::Unknown,
                "{platform} {body}: {item:?}"
            );
        }
        let item = desk
            .hear(platform, Reply::json(format!("\u{feff}{good}\r\n ")))
            .await;
        assert_eq!(item.status, ItemStatus::Accepted, "{platform}: {item:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_read_in_its_own_charset_whatever_its_label() {
    let desk = Desk::open().await;
    // 库存不足 in GBK.
    const GBK: &[u8] = b"\xbf\xe2\xb4\xe6\xb2\xbb\xd7\xe3";
    for platform in PLATFORMS {
        let text = refusal(platform, "库存不足");
        let at = text.find("库存不足").expect("the message");
        let head = &text.as_bytes()[..at];
        let tail = &text.as_bytes()[at + "库存不足".len()..];
        let gbk = [head, GBK, tail].concat();
        let mark = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (content_type, body) in [
            ("application/json", text.clone().into_bytes()),
            ("application/json;charset=GBK", text.clone().into_bytes()),
            (
                "application/json;charset=iso-8859-1",
                text.clone().into_bytes(),
            ),
            ("application/json;charset=utf-16", text.clone().into_bytes()),
            ("application/json;charset=GBK", mark),
            ("application/json;charset=GBK", gbk.clone()),
            ("application/json", gbk.clone()),
            ("text/html;charset=utf-8", gbk),
            ("application/json;charset=utf-16", le.clone()),
            ("application/json", le),
        ] {
            let item = desk
                .hear(platform, Reply::bytes(200, content_type, body))
                .await;
            assert_eq!(
                (item.status, code(&item), message(&item)),
                (ItemStatus::Rejected, refused_code(platform), "库存不足"),
                "{platform} {content_type}"
            );
        }
        // Half an emoji, and half a character.
        let half = text.replace("足", "足\\ud83d");
        let cut = text.replace("足", "\u{1}").into_bytes();
        let cut: Vec<u8> = cut
            .into_iter()
            .flat_map(|byte| match byte {
                1 => vec![0xE8, 0xB6],
                byte => vec![byte],
            })
            .collect();
        for (body, expected) in [
            (half.into_bytes(), "库存不足\u{fffd}"),
            (cut, "库存不\u{fffd}"),
        ] {
            let item = desk
                .hear(platform, Reply::bytes(200, "application/json", body))
                .await;
            assert_eq!(
                (item.status, message(&item)),
                (ItemStatus::Rejected, expected),
                "{platform}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_code_counts_under_http_4xx() {
    let desk = Desk::open().await;
    for platform in PLATFORMS {
        let json = "application/json";
        let refused = refusal(platform, "库存不足");
        for (status, expected) in [
            (400, ItemStatus::Rejected),
            (404, ItemStatus::Rejected),
            (422, ItemStatus::Rejected),
            // HTTP says whose fault it is, the platform in which words.
            (401, ItemStatus::Failed),
            (403, ItemStatus::Failed),
            (429, ItemStatus::Failed),
            (500, ItemStatus::Unknown),
        ] {
            let reply = Reply::bytes(status, json, refused.clone()).with_header("retry-after", "0");
            let item = desk.hear(platform, reply).await;
            assert_eq!(
                (item.status, code(&item), message(&item)),
                (expected, refused_code(platform), "库存不足"),
                "{platform} {status}"
            );
        }
        let good = match platform {
            "dingliyun" => r#"{"success":true}"#.to_owned(),
            "doudian" => success(platform, "10000"),
            _ => success(platform, "0"),
        };
        let item = desk.hear(platform, Reply::bytes(400, json, good)).await;
        assert_eq!(
            (item.status, code(&item)),
            (ItemStatus::Unknown, "http-400"),
            "{platform}: {item:?}"
        );
        let page = Reply::bytes(404, "text/html", "<html>no such page</html>");
        let item = desk.hear(platform, page).await;
        assert_eq!(
            (item.status, code(&item)),
            (ItemStatus::Rejected, "http-404"),
            "{platform}"
        );
    }
    for (platform, body, expected) in [
        (
            "doudian",
            r#"{"code":60000,"msg":"x","sub_code":"isv.traffic-limited","sub_msg":""}"#,
            ItemStatus::Failed,
        ),
        (
            "doudian",
            r#"{"code":40004,"msg":"x","sub_code":"isv.parameter-invalid:40010","sub_msg":""}"#,
            ItemStatus::Duplicate,
        ),
        (
            "fengchao",
            r#"{"code":40010,"message":"幂等ID重复，操作已执行","data":null}"#,
            ItemStatus::Duplicate,
        ),
        (
            "wangdian",
            r#"{"status":100,"message":"超过每分钟最大调用频率限制，请稍后重试"}"#,
            ItemStatus::Failed,
        ),
        (
            "wangdian",
            r#"{"status":1,"message":"验证失败"}"#,
            ItemStatus::Failed,
        ),
    ] {
        let item = desk
            .hear(platform, Reply::bytes(400, "application/json", body))
            .await;
        assert_eq!(item.status, expected, "{platform} {body}: {item:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_is_shown_without_secrets() {
    let desk = Desk::open().await;
    for platform in PLATFORMS {
        let page = format!(
            "<html>\n<title>405</title>\r\n<p>您的访问被阻断 trace-0a1b sesame-4711</p>{}",
            "很长的一页".repeat(2000)
        );
        let item = desk
            .hear(platform, Reply::bytes(200, "text/html", page))
            .await;
        assert_eq!(code(&item), "unreadable-answer", "{platform}");
        let shown = message(&item);
        assert!(
            shown.contains("<title>405</title> <p>您的访问被阻断 trace-0a1b"),
            "{shown}"
        );
        let secret = ["lingzhi", "dingliyun"].contains(&platform);
        assert!(secret || !shown.contains("sesame"), "{shown}");
        assert!(
            shown.chars().count() < 500 && !shown.contains('\n'),
            "{shown}"
        );
    }
}
