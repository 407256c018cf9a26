"""Requests made by hypothesis, as Responses clients could send them: every item and tool, and fields nobody knows yet."""

from typing import Any, Final

from hypothesis import strategies as st

from tests.laws.making import json_objects, json_values, names, texts
from tests.laws.requests import members, or_null, some

Object = dict[str, Any]

_ids: Final = st.from_regex(r"[A-Za-z0-9_-]{1,30}", fullmatch=True)
_numbers: Final = st.floats(0, 2, allow_nan=False).map(lambda number: round(number, 3))
_PNG: Final = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA"
_PDF: Final = "JVBERi0xLjQKJeLjz9MKMyAw"
_mark: Final = {"prompt_cache_breakpoint": members({"mode": st.just("explicit")}, {"ttl": st.just("12h")})}

_input_text: Final = members({"type": st.just("input_text"), "text": texts}, _mark)
_image: Final = members(
    {"type": st.just("input_image"), "image_url": st.sampled_from([_PNG, "https://a.example/b.png"])},
    {**_mark, "detail": or_null(st.sampled_from(["low", "original"]))},
) | members({"type": st.just("input_image"), "file_id": _ids}, {"detail": st.just("high")})
_file: Final = members(
    {"type": st.just("input_file")}, {**_mark, "filename": or_null(texts), "detail": st.just("low")}
).flatmap(
    lambda of: st.sampled_from(
        [
            {"file_id": "f"},
            {"file_url": "https://a.example/b.pdf"},
            {"file_data": f"data:application/pdf;base64,{_PDF}"},
        ]
    ).map(lambda more: {**of, **more})
)
_unknown_part: Final = members({"type": st.sampled_from(["input_audio", "input_hologram"])})
_content: Final = or_null(texts | some(st.one_of(_input_text, _image, _file, _unknown_part)))
_output_text: Final = members(
    {"type": st.just("output_text"), "text": texts}, {"annotations": some(json_objects), "logprobs": some(json_objects)}
)
_refusal: Final = members({"type": st.just("refusal"), "refusal": texts})
_status: Final = {"id": _ids, "status": st.just("completed")}
_message: Final = st.one_of(
    members(
        {"role": st.sampled_from(["user", "system", "developer"]), "content": _content},
        {"type": st.just("message"), **_status},
    ),
    members(
        {"role": st.just("assistant"), "content": texts | some(st.one_of(_output_text, _refusal, _unknown_part), 2)},
        {"type": st.just("message"), "phase": or_null(st.just("commentary")), **_status},
    ),
)
_summary: Final = some(st.fixed_dictionaries({"type": st.just("summary_text"), "text": texts}), 2)
_reasoning: Final = members(
    {"type": st.just("reasoning"), "summary": _summary},
    {
        "id": _ids,
        "encrypted_content": or_null(texts),
        "content": or_null(some(json_objects, 1)),
        "status": st.just("completed"),
    },
)
_call_id: Final = {"call_id": _ids}
_call: Final = st.one_of(
    members(
        {
            "type": st.just("function_call"),
            **_call_id,
            "name": names,
            "arguments": st.sampled_from(["{}", '{"z":1,"a":2}', "oops", ""]),
        },
        {"namespace": names, "caller": json_objects, **_status},
    ),
    members(
        {"type": st.just("custom_tool_call"), **_call_id, "name": names, "input": texts},
        {"namespace": names, **_status},
    ),
    members(
        {
            "type": st.just("local_shell_call"),
            **_call_id,
            "action": members({"command": some(texts), "env": st.just({})}, {"type": st.just("exec")}),
        },
        _status,
    ),
    members({"type": st.just("shell_call"), **_call_id, "action": members({"commands": some(texts)})}, _status),
    members(
        {
            "type": st.just("apply_patch_call"),
            **_call_id,
            "operation": members({"type": st.just("delete_file"), "path": texts}),
        },
        _status,
    ),
    members(
        {"type": st.just("tool_search_call"), **_call_id, "arguments": json_objects, "execution": st.just("client")},
        _status,
    ),
)
_outputs: Final = or_null(texts | some(st.one_of(_input_text, _image, _file)))
_output: Final = st.one_of(
    members(
        {
            "type": st.sampled_from(["function_call_output", "custom_tool_call_output", "apply_patch_call_output"]),
            **_call_id,
            "output": _outputs,
        },
        {"id": _ids, "status": st.sampled_from(["completed", "failed"])},
    ),
    members(
        {"type": st.just("local_shell_call_output"), "id": _ids, "output": texts}, {"status": st.just("completed")}
    ),
    members(
        {
            "type": st.just("shell_call_output"),
            **_call_id,
            "output": some(members({"stdout": texts, "stderr": texts, "outcome": json_objects})),
        }
    ),
)
_function: Final = members(
    {"type": st.just("function"), "name": names},
    {
        "description": or_null(texts),
        "parameters": or_null(json_objects),
        "strict": or_null(st.booleans()),
        "defer_loading": or_null(st.booleans()),
    },
)
_grammar: Final = members({"type": st.just("grammar"), "syntax": st.just("lark"), "definition": texts})
_custom: Final = members(
    {"type": st.just("custom"), "name": names},
    {"description": or_null(texts), "format": or_null(_grammar | members({"type": st.just("text")}))},
)
_namespace: Final = members(
    {"type": st.just("namespace"), "name": names, "tools": some(_function | _custom)}, {"description": texts}
)
_tool: Final = st.one_of(
    _function,
    _custom,
    _namespace,
    members({"type": st.sampled_from(["local_shell", "shell", "apply_patch"])}, {"environment": json_objects}),
    members(
        {"type": st.just("tool_search"), "execution": st.just("client")},
        {"description": texts, "parameters": json_objects},
    ),
    members(
        {"type": st.sampled_from(["web_search", "web_search_preview_2025_03_11", "mcp", "quantum"])},
        {"filters": json_objects},
    ),
)
_other_item: Final = st.one_of(
    members({"type": st.just("additional_tools"), "tools": some(_tool)}, {"role": st.just("developer"), "id": _ids}),
    members({"type": st.just("tool_search_output"), "tools": some(_tool)}, {"call_id": _ids, **_status}),
    members(
        {"type": st.sampled_from(["web_search_call", "mcp_call", "compaction", "item_reference", "quantum_call"])},
        {"id": _ids, "action": json_objects},
    ),
)
items: Final = st.one_of(_message, _message, _reasoning, _call, _output, _other_item)
_format: Final = members({"type": st.sampled_from(["text", "json_object"])}) | members(
    {"type": st.just("json_schema"), "name": names, "schema": json_objects}, {"strict": or_null(st.booleans())}
)
_choice: Final = st.one_of(
    st.sampled_from(["auto", "required", "none"]),
    members({"type": st.sampled_from(["function", "custom"]), "name": names}),
    members({"type": st.sampled_from(["web_search", "apply_patch", "mcp"])}),
    members(
        {
            "type": st.just("allowed_tools"),
            "mode": st.just("auto"),
            "tools": some(members({"type": st.just("function"), "name": names})),
        }
    ),
)
responses_bodies: Final = members(
    {"model": st.just("backend-model"), "input": texts | st.lists(items, max_size=6)},
    {
        "instructions": or_null(texts | st.just("")),
        "tools": or_null(some(_tool)),
        "tool_choice": or_null(_choice),
        "parallel_tool_calls": or_null(st.booleans()),
        "max_output_tokens": or_null(st.integers(16, 64_000)),
        "temperature": or_null(_numbers),
        "top_p": or_null(_numbers),
        "top_logprobs": or_null(st.integers(0, 20)),
        "reasoning": or_null(
            members(
                {},
                {
                    "effort": or_null(st.sampled_from(["none", "low", "xhigh", "ultra"])),
                    "summary": or_null(st.just("auto")),
                },
            )
        ),
        "text": or_null(members({}, {"format": or_null(_format), "verbosity": or_null(st.just("low"))})),
        "stream": or_null(st.booleans()),
        "store": or_null(st.booleans()),
        "include": or_null(some(st.sampled_from(["reasoning.encrypted_content", "message.output_text.logprobs"]))),
        "prompt_cache_key": or_null(texts),
        "service_tier": or_null(st.just("flex")),
        "safety_identifier": or_null(texts),
        "user": or_null(texts),
        "metadata": or_null(json_objects),
        "truncation": or_null(st.just("auto")),
        "client_metadata": json_values,
    },
)
