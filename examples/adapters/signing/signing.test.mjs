// node --import @crossdock/adapter/testing/register --test signing.test.mjs
//
// Expected values are those that the platforms published, except where a test's
// name says otherwise.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { withSecrets } from "../../../plugins/sdk-js/testing/index.mjs";
import * as signing from "./signing.js";

const at = (nowMs) => ({ nowMs });
const holds = (name, secrets, sign, expected) => test(name, () => assert.equal(withSecrets(secrets, sign), expected));

holds("taobao, open.taobao.com doc 101617", { "app-secret": "helloworld" }, () => signing.taobao({
  method: "taobao.item.seller.get", app_key: "12345678", session: "test", timestamp: "2016-01-01 12:00:00", format: "json", v: "2.0",
  sign_method: "md5", fields: "num_iid,title,nick,price,num", num_iid: "11223344",
}), "66987CB115214E59E6EC978214934FB8");

holds("wangdian, computed", { "app-secret": "testsecret", salt: "testsalt" }, () => signing.wangdian(at(1425347200000), [
  ["sid", "wdtapi3"], ["key", "appkey"], ["v", "1.0"], ["method", "sales.StockSync.calcStock"],
], "[2447,false]"), "ede1881f21147afe1ac3ef5a067fd5d7");

holds("wangdian enterprise, guide_signsf", { "app-secret": "12345" }, () => signing.wangdianEnterprise([
  ["sid", "test2"], ["appkey", "test2-xx"], ["page_no", 0], ["end_time", "2016-08-01 13:00:00"],
  ["start_time", "2016-08-01 12:00:00"], ["page_size", 40], ["timestamp", 1470042310],
]), "ad4e6fe037ea6e3ba4768317be9d1309");

holds("WeChat Pay v2", { "api-key": "192006250b4c09247ec02edce69f6a2d" }, () => signing.wechatPay([
  ["appid", "wxd930ea5d5a258f4f"], ["mch_id", 10000100], ["device_info", 1000], ["body", "test"], ["nonce_str", "ibuaiVcKdpRxkhJA"],
  ["attach", ""],
]), "9A0A8659F005D6984697E2CA0A9CF3B7");

holds("xiaohongshu v1", { "app-secret": "9a539709cafc1efc9ef05838be468a28" }, () => signing.xiaohongshu("/ark/open_api/v1/items", {
  timestamp: 1469902537, "app-key": "xhs", status: 0, page_no: 1, page_size: 50,
}), "72be6fad4dd0e5104dbdebbcdadb2a06");

holds("1688", { "app-secret": "test123" }, () => signing.alibaba1688("param2/1/system/currentTime/1000000", { b: 2, a: 1 }),
  "33E54F4F7B989E3E0E912D3FBD2F1A03CA7CCE88");

holds("doudian, somebody's unit test", { "app-secret": "secret" }, () => signing.doudian(
  [["app_key", "app-key"], ["method", "product.detail"], ["v", "2"]], { b: 2, a: 1 }, "2025-01-02 03:04:05",
), "4eaefa2d3044c9f9711928edc8cfe5df1b7a8fd2d79d5d62866c79bbc4a09f2a");

holds("JD, listId 2643", { "app-secret": "yourappSecret", "access-token": "yourtoken" }, () => signing.jd(at(1620350439683), [
  ["method", "jingdong.pop.order.search"], ["app_key", "yourappkey"], ["v", "2.0"],
], { page: "1", page_size: "200", order_state: "WAIT_SELLER_STOCK_OUT", start_date: null, end_date: null, optional_fields: null }),
"D70825340F4084360B9362B60DFD7930");

holds("Aliyun RPC, DescribeRegions", { "access-key-secret": "testsecret" }, () => signing.aliyun("GET", {
  Timestamp: "2016-02-23T12:46:24Z", Format: "XML", AccessKeyId: "testid", Action: "DescribeRegions", SignatureMethod: "HMAC-SHA1",
  SignatureNonce: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", Version: "2014-05-26", SignatureVersion: "1.0",
}), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");

const amazon = { "secret-key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const asked = (method) => ({ method, path: "/", query: "", host: "example.amazonaws.com", body: "" });
holds("AWS, get-vanilla", amazon, () => signing.aws(at(1440938160000), asked("GET"), "us-east-1", "service"),
  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
holds("AWS, post-vanilla", amazon, () => signing.aws(at(1440938160000), asked("POST"), "us-east-1", "service"),
  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");

holds("Tencent TC3, DescribeInstances", { "secret-key": "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE" }, () => signing.tencent(at(1551113065000), {
  host: "cvm.tencentcloudapi.com",
  body: '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
}, "cvm"), "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168");

test("times are written in every way", () => {
  assert.deepEqual(signing.times(at(1425347200500)), {
    seconds: 1425347200, milliseconds: 1425347200500, chinese: "2015-03-03 09:46:40", iso: "2015-03-03T01:46:40Z", since2012: 100000000,
  });
});

test("what is signed in a body is what is sent", () => {
  const context = { nowMs: 1440938160000, nonce: "n1" };
  const draft = { method: "POST", path: "/", query: [], headers: [], body: '{"id":12345678901234567890,"price":12.3400}' };
  const [{ replaceBody: body }, { setHeader }] = withSecrets({ "app-secret": "secret" }, () => signing.inBody(context, draft));
  assert.equal(body, '{"id":12345678901234567890,"price":12.3400,"ts":1440938160000,"nonce":"n1"}');
  assert.deepEqual(setHeader, ["x-signature", createHmac("sha256", "secret").update(body).digest("hex")]);
});
