"""The history of a workspace: one list from four databases, and their signed heads."""

import base64
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, text

import shared.page as paging
from gateway.app import create_app
from shared import chain, heads
from shared.audit import Audit
from shared.chain import START, Head
from shared.db import Database, now
from shared.heads import Forged, Heads
from tests.client import CALLER, Client
from tests.gateway.conftest import CALLER_SECRET
from tests.gateway.office import ADA, Office

HISTORY = "/v1/dev/finance/history"
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
OTHERS = ("budgets", "expenses", "invoices")


def database(office: Office, name: str) -> Database:
    """A service's database, or the gateway's."""
    return office.db if name == "gateway" else office.services[name].extensions["service"].db


def in_service(office: Office, name: str) -> Client:
    """A service as the workspace's key sees it behind the gateway."""
    caller = replace(CALLER, workspace_id=office.workspace_id, account_id=office.workspace_id, accounts=())
    return Client(office.services[name], replace(caller, scopes=("admin",)), secret=CALLER_SECRET)


def put(office: Office, name: str, *moments: datetime, **facts: Any) -> None:
    """Entries in one database, at these instants."""
    entry = {
        "workspace_id": office.workspace_id,
        "subject_id": "s",
        "subject": "thing",
        "action": "updated",
        "member_id": 7,
        "key_id": "k",
        "request_id": "r",
        "changes": {},
    }
    with database(office, name).write() as session:
        session.execute(insert(Audit), [{**entry, "at": at, **facts} for at in moments])


def read(office: Office, query: str = "") -> list[dict[str, Any]]:
    answer = office.get(f"{HISTORY}?{query}")
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json["data"]
    return data


def walked(office: Office, query: str) -> list[list[dict[str, Any]]]:
    """The list, page by page."""
    pages, cursor = [], ""
    while True:
        page = office.get(f"{HISTORY}?{query}{cursor}").json
        pages.append(page["data"])
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            return pages
        cursor = f"&cursor={page['next_cursor']}"


def test_all_that_happened_in_a_workspace_is_one_list_the_newest_first(office: Office) -> None:
    before = len(read(office))
    in_service(office, "budgets").post("/v1/dev/finance/budgets", json={"name": "b", "total_amount": 5})
    in_service(office, "invoices").post("/v1/dev/finance/invoices", json={"client_name": "c"})
    in_service(office, "expenses").post("/v1/dev/finance/expenses", json={"amount": 1})
    office.made(**ADA)
    in_service(office, "invoices").put("/v1/dev/finance/settings", json={"seller_name": "s"})
    told = read(office)
    assert [(entry["service"], entry["subject"], entry["action"]) for entry in told[:-before]] == [
        ("invoices", "setting", "updated"),
        ("gateway", "member", "created"),
        ("expenses", "expense", "created"),
        ("invoices", "invoice", "created"),
        ("budgets", "budget", "created"),
    ]
    assert told[1]["changes"]["first_name"] == [None, "Ada"]
    assert told[4]["changes"]["total_amount"] == [None, 5]
    assert {entry["subject"] for entry in told[-before:]} == {"workspace", "account", "member", "key"}


def test_the_same_entries_are_read_however_they_are_paged(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    for number, name in enumerate((*OTHERS, "gateway")):
        put(office, name, *(moment + timedelta(microseconds=n * (number + 1)) for n in range(5)))
        put(office, name, moment, moment)
    whole = read(office, "to=2026-05-02")
    assert len(whole) == 28
    stands = [(entry["at"], entry["service"], entry["id"]) for entry in whole]
    instants = [(datetime.fromisoformat(at), service, number) for at, service, number in stands]
    assert instants == sorted(instants, reverse=True)
    for limit in (1, 3, 27, 28, 29):
        pages = walked(office, f"to=2026-05-02&limit={limit}")
        assert [entry for page in pages for entry in page] == whole
        assert max(map(len, pages)) == min(limit, 28)
    monkeypatch.setattr(paging, "BYTES", 1500)
    pages = walked(office, "to=2026-05-02&limit=100")
    assert [entry for page in pages for entry in page] == whole
    assert len(pages) > 8


def test_what_comes_meanwhile_neither_skips_nor_repeats_an_entry(office: Office) -> None:
    moment = now()
    for name in OTHERS:
        put(office, name, *(moment - timedelta(hours=n) for n in range(1, 4)))
    first = office.get(f"{HISTORY}?subject=thing&limit=4").json
    for name in OTHERS:
        put(office, name, moment)
    rest = office.get(f"{HISTORY}?subject=thing&limit=100&cursor={first['next_cursor']}").json
    seen = [(entry["service"], entry["id"]) for entry in first["data"] + rest["data"]]
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("subject=thing", 3),
        ("subject=other", 1),
        ("subject_id=seven", 1),
        ("action=deleted", 1),
        ("member_id=8", 1),
        ("key_id=another", 1),
        ("request_id=q", 1),
        ("from=2025-01-02&to=2025-01-02&subject=thing", 2),
        ("from=2025-01-02&to=2025-01-01", 0),
        ("subject=thing&member_id=8", 0),
        ("subject=thing&from=0001-01-01&to=9999-12-31", 3),
    ],
)
def test_the_list_is_narrowed(office: Office, query: str, found: int) -> None:
    put(office, "budgets", datetime(2025, 1, 1, 23, 59, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC))
    put(office, "invoices", datetime(2025, 1, 2, 23, 59, tzinfo=UTC))
    put(office, "invoices", datetime(2025, 3, 1, tzinfo=UTC), subject="other", subject_id="seven")
    put(office, "gateway", datetime(2025, 3, 1, tzinfo=UTC), subject="another", action="deleted", member_id=8)
    put(office, "expenses", datetime(2025, 3, 1, tzinfo=UTC), subject="another", key_id="another", request_id="q")
    assert len(read(office, query)) == found


