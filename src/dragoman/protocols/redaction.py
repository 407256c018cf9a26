"""What of a backend's text may reach a client: its meaning, without addresses and keys.

Agents act on the wording (they start compaction on "maximum context length", drop a feature they are told of), so a
message is never replaced, only cleaned: field names ("messages.1.role"), model names and numbers stay as they are.
"""

import ipaddress
import re
from typing import Final

_LIMIT: Final = 2_000
# What is cleaned before it is cut: a cut must not make half a key of one that would have been seen.
_READ: Final = 4 * _LIMIT

_TLDS: Final = (
    "com|net|org|io|ai|dev|app|cloud|co|tech|xyz|eu|uk|de|fr|cn|jp|kr|ru|ch|nl|se|ca|au|br|edu|gov"
    "|local|localdomain|internal|intranet|lan|corp|home|arpa|svc|cluster|docker"
)
# Prefixes that vendors give their keys. A digit must follow somewhere, so that skip_special_tokens is no key.
_VENDORS: Final = "sk|pk|rk|tvly|gsk|xai|hf|nvapi|pplx|fw|r8|ghp|gho|github_pat|glpat|ya29"
_KEYS: Final = (
    (re.compile(r"\bBearer\s+(?=\S{0,80}\d|\S{16})[^\s\"',;]+", re.IGNORECASE), "Bearer [key]"),
    (re.compile(r"\bBasic\s+[A-Za-z0-9+/]{8,}=*", re.IGNORECASE), "Basic [key]"),
    (re.compile(rf"\b(?:(?:{_VENDORS})[-_.]|key-|AIza|AKIA|eyJ)(?=[\w.*-]{{0,80}}[\d*])[\w.*-]{{6,}}"), "[key]"),
    (
        re.compile(
            r"\b((?:api|access|secret|subscription|auth)[-_ ]?(?:key|token)(?: provided)?|x-api-key|authorization"
            r"|password|secret)(['\"]?\s*[:=]\s*['\"]?)(?=[^\s'\"]{0,80}[\d*]|[^\s'\"]{16})[^\s'\",;)}\]]+",
            re.IGNORECASE,
        ),
        r"\1\2[key]",
    ),
    (re.compile(r"\b(?=[0-9a-f]{0,80}\d)(?=[0-9a-f]{0,80}[a-f])[0-9a-f]{32,}\b", re.IGNORECASE), "[key]"),
    (re.compile(r"\b(?=\w{0,80}\d)(?=\w{0,80}[a-z])(?=\w{0,80}[A-Z])\w{32,}\b"), "[key]"),
)
_PLACES: Final = (
    (re.compile(r"\bdata:[\w/+.-]*;base64,[A-Za-z0-9+/=]*", re.IGNORECASE), "[data]"),
    (re.compile(r"\b[a-z][a-z0-9+.-]*:(?:\\?/){2}(?:\[[0-9a-f:.%]+\])?[^\s\"'<>)\]}]*", re.IGNORECASE), "[url]"),
    (re.compile(r"\barn:[\w-]*:[^\s\"'<>)\]}]+"), "[resource]"),
    (re.compile(r"\b(?:org|proj|acct)[-_](?=\w{0,80}\d)[A-Za-z0-9]{8,}"), "[account]"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b"), "[address]"),
    (re.compile(r"\b(host(?:name)?\s*=\s*['\"]?)[\w.-]+(?::\d{2,5})?", re.IGNORECASE), r"\1[host]"),
    (
        re.compile(r"\b(host|connect(?:ing|ion)? to|server at)(\s+['\"]?)[\w.-]+:\d{2,5}\b", re.IGNORECASE),
        r"\1\2[host]",
    ),
    (re.compile(rf"(?<![\w.-])(?:[\w-]+\.)+(?:{_TLDS})(?::\d{{1,5}})?(?![\w-]|\.\w)", re.IGNORECASE), "[host]"),
    (re.compile(r"\blocalhost(?::\d{1,5})?\b", re.IGNORECASE), "[host]"),
)
_MAYBE_IPV6: Final = re.compile(r"(?<![\w.:])\[?([0-9A-Fa-f:.]{2,45})(?:%\w+)?(?:\](?::\d{1,5})?)?(?![\w:])")


def redacted(text: str) -> str:
    """The text without keys, addresses and hosts, at most 2,000 characters and a sign that there was more."""
    cleaned = without_keys(text[:_READ])
    for pattern, instead in _PLACES:
        cleaned = pattern.sub(instead, cleaned)
    cleaned = _MAYBE_IPV6.sub(_unless_address, cleaned)
    return cleaned if len(cleaned) <= _LIMIT else cleaned[:_LIMIT] + " ..."


def without_keys(text: str) -> str:
    """The text without what looks like a credential: fit for a log."""
    for pattern, instead in _KEYS:
        text = pattern.sub(instead, text)
    return text


def _unless_address(found: re.Match[str]) -> str:
    said = found[1].rstrip(".")
    if said.count(":") < 2 or not said.strip(":."):
        return found[0]
    try:
        ipaddress.IPv6Address(said)
    except ValueError:
        return found[0]
    return "[address]" + found[1][len(said) :]
