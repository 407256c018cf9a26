"""`/metrics`: to those who bring the token."""

from typing import Any, Final

from dragoman.gateway.books import Books
from dragoman.ledger.metrics import Metrics
from dragoman.server.keys import Door
from dragoman.server.limits import REFUSED_FROM, FailedLogins
from dragoman.server.pages.metrics import MetricsPage
from dragoman.server.pages.pages import Pages
from tests.gateway.stage import NOBODY, chat_body, house, messages_body, model, run, source
from tests.server.pages.visits import Came, visited

TOKEN: Final = "a-token-of-the-operator"


class Monitor:
    def __init__(self, metrics: Metrics | None, **config: Any) -> None:
        self.failed: Final = FailedLogins()
        settings = source({"models": [model("m", NOBODY)], **config})
        self.pages: Final = Pages(settings, MetricsPage(Books(None, metrics)).pages())

    def asks(self, **headers: str) -> Came:
        door = Door(self.failed, lambda *_: "192.0.2.7", None, headers, lambda: 0.0, _at_once)
        return visited(self.pages, "/metrics", headers=headers, door=door)


async def _at_once(_: float) -> None:
    pass


def test_the_token_lets_in_and_nothing_else() -> None:
    monitor = Monitor(Metrics(), metrics_token=TOKEN)
    came = monitor.asks(authorization=f"Bearer {TOKEN}")
    assert (came.status, came.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b'dragoman_requests_in_flight{state="answering"} 0\n' in came.body
    assert monitor.asks().status == 401
    assert len(monitor.failed) == 0
    for _ in range(REFUSED_FROM):
        assert monitor.asks(authorization="Bearer wrong").status == 401
    assert monitor.asks(authorization=f"Bearer {TOKEN}").status == 429


def test_without_a_token_there_is_no_such_page() -> None:
    assert Monitor(Metrics()).pages.at("/metrics") is None
    assert Monitor(None, metrics_token=TOKEN).pages.at("/metrics") is None  # it was set after the start
    assert Monitor(Metrics(), metrics_token=TOKEN).pages.at("/metrics") is not None


def test_a_running_proxy_counts_though_nothing_is_recorded() -> None:
    async def main() -> None:
        config: dict[str, Any] = {"metrics_token": TOKEN, "log_metrics": False}
        async with house([model("m", NOBODY)], **config) as running:
            await running.ask("/v1/messages", messages_body("m"))
            await running.ask("/v1/chat/completions", chat_body("nobody-knows-it"))
            heard = await running.ask("/metrics", method="GET", headers={"authorization": f"Bearer {TOKEN}"})
            said = heard.body.decode()
            assert 'dragoman_errors_total{model="m",kind="unreachable"} 1\n' in said
            assert 'dragoman_requests_total{model="",backend="",status="404"} 1\n' in said
            assert TOKEN not in said

    run(main)
