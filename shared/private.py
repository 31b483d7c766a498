"""Files for their owner's eyes alone, whatever the umask."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def create(file: Path, data: bytes = b"") -> None:
    """Put a new file there, whole or not at all; one that is there stays, so the first of several processes wins."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            file.hardlink_to(draft)
    finally:
        draft.unlink()


def close_to_others(file: Path) -> None:
    """Take from all but the owner what they may do with a file; one that is not there, or not ours, stays as it is."""
    with suppress(FileNotFoundError, PermissionError):
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            file.chmod(0o600)
