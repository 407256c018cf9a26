"""What other models are asked about a picture, and what of their answers counts."""

from typing import Final

import msgspec

from dragoman.hub.answer import Answer
from dragoman.hub.problems import Problem
from dragoman.hub.request import Image, Inline, Reasoning, Request, Sampling, Text, Turn

# Part of the key under which descriptions are kept: a change of the words is a change of what comes of them.
DESCRIBE: Final = """\
Describe this image for a colleague who cannot see it and has to work with it. Say what it is and what it shows, from
the whole to the parts: layout, objects, colours, states, and where things are. Copy all text word for word, code and
error messages exactly, tables row by row. Of a diagram or chart give its structure and its values. Say nothing of what
you cannot see, and do not say what to do with it: only describe."""
QUESTION: Final = (
    "\n\nThe colleague was asked this about it, so look at that above all, but describe the rest as well:\n"
)
TRANSCRIBE: Final = """\
This is a page of a document. Write out all of its text, word for word, in reading order, as Markdown: headings, lists,
tables, code, formulas. In the place of a figure write what it shows, in square brackets. Write nothing else."""
# How PaddleOCR-VL is asked for plain text; others made for reading understand it as well.
OCR: Final = "OCR:"

_DESCRIPTION_TOKENS: Final = 2_048
_PAGE_TOKENS: Final = 8_192


def to_describe(model: str, shown: Inline, question: str) -> Request:
    return _request(model, shown, description_prompt(question), _DESCRIPTION_TOKENS)


def description_prompt(question: str) -> str:
    return DESCRIBE + QUESTION + question if question else DESCRIBE


def to_transcribe(model: str, shown: Inline) -> Request:
    return _request(model, shown, TRANSCRIBE, _PAGE_TOKENS)


def to_read(model: str, shown: Inline) -> Request:
    request = _request(model, shown, OCR, _PAGE_TOKENS)
    return msgspec.structs.replace(request, sampling=Sampling(temperature=0.0))


def _request(model: str, shown: Inline, prompt: str, max_tokens: int) -> Request:
    """The image stands first: models made for reading are trained on that order."""
    return Request(
        dialect="openai-chat",
        model=model,
        turns=(Turn("user", (Image(shown), Text(prompt))),),
        max_tokens=max_tokens,
        reasoning=Reasoning(mode="off"),
    )


def text_of(answer: Answer) -> str:
    return "".join(part.text for part in answer.parts if isinstance(part, Text)).strip()


def description_of(answer: Answer, model: str) -> str:
    """Raise Problem where nothing was said."""
    text = text_of(answer)
    if not text:
        raise Problem("backend_failed", f"the model {model!r} was asked to describe it and said nothing")
    return text
