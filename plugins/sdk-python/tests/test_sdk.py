import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import crossdock_adapter as sdk
from crossdock_adapter import jsons, keys
from crossdock_adapter.testing import with_secrets

component_module = sys.modules["crossdock_adapter.component"]

CONTEXT = sdk.Context(784_111_777_000, "0" * 32, {})


def request(repeatable: bool, items: tuple[int, ...] = (0,)) -> sdk.Request:
    return sdk.Request(sdk.Draft("GET", "/"), list(items), repeatable)


def word(outcome: sdk.Outcome) -> str:
    return f"{type(outcome).__name__.lower()} {getattr(outcome, 'code', '')}".rstrip()


class Encoding(unittest.TestCase):
    def test_segments_forms_and_queries_are_encoded(self) -> None:
        self.assertEqual(sdk.percent("a b/门~1.2_3-4!'()*"), "a%20b%2F%E9%97%A8~1.2_3-4%21%27%28%29%2A")
        self.assertEqual(sdk.form([("a", "1 2"), ("b&", "é*~")]), "a=1+2&b%26=%C3%A9*%7E")
        self.assertEqual(sdk.query({"a": "1 2", "c": 5}), "a=1%202&c=5")
        fields = [("a", "1 2+3"), ("b&", "é*~=%41"), ("", ""), ("门", "😀")]
        self.assertEqual(sdk.form_fields(sdk.form(fields)), fields)
        self.assertEqual(sdk.form_fields("&a=%4&b=%zz%"), [("a", "%4"), ("b", "%zz%")])


class Json(unittest.TestCase):
    def test_json_keeps_every_digit(self) -> None:
        text = '{"a":12.3400,"b":12345678901234567890,"c":[1,0,1e3,0.1,{},[]],"d":"\\"\\\\é","e":null,"f":true}'
        value = jsons.parse(text)
        self.assertEqual(jsons.stringify(value), text)
        self.assertEqual(value["a"] * 100, 1234)
        self.assertEqual(f"{value['c'][2]}", "1e3")
        self.assertEqual(jsons.stringify({"b": 1, "a": {"c": [2]}}, sort=True), '{"a":{"c":[2]},"b":1}')
        self.assertEqual(jsons.stringify("a\ud83dz"), '"a\ufffdz"')
        with self.assertRaises(TypeError):
            jsons.stringify(float("nan"))

    def test_what_is_no_json_is_an_error(self) -> None:
        deep = "[" * 200 + "]" * 200
        for text in ("", "{", "[1,", "NaN", '{"a":1,"a":2}', "[1]x", deep, "[" * 100_000):
            with self.assertRaises(ValueError, msg=text[:20]):
                jsons.parse(text)

    def test_brackets_in_strings_are_not_levels(self) -> None:
        text = '["' + "[" * 500 + '\\"' + "{" * 500 + '"' + ",[]" * 300 + "]"
        self.assertEqual(len(jsons.parse(text)), 301)
        self.assertEqual(jsons.parse("[" * 128 + "]" * 128), jsons.parse("[" * 128 + "]" * 128))

    def test_a_number_is_read_in_every_spelling_without_losing_a_digit(self) -> None:
        big = "12345678901234567890123456789"
        for text, integer, plain in (
            (big, big, big), ("20.0", "20", "20.0"), ("2e1", "20", "20"), ("2.50E+2", "250", "250"), ("2500e-2", "25", "25.00"),
            ("0e0", "0", "0"), ("20.5", None, "20.5"), ("25e-1", None, "2.5"), ("2E-3", None, "0.002"), ("1e41", None, None),
            ("1e99999999999", None, None), ("0.000e999999", "0", "0"), ("1.25e1", None, "12.5"), ("0.05e1", None, "0.5"),
        ):  # fmt: skip
            with self.subTest(text):
                self.assertEqual(jsons.integer(jsons.parse(text)), integer)
                self.assertEqual(jsons.plain(jsons.parse(text)), plain)
        self.assertIsNone(jsons.digits("071"))
        self.assertIsNone(jsons.integer(True))
        self.assertEqual(jsons.decimal("12.3400", 15, 4), "12.3400")
        self.assertIsNone(jsons.decimal(jsons.Number("0.12345"), 15, 4))
        for value, cents in (("12.5", "1250"), (jsons.Number("0.10"), "10"), (7, "700"), (jsons.Number("1.005"), None), ("x", None)):
            self.assertEqual(jsons.scaled(value, 2), cents)

    def test_a_code_is_a_whole_number_in_any_spelling_and_nothing_else_is_a_success(self) -> None:
        for text in ("0", "0.0", "0e0", "-0.0"):
            self.assertIsNone(jsons.code(jsons.parse(text), "/code", 0), text)
        for text, code in (("7", "7"), ('"7"', "7"), ("70e-1", "7"), ("-1", "-1")):
            self.assertEqual(jsons.code(jsons.parse(text), "/code", 0), code)
        for text in ('"0"', "false", "null", "0.5", '"ok"', "[0]", "{}", '""'):
            with self.assertRaises(sdk.InvalidReply, msg=text):
                jsons.code(jsons.parse(text), "/code", 0)


