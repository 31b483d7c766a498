"""Random writes through random dialects: after each, all four show one and the same invoice, and the expected one."""

from decimal import Decimal

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from tests.client import Client
from tests.service.invoices.approvals import APPROVAL, BODY
from tests.service.invoices.approvals import PATH as APPROVALS
from tests.service.invoices.dialects import SINGLES
from tests.service.invoices.model import Call, Expected, Logged, Spent, Workspace, reckoned_anew, step, steps
from tests.service.invoices.operations import ACCOUNTS, things
from tests.service.invoices.steps import INVOICES, Facts

MOST = 5
"""Invoices at once; more would take longer and meet nothing new."""
MOVES: dict[str, set[str]] = {
    "draft": {"sent", "overdue", "paid", "cancelled"},
    "sent": {"overdue", "paid", "cancelled"},
    "overdue": {"sent", "paid", "cancelled"},
    "paid": set(),
    "cancelled": set(),
}
SENT = "sent"
LONG_AGO, IN_A_WHILE = "2020-02-29", "2099-12-31"

which = st.integers(0, MOST)
dialects = st.sampled_from(["finance", "accounts", "approvals", "projects"])
mostly_projects = st.sampled_from(["projects", "projects", "projects", "finance", "accounts", "approvals"])
mostly = st.sampled_from([True, True, True, False])
taxes = st.sampled_from([0, 0, 2])
amounts = st.sampled_from(["0", "1", "5", "16.67", "100", "250.5"]).map(Decimal)
days = st.sampled_from([None, LONG_AGO, IN_A_WHILE])
words = st.sampled_from([None, "one", "another"])
minutes = st.integers(1, 400)
rates = st.sampled_from(["0", "50", "33.333333", "0.01"]).map(Decimal)


