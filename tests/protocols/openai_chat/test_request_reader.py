"""A Chat Completions request as a whole; its parts have files of their own."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import OutputFormat, Reasoning, Request, Sampling
from tests.asking import C, read

Object = dict[str, Any]


def request(**body: object) -> Request:
    return read(C, {"model": "m", "messages": [{"role": "user", "content": "x"}], **body})


def test_settings() -> None:
    said = request(
        temperature=1,
        top_p=0.5,
        top_k=5,
        min_p=0.1,
        frequency_penalty=0.2,
        presence_penalty=0.3,
        repetition_penalty=1.1,
        seed=7,
        logit_bias={"1": 1},
        logprobs=True,
        top_logprobs=2,
        n=1,
    )
    assert said.sampling == Sampling(1, 0.5, 5, 0.1, 0.2, 0.3, 1.1, 7, {"1": 1}, logprobs=True, top_logprobs=2, n=1)


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ({}, None),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 8, "max_tokens": 7}, 8),
        ({"max_completion_tokens": 0, "max_tokens": 7}, 0),
    ],
)
def test_limits(body: Object, limit: int | None) -> None:
    assert request(**body).max_tokens == limit


@pytest.mark.parametrize(
    ("said", "reasoning"),
    [(None, Reasoning()), ("none", Reasoning("off", "none")), ("high", Reasoning(None, "high"))],
)
def test_reasoning(said: object, reasoning: Reasoning) -> None:
    assert request(reasoning_effort=said).reasoning == reasoning


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, OutputFormat()),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, OutputFormat({"type": "object"}, "n")),
        (
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"a": 1}, "strict": True, "description": "d"},
            },
            OutputFormat({"a": 1}, "n", "d", strict=True),
        ),
    ],
)
def test_formats(said: object, known: OutputFormat | None) -> None:
    assert request(response_format=said).output_format == known


@pytest.mark.parametrize(
    ("body", "user"),
    [
        ({}, None),
        ({"user": "u"}, "u"),
        ({"user": "u", "safety_identifier": "s"}, "s"),
        ({"user": "u", "safety_identifier": ""}, "u"),
    ],
)
def test_users(body: Object, user: str | None) -> None:
    assert request(**body).user == user


def test_sessions() -> None:
    assert request(prompt_cache_key="k").session == "k"
    body = {"model": "m", "messages": [{"role": "user"}], "prompt_cache_key": "k"}
    assert read(C, body, {"x-session-id": "s"}).session == "s"


def test_streams() -> None:
    assert not request().stream
    assert not request(stream=True).stream_usage
    assert request(stream=True, stream_options={"include_usage": True}).stream_usage


def test_what_no_reader_names_is_kept_where_it_stood() -> None:
    said = request(
        stream_options={"include_usage": True, "x": 1},
        response_format={"type": "json_schema", "json_schema": {"name": "n", "y": 2}, "z": 3},
        user="u",
        quantum=6,
    )
    assert said.extra == {
        "stream_options": {"x": 1},
        "response_format": {"z": 3, "json_schema": {"y": 2}},
        "user": "u",
        "quantum": 6,
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": None}, "model: must be a string"),
        ({"messages": None}, "messages: is required and must be a list of messages"),
        ({"messages": []}, "messages: must hold at least one message"),
        ({"messages": "hi"}, "messages: must be a list, not a string"),
        ({"reasoning_effort": "huge"}, "reasoning_effort: must be one of none, minimal"),
        (
            {"response_format": {"type": "yaml"}},
            "response_format.type: must be text, json_object or json_schema, not 'yaml'",
        ),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema: is required"),
        ({"stream_options": []}, "stream_options: must be an object"),
        ({"stop": [7]}, "stop: must be a list of strings"),
        ({"logit_bias": []}, "logit_bias: must be an object"),
        ({"user": 7}, "user: must be a string"),
    ],
)
def test_what_cannot_be_asked_is_named(body: Object, said: str) -> None:
    with pytest.raises(Problem) as refused:
        request(**body)
    assert refused.value.public.startswith(said)
