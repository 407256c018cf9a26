"""One scripted backend of each dialect and one proxy for all agents; two agents run at a time.

Every case has a model of its own, so their requests cannot be mistaken for each other's. Only agents with a wrong key
have a proxy to themselves: together they would be taken for one who guesses.
"""

import concurrent.futures
import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tests.agents import installed
from tests.agents.driver import Front, run
from tests.agents.judging import Seen
from tests.agents.scenarios import CASES, READ_FOR, Case, Wire
from tests.agents.scripted_backend import ScriptedBackend
from tests.engines import Engines
from tests.serving import Served, serving

AT_ONCE: Final = 2  # most machines that run this have two cores, and an agent's start fills one
CLIENT_KEY: Final = "sk-dragoman-agents-test"
TYPES: Final[Mapping[Wire, str]] = {"chat": "openai", "messages": "anthropic", "responses": "responses"}


# With these scenarios the proxy searches the web; with others the agents' own tools are to be seen as they are.
SEARCHING: Final = frozenset({"websearch"})

Backends: TypeAlias = Mapping[Wire, ScriptedBackend]
Runs: TypeAlias = Mapping[Case, "concurrent.futures.Future[Seen]"]


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    with contextlib.ExitStack() as running:
        yield {wire: running.enter_context(ScriptedBackend(wire)) for wire in TYPES}


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    with Engines() as running:
        yield running


@pytest.fixture(scope="session")
def proxy(backends: Backends, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    config = {**_config(backends, CASES), "processors": engines.config("tavily")}
    with serving(config, tmp_path_factory.mktemp("proxy")) as served:
        yield served


def _config(backends: Backends, cases: Iterable[Case]) -> dict[str, Any]:
    return {
        "models": [*(_model(case, backends[case.behind]) for case in cases), _eyes(backends["chat"])],
        "keys": [{"key": CLIENT_KEY, "name": "agents"}],
    }


def _model(case: Case, backend: ScriptedBackend) -> dict[str, Any]:
    path = "" if case.behind == "messages" else "/v1"
    return {
        "name": case.public_model(),
        "model": case.backend_model(),
        "type": TYPES[case.behind],
        "backends": [{"url": backend.url + path, "api_key": backend.key}],
        "processors": {} if case.scenario in SEARCHING else {"web_search_key": "none"},
        # A relayed answer is only learnt from, and the agent has ended by then.
        **({"profile": {"rescue_calls": "always"}} if case.scenario == "saidtool" else {}),
        **({"supports_vision": False, "processors": {"vision": "eyes"}} if case.scenario in READ_FOR else {}),
    }


def _eyes(backend: ScriptedBackend) -> dict[str, Any]:
    """The model that describes images for those that cannot see."""
    backend.play("scripted-eyes", "describe", Path())
    place = {"url": f"{backend.url}/v1", "api_key": backend.key}
    return {"name": "eyes", "model": "scripted-eyes", "backends": [place]}


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, backends: Backends, proxy: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """Start every chosen case at once; tests then wait for theirs in turn."""
    rooms = tmp_path_factory.mktemp("agents")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            case: pool.submit(_run, case, proxy, backends, rooms / str(case))
            for case in _chosen(request.session)
            if installed.command(case.agent)
        }
        pool.shutdown(cancel_futures=True)


def _chosen(session: pytest.Session) -> list[Case]:
    functions = [item for item in session.items if isinstance(item, pytest.Function)]
    parameters = [function.callspec.params for function in functions if hasattr(function, "callspec")]
    return [case for given in parameters if isinstance(case := given.get("case"), Case)]


def _run(case: Case, proxy: Served, backends: Backends, room: Path) -> Seen:
    if case.scenario != "badkey":
        return _seen_through(proxy, case, backends[case.behind], room)
    with serving(_config(backends, [case]), room / "proxy") as its_own:
        return _seen_through(its_own, case, backends[case.behind], room)


def _seen_through(proxy: Served, case: Case, backend: ScriptedBackend, room: Path) -> Seen:
    backend.play(case.backend_model(), case.scenario, room / "work")
    outcome = run(case, Front(proxy.url, CLIENT_KEY), case.public_model(), room)
    return Seen(outcome, backend.recorded(case.backend_model()), proxy)


@pytest.fixture
def seen(request: pytest.FixtureRequest, case: Case) -> Seen:
    if installed.command(case.agent) is None:
        _without(case.agent)
    runs: Runs = request.getfixturevalue("runs")
    return runs[case].result()


def _without(agent: str) -> None:
    reason = f"{agent} is not in {installed.home()}; `python -m tests.agents.install` puts it there"
    if os.environ.get("DRAGOMAN_REQUIRE_AGENTS", "") not in {"", "0"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