class Signing(unittest.TestCase):
    def test_messages_are_signed_as_the_platforms_publish_it(self) -> None:
        wdt = {
            "body": "[]", "key": "wdt_test", "method": "system.Core.now", "salt": sdk.secret("salt"), "sid": "wdtapi3",
            "timestamp": 100, "v": "1.0",
        }  # fmt: skip
        with with_secrets({"s": "aa", "salt": "dd"}):
            self.assertEqual(keys.md5(*sdk.wrapped("s", wdt)).hex(), "b5745bf1f4721a0d16e9a68cb7513032")
        with with_secrets({"s": "test123"}):
            message = ["param2/1/system/currentTime/1000000", *sdk.sorted_pairs({"b": 2, "a": 1})]
            signed = keys.hmac("sha1", [sdk.secret("s")], [message])
            self.assertEqual(signed.hex().upper(), "33E54F4F7B989E3E0E912D3FBD2F1A03CA7CCE88")
        self.assertEqual(sdk.sorted_pairs({"b": "", "c": 1}, skip_empty=True, equals="="), ["c=1"])
        with self.assertRaises(sdk.Fault):
            keys.md5(sdk.secret("s"))
        with with_secrets({}), self.assertRaises(sdk.InvalidSettings):
            keys.md5(sdk.secret("s"))

    def test_names_are_sorted_by_their_bytes(self) -> None:
        self.assertEqual(sdk.sorted_pairs({"\uffee": 1, "😀": 2, "Z": 3, "a": 4}), ["Z3a4\uffee1😀2"])


class Batches(unittest.TestCase):
    def test_a_batch_splits_groups_and_refuses(self) -> None:
        def read(item: sdk.Item) -> int:
            if not isinstance(item.document, int):
                raise sdk.InvalidInput("", "no number")
            return item.document

        mapped = sdk.batch(
            [sdk.Item("k", document) for document in (1, 2, "x", 3, 4, 5)],
            lambda values: sdk.json_draft("POST", f"/{values[0] % 2}", values),
            size=2, read=read, group_by=lambda value: value % 2, repeatable=True,
        )  # fmt: skip
        found = [(r.draft.path, r.draft.body, r.items) for r in mapped.requests]
        self.assertEqual(found, [("/1", "[1,3]", [0, 3]), ("/1", "[5]", [5]), ("/0", "[2,4]", [1, 4])])
        self.assertEqual([failure.item for failure in mapped.failures], [2])
        self.assertEqual(sdk.batch([], lambda values: None).requests, [])

    def test_listed_rows_find_their_items_and_a_row_that_was_not_sent_is_a_fault(self) -> None:
        listed = [{"row": 1, "code": "E7"}]
        failed = lambda row: (row["row"], sdk.Rejected(row["code"]))
        found = sdk.per_row(request(True, (4, 5)), listed, failed)
        self.assertEqual([word(outcome) for outcome in found], ["accepted", "rejected E7"])
        named = sdk.per_row(request(True, (1, 2, 3)), [{"sku": "a"}], lambda row: (row["sku"], sdk.Retry("b")), named=["a", "b", "a"])
        self.assertEqual([word(outcome) for outcome in named], ["retry b", "accepted", "retry b"])
        with self.assertRaises(sdk.InvalidReply):
            sdk.per_row(request(True), listed, failed)
        for wrong in (None, [None]):
            with self.assertRaises(sdk.InvalidReply):
                sdk.per_row(request(True), wrong, failed)


