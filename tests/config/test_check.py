"""What can be wrong between fields. Each case is a file with one thing wrong, and what is said of it."""

import pytest

from dragoman.config.findings import render_findings
from dragoman.config.load import load_bytes

GOOD = """\
models:
  - name: m
    backends:
      - url: http://127.0.0.1:8000/v1
"""


def said(text: str) -> list[str]:
    return render_findings(load_bytes(text.encode(), {}).findings, "c").splitlines()


def test_nothing_is_said_of_a_good_file() -> None:
    assert said(GOOD) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models: []", "c:1: models: none given"),
        (GOOD + "  - name: m\n    backend: http://a/v1", 'c:5: models[1].name: "m" is the name of models[0] already'),
        ("models:\n  - name: ' '\n    backend: http://a/v1", "c:2: models[0].name: is empty"),
        ("models:\n  - name: m", "c:2: models[0].backends: no backend: give at least one"),
        ("models:\n  - name: m\n    backends: []", "c:3: models[0].backends: no backend"),
        (
            "models:\n  - name: m\n    backends:\n    - {url: http://a/v1, disabled: true}",
            "c:3: models[0].backends: all are",
        ),
        (GOOD + "audio: {tts: {name: m, backends: [http://a/v1]}}", 'c:5: audio.tts.name: "m" is the name of another'),
        (
            GOOD + "audio: {whisper: {name: tts, backends: [http://a/v1]}, tts: {backends: [http://a/v1]}}",
            "audio.tts.name",
        ),
        (GOOD + "audio: {whisper: {model: org/w}}", "c:5: audio.whisper.backends: no backend: give at least one"),
        ("models:\n  - name: m\n    backend: a/v1", "c:3: models[0].backend: must begin with http"),
        (
            "models:\n  - name: m\n    backend: http://a/v1\n    backends: [http://b/v1]",
            "c:3: models[0].backend: backends and backend say",
        ),
        ("models:\n  - name: m\n    pool: p", 'c:3: models[0].pool: no pool is named "p"; there are no pools'),
        ("pools: {q: http://a/v1}\nmodels:\n  - name: m\n    pool: p", "pools here: q"),
        ("pools: {q: []}\n" + GOOD, "c:1: pools[0].backends: no backend"),
        (
            "pools:\n- {name: q, backends: http://a/v1}\n- {name: q, backends: http://a/v1}\n" + GOOD,
            "c:3: pools[1].name:",
        ),
        ("pools: {q: a/v1}\nmodels:\n  - name: m\n    pool: q", "c:1: pools[0].backends[0].url: must begin with http"),
        (
            "models:\n  - name: m\n    backends:\n    - http://a/v1\n    - http://a/v1/",
            "c:5: models[0].backends[1].url: is listed twice",
        ),
        (
            "models:\n  - name: m\n    backends:\n    - url: http://a/v1\n      weight: 0",
            "c:5: warning: models[0].backends[0].weight",
        ),
        ("models:\n  - name: m\n    type: bedrock\n    region: x", "c:3: models[0].type: bedrock is not supported yet"),
        (
            "models:\n  - name: status\n    backend: http://a/v1",
            "c:2: warning: models[0].name: `GET /v1/models/status` tells",
        ),
        (GOOD + "    region: us-east-1", "c:5: warning: models[0].region: is only read with `type: bedrock`"),
        (GOOD + "aliases:\n  m: m", "c:6: aliases.m: is the name of a model as well"),
        (GOOD + "aliases:\n  a*b: m", 'c:6: aliases["a*b"]: has a `*` before its end: only the end may be left open'),
        (GOOD + "aliases:\n  a: x", 'c:6: aliases.a: points to "x", which is no model; models here: m'),
        (
            GOOD + "aliases:\n  a: m\n  gpt-4.1: a",
            'c:7: aliases["gpt-4.1"]: points to the alias "a": point to its model, "m"',
        ),
        (GOOD + "keys:\n  - name: me", "c:6: keys[0]: has neither `key` nor `key_hash`"),
        (GOOD + "keys:\n  - key: sk-0123456789abcdef\n    key_hash: x", "c:6: keys[0]: has both"),
        (GOOD + "keys:\n  - key_hash: sha256:12", "c:6: keys[0].key_hash: is not a SHA-256"),
        (GOOD + "keys:\n  - key: schlüssel-mit-umlaut", "c:6: warning: keys[0].key: holds letters beyond ASCII"),
        (GOOD + "keys:\n  - key: short", "c:6: warning: keys[0].key: is shorter than 16"),
        (
            "listen: :8080\n" + GOOD + "keys:\n  - key: short",
            "c:7: keys[0].key: is shorter than 16 characters, and other",
        ),
        (
            "listen: :8080\n" + GOOD + "keys:\n  - key: sk-change-me-to-something-secure",
            "c:7: keys[0].key: is the key of a pub",
        ),
        (GOOD + "keys:\n  - key: ' sk-0123456789abcdef'", "c:6: keys[0].key: holds spaces"),
        (
            GOOD + "keys:\n  - key: sk-0123456789abcdef\n  - key: sk-0123456789abcdef",
            "c:7: keys[1]: is the same key as keys[0]",
        ),
        (
            GOOD + "keys:\n  - key: sk-0123456789abcdef\n    models:\n      - m\n      - n",
            'c:9: keys[0].models[1]: "n" is no model',
        ),
        ("listen: :8080\n" + GOOD, "c:1: keys: none given, and :8080 can be reached by other machines"),
        (
            "listen: 0.0.0.0:1\nallow_unauthenticated: true\n" + GOOD,
            "c:2: warning: allow_unauthenticated: everybody who can",
        ),
        (
            "allow_unauthenticated: true\n" + GOOD + "keys:\n  - key: sk-0123456789abcdef",
            "c:1: warning: allow_unauthenticated: has",
        ),
        (GOOD + "processors:\n  vision: v", 'c:6: processors.vision: "v" is no model; models here: m'),
        (
            GOOD + "  - name: qwen-vl\n    backend: http://v/v1\nprocessors:\n  vision: qwen_vl",
            'c:8: processors.vision: "qwen_vl" is no model; did you mean "qwen-vl"?',
        ),
        (
            GOOD + "    supports_vision: false\nprocessors:\n  vision: m",
            'c:7: warning: processors.vision: "m" is asked to look at images, and says `supports_vision: false`',
        ),
        (GOOD + "    processors:\n      ocr: o", 'c:6: models[0].processors.ocr: "o" is no model'),
        (GOOD + "services:\n  qdrant:\n    backend: x", "c:7: services.qdrant.backend: must begin with http"),
        (GOOD + "audio:\n  tts:\n    backends:\n      - x", "c:8: audio.tts.backends[0].url: must begin with http"),
        (GOOD + "usage_dashboard: true\nlog_metrics: no", "c:5: warning: usage_dashboard: there is nothing to show"),
        (GOOD + 'usage_db: ""', "c:5: usage_db: is no path"),
        (GOOD + 'usage_db: "a\\0b"', "c:5: usage_db: is no path"),
        (GOOD + "usage_days: 0", "c:5: usage_days: 0 is out of range"),
        (GOOD + "data_dir: no", 'c:5: data_dir: "no" is no directory: to keep nothing on disk write `none`'),
        (GOOD + 'data_dir: "a\\0b"', "c:5: data_dir: holds a character that no path can have"),
        (GOOD + "store: {max_mb: 32, max_mb_per_key: 65}", "c:5: warning: store.max_mb_per_key: is more than the room"),
        (GOOD + "store: {ttl_days: 0}", "c:5: store.ttl_days: 0 is out of range"),
    ],
)
def test_what_is_wrong_is_placed(text: str, expected: str) -> None:
    assert any(expected in line for line in said(text)), said(text)


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "aliases: {a: m}\nkeys:\n  - key: sk-0123456789abcdef\n    models: [a, m]",
        "listen: :8080\n" + GOOD + "keys:\n  - key: sk-0123456789abcdef",
        GOOD + f"keys:\n  - key_hash: sha256:{'0a' * 32}",
        GOOD + "    processors: {vision: none}",
        GOOD + "store: {max_mb: 32}",
        "models:\n  - name: m\n    backends:\n    - {url: http://a/v1, api_key: x}\n    - {url: http://a/v1, api_key: y}",
    ],
)
def test_what_is_right_has_no_mistake(text: str) -> None:
    assert load_bytes(text.encode(), {}).config is not None


def test_a_mistake_has_no_echoes() -> None:
    """A list of keys that cannot be read is one mistake, not a public address without keys as well."""
    assert len(said("listen: :8080\n" + GOOD + "keys: sk-0123456789abcdef")) == 1
    assert len(said("models:\n  - name: m\n    backends: {url: x}")) == 1
    assert len(said("models:\n  - backend: http://a/v1\n  - backend: http://a/v1")) == 2
