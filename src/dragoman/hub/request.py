"""What was asked: a conversation of turns made of parts, and the wishes around it.

Readers put what they do not name into `extra` of the node it was on, and whole blocks they do not know into
`Opaque`. The same dialect's writer merges them back; other dialects do not see them.

Tool arguments are a string, exactly as said: broken JSON must survive to the client, and key order reaches the model.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, final

from msgspec import Struct

Extra: TypeAlias = dict[str, Any]
Dialect = Literal["anthropic-messages", "openai-chat", "openai-responses"]
Role = Literal["system", "developer", "user", "assistant"]
CallKind = Literal["function", "custom", "local_shell", "shell", "apply_patch", "tool_search"]

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
Mode = Literal["off", "budget", "adaptive", "between_tools"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Seal(Struct, frozen=True):
    """An opaque proof a backend attached to its reasoning. It goes back only to the family that made it.

    form: "signature" (beside visible text), "redacted" (instead of it), "encrypted" (a Responses item's payload),
    "details" (OpenRouter-style `reasoning_details`).
    """

    dialect: Dialect
    origin: str
    value: Any
    form: Literal["signature", "redacted", "encrypted", "details"] = "signature"


class Cache(Struct, frozen=True):
    """A mark: what comes before this point is worth caching. ttl: "5m", "1h", or None for the default."""

    ttl: str | None = None


class Inline(Struct, frozen=True):
    """Bytes carried in the request. data: base64, as sent."""

    media_type: str
    data: str


class Link(Struct, frozen=True):
    url: str


class Stored(Struct, frozen=True):
    """A file the backend's vendor holds, by its id. It means nothing to another vendor."""

    file_id: str


class Written(Struct, frozen=True):
    """A document that is plain text."""

    text: str


class Nested(Struct, frozen=True):
    """A document made of parts (text and images)."""

    parts: tuple[Part, ...]


class Citation(Struct, frozen=True):
    """A claim's source on the web. start, end: code points of the answer's text; None = the whole part."""

    url: str
    title: str = ""
    cited_text: str = ""
    start: int | None = None
    end: int | None = None
    extra: Extra = {}


@final
class Text(Struct, frozen=True):
    text: str
    cache: Cache | None = None
    citations: tuple[Citation, ...] = ()
    extra: Extra = {}


@final
class Refusal(Struct, frozen=True):
    """Text in which the model declines."""

    text: str
    extra: Extra = {}


@final
class Image(Struct, frozen=True):
    source: Inline | Link | Stored
    detail: str | None = None
    cache: Cache | None = None
    extra: Extra = {}


@final
class Document(Struct, frozen=True):
    """context: what the model is told of it besides its title."""

    source: Inline | Link | Stored | Written | Nested
    title: str | None = None
    cache: Cache | None = None
    extra: Extra = {}
    context: str | None = None


@final
class Thinking(Struct, frozen=True):
    """Reasoning. text may be empty when only its seal was shown."""

    text: str
    seal: Seal | None = None
    extra: Extra = {}


@final
class ToolCall(Struct, frozen=True):
    """by: who runs the tool. kind: which sort of call it was on its own wire; other wires see a function."""

    id: str
    name: str
    arguments: str = ""
    kind: CallKind = "function"
    by: Literal["client", "proxy", "backend"] = "client"
    namespace: str | None = None
    cache: Cache | None = None
    extra: Extra = {}


@final
class ToolResult(Struct, frozen=True):
    """kind: of the call it answers."""

    call_id: str
    parts: tuple[Part, ...] = ()
    is_error: bool = False
    kind: CallKind = "function"
    cache: Cache | None = None
    extra: Extra = {}


@final
class Opaque(Struct, frozen=True):
    """A block only its own dialect understands.

    gist: what other dialects may say in its place; "" = it may be left out, None = nothing can stand for it.
    tools: what it makes known besides those of `Request.tools`. holds: files in it that its gist only names.
    """

    dialect: Dialect
    kind: str
    raw: Any
    gist: str | None = None
    tools: tuple[Tool, ...] = ()
    holds: tuple[Part, ...] = ()


Part: TypeAlias = Text | Refusal | Image | Document | Thinking | ToolCall | ToolResult | Opaque


class Hit(Struct, frozen=True):
    """A page that a search has found. text: what of it was found, as plain text. age: how old it is, in words.

    sealed: the same text for a client that brings it back unread, in an envelope.
    """

    url: str
    title: str = ""
    text: str = ""
    age: str | None = None
    sealed: str = ""


@final
class Searched(Struct, frozen=True):
    """A web search that the backend or the proxy has run, as answers show it. hits: as far as they are told.

    raw: how its own dialect says it; None where the proxy has run it.
    problem: why it failed, as Messages names it (`error_code` of a `web_search_tool_result_error`); None = it did not.
    id: by which the client may refer to it later, without the prefix of a dialect; "" = the writer makes one.
    """

    dialect: Dialect
    queries: tuple[str, ...]
    hits: tuple[Hit, ...] = ()
    raw: Any = None
    problem: str | None = None
    id: str = ""


@final
class Fetched(Struct, frozen=True):
    """A page that the proxy has fetched for the model. text: what can be read of it. at: seconds since the epoch.

    media_type: what the server said it is. problem: as in `Searched`, of a `web_fetch_tool_result_error`. id: likewise.
    """

    url: str
    title: str = ""
    text: str = ""
    media_type: str = "text/plain"
    at: float = 0.0
    problem: str | None = None
    id: str = ""


class Turn(Struct, frozen=True):
    """One speaker's contribution. A leading run of system and developer turns is the system prompt.

    path: where the client put it, in the client's own spelling ("messages[3]"); empty for turns of ours.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extra: Extra = {}
    path: str = ""


class FunctionTool(Struct, frozen=True):
    """A tool the client runs. schema: JSON Schema of its arguments, key order kept.

    deferred: to be declared to the model only after it was searched for.
    builtin: the vendor's name when the schema is the vendor's own ("bash_20250124").
    kind: which sort of call its client expects; calls of a function are the rule.
    examples: arguments that would be good ones.
    """

    name: str
    description: str | None = None
    schema: Any = None
    strict: bool | None = None
    deferred: bool = False
    builtin: str | None = None
    kind: CallKind = "function"
    examples: tuple[Any, ...] = ()
    namespace: str | None = None
    cache: Cache | None = None
    extra: Extra = {}


class CustomTool(Struct, frozen=True):
    """A tool that takes free text. syntax, definition: its grammar, if any."""

    name: str
    description: str | None = None
    syntax: str | None = None
    definition: str | None = None
    namespace: str | None = None
    extra: Extra = {}


class HostedTool(Struct, frozen=True):
    """A tool the backend's vendor runs. kind: "web_search", "web_fetch", "code_execution", "tool_search", ..."""

    dialect: Dialect
    kind: str
    raw: Any


Tool: TypeAlias = FunctionTool | CustomTool | HostedTool


class ToolChoice(Struct, frozen=True):
    """mode "named": exactly the tool `names[0]`; "allowed": any of `names`, of which one is required if `required`."""

    mode: Literal["auto", "required", "none", "named", "allowed"]
    names: tuple[str, ...] = ()
    required: bool = False


class Sampling(Struct, frozen=True, omit_defaults=True):
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    logit_bias: Any = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None


class Reasoning(Struct, frozen=True):
    """How much to think, and how to show it. All None = the model's own habit.

    mode: "off", "budget" (at most `budget` tokens), "adaptive", "between_tools".
    """

    mode: Mode | None = None
    effort: Effort | None = None
    budget: int | None = None
    display: str | None = None


class OutputFormat(Struct, frozen=True):
    """schema None = any JSON object."""

    schema: Any = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Request(Struct, frozen=True):
    """user: an opaque id of the end user; session: of the conversation, for affinity and cache keys.

    verbosity: how wordy the answer is to be, in OpenAI's words.
    """

    dialect: Dialect
    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    reasoning: Reasoning = Reasoning()
    output_format: OutputFormat | None = None
    verbosity: str | None = None
    stream: bool = False
    stream_usage: bool = True
    cache: Cache | None = None
    cache_key: str | None = None
    service_tier: str | None = None
    user: str | None = None
    session: str | None = None
    extra: Extra = {}
