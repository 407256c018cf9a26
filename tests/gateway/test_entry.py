"""One exchange, one line: for people and for machines, and never more than a line."""

import logging
import time

import pytest

from dragoman.gateway.entry import Entry, place_of
from dragoman.hub.events import Ended, Noted
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.route import Backend, Secret
from dragoman.hub.usage import Usage


def entry() -> Entry:
    made = Entry("req_1", "/v1/messages", "anthropic-messages")
    made.key = "me"
    made.model = made.configured = "m"
    made.rail, made.status = "translate", 200
    return made


def test_a_good_exchange_says_what_it_cost(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dragoman.exchange")
    made, losses = entry(), Losses()
    losses.warn("top_k", "the backend has none")
    losses.silent("metadata", "it means nothing to it")
    made.attempted(Backend("http://b:8000/v1", Secret(""), "openai-chat"))
    made.attempted(Backend("http://me:secret@a:8000/secret", Secret(""), "openai-chat"))
    made.lost(losses)
    made.hear([Noted(Usage(input=10, cache_read=4)), Noted(Usage(output=5)), Ended("stop")])
    made.spoke()
    first = made.first_byte
    made.spoke()
    made.write()
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert 0 <= time.time() - record.created < 60
    assert vars(record).keys() >= vars(logging.makeLogRecord({})).keys()
    assert record.getMessage().startswith("200 /v1/messages m translate a:8000 ")
    assert record.getMessage().endswith(" ms 10+5 tokens lost: top_k, metadata")
    fields = made.fields()
    assert (fields["attempts"], fields["backend_dialect"], fields["cached_tokens"]) == (2, "openai-chat", 4)
    assert fields["backend"] == "http://a:8000"
    assert "secret" not in f"{record.getMessage()} {fields}"
    assert (fields["key"], fields["problem"], fields["losses"]) == ("me", None, ["top_k", "metadata"])
    assert made.first_byte == first


@pytest.mark.parametrize(
    ("status", "problem", "level"),
    [
        (400, Problem("bad_request", "no"), logging.INFO),
        (502, Problem("backend_failed", "no"), logging.WARNING),
        (200, Problem("truncated", "cut off in the stream"), logging.WARNING),
        (200, Problem("rate_limited", "said in the stream"), logging.INFO),
    ],
)
def test_trouble_that_is_not_the_clients_is_a_warning(
    status: int, problem: Problem, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dragoman.exchange")
    made = entry()
    made.status = status
    made.failed(problem)
    made.write()
    assert [record.levelno for record in caplog.records] == [level]
    assert problem.public in caplog.records[0].getMessage()


def test_what_only_the_log_may_know_stands_in_a_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dragoman.exchange")
    made = entry()
    made.failed(Problem("backend_failed", "it broke", private="<html>\n" + "x" * 1000))
    made.write()
    private, line = caplog.messages
    assert private.startswith("req_1 backend_failed: <html> xxx")
    assert len(private) < 600
    assert "html" not in line


def test_names_from_outside_cannot_forge_a_line() -> None:
    made, losses = entry(), Losses()
    made.model = "m\n200 /v1/messages forged\x1b[2J" + "x" * 100_000
    losses.warn("a\rb", "c")
    made.lost(losses)
    made.failed(Problem("unknown_model", "model 'a\nb' not found"))
    assert str(made).isprintable()
    assert len(str(made)) < 1000


def test_nothing_is_written_where_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "dragoman.exchange")
    entry().write()
    assert caplog.records == []


def test_what_is_not_known_is_a_dash() -> None:
    assert str(Entry("req_1", "/v1/messages", "x")).startswith("- /v1/messages - - ")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://a:8000/v1", "http://a:8000"),
        ("https://user:secret@b/v1?key=s", "https://b"),
        ("http://c", "http://c"),
        ("demo:", "demo:"),
        ("", ""),
    ],
)
def test_where_a_backend_is(url: str, place: str) -> None:
    assert place_of(url) == place
