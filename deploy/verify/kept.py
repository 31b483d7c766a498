"""Heads of the history that were kept elsewhere, as `GET /v1/dev/finance/history/head` answered."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from shared import heads
from shared.chain import Head, KeptHeads


def by_service(files: Sequence[str], history_key: str) -> dict[str, KeptHeads]:
    """The heads in these files, each signed with the key of this installation.

    Raises:
        SystemExit: one cannot be read, or is not signed so.
    """
    found: dict[str, dict[str, list[Head]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        try:
            said = json.loads(Path(file).read_bytes())
            kept = heads.opened(said.get("data", said), heads.public_key(history_key))
        except (OSError, ValueError, AttributeError) as why:
            raise SystemExit(f"{file}: no head of this installation's history: {why}") from None
        for service, head in kept.ends.items():
            found[service][kept.workspace_id].append(head)
    return dict(found)