class Replies(unittest.TestCase):
    def test_a_status_other_than_2xx_has_a_meaning(self) -> None:
        self.assertIsNone(sdk.http_failure(CONTEXT, request(True), sdk.Reply(204)))
        for status, repeatable, expected in (
            (0, False, "unknown no-answer"), (401, True, "unauthenticated http-401"), (404, True, "rejected http-404"),
            (408, True, "retry http-408"), (502, True, "retry http-502"), (502, False, "unknown http-502"),
            (429, False, "throttled http-429"),
        ):  # fmt: skip
            self.assertEqual(word(sdk.http_failure(CONTEXT, request(repeatable), sdk.Reply(status, [], "x"))), expected)
        waits = ("3", "Sun, 06 Nov 1994 08:49:47 GMT", "soon", "99999999999")
        found = [sdk.retry_after_ms(CONTEXT, sdk.Reply(429, [("Retry-After", wait)])) for wait in waits]
        self.assertEqual(found, [3000, 10000, None, 0xFFFF_FFFF])

    def test_https_status_and_the_envelope_speak_together(self) -> None:
        def fail() -> sdk.Outcome:
            raise sdk.InvalidReply("", "none")

        own = {
            "accepted": sdk.Accepted, "duplicate": sdk.Duplicate, "rejected": lambda: sdk.Rejected("7", "own"),
            "nameless": lambda: sdk.Rejected(""), "throttled": lambda: sdk.Throttled("7"), "retry": lambda: sdk.Retry("7"),
            "unknown": lambda: sdk.Unknown("7"), "none": fail,
        }  # fmt: skip
        for status, kind, expected in (
            (200, "accepted", "accepted"), (400, "accepted", "unknown http-400"), (400, "duplicate", "duplicate"),
            (400, "rejected", "rejected 7"), (400, "nameless", "rejected http-400"), (400, "throttled", "throttled 7"),
            (400, "unknown", "unknown 7"), (400, "retry", "retry 7"), (400, "none", "rejected http-400"),
            (401, "rejected", "unauthenticated 7"), (401, "retry", "retry 7"), (401, "none", "unauthenticated http-401"),
            (429, "rejected", "throttled 7"), (500, "accepted", "unknown http-500"), (500, "rejected", "unknown 7"),
            (500, "retry", "unknown 7"), (500, "none", "unknown http-500"), (0, "accepted", "unknown no-answer"),
        ):  # fmt: skip
            found = sdk.http_and_own(CONTEXT, request(False), sdk.Reply(status, [], "x"), own[kind])
            self.assertEqual(word(found), expected, f"{status} {kind}")
        with self.assertRaises(sdk.InvalidReply):
            sdk.http_and_own(CONTEXT, request(False), sdk.Reply(200), fail)

    def test_an_unreadable_answer_says_what_it_is_instead(self) -> None:
        for body, said in ((None, "is empty"), ("<html>", "a web page or XML"), ("[1, 2", "not the JSON expected")):
            with self.assertRaisesRegex(sdk.InvalidReply, said):
                sdk.read_json(sdk.Reply(200, [], body))
        self.assertEqual(sdk.read_json(sdk.Reply(200, [], b"\xef\xbb\xbf[1]")), [1])


class Times(unittest.TestCase):
    def test_times_are_written_and_read_at_their_offset(self) -> None:
        self.assertEqual(sdk.date_time(1_735_758_245_999), "2025-01-02 03:04:05")
        self.assertEqual(sdk.date_time(0, "-01:00"), "1969-12-31 23:00:00")
        pattern = "yyyy-MM-dd HH:mm:ss.SSSZ"
        self.assertEqual(sdk.format_time(1_620_350_439_683, pattern, "Asia/Shanghai"), "2021-05-07 09:20:39.683+0800")
        self.assertEqual(sdk.read_date_time("2024-01-31 09:05:07"), 1_706_663_107_000)
        for text in ("2024-02-30 00:00:00", "2024-01-31", "x"):
            self.assertIsNone(sdk.read_date_time(text))
        with self.assertRaisesRegex(ValueError, "write its offset"):
            sdk.date_time(0, "Europe/Berlin")


class Classes(unittest.TestCase):
    def test_a_method_that_is_missing_is_named(self) -> None:
        def method(self, *given): ...

        def made(**members):
            return sdk.component(type("Adapter", (), {"manifest": {}, **members}))

        whole = {"map": method, "sign": method, "parse_response": method}
        self.assertEqual(made(**whole).__name__, "Adapter")
        for missing, other, said in (
            ("map", "mapp", r"the class `Adapter` has no `map` \(there is `mapp`\); write `def map\(self, context, operation, items\)`$"),
            ("sign", "other", r"has no `sign`; write `def sign\(self, context, operation, draft\)`, or `\"signs\": false`"),
            ("parse_response", "parseResponse", r"has no `parse_response` \(there is `parseResponse`\)"),
        ):
            members = {**whole, other: method}
            del members[missing]
            with self.assertRaisesRegex(TypeError, said):
                made(**members)
        del whole["sign"]
        made(**whole, manifest={"signs": False})


class Said(Exception):
    """What the host is told instead of an answer."""


class Contract:
    """Stands in for the contract's generated types: a value is its name and what it was made of."""

    def __getattr__(self, name: str):
        return lambda *given: (name, *given)


