import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "crossdock";
import { withSecrets } from "../testing/host.mjs";

const { base64, batch, compare, dateTime, Decimal, every, fault, form, formatTime, formFields, fromBase64, fromHex, fromUtf8 } = sdk;
const { hex, hexUpper, httpAndOwn, httpFailure, json, keys, outcome, percent, perRow, query, readDateTime, readJson } = sdk;
const { secret, sorted, utf8, verify, wrapped } = sdk;

test("text is UTF-8 both ways, and what is no text is U+FFFD", () => {
  for (const text of ["", "a", "白色", "😀x", "\u07ff\u0800\uffff"]) {
    assert.deepEqual(Buffer.from(utf8(text)).toString(), text);
    assert.equal(fromUtf8(utf8(text)), text);
  }
  assert.equal(fromUtf8(utf8("a\ud83dz")), "a\ufffdz");
  for (const bytes of [[0xff], [0xc0, 0x80], [0xe4, 0xb8], [0xed, 0xa0, 0x80], [0x61, 0xf0, 0x9f, 0x62], [0xf4, 0x90, 0x80, 0x80]]) {
    assert.equal(fromUtf8(Uint8Array.from(bytes)), new TextDecoder().decode(Uint8Array.from(bytes)), String(bytes));
  }
});

test("bytes are hexadecimal and Base64", () => {
  assert.equal(hex(Uint8Array.of(0, 0xab)), "00ab");
  assert.equal(hexUpper(Uint8Array.of(0, 0xab)), "00AB");
  assert.deepEqual(fromHex("00aB"), Uint8Array.of(0, 0xab));
  assert.equal(fromHex("0"), null);
  for (const [bytes, text] of [["", ""], ["f", "Zg=="], ["fo", "Zm8="], ["foo", "Zm9v"], ["foob", "Zm9vYg=="]]) {
    assert.equal(base64(bytes), text);
    assert.equal(fromUtf8(fromBase64(text)), bytes);
  }
  for (const text of ["Zg", "Zg=", "Z===", "Zm9v!A=="]) assert.equal(fromBase64(text), null, text);
});

test("segments, forms and queries are encoded", () => {
  assert.equal(percent("a b/门~1.2_3-4!'()*"), "a%20b%2F%E9%97%A8~1.2_3-4%21%27%28%29%2A");
  assert.equal(form([["a", "1 2"], ["b&", "é*~"]]), "a=1+2&b%26=%C3%A9*%7E");
  assert.equal(query({ a: "1 2", b: undefined, c: 5n }), "a=1%202&c=5");
  const fields = [["a", "1 2+3"], ["b&", "é*~=%41"], ["", ""], ["门", "😀"]];
  assert.deepEqual(formFields(form(fields)), fields);
  assert.deepEqual(formFields("&a=%4&b=%zz%"), [["a", "%4"], ["b", "%zz%"]]);
  assert.deepEqual(formFields("a=%ff%e9%97%a8&b=😀%&c=%2B+%20"), [["a", "\ufffd门"], ["b", "😀%"], ["c", "+  "]]);
});

test("JSON keeps every digit", () => {
  const text = '{"a":12.3400,"b":12345678901234567890,"c":[1,-0,1.50e-3,0.1],"__proto__":{"x":null},"d":"\\"\\\\"}';
  const value = json.parse(text);
  assert.equal(json.stringify(value), text);
  assert.equal(value.b, 12345678901234567890n);
  assert.equal(value.a * 100, 1234);
  assert.equal(value.a, 12.34);
  const long = json.parse("0.1000000000000000055");
  assert.equal(`${long}`, "0.1000000000000000055");
  assert.throws(() => long * 2, /more digits than a number holds/);
  assert.equal(json.stringify(json.parse("[1e400,0.30000000000000004,1e-7]")), "[1e400,0.30000000000000004,1e-7]");
  assert.equal(json.stringify(json.parse("[7.50,7.5]")), "[7.5,7.5]");
  assert.equal(json.stringify({ b: 1, a: { d: undefined, c: [2, "é/"] } }, { sorted: true }), '{"a":{"c":[2,"é/"]},"b":1}');
  assert.throws(() => json.stringify({ a: [NaN] }), /'\/a\/0' is NaN/);
});

test("what is no JSON is an error that says where", () => {
  for (const text of ["", "{", "[1,", "[1 2]", '{"a"}', '{"a":1,}', "01", "1.", "nul", '"a', '"\n"', '{"a":1,"a":2}', "[1]x", "NaN", `${"[".repeat(200)}`]) {
    assert.throws(() => json.parse(text), SyntaxError, text);
  }
});

