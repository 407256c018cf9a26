"""Writes one answer to one browser: files, values, downloads, ways elsewhere. Nothing of it runs but what is ours."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dragoman.config.snapshot import Snapshot
from dragoman.gateway.call import Call
from dragoman.gateway.responder import SECURITY
from dragoman.hub.problems import Problem
from dragoman.server.keys import Door
from dragoman.server.pages.files import files
from dragoman.wire import jsons

Headers = Iterable[tuple[str, str]]

# Pages take scripts and styles from files of this origin only: what slips into a text stays a text.
_POLICY: Final = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS: Final = (
    *SECURITY,
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_FORM: Final = 2**16  # bytes that a page usually may say


class Browser:
    """call: what the browser asks. snapshot: the configuration of that moment. door: slows down who guesses.

    is_secure: it speaks TLS, to us or to a proxy that we trust.
    """

    def __init__(self, call: Call, snapshot: Snapshot, door: Door, *, is_secure: bool) -> None:
        self.call: Final = call
        self.snapshot: Final = snapshot
        self.door: Final = door
        self.is_secure: Final = is_secure

    @property
    def cookies(self) -> Mapping[str, str]:
        """Of two cookies of one name the first counts: it is the one with the longer path."""
        found: dict[str, str] = {}
        for pair in self.call.headers.get("cookie", "").replace(",", ";").split(";"):
            name, _, value = pair.strip().partition("=")
            found.setdefault(name, value)
        return found

    async def said(self, limit: int = _FORM) -> dict[str, Any]:
        """The JSON object that a script of ours has sent, of at most `limit` bytes. Raise Problem for anything else,
        and for other sites' pages.

        A form elsewhere can send neither this content type nor this origin without our leave.
        """
        self._refuse_other_sites()
        try:
            value = jsons.read(await self.call.read_body(limit))
        except jsons.JSONError:
            value = None
        if not isinstance(value, dict):
            raise Problem("bad_request", "body: must be a JSON object")
        return value

    def _refuse_other_sites(self) -> None:
        """Browsers say where a request comes from: over TLS and on this machine in words that no page can set, and
        elsewhere by the origin, which has to be the host that was asked.
        """
        headers = self.call.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            is_ours = site == "same-origin"
        else:
            is_ours = origin is None or origin.partition("://")[2] == headers.get("host")
        if not is_ours or not headers.get("content-type", "").startswith("application/json"):
            raise Problem("forbidden", "this is asked by pages of the proxy's own only")

    def file(self, name: str, status: int = 200) -> None:
        """Send a file of ours. A browser asks again each time, and hears that it has it already."""
        file = files()[name]
        headers = (("cache-control", "no-cache"), ("etag", file.etag))
        if status == 200 and self.call.headers.get("if-none-match") == file.etag:
            self._send(304, headers, b"")
        else:
            self._send(status, (*headers, ("content-type", file.content_type)), file.body)

    def value(self, value: Any, headers: Headers = (), status: int = 200) -> None:
        """Send what a script asked for, as JSON."""
        self.text(jsons.write(value), "application/json", headers, status)

    def text(self, body: bytes, content_type: str, headers: Headers = (), status: int = 200) -> None:
        self._send(status, (("cache-control", "no-store"), ("content-type", content_type), *headers), body)

    def download(self, body: bytes, content_type: str, filename: str) -> None:
        self.text(body, content_type, (("content-disposition", f'attachment; filename="{filename}"'),))

    def see(self, path: str, headers: Headers = ()) -> None:
        """Send the browser to another page of ours."""
        self._send(303, (("cache-control", "no-store"), ("location", path), *headers), b"")

    def _send(self, status: int, headers: Headers, body: bytes) -> None:
        said = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
        length = (b"content-length", str(len(body)).encode())
        body = b"" if self.call.method == "HEAD" else body
        self.call.outlet.begin(status, [*_HEADERS, *said, length])
        self.call.outlet.end(body)
