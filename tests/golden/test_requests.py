"""What a backend is asked, where a coding agent's request comes from each of the clients, is what was kept."""

import json  # noqa: TID251 - spaced out for people, which jsons does not do

import pytest

from tests.golden.matrix import QUESTIONS, Keeping, Question

# What every conversation in asked/ holds, whatever its dialect.
HELD = (
    "You are a coding agent.",
    "Which of the two files is the one on this picture?",
    "I look.",
    "a.txt",
    "b.txt",
    "No such file",
)


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_asked(question: Question, keeping: Keeping) -> None:
    written = json.dumps(question.written(), indent=2, ensure_ascii=False)
    keeping.keep(f"{question}.json", f"{written}\n".encode())
    assert [said for said in HELD if said not in written] == []
    assert question.shows_picture()
