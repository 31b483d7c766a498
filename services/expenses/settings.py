"""Settings of the expense service."""

from dataclasses import dataclass

from shared import config


@dataclass(frozen=True, kw_only=True)
class Settings(config.Settings):
    """Each field is the variable of the same name in capitals; the base adds DATABASE_URL, CALLER_SECRET, ..."""

    budgets_url: str = "http://budgets:8000"
    spend_deadline: float = 2.0  # seconds to wait for the budget service's yes
    invoices_url: str = "http://invoices:8000"
    hold_deadline: float = 2.0  # seconds to wait for the invoice service's yes
    release_deadline: float = 1.0  # seconds for telling either what needs no yes; the relay goes on where this ends
    receipts_url: str  # file:///folder or s3://bucket/prefix (AWS_* variables say how to reach it)
    public_url: str = ""  # what clients call us, in front of /v1/...; empty: receipt_url is a path
