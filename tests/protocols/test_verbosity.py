"""A wish that OpenAI's two dialects have a word for."""

from typing import Any, Final

import pytest

from dragoman.hub.request import Dialect
from dragoman.hub.route import Profile
from dragoman.protocols.fields import WrongFieldError
from tests.asking import C, M, R, asked

TAKES: Final = Profile(verbosity=True)
LEAVES: Final = Profile()
BODIES: Final[dict[Dialect, dict[str, Any]]] = {
    C: {"messages": [{"role": "user", "content": "a"}]},
    R: {"input": "a"},
}


def said(client: Dialect, word: object) -> dict[str, Any]:
    return BODIES[client] | ({"verbosity": word} if client == C else {"text": {"verbosity": word}})


@pytest.mark.parametrize("word", ["low", "medium", "high"])
@pytest.mark.parametrize("profile", [TAKES, LEAVES], ids=["takes", "leaves"])
def test_it_crosses_to_who_takes_it(profile: Profile, word: str) -> None:
    takes = profile.verbosity
    assert asked(R, said(R, word), C, profile).body.get("verbosity") == (word if takes else None)
    assert asked(C, said(C, word), R, profile).body.get("text") == ({"verbosity": word} if takes else None)
    # Its own dialect's backend judges for itself.
    assert asked(C, said(C, word), C, profile).body["verbosity"] == word
    assert asked(R, said(R, word), R, profile).body["text"] == {"verbosity": word}


def test_the_form_of_the_answer_stands_beside_it() -> None:
    body = said(C, "low") | {"response_format": {"type": "json_object"}}
    assert asked(C, body, R, TAKES).body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    body = {"input": "a", "text": {"format": {"type": "json_object"}, "verbosity": "low"}}
    sent = asked(R, body, C, TAKES).body
    assert (sent["response_format"], sent["verbosity"]) == ({"type": "json_object"}, "low")


@pytest.mark.parametrize(
    ("client", "backend", "losses"),
    [
        (C, R, {"verbosity": True}),
        (C, M, {"verbosity": True}),
        (R, C, {"text.verbosity": False}),
        (R, M, {"text.verbosity": False}),
    ],
)
def test_what_leaves_it_is_told_of(client: Dialect, backend: Dialect, losses: dict[str, bool]) -> None:
    assert asked(client, said(client, "low"), backend, LEAVES).losses.items() >= losses.items()
    if backend != M:
        assert not asked(client, said(client, "low"), backend, TAKES).losses.keys() & losses.keys()
    if client == R:  # what is usual is missed by nobody
        assert "text.verbosity" not in asked(client, said(client, "medium"), backend, LEAVES).losses


@pytest.mark.parametrize("client", [C, R])
def test_no_word_at_all_is_the_clients_mistake(client: Dialect) -> None:
    with pytest.raises(WrongFieldError, match="verbosity"):
        asked(client, said(client, 7), M, LEAVES)