test("a number is read in every spelling without losing a digit", () => {
  const of = (text) => json.parse(text);
  const big = "12345678901234567890123456789";
  for (const [text, integer, plain] of [
    [big, big, big], ["-0", "-0", "-0"], ["20.0", "20", "20"], ["2e1", "20", "20"], ["2.50E+2", "250", "250"],
    ["2500e-2", "25", "25"], ["0e0", "0", "0"], ["20.5", null, "20.5"], ["25e-1", null, "2.5"], ["2E-3", null, "0.002"],
    ["1e41", null, null], ["0.000e999999", "0", "0"], ["1.25e1", null, "12.5"], ["0.05e1", null, "0.5"],
  ]) {
    assert.equal(json.integer(of(text)), integer, text);
    assert.equal(json.plain(of(text)), plain, text);
  }
  assert.equal(json.digits("071"), null);
  assert.equal(json.digits(3539925204033339668n), "3539925204033339668");
  assert.equal(json.decimal("12.3400", 15, 4), "12.3400");
  assert.equal(json.decimal(new Decimal("0.12345"), 15, 4), null);
  for (const [value, cents] of [["12.5", "1250"], [new Decimal("0.10"), "10"], [7, "700"], [new Decimal("-1.230"), "-123"], [new Decimal("1.005"), null], ["x", null], [new Decimal("0.00"), "0"]]) {
    assert.equal(json.scaled(value, 2), cents, String(value));
  }
});

test("a code is a whole number in any spelling and nothing else is a success", () => {
  for (const text of ["0", "-0", "0.0", "0e0"]) assert.equal(json.code(json.parse(text), "/code", 0), null, text);
  for (const [text, code] of [["7", "7"], ['"7"', "7"], ["70e-1", "7"], ["-1", "-1"]]) assert.equal(json.code(json.parse(text), "/code", 0), code);
  for (const text of ['"0"', "false", "null", "0.5", '"ok"', "[0]", "{}", '""']) {
    assert.throws(() => json.code(json.parse(text), "/code", 0), (error) => error.invalidReply.pointer === "/code", text);
  }
});

test("names are sorted by their bytes", () => {
  const names = ["b", "a", "ab", "", "\uffee", "😀", "Z"];
  const bytes = [...names].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  assert.deepEqual([...names].sort(compare), bytes);
});

