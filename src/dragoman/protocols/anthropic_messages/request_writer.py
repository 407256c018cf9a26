"""Asking a Messages backend, whatever dialect the client spoke.

What the client did not say, is said only where the API demands it or every turn would cost more without it: the output
limit and the cache marks.
"""

import hashlib
from typing import Final

from dragoman.hub.estimate import is_at_least
from dragoman.hub.losses import Losses
from dragoman.hub.request import Cache, OutputFormat, Reasoning, Request, Sampling
from dragoman.hub.route import Backend, Profile, Route
from dragoman.protocols.anthropic_messages import tool_writer
from dragoman.protocols.anthropic_messages.cache_marks import keep_legal, write_cache
from dragoman.protocols.anthropic_messages.conversation import Conversation
from dragoman.protocols.anthropic_messages.thinking import limit_and_thinking, output_effort, thinks
from dragoman.protocols.fields import Object, merged
from dragoman.protocols.verbosity import verbosity_for
from dragoman.wire import jsons

_DIALECT: Final = "anthropic-messages"
_WORTH_CACHING: Final = 1_024  # tokens; below it the API caches nothing
# What is in `extra` under these names belongs into an object that the writer has said, or nowhere.
_INSIDE: Final = frozenset({"thinking", "tool_choice", "cache_control"})
_JSON_ONLY: Final = "Answer with one JSON object and nothing else."
_LONGEST_ID: Final = 128
_UNSAID: Final = Sampling()
_UNASKED: Final = Reasoning()


def write_request(request: Request, route: Route, backend: Backend, losses: Losses) -> bytes:
    profile, ours = backend.profile, request.dialect == _DIALECT
    conversation = Conversation(request, route, profile, losses)
    has_tools = request.tools or conversation.brought
    tools = tool_writer.write_tools(request, conversation.brought, profile, losses) if has_tools else []
    limit, thinking = limit_and_thinking(request, route, profile, losses)
    body: Object = {"model": route.backend_model, "max_tokens": limit}
    system = conversation.system
    if request.output_format is not None:
        system += _said_in_words(request.output_format, losses)
    if system:
        body["system"] = system
    body["messages"] = conversation.messages
    if tools:
        body["tools"] = tools
        body |= tool_writer.write_tool_choice(request, losses)
    elif stand_ins := tool_writer.stand_ins(request):
        body |= {"tools": stand_ins, "tool_choice": {"type": "none"}}
    if thinking is not None:
        body["thinking"] = thinking
    body |= _wishes(request, thinking, profile, losses)
    if request.stream:
        body["stream"] = True
    if request.cache is not None:
        body["cache_control"] = write_cache(request.cache)
    if ours:
        return jsons.write(merged(body, {k: v for k, v in request.extra.items() if k in body or k not in _INSIDE}))
    marked_tools = [tool for tool in tools if "cache_control" in tool] if tools else []
    if marked := marked_tools + conversation.marked:
        keep_legal(marked)
    elif profile.cache_marks in ("anthropic", "explicit") and is_at_least(request, _WORTH_CACHING):
        _mark(body, everywhere=profile.cache_marks == "explicit")
    return jsons.write(body)


def _mark(body: Object, *, everywhere: bool) -> None:
    """Mark what is worth caching for a client that cannot: without marks every turn pays for the whole prompt.

    The API itself marks the last block for a mark at the top; third parties' endpoints do not know that one.
    """
    tools, system = body.get("tools", [])[-1:], body.get("system", [])[-1:]
    if everywhere:
        users = [message["content"][-1] for message in body["messages"] if message["role"] == "user"]
        blocks = [*tools, *system, *users[-2:]]
    else:
        blocks = system or tools
        body["cache_control"] = write_cache(Cache())
    for block in blocks:
        block["cache_control"] = write_cache(Cache())


def _said_in_words(wanted: OutputFormat, losses: Losses) -> list[Object]:
    if wanted.schema is not None:
        return []
    losses.warn("response_format", "this backend knows schemas only; it is asked for JSON in words")
    return [{"type": "text", "text": _JSON_ONLY}]


def _wishes(request: Request, thinking: Object | None, profile: Profile, losses: Losses) -> Object:
    said: Object = {}
    if request.output_format is not None or request.reasoning != _UNASKED:
        said |= _output_config(request, thinking, profile, losses)
    if request.sampling != _UNSAID:
        said |= _sampling(request, profile, losses, thinking=thinking)
    if request.stop and (stop := [sequence for sequence in request.stop if sequence.strip()]):
        said["stop_sequences"] = stop
    if request.verbosity is not None:
        verbosity_for(request, profile, losses)  # there is no place for it
    if request.user is not None or request.service_tier is not None:
        said |= _account(request, losses)
    return said


def _output_config(request: Request, thinking: Object | None, profile: Profile, losses: Losses) -> Object:
    said: Object = {}
    if (word := output_effort(request, thinking, profile, losses)) is not None:
        said["effort"] = word
    wanted = request.output_format
    if wanted is not None and wanted.schema is not None:
        if wanted.strict is False:
            losses.silent("response_format", "this backend always keeps to the schema")
        said["format"] = {"type": "json_schema", "schema": wanted.schema}
    return {"output_config": said} if said else {}


_LOST_SAMPLING: Final = (
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
)


def _sampling(request: Request, profile: Profile, losses: Losses, *, thinking: Object | None) -> Object:
    sampling, ours = request.sampling, request.dialect == _DIALECT
    if sampling.n is not None and sampling.n > 1:
        losses.refuse("n", "this backend gives one answer at a time; ask several times")
    for name in _LOST_SAMPLING:
        if getattr(sampling, name):
            losses.warn(name, "this backend has no such setting")
    said = {name: v for name in ("temperature", "top_p", "top_k") if (v := getattr(sampling, name)) is not None}
    if profile.sampling == "none" or (thinks(thinking) and not ours):
        why = "this model takes its default only" if profile.sampling == "none" else "not while the model thinks"
        for name, value in said.items():
            (losses.silent if value == 1 and name != "top_k" else losses.warn)(name, f"left out: {why}")
        return {}
    if said.get("temperature", 0) > 1:
        losses.warn("temperature", "lowered to 1, the most this backend takes")
        said["temperature"] = 1
    if profile.sampling == "one" and "temperature" in said and said.pop("top_p", None) is not None:
        losses.warn("top_p", "left out: this model takes temperature or top_p, not both")
    return said


def _account(request: Request, losses: Losses) -> Object:
    said: Object = {}
    ours, tier = request.dialect == _DIALECT, request.service_tier
    if request.user is not None:
        user = request.user
        if not ours and ("@" in user or len(user) > _LONGEST_ID):
            user = hashlib.sha256(user.encode()).hexdigest()
        said["metadata"] = {"user_id": user}
    if tier is not None:
        known = tier if ours else _TIERS.get(tier)
        if known is None:
            losses.warn("service_tier", f"this backend has no tier {tier!r}")
        else:
            said["service_tier"] = known
    return said


_TIERS: Final = {"auto": "auto", "default": "standard_only"}
