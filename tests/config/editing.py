"""A file whose keys are edited, and what a refusal leaves of it: everything."""

from pathlib import Path
from typing import Final

import pytest

from dragoman.config import key_edits
from dragoman.config.edit import EditError

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


def written(folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(FILE)
    return path


def refused(path: Path, act: str, *arguments: object) -> str:
    before = path.read_bytes()
    with pytest.raises(EditError) as error:
        getattr(key_edits, act)(path, *arguments, {})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["config.yaml"]
    return str(error.value)
