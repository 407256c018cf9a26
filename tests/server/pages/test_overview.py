"""What the administration shows: what the file says and how it is just now, and no secret of either."""

from dragoman.config.findings import Finding
from dragoman.server.pages.overview import Overview, findings_of
from dragoman.wire import jsons
from tests.gateway.stage import BACKEND_KEY, HELLO, NOBODY, chat_body, house, model, origin, playback, run, says

OTHER = "http://127.0.0.1:10/v1"


def test_models_and_their_backends() -> None:
    async def main() -> None:
        backends = [{"url": NOBODY, "weight": 3, "max_inflight": 2}, {"url": f"{OTHER}/", "disabled": True}]
        large = {"name": "large", "model": "Large-1", "backends": backends, "context_window": 4096}
        small = model("small", "https://api.anthropic.com", type="anthropic")
        async with house([large, small], aliases={"fast": "large", "quick-*": "large"}) as running:
            running.gateway.knowledge.teach(
                NOBODY, "Large-1", {"limit_fields": ("max_completion_tokens",), "developer_role": False}
            )
            for _ in range(3):
                running.gateway.health.failed(NOBODY)
            (taken,) = running.gateway.router.backends(running.gateway.config.current.config.models[0])
            running.gateway.load.take([taken], "Large-1")
            said = Overview(running.gateway, {"DRAGOMAN_KEY": "sk-eeeeeeeeeeeeeeee"}).of(
                running.gateway.config.current.config
            )
        assert said["names"] == ["large", "small", "fast", "quick-*"]
        first, second = said["models"]
        assert (first["name"], first["backend_model"], first["context_window"]) == ("large", "Large-1", 4096)
        assert (first["aliases"], second["aliases"]) == (["fast", "quick-*"], [])
        near, far = first["backends"]
        assert near == {
            "url": NOBODY,
            "state": "offline",
            "rests": True,
            "dialect": "openai-chat",
            "family": "generic",
            "under_way": 1,
            "in_service": True,
            "weight": 3,
            "max_inflight": 2,
            "has_key": False,
            "learnt": ["limit_fields: max_completion_tokens", "developer_role: no"],
        }
        assert (far["url"], far["in_service"], far["dialect"], far["state"]) == (OTHER, False, None, "unknown")
        (third,) = second["backends"]
        assert (third["dialect"], third["family"], third["has_key"]) == ("anthropic-messages", "anthropic", True)
        assert BACKEND_KEY.encode() not in jsons.write(said)

    run(main)


def test_a_backend_that_has_answered_is_online() -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as backend, house([model("m", origin(backend))]) as running:
            assert (await running.ask("/v1/chat/completions", chat_body())).status == 200
            said = Overview(running.gateway, {"DRAGOMAN_KEY": "sk-eeeeeeeeeeeeeeee"}).of(
                running.gateway.config.current.config
            )
            assert said["models"][0]["backends"][0]["state"] == "online"

    run(main)


def test_keys_are_told_by_their_fingerprints() -> None:
    async def main() -> None:
        keys = [
            {"name": "ann", "key": "sk-aaaaaaaaaaaaaaaa", "models": ["m"]},
            {"key_hash": "sha256:" + "ab" * 32},
        ]
        async with house([model("m", NOBODY)], keys=keys) as running:
            said = Overview(running.gateway, {"DRAGOMAN_KEY": "sk-eeeeeeeeeeeeeeee"}).of(
                running.gateway.config.current.config
            )["keys"]
        assert [(key["name"], key["models"], key["kept"]) for key in said] == [
            ("ann", ["m"], "clear"),
            ("abababab", [], "hash"),
        ]
        assert said[1]["fingerprint"] == "ab" * 8
        assert b"sk-aaaa" not in jsons.write(said)

    run(main)


def test_a_key_of_the_environment_is_told_from_those_of_the_file() -> None:
    async def main() -> None:
        keys = [{"name": "environment", "key": "sk-eeeeeeeeeeeeeeee"}, {"name": "ann", "key": "sk-aaaaaaaaaaaaaaaa"}]
        async with house([model("m", NOBODY)], keys=keys) as running:
            for env, kept in (({"DRAGOMAN_KEY": "sk-eeeeeeeeeeeeeeee"}, "environment"), ({}, "clear")):
                said = Overview(running.gateway, env).of(running.gateway.config.current.config)["keys"]
                assert [key["kept"] for key in said] == [kept, "clear"]

    run(main)


def test_findings_are_told_with_their_places() -> None:
    (said,) = findings_of((Finding("models[0].nme", "is not a known field", "error", 3),))
    assert said == {"level": "error", "line": 3, "path": "models[0].nme", "message": "is not a known field"}
