"""Which of the pages that were found does the model name?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.gateway.citing import Citing
from dragoman.hub.request import Fetched, Hit, Searched

DUCKS = "https://lab.example/ducks"


def knowing(*urls: str) -> Citing:
    citing = Citing()
    citing.found(Searched("openai-chat", ("q",), tuple(Hit(url, "T", "x" * 500) for url in urls)))
    return citing


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        (f"See {DUCKS}.", [DUCKS]),
        (f"See [the ducks]({DUCKS}), and more.", [f"[the ducks]({DUCKS})"]),
        (f"<{DUCKS}> and {DUCKS}/, twice", [DUCKS, f"{DUCKS}/"]),
        (f"is it {DUCKS}?", [DUCKS]),
        (f"[a](x) ({DUCKS})", [DUCKS]),
        (f"[never closed\n]({DUCKS})", [DUCKS]),
        (f"{DUCKS}lings, {DUCKS}/pond, {DUCKS}?page=2, {DUCKS}.html and {DUCKS}#top are other pages", []),
        ("https://elsewhere.example was not found", []),
        ("nothing is named", []),
    ],
)
def test_an_address_that_stands_whole_is_a_citation(text: str, cited: list[str]) -> None:
    found = knowing(DUCKS).citations(text, 7)
    assert [text[(c.start or 0) - 7 : (c.end or 0) - 7] for c in found] == cited
    assert all((c.url, c.title, c.cited_text) == (DUCKS, "T", "x" * 150) for c in found)


def test_of_two_addresses_the_longer_is_meant() -> None:
    assert [c.url for c in knowing(DUCKS, f"{DUCKS}/pond").citations(f"{DUCKS}/pond", 0)] == [f"{DUCKS}/pond"]


def test_a_page_that_was_read_is_one_that_was_found() -> None:
    citing = Citing()
    citing.found(Fetched(f"{DUCKS}/", problem="unavailable"))
    assert not citing
    citing.found(Fetched(f"{DUCKS}/", "", "quack"))
    (cited,) = citing.citations(DUCKS, 0)
    assert (cited.url, cited.title, cited.cited_text) == (f"{DUCKS}/", f"{DUCKS}/", "quack")


@given(
    st.lists(st.sampled_from([DUCKS, "[", "](", ")", "/", " ", ".", "x", "é", "\n"])).map("".join), st.integers(0, 9)
)
def test_a_citation_stands_in_the_text_and_holds_an_address(text: str, offset: int) -> None:
    for cited in knowing(DUCKS, "mailto:x").citations(text, offset):
        assert cited.start is not None
        assert cited.end is not None
        assert 0 <= cited.start - offset < cited.end - offset <= len(text)
        assert DUCKS in text[cited.start - offset : cited.end - offset]
