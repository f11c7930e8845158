//! How platforms sign, each in a few lines: the guide's page on signing shows
//! these functions. Expected values are those that the platforms published,
//! except where a test says otherwise.

use crossdock_adapter::encode::{hex_lower, percent};
use crossdock_adapter::keys::{
    self, Chunk, Digest, KeyError, Value, secret, sorted, text, wrapped,
};
use crossdock_adapter::testing::with_secrets;
use crossdock_adapter::time;
use sha2::{Digest as _, Sha256};

type Signed = Result<String, KeyError>;
/// What is sent: names and values.
type Sent<'a> = [(&'a str, &'a str)];

/// The same as values that can be signed, to which secrets can be added.
fn pairs<'a>(sent: &'a Sent) -> Vec<(&'a str, Value<'a>)> {
    let sent = sent.iter();
    sent.map(|(name, value)| (*name, (*value).into())).collect()
}

/// Taobao: secret, names and values without anything between, secret; MD5 in
/// upper case.
fn taobao(sent: &Sent) -> Signed {
    Ok(keys::md5(&wrapped("app-secret", pairs(sent)))?.hex_upper())
}

/// 旺店通旗舰版: the body is a member, and so is the salt, which is a secret,
/// too. Seconds count from 2012.
fn wangdian(now_ms: u64, sent: &Sent, body: &str) -> Signed {
    let timestamp = (now_ms / 1000 - 1_325_347_200).to_string();
    let mut pairs = pairs(sent);
    pairs.extend([
        ("body", body.into()),
        ("salt", Value::Secret("salt")),
        ("timestamp", (&timestamp).into()),
    ]);
    Ok(keys::md5(&wrapped("app-secret", pairs))?.hex())
}

/// 旺店通企业版: each name and value with its length in characters, the secret
/// behind.
fn wangdian_enterprise(mut pairs: Vec<(&str, &str)>) -> Signed {
    pairs.sort_unstable();
    let part = |(name, value): &(&str, &str)| {
        let (long, longer) = (name.chars().count(), value.chars().count());
        format!("{long:02}-{name}:{longer:04}-{value}")
    };
    let parts: Vec<String> = pairs.iter().map(part).collect();
    Ok(keys::md5(&[text(parts.join(";")), secret("app-secret")])?.hex())
}

/// WeChat Pay, version 2: name=value with & between, empty ones left out, the
/// secret as the last pair.
fn wechat_pay(sent: &Sent) -> Signed {
    let mut pairs = pairs(sent);
    pairs.retain(|(_, value)| *value != Value::Text(""));
    let mut message = sorted(pairs, "=", "&");
    message.extend([text("&key="), secret("api-key")]);
    Ok(keys::md5(&message)?.hex_upper())
}

/// 小红书, version 1: the path in front, the secret behind.
fn xiaohongshu(path: &str, sent: &Sent) -> Signed {
    let mut message = vec![text(format!("{path}?"))];
    message.extend(sorted(pairs(sent), "=", "&"));
    message.push(secret("app-secret"));
    Ok(keys::md5(&message)?.hex())
}

/// 1688: the path in front; HMAC, whose key is the secret.
fn alibaba_1688(path: &str, sent: &Sent) -> Signed {
    let mut message = vec![text(path)];
    message.extend(sorted(pairs(sent), "", ""));
    Ok(keys::hmac(Digest::Sha1, &[secret("app-secret")], message)?.hex_upper())
}

/// 抖店: the body is JSON whose members are written sorted; HMAC, and the
/// secret around the message as well.
fn doudian(sent: &Sent, param_json: &str, timestamp: &str) -> Signed {
    let mut pairs = pairs(sent);
    pairs.extend([
        ("param_json", param_json.into()),
        ("timestamp", timestamp.into()),
    ]);
    let message = wrapped("app-secret", pairs);
    Ok(keys::hmac(Digest::Sha256, &[secret("app-secret")], message)?.hex())
}

/// 京东: a time with milliseconds and its zone, the parameters as one JSON
/// text, a token that is sent and signed.
fn jd(now_ms: u64, sent: &Sent, parameters: &str) -> Signed {
    let timestamp = time::format(now_ms, "yyyy-MM-dd HH:mm:ss.SSSZ", 8 * 60);
    let mut pairs = pairs(sent);
    pairs.extend([
        ("360buy_param_json", parameters.into()),
        ("timestamp", (&timestamp).into()),
        ("access_token", Value::Secret("access-token")),
    ]);
    Ok(keys::md5(&wrapped("app-secret", pairs))?.hex_upper())
}

