"""Which pages a client's lists of domains let through. "example.com" means what is below it as well, and may end in a
path: "example.com/blog".
"""

from collections.abc import Iterable
from urllib.parse import urlsplit


def permits(url: str, allowed: Iterable[str], blocked: Iterable[str]) -> bool:
    """Whether this page may be shown: on an allowed domain, if there are any, and on no blocked one."""
    try:
        parts = urlsplit(url)
        host, path = (parts.hostname or "").rstrip("."), parts.path
    except ValueError:
        return False
    wanted = list(allowed)
    return (not wanted or any(_is_in(domain, host, path) for domain in wanted)) and not any(
        _is_in(domain, host, path) for domain in blocked
    )


def _is_in(domain: str, host: str, path: str) -> bool:
    name, slash, below = domain.lower().removeprefix("https://").removeprefix("http://").partition("/")
    if not f".{host}".endswith(f".{name.removeprefix('*.').rstrip('.')}"):
        return False
    return not below or f"{path.rstrip('/')}/".startswith(f"{slash}{below.rstrip('/')}/")
