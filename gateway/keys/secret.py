"""The key itself: `ch_`, eight characters that may be shown, `_`, and 32 random bytes that are shown once.

It is kept as a BLAKE2b digest keyed with `KEY_SECRET`. The bytes are random, so a slow hash would protect nothing.
"""

import hmac
import re
import secrets
from hashlib import blake2b, sha256

SHOWN = len("ch_12345678")
"""How much of a key may be shown."""

_FORM = re.compile(r"ch_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", re.ASCII)


def new_key(key_id: str) -> str:
    """A fresh key, or a fresh secret of one; its visible part is the beginning of its id."""
    return f"ch_{key_id[:8]}_{secrets.token_urlsafe(32)}"


def shown(key: str) -> str:
    """The part of a key that may be shown."""
    return key[:SHOWN]


def well_formed(key: str) -> bool:
    """Whether this could be a key at all, so that nonsense need not be looked up."""
    return _FORM.fullmatch(key) is not None


def digest(key: str, key_secret: str) -> str:
    """What the database keeps of a key."""
    pepper = blake2b(key_secret.encode()).digest()  # BLAKE2b takes at most 64 bytes of key
    return blake2b(key.encode(), key=pepper, digest_size=32).hexdigest()


def told(digest: str) -> str:
    """What the history keeps of a digest: enough to tell that it is another, and not what the database is to have."""
    return sha256(digest.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one, other)
