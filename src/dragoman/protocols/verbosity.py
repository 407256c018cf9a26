"""How wordy the answer is to be: a wish that both of OpenAI's dialects have a word for, and few backends."""

from dragoman.hub.losses import Losses
from dragoman.hub.request import Request
from dragoman.hub.route import Profile

_USUAL = "medium"
_WHY = "this backend has no verbosity setting"


def verbosity_for(request: Request, profile: Profile, losses: Losses) -> str | None:
    """The word for a backend of another dialect than the client's; None where it takes none."""
    wanted = request.verbosity
    if wanted is None or profile.verbosity:
        return wanted
    if request.dialect == "openai-chat":
        losses.warn("verbosity", _WHY)
    elif wanted != _USUAL:
        losses.silent("text.verbosity", _WHY)
    return None
