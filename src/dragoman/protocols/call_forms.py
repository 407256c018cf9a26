"""The forms in which models say tool calls, where their server did not make calls of them.

A row tells how a form begins and where it may stand; its grammar reads what follows, to the end of the answer: whatever
stands behind the calls and is none makes all of it text again.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from dragoman.protocols import arguments
from dragoman.protocols.call_reading import NotACallError, Reading, Unread
from dragoman.wire import jsons

# "anywhere": models say this as one token of their own, directly behind a word. "line": at the beginning of one.
# "answer": it is an ordinary thing to write, and so only a call if it is all there is.
Where: TypeAlias = Literal["anywhere", "line", "answer"]


class Spoken(NamedTuple):
    """A call as it was said. untyped: its values are texts, whatever their types."""

    name: str
    arguments: Mapping[str, Any]
    untyped: bool = False


Grammar: TypeAlias = Callable[[Unread], Reading[list[Spoken]]]


class Form(NamedTuple):
    """openings: none of them begins another one. The grammar reads from the opening on, which is still unread."""

    about: str
    where: Where
    openings: tuple[str, ...]
    grammar: Grammar


_BAR: Final = "\N{FULLWIDTH VERTICAL LINE}"


def _deepseek_token(words: str) -> str:
    """As DeepSeek spells its tokens: with a bar and a block that are not those of ASCII."""
    return f"<{_BAR}{words.replace(' ', chr(0x2581))}{_BAR}>"


# What servers let slip at the end of an answer.
_ENDS: Final = ("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", _deepseek_token("end of sentence"), "</s>")
_ARGUMENTS: Final = ("arguments", "parameters")
_MEMBERS: Final = frozenset({"name", "type", "id", "function", *_ARGUMENTS})


def _calls(one: Callable[[Unread], Reading[list[Spoken]]]) -> Grammar:
    """One call or more to the end, as `one` reads them."""

    def grammar(said: Unread) -> Reading[list[Spoken]]:
        found: list[Spoken] = []
        while not found or not said.is_all():
            found += yield from one(said)
            yield from _rest(said)
        return found

    return grammar


def _rest(said: Unread) -> Reading[None]:
    yield from said.space()
    while (yield from said.skip(*_ENDS)):
        yield from said.space()
    yield from said.peek()


def _tool_call(said: Unread) -> Reading[list[Spoken]]:
    """`<tool_call>` as Hermes and Qwen say it (JSON), Qwen3-Coder (functions) and GLM (keys and values)."""
    yield from said.expect("<tool_call>")
    yield from said.space()
    first = yield from said.peek()
    if first == "{":
        call = yield from _object(said)
    elif first == "<":
        call = yield from _function(said)
    else:
        call = yield from _keys_and_values(said)
    yield from said.space()
    if not said.is_all():  # the end of the answer may come in the place of the tag
        yield from said.expect("</tool_call>")
    return [call]


def _bare_function(said: Unread) -> Reading[list[Spoken]]:
    """Qwen3-Coder forgets the tag around it."""
    call = yield from _function(said)
    yield from said.space()
    yield from said.skip("</tool_call>")
    return [call]


def _function(said: Unread) -> Reading[Spoken]:
    yield from said.expect("<function=")
    name = yield from said.name()
    yield from said.expect(">")
    yield from said.space()
    if (yield from said.peek()) == "{":  # Llama 3.1
        found = _as_object((yield from said.value()))
        yield from said.space()
        yield from said.expect("</function>")
        return Spoken(name, found)
    values: dict[str, str] = {}
    while (yield from said.expect("<parameter=", "</function>")) == "<parameter=":
        key = yield from said.until(">")
        values[key.strip()] = _within_lines((yield from said.until("</parameter>")))
        yield from said.space()
    return Spoken(name, values, untyped=True)


def _keys_and_values(said: Unread) -> Reading[Spoken]:
    name = yield from said.name()
    yield from said.space()
    values: dict[str, str] = {}
    while (yield from said.skip("<arg_key>")):
        key = yield from said.until("</arg_key>")
        yield from said.space()
        yield from said.expect("<arg_value>")
        values[key.strip()] = yield from said.until("</arg_value>")
        yield from said.space()
    return Spoken(name, values, untyped=True)


def _invocations(opening: str, mark: str) -> Callable[[Unread], Reading[list[Spoken]]]:
    """`<invoke name="..."><parameter name="...">`, with `mark` before each tag's name."""
    invoke, parameter = f'<{mark}invoke name="', f'<{mark}parameter name="'
    end, end_invoke, end_parameter = opening.replace("<", "</"), f"</{mark}invoke>", f"</{mark}parameter>"

    def one(said: Unread) -> Reading[list[Spoken]]:
        found: list[Spoken] = []
        yield from said.expect(opening)
        yield from said.space()
        while (yield from said.expect(invoke, end)) == invoke:
            found.append((yield from invocation(said)))
            yield from said.space()
        return found

    def invocation(said: Unread) -> Reading[Spoken]:
        name = yield from said.name()
        yield from said.expect('">')
        yield from said.space()
        values: dict[str, str] = {}
        while (yield from said.expect(parameter, end_invoke)) == parameter:
            key = yield from said.until('"')
            yield from said.until(">")  # DeepSeek says whether it is a string, the schema knows
            values[key] = _within_lines((yield from said.until(end_parameter)))
            yield from said.space()
        return Spoken(name, values, untyped=True)

    return one


