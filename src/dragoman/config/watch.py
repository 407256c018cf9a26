"""Takes over the configuration file when it changes, if it is sound; else says what is wrong and keeps the old one.

Polls instead of asking the kernel for events: mounted files of Docker and Kubernetes change by renaming of links, of
which the kernel says nothing. SIGHUP asks for a reading at once, and so does who has changed the file himself.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from dragoman.config.findings import Level
from dragoman.config.load import Loaded, contents, load_file
from dragoman.config.schema import Config
from dragoman.config.snapshot import ConfigSource, Snapshot

logger: Final = logging.getLogger("dragoman.config")

_LOUDNESS: Final[dict[Level, int]] = {"error": logging.ERROR, "warning": logging.WARNING, "notice": logging.INFO}
# Fields that are read once, besides `listen`.
READ_ONCE: Final = ("data_dir", "store", "log_metrics", "usage_db", "usage_days", "metrics_token")
# Looks in a row that find no file before it is worth a warning; editors and mounts take it away for less.
_MISSING_LOOKS: Final = 10


class Mark(NamedTuple):
    """Changes whenever the file does. The link's target counts, since Kubernetes swaps the link."""

    modified_ns: int
    size: int
    inode: int


def mark_of(path: Path) -> Mark | None:
    """Return the file's mark, None when there is no such file at the moment."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Mark(found.st_mtime_ns, found.st_size, found.st_ino)


class Watch:
    """Looks after one file. `step` is one look and needs no clock; `run` looks once a second.

    digest: of the content the source was made from, so that the first look reads nothing new into the same bytes.
    """

    def __init__(
        self,
        path: Path,
        source: ConfigSource,
        *,
        digest: bytes = b"",
        env: Mapping[str, str] = os.environ,
        look: Callable[[Path], Mark | None] = mark_of,
    ) -> None:
        self._path = path
        self._source = source
        self._digest = digest
        self._env = env
        self._look = look
        self._first = source.current.config
        self._read: Mark | None = None
        self._seen: Mark | None = None
        self._missing = 0
        self._asked = asyncio.Event()
        self._answered = asyncio.Event()

    def step(self) -> Snapshot | None:
        """Look once; return the new snapshot if one was taken over.

        A changed file is read only when it looks the same twice: what is being written might be half a file, and half
        a file can be valid, without its keys.
        """
        mark, before = self._look(self._path), self._seen
        self._seen = mark
        if mark is None:
            self._note_missing()
            return None
        self._missing = 0
        if mark == self._read or mark != before:
            return None
        return self._take(mark)

    def reload(self) -> Snapshot | None:
        """Read the file now, as SIGHUP asks; return the new snapshot if one was taken over."""
        mark = self._look(self._path)
        if mark is None:
            logger.error("%s: there is no such file; the configuration stays as it is", self._path)
            return None
        return self._take(mark)

    async def now(self) -> None:
        """Have the file read at once, and wait until that is done. `run` does it, and has to be running."""
        answered = self._answered
        self._asked.set()
        await answered.wait()

    async def run(self, *, interval: float = 1.0, on_swap: Callable[[Snapshot], None] = lambda _snapshot: None) -> None:
        """Look every `interval` seconds, at each SIGHUP and whenever `now` asks, until cancelled."""
        with _on_hangup(self._asked.set):
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), interval)
                is_asked = self._asked.is_set()
                self._asked.clear()
                answered = self._answered
                if is_asked:
                    self._answered = asyncio.Event()  # of who asks from now on, perhaps about what is written just now
                swapped = await asyncio.to_thread(self.reload if is_asked else self.step)  # a large file takes a while
                if swapped is not None:
                    on_swap(swapped)
                if is_asked:
                    answered.set()

    def _note_missing(self) -> None:
        self._missing += 1
        if self._missing == _MISSING_LOOKS:
            logger.warning("%s: the file is gone; the configuration stays as it is", self._path)

    def _take(self, mark: Mark) -> Snapshot | None:
        loaded = load_file(self._path, self._env)
        if self._look(self._path) != mark:
            return None  # written to meanwhile: a later look will see it settled
        is_first, self._read = self._read is None, mark
        if loaded.digest == self._digest and loaded.config is not None:
            if not is_first:
                logger.info("%s: the content is as before", self._path)
            return None
        self._digest = loaded.digest
        return self._swap(loaded)

    def _swap(self, loaded: Loaded) -> Snapshot | None:
        self._source.findings = loaded.findings
        for finding in loaded.findings:
            logger.log(_LOUDNESS[finding.level], "%s", finding.render(str(self._path)))
        if loaded.config is None:
            logger.error("%s: not taken over; the configuration stays as it is", self._path)
            return None
        self._warn_of_a_restart(loaded.config)
        snapshot = Snapshot.of(loaded.config)
        self._source.current = snapshot
        logger.info("%s: taken over, %s", self._path, contents(loaded.config))
        return snapshot

    def after_restart(self, config: Config) -> list[str]:
        """The fields of which this configuration says something that takes effect after a restart."""
        return [name for name in ("listen", *READ_ONCE) if getattr(config, name) != getattr(self._first, name)]

    def _warn_of_a_restart(self, config: Config) -> None:
        for name in self.after_restart(config):
            if name == "listen":
                now, first = config.listen, self._first.listen
                told = "%s: listen: %s takes effect after a restart; still listening on %s"
                logger.warning(told, self._path, now, first)
            else:
                logger.warning("%s: %s: the change takes effect after a restart", self._path, name)


@contextlib.contextmanager
def _on_hangup(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at SIGHUP, where the platform and the thread allow it."""
    loop = asyncio.get_running_loop()
    hangup = getattr(signal, "SIGHUP", None)
    try:
        if hangup is not None:
            loop.add_signal_handler(hangup, act)
    except (NotImplementedError, RuntimeError, ValueError):
        hangup = None  # not the main thread, or not a loop that knows signals
    try:
        yield
    finally:
        if hangup is not None:
            loop.remove_signal_handler(hangup)
