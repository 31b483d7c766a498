"""Receipts: taken by their bytes, given back byte for byte, and never left behind."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.exceptions import AlreadyExistsError
from sqlalchemy import select
from werkzeug.test import TestResponse

import services.expenses.app
from services.expenses.models import Expense
from services.expenses.receipts import MAX_BYTES, Receipts
from services.expenses.settings import Settings
from shared.db import Database
from tests.client import SECRET, WORKSPACE, Client

from .conftest import EXPENSES, Both

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00/\x00\x00\x00\x00"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"

TAKEN = [
    (JPEG, "image/jpeg", "jpg"),
    (PNG, "image/png", "png"),
    (WEBP, "image/webp", "webp"),
    (HEIC, "image/heic", "heic"),
    (PDF, "application/pdf", "pdf"),
]


def file(data: bytes = JPEG, name: str = "receipt.jpg", kind: str = "image/jpeg") -> tuple[BytesIO, str, str]:
    return BytesIO(data), name, kind


def create(client: Client, data: bytes = JPEG, **facts: Any) -> TestResponse:
    return client.post(EXPENSES, data=facts | {"receipt": file(data)})


def form(data: bytes) -> dict[str, Any]:
    """A form with a file, written by hand: the test client keeps a large one in a file that it does not close."""
    head = b'--b\r\nContent-Disposition: form-data; name="receipt"; filename="r"\r\n\r\n'
    return {"data": head + data + b"\r\n--b--\r\n", "content_type": "multipart/form-data; boundary=b"}


def made(client: Client, data: bytes = JPEG, **facts: Any) -> str:
    answer = create(client, data, **facts)
    assert answer.status_code == 201, answer.data
    return str(answer.json["data"]["id"])


def receipt(client: Client, expense: str, **headers: str) -> TestResponse:
    return client.get(f"{EXPENSES}/{expense}/receipt", headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize(("data", "kind", "ending"), TAKEN)
def test_a_receipt_comes_back_byte_for_byte(both: Both, data: bytes, kind: str, ending: str) -> None:
    expense = made(both.expenses, data)
    answer = receipt(both.expenses, expense)
    assert (answer.status_code, answer.data) == (200, data)
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["Content-Disposition"] == f'attachment; filename="receipt-{expense}.{ending}"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')
    assert both.expenses.get(f"{EXPENSES}/{expense}").json["data"]["receipt_url"] == f"{EXPENSES}/{expense}/receipt"


def test_a_receipt_is_told_by_its_bytes_and_not_by_its_name(both: Both) -> None:
    answer = both.expenses.post(EXPENSES, data={"receipt": file(PDF, "../../photo.jpg", "text/html")})
    assert receipt(both.expenses, answer.json["data"]["id"]).headers["Content-Type"] == "application/pdf"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(20),
        b"<html>",
        b"MZ" + bytes(60),
        b"%PD",
        b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomavc1",
        b"BM" + bytes(60),
        b"PK\x03\x04" + bytes(60),
    ],
)
def test_what_is_no_receipt_is_refused_and_leaves_nothing(both: Both, data: bytes) -> None:
    answer = create(both.expenses, data, amount="1")
    assert answer.status_code == 415
    assert answer.json == {"message": "A receipt must be a JPEG, PNG, WebP, HEIC or PDF file"}
    assert both.all_expenses() == []
    assert both.objects() == []


def test_a_receipt_of_ten_mebibytes_is_taken_and_one_byte_more_is_not(both: Both) -> None:
    largest = JPEG + bytes(MAX_BYTES - len(JPEG))
    taken = both.expenses.post(EXPENSES, **form(largest))
    assert receipt(both.expenses, taken.json["data"]["id"]).data == largest
    answer = both.expenses.post(EXPENSES, **form(largest + b"x"))
    assert (answer.status_code, answer.json) == (413, {"message": "The request body is too large"})
    assert len(both.objects()) == 1


def test_a_part_of_a_receipt_can_be_asked_for(both: Both) -> None:
    expense = made(both.expenses, PDF)
    part = receipt(both.expenses, expense, Range="bytes=2-5")
    assert (part.status_code, part.data) == (206, PDF[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(PDF)}"
    tail = receipt(both.expenses, expense, Range="bytes=-3")
    assert (tail.status_code, tail.data) == (206, PDF[-3:])
    beyond = receipt(both.expenses, expense, Range="bytes=1000-")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(PDF)}")


def test_a_receipt_that_has_not_changed_is_not_sent_again(both: Both) -> None:
    expense = made(both.expenses, PDF)
    tag = receipt(both.expenses, expense).headers["ETag"]
    same = receipt(both.expenses, expense, If_None_Match=tag)
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    assert receipt(both.expenses, expense, If_None_Match='"another"').status_code == 200
    both.expenses.put(f"{EXPENSES}/{expense}", data={"receipt": file(PNG)})
    assert receipt(both.expenses, expense, If_None_Match=tag).data == PNG


def test_an_expense_without_a_receipt_has_none_to_show(both: Both) -> None:
    expense = both.expense(amount=1)["id"]
    answer = receipt(both.expenses, expense)
    assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})


def test_another_workspaces_receipt_is_not_found(both: Both) -> None:
    expense = made(both.expenses)
    stranger = both.expenses.seen_by(workspace_id="99999999-2222-4333-8444-555555555555")
    assert receipt(stranger, expense).status_code == 404
    assert both.objects()[0].parent.name == WORKSPACE


def test_a_new_receipt_replaces_the_old_one_and_its_object(both: Both) -> None:
    expense = made(both.expenses, JPEG)
    (old,) = both.objects()
    answer = both.expenses.put(f"{EXPENSES}/{expense}", data={"receipt": file(PDF)})
    assert answer.status_code == 200
    (new,) = both.objects()
    assert new != old
    assert receipt(both.expenses, expense).data == PDF


def test_deleting_an_expense_removes_its_receipt(both: Both) -> None:
    expense = made(both.expenses)
    assert both.expenses.delete(f"{EXPENSES}/{expense}").status_code == 204
    assert both.objects() == []


def test_the_file_wins_over_the_url(both: Both) -> None:
    expense = made(both.expenses, receipt_url="https://example.com/r.pdf")
    ours = f"{EXPENSES}/{expense}/receipt"
    assert both.expenses.get(f"{EXPENSES}/{expense}").json["data"]["receipt_url"] == ours
    both.expenses.put(f"{EXPENSES}/{expense}", json={"receipt_url": "https://example.com/other.pdf"})
    assert both.expenses.get(f"{EXPENSES}/{expense}").json["data"]["receipt_url"] == ours


def test_a_receipt_that_its_budget_refuses_leaves_nothing(both: Both) -> None:
    budget = both.budget(100)
    answer = create(both.expenses, amount="100.01", budget_id=budget)
    assert (answer.status_code, answer.json) == (422, {"message": "Insufficient funds"})
    assert (both.objects(), both.all_expenses(), both.spent(budget), both.outbox()) == ([], [], 0, [])


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_receipt_whose_budget_does_not_answer_leaves_nothing(both: Both, cut: str) -> None:
    budget = both.budget(100)
    both.line.cut = cut
    assert create(both.expenses, amount="1", budget_id=budget).status_code == 503
    both.line.cut = None
    both.settle()
    assert (both.objects(), both.all_expenses(), both.spent(budget)) == ([], [], 0)


@pytest.mark.parametrize("facts", [{"amount": "x"}, {"amount": "1.005"}, {"date": "tomorrow"}, {"colour": "red"}])
def test_a_receipt_beside_a_wrong_field_leaves_nothing(both: Both, facts: dict[str, str]) -> None:
    assert create(both.expenses, **facts).status_code == 400
    assert (both.objects(), both.all_expenses()) == ([], [])


def test_a_replay_stores_no_second_object(both: Both) -> None:
    for _ in range(2):
        key = {"Idempotency-Key": "once"}
        assert both.expenses.post(EXPENSES, data={"receipt": file()}, headers=key).status_code == 201
    assert (len(both.objects()), len(both.all_expenses())) == (1, 1)


def test_a_refused_change_keeps_the_old_receipt(both: Both) -> None:
    budget = both.budget(100)
    expense = made(both.expenses, amount="10", budget_id=budget)
    answer = both.expenses.put(f"{EXPENSES}/{expense}", data={"amount": "101", "receipt": file(PDF)})
    assert answer.status_code == 422
    stale = both.expenses.put(f"{EXPENSES}/{expense}", data={"receipt": file(PDF)}, headers={"If-Match": '"99"'})
    assert stale.status_code == 412
    assert receipt(both.expenses, expense).data == JPEG
    assert len(both.objects()) == 1


def test_a_receipt_for_no_expense_leaves_nothing(both: Both) -> None:
    assert both.expenses.put(f"{EXPENSES}/{uuid4()}", data={"receipt": file(PDF)}).status_code == 404
    keyed = both.expenses.put(f"{EXPENSES}/{uuid4()}", data={"receipt": file(PDF)}, headers={"Idempotency-Key": "none"})
    assert keyed.status_code == 404
    assert both.objects() == []


def test_two_parallel_receipts_leave_one_object(both: Both) -> None:
    expense = made(both.expenses)
    for data in (PDF, PNG, PDF, PNG):
        both.expenses.put(f"{EXPENSES}/{expense}", data={"receipt": file(data)})
    assert len(both.objects()) == 1
    assert receipt(both.expenses, expense).data == PNG


# The sweep


def make_old(path: Path) -> None:
    two_hours_ago = time.time() - 2 * 3600
    os.utime(path, (two_hours_ago, two_hours_ago))


def test_the_sweep_removes_what_no_row_names_once_it_is_an_hour_old(both: Both) -> None:
    expense = made(both.expenses)
    (named,) = both.objects()
    old, fresh = named.with_name("old"), named.with_name("fresh")
    for path in (old, fresh):
        path.write_bytes(b"left behind")
    make_old(old)
    make_old(named)
    receipts = both.expenses.app.extensions["peers"].receipts
    assert receipts.sweep(both.db) == 1
    assert {path.name for path in both.objects()} == {named.name, "fresh"}
    assert receipts.sweep(both.db) == 0
    assert receipt(both.expenses, expense).data == JPEG


def test_the_relay_sweeps_when_it_starts(both: Both) -> None:
    made(both.expenses)
    orphan = both.objects()[0].with_name("orphan")
    orphan.write_bytes(b"left behind")
    make_old(orphan)
    both.relays["expenses"]._tidy()
    assert not orphan.exists()
    assert len(both.objects()) == 1


# The same on S3


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """An S3 endpoint, and a client that looks into it from outside."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "a-key",
            "AWS_SECRET_ACCESS_KEY": "a secret",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        yield client
    server.stop()


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def on_s3(s3: Any, prefix: str, fresh_database: Callable[[Path], str]) -> Iterator[Client]:
    """The expense service with its receipts in a bucket."""
    made_of = Settings(
        database_url=fresh_database(services.expenses.app.HISTORY),
        caller_secret=SECRET,
        receipts_url=f"s3://bucket/{prefix}",
    )
    app = services.expenses.app.create_app(made_of)
    yield Client(app)
    app.extensions["service"].db.close()


