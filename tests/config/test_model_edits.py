"""What is done to the models of the file: exactly what was asked, or nothing."""

from pathlib import Path
from typing import Final

import pytest

from dragoman.config import edit
from dragoman.config.edit import EditError
from dragoman.config.load import load_file
from dragoman.config.model_edits import BackendChange, NewModel, add_model, change_backend, remove_model

FILE: Final = """\
# Ours.
models:
  - name: large  # the good one
    backends:
      - http://127.0.0.1:9/v1
      - url: http://127.0.0.1:8/v1  # the spare one
        disabled: true
  - {name: small, backend: "http://127.0.0.1:7/v1"}
aliases: {short: large}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "config.yaml"
    made.write_text(FILE)
    return made


def refusal(error: pytest.ExceptionInfo[EditError], path: Path) -> str:
    assert path.read_text() == FILE
    return str(error.value)


def test_a_model_is_added_with_what_was_said_of_it_only(path: Path) -> None:
    add_model(path, NewModel(name="org/new", url=" http://127.0.0.1:6/v1 "), {})
    assert path.read_text().replace(FILE.partition("aliases")[0], "").splitlines()[:4] == [
        "  - name: org/new",
        "    type: auto",
        "    backends:",
        '      - url: "http://127.0.0.1:6/v1"',
    ]
    assert "# the good one" in path.read_text()


def test_everything_that_was_said_of_a_model_is_in_the_file(path: Path) -> None:
    new = NewModel(
        name="new",
        url="https://api.example.com",
        type="anthropic",
        model="claude",
        api_key="${NEW_KEY}",
        context_window=200_000,
    )
    add_model(path, new, {})
    loaded = load_file(path, {"NEW_KEY": "sk-from-outside"})
    assert loaded.config is not None
    model = loaded.config.models[-1]
    (backend,) = model.backends
    assert (model.name, model.type, model.backend_model, model.context_window) == (
        "new",
        "anthropic",
        "claude",
        200_000,
    )
    assert (backend.url, backend.api_key.reveal()) == ("https://api.example.com", "sk-from-outside")


@pytest.mark.parametrize(
    ("new", "word"),
    [
        (NewModel(name="large", url="http://127.0.0.1:6/v1"), "large"),
        (NewModel(name="new", url="ftp://127.0.0.1"), "must begin with http:// or https://"),
        (NewModel(name="new", url=""), "url"),
        (NewModel(name=" ", url="http://127.0.0.1:6/v1"), "no name"),
        (NewModel(name="a\nb", url="http://127.0.0.1:6/v1"), "no name"),
        (NewModel(name="new", url="http://127.0.0.1:6/v1", api_key="${"), "${"),
    ],
)
def test_what_cannot_be_a_model_is_refused(new: NewModel, word: str, path: Path) -> None:
    with pytest.raises(EditError) as error:
        add_model(path, new, {})
    assert word in refusal(error, path)


def test_a_model_is_taken_out(path: Path) -> None:
    remove_model(path, "small", {})
    assert [model.name for model in edit.read(path, {}).models] == ["large"]
    assert "aliases: {short: large}" in path.read_text()


@pytest.mark.parametrize(("name", "word"), [("large", "aliases"), ("lrge", "did you mean large?")])
def test_a_model_that_others_need_or_nobody_has_is_not_taken_out(name: str, word: str, path: Path) -> None:
    with pytest.raises(EditError) as error:
        remove_model(path, name, {})
    assert word in refusal(error, path)


def test_backends_are_set_in_their_place(path: Path) -> None:
    change_backend(path, "large", 1, BackendChange(in_service=True, weight=3), {})
    change_backend(path, "large", 0, BackendChange(in_service=False, max_inflight=4), {})
    first, second = edit.read(path, {}).models[0].backends
    assert (first.url, first.disabled, first.weight, first.max_inflight) == ("http://127.0.0.1:9/v1", True, 1, 4)
    assert (second.url, second.disabled, second.weight) == ("http://127.0.0.1:8/v1", False, 3)
    assert "# the spare one" in path.read_text()


@pytest.mark.parametrize(
    ("name", "number", "change", "word"),
    [
        ("large", 0, BackendChange(in_service=False), "all are disabled"),
        ("large", 2, BackendChange(weight=1), "no backend 3"),
        ("large", -1, BackendChange(weight=1), "no backend 0"),
        ("large", 0, BackendChange(weight=-1), "weight"),
        ("small", 0, BackendChange(weight=2), "by hand"),
        ("smal", 0, BackendChange(weight=2), "did you mean small?"),
    ],
)
def test_what_a_backend_cannot_be_is_refused(
    name: str, number: int, change: BackendChange, word: str, path: Path
) -> None:
    with pytest.raises(EditError) as error:
        change_backend(path, name, number, change, {})
    assert word in refusal(error, path)
