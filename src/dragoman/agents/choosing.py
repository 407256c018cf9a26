"""From the names that a person gives to a choice of models, one for each slot."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from dragoman.agents.agent import Agent, Model


class UnknownModelError(ValueError):
    """There is no such model; the message says which there are."""


def models_in(status: Mapping[str, Any]) -> tuple[Model, ...]:
    """The models for conversations that `/v1/models/status` lists, as agents have to know them."""
    return tuple(
        Model(
            row["id"],
            row["context_window"],
            row["max_output_tokens"],
            True if row["images_described"] else row["vision"],
            row["reasoning"],
            tuple(row["reasoning_efforts"]),
        )
        for row in status["data"]
        if row.get("chat") is not False
    )


def chosen(agent: Agent, wanted: Iterable[str], known: Sequence[Model]) -> tuple[tuple[Model, ...], dict[str, str]]:
    """Return the models, the first being what the agent starts with, and which slots have another one.

    wanted: names, or `slot=name`. An agent of several models is told of all that are known, unless several are wanted;
    another one puts the names into its slots, in their order. known: empty = nothing is known.
    Raise UnknownModelError.
    """
    names = [slot.name for slot in agent.slots]
    slots: dict[str, str] = {}
    plain: list[str] = []
    for text in wanted:
        slot, is_slot, name = text.partition("=")
        if is_slot and slot in names:
            slots[slot] = name
        else:
            plain.append(text)
    first = slots.get(names[0]) or next(iter(plain), None) or next((model.name for model in known), None)
    if first is None:
        raise UnknownModelError("which model? Name one with --model")
    if not agent.several:
        slots = dict(zip(names, plain, strict=False)) | slots
    asked = list(dict.fromkeys([first, *plain, *slots.values()]))
    models = tuple(_known(name, known) for name in asked)
    if agent.several and len(plain) < 2:
        models += tuple(model for model in known if model.name not in asked)
    return models, {slot: name for slot, name in slots.items() if name != first or _is_optional(agent, slot)}


def with_window(models: tuple[Model, ...], window: int | None) -> tuple[Model, ...]:
    """window: of the first, in tokens, if the user knows better."""
    return (msgspec.structs.replace(models[0], context_window=window), *models[1:]) if window else models


def _known(name: str, known: Sequence[Model]) -> Model:
    found = next((model for model in known if model.name == name), None)
    if found is not None:
        return found
    if not known:
        return Model(name)
    names = [model.name for model in known]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names)}"
    raise UnknownModelError(f"there is no model {name!r}: {hint}")


def _is_optional(agent: Agent, name: str) -> bool:
    return any(slot.optional for slot in agent.slots if slot.name == name)
