"""Ids of calls in the form the backend wants. The same id is always fitted alike, others never to the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.tool_ids import Form, fit

LEGAL = {
    "openai": re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "anthropic": re.compile(r"[A-Za-z0-9_-]{1,128}"),
    "mistral": re.compile(r"[A-Za-z0-9]{9}"),
    "any": re.compile(r".+", re.DOTALL),
}
forms = st.sampled_from(["openai", "anthropic", "mistral", "any"])


@given(st.text(), forms)
def test_every_id_is_fitted_and_stays(call_id: str, form: Form) -> None:
    fitted = fit(call_id, form)
    assert LEGAL[form].fullmatch(fitted)
    assert fit(fitted, form) == fitted
    if LEGAL[form].fullmatch(call_id):
        assert fitted == call_id


@given(st.text(), st.text(), forms)
def test_different_ids_stay_different(one: str, other: str, form: Form) -> None:
    assert one == other or fit(one, form) != fit(other, form)


@pytest.mark.parametrize(
    ("call_id", "form", "start"),
    [
        ("functions.Bash:0", "openai", "call_"),
        ("functions.Bash:0", "anthropic", "toolu_"),
        ("functions.Bash:0", "any", "functions.Bash:0"),
        ("toolu_01A", "mistral", ""),
        ("", "any", "call_"),
    ],
)
def test_forms(call_id: str, form: Form, start: str) -> None:
    assert fit(call_id, form).startswith(start)


def test_long_ids_with_a_common_beginning_stay_different() -> None:
    assert fit("x" * 90 + "1", "openai") != fit("x" * 90 + "2", "openai")