def keys(s3: Any, prefix: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket", Prefix=prefix).get("Contents", [])]


def test_in_a_bucket_a_receipt_comes_back_byte_for_byte(on_s3: Client, s3: Any, prefix: str) -> None:
    data = JPEG + bytes(range(256)) * 1000
    expense = made(on_s3, data)
    assert receipt(on_s3, expense).data == data
    assert receipt(on_s3, expense, Range="bytes=0-2").data == data[:3]
    (key,) = keys(s3, prefix)
    folder, workspace, name = key.split("/")
    assert (folder, workspace, str(UUID(name))) == (prefix, WORKSPACE, name)
    assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == data


def test_in_a_bucket_a_replaced_and_a_deleted_receipt_are_removed(on_s3: Client, s3: Any, prefix: str) -> None:
    expense = made(on_s3)
    (old,) = keys(s3, prefix)
    assert on_s3.put(f"{EXPENSES}/{expense}", data={"receipt": file(PDF)}).status_code == 200
    (new,) = keys(s3, prefix)
    assert new != old
    assert receipt(on_s3, expense).data == PDF
    assert on_s3.delete(f"{EXPENSES}/{expense}").status_code == 204
    assert keys(s3, prefix) == []


def test_in_a_bucket_a_refused_receipt_leaves_nothing(on_s3: Client, s3: Any, prefix: str) -> None:
    assert on_s3.put(f"{EXPENSES}/{uuid4()}", data={"receipt": file(PDF)}).status_code == 404
    assert create(on_s3, b"nothing of the kind").status_code == 415
    assert keys(s3, prefix) == []


def test_in_a_bucket_no_object_is_ever_written_over(on_s3: Client, s3: Any, prefix: str) -> None:
    store = Receipts(f"s3://bucket/{prefix}")._store
    obstore.put(store, "one", b"first", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "one", b"second", mode="create")
    assert bytes(obstore.get(store, "one").bytes()) == b"first"


def test_in_a_bucket_the_sweep_keeps_what_is_named_and_what_is_fresh(
    on_s3: Client, s3: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expense = made(on_s3)
    s3.put_object(Bucket="bucket", Key=f"{prefix}/{WORKSPACE}/orphan", Body=b"left behind")
    db: Database = on_s3.app.extensions["service"].db
    receipts = on_s3.app.extensions["peers"].receipts
    assert receipts.sweep(db) == 0
    monkeypatch.setattr("services.expenses.receipts.ORPHAN_AGE", timedelta(hours=-1))  # all that is there is old
    assert receipts.sweep(db) == 1
    with db.read() as session:
        (named,) = session.scalars(select(Expense.receipt_key))
    assert keys(s3, prefix) == [f"{prefix}/{named}"]
    assert receipt(on_s3, expense).data == JPEG


def test_a_bucket_that_is_away_delays_and_leaves_nothing(fresh_database: Callable[[Path], str], s3: Any) -> None:
    made_of = Settings(
        database_url=fresh_database(services.expenses.app.HISTORY),
        caller_secret=SECRET,
        receipts_url=f"s3://no-such-bucket-{uuid4().hex}/x",
    )
    app = services.expenses.app.create_app(made_of)
    client = Client(app)
    answer = create(client, amount="1")
    assert (answer.status_code, answer.json) == (503, {"message": "The receipt cannot be stored now"})
    assert client.get(EXPENSES).json["data"] == []
    app.extensions["service"].db.close()
