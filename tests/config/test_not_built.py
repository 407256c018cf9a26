"""Fields whose feature is not built are accepted, with one notice each."""

import re

import pytest

from dragoman.config import not_built
from dragoman.config.document import fields_of
from dragoman.config.load import load_bytes
from dragoman.config.not_built import NOT_BUILT, NotBuilt
from dragoman.config.schema import Config

GOOD = "models:\n- {name: m, backends: [http://a/v1]"


def notices(text: str) -> list[tuple[str, str]]:
    loaded = load_bytes(text.encode(), {})
    assert loaded.config is not None, loaded.findings
    assert all(finding.level == "notice" for finding in loaded.findings)
    return [(finding.path, finding.message) for finding in loaded.findings]


def test_one_notice_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    row = NotBuilt("models[].supports_audio", "audio is", frozenset({False}))
    monkeypatch.setattr(not_built, "NOT_BUILT", (row,))
    text = GOOD + ", supports_audio: true}\n- {name: n, backend: http://b/v1, supports_audio: true}\n"
    [(path, message)] = notices(text)
    assert path == "models[0].supports_audio"
    assert message == "accepted; audio is not part of this version yet (and 1 more)"


def test_values_that_ask_for_nothing_have_none() -> None:
    idle = "responses_mode: auto, supports_audio: false, type: openai"
    assert notices(f"{GOOD}, {idle}}}\nlog_metrics: false\nusage_dashboard: no\n") == []


def test_whole_blocks_have_one() -> None:
    text = GOOD + "}\nservices: {qdrant: {backend: http://o}}\n"
    assert notices(text) == [("services", "accepted; other services are not part of this version yet")]


def test_every_row_names_a_field() -> None:
    tops = {field.name for field in fields_of(Config)}
    assert all(re.split(r"[\[.]", row.field)[0] in tops for row in NOT_BUILT)
