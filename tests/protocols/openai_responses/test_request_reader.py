"""What a Responses client asks on the left, the request on the right. (Whole cases: tests/conformance, tests/laws.)"""

from typing import Any

import pytest

from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import OutputFormat, Reasoning, Request, Text
from dragoman.protocols.openai_responses.request_reader import note_losses, read_object, read_request
from dragoman.wire import jsons


def read(headers: dict[str, str] | None = None, **members: Any) -> Request:
    return read_request(jsons.write({"model": "m", "input": "hi", **members}), headers or {})


def test_the_least_that_can_be_asked() -> None:
    request = read()
    assert (request.dialect, request.model, request.turns[0].parts) == ("openai-responses", "m", (Text("hi"),))
    assert (request.stream, request.max_tokens, request.tools, request.reasoning) == (False, None, (), Reasoning())
    assert request.extra == {"said": {"model": "m"}}


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"include": ["message.output_text.logprobs"]}, (True, None)),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 2}, (True, 2)),
        ({"top_logprobs": 2}, (True, 2)),  # which alone is a 400 for Chat Completions
        ({"top_logprobs": 0, "include": ["reasoning.encrypted_content"]}, (None, None)),
        ({"include": 5}, (None, None)),
    ],
)
def test_logprobs(members: dict[str, Any], wanted: tuple[bool | None, int | None]) -> None:
    sampling = read(**members).sampling
    assert (sampling.logprobs, sampling.top_logprobs) == wanted


def test_limits_and_wishes() -> None:
    request = read(
        max_output_tokens=9,
        temperature=0.2,
        top_p=0.9,
        top_logprobs=2,
        stream=True,
        parallel_tool_calls=False,
        service_tier="flex",
        prompt_cache_key="k",
        user="u",
    )
    assert (request.max_tokens, request.sampling.temperature, request.sampling.top_p) == (9, 0.2, 0.9)
    assert (request.sampling.top_logprobs, request.stream, request.parallel_tools) == (2, True, False)
    assert (request.service_tier, request.cache_key, request.session, request.user) == ("flex", "k", "k", "u")


def test_who_asks_and_in_which_session() -> None:
    request = read({"session-id": "s"}, safety_identifier="safe", user="u", prompt_cache_key="k")
    assert (request.user, request.session) == ("safe", "s")


def test_instructions_come_first() -> None:
    (first, second) = read(instructions="Be brief.").turns
    assert (first.role, first.parts, first.path, second.role) == (
        "system",
        (Text("Be brief."),),
        "instructions",
        "user",
    )
    assert len(read(instructions="").turns) == 1


@pytest.mark.parametrize(
    ("said", "reasoning"),
    [
        (None, Reasoning()),
        ({}, Reasoning()),
        ({"effort": "high", "summary": "detailed"}, Reasoning(effort="high", display="detailed")),
        ({"effort": "none"}, Reasoning("off", "none")),
        ({"effort": "ultra"}, Reasoning(effort="max")),
        ({"summary": "none"}, Reasoning()),
        ({"generate_summary": "auto", "context": "all_turns"}, Reasoning(display="auto")),
    ],
)
def test_reasoning(said: Any, reasoning: Reasoning) -> None:
    assert read(reasoning=said).reasoning == reasoning


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (None, None),
        ({}, None),
        ({"verbosity": "low"}, None),
        ({"format": {"type": "text"}}, None),
        ({"format": {"type": "json_object"}}, OutputFormat()),
        (
            {
                "format": {
                    "type": "json_schema",
                    "name": "n",
                    "schema": {"type": "object"},
                    "strict": True,
                    "description": "d",
                }
            },
            OutputFormat({"type": "object"}, "n", "d", strict=True),
        ),
        ({"format": {"type": "json_schema", "name": "n"}}, OutputFormat({"type": "object"}, "n")),
    ],
)
def test_the_form_of_the_answer(said: Any, wanted: OutputFormat | None) -> None:
    assert read(text=said).output_format == wanted


def test_the_last_configuration_on_the_way_counts() -> None:
    def update(**said: Any) -> dict[str, Any]:
        return {"type": "configuration_update", **said}

    items = [
        update(reasoning={"effort": "low"}),
        {"role": "user", "content": "hi"},
        update(reasoning={"effort": "high"}),
    ]
    request = read(input=items, reasoning={"effort": "medium"}, text={"format": {"type": "json_object"}})
    assert (request.reasoning, request.output_format) == (Reasoning(effort="high"), OutputFormat())


def test_a_frame_of_a_websocket_is_read_as_it_is() -> None:
    of = {"type": "response.create", "model": "m", "previous_response_id": "resp_1"}
    assert read_object(of, {}).turns == ()
    with pytest.raises(Problem, match="input: is required"):
        read_request(b'{"model":"m"}', {})


def losses_of(**members: Any) -> dict[str, bool]:
    losses = Losses()
    note_losses(read(**members), losses)
    return {loss.path: loss.warned for loss in losses.noted}


def test_what_others_have_a_place_for_is_no_loss() -> None:
    assert (
        losses_of(temperature=0.2, tools=[], metadata={"a": "b"}, store=True, stream=True, reasoning={}, text={}) == {}
    )


def test_what_only_this_dialect_knows() -> None:
    assert losses_of(client_metadata={"a": "b"}, include=["x"], x_new=None) == {
        "client_metadata": False,
        "include": False,
    }


@pytest.mark.parametrize("member", ["background", "conversation", "prompt"])
def test_what_cannot_be_done_without_is_refused(member: str) -> None:
    assert member not in losses_of(**{member: None})
    with pytest.raises(Problem, match=f"^{member}: "):
        losses_of(**{member: True})
