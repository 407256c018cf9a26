"""The key of a proxy that others can reach and that was given none.

It follows from the secret in the data directory, so it is the same at every start and stands in no file.
"""

import base64
import hashlib
import hmac


def first_key(secret: bytes) -> str:
    """secret: as `store.secret` keeps it."""
    digest = hmac.digest(secret, b"the first key of this proxy", hashlib.sha256)
    return "sk-" + base64.b32encode(digest[:25]).decode().lower()
