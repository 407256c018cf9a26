"""One field of a form is read and replaced; every other byte stays."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.multipart import boundary_in, field, with_field


@dataclass(frozen=True)
class Part:
    name: str
    value: bytes
    filename: str | None = None

    def written(self) -> bytes:
        file = f'; filename="{self.filename}"' if self.filename is not None else ""
        return f'Content-Disposition: form-data; name="{self.name}"{file}\r\n\r\n'.encode() + self.value


def form(*parts: Part, boundary: bytes = b"XX") -> bytes:
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, part.written()) for part in parts) + b"--%b--\r\n" % boundary


names = st.text("abcxyz_", min_size=1, max_size=5)
values = st.binary(max_size=30).filter(lambda v: b"--XX" not in v)
parts = st.builds(
    Part, names, values, st.none() | st.text('abc; =name"', max_size=20).map(lambda t: t.replace('"', ""))
)


@given(st.lists(parts, max_size=4), st.text(max_size=20), st.lists(parts, max_size=4))
def test_a_field_is_found_and_replaced_wherever_it_stands(before: list[Part], value: str, after: list[Part]) -> None:
    body = form(*before, Part("model", b"old"), *after)
    assert field(body, b"XX", "model") == "old"
    assert with_field(body, b"XX", "model", value) == form(*before, Part("model", value.encode()), *after)


@given(st.lists(parts, max_size=4))
def test_a_form_without_the_field_stays_as_it_is(others: list[Part]) -> None:
    body = form(*others)
    assert field(body, b"XX", "model") is None
    assert with_field(body, b"XX", "model", "new") == body


@given(st.binary(max_size=200))
def test_rubbish_has_no_fields(body: bytes) -> None:
    assert field(b"--XX\r\n" + body, b"XX", "model") is None


@given(st.integers(min_value=0, max_value=120))
def test_a_form_that_was_cut_raises_nothing(length: int) -> None:
    body = form(Part("a", b"1"), Part("model", b"m"), Part("file", b"x", "f"))[:length]
    assert field(body, b"XX", "model") in (None, "m")


def test_a_file_name_that_looks_like_a_field_is_none() -> None:
    body = form(Part("file", b"audio", "x; name=model"), Part("model", b"m"))
    assert field(body, b"XX", "model") == "m"


def test_names_come_quoted_and_bare_and_in_any_order() -> None:
    for head in (
        b"content-disposition: form-data; name=model",
        b"CONTENT-DISPOSITION: form-data;name=model; x=y",
        b'content-type: text/plain\r\nContent-Disposition: form-data; filename="a\\"b"; name="model"',
    ):
        assert field(b"--XX\r\n" + head + b"\r\n\r\nm\r\n--XX--", b"XX", "model") == "m"


def test_an_empty_field_is_empty() -> None:
    assert field(form(Part("model", b"")), b"XX", "model") == ""
    squeezed = b'--XX\r\ncontent-disposition: form-data; name="model"\r\n\r\n--XX--'
    assert field(squeezed, b"XX", "model") == ""


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b;c"', b"a b;c"),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ('multipart/form-data; boundary=""', None),
        ("application/json", None),
        ("application/json; boundary=x", None),
        ("", None),
    ],
)
def test_boundaries(content_type: str, boundary: bytes | None) -> None:
    assert boundary_in(content_type) == boundary
