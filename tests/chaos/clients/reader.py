"""Reads all through, and looks for what must never be seen, not even for a moment."""

import random
import threading
from typing import Any

from tests.chaos.desk import Desk, Office


class Reader:
    """Looks at budgets and invoices, again and again."""

    name = "reader"

    def __init__(self, office: Office, seed: str, stop: threading.Event) -> None:
        self.office, self.stop = office, stop
        self.desk = Desk(office, random.Random(seed))
        self.reads = 0

    def run(self) -> None:
        """Until told to stop."""
        while not self.stop.wait(0.1):
            for path, check in (("budgets", self._budget), ("invoices", self._invoice)):
                page = self.desk.get(f"/v1/dev/finance/{path}", limit=1000, sort="-created_at")
                for row in page["data"] if page else ():
                    self.reads += 1
                    if wrong := check(row):
                        self.office.ledger.seen.append(wrong)

    @staticmethod
    def _budget(row: dict[str, Any]) -> str:
        over = row["enforcement"] == "hard" and row["spent_amount"] > row["total_amount"]
        uneven = row["total_amount"] - row["spent_amount"] != row["remaining_amount"]
        return f"budget {row}" if over or uneven or row["spent_amount"] < 0 else ""

    @staticmethod
    def _invoice(row: dict[str, Any]) -> str:
        over = row["amount_paid"] > row["total"] or row["amount_due"] != row["total"] - row["amount_paid"]
        unnumbered = row["status"] != "draft" and not row["invoice_number"]
        return f"invoice {row}" if over or unnumbered else ""
