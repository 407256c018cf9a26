"""What a refusal teaches: a backend that answers 400 often says what it does not take.

Each row is a pattern over the refusal's words and the change of the profile it teaches. The request is said once more
with the change, before anything was said to the client, and the change is remembered (routing/known.py), so that one
refusal is all it costs. Where the profile says so already, the refusal is meant.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from dragoman.hub.problems import Problem
from dragoman.hub.route import Profile


class Lesson(NamedTuple):
    """about: what is shown to the operator. changes: fields of the profile, by name."""

    about: str
    changes: Mapping[str, Any]


_NO: Final = (
    r"(not supported|unsupported|not support|unrecognized|unknown|unexpected|not permitted|not allowed|only .{1,20}"
    r" (is|are) allowed|deprecated|extra)"
)
# A value that nobody takes is the client's mistake, and says nothing about the field.
_WRONG_VALUE: Final = re.compile(
    r"(above|below) (the )?(maximum|minimum)|must be (non-|a |an |at (most|least) |in |between|less|greater|<|>|\d)|invalid (type|schema)"
    r"|expected an? |out of range|invalid value(?!s? .{0,40}not supported)",
    re.IGNORECASE,
)


def _refused(field: str) -> re.Pattern[str]:
    """The field's name near a word that refuses it, in either order."""
    return re.compile(rf"\b{field}\b.{{0,80}}?{_NO}|{_NO}.{{0,80}}?\b{field}\b", re.IGNORECASE | re.DOTALL)


# Where a word for it is named, it may be that word only which is refused.
_NO_EFFORT: Final = re.compile(
    r"\A(?!.*\b(none|minimal|low|medium|high|xhigh|max)\b).*?(?:" + _refused("reasoning_effort").pattern + ")",
    re.IGNORECASE | re.DOTALL,
)

_ROWS: Final[tuple[tuple[re.Pattern[str], Lesson], ...]] = (
    # OpenAI's reasoning models, and Azure's deployments of them, whose names hide which they are.
    (
        re.compile(r"max_tokens.{0,80}max_completion_tokens", re.IGNORECASE | re.DOTALL),
        Lesson("takes max_completion_tokens", {"limit_fields": ("max_completion_tokens",)}),
    ),
    (_refused("max_completion_tokens"), Lesson("takes max_tokens", {"limit_fields": ("max_tokens",)})),
    (
        re.compile(r"temperature.{0,20}top_p.{0,20}cannot both", re.IGNORECASE | re.DOTALL),
        Lesson("takes one of temperature and top_p", {"sampling": "one"}),
    ),
    (_refused("(temperature|top_p)"), Lesson("takes no sampling settings", {"sampling": "none"})),
    (_NO_EFFORT, Lesson("takes no reasoning_effort", {"efforts": (), "refuses_efforts": True})),
    (_refused("reasoning_effort"), Lesson("takes no reasoning_effort", {"efforts": ()})),
    (_refused("verbosity"), Lesson("takes no verbosity", {"verbosity": False})),
    (_refused("stream_options"), Lesson("takes no stream_options", {"stream_usage": False})),
    (_refused("chat_template_kwargs"), Lesson("takes no chat_template_kwargs", {"thinking_switch": None})),
    (
        re.compile(
            r"(system (message|role|prompt).{0,60}(first|beginning|start|only)|roles must alternate)",
            re.IGNORECASE | re.DOTALL,
        ),
        Lesson("takes a system message at the start only", {"system_anywhere": False}),
    ),
    (
        re.compile(
            r"developer.{0,3} is not one of|unknown variant.{0,3}developer|(unexpected|unknown|unsupported|invalid)"
            r".{0,20}\brole.{0,5}developer|\brole.{0,5}developer.{0,20}not supported",
            re.IGNORECASE,
        ),
        Lesson("knows no developer role", {"developer_role": False}),
    ),
    (
        re.compile(
            r"tool_choice.{0,120}(thinking|reasoning)|(thinking|reasoning).{0,120}tool_choice",
            re.IGNORECASE | re.DOTALL,
        ),
        Lesson("takes no forced tool while it thinks", {"forced_tools": "not_thinking"}),
    ),
    (_refused("tool_choice"), Lesson("takes no forced tool", {"forced_tools": "no"})),
    (
        _refused("(safety_identifier|prompt_cache_key|service_tier)"),
        Lesson("takes no account fields", {"openai_fields": False}),
    ),
    (
        re.compile(r"(thinking|invalid).{0,40}\bsignature\b|\bsignature\b.{0,40}thinking", re.IGNORECASE | re.DOTALL),
        Lesson("checks who has signed reasoning", {"checks_seals": True}),
    ),
    (_refused("reasoning_content"), Lesson("takes no reasoning of earlier turns", {"reasoning_field": None})),
    (
        re.compile(r"adaptive thinking is not supported|thinking\.type.{0,40}adaptive", re.IGNORECASE | re.DOTALL),
        Lesson("thinks by budget", {"thinking_types": ("budget", "disabled")}),
    ),
)
_TAUGHT_BY: Final = frozenset({"bad_request", "unsupported"})


def lesson_of(problem: Problem, profile: Profile) -> Lesson | None:
    """What this refusal teaches about the backend, None if it teaches nothing new."""
    if problem.kind not in _TAUGHT_BY or _WRONG_VALUE.search(problem.public):
        return None
    lesson = next((lesson for pattern, lesson in _ROWS if pattern.search(problem.public)), None)
    if lesson is None or learnt(profile, lesson) == profile:
        return None
    return lesson


def learnt(profile: Profile, lesson: Lesson) -> Profile:
    return msgspec.structs.replace(profile, **lesson.changes)
