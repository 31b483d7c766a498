"""Where the product's mail arrives: an SMTP server that can refuse, or the folder of `.eml` files."""

import email
import email.policy
import random
import threading
from collections import Counter
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from tests.product import free_ports

Letter = tuple[str, str]
"""The Message-ID, and the address it is for."""


class Postbox:
    """An SMTP server on a port of its own, which refuses a part of what it is given."""

    def __init__(self, chance: random.Random) -> None:
        self.badness = 0.0
        self.done: Counter[str] = Counter()
        self._chance, self._letters, self._lock = chance, list[Letter](), threading.Lock()
        self.port = free_ports(1)
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """Greylisted, at times."""
        if self._bad("greylisted"):
            return "451 4.7.1 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Taken; refused; or taken, and the answer lost."""
        if self._bad("refused"):
            return "452 4.3.1 No space"
        with self._lock:
            self._letters += [(_message_id(envelope.content), address) for address in envelope.rcpt_tos]
        if self._bad("answer lost"):
            server.transport.abort()
        return "250 OK"

    def letters(self) -> list[Letter]:
        """What has arrived, copies included."""
        with self._lock:
            return list(self._letters)

    def close(self) -> None:
        """Take no more."""
        self._controller.stop()

    def _bad(self, what: str) -> bool:
        bad = self._chance.random() < self.badness
        self.done[f"mail: {what}"] += bad
        return bad


def filed(folder: Path) -> list[Letter]:
    """What lies in a folder of `.eml` files."""
    messages = [_parsed(file.read_bytes()) for file in sorted(folder.glob("*.eml"))]
    return [(str(message["Message-ID"]).strip(), str(message["To"]).strip()) for message in messages]


def _message_id(content: bytes) -> str:
    return str(_parsed(content)["Message-ID"]).strip()


def _parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message
