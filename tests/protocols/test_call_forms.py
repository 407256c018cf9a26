"""The forms in which models say calls, each as its chat template has it: read whole, and a character at a time."""

from typing import Final

import pytest

from dragoman.protocols.call_forms import FORMS, Spoken
from dragoman.protocols.call_reading import NotACallError, Unread

NAMES: Final = ("read_file", "run")
READ: Final = '{"name": "read_file", "arguments": {"path": "/a", "limit": 5}}'
RUN: Final = '{"name": "run", "arguments": {"command": "ls"}}'
A: Final = Spoken("read_file", {"path": "/a", "limit": 5})
B: Final = Spoken("run", {"command": "ls"})
# Where values have no quotes.
A_UNTYPED: Final = Spoken("read_file", {"path": "/a", "limit": "5"}, untyped=True)
B_UNTYPED: Final = Spoken("run", {"command": "ls\npwd"}, untyped=True)


def deepseek(words: str) -> str:
    """A token of DeepSeek's."""
    bar, block = "\N{FULLWIDTH VERTICAL LINE}", "\N{LOWER ONE EIGHTH BLOCK}"
    return f"<{bar}{words.replace(' ', block)}{bar}>"


SECTION: Final = (deepseek("tool calls begin"), deepseek("tool calls end"))
CALL: Final = (deepseek("tool call begin"), deepseek("tool call end"))
V3: Final = f"{CALL[0]}function{deepseek('tool sep')}{{}}\n```json\n{{}}\n```{CALL[1]}"
V31: Final = f"{CALL[0]}{{}}{deepseek('tool sep')}{{}}{CALL[1]}"
LS: Final = '{"command": "ls"}'
ARGUMENTS: Final = '{"path": "/a", "limit": 5}'
DSML: Final = "\N{FULLWIDTH VERTICAL LINE}DSML\N{FULLWIDTH VERTICAL LINE}"
KIMI: Final = "<|tool_call_begin|>functions.{}:{}<|tool_call_argument_begin|>{}<|tool_call_end|>"
HARMONY: Final = "<|channel|>commentary to=functions.{} <|constrain|>json<|message|>{}<|call|>"


def filled(form: str, *values: str) -> str:
    for value in values:
        form = form.replace("{}", value, 1)
    return form


