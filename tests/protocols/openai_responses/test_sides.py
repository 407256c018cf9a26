"""The two sides of the Responses codec lead to its readers and writers."""

from typing import Final

from dragoman.hub.answer import Answer, fold
from dragoman.hub.events import Ended, Grew
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request, Sampling, Text
from dragoman.hub.route import Backend, Defaults, Profile, Route, Secret
from dragoman.protocols.openai_responses.sides import ResponsesBackend, ResponsesClient
from dragoman.wire import jsons
from tests.laws.recorded import STAMP

CLIENT: Final = ResponsesClient()
BACKEND: Final = ResponsesBackend()
ASKED: Final = b'{"model":"m","input":"hi"}'
PLACE: Final = Backend("http://127.0.0.1:9/v1", Secret("k"), "openai-responses")


def request() -> Request:
    return CLIENT.read_request(ASKED, {})


def test_where_and_with_what_key_a_backend_is_asked() -> None:
    assert BACKEND.dialect == CLIENT.dialect == "openai-responses"
    assert BACKEND.url(PLACE) == "http://127.0.0.1:9/v1/responses"
    assert BACKEND.headers(PLACE) == [("authorization", "Bearer k")]
    assert BACKEND.headers(Backend("http://127.0.0.1:9/v1", Secret(""), "openai-responses")) == []


def test_a_request_goes_through() -> None:
    losses = Losses()
    CLIENT.note_losses(request(), losses)
    route = Route(model="m", backend_model="theirs", backends=(PLACE,))
    body = jsons.read(BACKEND.write_request(request(), route, PLACE, losses))
    assert (body["model"], len(body["input"]), losses.noted) == ("theirs", 1, [])


def test_an_answer_comes_back() -> None:
    wire = CLIENT.stream_writer(request(), STAMP).feed(Ended("stop"))
    reader = BACKEND.stream_reader(request(), Profile(), STAMP)
    assert isinstance(reader.feed(wire)[-1], Ended)
    whole = CLIENT.write_answer(Answer(parts=(Text("hi"),), reason="stop"), request(), STAMP)
    events = BACKEND.read_answer(whole, request(), Profile(), STAMP)
    assert Grew(0, "hi") in events
    assert fold(events).parts == (Text("hi"),)


def test_problems_go_both_ways() -> None:
    problem = BACKEND.read_problem(429, {"retry-after": "3"}, b'{"error":{"message":"slow"}}')
    assert (problem.kind, problem.retry_after) == ("rate_limited", 3.0)
    refused = CLIENT.write_problem(problem, "req_1")
    assert (refused.status, dict(refused.headers)["retry-after"]) == (429, "3")
    assert CLIENT.write_stream_problem(Problem("truncated", "cut")).startswith(b"event: response.failed\n")


def test_a_relayed_stream_is_watched_and_kept_alive() -> None:
    tap = BACKEND.tap()
    assert tap.feed(CLIENT.pulse()) == []
    assert not tap.ended


def test_defaults_as_members_of_a_request() -> None:
    defaults = Defaults(Sampling(temperature=0.2, top_p=0.9, top_k=5), 100, "low", ("x",))
    assert CLIENT.default_members(defaults) == {
        "temperature": 0.2,
        "top_p": 0.9,
        "max_output_tokens": 100,
        "reasoning": {"effort": "low"},
    }
    assert CLIENT.default_members(Defaults()) == {}