def _mistral(said: Unread) -> Reading[list[Spoken]]:
    """A list of objects, or a name and its arguments, with or without `[ARGS]` between."""
    yield from said.expect("[TOOL_CALLS]")
    yield from said.space()
    if (yield from said.peek()) in ("[", "{"):
        return (yield from _objects(said))
    name = yield from said.name()
    if (yield from said.skip("[CALL_ID]", "[ARGS]")) == "[CALL_ID]":
        yield from said.until("[ARGS]")
    yield from said.space()
    return [Spoken(name, _as_object((yield from said.value())))]


def _python_tag(said: Unread) -> Reading[list[Spoken]]:
    """Llama 3.x; it parts several with semicolons."""
    yield from said.skip("<|python_tag|>")
    yield from said.space()
    found = [(yield from _object(said))]
    yield from said.space()
    yield from said.skip(";")
    return found


_SECTION: Final = _deepseek_token("tool calls begin")
_SECTION_END: Final = _deepseek_token("tool calls end")
_CALL: Final = _deepseek_token("tool call begin")
_CALL_END: Final = _deepseek_token("tool call end")
_SEPARATOR: Final = _deepseek_token("tool sep")


def _deepseek(said: Unread) -> Reading[list[Spoken]]:
    """V3 and R1 say `function`, the name and a fenced block; V3.1 the name and the bare arguments."""
    yield from said.expect(_SECTION)
    found: list[Spoken] = []
    while True:
        yield from said.space()
        if (yield from said.expect(_CALL, _SECTION_END)) == _SECTION_END:
            return found
        fenced = yield from said.skip(f"function{_SEPARATOR}")
        name = yield from said.name()
        yield from said.expect("\n```json\n" if fenced else _SEPARATOR)
        yield from said.space()
        found.append(Spoken(name, _as_object((yield from said.value()))))
        yield from said.space()
        yield from said.skip("```")
        yield from said.space()
        yield from said.expect(_CALL_END)


def _kimi(said: Unread) -> Reading[list[Spoken]]:
    """The name is the call's id as well: `functions.NAME:3`."""
    yield from said.expect("<|tool_calls_section_begin|>")
    found: list[Spoken] = []
    while True:
        yield from said.space()
        if (yield from said.expect("<|tool_call_begin|>", "<|tool_calls_section_end|>")).endswith("section_end|>"):
            return found
        yield from said.space()
        name = yield from said.name()
        yield from said.skip(":")
        yield from said.digits()
        yield from said.space()
        yield from said.expect("<|tool_call_argument_begin|>")
        yield from said.space()
        found.append(Spoken(name, _as_object((yield from said.value()))))
        yield from said.space()
        yield from said.expect("<|tool_call_end|>")


def _harmony(said: Unread) -> Reading[list[Spoken]]:
    """GPT-OSS. `protocols/channels.py` has taken what it says on other channels."""
    yield from said.expect("<|channel|>")
    yield from said.expect("commentary", "analysis")
    yield from said.space()
    yield from said.expect("to=")
    name = yield from said.name()
    yield from said.space()
    yield from said.skip("<|constrain|>")
    yield from said.skip("json")
    yield from said.space()
    yield from said.expect("<|message|>")
    yield from said.space()
    found = [Spoken(name, _as_object((yield from said.value())))]
    yield from said.space()
    yield from said.skip("<|call|>", "<|end|>")
    return found


