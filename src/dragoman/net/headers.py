"""The header fields of a reply: in the order they came, names in lower case, repeated names kept apart."""

from collections.abc import Iterable


class Headers:
    """A dozen fields at most are looked at once or twice each, so a list is searched and no index is built."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        """fields: names in any case."""
        self._fields = [(name.lower(), value) for name, value in fields]

    def get(self, name: str) -> str | None:
        """Return the first value of that name, in any case."""
        wanted = name.lower()
        for field, value in self._fields:
            if field == wanted:
                return value
        return None

    def get_all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for field, value in self._fields if field == wanted]

    def items(self) -> list[tuple[str, str]]:
        return list(self._fields)

    def without(self, *names: str) -> "Headers":
        """names: in lower case."""
        return Headers(field for field in self._fields if field[0] not in names)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Names only: values may be secrets."""
        return f"Headers({', '.join(name for name, _ in self._fields)})"
