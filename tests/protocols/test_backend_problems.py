"""Errors of backends in all the forms they come in: what kind they are, and what of them a client hears."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.problems import KINDS, Kind
from dragoman.protocols.backend_problems import Said, read_problem, said_in, unreadable
from dragoman.wire import jsons
from tests.laws import making
from tests.protocols.test_overflow import WORDINGS

FORMS: Final[dict[str, tuple[Any, Said]]] = {
    "OpenAI": (
        {"error": {"message": "no", "type": "invalid_request_error", "param": "messages", "code": "bad_thing"}},
        Said("no", "invalid_request_error", "bad_thing", "messages"),
    ),
    "Anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r"},
        Said("Overloaded", "overloaded_error"),
    ),
    "Anthropic, details": (
        {"type": "error", "error": {"type": "api_error", "message": "m", "details": {"error_code": "tool_x"}}},
        Said("m", "api_error", "tool_x"),
    ),
    "vLLM": (
        {"object": "error", "message": "no", "type": "BadRequestError", "param": None, "code": 400},
        Said("no", "BadRequestError", "400"),
    ),
    "vLLM, nested": (
        {"error": {"message": "no", "type": "BadRequestError", "param": None, "code": 400}},
        Said("no", "BadRequestError", "400"),
    ),
    "Ollama": ({"error": "model 'x' not found"}, Said("model 'x' not found")),
    "LM Studio": ({"error": {"message": "no", "type": "x", "param": "p", "code": None}}, Said("no", "x", "", "p")),
    "FastAPI, a text": ({"detail": "Not authenticated"}, Said("Not authenticated")),
    "FastAPI, a list": (
        {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Field required"}, {"msg": "and more"}, 7]},
        Said("messages.0.role: Field required; and more"),
    ),
    "FastAPI, an object": ({"detail": {"error": {"message": "deep", "code": "c"}}}, Said("deep", "", "c")),
    "FastAPI, something": ({"detail": {"x": 1}}, Said('{"x":1}')),
    "FastAPI, odd list": ({"detail": ["x"]}, Said('["x"]')),
    "MiniMax": (
        {"base_resp": {"status_code": 1004, "status_msg": "login fail"}},
        Said("login fail", code="1004"),
    ),
    "Gemini": (
        [{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}],
        Said("bad", "INVALID_ARGUMENT", "400"),
    ),
    "Cloudflare": ({"success": False, "errors": [{"code": 7009, "message": "no"}]}, Said("no", "", "7009")),
    "NestJS": ({"statusCode": 400, "message": "property x", "error": "Bad Request"}, Said("property x", "Bad Request")),
    "Bedrock": ({"__type": "ValidationException", "message": "no"}, Said("no", "ValidationException")),
    "OpenRouter": (
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": '{"error":{"message":"prompt is too long: 5 tokens > 4 maximum"}}'},
            }
        },
        Said("Provider returned error: prompt is too long: 5 tokens > 4 maximum", "", "400"),
    ),
    "OpenRouter, words": (
        {"error": {"message": "Provider returned error", "metadata": {"raw": "{oops"}}},
        Said("Provider returned error: {oops"),
    ),
    "a message that is an object": ({"error": {"message": {"detail": "inner"}}}, Said("inner")),
    "a message that is a list": ({"error": {"message": [7]}}, Said("[7]")),
    "a wait": ({"error": {"message": "m", "retry_after": 3}}, Said("m", wait=3.0)),
    "a bare string": ("oops", Said("oops")),
    "null": (None, Said()),
    "a number": (7, Said()),
    "an empty list": ([], Said()),
    "an empty object": ({}, Said()),
    "wrapped without end": ([[[[[["x"]]]]]], Said()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form: str) -> None:
    body, said = FORMS[form]
    assert said_in(jsons.write(body)) == said


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"upstream connect error", "upstream connect error"),
        (b"\xef\xbb\xbf plain \n", "plain"),
        (b"<html><body>502 Bad Gateway</body></html>", ""),
        (b"\n<!DOCTYPE html>", ""),
        (b"Error\n<HTML>page</HTML>", ""),
        (b'{"error": {"message": "cut', ""),
        (b"x" * 501, ""),
        (b"", ""),
    ],
)
def test_bodies_that_are_no_json(body: bytes, message: str) -> None:
    assert said_in(body) == Said(message)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n", b""], ids=["whole", "crlf", "half", "cut"])
@pytest.mark.parametrize(
    "body",
    [
        b'data: {"error":{"message":"prompt is too long","code":400}}',
        b'event: error\ndata: {"error":{"message":"prompt is too long","code":400}}',
        b': busy\n\nevent: error\ndata: {"message":"prompt is too long","code":400}',
        b'data: {"choices":[]}\n\ndata: {"error":{"message":"prompt is too long","code":400}}\n\ndata: [DONE]',
    ],
    ids=["data", "event", "behind a comment", "behind a chunk"],
)
def test_an_error_may_be_said_as_an_event(body: bytes, end: bytes) -> None:
    assert said_in(body + end) == Said("prompt is too long", "", "400")
    problem = read_problem(400, {}, body + end)
    assert (problem.kind, problem.public) == ("context_overflow", "prompt is too long")


def test_events_that_say_nothing_are_not_quoted() -> None:
    for body in (b"data: [DONE]\n\n", b'data: {"choices":[]}\n\n', b'data: {"error": {"mess\n\n'):
        assert said_in(body) == Said()
    assert said_in(b"data: it broke\n\n") == Said("it broke")
    assert said_in(b": it broke") == Said(": it broke")
    assert said_in(b"data: " * 100_000) == Said()


def test_a_page_is_never_shown() -> None:
    problem = read_problem(502, {}, b"<html><h1>502</h1> nginx at 10.0.0.1</html>")
    assert (problem.kind, problem.status) == ("backend_failed", 502)
    assert problem.public == "the backend answered with HTTP 502 and no readable message"
    assert "nginx" in problem.private


KINDS_OF: Final[list[tuple[int, Any, Kind]]] = [
    (400, {"error": {"message": "bad"}}, "bad_request"),
    (405, {"detail": "Method Not Allowed"}, "backend_failed"),
    (409, {"error": {"message": "conflict"}}, "bad_request"),
    (422, {"detail": [{"loc": ["body", "n"], "msg": "too big"}]}, "bad_request"),
    (418, {"error": {"message": "teapot"}}, "bad_request"),
    (401, {"error": {"message": "Incorrect API key provided: sk-x"}}, "backend_refused_us"),
    (401, {"error": {"message": "insufficient_quota"}}, "backend_refused_us"),
    (403, {"error": {"message": "not allowed"}}, "backend_refused_us"),
    (403, {"error": {"message": "x requires moderation on y. Your input was flagged"}}, "policy"),
    (400, {"error": {"type": "authentication_error", "message": "bad key"}}, "backend_refused_us"),
    (402, {"error": {"message": "Insufficient Balance"}}, "out_of_credit"),
    (429, {"error": {"message": "quota", "code": "insufficient_quota"}}, "out_of_credit"),
    (400, {"error": {"message": "Your credit balance is too low to access the Anthropic API."}}, "out_of_credit"),
    (400, {"error": {"message": "Access denied", "code": "Arrearage"}}, "out_of_credit"),
    (404, {"error": {"message": "The model `x` does not exist.", "code": 404}}, "unknown_model"),
    (404, {"error": {"message": "model 'x' not found"}}, "unknown_model"),
    (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-x"}}, "unknown_model"),
    (404, {"error": {"message": "No endpoints found for x."}}, "unknown_model"),
    (404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this does not exist"}}, "unknown_model"),
    (400, {"error": {"message": "x is not a valid model ID"}}, "unknown_model"),
    (400, {"error": {"message": "The requested model is not supported.", "code": "model_not_supported"}}, "unknown_model"),
    # LiteLLM 1.106.12
    (400, {"error": {"message": "/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view"}}, "unknown_model"),
    (400, {"error": {"message": "No connected db.", "type": "no_db_connection", "code": "400"}}, "backend_refused_us"),
    (400, {"error": {"message": "image_url is not supported by this model"}}, "bad_request"),
    (404, {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}, "backend_failed"),
    (404, {"detail": "Not Found"}, "backend_failed"),
    (413, {"error": {"message": "too big"}}, "too_large"),
    (413, {"error": {"message": "Request too large ... tokens per minute (TPM): Limit 6000"}}, "too_large"),
    (413, {"error": {"message": "prompt is too long"}}, "context_overflow"),
    (408, {"error": {"message": "slow"}}, "timeout"),
    (504, b"Gateway Timeout", "timeout"),
    (429, {"error": {"message": "slow down"}}, "rate_limited"),
    (400, {"error": {"message": "ThrottlingException: Too many tokens, please wait"}}, "rate_limited"),
    (503, {"error": {"message": "Loading model", "type": "unavailable_error"}}, "overloaded"),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded"),
    (500, {"error": {"message": "The model is overloaded"}}, "overloaded"),
    (400, {"error": {"message": "filtered", "code": "content_filter"}}, "policy"),
    (400, {"error": {"message": "x", "code": "data_inspection_failed"}}, "policy"),
    (400, {"error": {"message": "names are case-sensitive"}}, "bad_request"),
    (500, {"error": {"message": "image input is not supported - hint: mmproj", "type": "server_error"}}, "unsupported"),
    # llama-cpp-python 0.3.36
    (500, {"error": {"message": "1 validation error:\n  {'type': 'literal_error', 'loc': ('body', 'response_format', 'type')}", "type": "internal_server_error"}}, "bad_request"),
    (500, {"error": {"message": "boom: 1 validation error: of its own"}}, "backend_failed"),
    (500, {"error": {"message": "boom"}}, "backend_failed"),
    (502, b"<html>", "backend_failed"),
    (599, b"", "backend_failed"),
    # inside a stream there is no status
    (0, {"error": {"message": "m", "code": 429}}, "rate_limited"),
    (0, {"error": {"message": "m", "code": "rate_limit_exceeded"}}, "rate_limited"),
    (0, {"error": {"message": "m", "code": "server_is_overloaded"}}, "overloaded"),
    (0, {"error": {"message": "m", "code": "invalid_api_key"}}, "backend_refused_us"),
    (0, {"error": {"message": "permission denied"}}, "backend_refused_us"),
    (0, {"error": {"message": "timed out"}}, "timeout"),
    (0, {"error": {"message": "m", "code": "context_length_exceeded"}}, "context_overflow"),
    (0, {"error": {"message": "Context size has been exceeded."}}, "context_overflow"),
    (0, {"type": "error", "error": {"type": "invalid_request_error", "message": "m"}}, "bad_request"),
    (0, {"type": "error", "error": {"type": "api_error", "message": "m"}}, "backend_failed"),
    (0, {"error": {"message": "model x not found"}}, "unknown_model"),
    (0, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "out_of_credit"),
    (0, {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, "rate_limited"),
    (0, {"error": {}}, "backend_failed"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), KINDS_OF)
def test_the_kind(status: int, body: Any, kind: Kind) -> None:
    problem = read_problem(status, {}, body if isinstance(body, bytes) else jsons.write(body))
    assert problem.kind == kind


@pytest.mark.parametrize("server", [server for server in WORDINGS if " code" not in server and " type" not in server])
@pytest.mark.parametrize("status", [400, 0])
def test_overflow_is_told_in_the_servers_own_words(server: str, status: int) -> None:
    message = WORDINGS[server][0]
    problem = read_problem(status, {}, jsons.write({"error": {"message": message, "type": "invalid_request_error"}}))
    assert (problem.kind, problem.public) == ("context_overflow", message)


def test_a_type_may_be_all_that_tells() -> None:
    body = {"error": {"code": 400, "message": "too big", "type": "exceed_context_size_error", "n_ctx": 8192}}
    assert read_problem(400, {}, jsons.write(body)).kind == "context_overflow"


@pytest.mark.parametrize("status", [401, 403])
def test_our_key_is_told_nobody(status: int) -> None:
    body = jsons.write({"error": {"message": f"Incorrect API key provided: {KEY}, at https://x.example/keys"}})
    problem = read_problem(status, {}, body)
    assert KEY not in problem.public + problem.private
    assert problem.public.startswith("the backend rejected the proxy's credentials")
    assert problem.status == 502
    assert read_problem(status, {}, b"").public.endswith("check the api_key of this model's backend")


KEY: Final = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"


def test_what_clients_act_on_is_kept() -> None:
    body = {"error": {"message": "no", "param": "messages[0]", "code": "string_above_max_length"}}
    problem = read_problem(400, {"retry-after": "3"}, jsons.write(body))
    assert (problem.param, problem.code, problem.retry_after) == ("messages[0]", "string_above_max_length", 3.0)


@pytest.mark.parametrize("code", ["", 400, "x y", "a" * 65, "1004", None, ["x"]])
def test_codes_that_are_no_words_are_not_passed_on(code: Any) -> None:
    assert read_problem(400, {}, jsons.write({"error": {"message": "no", "code": code}})).code is None


@pytest.mark.parametrize(
    ("status", "headers", "error", "seconds"),
    [
        (429, {"retry-after": "2"}, {"message": "try again in 9s", "retry_after": 5}, 2.0),
        (429, {}, {"message": "try again in 9s", "retry_after": 5}, 5.0),
        (429, {}, {"message": "Please try again in 9s."}, 9.0),
        (400, {}, {"message": "try again in 9s"}, None),
        (429, {}, {"message": "slow"}, None),
    ],
)
def test_the_wait(status: int, headers: dict[str, str], error: dict[str, Any], seconds: float | None) -> None:
    assert read_problem(status, headers, jsons.write({"error": error})).retry_after == seconds


@pytest.mark.parametrize(
    ("status", "body", "public"),
    [
        (404, {"detail": "Not Found"}, "Not Found: "),
        (404, {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}, "File Not Found: "),
        (404, b"404 page not found\n", "404 page not found: "),
        (404, b"<html>", "HTTP 404: "),
        (405, {"detail": "Method Not Allowed"}, "Method Not Allowed: "),
    ],
)
def test_where_the_address_is_wrong_the_address_is_named(status: int, body: Any, public: str) -> None:
    said = read_problem(status, {}, body if isinstance(body, bytes) else jsons.write(body))
    assert said.public == f"{public}the backend has no such endpoint; check the url of this model's backend"
    assert read_problem(404, {}, b'{"error": "file file_1 not found"}').public == "file file_1 not found"


@pytest.mark.parametrize(("status", "kept"), [(500, 500), (503, 503), (504, 504), (529, 529), (429, 429), (404, 502)])
def test_the_status_of_a_failure_is_kept_for_the_log(status: int, kept: int) -> None:
    assert read_problem(status, {}, b"{}").status == kept


@given(st.sampled_from([0, 400, 401, 404, 429, 500]), making.nonsense | making.json_values)
def test_any_body_is_a_problem(status: int, body: Any) -> None:
    problem = read_problem(status, {}, jsons.write(body))
    assert problem.kind in KINDS
    assert problem.public


@given(st.binary(max_size=200))
def test_any_bytes_are_a_problem(body: bytes) -> None:
    assert read_problem(500, {}, body).public


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"\r\n <!doctype html><title>Open WebUI</title>", "answers with a web page; check the url"),
        (b"<html>", "answers with a web page; check the url"),
        (b"{oops", "the answer is no JSON: "),
        (b"", "the answer is no JSON: "),
    ],
)
def test_what_should_be_json_and_is_not(body: bytes, word: str) -> None:
    """A URL that lacks its `/v1` may lead to the pages that a server has for people, with status 200."""
    with pytest.raises(jsons.JSONError) as error:
        jsons.read(body)
    problem = unreadable("the answer is no JSON", body, error.value)
    assert problem.kind == "backend_failed"
    assert word in problem.public
    assert problem.private == body.decode()


def test_a_page_with_a_good_status_is_no_answer() -> None:
    assert "a web page" in read_problem(200, {}, b"<html>welcome</html>").public
