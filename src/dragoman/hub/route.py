"""The decision for one request, as pure data: which model, which backend, what is known of it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.hub.losses import Policy
from dragoman.hub.pipeline import Needs, Pipeline
from dragoman.hub.request import Dialect, Effort, Sampling


class Secret:
    """A string that prints as `***`. `reveal()` is the only way to its value, so a forgotten mask is not a leak."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***" if self._value else "(none)"


class Timeouts(Struct, frozen=True):
    """Seconds. first_byte: from the end of the request to the answer's head. idle: between two reads of the body.

    There is no total: a stream may take as long as it speaks.
    """

    connect: float = 10.0
    first_byte: float = 600.0
    idle: float = 300.0


class Profile(Struct, frozen=True, kw_only=True):
    """What is known of one kind of backend: its quirks, as data. Codecs read this and never a vendor's name.

    family: who made it; seals go back only to their own family.
    checks_seals: refuses reasoning whose signature is missing or foreign, so that such reasoning is left out.
    reasoning_field: where this backend reads reasoning of earlier turns; None = nowhere.
    reasoning_history: which earlier turns get their reasoning back; "tool_turns" = those since the last user message.
    empty_reasoning: refuses a message with tool calls and no reasoning, so that a lost one is said as empty.
    system_anywhere: takes system messages after the first user message.
    developer_role: prefers `developer` to `system`.
    limit_fields: the names under which it reads the output limit.
    efforts: the words it takes for `reasoning_effort`; empty = none is known, and none is sent but a Chat client's own.
    refuses_efforts: has no such field, so that a Chat client's own is left out as well.
    template_effort: reads the effort in `chat_template_kwargs` too.
    thinking_switch: name of what turns thinking on and off.
    thinking_form: where that stands: "template" (in `chat_template_kwargs`), "member" (at the top, true or false),
        "type" (at the top, as an object with a `type`).
    thinking_streams_only: refuses to think where the answer is not streamed.
    forced_tools: takes a `tool_choice` that demands a call: "yes", "not_thinking" (only while it does not think), "no".
    schema_without: JSON Schema keywords it refuses in tools.
    tool_ids: the legal form of tool-call ids; "any" = whatever they are, since the model itself means something by it.
    null_content: takes `content: null` beside tool calls ("" is sent otherwise).
    tool_images: takes images inside tool messages.
    user_after_tool: takes a user message directly behind a tool message.
    sampling_extras: sampling fields beyond OpenAI's that it reads.
    openai_fields: takes OpenAI's account fields (service_tier, prompt_cache_key, safety_identifier, ...).
    verbosity: takes a wish for how wordy the answer is.
    prefill: how it continues a trailing assistant message.
    stream_usage: takes `stream_options.include_usage`.
    cache_marks: how prompt-cache marks are said to it: "anthropic" (top-level mark and explicit ones), "explicit"
        (`cache_control` on blocks only, as third parties know it), "openai" (breakpoints on parts).
    relays: what a client of the backend's own dialect says passes as it is; else it is written anew, by this profile.
    rescue_calls: whether tool calls that the model says as text become calls: "never"; "auto" = in answers that are
        translated, and once this was needed, no answer to a request with tools is relayed any more; "always" = none is.
    think_tags: parse these tags at the start of the text as reasoning. implicit_open: only the closing tag comes.
    files: takes PDF files in `file` parts.
    vision: sees images; None = not known, so images are sent and the backend decides.
    max_stop: how many stop sequences it takes.
    sampling: "all"; "one" of temperature and top_p, not both; "none": it accepts its defaults only.
    tokenizer: how it counts tokens: "vllm" (/tokenize takes messages), "llama.cpp" (/apply-template, then /tokenize).
    keeps_envelopes: is another Dragoman, so that what it has sealed goes back to it as it is.
    signs_calls: its calls may come with a proof in `extra_content` that it wants back.
    server_tools: kinds of tools it runs itself ("web_search", "web_fetch"), so that the proxy leaves them to it.
    cuts_prompts: cuts a prompt that does not fit its window, and says nothing.
    accounting: reads Claude Code's line of accounting, which defeats the prefix caches of all others.
    thinking_types: how thinking is asked for in Messages: "adaptive" (an effort), "budget" (tokens), "disabled",
        "between_tools".
    """

    family: str = "generic"
    checks_seals: bool = False
    reasoning_field: Literal["reasoning_content", "reasoning", "think_tags"] | None = "reasoning_content"
    reasoning_history: Literal["none", "tool_turns", "all"] = "tool_turns"
    empty_reasoning: bool = False
    system_anywhere: bool = False
    developer_role: bool = False
    limit_fields: tuple[str, ...] = ("max_tokens",)
    efforts: tuple[str, ...] = ("low", "medium", "high")
    refuses_efforts: bool = False
    template_effort: bool = False
    thinking_switch: str | None = None
    thinking_form: Literal["template", "member", "type"] = "template"
    thinking_streams_only: bool = False
    forced_tools: Literal["yes", "not_thinking", "no"] = "yes"
    schema_without: frozenset[str] = frozenset()
    tool_ids: Literal["openai", "mistral", "anthropic", "any"] = "openai"
    null_content: bool = False
    tool_images: bool = False
    user_after_tool: bool = True
    sampling_extras: frozenset[str] = frozenset()
    openai_fields: bool = False
    verbosity: bool = False
    prefill: Literal["continue_final_message", "prefix", "native"] | None = None
    stream_usage: bool = True
    cache_marks: Literal["none", "anthropic", "explicit", "openai"] = "none"
    relays: bool = True
    rescue_calls: Literal["never", "auto", "always"] = "never"
    think_tags: tuple[str, ...] = ("think",)
    implicit_open: bool = False
    files: bool = False
    vision: bool | None = None
    max_stop: int | None = None
    sampling: Literal["all", "one", "none"] = "all"
    tokenizer: Literal["vllm", "llama.cpp"] | None = None
    keeps_envelopes: bool = False
    signs_calls: bool = False
    server_tools: frozenset[str] = frozenset()
    cuts_prompts: bool = False
    accounting: bool = False
    thinking_types: tuple[str, ...] = ("budget", "disabled")


