"""`finance`: changes of one expense at once, one of which moves it, perhaps into another currency."""

from decimal import Decimal
from itertools import permutations

from tests.chaos.clients.client import Act
from tests.chaos.clients.money import CURRENCIES, number
from tests.chaos.clients.spenders import CREATED, EXPENSES, UPDATED, Spender, body_of, fresh
from tests.chaos.desk import Ask
from tests.chaos.record import Facts, Outcome, Thing

FULL, LESS = Decimal(40), Decimal(39)  # whole: right in every currency


class Racer(Spender):
    """Lets requests race, which must end as if one had come after the other."""

    name = "races"

    def acts(self) -> list[Act]:
        return [self.create, self.race, self.squeeze, self.squeeze, self.seldom(self.delete)]

    def race(self) -> None:
        """A move and another amount."""
        expense, budget = self.mine("expense"), self._budget()
        if not (expense and budget and budget.facts):
            return
        uuid, currency = budget.ids["uuid"], budget.facts["currency"]
        one, other = (Decimal(self.chance.randint(1, 40)) for _ in range(2))  # whole: right in every currency
        moved: Facts = {"budget": uuid, "currency": currency, "amount": one}
        asks = [
            self._change("move", expense, {"budget_id": uuid, "currency": currency, "amount": number(one)}),
            self._change("change an amount", expense, {"amount": number(other)}),
        ]
        outcomes = [outcome for outcome, _ in self.desk.race(asks)]
        self._settle(expense, [moved, {"amount": other}], outcomes)

    def squeeze(self) -> None:
        """An expense fills its budget, and is moved and made less, while others want what it may leave.

        Sometimes both changes are of the version that was there first, so that one of them is taken back.
        """
        here, there = (self._set_up(currency, FULL) for currency in self.chance.sample(CURRENCIES, 2))
        if not (here.usable and there.usable):
            return
        currency, (expense, *others) = here.known["currency"], [self.new("expense") for _ in range(6)]
        full = fresh(expense, FULL, currency, here)
        if not (made := self.make(expense, full, json=body_of(full))):
            return
        version = self.chance.choice((made.headers["ETag"], None))
        moved: Facts = {"budget": there.ids["uuid"], "currency": there.known["currency"]}
        wanted = [fresh(other, LESS, currency, here) for other in others]
        move = {"budget_id": moved["budget"], "currency": moved["currency"]}
        asks = [
            self._change("move", expense, move, version, allowed=None if version else True),
            *(self._creation(facts) for facts in wanted),
            self._change("change an amount", expense, {"amount": number(LESS)}, version),
        ]
        done = self.desk.race(asks, within=self.chance.choice((0.0, 0.1, 0.3)))
        self._settle(expense, [moved, {"amount": LESS}], [done[0][0], done[-1][0]])
        for other, facts, (outcome, answer) in zip(others, wanted, done[1:-1], strict=True):
            if answer and outcome is Outcome.ACKED:
                other.facts, other.ids["uuid"] = facts, answer.data["id"]
            if outcome is Outcome.UNKNOWN:
                self.ledger.doubt("", [[(other, facts)], [(other, None)]])

    def _settle(self, expense: Thing, changes: list[Facts], outcomes: list[Outcome]) -> None:
        """Take note of how the expense is; where requests have not told, of how it may be."""
        ways = ways_of(expense.known, changes, outcomes)
        certain = Outcome.UNKNOWN not in outcomes
        shown = self._shown(expense) if certain and len(ways) > 1 else {}
        fit = [way for way in ways if shown.items() <= way.items()]
        if certain and len(fit) == 1:
            expense.facts = fit[0]
        else:
            self.ledger.doubt("", [[(expense, way)] for way in ways])

    def _creation(self, facts: Facts) -> Ask:
        kind = "finance: race: create an expense"
        return Ask(kind=kind, method="POST", path=EXPENSES, change=CREATED, effects=[], json=body_of(facts))

    def _change(
        self, kind: str, expense: Thing, body: Facts, version: str | None = None, *, allowed: bool | None = None
    ) -> Ask:
        path, kind = f"{EXPENSES}/{expense.ids['uuid']}", f"finance: race: {kind}"
        return Ask(
            kind=kind,
            method="PUT",
            path=path,
            change=UPDATED,
            effects=[],
            json=body,
            version=version,
            allowed=allowed,
        )

    def _shown(self, expense: Thing) -> Facts:
        body = self.desk.get(f"{EXPENSES}/{expense.ids['uuid']}")
        return {name: body["data"][name] for name in ("amount", "currency")} if body else {}


def ways_of(before: Facts, changes: list[Facts], outcomes: list[Outcome]) -> list[Facts]:
    """How it can end when each change that was acked is made, each unknown one perhaps, in any order."""
    acked = {place for place, outcome in enumerate(outcomes) if outcome is Outcome.ACKED}
    possible = [place for place, outcome in enumerate(outcomes) if outcome is not Outcome.REFUSED]
    ways: list[Facts] = []
    for length in range(len(possible) + 1):
        for order in permutations(possible, length):
            way = dict(before)
            for place in order:
                way |= changes[place]
            if acked <= set(order) and way not in ways:
                ways.append(way)
    return ways
