"""Serper's own ways."""

import pytest

from dragoman.hub.problems import Problem
from dragoman.tools.search.engine import Heard, Query
from dragoman.tools.search.serper import Serper
from tests.tools.search.test_engine import asked


def test_the_place() -> None:
    said = asked(Serper(), Query("llama", country="DE", region="Bavaria", city="Munich")).said
    assert (said["gl"], said["location"]) == ("de", "Munich, Bavaria")


def test_a_bad_query_is_no_lack_of_credit() -> None:
    with pytest.raises(Problem) as caught:
        Serper().hear(Heard(400, {}, b'{"message": "Missing query parameter", "statusCode": 400}'))
    assert caught.value.kind == "bad_request"
