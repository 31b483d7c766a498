"""`finance`: two changes of one expense at once, one of which moves it, perhaps into another currency."""

from decimal import Decimal
from itertools import permutations

from tests.chaos.clients.client import Act
from tests.chaos.clients.money import number
from tests.chaos.clients.spenders import EXPENSES, UPDATED, Spender
from tests.chaos.desk import Ask
from tests.chaos.record import Facts, Outcome, Thing


class Racer(Spender):
    """Lets requests race, which must end as if one had come after the other."""

    name = "races"

    def acts(self) -> list[Act]:
        return [self.create, self.race, self.race, self.seldom(self.delete)]

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
        outcomes = self.desk.race(asks)
        ways = ways_of(expense.known, [moved, {"amount": other}], outcomes)
        certain = Outcome.UNKNOWN not in outcomes
        shown = self._shown(expense) if certain and len(ways) > 1 else {}
        fit = [way for way in ways if shown.items() <= way.items()]
        if certain and len(fit) == 1:
            expense.facts = fit[0]
        else:
            self.ledger.doubt("", [[(expense, way)] for way in ways])

    def _change(self, kind: str, expense: Thing, body: Facts) -> Ask:
        path = f"{EXPENSES}/{expense.ids['uuid']}"
        return Ask(kind=f"finance: race: {kind}", method="PUT", path=path, change=UPDATED, effects=[], json=body)

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
