"""Where a laptop keeps what a cluster is given: one folder, `VAR`, with a database and the secrets in it.

Made when first asked for; several processes may ask at once and all get the same secret.
"""

import os
import secrets
import tempfile
from pathlib import Path

BYTES = 32


def folder() -> Path:
    """`VAR` from the environment, else `./var`."""
    return Path(os.environ.get("VAR") or "var")


def database_url(var: Path, name: str) -> str:
    """The SQLite database `name` of the folder, which is made when missing."""
    var.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{var.resolve() / name}.db"


def secret(var: Path, name: str) -> str:
    """The secret in the file `name` of the folder; both are made when missing. Only the owner can read it."""
    kept = var / name
    if not kept.exists():
        var.mkdir(parents=True, exist_ok=True)
        _make(kept)
    return kept.read_text(encoding="ascii").strip()


def _make(kept: Path) -> None:
    """Put a fresh secret there, whole or not at all; the first of several processes wins."""
    handle, name = tempfile.mkstemp(dir=kept.parent, prefix=f".{kept.name}.")  # mode 0600
    written = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(BYTES))
            file.flush()
            os.fsync(file.fileno())
        kept.hardlink_to(written)
    except FileExistsError:
        pass
    finally:
        written.unlink()
