// The adapter of Taobao and Tmall shops (淘宝, 天猫): TOP, the Taobao Open Platform.
import {
  batch, dateTime, draft, every, fault, formFields, hexUpper, httpAndOwn, json, keys, outcome, readJson, secret,
  sorted, wrapped,
} from "crossdock";

const PATH = "/router/rest";
const MOST_SKUS = 20;

// ── What it says of itself ──────────────────────────────────────────────────

const id = (title, description) => ({ type: ["integer", "string"], minimum: 0, pattern: "^(0|[1-9][0-9]*)$", title, description });
const FIELDS = { type: "string", pattern: "^[a-z0-9_.]+(,[a-z0-9_.]+)*$", maxLength: 2000, title: "Fields (需返回的字段列表)", description: "Names of fields, with commas between." };

export const manifest = {
  name: "taobao",
  version: "0.1.0",
  summary: "Updates stock and reads goods of Taobao and Tmall shops (淘宝开放平台 TOP).",
  operations: [
    {
      name: "stock.update",
      summary: "Updates the stock of SKUs, full or incremental (SKU库存修改).",
      call: "taobao.skus.quantity.update",
      repeatable: "depends",
      max_items: MOST_SKUS,
      order: { key: ["/num_iid", "/sku"], effect: { pointer: "/mode", relative: ["adjust"] } },
      document: {
        title: "Stock of one SKU",
        type: "object",
        required: ["num_iid", "sku", "quantity"],
        additionalProperties: false,
        properties: {
          num_iid: id("Product (商品数字ID)", "The product that the SKU belongs to."),
          sku: { type: "string", minLength: 1, title: "SKU", description: "Its `sku_id` or its `outer_id`, as the setting `sku_field` says." },
          quantity: { type: "number", title: "Stock (库存修改值)", description: "Whole numbers only: 3.0 is sent as 3, and 3.5 is refused." },
          mode: { enum: ["set", "adjust"], default: "set", title: "Full or incremental", description: "set: 全量更新; adjust: 增量更新." },
          location: { type: "string", minLength: 1, title: "Location", description: "Refused: the call knows one stock for each SKU." },
          location_kind: { enum: ["store", "warehouse"], default: "store" },
          idempotency_key: { type: "string", minLength: 1, title: "Idempotency key", description: "Not sent: the call has no field for it. So a change whose answer is lost stays unknown." },
        },
      },
      result: { type: "object", properties: { modified: { type: "string" } } },
    },
    {
      name: "goods.show",
      summary: "Reads one product (获取单个商品的全部信息).",
      call: "taobao.item.seller.get",
      repeatable: "always",
      max_items: 1,
      order: { effect: "read" },
      document: {
        type: "object",
        required: ["num_iid", "fields"],
        additionalProperties: false,
        properties: { num_iid: id("Product (商品数字ID)", "Which product."), fields: FIELDS },
      },
      result: { type: "object" },
    },
    {
      name: "goods.list",
      summary: "Reads all products on sale, page by page (获取当前会话用户出售中的商品列表).",
      call: "taobao.items.onsale.get",
      repeatable: "always",
      max_items: 1,
      order: { effect: "read" },
      document: {
        type: "object",
        required: ["fields"],
        additionalProperties: false,
        properties: { fields: FIELDS, page_size: { type: "integer", minimum: 1, maximum: 200, default: 200 } },
      },
      result: { type: "object", required: ["items"], properties: { items: { type: "array" }, total_results: { type: "integer" } } },
    },
  ],
  settings: {
    type: "object",
    required: ["app_key"],
    additionalProperties: false,
    properties: {
      app_key: { type: "string", minLength: 1 },
      sign_method: { enum: ["md5", "hmac", "hmac-sha256"], default: "md5", description: "How requests are signed." },
      sku_field: { enum: ["sku_id", "outer_id"], default: "sku_id", description: "What `sku` of a stock record is." },
    },
  },
  secrets: [
    { name: "app-secret", purpose: "Signs requests; never sent.", required: true },
    { name: "session", purpose: "The shop's authorization (SessionKey), sent as `session`.", required: true },
  ],
  codes: [
    { code: "7", meaning: "App Call Limited: too many calls; the text says for how many seconds.", outcome: "throttled" },
    { code: "10", meaning: "Service Currently Unavailable.", outcome: "retry" },
    { code: "25", meaning: "Invalid Signature.", outcome: "unauthenticated" },
    { code: "27", meaning: "Invalid Session.", outcome: "unauthenticated" },
    { code: "31", meaning: "Invalid Timestamp.", outcome: "retry" },
    { code: "isv.*", meaning: "The request is wrong, or the business refuses it.", outcome: "rejected" },
    { code: "isp.*", meaning: "The platform's service failed; of a change, whether it counted is not said.", outcome: "retry" },
  ],
  unknown: [
    "Whether all SKUs of a refused request stay as they were; it is taken so, since the answer names none.",
    "What a change below 0 does in every case: the page says that the stock becomes 0 where the change is greater than it.",
    "How often the platform may be called.",
  ],
  sources: [
    "open.taobao.com doc 101617: signing, with a worked example",
    "open.alitrip.com/docs/api.htm?apiId=38499: taobao.skus.quantity.update",
    "doc.alidayu.com/docs/api.htm?apiId=24625: taobao.item.seller.get",
  ],
};