@pytest.mark.parametrize(
    "query",
    ["q=x", "sort=at", "from=x", "limit=0", "limit=1001", "cursor=x", "member_id=a", "before_id=1", "account=x"],
)
def test_what_is_unknown_or_wrong_is_refused(office: Office, query: str) -> None:
    answer = office.get(f"{HISTORY}?{query}")
    assert (answer.status_code, list(answer.json["errors"])) == (400, [query.partition("=")[0]])


@pytest.mark.parametrize("path", [HISTORY, f"{HISTORY}/head"])
def test_only_an_admin_of_all_accounts_reads_the_history(office: Office, path: str) -> None:
    reader = office.issue(scopes=["invoices:read", "invoices:write", "invoices:approve", "expenses:read"])
    of_one = office.issue(scopes=["admin"], account=office.workspace_id)
    for key in (reader, of_one):
        assert office.get(path, key=key).status_code == 403


@pytest.mark.parametrize("away", OTHERS)
@pytest.mark.parametrize("path", [HISTORY, f"{HISTORY}/head"])
def test_a_service_that_is_away_leaves_no_list_and_no_head(signing: Office, path: str, away: str) -> None:
    signing.wires.away.add(away)
    answer = signing.get(path)
    assert (answer.status_code, answer.json) == (503, {"message": f"The {away} service did not answer"})
    assert "Retry-After" in answer.headers


def test_another_workspaces_history_is_never_shown(signing: Office) -> None:
    stranger = signing.issue("Stranger")
    for name in (*OTHERS, "gateway"):
        put(signing, name, now(), subject_id="secret")
    mine = signing.get(HISTORY, key=stranger).json["data"]
    assert {entry["subject"] for entry in mine} == {"workspace", "account", "member", "key"}
    ends = signing.get(f"{HISTORY}/head", key=stranger).json["data"]["heads"]
    assert [end["position"] for end in ends] == [0, 0, 4, 0]


# Heads


@pytest.fixture
def signing(office: Office) -> Office:
    """The office, with a key that signs heads."""
    office.app.extensions["gateway"].close()
    office.settings = replace(office.settings, history_key=KEY)
    office.app = create_app(office.settings, wire=office.wires)
    return office


def head(office: Office) -> dict[str, Any]:
    answer = office.get(f"{HISTORY}/head")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json["data"]
    return data


def kept_heads(said: dict[str, Any]) -> Heads:
    return heads.opened(said, said["public_key"])


def test_the_head_has_the_end_of_each_chain_with_all_that_is_committed(signing: Office) -> None:
    put(signing, "budgets", now(), now())
    said = head(signing)
    own = database(signing, "gateway")
    assert [(end["service"], end["position"]) for end in said["heads"]] == [
        ("budgets", 2),
        ("expenses", 0),
        ("gateway", 4),
        ("invoices", 0),
    ]
    assert said["heads"][2]["hash"] == chain.head(own, signing.workspace_id).hash
    assert said["heads"][1] == {"service": "expenses", "position": 0, "hash": START, "at": None}
    assert said["workspace_id"] == signing.workspace_id


