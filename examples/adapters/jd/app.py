"""The adapter of JD shops (京东): the JD open platform, signed as 宙斯 has it."""

from crossdock_adapter import (
    Accepted, Rejected, Retry, SecretQuery, SetQuery, Throttled, Unauthenticated, Unknown, Unsupported, InvalidReply, batch,
    component, every, form_draft, form_fields, format_time, http_and_own, jsons, keys, manifest, read_json, secret, wrapped,
)  # fmt: skip

PATH = "/routerjson"
PARAMETERS = "360buy_param_json"
ORDERS = "jingdong.pop.order.search"

# 网关系统错误码: what the gateway refuses before a call is made.
CREDENTIALS = {"11", "12", "17", "18", "19", "20", "21", "22"}
THROTTLED = {"2"}
WRONG_TIME = {"8"}


@component
class Adapter:
    manifest = manifest("manifest.json", __file__)

    def map(self, context, operation, items):
        if operation != "orders.list":
            raise Unsupported(operation)
        size = str(context.settings.get("page_size", 100))

        def search(documents):
            # Every member is sent, as in the platform's own example: null where nothing is asked.
            names = ("start_date", "end_date", "order_state", "optional_fields")
            asked = {name: documents[0].get(name) for name in names}
            return call(context, ORDERS, {**asked, "page": "1", "page_size": size})

        return batch(items, search, size=1, repeatable=True)

    def sign(self, context, operation, draft):
        own = {"timestamp": format_time(context.now_ms, "yyyy-MM-dd HH:mm:ss.SSSZ", "Asia/Shanghai")}
        sent = [*draft.query, *form_fields(draft.body), *own.items(), ("access_token", secret("access-token"))]
        signature = keys.md5(*wrapped("app-secret", sent)).hex().upper()
        return [
            *(SetQuery(name, value) for name, value in own.items()),
            SecretQuery("access_token", "access-token"),
            SetQuery("sign", signature),
        ]

    def parse_response(self, context, operation, request, reply):
        following = None

        def read():
            nonlocal following
            answer = read_json(reply)
            if isinstance(answer, dict) and "error_response" in answer:
                return refusal(member(answer, "error_response"))
            # (The platform spells it so.)
            result = member(member(answer, "jingdong_pop_order_search_responce"), "searchorderinfo_result")
            told = member(result, "apiResult")
            if told.get("success") is not True:
                code = told.get("numberCode") or told.get("englishErrCode") or ""
                return Rejected(str(code), str(told.get("chineseErrCode") or ""))
            orders, total = result.get("orderInfoList") or [], result.get("orderTotal")
            if not isinstance(orders, list) or not jsons.digits(total):
                raise InvalidReply("/jingdong_pop_order_search_responce", "the answer has no orders, or not how many there are")
            following = page(context, request.draft, total)
            return Accepted({"orders": orders, "total": total})

        outcome = http_and_own(context, request, reply, read)
        return every(request, outcome, following)


def call(context, method, parameters):
    query = {"method": method, "app_key": context.settings["app_key"], "v": "2.0"}
    return form_draft("POST", PATH, {PARAMETERS: jsons.stringify(parameters, sort=True)}, query)


def page(context, draft, total):
    """The page after this one, if there is one."""
    asked = jsons.parse(dict(form_fields(draft.body))[PARAMETERS])
    number = int(asked["page"])
    if number * int(asked["page_size"]) >= int(total):
        return None
    return call(context, ORDERS, {**asked, "page": str(number + 1)})


def member(value, name):
    """An object inside of an answer."""
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise InvalidReply(f"/{name}", "the answer is neither orders nor an error")
    return found


def refusal(error):
    code = str(error.get("code", ""))
    message = str(error.get("zh_desc") or error.get("en_desc") or "")
    if code in THROTTLED:
        return Throttled(code, message)
    if code in CREDENTIALS:
        return Unauthenticated(code, message)
    # Nothing was done under a wrong time: again with a new one.
    if code in WRONG_TIME:
        return Retry(code, message)
    # Codes of the gateway have one or two digits, those of a service more.
    return Rejected(code, message) if len(code) <= 2 else Unknown(code, message)
