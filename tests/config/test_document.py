"""docs/config.md and config.example.yaml say what the code does."""

import re
from pathlib import Path

import msgspec
import pytest

from dragoman.config import document
from dragoman.config.about import About
from dragoman.config.load import load_bytes
from dragoman.config.schema import Config
from dragoman.hub.route import Profile

CHECKOUT = Path(__file__).parents[2]
REMEDY = "run `python -m dragoman.config.document`"


def uncommented() -> str:
    """The example with every setting in force, but for the one that excludes another."""
    lines = [line for line in document.example().splitlines() if "key_hash" not in line]
    return "\n".join(re.sub(r"^( *)#(?=\S)", r"\1", line) for line in lines)


def test_the_reference_is_current() -> None:
    assert (CHECKOUT / "docs" / "config.md").read_text(encoding="utf-8") == document.reference(), REMEDY


def test_the_example_is_current() -> None:
    assert (CHECKOUT / "config.example.yaml").read_text(encoding="utf-8") == document.example(), REMEDY


def test_the_example_works_and_asks_for_a_key_of_ones_own() -> None:
    loaded = load_bytes(document.example().encode(), {})
    assert loaded.config is not None
    assert [finding.path for finding in loaded.findings] == ["keys[0].key"]


def test_every_setting_of_the_example_is_taken() -> None:
    names = set(re.findall(r"\$\{(\w+)\}", uncommented()))
    text = uncommented().replace("my-vision-model", "my-model").replace("my-ocr-model", "my-model")
    loaded = load_bytes(text.encode(), dict.fromkeys(names, "x"))
    assert [finding for finding in loaded.findings if finding.level == "error"] == []


def test_every_field_is_in_the_reference() -> None:
    text = document.reference()
    for struct, path in document._structs(Config, ""):
        section = text.partition(f"## `{path}`\n" if path else "## Top of the file\n")[2].partition("\n## ")[0]
        for field in document.fields_of(struct):
            assert f"| `{field.name}` |" in section, (path, field.name)
            assert isinstance(field.about, About)


def test_every_field_of_a_profile_is_in_the_reference() -> None:
    section = document.reference().partition("## `models[].profile`")[2]
    for field in msgspec.structs.fields(Profile):
        assert f"{field.name}" in section


def test_fenced_examples_load() -> None:
    for block in re.findall(r"```yaml\n(.*?)```", document.reference(), re.DOTALL):
        assert load_bytes(block.encode(), {}).findings == ()


def test_writing_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "__file__", str(tmp_path / "src" / "dragoman" / "config" / "document.py"))
    document.main()
    assert (tmp_path / "docs" / "config.md").read_text(encoding="utf-8") == document.reference()
    assert (tmp_path / "config.example.yaml").read_text(encoding="utf-8") == document.example()