def test_a_head_is_signed_and_says_in_its_text_what_it_says_beside_it(signing: Office) -> None:
    said = head(signing)
    opened = kept_heads(said)
    assert opened.workspace_id == signing.workspace_id
    assert f"{opened.at:%Y-%m-%dT%H:%M:%S.%fZ}" == said["at"]
    assert {name: (end.position, end.hash) for name, end in opened.ends.items()} == {
        end["service"]: (end["position"], end["hash"]) for end in said["heads"]
    }
    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    public.verify(base64.b64decode(said["signature"]), said["text"].encode())


def test_a_head_can_be_verified_with_openssl(signing: Office, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")
    said = head(signing)
    (tmp_path / "text").write_text(said["text"])
    (tmp_path / "signature").write_bytes(base64.b64decode(said["signature"]))
    (tmp_path / "key").write_text(said["public_key"])
    command = "openssl pkeyutl -verify -pubin -inkey key -rawin -in text -sigfile signature"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout, done.stderr
    (tmp_path / "text").write_text(said["text"].replace("gateway 4", "gateway 3"))
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_a_history_cut_off_after_a_head_was_kept_is_found(signing: Office) -> None:
    put(signing, "budgets", now() - timedelta(hours=1), now() - timedelta(hours=1))
    kept = {signing.workspace_id: [kept_heads(head(signing)).ends["budgets"]]}
    db = database(signing, "budgets")
    assert list(chain.wrong(db, kept)) == []
    with db.write() as session:
        for table in ("audit", "audit_chain"):
            on = "" if db.url.get_backend_name() == "sqlite" else f" ON {table}"
            session.execute(text(f"DROP TRIGGER {table}_no_delete{on}"))
        session.execute(delete(Audit).where(Audit.id == 2))
        session.execute(text("DELETE FROM audit_chain WHERE position = 2"))
    assert list(chain.wrong(db)) == []
    assert list(chain.wrong(db, kept)) == [
        f"workspace {signing.workspace_id}: the chain ends at position 1, but a head of position 2 was kept"
    ]


def test_without_a_key_there_is_no_head(office: Office) -> None:
    answer = office.get(f"{HISTORY}/head")
    assert answer.status_code == 503
    assert answer.json == {"message": "This installation has no key to sign heads with"}


A_HEAD = Heads("w", datetime(2026, 1, 2, tzinfo=UTC), {"budgets": Head(3, "a" * 64, None), "gateway": Head()})


def test_the_signed_text_has_a_line_for_each_fact() -> None:
    assert heads.text(A_HEAD) == (
        "countinghouse history 1\nworkspace w\nat 2026-01-02T00:00:00.000000Z\n"
        f"budgets 3 {'a' * 64}\ngateway 0 {START}\n"
    )
    kept = heads.signed(A_HEAD, KEY)
    assert heads.opened(kept, kept["public_key"]) == A_HEAD


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: kept | {"text": kept["text"].replace("budgets 3", "budgets 2")},
        lambda kept: kept | {"signature": base64.b64encode(bytes(64)).decode()},
        lambda kept: kept | {"signature": "no base64"},
        lambda kept: kept | {"text": None},
        lambda _kept: {},
        lambda kept: kept | heads.signed(A_HEAD, KEY[::-1]),
        lambda kept: kept | signed_by_hand("countinghouse history 2\nworkspace w\nat 2026-01-02T00:00:00Z\n"),
        lambda kept: kept | signed_by_hand("countinghouse history 1\nworkspace w\n"),
        lambda kept: kept | signed_by_hand("countinghouse history 1\nworkspace w\nat 2026-01-02T00:00:00Z\na 1 b\n"),
    ],
)
def test_a_head_that_was_tampered_with_is_not_opened(spoil: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    kept = heads.signed(A_HEAD, KEY)
    with pytest.raises(Forged):
        heads.opened(spoil(kept), kept["public_key"])


def signed_by_hand(said: str) -> dict[str, str]:
    signature = heads.private_key(KEY).sign(said.encode())
    return {"text": said, "signature": base64.b64encode(signature).decode()}


@pytest.mark.parametrize("public_key", ["", "x", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_public_key_opens_nothing(public_key: str) -> None:
    with pytest.raises(Forged):
        heads.opened(heads.signed(A_HEAD, KEY), public_key)


@pytest.mark.parametrize("key", ["x", KEY[:-4], KEY + "AAAA", KEY[:-1] + "!"])
def test_a_key_that_is_none_is_said_at_the_start(office: Office, key: str) -> None:
    with pytest.raises(SystemExit, match="HISTORY_KEY is not valid"):
        replace(office.settings, history_key=key)
