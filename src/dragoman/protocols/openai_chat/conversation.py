"""Turns as the messages of a Chat Completions request.

A history of a client of another dialect is put as backends and chat templates want it: every call has its result at
once behind it, neighbours of one role are one message. A client of this dialect has put its history itself; there only
what this backend is known not to take is changed.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, assert_never

from dragoman.hub.losses import Losses
from dragoman.hub.request import (
    Cache,
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
from dragoman.hub.route import Profile, Route
from dragoman.protocols import arguments, media, tool_ids, tool_names, tool_results
from dragoman.protocols.fields import Object, merged
from dragoman.protocols.openai_chat import signed_calls
from dragoman.protocols.tool_results import TOOL_ERROR
from dragoman.wire import jsons

_DIALECT: Final = "openai-chat"
_NO_OUTPUT: Final = "(no output)"
_TTL: Final = {"5m": "30m", "1h": "12h"}
_MAX_CACHE_MARKS: Final = 4
_SYSTEM: Final = ("system", "developer")
_INTERLUDE: Final = "Noted."

Content = str | list[Object]


class Conversation:
    """messages: as they are to be sent. brought: tools that became known in mid-conversation."""

    def __init__(self, request: Request, route: Route, profile: Profile, losses: Losses) -> None:
        self.messages: Final[list[Object]] = []
        self.brought: Final[list[Tool]] = []
        self._route: Final = route
        self._profile: Final = profile
        self._losses: Final = losses
        self._ours: Final = request.dialect == _DIALECT
        self._system: Final = "developer" if profile.developer_role else "system"
        self._marks = 0
        self._pictures = 0
        self._unmarked = False
        leading: list[Turn] = []
        for turn in request.turns:
            if turn.role not in _SYSTEM:
                break
            leading.append(turn)
        rest = request.turns[len(leading) :]
        if self._ours and profile.relays:
            self._as_said(leading, rest)
        else:
            self._repaired(leading, tool_results.paired(rest, profile.tool_ids, losses, unique=False))
        if self._unmarked:
            losses.silent("cache_control", "this backend caches by itself")

    def _as_said(self, leading: Sequence[Turn], rest: Sequence[Turn]) -> None:
        for turn in leading:
            self._say(self._role(turn), self._content(turn.parts, turn.path), turn)
        for turn in rest:
            if turn.role == "assistant":
                self._assistant(turn, with_thinking=True)
            elif turn.role == "user":
                self._user_as_said(turn)
            elif self._profile.system_anywhere:
                self._say(self._role(turn), self._content(turn.parts, turn.path), turn)
            else:
                self._remind(turn)

    def _role(self, turn: Turn) -> str:
        return turn.role if self._profile.developer_role else "system"

    def _say(self, role: str, content: Content, turn: Turn) -> None:
        self.messages.append(merged({"role": role, "content": content, **_named(turn)}, turn.extra))

    def _user_as_said(self, turn: Turn) -> None:
        for part in turn.parts:
            if isinstance(part, ToolResult):
                call_id = tool_ids.fit(part.call_id, self._profile.tool_ids)
                said = {"role": "tool", "tool_call_id": call_id, "content": self._content(part.parts, turn.path)}
                self.messages.append(merged(said, part.extra))
        if not any(isinstance(part, ToolResult) for part in turn.parts):
            self._say("user", self._content(turn.parts, turn.path), turn)

    def _repaired(self, leading: Sequence[Turn], rest: Sequence[Turn]) -> None:
        if leading and (content := self._content([part for turn in leading for part in turn.parts], leading[0].path)):
            self.messages.append({"role": self._system, "content": content})
        history = self._profile.reasoning_history
        question = (
            tool_results.last_question(rest) if history == "tool_turns" else -1 if history == "all" else len(rest)
        )
        for number, turn in enumerate(rest):
            if turn.role == "assistant":
                self._assistant(turn, with_thinking=number > question)
            elif turn.role == "user":
                if turn.parts and type(turn.parts[0]) is ToolResult:
                    self._results(turn)
                    continue
                if turn.name:
                    self._losses.warn(turn.path, "the speaker's name is left out")
                if content := self._content(turn.parts, turn.path):
                    self._say_as_user(content)
            elif self._profile.system_anywhere:
                if content := self._content(turn.parts, turn.path):
                    self.messages.append({"role": self._system, "content": content})
            else:
                self._remind(turn)
        if not self.messages or self.messages[-1]["role"] == "assistant":
            self._drop_empty_beginning()

    def _drop_empty_beginning(self) -> None:
        """A trailing assistant message without a word asks for nothing."""
        last = self.messages[-1] if self.messages else None
        if last is not None and not (last.get("refusal") or str(last["content"]).strip()):
            self.messages.pop()
        if not self.messages:
            self.messages.append({"role": "user", "content": ""})

    def _remind(self, turn: Turn) -> None:
        """A system message behind the start stays where it is: hoisting it changes its meaning and the prefix.

        Many chat templates (Qwen, Mistral, Gemma) refuse one there, so it goes into the user's turn, marked.
        """
        text = _text_of(self._pieces(turn.parts, turn.path))
        if text.strip():
            self._say_as_user(f"<system-reminder>\n{text}\n</system-reminder>")
            self._losses.silent(turn.path, "a system message in mid-conversation is sent as a reminder to the user")

    def _results(self, turn: Turn) -> None:
        """One message each. What a message of a tool cannot hold follows in one of the user, behind all of them."""
        attached: list[Object] = []
        for part in turn.parts:
            assert isinstance(part, ToolResult)  # protocols/tool_results.py sees to it
            content: Content
            if len(part.parts) == 1 and part.cache is None and type(only := part.parts[0]) is Text:
                content = only.text  # nearly all of them
            else:
                content = self._result(part, turn.path, attached)
            if part.is_error:
                content = _marked_as_error(content)
                self._losses.silent(turn.path, "a tool's error is said in its text")
            self.messages.append({"role": "tool", "tool_call_id": part.call_id, "content": content or _NO_OUTPUT})
        if attached:
            self._say_as_user(attached)

    def _result(self, result: ToolResult, path: str, attached: list[Object]) -> Content:
        pieces: list[Object] = []
        for part in result.parts:
            if isinstance(part, Image) and self._profile.vision is False:
                self._losses.warn(path, "an image in a tool result was left out: the model cannot see")
                pieces.append(self._unseen())
            else:
                pieces += self._part(part, path)
        if not self._profile.tool_images:
            pieces = [self._attached(piece, attached) for piece in pieces]
        mark = self._mark(result.cache)
        if all(piece["type"] == "text" for piece in pieces) and not mark:
            return "\n".join(piece["text"] for piece in pieces if piece["text"])
        pieces = pieces or [_plain_text(_NO_OUTPUT)]
        return [*pieces[:-1], {**pieces[-1], **mark}]

    def _attached(self, piece: Object, attached: list[Object]) -> Object:
        """The piece, or a pointer to it: messages of tools hold text only."""
        if piece["type"] == "text":
            return piece
        self._pictures += 1
        kind = "image" if piece["type"] == "image_url" else "file"
        attached += [_plain_text(f"[{kind} {self._pictures} of a tool result]"), piece]
        return _plain_text(f"[{kind} {self._pictures} attached below]")

    def _say_as_user(self, content: Content) -> None:
        """Neighbouring user messages are joined: strict templates want the roles to alternate."""
        before = self.messages[-1] if self.messages else None
        if before is not None and before["role"] == "tool" and not self._profile.user_after_tool:
            if isinstance(content, str) and isinstance(before["content"], str):
                before["content"] += "\n\n" + content
                return
            self.messages.append({"role": "assistant", "content": _INTERLUDE})
            before = None
        if before is None or before["role"] != "user":
            self.messages.append({"role": "user", "content": content})
        elif isinstance(before["content"], str) and isinstance(content, str):
            before["content"] += "\n\n" + content
        else:
            before["content"] = _as_list(before["content"]) + _as_list(content)

    def _assistant(self, turn: Turn, *, with_thinking: bool) -> None:
        calls = [part for part in turn.parts if type(part) is ToolCall and part.by != "backend"]
        thoughts = [part for part in turn.parts if type(part) is Thinking]
        content = self._assistant_content(turn)
        message: Object = {"role": "assistant", "content": content}
        if calls and not content and self._profile.null_content:
            message["content"] = None
        if refusal := "".join([part.text for part in turn.parts if type(part) is Refusal]):
            message["refusal"] = refusal
        if thoughts or (calls and with_thinking and self._profile.empty_reasoning):
            self._add_thinking(message, thoughts, turn.path, with_thinking=with_thinking, calls=bool(calls))
        if calls:
            said = [self._call(call, turn.path) for call in calls]
            if self._profile.signs_calls:
                said = signed_calls.with_proofs(said, thoughts, self._profile.family, self._profile.tool_ids)
            message["tool_calls"] = said
        elif not content and len(message) == 2 and not self._ours:
            return  # all it had to say was reasoning that stays behind; Mistral refuses a message that says nothing
        if self._ours:
            merged(message, {**_named(turn), **turn.extra})
        elif len(turn.parts) > 1 and _in_disorder(turn):
            self._losses.warn(turn.path, "reasoning, text and calls are sent in this order, not in the one they had")
        before = self.messages[-1] if self.messages else None
        if self._ours or before is None or before["role"] != "assistant":
            self.messages.append(message)
        else:  # nothing was said in between
            for key in ("content", "refusal", self._profile.reasoning_field or ""):
                if joined := _joined(before.get(key), message.get(key)):
                    message[key] = joined
            self.messages[-1] = before | message

    def _assistant_content(self, turn: Turn) -> Content:
        if self._ours:
            return self._content([p for p in turn.parts if isinstance(p, Text | Opaque | Image | Document)], turn.path)
        content, own_line = "", False  # own_line: of what was said last
        for part in turn.parts:
            before, own_line = own_line, not isinstance(part, Text)
            said = part.text if isinstance(part, Text) else self._in_place_of(part, turn.path)
            if not said:
                own_line = before
            elif content and (before or own_line) and not content.endswith("\n"):
                content += "\n"
            content += said
        return content

    def _in_place_of(self, part: Part, path: str) -> str:
        """The line that stands for what is no text of the assistant's."""
        if isinstance(part, ToolCall) and part.by == "backend":
            return f"[{part.name}: {part.arguments}]"
        if not isinstance(part, Opaque | Image | Document):
            return ""
        pieces = self._part(part, path)
        if any(piece["type"] != "text" for piece in pieces):
            self._losses.refuse(path, "an assistant's message holds text only; leave the rest out")
        return _text_of(pieces)

    def _add_thinking(
        self, message: Object, thoughts: Sequence[Thinking], path: str, *, with_thinking: bool, calls: bool
    ) -> None:
        text = "\n\n".join(part.text for part in thoughts if part.text)
        field = self._profile.reasoning_field
        for part in thoughts:
            if part.seal is None:
                continue
            if part.seal.form == "details" and part.seal.origin in ("", self._profile.family):
                value = part.seal.value
                if isinstance(value, list):
                    value = [*message.get("reasoning_details", ()), *signed_calls.without_proofs(value)]
                if value:
                    message["reasoning_details"] = value
            else:
                self._losses.warn(path, "reasoning that another backend has sealed is sent without its seal")
        if field is None or not with_thinking:
            return
        if field == "think_tags":
            if text:
                message["content"] = _behind(f"<think>\n{text}\n</think>\n\n", message["content"])
        elif text or (calls and self._profile.empty_reasoning):
            message[field] = text

    def _call(self, call: ToolCall, path: str) -> Object:
        call_id = tool_ids.fit(call.id, self._profile.tool_ids) if self._ours else call.id  # fitted with its result
        if call.kind == "custom" and (self._ours or self._profile.openai_fields):
            custom = {"name": call.name, "input": call.arguments}
            said: Object = {"id": call_id, "type": "custom", "custom": custom}
            return merged(said, call.extra) if self._ours else said
        name = call.name if self._ours else tool_names.fit(call.name)
        if call.kind == "custom":
            given = jsons.write_text({"input": call.arguments})
        else:
            given = arguments.for_history(call.arguments)
            if given != call.arguments and call.arguments.strip():
                self._losses.warn(path, "tool arguments that are no JSON object are repaired, or sent as {_raw: text}")
        said = {"id": call_id, "type": "function", "function": {"name": name, "arguments": given}}
        return merged(said, call.extra) if self._ours and call.extra else said

    def _content(self, parts: Sequence[Part], path: str) -> Content:
        """A string where all is text (many local servers take nothing else), else a list of parts.

        Where marks may stand on parts, texts are not joined: a mark that moves on would change the prompt before it.
        """
        if len(parts) == 1 and type(part := parts[0]) is Text and part.cache is None and not part.extra:
            return part.text  # nearly all of them
        pieces = self._pieces(parts, path)
        if not pieces:
            return ""
        if len(pieces) == 1 and pieces[0].keys() == _BARE_TEXT:
            text: str = pieces[0]["text"]
            return text
        joins = not self._ours and self._profile.cache_marks == "none"
        return _text_of(pieces) if joins and all(piece["type"] == "text" for piece in pieces) else pieces

    def _pieces(self, parts: Iterable[Part], path: str) -> list[Object]:
        return [piece for part in parts for piece in self._part(part, path)]

    def _part(self, part: Part, path: str) -> Sequence[Object]:
        match part:
            case Text():
                if part.cache is None and not part.extra:
                    return [{"type": "text", "text": part.text}] if part.text or self._ours else ()
                return [self._marked({"type": "text", "text": part.text}, part.extra, part.cache)]
            case Refusal():
                return [{"type": "refusal", "refusal": part.text}] if self._ours else [_plain_text(part.text)]
            case Image():
                return [self._image(part, path)]
            case Document():
                about = [_plain_text(f"[{part.context}]")] if part.context else []
                return [*about, *self._document(part, path)]
            case Opaque():
                return self._opaque(part, path)
            case Thinking() | ToolCall() | ToolResult():
                return ()
            case _:
                assert_never(part)

    def _unseen(self) -> Object:
        return _plain_text(f"[image: {self._route.model} cannot see images]")

    def _image(self, image: Image, path: str) -> Object:
        if self._profile.vision is False:
            self._losses.refuse(
                path, f"image input is not supported by {self._route.model}; ask a model that can see", lenient=True
            )
            return self._unseen()
        if isinstance(image.source, Stored):
            self._losses.refuse(path, "an image by file id cannot be read by this backend; send its data or a URL")
            return self._unseen()
        said: Object = {"url": media.url(image.source)}
        if image.detail is not None:
            said["detail"] = image.detail
        return self._marked({"type": "image_url", "image_url": said}, image.extra, image.cache)

    def _document(self, document: Document, path: str) -> Sequence[Object]:
        source, title = document.source, document.title
        if self._ours and not isinstance(source, Written | Nested):
            return [self._file(document, source)]
        match source:
            case Written(text=text):
                return [self._marked(_plain_text(f"[{title}]\n{text}" if title else text), {}, document.cache)]
            case Nested(parts=parts):
                return [*([_plain_text(f"[{title}]")] if title else []), *self._pieces(parts, path)]
            case Link(url=url):
                self._losses.warn(path, "a document by URL is named but not read: this backend fetches nothing")
                return [_plain_text(f"[document {title or ''} at {url}: not read]")]
            case Inline() if self._profile.files:
                return [self._file(document, source)]
            case Inline() if (written := media.text(source)) is not None:
                return [_plain_text(f"[{title or 'document'}]\n{written}")]
            case Inline() | Stored():
                self._losses.warn(path, "this backend cannot read the document; a note stands in its place")
                name = title or "document"
                return [_plain_text(f"[{name}: {self._route.model} cannot read this kind of file]")]
            case _:
                assert_never(source)

    def _file(self, document: Document, source: Inline | Link | Stored) -> Object:
        if isinstance(source, Stored):
            file: Object = {} if document.title is None else {"filename": document.title}
            file["file_id"] = source.file_id
        else:
            file = {"filename": document.title or "document.pdf", "file_data": media.url(source)}
        return self._marked({"type": "file", "file": file}, document.extra, document.cache)

    def _opaque(self, part: Opaque, path: str) -> Sequence[Object]:
        if part.dialect == _DIALECT:
            return [part.raw]
        self.brought.extend(part.tools)
        if part.holds:
            self._losses.warn(path, "of what was fetched only the address can be said to this backend")
        if part.gist is None:
            self._losses.refuse(
                path,
                f"content of type {part.kind!r} cannot be said to a Chat Completions backend; leave it out, or set"
                " `on_loss: lenient` for this model",
                lenient=True,
            )
            return [_plain_text(f"[{part.kind}]")]
        return [_plain_text(part.gist)] if part.gist else ()

    def _marked(self, said: Object, extra: Object, cache: Cache | None) -> Object:
        return merged(said, extra) if self._ours else {**said, **self._mark(cache)}

    def _mark(self, cache: Cache | None) -> Object:
        if cache is None:
            return {}
        if self._profile.cache_marks not in ("openai", "explicit") or self._marks >= _MAX_CACHE_MARKS:
            self._unmarked = True
            return {}
        self._marks += 1
        if self._profile.cache_marks == "explicit":
            return {"cache_control": {"type": "ephemeral", **({"ttl": cache.ttl} if cache.ttl else {})}}
        ttl = _TTL.get(cache.ttl or "")
        return {"prompt_cache_breakpoint": {"mode": "explicit", **({"ttl": ttl} if ttl else {})}}


