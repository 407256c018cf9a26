"""Which tools the proxy runs, and how the model is told of them."""

from typing import Any, Final

import msgspec
import pytest

from dragoman.gateway.server_tools import runs_itself, unforced
from dragoman.hub.request import Dialect, ToolChoice
from dragoman.hub.route import Backend, Profile, Secret
from dragoman.protocols import CLIENTS
from dragoman.routing.profiles import FAMILIES
from dragoman.wire import jsons
from tests.agents.script import Call, Words
from tests.gateway.stage import (
    House,
    chat_body,
    house,
    messages_body,
    model,
    origin,
    playback,
    responses_body,
    run,
    says,
)
from tests.gateway.test_rounds import (
    ASKING,
    MESSAGES_TOOL,
    PAGE,
    SEARCH,
    TOLD,
    Fetching,
    Searching,
    bodies,
    has,
    plays,
    serving,
)

OWN: Final = {"name": "look", "input_schema": {"type": "object"}}


def request(dialect: Dialect) -> Any:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "input": "hi"}
    return CLIENTS[dialect].read_request(jsons.write(body), {})


@pytest.mark.parametrize(
    ("client", "family", "backend", "searches", "fetches"),
    [
        ("anthropic-messages", "anthropic", "anthropic-messages", True, True),
        ("openai-chat", "anthropic", "anthropic-messages", True, False),
        ("openai-responses", "anthropic", "anthropic-messages", True, False),
        ("openai-chat", "openai", "openai-responses", True, False),
        ("anthropic-messages", "openai", "openai-responses", True, False),
        ("openai-responses", "openai", "openai-responses", True, False),
        ("openai-chat", "openai", "openai-chat", True, False),
        ("anthropic-messages", "openai", "openai-chat", False, False),
        ("openai-responses", "vllm", "openai-responses", False, False),
        ("anthropic-messages", "anthropic-like", "anthropic-messages", False, False),
    ],
)
def test_who_runs_them_itself(client: Dialect, family: str, backend: Dialect, searches: bool, fetches: bool) -> None:
    there = Backend("http://x", Secret(""), backend, FAMILIES[family])
    asked = request(client)
    assert runs_itself("web_search", asked, there) is searches
    assert runs_itself("web_fetch", asked, there) is fetches
    assert not runs_itself("web_search", asked, Backend("http://x", Secret(""), backend, Profile()))


@pytest.mark.parametrize(
    ("said", "then"),
    [
        (None, None),
        (ToolChoice("none"), ToolChoice("none")),
        (ToolChoice("required"), ToolChoice("auto")),
        (ToolChoice("named", ("f",)), ToolChoice("auto")),
        (ToolChoice("allowed", ("f",), required=True), ToolChoice("allowed", ("f",))),
    ],
)
def test_a_choice_forces_once(said: ToolChoice | None, then: ToolChoice | None) -> None:
    assert unforced(said) == then


def test_the_tool_stands_where_it_stood() -> None:
    async def main() -> None:
        async with playback(says(Words("ok"))) as backend, serving(backend, Searching()) as served:
            body = messages_body(tools=[OWN, MESSAGES_TOOL, {**OWN, "name": "see"}, {**MESSAGES_TOOL, "name": "other"}])
            heard = await served.ask("/v1/messages", body)
            assert "x-dragoman-loss" not in heard.headers
            (asked,) = bodies(backend)
        assert [tool["function"]["name"] for tool in asked["tools"]] == ["look", "web_search", "see"]
        assert asked["tools"][1]["function"]["description"] == "Search the web."

    run(main)


def test_a_search_of_responses_opens_pages_too() -> None:
    async def main() -> None:
        tool = {"type": "web_search"}
        rounds = plays((Call("web_fetch", {"url": PAGE.url}),), (Words("ok"),), (Words("ok"),))
        async with playback(rounds) as backend, serving(backend, Searching(), Fetching()) as served:
            heard = await served.ask("/v1/responses", responses_body(tools=[tool]))
            opened = heard.json["output"][0]
            assert (opened["type"], opened["action"]) == ("web_search_call", {"type": "open_page", "url": PAGE.url})
            await served.ask("/v1/responses", responses_body(tools=[{**tool, "external_web_access": False}]))
            first, *_, last = bodies(backend)
        assert [t["function"]["name"] for t in first["tools"]] == ["web_search", "web_fetch"]
        assert [t["function"]["name"] for t in last["tools"]] == ["web_search"]

    run(main)


