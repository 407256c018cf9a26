"""What the commands do to the file: exactly what was asked, or nothing."""

import os
import stat
from pathlib import Path
from typing import Final

import pytest

from dragoman.config import edit, key_edits
from dragoman.config.edit import EditError
from dragoman.config.load import load_file

FILE: Final = """\
# Ours.
models:
  - name: my-model  # the large one
    backends: [http://127.0.0.1:9/v1]
    api_key: ${BACKEND_KEY}
aliases: {short: my-model}
keys:
  - {name: ann, key: "${ANNS_KEY}"}
  - {name: bob, key: sk-bbbbbbbbbbbbbbbb}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "config.yaml"
    made.write_text(FILE)
    return made


def refused(path: Path, act: str, *arguments: object) -> str:
    before = path.read_bytes()
    with pytest.raises(EditError) as error:
        getattr(edit, act)(path, *arguments, {})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["config.yaml"]
    return str(error.value)


def test_a_key_is_added_and_opens(path: Path) -> None:
    made = edit.add_key(path, "eve", ["short"], {})
    key = made.key.reveal()
    assert not made.first
    assert key.startswith("sk-")
    assert len(key) >= 43  # 256 bits in letters of six
    assert key not in path.read_text()
    keys = edit.read(path, {}).keys
    assert [(key.name, key.models) for key in keys] == [("ann", ()), ("bob", ()), ("eve", ("short",))]
    assert FILE in path.read_text()


def test_a_key_may_be_for_audio_alone(path: Path) -> None:
    path.write_text(FILE + "audio: {tts: {name: voice, backends: [http://127.0.0.1:9/v1]}}\n")
    edit.add_key(path, "eve", ["voice"], {})
    assert edit.read(path, {}).keys[2].models == ("voice",)


def test_every_key_is_another(path: Path) -> None:
    assert edit.add_key(path, "eve", [], {}).key != edit.add_key(path, "joe", [], {}).key


def test_the_first_one_is_told(path: Path) -> None:
    path.write_text(FILE.partition("keys:")[0])
    assert edit.add_key(path, "eve", [], {}).first


def test_a_file_that_demands_a_key_gets_its_first(path: Path) -> None:
    path.write_text("listen: :8080\n" + FILE.partition("keys:")[0])
    assert edit.read(path, {}).keys == ()
    assert edit.add_key(path, "eve", [], {}).first
    assert load_file(path, {"BACKEND_KEY": "b"}).config is not None


def test_a_renewed_key_is_another(path: Path) -> None:
    made = edit.rotate_key(path, "ann", {})
    ann, bob = edit.read(path, {}).keys
    assert ann.digest is not None
    assert key_edits.removed(path.read_text(), 0).count("sk-bbbbbbbbbbbbbbbb") == 1
    assert "ANNS_KEY" not in path.read_text()
    assert ann.name == "ann"
    assert bob.key.reveal() == "sk-bbbbbbbbbbbbbbbb"
    assert made.key.reveal() not in path.read_text()


def test_a_revoked_key_is_gone_but_the_last_one_stays(path: Path) -> None:
    edit.revoke_key(path, "bob", {})
    assert [key.name for key in edit.read(path, {}).keys] == ["ann"]
    (path.parent / "config.yaml.bak").unlink()
    assert "without keys everybody" in refused(path, "revoke_key", "ann")


def test_what_was_stays_beside_it_as_private_as_it_was(path: Path) -> None:
    path.chmod(0o600)
    edit.add_key(path, "eve", [], {})
    copy = path.with_name("config.yaml.bak")
    assert copy.read_text() == FILE
    assert [stat.S_IMODE(one.stat().st_mode) for one in (copy, path)] == [0o600, 0o600]


def test_a_link_stays_one(path: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    link = tmp_path / "etc" / "config.yaml"
    link.symlink_to(path)
    edit.add_key(link, "eve", [], {})
    assert link.is_symlink()
    assert len(edit.read(path, {}).keys) == 3


def test_a_mark_at_the_head_stays(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + FILE.encode())
    edit.add_key(path, "eve", [], {})
    assert path.read_bytes().startswith(b"\xef\xbb\xbf# Ours.")


def test_variables_count_where_they_are_set(path: Path) -> None:
    environment = {"ANNS_KEY": "sk-aaaaaaaaaaaaaaaa", "BACKEND_KEY": "b"}
    edit.add_key(path, "eve", [], environment)
    assert load_file(path, environment).config is not None


@pytest.mark.parametrize(
    ("act", "arguments", "word"),
    [
        ("add_key", ("ann", []), "a key for ann already"),
        ("add_key", ("", []), "no name"),
        ("add_key", (" x", []), "no name"),
        ("add_key", ("x\ny", []), "no name"),
        ("add_key", ("x" * 81, []), "no name"),
        ("add_key", ("eve", ["my-modle"]), "did you mean my-model?"),
        ("add_key", ("eve", ["zzz"]), "there is my-model, short"),
        ("rotate_key", ("an",), "did you mean ann?"),
        ("revoke_key", ("zzz",), "there is ann, bob"),
    ],
)
def test_what_is_refused_says_what_to_do(act: str, arguments: tuple[object, ...], word: str, path: Path) -> None:
    assert word in refused(path, act, *arguments)


@pytest.mark.parametrize("wrong", ["models: []\n", "modles: 1\n", "models: [", "max_body_mb: x\n" + FILE])
def test_a_file_with_mistakes_is_not_touched(wrong: str, path: Path) -> None:
    path.write_text(wrong)
    assert "config.yaml" in refused(path, "add_key", "eve", [])


def test_a_name_that_two_have_is_nobodys(path: Path) -> None:
    path.write_text(FILE.replace("name: bob", "name: ann"))
    assert "2 keys are called ann" in refused(path, "rotate_key", "ann")


def test_a_key_without_a_name_is_called_by_its_digest(path: Path) -> None:
    path.write_text(FILE.replace("name: bob, ", ""))
    name = edit.name_of(edit.read(path, {}).keys[1])
    edit.revoke_key(path, name, {})
    assert [key.name for key in edit.read(path, {}).keys] == ["ann"]


def test_keys_from_elsewhere_in_the_file_are_left_to_their_author(path: Path) -> None:
    path.write_text(FILE.replace("{name: bob,", "&b {name: bob,"))
    assert "by hand" in refused(path, "rotate_key", "bob")


def test_nothing_is_written_that_says_something_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(text: str, *_: object) -> str:
        return text.replace("bob", "bop")

    monkeypatch.setattr(key_edits, "added", wrong)
    assert "by hand" in refused(path, "add_key", "eve", [])
    monkeypatch.setattr(key_edits, "added", lambda *_: "models: []\n")
    assert "none given" in refused(path, "add_key", "eve", [])


def test_where_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="there is no such file"):
        edit.add_key(tmp_path / "none.yaml", "eve", [], {})
    with pytest.raises(EditError, match="there is no such file"):
        edit.read(tmp_path / "none.yaml", {})


@pytest.mark.parametrize(("number", "word"), [(13, "permission"), (16, "mount its folder"), (30, "Read-only")])
def test_where_it_cannot_be_written(number: int, word: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(edit, "replace", fails)
    assert word in refused(path, "add_key", "eve", [])
