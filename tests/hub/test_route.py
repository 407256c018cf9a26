"""What a route carries: secrets that do not print."""

from typing import Any

from dragoman.hub.request import Dialect
from dragoman.hub.route import Backend, Profile, Secret


def test_a_secret_does_not_print() -> None:
    backend = Backend("http://127.0.0.1", Secret("sk-real"), "openai-chat")
    assert "sk-real" not in f"{backend!r} {backend}"
    assert repr(Secret("sk-real")) == "***"
    assert repr(Secret("")) == "(none)"
    assert Secret("sk-real").reveal() == "sk-real"


def test_secrets_are_equal_by_what_they_hide() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a")
    assert not Secret("")


def test_a_profile_says_what_each_field_is_for() -> None:
    explained = Profile.__doc__ or ""
    assert [name for name in Profile.__struct_fields__ if f"{name}: " not in explained] == []


def test_reasoning_is_sealed_where_it_is_wanted_back() -> None:
    def backend(dialect: Dialect, **known: Any) -> Backend:
        return Backend("http://127.0.0.1", Secret(""), dialect, Profile(**known))

    assert backend("anthropic-messages").seals
    assert backend("openai-chat", reasoning_history="all").seals
    assert not backend("openai-chat").seals
