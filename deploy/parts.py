"""The parts of the product: the gateway and the services, and the settings of each.

Where several processes share one environment, as on a laptop, `INVOICES_DATABASE_URL` and its like stand for each
one's DATABASE_URL.
"""

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from shared.config import Settings


@dataclass(frozen=True)
class Part:
    """A part of the product: its package, and the module that names its migrations."""

    package: str
    history: str

    @property
    def app(self) -> ModuleType:
        """The module with `create_app`, and `create_relay` where there is one."""
        return import_module(f"{self.package}.app")

    @property
    def settings(self) -> type[Settings]:
        """What it is told by its environment."""
        kind: type[Settings] = import_module(f"{self.package}.settings").Settings
        return kind

    @property
    def migrations(self) -> Path:
        """The folder of its migrations."""
        folder: Path = import_module(self.history).HISTORY
        return folder


PARTS = {
    "gateway": Part("gateway", "gateway.keys"),
    "invoices": Part("services.invoices", "services.invoices.app"),
    "budgets": Part("services.budgets", "services.budgets.app"),
    "expenses": Part("services.expenses", "services.expenses.app"),
}

SERVICES = tuple(name for name in PARTS if name != "gateway")


def settings_of(name: str) -> Settings:
    """A part's settings. Raises SystemExit with a line that names what is missing or wrong."""
    if url := own(name, "DATABASE_URL"):
        os.environ["DATABASE_URL"] = url
    return PARTS[name].settings.from_environment()


def own(name: str, variable: str) -> str | None:
    """A variable of the environment as one part reads it: with its name in front, or without."""
    return os.environ.get(f"{name.upper()}_{variable}") or os.environ.get(variable)
