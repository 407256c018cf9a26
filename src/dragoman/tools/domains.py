"""Which pages a client's lists of domains let through. "example.com" means what is below it as well, and may end in a
path: "example.com/blog", where `*` stands for one step of it. Engines know hosts only.
"""

import posixpath
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit


def permits(url: str, allowed: Iterable[str], blocked: Iterable[str]) -> bool:
    """Whether this page may be shown: on an allowed domain, if there are any, and on no blocked one."""
    try:
        parts = urlsplit(url)
        host, path = _host(parts.hostname or ""), _steps(parts.path)
    except ValueError:
        return False
    wanted = list(allowed)
    return (not wanted or any(_is_in(domain, host, path) for domain in wanted)) and not any(
        _is_in(domain, host, path) for domain in blocked
    )


def hosts_to_ask(allowed: Iterable[str]) -> tuple[str, ...]:
    """Where all allowed pages are, and some that are not."""
    return tuple(dict.fromkeys(domain.partition("/")[0] for domain in allowed))


def hosts_to_omit(blocked: Iterable[str]) -> tuple[str, ...]:
    """Where there are blocked pages and no others."""
    return tuple(domain for domain in blocked if "/" not in domain)


def _is_in(domain: str, host: str, path: list[str]) -> bool:
    name, _, below = domain.removeprefix("https://").removeprefix("http://").partition("/")
    if not f".{host}".endswith(f".{_host(name.removeprefix('*.'))}"):
        return False
    asked = _steps(below)
    return len(asked) <= len(path) and all(map(_is_step, asked, path))


def _is_step(asked: str, step: str) -> bool:
    return asked in ("*", step)


def _host(name: str) -> str:
    """As it is looked up in the end: it can be spelled in more than one way."""
    try:
        return name.encode("idna").decode().lower().rstrip(".")
    except UnicodeError:
        return name.lower().rstrip(".")


def _steps(path: str) -> list[str]:
    """Of the path that servers make of this one."""
    return [step for step in posixpath.normpath(f"/{unquote(path)}").split("/") if step]