class Dialects(Workspace):
    """Whatever can be done with invoices, by whatever name."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.rate = Decimal(50)
        self.numbers = (f"A-{number}" for number in range(1, 1000))

    @initialize()
    def begin(self) -> None:
        """Something to bill, and something to bill it on, so that short programs meet much."""
        self.log_time(minutes=140, billable=True)
        self.log_time(minutes=20, billable=True)
        self.spend(amount=Decimal("16.67"))
        self.create(dialect="projects", amount=Decimal(0), given="nothing", tax=0)
        self.create(dialect="approvals", amount=Decimal(100), given="figures", tax=0)
        self.create(dialect="finance", amount=Decimal(5), given="figures", tax=2)
        self.write_status(which=2, dialect="accounts", status="sent")
        mail = {"client_email": "client@example.com"}
        self.write(self.invoices[0], "finance", mail, mail)

    # Invoices

    @step(dialect=mostly_projects, amount=amounts, given=st.sampled_from(["nothing", "figures", "items"]), tax=taxes)
    def create(self, dialect: str, amount: Decimal, given: str, tax: int) -> None:
        if len(self.invoices) == MOST:
            return
        facts: Facts = {
            "nothing": {"client_email": "client@example.com"},
            "figures": {"client_email": "client@example.com", "total": amount + tax, "tax": tax},
            "items": {"items": [_item(amount + 1, 3)], "tax": tax},
        }[given]
        requests: dict[str, tuple[str, Facts]] = {
            "finance": (INVOICES, facts),
            "accounts": (ACCOUNTS, facts | {"accountId": self.client.caller.account_id}),
            "approvals": (APPROVALS, BODY | {"total_amount": amount, "amount_requested": amount}),
            "projects": (
                f"/projects/{self.books.project}/invoices.json",
                {"invoice": {"fixed-cost": str(amount)} if given == "figures" else {}},
            ),
        }
        path, body = requests[dialect]
        assert self.client.post(path, json=body).status_code == 201
        names = things(self.client, project=self.books.project)
        self.invoices.append(Expected(names, {"approval_status": "pending"}))
        self.changed(self.invoices[-1])

    @step(which=which, dialect=dialects, word=words, day=days, numbered=st.booleans())
    def write_words(self, which: int, dialect: str, word: str | None, day: str | None, numbered: bool) -> None:
        told = self._pick(which)
        number = {"invoice_number": next(self.numbers)} if numbered else {}
        if dialect == "approvals":
            shown, said = {"description": word}, {"description": word}
        elif dialect == "projects":
            shown = {"description": word, "due_date": day, **number}
            said = {"description": word or "", "due-date": (day or "").replace("-", "")}
            said |= {"number": number["invoice_number"]} if numbered else {}
        else:
            shown = said = {"notes": word, "due_date": day, **number}
        # A number of the series stays as it is: what comes of this one cannot be said.
        self.write(told, dialect, said, shown, unsure=bool(number))

    @step(which=which, dialect=dialects, amount=amounts)
    def write_total(self, which: int, dialect: str, amount: Decimal) -> None:
        told = self._pick(which)
        name = {"approvals": "total_amount", "projects": "fixed-cost"}.get(dialect, "total")
        same = not told.gone and self.now(told).finance["total"] == amount
        amounts = None if same else True  # also where the total stays, it may be fixed from now on
        self.write(told, dialect, {name: amount}, {"total": amount}, amounts=amounts, unsure=True)

    @step(which=which, amount=amounts, sensibly=mostly)
    def ask_for(self, which: int, amount: Decimal, sensibly: bool) -> None:
        told = self._pick(which)
        total = Decimal(0) if told.gone else Decimal(self.now(told).finance["total"])
        amount = min(amount, total) if sensibly else amount
        same = not told.gone and Decimal(self.now(told).approvals["amount_requested"]) == amount
        shown = {"amount_requested": amount}
        how = {"amounts": not same, "refused": not told.gone and total < amount, "unsure": self._odd(told, amount)}
        self.write(told, "approvals", shown, shown, **how)

    @step(which=which)
    def let_what_is_on_it_make_the_total(self, which: int) -> None:
        told = self._pick(which)
        self.write(told, "projects", {"fixed-cost": ""}, amounts=None, unsure=True)

    @step(which=which, price=amounts, quantity=st.integers(1, 3))
    def write_items(self, which: int, price: Decimal, quantity: int) -> None:
        told = self._pick(which)
        lines = [_item(price + Decimal("0.005"), quantity), _item(price + 1, 1)]
        self.write(told, "finance", {"items": lines}, amounts=None, unsure=True)

    @step(
        which=which, dialect=st.sampled_from(["finance", "accounts", "projects"]), code=st.sampled_from(["USD", "JPY"])
    )
    def write_currency(self, which: int, dialect: str, code: str) -> None:
        told = self._pick(which)
        name = "currency-code" if dialect == "projects" else "currency"
        same = not told.gone and self.now(told).finance["currency"] == code
        carries = bool(told.carried or told.spent) and not same
        self.write(told, dialect, {name: code}, {"currency": code}, amounts=not same, refused=carries, unsure=True)

    @step(which=which, dialect=st.sampled_from(["finance", "accounts"]), status=st.sampled_from([*sorted(MOVES), SENT]))
    def write_status(self, which: int, dialect: str, status: str) -> None:
        told = self._pick(which)
        was = "" if told.gone else self.now(told).finance["status"]
        moves = status != was and status != told.lifecycle
        no = moves and (status not in MOVES[told.lifecycle] or (told.denied and status != "cancelled"))
        # Time entries and expenses of an invoice that leaves draft must not be about to change.
        waits = status != was and told.lifecycle == "draft" and self.is_held(told)
        answer = self.write(told, dialect, {"status": status}, {}, refused=no, waits=waits)
        if answer.status_code == 200 and status != was:
            told.lifecycle = status
            shown = self.now(told).finance["status"]
            assert shown == ("overdue" if status == "sent" and self._late(told) else status)

    @step(often=2, which=which, amount=amounts.filter(bool), rest=st.booleans())
    def pay(self, which: int, amount: Decimal, rest: bool) -> None:
        told = self._pick(which)
        before = None if told.gone else self.now(told).finance
        if before and rest and before["amount_due"]:
            amount = Decimal(before["amount_due"])
        no = before and (
            told.denied or told.lifecycle in ("draft", "paid", "cancelled") or before["amount_due"] < amount
        )
        bad = self._odd(told, amount)
        answer = self.call(
            told,
            lambda: self.client.post(f"{INVOICES}/{told.names.uuid}/payments", json={"amount": amount}),
            refused=bool(no),
            unsure=bad,
        )
        if answer.status_code == 201:
            assert before is not None
            now = self.now(told).finance
            assert now["amount_paid"] == before["amount_paid"] + amount
            if not now["amount_due"]:
                told.lifecycle = "paid"
                assert now["status"] == "paid"

    @step(which=which)
    def move(self, which: int) -> None:
        told = self._pick(which)
        self.write(told, "projects", {"project-id": self.books.project})
        if not told.gone and not told.completed:
            assert self.now(told).projects["project-id"] == str(self.books.project)

    @step(which=which)
    def send(self, which: int) -> None:
        told = self._pick(which)
        no = not told.gone and (
            told.denied or told.lifecycle == "cancelled" or not self.now(told).finance["client_email"]
        )
        waits = told.lifecycle == "draft" and self.is_held(told)
        answer = self.call(
            told, lambda: self.client.post(f"{INVOICES}/{told.names.uuid}/send"), refused=no, waits=waits
        )
        if answer.status_code == 200:
            told.lifecycle = "sent" if told.lifecycle == "draft" else told.lifecycle
            assert self.now(told).finance["invoice_number"]

    @step(which=which, step=st.sampled_from(["approve", "finance-approve"]), yes=st.booleans())
    def decide(self, which: int, step: str, yes: bool) -> None:
        told = self._pick(which)
        was = told.shown["approval_status"]
        if step == "approve":
            body: Facts = APPROVAL | {"approvalAction": "approve" if yes else "deny"}
            becomes = {"pending": "in progress" if yes else "denied"}.get(was)
        else:
            body = {"finance_approved": yes, "comment": "why"}
            becomes = {"pending": None if yes else "denied", "in progress": "approved" if yes else "denied"}.get(was)
        shown = {"approval_status": becomes}
        path = f"{APPROVALS}/{told.names.transaction_id}/{step}"
        answer = self.call(told, lambda: self.client.put(path, json=body), shown=shown, refused=becomes is None)
        if answer.status_code == 200:
            told.denied = becomes == "denied" or (told.denied and becomes != "approved")

    @step(which=which, how=st.sampled_from(["complete", "uncomplete"]))
    def complete(self, which: int, how: str) -> None:
        told = self._pick(which)
        self.lock(told, f"/invoices/{told.names.id}/{how}.json", completed=how == "complete")

    @step(which=which, dialect=dialects)
    def delete(self, which: int, dialect: str) -> None:
        told = self._pick(which)
        operation = {
            "finance": ("DELETE", f"{INVOICES}/<uuid:invoice_id>"),
            "accounts": ("DELETE", f"{ACCOUNTS}/<id:invoice_id>"),
            "approvals": ("DELETE", f"{APPROVALS}/<transaction_id>/destroy"),
            "projects": ("DELETE", "/invoices/<id:invoice_id>.json"),
        }[dialect]
        waits = self.is_held(told)
        answer = self.call(told, lambda: told.names.ask(self.client, operation), waits=waits, unsure=True)
        if answer.status_code < 300:
            told.gone, told.carried, told.spent = True, {}, set()
            for path, _ in SINGLES.values():
                assert told.names.ask(self.client, ("GET", path)).status_code == 404

    # Time and expenses

    @step(minutes=minutes, billable=st.booleans())
    def log_time(self, minutes: int, billable: bool) -> None:
        entry = self.books.time(minutes, isbillable=str(int(billable)))
        self.entries[entry] = Logged(minutes, billable)
        self.nothing_changed()

    @step(rate=rates, own=st.booleans())
    def set_rates(self, rate: Decimal, own: bool) -> None:
        """Another rate is for what is put on an invoice from now on."""
        users = {"7": {"rate": str(rate)}} if own else {"7": None}
        told = {"users": users} if own else {"users": users, "project-default": str(rate)}
        assert self.books.put(f"/projects/{self.books.project}/rates.json", rates=told) == 200
        self.rate = rate
        self.nothing_changed()

    @step(entry=which, minutes=minutes, billable=st.booleans())
    def change_time(self, entry: int, minutes: int, billable: bool) -> None:
        if not self.entries:
            return
        number = sorted(self.entries)[entry % len(self.entries)]
        body = {"time-entry": {"hours": 0, "minutes": minutes, "isbillable": billable}}
        self._write_time(
            number, lambda: self.client.put(f"/time_entries/{number}.json", json=body), Logged(minutes, billable)
        )

    @step(entry=which)
    def delete_time(self, entry: int) -> None:
        if not self.entries:
            return
        number = sorted(self.entries)[entry % len(self.entries)]
        self._write_time(number, lambda: self.client.delete(f"/time_entries/{number}.json"), None)

    @step(often=4, which=which, line=which, on=st.booleans(), sensibly=mostly)
    def bill(self, which: int, line: int, on: bool, sensibly: bool) -> None:
        """Put something on an invoice, or take it off; `sensibly`: where that can be done."""
        told = self._pick(which)
        every = [*sorted(self.entries), *sorted(self.expenses)]
        number = every[line % len(every)]
        spent = number in self.expenses
        where = self._on(number)
        if sensibly:
            told, on = where or told, where is None
        before = None if told.gone else self.now(told)
        refused = where not in (None, told) if on else where is not told
        refused = refused or told.lifecycle != "draft" or (before is not None and not before.projects["project-id"])
        change: Facts = {"add" if on else "remove": {"expenses" if spent else "timelogs": number}}
        answer = self.call(
            told,
            lambda: self.books.bill(told.names.id, **change),
            amounts=None,
            refused=refused,
            waits=spent and self.expenses[number].held,
            # Less may remain than is asked for; an expense is in dollars, and the invoice perhaps in yen.
            unsure=before is not None and (not on or before.finance["currency"] != "USD"),
        )
        if answer.status_code != 200:
            return
        assert before is not None
        if spent:
            told.spent = told.spent | {number} if on else told.spent - {number}
        elif on:
            told.carried.setdefault(number, self.rate)
        else:
            del told.carried[number]
        self.carries_what_it_should(told, before)

    @step(amount=amounts)
    def spend(self, amount: Decimal) -> None:
        if len(self.expenses) == MOST:
            return
        number = 1_000_000 + len(self.expenses)
        self.expenses[number] = Spent(self.books.expense(number, str(amount)), amount)
        self.nothing_changed()

    @step(which=which, amount=amounts, settles=st.booleans())
    def change_expense(self, which: int, amount: Decimal, settles: bool) -> None:
        """Ask for a change; and, now or later, tell what came of it."""
        number = sorted(self.expenses)[which % len(self.expenses)]
        expense, on = self.expenses[number], self._on(number)
        if not expense.held:
            asked = {"version": expense.version + 1, "held": True, "shown": True}
            answer = self.books.say(expense.uuid, number, str(expense.amount), **asked)
            fixed = on is not None and (on.completed or on.lifecycle != "draft")
            assert answer.status_code == (422 if fixed else 200), answer.data
            self.nothing_changed()
            expense.version, expense.held = expense.version + 1, not fixed
        if settles and expense.held:
            expense.version, expense.held = expense.version + 1, False
            self.books.tell(expense.uuid, number, str(amount), version=expense.version)
            differs, expense.amount = expense.amount != amount, amount
            if on is None:
                self.nothing_changed()
                return
            before = self.now(on)
            if differs:
                on.shown = reckoned_anew(on.shown)
            self.changed(on)
            self.carries_what_it_should(on, before)

    @rule(step=st.deferred(lambda: steps(Dialects)))
    def take(self, step: tuple[str, Facts]) -> None:
        """One rule for all of them: Hypothesis would leave most rules out of most programs."""
        name, drawn = step
        getattr(self, name)(**drawn)

    def teardown(self) -> None:
        """At the end nothing is on two invoices."""
        numbers = [number for told in self.invoices for number in (*told.carried, *told.spent)]
        assert len(numbers) == len(set(numbers))

    def _pick(self, which: int) -> Expected:
        return self.invoices[which % len(self.invoices)]

    def _on(self, number: int) -> Expected | None:
        return next((told for told in self.invoices if number in told.carried or number in told.spent), None)

    def _late(self, told: Expected) -> bool:
        now = self.now(told).finance
        return now["due_date"] == LONG_AGO and now["amount_due"] > 0

    def _odd(self, told: Expected, amount: Decimal) -> bool:
        """Whether the amount is too precise for the invoice's currency."""
        return not told.gone and self.now(told).finance["currency"] == "JPY" and amount != int(amount)

    def _write_time(self, number: int, call: Call, logged: Logged | None) -> None:
        """Change a time entry, on an invoice or not; None: delete it."""
        told = self._on(number)
        if told is None:
            assert call().status_code == 200
            self.nothing_changed()
        else:
            before = self.now(told)
            answer = self.call(
                told, call, amounts=None, refused=logged is None and told.lifecycle != "draft", unsure=True
            )
            if answer.status_code != 200:
                return
        if logged is None:
            del self.entries[number]
            if told:
                del told.carried[number]
        else:
            self.entries[number] = logged
        if told:
            self.carries_what_it_should(told, before)


def _item(price: Decimal, quantity: int) -> Facts:
    return {"description": "Service", "quantity": quantity, "unit_price": price}


def test_all_dialects_show_one_invoice_whatever_is_written_in_any(invoices: Client) -> None:
    run_state_machine_as_test(
        lambda: Dialects(invoices),
        settings=settings(
            max_examples=6,
            stateful_step_count=20,
            deadline=None,
            report_multiple_bugs=False,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a program takes minutes
        ),
    )
