"""Which signatures a backend has refused is remembered, of those it was shown, and not for ever."""

import pytest

from dragoman.hub.problems import Kind, Problem
from dragoman.hub.route import Backend, Secret
from dragoman.routing.refused_seals import RefusedSeals

REFUSAL = Problem("bad_request", "Invalid `signature` in `thinking` block")
HERE, THERE = (Backend(f"http://{name}", Secret(""), "anthropic-messages") for name in ("here", "there"))


def body(*seals: str) -> bytes:
    return b"[%b]" % b",".join(b'{"signature": "%b"}' % seal.encode() for seal in seals)


def test_what_one_backend_has_refused_it_refuses_again_and_another_may_not() -> None:
    refused = RefusedSeals()
    assert not refused.of
    assert refused.learn(REFUSAL, HERE.url, body("a", "b"))
    assert refused.of
    assert refused.are_in(body("c", "b"), [THERE, HERE])
    assert not refused.are_in(body("c"), [HERE])
    assert not refused.are_in(body("a"), [THERE])
    assert [refused.hold(seal, [THERE, HERE]) for seal in ("a", "b", "c")] == [True, True, False]
    refused.clear()
    assert not refused.of


def test_what_nobody_has_signed_is_refused_as_one() -> None:
    refused = RefusedSeals()
    assert refused.learn(REFUSAL, HERE.url, body(""))
    assert refused.are_in(b'{"signature" : ""}', [HERE])


@pytest.mark.parametrize(
    ("kind", "said", "of"),
    [
        ("bad_request", "max_tokens is too large", body("a")),
        ("overloaded", "no signature today", body("a")),
        ("bad_request", "the signature of the request is wrong", b"{}"),
    ],
    ids=["another field", "another kind", "nothing signed"],
)
def test_other_refusals_teach_nothing(kind: Kind, said: str, of: bytes) -> None:
    refused = RefusedSeals()
    assert not refused.learn(Problem(kind, said), HERE.url, of)
    assert not refused.of


def test_the_oldest_are_forgotten() -> None:
    refused = RefusedSeals()
    for number in range(3):
        refused.learn(REFUSAL, HERE.url, body(*(f"{number}-{each}" for each in range(2_000))))
    assert not refused.hold("0-0", [HERE])
    assert refused.hold("2-1999", [HERE])
