"""Services that were restored from different moments: `reconcile` lets them agree, and then nothing is wrong."""

from pathlib import Path
from typing import Any

import pytest

from deploy.copies.backup import backup
from deploy.copies.restore import restore
from deploy.reconcile import reconcile
from deploy.verify.command import verify
from shared import chain

from .conftest import Empty, live_in
from .house import FINANCE, Furnished, House, furnish, opened


def go_on(house: House, there: Furnished) -> None:
    """What happens after the copy was made: of everything, something is made, changed and deleted."""
    other = house.made("budgets", "budgets", name="Later", total_amount=50)
    kept = house.made("expenses", "expenses", amount=3, budget_id=other["id"])
    house.made("expenses", "expenses", amount=4, budget_id=there.budget["id"])
    house.call("expenses", "PUT", f"{FINANCE}/expenses/{there.expense['id']}", json={"amount": 20})
    house.call("expenses", "PUT", f"{FINANCE}/expenses/{kept['id']}", json={"budget_id": there.budget["id"]})
    house.call("expenses", "PUT", f"/expenses/{there.billed}.json", json={"expense": {"cost": "6.00"}})
    project = house.call("invoices", "POST", "/projects.json", json={"project": {"name": "Later"}})["id"]
    for number, at in ((there.project, "1.00"), (project, "2.00")):
        late = house.call(
            "expenses", "POST", f"/projects/{number}/expenses.json", json={"expense": {"name": "L", "cost": at}}
        )["id"]
        bill = house.call("invoices", "POST", f"/projects/{number}/invoices.json", json={"invoice": {}})["id"]
        lines = {"lineitems": {"add": {"expenses": str(late)}}}
        house.call("invoices", "PUT", f"/invoices/{bill}/lineitems.json", json=lines)
    house.settle()
    for db in house.dbs.values():
        chain.seal(db)


@pytest.mark.parametrize("name", ["gateway", "invoices", "budgets", "expenses"])
def test_one_service_from_an_older_copy_agrees_with_the_others_again(
    house: House, backend: str, name: str, empty: Empty, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    there = furnish(house)
    backup(str(tmp_path / "copy"))
    go_on(house, there)
    assert verify() == 0
    mixed = House({**house.urls, name: empty(backend)[name]}, house.folder, house.workspace, {}, {})
    live_in(mixed, monkeypatch)
    restore(str(tmp_path / "copy"), name)
    assert verify() == (0 if name == "gateway" else 1)
    reconcile()
    again = opened(mixed.urls, mixed.folder, house.workspace)
    try:
        again.settle()
        capsys.readouterr()
        assert (verify(), capsys.readouterr().out.split(":")[0]) == (0, "All is well")
        reconcile()
        assert capsys.readouterr().out == "All services agree\n"
    finally:
        again.close()