CALLS: Final[list[tuple[str, list[Spoken]]]] = [
    (f"<tool_call>\n{READ}\n</tool_call>", [A]),
    (f"<tool_call>\n{READ}\n</tool_call>\n<tool_call>\n{RUN}\n</tool_call><|im_end|>\n", [A, B]),
    (f"<tool_call>{READ}", [A]),
    ('<tool_call>{"arguments": "{\\"command\\": \\"ls\\"}", "name": "run"}</tool_call>', [B]),
    (
        (
            "<tool_call>\n<function=read_file>\n<parameter=path>\n/a\n</parameter>\n<parameter=limit>\n5\n</parameter>\n"
            "</function>\n</tool_call>\n<tool_call>\n<function=run>\n<parameter=command>\nls\npwd\n</parameter>\n"
            "</function>\n</tool_call>"
        ),
        [A_UNTYPED, B_UNTYPED],
    ),
    ("<function=run>\n<parameter=command>ls\npwd</parameter>\n</function>\n</tool_call>", [B_UNTYPED]),
    ('<function=run>{"command": "ls"}</function>', [B]),
    ("<tool_call>\n<function=run>\n</function>\n</tool_call>", [Spoken("run", {}, untyped=True)]),
    (
        (
            "<tool_call>read_file\n<arg_key>path</arg_key>\n<arg_value>/a</arg_value>\n<arg_key>limit</arg_key>\n"
            "<arg_value>5</arg_value>\n</tool_call>"
        ),
        [A_UNTYPED],
    ),
    ("<tool_call>run<arg_key>command</arg_key><arg_value>ls\npwd</arg_value></tool_call>", [B_UNTYPED]),
    (
        (
            '<minimax:tool_call>\n<invoke name="read_file">\n<parameter name="path">/a</parameter>\n'
            '<parameter name="limit">5</parameter>\n</invoke>\n<invoke name="run">\n'
            '<parameter name="command">ls\npwd</parameter>\n</invoke>\n</minimax:tool_call>'
        ),
        [A_UNTYPED, B_UNTYPED],
    ),
    (
        (
            f'<{DSML}function_calls>\n<{DSML}invoke name="read_file">\n<{DSML}parameter name="path" string="true">/a'
            f'</{DSML}parameter>\n<{DSML}parameter name="limit" string="false">5</{DSML}parameter>\n</{DSML}invoke>\n'
            f"</{DSML}function_calls>"
        ),
        [A_UNTYPED],
    ),
    (
        f"{SECTION[0]}{filled(V3, 'read_file', ARGUMENTS)}\n{filled(V3, 'run', LS)}{SECTION[1]}"
        + deepseek("end of sentence"),
        [A, B],
    ),
    (f"{SECTION[0]}{filled(V31, 'read_file', ARGUMENTS)}{SECTION[1]}", [A]),
    (
        (
            f"<|tool_calls_section_begin|>{filled(KIMI, 'read_file', '0', ARGUMENTS)}"
            f"{filled(KIMI, 'run', '1', LS)}<|tool_calls_section_end|>"
        ),
        [A, B],
    ),
    (f"[TOOL_CALLS][{READ}, {RUN}]", [A, B]),
    (f"[TOOL_CALLS] [{READ}]</s>", [A]),
    (f'[TOOL_CALLS]read_file[ARGS]{ARGUMENTS}[TOOL_CALLS]run{{"command": "ls"}}', [A, B]),
    (f"[TOOL_CALLS]read_file[CALL_ID]abc123def[ARGS]{ARGUMENTS}", [A]),
    (f"<|python_tag|>{READ.replace('arguments', 'parameters')}; {RUN}<|eom_id|>", [A, B]),
    (filled(HARMONY, "read_file", ARGUMENTS) + filled(HARMONY, "run", LS), [A, B]),
    (f"<|channel|>commentary to=run<|message|>{LS}", [B]),
    (f"```json\n{READ}\n```", [A]),
    (f"```\n{READ}\n{RUN}\n```\n```\n```\n``", []),
    (f"```json\n{READ}\n{RUN}\n```\n```\n```\n```", [A, B]),
    (f"```json\n{READ}\n```\n\n```json\n{RUN}\n```", [A, B]),
    (f"```json\n[{READ}, {RUN}]\n```", [A, B]),
    (READ, [A]),
    (f"{READ}\n{RUN}", [A, B]),
    (f"[{READ}, {RUN}]", [A, B]),
    (f"{READ}\n</tool_call>", [A]),
    ('{"type": "function", "name": "run", "parameters": {"command": "ls"}}', [B]),
    ('{"type": "function", "function": {"name": "run", "arguments": "{\\"command\\": \\"ls\\"}"}, "id": "x"}', [B]),
    ('{"function": "run", "parameters": {"command": "ls",}}', [B]),
]
NO_CALLS: Final = [
    "<tool_call>",
    "<tool_call> is how Qwen says it.",
    f"<tool_call>\n{READ}\n</tool_call>\nNow I wait.",
    f"<tool_call>\n{READ.replace('read_file', 'rm')}\n</tool_call>",
    f"<tool_call>\n{READ[:-1]}\n</tool_call>",
    f"<tool_call>\n{READ}\n</tool_call>\n<tool_call>\n",
    "<tool_call>\n<function=run>\n<parameter=command>\nls",
    "<tool_call>\n<function=run>\n<parameter=command>\na</parameter>b</parameter></function>\n</tool_call>",
    "<tool_call>read_file</arg_key></tool_call>",
    '<function=run>{"command": "ls"}',
    "<minimax:tool_call>\n</minimax:tool_call>",
    "<|tool_calls_section_begin|><|tool_calls_section_end|>",
    "[TOOL_CALLS] is a token of Mistral's.",
    "[TOOL_CALLS]run[ARGS]ls",
    "[TOOL_CALLS][]",
    "<|python_tag|>run.call(command='ls')",
    "<|channel|>commentary to=python<|message|>ls",
    "<|channel|>final<|message|>Hello.",
    f"```json\n{READ}\n```\nThis reads a file.",
    f"```python\n{READ}\n```",
    f"{READ} reads a file.",
    "```json\n{}\n```",
    "{",
    "[]",
    "[1]",
    "{}",
    '{"name": "run"}',
    '{"arguments": {"command": "ls"}}',
    '{"name": "run", "arguments": "ls"}',
    '{"name": "run", "arguments": ["ls"]}',
    '{"name": "run", "arguments": {"command": "ls"}, "parameters": {"command": "ls"}}',
    '{"name": "run", "name": "run", "arguments": {"command": "ls"}}',
    '{"name": "run", "description": "Runs", "parameters": {"type": "object"}}',
    '{"type": "object", "name": "run", "parameters": {}}',
    '{"name": "run", "arguments": {"command": "ls"}',
    '{"function": {"name": "run", "arguments": {}}, "arguments": {}}',
    '{"function": {"name": "run"}}',
]


def read(*pieces: str) -> list[Spoken]:
    """What the form that the text begins with makes of it; nothing if it is no call."""
    text = "".join(pieces)
    form = next(form for form in FORMS if text.startswith(form.openings))
    said = Unread(NAMES)
    reading = form.grammar(said)
    try:
        for piece in pieces:
            said.add(piece)
            next(reading)
        said.over = True
        next(reading)
    except StopIteration as done:
        found: list[Spoken] = done.value
        return found
    except NotACallError:
        return []
    raise AssertionError("it waits for more than there is")


@pytest.mark.parametrize(("text", "calls"), CALLS)
def test_calls(text: str, calls: list[Spoken]) -> None:
    assert read(text) == read(*text) == calls


@pytest.mark.parametrize("text", NO_CALLS)
def test_what_is_no_call(text: str) -> None:
    assert read(text) == read(*text) == []


@pytest.mark.parametrize("text", [text for text, _ in CALLS])
def test_nothing_may_stand_behind_calls(text: str) -> None:
    assert read(f"{text}\nThat was it.") == []


def test_every_form_is_tried_and_no_opening_begins_another() -> None:
    assert all(any(text.startswith(form.openings) for text, calls in CALLS if calls) for form in FORMS)
    marked = [opening for form in FORMS if form.where != "answer" for opening in form.openings]
    assert not [(one, other) for one in marked for other in marked if one != other and other.startswith(one)]