def _whole_answer(said: Unread) -> Reading[list[Spoken]]:
    """Objects, fenced or not: nothing else is in the answer. Models that are made to go on pad it with fences."""
    found: list[Spoken] = []
    while True:
        yield from said.space()
        first = yield from said.peek()
        if first == "`":
            yield from said.expect("```")
            yield from said.skip("json", "tool_call")
        elif first in ("{", "["):
            found += yield from _objects(said)
            yield from said.space()
            yield from said.skip(",", ";", "</tool_call>")
        else:
            yield from _rest(said)
            if not said.is_all() or not found:
                raise NotACallError
            return found


def _objects(said: Unread) -> Reading[list[Spoken]]:
    """One object or a list of them."""
    if not (yield from said.skip("[")):
        return [(yield from _object(said))]
    found: list[Spoken] = []
    while True:
        yield from said.space()
        found.append((yield from _object(said)))
        yield from said.space()
        if (yield from said.expect(",", "]")) == "]":
            return found


def _object(said: Unread) -> Reading[Spoken]:
    """An object with a name and its arguments, and nothing that calls do not have."""
    members: dict[str, str] = {}
    seen: set[str] = set()
    inner: Spoken | str | None = None  # the call itself, or its name
    yield from said.expect("{")
    yield from said.space()
    while not (yield from said.skip("}")):
        key = yield from said.string()
        if (name := key[1:-1]) not in _MEMBERS or name in seen:
            raise NotACallError
        seen.add(name)
        yield from said.space()
        yield from said.expect(":")
        yield from said.space()
        if name == "function" and (yield from said.peek()) == "{":
            inner = yield from _object(said)
        elif name in ("name", "function"):
            yield from said.expect('"')
            inner = yield from said.name()
            yield from said.expect('"')
        else:
            members[name] = yield from said.value()
            _check_kind(name, members[name])
        yield from said.space()
        yield from said.skip(",")
        yield from said.space()
    given = [members[name] for name in _ARGUMENTS if name in members]
    if isinstance(inner, Spoken) and not given:
        return inner
    if not isinstance(inner, str) or len(given) != 1:
        raise NotACallError
    return Spoken(inner, _as_object(given[0]))


def _check_kind(member: str, value: str) -> None:
    if member == "type" and value != '"function"':
        raise NotACallError


def _as_object(text: str) -> Mapping[str, Any]:
    """Arguments, which some models say as a string that holds them."""
    if text.startswith('"'):
        try:
            text = jsons.read(text)
        except jsons.JSONError:
            raise NotACallError from None
    found = arguments.repaired(text) if text else None
    if found is None:
        raise NotACallError
    return found


def _within_lines(text: str) -> str:
    """A value without the line breaks that part it from its tags."""
    return text.removeprefix("\n").removesuffix("\n")


_DSML: Final = f"{_BAR}DSML{_BAR}"

FORMS: Final = (
    Form("Hermes, Qwen, GLM", "line", ("<tool_call>",), _calls(_tool_call)),
    Form("Qwen3-Coder without its tag, Llama 3.1", "line", ("<function=",), _calls(_bare_function)),
    Form("MiniMax", "line", ("<minimax:tool_call>",), _calls(_invocations("<minimax:tool_call>", ""))),
    Form(
        "DeepSeek V3.2",
        "anywhere",
        (f"<{_DSML}function_calls>",),
        _calls(_invocations(f"<{_DSML}function_calls>", _DSML)),
    ),
    Form("DeepSeek", "anywhere", (_SECTION,), _calls(_deepseek)),
    Form("Kimi", "anywhere", ("<|tool_calls_section_begin|>",), _calls(_kimi)),
    Form("Mistral", "anywhere", ("[TOOL_CALLS]",), _calls(_mistral)),
    Form("Llama 3.x", "anywhere", ("<|python_tag|>",), _calls(_python_tag)),
    Form("GPT-OSS", "anywhere", ("<|channel|>",), _calls(_harmony)),
    Form("Qwen2.5-Coder and others, in JSON", "answer", ("```", "{", "["), _whole_answer),
)
