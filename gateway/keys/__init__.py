"""Who may call: workspaces, their accounts, members and API keys, in the gateway's own database."""

from pathlib import Path

HISTORY = Path(__file__).parent / "migrations"
"""The migrations of the gateway's database."""
