"""Searches that the proxy ran, as the official SDKs read them: typed blocks and items, whole and streamed."""

from typing import Any, Final

import anthropic
import openai
import pytest
from anthropic.types import TextBlock, WebFetchToolResultBlock, WebSearchResultBlock, WebSearchToolResultBlock
from anthropic.types.web_search_tool_result_error import WebSearchToolResultError
from openai.types.responses import ResponseFunctionWebSearch, ResponseOutputMessage

from tests.agents.script import Call, Thought, Words
from tests.conformance.test_sdks import anthropic_answer, anthropic_client, openai_answer, openai_client
from tests.gateway.stage import House, playback, run
from tests.gateway.test_rounds import FINAL, PAGE, SEARCH, TOLD, Fetching, Searching, bodies, plays, serving

SEARCH_TOOL: Final = {"type": "web_search_20250305", "name": "web_search", "max_uses": 1}
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


async def response(running: House, *, stream: bool, **more: Any) -> openai.types.responses.Response:
    body: dict[str, Any] = {"model": "m", "input": "hi", "tools": [{"type": "web_search"}], **more}
    async with openai_client(running) as client:
        if not stream:
            whole: openai.types.responses.Response = await client.responses.create(**body)
            return whole
        async with client.responses.stream(**body) as answer:
            kinds = [event.type async for event in answer]
            assert kinds.count("response.web_search_call.searching") == 1
            return await answer.get_final_response()


@streamed
def test_the_anthropic_sdk_reads_a_search(stream: bool) -> None:
    async def main() -> None:
        rounds = plays((Thought("hm"), SEARCH, SEARCH), (Words(FINAL),), (Words("ok"),))
        async with playback(rounds) as backend, serving(backend, Searching()) as running:
            said = await anthropic_answer(running, blocking=False, stream=stream, tools=[SEARCH_TOOL])
            thought, call, found, again, exceeded, text = said.content
            assert (thought.type, call.type, again.type) == ("thinking", "server_tool_use", "server_tool_use")
            assert isinstance(call, anthropic.types.ServerToolUseBlock)
            assert (call.name, call.input) == ("web_search", {"query": "ducks"})
            assert isinstance(found, WebSearchToolResultBlock)
            assert found.tool_use_id == call.id
            assert isinstance(found.content, list)
            (hit,) = found.content
            assert isinstance(hit, WebSearchResultBlock)
            assert (hit.url, hit.title) == (PAGE.url, PAGE.title)
            assert hit.encrypted_content.startswith("dgm1.")
            assert isinstance(exceeded, WebSearchToolResultBlock)
            assert isinstance(exceeded.content, WebSearchToolResultError)
            assert exceeded.content.error_code == "max_uses_exceeded"
            assert isinstance(text, TextBlock)
            (cited,) = text.citations or []
            assert isinstance(cited, anthropic.types.CitationsWebSearchResultLocation)
            assert (cited.url, cited.cited_text) == (PAGE.url, PAGE.text)
            assert said.stop_reason == "end_turn"
            assert said.usage.server_tool_use is not None
            assert said.usage.server_tool_use.web_search_requests == 1
            async with anthropic_client(running) as client:
                history = [
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": [block.to_dict() for block in said.content]},
                    {"role": "user", "content": "sure?"},
                ]
                body: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": history, "tools": [SEARCH_TOOL]}
                await client.messages.create(**body)
            *_, second, third = bodies(backend)
            told = [m["content"] for m in third["messages"] if m["role"] == "tool"]
            assert told[0] == next(m["content"] for m in second["messages"] if m["role"] == "tool") == TOLD

    run(main)


@streamed
def test_the_anthropic_sdk_reads_a_page(stream: bool) -> None:
    async def main() -> None:
        rounds = plays((Call("web_fetch", {"url": PAGE.url}),), (Words(FINAL),))
        async with playback(rounds) as backend, serving(backend, Fetching()) as running:
            tool = {"type": "web_fetch_20250910", "name": "web_fetch"}
            said = await anthropic_answer(running, blocking=False, stream=stream, tools=[tool])
        _, found, _ = said.content
        assert isinstance(found, WebFetchToolResultBlock)
        assert isinstance(found.content, anthropic.types.WebFetchBlock)
        assert isinstance(found.content.content.source, anthropic.types.PlainTextSource)
        assert found.content.content.source.data == "Ducks swim."

    run(main)


@streamed
def test_the_openai_sdk_reads_a_search(stream: bool) -> None:
    async def main() -> None:
        include = ["web_search_call.action.sources"]
        async with playback(plays((SEARCH,), (Words(FINAL),))) as backend, serving(backend, Searching()) as running:
            said = await response(running, stream=stream, include=include)
        item, message = said.output
        assert isinstance(item, ResponseFunctionWebSearch)
        assert item.status == "completed"
        assert isinstance(item.action, openai.types.responses.response_function_web_search.ActionSearch)
        assert (item.action.query, item.action.queries) == ("ducks", ["ducks"])
        assert [source.url for source in item.action.sources or ()] == [PAGE.url]
        assert isinstance(message, ResponseOutputMessage)
        (cited,) = message.content[0].annotations  # type: ignore[union-attr]  # no refusal
        assert isinstance(cited, openai.types.responses.response_output_text.AnnotationURLCitation)
        assert said.output_text[cited.start_index : cited.end_index] == f"[Ducks]({PAGE.url})"
        assert said.usage is not None

    run(main)


@streamed
def test_the_openai_sdk_reads_annotations(stream: bool) -> None:
    async def main() -> None:
        rounds = plays((Words("Let me look."), SEARCH), (Words(FINAL),))
        async with playback(rounds) as backend, serving(backend, Searching()) as running:
            said = await openai_answer(running, blocking=False, stream=stream, web_search_options={})
        message = said.choices[0].message
        assert message.content == f"Let me look.\n\n{FINAL}"
        assert not message.tool_calls
        annotations: list[Any] = list(message.annotations or [])
        (said_of,) = [one if isinstance(one, dict) else one.to_dict() for one in annotations]
        span = said_of["url_citation"]
        assert message.content[span["start_index"] : span["end_index"]] == f"[Ducks]({PAGE.url})"

    run(main)
