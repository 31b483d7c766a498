"""A letter as the bytes that leave, in which nothing that a client wrote is read as anything but text.

The email package takes the encoded words of RFC 2047 in what it is given for a header as such, and before Python
3.11.10 and 3.12.5 it writes a line break that was in one as a line break (CVE-2024-6923). So what clients wrote is
encoded here, stays as it is, and is read once more before it leaves. Nothing of ours is imported.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email import message_from_string
from email.header import Header, decode_header
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime
from typing import Any

Letter = Mapping[str, Any]
Attachment = tuple[str, bytes]
"""A file's name, and what is in it."""

PLAIN = re.compile(r"[A-Za-z0-9&'+/_ -]{0,60}")
"""What means the same in every header without being encoded, and fits on a line."""


class Forged(ValueError):
    """The letter would not be read as it is meant."""


def composed(letter: Letter, to: str, sender: str, attached: Attachment | None = None) -> bytes:
    """The letter as a MIME message: plain text, HTML beside it, and a PDF if one goes with it.

    Raises:
        Forged: whoever reads it would not find exactly these headers and parts, with the text that was written.
    """
    message = EmailMessage(policy=SMTP.clone(utf8=not to.isascii(), cte_type="7bit", refold_source="none"))
    meant = {
        "From": _mailbox(letter["from_name"], sender),
        "To": _mailbox(letter["to_name"], to),
        "Subject": letter["subject"],
    }
    message.set_raw("From", _mailbox(_encoded(letter["from_name"], "From"), sender))
    message.set_raw("To", _mailbox(_encoded(letter["to_name"], "To"), to))
    message.set_raw("Subject", _encoded(letter["subject"], "Subject"))
    message["Date"] = format_datetime(datetime.fromisoformat(letter["date"]))
    message["Message-ID"] = letter["message_id"]
    message.set_content(letter["text"])
    message.add_alternative(letter["html"], subtype="html")
    if attached:
        name, pdf = attached
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=name)
    wire = message.as_bytes()
    _check(wire.decode(), _outline(message), meant, {"From": sender, "To": to})
    return wire


def _encoded(text: str, header: str) -> str:
    return text if PLAIN.fullmatch(text) else Header(text, "utf-8", header_name=header).encode(linesep="\r\n")


def _mailbox(name: str, address: str) -> str:
    if not address.isprintable():  # a quoted name of a mailbox may hold what ends a line
        raise Forged(f"Not an address for a letter: {address!r}")
    return f"{name} <{address}>" if name else address


def _check(wire: str, outline: Any, meant: Mapping[str, str], mailboxes: Mapping[str, str]) -> None:
    """Read the letter as its receiver does. Raises Forged where that is not what was meant."""
    read = message_from_string(wire, policy=default)
    raw = dict(read.raw_items())
    wrong = [name for name, text in meant.items() if _decoded(raw[name]) != text]
    wrong += [name for name, only in mailboxes.items() if [each.addr_spec for each in read[name].addresses] != [only]]
    if wrong or _outline(read) != outline:
        raise Forged(f"The letter cannot be written so that it is read as it is meant: {', '.join(wrong) or 'parts'}")


def _outline(message: EmailMessage) -> list[tuple[list[str], str, str | None]]:
    """Of each part the names of its headers, its type, and what its file is called."""
    return [(sorted(part.keys()), part.get_content_type(), part.get_filename()) for part in message.walk()]


def _decoded(value: str) -> str:
    pieces = decode_header(value)
    return "".join(
        each if isinstance(each, str) else each.decode(kind or "raw-unicode-escape") for each, kind in pieces
    )