/// Aliyun RPC: RFC 3986 twice, the method and path in front, a key that ends
/// with &, Base64.
fn aliyun(method: &str, mut pairs: Vec<(&str, &str)>) -> Signed {
    pairs.sort_unstable();
    let encoded = |(name, value): &(&str, &str)| format!("{}={}", percent(name), percent(value));
    let query: Vec<String> = pairs.iter().map(encoded).collect();
    let message = format!("{method}&{}&{}", percent("/"), percent(&query.join("&")));
    let key = [secret("access-key-secret"), text("&")];
    Ok(keys::hmac(Digest::Sha1, &key, vec![text(message)])?.base64())
}

/// AWS, version 4: hashes without a secret are computed here, the chain of keys
/// in the host.
fn aws(now_ms: u64, method: &str, host: &str, body: &str, region: &str, service: &str) -> Signed {
    let time = time::format(now_ms, "yyyyMMdd'T'HHmmss'Z'", 0);
    let day = &time[..8];
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let canonical = format!(
        "{method}\n/\n\nhost:{host}\nx-amz-date:{time}\n\nhost;x-amz-date\n{}",
        sha256(body)
    );
    let message = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(&canonical));
    let chain = [day, region, service, "aws4_request", &message];
    let chain: Vec<Vec<Chunk>> = chain.into_iter().map(|part| vec![text(part)]).collect();
    let key = [text("AWS4"), secret("secret-key")];
    Ok(keys::hmac_chain(Digest::Sha256, &key, &chain)?.hex())
}

/// Tencent TC3: the same idea with other words, and Unix seconds.
fn tencent(now_ms: u64, host: &str, body: &str, service: &str) -> Signed {
    let day = time::format(now_ms, "yyyy-MM-dd", 0);
    let scope = format!("{day}/{service}/tc3_request");
    let canonical = format!(
        "POST\n/\n\ncontent-type:application/json; charset=utf-8\nhost:{host}\n\ncontent-type;host\n{}",
        sha256(body)
    );
    let message = format!(
        "TC3-HMAC-SHA256\n{}\n{scope}\n{}",
        now_ms / 1000,
        sha256(&canonical)
    );
    let chain = [&*day, service, "tc3_request", &message];
    let chain: Vec<Vec<Chunk>> = chain.into_iter().map(|part| vec![text(part)]).collect();
    let key = [text("TC3"), secret("secret-key")];
    Ok(keys::hmac_chain(Digest::Sha256, &key, &chain)?.hex())
}

fn sha256(text: &str) -> String {
    hex_lower(&Sha256::digest(text))
}

/// As in `sign`, with these secrets.
fn holds(secrets: &[(&str, &str)], sign: impl FnOnce() -> Signed, expected: &str) {
    let signed = with_secrets(secrets.iter().copied(), sign);
    assert_eq!(signed.as_deref(), Ok(expected));
}

#[test]
fn taobao_signs_as_its_document_101617_says() {
    let sent = [
        ("method", "taobao.item.seller.get"),
        ("app_key", "12345678"),
        ("session", "test"),
        ("timestamp", "2016-01-01 12:00:00"),
        ("format", "json"),
        ("v", "2.0"),
        ("sign_method", "md5"),
        ("fields", "num_iid,title,nick,price,num"),
        ("num_iid", "11223344"),
    ];
    let expected = "66987CB115214E59E6EC978214934FB8";
    holds(&[("app-secret", "helloworld")], || taobao(&sent), expected);
}

/// Computed: no value was published.
#[test]
fn wangdian_signs_as_its_clients_do() {
    let sent = [
        ("sid", "wdtapi3"),
        ("key", "appkey"),
        ("v", "1.0"),
        ("method", "sales.StockSync.calcStock"),
    ];
    holds(
        &[("app-secret", "testsecret"), ("salt", "testsalt")],
        || wangdian(1_425_347_200_000, &sent, "[2447,false]"),
        "ede1881f21147afe1ac3ef5a067fd5d7",
    );
}

