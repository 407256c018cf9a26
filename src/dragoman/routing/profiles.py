"""What is known of each backend: one row per family, and what its models add.

A family is who made the server or sells the service. Rows say only where a family differs from `Profile`'s defaults,
which suit a careful OpenAI-like server of unknown make. Each row has its reason; a number after a `#` is an issue of
the project it names. What a user knows better stands in the configuration and is laid over it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from dragoman.hub.route import Profile

_ALL_SAMPLING: Final = frozenset({"top_k", "min_p", "repetition_penalty"})
_SEARCHES: Final = frozenset({"web_search"})
_REASONING_MODELS_EFFORTS: Final = ("low", "medium", "high")
# 1rgs/claude-code-proxy#88, CLIProxyAPI#2123: Gemini answers 400 to a schema with any of these, agents' tools have them.
_GEMINI_REFUSES: Final = frozenset(
    {
        "$schema",
        "additionalProperties",
        "propertyNames",
        "uniqueItems",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "const",
        "oneOf",
        "encrypted",  # Codex's own, on what one of its agents tells another
    }
)

FAMILIES: Final[Mapping[str, Profile]] = {
    profile.family: profile
    for profile in (
        # An effort said to a server that has none may be a 400, and agents say one with every request.
        Profile(efforts=(), rescue_calls="auto"),
        # A Messages endpoint of unknown make: older thinking, marks on blocks, no system message in mid-conversation
        # (ollama#17774, llama.cpp#27367, vllm#44505 and sglang#28792 answer it with 400 or 500).
        Profile(family="anthropic-like", efforts=(), cache_marks="explicit", prefill="native", rescue_calls="auto"),
        # The models' own row below says more. No reasoning in messages: an unknown member of a message is a 400.
        Profile(
            family="openai",
            reasoning_field=None,
            reasoning_history="none",
            system_anywhere=True,
            limit_fields=("max_completion_tokens",),
            efforts=(),
            null_content=True,
            openai_fields=True,
            think_tags=(),
            files=True,
            max_stop=4,
            server_tools=_SEARCHES,
        ),
        # As OpenAI, but without its account fields; deployments' names may hide the model.
        Profile(
            family="azure",
            reasoning_field=None,
            reasoning_history="none",
            system_anywhere=True,
            limit_fields=("max_completion_tokens",),
            efforts=(),
            null_content=True,
            think_tags=(),
            max_stop=4,
            server_tools=_SEARCHES,
        ),
        # What a model of some version takes stands in _claude().
        Profile(
            family="anthropic",
            accounting=True,
            checks_seals=True,
            tool_ids="anthropic",
            cache_marks="anthropic",
            think_tags=(),
            files=True,
            vision=True,
            server_tools=frozenset({"web_search", "web_fetch"}),
        ),
        # `reasoning_content` was renamed (vllm#27755) and the old name removed in January 2026 (vllm#33402).
        Profile(
            family="vllm",
            reasoning_field="reasoning",
            sampling_extras=_ALL_SAMPLING,
            prefill="continue_final_message",
            tokenizer="vllm",
            rescue_calls="auto",
        ),
        # protocol.py: takes parts with images in tool messages, `continue_final_message`, top_k and the like.
        Profile(
            family="sglang",
            tool_images=True,
            sampling_extras=_ALL_SAMPLING,
            prefill="continue_final_message",
            rescue_calls="auto",
        ),
        # Reads either limit by version, so both are said. A trailing assistant message is continued by itself.
        # `reasoning_effort` is read since August 2026 (b10434), before that only as a template argument.
        Profile(
            family="llama.cpp",
            limit_fields=("max_tokens", "max_completion_tokens"),
            sampling_extras=frozenset({"top_k", "min_p"}),
            template_effort=True,
            prefill="native",
            tokenizer="llama.cpp",
            rescue_calls="auto",
        ),
        # Reads only max_tokens, ignores tool_choice, cuts what does not fit (TradingAgents#168), goes on with a trailing
        # assistant message (ollama#6778). An effort other than "none" is a 400 for models that do not think ("does not
        # support thinking"), so the models that do have a row of their own.
        Profile(
            family="ollama",
            reasoning_field="reasoning",
            efforts=("none",),
            tool_images=True,
            forced_tools="no",
            cuts_prompts=True,
            prefill="native",
            rescue_calls="auto",
        ),
        # `content: null` is refused (lmstudio-bug-tracker#261), which is the default here.
        Profile(family="lmstudio", sampling_extras=frozenset({"top_k"}), rescue_calls="auto"),
        # Another of these proxies: it reads all that there is to say, and knows its own backend.
        Profile(
            family="dragoman",
            keeps_envelopes=True,
            reasoning_history="all",
            system_anywhere=True,
            efforts=("none", "minimal", "low", "medium", "high", "xhigh", "max"),
            sampling_extras=_ALL_SAMPLING,
            cache_marks="explicit",
            prefill="native",
            files=True,
        ),
        # Hands everything on to vendors who may want their reasoning back unmodified (CCR#1057), and not all of whom
        # know their models' calls; parses PDFs itself.
        Profile(
            family="openrouter",
            rescue_calls="auto",
            reasoning_field="reasoning",
            reasoning_history="all",
            efforts=("none", "minimal", "low", "medium", "high", "xhigh"),
            sampling_extras=_ALL_SAMPLING,
            files=True,
            max_stop=4,
        ),
        # Every assistant message needs its reasoning back (new-api#4806, opencode#25000); a forced tool is refused
        # while it thinks (eino#994); effort knows two steps, "low" and "medium" are said as "high" (thinking guide).
        Profile(
            family="deepseek",
            reasoning_history="all",
            empty_reasoning=True,
            efforts=("high", "max"),
            thinking_switch="thinking",
            thinking_form="type",
            forced_tools="not_thinking",
            prefill="prefix",
        ),
        # GLM: reasoning_content (vercel/ai#11682), thinking as {"type": "enabled" | "disabled"}, no effort.
        Profile(family="zai", efforts=(), thinking_switch="thinking", thinking_form="type"),
        # Thinks in tags inside the text and wants them back there (vellum#34556, hermes#75725).
        Profile(family="minimax", reasoning_field="think_tags", reasoning_history="all", efforts=()),
        # Tool calls without reasoning_content are a 400, an empty one will do (litellm#26156, obsidian-yolo#243);
        # temperature is fixed (sim#5716); a forced tool is refused while it thinks. It numbers its calls itself, as
        # `functions.NAME:3`, and knows them by that.
        Profile(
            family="moonshot",
            reasoning_history="all",
            empty_reasoning=True,
            limit_fields=("max_completion_tokens",),
            efforts=(),
            thinking_switch="thinking",
            thinking_form="type",
            forced_tools="not_thinking",
            tool_ids="any",
            sampling="none",
        ),
        # Qwen: thinking only in streams (langchain4j#3974, CCR#948), no forced tools while thinking (qwen-code#7659).
        Profile(
            family="dashscope",
            efforts=(),
            thinking_switch="enable_thinking",
            thinking_form="member",
            thinking_streams_only=True,
            forced_tools="not_thinking",
            sampling_extras=frozenset({"top_k", "repetition_penalty"}),
        ),
        # Refuses members it does not know: stream_options (litellm#8978), reasoning_content (crush#1590),
        # max_completion_tokens (eca#231); a user's message behind a tool's (crush#279); ids of another form.
        Profile(
            family="mistral",
            reasoning_field=None,
            reasoning_history="none",
            efforts=(),
            tool_ids="mistral",
            user_after_tool=False,
            stream_usage=False,
            think_tags=("think", "[THINK]"),
        ),
        # `reasoning_content` in a message is a 400 (hermes-agent#11089), effort one for models without it.
        Profile(
            family="groq",
            reasoning_field="reasoning",
            limit_fields=("max_completion_tokens",),
            efforts=(),
            max_stop=4,
        ),
        # An effort is a 400 for most models, see below.
        Profile(
            family="xai",
            reasoning_field=None,
            reasoning_history="none",
            system_anywhere=True,
            limit_fields=("max_completion_tokens",),
            efforts=(),
            server_tools=_SEARCHES,
        ),
        # The OpenAI-like endpoint of Google. Calls of one answer come without an index or all as number 0 (gcli2api#406,
        # litellm#16194), which clients take for one call, so that nothing is relayed. From Gemini 3 on a call without its
        # thought's signature is a 400 (pi#6733).
        Profile(
            family="gemini",
            relays=False,
            signs_calls=True,
            reasoning_field=None,
            reasoning_history="none",
            efforts=("minimal", "low", "medium", "high"),
            schema_without=_GEMINI_REFUSES,
            max_stop=5,
        ),
    )
}

# Servers that render the model's own chat template, so that the model's quirks are theirs.
LOCAL: Final = frozenset({"generic", "vllm", "sglang", "llama.cpp", "ollama", "lmstudio"})

# What makes a server know its model's calls, for who reads the log. Of ollama: ollama#17742; of vLLM: vllm#22975.
CALL_PARSERS: Final[Mapping[str, str]] = {
    "vllm": "start vLLM with --enable-auto-tool-choice and the --tool-call-parser of this model",
    "sglang": "start SGLang with the --tool-call-parser of this model",
    "llama.cpp": "start llama-server with --jinja and, if need be, a --chat-template-file that fits what the model says",
    "ollama": "use a build of the model whose template knows tools, or a newer Ollama",
    "lmstudio": "use a build of the model that LM Studio shows as trained for tools",
}


class _Quirk(NamedTuple):
    """What models of one kind add to the row of their family. The pattern is searched in the lower-case name."""

    families: frozenset[str]
    models: re.Pattern[str]
    changes: Mapping[str, Any]


def _quirk(families: frozenset[str] | set[str], models: str, **changes: Any) -> _Quirk:
    return _Quirk(frozenset(families), re.compile(models), changes)


_OPENAI: Final = frozenset({"openai", "azure"})
_OLLAMA_EFFORTS: Final = ("none", "low", "medium", "high")
_THINKING_FAMILIES: Final = (
    r"gpt-oss|qwen-?3(?!-?coder)|qwq|deepseek-(r1|v[3-9])|magistral|glm-?[4-9]|kimi|minimax-m|gemma-?[4-9]"
)

# Every quirk that fits is applied, in this order.
QUIRKS: Final = (
    # Models that reason refuse temperature and stop, and prefer `developer` (litellm#13432). Not the chat variants.
    _quirk(
        _OPENAI,
        r"^(ft:)?(o\d|codex|gpt-[5-9])(?!.*-chat)",
        developer_role=True,
        efforts=_REASONING_MODELS_EFFORTS,
        sampling="none",
        max_stop=0,
    ),
    _quirk(_OPENAI, r"^(ft:)?gpt-5(?!\.\d)(?!.*(-chat|codex))", efforts=("minimal", "low", "medium", "high")),
    _quirk(_OPENAI, r"^(ft:)?gpt-5\.1(?!\d)(?!.*-chat)", efforts=("none", "low", "medium", "high")),
    _quirk(
        _OPENAI,
        r"^(ft:)?gpt-(5\.([2-9]|\d\d)|[6-9])(?!.*-chat)",
        efforts=("none", "low", "medium", "high", "xhigh"),
    ),
    # The chat variants and those of Codex know one verbosity only.
    _quirk(_OPENAI | {"openrouter"}, r"^(ft:|openai/)?gpt-[5-9](?!.*(-chat|codex))", verbosity=True),
    # Breakpoints in the prompt came with 5.6.
    _quirk({"openai"}, r"^(ft:)?gpt-(5\.([6-9]|\d\d)|[6-9])", cache_marks="openai"),
    # A gateway in front of Claude, which may stand where Anthropic's own would.
    _quirk({"anthropic-like"}, r"claude", accounting=True),
    # Claude behind OpenRouter caches only what is marked (experiential#703, llmgateway#3918).
    _quirk({"openrouter"}, r"^~?anthropic/", cache_marks="explicit"),
    # openai/gpt-oss: three words, and no way to be still.
    _quirk({"groq"}, r"gpt-oss", efforts=_REASONING_MODELS_EFFORTS),
    _quirk({"groq"}, r"qwen-?3", efforts=("none",)),
    _quirk({"xai"}, r"grok-3-mini", efforts=("low", "high")),
    _quirk({"xai"}, r"grok-(3-mini|[4-9])", max_stop=0),  # reasoning models refuse `stop`
    # An effort is a 400 for models without the capability, so it is said only to those known to think.
    _quirk({"ollama"}, _THINKING_FAMILIES, efforts=_OLLAMA_EFFORTS),
    # gpt-oss: its template knows these words only, reasoning is wanted back within a tool loop.
    _quirk(LOCAL, r"gpt-oss", efforts=_REASONING_MODELS_EFFORTS, reasoning_history="tool_turns"),
    # Templates that know a switch and no effort.
    _quirk(LOCAL - {"ollama"}, r"qwen-?3|glm-?[4-9]", thinking_switch="enable_thinking", efforts=()),
    _quirk(LOCAL - {"ollama"}, r"deepseek-(v?3\.[1-9]|v[4-9])", thinking_switch="thinking", efforts=()),
    # Reasoning belongs to the whole history (new-api#4806, continue#11600).
    _quirk(LOCAL, r"deepseek|kimi|minimax-m", reasoning_history="all"),
    _quirk(LOCAL, r"kimi", tool_ids="any"),
    # A server without a parser for it shows MiniMax's tags, and its template has already said the opening one
    # (mlx-openai-server#179).
    _quirk({"generic"}, r"minimax-m", reasoning_field="think_tags", implicit_open=True),
    # The template demands ids of nine characters (llama.cpp#10572) and refuses a user behind a tool (vllm#6862).
    _quirk(
        LOCAL,
        r"mistral|mixtral|ministral|magistral|devstral|codestral|pixtral",
        tool_ids="mistral",
        user_after_tool=False,
        think_tags=("think", "[THINK]"),
    ),
)


def profile_for(family: str, model: str) -> Profile:
    """Return what is known of this model of this family. An unknown family is "generic" under its own name."""
    found = FAMILIES.get(family) or msgspec.structs.replace(FAMILIES["generic"], family=family)
    name = model.lower()
    changes: dict[str, Any] = {}
    for quirk in QUIRKS:
        if family in quirk.families and quirk.models.search(name.rpartition("/")[2] if family in LOCAL else name):
            changes |= quirk.changes
    if family == "anthropic":
        changes |= _claude(name)
    return msgspec.structs.replace(found, **changes) if changes else found


# Of these lines only: a line of another name counts from 1 again, and is new.
_CLAUDE: Final = re.compile(r"claude-(?:opus-|sonnet-|haiku-|instant-)?(\d)(?:[-.](\d{1,2}))?(?!\d)")
_NEWEST: Final = (9, 9)


def claude_version(model: str) -> tuple[int, int]:
    """Return (4, 8) for "claude-opus-4-8-20260401" and "anthropic.claude-opus-4-8-v1:0". A name without a version is
    taken for the newest.
    """
    found = _CLAUDE.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def _claude(model: str) -> dict[str, Any]:
    """How Claude's versions differ: thinking by budget, then by effort; sampling taken back; system messages later."""
    version = claude_version(model)
    adaptive, budget = version >= (4, 6), (3, 7) <= version < (4, 7)
    types = [
        *(["adaptive"] if adaptive else []),
        *(["budget"] if budget else []),
        *(["disabled"] if adaptive or budget else []),
        *(["between_tools"] if version >= (5, 0) else []),
    ]
    return {
        "thinking_types": tuple(types),
        "efforts": _claude_efforts(version, model),
        "sampling": "all" if version < (4, 5) else "one" if version < (4, 7) else "none",
        "system_anywhere": version >= (4, 8),
        "prefill": "native" if version < (4, 6) else None,
    }


