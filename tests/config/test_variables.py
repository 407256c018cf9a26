"""Variables of the environment, in values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.variables import expand

ENV = {"KEY": "sk-1", "EMPTY": "", "A_1": "x"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("$KEY", "$KEY"),
        ("${KEY}", "sk-1"),
        ("a-${KEY}-${A_1}", "a-sk-1-x"),
        ("${KEY:-other}", "sk-1"),
        ("${NOWHERE:-other}", "other"),
        ("${NOWHERE:-}", ""),
        ("${NOWHERE:-http://a:1/v1}", "http://a:1/v1"),
        ("${EMPTY}", ""),
        ("${EMPTY:-other}", "other"),
        ("$${KEY}", "${KEY}"),
        ("$$${KEY}", "$${KEY}"),
        ("$$", "$$"),
    ],
)
def test_expanding(text: str, expanded: str) -> None:
    assert expand(text, ENV) == expanded


def test_what_a_variable_holds_is_not_expanded_again() -> None:
    assert expand("${A}", {"A": "${B}", "B": "no"}) == "${B}"


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(ValueError, match="variable NOWHERE is not set"):
        expand("x${NOWHERE}", ENV)


@pytest.mark.parametrize("text", ["${}", "${secret value}", "${KEY", "${1}", "${KEY:?}", "${"])
def test_what_is_no_reference_is_told_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"without a variable") as raised:
        expand(text, ENV)
    assert "secret" not in str(raised.value)


@given(st.text())
def test_escaped_text_comes_back(text: str) -> None:
    assert expand(text.replace("${", "$${"), {}) == text
