"""`POST /layout-parsing`, relayed."""

from typing import Final

from tests.gateway.stage import house, model, origin, playback, replies, run, whole

ANSWER: Final = {"errorCode": 0, "result": {"layoutParsingResults": [{"prunedResult": {"any": "thing"}}]}}
BODY: Final = {"file": "aGk=", "fileType": 1, "odd": [1]}
PATH: Final = "/layout-parsing"


def test_it_passes_both_ways_as_it_is() -> None:
    async def main() -> None:
        async with playback(replies(whole(ANSWER))) as service:
            paddle = {"paddleocr": {"backends": [origin(service)]}}
            async with house([model("m", origin(service))], documents=paddle) as running:
                heard = await running.ask(PATH, BODY)
                assert (heard.status, heard.json, heard.broken) == (200, ANSWER, False)
                assert b'"odd":[1]' in service.asked[0].body

    run(main)


def test_failures_are_problems() -> None:
    async def main() -> None:
        async with playback(replies(whole({"errorMsg": "sk-secret"}, 500))) as service:
            paddle = {"paddleocr": {"backends": [origin(service)]}}
            async with house([model("m", origin(service))], documents=paddle) as running:
                heard = await running.ask(PATH, BODY)
                assert heard.status == 502
                assert "HTTP status 500" in heard.error["message"]
                assert b"sk-secret" not in heard.body

    run(main)


def test_without_the_service_there_is_no_such_place() -> None:
    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")]) as running:
            heard = await running.ask(PATH, BODY)
            assert heard.status == 404
            assert "documents.paddleocr" in heard.error["message"]

    run(main)


def test_keys_are_asked_for() -> None:
    async def main() -> None:
        keys = [{"key": "sk-0123456789abcdef0"}]
        async with house([model("m", "http://127.0.0.1:9/v1")], keys=keys) as running:
            assert (await running.ask(PATH, BODY)).status == 401

    run(main)