_BARE_TEXT: Final = {"type", "text"}
_RANK: Final = {Thinking: 0, Text: 1, Refusal: 1, Opaque: 1, ToolCall: 2}


def _in_disorder(turn: Turn) -> bool:
    highest = 0
    for part in turn.parts:
        rank = _RANK.get(type(part), highest)
        if rank < highest:
            return True
        highest = rank
    return False


def _named(turn: Turn) -> Object:
    return {"name": turn.name} if turn.name else {}


def _plain_text(text: str) -> Object:
    return {"type": "text", "text": text}


def _text_of(pieces: Iterable[Object]) -> str:
    return "\n\n".join(piece["text"] for piece in pieces if piece["type"] == "text" and piece["text"])


def _as_list(content: Content) -> list[Object]:
    return [_plain_text(content)] if isinstance(content, str) else content


def _joined(before: Any, after: Any) -> Any:
    """Members of two messages of the assistant as one."""
    if not before or not after:
        return after or before
    return f"{before}\n\n{after}" if isinstance(before, str) and isinstance(after, str) else after


def _behind(head: str, content: Content | None) -> Content:
    return [_plain_text(head), *content] if isinstance(content, list) else head + (content or "")


def _marked_as_error(content: Content) -> Content:
    if isinstance(content, str):
        return content if content.startswith(TOOL_ERROR) else TOOL_ERROR + content
    first = content[0]
    if first["type"] != "text":
        return [_plain_text(TOOL_ERROR), *content]
    return [{**first, "text": _marked_as_error(first["text"])}, *content[1:]]
