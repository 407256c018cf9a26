"""The catalog that the installed Codex reads: an entry it does not like makes it drop the whole list."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from dragoman.wire import jsons
from tests.agents import installed
from tests.serving import serving

pytestmark = pytest.mark.agents

KEY: Final = "sk-dragoman-catalog-test"
NOBODY: Final = "http://127.0.0.1:9/v1"
SECONDS: Final = 60


def test_codex_takes_every_entry(tmp_path: Path) -> None:
    program = installed.command("codex")
    if program is None:
        pytest.skip("Codex is not installed")
    models = [
        {"name": "plain", "backends": [{"url": NOBODY}]},
        {"name": "seeing", "context_window": 64_000, "supports_vision": True, "backends": [{"url": NOBODY}]},
        {"name": "org/claude", "type": "anthropic", "backends": [{"url": NOBODY}]},
        {"name": "native", "type": "responses", "backends": [{"url": NOBODY}]},
    ]
    config = {"models": models, "aliases": {"short": "plain"}, "keys": [{"key": KEY}]}
    with serving(config, tmp_path / "proxy") as served:
        home = tmp_path / "home"
        home.mkdir()
        (home / "config.toml").write_text(
            "\n".join(
                [
                    'model = "plain"',
                    'model_provider = "lab"',
                    "check_for_update_on_startup = false",
                    "[analytics]",
                    "enabled = false",
                    "[model_providers.lab]",
                    'name = "Lab"',
                    f'base_url = "{served.url}/v1"',
                    f'model_catalog_url = "{served.url}/v1/models"',
                    'env_key = "LAB_KEY"',
                    'wire_api = "responses"',
                ]
            )
        )
        said = subprocess.run(
            [*program, "debug", "models"],
            env={**os.environ, "CODEX_HOME": str(home), "HOME": str(tmp_path), "LAB_KEY": KEY, "RUST_LOG": "warn"},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    listed = {entry["slug"]: entry for entry in jsons.read(said.stdout)["models"]}
    assert {"plain", "seeing", "org/claude", "native", "short"} <= set(listed)
    assert listed["seeing"]["context_window"] == 64_000
    assert listed["seeing"]["input_modalities"] == ["text", "image"]
    assert listed["plain"]["apply_patch_tool_type"] == "freeform"
    assert "failed to decode" not in said.stderr
    assert "metadata" not in said.stderr
