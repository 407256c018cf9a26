"""Was it right? Each function returns what was wrong, so that a failure names everything at once."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from tests.agents.driver import Outcome
from tests.agents.heard import Heard, Recorded
from tests.agents.scenarios import (
    DONE,
    ECHO,
    MADE,
    PRINTED,
    READ_FOR,
    SCANNED,
    SECOND,
    SIGHT,
    SOUGHT,
    STEPS,
    SUMMARY,
    THOUGHT,
    Case,
    Scenario,
)
from tests.engines import PAGES
from tests.serving import Served

SHELLS: Final = frozenset({"Bash", "bash", "run_shell_command", "exec_command", "shell_command", "shell", "exec"})
PICTURES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")  # agents may write an image anew, as JPEG or WebP
REFUSALS: Final = ("401", "403", "auth", "key")
BILLING: Final = b"x-anthropic-billing-header"  # changes with each build: it would spoil the backend's prefix cache


@dataclasses.dataclass(frozen=True)
class Seen:
    """All there is to judge of one case: its outcome, what the backend heard, and the proxy it went through."""

    outcome: Outcome
    recorded: Sequence[Recorded]
    served: Served


def agent_faults(scenario: Scenario, outcome: Outcome) -> list[str]:
    """Judge by what the agent itself reported and did."""
    if outcome.status is None:
        return [f"the agent did not end within {outcome.seconds:.0f} s"]
    if scenario == "badkey":
        return list(_badkey_faults(outcome))
    if outcome.told.error:
        return [f"the agent reported an error: {outcome.told.error[:400]}"]
    return [*_end_faults(outcome), *AGENT_RULES.get(scenario, _nothing)(outcome)]


def _badkey_faults(outcome: Outcome) -> Iterator[str]:
    error = (outcome.told.error or "").lower()
    if not any(word in error for word in REFUSALS):
        yield f"the agent did not report a refused key but {outcome.told.error!r}"
    if outcome.status == 0:
        yield "the agent ended with status 0 in spite of a wrong key"


def _end_faults(outcome: Outcome) -> Iterator[str]:
    if outcome.status != 0:
        yield f"the agent ended with status {outcome.status}"
    if DONE not in outcome.told.text:
        yield f"the final text lacks {DONE}: {outcome.told.text[:120]!r}"
    if not outcome.told.input_tokens:
        yield "the agent saw no count of input tokens"


def _nothing(_outcome: Outcome) -> Iterator[str]:
    yield from ()


def _reason(outcome: Outcome) -> Iterator[str]:
    if THOUGHT not in outcome.told.thinking:
        yield f"the reasoning did not reach the agent: {outcome.told.thinking[:120]!r}"


def _tool(outcome: Outcome) -> Iterator[str]:
    if outcome.secret not in " ".join(outcome.told.results):
        yield "no tool result with the file's content"


def _parallel(outcome: Outcome) -> Iterator[str]:
    yield from _tool(outcome)
    if SECOND not in " ".join(outcome.told.results):
        yield "no result of the second tool call"


def _multi(outcome: Outcome) -> Iterator[str]:
    yield from _tool(outcome)
    if len(outcome.told.results) < STEPS:
        yield f"{len(outcome.told.results)} tool results instead of {STEPS}"


def _edit(outcome: Outcome) -> Iterator[str]:
    if (outcome.made or "").strip() != MADE:
        yield f"made.txt holds {outcome.made!r}"


def _mcp(outcome: Outcome) -> Iterator[str]:
    if ECHO not in " ".join(outcome.told.results):
        yield f"no result of the MCP tool: {outcome.told.results!r}"[:400]


def _compact(outcome: Outcome) -> Iterator[str]:
    if not outcome.told.compacted:
        yield "the agent reported no compaction"


def _websearch(outcome: Outcome) -> Iterator[str]:
    if SOUGHT not in " ".join(outcome.told.results):
        yield f"the agent reported no search: {outcome.told.results!r}"[:400]


AGENT_RULES: Final[Mapping[Scenario, Callable[[Outcome], Iterator[str]]]] = {
    "reason": _reason,
    "tool": _tool,
    "saidtool": _tool,
    "parallel": _parallel,
    "multi": _multi,
    "edit": _edit,
    "mcp": _mcp,
    "compact": _compact,
    "websearch": _websearch,
}


def backend_faults(case: Case, outcome: Outcome, model: str, recorded: Sequence[Recorded]) -> list[str]:
    """Judge by what arrived at the backend under the name `model`."""
    if case.scenario == "badkey":
        return ["the backend was asked in spite of a wrong key"] if recorded else []
    if not recorded:
        return [f"the backend was never asked for {model}"]
    main = [request for request in recorded if request.heard.tools]
    if not main:
        return ["no request that reached the backend had tools"]
    last = main[-1]
    faults = [fault for request in recorded for fault in _request_faults(request)]
    faults += _tools_faults(main[0].heard)
    faults += _result_faults(case.scenario, outcome, last.heard)
    if case.scenario in {"image", "userimage"}:
        faults += _image_faults(last.heard)
    if case.scenario in READ_FOR:
        faults += _reading_faults(case.scenario, last)
    if case.scenario == "websearch":
        faults += _search_faults(case, recorded)
    if case.scenario == "compact" and SUMMARY.encode() not in recorded[-1].body:
        faults.append("the summary was not in the first request after compaction")
    return faults


def _request_faults(request: Recorded) -> Iterator[str]:
    yield from request.heard.complaints
    yield from request.heard.unpaired()
    if BILLING in request.body and not request.path.startswith("/v1/messages"):  # what is relayed stays as it was said
        yield f"{BILLING.decode()} reached the backend"
    if request.path.count("/v1") != 1:
        yield f"an odd path: {request.path}"


def _tools_faults(heard: Heard) -> Iterator[str]:
    if not SHELLS & set(heard.tools):
        yield f"no shell tool among {', '.join(heard.tools)}"
    if len(set(heard.tools)) != len(heard.tools):
        yield f"a tool twice among {', '.join(heard.tools)}"


def _result_faults(scenario: Scenario, outcome: Outcome, heard: Heard) -> Iterator[str]:
    """The tool's own words must have arrived, as results and in the right number."""
    wanted: dict[Scenario, list[str]] = {
        "tool": [outcome.secret],
        "saidtool": [outcome.secret],
        "parallel": [outcome.secret, SECOND],
        "multi": [f"step{step}" for step in range(STEPS)],
        "mcp": [ECHO],
        "mcpsearch": [PAGES[0].url, PAGES[0].text],
    }
    results = list(heard.results.values())
    for text in wanted.get(scenario, []):
        if not any(text in result for result in results):
            yield f"no tool result that reached the backend holds {text}"
    fewest = {
        "parallel": 2,
        "multi": STEPS,
        "tool": 1,
        "saidtool": 1,
        "edit": 1,
        "image": 1,
        "mcp": 1,
        "websearch": 1,
    }.get(scenario, 0)
    if len(results) < fewest:
        yield f"{len(results)} tool results reached the backend instead of {fewest}"


