"""What the structs say of themselves in the words of `hub`, and that every field is documented."""

import hashlib
from typing import Annotated, get_args, get_origin

import msgspec
import pytest
from msgspec import Struct

from dragoman.config import schema
from dragoman.config.about import About
from dragoman.config.durations import Seconds
from dragoman.config.schema import BackendConfig, Config, DefaultsConfig, KeyConfig, ModelConfig
from dragoman.hub.request import Sampling
from dragoman.hub.route import Defaults, Secret, Timeouts

STRUCTS = [
    kind
    for kind in vars(schema).values()
    if isinstance(kind, type) and issubclass(kind, Struct) and kind.__name__.endswith("Config")
]


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_field_is_documented(struct: type[Struct]) -> None:
    assert struct.__doc__
    for field in msgspec.structs.fields(struct):
        assert get_origin(field.type) is Annotated, field.name
        about = get_args(field.type)[1]
        assert isinstance(about, About)
        assert about.text.endswith("."), field.name


def test_timeouts() -> None:
    assert ModelConfig(name="m").timeouts == Timeouts(connect=10, first_byte=600, idle=300)
    model = ModelConfig(name="m", timeout=Seconds(0), idle_timeout=Seconds(7))
    assert model.timeouts == Timeouts(connect=10, first_byte=600, idle=7)


def test_defaults() -> None:
    config = DefaultsConfig(temperature=0.5, top_k=4, max_new_tokens=9, reasoning_effort="low", stop=("x",))
    assert config.wishes == Defaults(Sampling(temperature=0.5, top_k=4), 9, "low", ("x",))


def test_the_largest_body() -> None:
    assert Config().max_body_bytes == 64 * 2**20
    assert Config(max_body_mb=0.5).max_body_bytes == 2**19


def test_the_name_the_backend_knows() -> None:
    assert ModelConfig(name="m").backend_model == "m"
    assert ModelConfig(name="m", model="org/m").backend_model == "org/m"


def test_disabled_backends_are_out_of_service() -> None:
    on, off = BackendConfig(url="http://a"), BackendConfig(url="http://b", disabled=True)
    assert ModelConfig(name="m", backends=(off, on)).in_service == (on,)


def test_a_key_and_its_hash_are_the_same_key() -> None:
    digest = hashlib.sha256(b"sk-1").hexdigest()
    keys = [Secret(digest), Secret(f"sha256:{digest}"), Secret(digest.upper()), Secret(f" SHA256:{digest} ")]
    assert {KeyConfig(key_hash=key).digest for key in keys} == {KeyConfig(key=Secret("sk-1")).digest}
    assert KeyConfig(key_hash=Secret("sha256:abc")).digest is None
    assert KeyConfig().digest is None


def test_secrets_do_not_print() -> None:
    assert "sk-1" not in repr(KeyConfig(key=Secret("sk-1")))
