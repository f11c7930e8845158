// The adapter __name__.

import { batch, bodyText, draft, every, fault, hex, httpFailure, json, keys, outcome, readJson, secret } from "crossdock";
import type { GivenDraft, Manifest, Map, Outcome, ParseResponse, Sign } from "crossdock";

/** What is sent, and read again where another page is asked for. */
interface Question {
  shop: string;
  skus: string[];
  page: number;
}

interface Row {
  sku: string;
  location: string;
  quantity: number;
}

interface Answer {
  ok: boolean;
  rows?: Row[];
  unknown?: string[];
  more?: boolean;
  code?: string;
  message?: string;
}

/** Most products the platform takes at once. */
const MOST_SKUS = 50;

export const manifest: Manifest = __manifest__;

export const map: Map = (context, operation, items) => {
  if (operation !== "stock.query") throw fault.unsupported(operation);
  return batch(items, {
    size: MOST_SKUS,
    read: (item): string => item.document.sku,
    draft: (skus) => question({ shop: context.settings.shop, skus, page: 1 }),
    repeatable: true,
  });
};

export const sign: Sign = (context, _operation, draft) => {
  const time = String(Math.floor(context.nowMs / 1000));
  // The secret is named, not read: the host computes with it.
  const sign = hex(keys.hmac("sha256", [secret("app-secret")], [[time, draft.body as string]]));
  return [{ setQuery: ["time", time] }, { setQuery: ["sign", sign] }];
};

export const parseResponse: ParseResponse = (context, _operation, request, reply) => {
  const failure = httpFailure(context, request, reply);
  if (failure) return every(request, failure);
  const answer: Answer = readJson(reply);
  // An answer that says nothing certain is a fault, not a guess.
  if (typeof answer?.ok !== "boolean") throw fault.invalidReply("/ok", "an answer says whether it is a success");
  if (!answer.ok) return every(request, refused(answer));
  const { rows } = answer;
  const unknown = [answer.unknown ?? []].flat();
  if (!Array.isArray(rows)) throw fault.invalidReply("/rows", "a success has rows");
  const asked: Question = json.parse(bodyText(request.draft));
  const outcomes = asked.skus.map((sku): Outcome =>
    unknown.includes(sku)
      ? outcome.rejected("unknown-sku", "the platform does not know it")
      : outcome.accepted({
          stock: rows.filter((row) => row?.sku === sku).map(({ location, quantity }) => ({ location, quantity })),
        }),
  );
  // A page with nothing in it is the last one, whatever it says of more.
  const more = answer.more && rows.length > 0;
  return { outcomes, next: more ? question({ ...asked, page: asked.page + 1 }) : null };
};

/** A request without its signature. The body is written once: these bytes are signed, and these are sent. */
function question({ shop, skus, page }: Question): GivenDraft {
  return draft.json("POST", "/v1/stock/query", { shop, skus, page });
}

/** The platform's refusal, with its own code and message. */
function refused({ code, message }: Answer): Outcome {
  switch (code) {
    case "E401":
      return outcome.unauthenticated(code, message);
    case "E429":
      return outcome.throttled(code, message);
    default:
      return outcome.rejected(code, message);
  }
}
