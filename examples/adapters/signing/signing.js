// How platforms sign, each in a few lines: the guide's page on signing shows
// these, and signing.test.mjs holds them to what the platforms published.
import { base64, bodyText, compare, dateTime, formatTime, hex, hexUpper, json, keys, percent, query, secret, sorted, wrapped } from "crossdock";

// Taobao: secret, names and values without anything between, secret; MD5 in upper case.
export const taobao = (pairs) => hexUpper(keys.md5(wrapped("app-secret", pairs)));

// 旺店通旗舰版: the body is a member, and so is the salt, which is a secret, too. Seconds count from 2012.
export function wangdian(context, query, body) {
  const timestamp = Math.floor(context.nowMs / 1000) - 1325347200;
  const pairs = [...query, ["body", body], ["salt", secret("salt")], ["timestamp", timestamp]];
  return hex(keys.md5(wrapped("app-secret", pairs)));
}

// 旺店通企业版: each name and value with its length in characters, the secret behind.
export function wangdianEnterprise(pairs) {
  const sized = (text, width) => `${String(Array.from(text).length).padStart(width, "0")}-${text}`;
  const ordered = [...pairs].sort(([one], [other]) => compare(one, other));
  const parts = ordered.map(([name, value]) => `${sized(name, 2)}:${sized(String(value), 4)}`);
  return hex(keys.md5(parts.join(";"), secret("app-secret")));
}

// WeChat Pay, version 2: name=value with & between, empty ones left out, the secret as the last pair.
export const wechatPay = (pairs) =>
  hexUpper(keys.md5(sorted(pairs, { equals: "=", between: "&", skipEmpty: true }), "&key=", secret("api-key")));

// 小红书, version 1: the path in front, the secret behind.
export const xiaohongshu = (path, pairs) =>
  hex(keys.md5(`${path}?`, sorted(pairs, { equals: "=", between: "&" }), secret("app-secret")));

// 1688: the path in front; HMAC, whose key is the secret.
export const alibaba1688 = (path, pairs) =>
  hexUpper(keys.hmac("sha1", [secret("app-secret")], [[path, ...sorted(pairs)]]));

// 抖店: the body is JSON with sorted members; HMAC, and the secret around the message as well.
export function doudian(query, parameters, timestamp) {
  const signed = [...query, ["param_json", json.stringify(parameters, { sorted: true })], ["timestamp", timestamp]];
  return hex(keys.hmac("sha256", [secret("app-secret")], [wrapped("app-secret", signed)]));
}

// 京东: a time with milliseconds and its zone, the parameters as one JSON text, a token that is sent and signed.
export function jd(context, query, parameters) {
  const signed = [
    ...query,
    ["360buy_param_json", json.stringify(parameters, { sorted: true })],
    ["timestamp", formatTime(context.nowMs, "yyyy-MM-dd HH:mm:ss.SSSZ", "+08:00")],
    ["access_token", secret("access-token")],
  ];
  return hexUpper(keys.md5(wrapped("app-secret", signed)));
}

// Aliyun RPC: RFC 3986 twice, the method and path in front, a key that ends with &, Base64.
export function aliyun(method, pairs) {
  const text = query(Object.entries(pairs).sort(([one], [other]) => compare(one, other)));
  const message = [method, percent("/"), percent(text)].join("&");
  return base64(keys.hmac("sha1", [secret("access-key-secret"), "&"], [[message]]));
}

// AWS, version 4: hashes without a secret are computed here, the chain of keys in the host.
export function aws(context, request, region, service) {
  const time = formatTime(context.nowMs, "yyyyMMdd'T'HHmmss'Z'", "UTC");
  const day = time.slice(0, 8), scope = `${day}/${region}/${service}/aws4_request`;
  const headers = [["host", request.host], ["x-amz-date", time]];
  const names = headers.map(([name]) => name).join(";");
  const canonical = [
    request.method, request.path, request.query,
    ...headers.map(([name, value]) => `${name}:${value}`), "",
    names, hex(keys.sha256(request.body)),
  ].join("\n");
  const message = ["AWS4-HMAC-SHA256", time, scope, hex(keys.sha256(canonical))].join("\n");
  return hex(keys.hmac("sha256", ["AWS4", secret("secret-key")], [[day], [region], [service], ["aws4_request"], [message]]));
}

// Tencent TC3: the same idea with other words, and Unix seconds.
export function tencent(context, request, service) {
  const timestamp = Math.floor(context.nowMs / 1000);
  const day = formatTime(context.nowMs, "yyyy-MM-dd", "UTC"), scope = `${day}/${service}/tc3_request`;
  const canonical = [
    "POST", "/", "", "content-type:application/json; charset=utf-8", `host:${request.host}`, "",
    "content-type;host", hex(keys.sha256(request.body)),
  ].join("\n");
  const message = ["TC3-HMAC-SHA256", timestamp, scope, hex(keys.sha256(canonical))].join("\n");
  return hex(keys.hmac("sha256", ["TC3", secret("secret-key")], [[day], [service], ["tc3_request"], [message]]));
}

// A platform with time and nonce in its JSON: the body is written here, once, and that text is signed and sent.
export function inBody(context, draft) {
  const body = json.stringify({ ...json.parse(bodyText(draft)), ts: context.nowMs, nonce: context.nonce });
  const signature = hex(keys.hmac("sha256", [secret("app-secret")], [[body]]));
  return [{ replaceBody: body }, { setHeader: ["x-signature", signature] }];
}

// How platforms write the time.
export const times = (context) => ({
  seconds: Math.floor(context.nowMs / 1000),
  milliseconds: context.nowMs,
  chinese: dateTime(context.nowMs),
  iso: formatTime(context.nowMs, "yyyy-MM-dd'T'HH:mm:ss'Z'", "UTC"),
  since2012: Math.floor(context.nowMs / 1000) - 1325347200,
});
