"""Who has logged in: sessions that are known here only, by a random name that the browser brings back."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from dragoman.hub.route import Secret

_BYTES: Final = 32
_IDLE: Final = 24 * 3600.0  # seconds without a visit, after which a session ends
_MOST: Final = 1000


class _Session(NamedTuple):
    """used: seconds. password: the digest of the one it was opened with; with another it is over."""

    used: float
    password: bytes


class Logins:
    """link: opens one session where no password is set; it is told to whoever started the proxy.

    Only digests are kept and compared, so that the time taken tells nothing. clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.link: Final = secrets.token_urlsafe(_BYTES)
        self._clock: Final = clock
        self._is_link_used = False
        self._sessions: Final[OrderedDict[bytes, _Session]] = OrderedDict()

    def with_password(self, said: str, password: Secret) -> str | None:
        """Open a session and return its name; None if that is not the password, or there is none."""
        if not password or not hmac.compare_digest(_digest(said), _digest(password.reveal())):
            return None
        return self._open(password)

    def with_link(self, said: str, password: Secret) -> str | None:
        """The same with the link, once, and only as long as there is no password."""
        if password or self._is_link_used or not hmac.compare_digest(_digest(said), _digest(self.link)):
            return None
        self._is_link_used = True
        return self._open(password)

    def is_open(self, name: str, password: Secret) -> bool:
        """Whether a session goes by this name. It counts as a visit."""
        digest = _digest(name)
        session = self._sessions.get(digest)
        if session is None:
            return False
        now = self._clock()
        if now - session.used > _IDLE or session.password != _digest(password.reveal()):
            del self._sessions[digest]
            return False
        self._sessions[digest] = _Session(now, session.password)
        self._sessions.move_to_end(digest)
        return True

    def close(self, name: str) -> None:
        self._sessions.pop(_digest(name), None)

    def _open(self, password: Secret) -> str:
        name = secrets.token_urlsafe(_BYTES)
        self._sessions[_digest(name)] = _Session(self._clock(), _digest(password.reveal()))
        if len(self._sessions) > _MOST:  # the one that was not visited for longest
            self._sessions.popitem(last=False)
        return name


def _digest(said: str) -> bytes:
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()