def _claude_efforts(version: tuple[int, int], model: str) -> tuple[str, ...]:
    if version >= (4, 7):
        return ("low", "medium", "high", "xhigh", "max")
    if version == (4, 6):
        return ("low", "medium", "high", "max")
    return ("low", "medium", "high") if version == (4, 5) and "opus" in model else ()


# By the end of the host's name.
_HOSTS: Final[Mapping[str, str]] = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure",
    "services.ai.azure.com": "azure",
    "cognitiveservices.azure.com": "azure",
    "api.anthropic.com": "anthropic",
    "openrouter.ai": "openrouter",
    "api.deepseek.com": "deepseek",
    "api.z.ai": "zai",
    "bigmodel.cn": "zai",
    "minimax.io": "minimax",
    "minimaxi.com": "minimax",
    "minimax.chat": "minimax",
    "moonshot.ai": "moonshot",
    "moonshot.cn": "moonshot",
    "api.kimi.com": "moonshot",
    "aliyuncs.com": "dashscope",
    "mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.x.ai": "xai",
    "generativelanguage.googleapis.com": "gemini",
    "aiplatform.googleapis.com": "gemini",
}


def family_of(url: str) -> str | None:
    """Return the family that a well-known host belongs to, None for any other host."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return None
    return next((family for end, family in _HOSTS.items() if host == end or host.endswith("." + end)), None)


_OWNERS: Final[Mapping[str, str]] = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llama.cpp",
    "library": "ollama",
    "organization_owner": "lmstudio",
    "dragoman": "dragoman",
}


def family_from_models(body: Any) -> str | None:
    """Return the family that a local server's answer to `GET /v1/models` shows, None where it does not.

    vLLM, SGLang, llama.cpp, Ollama ("library" for its own models), LM Studio ("organization_owner") and we each name
    themselves in `owned_by`; models of Ollama users carry the user's name instead, and are known by the tag in their id.
    """
    listed = body.get("data") if isinstance(body, dict) else None
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    for row in rows:
        owner = row.get("owned_by")
        if isinstance(owner, str) and (family := _OWNERS.get(owner)) is not None:
            return family
    return None


def with_overrides(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """Return the profile with the fields that a configuration sets, by name. Raise ValueError naming one that is not
    there or does not fit.
    """
    known = {field.name: field.type for field in msgspec.structs.fields(Profile)}
    read: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise ValueError(f"profile.{name}: there is no such field; the fields are {', '.join(sorted(known))}")
        try:
            read[name] = msgspec.convert(value, known[name])
        except msgspec.ValidationError as error:
            raise ValueError(f"profile.{name}: {error}") from None
    return msgspec.structs.replace(profile, **read)
