"""Running the load generator, and reading what it says."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from proxies import MODELS, Running
from toolchain import CannotMeasureError


class Load(NamedTuple):
    """One run of the load generator against one proxy. With errors its numbers mean nothing.

    cpu: seconds of the proxy's process tree. first: milliseconds to the first delta, median. silence: milliseconds, the
    longest within a stream after its first delta, median of the streams.
    idle_rss, idle_pss: MiB before the first request. rss, pss: the highest seen.
    others: CPU used by programs that are no part of the bench, in cores.
    """

    requests: int
    deltas: int
    errors: list[str]
    cpu: float
    first: float
    silence: float
    idle_rss: float
    idle_pss: float
    rss: float
    pss: float
    others: float

    @property
    def us_per_delta(self) -> float:
        return self.cpu / max(1, self.deltas) * 1e6

    @property
    def ms_per_request(self) -> float:
        return self.cpu / max(1, self.requests) * 1e3


class Generator(NamedTuple):
    program: Path
    mock: Running

    def run(self, proxy: Running, client: str, backend: str, options: Sequence[str]) -> Load:
        """client, backend: the dialects they speak."""
        watch = f"proxy={proxy.pid},mock={self.mock.pid}" if proxy.pid != self.mock.pid else f"proxy={proxy.pid}"
        model = MODELS[backend]
        command = [str(self.program), "-url", proxy.url, "-proto", client, "-model", model, "-pids", watch, *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise CannotMeasureError(f"the load generator failed against {proxy.name}, {proxy.url} (see above)")
        return _read(json.loads(done.stdout))


def _read(said: dict[str, Any]) -> Load:
    proxy = said["watched"]["proxy"]
    return Load(
        requests=said["ok"],
        deltas=said["deltas"],
        errors=said["errors"],
        cpu=proxy["cpu_s"],
        first=said["first_delta_ms"]["p50"],
        silence=said["longest_silence_ms"]["p50"],
        idle_rss=proxy["before"]["rss_mib"],
        idle_pss=proxy["before"]["pss_mib"],
        rss=proxy["peak"]["rss_mib"],
        pss=proxy["peak"]["pss_mib"],
        others=said["others_cores"],
    )