def test_pages_are_not_opened_for_a_backend_that_searches_itself() -> None:
    async def main() -> None:
        profile = {"family": "openai"}
        async with (
            playback(says(Words("ok"))) as backend,
            serving(backend, Searching(), Fetching(), type_="responses", profile=profile) as served,
        ):
            await served.ask("/v1/messages", messages_body(tools=[MESSAGES_TOOL]))
            await served.ask("/v1/responses", responses_body(tools=[{"type": "web_search"}]))
            assert [body["tools"] for body in bodies(backend)] == [[{"type": "web_search"}]] * 2

    run(main)


def test_what_was_found_is_told_to_a_backend_that_searches_itself() -> None:
    tools = [{"type": "web_search"}]
    profile = {"server_tools": ["web_search"]}

    async def main() -> None:
        async with playback(plays((SEARCH,), (Words("ok"),))) as backend:
            models = [
                model("m", origin(backend) + "/v1", type="responses"),
                model("n", origin(backend) + "/v1", type="responses", profile=profile),
            ]
            async with house(models) as served:
                served.app._gateway = msgspec.structs.replace(served.gateway, tools=has(Searching()))
                heard = await served.ask("/v1/responses", responses_body(tools=tools))
                brought = [
                    {"role": "user", "content": "hi"},
                    *heard.json["output"],
                    {"role": "user", "content": "and?"},
                ]
                await served.ask("/v1/responses", responses_body(model="n", input=brought, tools=tools))
            *_, last = bodies(backend)
        assert last["tools"] == tools
        assert "web_search_call" not in str(last["input"])
        assert last["input"][1]["content"][0]["text"].endswith(TOLD)

    run(main)


@pytest.mark.parametrize("client", ["responses", "chat"])
def test_a_search_that_the_backend_has_is_asked_for_in_its_words(client: str) -> None:
    place = {"type": "approximate", "city": "Bern", "country": "CH"}
    asking: dict[str, dict[str, Any]] = {
        "responses": {
            "tools": [{"type": "web_search", "filters": {"allowed_domains": ["a.example"]}, "user_location": place}]
        },
        "chat": {"web_search_options": {"user_location": {"type": "approximate", "approximate": place}}},
    }
    domains = {"allowed_domains": ["a.example"]} if client == "responses" else {}
    said = {"type": "web_search_20250305", "name": "web_search", **domains, "user_location": place}

    async def main() -> None:
        path, body, _ = ASKING[client]
        async with (
            playback(says(Words("ok"))) as backend,
            serving(backend, type_="anthropic", profile={"family": "anthropic"}) as served,
        ):
            heard = await served.ask(path, body(**asking[client]))
            assert (heard.status, "x-dragoman-loss" in heard.headers) == (200, False)
            (asked,) = bodies(backend)
        assert asked["tools"] == [said]

    run(main)


def test_a_search_that_a_responses_backend_has_is_asked_for_by_chat_clients() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("ok"))) as backend,
            serving(backend, type_="responses", profile={"family": "openai"}) as served,
        ):
            heard = await served.ask("/v1/chat/completions", chat_body(web_search_options={}))
            assert (heard.status, "x-dragoman-loss" in heard.headers) == (200, False)
            (asked,) = bodies(backend)
        assert asked["tools"] == [{"type": "web_search"}]

    run(main)


def test_a_function_of_the_same_name_is_the_clients() -> None:
    own = {"type": "function", "name": "web_search", "parameters": {"type": "object", "properties": {}}}

    async def main() -> None:
        async with (
            playback(says(Words("ok"))) as backend,
            serving(backend, type_="anthropic", profile={"family": "anthropic"}) as served,
        ):
            heard = await served.ask("/v1/responses", responses_body(tools=[{"type": "web_search"}, own]))
            assert heard.headers["x-dragoman-loss"] == "tools.web_search"
            (asked,) = bodies(backend)
        assert [tool.get("type") for tool in asked["tools"]] == [None]

    run(main)


