"""Names of tools: what does not fit is shortened, and found again."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Tool
from dragoman.protocols import tool_names

LEGAL = re.compile(r"[A-Za-z0-9_-]{1,64}")


@given(st.text())
def test_every_name_is_fitted_and_stays(name: str) -> None:
    fitted = tool_names.fit(name)
    assert LEGAL.fullmatch(fitted)
    assert tool_names.fit(fitted) == fitted


def test_a_name_that_fits_is_left_alone() -> None:
    assert tool_names.fit("mcp__github__create-issue_2") == "mcp__github__create-issue_2"


def test_a_fitted_name_can_still_be_read() -> None:
    assert tool_names.fit("a.b/c").startswith("a_b_c_")
    assert tool_names.fit("x" * 70) != tool_names.fit("x" * 71)


def test_the_way_back_is_made_of_the_requests_own_tools() -> None:
    tools: list[Tool] = [
        FunctionTool("fits"),
        FunctionTool("a.b"),
        CustomTool("c d"),
        HostedTool("openai-chat", "web_search", {}),
    ]
    assert tool_names.originals(tools) == {tool_names.fit("a.b"): "a.b", tool_names.fit("c d"): "c d"}
