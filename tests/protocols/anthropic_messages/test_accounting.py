"""The line of accounting, and what is no such line."""

import pytest
from msgspec import Raw

from dragoman.protocols.anthropic_messages.accounting import LINE, without


@pytest.mark.parametrize(
    "system",
    [
        None,
        Raw(b"null"),
        Raw(b'"Be brief."'),
        Raw(f'"{LINE} cch=1;"'.encode()),
        Raw(b'[{"type":"text","text":"Be brief."}]'),
        Raw(f'[{{"type":"text","text":"It says {LINE}"}}]'.encode()),
        Raw(f'[{{"type":"text","text":"{LINE} cch=1;"}}]'.encode()),
        Raw(f'[{{"type":"{LINE}"}},1]'.encode()),
        Raw(f'["{LINE}"]'.encode()),
    ],
)
def test_what_stays_as_it_is(system: Raw | None) -> None:
    """The line alone stays as well: a prompt of nothing may be refused."""
    assert without(system) is None


def test_what_stands_behind_it_stays_byte_for_byte() -> None:
    rest = rb'{"text":"caf\u00e9 1.0", "type":"text"}'
    found = without(Raw(b'[ {"type":"text","text":"' + LINE.encode() + b' cch=1;"} , ' + rest + b"]"))
    assert found is not None
    assert bytes(found) == b"[" + rest + b"]"