test("messages are signed as the platforms publish it", () => {
  const top = {
    method: "taobao.item.seller.get", app_key: "12345678", session: "test", timestamp: "2016-01-01 12:00:00", format: "json",
    v: "2.0", sign_method: "md5", fields: "num_iid,title,nick,price,num", num_iid: "11223344",
  };
  const signed = (value, work) => withSecrets({ s: value, salt: "dd" }, work);
  assert.equal(signed("helloworld", () => hexUpper(keys.md5(wrapped("s", top)))), "66987CB115214E59E6EC978214934FB8");
  const wdt = { body: "[]", key: "wdt_test", method: "system.Core.now", salt: secret("salt"), sid: "wdtapi3", timestamp: 100, v: "1.0" };
  assert.equal(signed("aa", () => hex(keys.md5(wrapped("s", wdt)))), "b5745bf1f4721a0d16e9a68cb7513032");
  const rpc = {
    Timestamp: "2016-02-23T12:46:24Z", Format: "XML", AccessKeyId: "testid", Action: "DescribeRegions", SignatureMethod: "HMAC-SHA1",
    SignatureNonce: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", Version: "2014-05-26", SignatureVersion: "1.0",
  };
  const [pairs] = sorted(rpc, { equals: "=", between: "&", encode: percent });
  const message = `GET&%2F&${percent(pairs)}`;
  assert.equal(signed("testsecret", () => base64(keys.hmac("sha1", [secret("s"), "&"], [[message]]))), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
  assert.deepEqual(sorted({ b: "", a: null, c: 1 }, { skipEmpty: true, equals: "=" }), ["c=1"]);
  assert.throws(() => keys.md5("x", secret("s")), (error) => error.other.includes("in `sign` only"));
  assert.throws(() => signed("x", () => keys.md5(secret("none"))), (error) => error.invalidSettings !== undefined);
});

const context = { nowMs: 784111777000, nonce: "0".repeat(32), settings: {} };
const request = (repeatable, items = [0]) => ({ draft: { method: "GET", path: "/" }, items, repeatable });
const reply = (status, body = "x", headers = []) => ({ status, headers, body });

test("a batch splits, groups and refuses", () => {
  const items = [1, 2, "x", 3, 4, 5].map((document, at) => ({ key: `k${at}`, document }));
  const mapped = batch(items, {
    size: 2,
    read: ({ document }) => { if (document === "x") throw fault.invalidInput("", "no number"); return document; },
    groupBy: (number) => number % 2,
    draft: (values, odd) => ({ method: "POST", path: `/${odd}`, body: json.stringify(values) }),
    repeatable: true,
  });
  assert.deepEqual(mapped.requests.map(({ draft, items }) => [draft.path, draft.body, items]),
    [["/1", "[1,3]", [0, 3]], ["/1", "[5]", [5]], ["/0", "[2,4]", [1, 4]]]);
  assert.deepEqual(mapped.failures.map(({ item, fault }) => [item, fault.invalidInput.message]), [[2, "no number"]]);
  assert.throws(() => batch(items, { read: () => { throw new TypeError("a mistake"); }, draft: () => null }), TypeError);
  assert.deepEqual(batch([], { size: 2, draft: () => null }), { requests: [], failures: [] });
});

test("listed rows find their items, and a row that was not sent is a fault", () => {
  const listed = [{ row: 1, code: "E7" }];
  const failed = (row) => [row.row, outcome.rejected(row.code)];
  const found = perRow(request(true, [4, 5]), listed, failed);
  assert.deepEqual(found.map((outcome) => Object.keys(outcome)[0]), ["accepted", "rejected"]);
  const named = perRow(request(true, [1, 2, 3]), [{ sku: "a" }], (row) => [row.sku, outcome.retry("busy")], { named: ["a", "b", "a"], accepted: { n: 1 } });
  assert.deepEqual(named.map((outcome) => Object.keys(outcome)[0]), ["retry", "accepted", "retry"]);
  assert.throws(() => perRow(request(true), listed, failed, { pointer: "/failed" }), (error) => error.invalidReply.pointer === "/failed/0");
  assert.throws(() => perRow(request(true), [null], failed), (error) => error.invalidReply.pointer === "/0");
  assert.throws(() => perRow(request(true), undefined, failed), (error) => error.invalidReply !== undefined);
  assert.deepEqual(every(request(true, [0, 1]), outcome.duplicate()), { outcomes: [{ duplicate: {} }, { duplicate: {} }] });
});

const word = (said) => { const [[kind, value]] = Object.entries(said); return value.code ? `${kind} ${value.code}` : kind; };

test("a status other than 2xx has a meaning", () => {
  assert.equal(httpFailure(context, request(true), reply(204)), null);
  for (const [status, repeatable, expected] of [
    [0, false, "unknown no-answer"], [401, true, "unauthenticated http-401"], [403, true, "unauthenticated http-403"], [404, true, "rejected http-404"],
    [408, true, "retry http-408"], [502, true, "retry http-502"], [502, false, "unknown http-502"], [429, false, "throttled http-429"], [302, true, "rejected http-302"],
  ]) assert.equal(word(httpFailure(context, request(repeatable), reply(status))), expected);
  const wait = (value) => httpFailure(context, request(true), reply(429, "", [["Retry-After", value]])).throttled.afterMs;
  assert.deepEqual([wait("3"), wait("Sun, 06 Nov 1994 08:49:47 GMT"), wait("soon"), wait("99999999999")], [3000, 10000, null, 0xffffffff]);
  const long = httpFailure(context, request(true), reply(404, `<html>\n  您的\u001b[31m访问${"库".repeat(300)}`)).rejected.message;
  assert.ok(long.startsWith("<html> 您的 [31m访问库") && long.endsWith("…") && Array.from(long).length === 201);
});

test("HTTP's status and the envelope speak together", () => {
  const own = {
    accepted: () => outcome.accepted(), duplicate: () => outcome.duplicate(), rejected: () => outcome.rejected("7", "own"),
    nameless: () => outcome.rejected(""), throttled: () => outcome.throttled("7", "own"), unauthenticated: () => outcome.unauthenticated("7"),
    unknown: () => outcome.unknown("7"), retry: () => outcome.retry("7"), none: () => { throw fault.invalidReply("", "none"); },
  };
  for (const [status, kind, expected] of [
    [200, "accepted", "accepted"], [400, "accepted", "unknown http-400"], [400, "duplicate", "duplicate"], [400, "rejected", "rejected 7"],
    [400, "nameless", "rejected http-400"], [400, "throttled", "throttled 7"], [400, "unauthenticated", "unauthenticated 7"], [400, "unknown", "unknown 7"],
    [400, "retry", "retry 7"], [400, "none", "rejected http-400"], [401, "accepted", "unknown http-401"], [401, "rejected", "unauthenticated 7"],
    [401, "nameless", "unauthenticated http-401"], [401, "retry", "retry 7"], [401, "throttled", "throttled 7"], [401, "none", "unauthenticated http-401"],
    [403, "unknown", "unauthenticated 7"], [429, "rejected", "throttled 7"], [408, "rejected", "unknown 7"], [500, "accepted", "unknown http-500"],
    [500, "rejected", "unknown 7"], [500, "retry", "unknown 7"], [500, "throttled", "throttled 7"], [500, "duplicate", "duplicate"],
    [500, "none", "unknown http-500"], [0, "accepted", "unknown no-answer"],
  ]) assert.equal(word(httpAndOwn(context, request(false), reply(status), own[kind])), expected, `${status} ${kind}`);
  assert.throws(() => httpAndOwn(context, request(false), reply(200), own.none), (error) => error.invalidReply !== undefined);
  const slow = httpAndOwn(context, request(false), reply(429, "x", [["retry-after", "3"]]), own.rejected);
  assert.deepEqual(slow, { throttled: { afterMs: 3000, code: "7", message: "own" } });
});

test("an unreadable answer says what it is instead", () => {
  const why = (body) => { try { return readJson(reply(200, body)); } catch (error) { return error.invalidReply.message; } };
  assert.equal(why(null), "the answer is empty");
  assert.equal(why("<!DOCTYPE html>"), "the answer is a web page or XML, not JSON");
  assert.match(why("[1, 2"), /^the answer is not the JSON expected: the text ends too early/);
  assert.deepEqual(why("\ufeff[1]"), [1]);
  assert.deepEqual(why(utf8("[1]")), [1]);
});

test("times are written and read at their offset", () => {
  assert.equal(dateTime(1735758245999), "2025-01-02 03:04:05");
  assert.equal(dateTime(1709164800000, "UTC"), "2024-02-29 00:00:00");
  assert.equal(dateTime(0, "-01:00"), "1969-12-31 23:00:00");
  assert.equal(formatTime(1620350439683, "yyyy-MM-dd HH:mm:ss.SSSZ", "Asia/Shanghai"), "2021-05-07 09:20:39.683+0800");
  assert.equal(formatTime(1456231584000, "yyyy-MM-dd'T'HH:mm:ss'Z'", "UTC"), "2016-02-23T12:46:24Z");
  assert.equal(readDateTime("2024-01-31 09:05:07"), Date.UTC(2024, 0, 31, 1, 5, 7));
  assert.equal(readDateTime("2024-01-31T09:05:07.250", "UTC"), Date.UTC(2024, 0, 31, 9, 5, 7, 250));
  for (const text of ["2024-02-30 00:00:00", "2024-01-31", "2024-01-31 24:00:00", "x"]) assert.equal(readDateTime(text), null, text);
  assert.throws(() => dateTime(0, "Europe/Berlin"), /write its offset/);
});

test("verify says whether somebody knows the secret, and takes nothing for no", () => {
  const mac = fromHex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  withSecrets({ key: "Jefe", token: "a-token-of-the-shop" }, () => {
    const is = (given) => verify.hmac("sha256", [secret("key")], ["what do ya want for nothing?"], given);
    assert.equal(is(mac), true);
    for (const given of [mac.slice(1), "", null, undefined]) assert.equal(is(given), false);
    assert.equal(verify.hash("md5", ["body", secret("key")], keys.md5("body", secret("key"))), true);
    assert.equal(verify.secret("token", "a-token-of-the-shop"), true);
    assert.equal(verify.secret("token", "a-token"), false);
  });
});

test("batch refuses an option that it does not have", () => {
  const given = { draft: () => ({ method: "GET", path: "/" }) };
  assert.equal(batch([{ key: "a", document: {} }], given).requests.length, 1);
  assert.throws(() => batch([], { ...given, sze: 50 }), { name: "TypeError", message: "`batch` has no option `sze`; did you mean `size`?" });
  assert.throws(() => batch([], { ...given, groupby: () => 1 }), /did you mean `groupBy`\?/);
  assert.throws(() => batch([], { ...given, limit: 50 }), /its options are size, read, groupBy, draft, repeatable/);
});
