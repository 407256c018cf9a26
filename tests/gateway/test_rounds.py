"""An answer for which the proxy runs tools, as clients of each dialect hear it and the backend is asked."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import pytest

from dragoman.gateway.gateway import ToolsFor
from dragoman.hub.request import Fetched, FunctionTool, Hit, Searched
from dragoman.tools.tool import Ran, ServerTool, Wishes
from dragoman.wire import jsons
from tests.agents.script import Call, Said, Thought, Words
from tests.gateway.stage import (
    STREAM,
    Answer,
    Heard,
    House,
    chat_body,
    chunk,
    cuts_after,
    hangs_after,
    house,
    messages_body,
    model,
    origin,
    playback,
    replies,
    responses_body,
    run,
    says,
    streams,
    whole,
)
from tests.gateway.test_exchange import entries_of
from tests.net.scripted import Asked, Backend, Peer, until

PAGE: Final = Hit("https://lab.example/ducks", "Ducks", "Ducks swim.")
TOLD: Final = "1. Ducks (https://lab.example/ducks)\nDucks swim."
FINAL: Final = "See [Ducks](https://lab.example/ducks)."
SEARCH: Final = Call("web_search", {"query": "ducks"})
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


class Searching:
    """A search that finds one page, and notes what it was asked."""

    def __init__(self, problem: str | None = None) -> None:
        self.asked: list[tuple[dict[str, Any], Wishes]] = []
        self.problem = problem
        self.under_way = 0
        self.most = 0

    @property
    def declaration(self) -> FunctionTool:
        return FunctionTool(
            "web_search", "Search the web.", {"type": "object", "properties": {"query": {"type": "string"}}}
        )

    async def run(self, arguments: dict[str, Any], wishes: Wishes) -> Ran:
        self.asked.append((arguments, wishes))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        query = str(arguments.get("query"))
        if self.problem:
            return Ran("The search failed.", Searched("openai-chat", (query,), problem=self.problem))
        return Ran(TOLD, Searched("openai-chat", (query,), (PAGE,)))


class Fetching:
    @property
    def declaration(self) -> FunctionTool:
        return FunctionTool("web_fetch", "Read a page.", {"type": "object", "properties": {"url": {"type": "string"}}})

    async def run(self, arguments: dict[str, Any], wishes: Wishes) -> Ran:
        page = Fetched(str(arguments.get("url")), "Ducks", "Ducks swim.", "text/html", 1_790_000_000.0)
        return Ran(f"[page {page.url}]\n{page.text}", page)


def plays(*rounds: Sequence[Said] | Answer) -> Answer:
    """Answer each request with the next of these, and with the last from then on."""
    left = list(rounds)

    async def answer(peer: Peer, asked: Asked) -> None:
        said = left.pop(0) if len(left) > 1 else left[0]
        await (said if callable(said) else says(*said))(peer, asked)

    return answer


def has(*tools: ServerTool) -> ToolsFor:
    """A house in which every model has these tools."""
    by_kind = {tool.declaration.name: tool for tool in tools}
    return lambda _snapshot, _model: by_kind


@contextlib.asynccontextmanager
async def serving(
    backend: Backend | str, *tools: ServerTool, type_: str = "openai", **more: Any
) -> AsyncIterator[House]:
    url = backend if isinstance(backend, str) else origin(backend) + ("" if type_ == "anthropic" else "/v1")
    async with house([model("m", url, type=type_, **more)]) as served:
        served.app._gateway = msgspec.structs.replace(served.gateway, tools=has(*tools))
        yield served


def bodies(backend: Backend) -> list[dict[str, Any]]:
    return [jsons.read(asked.body) for asked in backend.asked]


# One client of each dialect: where it asks, with which body, and what it is then told.

MESSAGES_TOOL: Final = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
ASKING: Final[dict[str, tuple[str, Callable[..., dict[str, Any]], dict[str, Any]]]] = {
    "messages": ("/v1/messages", messages_body, {"tools": [MESSAGES_TOOL]}),
    "responses": ("/v1/responses", responses_body, {"tools": [{"type": "web_search"}]}),
    "chat": ("/v1/chat/completions", chat_body, {"web_search_options": {}}),
}
each_client = pytest.mark.parametrize("client", ASKING)


async def ask(served: House, client: str, **more: Any) -> Heard:
    path, body, tools = ASKING[client]
    return await served.ask(path, body(**{**tools, **more}))


def content(client: str, heard: Heard) -> list[tuple[str, Any]]:
    """What the client was told, by kind, in order."""
    assert heard.status == 200, heard.body
    if client == "chat":
        return _chat_content(heard)
    if client == "messages":
        return [_block(block) for block in _blocks(heard)]
    said = heard.frames[-1]["response"] if heard.body.startswith(b"event") else heard.json
    return [_item(item) for item in said["output"]]


def _block(block: Mapping[str, Any]) -> tuple[str, Any]:
    match block["type"]:
        case "text" | "thinking" as kind:
            return kind, block[kind]
        case "tool_use" | "server_tool_use" as kind:
            return kind, (block["name"], block["input"])
        case kind:
            found = block["content"]
            return kind, [hit["url"] for hit in found] if isinstance(found, list) else found


def _blocks(heard: Heard) -> list[dict[str, Any]]:
    if not heard.body.startswith(b"event"):
        blocks: list[dict[str, Any]] = heard.json["content"]
        return blocks
    blocks = []
    for event in heard.frames:
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append({**event["content_block"], "grown": ""})
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], blocks[event["index"]]
            assert event["index"] == len(blocks) - 1
            match delta["type"]:
                case "text_delta":
                    block["text"] += delta["text"]
                case "thinking_delta":
                    block["thinking"] += delta["thinking"]
                case "input_json_delta":
                    block["grown"] += delta["partial_json"]
                    with contextlib.suppress(jsons.JSONError):
                        block["input"] = jsons.read(block["grown"])
                case "citations_delta":
                    block.setdefault("citations", []).append(delta["citation"])
    assert heard.frames[-1]["type"] == "message_stop"
    return blocks


def _item(item: Mapping[str, Any]) -> tuple[str, Any]:
    match item["type"]:
        case "message":
            return "text", item["content"][0]["text"]
        case "reasoning":
            return "thinking", item["summary"][0]["text"]
        case "function_call" as kind:
            return kind, (item["name"], jsons.read(item["arguments"]))
        case kind:
            return kind, (item["status"], item["action"])


def _chat_content(heard: Heard) -> list[tuple[str, Any]]:
    if not heard.body.startswith(b"data"):
        message = heard.json["choices"][0]["message"]
        calls = [(c["function"]["name"], jsons.read(c["function"]["arguments"])) for c in message.get("tool_calls", [])]
        thought = message.get("reasoning_content")
        text = message["content"]
    else:
        deltas = [frame["choices"][0]["delta"] for frame in heard.frames if frame["choices"]]
        thought = "".join(delta.get("reasoning_content", "") for delta in deltas)
        text = "".join(delta.get("content", "") for delta in deltas)
        grown: dict[int, list[str]] = {}
        for delta in deltas:
            for call in delta.get("tool_calls", []):
                grown.setdefault(call["index"], [call["function"].get("name", "")]).append(
                    call["function"]["arguments"]
                )
        calls = [(name, jsons.read("".join(pieces))) for name, *pieces in grown.values()]
    said: list[tuple[str, Any]] = [("thinking", thought)] if thought else []
    return [*said, *([("text", text)] if text else []), *(("function_call", call) for call in calls)]


SEARCHED: Final[dict[str, list[tuple[str, Any]]]] = {
    "messages": [("server_tool_use", ("web_search", {"query": "ducks"})), ("web_search_tool_result", [PAGE.url])],
    "responses": [("web_search_call", ("completed", {"type": "search", "query": "ducks", "queries": ["ducks"]}))],
    "chat": [],
}


@each_client
@streamed
def test_a_search_is_run_and_shown(client: str, stream: bool) -> None:
    search = Searching()

    async def main() -> None:
        first, second = (Thought("hm"), Words("Let me look."), SEARCH), (Words(FINAL),)
        async with playback(plays(first, second)) as backend, serving(backend, search) as served:
            heard = await ask(served, client, stream=stream)
            asked, again = bodies(backend)
        texts = [("text", f"Let me look.\n\n{FINAL}")]
        if client != "chat":
            texts = [("text", "Let me look."), *SEARCHED[client], ("text", FINAL)]
        assert content(client, heard) == [("thinking", "hm"), *texts]
        assert [tool["function"]["name"] for tool in asked["tools"]] == ["web_search"]
        assert search.asked == [({"query": "ducks"}, Wishes())]
        said, found = again["messages"][-2:]
        assert (said["role"], said["content"], said["reasoning_content"]) == ("assistant", "Let me look.", "hm")
        assert found == {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": TOLD}
        assert again["messages"][:-2] == asked["messages"]
        assert again["tools"] == asked["tools"]

    run(main)


@each_client
@streamed
def test_citations_and_counts(client: str, stream: bool) -> None:
    async def main() -> None:
        async with playback(plays((SEARCH,), (Words(FINAL),))) as backend, serving(backend, Searching()) as served:
            counting = {"stream_options": {"include_usage": True}} if client == "chat" and stream else {}
            heard = await ask(served, client, stream=stream, **counting)
        start, end = 4, len(FINAL) - 1
        if client == "messages":
            (cited,) = _blocks(heard)[-1]["citations"]
            assert (cited["type"], cited["url"]) == ("web_search_result_location", PAGE.url)
            assert cited["cited_text"] == "Ducks swim."
            usage = heard.frames[-2]["usage"] if stream else heard.json["usage"]
            assert usage["server_tool_use"] == {"web_search_requests": 1, "web_fetch_requests": 0}
        elif client == "responses":
            said = heard.frames[-1]["response"] if stream else heard.json
            (cited,) = said["output"][-1]["content"][0]["annotations"]
            assert (cited["type"], cited["url"], cited["start_index"], cited["end_index"]) == (
                "url_citation",
                PAGE.url,
                start,
                end,
            )
            usage = said["usage"]
        else:
            message = heard.frames[-2]["choices"][0]["delta"] if stream else heard.json["choices"][0]["message"]
            cited = message["annotations"][0]["url_citation"]
            assert (cited["url"], cited["start_index"], cited["end_index"]) == (PAGE.url, start, end)
            usage = (heard.frames[-1] if stream else heard.json)["usage"]
        asked = {
            "chat": ("prompt_tokens", 3000),
            "responses": ("input_tokens", 3000),
            "messages": ("input_tokens", 2400),
        }
        assert usage[asked[client][0]] == asked[client][1]  # of both rounds; Messages counts cached tokens apart

    run(main)


@streamed
def test_codex_is_told_what_fills_its_window(stream: bool) -> None:
    """It compacts by what it is told of the last prompt, which a sum of prompts is not."""

    async def main() -> None:
        async with playback(plays((SEARCH,), (Words(FINAL),))) as backend, serving(backend, Searching()) as served:
            heard = await ask(served, "responses", stream=stream, client_metadata={"x": "y"})
        usage = (heard.frames[-1]["response"] if stream else heard.json)["usage"]
        assert (usage["input_tokens"], usage["output_tokens"]) == (1500, 84)

    run(main)


@each_client
@streamed
def test_a_failed_search_is_told_and_shown(client: str, stream: bool) -> None:
    async def main() -> None:
        search = Searching("unavailable")
        async with playback(plays((SEARCH,), (Words("Sorry."),))) as backend, serving(backend, search) as served:
            heard = await ask(served, client, stream=stream)
            _, again = bodies(backend)
        assert again["messages"][-1]["content"] == "The search failed."
        kinds = [kind for kind, _ in content(client, heard)]
        if client == "messages":
            assert content(client, heard)[1][1] == {"type": "web_search_tool_result_error", "error_code": "unavailable"}
        elif client == "responses":
            assert content(client, heard)[0][1][0] == "failed"
        assert kinds[-1] == "text"

    run(main)


@each_client
def test_a_tool_with_a_bug_does_not_end_the_answer(client: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Searching):
        async def run(self, arguments: dict[str, Any], wishes: Wishes) -> Ran:
            raise KeyError(arguments["query"])

    async def main() -> None:
        async with playback(plays((SEARCH, SEARCH), (Words("ok"),))) as backend, serving(backend, Broken()) as served:
            assert content(client, await ask(served, client))[-1] == ("text", "ok")
            assert "Go on without it." in bodies(backend)[-1]["messages"][-1]["content"]

    run(main)
    assert "web_search: KeyError" in caplog.text


@streamed
def test_several_searches_run_at_once_and_no_more_than_the_client_allows(stream: bool) -> None:
    searches = [Call("web_search", {"query": f"q{number}"}) for number in range(4)]

    async def main() -> None:
        search = Searching()
        async with (
            playback(plays(searches, (SEARCH,), (SEARCH,), (Words(FINAL),))) as backend,
            serving(backend, search) as served,
        ):
            heard = await ask(served, "messages", stream=stream, tools=[{**MESSAGES_TOOL, "max_uses": 3}])
            asked = bodies(backend)
        assert [given["query"] for given, _ in search.asked] == ["q0", "q1", "q2"]
        assert search.most > 1
        results = [shown for kind, shown in content("messages", heard) if kind == "web_search_tool_result"]
        exceeded = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
        assert results == [[PAGE.url]] * 3 + [exceeded] * 3
        assert "tools" in asked[1]
        assert "tools" not in asked[2]  # it would call on and on
        assert [message["role"] for message in asked[1]["messages"]][-5:] == ["assistant", *["tool"] * 4]

    run(main)


def test_a_model_that_never_stops_calling_is_stopped() -> None:
    async def main() -> None:
        search = Searching()
        async with playback(says(SEARCH)) as backend, serving(backend, search) as served:
            heard = await ask(served, "chat", stream=True)
            assert len(backend.asked) == len(search.asked) == 16
        assert heard.frames[-1]["choices"][0]["finish_reason"] == "stop"

    run(main)


@each_client
@streamed
def test_calls_of_the_clients_own_tools_end_the_turn(client: str, stream: bool) -> None:
    """And what was found is told with the next request, though the client saw no call."""
    own: dict[str, Any] = {"type": "function", "name": "look", "parameters": {"type": "object"}}
    tools = {
        "messages": [MESSAGES_TOOL, {"name": "look", "input_schema": {"type": "object"}}],
        "responses": [{"type": "web_search"}, own],
        "chat": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
    }[client]

    async def main() -> None:
        first = (Words("Both."), SEARCH, Call("look", {"at": "x"}))
        async with playback(plays(first, (Words(FINAL),))) as backend, serving(backend, Searching()) as served:
            heard = await ask(served, client, stream=stream, tools=tools)
            said = content(client, heard)
            own_call = ("tool_use" if client == "messages" else "function_call", ("look", {"at": "x"}))
            assert said == [("text", "Both."), *SEARCHED[client], own_call]
            assert len(backend.asked) == 1
            history = answered(client, heard)
            await ask(served, client, stream=stream, tools=tools, **history)
            _, again = bodies(backend)
        assert [(m["role"], m.get("content")) for m in again["messages"][1:]] in (
            [("assistant", "Both."), ("tool", TOLD), ("assistant", ""), ("tool", "seen")],
            [("assistant", ""), ("tool", TOLD), ("assistant", "Both."), ("tool", "seen")],  # Chat tells no order
        )
        names = [c["function"]["name"] for m in again["messages"] for c in m.get("tool_calls", [])]
        assert names == ["web_search", "look"]

    run(main)


def answered(client: str, heard: Heard) -> dict[str, Any]:
    """The conversation so far, as the client brings it back with the result of its own call."""
    asked = {"role": "user", "content": "hi"}
    if client == "messages":
        blocks = [{key: value for key, value in b.items() if key != "grown"} for b in _blocks(heard)]
        result = {"type": "tool_result", "tool_use_id": blocks[-1]["id"], "content": "seen"}
        return {"messages": [asked, {"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]}
    if client == "responses":
        items = (heard.frames[-1]["response"] if heard.body.startswith(b"event") else heard.json)["output"]
        result = {"type": "function_call_output", "call_id": items[-1]["call_id"], "output": "seen"}
        return {"input": [asked, *items, result]}
    text = dict(_chat_content(heard))["text"]
    calls = [delta for frame in _deltas(heard) for delta in frame.get("tool_calls", [])]
    function = {"name": "look", "arguments": '{"at":"x"}'}
    call = {"id": calls[0]["id"], "type": "function", "function": function}
    said = {"role": "assistant", "content": text, "tool_calls": [call]}
    return {"messages": [asked, said, {"role": "tool", "tool_call_id": call["id"], "content": "seen"}]}


def _deltas(heard: Heard) -> list[dict[str, Any]]:
    if heard.body.startswith(b"data"):
        return [frame["choices"][0]["delta"] for frame in heard.frames if frame["choices"]]
    return [heard.json["choices"][0]["message"]]


@pytest.mark.parametrize("client", ["messages", "responses"])
def test_what_was_found_is_told_again_as_it_was_told(client: str) -> None:
    async def main() -> None:
        rounds = ((SEARCH, SEARCH), (Words("More."), SEARCH), (Words(FINAL),), (Words("Yes."),))
        async with playback(plays(*rounds)) as backend, serving(backend, Searching()) as served:
            heard = await ask(served, client)
            asked = {"role": "user", "content": "hi"}
            more = {"role": "user", "content": "sure?"}
            history: dict[str, Any] = {
                "messages": {"messages": [asked, {"role": "assistant", "content": heard.json.get("content")}, more]},
                "responses": {"input": [asked, *heard.json.get("output", ()), more]},
            }[client]
            await ask(served, client, **history)
            *_, third, last = bodies(backend)
        shape = [without_ids(message) for message in third["messages"]]
        again = [without_ids(message) for message in last["messages"]]
        assert again == [*shape, {"role": "assistant", "content": FINAL}, more]
        for message in last["messages"]:
            assert len({c["id"] for c in message.get("tool_calls", [])}) == len(message.get("tool_calls", []))

    run(main)


def without_ids(message: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in message.items() if key != "tool_call_id"}
    if "tool_calls" in said:
        said["tool_calls"] = [call["function"] for call in said["tool_calls"]]
    return said


def test_what_was_found_is_told_to_chat_clients_models_again() -> None:
    async def main() -> None:
        answer = f"{FINAL} {'Ducks are birds. ' * 5}"
        async with playback(plays((SEARCH,), (Words(answer),), (Words("Yes."),))) as backend:
            async with serving(backend, Searching()) as served:
                heard = await ask(served, "chat")
                text = heard.json["choices"][0]["message"]["content"]
                history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": text}]
                await ask(served, "chat", messages=[*history, {"role": "user", "content": "sure?"}])
            *_, last = bodies(backend)
        assert [(m["role"], m["content"]) for m in last["messages"]] == [
            ("user", "hi"),
            ("assistant", ""),
            ("tool", TOLD),
            ("assistant", text),
            ("user", "sure?"),
        ]

    run(main)


@pytest.mark.parametrize("client", ["messages", "responses"])
def test_a_forced_search_is_forced_once(client: str) -> None:
    choice = {"messages": {"type": "tool", "name": "web_search"}, "responses": {"type": "web_search"}}[client]

    async def main() -> None:
        async with playback(plays((SEARCH,), (Words(FINAL),))) as backend, serving(backend, Searching()) as served:
            await ask(served, client, tool_choice=choice)
            first, second = bodies(backend)
        assert first["tool_choice"] == {"type": "function", "function": {"name": "web_search"}}
        assert second["tool_choice"] == "auto"

    run(main)


def test_a_function_of_the_same_name_stays_the_clients() -> None:
    own = {"name": "web_search", "input_schema": {"type": "object"}}

    async def main() -> None:
        first = (Call("web_search_2", {"query": "ducks"}),)
        async with (
            playback(plays(first, (SEARCH,))) as backend,
            serving(backend, search := Searching()) as served,
        ):
            tools = [own, {"type": "web_search_20270101", "name": "search"}]
            heard = await ask(served, "messages", tools=tools, tool_choice={"type": "tool", "name": "search"})
            asked, _ = bodies(backend)
        assert [tool["function"]["name"] for tool in asked["tools"]] == ["web_search", "web_search_2"]
        assert asked["tool_choice"] == {"type": "function", "function": {"name": "web_search_2"}}
        assert len(search.asked) == 1
        assert content("messages", heard)[-1] == ("tool_use", ("web_search", {"query": "ducks"}))

    run(main)


def test_pages_are_fetched_too() -> None:
    async def main() -> None:
        call = Call("web_fetch", {"url": PAGE.url})
        async with (
            playback(plays((call,), (Words("ok"),), (Words("ok"),))) as backend,
            serving(backend, Fetching()) as served,
        ):
            tools = [{"type": "web_fetch_20250910", "name": "web_fetch", "max_content_tokens": 5}]
            heard = await ask(served, "messages", tools=tools)
            (_, called), (_, page), _ = content("messages", heard)
            assert called == ("web_fetch", {"url": PAGE.url})
            assert (page["url"], page["content"]["source"]["data"]) == (PAGE.url, "Ducks swim.")
            assert heard.json["usage"]["server_tool_use"] == {"web_search_requests": 0, "web_fetch_requests": 1}
            said = {"role": "assistant", "content": heard.json["content"]}
            history = [{"role": "user", "content": "hi"}, said, {"role": "user", "content": "and?"}]
            await ask(served, "messages", tools=tools, messages=history)
            *_, second, last = bodies(backend)
        assert list(map(without_ids, last["messages"]))[:3] == list(map(without_ids, second["messages"]))[:3]

    run(main)


@streamed
def test_responses_counts_searches_and_pages_together(stream: bool) -> None:
    page = Call("web_fetch", {"url": PAGE.url})

    async def main() -> None:
        async with (
            playback(plays((SEARCH, page), (Words(FINAL),))) as backend,
            serving(backend, Searching(), Fetching()) as served,
        ):
            await ask(served, "responses", stream=stream, tools=[{"type": "web_search"}], max_tool_calls=1)
            *_, last = bodies(backend)
        results = [message["content"] for message in last["messages"] if message["role"] == "tool"]
        assert [result == TOLD for result in results] == [True, False]

    run(main)


@each_client
def test_wishes_reach_the_tool(client: str) -> None:
    place = {"type": "approximate", "city": "Bern", "country": "CH"}
    asking: dict[str, dict[str, Any]] = {
        "messages": {"tools": [{**MESSAGES_TOOL, "allowed_domains": ["Lab.example/x"], "user_location": place}]},
        "responses": {
            "tools": [
                {
                    "type": "web_search_preview",
                    "filters": {"allowed_domains": ["lab.example"]},
                    "user_location": place,
                    "search_context_size": "high",
                }
            ]
        },
        "chat": {"web_search_options": {"user_location": {"approximate": place}, "search_context_size": "high"}},
    }

    async def main() -> None:
        search = Searching()
        async with playback(plays((SEARCH,), (Words("ok"),))) as backend, serving(backend, search) as served:
            heard = await ask(served, client, **asking[client])
            assert "x-dragoman-loss" not in heard.headers
        ((_, wishes),) = search.asked
        assert wishes.location == {"city": "Bern", "country": "CH"}
        assert wishes.allowed == {"messages": ("lab.example/x",), "responses": ("lab.example",), "chat": ()}[client]
        assert wishes.context == ("medium" if client == "messages" else "high")

    run(main)


def test_the_log_counts_what_was_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def main() -> None:
        async with (
            playback(plays((SEARCH, SEARCH), (Words(FINAL),))) as backend,
            serving(backend, Searching()) as served,
        ):
            await ask(served, "chat")
        (line,) = [record.entry for record in caplog.records if hasattr(record, "entry")]
        assert line.fields()["tool_runs"] == 2
        assert " 2 tool runs" in str(line)
        told = [record.getMessage() for record in caplog.records if "round 1" in record.getMessage()]
        assert [text.partition(":")[0] for text in told] == [line.id] * 2
        assert "ducks" not in caplog.text

    run(main)


# When it goes wrong.


@each_client
@streamed
def test_a_failure_in_a_later_round_is_an_error(client: str, stream: bool) -> None:
    async def main() -> None:
        refused = replies(whole({"error": {"message": "too busy", "type": "overloaded"}}, 529))
        first = (Words("Let me look."), SEARCH)
        async with playback(plays(first, refused)) as backend, serving(backend, Searching()) as served:
            heard = await ask(served, client, stream=stream)
        assert not heard.broken
        if not stream:
            assert heard.status >= 500
            return
        assert heard.status == 200
        last = heard.frames[-1]
        assert "error" in last or last["type"] in ("error", "response.failed")

    run(main)


def test_another_backend_is_asked_while_nothing_was_said() -> None:
    async def main() -> None:
        refused = replies(whole({"error": {"message": "too busy"}}, 503))
        async with playback(plays((SEARCH,), refused)) as one, playback(says(Words(FINAL))) as other:
            urls = [f"{origin(one)}/v1", f"{origin(other)}/v1"]
            async with house([model("m", *urls)]) as served:
                served.app._gateway = msgspec.structs.replace(served.gateway, tools=has(Searching()))
                number = 0
                while len(one.asked) < 2:  # each conversation has its own first
                    number += 1
                    heard = await ask(served, "chat", prompt_cache_key=f"{number}")
                    assert content("chat", heard) == [("text", FINAL)]

    run(main)


FAILURES: Final[dict[str, Answer]] = {
    "refused": replies(whole({"error": {"message": "too busy"}}, 503)),
    "hung up": cuts_after(b"HTTP/1.1 200 OK\r\n"),
    "broken off": cuts_after(STREAM, chunk(b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n')),
    "an error": streams(b'data: {"error":{"message":"out of memory","code":500}}\n\n'),
}


@contextlib.asynccontextmanager
async def serving_two(answer: Answer, *tools: ServerTool, **more: Any) -> AsyncIterator[tuple[House, list[Backend]]]:
    """Two backends with one script, whichever is asked first. In the end no place at them is taken."""
    async with playback(answer) as one, playback(answer) as other:
        urls = [f"{origin(each)}/v1" for each in (one, other)]
        backends = [{"url": url, **more} for url in urls]
        async with house([{"name": "m", "model": "b", "backends": backends}]) as served:
            served.app._gateway = msgspec.structs.replace(served.gateway, tools=has(*tools))
            yield served, [one, other]
            assert [served.gateway.load.under_way(url, "b") for url in urls] == [0, 0]


def asked_of(backends: Sequence[Backend]) -> list[list[dict[str, Any]]]:
    """What each was asked; who was asked more comes first."""
    return sorted(map(bodies, backends), key=len, reverse=True)


@each_client
@streamed
@pytest.mark.parametrize("how", FAILURES)
def test_a_later_round_is_asked_of_another_backend_as_long_as_it_has_said_nothing(
    how: str, client: str, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dragoman.exchange")
    search = Searching()

    async def main() -> None:
        first = (Thought("hm"), Words("Let me look."), SEARCH)
        async with serving_two(plays(first, FAILURES[how], (Words(FINAL),)), search) as (served, backends):
            heard = await ask(served, client, stream=stream)
            texts = [("text", f"Let me look.\n\n{FINAL}")]
            if client != "chat":
                texts = [("text", "Let me look."), *SEARCHED[client], ("text", FINAL)]
            assert content(client, heard) == [("thinking", "hm"), *texts]
            assert not heard.broken
            assert len(search.asked) == 1, "what was found is not searched again"
            (_, refused), (again,) = asked_of(backends)
            assert again == refused

    run(main)
    entry = entries_of(caplog)[-1]
    assert (entry.attempts, entry.problem) == (2, None)


@each_client
def test_a_round_that_has_said_something_is_not_asked_again(client: str) -> None:
    half = b'data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n'

    async def main() -> None:
        answer = plays((Words("Let me look."), SEARCH), cuts_after(STREAM, chunk(half)))
        async with serving_two(answer, Searching()) as (served, backends):
            heard = await ask(served, client, stream=True)
            last = heard.frames[-1]
            assert "error" in last or last["type"] in ("error", "response.failed")
            assert [*map(len, asked_of(backends))] == [2, 0]

    run(main)


@each_client
@streamed
def test_a_later_round_that_nobody_answers_is_an_error(client: str, stream: bool) -> None:
    refused = replies(whole({"error": {"message": "too busy"}}, 503))

    async def main() -> None:
        first = (Words("Let me look."), SEARCH)
        async with serving_two(plays(first, refused), Searching()) as (served, backends):
            heard = await ask(served, client, stream=stream)
            assert [*map(len, asked_of(backends))] == [2, 1]
            if stream:
                last = heard.frames[-1]
                assert "error" in last or last["type"] in ("error", "response.failed")
            else:
                assert heard.status in (503, 529)
            assert not heard.broken

    run(main)


@each_client
@streamed
def test_every_round_may_be_asked_of_another_backend(client: str, stream: bool) -> None:
    """And what the second backend calls is run as what the first did; its place is free afterwards."""
    refused = replies(whole({"error": {"message": "too busy"}}, 503))
    search = Searching()

    async def main() -> None:
        answer = plays((SEARCH,), refused, (SEARCH,), (Words(FINAL),))
        async with serving_two(answer, search, max_inflight=1) as (served, backends):
            heard = await ask(served, client, stream=stream)
            assert content(client, heard) == [*SEARCHED[client] * 2, ("text", FINAL)]
            assert [*map(len, asked_of(backends)), len(search.asked)] == [2, 2, 2]

    run(main)


def test_another_backend_is_asked_as_it_can_read() -> None:
    red = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{red}"}}

    def searches(then: Answer) -> Answer:
        async def answer(peer: Peer, asked: Asked) -> None:
            await (then if b"Ducks swim" in asked.body else says(SEARCH))(peer, asked)

        return answer

    async def main() -> None:
        refused = replies(whole({"error": {"message": "too busy"}}, 503))
        async with (
            playback(searches(refused)) as sees,
            playback(searches(says(Words(FINAL)))) as blind,
            playback(says(Words("a red dot"))) as eyes,
        ):
            both, third = model("m", *(f"{origin(each)}/v1" for each in (sees, blind))), f"{origin(eyes)}/v1"
            vision = {"vision": "eyes", "ocr": "none"}
            async with house([both, model("eyes", third)], processors=vision) as served:
                served.app._gateway = msgspec.structs.replace(served.gateway, tools=has(Searching()))
                await ask(served, "chat")
                served.gateway.knowledge.teach(f"{origin(sees)}/v1", "backend-m", {"vision": True})
                sees.asked.clear()
                blind.asked.clear()
                number = 0
                while not sees.asked:  # each conversation has its own first
                    number += 1
                    said = [{"role": "user", "content": [image, {"type": "text", "text": f"{number}"}]}]
                    heard = await ask(served, "chat", messages=said)
                    assert content("chat", heard) == [("text", FINAL)]
                assert all(red.encode() in each.body for each in sees.asked)
                assert not any(red.encode() in each.body for each in blind.asked)
                assert b"a red dot" in blind.asked[-1].body

    run(main)


def test_a_client_that_hangs_up_ends_the_run() -> None:
    async def main() -> None:
        running, cancelled = asyncio.Event(), asyncio.Event()

        class Slow(Searching):
            async def run(self, arguments: dict[str, Any], wishes: Wishes) -> Ran:
                running.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled.set()
                    raise
                raise AssertionError

        async with playback(says(SEARCH)) as backend, serving(backend, Slow()) as served:
            path, body, tools = ASKING["messages"]
            async with served.talk() as line:
                await line.say(path, body(**tools, stream=True))
                await running.wait()
                served.pulse()
                await line.head()
                assert b"message_start" in await line.chunk()  # it is kept company while the tool runs
                served.pulse()
                assert b"ping" in await line.chunk()
            await cancelled.wait()

    run(main)


@pytest.mark.parametrize(("client", "sign"), [("messages", b"server_tool_use"), ("responses", b"searching")])
def test_a_search_is_shown_while_it_runs(client: str, sign: bytes) -> None:
    async def main() -> None:
        goes_on = asyncio.Event()

        class Slow(Searching):
            async def run(self, arguments: dict[str, Any], wishes: Wishes) -> Ran:
                await goes_on.wait()
                return await super().run(arguments, wishes)

        async with playback(plays((SEARCH, SEARCH), (Words(FINAL),))) as backend, serving(backend, Slow()) as served:
            path, body, tools = ASKING[client]
            async with served.talk() as line:
                await line.say(path, body(**tools, stream=True))
                await line.head()
                begun = await line.chunk()
                assert sign in begun
                assert b"ducks" in begun
                goes_on.set()
                rest = b""
                while piece := await line.chunk():
                    rest += piece
        heard = Heard(b"HTTP/1.1 200 OK\r\n\r\n", begun + rest)
        assert content(client, heard) == [*SEARCHED[client], *SEARCHED[client], ("text", FINAL)]

    run(main)


def test_half_a_call_is_not_run() -> None:
    async def main() -> None:
        search = Searching()
        call = {"index": 0, "id": "c", "type": "function", "function": {"name": "web_search", "arguments": '{"que'}}
        cut = [
            {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
        ]
        frames = [b"data: " + jsons.write(frame) + b"\n\n" for frame in cut]
        async with playback(streams(*frames, b"data: [DONE]\n\n")) as backend, serving(backend, search) as served:
            heard = await ask(served, "messages", stream=True)
        assert search.asked == []
        assert _blocks(heard) == []
        assert heard.frames[-2]["delta"]["stop_reason"] == "max_tokens"

    run(main)


def test_a_client_that_hangs_up_between_rounds_ends_the_backends_work() -> None:
    async def main() -> None:
        async with playback(plays((SEARCH,), hangs_after())) as backend, serving(backend, Searching()) as served:
            path, body, tools = ASKING["responses"]
            async with served.talk() as line:
                await line.say(path, body(**tools, stream=True))
                await until(lambda: len(backend.asked) == 2)
            await backend.gone.wait()

    run(main)


# Who runs it.


@pytest.mark.parametrize("client", ["messages", "responses"])
def test_a_backend_of_the_same_dialect_without_the_tool_is_helped(client: str) -> None:
    type_ = {"messages": "anthropic", "responses": "responses"}[client]

    async def main() -> None:
        async with (
            playback(plays((SEARCH,), (Words(FINAL),), (Words("ok"),))) as backend,
            serving(backend, Searching(), type_=type_) as served,
        ):
            heard = await ask(served, client)
            assert [kind for kind, _ in content(client, heard)] == [kind for kind, _ in SEARCHED[client]] + ["text"]
            asked = {"role": "user", "content": "hi"}
            history: dict[str, Any] = {
                "messages": {"messages": [asked, {"role": "assistant", "content": heard.json.get("content")}, asked]},
                "responses": {"input": [asked, *heard.json.get("output", ()), asked]},
            }[client]
            await ask(served, client, **history)
            first, second, third = bodies(backend)
        assert first["tools"][0].get("type") in (None, "function")
        key = "messages" if client == "messages" else "input"
        text = jsons.write_text(third[key])
        assert "dgm1." not in text
        assert "server_tool_use" not in text
        assert "web_search_call" not in text
        assert len(third[key]) == len(second[key]) + 2

    run(main)


@pytest.mark.parametrize(("force", "runs"), [(False, 0), (True, 1)])
def test_a_backend_that_searches_itself_is_left_alone_unless_forced(force: bool, runs: int) -> None:
    async def main() -> None:
        search = Searching()
        profile = {"family": "anthropic"}
        rounds = plays((SEARCH,), (Words("ok"),)) if force else says(Words("ok"))
        async with (
            playback(rounds) as backend,
            serving(backend, search, type_="anthropic", profile=profile, force_pipeline=force) as served,
        ):
            await ask(served, "messages")
            asked = bodies(backend)[0]
        assert len(search.asked) == runs
        assert (asked["tools"] == [MESSAGES_TOOL]) is not force

    run(main)


def test_our_results_are_text_to_a_backend_that_searches_itself() -> None:
    async def main() -> None:
        async with playback(plays((SEARCH,), (Words(FINAL),), (Words("ok"),))) as backend:
            async with serving(backend, Searching()) as served:
                heard = await ask(served, "messages")
                sealer = served.gateway.sealer
            async with serving(backend, type_="anthropic", profile={"family": "anthropic"}) as other:
                other.app._gateway = msgspec.structs.replace(other.gateway, sealer=sealer)
                said = {"role": "assistant", "content": heard.json["content"]}
                history = [{"role": "user", "content": "hi"}, said, {"role": "user", "content": "and?"}]
                await ask(other, "messages", messages=history)
            body = bodies(backend)[-1]
        blocks = body["messages"][1]["content"]
        assert [block["type"] for block in blocks] == ["text", "text"]
        assert TOLD in blocks[0]["text"]

    run(main)


def test_chat_clients_may_be_given_search_unasked() -> None:
    async def main() -> None:
        search = Searching()
        always: dict[str, Any] = {"processors": {"web_search": "always"}}
        async with (
            playback(plays((SEARCH,), (Words(FINAL),))) as backend,
            serving(backend, search, Fetching(), profile={"family": "openai"}, **always) as served,
        ):
            heard = await served.ask("/v1/chat/completions", chat_body())
            assert [tool["function"]["name"] for tool in bodies(backend)[0]["tools"]] == ["web_search", "web_fetch"]
            assert content("chat", heard) == [("text", FINAL)]
            assert len(search.asked) == 1
            own = {"type": "function", "function": {"name": "web_search", "parameters": {"type": "object"}}}
            await served.ask("/v1/chat/completions", chat_body(tools=[own]))
            assert bodies(backend)[-1]["tools"][0] == own
            assert [tool["function"]["name"] for tool in bodies(backend)[-1]["tools"]] == ["web_search", "web_fetch"]

    run(main)


def test_without_tools_nothing_changes() -> None:
    async def main() -> None:
        async with playback(says(Words("ok"))) as backend, serving(backend) as served:
            heard = await ask(served, "messages")
            assert heard.headers["x-dragoman-loss"] == "tools.web_search"
            assert "tools" not in bodies(backend)[0]

    run(main)


def test_a_stored_response_is_gone_on_from() -> None:
    async def main() -> None:
        async with (
            playback(plays((SEARCH,), (Words(FINAL),), (Words("ok"),))) as backend,
            serving(backend, Searching()) as served,
        ):
            first = (await ask(served, "responses")).json
            await ask(served, "responses", previous_response_id=first["id"], input="and?")
            *_, last = bodies(backend)
        assert [(m["role"], m["content"]) for m in last["messages"]] == [
            ("user", "hi"),
            ("assistant", ""),
            ("tool", TOLD),
            ("assistant", FINAL),
            ("user", "and?"),
        ]

    run(main)


def test_what_was_found_is_summarised_too() -> None:
    async def main() -> None:
        rounds = plays((SEARCH,), (Words(FINAL),), (Words("He asked about ducks."),))
        async with playback(rounds) as backend, serving(backend, Searching()) as served:
            items = (await ask(served, "responses")).json["output"]
            history = [{"role": "user", "content": "hi"}, *items]
            heard = await served.ask("/v1/responses/compact", {"model": "m", "input": history})
            assert [item["type"] for item in heard.json["output"]] == ["message", "compaction"]
            *_, last = bodies(backend)
        assert [message["content"] for message in last["messages"]][1:4] == ["", TOLD, FINAL]
        assert "tools" not in last

    run(main)
