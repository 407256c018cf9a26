"""The two sides of the Messages codec lead to its readers and writers."""

from typing import Final

import pytest

from dragoman.hub.answer import Answer, fold
from dragoman.hub.events import Ended, Grew
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request, Sampling, Text
from dragoman.hub.route import Backend, Defaults, Profile, Route, Secret
from dragoman.protocols.anthropic_messages.sides import MessagesBackend, MessagesClient
from dragoman.wire import jsons
from tests.laws.recorded import STAMP

CLIENT: Final = MessagesClient()
BACKEND: Final = MessagesBackend()
ASKED: Final = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'
PLACE: Final = Backend("http://127.0.0.1:9", Secret("k"), "anthropic-messages")


def request() -> Request:
    return CLIENT.read_request(ASKED, {})


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:9/v1"])
def test_where_a_backend_is_asked(url: str) -> None:
    assert BACKEND.url(Backend(url, Secret(""), "anthropic-messages")) == "http://127.0.0.1:9/v1/messages"


def test_with_what_key_and_version() -> None:
    assert BACKEND.dialect == CLIENT.dialect == "anthropic-messages"
    version = ("anthropic-version", "2023-06-01")
    assert BACKEND.headers(PLACE) == [("x-api-key", "k"), version]
    assert BACKEND.headers(Backend("u", Secret(""), "anthropic-messages")) == [version]


def test_a_request_goes_through() -> None:
    losses = Losses()
    CLIENT.note_losses(request(), losses)
    route = Route(model="m", backend_model="theirs", backends=(PLACE,))
    body = jsons.read(BACKEND.write_request(request(), route, PLACE, losses))
    assert (body["model"], body["max_tokens"], len(body["messages"])) == ("theirs", 9, 1)


def test_an_answer_comes_back() -> None:
    wire = CLIENT.stream_writer(request(), STAMP).feed(Ended("stop"))
    reader = BACKEND.stream_reader(request(), Profile(), STAMP)
    assert isinstance(reader.feed(wire)[-1], Ended)
    whole = CLIENT.write_answer(Answer(parts=(Text("hi"),), reason="stop"), request(), STAMP)
    events = BACKEND.read_answer(whole, request(), Profile(), STAMP)
    assert Grew(0, "hi") in events
    assert fold(events).parts == (Text("hi"),)


def test_problems_go_both_ways() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}
    problem = BACKEND.read_problem(529, {}, jsons.write(error))
    refused = CLIENT.write_problem(problem, "req_1")
    assert refused.status == 529
    assert jsons.read(refused.body) == {**error, "request_id": "req_1"}
    assert CLIENT.write_stream_problem(Problem("truncated", "cut")).startswith(b"event: error\n")


def test_a_relayed_stream_is_watched_and_kept_alive() -> None:
    tap = BACKEND.tap()
    assert tap.feed(CLIENT.pulse()) == []
    assert not tap.ended
    tap.feed(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert tap.ended


def test_defaults_are_members_of_a_request() -> None:
    defaults = Defaults(Sampling(temperature=0.5, top_k=3), max_tokens=9, reasoning_effort="low", stop=("END",))
    assert CLIENT.default_members(defaults) == {
        "temperature": 0.5,
        "top_k": 3,
        "max_tokens": 9,
        "stop_sequences": ["END"],
    }
    assert CLIENT.default_members(Defaults()) == {}