class Returned(unittest.TestCase):
    """What methods return, as the host gets it."""

    CTX = SimpleNamespace(now_ms=1, nonce="n", settings="{}")
    EMPTY = SimpleNamespace(value=None)
    DRAFT = SimpleNamespace(method="GET", path="/", query=[], headers=[], body=EMPTY)

    def told(self, method: str, returned) -> str:
        """What one method's value is told as, when it is called as the host calls it."""
        own = {name: lambda self, *given: returned() if callable(returned) else returned for name in ("map", "sign", "parse_response")}
        stands_in = {"wit": Contract(), "wit_types": Contract(), "Err": Said}
        with mock.patch.multiple(component_module, create=True, **stands_in), mock.patch.object(component_module.log, "error"):
            adapter = sdk.component(type("Adapter", (), {"manifest": {}, **own}))()
            reply = SimpleNamespace(status=200, headers=[], body=self.EMPTY)
            request = SimpleNamespace(draft=self.DRAFT, items=[0], repeatable=False)
            given = {"map": ([],), "sign": (self.DRAFT,), "parse_response": (request, reply)}[method]
            with self.assertRaises(Said) as said:
                getattr(adapter, method)(self.CTX, "stock", *given)
        kind, message = said.exception.args[0]
        self.assertEqual(kind, "Fault_Other")
        return message

    def test_a_value_of_another_type_is_named_with_what_is_expected(self) -> None:
        draft = sdk.Draft("GET", "/")
        for method, returned, said in (
            ("parse_response", [sdk.Accepted()], "`parse_response` returned a list; `Parsed(outcomes, next)` is expected"),
            ("parse_response", None, "`parse_response` returned nothing; `Parsed(outcomes, next)` is expected"),
            ("parse_response", sdk.Parsed([sdk.Accepted(), "ok"]),
             "`outcomes[1]` of what `parse_response` returned is a str; an outcome such as `Accepted(result)` or `Rejected(code, message)` is expected"),
            ("parse_response", sdk.Parsed([], {}), "`next` of what `parse_response` returned is a dict; `Draft(method, path)` is expected"),
            ("parse_response", sdk.Parsed([sdk.Accepted({"a": 0.5j})]), "the result in `outcomes[0]` of what `parse_response` returned cannot be written as JSON: "),
            ("sign", [("x-nl-app", "k1")], "`[0]` of what `sign` returned is a tuple; an edit such as `SetQuery(name, value)` is expected"),
            ("sign", None, "`sign` returned nothing; a list of edits is expected"),
            ("sign", "x", "`sign` returned a str; a list of edits is expected"),
            ("sign", [sdk.ReplaceBody({})], "the body in `[0]` of what `sign` returned is a dict; a text (`jsons.stringify` writes JSON), bytes or None is expected"),
            ("map", [], "`map` returned a list; `Mapped(requests, failures)`, as `batch` makes it, is expected"),
            ("map", sdk.Mapped([draft]), "`requests[0]` of what `map` returned is a Draft; `Request(draft, items)` is expected"),
            ("map", sdk.Mapped([sdk.Request(draft, 0)]), "`requests[0].items` of what `map` returned is an int; a list of indices is expected"),
            ("map", sdk.Mapped([], [sdk.InvalidInput("", "x")]), "`failures[0]` of what `map` returned is an InvalidInput; `Failure(item, fault)` is expected"),
            ("map", sdk.Mapped([sdk.Request(sdk.Draft("GET", "/", [("a",)]), [0])]), "what `map` returned cannot be passed on: ValueError: "),
        ):  # fmt: skip
            with self.subTest(said):
                self.assertTrue(self.told(method, returned).startswith(said), self.told(method, returned))

    def test_an_exception_has_the_adapters_own_line(self) -> None:
        self.assertRegex(self.told("map", lambda: {}["stock"]), r"^test_sdk\.py:\d+: KeyError: 'stock'$")

    def test_what_is_right_goes_on(self) -> None:
        with mock.patch.multiple(component_module, create=True, wit=Contract(), wit_types=Contract(), Err=Said):
            own = {
                "map": lambda self, *given: sdk.Mapped([sdk.Request(sdk.Draft("GET", "/"), [0])]),
                "sign": lambda self, *given: iter([sdk.SetQuery("a", 1)]),
                "parse_response": lambda self, *given: sdk.Parsed([sdk.Rejected("7")]),
            }
            adapter = sdk.component(type("Adapter", (), {"manifest": {}, **own}))()
            draft = ("Draft", "GET", "/", [], [], ("Body_Empty",))
            self.assertEqual(adapter.map(self.CTX, "stock", []), ("Mapped", [("Request", draft, [0], False)], []))
            self.assertEqual(adapter.sign(self.CTX, "stock", self.DRAFT), [("Edit_SetQuery", ("a", "1"))])


if __name__ == "__main__":
    unittest.main()
