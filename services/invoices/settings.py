"""Settings of the invoice service."""

from dataclasses import dataclass

from flask import current_app

from shared import config
from shared.config import Secret

CHOICES = {"mail_channel": ("file", "smtp"), "smtp_tls": ("none", "starttls", "tls")}


@dataclass(frozen=True, kw_only=True)
class Settings(config.Settings):
    """Each field is the variable of the same name in capitals; the base adds DATABASE_URL, CALLER_SECRET, ..."""

    expenses_url: str = "http://expenses:8000"
    billing_deadline: float = 1.0  # seconds for telling it which invoice an expense is on; then the relay goes on
    transaction_prefix: str = "H360-"  # what every transaction id begins with
    separation_of_duties: bool = False  # whether the member who submitted an invoice may not decide on it
    mail_channel: str = "file"  # file: .eml files in MAIL_FOLDER; smtp: through SMTP_HOST
    mail_folder: str = "var/mail"
    mail_from: str = "invoices@localhost"  # the sender; its domain is that of every Message-ID
    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_user: str = ""  # empty: no login
    smtp_password: Secret = ""
    smtp_tls: str = "none"  # none, starttls, or tls from the first byte

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise SystemExit(f"{__name__}: {name.upper()} must be one of {', '.join(allowed)}")
        if len(self.transaction_prefix) > 16:
            raise SystemExit(f"{__name__}: TRANSACTION_PREFIX has at most 16 characters")
        if not self.mail_from.isascii() or not all(self.mail_from.partition("@")) or " " in self.mail_from:
            raise SystemExit(f"{__name__}: MAIL_FROM is not an address")

    @property
    def mail_domain(self) -> str:
        """What comes behind the `@` of every Message-ID."""
        return self.mail_from.rpartition("@")[2]


def current() -> Settings:
    """The settings of the app that answers this request."""
    known: Settings = current_app.extensions["settings"]
    return known
