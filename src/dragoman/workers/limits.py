"""What a worker gives up before it looks at anything: memory, time, files, the network, and a life after its parent."""

import ctypes
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

_PDEATHSIG: Final = 1  # prctl's PR_SET_PDEATHSIG
_NETWORK: Final = frozenset({"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"})


def settle(memory: int) -> None:
    """memory: MiB of address space. The limits hold for what the process starts, too."""
    die_with_parent()
    _limit(resource.RLIMIT_AS, memory * 2**20)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    sys.addaudithook(_refuse_network)


def allow(seconds: int) -> None:
    """Let the process have so much more CPU time, and be killed after that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds + 1)


def _limit(what: int, amount: int) -> None:
    """As far as the system lets us: the clock of the proxy stands behind it."""
    _, hard = resource.getrlimit(what)
    with suppress(ValueError, OSError):
        resource.setrlimit(what, (amount if hard == resource.RLIM_INFINITY else min(amount, hard), hard))


def _refuse_network(event: str, _: tuple[Any, ...]) -> None:
    """Nothing here needs it, and a library that would fetch a model is to fail at once."""
    if event in _NETWORK:
        raise ConnectionRefusedError("a worker has no network")


def _prctl() -> Callable[[int, int], object]:
    """Of Linux; elsewhere it does nothing."""
    try:
        found: Callable[[int, int], object] = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return lambda *_: None
    return found


_call_prctl: Final = _prctl()


def die_with_parent() -> None:
    """Be killed when the thread ends that started this process, even if no thread of it can run. Also between fork and
    exec: it looks nothing up."""
    _call_prctl(_PDEATHSIG, signal.SIGKILL)