def _search_faults(case: Case, recorded: Sequence[Recorded]) -> Iterator[str]:
    results = [text for request in recorded for text in request.heard.results.values()]
    if not any(PAGES[0].text in text for text in results):
        yield "what was found did not reach the model"
    if case.agent == "claude" and not any("Links:" in text and PAGES[0].url in text for text in results):
        yield "Claude Code did not see the links of what was found"


def _reading_faults(scenario: Scenario, last: Recorded) -> Iterator[str]:
    """What the model cannot see must have become text, and nothing of it may be left."""
    heard = last.heard
    told = " ".join([*heard.results.values(), heard.asked])  # OpenCode attaches a tool's image as the user's
    wanted = {"pdf": (PRINTED, "<pdf_content"), "scan": (SCANNED, "<pdf_content")}.get(
        scenario, (SIGHT, "<image_description>")
    )
    for text in wanted:
        if text not in " ".join(told.split()):
            yield f"{text} did not reach the model: {told[-400:]!r}"
    if heard.images or b"iVBORw0KGgo" in last.body or b"JVBERi0" in last.body:
        yield "an image or a document reached a model that cannot read it"


def _image_faults(heard: Heard) -> Iterator[str]:
    if not any(image.startswith(PICTURES) for image in heard.images):
        yield f"no picture reached the backend ({len(heard.images)} image parts)"
