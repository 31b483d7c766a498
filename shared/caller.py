"""Caller: on whose behalf a request is made. Signed by the gateway, believed by the services for a minute.

A token is signed with HMAC-SHA256 under a key that is made of the secret and its audience, so one made for the invoice
service opens nothing in the budget service. The secret may be several, by commas, all believed: the first signs.
"""

import hashlib
import time
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import Self

from itsdangerous import BadData, URLSafeTimedSerializer

from shared.errors import Forbidden

HEADER = "X-Caller"
MAX_AGE = 60
"""Seconds for which a signed caller is believed."""

CLOCKS = 10
"""Seconds by which the clock of who signed may be ahead of ours."""

INTERNAL = "internal"
"""The scope of a service calling a service. The gateway never gives it to a key."""

OPERATOR = "operator"
"""The scope of whoever runs the installation: to make workspaces. Only the command line gives it to a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One workspace's key at work, or (scope `internal`) another service on its behalf."""

    workspace_id: str
    company_id: int = 0
    account_id: str = ""  # where a new invoice goes when the dialect names none
    account_ids: tuple[str, ...] | None = None  # the only accounts the key may use; None: all
    accounts: tuple[str, ...] = ()  # every account the key may use, by name
    member_id: int | None = None
    key_id: str = ""
    scopes: tuple[str, ...] = ()
    currency: str = "USD"
    time_zone: str = "UTC"

    @classmethod
    def service(cls, name: str, workspace_id: str, member_id: int | None = None) -> Self:
        """The service `name`, at work for a workspace; `member_id`: for what this member has done there."""
        return cls(workspace_id=workspace_id, key_id=f"service:{name}", scopes=(INTERNAL,), member_id=member_id)

    def may(self, scope: str) -> bool:
        """Whether the key holds `scope`; `admin` holds every one that is the workspace's own."""
        return scope in self.scopes or ("admin" in self.scopes and scope not in (INTERNAL, OPERATOR))

    def check_everywhere(self) -> None:
        """Raise Forbidden unless the key is for all accounts: for changes of what every one of them shows."""
        if self.account_ids is not None:
            raise Forbidden("This API key is for some accounts, and this is of all")


def sign(caller: Caller, secret: str, audience: str) -> str:
    """A token that `audience`, and no other service, believes. Within one second it is the same."""
    return _signed(caller, secret, audience, int(time.time()))


@lru_cache(maxsize=1024)
def _signed(caller: Caller, secret: str, audience: str, _second: int) -> str:
    return str(_serializer(secret, audience).dumps(asdict(caller)))


def verify(token: str, secret: str, audience: str) -> Caller | None:
    """The caller of a token; None when it is forged, too old, or meant for somebody else."""
    try:
        caller, signed_at = _opened(token, secret, audience)
    except (BadData, TypeError, KeyError):
        return None
    return caller if -CLOCKS <= int(time.time()) - signed_at <= MAX_AGE else None


@lru_cache(maxsize=1024)
def _opened(token: str, secret: str, audience: str) -> tuple[Caller, int]:
    """The caller of a token, and when it was signed. A busy caller comes with the same token all through a second."""
    facts, signed_at = _serializer(secret, audience).loads(token, return_timestamp=True)
    facts["scopes"], facts["accounts"] = tuple(facts["scopes"]), tuple(facts["accounts"])
    if facts["account_ids"] is not None:
        facts["account_ids"] = tuple(facts["account_ids"])
    return Caller(**facts), int(signed_at.timestamp())


@cache
def _serializer(secret: str, audience: str) -> URLSafeTimedSerializer:
    oldest_first = [each.strip() for each in reversed(secret.split(","))]  # itsdangerous signs with the last
    kept = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeTimedSerializer(oldest_first, salt=f"caller:{audience}", signer_kwargs=kept)
