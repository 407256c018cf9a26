"""One scripted backend of each dialect and one proxy for all agents; two agents run at a time.

Every case has a model of its own, so their requests cannot be mistaken for each other's.
"""

import concurrent.futures
import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tests.agents import installed
from tests.agents.driver import Front, Outcome, run
from tests.agents.judging import Seen
from tests.agents.scenarios import CASES, Case, Wire
from tests.agents.scripted_backend import ScriptedBackend
from tests.serving import Served, serving

AT_ONCE: Final = 2  # most machines that run this have two cores, and an agent's start fills one
CLIENT_KEY: Final = "sk-dragoman-agents-test"
TYPES: Final[Mapping[Wire, str]] = {"chat": "openai", "messages": "anthropic", "responses": "responses"}


Backends: TypeAlias = Mapping[Wire, ScriptedBackend]
Runs: TypeAlias = Mapping[Case, "concurrent.futures.Future[Outcome]"]


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    with contextlib.ExitStack() as running:
        yield {wire: running.enter_context(ScriptedBackend(wire)) for wire in TYPES}


@pytest.fixture(scope="session")
def proxy(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(_config(backends), tmp_path_factory.mktemp("proxy")) as served:
        yield served


def _config(backends: Backends) -> dict[str, Any]:
    return {
        "models": [_model(case, backends[case.behind]) for case in CASES],
        "keys": [{"key": CLIENT_KEY, "name": "agents"}],
    }


def _model(case: Case, backend: ScriptedBackend) -> dict[str, Any]:
    path = "" if case.behind == "messages" else "/v1"
    return {
        "name": case.public_model(),
        "model": case.backend_model(),
        "type": TYPES[case.behind],
        "backends": [{"url": backend.url + path, "api_key": backend.key}],
    }


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, backends: Backends, proxy: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """Start every chosen case at once; tests then wait for theirs in turn."""
    front, rooms = Front(proxy.url, CLIENT_KEY), tmp_path_factory.mktemp("agents")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            case: pool.submit(_run, case, front, backends[case.behind], rooms / str(case))
            for case in _chosen(request.session)
            if installed.command(case.agent)
        }
        pool.shutdown(cancel_futures=True)


def _chosen(session: pytest.Session) -> list[Case]:
    functions = [item for item in session.items if isinstance(item, pytest.Function)]
    parameters = [function.callspec.params for function in functions if hasattr(function, "callspec")]
    return [case for given in parameters if isinstance(case := given.get("case"), Case)]


def _run(case: Case, front: Front, backend: ScriptedBackend, room: Path) -> Outcome:
    backend.play(case.backend_model(), case.scenario, room / "work")
    return run(case, front, case.public_model(), room)


@pytest.fixture
def seen(request: pytest.FixtureRequest, case: Case) -> Seen:
    if installed.command(case.agent) is None:
        _without(case.agent)
    runs: Runs = request.getfixturevalue("runs")
    backends: Backends = request.getfixturevalue("backends")
    return Seen(
        runs[case].result(), backends[case.behind].recorded(case.backend_model()), request.getfixturevalue("proxy")
    )


def _without(agent: str) -> None:
    reason = f"{agent} is not in {installed.home()}; `python -m tests.agents.install` puts it there"
    if os.environ.get("DRAGOMAN_REQUIRE_AGENTS", "") not in {"", "0"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
