"""Kagi's own ways."""

import pytest

from dragoman.hub.problems import Problem
from dragoman.tools.search.engine import Heard
from dragoman.tools.search.kagi import Kagi
from dragoman.wire import jsons


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (200, 0, "backend_failed"),
        (200, 101, "out_of_credit"),
        (400, 100, "out_of_credit"),
        (400, 1, "bad_request"),
        (401, 2, "backend_refused_us"),
        (503, "x", "overloaded"),
    ],
)
def test_errors_have_codes(status: int, code: object, kind: str) -> None:
    with pytest.raises(Problem) as caught:
        Kagi().hear(Heard(status, {}, jsons.write({"data": None, "error": [{"code": code, "msg": "no"}]})))
    assert caught.value.kind == kind


def test_related_searches_are_no_results() -> None:
    data = [{"t": 1, "list": ["x"]}, {"t": 0, "url": "https://a.example"}]
    assert [hit.url for hit in Kagi().hear(Heard(200, {}, jsons.write({"data": data})))] == ["https://a.example"]