// ── Documents → requests ────────────────────────────────────────────────────

const call = (context, method, more) => ({ method, app_key: context.settings.app_key, format: "json", v: "2.0", ...more });

const OPERATIONS = {
  "stock.update": (context, items) => batch(items, {
    size: MOST_SKUS,
    read: ({ document }) => stock(document),
    groupBy: ({ product, adjust }) => `${product} ${adjust}`,
    draft: (skus) => {
      const { product, adjust } = skus[0];
      const field = context.settings.sku_field === "outer_id" ? "outerid_quantities" : "skuid_quantities";
      const fields = { num_iid: product, [field]: skus.map(({ sku, quantity }) => `${sku}:${quantity}`).join(";"), type: adjust ? 2 : 1 };
      return draft.form("POST", PATH, fields, call(context, "taobao.skus.quantity.update"));
    },
    // A total may arrive twice, a change may not.
    repeatable: ([{ adjust }]) => !adjust,
  }),
  "goods.show": (context, items) => batch(items, {
    size: 1,
    read: ({ document: { fields, num_iid } }) => ({ fields, num_iid: productId(num_iid) }),
    draft: ([wanted]) => draft.get(PATH, call(context, "taobao.item.seller.get", wanted)),
    repeatable: true,
  }),
  "goods.list": (context, items) => batch(items, {
    size: 1,
    draft: ([{ fields, page_size = 200 }]) =>
      draft.get(PATH, call(context, "taobao.items.onsale.get", { fields, page_no: "1", page_size: json.integer(page_size) })),
    repeatable: true,
  }),
};

export function map(context, operation, items) {
  const known = OPERATIONS[operation];
  if (!known) throw fault.unsupported(operation);
  return known(context, items);
}

function productId(value) {
  const digits = json.digits(value);
  if (digits === null) throw fault.invalidInput("/num_iid", "the product's id is a whole number");
  return digits;
}

function stock({ num_iid, sku, quantity, mode = "set", location }) {
  if (location !== undefined) throw fault.invalidInput("/location", "the platform knows one stock for each SKU: leave the location out");
  if (/[:;]/.test(sku)) throw fault.invalidInput("/sku", "the platform separates SKUs with ':' and ';', so none may be in one");
  const pieces = json.integer(quantity);
  if (pieces === null) throw fault.invalidInput("/quantity", "the platform takes whole numbers only");
  if (mode === "set" && /^-0*[1-9]/.test(pieces)) throw fault.invalidInput("/quantity", "a total cannot be less than 0: for a change, send `mode` adjust");
  return { product: productId(num_iid), sku, quantity: pieces === "-0" ? "0" : pieces, adjust: mode === "adjust" };
}

