import pytest

from tests.golden.matrix import Keeping


@pytest.fixture
def keeping(request: pytest.FixtureRequest) -> Keeping:
    return Keeping(update=request.config.getoption("--update-golden"))
