"""What could not be carried across: something the client said that the backend's dialect cannot say.

Three classes. *Silent*: it carries no meaning for this backend. *Warned*: something asked for is approximated or
missing, and the answer is still useful. *Refused*: going on would change the meaning, so a 400 names the field, the
backend and the remedy.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from msgspec import Struct

from dragoman.hub.problems import Problem

Policy = Literal["honest", "strict", "lenient"]
NO_PREFILL: Final = (
    "prefill is not supported by this backend; let the last message be the user's, or set `on_loss: lenient` for the"
    " model, which takes what the assistant has said last for past"
)
_LONGEST: Final = 1000


class Loss(NamedTuple):
    path: str
    why: str
    warned: bool


class Losses(Struct):
    """The losses of one request towards one backend. Make one per attempt.

    policy "honest" keeps the three classes; "strict" refuses what would be warned of; "lenient" warns of what would be
    refused, where that is at all possible.
    """

    policy: Policy = "honest"
    noted: list[Loss] = []

    def silent(self, path: str, why: str) -> None:
        self.noted.append(Loss(path, why, warned=False))

    def warn(self, path: str, why: str) -> None:
        if self.policy == "strict":
            raise Problem("unsupported", f"{path}: {why} (this model is set to `on_loss: strict`)", param=path)
        self.noted.append(Loss(path, why, warned=True))

    def refuse(self, path: str, why: str, *, lenient: bool = False) -> None:
        """Raise, unless the model's policy is lenient and the caller has something to say in the part's place."""
        if lenient and self.policy == "lenient":
            self.noted.append(Loss(path, why, warned=True))
            return
        raise Problem("unsupported", f"{path}: {why}", param=path)

    def header(self) -> str:
        """The warned losses for `x-dragoman-loss`: names only, never values, printable ASCII, at most 1,000 characters.

        A path holds what the client wrote, so it may hold anything. Names that no longer fit are left out whole.
        """
        names = dict.fromkeys(_printable(loss.path) for loss in self.noted if loss.warned)
        said = ""
        for name in names:
            longer = f"{said}, {name}" if said else name
            if len(longer) > _LONGEST:
                break
            said = longer
        return said


def _printable(path: str) -> str:
    return "".join(c if " " <= c <= "~" and c != "," else "?" for c in path)
