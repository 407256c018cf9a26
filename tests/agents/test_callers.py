"""Which agent is calling, by what it says of itself."""

import pytest

from dragoman.agents.callers import caller


@pytest.mark.parametrize(
    ("said", "name", "version"),
    [
        ("claude-cli/2.1.330 (external, sdk-cli)", "Claude Code", "2.1.330"),
        ("claude-cli/0.24.4 (external, cli)", "Qwen Code", "0.24.4"),
        ("codex_cli_rs/0.169.0 (Debian 13; x86_64)", "Codex", "0.169.0"),
        ("codex_exec/0.169.0 (Debian 13)", "Codex", "0.169.0"),
        ("codex-tui/0.169.0", "Codex", "0.169.0"),
        ("opencode/1.18.33 ai-sdk/provider-utils/4", "OpenCode", "1.18.33"),
        ("QwenCode/0.24.4 (linux; x64)", "Qwen Code", "0.24.4"),
        ("OpenAI/Python 3.54.0", "OpenAI SDK", "Python"),
        ("AsyncAnthropic/Python 2.12", "Anthropic SDK", "Python"),
        ("curl/8.14.1", "curl", "8.14.1"),
        ("curl", "curl", ""),
        ("", "", ""),
        ("/1.0", "", ""),
        ("a\x1b[2J/1", "", ""),
    ],
)
def test_callers(said: str, name: str, version: str) -> None:
    assert caller({"user-agent": said}) == (name, version)


def test_an_old_claude_code_is_known_by_its_session() -> None:
    headers = {"user-agent": "claude-cli/0.2.9 (external, cli)", "x-claude-code-session-id": "s"}
    assert caller(headers).name == "Claude Code"


def test_who_says_nothing_is_nobody() -> None:
    assert caller({}) == ("", "")


def test_a_name_without_end_is_cut() -> None:
    assert len(caller({"user-agent": "x" * 10_000}).name) <= 60
