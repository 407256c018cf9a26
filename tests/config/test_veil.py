"""Secrets stay where they are: what is shown has none, and what is saved has all."""

from collections.abc import Iterator
from typing import Any, Final, get_args, get_type_hints

import msgspec
import pytest

from dragoman.config.load import load_bytes
from dragoman.config.schema import Config
from dragoman.config.veil import _NAMES_ONE, VeilError, unveiled, veiled
from dragoman.hub.route import Secret

FILE: Final = """\
# Ours. api_key: sk-commented-out
models:
  - name: m
    api_key: sk-of-the-model  # the good one
    backends:
      - {url: http://127.0.0.1:9/v1, api_key: "sk-of-the-backend"}
      - url: http://127.0.0.1:8/v1
        api_key: ${BACKEND_KEY}
      - url: http://127.0.0.1:7/v1
        api_key: ${OTHER_KEY:-sk-that-stands-in}
keys:
  - {name: ann, key: 'sk-aaaaaaaaaaaaaaaa'}
  # - {name: old, key: "sk-oooooooooooooooo"}
  - name: bob
    key: >-
      sk-bbbbbbbbbbbbbbbb
    models: [m]
usage_dashboard_password: correct horse battery
admin_password: ${ADMIN}
"""
SECRETS: Final = (
    "sk-commented-out",
    "sk-of-the-model",
    "sk-of-the-backend",
    "sk-that-stands-in",
    "sk-aaaaaaaaaaaaaaaa",
    "sk-oooooooooooooooo",
    "sk-bbbbbbbbbbbbbbbb",
    "correct horse battery",
)
ENVIRONMENT: Final = {"BACKEND_KEY": "sk-b", "ADMIN": "a long password"}


def said(text: str) -> Config:
    loaded = load_bytes(text.encode(), ENVIRONMENT)
    assert loaded.config is not None, loaded.findings
    return loaded.config


