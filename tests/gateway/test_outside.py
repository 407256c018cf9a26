"""What processors reach through the gateway."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dragoman.gateway.converse import gathered
from dragoman.gateway.outside import Outside, seeing
from dragoman.gateway.parties import Parties
from dragoman.hub.pipeline import Needs
from dragoman.hub.problems import Problem
from dragoman.hub.route import Backend, Profile, Route, Secret
from dragoman.wire import jsons
from tests.agents.script import Words
from tests.gateway.stage import (
    HELLO,
    NOBODY,
    chat_body,
    hangs_after,
    house,
    messages_body,
    model,
    origin,
    playback,
    replies,
    run,
    says,
    whole,
)
from tests.gateway.test_prepare import CHAT_IMAGE, DESCRIBED, EYES, at, blind, chat_asking, png, told
from tests.net.scripted import Asked, Peer, until


def test_a_key_need_not_be_allowed_to_use_what_helps_its_model() -> None:
    async def main() -> None:
        keys = [{"key": "sk-0123456789abcdef0", "models": ["m"]}]
        headers = {"authorization": "Bearer sk-0123456789abcdef0"}
        async with (
            playback(says(*HELLO)) as texts,
            playback(says(*HELLO)) as eyes,
            house([blind(texts), at(eyes, "eyes")], keys=keys, **EYES) as running,
        ):
            heard = await running.ask("/v1/chat/completions", chat_asking(CHAT_IMAGE), headers=headers)
            assert heard.status == 200
            assert "<image_description>" in told(texts)
            refused = await running.ask("/v1/chat/completions", chat_body("eyes"), headers=headers)
            assert refused.status == 403

    run(main)


def test_another_server_behind_the_name_describes_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as texts,
            playback(says(Words("as the first sees it"))) as first,
            playback(says(Words("as the second sees it"))) as second,
        ):
            for eyes in (first, first, second):
                models = [blind(texts), at(eyes, "eyes")]
                async with house(models, data_dir=str(tmp_path), **EYES) as running:
                    await running.ask("/v1/chat/completions", chat_asking(CHAT_IMAGE))
            assert ["second sees" in told(texts, number) for number in range(3)] == [False, False, True]
            assert (len(first.asked), len(second.asked)) == (1, 1)

    run(main)


def test_images_wait_in_line_for_who_describes_one_at_a_time() -> None:
    """As long as `processors.timeout` says, not only as long as a client would."""

    async def main() -> None:
        looking, seen = asyncio.Event(), asyncio.Event()
        answer = says(*HELLO)

        async def slow(peer: Peer, asking: Asked) -> None:
            looking.set()
            await seen.wait()
            await answer(peer, asking)

        async with playback(answer) as texts, playback(slow) as eyes:
            one = {**at(eyes, "eyes"), "backends": [{"url": f"{origin(eyes)}/v1", "max_inflight": 1}]}
            async with house([blind(texts), one], **EYES) as running:
                running.gateway.load._longest_wait = 0.01  # type: ignore[misc]
                urls = [f"data:image/png;base64,{png(colour)}" for colour in ("red", "green")]
                body = chat_asking(*({"type": "image_url", "image_url": {"url": url}} for url in urls))
                async with asyncio.TaskGroup() as tasks:
                    asking = tasks.create_task(running.ask("/v1/chat/completions", body))
                    await looking.wait()
                    await until(lambda: len(running.gateway.load._line) == 1)
                    refused = await running.ask("/v1/chat/completions", chat_body("eyes"))
                    assert refused.status == 503  # so the image has waited for longer
                    seen.set()
                assert asking.result().status == 200
                assert told(texts).count(DESCRIBED) == 2

    run(main)


def test_thinking_is_off_for_who_describes() -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as texts, playback(says(*HELLO)) as eyes:
            qwen = {**at(eyes, "eyes", profile={"family": "vllm", "thinking_switch": "enable_thinking"})}
            async with house([blind(texts), qwen], **EYES) as running:
                await running.ask("/v1/chat/completions", chat_asking(CHAT_IMAGE))
                assert b'"chat_template_kwargs":{"enable_thinking":false}' in eyes.asked[0].body

    run(main)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a.png", "http://localhost/a.png", "http://169.254.169.254/a.png"])
def test_no_image_is_fetched_from_within(url: str) -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as texts, house([blind(texts), model("eyes", NOBODY)], **EYES) as running:
            part = {"type": "image_url", "image_url": {"url": url}}
            assert (await running.ask("/v1/chat/completions", chat_asking(part))).status == 200
            said = told(texts)
            assert "[an image stood here that could not be read: " in said
            assert "is not on the public internet" in said

    run(main)


def test_the_operator_may_allow_a_host() -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as texts,
            playback(says(*HELLO)) as eyes,
            playback(says(*HELLO), gets={"/a.pdf": b"just text"}) as files,
            house([blind(texts), at(eyes, "eyes")], fetch_allow=[f"127.0.0.1:{files.port}"], **EYES) as running,
        ):
            document = {"type": "document", "source": {"type": "url", "url": f"{origin(files)}/a.pdf"}}
            body = messages_body(messages=[{"role": "user", "content": [document]}])
            assert (await running.ask("/v1/messages", body)).status == 200
            assert '<pdf_content filename="a.pdf"' in told(texts)
            assert "just text" in told(texts)

    run(main)


def test_a_model_that_is_asked_to_look_is_taken_to_see() -> None:
    backend = Backend("http://b", Secret(""), "openai-chat", Profile(vision=False), needs=Needs(images=True))
    route = seeing(Route(model="eyes", backend_model="eyes", backends=(backend,)))
    assert route.backends[0].profile.vision is True
    assert not route.backends[0].needs.images


def test_a_layout_service_reads_scans_where_there_is_one() -> None:
    async def main() -> None:
        pages = {"layoutParsingResults": [{"markdown": {"text": "read by the service"}}]}
        async with (
            playback(says(*HELLO)) as texts,
            playback(replies(whole({"errorCode": 0, "result": pages}))) as service,
            house([blind(texts)], documents={"paddleocr": {"backends": [origin(service)]}}) as running,
        ):
            await running.ask("/v1/chat/completions", chat_asking(CHAT_IMAGE))
            assert "<page_text>\nread by the service\n</page_text>" in told(texts)
            assert jsons.read(service.asked[0].body)["fileType"] == 1

    run(main)


def test_without_a_layout_service_nothing_is_asked_of_it() -> None:
    async def main() -> None:
        async with playback(says(*HELLO)) as texts, house([blind(texts)]) as running:
            parties = Parties(None, None, running.gateway, running.gateway.config.current, None, None)  # type: ignore[arg-type] # all that is looked at
            with pytest.raises(Problem, match="no layout service"):
                await Outside(parties, gathered).read_layout(b"", "pdf")

    run(main)


def test_a_model_that_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        config: dict[str, Any] = {"processors": {"vision": "eyes", "ocr": "none", "timeout": 0.05}}
        async with (
            playback(says(*HELLO)) as texts,
            playback(hangs_after()) as eyes,
            house([blind(texts), at(eyes, "eyes")], **config) as running,
        ):
            await running.ask("/v1/chat/completions", chat_asking(CHAT_IMAGE))
            assert "the model 'eyes' took longer than 0.05 s" in told(texts)
            await eyes.gone.wait()

    with caplog.at_level("INFO"):
        run(main)
    theirs = next(record.entry.fields() for record in caplog.records if hasattr(record, "entry"))
    assert (theirs["path"], theirs["status"]) == ("vision", 499)
