"""What is asked of a Responses backend besides the conversation and the tools."""

from typing import Any, Final

import msgspec
import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import HostedTool, OutputFormat, Reasoning, Request, Sampling, Text, Turn
from dragoman.hub.route import Profile
from tests.asking import PLAIN, C, M, R, Sent, asked, read, route_to, write

GO: Final = (Turn("user", (Text("go"),)),)
OPENAI: Final = Profile(family="openai", efforts=("low", "medium", "high"), openai_fields=True, sampling="none")


def written(dialect: Any = C, profile: Profile | None = None, max_output: int | None = None, **wishes: Any) -> Sent:
    request = Request(dialect=dialect, model="m", turns=GO, **wishes)
    return write(request, route_to(R, profile or PLAIN[R], max_output=max_output))


def test_nothing_is_stored_and_reasoning_comes_back() -> None:
    body = written().body
    assert body == {
        "model": "backend-model",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"summary": "auto"},
    }
    assert written(stream=True).body["stream"] is True


@pytest.mark.parametrize(("asked", "most", "said"), [(None, None, None), (3, None, 16), (99, None, 99), (99, 50, 50)])
def test_limits(asked: int | None, most: int | None, said: int | None) -> None:
    sent = written(max_tokens=asked, max_output=most)
    assert sent.body.get("max_output_tokens") == said
    assert sent.losses == ({"max_tokens": False} if most else {})


@pytest.mark.parametrize(
    ("reasoning", "said"),
    [
        (Reasoning(), {"summary": "auto"}),
        (Reasoning(effort="max"), {"effort": "high", "summary": "auto"}),
        (Reasoning("off"), {"effort": "low"}),
        (Reasoning("budget", budget=3_000), {"effort": "low", "summary": "auto"}),
        (Reasoning(effort="high", display="omitted"), {"effort": "high"}),
    ],
)
def test_how_much_to_think(reasoning: Reasoning, said: Any) -> None:
    assert written(M, OPENAI, reasoning=reasoning).body.get("reasoning") == said


def test_the_nearest_word_is_a_loss() -> None:
    assert written(profile=OPENAI, reasoning=Reasoning(effort="max")).losses == {"reasoning": False}
    assert written(profile=OPENAI, reasoning=Reasoning(effort="low")).losses == {}


def test_a_model_that_knows_no_effort() -> None:
    sent = written(profile=Profile(efforts=()), reasoning=Reasoning(effort="high"))
    assert ("reasoning" in sent.body, sent.losses) == (False, {"reasoning": False})


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (OutputFormat(), {"type": "json_object"}),
        (
            OutputFormat({"type": "object"}),
            {"type": "json_schema", "name": "response", "schema": {"type": "object"}, "strict": True},
        ),
        (
            OutputFormat({"type": "object"}, "n", "d", strict=False),
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "description": "d", "strict": False},
        ),
    ],
)
def test_the_form_of_the_answer(wanted: OutputFormat, said: Any) -> None:
    assert written(output_format=wanted).body["text"] == {"format": said}


def test_logprobs_are_asked_for_by_their_name() -> None:
    sent = written(sampling=Sampling(logprobs=True, top_logprobs=2))
    assert "message.output_text.logprobs" in sent.body["include"]
    assert (sent.body["top_logprobs"], sent.losses) == (2, {})
    assert "message.output_text.logprobs" not in written().body["include"]


def test_sampling() -> None:
    sent = written(sampling=Sampling(temperature=0.2, top_p=0.9, top_logprobs=2, seed=7, frequency_penalty=0))
    assert {key: sent.body[key] for key in ("temperature", "top_p", "top_logprobs")} == {
        "temperature": 0.2,
        "top_p": 0.9,
        "top_logprobs": 2,
    }
    assert sent.losses == {"seed": True}
    strict = written(profile=OPENAI, sampling=Sampling(temperature=0.2))
    assert ("temperature" in strict.body, strict.losses) == (False, {"temperature": True})
    with pytest.raises(Problem, match="one answer at a time"):
        written(sampling=Sampling(n=2))


