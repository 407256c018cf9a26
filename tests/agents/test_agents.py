"""The real coding agents, through a running proxy, before a scripted backend of another dialect."""

import pprint

import pytest

from tests.agents.judging import Seen, agent_faults, backend_faults
from tests.agents.scenarios import CASES, Case

pytestmark = pytest.mark.agents


@pytest.mark.parametrize("case", CASES, ids=str)
def test_agent(case: Case, seen: Seen) -> None:
    faults = agent_faults(case.scenario, seen.outcome)
    faults += backend_faults(case, seen.outcome, case.backend_model(), seen.recorded)
    if faults:
        pytest.fail(_report(faults, seen, case.public_model()), pytrace=False)


def _report(faults: list[str], seen: Seen, model: str) -> str:
    outcome = seen.outcome
    last = pprint.pformat(seen.recorded[-1].shape(), width=120, compact=True, sort_dicts=False) if seen.recorded else ""
    return "\n".join([
        *(f"* {fault}" for fault in faults),
        f"-- the agent ended with status {outcome.status} after {outcome.seconds:.1f} s; its stderr ends with",
        outcome.stderr.rstrip(),
        f"-- the backend heard {len(seen.recorded)} requests; the last one's shape is",
        last,
        f"-- the proxy's log about {model} ends with",
        seen.served.last_words(about=model).rstrip(),
    ])  # fmt: skip
