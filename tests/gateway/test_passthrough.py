"""Endpoints that are only ever relayed: JSON and forms go out with the model's own name, anything comes back."""

from typing import Any, Final

import pytest

from dragoman.gateway.passthrough import PATHS
from dragoman.wire import jsons
from tests.gateway.stage import (
    BACKEND_KEY,
    END,
    NOBODY,
    SECRETS,
    STREAM,
    chunk,
    cuts_after,
    hangs_after,
    house,
    model,
    origin,
    playback,
    replies,
    run,
    streams,
    whole,
)
from tests.net.scripted import Asked, Backend, Peer, until

FORM: Final = {"content-type": "multipart/form-data; boundary=XX"}
BODY: Final = (
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a; name=model"\r\n\r\n\x00\xff\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--XX--\r\n'
)
paths = pytest.mark.parametrize("path", sorted(PATHS))


def at(*backends: Backend | str, **more: Any) -> dict[str, Any]:
    return model("m", *(b if isinstance(b, str) else f"{origin(b)}/v1" for b in backends), **more)


@paths
def test_json_goes_out_with_the_models_own_name(path: str) -> None:
    async def main() -> None:
        async with (
            playback(replies(whole({"data": [1]}, 200, "x-ratelimit-limit: 5"))) as backend,
            house([at(backend)]) as running,
        ):
            heard = await running.ask(f"{path}?a=b", b'{"model": "m", "input": [1,  2]}')
            assert (heard.status, heard.json) == (200, {"data": [1]})
            assert (heard.headers["x-ratelimit-limit"], heard.headers["x-dragoman-model"]) == ("5", "backend-m")
            assert heard.headers["x-content-type-options"] == "nosniff"
            asked = backend.asked[0]
            assert asked.line.split()[1] == f"{path}?a=b"
            assert asked.headers["authorization"] == f"Bearer {BACKEND_KEY}"
            assert asked.body == b'{"model":"backend-m","input":[1,  2]}'

    run(main)


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations"])
def test_a_form_goes_out_with_the_models_own_name_and_no_other_byte_changed(path: str) -> None:
    async def main() -> None:
        async with (
            playback(replies(whole(b"hello", content_type="text/plain"))) as backend,
            house([at(backend)]) as running,
        ):
            heard = await running.ask(path, BODY, headers=FORM)
            assert (heard.status, heard.body, heard.headers["content-type"]) == (200, b"hello", "text/plain")
            assert backend.asked[0].body == BODY.replace(b"\r\nm\r\n", b"\r\nbackend-m\r\n")
            assert backend.asked[0].headers["content-type"] == FORM["content-type"]

    run(main)


def test_bytes_come_back_as_they_are() -> None:
    async def main() -> None:
        sound = bytes(range(256)) * 1000
        async with (
            playback(replies(whole(sound, content_type="audio/mpeg"))) as backend,
            house([at(backend)]) as running,
        ):
            heard = await running.ask("/v1/audio/speech", {"model": "m", "input": "hi"})
            assert (heard.body, heard.headers["content-type"]) == (sound, "audio/mpeg")

    run(main)


@pytest.mark.parametrize(
    ("body", "headers", "status", "word"),
    [
        (BODY.replace(b'name="model"', b'name="other"'), FORM, 400, "model: is required as a field of the form"),
        (BODY.replace(b"\r\nm\r\n", b"\r\n\r\n"), FORM, 400, "model: is required"),
        (b"junk", FORM, 400, "model: is required"),
        (b"junk", {}, 400, "body: is not valid JSON"),
        (BODY, {"content-type": "multipart/form-data"}, 400, "content-type: names no boundary"),
        (b'{"model": "x"}', {}, 404, "model 'x' not found"),
        (BODY.replace(b"\r\nm\r\n", b"\r\nx\r\n"), FORM, 404, "model 'x' not found"),
    ],
)
def test_requests_that_make_no_sense(body: bytes, headers: dict[str, str], status: int, word: str) -> None:
    async def main() -> None:
        async with house([at(NOBODY)]) as running:
            heard = await running.ask("/v1/audio/transcriptions", body, headers=headers)
            assert heard.status == status
            assert word in heard.error["message"]

    run(main)


def test_backends_of_other_dialects_have_none_of_this() -> None:
    async def main() -> None:
        async with house([at(NOBODY, type="anthropic")]) as running:
            heard = await running.ask("/v1/embeddings", {"model": "m", "input": "x"})
            assert heard.status == 400
            assert "has no /v1/embeddings" in heard.error["message"]

    run(main)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (whole({"error": {"message": "no at http://127.0.0.1:1"}}, 400), 400),
        (whole({"error": {"message": "busy"}}, 429, "retry-after: 3"), 429),
        (whole(b"<html>", 200, content_type="text/html"), 502),
        (whole(b"", 307, "location: http://elsewhere.internal"), 502),
        (b"junk\r\n\r\n", 502),
        (b"", 502),
    ],
)
def test_errors_are_told_in_the_clients_words(said: bytes, status: int) -> None:
    async def main() -> None:
        async with playback(cuts_after(said)) as backend, house([at(backend)]) as running:
            heard = await running.ask("/v1/embeddings", {"model": "m"})
            assert heard.status == status
            assert heard.error["message"]
            assert not any(secret in heard.body for secret in SECRETS)

    run(main)


