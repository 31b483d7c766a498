"""What an approval protects: no other payee or amount behind it, no money on what was denied, no member alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.client import Client
from tests.service.invoices.approvals import APPROVAL, BODY, FINANCE, at, configure, decide, finish, make, says, shown
from tests.service.invoices.approvals import native as in_finance
from tests.service.invoices.projects import Books
from tests.service.invoices.steps import (
    INVOICES,
    SETTINGS,
    Facts,
    data,
    history,
    nothing_changes,
    read,
    url,
    wrong,
)

DENIED = "A denied invoice cannot be sent or paid until it is approved anew"
PEOPLE = {7: "user@example.com", 8: "manager@example.com", 9: FINANCE}

Asked = Callable[[Client, Facts], TestResponse]


def approved(client: Client, **facts: object) -> Facts:
    made = make(client, **facts)
    decide(client, made, finance_approver_email=FINANCE, comment="fine")
    finish(client, made)
    return made


def introduce(client: Client, number: int, email: str, *, version: int = 1, deleted: bool = False) -> None:
    """Tell the service of a member."""
    body = {"version": version, "first_name": "A", "last_name": "B", "email": email, "deleted": deleted}
    assert client.inside("people").put(f"/internal/people/{number}", json=body).status_code == 200


@pytest.fixture
def members(approver: Client) -> list[Client]:
    """The keys of the submitter, the manager and the finance approver."""
    for number, email in PEOPLE.items():
        introduce(approver, number, email)
    return [approver.seen_by(member_id=number, key_id=f"key-of-{number}") for number in PEOPLE]


# What is approved


@pytest.mark.parametrize(
    "change", [{"provider_name": "Another"}, {"payment_method": "transfer"}, {"user_email": "x@example.com"}]
)
def test_another_payee_needs_another_approval(approver: Client, change: Facts) -> None:
    made = approved(approver)
    assert approver.put(at(made), json={"description": "x", "provider_name": BODY["provider_name"]}).status_code == 200
    assert shown(approver, made)["approval_status"] == "approved"
    approver.put(at(made), json=change)
    found = shown(approver, made)
    names = ("approval_status", "finance_approver_email", "approved_by_manager_email", "comment")
    assert [found[name] for name in names] == ["pending", None, None, None]
    assert history(approver, in_finance(approver, made))[-1]["changes"]["approval"] == ["approved", "pending"]


def test_another_payee_on_a_sent_invoice_needs_another_approval_too(approver: Client) -> None:
    made = approved(approver)
    same = in_finance(approver, made)
    data(approver.put(url(same), json={"status": "sent"}))
    approver.put(at(made), json={"provider_name": "Another"})
    assert read(approver, same)["approval"] == "pending"


@pytest.mark.parametrize(
    ("dialect", "change"),
    [
        *(("finance", {"currency": "EUR"}), ("finance", {"tax": 5}), ("finance", {"total": 5001})),
        *(("accounts", {"currency": "EUR"}), ("accounts", {"total": 5001}), ("projects", {"fixed-cost": "5001.00"})),
        ("finance", {"items": [{"description": "x", "quantity": 1, "unit_price": 5000}]}),
    ],
)
def test_amounts_reopen_the_approval_from_every_dialect(approver: Client, dialect: str, change: Facts) -> None:
    made = approved(approver)
    same = in_finance(approver, made)
    own = {
        "finance": (url(same), change),
        "accounts": (f"/api/v1/invoices/{made['id']}", change | {"accountId": approver.caller.account_id}),
        "projects": (f"/invoices/{made['id']}.json", {"invoice": change}),
    }
    path, body = own[dialect]
    assert approver.put(path, json=body).status_code == 200
    assert read(approver, same)["approval"] == "pending"


@pytest.mark.parametrize("fixed", [{}, {"fixed-cost": "10.00"}])
def test_time_and_expenses_put_on_it_or_changed_reopen_the_approval(approver: Client, fixed: Facts) -> None:
    books = Books(approver)
    number = books.invoice(**fixed)
    entry, expense = books.time(60), books.expense(15)
    (made,) = approver.get("/api/invoices").json["invoices"]
    steps: list[Callable[[], object]] = [
        lambda: books.bill(number, add={"timelogs": entry, "expenses": 15}),
        lambda: approver.put(f"/time_entries/{entry}.json", json={"time-entry": {"description": "Other"}}),
        lambda: books.tell(expense, 15, "26.00", version=2),
        lambda: books.bill(number, remove={"timelogs": entry}),
    ]
    for step in steps:
        decide(approver, made)
        finish(approver, made)
        step()
        assert shown(approver, made)["approval_status"] == "pending"
    decide(approver, made)
    books.tell(expense, 15, "26.00", version=3)
    assert shown(approver, made)["approval_status"] == "in progress"


@pytest.mark.parametrize("change", [{"bank_details": "IBAN 2"}, {"seller_name": "Another"}])
def test_other_bank_details_reopen_what_is_approved_and_can_still_be_paid(approver: Client, change: Facts) -> None:
    configure(approver, bank_details="IBAN 1", seller_name="Example")
    both = [approved(approver), make(approver)]
    decide(approver, both[1])
    paid, denied = approved(approver), make(approver)
    data(approver.put(url(in_finance(approver, paid)), json={"status": "paid"}))
    decide(approver, denied, approvalAction="deny")
    configure(approver, bank_details="IBAN 1", seller_tax_id="x")
    assert [shown(approver, each)["approval_status"] for each in both] == ["approved", "in progress"]
    configure(approver, **change)
    assert [shown(approver, each)["approval_status"] for each in both] == ["pending", "pending"]
    assert [shown(approver, each)["approval_status"] for each in (paid, denied)] == ["approved", "denied"]
    (name,) = change
    assert history(approver, in_finance(approver, both[0]))[-1]["changes"][name][1] == change[name]


@pytest.mark.parametrize("paid", ["wholly", "partly", "over nothing"])
@pytest.mark.parametrize(
    "change", [{"provider_name": "Another"}, {"payment_method": "transfer"}, {"user_email": "x@example.com"}]
)
def test_who_was_paid_stays_who_he_was(approver: Client, change: Facts, paid: str) -> None:
    made = approved(approver, **({"total_amount": 0, "amount_requested": 0} if paid == "over nothing" else {}))
    same = in_finance(approver, made)
    data(approver.put(url(same), json={"status": "sent"}))
    if paid == "partly":
        assert approver.post(url(same, "/payments"), json={"amount": 1}).status_code == 201
    else:
        data(approver.put(url(same), json={"status": "paid"}))
    words = "partially paid" if paid == "partly" else "paid"
    with nothing_changes(approver, same):
        answer = approver.put(at(made), json={"description": "x", **change})
        says(answer, 422, f"The invoice is {words}: its provider, payment method and user stay")
    as_it_was = {name: BODY[name] for name in ("provider_name", "payment_method", "user_email")}
    assert approver.put(at(made), json={"description": "x", **as_it_was}).status_code == 200
    assert shown(approver, made)["description"] == "x"


STRICTER = [("open", "members"), ("open", "four_eyes"), ("members", "four_eyes")]


@pytest.mark.parametrize(("before", "after"), STRICTER)
def test_a_stricter_policy_reopens_what_is_approved_and_can_still_be_paid(
    members: list[Client], before: str, after: str
) -> None:
    user, manager, finance = members
    configure(user, approval_policy=before)
    made = {name: make(user) for name in ("half", "whole", "paid", "denied", "new")}
    for name in ("half", "whole", "paid"):
        decide(manager, made[name], finance_approver_email=FINANCE)
    for name in ("whole", "paid"):
        finish(finance, made[name])
    data(user.put(url(in_finance(user, made["paid"])), json={"status": "paid"}))
    decide(manager, made["denied"], approvalAction="deny")
    admin = user.seen_by(scopes=("admin",), member_id=9, key_id="admin's")
    data(admin.put(SETTINGS, json={"approval_policy": after}))

    found = {name: shown(user, each)["approval_status"] for name, each in made.items()}
    reopened = dict.fromkeys(("half", "whole"), "pending")
    assert found == {**reopened, "paid": "approved", "denied": "denied", "new": "pending"}
    entry = history(user, in_finance(user, made["whole"]))[-1]
    assert (entry["action"], entry["member_id"]) == ("updated", 9)
    assert entry["changes"] == {
        "approval": ["approved", "pending"],
        "approval_policy": [before, after],
        "approved_by_manager_email": ["manager@example.com", None],
        "finance_approver_email": [FINANCE, None],
    }
    assert len(history(user, in_finance(user, made["new"]))) == 1
    decide(manager, made["whole"], finance_approver_email=FINANCE)
    finish(finance, made["whole"])  # who set the policy has submitted nothing


@pytest.mark.parametrize(("before", "after"), [*(pair[::-1] for pair in STRICTER), ("four_eyes", "four_eyes")])
def test_a_policy_that_is_no_stricter_leaves_approvals_alone(members: list[Client], before: str, after: str) -> None:
    user, manager, finance = members
    configure(user, approval_policy=before)
    made = make(user)
    decide(manager, made, finance_approver_email=FINANCE)
    finish(finance, made)
    with nothing_changes(user, in_finance(user, made)):
        configure(user, approval_policy=after)
    assert shown(user, made)["approval_status"] == "approved"


# What is denied


WAYS: list[Asked] = [
    lambda client, same: client.post(url(same, "/send")),
    lambda client, same: client.put(url(same), json={"status": "sent"}),
    lambda client, same: client.put(url(same), json={"status": "paid"}),
    lambda client, same: client.post(url(same, "/payments"), json={"amount": 1}),
    lambda client, same: client.put(
        f"/api/v1/invoices/{same['number']}", json={"status": "paid", "accountId": client.caller.account_id}
    ),
]


@pytest.mark.parametrize("sent", [False, True])
def test_a_denied_invoice_is_neither_sent_nor_paid_until_it_is_approved_anew(approver: Client, sent: bool) -> None:
    made = make(approver)
    same = in_finance(approver, made) | {"number": made["id"]}
    data(approver.put(url(same), json={"client_email": "c@example.com", "status": "sent" if sent else "draft"}))
    decide(approver, made, approvalAction="deny")

    def stays() -> None:
        with nothing_changes(approver, same):
            for way in WAYS[sent * 2 :] + WAYS[:1]:
                answer = way(approver, same)
                assert answer.status_code == 422
                # A draft takes no payment in any case.
                assert (DENIED in answer.text) != (way is WAYS[3] and not sent)

    stays()
    approver.put(at(made), json={"provider_name": "Another"})
    assert shown(approver, made)["approval_status"] == "pending"
    stays()
    decide(approver, made)
    stays()
    finish(approver, made)
    data(approver.post(url(same, "/send")))
    data(approver.put(url(same), json={"status": "paid"}))


def test_a_denied_invoice_can_be_cancelled(approver: Client) -> None:
    made = make(approver)
    decide(approver, made, approvalAction="deny")
    assert data(approver.put(url(in_finance(approver, made)), json={"status": "cancelled"}))["status"] == "cancelled"


# What finance sees


def test_finance_shows_the_approval_and_lists_by_it_and_writes_none(approver: Client) -> None:
    made, other = approved(approver), make(approver)
    same = in_finance(approver, made)
    assert read(approver, same)["approval"] == "approved"
    listed = approver.get(f"{INVOICES}?approval=approved").json["data"]
    assert [(each["id"], each["approval"]) for each in listed] == [(same["id"], "approved")]
    (pending,) = approver.get(f"{INVOICES}?approval=pending").json["data"]
    assert pending["id"] == in_finance(approver, other)["id"]
    wrong(approver.get(f"{INVOICES}?approval=perhaps"), "approval")
    with nothing_changes(approver, same):
        wrong(approver.put(url(same), json={"approval": "pending"}), "approval")


# Who decides


def test_the_policy_is_open_unless_it_is_set(approver: Client) -> None:
    admin = approver.seen_by(scopes=("admin",))
    assert data(admin.get(SETTINGS))["approval_policy"] == "open"
    wrong(admin.put(SETTINGS, json={"approval_policy": "closed"}), "approval_policy")
    wrong(admin.put(SETTINGS, json={"approval_policy": None}), "approval_policy")
    assert data(admin.put(SETTINGS, json={"approval_policy": "four_eyes"}))["approval_policy"] == "four_eyes"


@pytest.mark.parametrize("policy", ["members", "four_eyes"])
def test_who_is_named_is_the_member_whose_key_decides(members: list[Client], policy: str) -> None:
    user, manager, finance = members
    configure(user, approval_policy=policy)
    made = make(user)
    same = in_finance(user, made)
    why = "The decision is that of another member than the one of this API key"
    with nothing_changes(user, same):
        says(decide(finance, made, 403), 403, why)
        says(decide(finance, made, 403, approvalAction="deny"), 403, why)
        says(decide(manager.seen_by(member_id=None), made, 403), 403, "This API key is no member's")
    decide(manager, made, manager_email="Manager@Example.com", finance_approver_email=FINANCE)
    with nothing_changes(user, same):
        says(finish(manager, made, 403), 403, why)
    finish(finance, made)
    assert shown(user, made)["approval_status"] == "approved"


@pytest.mark.parametrize("policy", ["open", "members", "four_eyes"])
def test_nothing_is_paid_before_it_is_approved_where_members_approve(members: list[Client], policy: str) -> None:
    user, manager, finance = members
    configure(user, approval_policy=policy)
    made = make(user)
    same = f"{INVOICES}/{in_finance(user, made)['id']}"
    assert user.put(same, json={"status": "sent"}).status_code == 200
    pay = (("PUT", same, {"status": "paid"}), ("POST", f"{same}/payments", {"amount": 1}))
    if policy == "open":
        assert [user.open(method, path, json=body).status_code for method, path, body in pay[::-1]] == [201, 200]
        return
    for decision in (None, lambda: decide(manager, made, finance_approver_email=FINANCE)):
        if decision:
            decision()
        before = data(user.get(same))
        for method, path, body in pay:
            says(user.open(method, path, json=body), 422, "The invoice is not approved")
        assert data(user.get(same)) == before
    finish(finance, made)
    assert [user.open(method, path, json=body).status_code for method, path, body in pay[::-1]] == [201, 200]
    new = user.post(INVOICES, json={"items": [{"description": "x", "quantity": 1, "unit_price": 1}], "status": "paid"})
    says(new, 422, "The invoice is not approved")


@pytest.mark.parametrize("policy", ["members", "four_eyes"])
@pytest.mark.parametrize("named", ["manager@example.com", "user@example.com", None])
def test_where_the_settings_name_the_finance_approver_the_manager_names_no_other(
    members: list[Client], policy: str, named: str | None
) -> None:
    user, manager, finance = members
    configure(user, approval_policy=policy, finance_approver_email=FINANCE)
    made = make(user)
    with nothing_changes(user, in_finance(user, made)):
        answer = decide(manager, made, 403, finance_approver_email=named)
        says(answer, 403, "Another finance approver decides on these invoices")
    decide(manager, made, finance_approver_email=FINANCE.upper())
    finish(finance, made)


def test_the_finance_approver_of_the_settings_may_deny_before_the_manager_and_nobody_else(
    members: list[Client],
) -> None:
    user, manager, finance = members
    configure(user, approval_policy="members", finance_approver_email=FINANCE)
    made = make(user)
    with nothing_changes(user, in_finance(user, made)):
        finish(manager, made, 403, finance_approved=False, comment="no")
    finish(finance, made, finance_approved=False, comment="no")


def test_a_member_who_is_not_known_yet_is_asked_to_try_again_and_one_who_moved_is_refused(
    approver: Client, members: list[Client]
) -> None:
    configure(approver, approval_policy="members")
    made = make(approver)
    new = approver.seen_by(member_id=10, key_id="key-of-10")
    with nothing_changes(approver, in_finance(approver, made)):
        answer = decide(new, made, 409)
        assert answer.headers["Retry-After"] == "1"
        introduce(approver, 8, "", version=2)
        decide(members[1], made, 403)
        introduce(approver, 8, "manager@example.com", version=3, deleted=True)
        decide(members[1], made, 409)
    introduce(approver, 10, "manager@example.com")
    decide(new, made)


def test_one_member_is_never_two_of_four_eyes_whatever_the_key(members: list[Client]) -> None:
    user, manager, finance = members
    configure(user, approval_policy="four_eyes")
    own = "The member who submitted an invoice may not decide on it"
    for maker in (user, user.seen_by(key_id="another")):
        made = make(maker)
        with nothing_changes(user, in_finance(user, made)):
            says(decide(user, made, 403, manager_email=PEOPLE[7]), 403, own)
            says(finish(user, made, 403, finance_approved=False, comment="no"), 403, own)
    with nothing_changes(user, in_finance(user, made)):
        answer = decide(manager, made, 422, finance_approver_email="MANAGER@example.com")
        says(answer, 422, "The manager and the finance approver must be two members")
    decide(manager, made)
    twice = "The manager who approved an invoice may not decide for the finance department"
    with nothing_changes(user, in_finance(user, made)):
        for key in (manager, manager.seen_by(key_id="a third")):
            says(finish(key, made, 403), 403, twice)
        says(finish(user.seen_by(key_id="another"), made, 403), 403, own)
    finish(finance, made)


@pytest.mark.parametrize("change", [{"total_amount": 4600}, {"provider_name": "Mine"}])
def test_who_wrote_the_amounts_or_the_payee_has_submitted_it_too(members: list[Client], change: Facts) -> None:
    user, manager, _ = members
    configure(user, approval_policy="four_eyes")
    made = make(user)
    manager.put(at(made), json={"description": "a word is none of it"})
    decide(manager, made)
    manager.put(at(made), json=change)
    with nothing_changes(user, in_finance(user, made)):
        decide(manager, made, 403)


@pytest.mark.parametrize("whose", ["time of the manager's", "time that he logged", "an expense of the manager's"])
def test_whose_time_or_expense_is_on_an_invoice_has_submitted_it_too(members: list[Client], whose: str) -> None:
    user, manager, finance = members
    configure(user, approval_policy="four_eyes")
    books = Books(user)
    number = books.invoice()
    if whose == "an expense of the manager's":
        books.expense(1149, "10.00", created_by=8)
        on: Facts = {"expenses": "1149"}
    elif whose == "time of the manager's":
        on = {"timelogs": books.time(60, **{"person-id": 8})}
    else:
        books.client = manager
        on = {"timelogs": books.time(60, **{"person-id": 7})}
        books.client = user
    made = next(each for each in user.get("/api/invoices").json["invoices"] if each["id"] == number)
    assert books.bill(number, add=on).status_code == 200
    with nothing_changes(user, in_finance(user, made)):
        says(decide(manager, made, 403), 403, "The member who submitted an invoice may not decide on it")
    decide(finance, made, manager_email=FINANCE)


@pytest.mark.parametrize("changed_by", [8, None])
def test_who_changed_an_expense_on_an_invoice_has_submitted_it_too(
    members: list[Client], changed_by: int | None
) -> None:
    user, manager, _ = members
    configure(user, approval_policy="four_eyes")
    books = Books(user)
    number, expense = books.invoice(), books.expense(1149, "10.00", created_by=7)
    assert books.bill(number, add={"expenses": "1149"}).status_code == 200
    books.tell(expense, 1149, "9000.00", version=2, changed_by=changed_by)
    made = next(each for each in user.get("/api/invoices").json["invoices"] if each["id"] == number)
    same = in_finance(user, made)
    assert [history(user, same)[-1]["changes"]["total"], history(user, same)[-1]["member_id"]] == [
        *([10.00, 9000.00], changed_by),
    ]
    if changed_by is None:  # a service that restored itself: nobody's hand
        decide(manager, made)
    else:
        with nothing_changes(user, same):
            says(decide(manager, made, 403), 403, "The member who submitted an invoice may not decide on it")


OWN = "The member who submitted an invoice may not decide on it"


def written_before(books: Books, user: Client, manager: Client, what: str) -> Facts:
    """Time, or an expense, of which the manager has written something before it is on an invoice."""
    if what in ("hours", "whether it is billed", "words"):
        entry = books.time(60, **{"person-id": 7})
        change: Facts = {"hours": {"hours": 90}, "whether it is billed": {"isbillable": "0"}}.get(
            what, {"description": "Painting it", "date": "20150618"}
        )
        assert manager.put(f"/time_entries/{entry}.json", json={"time-entry": change}).status_code == 200
        assert user.put(f"/time_entries/{entry}.json", json={"time-entry": {"minutes": 30}}).status_code == 200
        return {"timelogs": entry}
    if what == "the amount":
        books.tell(books.expense(1149, created_by=7), 1149, "9000.00", version=2, changed_by=8, writers=[8])
        books.tell("eeeeeeee-0000-4000-8000-000000000001", 1149, "9000.01", version=3, changed_by=7)
        return {"expenses": "1149"}
    rates = {"the default rate": {"project-default": "90.00"}, "a person's rate": {"users": {"7": {"rate": "90.00"}}}}
    for client, facts in ((manager, rates[what]), (user, {"project-default": "60.00"})):
        assert client.put(f"/projects/{books.project}/rates.json", json={"rates": facts}).status_code == 200
    return {"timelogs": books.time(60)}


@pytest.mark.parametrize("policy", ["four_eyes", "members"])
@pytest.mark.parametrize(
    "what", ["hours", "whether it is billed", "the default rate", "a person's rate", "the amount", "words"]
)
def test_who_wrote_what_a_line_costs_before_it_was_on_the_invoice_has_submitted_it_too(
    members: list[Client], what: str, policy: str
) -> None:
    user, manager, finance = members
    configure(user, approval_policy=policy)
    books = Books(user)
    number = books.invoice()
    made = next(each for each in user.get("/api/invoices").json["invoices"] if each["id"] == number)
    assert books.bill(number, add=written_before(books, user, manager, what)).status_code == 200
    if policy == "four_eyes" and what != "words":
        with nothing_changes(user, in_finance(user, made)):
            says(decide(manager, made, 403), 403, OWN)
        decide(finance, made, manager_email=FINANCE)
    else:
        decide(manager, made)


def test_who_sets_rates_once_the_time_is_on_the_invoice_or_off_it_again_has_submitted_nothing(
    members: list[Client],
) -> None:
    user, manager, _ = members
    configure(user, approval_policy="four_eyes")
    books = Books(user)
    number, entry = books.invoice(), books.time(60)
    made = next(each for each in user.get("/api/invoices").json["invoices"] if each["id"] == number)
    rates = f"/projects/{books.project}/rates.json"
    assert books.bill(number, add={"timelogs": entry}).status_code == 200
    assert manager.put(rates, json={"rates": {"project-default": "70.00"}}).status_code == 200
    decide(manager, made)
    assert books.bill(number, remove={"timelogs": entry}).status_code == 200
    decide(manager, made)
    assert books.bill(number, add={"timelogs": entry}).status_code == 200
    with nothing_changes(user, in_finance(user, made)):
        says(decide(manager, made, 403), 403, OWN)


# Races


@pytest.mark.parametrize("change", ["provider", "amount", "bank"])
def test_of_an_approval_and_another_payee_or_amount_one_comes_after_the_other(approver: Client, change: str) -> None:
    for number in range(4):
        made = make(approver)
        same = in_finance(approver, made)
        decide(approver, made, finance_approver_email=FINANCE)
        admin = approver.seen_by(scopes=("admin",))
        calls: list[Any] = [
            lambda made=made: approver.seen_by().put(at(made, "/finance-approve"), json={"finance_approved": True}),
            {
                "provider": lambda made=made: approver.seen_by().put(at(made), json={"provider_name": "Another"}),
                "amount": lambda made=made: approver.seen_by().put(at(made), json={"total_amount": 9000}),
                "bank": lambda admin=admin, number=number: admin.put(SETTINGS, json={"bank_details": f"IBAN {number}"}),
            }[change],
        ]
        with ThreadPoolExecutor(2) as pool:
            decided, changed = list(pool.map(lambda call: call(), calls))
        assert changed.status_code == 200
        # Approved first, and then reopened; or reopened first, and then not finance's turn any more.
        assert decided.status_code in (200, 422)
        assert shown(approver, made)["approval_status"] == "pending"
        told = ["created", "approved", *["finance approved"] * (decided.status_code == 200), "updated"]
        assert [entry["action"] for entry in history(approver, same)] == told


def test_an_approval_that_names_its_version_is_never_about_another_payee(approver: Client) -> None:
    made = make(approver)
    tag = approver.get(at(made)).headers["ETag"]
    approver.put(at(made), json={"provider_name": "Another"})
    with nothing_changes(approver, in_finance(approver, made)):
        assert approver.put(at(made, "/approve"), json=APPROVAL, headers={"If-Match": tag}).status_code == 412


def test_a_repeated_approval_does_not_approve_another_payee(approver: Client) -> None:
    made = make(approver)
    once = {"Idempotency-Key": "once"}
    first = approver.put(at(made, "/approve"), json=APPROVAL, headers=once)
    approver.put(at(made), json={"provider_name": "Another"})
    again = approver.put(at(made, "/approve"), json=APPROVAL, headers=once)
    assert (first.status_code, again.status_code, again.data) == (200, 200, first.data)
    assert shown(approver, made)["approval_status"] == "pending"
