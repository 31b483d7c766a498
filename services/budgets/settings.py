"""Settings of the budget service."""

from dataclasses import dataclass

from shared import config


@dataclass(frozen=True, kw_only=True)
class Settings(config.Settings):
    """Each field is the variable of the same name in capitals; the base adds DATABASE_URL, CALLER_SECRET, ..."""

    expenses_url: str = "http://expenses:8000"
    certainty_deadline: float = (
        2.0  # seconds to wait, when spent_amount is written, for what is under way to that budget
    )
