"""Keys on each database: made, found, limited, revoked, expired; and what the lookup remembers of them."""

import threading
import time
from datetime import datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, select, text, update

from gateway.history.vocabulary import VOCABULARY
from gateway.keys import HISTORY, actions, queries, secret
from gateway.keys.actions import Person
from gateway.keys.lookup import Lookup
from gateway.keys.models import Account, ApiKey, Member, Workspace
from gateway.keys.scopes import SCOPES
from gateway.keys.usage import Usage
from shared import schema
from shared.audit import Audit
from shared.caller import Caller
from shared.db import NAMING, Base, Database, new_id, now
from shared.errors import Conflict, Invalid, NotFound, Refused

SECRET = "the secret that keys are digested with"
HERE = "192.0.2.1"


def test_a_key_acts_for_its_workspace(db: Database) -> None:
    made = actions.issue(db, SECRET, "Acme", scopes=SCOPES)
    found = queries.find(db, SECRET, made.key)
    assert found is not None
    assert found.caller == Caller(
        workspace_id=made.workspace_id,
        company_id=1,
        account_id=made.workspace_id,
        account_ids=None,
        accounts=(made.workspace_id,),
        member_id=1,
        key_id=found.caller.key_id,
        scopes=SCOPES,
        currency="USD",
        time_zone="UTC",
    )
    assert made.key.startswith(f"ch_{found.caller.key_id[:8]}_")


def test_the_key_itself_is_not_in_the_database(db: Database) -> None:
    made = actions.issue(db, SECRET, "Acme")
    with db.read() as session:
        kept = str(session.execute(text("SELECT * FROM api_keys")).all())
    assert secret.digest(made.key, SECRET) in kept
    assert made.key[secret.SHOWN :] not in kept


@pytest.mark.parametrize("change", ["unknown", "another secret", "last letter", "prefix", "empty"])
def test_what_is_not_the_key_finds_nothing(db: Database, change: str) -> None:
    key = actions.issue(db, SECRET, "Acme").key
    tried = {
        "unknown": (secret.new_key(new_id()), SECRET),
        "another secret": (key, "another secret"),
        "last letter": (key[:-1] + ("B" if key[-1] == "A" else "A"), SECRET),
        "prefix": (secret.shown(key), SECRET),
        "empty": ("", SECRET),
    }[change]
    assert queries.find(db, tried[1], tried[0]) is None


def test_workspaces_are_counted_and_found_again_by_name(db: Database) -> None:
    first, second, again = (actions.issue(db, SECRET, name) for name in ("Acme", "Beta", "Acme"))
    assert (first.company_id, second.company_id, again.company_id) == (1, 2, 1)
    assert first.workspace_id == again.workspace_id != second.workspace_id


def test_threads_that_make_one_workspace_at_once_get_the_same(db: Database) -> None:
    made: list[str] = []

    def work() -> None:
        made.append(actions.issue(db, SECRET, "Acme").workspace_id)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len(set(made)) == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 256])
def test_a_workspace_needs_a_name(db: Database, name: str) -> None:
    with pytest.raises(Invalid, match="1 to 255"):
        actions.issue(db, SECRET, name)


def test_a_key_can_be_limited_to_an_account(db: Database) -> None:
    account = new_id()
    made = actions.issue(db, SECRET, "Acme", account=account.upper())
    found = queries.find(db, SECRET, made.key)
    assert found is not None
    assert (made.account_id, found.caller.account_id, found.caller.account_ids) == (account, account, (account,))
    assert found.caller.accounts == (account,)


def test_a_key_that_is_not_limited_knows_every_account_of_its_workspace_and_no_other(db: Database) -> None:
    home = actions.issue(db, SECRET, "Acme")
    branch, elsewhere = new_id(), new_id()
    actions.issue(db, SECRET, "Acme", account=branch)
    actions.issue(db, SECRET, "Beta", account=elsewhere)
    found = queries.find(db, SECRET, home.key)
    assert found is not None
    assert found.caller.accounts == (home.workspace_id, branch)


