"""The output items of a Responses answer, whole."""

from collections.abc import Sequence
from typing import Any, Final, assert_never

from dragoman.hub.request import CallKind, Citation, Extra, Fetched, Seal, Searched, ToolCall
from dragoman.protocols import arguments
from dragoman.protocols.openai_responses.shells import REQUIRED

Item = dict[str, Any]

_SEARCH_PREFIX: Final = "ws_"
_DIALECT: Final = "openai-responses"


def write_message(item_id: str, part: Item, status: str, extra: Extra) -> Item:
    """part: its content. extra: what this dialect's own backend said of it (`phase`)."""
    head = {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": [part]}
    return {**head, "phase": extra["phase"]} if "phase" in extra else head


def write_text(text: str, annotations: list[Item], logprobs: Sequence[Item] = ()) -> Item:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def write_logprobs(tokens: Sequence[Any]) -> list[Item]:
    """Chat Completions lets `bytes` be null, and its servers leave the other candidates out."""
    return [
        {**_candidate(token), "top_logprobs": list(map(_candidate, token.get("top_logprobs") or ()))}
        for token in tokens
        if isinstance(token, dict)
    ]


def _candidate(token: Item) -> Item:
    return {**token, "bytes": token.get("bytes") or []}


def write_annotation(citation: Citation, offset: int, begin: int, end: int) -> Item:
    """begin, end: what it cites unless it says more exactly.

    Citations count in the answer's text, annotations in their own part's, which begins at `offset`.
    """
    first = begin if citation.start is None else citation.start - offset
    last = end if citation.end is None else citation.end - offset
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title,
        "start_index": min(max(first, 0), end),
        "end_index": min(max(last, 0), end),
    }


def write_reasoning(item_id: str, text: str, seal: Seal | None) -> Item:
    """A reasoning item: the backend's own where it came sealed by this dialect, else one that shows the text."""
    sealed = seal.value if seal is not None and seal.dialect == _DIALECT else None
    if isinstance(sealed, dict):
        return {"summary": [], **sealed, "type": "reasoning", "id": item_id}
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"id": item_id, "type": "reasoning", "summary": summary, "content": [], "encrypted_content": sealed}


def write_call(item_id: str, call: ToolCall, text: str, status: str) -> Item:
    """A call item of its kind. text: what the model said for arguments."""
    head = {"id": item_id, "status": status, "call_id": call.id}
    named = {"name": call.name} if call.namespace is None else {"name": call.name, "namespace": call.namespace}
    match call.kind:
        case "function":
            return {**head, "type": "function_call", **named, "arguments": text}
        case "custom":
            return {**head, "type": "custom_tool_call", **named, "input": text}
        case "tool_search":
            found = arguments.repaired(text) or {}
            return {**head, "type": "tool_search_call", "execution": "client", "arguments": found}
        case "local_shell":
            action = {"type": "exec", "env": {}, **(arguments.repaired(text) or {})}
            return {**head, "type": "local_shell_call", "action": action}
        case "shell":
            usual = {"timeout_ms": None, "max_output_length": None}
            action = {**usual, **(arguments.repaired(text) or {})}
            return {**head, "type": "shell_call", "action": action, "environment": {"type": "local"}}
        case "apply_patch":
            return {**head, "type": "apply_patch_call", "operation": arguments.repaired(text) or {}}
        case _:
            assert_never(call.kind)


def runnable(kind: CallKind, text: str) -> bool:
    """Whether the object of a structured call has what its client needs to run it."""
    found = arguments.repaired(text)
    return found is not None and all(isinstance(found.get(key), type_) for key, type_ in REQUIRED.get(kind, ()))


def search_id(part: Searched | Fetched) -> Any:
    """The id that the search already has; None if it has none."""
    return _own_item(part).get("id") or (_SEARCH_PREFIX + part.id if part.id else None)


def _own_item(part: Searched | Fetched) -> Item:
    """The item of a backend of this dialect; empty for what others have run."""
    raw = part.raw if isinstance(part, Searched) and part.dialect == _DIALECT else None
    return raw if isinstance(raw, dict) else {}


def write_search(item_id: str, part: Searched | Fetched, *, with_sources: bool) -> Item:
    """A page that was fetched is a search that opened it. with_sources: the client asked to be told what was found."""
    if raw := _own_item(part):
        return {**raw, "id": item_id}
    status = "completed" if part.problem is None else "failed"
    return {
        "id": item_id,
        "type": "web_search_call",
        "status": status,
        "action": _action(part, with_sources=with_sources),
    }


def _action(part: Searched | Fetched, *, with_sources: bool) -> Item:
    if isinstance(part, Fetched):
        return {"type": "open_page", "url": part.url}
    action: Item = {"type": "search", "query": (part.queries or ("",))[0], "queries": list(part.queries)}
    if with_sources:
        action["sources"] = [{"type": "url", "url": hit.url} for hit in part.hits]
    return action