def test_half_an_answer_does_not_look_whole() -> None:
    async def main() -> None:
        said = [b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n", chunk(b"half")]
        async with playback(cuts_after(*said)) as backend, house([at(backend)]) as running:
            heard = await running.ask("/v1/audio/speech", {"model": "m"})
            assert (heard.status, heard.body, heard.broken) == (200, b"half", True)

    run(main)


COMPLETION: Final = [
    b'data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":"hi","finish_reason":null}]}\n\n',
    b'data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":"","finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
]


def test_a_stream_of_text_passes() -> None:
    async def main() -> None:
        async with playback(streams(*COMPLETION)) as backend, house([at(backend)]) as running:
            heard = await running.ask("/v1/completions", {"model": "m", "prompt": "x", "stream": True})
            assert heard.body == b"".join(COMPLETION)
            assert heard.headers["content-type"].startswith("text/event-stream")

    run(main)


@pytest.mark.parametrize("how", ["ended", "cut"])
def test_a_stream_of_text_that_breaks_off_says_so(how: str) -> None:
    async def main() -> None:
        said = [STREAM, chunk(COMPLETION[0]), chunk(COMPLETION[1][:30])]
        answer = replies(*said, END) if how == "ended" else cuts_after(*said)
        async with playback(answer) as backend, house([at(backend)]) as running:
            heard = await running.ask("/v1/completions", {"model": "m", "prompt": "x", "stream": True})
            assert heard.body.startswith(COMPLETION[0] + b'data: {"error":')
            assert heard.frames[-1]["error"]["code"] == "upstream_truncated"

    run(main)


def test_streams_of_sound_end_as_they_like() -> None:
    async def main() -> None:
        said = [b'data: {"type":"speech.audio.delta"}\n\n', b'data: {"type":"speech.audio.done"}\n\n']
        async with playback(streams(*said)) as backend, house([at(backend)]) as running:
            heard = await running.ask("/v1/audio/speech", {"model": "m", "stream_format": "sse"})
            assert (heard.body, heard.broken) == (b"".join(said), False)

    run(main)


def test_the_next_backend_is_asked_before_anything_was_said() -> None:
    async def main() -> None:
        async def cut_once_begun(peer: Peer, asked: Asked) -> None:
            await cuts_after(b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 9\r\n\r\n")(peer, asked)

        good, busy = replies(whole({"data": []})), replies(whole(b"", 503))
        async with (
            playback(cut_once_begun) as one,
            playback(busy) as two,
            playback(good) as three,
            house([at(NOBODY, one, two, three)]) as running,
        ):
            for _ in range(6):
                assert (await running.ask("/v1/embeddings", {"model": "m"})).status == 200

    run(main)


def test_a_client_that_goes_takes_the_backend_with_it() -> None:
    async def main() -> None:
        async with playback(hangs_after(STREAM)) as backend, house([at(backend)]) as running:
            async with running.talk() as line:
                await line.say("/v1/audio/speech", jsons.write({"model": "m"}))
                await until(lambda: bool(backend.asked))
            await backend.gone.wait()

    run(main)


def test_audio_models_are_asked_by_their_own_names_and_listed() -> None:
    async def main() -> None:
        async with playback(replies(whole({"text": "hello"}))) as ears, playback(replies(whole(b"RIFF"))) as voice:
            audio = {
                "whisper": {"model": "org/whisper", "backends": [f"{origin(ears)}/v1/"]},
                "tts": {"name": "voice", "backends": [{"url": f"{origin(voice)}/v1", "api_key": BACKEND_KEY}]},
            }
            async with house([at(NOBODY)], audio=audio) as running:
                body = BODY.replace(b"\r\nm\r\n", b"\r\nwhisper\r\n")
                heard = await running.ask("/v1/audio/transcriptions", body, headers=FORM)
                assert (heard.status, heard.json) == (200, {"text": "hello"})
                assert ears.asked[0].line.split()[1] == "/v1/audio/transcriptions"
                assert b"\r\n\r\norg/whisper\r\n" in ears.asked[0].body
                heard = await running.ask("/v1/audio/speech", {"model": "voice", "input": "hi"})
                assert heard.body == b"RIFF"
                assert voice.asked[0].headers["authorization"] == f"Bearer {BACKEND_KEY}"
                listed = (await running.ask("/v1/models", method="GET")).json["data"]
                assert [each["id"] for each in listed] == ["m", "whisper", "voice"]
                catalog = (await running.ask("/v1/models?client_version=1", method="GET")).json["models"]
                assert [each["slug"] for each in catalog] == ["m"]

    run(main)


def test_voices_are_those_of_the_model_for_speech() -> None:
    async def main() -> None:
        listed = {"voices": ["af_bella", "af_sky"]}
        async with (
            playback(replies(), {"/v1/audio/voices": listed}) as mouth,
            house([at(NOBODY)], audio={"tts": {"backends": [{"url": f"{origin(mouth)}/v1"}]}}) as running,
        ):
            assert (await running.ask("/v1/audio/voices", method="GET")).json == listed
        async with house([at(NOBODY)]) as running:
            heard = await running.ask("/v1/audio/voices", method="GET")
            assert heard.status == 404
            assert "audio.tts" in heard.error["message"]

    run(main)
