"""Where a path leads, whatever users put into their base URLs."""

from typing import Final

_V1: Final = "/v1"
# What stands behind the version in every path of ours: a base URL without the version leads there too.
_WITHOUT_VERSION: Final = (
    "/messages",
    "/chat/completions",
    "/responses",
    "/models",
    "/completions",
    "/embeddings",
    "/rerank",
    "/audio/",
)


def routed_path(path: str) -> str:
    """Forgive a doubled or missing /v1, the /anthropic prefix, a trailing or doubled slash."""
    while "//" in path:
        path = path.replace("//", "/")
    path = path.rstrip("/")
    if path.startswith("/anthropic/"):
        path = path.removeprefix("/anthropic")
    while path.startswith("/v1/v1/"):
        path = path.removeprefix(_V1)
    if path.startswith(_WITHOUT_VERSION):
        path = _V1 + path
    return path or "/"
