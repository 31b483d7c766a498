"""How a mail leaves: as an .eml file in a folder, or through an SMTP server. Which one is a setting.

A temporary failure raises whatever it was, and the relay comes back; a permanent one raises `Undeliverable`.
"""

import os
import smtplib
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.invoices.papers import mime
from services.invoices.papers.mime import Attachment, Letter
from services.invoices.settings import Settings
from shared.outbox import Undeliverable

DEADLINE = 9.0
"""Seconds for a whole conversation with the SMTP server: the relay's lease reckons with 10 for a delivery."""

OUR_FAULT = frozenset({530, 534, 535, 538})
"""Permanent refusals that are about our login, not about the message: it waits until the settings are right."""

TOO_LARGE = 552

BEYOND_ASCII = ("SMTPUTF8", "BODY=8BITMIME")
"""What a server is asked for when an address has other letters."""

Channel = Callable[[Settings, str, bytes, str], None]


def deliver(settings: Settings, key: str, letter: Letter, attached: Attachment | None = None) -> None:
    """Deliver a letter through the configured channel. `key`: the same each time the same letter is tried.

    Raises:
        Undeliverable: it will never be taken.
    """
    to = _ascii_domain(letter["to"])
    try:
        message = mime.composed(letter, to, settings.mail_from, attached)
    except ValueError as why:  # `mime.Forged`, or an address of which the email package makes none: it never will
        raise Undeliverable(str(why)) from None
    CHANNELS[settings.mail_channel](settings, key, message, to)


def to_file(settings: Settings, key: str, message: bytes, _to: str) -> None:
    """Write the message as a whole, on disk, under a name of its own; a second time changes nothing."""
    folder = Path(settings.mail_folder)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{key}.part"
    with part.open("wb") as file:
        file.write(message)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / f"{key}.eml")
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def to_smtp(settings: Settings, _key: str, message: bytes, to: str) -> None:
    """Hand the message to the SMTP server."""
    smtp = _connected(settings)
    try:
        smtp.sendmail(settings.mail_from, [to], message, [] if to.isascii() else BEYOND_ASCII)
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
    except (smtplib.SMTPNotSupportedError, UnicodeEncodeError) as why:
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


def _ascii_domain(address: str) -> str:
    """The address with its domain as mail servers know it; what stands before the `@` stays as it is."""
    user, _, domain = address.rpartition("@")
    try:
        return f"{user}@{domain.encode('idna').decode()}"
    except UnicodeError as why:
        raise Undeliverable(f"Not a mail domain: {why}") from None
