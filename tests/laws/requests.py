"""Requests made by hypothesis, as clients of either dialect could send them: the whole vocabulary, and fields nobody
knows yet.
"""

from typing import Any, Final

from hypothesis import strategies as st

from tests.laws.making import json_objects, json_values, names, texts

Object = dict[str, Any]

_booleans: Final = st.booleans()
_numbers: Final = st.floats(0, 2, allow_nan=False).map(lambda number: round(number, 3))
_ids: Final = st.from_regex(r"[A-Za-z0-9_-]{1,30}", fullmatch=True)
_unknown: Final = st.dictionaries(st.sampled_from(["x_new", "x_newer", "zz"]), json_values, max_size=2)
# Label and first bytes do not always agree.
_types: Final = st.sampled_from(["image/png", "image/jpeg", "image/webp", "application/x"])
_data: Final = st.sampled_from(
    [
        "iVBORw0KGgoAAAANSUhEUgAA",
        "/9j/4AAQSkZJRgABAQEAYABg",
        "R0lGODlhAQABAIAAAAAAAP8A",
        "UklGRiQAAABXRUJQVlA4IBgA",
        "eHl6eHl6",
    ]
)
_pdf: Final = "JVBERi0xLjQKJeLjz9MKMyAw"


def members(required: Object, optional: Object | None = None, *, unknown: bool = True) -> st.SearchStrategy[Object]:
    """Objects with some of the optional members, and some that no reader knows; in any order."""
    known = st.fixed_dictionaries(required, optional=optional or {})
    both = st.tuples(known, _unknown if unknown else st.just({})).map(lambda pair: [*(pair[0] | pair[1]).items()])
    return both.flatmap(st.permutations).map(dict)


