"""The tests' folders mirror src/: whoever reads one file knows where its tests are.

`src/dragoman/net/client.py` is tested by `tests/net/test_client.py`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
HOUSE: Final = TESTS.parent / "src" / "dragoman"

# Tests of the whole, which belong to no single file.
OF_THE_WHOLE: Final = frozenset(
    {"agents", "browser", "conformance", "deploy", "golden", "laws", "local_model", "transcripts"}
)
# Every module of these has a test file of its own.
COMPLETE: Final = ("hub", "wire", "protocols", "store", "ledger", "gateway")
# Declarations without behaviour.
NOTHING_TO_TEST: Final = frozenset({"gateway/call.py", "hub/events.py", "hub/request.py", "protocols/codec.py"})
# Modules whose test file is missing. This list only becomes shorter.
GAPS: Final[frozenset[str]] = frozenset()


def test_every_test_file_tests_a_module() -> None:
    strays = [str(path) for path in _test_files() if not (HOUSE / _tested_by(path)).is_file()]
    assert strays == [], "src/ has no module of that name: move the test to where its module is"


def test_every_module_has_its_test_file() -> None:
    missing = _untested() - GAPS
    assert missing == set(), f"write {', '.join(sorted(map(_test_of, missing)))}"


def test_gaps_that_were_closed_are_not_listed() -> None:
    assert GAPS - _untested() == set(), "take these out of GAPS"


def _untested() -> set[str]:
    return {name for name in _modules() if not (TESTS / _test_of(name)).is_file()} - NOTHING_TO_TEST


def _modules() -> Iterator[str]:
    for package in COMPLETE:
        for path in sorted((HOUSE / package).rglob("*.py")):
            if path.name != "__init__.py":
                yield path.relative_to(HOUSE).as_posix()


def _test_files() -> Iterator[Path]:
    for path in sorted(TESTS.rglob("test_*.py")):
        relative = path.relative_to(TESTS)
        if len(relative.parts) > 1 and relative.parts[0] not in OF_THE_WHOLE:
            yield relative


def _tested_by(test: Path) -> Path:
    return test.with_name(test.name.removeprefix("test_"))


def _test_of(name: str) -> str:
    path = Path(name)
    return path.with_name(f"test_{path.name}").as_posix()
