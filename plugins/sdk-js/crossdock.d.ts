/**
 * Types of a crossdock adapter, and of the module "crossdock" (on npm
 * "@crossdock/adapter"). The contract is `wit/adapter/adapter.wit`; what a
 * manifest says is in `wit/manifest.schema.json`.
 *
 * An adapter is a module:
 *
 *     export const manifest = { name: "price-board", … };
 *     export function map(context, operation, items) { … }
 *     export function sign(context, operation, draft) { … }
 *     export function parseResponse(context, operation, request, reply) { … }
 */
declare module "crossdock" {
  // ── What an adapter gets ──────────────────────────────────────────────────

  /** A value of JSON. Whole numbers beyond 2^53 are BigInt, decimals with more digits than a Number holds are Decimal. */
  export type Json = null | boolean | number | bigint | Decimal | string | Json[] | { [name: string]: Json };

  /** Everything about a call that is not its payload. Equal arguments give equal results. */
  export interface Context<Settings = any> {
    /** Time the host chose for this attempt, Unix milliseconds. */
    nowMs: number;
    /** 32 lower-case hex digits, new for every attempt. */
    nonce: string;
    /** The connection's settings, valid against the manifest's schema. */
    settings: Settings;
  }

  /** One item of an operation. */
  export interface Item<Document = any> {
    /** Stable over attempts and replays; for the platform's idempotency field. */
    key: string;
    /** The document, valid against the operation's schema. */
    document: Document;
  }

  /** A query or header pair. Order and duplicates count. */
  export type Pair = [name: string, value: string];

  /** Text, bytes or nothing. */
  export type Body = string | Uint8Array | null;

  /** A request without its authentication. */
  export interface Draft {
    method: string;
    /** Below the connection's base URL; segments that come from data go through `percent`. */
    path: string;
    /** Not encoded: the host does that. */
    query?: Pair[];
    headers?: Pair[];
    body?: Body;
  }

  /** A draft as the host hands it over: nothing is left out. */
  export type GivenDraft = Required<Draft>;

  /** One request that carries one or more items. */
  export interface Request<D extends Draft = Draft> {
    draft: D;
    /** Indices of the items, in the order in which the platform sees them. */
    items: number[];
    /** Whether the platform ends in the same state when this arrives twice. */
    repeatable: boolean;
  }

  /** An answer of the platform. Status 0: none came to a request that must not be repeated. */
  export interface Reply {
    status: number;
    headers: Pair[];
    body: Body;
  }

  // ── What an adapter returns ───────────────────────────────────────────────

  /** Every index occurs exactly once, in a request or in a failure. */
  export interface Mapped {
    requests: Request[];
    failures?: { item: number; fault: FaultValue }[];
  }

  /** What the host adds to a draft before it sends it byte for byte. */
  export type Edit =
    | { setQuery: Pair }
    | { setHeader: Pair }
    | { replaceBody: Body }
    /** Parameter and secret's name: the host writes the secret. */
    | { secretQuery: Pair }
    | { secretHeader: Pair };

  export interface Detail { pointer: string; message: string }
  export interface Refusal { code: string; message: string; details?: Detail[] }
  export interface Pause { afterMs?: number | null; code: string; message: string }

  /** What became of one item. */
  export type Outcome =
    | { accepted: any }
    | { duplicate: any }
    | { rejected: Refusal }
    | { retry: Pause }
    | { throttled: Pause }
    | { unauthenticated: Refusal }
    | { unknown: Refusal };

  export interface Parsed {
    /** One per item of the request, in its order. */
    outcomes: Outcome[];
    /** The next page, or a read-back. */
    next?: Draft | null;
  }

  /** One key says which. */
  export type FaultValue =
    | { invalidInput: Detail }
    | { invalidSettings: Detail }
    | { invalidReply: Detail }
    | { unsupported: string }
    | { other: string };

