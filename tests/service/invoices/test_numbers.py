"""Numbers: unique in a workspace, and from the series without gaps, whatever runs beside or fails half way."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from flask import Flask

from services.invoices import actions
from shared.errors import Refused
from shared.versions import IfMatch
from tests.client import CALLER, Client
from tests.service.invoices.steps import (
    INVOICES,
    SETTINGS,
    Facts,
    data,
    make,
    nothing_changes,
    read,
    refused,
    url,
)

YEAR = datetime.now(UTC).year


def number(n: int) -> str:
    return f"INV-{YEAR}-{n:04d}"


def test_a_given_number_is_kept_and_the_series_does_not_move(invoices: Client) -> None:
    made = make(invoices, invoice_number="2024/7", client_email="a@b.example")
    assert data(invoices.post(url(made, "/send")))["invoice_number"] == "2024/7"
    assert make(invoices, status="sent")["invoice_number"] == number(1)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_a_number_used_twice_is_refused_by_name(invoices: Client, headers: dict[str, str]) -> None:
    make(invoices, invoice_number="A-1")
    other = make(invoices, invoice_number="A-2")
    for _ in range(2):
        refused(invoices.post(INVOICES, json={"invoice_number": "A-1"}, headers=headers), "A-1")
    with nothing_changes(invoices, other):
        refused(invoices.put(url(other), json={"invoice_number": "A-1", "notes": "x"}), "A-1")
    assert len(invoices.get(INVOICES).json["data"]) == 2


def test_two_workspaces_count_for_themselves(invoices: Client) -> None:
    other = invoices.seen_by(workspace_id="22222222-2222-4222-8222-222222222222")
    for client in (invoices, other):
        assert make(client, invoice_number="A")["invoice_number"] == "A"
        assert make(client, status="sent")["invoice_number"] == number(1)


def test_the_series_passes_over_numbers_that_clients_used(invoices: Client) -> None:
    for n in (1, 2, 4):
        make(invoices, invoice_number=number(n))
    assert [make(invoices, status="sent")["invoice_number"] for _ in range(3)] == [number(3), number(5), number(6)]


def test_a_number_from_the_series_cannot_change(invoices: Client) -> None:
    made = make(invoices, status="sent")
    for wish in ("X", None):
        with nothing_changes(invoices, made):
            refused(invoices.put(url(made), json={"invoice_number": wish}), "number")
    with nothing_changes(invoices, made):
        data(invoices.put(url(made), json={"invoice_number": number(1)}))


def test_a_number_of_the_clients_own_can_be_corrected_but_not_taken_away(invoices: Client) -> None:
    made = make(invoices, status="sent", invoice_number="A")
    assert data(invoices.put(url(made), json={"invoice_number": "B"}))["invoice_number"] == "B"
    with nothing_changes(invoices, made):
        refused(invoices.put(url(made), json={"invoice_number": None}), "number")


def test_a_draft_can_give_its_number_up_for_one_of_the_series(invoices: Client) -> None:
    made = make(invoices, invoice_number="A")
    changed = data(invoices.put(url(made), json={"invoice_number": None, "status": "sent"}))
    assert changed["invoice_number"] == number(1)


def test_a_refused_move_gives_its_number_back(invoices: Client) -> None:
    made = make(invoices, items=[{"description": "x", "quantity": 1, "unit_price": 1}])
    refused(invoices.put(url(made), json={"status": "sent", "total": 5}))
    refused(invoices.post(INVOICES, json={"status": "sent", "subtotal": 1, "tax": 1, "total": 1}))
    assert make(invoices, status="sent")["invoice_number"] == number(1)


def test_the_format_is_a_setting(invoices: Client) -> None:
    admin = invoices.seen_by(scopes=("admin",))
    data(admin.put(SETTINGS, json={"number_format": "R{number:03d}"}))
    assert [make(invoices, status="sent")["invoice_number"] for _ in range(2)] == ["R001", "R002"]
    data(admin.put(SETTINGS, json={"number_format": "{year}/{number}"}))
    assert make(invoices, status="sent")["invoice_number"] == f"{YEAR}/1"


def test_fifty_parallel_senders_leave_no_gap(invoices: Client) -> None:
    drafts = [make(invoices, client_email="a@b.example") for _ in range(50)]

    def send(draft: Facts) -> str:
        sent: str = data(invoices.post(url(draft, "/send")))["invoice_number"]
        return sent

    with ThreadPoolExecutor(50) as pool:
        given = sorted(pool.map(send, drafts))
    assert given == [number(n) for n in range(1, 51)]


def test_parallel_senders_that_fail_half_way_leave_no_gap(app: Flask, invoices: Client) -> None:
    db = app.extensions["service"].db
    drafts = [make(invoices, client_email="a@b.example") for _ in range(50)]
    doomed = set(random.Random(7).sample(range(50), 20))

    def send(index: int) -> None:
        try:
            with db.write():
                actions.send(db, CALLER, drafts[index]["id"], IfMatch(), domain="x.example")
                if index in doomed:
                    raise Refused("the power went")
        except Refused:
            assert index in doomed

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(send, range(50)))
    now = [read(invoices, draft) for draft in drafts]
    assert [each["status"] for each in now] == ["draft" if index in doomed else "sent" for index in range(50)]
    given = sorted(each["invoice_number"] for each in now if each["invoice_number"])
    assert given == [number(n) for n in range(1, 31)]


def test_clients_racing_the_series_for_its_numbers_never_break_it(invoices: Client) -> None:
    """Both take the same numbers at the same time: each number is had once, and only by a client is one refused."""
    drafts = [make(invoices, client_email="a@b.example") for _ in range(15)]

    def send(draft: Facts) -> int:
        return invoices.post(url(draft, "/send")).status_code

    def give(n: int) -> int:
        return invoices.post(INVOICES, json={"invoice_number": number(n)}).status_code

    with ThreadPoolExecutor(16) as pool:
        given = [pool.submit(give, n) for n in range(1, 16)]
        sent = [pool.submit(send, draft) for draft in drafts]
    assert [each.result() for each in sent] == [200] * 15
    assert {each.result() for each in given} <= {201, 422}
    numbers = sorted(each["invoice_number"] for each in invoices.get(INVOICES).json["data"])
    assert numbers == [number(n) for n in range(1, len(numbers) + 1)]


def test_one_of_two_racing_clients_gets_the_number(invoices: Client) -> None:
    def give(_: int) -> int:
        return invoices.post(INVOICES, json={"invoice_number": "A"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(give, range(8))) == [201] + [422] * 7