#[test]
fn wangdian_enterprise_signs_as_its_guide_says() {
    let sent = vec![
        ("sid", "test2"),
        ("appkey", "test2-xx"),
        ("page_no", "0"),
        ("end_time", "2016-08-01 13:00:00"),
        ("start_time", "2016-08-01 12:00:00"),
        ("page_size", "40"),
        ("timestamp", "1470042310"),
    ];
    let expected = "ad4e6fe037ea6e3ba4768317be9d1309";
    let sign = || wangdian_enterprise(sent);
    holds(&[("app-secret", "12345")], sign, expected);
}

#[test]
fn wechat_pay_signs_as_its_page_says() {
    let sent = [
        ("appid", "wxd930ea5d5a258f4f"),
        ("mch_id", "10000100"),
        ("device_info", "1000"),
        ("body", "test"),
        ("nonce_str", "ibuaiVcKdpRxkhJA"),
        ("attach", ""),
    ];
    holds(
        &[("api-key", "192006250b4c09247ec02edce69f6a2d")],
        || wechat_pay(&sent),
        "9A0A8659F005D6984697E2CA0A9CF3B7",
    );
}

#[test]
fn xiaohongshu_signs_as_its_document_says() {
    let sent = [
        ("timestamp", "1469902537"),
        ("app-key", "xhs"),
        ("status", "0"),
        ("page_no", "1"),
        ("page_size", "50"),
    ];
    holds(
        &[("app-secret", "9a539709cafc1efc9ef05838be468a28")],
        || xiaohongshu("/ark/open_api/v1/items", &sent),
        "72be6fad4dd0e5104dbdebbcdadb2a06",
    );
}

#[test]
fn alibaba_1688_signs_as_its_document_says() {
    let path = "param2/1/system/currentTime/1000000";
    holds(
        &[("app-secret", "test123")],
        || alibaba_1688(path, &[("b", "2"), ("a", "1")]),
        "33E54F4F7B989E3E0E912D3FBD2F1A03CA7CCE88",
    );
}

/// Somebody else's unit test.
#[test]
fn doudian_signs_as_another_client_does() {
    let sent = [
        ("app_key", "app-key"),
        ("method", "product.detail"),
        ("v", "2"),
    ];
    holds(
        &[("app-secret", "secret")],
        || doudian(&sent, r#"{"a":1,"b":2}"#, "2025-01-02 03:04:05"),
        "4eaefa2d3044c9f9711928edc8cfe5df1b7a8fd2d79d5d62866c79bbc4a09f2a",
    );
}

#[test]
fn jd_signs_as_its_guide_says() {
    let sent = [
        ("method", "jingdong.pop.order.search"),
        ("app_key", "yourappkey"),
        ("v", "2.0"),
    ];
    let parameters = concat!(
        r#"{"end_date":null,"optional_fields":null,"order_state":"WAIT_SELLER_STOCK_OUT","#,
        r#""page":"1","page_size":"200","start_date":null}"#
    );
    holds(
        &[
            ("app-secret", "yourappSecret"),
            ("access-token", "yourtoken"),
        ],
        || jd(1_620_350_439_683, &sent, parameters),
        "D70825340F4084360B9362B60DFD7930",
    );
}

#[test]
fn aliyun_signs_as_its_document_says() {
    let sent = vec![
        ("Timestamp", "2016-02-23T12:46:24Z"),
        ("Format", "XML"),
        ("AccessKeyId", "testid"),
        ("Action", "DescribeRegions"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
        ("Version", "2014-05-26"),
        ("SignatureVersion", "1.0"),
    ];
    holds(
        &[("access-key-secret", "testsecret")],
        || aliyun("GET", sent),
        "OLeaidS1JvxuMvnyHOwuJ+uX5qY=",
    );
}

#[test]
fn aws_signs_as_its_test_suite_says() {
    let key = [("secret-key", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")];
    for (method, expected) in [
        (
            "GET",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "POST",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
    ] {
        let (host, region) = ("example.amazonaws.com", "us-east-1");
        let sign = || aws(1_440_938_160_000, method, host, "", region, "service");
        holds(&key, sign, expected);
    }
}

#[test]
fn tencent_signs_as_its_document_says() {
    let body =
        r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
    holds(
        &[("secret-key", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")],
        || tencent(1_551_113_065_000, "cvm.tencentcloudapi.com", body, "cvm"),
        "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
    );
}
