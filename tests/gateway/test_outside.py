"""What processors reach through the gateway."""

import pytest

from dragoman.gateway.outside import seeing
from dragoman.hub.route import Backend, Profile, Route, Secret
from dragoman.processors.needs import needs_of
from tests.gateway.stage import HELLO, NOBODY, chat_body, house, messages_body, model, origin, playback, run, says
from tests.gateway.test_prepare import CHAT_IMAGE, EYES, at, blind, chat_asking, told


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
    backend = Backend("http://b", Secret(""), "openai-chat", Profile(vision=False))
    route = seeing(Route(model="eyes", backend_model="eyes", backends=(backend,)))
    assert route.backends[0].profile.vision is True
    assert not needs_of(route.pipeline, route.backends[0]).images
