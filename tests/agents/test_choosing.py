"""From names to a model for each slot."""

from typing import Final

import pytest

from dragoman.agents import AGENTS, BY_NAME
from dragoman.agents.agent import Agent, Model
from dragoman.agents.choosing import UnknownModelError, chosen, models_in

KNOWN: Final = (Model("a", 1000), Model("b", 2000), Model("c", 3000))


def names(models: tuple[Model, ...]) -> list[str]:
    return [model.name for model in models]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_nothing_said_is_the_first_model_everywhere(agent: Agent) -> None:
    models, slots = chosen(agent, [], KNOWN)
    assert models[0] == KNOWN[0]
    assert slots == {}
    assert names(models) == (["a", "b", "c"] if agent.several else ["a"])


def test_names_go_into_the_slots_in_their_order() -> None:
    models, slots = chosen(BY_NAME["claude"], ["b", "c", "a"], KNOWN)
    assert names(models) == ["b", "c", "a"]
    assert slots == {"opus": "c", "haiku": "a"}


def test_slots_by_name() -> None:
    models, slots = chosen(BY_NAME["claude"], ["haiku=c", "b", "subagent=b"], KNOWN)
    assert names(models) == ["b", "c"]
    assert slots == {"haiku": "c", "subagent": "b"}
    models, slots = chosen(BY_NAME["opencode"], ["build=b", "small=c"], KNOWN)
    assert names(models) == ["b", "c", "a"]
    assert slots == {"small": "c"}


def test_several_that_are_named_are_all_there_are() -> None:
    assert names(chosen(BY_NAME["qwen"], ["c", "a"], KNOWN)[0]) == ["c", "a"]
    assert names(chosen(BY_NAME["qwen"], ["c"], KNOWN)[0]) == ["c", "a", "b"]


def test_a_name_with_an_equals_sign_is_a_name() -> None:
    assert names(chosen(BY_NAME["codex"], ["x=y"], ())[0]) == ["x=y"]
    assert names(chosen(BY_NAME["codex"], ["model=x=y"], ())[0]) == ["x=y"]


def test_what_there_is_not() -> None:
    with pytest.raises(UnknownModelError, match="did you mean model-one"):
        chosen(BY_NAME["codex"], ["model-oen"], [Model("model-one")])
    with pytest.raises(UnknownModelError, match="there is a, b, c"):
        chosen(BY_NAME["claude"], ["haiku=zzz"], KNOWN)
    with pytest.raises(UnknownModelError, match="--model"):
        chosen(BY_NAME["codex"], [], ())


def test_what_the_proxy_lists_becomes_what_agents_are_told() -> None:
    row = {
        "id": "m",
        "context_window": 1000,
        "max_output_tokens": None,
        "vision": None,
        "images_described": False,
        "reasoning": True,
        "reasoning_efforts": ["low"],
    }
    described = {**row, "vision": False, "images_described": True}
    only_embeds = {**row, "id": "e", "chat": False}
    assert models_in({"data": [only_embeds, row, {**described, "chat": True}]}) == (
        Model("m", 1000, None, None, True, ("low",)),
        Model("m", 1000, None, True, True, ("low",)),
    )
