"""What the official SDKs make of our bytes: they are fed through a transport that never leaves the process."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import anthropic
import httpx2
import openai
from msgspec import Struct


class Heard(Struct, frozen=True):
    """blocks: what was said, in order: ("text", "hi"), ("thinking", "..."), ("call", id, name, arguments), ...

    Arguments are an object to a Messages client and a string to a Chat client. usage: (input, read from the cache,
    written to it, output, reasoning) as the dialect counts them. error: the class the SDK raised, or the event by which
    a streamed response failed: the SDK raises nothing then, but hands out no response as completed either.
    """

    blocks: list[tuple[Any, ...]] = []
    reason: str | None = None
    stop_sequence: str | None = None
    usage: tuple[int | None, ...] | None = None
    explanation: str | None = None
    error: str = ""
    message: str = ""


class _Pieces(httpx2.SyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces: Final = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


def transport(status: int, headers: Mapping[str, str], pieces: list[bytes]) -> httpx2.Client:
    """A client whose every request is answered so."""
    answer = httpx2.MockTransport(lambda _: httpx2.Response(status, headers=headers, stream=_Pieces(pieces)))
    return httpx2.Client(transport=answer)


_STREAM: Final = {"content-type": "text/event-stream; charset=utf-8"}
_JSON: Final = {"content-type": "application/json"}


def messages(
    pieces: list[bytes], *, stream: bool, status: int = 200, headers: Mapping[str, str] | None = None
) -> Heard:
    kind = _STREAM if stream and status == 200 else _JSON
    http = transport(status, {**kind, **(headers or {})}, pieces)
    client = anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:9", max_retries=0, http_client=http)
    asked: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    try:
        if stream:
            with client.messages.stream(**asked) as told:
                return _message(told.get_final_message())
        return _message(client.messages.create(**asked))
    except anthropic.APIError as error:
        return Heard(error=type(error).__name__, message=str(error))


def _message(message: Any) -> Heard:
    usage = message.usage
    details = getattr(usage, "output_tokens_details", None)
    return Heard(
        blocks=[_block(block) for block in message.content],
        reason=message.stop_reason,
        stop_sequence=message.stop_sequence,
        usage=(
            usage.input_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens,
            usage.output_tokens,
            details.thinking_tokens if details else None,
        ),
        explanation=message.stop_details.explanation if message.stop_details else None,
    )


def _block(block: Any) -> tuple[Any, ...]:
    match block.type:
        case "text":
            cited = [citation.url for citation in block.citations or ()]
            return ("text", block.text, *cited)
        case "thinking":
            return "thinking", block.thinking, *([block.signature] if block.signature else ())
        case "tool_use":
            return "call", block.id, block.name, block.input
        case other:
            return (other,)


def chat(pieces: list[bytes], *, stream: bool, status: int = 200, headers: Mapping[str, str] | None = None) -> Heard:
    kind = _STREAM if stream and status == 200 else _JSON
    http = transport(status, {**kind, **(headers or {})}, pieces)
    client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9", max_retries=0, http_client=http)
    asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    try:
        if stream:
            with client.chat.completions.stream(**asked) as told:
                told.until_done()
                return _completion(told.current_completion_snapshot)  # the final one raises on "length"
        return _completion(client.chat.completions.create(**asked))
    except openai.APIError as error:
        return Heard(error=type(error).__name__, message=str(error))


def _completion(completion: Any) -> Heard:
    choice = completion.choices[0]
    message = choice.message
    extra = message.model_extra or {}
    said = {"thinking": extra.get("reasoning_content"), "text": message.content, "refusal": message.refusal}
    blocks: list[tuple[Any, ...]] = [(kind, text) for kind, text in said.items() if text]
    blocks += [("call", call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    annotations = getattr(message, "annotations", None) or extra.get("annotations") or ()
    blocks += [("cited", _url(annotation)) for annotation in annotations]
    return Heard(blocks=blocks, reason=choice.finish_reason, usage=_usage(completion.usage))


def _url(annotation: Any) -> str:
    cited = annotation["url_citation"] if isinstance(annotation, dict) else annotation.url_citation
    return str(cited["url"] if isinstance(cited, dict) else cited.url)


def _usage(usage: Any) -> tuple[int | None, ...] | None:
    if usage is None:
        return None
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return (
        usage.prompt_tokens,
        prompt.cached_tokens,
        prompt.cache_write_tokens,
        usage.completion_tokens,
        completion.reasoning_tokens,
    )


def responses(
    pieces: list[bytes], *, stream: bool, status: int = 200, headers: Mapping[str, str] | None = None
) -> Heard:
    kind = _STREAM if stream and status == 200 else _JSON
    http = transport(status, {**kind, **(headers or {})}, pieces)
    client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9", max_retries=0, http_client=http)
    asked: dict[str, Any] = {"model": "m", "input": "hi"}
    try:
        if stream:
            with client.responses.stream(**asked) as told:
                events: list[Any] = list(told)
            return _response(events[-1].response, events[-1].type)
        return _response(client.responses.create(**asked))
    except openai.APIError as error:
        return Heard(error=type(error).__name__, message=str(error))


def _response(response: Any, event: str = "") -> Heard:
    if response.error is not None:
        return Heard(error=event or response.status, message=response.error.message)
    usage = response.usage
    return Heard(
        blocks=[block for item in response.output for block in _item(item)],
        reason=response.incomplete_details.reason if response.incomplete_details else response.status,
        usage=(
            usage.input_tokens,
            usage.input_tokens_details.cached_tokens,
            usage.input_tokens_details.cache_write_tokens,
            usage.output_tokens,
            usage.output_tokens_details.reasoning_tokens,
        ),
    )


def _item(item: Any) -> list[tuple[Any, ...]]:
    match item.type:
        case "message":
            return [
                ("text", part.text) if part.type == "output_text" else ("refusal", part.refusal)
                for part in item.content
            ]
        case "reasoning":
            return [("thinking", "".join(part.text for part in (*item.summary, *(item.content or ()))))]
        case "function_call":
            return [("call", item.call_id, item.name, item.arguments)]
        case other:
            return [(other,)]
