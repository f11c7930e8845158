"""The adapter __name__."""

from typing import Any

from crossdock_adapter import (
    Accepted, Context, Draft, Edit, InvalidReply, Item, Mapped, Outcome, Parsed, Rejected, Reply, Request, SetQuery,
    Throttled, Unauthenticated, Unsupported, batch, component, every, http_failure, json_draft, jsons, keys, manifest,
    read_json, secret,
)

# Most products the platform takes at once.
MOST_SKUS = 50


@component
class Adapter:
    # The examples are files beside it; `crossdock plugin build` adds them.
    manifest = manifest("manifest.json", __file__)

    def map(self, context: Context, operation: str, items: list[Item]) -> Mapped:
        if operation != "stock.query":
            raise Unsupported(operation)
        shop = context.settings["shop"]
        return batch(
            items,
            lambda skus: question(shop, skus, 1),
            read=lambda item: item.document["sku"],
            size=MOST_SKUS,
            repeatable=True,
        )

    def sign(self, context: Context, operation: str, draft: Draft) -> list[Edit]:
        time = str(context.now_ms // 1000)
        # The secret is named, not read: the host computes with it.
        sign = keys.hmac("sha256", [secret("app-secret")], [[time, draft.body]]).hex()
        return [SetQuery("time", time), SetQuery("sign", sign)]

    def parse_response(self, context: Context, operation: str, request: Request, reply: Reply) -> Parsed:
        failure = http_failure(context, request, reply)
        if failure is not None:
            return every(request, failure)
        answer = read_json(reply)
        if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
            raise InvalidReply("/ok", "an answer says whether it is a success")
        if not answer["ok"]:
            return every(request, refused(answer))
        # An answer that says nothing certain is a fault, not a guess.
        if not isinstance(answer.get("rows"), list):
            raise InvalidReply("/rows", "a success has rows")
        asked = jsons.parse(request.draft.body)
        outcomes = [one(answer, sku) for sku in asked["skus"]]
        # A page with nothing in it is the last one, whatever it says of more.
        more = answer.get("more") and answer["rows"]
        return Parsed(outcomes, question(asked["shop"], asked["skus"], asked["page"] + 1) if more else None)


def question(shop: str, skus: list[str], page: int) -> Draft:
    """A request without its signature. The body is written once: these bytes are signed, and these are sent."""
    return json_draft("POST", "/v1/stock/query", {"shop": shop, "skus": skus, "page": page})


def one(answer: dict[str, Any], sku: str) -> Outcome:
    """What the platform has of a product, place by place."""
    unknown = answer.get("unknown")
    if isinstance(unknown, list) and sku in unknown:
        return Rejected("unknown-sku", "the platform does not know it")
    rows = [row for row in answer["rows"] if isinstance(row, dict) and row.get("sku") == sku]
    return Accepted({"stock": [{"location": row.get("location"), "quantity": row.get("quantity")} for row in rows]})


def refused(answer: dict[str, Any]) -> Outcome:
    """The platform's refusal, with its own code and message."""
    code, message = str(answer.get("code", "")), str(answer.get("message", ""))
    kind = {"E401": Unauthenticated, "E429": Throttled}.get(code, Rejected)
    return kind(code, message)
