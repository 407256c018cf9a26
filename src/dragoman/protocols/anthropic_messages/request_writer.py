"""Asking a Messages backend, whatever dialect the client spoke.

What the API enforces on a history (PROTOCOLS A1.4) is repaired here: it starts with the user, every call has its
result at once behind it and before other content, no block is empty, neighbours of one role are one message.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, assert_never

from dragoman.hub.estimate import rough_tokens
from dragoman.hub.losses import Losses
from dragoman.hub.request import (
    Cache,
    CustomTool,
    Document,
    FunctionTool,
    HostedTool,
    Image,
    Inline,
    Link,
    Nested,
    Opaque,
    Part,
    Refusal,
    Request,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Written,
)
from dragoman.hub.route import Profile, Route
from dragoman.protocols import arguments, effort, tool_ids, tool_names
from dragoman.protocols.anthropic_messages.request_reader import write_cache
from dragoman.wire import jsons

_DIALECT: Final = "anthropic-messages"
_DEFAULT_MAX_TOKENS: Final = 32_000  # the API demands a limit; 4,096 would cut agents' file writes
_MIN_BUDGET: Final = 1_024
_MAX_CACHE_MARKS: Final = 4
_WORTH_CACHING: Final = 1_024  # tokens; below it the API caches nothing
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_JSON_ONLY: Final = "Answer with one JSON object and nothing else."
_LONGEST_ID: Final = 128


def write_request(request: Request, route: Route, profile: Profile, losses: Losses) -> bytes:
    ours = request.dialect == _DIALECT
    conversation = _Conversation(request, profile, losses)
    system, messages = conversation.written()
    limit, thinking = _limit_and_thinking(request, route, profile, losses)
    body: dict[str, Any] = {"model": route.backend_model, "max_tokens": limit}
    if not ours and request.output_format is not None and request.output_format.schema is None:
        system = [*system, {"type": "text", "text": _JSON_ONLY}]
        losses.warn("response_format", "this backend knows schemas only; it is asked for JSON in words")
    if system:
        body["system"] = system
    body["messages"] = messages
    tools = _tools(request, profile, losses)
    if tools:
        body["tools"] = tools
        if (choice := _tool_choice(request)) is not None:
            body["tool_choice"] = choice
    body |= thinking
    body |= _output_config(request, profile, losses)
    body |= _sampling(request, profile, losses, thinking=bool(thinking) and thinking["thinking"]["type"] == "enabled")
    if stop := [sequence for sequence in request.stop if sequence.strip()]:
        body["stop_sequences"] = stop
    body |= _account(request)
    if request.stream:
        body["stream"] = True
    if ours:
        _merge(body, request.extra)
        if request.cache is not None:
            body["cache_control"] = write_cache(request.cache)
    elif not conversation.marks:
        _mark(body, request, profile)
    return jsons.write(body)


def _merge(body: dict[str, Any], extra: dict[str, Any]) -> None:
    for key, value in extra.items():
        if key in ("metadata", "output_config"):
            body[key] = {**value, **body.get(key, {})}
        else:
            body[key] = value


class _Conversation:
    """The turns as a system prompt and messages."""

    def __init__(self, request: Request, profile: Profile, losses: Losses) -> None:
        self._request: Final = request
        self._profile: Final = profile
        self._losses: Final = losses
        self._ours: Final = request.dialect == _DIALECT
        self._messages: list[dict[str, Any]] = []
        self._waiting: list[str] = []  # ids of the calls that wait for their results
        self.marks = 0

    def written(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        turns = self._request.turns
        leading = next((i for i, turn in enumerate(turns) if turn.role in ("user", "assistant")), len(turns))
        system = [block for turn in turns[:leading] for part in turn.parts for block in self._block(part, "system")]
        for number, turn in enumerate(turns[leading:], leading):
            path = f"messages[{number}]"
            if self._ours:
                content = [block for part in turn.parts for block in self._block(part, path)]
                self._messages.append({"role": turn.role, "content": content, **turn.extra})
            elif turn.role == "assistant":
                self._assistant(turn, path)
            elif turn.role == "user":
                self._user(turn, path)
            else:
                following = turns[number + 1] if number + 1 < len(turns) else None
                self._late_system(turn, following)
        if not self._ours:
            self._settle()
        return system, self._messages

    def _settle(self) -> None:
        self._missing_results()
        if not self._messages or self._messages[0]["role"] != "user":
            self._messages.insert(0, {"role": "user", "content": [{"type": "text", "text": "(start)"}]})
        last = self._messages[-1]
        if last["role"] == "assistant" and last["content"][-1]["type"] == "text":
            last["content"][-1]["text"] = last["content"][-1]["text"].rstrip()  # trailing white space is a 400

    def _late_system(self, turn: Turn, following: Turn | None) -> None:
        text = "\n\n".join(part.text for part in turn.parts if isinstance(part, Text))
        if not text.strip():
            return
        self._missing_results()
        placed = self._messages and self._messages[-1]["role"] == "user"
        if self._profile.system_anywhere and placed and (following is None or following.role == "assistant"):
            self._messages.append({"role": "system", "content": [{"type": "text", "text": text}]})
            return
        self._say("user", [{"type": "text", "text": f"<system-reminder>\n{text}\n</system-reminder>"}])

    def _user(self, turn: Turn, path: str) -> None:
        results: dict[str, dict[str, Any]] = {}
        others: list[dict[str, Any]] = []
        if turn.name:
            others.append({"type": "text", "text": f"[{turn.name}]"})
            self._losses.warn(path, "the speaker's name is put into the text")
        for part in turn.parts:
            if not isinstance(part, ToolResult):
                others += self._block(part, path)
            elif part.call_id in self._waiting or part.call_id in self._just_answered():
                results[part.call_id] = self._block(part, path)[0]
            else:
                text = "\n".join(p.text for p in part.parts if isinstance(p, Text))
                others.append({"type": "text", "text": f"[tool result for unknown call {part.call_id}] {text}"})
                self._losses.warn(path, "a tool result without its call is sent as text")
        if results:
            self._answer(results)
        if others:
            self._missing_results()
            self._say("user", others)

    def _just_answered(self) -> set[str]:
        """Ids of the calls the current user message already answers: of two results for one call, the last counts."""
        if not self._messages or self._messages[-1]["role"] != "user":
            return set()
        last = self._messages[-1]
        return {block["tool_use_id"] for block in last["content"] if block["type"] == "tool_result"}

    def _answer(self, results: dict[str, dict[str, Any]]) -> None:
        last = self._messages[-1]
        if last["role"] == "user":
            fitted = {self._fit(call_id): call_id for call_id in results}
            for place, block in enumerate(last["content"]):
                if block["type"] == "tool_result" and block["tool_use_id"] in fitted:
                    last["content"][place] = results.pop(fitted[block["tool_use_id"]])
        ordered = sorted(results, key=lambda c: self._waiting.index(c) if c in self._waiting else 0)
        self._waiting = [call_id for call_id in self._waiting if call_id not in results]
        if ordered:
            self._say("user", [results[call_id] for call_id in ordered])

    def _missing_results(self) -> None:
        if not self._waiting:
            return
        missing = [
            {
                "type": "tool_result",
                "tool_use_id": self._fit(call_id),
                "is_error": True,
                "content": [{"type": "text", "text": "(no result recorded)"}],
            }
            for call_id in self._waiting
        ]
        self._waiting = []
        self._say("user", missing)

    def _assistant(self, turn: Turn, path: str) -> None:
        self._missing_results()
        thoughts = [block for part in turn.parts if isinstance(part, Thinking) for block in self._thinking(part)]
        rest = [block for part in turn.parts if not isinstance(part, Thinking) for block in self._block(part, path)]
        self._waiting = [part.id for part in turn.parts if isinstance(part, ToolCall) and part.by == "client"]
        if rest:
            self._say("assistant", [*thoughts, *rest])

    def _say(self, role: str, blocks: list[dict[str, Any]]) -> None:
        if self._messages and self._messages[-1]["role"] == role:
            self._messages[-1]["content"] += blocks
        else:
            self._messages.append({"role": role, "content": blocks})

    def _block(self, part: Part, path: str) -> list[dict[str, Any]]:
        match part:
            case Text():
                if not self._ours and not part.text.strip():
                    return []  # an empty text block is a 400
                return [{"type": "text", "text": part.text, **self._extra(part.extra), **self._cache(part.cache)}]
            case Refusal():
                return [{"type": "text", "text": part.text}]
            case Image():
                return [self._image(part, path)]
            case Document():
                return [self._document(part, path)]
            case Thinking():
                return self._thinking(part)
            case ToolCall():
                return [self._call(part, path)]
            case ToolResult():
                return [self._result(part, path)]
            case Opaque():
                return self._opaque(part, path)
            case _:
                assert_never(part)

    def _thinking(self, part: Thinking) -> list[dict[str, Any]]:
        seal = part.seal
        if seal is not None and seal.dialect == _DIALECT and (self._ours or seal.origin == self._profile.family):
            if seal.form == "redacted":
                return [{"type": "redacted_thinking", "data": seal.value}]
            return [{"type": "thinking", "thinking": part.text, "signature": seal.value}]
        if self._ours:
            return [{"type": "thinking", "thinking": part.text, "signature": ""}]
        self._losses.silent("reasoning", "earlier reasoning without its signature cannot be sent to this backend")
        return []

    def _call(self, call: ToolCall, path: str) -> dict[str, Any]:
        value = arguments.repaired(call.arguments)
        if value is None:
            value = {"_raw": call.arguments}
            self._losses.warn(path, "tool arguments that are no JSON object are sent as {_raw: text}")
        return {
            "type": "server_tool_use" if call.by != "client" else "tool_use",
            "id": self._fit(call.id),
            "name": call.name if self._ours else tool_names.fit(call.name),
            "input": value,
            **self._extra(call.extra),
            **self._cache(call.cache),
        }

    def _result(self, result: ToolResult, path: str) -> dict[str, Any]:
        content = [block for part in result.parts for block in self._block(part, path)]
        is_error = result.is_error
        if not self._ours:
            content, is_error = _without_mark(content, is_error=is_error)
        said: dict[str, Any] = {"type": "tool_result", "tool_use_id": self._fit(result.call_id)}
        if content or self._ours:
            said["content"] = content
        if is_error:
            said["is_error"] = True
        return {**said, **self._extra(result.extra), **self._cache(result.cache)}

    def _image(self, image: Image, path: str) -> dict[str, Any]:
        marks = {**self._extra(image.extra), **self._cache(image.cache)}
        match image.source:
            case Inline(media_type=media_type, data=data):
                if not self._ours and media_type not in _IMAGES:
                    self._losses.refuse(path, f"images of type {media_type} are not taken; send PNG, JPEG, GIF or WebP")
                return {"type": "image", "source": _base64(media_type, data), **marks}
            case Link(url=url):
                return {"type": "image", "source": {"type": "url", "url": url}, **marks}
            case Stored(file_id=file_id):
                if not self._ours:
                    self._losses.refuse(
                        path, "an image by file id cannot be read by this backend; send its data or a URL"
                    )
                return {"type": "image", "source": {"type": "file", "file_id": file_id}, **marks}
            case _:
                assert_never(image.source)

    def _document(self, document: Document, path: str) -> dict[str, Any]:
        said: dict[str, Any] = {"type": "document", "source": self._document_source(document, path)}
        if document.title is not None:
            said["title"] = document.title
        return {**said, **self._extra(document.extra), **self._cache(document.cache)}

    def _document_source(self, document: Document, path: str) -> dict[str, Any]:
        match document.source:
            case Inline(media_type="application/pdf" as media_type, data=data):
                return _base64(media_type, data)
            case Inline(media_type=media_type, data=data):
                text = _decoded(data)
                if text is None and not self._ours:
                    self._losses.refuse(path, f"files of type {media_type} are not taken; send a PDF or text")
                return _base64(media_type, data) if text is None or self._ours else _plain(text)
            case Link(url=url):
                return {"type": "url", "url": url}
            case Stored(file_id=file_id):
                if not self._ours:
                    self._losses.refuse(path, "a file by id cannot be read by this backend; send its data")
                return {"type": "file", "file_id": file_id}
            case Written(text=text):
                return _plain(text)
            case Nested(parts=parts):
                return {"type": "content", "content": [b for part in parts for b in self._block(part, path)]}
            case _:
                assert_never(document.source)

    def _opaque(self, part: Opaque, path: str) -> list[dict[str, Any]]:
        if part.dialect == _DIALECT:
            return [part.raw]
        if part.gist is not None:
            return [{"type": "text", "text": part.gist}] if part.gist.strip() else []
        what = "audio input" if part.kind == "input_audio" else f"content of type {part.kind!r}"
        self._losses.refuse(path, f"{what} is not supported by this backend; leave it out", lenient=True)
        return [{"type": "text", "text": f"[{part.kind}]"}]

    def _cache(self, cache: Cache | None) -> dict[str, Any]:
        if cache is None or (
            not self._ours and (self._profile.cache_marks == "none" or self.marks >= _MAX_CACHE_MARKS)
        ):
            return {}
        self.marks += 1
        return {"cache_control": write_cache(cache)}

    def _extra(self, extra: dict[str, Any]) -> dict[str, Any]:
        return extra if self._ours else {}

    def _fit(self, call_id: str) -> str:
        return call_id if self._ours else tool_ids.fit(call_id, "anthropic")


def _base64(media_type: str, data: str) -> dict[str, Any]:
    return {"type": "base64", "media_type": media_type, "data": data}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "text", "media_type": "text/plain", "data": text}


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


_TOOL_ERROR: Final = "[tool error] "


def _without_mark(content: list[dict[str, Any]], *, is_error: bool) -> tuple[list[dict[str, Any]], bool]:
    """A result that we marked as an error for a dialect without the field says so again in the field."""
    if content and content[0]["type"] == "text" and content[0]["text"].startswith(_TOOL_ERROR):
        text = content[0]["text"].removeprefix(_TOOL_ERROR)
        return [*([{**content[0], "text": text}] if text.strip() else []), *content[1:]], True
    return content, is_error


def _tools(request: Request, profile: Profile, losses: Losses) -> list[dict[str, Any]]:
    ours = request.dialect == _DIALECT
    choice = request.tool_choice
    allowed = set(choice.names) if choice is not None and choice.mode == "allowed" else None
    written: list[dict[str, Any]] = []
    for tool in request.tools:
        match tool:
            case FunctionTool():
                if allowed is None or tool.name in allowed:
                    written.append(_function(tool, profile, ours=ours))
            case HostedTool() if ours:
                written.append(tool.raw)
            case HostedTool(kind=kind):
                losses.warn(f"tools.{kind}", "left out: it means nothing to this backend")
            case CustomTool():
                losses.refuse(f"tools.{tool.name}", "this backend has function tools only; declare it as a function")
            case _:
                assert_never(tool)
    return written


def _function(tool: FunctionTool, profile: Profile, *, ours: bool) -> dict[str, Any]:
    marks = (
        {}
        if tool.cache is None or (profile.cache_marks == "none" and not ours)
        else {"cache_control": write_cache(tool.cache)}
    )
    deferred = {"defer_loading": True} if tool.deferred and ours else {}
    if tool.builtin is not None and ours:
        return {"type": tool.builtin, "name": tool.name, **tool.extra, **deferred, **marks}
    said: dict[str, Any] = {"name": tool.name if ours else tool_names.fit(tool.name)}
    if tool.description is not None:
        said["description"] = tool.description
    said["input_schema"] = tool.schema if ours else _object_schema(tool.schema)
    if tool.strict is not None:
        said["strict"] = tool.strict
    return {**said, **(tool.extra if ours else {}), **deferred, **marks}


def _object_schema(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict) or not schema:
        return {"type": "object", "properties": {}}
    return schema if schema.get("type") == "object" else {**schema, "type": "object"}


def _tool_choice(request: Request) -> dict[str, Any] | None:
    choice, parallel = request.tool_choice or ToolChoice("auto"), request.parallel_tools
    if request.tool_choice is None and parallel in (None, True):
        return None
    match choice.mode:
        case "none":
            return {"type": "none"}
        case "named":
            said: dict[str, Any] = {"type": "tool", "name": tool_names.fit(choice.names[0])}
        case "required":
            said = {"type": "any"}
        case "allowed":
            said = {"type": "any" if choice.required else "auto"}
        case "auto":
            said = {"type": "auto"}
        case _:
            assert_never(choice.mode)
    return said if parallel is None else {**said, "disable_parallel_tool_use": not parallel}


def _limit_and_thinking(request: Request, route: Route, profile: Profile, losses: Losses) -> tuple[int, dict[str, Any]]:
    """The output limit and the thinking budget bound each other: the budget must be below the limit."""
    limit = request.max_tokens if request.max_tokens is not None else route.max_output or _DEFAULT_MAX_TOKENS
    if route.max_output is not None and limit > route.max_output:
        losses.silent("max_tokens", f"lowered from {limit} to {route.max_output}, the most this model can say")
        limit = route.max_output
    if request.dialect == _DIALECT:
        return limit, _own_thinking(request)
    wanted = effort.wanted(request.reasoning)
    if wanted is None:
        return limit, {}
    if wanted == "none":
        return limit, {"thinking": {"type": "disabled"}} if "disabled" in profile.thinking_types else {}
    if "adaptive" in profile.thinking_types:
        return limit, {"thinking": {"type": "adaptive", "display": "summarized"}}
    if "budget" not in profile.thinking_types:
        return limit, {}
    if (why := _no_budget(request)) is not None:
        losses.warn("reasoning_effort", why)
        return limit, {}
    budget = effort.BUDGET[wanted]
    if budget >= limit and route.max_output is not None:
        limit = min(route.max_output, limit + budget)
    budget = min(budget, limit - _MIN_BUDGET)
    if budget < _MIN_BUDGET:
        losses.warn("reasoning_effort", "left out: the output limit leaves no room to think")
        return limit, {}
    return limit, {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _own_thinking(request: Request) -> dict[str, Any]:
    reasoning = request.reasoning
    display = {} if reasoning.display is None else {"display": reasoning.display}
    match reasoning.mode:
        case None:
            return {}
        case "budget":
            return {"thinking": {"type": "enabled", "budget_tokens": reasoning.budget, **display}}
        case "off":
            return {"thinking": {"type": "disabled"}}
        case "adaptive" | "between_tools":
            return {"thinking": {"type": reasoning.mode, **display}}
        case _:
            assert_never(reasoning.mode)


def _no_budget(request: Request) -> str | None:
    """Why thinking by budget would be a 400, None if it would not."""
    if request.tool_choice is not None and request.tool_choice.mode in ("required", "named"):
        return "left out: this model cannot think when a tool is forced"
    last = next((turn for turn in reversed(request.turns) if turn.role == "assistant"), None)
    answered = bool(request.turns) and any(isinstance(part, ToolResult) for part in request.turns[-1].parts)
    if last is None or not answered or not any(isinstance(part, ToolCall) for part in last.parts):
        return None
    sealed = any(
        isinstance(part, Thinking) and part.seal is not None and part.seal.dialect == _DIALECT for part in last.parts
    )
    return None if sealed else "left out: the signed reasoning before the last tool call did not come back"


def _output_config(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    said: dict[str, Any] = {}
    wanted = effort.wanted(request.reasoning)
    if request.dialect == _DIALECT:
        if request.reasoning.effort is not None:
            said["effort"] = request.reasoning.effort
    elif wanted not in (None, "none") and "adaptive" in profile.thinking_types:
        word = effort.nearest(wanted, profile.efforts)
        if word is not None:
            said["effort"] = word
    if request.output_format is not None and request.output_format.schema is not None:
        if request.output_format.strict is False:
            losses.silent("response_format", "this backend always keeps to the schema")
        said["format"] = {"type": "json_schema", "schema": request.output_format.schema}
    return {"output_config": said} if said else {}


_LOST_SAMPLING: Final = [
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
]


def _sampling(request: Request, profile: Profile, losses: Losses, *, thinking: bool) -> dict[str, Any]:
    sampling = request.sampling
    if sampling.n is not None and sampling.n > 1:
        losses.refuse("n", "this backend gives one answer at a time; ask several times")
    for name in _LOST_SAMPLING:
        if getattr(sampling, name):
            losses.warn(name, "this backend has no such setting")
    said = {name: v for name in ("temperature", "top_p", "top_k") if (v := getattr(sampling, name)) is not None}
    if request.dialect == _DIALECT:
        return said
    if said and (profile.sampling == "none" or thinking):
        for name in said:
            losses.warn(name, "this model takes no sampling settings" if not thinking else "not while it thinks")
        return {}
    if said.get("temperature", 0) > 1:
        losses.warn("temperature", "lowered to 1, the most this backend takes")
        said["temperature"] = 1
    if profile.sampling == "one" and "temperature" in said and said.pop("top_p", None) is not None:
        losses.warn("top_p", "left out: this model takes temperature or top_p, not both")
    return said


def _account(request: Request) -> dict[str, Any]:
    said: dict[str, Any] = {}
    ours = request.dialect == _DIALECT
    if request.user is not None:
        user = request.user
        if not ours and ("@" in user or len(user) > _LONGEST_ID):
            user = hashlib.sha256(user.encode()).hexdigest()
        said["metadata"] = {"user_id": user}
    tier = (
        request.service_tier if ours else {"auto": "auto", "default": "standard_only"}.get(request.service_tier or "")
    )
    return {**said, "service_tier": tier} if tier is not None else said


def _mark(body: dict[str, Any], request: Request, profile: Profile) -> None:
    """Mark what is worth caching for a client that cannot: without marks every turn pays for the whole prompt."""
    if profile.cache_marks not in ("anthropic", "explicit") or rough_tokens(request) < _WORTH_CACHING:
        return
    mark = write_cache(Cache())
    fixed: Sequence[dict[str, Any]] = body.get("system") or body.get("tools") or ()
    if profile.cache_marks == "anthropic":
        body["cache_control"] = mark
        blocks: Iterable[dict[str, Any]] = fixed[-1:]
    else:
        users = [message["content"][-1] for message in body["messages"] if message["role"] == "user"]
        blocks = [*(body.get("tools") or [])[-1:], *(body.get("system") or [])[-1:], *users[-2:]]
    for block in blocks:
        block["cache_control"] = mark