def secret_fields(kind: Any) -> Iterator[str]:
    """The names of all fields that hold a secret."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for name, hint in get_type_hints(kind).items():
            if hint is Secret:
                yield name
            yield from secret_fields(hint)
    for part in get_args(kind):
        yield from secret_fields(part)


def test_no_secret_is_shown_and_everything_else_is() -> None:
    shown = veiled(FILE)
    assert [secret for secret in SECRETS if secret in shown] == []
    assert "${BACKEND_KEY}" in shown
    assert "${ADMIN}" in shown
    assert "# the good one" in shown
    assert shown.count("hidden-secret-") == len(SECRETS)
    assert "    models: [m]" in shown.splitlines()


def test_what_nobody_touched_says_the_same() -> None:
    back = unveiled(veiled(FILE), FILE)
    assert said(back) == said(FILE)
    one_line = FILE.replace(">-\n      sk-bbbbbbbbbbbbbbbb", '"sk-bbbbbbbbbbbbbbbb"')
    assert back == one_line
    assert unveiled(veiled(one_line), one_line) == one_line


def test_every_secret_of_a_configuration_has_a_name_that_is_known_for_one() -> None:
    names = set(secret_fields(Config))
    assert "admin_password" in names
    assert {name for name in names if not _NAMES_ONE.fullmatch(name)} == set()


def test_what_only_counts_them_is_shown() -> None:
    text = "store: {max_mb_per_key: 5}\nmodels: [{max_output_tokens: 9, defaults: {max_new_tokens: 7}}]\n"
    assert veiled(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "# - {name: old, key: SECRET-ONE, other_key: SECRET-TWO}\n",
        '# admin_password: "SECRET#SECRET"\n',
        "# - key: 'it''s SECRET'  # and more\n",
        "# admin_password: correct SECRET, or SECRET\n",
        "# export OPENAI_API_KEY=SECRET-KEY\n",
        "# Authorization: Bearer SECRET\n",
        "# keys:\n#   - sk-SECRETSECRETSECRET\n",
        "# backend: http://me:SECRET@there/v1\n",
        "models: [{name: m, backends: ['http://me:SECRET@there/v1']}]\n",
        "x-url: ${URL:-http://me:SECRET@there/v1}\n",
        "x-key: ${A:-sk-SECRETSECRETSECRET}\n",
        "keys: SECRET\n",
        "keys: {ann: SECRET}\n",
        "metrics_token: [SECRET]\n",
        "metrics_token: {value: SECRET}\n",
        "apiKey: SECRET\nAPI-KEY: SECRET\npasswd: SECRET\n",
        "admin_password: !!null SECRET\n",
        'admin_password: "a # key: SECRETSECRET # key: SECRETSECRET SECRET"\n',
        '{"x": "a # key: ", "key": "SECRET"}\n',
        "x: |  # key: SECRETSECRET\n  # key: SECRETSECRET\n",
    ],
)
def test_however_it_is_written(text: str) -> None:
    shown = veiled(text)
    assert "SECRET" not in shown
    assert unveiled(shown, text) == text


def test_what_is_shared_stays_shared() -> None:
    text = "x: 1\nkeys:\n  - key: &k !!str |-\n      SECRET\n    name: ann\nmetrics_token: *k\n"
    shown = veiled(text)
    assert shown == "x: 1\nkeys:\n  - key: &k !!str hidden-secret-1\n    name: ann\nmetrics_token: *k\n"
    assert unveiled(shown, text) == text.replace("|-\n      SECRET", '"SECRET"')


@pytest.mark.parametrize(
    "edited", ["name: hidden-secret-1\n", "usage_dashboard: hidden-secret-1\n", "# hidden-secret-1\n"]
)
def test_a_secret_comes_back_only_where_it_is_hidden_again(edited: str) -> None:
    """Messages quote what stands in the place of a switch, and pages show names."""
    with pytest.raises(VeilError, match="line 2: hidden-secret-1 would be seen"):
        unveiled("a: 1\n" + edited, "key: opens-everything\n")


def test_a_secret_may_be_commented_out() -> None:
    assert unveiled("#  - key: hidden-secret-1\n", "key: opens everything\n") == "#  - key: opens everything\n"


def test_a_long_line_of_marks_takes_no_time() -> None:
    text = "a: 1 " + "# key " * 20_000 + "\n"
    assert veiled(text) == text


def test_a_secret_may_move_be_said_twice_and_be_replaced() -> None:
    shown = veiled("keys: [{name: a, key: sk-aaaaaaaaaaaaaaaa}]\n")
    assert shown == "keys: [{name: a, key: hidden-secret-1}]\n"
    edited = "keys:\n- key: sk-new\n- key: hidden-secret-1\n- key: hidden-secret-1\n"
    back = unveiled(edited, "keys: [{name: a, key: sk-aaaaaaaaaaaaaaaa}]\n")
    assert back == "keys:\n- key: sk-new\n- key: sk-aaaaaaaaaaaaaaaa\n- key: sk-aaaaaaaaaaaaaaaa\n"


@pytest.mark.parametrize("number", [0, 2, 10**30])
def test_a_name_that_hides_nothing_is_told(number: int) -> None:
    with pytest.raises(VeilError, match=f"hidden-secret-{number} is not the name"):
        unveiled(f"key: hidden-secret-{number}\n", "key: sk-a\n")


def test_a_text_that_has_such_names_itself_gets_others() -> None:
    text = "key: hidden-secret-9\nname: hidden-secret-x-1\n"
    shown = veiled(text)
    assert "hidden-secret-9" not in shown
    assert unveiled(shown, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "keys:\n",
        "key: null\n",
        "key: ''\n",
        "a: &a {key: sk-a}\nb: *a\nc: {<<: *a}\n",
        "a: &a sk-a\nb: {key: *a}\n",
        "b: {key: &a sk-a}\nc: *a\n",
        "keys: [sk-a, sk-b]\n",
        '{"keys": [{"key": "sk-a"}]}',
        "key: sk-a\r\nname: b\r\n",
        "key: sk-a # key: sk-b\n",
        "name: 'a # key: sk-b'\n",
        "- key: sk-a\n",
        "? {a: b}\n: c\n",
    ],
)
def test_round_trip(text: str) -> None:
    shown = veiled(text)
    assert "sk-" not in shown
    assert unveiled(shown, text) == text
