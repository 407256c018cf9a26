"""What must not leave does not leave, and what agents act on stays to the letter."""

import ipaddress
import string
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.redaction import redacted, without_keys

_TAIL: Final = st.text(string.ascii_letters + string.digits, min_size=24, max_size=48).filter(
    lambda tail: any(c.isdigit() for c in tail)
)
keys: Final = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["sk-", "sk-ant-api03-", "sk-proj-", "sk-or-v1-", "sk_live_"]), _TAIL),
    st.builds("{}{}".format, st.sampled_from(["gsk_", "xai-", "hf_", "tvly-", "pplx-", "nvapi-", "AIzaSy"]), _TAIL),
    st.builds("{}.{}.{}".format, _TAIL.map("eyJ{}".format), _TAIL, _TAIL),
    st.text("0123456789abcdef", min_size=32, max_size=64).filter(
        lambda text: not text.isdigit() and not text.isalpha()
    ),
)
before: Final = st.sampled_from(["", "Incorrect API key provided: ", "key=", "'", "(", "Bearer ", '"x-api-key": "'])
after: Final = st.sampled_from(["", ".", "'", ")", ", see the docs", "\n", '"}'])
labels: Final = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)
hosts: Final = st.builds(
    "{}.{}.{}".format, labels, labels, st.sampled_from(["com", "io", "internal", "local", "svc.cluster.local", "co.uk"])
)


@given(before, keys, after)
def test_keys_never_leave(start: str, key: str, end: str) -> None:
    for cleaned in (redacted(start + key + end), without_keys(start + key + end)):
        assert key not in cleaned
        assert key[12:] not in cleaned


# "::" is nobody's address, and C++ is full of it.
addresses: Final = st.ip_addresses().filter(lambda address: str(address) != "::")


@given(st.sampled_from(["connect to ", "", "at ", "["]), addresses, st.sampled_from(["", ":8000"]), after)
def test_addresses_never_leave(
    start: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: str, end: str
) -> None:
    said = f"[{address}]{port}" if port and address.version == 6 else f"{address}{port}"
    for spelled in (said, said.upper()):
        assert str(address).lower() not in redacted(f"{start}{spelled} {end}").lower()


@given(st.sampled_from(["", "to ", "host '", "("]), hosts, st.sampled_from(["", ":443", "/v1/chat"]), after)
def test_hosts_never_leave(start: str, host: str, rest: str, end: str) -> None:
    assert host not in redacted(f"{start}{host}{rest}{end}")
    assert host not in redacted(f"{start}https://{host}{rest}{end}")


@pytest.mark.parametrize(
    ("said", "cleaned"),
    [
        ("see https://user:pw@gpu-1.corp:8000/v1?key=1 now", "see [url] now"),
        ("see http://[::1]:8000/v1.", "see [url]"),
        (r'{"doc":"https:\/\/a.b\/c"}', '{"doc":"[url]"}'),
        ("grpc://vllm:50051", "[url]"),
        ("HTTPConnectionPool(host='vllm-1', port=8000): refused", "HTTPConnectionPool(host='[host]', port=8000): refused"),
        ("Cannot connect to host gpu-01:8000 ssl:default", "Cannot connect to host [host] ssl:default"),
        ("dial tcp 10.0.0.5:8080: refused", "dial tcp [address]: refused"),
        ("listening on localhost:11434", "listening on [host]"),
        ("from fe80::1%eth0, and ::1", "from [address], and [address]"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [key]"),
        ("Bearer abc123", "Bearer [key]"),
        ("Incorrect API key provided: sk-proj-********************abcd.", "Incorrect API key provided: [key]"),
        ("api_key=hunter22", "api_key=[key]"),
        ('"password": "correct-horse-battery"', '"password": "[key]"'),
        ("in organization org-AbC123def on tokens per min", "in organization [account] on tokens per min"),
        ("arn:aws:bedrock:us-east-1:123456789012:model/x is gone", "[resource] is gone"),
        ("bad image data:image/png;base64,iVBORw0KGgo= here", "bad image [data] here"),
    ],
)  # fmt: skip
def test_what_is_cleaned(said: str, cleaned: str) -> None:
    assert redacted(said) == cleaned


@pytest.mark.parametrize(
    "said",
    [
        "messages.1.role: Input should be 'user' or 'assistant'",
        "tools.0.custom.input_schema.type: Field required",
        "output_config.effort: Extra inputs are not permitted",
        "prompt is too long: 209353 tokens > 199999 maximum",
        "request (12030 tokens) exceeds the available context size (8192 tokens), try increasing it",
        "This model's maximum context length is 16384 tokens. However, you requested 19591 tokens.",
        "capability_rejected: mid_conv_system",
        "capability_rejected: beta_header:advanced-tool-use-2025-11-20",
        "adaptive thinking is not supported on this model",
        "Unknown parameter: 'skip_special_tokens', 'key_value_pairs'",
        "The model `qwen2.5-coder:14b` does not exist.",
        "model 'llama3.1:70b-instruct-q4_0' not found",
        "Qwen/Qwen3-Coder-480B-A35B-Instruct is not available",
        "claude-sonnet-4-5-20250929 is overloaded",
        "[json.exception.parse_error.101] parse error at line 1, column 11: syntax error",
        "std::bad_alloc, at 12:30:45, ratio 1:2:3, a :: b",
        "Bearer token is missing; password is required; api_key: Field required",
        "error code: 400, status:500, limit:4096",
        "connection to the backend was reset",
        "toolu_01QE1WLsSVp5hy5Q3GmGTmjP has no result",
        "",
    ],
)
def test_what_agents_act_on_stays_to_the_letter(said: str) -> None:
    assert redacted(said) == said


def test_long_texts_are_cut_after_they_were_cleaned() -> None:
    assert redacted("x " * 5000) == ("x " * 5000)[:2000] + " ..."
    hidden = "y" * 1990 + " sk-abcdefghijklmnop1234567890"
    assert redacted(hidden) == "y" * 1990 + " [key]"


@given(st.text())
def test_any_text_can_be_cleaned_and_stays_clean(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


@pytest.mark.parametrize(
    "piece", ["sk-", "a.", "::", "host ", "1.", "api_key=", "Bearer ", "[", "http", "eyJ.", "org-"]
)
def test_no_pattern_is_slow_on_repetition(piece: str) -> None:
    """Bounded by the 8,000 characters that are read at all; a quadratic pattern would still be felt here."""
    assert len(redacted(piece * 100_000)) <= 2100
