"""Everything we can report as an error.

A `Problem` has two texts: `public` may leave the building, `private` may only be logged. Sanitising is thereby a
matter of types, not of memory. A problem travels as an exception inside Dragoman and as `Failed` inside a stream;
each dialect's codec writes it in its own envelope.

    kind               status  meaning
    bad_request        400     the client's request cannot be read or makes no sense
    unsupported        400     understood, but this backend cannot be asked for it without changing its meaning
    context_overflow   400     the conversation does not fit the model's window
    policy             400     the backend's content filter refused the request
    unauthorized       401     the client's key is missing or wrong
    out_of_credit      402     the backend's account is empty
    forbidden          403     the key may not use this model
    unknown_model      404     no such model
    unknown_path       404     no such endpoint
    wrong_method       405     the endpoint exists for another method
    too_large          413     the body exceeds the limit
    bad_encoding       415     the body's Content-Encoding is not understood
    rate_limited       429     too many requests
    internal           500     a bug of ours
    backend_failed     502     the backend answered with an error or with rubbish
    backend_refused_us 502     the backend rejected the proxy's own credentials
    unreachable        502     no connection to the backend
    truncated          502     the backend's stream ended before the answer did
    overloaded         503     the backend asks to come back later
    timeout            504     the backend did not answer in time
"""

from typing import Final, Literal, get_args

Kind = Literal[
    "bad_request",
    "unsupported",
    "context_overflow",
    "policy",
    "unauthorized",
    "out_of_credit",
    "forbidden",
    "unknown_model",
    "unknown_path",
    "wrong_method",
    "too_large",
    "bad_encoding",
    "rate_limited",
    "internal",
    "backend_failed",
    "backend_refused_us",
    "unreachable",
    "truncated",
    "overloaded",
    "timeout",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

STATUS: Final[dict[Kind, int]] = {
    "bad_request": 400,
    "unsupported": 400,
    "context_overflow": 400,
    "policy": 400,
    "unauthorized": 401,
    "out_of_credit": 402,
    "forbidden": 403,
    "unknown_model": 404,
    "unknown_path": 404,
    "wrong_method": 405,
    "too_large": 413,
    "bad_encoding": 415,
    "rate_limited": 429,
    "internal": 500,
    "backend_failed": 502,
    "backend_refused_us": 502,
    "unreachable": 502,
    "truncated": 502,
    "overloaded": 503,
    "timeout": 504,
}

# Kinds after which another backend of the same model may well succeed, as long as nothing was said to the client.
ELSEWHERE: Final[frozenset[Kind]] = frozenset(
    {
        "unreachable",
        "overloaded",
        "rate_limited",
        "backend_failed",
        "backend_refused_us",
        "out_of_credit",
        "truncated",
        "timeout",
    }
)


class Problem(Exception):  # noqa: N818 - it is a word of ours, and not always an error of ours
    """One thing that went wrong, in words fit for the client.

    status: the HTTP status the backend really gave, where there was one; else the kind's own.
    param: the request field at fault, as the client spelled it ("messages[3].content").
    code: the backend's own machine-readable code, kept for clients that act on it.
    retry_after: seconds the backend asked to wait.
    """

    def __init__(
        self,
        kind: Kind,
        public: str,
        *,
        private: str = "",
        status: int | None = None,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(public)
        self.kind: Final[Kind] = kind
        self.public: Final = public
        self.private: Final = private
        self.status: Final = status or STATUS[kind]
        self.param: Final = param
        self.code: Final = code
        self.retry_after: Final = retry_after

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.kind, self.public))

    def __repr__(self) -> str:
        return f"Problem({self.kind!r}, {self.public!r})"


class WrongMethod(Problem):
    """allow: the methods that the endpoint does take, for the header of that name."""

    def __init__(self, public: str, allow: str) -> None:
        super().__init__("wrong_method", public)
        self.allow: Final = allow


def bad_request(param: str, public: str) -> Problem:
    """A field of the client's request is wrong; `public` says how, and what to send instead."""
    return Problem("bad_request", f"{param}: {public}", param=param)
