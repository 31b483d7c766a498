"""Who approves an invoice or denies it, in the words of the `approvals` document; and the mail that tells of it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from services.invoices.app import create_app
from services.invoices.settings import Settings
from shared.relay import Relay
from tests.client import Client
from tests.service.invoices.approvals import (
    APPROVAL,
    DENIAL,
    FINANCE,
    SIXTEEN,
    at,
    configure,
    decide,
    finish,
    make,
    native,
    says,
    shown,
    waiting,
    wrong,
)
from tests.service.invoices.steps import INVOICES, Facts, actions, data, history, nothing_changes, read
from tests.service.invoices.test_send import attached, bodies, mails


@pytest.fixture
def apart(settings: Settings) -> Iterator[Client]:
    """The service where nobody decides on his own invoice, as a key that may decide sees it."""
    app = create_app(replace(settings, separation_of_duties=True))
    yield Client(app).seen_by(scopes=("invoices:read", "invoices:write", "invoices:approve"))
    app.extensions["service"].db.close()


def test_an_approval_takes_a_manager_and_the_finance_department(approver: Client) -> None:
    made = make(approver)
    answer = decide(approver, made, finance_approver_email=FINANCE, comment="Approval comment")
    assert answer.json["message"] == "Invoice successfully updated."
    assert list(answer.json["invoice"]) == SIXTEEN
    assert answer.json["invoice"] == made | {"approval_status": "in progress", "finance_approver_email": FINANCE}
    assert answer.headers["ETag"] == '"2"'
    answer = finish(approver, made, comment="Finance approval comment")
    assert answer.json["message"] == "Finance approval completed."
    assert list(answer.json["invoice"]) == SIXTEEN
    assert answer.json["invoice"] == made | {"approval_status": "approved", "finance_approver_email": FINANCE}
    found = shown(approver, made)
    assert (found["approved_by_manager_email"], found["comment"]) == (
        "manager@example.com",
        "Finance approval comment",
    )
    assert actions(approver, native(approver, made)) == ["created", "approved", "finance approved"]


def test_either_may_deny_and_says_why(approver: Client) -> None:
    first, second, third = (make(approver) for _ in range(3))
    answer = decide(approver, first, approvalAction="deny", comment="too much")
    assert answer.json["invoice"] == first | {"approval_status": "denied", "finance_approver_email": None}
    assert shown(approver, first)["comment"] == "too much"
    decide(approver, second)
    for made in (second, third):
        answer = finish(approver, made, finance_approved=False, comment="no budget")
        assert answer.json["invoice"]["approval_status"] == "denied"
        assert shown(approver, made)["comment"] == "no budget"


def test_a_decision_without_a_comment_keeps_the_one_before(approver: Client) -> None:
    made = make(approver)
    decide(approver, made, comment="fine")
    finish(approver, made, comment=None)
    assert shown(approver, made)["comment"] == "fine"


def test_any_other_move_is_refused_and_changes_nothing(approver: Client) -> None:
    pending, in_progress, approved, denied = (make(approver) for _ in range(4))
    for made in (in_progress, approved):
        decide(approver, made)
    finish(approver, approved)
    decide(approver, denied, approvalAction="deny")
    with nothing_changes(approver, native(approver, pending)):
        says(finish(approver, pending, 422), 422, "The approval is pending")
    for made, status in ((in_progress, "in progress"), (approved, "approved"), (denied, "denied")):
        with nothing_changes(approver, native(approver, made)):
            for action in ("approve", "deny"):
                answer = decide(approver, made, 422, approvalAction=action, comment="x", notify=True)
                says(answer, 422, f"The approval is {status}")
    for made, status in ((approved, "approved"), (denied, "denied")):
        with nothing_changes(approver, native(approver, made)):
            for yes in (True, False):
                answer = finish(approver, made, 422, finance_approved=yes, comment="x", notify=True)
                says(answer, 422, f"The approval is {status}")
    assert waiting(approver) == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        *(({"manager_email": "nobody"}, "manager_email"), ({"manager_email": None}, "manager_email")),
        *(({"approvalAction": "APPROVE"}, "approvalAction"), ({"approvalAction": None}, "approvalAction")),
        *(({"finance_approver_email": "x"}, "finance_approver_email"), ({"notify": "true"}, "notify")),
        *(({"notify": None}, "notify"), ({"comment": 1}, "comment"), ({"approval_action": "deny"}, "approval_action")),
    ],
)
def test_a_managers_decision_that_is_wrong_is_named(approver: Client, change: Facts, field: str) -> None:
    made = make(approver)
    with nothing_changes(approver, native(approver, made)):
        wrong(approver.put(at(made, "/approve"), json=APPROVAL | change), field)
        for missing in APPROVAL:
            rest = {name: value for name, value in APPROVAL.items() if name != missing}
            wrong(approver.put(at(made, "/approve"), json=rest), missing)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *(({}, "finance_approved"), ({"finance_approved": "false"}, "finance_approved")),
        *(({"finance_approved": False}, "comment"), ({"finance_approved": False, "comment": " \n"}, "comment")),
        *(({"finance_approved": False, "comment": None}, "comment"), ({"finance_approved": True, "x": 1}, "x")),
    ],
)
def test_a_decision_of_finance_that_is_wrong_is_named(approver: Client, body: Facts, field: str) -> None:
    made = make(approver)
    with nothing_changes(approver, native(approver, made)):
        wrong(approver.put(at(made, "/finance-approve"), json=body), field)


def test_only_the_relationship_manager_decides_where_there_is_one(approver: Client) -> None:
    configure(approver, relationship_manager_email="boss@example.com")
    made = make(approver)
    assert made["relationship_manager_email"] == "boss@example.com"
    with nothing_changes(approver, native(approver, made)):
        for action in ("approve", "deny"):
            answer = decide(approver, made, 403, approvalAction=action)
            says(answer, 403, "Another manager decides on these invoices")
    decide(approver, made, manager_email="Boss@Example.com")
    assert shown(approver, made)["approved_by_manager_email"] == "Boss@Example.com"


def test_the_settings_say_who_decides_next_where_the_manager_does_not(approver: Client) -> None:
    configure(approver, finance_approver_email=FINANCE)
    assert decide(approver, make(approver)).json["invoice"]["finance_approver_email"] == FINANCE
    for named in ("another@example.com", None):
        answer = decide(approver, make(approver), finance_approver_email=named)
        assert answer.json["invoice"]["finance_approver_email"] == named


def test_of_racing_decisions_exactly_one_wins(approver: Client) -> None:
    made = make(approver)
    same = native(approver, made)

    def race(calls: list[Callable[[], TestResponse]]) -> str:
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = list(pool.map(lambda call: call(), calls))
        assert sorted(answer.status_code for answer in answers) == [200] + [422] * (len(calls) - 1)
        (won,) = (answer.json["invoice"]["approval_status"] for answer in answers if answer.status_code == 200)
        assert shown(approver, made)["approval_status"] == won
        return str(won)

    def ask(tail: str, body: Facts) -> Callable[[], TestResponse]:
        client = approver.seen_by()
        return lambda: client.put(at(made, tail), json=body | {"notify": True})

    if race([ask("/approve", APPROVAL), ask("/approve", DENIAL)] * 3) == "in progress":
        no = {"finance_approved": False, "comment": "no"}
        race([ask("/finance-approve", {"finance_approved": True}), ask("/finance-approve", no)] * 3)
    assert waiting(approver) == len(actions(approver, same)) - 1


def test_the_member_who_submitted_an_invoice_may_be_kept_from_deciding(apart: Client) -> None:
    other = apart.seen_by(key_id="key-2", member_id=8)
    made = make(apart)
    other.put(at(made), json={"description": "changed by another"})
    why = "The member who submitted an invoice may not decide on it"
    for same in (apart, apart.seen_by(key_id="key-3")):
        with nothing_changes(apart, native(apart, made)):
            says(decide(same, made, 403), 403, why)
            says(decide(same, made, 403, approvalAction="deny"), 403, why)
    decide(other, made)
    for same in (apart, apart.seen_by(key_id="key-3")):
        with nothing_changes(apart, native(apart, made)):
            says(finish(same, made, 403), 403, why)
    finish(other, made)


def test_unless_that_is_set_a_key_decides_on_what_it_submitted(approver: Client) -> None:
    made = make(approver)
    decide(approver, made)
    finish(approver, made)


# Mail


def test_the_finance_approver_gets_one_letter(approver: Client, relay: Relay, settings: Settings) -> None:
    configure(approver, seller_name="Example Ltd")
    made = make(approver, description="<b>Q3</b>")
    same = native(approver, made)
    decide(approver, made, finance_approver_email=FINANCE, notify=True, comment="fine")
    assert history(approver, same)[-1]["changes"]["notified"] == [None, FINANCE]
    before = read(approver, same)
    assert [relay.run_once(), relay.run_once()] == [1, 0]
    (letter,) = mails(settings)
    assert letter["Subject"] == f"Invoice {made['transaction_id']} awaits your approval"
    assert (letter["To"], letter["From"]) == (FINANCE, "Example Ltd <bills@seller.example>")
    assert letter["Message-ID"].endswith("@seller.example>")
    plain, html = bodies(letter)
    assert plain == (
        f"{letter['Subject']}.\n\nDescription: <b>Q3</b>\nProvider: ABC Consulting\nService date: 2024-10-10\n"
        "Total: 5,000.00 USD\nRequested: 4,500.00 USD\nSubmitted by: user@example.com\n"
        "Manager: manager@example.com\nComment: fine\n"
    )
    assert "<td>&lt;b&gt;Q3&lt;/b&gt;</td>" in html
    pdf = approver.get(f"{INVOICES}/{same['id']}.pdf").data
    assert attached(letter) == (f"invoice-{same['id']}.pdf", pdf)
    assert read(approver, same) == before
    assert before["delivery"] is None
    assert actions(approver, same) == ["created", "approved"]


@pytest.mark.parametrize(
    ("tail", "body", "subject"),
    [
        ("/approve", DENIAL | {"finance_approver_email": FINANCE}, "was denied"),
        ("/approve", APPROVAL, "was approved by the manager"),
        ("/finance-approve", {"finance_approved": True}, "was approved"),
        ("/finance-approve", {"finance_approved": False, "comment": "no"}, "was denied"),
    ],
)
def test_the_user_gets_one_letter(
    approver: Client, relay: Relay, settings: Settings, tail: str, body: Facts, subject: str
) -> None:
    made = make(approver)
    if tail == "/finance-approve":
        decide(approver, made, finance_approver_email=FINANCE)
    key = {"Idempotency-Key": "once"}
    for _ in range(2):
        assert approver.put(at(made, tail), json=body | {"notify": True}, headers=key).status_code == 200
    assert [relay.run_once(), relay.run_once()] == [1, 0]
    (letter,) = mails(settings)
    assert letter["Subject"] == f"Invoice {made['transaction_id']} {subject}"
    assert letter["To"] == "user@example.com"


def test_nobody_to_write_to_is_no_mail_and_no_fault(approver: Client) -> None:
    made = make(approver, user_email=None)
    decide(approver, made, notify=True)
    finish(approver, made, notify=True)
    quiet = make(approver)
    decide(approver, quiet, finance_approver_email=FINANCE)
    finish(approver, quiet, notify=False)
    assert waiting(approver) == 0


def test_a_letter_about_an_approval_leaves_the_delivery_of_the_invoice_alone(
    approver: Client, relay: Relay, settings: Settings
) -> None:
    made = make(approver)
    same = native(approver, made)
    data(approver.put(f"{INVOICES}/{same['id']}", json={"client_email": "client@example.com"}))
    data(approver.post(f"{INVOICES}/{same['id']}/send"))
    decide(approver, made, notify=True)
    while relay.run_once():
        pass
    sent = read(approver, same)["delivery"]
    assert (sent["status"], sent["to"]) == ("delivered", "client@example.com")
    assert sorted(letter["To"] for letter in mails(settings)) == ["client@example.com", "user@example.com"]
