"""How a mail leaves: as an .eml file in a folder, or through an SMTP server. Which one is a setting.

A temporary failure raises whatever it was, and the relay comes back; a permanent one raises `Undeliverable`.
"""

import os
import smtplib
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from services.invoices.settings import Settings
from shared.outbox import Undeliverable

DEADLINE = 9.0
"""Seconds for a whole conversation with the SMTP server: the relay's lease reckons with 10 for a delivery."""

OUR_FAULT = frozenset({530, 534, 535, 538})
"""Permanent refusals that are about our login, not about the message: it waits until the settings are right."""

TOO_LARGE = 552

Letter = Mapping[str, Any]
Attachment = tuple[str, bytes]
"""A file's name, and what is in it."""
Channel = Callable[[Settings, str, EmailMessage, str], None]


def deliver(settings: Settings, key: str, letter: Letter, attached: Attachment | None = None) -> None:
    """Deliver a letter through the configured channel. `key`: the same each time the same letter is tried.

    Raises:
        Undeliverable: it will never be taken.
    """
    to = _ascii_domain(letter["to"])
    CHANNELS[settings.mail_channel](settings, key, composed(letter, to, settings.mail_from, attached), to)


def composed(letter: Letter, to: str, sender: str, attached: Attachment | None = None) -> EmailMessage:
    """The letter as a MIME message: plain text, HTML beside it, and a PDF if one goes with it."""
    message = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    message["From"] = _address(letter["from_name"], sender)
    message["To"] = _address(letter["to_name"], to)
    message["Subject"] = letter["subject"]
    message["Date"] = format_datetime(datetime.fromisoformat(letter["date"]))
    message["Message-ID"] = letter["message_id"]
    message.set_content(letter["text"])
    message.add_alternative(letter["html"], subtype="html")
    if attached:
        name, pdf = attached
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=name)
    return message


def to_file(settings: Settings, key: str, message: EmailMessage, _to: str) -> None:
    """Write the message as a whole, on disk, under a name of its own; a second time changes nothing."""
    folder = Path(settings.mail_folder)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{key}.part"
    with part.open("wb") as file:
        file.write(message.as_bytes())
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / f"{key}.eml")
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def to_smtp(settings: Settings, _key: str, message: EmailMessage, to: str) -> None:
    """Hand the message to the SMTP server."""
    smtp = _connected(settings)
    try:
        smtp.send_message(message, settings.mail_from, [to])
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        _give_up_if(code >= 500 and code not in OUR_FAULT, code, said)
        raise
    except smtplib.SMTPSenderRefused as refused:
        _give_up_if(refused.smtp_code == TOO_LARGE, refused.smtp_code, refused.smtp_error)
        raise
    except smtplib.SMTPDataError as refused:
        _give_up_if(
            refused.smtp_code >= 500 and refused.smtp_code not in OUR_FAULT, refused.smtp_code, refused.smtp_error
        )
        raise
    except smtplib.SMTPNotSupportedError as why:
        raise Undeliverable(str(why)) from None
    finally:
        with suppress(smtplib.SMTPException, OSError):  # it has been taken, or not: how we part changes nothing
            smtp.quit()
        smtp.close()


CHANNELS: Mapping[str, Channel] = {"file": to_file, "smtp": to_smtp}


class _Punctual(smtplib.SMTP):
    """A connection with one deadline for all its answers together; smtplib's own timeout begins anew at each."""

    def __init__(self, host: str, port: int, **kwargs: Any) -> None:
        self._until = time.monotonic() + DEADLINE
        super().__init__(host, port, timeout=DEADLINE, **kwargs)

    def getreply(self) -> tuple[int, bytes]:
        if self.sock:
            self.sock.settimeout(max(0.01, self._until - time.monotonic()))
        return super().getreply()


class _PunctualTls(_Punctual, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


def _connected(settings: Settings) -> smtplib.SMTP:
    where = (settings.smtp_host, settings.smtp_port)
    if settings.smtp_tls == "tls":
        smtp: smtplib.SMTP = _PunctualTls(*where, context=ssl.create_default_context())
    else:
        smtp = _Punctual(*where)
    try:
        if settings.smtp_tls == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            smtp.login(settings.smtp_user, settings.smtp_password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _give_up_if(permanent: bool, code: int, said: bytes | str) -> None:
    if permanent:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        raise Undeliverable(f"{code} {text}") from None


def _address(name: str, address: str) -> Address:
    if address.isascii():
        return Address(display_name=name, addr_spec=address)
    user, _, domain = address.rpartition("@")  # the parser of addresses knows ASCII only
    return Address(display_name=name, username=user, domain=domain)


def _ascii_domain(address: str) -> str:
    """The address with its domain as mail servers know it; what stands before the `@` stays as it is."""
    user, _, domain = address.rpartition("@")
    try:
        return f"{user}@{domain.encode('idna').decode()}"
    except UnicodeError as why:
        raise Undeliverable(f"Not a mail domain: {why}") from None
