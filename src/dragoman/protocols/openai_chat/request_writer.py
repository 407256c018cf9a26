"""Asking a Chat Completions backend, whatever dialect the client spoke.

Rendering is a pure function of the history and the backend's profile: prefix caches live by it.
"""

import hashlib
from typing import Any, Final

from msgspec import Raw

from dragoman.hub.estimate import tokens_in_json
from dragoman.hub.losses import NO_PREFILL, Losses
from dragoman.hub.request import OutputFormat, Reasoning, Request, Sampling
from dragoman.hub.route import Backend, Profile, Route
from dragoman.protocols.fields import Object, merged
from dragoman.protocols.openai_chat.conversation import Conversation
from dragoman.protocols.openai_chat.thinking import write_thinking
from dragoman.protocols.openai_chat.tool_writer import write_tools
from dragoman.protocols.sessions import cache_key
from dragoman.protocols.verbosity import verbosity_for
from dragoman.wire import jsons

_DIALECT: Final = "openai-chat"
_SAMPLING: Final = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "n",
)
_UNSAID: Final = Sampling()
_NO_WISH: Final = Reasoning()
_SAMPLING_EXTRAS: Final = ("top_k", "min_p", "repetition_penalty")
# What is in `extra` under these names belongs into an object that the writer has said, or nowhere.
_INSIDE: Final = frozenset({"stream_options", "response_format"})
# What a model that takes its defaults only refuses, and what those are.
_DEFAULTS: Final[dict[str, Any]] = {
    "temperature": 1,
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "top_logprobs": 0,
}


def write_request(request: Request, route: Route, backend: Backend, losses: Losses) -> bytes:
    profile, ours = backend.profile, request.dialect == _DIALECT
    conversation = Conversation(request, route, profile, losses)
    thinking: Object = {}
    thinks = True
    if request.reasoning != _NO_WISH or profile.thinking_switch is not None:
        thinking, thinks = write_thinking(request, profile, losses)
    messages = conversation.messages
    may_begin = request.dialect == "anthropic-messages" and messages[-1]["role"] == "assistant"
    prefill = _prefill(messages, profile, losses) if may_begin else {}
    # Rendered once and for all: its size is needed before the rest is known, and it is nearly all there is.
    prompt = jsons.write(messages)
    body: Object = {"model": route.backend_model, "messages": Raw(prompt)}
    wants_tools = request.tools or conversation.brought or request.tool_choice is not None
    if wants_tools and (tools := write_tools(request, conversation.brought, route, profile, losses, thinks=thinks)):
        written = jsons.write(tools["tools"])
        body |= tools | {"tools": Raw(written)}
        prompt += written
    if request.max_tokens is not None:
        limit = _limit(request.max_tokens, request, prompt, route, losses)
        for name in profile.limit_fields:
            body[name] = limit
    if request.stop and (stop := _stop(request.stop, profile, losses)):
        body["stop"] = stop
    body |= prefill
    if request.sampling != _UNSAID:
        body |= _sampling(request, profile, losses)
    body |= thinking
    if request.output_format is not None or request.verbosity is not None:
        body |= _form(request, profile, losses)
    if ours or profile.openai_fields or request.service_tier is not None:
        body |= _account(request, [messages[0], body.get("tools")], profile, losses)
    if request.stream:
        body["stream"] = True
        if profile.stream_usage:
            body["stream_options"] = {"include_usage": True}
    if ours:
        merged(body, {k: v for k, v in request.extra.items() if k in body or k not in _INSIDE})
    return jsons.write(body)


# Left between the estimate of the prompt and the window, for the template's own tokens.
_MARGIN: Final = 256
# Asked for even where the estimate sees no room: it may be wrong, and if it is right, the backend's own refusal is the
# better answer, since it makes the agent compact.
_LEAST: Final = 1_024


