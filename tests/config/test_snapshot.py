"""Who may come in, and what they may ask for."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.load import load_bytes
from dragoman.config.schema import KeyConfig
from dragoman.config.snapshot import ConfigSource, Key, Snapshot
from dragoman.hub.problems import Problem

TEXT = f"""\
models:
  - {{name: big, backend: http://a/v1}}
  - {{name: small, backend: http://b/v1}}
aliases: {{gpt: big, mini: small}}
keys:
  - {{key: sk-admin-0123456789, name: admin}}
  - {{key: sk-guest-0123456789, name: guest, models: [small]}}
  - {{key: sk-alias-0123456789, models: [gpt]}}
  - {{key_hash: {hashlib.sha256(b"sk-hashed-0123456789").hexdigest()}, name: hashed}}
"""


def snapshot(text: str = TEXT) -> Snapshot:
    config = load_bytes(text.encode(), {}).config
    assert config is not None
    return Snapshot.of(config)


def test_keys_are_known_by_themselves_or_by_their_hash() -> None:
    assert snapshot().admit("sk-admin-0123456789").name == "admin"
    assert snapshot().admit("sk-hashed-0123456789").name == "hashed"


@pytest.mark.parametrize("token", [None, ""])
def test_a_missing_key_is_told_where_to_put_it(token: str | None) -> None:
    with pytest.raises(Problem, match="No API key was given: send it as `Authorization: Bearer") as raised:
        snapshot().admit(token)
    assert (raised.value.kind, raised.value.status) == ("unauthorized", 401)


@given(st.text(st.characters(), min_size=1))
def test_other_keys_are_refused(token: str) -> None:
    with pytest.raises(Problem, match="not known here"):
        snapshot().admit(token)


def test_all_digests_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(known: bytes, said: bytes) -> bool:
        compared.append(known)
        return known == said

    monkeypatch.setattr("hmac.compare_digest", compare)
    assert snapshot().admit("sk-admin-0123456789").name == "admin"
    assert len(compared) == 4


def test_without_keys_everybody_may_use_everything() -> None:
    key = snapshot("models:\n- {name: big, backend: http://a/v1}").admit(None)
    assert key == Key("anonymous")
    assert key.may_use("big")


def test_a_key_that_cannot_be_read_lets_nobody_in() -> None:
    """Such a file does not pass the checks; if it did, it must not count as one without keys."""
    config = msgspec.structs.replace(snapshot().config, keys=(KeyConfig(),))
    with pytest.raises(Problem, match="not known here"):
        Snapshot.of(config).admit("anything")


def test_a_key_may_use_its_models_and_their_aliases() -> None:
    frozen = snapshot()
    guest, alias = frozen.admit("sk-guest-0123456789"), frozen.admit("sk-alias-0123456789")
    assert [guest.may_use(name) for name in ("small", "mini", "big", "gpt", "none")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [alias.may_use(name) for name in ("small", "mini", "big", "gpt")] == [False, False, True, True]
    assert [model.name for model in frozen.models_for(guest)] == ["small"]
    assert {name: model.name for name, model in frozen.aliases_for(guest).items()} == {"mini": "small"}
    assert [model.name for model in frozen.models_for(frozen.admit("sk-admin-0123456789"))] == ["big", "small"]


def test_models_are_found_by_name_and_alias() -> None:
    frozen = snapshot()
    assert frozen.model("gpt") is frozen.model("big") is frozen.config.models[0]
    assert frozen.model("GPT") is None


def test_fingerprints_are_those_of_the_ledger() -> None:
    key = snapshot().admit("sk-alias-0123456789")
    digest = hashlib.sha256(b"sk-alias-0123456789").hexdigest()
    assert key.fingerprint == digest[:16]
    assert key.name == digest[:8]


def test_replacing_the_snapshot_leaves_the_old_one_alone() -> None:
    old, new = snapshot(), snapshot("models:\n- {name: other, backend: http://a/v1}")
    source = ConfigSource(old)
    source.current = new
    assert source.current.model("other") is not None
    assert old.model("big") is not None


def test_an_open_alias_takes_what_begins_so_and_is_no_other_name() -> None:
    frozen = snapshot(
        "models:\n- {name: big, backend: http://a/v1}\n- {name: small, backend: http://a/v1}\n"
        "- {name: claude-x, backend: http://a/v1}\n"
        "aliases: {'claude-*': big, 'claude-haiku-*': small, claude-haiku-4: big}\n"
        "keys: [{key: sk-guest-0123456789, models: [small]}]"
    )
    guest = frozen.admit("sk-guest-0123456789")
    asked = ("claude-opus-5", "claude-haiku-9", "claude-haiku-4", "claude-x", "claude-", "gpt", "claud")
    found = [frozen.model(name) for name in asked]
    assert [model and model.name for model in found] == ["big", "small", "big", "claude-x", "big", None, None]
    assert [frozen.may_use(guest, name) for name in asked] == [False, True, False, False, False, False, False]
    assert frozen.aliases_for(guest) == {}
    assert frozen.names_for(guest) == ["small"]
