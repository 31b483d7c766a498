"""Nothing calls out but what is meant to: no address that a client wrote is ever fetched."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]

CALLING = {
    "aiohttp",
    "ftplib",
    "http.client",
    "httpx",
    "obstore",
    "requests",
    "smtplib",
    "socket",
    "urllib.request",
    "urllib3",
}
"""Modules by which a program can reach another."""

MAY = {
    "shared/http.py",  # services call services, at addresses from their settings
    "gateway/answer.py",
    "gateway/download.py",
    "gateway/forward.py",
    "gateway/upstream.py",  # these four: the gateway calls services, likewise
    "deploy/client.py",  # a client's own socket: it is read from, and hung up on
    "deploy/laptop.py",  # looks whether its ports are free
    "services/invoices/papers/mail.py",  # SMTP_HOST
    "services/expenses/receipts.py",  # RECEIPTS_URL
}
"""Who may, and whom they reach."""

KINDS = {"obstore.exceptions", "requests.adapters"}
"""What is imported of them only to be named."""


def test_only_these_modules_can_call_out() -> None:
    files = [file for part in ("shared", "services", "gateway", "deploy") for file in (ROOT / part).rglob("*.py")]
    calling = {str(file.relative_to(ROOT)) for file in files if _imported(file) & CALLING}
    assert calling <= MAY


def _imported(file: Path) -> set[str]:
    """The modules that a file imports, each with those that it is in."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module not in KINDS:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names | {name.partition(".")[0] for name in names if name not in KINDS}