def test_an_account_too_many_is_refused_and_not_made(db: Database) -> None:
    made = [actions.issue(db, SECRET, "Acme", account=new_id()) for _ in range(actions.ACCOUNTS - 1)]
    with pytest.raises(Refused, match="at most 100 accounts"):
        actions.issue(db, SECRET, "Acme", account=new_id())
    again = actions.issue(db, SECRET, "Acme", account=made[0].account_id)
    found = queries.find(db, SECRET, actions.issue(db, SECRET, "Acme").key)
    assert found is not None
    assert again.account_id == made[0].account_id
    assert len(found.caller.accounts) == actions.ACCOUNTS


def test_another_workspaces_account_is_refused_and_nothing_is_made(db: Database) -> None:
    acme = actions.issue(db, SECRET, "Acme")
    with pytest.raises(Refused, match="another workspace"):
        actions.issue(db, SECRET, "Beta", account=acme.workspace_id)
    with db.read() as session:
        assert session.scalars(text("SELECT name FROM workspaces")).all() == ["Acme"]


def test_an_account_is_a_uuid(db: Database) -> None:
    with pytest.raises(Invalid, match="UUID"):
        actions.issue(db, SECRET, "Acme", account="7")


def test_a_member_is_found_again_by_address(db: Database) -> None:
    ada, bob = Person("Ada", "Byron", "ada@example.com"), Person("Bob", "", "bob@example.com")
    keys = [actions.issue(db, SECRET, "Acme", member=who).key for who in (ada, bob, ada, None)]
    found = [queries.find(db, SECRET, key) for key in keys]
    assert [each and each.caller.member_id for each in found] == [1, 2, 1, 1]


def test_a_keys_scopes_are_those_asked_for(db: Database) -> None:
    made = actions.issue(db, SECRET, "Acme", scopes=["budgets:read", "invoices:read", "budgets:read"])
    found = queries.find(db, SECRET, made.key)
    assert found is not None
    assert found.caller.scopes == ("invoices:read", "budgets:read")


@pytest.mark.parametrize("asked", [["invoices:raed"], ["internal"], ["admin", "internal"], []])
def test_an_unknown_scope_is_refused_and_nothing_is_made(db: Database, asked: list[str]) -> None:
    with pytest.raises(Invalid, match="invoices:read"):
        actions.issue(db, SECRET, "Acme", scopes=asked)
    assert queries.listing(db) == []


def test_a_key_expires(db: Database) -> None:
    made = actions.issue(db, SECRET, "Acme", expires_at=now() + timedelta(seconds=2))
    lookup = Lookup(db, SECRET)
    assert lookup.find(made.key, HERE) is not None
    time.sleep(2)
    assert queries.find(db, SECRET, made.key) is None
    assert lookup.find(made.key, HERE) is None


@pytest.mark.parametrize("whole", [True, False])
def test_a_revoked_key_is_refused_within_a_second(db: Database, whole: bool) -> None:
    made = actions.issue(db, SECRET, "Acme")
    lookup = Lookup(db, SECRET)
    assert lookup.find(made.key, HERE) is not None
    name = made.key if whole else secret.shown(made.key)
    assert actions.revoke(db, SECRET, name) == secret.shown(made.key)
    assert queries.find(db, SECRET, made.key) is None
    time.sleep(1.0)
    assert lookup.find(made.key, HERE) is None
    actions.revoke(db, SECRET, name)  # twice is fine


def test_an_unknown_key_cannot_be_revoked(db: Database) -> None:
    made = actions.issue(db, SECRET, "Acme")
    for name in (made.key[:-1], "ch_00000000", secret.shown(made.key) + "_" + "A" * 43):
        with pytest.raises(NotFound):
            actions.revoke(db, SECRET, name)
    assert queries.find(db, SECRET, made.key) is not None