def test_later_turns_call_the_tool_what_the_model_called_it() -> None:
    own = {"type": "function", "name": "web_search", "parameters": {"type": "object", "properties": {}}}
    tools = [own, {"type": "web_search"}]

    async def main() -> None:
        search = Call("web_search_2", {"query": "ducks"})
        async with playback(plays((search,), (Words("ok"),))) as backend, serving(backend, Searching()) as served:
            heard = await served.ask("/v1/responses", responses_body(tools=tools))
            again = [{"role": "user", "content": "hi"}, *heard.json["output"], {"role": "user", "content": "and?"}]
            await served.ask("/v1/responses", responses_body(tools=tools, input=again))
            _, second, last = bodies(backend)
        assert second["messages"][-2]["tool_calls"] == last["messages"][1]["tool_calls"]

    run(main)


def test_tools_that_responses_may_use_are_named_as_they_are_told() -> None:
    tools = [{"type": "web_search_preview"}, {"type": "function", "name": "look", "parameters": {}}]
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search_preview"}]}

    async def main() -> None:
        async with (
            playback(says(Words("ok"))) as backend,
            serving(backend, Searching(), profile={"openai_fields": True}) as served,
        ):
            await served.ask("/v1/responses", responses_body(tools=tools, tool_choice=allowed))
            (asked,) = bodies(backend)
        named = asked["tool_choice"]["allowed_tools"]["tools"]
        assert named == [{"type": "function", "function": {"name": "web_search"}}]

    run(main)


# What is relayed although the proxy has tools.

SPOKEN: Final = {"messages": "anthropic", "responses": "responses", "chat": "openai"}


async def rail(served: House, path: str, body: dict[str, Any], caplog: pytest.LogCaptureFixture) -> str:
    caplog.clear()
    assert (await served.ask(path, body)).status == 200
    (line,) = [record.entry for record in caplog.records if hasattr(record, "entry")]
    return str(line.rail)


@pytest.mark.parametrize("client", ASKING)
def test_only_who_asks_for_such_a_tool_is_not_relayed(client: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    path, body, tools = ASKING[client]

    async def main() -> None:
        async with (
            playback(says(Words("ok"))) as backend,
            serving(backend, Searching(), type_=SPOKEN[client]) as served,
        ):
            assert await rail(served, path, body(), caplog) == "relay"
            assert await rail(served, path, body(metadata={"web_search": "a word"}), caplog) == "relay"
            assert await rail(served, path, body(**tools), caplog) == "translate"
            heard = await served.ask(path, body(tools=[7]))
            assert heard.status in (200, 400)

    run(main)


def test_who_searches_itself_is_relayed_unless_forced(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    profile = {"server_tools": ["web_search"]}

    async def main() -> None:
        async with playback(says(Words("ok"))) as backend:
            for force, wanted in ((False, "relay"), (True, "translate")):
                async with serving(
                    backend, Searching(), type_="anthropic", profile=profile, force_pipeline=force
                ) as served:
                    assert await rail(served, "/v1/messages", messages_body(tools=[MESSAGES_TOOL]), caplog) == wanted

    run(main)


def test_chat_clients_that_are_given_search_are_not_relayed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def main() -> None:
        async with playback(says(Words("ok"))) as backend:
            async with serving(backend, Searching(), processors={"web_search": "always"}) as served:
                assert await rail(served, "/v1/chat/completions", chat_body(), caplog) == "translate"
                assert await rail(served, "/v1/chat/completions", chat_body(n=2), caplog) == "relay"
            async with house([model("m", f"{origin(backend)}/v1", processors={"web_search": "always"})]) as served:
                assert await rail(served, "/v1/chat/completions", chat_body(), caplog) == "relay"

    run(main)


def test_declared_tools_are_counted() -> None:
    async def main() -> None:
        async with playback(says(Words("ok"))) as backend, serving(backend, Searching()) as served:
            bare = await served.ask("/v1/messages/count_tokens", messages_body())
            more = await served.ask("/v1/messages/count_tokens", messages_body(tools=[MESSAGES_TOOL]))
        assert more.json["input_tokens"] > bare.json["input_tokens"]

    run(main)