def _limit(wanted: int, request: Request, prompt: bytes, route: Route, losses: Losses) -> int:
    """vLLM refuses a limit that does not fit beside the prompt, and agents ask for 32,000 or 64,000 of any model.

    prompt: the messages and the tools, as they are sent.
    """
    limit, window = wanted, route.context_window
    if route.max_output is not None and limit > route.max_output:
        limit = route.max_output
    if window is not None and len(prompt) + limit + _MARGIN > window:  # a token is at least a byte
        limit = min(limit, max(window - tokens_in_json(prompt) - _MARGIN, _LEAST))
    if wanted == 0 and request.dialect != _DIALECT:
        losses.warn("max_tokens", "0 asks to fill the cache only; this backend says one token")
        return 1
    if limit < wanted:
        losses.silent("max_tokens", f"lowered from {wanted} to {limit}: the model's window has no more room")
    return limit


def _stop(wanted: tuple[str, ...], profile: Profile, losses: Losses) -> list[str]:
    stop = [sequence for sequence in wanted if sequence]
    if profile.max_stop is not None and len(stop) > profile.max_stop:
        losses.silent("stop", f"this backend takes {profile.max_stop} stop sequences; the proxy looks for the others")
        return stop[: profile.max_stop]
    return stop


def _sampling(request: Request, profile: Profile, losses: Losses) -> Object:
    said: Object = {}
    for name in _SAMPLING:
        if (value := getattr(request.sampling, name)) is None:
            continue
        if name == "n" and value > 1:
            losses.refuse(name, "what the proxy translates is answered once; ask several times", lenient=True)
        elif profile.sampling == "none" and name in _DEFAULTS:
            tell = losses.silent if value == _DEFAULTS[name] else losses.warn
            tell(name, "this model takes its default only")
        else:
            said[name] = value
    for name in _SAMPLING_EXTRAS:
        if (value := getattr(request.sampling, name)) is None:
            continue
        if name in profile.sampling_extras or request.dialect == _DIALECT:
            said[name] = value
        else:
            losses.warn(name, "this backend is not known to read it")
    return said


def _form(request: Request, profile: Profile, losses: Losses) -> Object:
    """What the answer is to look like."""
    said: Object = {}
    ours = request.dialect == _DIALECT
    if request.output_format is not None:
        said["response_format"] = _response_format(request.output_format, ours=ours)
    if (verbosity := request.verbosity if ours else verbosity_for(request, profile, losses)) is not None:
        said["verbosity"] = verbosity
    return said


def _response_format(wanted: OutputFormat, *, ours: bool) -> Object:
    if wanted.schema is None:
        return {"type": "json_object"}
    schema: Object = {"name": wanted.name or "response"}
    if wanted.description is not None:
        schema["description"] = wanted.description
    schema["schema"] = wanted.schema
    strict = wanted.strict if ours else True
    if strict is not None:
        schema["strict"] = strict
    return {"type": "json_schema", "json_schema": schema}


def _account(request: Request, beginning: list[Any], profile: Profile, losses: Losses) -> Object:
    """Who asks: told to OpenAI itself only, and hashed. Other vendors need not know.

    beginning: of the prompt: the first message and the tools.
    """
    if request.dialect == _DIALECT:
        wishes = {"prompt_cache_key": request.cache_key, "service_tier": request.service_tier}
        return {key: value for key, value in wishes.items() if value is not None}
    if not profile.openai_fields:
        if request.service_tier is not None:
            losses.silent("service_tier", "this backend has no tiers")
        return {}
    said: Object = {"prompt_cache_key": cache_key(request, beginning)}
    if request.user is not None:
        said["safety_identifier"] = hashlib.sha256(request.user.encode()).hexdigest()
    if (tier := request.service_tier) is not None:
        said["service_tier"] = "default" if tier == "standard_only" else tier
    return said


def _prefill(messages: list[Object], profile: Profile, losses: Losses) -> Object:
    """A trailing assistant message of a Messages client is the beginning of the answer, where the backend can continue
    one. It is never turned into a past turn silently: the model would answer itself.

    OpenAI's dialects know no such thing: there it is a past turn, as Qwen Code leaves one behind a compaction.
    """
    match profile.prefill:
        case "continue_final_message":
            return {"continue_final_message": True, "add_generation_prompt": False}
        case "prefix":
            messages[-1]["prefix"] = True
        case "native":
            pass
        case None:
            losses.refuse("messages", NO_PREFILL, lenient=True)
    return {}
