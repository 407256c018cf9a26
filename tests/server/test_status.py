"""What is told of models: how they are and what they can do, and never where."""

from typing import Any, Final

from dragoman.config.schema import BackendConfig, Config, ModelConfig
from dragoman.config.snapshot import ANONYMOUS, Key, Snapshot
from dragoman.gateway import demo
from dragoman.routing.known import Knowledge, Known
from dragoman.routing.resolve import Router
from dragoman.server.status import status_of
from tests.gateway.stage import NOBODY, house, model, run, source

KEY: Final = "sk-client-0123456789abcdef"
FAR: Final = "https://api.example.com/v1"


def rows(config: dict[str, Any], knowledge: Knowledge | None = None, key: Key = ANONYMOUS) -> dict[str, Any]:
    said = status_of(source(config).current, key, Router(knowledge or Knowledge()))
    return {row["id"]: row for row in said["data"]}


def test_what_is_not_known_is_null() -> None:
    said = rows({"models": [{"name": "m", "backends": [FAR]}]})["m"]
    assert said == {
        "id": "m",
        "status": "unknown",
        "chat": True,
        "context_window": None,
        "max_output_tokens": None,
        "vision": None,
        "images_described": False,
        "reasoning": None,
        "reasoning_efforts": [],
        "local": False,
    }


def test_what_only_embeds_or_reranks_is_no_model_for_agents() -> None:
    knowledge = Knowledge()
    knowledge.learn(NOBODY, "by-its-server", Known(converses=False))
    knowledge.learn(NOBODY, "embed-but-talks", Known(converses=True))
    names = ("by-its-server", "embed-but-talks", "org/Qwen3-Embedding-8B", "bge-m3", "m")
    said = rows({"models": [{"name": name, "backends": [NOBODY]} for name in names]}, knowledge)
    assert [name for name, row in said.items() if row["chat"]] == ["embed-but-talks", "m"]


def test_the_built_in_model_is_there() -> None:
    config = Config(models=(ModelConfig(name=demo.NAME, backends=(BackendConfig(url=demo.URL),)),))
    (row,) = status_of(Snapshot.of(config), ANONYMOUS, Router(Knowledge()))["data"]
    assert (row["status"], row["local"]) == ("online", True)


def test_what_is_known_is_told() -> None:
    knowledge = Knowledge()
    knowledge.learn(NOBODY, "m", Known(context_window=32_768, max_output=4096, vision=True, online=True))
    knowledge.learn(NOBODY, "off", Known(online=False))
    config = {
        "models": [
            {"name": "m", "backends": [NOBODY]},
            {"name": "off", "backends": [NOBODY], "context_window": 5000, "supports_vision": False},
            {"name": "claude-sonnet-4-5", "type": "anthropic", "backends": ["https://api.anthropic.com"]},
        ],
        "aliases": {"short": "m"},
    }
    said = rows(config, knowledge)
    assert (said["m"]["status"], said["off"]["status"]) == ("online", "offline")
    assert (said["m"]["context_window"], said["off"]["context_window"]) == (32_768, 5000)
    assert (said["m"]["vision"], said["off"]["vision"]) == (True, False)
    assert said["m"]["max_output_tokens"] == 4096
    assert said["short"] == {**said["m"], "id": "short", "alias_of": "m"}
    assert said["claude-sonnet-4-5"]["reasoning"] is True
    assert (said["m"]["local"], said["claude-sonnet-4-5"]["local"]) == (True, False)


def test_local_is_what_leaves_neither_machine_nor_network() -> None:
    places = {
        "http://127.0.0.1:1/v1": True,
        "http://10.1.2.3:1/v1": True,
        "http://gpu-box:1/v1": True,
        "http://box.lan/v1": True,
        "http://[fd00::1]:1/v1": True,
        "http://8.8.8.8/v1": False,
        "https://x.example.com/v1": False,
    }
    config = {"models": [{"name": url, "backends": [url]} for url in places]}
    assert {name: row["local"] for name, row in rows(config).items()} == places
    both = {"models": [{"name": "both", "backends": [NOBODY, FAR]}]}
    assert not rows(both)["both"]["local"]
    passed_on = {"models": [{"name": "m", "model": "gpt-oss:120b-cloud", "backends": [NOBODY]}]}
    assert not rows(passed_on)["m"]["local"]  # Ollama's, which it has from elsewhere


def test_images_are_described_where_somebody_sees() -> None:
    models = [
        {"name": "blind", "backends": [NOBODY], "supports_vision": False},
        {"name": "off", "backends": [NOBODY], "supports_vision": False, "processors": {"vision": "none"}},
        {"name": "eyes", "backends": [NOBODY], "supports_vision": True},
    ]
    said = rows({"models": models, "processors": {"vision": "eyes"}})
    assert {name: row["images_described"] for name, row in said.items()} == {"blind": True, "off": False, "eyes": False}


def test_who_can_be_asked_to_think() -> None:
    models = [
        {"name": "gpt-5", "backends": ["https://api.openai.com/v1"]},
        {"name": "ministral", "backends": ["https://api.mistral.ai/v1"]},
        {"name": "m", "backends": [NOBODY]},
        {"name": "gone", "backends": [{"url": NOBODY, "disabled": True}, FAR]},
    ]
    said = {name: row["reasoning"] for name, row in rows({"models": models}).items()}
    assert said == {"gpt-5": True, "ministral": False, "m": None, "gone": None}


def test_search_is_told_where_it_is_set_up() -> None:
    for processors, told in (({}, False), ({"web_search_key": "tvly-0123456789"}, True)):
        config = {"models": [{"name": "m", "backends": [NOBODY]}], "processors": processors}
        assert status_of(source(config).current, ANONYMOUS, Router(Knowledge()))["search"] is told


def test_a_key_hears_of_its_own_models_and_of_no_place() -> None:
    async def main() -> None:
        models = [model("m", NOBODY), model("n", NOBODY)]
        async with house(models, keys=[{"key": KEY, "models": ["m"]}]) as running:
            assert (await running.ask("/v1/models/status", method="GET")).status == 401
            mine = {"authorization": f"Bearer {KEY}"}
            heard = await running.ask("/v1/models/status", method="GET", headers=mine)
            assert heard.status == 200
            assert [row["id"] for row in heard.json["data"]] == ["m"]
            assert "127.0.0.1" not in str(heard.json)
            assert "backend" not in str(heard.json)

    run(main)
