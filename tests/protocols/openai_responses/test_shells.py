"""The schemas written out for tools that a request only names."""

import pytest

from dragoman.hub.request import CallKind
from dragoman.protocols.openai_responses.shells import REQUIRED, SHELLS

TYPES = {"string": str, "array": list, "object": dict, "integer": int}


@pytest.mark.parametrize("kind", SHELLS)
def test_what_is_required_of_a_call_is_what_the_schema_demands(kind: CallKind) -> None:
    about, schema = SHELLS[kind]
    demanded = [(name, TYPES[schema["properties"][name]["type"]]) for name in schema["required"]]
    assert list(REQUIRED[kind]) == demanded
    assert about


def test_every_tool_has_both() -> None:
    assert SHELLS.keys() == REQUIRED.keys()
