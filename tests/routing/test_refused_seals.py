"""Which signatures a backend has refused is remembered, of those it was shown, and not for ever."""

import pytest

from dragoman.hub.problems import Kind, Problem
from dragoman.hub.route import Backend, Secret
from dragoman.routing.refused_seals import RefusedSeals, seals_in

REFUSAL = Problem("bad_request", "Invalid `signature` in `thinking` block")
HERE, THERE = (Backend(f"http://{name}", Secret(""), "anthropic-messages") for name in ("here", "there"))
HERE_AT, THERE_AT = ((backend.url, backend.key) for backend in (HERE, THERE))
OTHERS = [
    "The encrypted content gAAA...DQ== could not be verified.",
    "The encrypted content for item rs_1 could not be verified. Reason: organization_id did not match.",
    "Could not decrypt the provided encrypted_content. Ensure the value is unmodified.",
]


def body(*seals: str) -> bytes:
    return b"[%b]" % b",".join(b'{"signature": "%b"}' % seal.encode() for seal in seals)


def test_what_one_backend_has_refused_it_refuses_again_and_another_may_not() -> None:
    refused = RefusedSeals()
    assert not refused.of
    assert refused.learn(REFUSAL, HERE_AT, seals_in(body("a", "b")))
    assert refused.of
    assert refused.are_in(body("c", "b"), [THERE, HERE])
    assert not refused.are_in(body("c"), [HERE])
    assert not refused.are_in(body("a"), [THERE])
    assert [refused.hold(seal, HERE_AT) for seal in ("a", "b", "c")] == [True, True, False]
    assert not refused.hold("a", THERE_AT)
    refused.clear()
    assert not refused.of


def test_what_nobody_has_signed_is_refused_as_one() -> None:
    refused = RefusedSeals()
    assert refused.learn(REFUSAL, HERE_AT, [""])
    assert refused.are_in(b'{"signature" : ""}', [HERE])


@pytest.mark.parametrize("said", OTHERS)
def test_what_cannot_be_decrypted_is_refused_as_well(said: str) -> None:
    refused = RefusedSeals()
    sent = b'{"type": "reasoning", "encrypted_content": "gAAA=="}'
    assert refused.learn(Problem("bad_request", said), HERE_AT, seals_in(sent))
    assert refused.are_in(sent, [HERE])


@pytest.mark.parametrize(
    ("kind", "said", "of"),
    [
        ("bad_request", "max_tokens is too large", body("a")),
        ("overloaded", "no signature today", body("a")),
        ("bad_request", "the signature of the request is wrong", b"{}"),
        ("bad_request", "Encrypted content is not supported with this model.", body("a")),
    ],
    ids=["another field", "another kind", "nothing signed", "another word about it"],
)
def test_other_refusals_teach_nothing(kind: Kind, said: str, of: bytes) -> None:
    refused = RefusedSeals()
    assert not refused.learn(Problem(kind, said), HERE_AT, seals_in(of))
    assert not refused.of


def test_the_oldest_are_forgotten() -> None:
    refused = RefusedSeals()
    for number in range(3):
        refused.learn(REFUSAL, HERE_AT, [f"{number}-{each}" for each in range(2_000)])
    assert not refused.hold("0-0", HERE_AT)
    assert refused.hold("2-1999", HERE_AT)
