"""Tool-call ids are opaque, must survive a round trip, and differ in their legal form.

`fit` is a pure function of the id, so that a call and its result agree without a table.
"""

import base64
import hashlib
import re
from typing import Final, Literal

Form = Literal["openai", "mistral", "anthropic", "any"]

_LEGAL: Final[dict[Form, re.Pattern[str]]] = {
    "openai": re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "anthropic": re.compile(r"[A-Za-z0-9_-]{1,128}"),
    "mistral": re.compile(r"[A-Za-z0-9]{9}"),  # exactly nine alphanumerics, or a 400
    "any": re.compile(r"(?s:.+)"),
}
_PREFIX: Final[dict[Form, str]] = {"openai": "call_", "anthropic": "toolu_", "mistral": "", "any": "call_"}


def fit(call_id: str, form: Form) -> str:
    """Return the id itself where it is legal, else a digest of it that is."""
    if _LEGAL[form].fullmatch(call_id):
        return call_id
    digest = base64.b32encode(hashlib.sha256(call_id.encode()).digest()).decode().lower()
    return digest[:9] if form == "mistral" else _PREFIX[form] + digest[:24]
