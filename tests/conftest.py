"""What every test may be told from outside."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden by what is said now, instead of comparing"
    )
