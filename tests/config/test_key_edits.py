"""What is done to the keys of the file: exactly what was asked, or nothing."""

from pathlib import Path

import pytest

from dragoman.config import edit, key_edits, splices
from dragoman.config.load import load_file
from tests.config.editing import FILE, refused, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path)


def test_a_key_is_added_and_opens(path: Path) -> None:
    made = key_edits.add_key(path, "eve", ["short"], {})
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
    key_edits.add_key(path, "eve", ["voice"], {})
    assert edit.read(path, {}).keys[2].models == ("voice",)


def test_every_key_is_another(path: Path) -> None:
    assert key_edits.add_key(path, "eve", [], {}).key != key_edits.add_key(path, "joe", [], {}).key


def test_the_first_one_is_told(path: Path) -> None:
    path.write_text(FILE.partition("keys:")[0])
    assert key_edits.add_key(path, "eve", [], {}).first


def test_a_file_that_demands_a_key_gets_its_first(path: Path) -> None:
    path.write_text("listen: :8080\n" + FILE.partition("keys:")[0])
    assert edit.read(path, {}).keys == ()
    assert key_edits.add_key(path, "eve", [], {}).first
    assert load_file(path, {"BACKEND_KEY": "b"}).config is not None


def test_a_renewed_key_is_another(path: Path) -> None:
    made = key_edits.rotate_key(path, "ann", {})
    ann, bob = edit.read(path, {}).keys
    assert ann.digest is not None
    assert splices.removed(path.read_text(), "keys", 0).count("sk-bbbbbbbbbbbbbbbb") == 1
    assert "ANNS_KEY" not in path.read_text()
    assert ann.name == "ann"
    assert bob.key.reveal() == "sk-bbbbbbbbbbbbbbbb"
    assert made.key.reveal() not in path.read_text()


def test_a_revoked_key_is_gone_but_the_last_one_stays(path: Path) -> None:
    key_edits.revoke_key(path, "bob", {})
    assert [key.name for key in edit.read(path, {}).keys] == ["ann"]
    (path.parent / "config.yaml.bak").unlink()
    assert "without keys everybody" in refused(path, "revoke_key", "ann")


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


def test_a_name_that_two_have_is_nobodys(path: Path) -> None:
    path.write_text(FILE.replace("name: bob", "name: ann"))
    assert "2 keys are called ann" in refused(path, "rotate_key", "ann")


def test_a_key_without_a_name_is_called_by_its_digest(path: Path) -> None:
    path.write_text(FILE.replace("name: bob, ", ""))
    name = key_edits.name_of(edit.read(path, {}).keys[1])
    key_edits.revoke_key(path, name, {})
    assert [key.name for key in edit.read(path, {}).keys] == ["ann"]


def test_keys_from_elsewhere_in_the_file_are_left_to_their_author(path: Path) -> None:
    path.write_text(FILE.replace("{name: bob,", "&b {name: bob,"))
    assert "by hand" in refused(path, "rotate_key", "bob")


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_what_a_key_may_use_is_said_anew(name: str, path: Path) -> None:
    key_edits.allow_models(path, name, ["short"], {})
    key_edits.allow_models(path, name, ["short", "my-model"], {})
    assert {key.name: key.models for key in edit.read(path, {}).keys}[name] == ("short", "my-model")
    key_edits.allow_models(path, name, [], {})
    ann, bob = edit.read(path, {}).keys
    assert (ann.models, bob.models) == ((), ())
    assert bob.key.reveal() == "sk-bbbbbbbbbbbbbbbb"
    assert "${ANNS_KEY}" in path.read_text()


def test_nobody_is_allowed_what_there_is_not(path: Path) -> None:
    assert "did you mean my-model?" in refused(path, "allow_models", "ann", ["my-modle"])
    assert "did you mean ann?" in refused(path, "allow_models", "an", ["my-model"])
