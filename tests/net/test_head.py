"""What was asked on the left, the head that is sent on the right."""

import pytest

from dragoman.hub.problems import Problem
from dragoman.net.head import OURS, write_head
from dragoman.net.proxies import Proxy
from dragoman.net.target import read_target

TARGET = read_target("http://a.example:8000/v1/chat?x=1")


def lines(head: bytes) -> list[str]:
    assert head.endswith(b"\r\n\r\n")
    return head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")


def test_a_request_with_a_body() -> None:
    assert lines(write_head("POST", TARGET, [("Authorization", "Bearer x"), ("x-y", "é")], 12, None)) == [
        "POST /v1/chat?x=1 HTTP/1.1",
        "host: a.example:8000",
        "Authorization: Bearer x",
        "x-y: é",
        "accept-encoding: identity",
        "content-length: 12",
    ]


@pytest.mark.parametrize(("method", "said"), [("GET", False), ("HEAD", False), ("POST", True), ("PUT", True)])
def test_an_empty_body_is_announced_where_one_is_expected(method: str, said: bool) -> None:
    assert ("content-length: 0" in lines(write_head(method, TARGET, [], 0, None))) == said


def test_the_caller_may_ask_for_compression() -> None:
    said = lines(write_head("GET", TARGET, [("Accept-Encoding", "gzip")], 0, None))
    assert [line for line in said if line.lower().startswith("accept-encoding")] == ["Accept-Encoding: gzip"]


def test_what_belongs_to_the_connection_is_ours_to_say() -> None:
    given = [(name.title(), "theirs") for name in sorted(OURS)]
    assert "theirs" not in write_head("POST", TARGET, given, 3, None).decode()


def test_a_proxy_is_told_the_whole_url_and_who_we_are() -> None:
    said = lines(write_head("GET", TARGET, [], 0, Proxy("one", 3128, "Basic abc")))
    assert said[0] == "GET http://a.example:8000/v1/chat?x=1 HTTP/1.1"
    assert "proxy-authorization: Basic abc" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", "a\r\nb: c"), ("x", "secret\n"), ("x", "\0"), ("x", "中"), ("x y", "v"), ("x:", "v"), ("", "v"), ("é", "v")],
)
def test_a_header_no_line_can_hold_is_refused_without_quoting_its_value(name: str, value: str) -> None:
    with pytest.raises(Problem) as caught:
        write_head("GET", TARGET, [(name, value)], 0, None)
    assert caught.value.kind == "internal"
    assert "secret" not in caught.value.public + caught.value.private


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n"])
def test_a_method_must_be_one(method: str) -> None:
    with pytest.raises(Problem):
        write_head(method, TARGET, [], 0, None)