  export type Map = (context: Context, operation: string, items: Item[]) => Mapped;
  export type Sign = (context: Context, operation: string, draft: GivenDraft) => Edit[];
  export type ParseResponse = (context: Context, operation: string, request: Request<GivenDraft>, reply: Reply) => Parsed;

  /** A JSON Schema, draft 2020-12. */
  export type Schema = boolean | { [keyword: string]: any };

  export interface Operation {
    /** As `stock.update`. */
    name: string;
    summary: string;
    /** Schema of one document. */
    document: Schema;
    /** Schema of an accepted item's result. */
    result: Schema;
    repeatable: "always" | "never" | "depends";
    max_items?: number;
    order?: { key?: string[]; effect: "absolute" | "relative" | "read" | { pointer: string; relative: string[] } };
    /** The platform's own name of the call. */
    call?: string;
  }

  export interface Manifest {
    name: string;
    /** Semantic version. */
    version: string;
    summary: string;
    operations: Operation[];
    /** Schema of a connection's settings. */
    settings: Schema;
    secrets?: { name: string; purpose: string; required?: boolean }[];
    /** False where there is no `sign`. */
    signs?: boolean;
    /** Golden examples; better as files beside the adapter. */
    examples?: object[];
    codes?: { code: string; meaning: string; outcome: "accepted" | "duplicate" | "rejected" | "retry" | "throttled" | "unauthenticated" | "unknown" }[];
    unknown?: string[];
    sources?: string[];
  }

  // ── Faults ────────────────────────────────────────────────────────────────

  /** A fault: thrown, it is the answer; in `failures`, it is about one item. */
  export class Fault extends Error {
    invalidInput?: Detail;
    invalidSettings?: Detail;
    invalidReply?: Detail;
    unsupported?: string;
    other?: string;
  }

  export const fault: {
    /** The item lacks or violates something at `pointer` of its document. */
    invalidInput(pointer: string, message: string): Fault & { invalidInput: Detail };
    /** The settings do not allow this. */
    invalidSettings(pointer: string, message: string): Fault & { invalidSettings: Detail };
    /** The platform's answer cannot be read at `pointer`. */
    invalidReply(pointer: string, message: string): Fault & { invalidReply: Detail };
    /** The adapter does not have this operation. */
    unsupported(operation: string): Fault & { unsupported: string };
    other(message: string): Fault & { other: string };
  };

  // ── Secrets, during `sign` only, and signing ───────────────────────────────

  export type Digest = "md5" | "sha1" | "sha256" | "sha512";
  export interface Secret { secret: string }
  /** One stretch of a message. */
  export type Chunk = string | Uint8Array | Secret;

  /** The secret with this name: its bytes stay in the host. */
  export function secret(name: string): Secret;

  type Hash = (...message: (Chunk | Chunk[])[]) => Uint8Array;
  export const keys: {
    hash(digest: Digest, message: Chunk[]): Uint8Array;
    /** With several messages, each result is the key of the next. */
    hmac(digest: Digest, key: Chunk[], messages: Chunk[][]): Uint8Array;
    md5: Hash;
    sha1: Hash;
    sha256: Hash;
    sha512: Hash;
  };

  /** Bytes or text that somebody sent, or null where they did not. */
  type Given = Uint8Array | string | null | undefined;
  /**
   * Whether somebody knows a secret, during `receive` only. The host compares, and takes
   * nothing in a call in which none of these said true.
   */
  export const verify: {
    hash(digest: Digest, message: Chunk[], given: Given): boolean;
    hmac(digest: Digest, key: Chunk[], message: Chunk[], given: Given): boolean;
    secret(name: string, given: Given): boolean;
  };

  // ── What the platform pushes: `export function receive(context, push)` ─────

  /** A request as it came; nothing of it has been checked. */
  export interface Push {
    method: string;
    /** What follows the address that the platform was given, mostly nothing. */
    path: string;
    query: [string, string][];
    /** Names in lower case. */
    headers: [string, string][];
    /** Byte for byte: text where it is UTF-8. */
    body: string | Uint8Array | null;
  }
  export interface Received {
    /** `key` is what a repeat is known by. */
    items?: { key?: string | null; document: unknown }[];
    /** Given when the items are on disk. */
    answer: { status?: number; headers?: [string, string][]; body?: string | Uint8Array | null };
  }

