"""Fields that are accepted and do nothing yet. When a feature arrives, its lines here go."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from dragoman.config.findings import Finding
from dragoman.config.read import Given


class NotBuilt(NamedTuple):
    """field: its path, `[]` for any index. what: the missing part. idle: values that ask for nothing new."""

    field: str
    what: str
    idle: frozenset[object] = frozenset()


NOT_BUILT: Final = (NotBuilt("services", "other services are"),)

_INDEX: Final = re.compile(r"\[\d+\]")


def notices(given: Mapping[str, Given]) -> Iterator[Finding]:
    """One notice a field, at the first place that asks for it."""
    places: dict[str, list[str]] = {}
    for path in given:
        places.setdefault(_INDEX.sub("[]", path), []).append(path)
    for row in NOT_BUILT:
        asking = [path for path in places.get(row.field, ()) if not _is_idle(given[path].value, row.idle)]
        if asking:
            others = f" (and {len(asking) - 1} more)" if len(asking) > 1 else ""
            message = f"accepted; {row.what} not part of this version yet{others}"
            yield Finding(asking[0], message, "notice")


def _is_idle(value: object, idle: frozenset[object]) -> bool:
    return any(value == known for known in idle)  # not `in`: a struct that holds a mapping has no hash
