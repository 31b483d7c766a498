"""Heads of a workspace's chains, signed with the installation's key (Ed25519), so that they can be kept elsewhere.

What is signed is a text of a line for each fact; a kept one, with the public key, shows later that nothing before it
was changed.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from shared.chain import START, Head

TITLE = "countinghouse history 1"
"""The first line: what is signed, and how it is written."""


class Forged(ValueError):
    """The signature is not this key's over this text, or the text is none of ours."""


@dataclass(frozen=True)
class Heads:
    """Where the chains of a workspace ended at an instant, by service."""

    workspace_id: str
    at: datetime
    ends: Mapping[str, Head]


def text(heads: Heads) -> str:
    """What is signed: a title, the workspace, the instant, and position and hash of each service's chain, by name."""
    ends = [f"{name} {heads.ends[name].position} {heads.ends[name].hash}" for name in sorted(heads.ends)]
    at = heads.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return "\n".join([TITLE, f"workspace {heads.workspace_id}", f"at {at}", *ends, ""])


def private_key(written: str) -> Ed25519PrivateKey:
    """The key of 32 bytes in base64url. Raises ValueError when it is none."""
    try:
        seed = base64.b64decode(written + "=" * (-len(written) % 4), altchars=b"-_", validate=True)
    except binascii.Error as why:
        raise ValueError(str(why)) from None
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key(written: str) -> str:
    """What such a key's signatures are checked with, as PEM."""
    public = private_key(written).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed(heads: Heads, key: str) -> dict[str, str]:
    """The text, its signature in base64, and the public key as PEM."""
    said = text(heads)
    signature = base64.b64encode(private_key(key).sign(said.encode())).decode()
    return {"text": said, "signature": signature, "public_key": public_key(key)}


def opened(kept: Mapping[str, Any], public_key: str) -> Heads:
    """What was signed, as `signed` made it. `public_key`: PEM, kept since it was first seen; not the one in `kept`.

    Raises:
        Forged.
    """
    try:
        key = load_pem_public_key(public_key.encode())
        if not isinstance(key, Ed25519PublicKey):
            raise Forged("not an Ed25519 key")
        key.verify(base64.b64decode(kept["signature"], validate=True), kept["text"].encode())
        return _read(kept["text"])
    except (InvalidSignature, KeyError, AttributeError, TypeError, ValueError) as why:
        raise Forged(str(why) or "another key's signature, or another text") from None


def _read(said: str) -> Heads:
    title, workspace, at, *ends = said.removesuffix("\n").split("\n")
    if title != TITLE:
        raise Forged("not a history's heads")
    found = {}
    for end in ends:
        name, position, digest = end.split(" ")
        if len(digest) != len(START):
            raise Forged("not a hash")
        found[name] = Head(int(position), digest)
    return Heads(workspace.removeprefix("workspace "), datetime.fromisoformat(at.removeprefix("at ")), found)
