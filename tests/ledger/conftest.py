"""Closes the ledgers that a test has made: Python 3.13 warns of those that are left open."""

from collections.abc import Iterator

import pytest

from tests.ledger.writing import made


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while made:
        made.pop().close()
