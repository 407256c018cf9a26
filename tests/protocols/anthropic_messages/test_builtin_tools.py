"""Anthropic's own client tools, for models that do not know them by heart."""

from typing import Any

import pytest

from dragoman.protocols.anthropic_messages.builtin_tools import builtin


@pytest.mark.parametrize(
    ("kind", "demanded"),
    [
        ("bash_20250124", []),
        ("bash_20991231", []),
        ("text_editor_20250728", ["command", "path"]),
        ("memory_20250818", ["command"]),
        ("computer_20251124", ["action"]),
    ],
)
def test_schemas(kind: str, demanded: list[str]) -> None:
    found = builtin(kind)
    assert found is not None
    description, schema = found
    assert description.endswith(".")
    assert (schema["type"], schema.get("required", [])) == ("object", demanded)
    _all_described(schema)


def _all_described(schema: dict[str, Any]) -> None:
    assert all("type" in of for of in schema["properties"].values())


@pytest.mark.parametrize(
    "kind", ["computer_toolset_20260801", "browser_toolset_20260801", "web_search_20250305", "custom", ""]
)
def test_what_is_no_client_tool_of_a_known_schema(kind: str) -> None:
    assert builtin(kind) is None
