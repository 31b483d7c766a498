"""An invoice as a PDF: its route, what it shows, and the settings that shape it."""

import hashlib
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from werkzeug.test import TestResponse

from tests.client import Client
from tests.service.invoices.pictures import png
from tests.service.invoices.steps import ITEMS, SETTINGS, data, make, read, url, wrong

SELLER = {
    "seller_name": "Müller & Söhne",
    "seller_address": "Weg 1\n1234 Ort",
    "seller_tax_id": "DE 1",
    "bank_details": "IBAN DE02 1203",
}
A4, LETTER = (595, 842), (612, 792)


def admin(invoices: Client) -> Client:
    return invoices.seen_by(scopes=("admin",))


def printed(invoices: Client, invoice: dict[str, Any]) -> TestResponse:
    answer = invoices.get(url(invoice, ".pdf"))
    assert answer.status_code == 200, answer.data
    return answer


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf), strict=True).pages]


def paper(pdf: bytes) -> tuple[int, int]:
    box = PdfReader(BytesIO(pdf)).pages[0].mediabox
    return round(box.width), round(box.height)


def test_the_page_shows_the_invoice(invoices: Client) -> None:
    data(admin(invoices).put(SETTINGS, json=SELLER))
    made = make(
        invoices,
        client_name="Acme Corp",
        client_address="123 Main St",
        invoice_number="INV-2024-001",
        issue_date="2024-03-01",
        due_date="2099-04-01",
        items=[*ITEMS, {"description": "Service C", "quantity": 3, "unit_price": 1234.5678}],
        tax=20,
        notes="Thank you",
        status="sent",
    )
    data(invoices.post(url(made, "/payments"), json={"amount": 100}), 201)
    (page,) = pages(printed(invoices, made).data)
    for said in (
        "Müller & Söhne\nWeg 1\n1234 Ort\nTax id: DE 1",
        "Acme Corp\n123 Main St",
        "Number INV-2024-001\nDate 2024-03-01\nDue date 2099-04-01",
        "Description Quantity Unit price Amount, USD",
        "Service B 2 50.00 100.00",
        "Service C 3 1,234.5678 3,703.70",
        "Subtotal 3,903.70\nTax 20.00\nTotal USD 3,923.70\nPaid 100.00\nAmount due USD 3,823.70",
        "Payment details\nIBAN DE02 1203",
        "Notes\nThank you",
        "Page 1 of 1",
    ):
        assert said in page, page


def test_it_is_a_file_with_the_name_of_its_number(invoices: Client) -> None:
    made = make(invoices, invoice_number="INV-2024-001")
    answer = printed(invoices, made)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'inline; filename="INV-2024-001.pdf"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.data).hexdigest()}"'
    assert answer.data.startswith(b"%PDF-1.7")


def test_a_name_beyond_ascii_is_told_twice(invoices: Client) -> None:
    made = make(invoices, invoice_number='№ 7/"2024"')
    told = "inline; filename=\"No 7--2024.pdf\"; filename*=UTF-8''%E2%84%96%207--2024.pdf"
    assert printed(invoices, made).headers["Content-Disposition"] == told


def test_one_without_a_number_goes_by_its_id(invoices: Client) -> None:
    made = make(invoices)
    told = f'inline; filename="invoice-{made["id"]}.pdf"'
    assert printed(invoices, made).headers["Content-Disposition"] == told


