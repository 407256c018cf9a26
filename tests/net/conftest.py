"""Every test of the client runs on both event loops, and knows nothing of the machine's proxies."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from tests.net.scripted import SECONDS_PER_TEST, Run, T

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    def run_it(main: Coroutine[Any, Any, T]) -> T:
        async def within_reason() -> T:
            async with asyncio.timeout(SECONDS_PER_TEST):
                return await main

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(within_reason())

    return run_it


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
