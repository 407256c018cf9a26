"""The usage of a small team over 90 days: working hours, quiet weekends, a bad afternoon."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from dragoman.ledger.line import Line
from dragoman.ledger.tables import DAY, LEDGER, write_lines
from dragoman.store.opening import open_writer

PEOPLE: Final = {
    "alice": "Claude Code",
    "bob": "Codex",
    "chiara": "OpenCode",
    "devon": "Claude Code",
    "ci": "Qwen Code",
}
SHARES: Final = (9, 6, 4, 3, 2)


class _Model(NamedTuple):
    name: str
    share: int
    backend: str
    first_byte: float  # of which the time to the first token is e to the power, in ms


MODELS: Final = (
    _Model("qwen3-coder", 9, "http://10.0.0.7:8000", 6.3),
    _Model("claude-sonnet", 5, "https://api.anthropic.com", 7.1),
    _Model("glm-4.6", 3, "https://api.z.ai", 7.3),
    _Model("gpt-5", 2, "https://api.openai.com", 7.0),
)


def lines(now: float, per_day: int = 120) -> Iterator[Line]:
    dice = random.Random(3)
    people = list(PEOPLE)
    for day in range(90):
        midnight = (now // DAY - 89 + day) * DAY
        busy = 0.15 if time.gmtime(midnight).tm_wday >= 5 else 1.0
        for number in range(round(per_day * busy * dice.uniform(0.7, 1.1) * (0.5 + day / 180))):
            moment = midnight + min(max(dice.gauss(13.5, 3), 0.1), 23.9) * 3600
            if moment >= now:
                continue
            person = dice.choices(people, SHARES)[0]
            model = dice.choices(MODELS, [one.share for one in MODELS])[0]
            yield _line(dice, moment, person, model, f"{person}-{day}-{number // 25}", failing=day == 86)


def _line(dice: random.Random, moment: float, person: str, model: _Model, session: str, *, failing: bool) -> Line:
    asked, first = int(dice.lognormvariate(10.2, 0.7)), int(dice.lognormvariate(model.first_byte, 0.5))
    what = dice.choices(["answered", "failed", "limited", "cancelled"], [92, 18 if failing else 1, 1, 3])[0]
    return Line(
        time=round(moment * 1000),
        key=person,
        agent=PEOPLE[person],
        session=session,
        dialect="anthropic-messages",
        model=model.name,
        asked=model.name,
        backend=model.backend,
        status={"failed": 502, "limited": 429, "cancelled": 499}.get(what, 200),
        problem={"failed": "backend_failed", "limited": "rate_limited"}.get(what, ""),
        input_tokens=asked,
        cached_tokens=int(asked * dice.betavariate(7, 2)),
        output_tokens=int(dice.lognormvariate(5.6, 0.9)),
        response_bytes=20_000,
        request_bytes=asked * 4,
        first_byte_ms=first,
        duration_ms=first + int(dice.lognormvariate(8.6, 0.8)),
        searches=int(dice.random() < 0.04),
        tool_runs=int(dice.random() < 0.04),
    )


def write(path: Path, now: float) -> None:
    db = open_writer(path, [LEDGER])
    db.execute("BEGIN")
    write_lines(db, list(lines(now)))
    db.execute("COMMIT")
    db.close()