def or_null(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def some(strategy: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=most)


# Messages

_cache: Final = members({"type": st.just("ephemeral")}, {"ttl": st.sampled_from(["5m", "1h"])})
_marked: Final = {"cache_control": or_null(_cache)}
_text: Final = members({"type": st.just("text"), "text": texts}, {**_marked, "citations": some(json_objects)})
_image_source: Final = st.one_of(
    members({"type": st.just("base64"), "media_type": _types, "data": _data}),
    members({"type": st.just("url"), "url": texts}),
    members({"type": st.just("file"), "file_id": _ids}),
)
_image: Final = members({"type": st.just("image"), "source": _image_source}, _marked)
_document_source: Final = st.one_of(
    members({"type": st.just("base64"), "media_type": st.just("application/pdf"), "data": st.just(_pdf)}),
    members({"type": st.just("url"), "url": texts}),
    members({"type": st.just("text"), "data": texts}, {"media_type": st.just("text/plain")}),
    members({"type": st.just("content"), "content": texts | some(_text | _image)}),
)
_document: Final = members(
    {"type": st.just("document"), "source": _document_source},
    {**_marked, "title": or_null(texts), "context": texts, "citations": json_objects},
)
_unknown_block: Final = members({"type": st.sampled_from(["search_result", "tool_reference", "hologram"])})
_result: Final = members(
    {"type": st.just("tool_result"), "tool_use_id": _ids},
    {
        **_marked,
        "content": or_null(texts | some(st.one_of(_text, _image, _document, _unknown_block))),
        "is_error": or_null(_booleans),
    },
)
_use: Final = members(
    {"type": st.sampled_from(["tool_use", "server_tool_use"]), "id": _ids, "name": names},
    {**_marked, "input": or_null(json_objects), "caller": json_objects},
)
_thinking: Final = members(
    {"type": st.just("thinking")},
    {"thinking": or_null(texts), "signature": or_null(st.sampled_from(["", "c2lnbmVk"]))},
)
_redacted: Final = members({"type": st.just("redacted_thinking"), "data": _ids})
_message: Final = st.one_of(
    members(
        {
            "role": st.just("user"),
            "content": texts | some(st.one_of(_text, _image, _document, _result, _unknown_block), 4),
        }
    ),
    members(
        {
            "role": st.just("assistant"),
            "content": texts | some(st.one_of(_text, _use, _thinking, _redacted, _unknown_block), 4),
        }
    ),
    members({"role": st.just("system"), "content": texts | some(_text)}, {"clear_at": st.just("never")}),
)
_tool: Final = st.one_of(
    members(
        {"name": names},
        {
            **_marked,
            "type": or_null(st.just("custom")),
            "description": or_null(texts),
            "input_schema": or_null(json_objects),
            "strict": or_null(_booleans),
            "defer_loading": or_null(_booleans),
            "input_examples": some(json_objects),
        },
    ),
    members({"type": st.sampled_from(["bash_20250124", "text_editor_20270101"]), "name": names}, _marked),
    members({"type": st.sampled_from(["web_search_20270101", "computer_toolset_20260801"])}),
)
_tool_choice: Final = st.one_of(
    members({"type": st.sampled_from(["auto", "any", "none"])}, {"disable_parallel_tool_use": or_null(_booleans)}),
    members({"type": st.just("tool"), "name": names}, {"disable_parallel_tool_use": _booleans}),
)
_reasoning: Final = st.one_of(
    members({"type": st.just("enabled"), "budget_tokens": st.integers(1_024, 8_000)}, {"display": or_null(texts)}),
    members({"type": st.sampled_from(["adaptive", "disabled", "between_tools"])}, {"display": or_null(texts)}),
)
_output_config: Final = members(
    {},
    {
        "effort": or_null(st.sampled_from(["low", "medium", "high", "xhigh", "max"])),
        "format": or_null(members({"type": st.just("json_schema"), "schema": json_objects})),
        "task_budget": json_objects,
    },
)
messages_bodies: Final = members(
    {
        "model": st.just("backend-model"),
        "max_tokens": st.integers(8_001, 64_000),
        "messages": st.lists(_message, min_size=1, max_size=5),
    },
    {
        "system": or_null(st.just("") | texts | some(_text)),
        "tools": or_null(some(_tool)),
        "tool_choice": or_null(_tool_choice),
        "thinking": or_null(_reasoning),
        "output_config": or_null(_output_config),
        "stop_sequences": or_null(texts | some(texts)),
        "stream": or_null(_booleans),
        "metadata": or_null(members({}, {"user_id": or_null(texts)})),
        "cache_control": or_null(_cache),
        "temperature": or_null(_numbers.map(lambda number: min(number, 1.0))),
        "top_p": or_null(_numbers),
        "top_k": or_null(st.integers(0, 100)),
        "service_tier": or_null(st.sampled_from(["auto", "standard_only"])),
        "container": texts,
        "context_management": json_objects,
    },
)

# Chat Completions

_breakpoint: Final = {"prompt_cache_breakpoint": members({"mode": st.just("explicit")}, {"ttl": st.just("12h")})}
_text_part: Final = members({"type": st.just("text"), "text": texts}, {**_breakpoint, "cache_control": _cache})
_data_urls: Final = st.builds(lambda kind, data: f"data:{kind};base64,{data}", _types, _data)
_image_part: Final = members(
    {
        "type": st.just("image_url"),
        "image_url": _data_urls
        | members({"url": _data_urls | st.just("https://a.example/b.png")}, {"detail": or_null(st.just("low"))}),
    },
    _breakpoint,
)
_pdf_image: Final = st.just({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_pdf}"}})
_file_part: Final = members(
    {
        "type": st.just("file"),
        "file": members({"file_id": _ids}, {"filename": or_null(texts)})
        | members({"file_data": st.just(f"data:application/pdf;base64,{_pdf}")}, {"filename": or_null(texts)}),
    }
)
_unknown_part: Final = members({"type": st.sampled_from(["input_audio", "video_url"])})
_refusal_part: Final = st.fixed_dictionaries({"type": st.just("refusal"), "refusal": texts})
_content: Final = or_null(
    st.just("") | texts | some(st.one_of(_text_part, _image_part, _pdf_image, _file_part, _unknown_part))
)
_arguments: Final = or_null(st.just("") | st.sampled_from(['{"a": 1}', '{"b":"\\u00e9"}', "{}", '{"z":1,"a":2}']))
_call: Final = st.one_of(
    members(
        {"id": _ids, "function": members({"name": names}, {"arguments": _arguments})},
        {"type": st.just("function"), "index": st.integers(0, 3)},
    ),
    members({"id": _ids, "type": st.just("custom"), "custom": members({"name": names}, {"input": or_null(texts)})}),
)
_chat_message: Final = st.one_of(
    members({"role": st.sampled_from(["system", "developer", "user"]), "content": _content}, {"name": or_null(names)}),
    members({"role": st.just("tool"), "tool_call_id": _ids, "content": _content}, {"name": names}),
    members({"role": st.just("function"), "name": names, "content": _content}),
    members(
        {"role": st.just("assistant")},
        {
            "content": or_null(texts | some(_text_part | _refusal_part)),
            "name": or_null(names),
            "refusal": or_null(texts),
            "tool_calls": or_null(some(_call)),
            "reasoning_content": or_null(texts),
            "reasoning": or_null(texts),
            "reasoning_details": some(json_objects),
            "function_call": or_null(st.fixed_dictionaries({"name": names, "arguments": _arguments})),
        },
    ),
)
_function: Final = members(
    {"name": names}, {"description": or_null(texts), "parameters": or_null(json_objects), "strict": or_null(_booleans)}
)
_grammar: Final = members({"syntax": st.just("lark"), "definition": texts})
_format: Final = members({"type": st.just("text")}) | members({"type": st.just("grammar"), "grammar": _grammar})
_chat_tool: Final = st.one_of(
    members({"function": _function}, {"type": st.just("function"), "cache_control": _cache}),
    members(
        {
            "type": st.just("custom"),
            "custom": members({"name": names}, {"description": or_null(texts), "format": _format}),
        }
    ),
)
_named: Final = st.builds(lambda name: {"type": "function", "function": {"name": name}}, names)
_schema: Final = members(
    {"name": names, "schema": st.just({"type": "object", "properties": {}})},
    {"strict": or_null(_booleans), "description": or_null(texts)},
)
chat_bodies: Final = members(
    {"model": st.just("backend-model"), "messages": st.lists(_chat_message, min_size=1, max_size=5)},
    {
        "tools": or_null(some(_chat_tool)),
        "functions": or_null(some(_function)),
        "tool_choice": or_null(st.sampled_from(["auto", "none"])),
        "function_call": or_null(st.sampled_from(["auto", "none"])),
        "parallel_tool_calls": or_null(_booleans),
        "max_tokens": or_null(st.integers(0, 64_000)),
        "max_completion_tokens": or_null(st.integers(0, 64_000)),
        "stop": or_null(st.just("") | texts | some(texts)),
        "temperature": or_null(_numbers),
        "top_p": or_null(_numbers),
        "top_k": or_null(st.integers(0, 100)),
        "min_p": or_null(_numbers),
        "frequency_penalty": or_null(_numbers),
        "presence_penalty": or_null(_numbers),
        "repetition_penalty": or_null(_numbers),
        "seed": or_null(st.integers(0, 2**31)),
        "logit_bias": or_null(st.just({"50256": -100})),
        "logprobs": or_null(_booleans),
        "top_logprobs": or_null(st.integers(0, 20)),
        "n": or_null(st.just(1)),  # more are refused
        "reasoning_effort": or_null(st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
        "response_format": or_null(
            members({"type": st.sampled_from(["text", "json_object"])}, unknown=False)
            | members({"type": st.just("json_schema"), "json_schema": _schema})
        ),
        "stream": or_null(_booleans),
        "stream_options": or_null(members({}, {"include_usage": _booleans})),
        "prompt_cache_key": or_null(texts),
        "service_tier": or_null(st.sampled_from(["auto", "flex"])),
        "safety_identifier": texts,
        "user": texts,
        "metadata": json_objects,
        "verbosity": st.just("low"),
        "chat_template_kwargs": json_objects,
    },
)
