"""Whole files: those of go-llm-proxy load as they are, and nothing raises."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.findings import lineage
from dragoman.config.load import Loaded, load_bytes, load_file
from dragoman.config.schema import Config

NEWER = """\
listen: ":8080"
models:
  - name: my-model
    backends:
      - url: http://192.168.1.10:8000/v1
        api_key: backend-key
        weight: 2
        max_inflight: 8
      - url: http://192.168.1.11:8000/v1
        disabled: true
    model: actual-model-name
    timeout: 300
    context_window: 131072
    supports_vision: false
    responses_mode: auto
    messages_mode: auto
    defaults:
      temperature: 0.7
      max_new_tokens: 4096
      frequency_penalty: 0.3
      presence_penalty: 0.0
      reasoning_effort: medium
  - name: claude-sonnet-4
    backends:
      - url: https://api.anthropic.com
        api_key: sk-ant-key
    type: anthropic
  - name: my-vision-model
    backends: [{url: https://api.z.ai/api/coding/paas/v4}]
    processors: {vision: none}
processors:
  vision: my-vision-model
  web_search_key: tvly-key
audio:
  whisper:
    name: whisper-large-v3-turbo
    model: /models/faster-whisper-large-v3-turbo
    timeout: 300
    backends:
      - url: http://192.168.13.30:8007/v1
documents:
  paddleocr:
    endpoint: /layout-parsing
    health_endpoint: /health
    timeout: 300
    backends:
      - url: http://192.168.13.30:8002
services:
  qdrant:
    backend: http://192.168.5.143:6333
    api_key: qdrant-key
    app_keys:
      - {name: webapp, key: qd-webapp-abc123}
aliases:
  gpt-5: my-model
keys:
  - key: sk-0123456789abcdef
    name: admin
    # models: []
  - key: sk-fedcba9876543210
    name: guest
    models: [my-model]
serve_config_generator: true
log_metrics: true
usage_db: usage.db
usage_dashboard: true
usage_dashboard_password: change-me
admin_password: change-me-too
trusted_proxies:
  - "127.0.0.1"
  - "172.17.0.0/16"
"""

OLDER = """\
listen: 127.0.0.1:8080
models:
  - name: MiniMax-M2.5
    backend: http://192.168.13.32:8000/v1
    api_key: your-backend-key
    model: internal-model-name
    responses_mode: translate
    timeout: 600
  - name: Qwen3-VL-8B
    backend: http://192.168.13.30:8000/v1
    supports_vision: true
processors:
  vision: Qwen3-VL-8B
  ocr: Qwen3-VL-8B
keys: []
"""

OLDEST = """\
listen: :8080
pools:
  - name: glm
    backends:
      - url: http://cn3:8000/v1
      - url: http://cn4:8000/v1
        api_key: backend-key
models:
  - name: GLM
    pool: glm
    api_key: shared-key
keys:
  - key: sk-0123456789abcdef
"""


def load(text: str, env: dict[str, str] | None = None) -> Loaded:
    return load_bytes(text.encode(), env or {})


def config(text: str, env: dict[str, str] | None = None) -> Config:
    loaded = load(text, env)
    assert loaded.config is not None, loaded.findings
    return loaded.config


@pytest.mark.parametrize("text", [NEWER, OLDER, OLDEST])
def test_files_of_go_llm_proxy_load_as_they_are(text: str) -> None:
    loaded = load(text)
    assert loaded.config is not None, loaded.findings
    assert {finding.level for finding in loaded.findings} <= {"notice"}


def test_what_such_a_file_means() -> None:
    read = config(NEWER)
    model = read.models[0]
    assert not read.listen.is_loopback
    assert (model.backend_model, model.timeouts.first_byte, model.supports_vision) == ("actual-model-name", 300, False)
    assert [backend.url for backend in model.in_service] == ["http://192.168.1.10:8000/v1"]
    assert model.defaults.wishes.sampling.presence_penalty == 0
    assert read.aliases == {"gpt-5": "my-model"}
    assert [backend.api_key.reveal() for backend in config(OLDEST).models[0].backends] == ["shared-key", "backend-key"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"- name: m\n", "holds a list: it must be a mapping"),
        (b"models\n", "holds a single value: it must be a mapping"),
        (b"models:\n  - name: \xff\n", "is not UTF-8 text"),
        ("models: []".encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_what_is_no_configuration(data: bytes, expected: str) -> None:
    loaded = load_bytes(data, {})
    assert loaded.config is None
    assert expected in loaded.findings[0].message


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert load_bytes(b"\xef\xbb\xbf" + OLDER.encode(), {}).config is not None


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    assert "there is no such file" in load_file(path, {}).findings[0].message
    assert "is a directory" in load_file(tmp_path, {}).findings[0].message
    assert "is not a file name" in load_file("a\0b", {}).findings[0].message
    assert "cannot be read" in load_file("x" * 5000, {}).findings[0].message
    path.write_text(OLDER)
    assert load_file(path, {}) == load(OLDER)
    assert load_file(str(path), {}).digest != b""


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "may not be read" in load_file(tmp_path / "config.yaml", {}).findings[0].message


def test_variables() -> None:
    text = "models:\n- {name: m, backends: [{url: 'http://${HOST:-a}/v1', api_key: '${KEY}'}]}"
    backend = config(text, {"KEY": "k"}).models[0].backends[0]
    assert (backend.url, backend.api_key.reveal()) == ("http://a/v1", "k")
    assert "variable KEY is not set" in load(text).findings[0].message


@pytest.mark.parametrize(
    "text",
    [
        "models: [{name: m, backends: ['http://a/v1']}]\nkeys: [{key: '${KEY}'}]",
        "models: [{name: m, backends: ['http://a/v1']}]\nkeys: [{key_hash: '${KEY}'}]",
        "models: [{name: m, backend: '${KEY}'}]",
        "models: [{name: m, pool: '${KEY}'}]",
    ],
)
def test_what_could_not_be_read_is_not_missing_as_well(text: str) -> None:
    assert ["variable KEY is not set" in finding.message for finding in load(text).findings] == [True]


def test_passwords_may_come_from_the_environment_and_the_file_wins() -> None:
    env = {"GO_LLM_ADMIN_PASSWORD": "go", "GO_LLM_USAGE_DASHBOARD_PASSWORD": "dash"}
    read = config(OLDER, env)
    assert (read.admin_password.reveal(), read.usage_dashboard_password.reveal()) == ("go", "dash")
    assert config(OLDER, env | {"DRAGOMAN_ADMIN_PASSWORD": "own"}).admin_password.reveal() == "own"
    assert config(OLDER + "admin_password: file\n", env).admin_password.reveal() == "file"
    assert not config(OLDER).admin_password


# Every path that can be wrong by itself in NEWER: put a list of a list in its place, and something is said there.
PLACES = [number for number, line in enumerate(NEWER.splitlines()) if re.match(r"[- ]*[a-z_]+: [^\[{]", line)]


@pytest.mark.parametrize("number", PLACES)
def test_every_mistake_names_its_path_and_line(number: int) -> None:
    lines = NEWER.splitlines()
    before, _, _ = lines[number].partition(": ")
    lines[number] = f"{before}: [[1]]"
    errors = [finding for finding in load("\n".join(lines)).findings if finding.level == "error"]
    field = before.replace("-", "").strip()
    assert any(
        error.line == number + 1 and any(part.endswith(field) for part in lineage(error.path)) for error in errors
    )


words = st.sampled_from(
    [
        "models",
        "keys",
        "name",
        "backends",
        "backend",
        "url",
        "api_key",
        "pool",
        "pools",
        "profile",
        "defaults",
        "stop",
        "listen",
        "aliases",
        "processors",
        "timeout",
        "type",
        "http://a/v1",
        "x",
        "1",
        "-1",
        "yes",
        "${A}",
        "~",
        "<<",
        "&a",
        "*a",
        "!t",
        "key",
        "key_hash",
        "trusted_proxies",
        "services",
        "qdrant",
        "audio",
        "tts",
    ]
)
values = st.recursive(
    st.one_of(words, st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=4)),
    max_leaves=20,
)
pieces = st.one_of(
    words,
    st.sampled_from([": ", "\n", "\n  ", "\n  - ", "- ", "[", "]", "{", "}", ", ", "'", '"', "#", "|", ">", "%", "? "]),
)


@given(st.one_of(values.map(repr), st.lists(pieces, max_size=40).map("".join), st.text()))
def test_any_text_returns_findings(text: str) -> None:
    loaded = load_bytes(text.encode("utf-8", "surrogatepass"), {"A": "1"})
    assert (loaded.config is None) == any(finding.level == "error" for finding in loaded.findings)
    assert all(finding.message for finding in loaded.findings)


@given(st.binary())
def test_any_bytes_return_findings(data: bytes) -> None:
    loaded = load_bytes(data, {})
    assert loaded.config is None
    assert loaded.findings


@given(st.dictionaries(st.sampled_from(Config.__struct_fields__), values))
def test_any_value_in_any_field_returns_findings(fields: dict[str, object]) -> None:
    load("".join(f"{name}: {value!r}\n" for name, value in fields.items()))


@given(st.integers(0, len(NEWER)), st.integers(0, len(NEWER)))
def test_any_piece_of_a_file_returns_findings(start: int, end: int) -> None:
    load(NEWER[start:end])


def test_no_finding_repeats_a_secret() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(
            "listen: :8080\nmodels: [{name: m, backend: 'http://u:hush@a/v1'}]\nkeys: [{key: hush}, {key: hush}]"
        )
        assert "hush" not in repr(load_file(path, {}))
