"""What a run of a server tool says of itself."""

from dragoman.hub.request import Fetched, Searched
from dragoman.tools.tool import Ran


def test_a_run_has_failed_if_what_is_shown_has_a_problem() -> None:
    assert not Ran("1. ...", Searched("openai-chat", ("q",))).failed
    assert Ran("unavailable", Searched("openai-chat", ("q",), problem="unavailable")).failed
    assert Ran("no such page", Fetched("https://example.com", problem="url_not_accessible")).failed
