"""What every test may be told from outside."""

import pytest
from hypothesis import settings

# A busy machine is no reason to fail: what must be fast is measured in bench/, what must be linear is counted.
settings.register_profile("dragoman", deadline=None)
settings.load_profile("dragoman")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden by what is said now, instead of comparing"
    )
