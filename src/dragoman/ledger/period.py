"""Days as people count them: today and those before, in some zone."""

import datetime as dt
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_HOUR: Final = 3600
_LONGEST_NAME: Final = 64


class Piece(NamedTuple):
    """A day or an hour. name: its date, or its date and hour. since, until: seconds since the epoch."""

    name: str
    since: int
    until: int


class Period(NamedTuple):
    """since, until: seconds since the epoch. zone: None = the machine's own."""

    since: int
    until: int
    zone: dt.tzinfo | None

    def days(self) -> list[Piece]:
        """Its days, the earliest first. Where the clocks are changed a day has 23 or 25 hours."""
        starts = [self.since]
        while starts[-1] < self.until:
            starts.append(_midnight(_date(starts[-1], self.zone) + dt.timedelta(days=1), self.zone))
        return [Piece(_date(start, self.zone).isoformat(), start, end) for start, end in pairwise(starts)]

    def hours(self) -> list[Piece]:
        return [
            Piece(_local(start, self.zone).strftime("%Y-%m-%dT%H:%M%z"), start, start + _HOUR)
            for start in range(self.since, self.until, _HOUR)
        ]


def last_days(days: int, now: float, zone: dt.tzinfo | None) -> Period:
    """Today and the days before it, as many as are asked for together, until midnight."""
    today = _date(int(now), zone)
    first = _midnight(today - dt.timedelta(days=days - 1), zone)
    return Period(first, _midnight(today + dt.timedelta(days=1), zone), zone)


def zone_named(name: str) -> dt.tzinfo:
    """The zone of an IANA name; UTC where that is not known on this machine."""
    if len(name) > _LONGEST_NAME:
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return dt.UTC


def _local(seconds: int, zone: dt.tzinfo | None) -> dt.datetime:
    if zone is None:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone()
    return dt.datetime.fromtimestamp(seconds, zone)


def _date(seconds: int, zone: dt.tzinfo | None) -> dt.date:
    return _local(seconds, zone).date()


def _midnight(day: dt.date, zone: dt.tzinfo | None) -> int:
    if zone is None:
        return int(dt.datetime.combine(day, dt.time()).astimezone().timestamp())
    return int(dt.datetime.combine(day, dt.time(), zone).timestamp())
