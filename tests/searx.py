"""A real search engine of the SearXNG family: searx of Debian, which asks one engine on this machine."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dragoman.wire import jsons
from tests.engines import PAGES
from tests.serving import Served, free_port, running

DEBIAN_PYTHON: Final = "/usr/bin/python3"
RESOURCES: Final = Path("/usr/share/python3-searx")
IS_HERE: Final = RESOURCES.is_dir()
MISSING: Final = "python3-searx is not installed (apt-get install python3-searx)"


class _Engine(http.server.BaseHTTPRequestHandler):
    """What searx asks: it finds `PAGES`, whatever the query."""

    def do_GET(self) -> None:
        found = [{"url": page.url, "title": page.title, "content": page.text} for page in PAGES]
        body = jsons.write({"results": found})
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def searx(folder: Path) -> Iterator[Served]:
    """It knows the engines `lama`, which is there, and `lost`, which is not: `!lost` in a query asks that one."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Engine)
    thread = threading.Thread(target=server.serve_forever, name="searx engine")
    thread.start()
    try:
        port, settings = free_port(), folder / "settings.yml"
        settings.write_bytes(jsons.write(_settings(port, server.server_port)))  # JSON is YAML
        command = ["/usr/bin/env", f"SEARX_SETTINGS_PATH={settings}", DEBIAN_PYTHON, "-m", "searx.webapp"]
        with running(command, port, "/config", folder) as served:
            yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _settings(port: int, engine_port: int) -> dict[str, object]:
    def engine(name: str, categories: str, port: int) -> dict[str, object]:
        return {
            "name": name,
            "engine": "json_engine",
            "shortcut": name[:2],
            "categories": categories,
            "search_url": f"http://127.0.0.1:{port}/?q={{query}}",
            "results_query": "results",
            "url_query": "url",
            "title_query": "title",
            "content_query": "content",
            "enable_http": True,
            "timeout": 3.0,
        }

    return {
        "use_default_settings": False,
        "general": {"debug": False, "instance_name": "searx"},
        "search": {"safe_search": 0, "autocomplete": "", "default_lang": "", "formats": ["html", "json"]},
        "server": {
            "port": port,
            "bind_address": "127.0.0.1",
            "secret_key": "for-tests-only-0123456789",
            "base_url": False,
            "image_proxy": False,
            "http_protocol_version": "1.0",
            "method": "GET",
            "default_http_headers": {},
        },
        "ui": {
            "static_path": str(RESOURCES / "static"),
            "templates_path": str(RESOURCES / "templates"),
            "default_theme": "oscar",
            "default_locale": "",
            "theme_args": {"oscar_style": "logicodev"},
        },
        "outgoing": {"request_timeout": 3.0, "useragent_suffix": ""},
        "doi_resolvers": {"oadoi.org": "https://oadoi.org/"},
        "default_doi_resolver": "oadoi.org",
        "locales": {"en": "English"},
        "checker": {},
        "engines": [engine("lama", "general", engine_port), engine("lost", "files", 9)],
    }