// ── Signing ─────────────────────────────────────────────────────────────────

// All that is sent is signed, fields of the form and the session, too.
export function sign(context, operation, { query, body }) {
  const { sign_method = "md5" } = context.settings;
  const own = { timestamp: dateTime(context.nowMs), sign_method };
  const sent = [...query, ...formFields(body ?? ""), ...Object.entries(own), ["session", secret("session")]];
  const signature = {
    md5: () => keys.md5(wrapped("app-secret", sent)),
    hmac: () => keys.hmac("md5", [secret("app-secret")], [sorted(sent)]),
    "hmac-sha256": () => keys.hmac("sha256", [secret("app-secret")], [sorted(sent)]),
  }[sign_method]();
  return [
    ...Object.entries(own).map((pair) => ({ setQuery: pair })),
    { secretQuery: ["session", "session"] },
    { setQuery: ["sign", hexUpper(signature)] },
  ];
}

// ── Answers → outcomes ──────────────────────────────────────────────────────

export function parseResponse(context, operation, request, reply) {
  let next;
  const said = httpAndOwn(context, request, reply, () => {
    const answer = readJson(reply);
    if (answer?.error_response) return refusal(request, object(answer.error_response, "/error_response"));
    const method = new Map(request.draft.query).get("method");
    const name = `${method.replace(/^taobao\./, "").replaceAll(".", "_")}_response`;
    const result = object(answer?.[name], `/${name}`);
    if (operation === "goods.list") next = page(request.draft, result);
    return outcome.accepted(RESULTS[operation](result));
  });
  return every(request, said, next);
}

function object(value, pointer) {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw fault.invalidReply(pointer, "the answer is neither a result nor an error");
}

const RESULTS = {
  "stock.update": ({ item }) => (typeof item?.modified === "string" ? { modified: item.modified } : {}),
  "goods.show": ({ item }) => object(item, "/item_seller_get_response/item"),
  "goods.list": ({ items, total_results }) => ({ items: list(items?.item), total_results }),
};

// Without products, the list is not there.
function list(products = []) {
  if (!Array.isArray(products)) throw fault.invalidReply("/items_onsale_get_response/items/item", "the answer has no list of products");
  return products;
}

function page({ query, ...rest }, { total_results }) {
  const at = new Map(query);
  const no = Number(at.get("page_no")), size = Number(at.get("page_size"));
  if (!Number.isSafeInteger(total_results)) throw fault.invalidReply("/items_onsale_get_response/total_results", "the answer has no number of results");
  const pages = query.map(([name, value]) => [name, name === "page_no" ? String(no + 1) : value]);
  return no * size < total_results ? { ...rest, query: pages } : undefined;
}

const CREDENTIALS = new Set(["11", "12", "13", "24", "25", "26", "27", "28", "29"]);

function refusal(request, { code, msg, sub_code, sub_msg }) {
  const number = json.integer(code) ?? String(code);
  const [name, message] = [sub_code || number, sub_msg || msg];
  if (number === "7" || /^accesscontrol\.limited/.test(sub_code ?? "")) {
    const [, seconds] = /ban will last for ([0-9]+) more second/.exec(`${msg} ${sub_msg}`) ?? [];
    return outcome.throttled(name, message, seconds ? (Number(seconds) + 1) * 1000 : null);
  }
  if (CREDENTIALS.has(number)) return outcome.unauthenticated(name, message);
  // Nothing was done under a wrong time: again with a new one.
  if (number === "31") return outcome.retry(name, message);
  if (/^isv\./.test(sub_code ?? "") || ["40", "41"].includes(number)) return outcome.rejected(name, message);
  return request.repeatable ? outcome.retry(name, message) : outcome.unknown(name, message);
}
