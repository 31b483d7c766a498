"""What the gateway is told by its environment."""

from dataclasses import dataclass

from shared import config
from shared.config import Secret


@dataclass(frozen=True, kw_only=True)
class Settings(config.Settings):
    """Each field is the variable of the same name in capitals; the base adds DATABASE_URL, CALLER_SECRET."""

    key_secret: Secret  # keys the digests that API keys are stored as; changing it makes every key unknown
    invoices_url: str = "http://invoices:8000"
    budgets_url: str = "http://budgets:8000"
    expenses_url: str = "http://expenses:8000"
    rate_limit: int = 6000  # requests a minute and key; 0 is no limit
    limits_url: str = "memory://"  # where requests are counted; redis://... when there are several gateways
    deadline: float = 30.0  # seconds a service has to begin its answer, and to go on with it
