"""Turns as the system prompt and the messages of a Messages request.

What the API enforces on a history (PROTOCOLS A1.4) is repaired for clients of other dialects: it starts with the user,
every call has its result at once behind it and before other content, no block is empty, neighbours of one role are one
message. A client of this dialect has put its history itself; there only what this backend is known not to take is
changed.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

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
from dragoman.protocols import arguments, media, tool_names, tool_results
from dragoman.protocols.anthropic_messages import accounting
from dragoman.protocols.anthropic_messages.cache_marks import write_cache
from dragoman.protocols.fields import Object, merged

_DIALECT: Final = "anthropic-messages"
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_START: Final = "(start)"
_GO_ON: Final = "(continue)"
_SYSTEM: Final = ("system", "developer")
_SEALED: Final = frozenset({"thinking", "redacted_thinking"})


class Conversation:
    """system, messages: as they are to be sent. marked: the blocks with a cache mark, in order.

    brought: tools that became known in mid-conversation.
    """

    def __init__(self, request: Request, route: Route, profile: Profile, losses: Losses) -> None:
        self.system: Final[list[Object]] = []
        self.messages: Final[list[Object]] = []
        self.marked: Final[list[Object]] = []
        self.brought: Final[list[Tool]] = []
        self._route: Final = route
        self._profile: Final = profile
        self._losses: Final = losses
        self._ours: Final = request.dialect == _DIALECT
        leading: list[Turn] = []
        for turn in request.turns:
            if turn.role not in _SYSTEM:
                break
            leading.append(turn)
        for turn in leading:
            self.system.extend(self._blocks(turn.parts, turn.path))
        rest = request.turns[len(leading) :]
        if self._ours:
            self._as_said(rest)
        else:
            self._repaired(tool_results.paired(rest, "anthropic", losses, unique=True))

    def _as_said(self, turns: Iterable[Turn]) -> None:
        for turn in turns:
            content = self._blocks(turn.parts, turn.path)
            if turn.role == "system" and not self.messages:  # what stood before it says nothing
                self.system.extend(content)
            elif turn.role == "system" and not self._profile.system_anywhere:
                self._remind(turn)
            elif content or not turn.parts:
                self.messages.append(merged({"role": turn.role, "content": content}, turn.extra))

    def _repaired(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            if turn.role == "assistant":
                self._assistant(turn)
            elif turn.role == "user":
                self._say("user", self._named(turn) if turn.name else self._blocks(turn.parts, turn.path))
            else:
                self._late_system(turn)
        if not self.messages or self.messages[0]["role"] != "user":
            self.messages.insert(0, {"role": "user", "content": [_plain_text(_START)]})
        if self.messages[-1]["role"] == "assistant":
            self._last_words()

    def _assistant(self, turn: Turn) -> None:
        blocks = self._blocks(turn.parts, turn.path)
        while blocks and blocks[-1]["type"] in _SEALED:  # an assistant's message may not end so
            blocks.pop()
        self._say("assistant", blocks)

    def _named(self, turn: Turn) -> list[Object]:
        self._losses.warn(turn.path, "the speaker's name is put into the text")
        return [_plain_text(f"[{turn.name}]"), *self._blocks(turn.parts, turn.path)]

    def _late_system(self, turn: Turn) -> None:
        """A system message may stand behind the user's and before the assistant's only, and not for every model."""
        text = _text_of(turn)
        last: Object = self.messages[-1] if self.messages else {"role": None}
        if not text.strip():
            return
        if last["role"] == "system":  # two in a row are a 400
            last["content"] += [_plain_text(text)]
        elif last["role"] == "user" and self._profile.system_anywhere:
            self.messages.append({"role": "system", "content": [_plain_text(text)]})
        else:
            self._remind(turn)

    def _remind(self, turn: Turn) -> None:
        """Hoisting it to the top would change its meaning and the prefix."""
        text = _text_of(turn)
        if text.strip():
            self._say("user", [_reminder(text)])
            self._losses.silent(turn.path, "a system message in mid-conversation is sent as a reminder to the user")

    def _say(self, role: str, blocks: list[Object]) -> None:
        if not blocks:
            return
        last: Object = self.messages[-1] if self.messages else {"role": None}
        if last["role"] == "system" and role == "user":  # the assistant has said nothing in between
            self.messages.pop()
            self.messages[-1]["content"] += [_reminder(block["text"]) for block in last["content"]]
            last = self.messages[-1]
        if last["role"] == role:
            last["content"] += blocks
        else:
            self.messages.append({"role": role, "content": blocks})

    def _last_words(self) -> None:
        """A trailing assistant message is the beginning of the answer, where the model takes one; else a 400.

        In the dialects of OpenAI it is a past turn, as Qwen Code leaves one behind a compaction.
        """
        if self._profile.prefill != "native":
            self.messages.append({"role": "user", "content": [_plain_text(_GO_ON)]})
            return
        block = self.messages[-1]["content"][-1]
        if block["type"] == "text":
            block["text"] = block["text"].rstrip()  # white space at the very end is a 400

    def _blocks(self, parts: Iterable[Part], path: str) -> list[Object]:
        blocks: list[Object] = []
        for part in parts:
            if type(part) is Text and part.cache is None and not part.extra:  # most of them
                if self._ours or part.text.strip():  # an empty text block is a 400
                    blocks.append({"type": "text", "text": part.text})
            else:
                blocks += self._block(part, path)
        return blocks

    def _block(self, part: Part, path: str) -> Sequence[Object]:
        match part:
            case Text():
                return self._text(part)
            case ToolCall():
                return self._call(part, path)
            case ToolResult():
                return [self._result(part, path)]
            case Thinking():
                return self._thinking(part, path)
            case Refusal():
                return [_plain_text(part.text)] if part.text.strip() else []
            case Image():
                return [self._image(part, path)]
            case Document():
                return [self._document(part, path)]
            case Opaque():
                return self._opaque(part, path)
            case _:
                assert_never(part)

    def _text(self, part: Text) -> Sequence[Object]:
        if not self._ours and not part.text.strip():
            return ()
        return [self._marked({"type": "text", "text": part.text}, part.extra, part.cache)]

    def _thinking(self, part: Thinking, path: str) -> Sequence[Object]:
        seal = part.seal
        if seal is not None and seal.dialect == _DIALECT and (self._ours or seal.origin == self._profile.family):
            if seal.form == "redacted":
                return [self._marked({"type": "redacted_thinking", "data": seal.value}, part.extra, None)]
            said = {"type": "thinking", "thinking": part.text, "signature": seal.value}
            return [self._marked(said, part.extra, None)]
        if self._ours and not self._profile.checks_seals:
            said = {"type": "thinking", "thinking": part.text, "signature": ""}
            return [self._marked(said, part.extra, None)] if part.text else ()
        if self._ours:
            self._losses.warn(path, "reasoning without a signature is left out: this model checks them")
        else:
            self._losses.silent(path, "reasoning that this model has not signed is left out")
        return ()

    def _call(self, call: ToolCall, path: str) -> Sequence[Object]:
        if call.by == "backend" and not self._ours:
            return [_plain_text(f"[{call.name}: {call.arguments}]")]
        said = {
            "type": "server_tool_use" if call.by == "backend" else "tool_use",
            "id": call.id,
            "name": call.name if self._ours else tool_names.fit(call.name),
            "input": self._input(call, path),
        }
        return [self._marked(said, call.extra, call.cache)]

    def _input(self, call: ToolCall, path: str) -> Object:
        if call.kind == "custom":
            return {"input": call.arguments}
        value = arguments.repaired(call.arguments)
        if value is not None:
            return value
        self._losses.warn(path, "tool arguments that are no JSON object are sent as {_raw: text}")
        return {"_raw": call.arguments}

    def _result(self, result: ToolResult, path: str) -> Object:
        content, is_error = [b for part in result.parts for b in self._in_result(part, path)], result.is_error
        if not self._ours:
            content, is_error = _without_mark(content, is_error=is_error)
        said: Object = {"type": "tool_result", "tool_use_id": result.call_id}
        if content:
            said["content"] = content
        if is_error:
            said["is_error"] = True
        return self._marked(said, result.extra, result.cache)

    def _in_result(self, part: Part, path: str) -> Sequence[Object]:
        """What a tool has read may be a picture by accident: the conversation goes on without it."""
        if isinstance(part, Image) and self._profile.vision is False:
            self._losses.warn(path, "an image in a tool result was left out: the model cannot see")
            return [self._unseen()]
        return self._block(part, path)

    def _unseen(self) -> Object:
        return _plain_text(f"[image: {self._route.model} cannot see images]")

    def _image(self, image: Image, path: str) -> Object:
        if self._profile.vision is False:
            self._losses.refuse(
                path, f"image input is not supported by {self._route.model}; ask a model that can see", lenient=True
            )
            return self._unseen()
        source = image.source
        match source:
            case Inline(media_type=media_type, data=data):
                if not self._ours and media_type not in _IMAGES:
                    self._losses.refuse(path, f"images of type {media_type} are not taken; send PNG, JPEG, GIF or WebP")
                said = _base64(media_type, data)
            case Link(url=url):
                said = {"type": "url", "url": url}
            case Stored():
                said = self._stored(source, path)
            case _:
                assert_never(source)
        return self._marked({"type": "image", "source": said}, image.extra, image.cache)

    def _document(self, document: Document, path: str) -> Object:
        if isinstance(document.source, Inline) and document.source.media_type in _IMAGES and not self._ours:
            return self._image(Image(document.source, cache=document.cache), path)
        said: Object = {"type": "document", "source": self._document_source(document, path)}
        if document.title is not None:
            said["title"] = document.title
        if document.context is not None:
            said["context"] = document.context
        return self._marked(said, document.extra, document.cache)

    def _document_source(self, document: Document, path: str) -> Object:
        source = document.source
        match source:
            case Inline(media_type=media_type, data=data):
                if self._ours or media_type == "application/pdf":
                    return _base64(media_type, data)
                text = media.text(source)
                if text is None:
                    self._losses.refuse(path, f"files of type {media_type} are not taken; send a PDF or text")
                return _plain(text or "")
            case Link(url=url):
                return {"type": "url", "url": url}
            case Stored():
                return self._stored(source, path)
            case Written(text=text):
                return _plain(text)
            case Nested(parts=parts):
                return {"type": "content", "content": self._blocks(parts, path)}
            case _:
                assert_never(source)

    def _stored(self, source: Stored, path: str) -> Object:
        if not self._ours:
            self._losses.refuse(path, "a file by its id cannot be read by this backend; send its data or a URL")
        return {"type": "file", "file_id": source.file_id}

    def _opaque(self, part: Opaque, path: str) -> Sequence[Object]:
        if part.dialect == _DIALECT and (part.kind != accounting.KIND or self._profile.accounting):
            return [part.raw]
        self.brought.extend(part.tools)
        if part.gist is None:
            what = "audio input" if part.kind == "input_audio" else f"content of type {part.kind!r}"
            is_audio = part.kind == "input_audio"
            self._losses.refuse(path, f"{what} is not supported by this backend; leave it out", lenient=not is_audio)
            return [_plain_text(f"[{part.kind}]")]
        return [_plain_text(part.gist)] if part.gist.strip() else ()

    def _marked(self, said: Object, extra: Object, cache: Cache | None) -> Object:
        if cache is not None and (self._ours or self._profile.cache_marks != "none"):
            said["cache_control"] = write_cache(cache)
            self.marked.append(said)
        return merged(said, extra) if extra and self._ours else said


def _plain_text(text: str) -> Object:
    return {"type": "text", "text": text}


def _reminder(text: str) -> Object:
    return _plain_text(f"<system-reminder>\n{text}\n</system-reminder>")


def _base64(media_type: str, data: str) -> Object:
    return {"type": "base64", "media_type": media_type, "data": data}


def _plain(text: str) -> Object:
    return {"type": "text", "media_type": "text/plain", "data": text}


def _text_of(turn: Turn) -> str:
    return "\n\n".join(part.text for part in turn.parts if isinstance(part, Text))


def _without_mark(content: list[Object], *, is_error: bool) -> tuple[list[Object], bool]:
    """A result that we marked as an error for a dialect without the field says so again in the field."""
    if content and content[0]["type"] == "text" and content[0]["text"].startswith(tool_results.TOOL_ERROR):
        first = content[0]  # changed where it is: its cache mark has been counted
        first["text"] = first["text"].removeprefix(tool_results.TOOL_ERROR)
        return content if first["text"].strip() else content[1:], True
    return content, is_error