  type Scalar = string | number | bigint | boolean | Decimal;
  /** Pairs in their order, or an object; what is undefined there is left out. */
  export type Pairs<Value = Scalar> = [string, Value][] | { [name: string]: Value | undefined };

  export interface Joined {
    /** Between name and value; by default nothing. */
    equals?: string;
    /** Between pairs; by default nothing. */
    between?: string;
    /** Leaves out pairs with an empty value. */
    skipEmpty?: boolean;
    /** What is done to each name and value, for instance `percent`. */
    encode?: (text: any) => string;
  }

  /** Pairs in the byte order of their names, joined to a message's chunks. */
  export function sorted(pairs: Pairs<Scalar | Secret | null>, how?: Joined): Chunk[];
  /** The secret, the sorted pairs, the secret again. */
  export function wrapped(secret: string, pairs: Pairs<Scalar | Secret | null>, how?: Joined): Chunk[];
  /** The order of texts by their bytes in UTF-8. */
  export function compare(one: string, other: string): number;

  // ── Text and bytes ────────────────────────────────────────────────────────

  /** Lower-case hexadecimal, of bytes or of a text in UTF-8. */
  export function hex(bytes: Uint8Array | string): string;
  export function hexUpper(bytes: Uint8Array | string): string;
  export function fromHex(text: string): Uint8Array | null;
  /** Base64 with padding. */
  export function base64(bytes: Uint8Array | string): string;
  export function fromBase64(text: string): Uint8Array | null;
  export function utf8(text: string): Uint8Array;
  export function fromUtf8(bytes: Uint8Array): string;
  /** Percent-encodes all but RFC 3986's unreserved characters. */
  export function percent(text: Scalar): string;
  /** `application/x-www-form-urlencoded`, in the order given. */
  export function form(pairs: Pairs): string;
  /** A query string by RFC 3986, in the order given. */
  export function query(pairs: Pairs): string;
  export function formFields(text: string): Pair[];

  // ── JSON and numbers ──────────────────────────────────────────────────────

  /** A decimal with more digits than a Number holds. Its text has them all; arithmetic with it is refused. */
  export class Decimal {
    constructor(text: string);
    toString(): string;
    toJSON(): any;
  }

  export const json: {
    /** Keeps every digit; throws a SyntaxError for what is no JSON, and where a member is there twice. */
    parse(text: string): any;
    /** Compact, numbers as they were written where they were read (12.3400); `sorted`: members in byte order at every level. */
    stringify(value: any, how?: { sorted?: boolean }): string;
    /** A number in plain digits, as it was written unless that has an exponent; null for what is none. */
    plain(value: any): string | null;
    /** The digits of a whole number in any spelling (20, 20.0, 2e1), otherwise null. */
    integer(value: any): string | null;
    /** The digits of an identifier, from a whole number or a text of digits, otherwise null. */
    digits(value: any): string | null;
    /** The digits of a decimal of bounded length, from a number or a text, otherwise null. */
    decimal(value: any, whole?: number, fraction?: number): string | null;
    /** A number times 10^places as whole digits (a price in cents), or null if digits would be lost. */
    scaled(value: any, places: number): string | null;
    /** Null if an envelope's code is `success`, otherwise its digits; a fault if it is neither. */
    code(value: any, pointer: string, success: number | string): string | null;
  };

  // ── Requests ──────────────────────────────────────────────────────────────

  export const draft: {
    get(path: string, query?: Pairs<string>): GivenDraft;
    /** A text is JSON already, anything else is written as such. */
    json(method: string, path: string, value: any, query?: Pairs<string>): GivenDraft;
    form(method: string, path: string, fields: Pairs, query?: Pairs<string>): GivenDraft;
    body(method: string, path: string, type: string, body: string | Uint8Array, query?: Pairs<string>): GivenDraft;
  };

