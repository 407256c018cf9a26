"""What can be wrong with a backend's URL."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from dragoman.config.findings import Finding
from dragoman.config.schema import BackendType

_ENDPOINT: Final = re.compile(
    r"(/v1)?/(chat/completions|completions|embeddings|rerank|messages|messages/count_tokens|responses|models)/*$"
)
_NOT_IN_URLS: Final = re.compile(r"[\s\x00-\x1f\x7f\\]")


def complaints(path: str, url: str, type: BackendType = "auto") -> Iterator[Finding]:  # noqa: A002 - the field's name
    """The findings for one URL. They do not show it: it may carry credentials."""
    try:
        split = urlsplit(url.strip())
        mistake = _mistake(split, url.strip())
    except ValueError:
        yield Finding(path, "is not a URL: write one such as http://127.0.0.1:8000/v1")
        return
    if mistake:
        yield Finding(path, mistake)
    else:
        yield from _endpoint_complaints(path, split, type)


def _mistake(split: SplitResult, url: str) -> str:
    """Say what makes this unusable as a base URL. Raise ValueError where it cannot be taken apart."""
    if split.scheme not in {"http", "https"}:
        return "must begin with http:// or https://"
    if split.username is not None or split.password is not None:
        return "must not carry credentials: put the key into `api_key`"
    if not split.hostname or split.port == 0 or _NOT_IN_URLS.search(url):
        return "is not a URL: write one such as http://127.0.0.1:8000/v1"
    if split.query or split.fragment:
        return "cannot carry a query or fragment: paths are appended to it; cut it before the `?` or `#`"
    return ""


def _endpoint_complaints(path: str, split: SplitResult, type: BackendType) -> Iterator[Finding]:  # noqa: A002
    endpoint = _ENDPOINT.search(split.path)
    if endpoint is not None:
        keep = "" if type == "anthropic" else (endpoint[1] or "")
        base = f"{split.scheme}://{split.netloc}{split.path[: endpoint.start()]}{keep}"
        yield Finding(path, f"is an endpoint, not a base URL: cut `{endpoint[0].removeprefix(keep)}`, leaving {base}")
    elif type == "anthropic" and split.path.rstrip("/").endswith("/v1"):
        yield Finding(path, "the `/v1` at its end is left out: Anthropic's endpoints bring it", "notice")
    elif type == "openai" and not split.path.strip("/"):
        base = f"{split.scheme}://{split.netloc}"
        message = f"has no path, so requests go to {base}/chat/completions; most servers want {base}/v1"
        yield Finding(path, message, "notice")