def test_who_asks_is_told_to_openai_alone() -> None:
    wishes: dict[str, Any] = {"user": "u", "session": "s", "service_tier": "standard_only"}
    body = written(M, OPENAI, **wishes).body
    assert (len(body["safety_identifier"]), len(body["prompt_cache_key"]), body["service_tier"]) == (64, 32, "default")
    assert not {"safety_identifier", "prompt_cache_key", "service_tier"} & written(M, **wishes).body.keys()


@pytest.mark.parametrize("client", [M, C])
def test_the_cache_key_is_else_the_prompts_beginning(client: Any) -> None:
    """So that OpenAI leads conversations that begin alike to the same cache, whatever comes after."""

    def sent(profile: Profile, first: str, *, system: str = "", tool: str = "f") -> dict[str, Any]:
        told = [{"role": "user", "content": first}, {"role": "assistant", "content": "Well."}]
        told.append({"role": "user", "content": "And?"})
        bare = {"name": tool, "input_schema": {"type": "object"}}
        if client == M:
            said = {"max_tokens": 99, "messages": told, "tools": [bare], **({"system": system} if system else {})}
        else:
            before = [{"role": "system", "content": system}] if system else []
            said = {"messages": [*before, *told], "tools": [{"type": "function", "function": {"name": tool}}]}
        return asked(client, said, R, profile).body

    def key(first: str, **more: Any) -> Any:
        return sent(OPENAI, first, **more)["prompt_cache_key"]

    assert key("a", system="A") == key("b", system="A")
    different = [key("a", system="A"), key("a", system="B"), key("a", system="A", tool="g"), key("a"), key("b")]
    assert len(set(different)) == len(different)
    assert all(len(each) == 32 for each in different)
    assert "prompt_cache_key" not in sent(PLAIN[R], "a", system="A")


def test_what_a_search_found_is_wanted() -> None:
    search = HostedTool(M, "web_search", {"type": "web_search_20250305", "name": "web_search"})
    assert written(M, tools=(search,)).body["include"] == [
        "web_search_call.action.sources",
        "reasoning.encrypted_content",
    ]


# Of this dialect's own clients.


def own(**members: Any) -> Request:
    return read(R, {"model": "m", "input": "go", **members})


def sent_of(request: Request) -> dict[str, Any]:
    return write(request, route_to(R, PLAIN[R])).body


def test_its_own_client_is_repeated_but_for_what_the_proxy_decides() -> None:
    body = sent_of(
        own(store=True, previous_response_id="resp_1", type="response.create", text={"verbosity": "low"}, user="u", x=1)
    )
    assert (body["store"], body["text"], body["user"], body["x"]) == (False, {"verbosity": "low"}, "u", 1)
    assert not {"previous_response_id", "type"} & body.keys()


def test_the_models_default_effort_is_added() -> None:
    default = Reasoning(effort="low")
    assert sent_of(msgspec.structs.replace(own(), reasoning=default))["reasoning"] == {"effort": "low"}
    said = own(reasoning={"summary": "auto"})
    assert sent_of(msgspec.structs.replace(said, reasoning=default))["reasoning"] == {"summary": "auto"}
    update = {"type": "configuration_update", "reasoning": {"effort": "high"}}
    assert "reasoning" not in sent_of(own(input=[{"role": "user", "content": "go"}, update]))


@pytest.mark.parametrize("backend", [R, C])
@pytest.mark.parametrize("client", [R, C])
def test_openai_hears_what_its_own_clients_say_of_the_account(client: Any, backend: Any) -> None:
    """Codex asks for the tier its user pays for; a key of the client's own is the one its cache is under."""
    asking = {"input": "go"} if client == R else {"messages": [{"role": "user", "content": "go"}]}
    wishes = {"service_tier": "priority", "prompt_cache_key": "thread-1"}
    sent = asked(client, asking | wishes, backend, OPENAI).body
    assert {name: sent[name] for name in wishes} == wishes