class Backend(Struct, frozen=True, cache_hash=True):
    """One place to send requests to. url: without the endpoint's path and without a trailing slash.

    needs: what has to be read for it. place: by what its failures and requests are counted; its URL, unless its model has
    two accounts there.
    """

    url: str
    key: Secret
    dialect: Dialect
    profile: Profile = Profile()
    weight: int = 1
    max_inflight: int = 0
    needs: Needs = Needs()
    place: str = ""

    def __post_init__(self) -> None:
        if not self.place:
            msgspec.structs.force_setattr(self, "place", self.url)

    @property
    def seals(self) -> bool:
        """Whether its reasoning may come with a proof that it wants back."""
        return self.dialect != "openai-chat" or self.profile.reasoning_history == "all" or self.profile.signs_calls


class Defaults(Struct, frozen=True):
    """What to ask for where the client asked for nothing."""

    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    reasoning_effort: Effort | None = None
    stop: tuple[str, ...] = ()


class Route(Struct, frozen=True, kw_only=True):
    """model: the name the client asked for and is answered with. configured: the name of the model that it means.
    backend_model: the name the backend knows.

    backends: in the order in which they are to be tried.
    context_window: tokens, None = not known. max_output: tokens the model can generate, None = not known.
    pipeline: what may be done to what the backends cannot read.
    is_found: the backends' dialects are what they were found to speak, and may be others by now.
    """

    model: str
    backend_model: str
    backends: tuple[Backend, ...]
    timeouts: Timeouts = Timeouts()
    defaults: Defaults = Defaults()
    on_loss: Policy = "honest"
    context_window: int | None = None
    max_output: int | None = None
    pipeline: Pipeline = Pipeline()
    configured: str = ""
    is_found: bool = False
