"""How often an address may try keys that do not fit.

One or two failed logins cost nothing: people paste wrong keys. After three or four the next attempt waits, and after
five the address is refused until enough strikes have decayed, one a minute.
"""

import ipaddress
from collections import OrderedDict
from typing import Final, NamedTuple

# Strikes held against an address -> seconds to wait before its next attempt is looked at.
DELAYS: Final = {3: 1.0, 4: 2.0}
REFUSED_FROM: Final = 5
# Attempts that were under way together may all fail; no address owes more than this many minutes for them.
MOST_STRIKES: Final = 10
DECAY: Final = 60.0
CAPACITY: Final = 100_000


class Verdict(NamedTuple):
    """delay: seconds to wait before looking at the key. refuse_for: seconds for `retry-after`, None = let it try."""

    delay: float = 0.0
    refuse_for: float | None = None


class _Strikes(NamedTuple):
    """held: strikes at the time `since`, from which the next decay counts."""

    held: int
    since: float

    def at(self, now: float) -> "_Strikes":
        decayed = int(max(0.0, now - self.since) // DECAY)
        return _Strikes(max(0, self.held - decayed), self.since + decayed * DECAY)


class FailedLogins:
    """The strikes of every address that failed lately. Times are seconds of one monotonic clock, given by the caller.

    strikes: by address, or by what counts as one. At most `capacity` are kept; the one that has not failed for longest makes room. A success clears
    nothing: behind one address there may be others, still guessing.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.strikes: Final[OrderedDict[str, _Strikes]] = OrderedDict()

    def verdict(self, address: str, now: float) -> Verdict:
        """What to do with the next attempt from this address; ask before looking at its key."""
        if not self.strikes:
            return Verdict()
        group = _group(address)
        known = self.strikes.get(group)
        if known is None:
            return Verdict()
        strikes = known.at(now)
        if strikes.held == 0:
            del self.strikes[group]
        if strikes.held >= REFUSED_FROM:
            wait = (strikes.held - REFUSED_FROM + 1) * DECAY - max(0.0, now - strikes.since)
            return Verdict(refuse_for=wait)
        return Verdict(delay=DELAYS.get(strikes.held, 0.0))

    def failed(self, address: str, now: float) -> None:
        """Hold one more strike against the address."""
        group = _group(address)
        known = self.strikes.pop(group, _Strikes(0, now)).at(now)
        since = known.since if known.held else now
        self.strikes[group] = _Strikes(min(known.held + 1, MOST_STRIKES), since)
        if len(self.strikes) > self._capacity:
            self.strikes.popitem(last=False)

    def __len__(self) -> int:
        return len(self.strikes)


def _group(address: str) -> str:
    """Who counts as one. An IPv6 host can pick any address of its /64; IPv4 inside IPv6 is IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return parsed.packed[:8].hex()
