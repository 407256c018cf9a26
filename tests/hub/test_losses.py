"""What cannot be carried is silent, warned of or refused, as the model's policy says."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.losses import Loss, Losses, Policy
from dragoman.hub.problems import Problem

ALL: Final[tuple[Policy, ...]] = ("honest", "strict", "lenient")


@pytest.mark.parametrize("policy", ALL)
def test_silent_losses_are_only_noted(policy: Policy) -> None:
    losses = Losses(policy)
    losses.silent("user", "not sent")
    assert losses.noted == [Loss("user", "not sent", warned=False)]
    assert losses.header() == ""


def test_warned_losses_are_refused_by_the_strict() -> None:
    losses = Losses()
    losses.warn("seed", "has no seed")
    losses.warn("seed", "has no seed")
    losses.warn("logprobs", "has none")
    assert losses.header() == "seed, logprobs"
    with pytest.raises(Problem, match=r"seed: has no seed \(this model is set to `on_loss: strict`\)") as caught:
        Losses("strict").warn("seed", "has no seed")
    assert (caught.value.kind, caught.value.param) == ("unsupported", "seed")


@pytest.mark.parametrize("policy", ALL)
def test_refused_losses_are_warned_of_by_the_lenient_where_possible(policy: Policy) -> None:
    losses = Losses(policy)
    if policy == "lenient":
        losses.refuse("messages[0]", "no images", lenient=True)
        assert losses.header() == "messages[0]"
    with pytest.raises(Problem, match="audio: no sound"):
        losses.refuse("audio", "no sound")
    with pytest.raises(Problem):
        Losses("honest").refuse("audio", "no sound", lenient=True)


@given(st.lists(st.text(max_size=400), max_size=8))
def test_the_header_can_be_sent_whatever_the_client_wrote(paths: list[str]) -> None:
    losses = Losses()
    for path in paths:
        losses.warn(path, "why")
    said = losses.header()
    assert len(said) <= 1000
    assert said.isascii()
    assert said.isprintable()
    names = said.split(", ") if said else []
    assert names == [n for n in names if any(len(n) == len(path) for path in paths)]


def test_names_that_do_not_fit_are_left_out_whole() -> None:
    losses = Losses()
    for letter in "abc":
        losses.warn(letter * 400, "why")
    assert losses.header() == f"{'a' * 400}, {'b' * 400}"
