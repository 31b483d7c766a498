"""What the gateway is told by its environment."""

from dataclasses import dataclass

from gateway.address import Proxies
from shared import config
from shared.config import Secret
from shared.heads import private_key


@dataclass(frozen=True, kw_only=True)
class Settings(config.Settings):
    """Each field is the variable of the same name in capitals; the base adds DATABASE_URL, CALLER_SECRET."""

    key_secret: Secret  # keys the digests that API keys are stored as; changing it makes every key unknown
    history_key: Secret = ""  # 32 bytes in base64url: signs heads of the history, which cannot be had without
    invoices_url: str = "http://invoices:8000"
    budgets_url: str = "http://budgets:8000"
    expenses_url: str = "http://expenses:8000"
    rate_limit: int = 6000  # requests a minute and key; 0 is no limit
    limits_url: str = "memory://"  # where requests are counted; redis://... when there are several gateways
    service_threads: int = 8  # request threads of each service, of all its replicas together
    guess_limit: int = 60  # unknown keys a minute and client address; 0 is no limit
    stranger_limit: int = 600  # requests without a key a minute and client address; 0, or no rate_limit: no limit
    trusted_proxies: str = ""  # networks of proxies in front, `10.0.0.0/8, ...`; their X-Forwarded-For is believed
    deadline: float = 30.0  # as the base says; and seconds a service has to begin its answer, and to go on with it
    connections_per_address: int = 512  # the most open connections of one client address; 0 is no bound
    hsts: int = 31_536_000  # seconds that browsers stay with HTTPS, once they came that way; 0 says nothing

    def __post_init__(self) -> None:
        try:
            Proxies.written(self.trusted_proxies)
        except ValueError as wrong:
            raise SystemExit(f"{__name__}: TRUSTED_PROXIES: {wrong}") from None
        try:
            if self.history_key:
                private_key(self.history_key)
        except ValueError:
            raise SystemExit(f"{__name__}: HISTORY_KEY is not valid: it is 32 bytes in base64url") from None

    @property
    def proxies(self) -> Proxies:
        """The proxies in front."""
        return Proxies.written(self.trusted_proxies)
