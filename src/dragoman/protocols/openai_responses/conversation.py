"""Turns as the input items of a Responses request.

Nearly all of a conversation has its place here: order, pictures in results, reasoning between calls. Ids of items are
left out where they are not this dialect's own: one that the backend does not know is a 404. A client of this dialect
has put its items itself; they are sent as they are.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeGuard, assert_never

from dragoman.hub.losses import NO_PREFILL, Losses
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
    Seal,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Written,
)
from dragoman.hub.route import Profile, Route
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

    def __init__(self, request: Request, route: Route, profile: Profile, losses: Losses) -> None:
        self.instructions = ""
        self.items: Final[list[Object]] = []
        self.brought: Final[list[Tool]] = []
        self._route: Final = route
        self._profile: Final = profile
        self._losses: Final = losses
        self._ours: Final = request.dialect == _DIALECT
        self._may_begin: Final = request.dialect == "anthropic-messages"
        self._marks = 0
        if self._ours:
            self._as_said(request.turns)
        else:
            leading: list[Turn] = []
            for turn in request.turns:
                if turn.role not in _SYSTEM:
                    break
                leading.append(turn)
            if leading:
                self._prompt(leading)
            self._repaired(tool_results.paired(request.turns[len(leading) :], "openai", losses, unique=True))

    def _as_said(self, turns: Iterable[Turn]) -> None:
        for turn in turns:
            if turn.extra.get("instructions"):
                self.instructions = "".join(part.text for part in turn.parts if isinstance(part, Text))
            elif turn.extra.get("type") == "message":
                said = {"type": "message", "role": turn.role, "content": self._content(turn)}
                self.items.append({**said, **turn.extra})
            else:
                self._turn(turn, with_thinking=True)

    def _own_message(self, part: Text | Refusal) -> None:
        """A part of a message of this dialect's client: its first part begins the message."""
        kind = "output_text" if isinstance(part, Text) else "refusal"
        said = {**_written(kind, part.text), **part.extra.get("part", {})}
        if "item" in part.extra or "part" not in part.extra:
            own = part.extra.get("item", {})
            self.items.append({"type": "message", "role": "assistant", "content": [said], **own})
        else:
            self.items[-1]["content"].append(said)

    def _prompt(self, leading: Sequence[Turn]) -> None:
        """The system prompt goes into `instructions`, unless it has cache marks, for which only items have a place."""
        parts = [part for turn in leading for part in turn.parts]
        if self._profile.cache_marks == "openai" and any(getattr(part, "cache", None) for part in parts):
            self._say(Turn("developer", tuple(parts), path=leading[0].path))
        else:
            self.instructions = "\n\n".join([text for part in parts if (text := _plain(part))])

    def _repaired(self, turns: Sequence[Turn]) -> None:
        history = self._profile.reasoning_history
        question = tool_results.last_question(turns) if history == "tool_turns" else -1
        for number, turn in enumerate(turns):
            self._turn(turn, with_thinking=history != "none" and number > question)
        if self._may_begin and turns and turns[-1].role == "assistant" and self._has_begun(turns[-1]):
            self._losses.refuse("messages", NO_PREFILL, lenient=True)

    def _has_begun(self, turn: Turn) -> bool:
        """Whether it is the beginning of an answer, which no backend of this dialect goes on with."""
        return any(isinstance(part, Text | Refusal) and part.text.strip() for part in turn.parts)

    def _turn(self, turn: Turn, *, with_thinking: bool) -> None:
        """Messages of the user's side are one item each; of the assistant's, every part is one."""
        if turn.role == "assistant":
            calls = ToolCall in map(type, turn.parts)
            for part in turn.parts:
                self._said(part, turn.path, with_thinking=with_thinking, before_calls=calls)
            return
        others: list[Part] = []
        for part in turn.parts:
            if isinstance(part, ToolResult):
                self.items.append(self._result(part, turn.path))
            elif isinstance(part, Opaque) and part.dialect == _DIALECT:
                self.items.append(part.raw)
            else:
                others.append(part)
        if others:
            self._say(
                Turn("developer" if turn.role == "system" else turn.role, tuple(others), turn.name, path=turn.path)
            )

    def _say(self, turn: Turn) -> None:
        if turn.name:
            self._losses.warn(turn.path, "the speaker's name is left out")
        if content := self._content(turn):
            self.items.append({"type": "message", "role": turn.role, "content": content})

    def _said(self, part: Part, path: str, *, with_thinking: bool, before_calls: bool) -> None:
        match part:
            case Text() | Refusal() if self._ours:
                self._own_message(part)
            case Text():
                if part.text.strip():  # a mark has no place on what the assistant said
                    self._say_as_assistant([_written("output_text", part.text)], before_calls=before_calls)
            case Refusal():
                self._say_as_assistant([_written("refusal", part.text)], before_calls=False)
            case Thinking():
                self._thought(part, path, with_thinking=with_thinking)
            case ToolCall(by="backend"):
                said = _written("output_text", f"[{part.name}: {part.arguments}]")
                self._say_as_assistant([said], before_calls=before_calls)
            case ToolCall():
                self.items.append(self._call(part, path))
            case Opaque(dialect="openai-responses"):
                self.items.append(part.raw)
            case Opaque():
                if pieces := self._opaque(part, path):
                    said = _written("output_text", pieces[0]["text"])
                    self._say_as_assistant([said], before_calls=before_calls)
            case Image() | Document() | ToolResult():
                self._losses.warn(path, "what the assistant showed is left out: it has no place in this dialect")
            case _:
                assert_never(part)

    def _say_as_assistant(self, content: list[Object], *, before_calls: bool) -> None:
        """Newer models want to be told what was said on the way and what in the end, and do worse without it."""
        said: Object = {"type": "message", "role": "assistant", "content": content}
        if before_calls and self._profile.openai_fields and not self._ours:
            said["phase"] = "commentary"
        self.items.append(said)

    def _thought(self, part: Thinking, path: str, *, with_thinking: bool) -> None:
        """Reasoning goes back to the family that sealed it. Without a seal it does to whoever reads it: OpenAI, which
        has no field for it, answers an item without its payload with a 404.
        """
        seal = part.seal
        if self._may_have(seal):
            self.items.append(seal.value)
            return
        if seal is not None:
            self._losses.warn(path, "reasoning that another backend has sealed is sent without its seal, or left out")
        if self._profile.reasoning_field is None or not with_thinking:
            self._losses.silent(path, "earlier reasoning without its seal cannot be sent to this backend")
        elif isinstance(item := part.extra.get("item"), dict) and self._ours:
            self.items.append(item)
        elif part.text:
            content = [{"type": "reasoning_text", "text": part.text}]
            self.items.append({"type": "reasoning", "summary": [], "content": content})

    def _may_have(self, seal: Seal | None) -> TypeGuard[Seal]:
        if seal is None or seal.dialect != _DIALECT or not isinstance(seal.value, dict):
            return False
        return self._ours or seal.origin == self._profile.family

    def _call(self, call: ToolCall, path: str) -> Object:
        name = call.name if self._ours else tool_names.fit(call.name)
        named = {"name": name} if call.namespace is None else {"name": name, "namespace": call.namespace}
        head = {"call_id": call.id}
        match call.kind:
            case "function":
                said: Object = {"type": "function_call", **head, **named, "arguments": self._arguments(call, path)}
            case "custom":
                said = {"type": "custom_tool_call", **head, **named, "input": call.arguments}
            case "local_shell":
                said = {"type": "local_shell_call", **head, "action": {"type": "exec", **_object(call)}}
            case "shell":
                said = {"type": "shell_call", **head, "action": _object(call)}
            case "apply_patch":
                said = {"type": "apply_patch_call", **head, "operation": _object(call)}
            case "tool_search":
                said = {"type": "tool_search_call", "execution": "client", **head, "arguments": _object(call)}
            case _:
                assert_never(call.kind)
        return {**said, **call.extra} if self._ours else said

    def _arguments(self, call: ToolCall, path: str) -> str:
        if self._ours:
            return call.arguments
        said = arguments.for_history(call.arguments)
        if said != call.arguments and call.arguments.strip():
            self._losses.warn(path, "tool arguments that are no JSON object are repaired, or sent as {_raw: text}")
        return said

    def _result(self, result: ToolResult, path: str) -> Object:
        if result.kind == "tool_search":
            for part in result.parts:
                if isinstance(part, Opaque) and part.dialect == _DIALECT:
                    raw: Object = part.raw
                    return raw
        said: Object = {"type": _OUTPUT[result.kind], "output": self._output(result, path)}
        if not (self._ours and result.extra.keys() & {"id", "call_id"} and result.kind == "local_shell"):
            said["call_id"] = result.call_id
        return {**said, **result.extra} if self._ours else said

    def _output(self, result: ToolResult, path: str) -> Any:
        """One plain text is a string: not every server of this dialect takes more."""
        only = result.parts[0] if len(result.parts) == 1 else None
        if type(only) is Text and only.cache is None and not only.extra and (self._ours or not result.is_error):
            return only.text  # nearly all of them
        if isinstance(only, Opaque) and only.kind == "shell_output":
            return only.raw
        pieces = [piece for part in result.parts for piece in self._in_result(part, path)]
        if result.is_error and not self._ours:
            self._losses.silent(path, "a tool's error is said in its text")
            pieces = _marked_as_error(pieces)
        if self._ours and len(pieces) > 1:
            return pieces
        if all(piece.keys() == {"type", "text"} for piece in pieces):
            return "\n".join(piece["text"] for piece in pieces)
        return pieces

    def _in_result(self, part: Part, path: str) -> list[Object]:
        """What a tool has read may be a picture by accident: the conversation goes on without it."""
        if isinstance(part, Image) and self._profile.vision is False:
            self._losses.warn(path, "an image in a tool result was left out: the model cannot see")
            return [self._unseen()]
        return self._piece(part, path)

    def _content(self, turn: Turn) -> list[Object]:
        pieces: list[Object] = []
        for part in turn.parts:
            if type(part) is Text and part.text and part.cache is None and not part.extra:  # most of them
                pieces.append({"type": "input_text", "text": part.text})
            else:
                pieces += self._piece(part, turn.path)
        return pieces

    def _piece(self, part: Part, path: str) -> list[Object]:
        match part:
            case Text():
                said = _written("input_text", part.text)
                return [self._with_own(said, part.extra, part.cache)] if part.text or self._ours else []
            case Refusal():
                return [_written("input_text", part.text)]
            case Image():
                return [self._image(part, path)]
            case Document():
                about = [_written("input_text", f"[{part.context}]")] if part.context else []
                return [*about, *self._document(part, path)]
            case Opaque():
                return self._opaque(part, path)
            case Thinking() | ToolCall() | ToolResult():
                return []
            case _:
                assert_never(part)

    def _unseen(self) -> Object:
        return {"type": "input_text", "text": f"[image: {self._route.model} cannot see images]"}

    def _image(self, image: Image, path: str) -> Object:
        if self._profile.vision is False:
            self._losses.refuse(
                path, f"image input is not supported by {self._route.model}; ask a model that can see", lenient=True
            )
            return self._unseen()
        said: Object = {"type": "input_image"}
        if isinstance(image.source, Stored):
            said["file_id"] = self._stored(image.source, path)
        else:
            said["image_url"] = media.url(image.source)
        said["detail"] = image.detail or "auto"
        return self._with_own(said, image.extra, image.cache)

    def _document(self, document: Document, path: str) -> list[Object]:
        said: Object = (
            {"type": "input_file"} if document.title is None else {"type": "input_file", "filename": document.title}
        )
        match document.source:
            case Inline() as source:
                said = {
                    "type": "input_file",
                    "filename": document.title or "document.pdf",
                    "file_data": media.url(source),
                }
            case Link(url=url):
                said["file_url"] = url
            case Stored() as stored:
                said["file_id"] = self._stored(stored, path)
            case Written(text=text):
                said = {"type": "input_text", "text": f"[{document.title}]\n{text}" if document.title else text}
            case Nested(parts=parts):
                title = [_written("input_text", f"[{document.title}]")] if document.title else []
                return [*title, *(piece for part in parts for piece in self._piece(part, path))]
            case _:
                assert_never(document.source)
        return [self._with_own(said, document.extra, document.cache)]

    def _stored(self, source: Stored, path: str) -> str:
        if not (self._ours or self._profile.openai_fields):
            self._losses.refuse(path, "a file by its id cannot be read by this backend; send its data or a URL")
        return source.file_id

    def _opaque(self, part: Opaque, path: str) -> list[Object]:
        if part.dialect == _DIALECT:
            return [part.raw]
        self.brought.extend(part.tools)
        if part.holds:
            self._losses.warn(path, "of what was fetched only the address can be said to this backend")
        if part.gist is None:
            self._losses.refuse(
                path,
                f"content of type {part.kind!r} cannot be said to a Responses backend; leave it out, or set"
                " `on_loss: lenient` for this model",
                lenient=True,
            )
            return [{"type": "input_text", "text": f"[{part.kind}]"}]
        return [{"type": "input_text", "text": part.gist}] if part.gist.strip() else []

    def _with_own(self, said: Object, extra: Object, cache: Cache | None) -> Object:
        """With what this dialect's client said beside it, or with the mark another one's put on it."""
        if self._ours:
            return {**said, **extra}
        if cache is None or self._marks >= _MAX_CACHE_MARKS or self._profile.cache_marks != "openai":
            return said
        self._marks += 1
        mark: Object = {"mode": "explicit"}
        if cache.ttl in _TTL:
            mark["ttl"] = _TTL[cache.ttl]
        return {**said, "prompt_cache_breakpoint": mark}


def _written(kind: str, text: str) -> Object:
    match kind:
        case "output_text":
            return {"type": kind, "text": text, "annotations": []}
        case "refusal":
            return {"type": kind, "refusal": text}
        case _:
            return {"type": kind, "text": text}


def _object(call: ToolCall) -> Object:
    return arguments.as_object(call.arguments) or {}


def _marked_as_error(pieces: list[Object]) -> list[Object]:
    if not pieces or pieces[0]["type"] != "input_text":
        return [{"type": "input_text", "text": TOOL_ERROR}, *pieces]
    first = pieces[0]
    if first["text"].startswith(TOOL_ERROR):
        return pieces
    return [{**first, "text": TOOL_ERROR + first["text"]}, *pieces[1:]]


def _plain(part: Part) -> str:
    if isinstance(part, Text):
        return part.text
    return part.gist or "" if isinstance(part, Opaque) else ""