def test_the_same_invoice_is_the_same_bytes_and_is_not_sent_twice(invoices: Client) -> None:
    made = make(invoices, items=ITEMS)
    first, second = printed(invoices, made), printed(invoices, made)
    assert first.data == second.data
    unchanged = invoices.get(url(made, ".pdf"), headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    data(invoices.put(url(made), json={"notes": "now"}))
    changed = invoices.get(url(made, ".pdf"), headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_a_look_changes_nothing(invoices: Client) -> None:
    made = make(invoices, items=ITEMS)
    printed(invoices, made)
    assert read(invoices, made) == made


def test_a_stranger_finds_nothing(invoices: Client) -> None:
    made = make(invoices)
    path = url(made, ".pdf")
    other = "22222222-2222-4222-8222-222222222222"
    for answer in (
        invoices.get(url({"id": other}, ".pdf")),
        invoices.seen_by(workspace_id=other, account_id=other, accounts=(other,)).get(path),
        invoices.seen_by(accounts=(other,), account_ids=(other,)).get(path),
    ):
        assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})
    assert invoices.seen_by(scopes=("expenses:read",)).get(path).status_code == 403
    assert invoices.seen_by(scopes=("invoices:read",)).get(path).status_code == 200
    assert invoices.put(path, json={}).status_code == 405


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({}, "DRAFT"),
        ({"status": "sent"}, None),
        ({"status": "sent", "due_date": "2024-01-01"}, "OVERDUE"),
        ({"status": "paid"}, "PAID"),
        ({"status": "cancelled"}, "CANCELLED"),
    ],
)
@pytest.mark.parametrize("layout", ["classic", "modern"])
def test_it_says_how_it_stands(invoices: Client, layout: str, facts: dict[str, Any], word: str | None) -> None:
    data(admin(invoices).put(SETTINGS, json={"layout": layout}))
    made = make(invoices, items=ITEMS, **facts)
    (page,) = pages(printed(invoices, made).data)
    assert {each for each in ("DRAFT", "SENT", "OVERDUE", "PAID", "CANCELLED") if each in page.split()} == (
        {word} if word else set()
    )


@pytest.mark.parametrize(
    ("currency", "price", "shown"),
    [("JPY", 1234567, "1,234,567"), ("BHD", 1234.567, "1,234.567"), ("USD", 99999999.99, "99,999,999.99")],
)
def test_each_currency_has_its_decimals(invoices: Client, currency: str, price: float, shown: str) -> None:
    items = [{"description": "Work", "quantity": 1, "unit_price": price}]
    (page,) = pages(printed(invoices, make(invoices, currency=currency, items=items)).data)
    assert f"Work 1 {shown} {shown}" in page
    assert f"Total {currency} {shown}" in page


def test_the_settings_say_which_layout_and_paper(invoices: Client) -> None:
    made = make(invoices, items=ITEMS)
    assert data(admin(invoices).get(SETTINGS))["paper_size"] == "a4"
    assert data(admin(invoices).get(SETTINGS))["layout"] == "classic"
    classic = printed(invoices, made).data
    assert paper(classic) == A4
    changed = data(admin(invoices).put(SETTINGS, json={"paper_size": "letter", "layout": "modern"}))
    assert (changed["paper_size"], changed["layout"]) == ("letter", "modern")
    modern = printed(invoices, made).data
    assert paper(modern) == LETTER
    assert "Amount due 200.00 USD" in pages(modern)[0]
    assert "Amount due 200.00 USD" not in pages(classic)[0]


@pytest.mark.parametrize(
    "facts", [{"paper_size": "a5"}, {"paper_size": None}, {"layout": "baroque"}, {"layout": "../page"}, {"layout": 1}]
)
def test_no_other_layout_and_paper_is_taken(invoices: Client, facts: dict[str, Any]) -> None:
    before = data(admin(invoices).get(SETTINGS))
    wrong(admin(invoices).put(SETTINGS, json=facts), next(iter(facts)))
    assert data(admin(invoices).get(SETTINGS)) == before


def test_the_logo_is_on_the_page(invoices: Client) -> None:
    made = make(invoices, items=ITEMS)
    bare = printed(invoices, made)
    data(admin(invoices).put(f"{SETTINGS}/logo", data=png()))
    branded = printed(invoices, made)
    assert [len(PdfReader(BytesIO(each.data)).pages[0].images) for each in (bare, branded)] == [0, 1]
    assert bare.headers["ETag"] != branded.headers["ETag"]
    assert admin(invoices).delete(f"{SETTINGS}/logo").status_code == 204
    assert printed(invoices, made).data == bare.data
