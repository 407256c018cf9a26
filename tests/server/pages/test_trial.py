"""A model is tried as a client would ask it."""

import pytest

from dragoman.server.pages.trial import try_model
from tests.agents.script import Thought, Words
from tests.gateway.stage import NOBODY, house, model, origin, playback, replies, run, says, whole


def test_what_it_says_is_told() -> None:
    async def main() -> None:
        async with (
            playback(says(Thought("A test."), Words(" It works. "))) as backend,
            house([model("m", origin(backend))]) as running,
        ):
            came = await try_model("m", running.gateway)
            assert (came.is_answered, came.text) == (True, "It works.")
            assert came.milliseconds >= 0
            assert b"test of the connection" in backend.asked[0].body

    run(main)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (whole({"error": {"message": "the key sk-backend-0123456789abcdef is spent"}}, 429), "is spent"),
        (whole({"error": {"message": "no such key"}}, 401), "check the api_key"),
        (whole(b"<html>no</html>", content_type="text/html"), "a web page"),
    ],
)
def test_what_goes_wrong_is_told_as_a_client_is_told(answer: bytes, word: str) -> None:
    async def main() -> None:
        async with playback(replies(answer)) as backend, house([model("m", origin(backend))]) as running:
            came = await try_model("m", running.gateway)
            assert not came.is_answered
            assert word in came.text
            assert "sk-backend" not in came.text

    run(main)


def test_a_backend_that_is_not_there_and_a_model_that_is_none() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)]) as running:
            came = await try_model("m", running.gateway)
            assert (came.is_answered, "is it running?" in came.text) == (False, True), came
            came = await try_model("n", running.gateway)
            assert "model 'n' not found" in came.text
            assert running.gateway.books.under_way() == []

    run(main)


def test_an_answer_without_a_text_is_one() -> None:
    async def main() -> None:
        async with playback(says(Thought("Hm."))) as backend, house([model("m", origin(backend))]) as running:
            came = await try_model("m", running.gateway)
            assert (came.is_answered, came.text) == (True, "(it has answered without a text)")

    run(main)
