"""The list of models in the shape that Codex wants it in."""

from typing import Any, Final

from dragoman.agents.codex import catalog_entry
from tests.gateway.stage import NOBODY, house, model, run

KEY: Final = "sk-client-0123456789abcdef"
# What Codex (0.169) demands of an entry: where one of them is missing, it drops the whole list.
DEMANDED: Final = frozenset(
    {
        "slug",
        "display_name",
        "supported_reasoning_levels",
        "shell_type",
        "visibility",
        "supported_in_api",
        "priority",
        "base_instructions",
        "support_verbosity",
        "truncation_policy",
        "experimental_supported_tools",
    }
)


async def catalog(**config: Any) -> Any:
    models = [
        model("m", NOBODY, context_window=32_000, supports_vision=False),
        model("claude", NOBODY, type="anthropic", supports_vision=True),
    ]
    async with house(models, aliases={"a": "m"}, keys=[{"key": KEY, **config}]) as running:
        mine = {"authorization": f"Bearer {KEY}"}
        plain = await running.ask("/v1/models", method="GET", headers=mine)
        heard = await running.ask("/v1/models?client_version=0.169.0", method="GET", headers=mine)
        assert "models" not in plain.json
        assert heard.json["data"] == plain.json["data"]
        return heard.json["models"]


def test_every_model_and_alias_is_in_the_catalog_with_all_that_is_demanded() -> None:
    async def main() -> None:
        entries = await catalog()
        assert [entry["slug"] for entry in entries] == ["m", "claude", "a"]
        assert [entry["priority"] for entry in entries] == [0, 1, 2]
        for entry in entries:
            assert set(entry) >= DEMANDED
            levels = [level["effort"] for level in entry["supported_reasoning_levels"]]
            assert entry.get("default_reasoning_level") in (levels or [None])
        first, second, alias = entries
        assert (first["context_window"], first["input_modalities"]) == (32_000, ["text"])
        assert second["input_modalities"] == ["text", "image"]
        assert {**alias, "slug": "m", "display_name": "m", "priority": 0} == first

    run(main)


def test_a_model_that_only_embeds_is_listed_and_not_in_the_catalog() -> None:
    async def main() -> None:
        models = [model("nomic-embed-text", NOBODY), model("m", NOBODY)]
        async with house(models, aliases={"vectors": "nomic-embed-text"}) as running:
            heard = await running.ask("/v1/models?client_version=0.169.0", method="GET")
            assert [one["id"] for one in heard.json["data"]] == ["nomic-embed-text", "m", "vectors"]
            assert [entry["slug"] for entry in heard.json["models"]] == ["m"]
            assert heard.json["models"][0]["priority"] == 0

    run(main)


def test_a_model_whose_images_are_described_may_be_shown_images() -> None:
    async def main() -> None:
        blind = model("m", NOBODY, supports_vision=False)
        async with house([blind, model("eyes", NOBODY)], processors={"vision": "eyes"}) as running:
            heard = await running.ask("/v1/models?client_version=0.169.0", method="GET")
            assert heard.json["models"][0]["input_modalities"] == ["text", "image"]

    run(main)


def test_a_key_sees_its_own_models_only() -> None:
    async def main() -> None:
        assert [entry["slug"] for entry in await catalog(models=["claude"])] == ["claude"]

    run(main)


def test_tools_come_in_shapes_that_every_backend_can_be_told() -> None:
    entry = catalog_entry("m", 0, None, ("low", "high", "odd"), vision=True)
    assert (entry["apply_patch_tool_type"], entry["shell_type"]) == ("freeform", "unified_exec")
    assert not entry["supports_search_tool"]
    assert not entry["use_responses_lite"]
    assert "tool_mode" not in entry
    assert "context_window" not in entry
    assert [level["effort"] for level in entry["supported_reasoning_levels"]] == ["low", "high"]
    assert all(level["description"] for level in entry["supported_reasoning_levels"])
