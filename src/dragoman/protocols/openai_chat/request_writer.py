"""Asking a Chat Completions backend, whatever dialect the client spoke.

Rendering is a pure function of the history and the backend's profile: prefix caches live by it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
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
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Written,
)
from dragoman.hub.route import Profile, Route
from dragoman.protocols import arguments, effort, media, tool_ids, tool_names
from dragoman.wire import jsons

_DIALECT: Final = "openai-chat"
TOOL_ERROR: Final = "[tool error] "
_NO_OUTPUT: Final = "(no output)"
_TTL: Final = {"5m": "30m", "1h": "12h"}
_MAX_CACHE_MARKS: Final = 4
_SEARCHING: Final = frozenset({"web_search", "web_fetch", "tool_search"})
_SAMPLING: Final = [
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "n",
]
_SAMPLING_EXTRAS: Final = ("top_k", "min_p", "repetition_penalty")


def write_request(request: Request, route: Route, profile: Profile, losses: Losses) -> bytes:
    ours = request.dialect == _DIALECT
    body: dict[str, Any] = {"model": route.backend_model}
    body["messages"] = _Conversation(request, route, profile, losses).messages()
    tools = [written for tool in request.tools if (written := _tool(tool, profile, losses)) is not None]
    if tools:
        body["tools"] = tools
        body |= _tool_wishes(request, losses)
    elif request.tool_choice is not None and request.tool_choice.mode in ("required", "named"):
        losses.refuse("tool_choice", f"{route.model} has none of the tools it demands; drop tool_choice or add a tool")
    body |= _limits(request, route, profile, losses)
    body |= _sampling(request, profile, losses)
    body |= _reasoning(request, profile, losses)
    if request.output_format is not None:
        body["response_format"] = _response_format(request)
    body |= _account(request, profile, losses)
    body |= _prefill(body["messages"], profile, losses) if not ours else {}
    if request.stream:
        body["stream"] = True
        if profile.stream_usage:
            body["stream_options"] = {"include_usage": True}
    if ours:
        body |= {key: value for key, value in request.extra.items() if key != "functions"}
    return jsons.write(body)


class _Conversation:
    """The turns as messages."""

    def __init__(self, request: Request, route: Route, profile: Profile, losses: Losses) -> None:
        self._request: Final = request
        self._route: Final = route
        self._profile: Final = profile
        self._losses: Final = losses
        self._ours: Final = request.dialect == _DIALECT
        self._written: list[dict[str, Any]] = []
        self._marks = 0
        self._images = 0
        self._calls: list[str] = []  # ids of the calls that wait for their results

    def messages(self) -> list[dict[str, Any]]:
        turns = list(self._request.turns)
        leading = next((i for i, turn in enumerate(turns) if turn.role in ("user", "assistant")), len(turns))
        self._system(turns[:leading])
        thinking_from = _last_question(turns) if self._profile.reasoning_history == "tool_turns" else -1
        for number, turn in enumerate(turns[leading:], leading):
            path = f"messages[{number}]"
            if turn.role == "assistant":
                last = number == len(turns) - 1
                self._assistant(turn, path, with_thinking=number > thinking_from, last=last)
            elif turn.role == "user":
                self._user(turn, path)
            else:
                self._late_system(turn, path)
        self._missing_results()
        return self._written

    def _system(self, turns: Sequence[Turn]) -> None:
        role = "developer" if self._profile.developer_role else "system"
        if self._ours:
            for turn in turns:
                name = turn.role if self._profile.developer_role or turn.role == "system" else role
                self._written.append({"role": name, "content": self._content(turn.parts, "messages"), **_named(turn)})
            return
        parts = tuple(part for turn in turns for part in turn.parts)
        if content := self._content(parts, "system"):
            self._written.append({"role": role, "content": content})

    def _late_system(self, turn: Turn, path: str) -> None:
        """A system message behind the start stays where it is: hoisting it changes its meaning and the prefix.

        Many chat templates (Qwen, Mistral, Gemma) refuse one there, so it goes into the user's turn, marked.
        """
        self._missing_results()
        text = "\n\n".join(part.text for part in turn.parts if isinstance(part, Text))
        if not text:
            return
        if self._profile.system_anywhere:
            role = "developer" if self._profile.developer_role else "system"
            self._written.append({"role": role, "content": text})
            return
        self._say_as_user(f"<system-reminder>\n{text}\n</system-reminder>")
        self._losses.silent(path, "a system message in mid-conversation is sent as a reminder in the user's turn")

    def _user(self, turn: Turn, path: str) -> None:
        results = [part for part in turn.parts if isinstance(part, ToolResult)]
        others = tuple(part for part in turn.parts if not isinstance(part, ToolResult))
        pictures: list[dict[str, Any]] = []
        order = {call_id: place for place, call_id in enumerate(self._calls)}
        unique = {result.call_id: result for result in results}  # of two results for one call, the last counts
        for result in sorted(unique.values(), key=lambda r: order.get(r.call_id, len(order))):
            if result.call_id in order or self._ours:
                self._result(result, path, pictures, turn.extra)
            else:
                orphan = f"[tool result for unknown call {result.call_id}] {_plain(result.parts)}"
                others = (Text(orphan), *others)
                self._losses.warn(path, "a tool result without its call is sent as text")
        if others:
            self._missing_results()
        if pictures:
            self._missing_results()
            self._say_as_user(pictures)
        if others:
            content = self._content(others, path)
            if self._ours:
                self._written.append({"role": "user", "content": content, **_named(turn), **turn.extra})
            elif content:
                self._say_as_user(content)

    def _result(self, result: ToolResult, path: str, pictures: list[dict[str, Any]], extra: dict[str, Any]) -> None:
        if result.call_id in self._calls:
            self._calls.remove(result.call_id)
        message = {"role": "tool", "tool_call_id": tool_ids.fit(result.call_id, self._profile.tool_ids)}
        if self._ours:
            self._written.append({**message, "content": self._content(result.parts, path) or "", **extra})
            return
        if self._profile.tool_images:
            content = self._content(result.parts, path)
        else:
            content = self._text_of_result(result, path, pictures)
        if result.is_error:
            content = _marked_as_error(content)
        self._written.append({**message, "content": content or _NO_OUTPUT})

    def _text_of_result(self, result: ToolResult, path: str, pictures: list[dict[str, Any]]) -> str:
        """Tool messages hold text only: pictures follow in a user message behind all results."""
        lines: list[str] = []
        for part in result.parts:
            if isinstance(part, Image) and self._profile.vision is not False:
                self._images += 1
                lines.append(f"[image {self._images} attached below]")
                pictures.append({"type": "text", "text": f"[image {self._images} of a tool result]"})
                pictures.append(self._image(part, path))
            elif isinstance(part, Image):
                lines.append(f"[image: {self._route.model} cannot see images]")
                self._losses.warn(path, "an image in a tool result was left out: the model cannot see")
            else:
                lines += [written["text"] for written in self._part(part, path) if written["type"] == "text"]
                if isinstance(part, Document):
                    pictures += [w for w in self._part(part, path) if w["type"] != "text"]
        return "\n".join(line for line in lines if line)

    def _missing_results(self) -> None:
        """Every call needs its result at once behind it, or the backend refuses the whole conversation."""
        if self._ours:
            return
        for call_id in self._calls:
            content = _marked_as_error("(no result recorded)")
            fitted = tool_ids.fit(call_id, self._profile.tool_ids)
            self._written.append({"role": "tool", "tool_call_id": fitted, "content": content})
        self._calls.clear()

    def _assistant(self, turn: Turn, path: str, *, with_thinking: bool, last: bool) -> None:
        self._missing_results()
        calls = [part for part in turn.parts if isinstance(part, ToolCall) and part.by == "client"]
        text = "".join(self._assistant_text(turn.parts, path))
        refusal = "".join(part.text for part in turn.parts if isinstance(part, Refusal))
        if last and not calls and not text.strip() and not refusal and not self._ours:
            return  # a trailing empty message asks for nothing
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls and not text and self._profile.null_content:
            message["content"] = None
        if refusal:
            message["refusal"] = refusal
        message |= self._thinking(turn, message) if with_thinking else {}
        if calls:
            self._calls = [call.id for call in calls]
            message["tool_calls"] = [self._call(call) for call in calls]
        self._written.append({**message, **_named(turn), **turn.extra})

    def _assistant_text(self, parts: Iterable[Part], path: str) -> Iterator[str]:
        for part in parts:
            if isinstance(part, Text):
                yield part.text
            elif isinstance(part, ToolCall) and part.by != "client":
                yield f"[{part.name}: {part.arguments}]\n"
            elif isinstance(part, Opaque):
                yield from (written["text"] for written in self._opaque(part, path) if written["type"] == "text")

    def _thinking(self, turn: Turn, message: dict[str, Any]) -> dict[str, Any]:
        thoughts = [part for part in turn.parts if isinstance(part, Thinking)]
        text = "\n\n".join(part.text for part in thoughts if part.text)
        field = self._profile.reasoning_field
        if self._ours:
            details = next((p.seal.value for p in thoughts if p.seal and p.seal.form == "details"), None)
            said: dict[str, Any] = {"reasoning_details": details} if details is not None else {}
            return {**({field or "reasoning_content": text} if text else {}), **said}
        if not text or field is None:
            return {}
        if field == "think_tags":
            return {"content": f"<think>\n{text}\n</think>\n\n{message['content'] or ''}"}
        return {field: text}

    def _call(self, call: ToolCall) -> dict[str, Any]:
        call_id = tool_ids.fit(call.id, self._profile.tool_ids)
        if call.kind == "custom" and (self._ours or self._profile.openai_fields):
            return {"id": call_id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
        said = call.arguments if self._ours and call.arguments else arguments.for_history(call.arguments)
        function = {"name": tool_names.fit(call.name), "arguments": said}
        return {"id": call_id, "type": "function", "function": function, **(call.extra if self._ours else {})}

    def _say_as_user(self, content: str | list[dict[str, Any]]) -> None:
        """Neighbouring user messages are joined: strict templates want the roles to alternate."""
        before = self._written[-1] if self._written else None
        if before is None or before["role"] != "user":
            self._written.append({"role": "user", "content": content})
        elif isinstance(before["content"], str) and isinstance(content, str):
            before["content"] += "\n\n" + content
        else:
            before["content"] = _as_list(before["content"]) + _as_list(content)

    def _content(self, parts: Iterable[Part], path: str) -> str | list[dict[str, Any]]:
        """A string where all is text (many local servers take nothing else), else a list of parts."""
        written = [piece for part in parts for piece in self._part(part, path)]
        if self._ours and any(len(piece) > 2 for piece in written):
            return written
        if all(piece["type"] == "text" and "prompt_cache_breakpoint" not in piece for piece in written):
            if self._ours and len(written) > 1:
                return written
            return "\n\n".join(piece["text"] for piece in written if piece["text"])
        return written

    def _part(self, part: Part, path: str) -> list[dict[str, Any]]:
        match part:
            case Text():
                extra = part.extra if self._ours else {}
                return [{"type": "text", "text": part.text, **extra, **self._mark(part.cache)}]
            case Refusal():
                return [{"type": "refusal", "refusal": part.text}]
            case Image():
                return [self._image(part, path)]
            case Document():
                return self._document(part, path)
            case Opaque():
                return self._opaque(part, path)
            case Thinking() | ToolCall() | ToolResult():
                return []
            case _:
                assert_never(part)

    def _image(self, image: Image, path: str) -> dict[str, Any]:
        if self._profile.vision is False and not self._ours:
            self._losses.refuse(
                path, f"image input is not supported by {self._route.model}; ask a model that can see", lenient=True
            )
            return {"type": "text", "text": f"[image: {self._route.model} cannot see images]"}
        if isinstance(image.source, Stored):
            self._losses.refuse(path, "an image by file id cannot be read by this backend; send its data or a URL")
            return {"type": "text", "text": "[image by file id]"}
        said: dict[str, Any] = {"url": media.url(image.source)}
        if image.detail is not None:
            said["detail"] = image.detail
        return {"type": "image_url", "image_url": said, **self._mark(image.cache)}

    def _document(self, document: Document, path: str) -> list[dict[str, Any]]:
        title = document.title or "document"
        match document.source:
            case Written(text=text):
                return [{"type": "text", "text": f"[{title}]\n{text}" if document.title else text}]
            case Nested(parts=parts):
                return [written for part in parts for written in self._part(part, path)]
            case Stored(file_id=file_id) if self._ours:
                return [{"type": "file", "file": {"file_id": file_id}}]
            case Inline() as source if self._profile.files or self._ours:
                name = document.title or "document.pdf"
                return [{"type": "file", "file": {"filename": name, "file_data": media.url(source)}}]
            case Link(url=url):
                self._losses.warn(path, "a document by URL is named but not read: this backend fetches nothing")
                return [{"type": "text", "text": f"[document {title} at {url}: not read]"}]
            case Inline() | Stored():
                self._losses.warn(path, "this backend cannot read the document; a note stands in its place")
                return [
                    {"type": "text", "text": f"[document {title}: {self._route.model} cannot read this kind of file]"}
                ]
            case _:
                assert_never(document.source)

    def _opaque(self, part: Opaque, path: str) -> list[dict[str, Any]]:
        if part.dialect == _DIALECT:
            return [part.raw]
        if part.gist is not None:
            return [{"type": "text", "text": part.gist}] if part.gist else []
        self._losses.refuse(
            path,
            f"content of type {part.kind!r} cannot be said to a Chat Completions backend; leave it out, or set"
            " `on_loss: lenient` for this model",
            lenient=True,
        )
        return [{"type": "text", "text": f"[{part.kind}]"}]

    def _mark(self, cache: Cache | None) -> dict[str, Any]:
        if cache is None or self._profile.cache_marks != "openai" or self._marks >= _MAX_CACHE_MARKS:
            return {}
        self._marks += 1
        mark: dict[str, Any] = {"mode": "explicit"}
        if cache.ttl in _TTL:
            mark["ttl"] = _TTL[cache.ttl]
        return {"prompt_cache_breakpoint": mark}


def _last_question(turns: Sequence[Turn]) -> int:
    """The place of the last turn in which the user, and not a tool, spoke."""
    for place in range(len(turns) - 1, -1, -1):
        turn = turns[place]
        if turn.role == "user" and not any(isinstance(part, ToolResult) for part in turn.parts):
            return place
    return -1


def _named(turn: Turn) -> dict[str, Any]:
    return {"name": turn.name} if turn.name else {}


def _as_list(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _marked_as_error(content: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if isinstance(content, list):
        return [{"type": "text", "text": TOOL_ERROR.strip()}, *content]
    return content if content.startswith(TOOL_ERROR) else TOOL_ERROR + content


def _plain(parts: Iterable[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def _tool(tool: Tool, profile: Profile, losses: Losses) -> dict[str, Any] | None:
    match tool:
        case FunctionTool():
            return _function(tool)
        case CustomTool() if profile.openai_fields:
            wanted: dict[str, Any] = {"type": "text"}
            if tool.definition is not None:
                wanted = {"type": "grammar", "grammar": {"syntax": tool.syntax, "definition": tool.definition}}
            return {"type": "custom", "custom": {"name": tool.name, "description": tool.description, "format": wanted}}
        case CustomTool():
            losses.refuse(f"tools.{tool.name}", "this backend has function tools only; declare it as a function")
        case HostedTool(kind=kind) if kind in _SEARCHING:
            losses.warn(f"tools.{kind}", "left out: this backend has no such tool of its own")
        case HostedTool(kind="placeholder"):
            pass
        case HostedTool(kind=kind):
            losses.refuse(f"tools.{kind}", "this backend has no such tool of its own; leave it out", lenient=True)
        case _:
            assert_never(tool)
    return None


def _function(tool: FunctionTool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool_names.fit(tool.name)}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = object_schema(tool.schema)
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def object_schema(schema: Any) -> dict[str, Any]:
    """A schema every backend takes for arguments: an object, its type said."""
    if not isinstance(schema, dict) or not schema:
        return {"type": "object", "properties": {}}
    return schema if "type" in schema else {"type": "object", **schema}


def _tool_wishes(request: Request, losses: Losses) -> dict[str, Any]:
    wishes: dict[str, Any] = {}
    choice = request.tool_choice
    if choice is not None:
        wishes["tool_choice"] = _tool_choice(choice, request)
        if choice.mode == "named" and not _declared(choice.names[0], request.tools):
            losses.refuse("tool_choice", f"names the tool {choice.names[0]!r}, which this backend is not given")
    if request.parallel_tools is not None:
        wishes["parallel_tool_calls"] = request.parallel_tools
    return wishes


def _declared(name: str, tools: Iterable[Tool]) -> bool:
    return any(not isinstance(tool, HostedTool) and tool.name == name for tool in tools)


def _tool_choice(choice: ToolChoice, request: Request) -> Any:
    custom = {tool.name for tool in request.tools if isinstance(tool, CustomTool)}
    named = [
        {"type": "custom", "custom": {"name": n}}
        if n in custom
        else {"type": "function", "function": {"name": tool_names.fit(n)}}
        for n in choice.names
    ]
    if choice.mode == "named":
        return named[0]
    if choice.mode == "allowed":
        mode = "required" if choice.required else "auto"
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}
    return choice.mode


def _limits(request: Request, route: Route, profile: Profile, losses: Losses) -> dict[str, Any]:
    said: dict[str, Any] = {}
    limit = request.max_tokens
    if limit is not None:
        clamped = _clamped(limit, request, route)
        if clamped < limit:
            losses.silent("max_tokens", f"lowered from {limit} to {clamped}: the model's window has no more room")
        said |= dict.fromkeys(profile.limit_fields, clamped)
    stop = [s for s in request.stop if s]
    if profile.max_stop is not None and len(stop) > profile.max_stop:
        losses.warn("stop", f"this backend takes {profile.max_stop} stop sequences; the others were left out")
        stop = stop[: profile.max_stop]
    if stop:
        said["stop"] = stop
    return said


# Left between the estimate of the prompt and the window, for the template's own tokens.
_MARGIN: Final = 256


def _clamped(limit: int, request: Request, route: Route) -> int:
    """vLLM refuses a limit that does not fit beside the prompt, and agents ask for 32,000 or 64,000 of any model."""
    if route.max_output is not None:
        limit = min(limit, route.max_output)
    if route.context_window is None:
        return limit
    room = route.context_window - rough_tokens(request) - _MARGIN
    # With no room at all the backend's own refusal is the better answer: it makes the agent compact.
    return min(limit, room) if room > 0 else min(limit, route.context_window)


def _sampling(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    sampling = request.sampling
    said = {name: value for name in _SAMPLING if (value := getattr(sampling, name)) is not None}
    for name in _SAMPLING_EXTRAS:
        if (value := getattr(sampling, name)) is None:
            continue
        if name in profile.sampling_extras or request.dialect == _DIALECT:
            said[name] = value
        else:
            losses.warn(name, "this backend is not known to read it")
    return said


def _reasoning(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    wanted = effort.wanted(request.reasoning)
    if wanted is None:
        return {}
    if request.dialect == _DIALECT and wanted in profile.efforts:
        return {"reasoning_effort": wanted}
    if wanted == "none" and profile.thinking_switch is not None:
        return {"chat_template_kwargs": {profile.thinking_switch: False}}
    word = effort.nearest(wanted, profile.efforts)
    if word is None or (wanted == "none" and word != "none"):
        losses.silent("reasoning", "this backend has no setting for it")
        return {}
    if word != wanted:
        losses.silent("reasoning", f"asked for as {word!r}, the nearest this backend knows")
    return {"reasoning_effort": word}


def _response_format(request: Request) -> dict[str, Any]:
    wanted = request.output_format
    if wanted is None or wanted.schema is None:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": wanted.name or "response"}
    if wanted.description is not None:
        schema["description"] = wanted.description
    schema["schema"] = wanted.schema
    strict = wanted.strict if request.dialect == _DIALECT else True
    if strict is not None:
        schema["strict"] = strict
    return {"type": "json_schema", "json_schema": schema}


def _account(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    """Who asks: told to OpenAI itself only, and hashed. Other vendors need not know."""
    said: dict[str, Any] = {}
    if request.dialect == _DIALECT:
        wishes = {
            "prompt_cache_key": request.cache_key,
            "service_tier": request.service_tier,
            "safety_identifier": request.user,
        }
        return {key: value for key, value in wishes.items() if value is not None}
    if not profile.openai_fields:
        if request.service_tier is not None:
            losses.silent("service_tier", "this backend has no tiers")
        return said
    if request.user is not None:
        said["safety_identifier"] = hashlib.sha256(request.user.encode()).hexdigest()
    if (key := request.cache_key or request.session) is not None:
        said["prompt_cache_key"] = hashlib.sha256(key.encode()).hexdigest()[:32]
    if (tier := {"auto": "auto", "standard_only": "default"}.get(request.service_tier or "")) is not None:
        said["service_tier"] = tier
    return said


def _prefill(messages: list[dict[str, Any]], profile: Profile, losses: Losses) -> dict[str, Any]:
    """A trailing assistant message is the beginning of the answer, where the backend can continue one.

    It is never turned into a past turn silently: the model would answer itself.
    """
    if not messages or messages[-1]["role"] != "assistant" or messages[-1].get("tool_calls"):
        return {}
    match profile.prefill:
        case "continue_final_message":
            return {"continue_final_message": True, "add_generation_prompt": False}
        case "prefix":
            messages[-1]["prefix"] = True
            return {}
        case _:
            losses.refuse("messages", "prefill is not supported by this backend; let the last message be the user's")
            return {}
