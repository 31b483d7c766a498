"""The logo of a workspace: what is taken, what comes back, and what the history and waiting letters keep of it."""

import hashlib
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from services.invoices.papers import logos
from services.invoices.settings import Settings
from shared.audit import Audit
from shared.relay import Relay
from tests.client import Client
from tests.service.invoices.pictures import JPEG, png
from tests.service.invoices.steps import ITEMS, SETTINGS, Facts, data, make, url, wrong
from tests.service.invoices.test_send import TO, attached, mails

LOGO = f"{SETTINGS}/logo"
PNG, OTHER = png(), png(colour=(200, 30, 60))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@pytest.fixture
def admin(invoices: Client) -> Client:
    """A key that may set the workspace up."""
    return invoices.seen_by(scopes=("admin",))


def tag(image: bytes) -> str:
    return f'"{hashlib.sha256(image).hexdigest()}"'


def entries(app: Flask) -> list[tuple[str, str, Facts]]:
    """What the history says of logos."""
    with app.extensions["service"].db.read() as session:
        found = session.scalars(select(Audit).where(Audit.subject == "logo").order_by(Audit.id))
        return [(entry.subject_id, entry.action, entry.changes) for entry in found]


@pytest.mark.parametrize(("image", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg")])
def test_the_bytes_come_back_identical(admin: Client, image: bytes, kind: str) -> None:
    answer = admin.put(LOGO, data=image)
    digest = hashlib.sha256(image).hexdigest()
    assert data(answer) == {"content_type": kind, "size": len(image), "sha256": digest}
    assert answer.headers["ETag"] == f'"{digest}"'
    back = admin.get(LOGO)
    assert (back.status_code, back.data) == (200, image)
    assert back.headers["Content-Type"] == kind
    assert back.headers["ETag"] == f'"{digest}"'
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    assert admin.get(LOGO, headers={"If-None-Match": f'"{digest}"'}).status_code == 304


def test_it_is_told_by_its_bytes_and_not_by_its_name(admin: Client) -> None:
    data(admin.put(LOGO, data=JPEG, content_type="image/png"))
    assert admin.get(LOGO).headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("image", "status"),
    [
        (b"", 400),
        (SVG, 415),
        (b"GIF89a" + bytes(20), 415),
        (b"%PDF-1.7", 415),
        (b'{"logo": 1}', 415),
        (PNG[:40], 400),
        (PNG[:-20], 400),
        (PNG[:8], 400),
        (PNG[:30] + b"\xff\xff" + PNG[32:], 400),
        (JPEG[:20], 400),
        (png(4000, 1001), 400),
        (PNG + bytes(logos.MAX_BYTES), 413),
        (PNG + bytes(2 * 1024 * 1024), 413),
    ],
    ids=[
        *("nothing", "SVG", "GIF", "PDF", "JSON", "a head alone", "cut short", "a mark alone", "a wrong sum"),
        *("a piece", "too many pixels", "too large", "much too large"),
    ],
)
def test_what_is_no_logo_is_refused_and_changes_nothing(admin: Client, app: Flask, image: bytes, status: int) -> None:
    data(admin.put(LOGO, data=OTHER))
    answer = admin.put(LOGO, data=image, content_type="image/png")
    assert answer.status_code == status, answer.data
    if status == 400:
        wrong(answer, "logo")
    assert admin.get(LOGO).data == OTHER
    assert len(entries(app)) == 1


def test_where_there_is_none_there_is_nothing_to_get_or_delete(admin: Client) -> None:
    for answer in (admin.get(LOGO), admin.delete(LOGO)):
        assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})


def test_only_an_admin_sees_and_changes_it_and_only_his_own(invoices: Client, admin: Client) -> None:
    data(admin.put(LOGO, data=PNG))
    for answer in (invoices.get(LOGO), invoices.put(LOGO, data=OTHER), invoices.delete(LOGO)):
        assert answer.status_code == 403
    other = admin.seen_by(workspace_id="22222222-2222-4222-8222-222222222222")
    assert (other.get(LOGO).status_code, other.delete(LOGO).status_code) == (404, 404)
    assert admin.get(LOGO).data == PNG


def test_each_change_is_one_entry_that_holds_digests_and_no_bytes(admin: Client, app: Flask) -> None:
    for image in (PNG, PNG, JPEG):
        data(admin.put(LOGO, data=image))
    assert admin.delete(LOGO).status_code == 204
    one, two = (hashlib.sha256(image).hexdigest() for image in (PNG, JPEG))
    mine = admin.caller.workspace_id
    assert entries(app) == [
        (mine, "updated", {"digest": [None, one], "kind": [None, "image/png"]}),
        (mine, "updated", {"digest": [one, two], "kind": ["image/png", "image/jpeg"]}),
        (mine, "deleted", {"digest": [two, None], "kind": ["image/jpeg", None]}),
    ]


def test_if_match_insists_on_the_logo_that_was_seen(admin: Client, app: Flask) -> None:
    data(admin.put(LOGO, data=PNG))
    stale = {"If-Match": tag(OTHER)}
    assert admin.put(LOGO, data=JPEG, headers=stale).status_code == 412
    assert admin.delete(LOGO, headers=stale).status_code == 412
    assert admin.get(LOGO).data == PNG
    assert len(entries(app)) == 1
    data(admin.put(LOGO, data=JPEG, headers={"If-Match": tag(PNG)}))
    assert admin.delete(LOGO, headers={"If-Match": tag(JPEG)}).status_code == 204


def test_a_keyed_change_is_made_once(admin: Client, app: Flask) -> None:
    key = {"Idempotency-Key": "k"}
    first = admin.put(LOGO, data=PNG, headers=key)
    data(admin.put(LOGO, data=OTHER))
    again = admin.put(LOGO, data=PNG, headers=key)
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (200, first.data, "true")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert admin.put(LOGO, data=OTHER, headers=key).status_code == 422
    assert admin.get(LOGO).data == OTHER
    gone = [admin.delete(LOGO, headers={"Idempotency-Key": "d"}).status_code for _ in range(2)]
    assert gone == [204, 204]
    assert [action for _, action, _ in entries(app)] == ["updated", "updated", "deleted"]


@pytest.mark.parametrize("fate", ["changed", "deleted"])
def test_a_letter_that_waits_keeps_the_logo_it_was_sent_with(
    invoices: Client, admin: Client, relay: Relay, settings: Settings, fate: str
) -> None:
    data(admin.put(LOGO, data=PNG))
    made = make(invoices, client_email=TO, items=ITEMS, status="sent")
    data(invoices.post(url(made, "/send")))
    expected = invoices.get(url(made, ".pdf")).data
    if fate == "changed":
        data(admin.put(LOGO, data=OTHER))
        data(admin.put(LOGO, data=JPEG))
    else:
        assert admin.delete(LOGO).status_code == 204
    assert invoices.get(url(made, ".pdf")).data != expected
    relay.run_once()
    (letter,) = mails(settings)
    assert attached(letter) == (f"{made['invoice_number']}.pdf", expected)
    assert not list(Path(settings.mail_folder).glob(".*"))
