"""The header fields of a reply, by their names in lower case. Of a name that is repeated the first value counts."""


class Headers(dict[str, str]):
    """Made of names and values. It is the dictionary itself that is asked, as happens several times for each reply."""

    __slots__ = ()

    def without(self, *names: str) -> "Headers":
        return Headers((name, value) for name, value in self.items() if name not in names)

    def __repr__(self) -> str:
        """Names only: values may be secrets."""
        return f"Headers({', '.join(self)})"
