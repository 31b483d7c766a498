"""Where a laptop keeps what a cluster is given: one folder, `VAR`, with a database and the secrets in it.

Made when first asked for; several processes may ask at once and all get the same secret.
"""

import os
import secrets
from pathlib import Path

from shared import private

BYTES = 32


def folder() -> Path:
    """`VAR` from the environment, else `./var`."""
    return Path(os.environ.get("VAR") or "var")


def database_url(var: Path, name: str) -> str:
    """The SQLite database `name` of the folder, which is made when missing."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"sqlite:///{var.resolve() / name}.db"


def secret(var: Path, name: str) -> str:
    """The secret in the file `name` of the folder; both are made when missing. Only the owner can read it."""
    kept = var / name
    if not kept.exists():
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        private.create(kept, secrets.token_urlsafe(BYTES).encode())
    return kept.read_text(encoding="ascii").strip()
