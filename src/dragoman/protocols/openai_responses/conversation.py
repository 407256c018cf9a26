"""Turns as the input items of a Responses request.

Nearly all of a conversation has its place here: order, pictures in results, reasoning between calls. Ids of items are
left out where they are not this dialect's own: one that the backend does not know is a 404.
"""

import itertools
from collections.abc import Iterable
from typing import Any, Final, assert_never

from dragoman.hub.losses import Losses
from dragoman.hub.request import (
    Cache,
    CallKind,
    Document,
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
    ToolResult,
    Turn,
    Written,
)
from dragoman.hub.route import Profile
from dragoman.protocols import arguments, media, tool_names, tool_results
from dragoman.protocols.fields import Object
from dragoman.protocols.tool_results import TOOL_ERROR

_DIALECT: Final = "openai-responses"
_TTL: Final = {"5m": "30m", "1h": "12h"}
_MAX_CACHE_MARKS: Final = 4
_SYSTEM: Final = ("system", "developer")
_OUTPUT: Final[dict[CallKind, str]] = {
    "function": "function_call_output",
    "custom": "custom_tool_call_output",
    "local_shell": "local_shell_call_output",
    "shell": "shell_call_output",
    "apply_patch": "apply_patch_call_output",
    "tool_search": "tool_search_output",
}