def test_a_part_that_several_keys_show_revokes_none(db: Database) -> None:
    one, two = (actions.issue(db, SECRET, "Acme").key for _ in range(2))
    with db.write() as session:
        session.execute(text("UPDATE api_keys SET prefix = 'ch_00000000'"))
    with pytest.raises(Conflict):
        actions.revoke(db, SECRET, "ch_00000000")
    assert {key.revoked_at for key in queries.listing(db)} == {None}
    assert one != two


def test_the_list_shows_what_may_be_shown(db: Database) -> None:
    made = actions.issue(db, SECRET, "Acme", scopes=["admin"])
    (listed,) = queries.listing(db)
    assert (listed.shown, listed.workspace, listed.scopes) == (secret.shown(made.key), "Acme", ("admin",))


def test_the_lookup_asks_the_database_once_a_second(db: Database) -> None:
    made = actions.issue(db, SECRET, "Acme")
    lookup = Lookup(db, SECRET)
    known = lookup.find(made.key, HERE)
    assert known is not None
    assert lookup.find(made.key, HERE) is known
    time.sleep(1.0)
    assert lookup.find(made.key, HERE) is not known


def scopes_of(db: Database, key: str) -> tuple[str, ...] | None:
    found = queries.find(db, SECRET, key)
    return found and found.caller.scopes


def test_a_key_of_which_nothing_is_said_may_read(db: Database) -> None:
    for account in (None, new_id()):
        key = actions.issue(db, SECRET, "Acme", account=account).key
        assert scopes_of(db, key) == ("invoices:read", "budgets:read", "expenses:read")


def test_an_admin_is_no_operator(db: Database) -> None:
    key = actions.issue(db, SECRET, "Acme", scopes=["operator", "admin"]).key
    assert scopes_of(db, key) == ("admin", "operator")
    admin = Caller(workspace_id="1", scopes=("admin",))
    assert [admin.may(scope) for scope in ("invoices:write", "operator", "internal")] == [True, False, False]


def test_a_rotated_key_has_two_secrets_for_a_while(db: Database) -> None:
    first = actions.issue(db, SECRET, "Acme", scopes=["invoices:write"]).key
    second = actions.rotate(db, SECRET, first, timedelta(seconds=2))
    assert second != first
    assert secret.shown(second) == secret.shown(first)
    known = [queries.find(db, SECRET, key) for key in (first, second)]
    assert known[0] is not None
    assert known[1] is not None
    assert known[0].caller == known[1].caller
    lookup = Lookup(db, SECRET)
    assert lookup.find(first, HERE) is not None
    (listed,) = queries.listing(db)
    assert listed.older_until == known[0].expires_at
    time.sleep(2.1)
    assert queries.find(db, SECRET, first) is None
    assert lookup.find(first, HERE) is None
    assert lookup.find(second, HERE) is not None


def test_a_second_rotation_ends_the_oldest_secret_and_one_without_an_overlap_the_older(db: Database) -> None:
    keys = [actions.issue(db, SECRET, "Acme").key]
    for overlap in (timedelta(days=7), timedelta(days=7), timedelta()):
        before = len(keys)
        keys.append(actions.rotate(db, SECRET, keys[-1], overlap))
        valid = [key for key in keys if queries.find(db, SECRET, key)]
        assert valid == (keys[before - 1 :] if overlap else keys[before:])


def test_revoking_ends_both_secrets_and_then_there_is_nothing_to_rotate(db: Database) -> None:
    first = actions.issue(db, SECRET, "Acme").key
    second = actions.rotate(db, SECRET, first, timedelta(days=7))
    actions.revoke(db, SECRET, first)
    assert [queries.find(db, SECRET, key) for key in (first, second)] == [None, None]
    with pytest.raises(Refused, match="revoked or expired"):
        actions.rotate(db, SECRET, second, timedelta(days=7))
    gone = actions.issue(db, SECRET, "Acme", expires_at=now() - timedelta(seconds=1)).key
    with pytest.raises(Refused, match="revoked or expired"):
        actions.rotate(db, SECRET, gone, timedelta(days=7))


