"""The door to JSON: tolerant inwards, strict outwards, and nothing in between is touched."""

import json  # noqa: TID251 - what our own door says is compared with it
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire import jsons
from tests.laws.making import json_objects, json_values

spelled: Final = json_values.map(lambda value: json.dumps(value, ensure_ascii=False).encode())


@given(json_values)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert jsons.read(jsons.write(value)) == value
    assert jsons.read(jsons.write_text(value)) == value


@given(json_values)
def test_what_is_written_is_json_to_others(value: Any) -> None:
    assert json.loads(jsons.write(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":"\\ud83d"}', {"a": "\ufffd"}),
        (b'{"a":"\\ude00b"}', {"a": "\ufffdb"}),
        (b'{"\\ud83d":1}', {"\ufffd": 1}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'["a\xffb"]', ["a\ufffdb"]),
        (b"[NaN, Infinity, -Infinity, 1e999]", [None, None, None, None]),
        (b'"a\nb\tc"', "a\nb\tc"),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_what_json_forbids_and_peers_send_is_read(text: bytes, value: Any) -> None:
    assert jsons.read(text) == value


def test_text_with_half_a_surrogate_pair_is_read_and_written() -> None:
    assert jsons.read('["\ud83d"]') == ["\ufffd"]
    assert jsons.write({"\ud83d": ["\ude00", 1]}) == '{"\ufffd":["\ufffd",1]}'.encode()
    assert jsons.write_text("\ud83d") == '"\ufffd"'


def test_what_is_no_json_to_the_letter_may_be_mended() -> None:
    assert jsons.read_mended(b"[1]", lambda data: data + b"x") == [1]
    assert jsons.read_mended(b"[1", lambda data: data + b"]") == [1]
    with pytest.raises(jsons.JSONError):
        jsons.read_mended(b"[", lambda data: data)


@pytest.mark.parametrize("text", [b"", b"{", b'{"a":tru}', b"{oops", b"[1,]", b"\xff", b"<html>", b"1" * 5000])
def test_what_is_no_json_is_refused_without_quoting_it(text: bytes) -> None:
    with pytest.raises(jsons.JSONError) as caught:
        jsons.read(text)
    assert "oops" not in str(caught.value)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"NaN" + b"]" * 100_000])
def test_deep_nesting_is_no_crash(text: bytes) -> None:
    with pytest.raises(jsons.JSONError, match=r"nested too deeply|Expecting"):
        jsons.read(text)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        jsons.read(data)
    except jsons.JSONError:
        assert not jsons.is_object(data.decode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("{}", True),
        (' {"a": [1]}\n', True),
        ("[]", False),
        ("", False),
        ('{"a":NaN}', False),
        ('{"a":"x\ny"}', False),
        ('{"a":"\\ud83d"}', False),
        ('{"a":"\ud83d"}', False),
        ("{}{}", False),
        ('{"a":' * 100_000, False),
    ],
)
def test_an_object_to_the_letter(text: str, is_one: bool) -> None:
    assert jsons.is_object(text) is is_one


# Members and patches: what is not changed keeps every byte.


@given(json_objects, st.text(min_size=1))
def test_a_patch_changes_only_what_it_names(value: dict[str, Any], model: str) -> None:
    body = json.dumps(value, ensure_ascii=False, indent=1).encode()
    patched = jsons.patch(jsons.members(body), {"model": model})
    assert json.loads(patched) == {**value, "model": model}
    assert list(json.loads(patched)) == list({**value, "model": model})


def test_a_patch_keeps_the_bytes_of_every_other_member() -> None:
    body = b'{"a" : {"z": 1.0,  "b":[1e2 ,\n2]}, "model":"x", "n": 1E+5, "s":"\\u00e9\\/"}'
    patched = jsons.patch(jsons.members(body), {"model": "y"})
    assert patched == b'{"a":{"z": 1.0,  "b":[1e2 ,\n2]},"model":"y","n":1E+5,"s":"\\u00e9\\/"}'


def test_members_of_a_broken_body_are_cleaned_before_they_are_kept() -> None:
    found = jsons.members(b'{"a":NaN,"b":"\xff"}')
    assert {key: jsons.value_of(raw) for key, raw in found.items()} == {"a": None, "b": "\ufffd"}
    assert jsons.value_of(None) is None


@pytest.mark.parametrize("body", [b"[]", b"[NaN]", b"7", b"{", b"", b'{"a":' * 100_000])
def test_members_are_those_of_an_object(body: bytes) -> None:
    with pytest.raises(jsons.JSONError):
        jsons.members(body)


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        (b'[1, {"a" :2}]', [b"1", b'{"a" :2}']),
        (b"[]", []),
        (b"7", None),
        (b'{"a":1}', None),
        (b'["\xff"]', [b'"\xff"']),  # as it was sent: whoever reads it makes the best of it
    ],
)
def test_elements_are_those_of_an_array_as_they_were_sent(text: bytes, elements: list[bytes] | None) -> None:
    found = jsons.elements(jsons.members(b'{"m":' + text + b"}")["m"])
    assert (None if found is None else [bytes(each) for each in found]) == elements
