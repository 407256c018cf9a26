"""What is passed on is always the beginning of one object, as the SDKs' own parser takes it."""

from typing import Any, Final

import jiter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.arguments import repaired
from dragoman.protocols.strainer import Strainer
from dragoman.wire import jsons
from tests.laws import making

_NASTY: Final = st.sampled_from(
    [
        *'{}[]:,"\\ \n\t`',
        '"a"',
        '{"a":',
        "1",
        "-",
        "1e",
        "tru",
        "true",
        "null",
        "NaN",
        "\\u",
        "d83d",
        "\\ude00",
        "```",
        "json\n",
    ]
)
nearly_json: Final = st.lists(_NASTY | st.text(max_size=2), max_size=12).map("".join)


def strained(pieces: list[str]) -> tuple[str, bool]:
    strainer = Strainer()
    return "".join(map(strainer.feed, pieces)), strainer.sound


def heard(text: str) -> Any:
    """What the SDKs make of a beginning."""
    return jiter.from_json(text.encode(), partial_mode=True) if text else {}


@given(making.arguments(), st.data())
def test_a_sound_object_passes_to_the_byte(text: str, data: st.DataObject) -> None:
    """But for white space before it, which would be no beginning of one."""
    assert strained(data.draw(making.cut(text))) == (text.lstrip(), True)


@given(making.arguments(), st.data())
def test_every_beginning_is_taken_by_the_sdks(text: str, data: st.DataObject) -> None:
    strainer, said = Strainer(), ""
    for piece in data.draw(making.cut(text)):
        said += strainer.feed(piece)
        heard(said)


@given(nearly_json | making.arguments().flatmap(lambda text: st.builds(text.replace, _NASTY, _NASTY)), st.data())
def test_nothing_wrong_is_ever_passed_on(text: str, data: st.DataObject) -> None:
    said, sound = strained(data.draw(making.cut(text)))
    assert (said, sound) == strained([text])
    heard(said)
    assert sound == (jsons.is_object(said) or not said) or not sound
    if sound and said:
        assert jsons.read(said) == repaired(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        (" \n", ""),
        ('\n {"a":1}', '{"a":1}'),
        ('```json\n{"a":1}\n```', '{"a":1}\n'),
        (' ```\n{"a":1}```', '{"a":1}'),
        ('{"a":1,}', '{"a":1}'),
        ('{"a":[1,2 , ] , }', '{"a":[1,2  ]  }'),
        ('{"a":1} {"a":2}', '{"a":1} '),
        ('{"a":{"b":[{},[]]}}</tool_call>', '{"a":{"b":[{},[]]}}'),
        ('{"a":"line\nbreak\x01"}', '{"a":"line\\nbreak\\u0001"}'),
        ('{"a":"\\ud83d\\ude00 \\uD83D x \\udE00"}', '{"a":"\\ud83d\\ude00 \\ufffd x \\ufffd"}'),
        ('{"\\ud83d\\u0041":[true,false,null,-1.5e+3,0]}', '{"\\ufffd\\u0041":[true,false,null,-1.5e+3,0]}'),
    ],
)
def test_repairs_that_change_nothing(text: str, said: str) -> None:
    assert strained([text]) == (said, True)
    assert strained(list(text)) == (said, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", ""),
        ("oops", ""),
        ("``x", ""),
        ("```not a language\n{}", ""),
        ("```json", ""),
        ('{"a": nope}', '{"a": '),
        ('{"a":NaN}', '{"a":'),
        ('{"a":01}', '{"a":'),
        ('{"a":1', '{"a":'),
        ('{"a":"half', '{"a":"half'),
        ('{"a":"\\d"}', '{"a":"'),
        ('{"a":"\\', '{"a":"'),
        ('{"a":"\\ud83d', '{"a":"'),
        ('{"a":}', '{"a":'),
        ('{"a" 1}', '{"a" '),
        ("{'a':1}", "{"),
        ('{"a":[1}', '{"a":[1'),
        ('{"a":1]', '{"a":1'),
        ('{"a":1 "b":2}', '{"a":1 '),
        ("{,}", "{"),
        ('{"a":1,,}', '{"a":1'),
        ('{"a":[,]}', '{"a":['),
    ],
)
def test_what_is_broken_or_open_is_not_sound(text: str, said: str) -> None:
    assert strained([text]) == (said, False)
    assert strained(list(text)) == (said, False)


def test_behind_something_broken_nothing_is_passed_on() -> None:
    strainer = Strainer()
    assert [strainer.feed(piece) for piece in ('{"a":x', "}", '{"b":1}')] == ['{"a":', "", ""]
    assert strainer.broken
