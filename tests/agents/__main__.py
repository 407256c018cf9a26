"""Drive the real agents by hand: `python -m tests.agents --help`.

Without --base-url each agent talks to a scripted backend of its own dialect, no proxy between: a check of this suite
and of the agents' present releases. With it, to whatever answers there: a proxy, or a real model behind one.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.agents import installed
from tests.agents.driver import AGENTS, Front, Outcome, run
from tests.agents.judging import agent_faults, backend_faults
from tests.agents.scenarios import PROMPTS, READ_FOR, Case, Scenario
from tests.agents.scripted_backend import ScriptedBackend

CLAUDE_ONLY: Final = frozenset({"compact", "pdf", "scan"})
SEARCH_BY_MCP: Final = frozenset({"opencode", "qwen"})
FOR_A_PROXY: Final = frozenset(
    {"websearch", "mcpsearch", *READ_FOR}
)  # no backend of the tests' searches, or reads for others


def main() -> int:
    given = _arguments()
    worst = 0
    for case in _cases(given):
        faults, outcome = _judge(case, given)
        mark = "FAIL" if faults else "PASS"
        print(
            f"{mark} {case.agent}-{case.wire}-{case.scenario} {outcome.seconds:.1f} s {'; '.join(faults)}", flush=True
        )
        if faults:
            worst = 1
            print(outcome.stderr, file=sys.stderr)
    return worst


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", action="append", choices=AGENTS, help="may be repeated; all that are installed")
    parser.add_argument("--scenario", action="append", choices=PROMPTS, help="may be repeated; all that it can do")
    parser.add_argument("--wire", choices=["chat", "messages", "responses"], help="for agents that speak several")
    parser.add_argument("--base-url", help="an origin without /v1")
    parser.add_argument("--key", default="lab-key")
    parser.add_argument("--model", default="lab-model")
    parser.add_argument("--context", type=int, default=128_000, help="the model's window, in tokens")
    return parser.parse_args()


def _cases(given: argparse.Namespace) -> Iterator[Case]:
    for agent in given.agent or [name for name in AGENTS if installed.command(name)]:
        wires = AGENTS[agent].wires
        wire = given.wire if given.wire in wires else wires[0]
        for scenario in given.scenario or PROMPTS:
            if scenario in FOR_A_PROXY and not given.base_url:
                continue
            if scenario == "mcpsearch" and agent not in SEARCH_BY_MCP:
                continue
            if agent == "claude" or scenario not in CLAUDE_ONLY:
                yield Case(agent, wire, scenario, behind=wire)


def _judge(case: Case, given: argparse.Namespace) -> tuple[list[str], Outcome]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room, contextlib.ExitStack() as stack:
        if given.base_url:
            front = Front(given.base_url.rstrip("/"), given.key)
            outcome = run(case, front, given.model, Path(room), given.context)
            return agent_faults(case.scenario, outcome), outcome
        backend = stack.enter_context(ScriptedBackend(case.wire, given.key))
        return _judge_directly(case, backend, Path(room), given.context)


def _judge_directly(case: Case, backend: ScriptedBackend, room: Path, context: int) -> tuple[list[str], Outcome]:
    model = case.backend_model()
    scenario: Scenario = case.scenario
    backend.play(model, scenario, room / "work")
    outcome = run(case, Front(backend.url, backend.key), model, room, context)
    # Without a proxy between, the backend hears what the agent says: only the agent's side is to be judged.
    seen = [] if case.wire == "messages" else backend_faults(case, outcome, model, backend.recorded(model))
    return agent_faults(scenario, outcome) + seen, outcome


if __name__ == "__main__":
    sys.exit(main())