def test_the_history_tells_of_keys_and_no_secret(db: Database) -> None:
    first = actions.issue(db, SECRET, "Acme").key
    second = actions.rotate(db, SECRET, first, timedelta(days=7))
    actions.revoke(db, SECRET, second)
    actions.revoke(db, SECRET, second)
    with db.read() as session:
        columns = (Audit.subject, Audit.action, Audit.key_id, Audit.changes)
        told = session.execute(select(*columns).order_by(Audit.id)).all()
    assert [tuple(entry[:3]) for entry in told] == [
        ("workspace", "created", "gateway.keys"),
        ("account", "created", "gateway.keys"),
        ("member", "created", "gateway.keys"),
        ("key", "created", "gateway.keys"),
        ("key", "rotated", "gateway.keys"),
        ("key", "revoked", "gateway.keys"),
    ]
    for key in (first, second):
        assert secret.digest(key, SECRET) not in str(told)
        assert key not in str(told)
    assert "older_until" in str(told[4].changes)
    kept = [secret.told(secret.digest(key, SECRET)) for key in (first, second)]
    assert [entry.changes.get("secret") for entry in told[3:]] == [[None, kept[0]], kept, None]
    assert set(VOCABULARY["key"].of(told[4].changes, "USD")) == {"older_until"}


def last_used(db: Database) -> list[datetime | None]:
    return [key.last_used_at for key in queries.listing(db)]


def test_the_use_of_a_key_is_written_once_a_minute_and_not_by_its_request(db: Database) -> None:
    key = actions.issue(db, SECRET, "Acme").key
    actions.issue(db, SECRET, "Acme")
    usage = Usage(db)
    lookup = Lookup(db, SECRET, usage=usage)
    before = now()
    assert lookup.find(key, HERE) is not None
    assert last_used(db) == [None, None]
    usage.write()
    first, other = last_used(db)
    assert other is None
    assert first is not None
    assert before <= first <= now()
    Lookup(db, SECRET, usage=usage).find(key, HERE)  # another gateway, in the same minute
    usage.write()
    assert last_used(db) == [first, None]
    with db.write() as session:
        session.execute(update(ApiKey).values(last_used_at=first - timedelta(seconds=61)))
    Lookup(db, SECRET, usage=usage).find(key, HERE)
    usage.write()
    again = last_used(db)[0]
    assert again is not None
    assert again >= first
    usage.close()


def test_uses_are_written_in_the_background(db: Database) -> None:
    made = actions.issue(db, SECRET, "Acme")
    usage = Usage(db, every=0.05)
    lookup = Lookup(db, SECRET, usage=usage)
    lookup.find(made.key, HERE)
    until = time.monotonic() + 30
    while last_used(db) == [None] and time.monotonic() < until:
        time.sleep(0.05)
    lookup.close()
    assert last_used(db) != [None]


def test_what_the_lookup_remembers_is_bounded(db: Database) -> None:
    lookup = Lookup(db, SECRET, size=3)
    for _ in range(10):
        assert lookup.find(secret.new_key(new_id()), HERE) is None
        assert lookup.find(actions.issue(db, SECRET, "Acme").key, HERE) is not None
    assert (len(lookup._known), len(lookup._unknown)) == (3, 3)


def test_the_history_makes_the_tables_of_the_models(db: Database) -> None:
    ours = {table.__tablename__ for table in (Workspace, Account, Member, ApiKey)}
    options = {"include_name": lambda name, kind, _: kind != "table" or name in ours, "compare_type": True}
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        metadata = MetaData(naming_convention=NAMING)
        for name in ours:
            Base.metadata.tables[name].to_metadata(metadata)
        assert compare_metadata(context, metadata) == []
    assert schema.current(db, HISTORY)