class Conversation:
    """instructions: the system prompt, "" where it is among the items. items: the input. brought: tools that became
    known in mid-conversation.
    """

    def __init__(self, request: Request, profile: Profile, losses: Losses) -> None:
        self.instructions = ""
        self.items: Final[list[Object]] = []
        self.brought: Final[list[Tool]] = []
        self._profile: Final = profile
        self._losses: Final = losses
        self._ours: Final = request.dialect == _DIALECT
        self._marks = 0
        leading = list(itertools.takewhile(lambda turn: turn.role in _SYSTEM, request.turns))
        rest = request.turns[len(leading) :]
        if self._ours:
            turns: Iterable[Turn] = request.turns
        else:
            self._prompt(leading)
            turns = tool_results.paired(rest, "openai", losses, unique=True)
        for turn in turns:
            if turn.extra.get("instructions"):
                self.instructions = "".join(part.text for part in turn.parts if isinstance(part, Text))
            else:
                self._turn(turn)

    def _prompt(self, leading: Iterable[Turn]) -> None:
        """The system prompt goes into `instructions`, unless it has cache marks, for which only items have a place."""
        parts = [part for turn in leading for part in turn.parts]
        marked = self._profile.cache_marks == "openai" and any(getattr(part, "cache", None) for part in parts)
        if marked:
            self._say("developer", parts, "system", {})
        else:
            self.instructions = "\n\n".join(text for part in parts if (text := _plain(part)))

    def _turn(self, turn: Turn) -> None:
        """Messages of the user's side are one item each; of the assistant's, every part is one."""
        if turn.role == "assistant":
            for part in turn.parts:
                self._said(part, turn.path)
            return
        others = [part for part in turn.parts if not isinstance(part, ToolResult)]
        for part in turn.parts:
            if isinstance(part, ToolResult):
                self.items.append(self._result(part, turn.path))
        own = [part for part in others if isinstance(part, Opaque) and part.dialect == _DIALECT and _is_item(part)]
        for part in own:
            self.items.append(part.raw)
        others = [part for part in others if part not in own]
        if others or not turn.parts:
            role = "developer" if turn.role == "system" and not self._ours else turn.role
            self._say(role, others, turn.path, turn.extra)

    def _say(self, role: str, parts: Iterable[Part], path: str, extra: Object) -> None:
        content = [piece for part in parts for piece in self._content(part, path)]
        if content or self._ours:
            self.items.append({"type": "message", "role": role, "content": content, **(extra if self._ours else {})})

    def _said(self, part: Part, path: str) -> None:
        match part:
            case Text():
                if part.text or self._ours:
                    item = part.extra.get("item") if self._ours else None
                    content = {"type": "output_text", "text": part.text, "annotations": []}
                    self.items.append({"type": "message", "role": "assistant", "content": [content], **(item or {})})
            case Refusal():
                content = {"type": "refusal", "refusal": part.text}
                self.items.append({"type": "message", "role": "assistant", "content": [content]})
            case Thinking():
                self._thought(part, path)
            case ToolCall():
                self.items.append(self._call(part, path))
            case Opaque():
                if part.dialect == _DIALECT:
                    self.items.append(part.raw)
                else:
                    self._say_gist(part, path)
            case Image() | Document() | ToolResult():
                self._losses.warn(path, "what the assistant showed is left out: it has no place in this dialect")
            case _:
                assert_never(part)

    def _say_gist(self, part: Opaque, path: str) -> None:
        content = [
            {"type": "output_text", "text": piece["text"], "annotations": []} for piece in self._opaque(part, path)
        ]
        if content:
            self.items.append({"type": "message", "role": "assistant", "content": content})

    def _thought(self, part: Thinking, path: str) -> None:
        """Reasoning goes back sealed or not at all: an item without its payload is a 404 at OpenAI."""
        seal = part.seal
        if seal is not None and seal.dialect == _DIALECT and isinstance(seal.value, dict):
            self.items.append({key: value for key, value in seal.value.items() if key != "status"})
        elif self._ours:
            self.items.append(
                {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": part.text}]}
            )
        elif seal is not None:
            self._losses.warn(path, "reasoning that another backend has sealed is left out")
        else:
            self._losses.silent(path, "earlier reasoning without its seal cannot be sent to this backend")

    def _call(self, call: ToolCall, path: str) -> Object:
        extra = call.extra if self._ours else {}
        name = call.name if self._ours else tool_names.fit(call.name)
        named = {"name": name} if call.namespace is None else {"name": name, "namespace": call.namespace}
        head = {"call_id": call.id}
        match call.kind:
            case "function":
                said = call.arguments if self._ours else arguments.for_history(call.arguments)
                if said != call.arguments and call.arguments.strip():
                    self._losses.warn(
                        path, "tool arguments that are no JSON object are repaired, or sent as {_raw: text}"
                    )
                return {"type": "function_call", **head, **named, "arguments": said, **extra}
            case "custom":
                return {"type": "custom_tool_call", **head, **named, "input": call.arguments, **extra}
            case "local_shell":
                action = {"type": "exec", **(arguments.as_object(call.arguments) or {})}
                return {"type": "local_shell_call", **head, "action": action, **extra}
            case "shell":
                return {"type": "shell_call", **head, "action": arguments.as_object(call.arguments) or {}, **extra}
            case "apply_patch":
                operation = arguments.as_object(call.arguments) or {}
                return {"type": "apply_patch_call", **head, "operation": operation, **extra}
            case "tool_search":
                found = arguments.as_object(call.arguments) or {}
                return {"type": "tool_search_call", "execution": "client", **head, "arguments": found, **extra}
            case _:
                assert_never(call.kind)

    def _result(self, result: ToolResult, path: str) -> Object:
        if result.kind == "tool_search":
            for part in result.parts:
                if isinstance(part, Opaque) and part.dialect == _DIALECT:
                    raw: Object = part.raw
                    return raw
        said: Object = {"type": _OUTPUT[result.kind], "call_id": result.call_id, "output": self._output(result, path)}
        return {**said, **result.extra} if self._ours else said

    def _output(self, result: ToolResult, path: str) -> Any:
        pieces = [piece for part in result.parts for piece in self._content(part, path)]
        if result.is_error and not self._ours:
            self._losses.silent(path, "a tool's error is said in its text")
            pieces.insert(0, {"type": "input_text", "text": TOOL_ERROR.strip()})
        if all(piece["type"] == "input_text" and len(piece) == 2 for piece in pieces):
            return (" " if result.is_error and not self._ours else "\n").join(piece["text"] for piece in pieces)
        return pieces

    def _content(self, part: Part, path: str) -> list[Object]:
        match part:
            case Text():
                if not part.text and not self._ours:
                    return []
                extra = part.extra if self._ours else {}
                return [{"type": "input_text", "text": part.text, **extra, **self._mark(part.cache)}]
            case Refusal():
                return [{"type": "input_text", "text": part.text}]
            case Image():
                return [self._image(part)]
            case Document():
                return self._document(part, path)
            case Opaque():
                return self._opaque(part, path)
            case Thinking() | ToolCall() | ToolResult():
                return []
            case _:
                assert_never(part)

    def _image(self, image: Image) -> Object:
        said: Object = {"type": "input_image"}
        if isinstance(image.source, Stored):
            said["file_id"] = image.source.file_id
        else:
            said["image_url"] = media.url(image.source)
        return {**said, "detail": image.detail or "auto", **self._mark(image.cache)}

    def _document(self, document: Document, path: str) -> list[Object]:
        named = {} if document.title is None else {"filename": document.title}
        mark = self._mark(document.cache)
        match document.source:
            case Inline() as source:
                name = {"filename": document.title or "document.pdf"}
                return [{"type": "input_file", **name, "file_data": media.url(source), **mark}]
            case Link(url=url):
                return [{"type": "input_file", **named, "file_url": url, **mark}]
            case Stored(file_id=file_id):
                return [{"type": "input_file", **named, "file_id": file_id, **mark}]
            case Written(text=text):
                title = f"[{document.title}]\n" if document.title else ""
                return [{"type": "input_text", "text": title + text, **mark}]
            case Nested(parts=parts):
                return [piece for part in parts for piece in self._content(part, path)]
            case _:
                assert_never(document.source)

    def _opaque(self, part: Opaque, path: str) -> list[Object]:
        if part.dialect == _DIALECT:
            return [part.raw]
        self.brought.extend(part.tools)
        if part.gist is None:
            self._losses.refuse(
                path,
                f"content of type {part.kind!r} cannot be said to a Responses backend; leave it out, or set"
                " `on_loss: lenient` for this model",
                lenient=True,
            )
            return [{"type": "input_text", "text": f"[{part.kind}]"}]
        return [{"type": "input_text", "text": part.gist}] if part.gist else []

    def _mark(self, cache: Cache | None) -> Object:
        if (
            cache is None
            or self._marks >= _MAX_CACHE_MARKS
            or (self._profile.cache_marks != "openai" and not self._ours)
        ):
            return {}
        self._marks += 1
        mark: Object = {"mode": "explicit"}
        if cache.ttl in _TTL:
            mark["ttl"] = _TTL[cache.ttl]
        return {"prompt_cache_breakpoint": mark}


def _is_item(part: Opaque) -> bool:
    """Opaque parts are whole items, but for kinds of content that are not known."""
    return not part.kind.startswith("input_")


def _plain(part: Part) -> str:
    if isinstance(part, Text):
        return part.text
    return part.gist or "" if isinstance(part, Opaque) else ""
