"""Usage of a relayed stream whose client has not asked for it: asked for in its place, and kept from it.

Such clients may look for `choices[0]` in every chunk, and the chunk that only tells usage has none.
"""

from typing import Any

from dragoman.hub.route import Profile
from dragoman.wire import jsons, sse


def asking(members: jsons.Members, profile: Profile) -> dict[str, Any]:
    """What to add to a request. Empty where its client hears the usage anyway, or the backend cannot be asked."""
    if not profile.stream_usage or jsons.value_of(members.get("stream")) is not True:
        return {}
    options = jsons.value_of(members.get("stream_options")) or {}
    if not isinstance(options, dict) or options.get("include_usage") is True:
        return {}
    return {"stream_options": {**options, "include_usage": True}}


def kept_back(data: bytes) -> bytes:
    """data: whole events, without those that tell nothing but usage."""
    frames = sse.SSEReader().feed(data)
    passed = [frame for frame in frames if not _is_usage_only(frame.data)]
    return data if len(passed) == len(frames) else b"".join(sse.write_data(frame.data) for frame in passed)


def _is_usage_only(data: bytes) -> bool:
    try:
        found = jsons.members(data)
    except jsons.JSONError:
        return False
    return "usage" in found and jsons.value_of(found.get("choices")) == []