  export interface Row<Value> { index: number; key: string; value: Value }

  /** Items → what `map` returns. */
  export function batch<Value = any, Group = undefined>(items: Item[], how: {
    /** Most items in one request. */
    size?: number;
    /** What is needed of an item; a fault that it throws is that item's. By default its document. */
    read?: (item: Item, index: number) => Value;
    /** Items with different answers never share a request. */
    groupBy?: (value: Value) => Group;
    draft: (values: Value[], group: Group, rows: Row<Value>[]) => Draft;
    repeatable?: boolean | ((values: Value[]) => boolean);
  }): Mapped;
  export function rows<Value>(items: Item[], read: (item: Item, index: number) => Value): { rows: Row<Value>[]; failures: { item: number; fault: Fault }[] };
  export function group<Value, Key>(rows: Row<Value>[], key: (value: Value) => Key): [Key, Row<Value>[]][];
  export function chunks<T>(list: T[], size: number): T[][];

  // ── Answers ───────────────────────────────────────────────────────────────

  export const outcome: {
    accepted(result?: any): { accepted: any };
    duplicate(result?: any): { duplicate: any };
    rejected(code: any, message?: any, details?: Detail[]): { rejected: Refusal };
    unauthenticated(code: any, message?: any, details?: Detail[]): { unauthenticated: Refusal };
    unknown(code: any, message?: any, details?: Detail[]): { unknown: Refusal };
    retry(code: any, message?: any, afterMs?: number | null): { retry: Pause };
    throttled(code: any, message?: any, afterMs?: number | null): { throttled: Pause };
  };

  /** The same outcome for every item of the request. */
  export function every(request: Request, outcome: Outcome, next?: Draft | null): Parsed;
  /** One outcome per item. */
  export function of(outcomes: Outcome[], next?: Draft | null): Parsed;
  /** Outcomes where a platform lists the rows that failed; all others are accepted. */
  export function perRow<T = any>(request: Request, listed: T[], failed: (row: T, at: number) => [name: string | number | bigint, outcome: Outcome] | any[], how?: {
    /** Each row's name in the request's order; without it, rows are numbered from 0. */
    named?: (string | number)[];
    /** The result of rows that are not listed. */
    accepted?: any;
    /** Where the list is in the answer. */
    pointer?: string;
  }): Outcome[];

  /** What a status other than 2xx means for every item; null for 2xx. */
  export function httpFailure(context: Context, request: Request, reply: Reply): Outcome | null;
  /** HTTP's status and the platform's envelope together. */
  export function httpAndOwn(context: Context, request: Request, reply: Reply, own: () => Outcome): Outcome;
  /** The body as JSON, or a fault that says what is there instead. */
  export function readJson(reply: Reply): any;
  export function bodyText(reply: Reply): string;
  export function header(reply: Reply, name: string): string | undefined;
  export function beginning(reply: Reply): string;
  export function retryAfterMs(context: Context, reply: Reply): number | null;

  // ── Times ─────────────────────────────────────────────────────────────────

  /** `yyyy-MM-dd HH:mm:ss`; the zone is an offset or a zone without summer time, by default +08:00. */
  export function dateTime(unixMs: number, zone?: string): string;
  /** By a pattern of yyyy, MM, dd, HH, mm, ss, SSS, Z (+0800), XXX (+08:00) and 'text'. */
  export function formatTime(unixMs: number, pattern: string, zone?: string): string;
  /** Unix milliseconds of `yyyy-MM-dd HH:mm:ss`, or null. */
  export function readDateTime(text: string, zone?: string): number | null;
  export function zoneMinutes(zone: string): number;

  // ── The plugin's log, kept with the delivery ──────────────────────────────

  export const log: {
    debug(message: any): void;
    info(message: any): void;
    warn(message: any): void;
    error(message: any): void;
  };
}

declare module "@crossdock/adapter" {
  export * from "crossdock";
}
