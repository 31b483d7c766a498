"""What comes in and goes out in the `projects` document's words; text where it documents text."""

import datetime as clock
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from services.invoices import rules
from shared.fields import Named, WholeNumber
from shared.lengths import DESCRIPTION, NAME
from shared.projects_dialect import CompactDay, Flag, LooseAmount, LooseNumber, LooseText, PageQuery, either

LARGEST = 2**63 - 1

RATES = 1000
"""Persons whose rates are set at once, at most."""

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", re.ASCII)

EXAMPLE = {
    "project-id": "1149",
    "description": "New machinery as Clark dropped the last tractor",
    "fixed-cost": "",
    "number": "INV00001",
    "po-number": "PO00002",
    "display-date": "20150617",
    "currency-code": "USD",
}
CHANGE = {name: value for name, value in EXAMPLE.items() if name != "project-id"}
LISTED = {
    "project-id": "1149",
    "exported-by-user-id": "",
    "created-by-user-firstname": "Daniel",
    "description": "New machinery as Clark dropped the last tractor",
    "fixed-cost": "",
    "status": "active",
    "date-created": "2015-06-17T12:00:47Z",
    "exported-by-user-lastname": "",
    "company-id": "51",
    "number": "INV00001",
    "exported-by-user-firstname": "",
    "po-number": "PO00002",
    "project-name": "API Private Items",
    "display-date": "20150617",
    "exported-date": "",
    "created-by-user-id": "414",
    "update-by-user-id": "414",
    "created-by-user-lastname": "Mackey",
    "company-name": "Kent Farms",
    "id": "49",
    "date-updated": "2015-06-17T12:00:47Z",
    "edited-by-user-lastname": "Mackey",
    "edited-by-user-firstname": "Daniel",
    "currency-code": "USD",
    "total-cost": "141.67",
    "time-cost": "116.67",
    "expenses-cost": "25.00",
    "due-date": "",
    "pricing": "time-and-expenses",
}
SINGLE = LISTED | {
    "line-items": [
        {
            "minutes": "140",
            "date-logged-utc": "2015-06-17T12:25:00Z",
            "rate": "50.00",
            "decimal-hours": "2.33",
            "description": "Painting decal on engine housing",
            "user-lastname": "Mackey",
            "id": "938",
            "user-firstname": "Daniel",
            "billable": "1",
            "task-name": "",
            "user-id": "414",
            "task-id": "",
            "cost": "116.67",
        }
    ],
    "expenses": [
        {
            "invoice-id": "49",
            "name": "Paint",
            "created-by-user-firstname": "Daniel",
            "created-by-user-id": "414",
            "description": "",
            "created-by-user-lastname": "Mackey",
            "date": "20150617",
            "id": "15",
            "cost": "25.00",
        }
    ],
    "total-time": "140",
    "total-time-decimal": "2.33",
}


class IdList(fields.Field[list[int]]):
    """Ids as text with commas between them, as one number, or as a list; no more than an invoice has lines."""

    def __init__(self, *, example: str, **kwargs: Any) -> None:
        number = {"type": "integer", "minimum": 1, "maximum": LARGEST}
        text = {"type": "string", "nullable": True, "example": example, "description": f"At most {rules.LINES}."}
        kinds = [text, number, {"type": "array", "items": number, "maxItems": rules.LINES}]
        super().__init__(allow_none=True, metadata={"oneOf": kinds}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[int]:
        most = rules.LINES
        written = value.split(",", most) if isinstance(value, str) else value if isinstance(value, list) else [value]
        if len(written) > most:
            raise ValidationError(f"At most {most} ids.")
        number = WholeNumber(most=LARGEST, text=True)
        stripped = (each.strip() if isinstance(each, str) else each for each in written)
        return [number.deserialize(each) for each in stripped]


class UserRate(LooseAmount):
    """What an hour of a person costs: `{"rate": "50.00"}`, or the rate alone."""

    def __init__(self, *, most: int, decimals: int) -> None:
        kinds = either("number", 0, most, nothing=True)
        whole = {"type": "object", "required": ["rate"], "properties": {"rate": {"oneOf": kinds}}}
        super().__init__(most=most, decimals=decimals, allow_none=True, metadata={"oneOf": [*kinds, whole]})

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return super().deserialize(value.get("rate") if isinstance(value, Mapping) else value, *args, **kwargs)


class Kinds(fields.Field[bool | None]):
    """One of two kinds, or `all` of them; any other word stands for the default."""

    def __init__(self, yes: str, no: str, default: bool | None, **kwargs: Any) -> None:
        self.kinds = {yes: True, no: False, "all": None}
        self.default = default
        usual = next(word for word, kind in self.kinds.items() if kind is default)
        words = ", ".join(f"`{word}`" for word in self.kinds)
        named = {"type": "string", "default": usual, "description": f"{words}; any other word stands for the default."}
        super().__init__(load_default=default, metadata=named | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool | None:
        return self.kinds.get(str(value).lower(), self.default)


class InvoiceKindQuery(PageQuery):
    """Which invoices of a project."""

    completed = Kinds("completed", "active", False, data_key="type")


class ProjectInvoiceQuery(InvoiceKindQuery):
    """Which invoices of which projects."""

    archived = Kinds("archived", "active", False, data_key="projectStatus")


class ProjectInvoiceIn(Schema):
    """What can be written of an invoice; everything is optional."""

    description = LooseText(DESCRIPTION, allow_none=True)
    fixed_cost = LooseAmount(
        data_key="fixed-cost",
        allow_none=True,
        metadata={"description": "The total, whatever is on the invoice; empty: what is on it makes the total."},
    )
    invoice_number = LooseText(NAME, data_key="number", allow_none=True)
    po_number = LooseText(NAME, data_key="po-number", allow_none=True)
    issue_date = CompactDay(data_key="display-date", allow_none=True)
    due_date = CompactDay(data_key="due-date", allow_none=True)
    currency = LooseText(NAME, data_key="currency-code", allow_none=True)
    project_id = LooseNumber(most=LARGEST, data_key="project-id", allow_none=True)


class LineIds(Schema):
    """Time entries and expenses."""

    time = IdList(data_key="timelogs", example="937,938")
    expenses = IdList(example="14,15")


class LineItemsIn(Schema):
    """What is put on an invoice, and what is taken off."""

    add = fields.Nested(LineIds(unknown=EXCLUDE), allow_none=True)
    remove = fields.Nested(LineIds(unknown=EXCLUDE), allow_none=True)


class LineItemOut(Schema):
    """A time entry on an invoice."""

    class Meta:
        include = {  # noqa: RUF012
            name: fields.String()
            for name in (
                *("minutes", "date-logged-utc", "rate", "decimal-hours", "description", "user-lastname", "id"),
                *("user-firstname", "billable", "task-name", "user-id", "task-id", "cost"),
            )
        }


class LineExpenseOut(Schema):
    """An expense on an invoice."""

    class Meta:
        include = {  # noqa: RUF012
            name: fields.String()
            for name in (
                *("invoice-id", "name", "created-by-user-firstname", "created-by-user-id", "description"),
                *("created-by-user-lastname", "date", "id", "cost"),
            )
        }


class ProjectInvoiceOut(Schema):
    """An invoice."""

    class Meta:
        include = {name: fields.String() for name in LISTED}  # noqa: RUF012


class WholeProjectInvoiceOut(ProjectInvoiceOut):
    """An invoice with what is on it."""

    class Meta:
        include = {  # noqa: RUF012
            "line-items": fields.List(fields.Nested(LineItemOut)),
            "expenses": fields.List(fields.Nested(LineExpenseOut)),
            "total-time": fields.String(),
            "total-time-decimal": fields.String(),
        }


class ProjectInvoiceAnswer(Schema):
    invoice = fields.Nested(WholeProjectInvoiceOut)


class ProjectInvoiceList(Schema):
    invoices = fields.List(fields.Nested(ProjectInvoiceOut))


class CurrencyOut(Schema):
    """A currency."""

    name = fields.String()
    code = fields.String()


class CurrencyList(Schema):
    currencies = fields.List(fields.Nested(CurrencyOut), data_key="currency-codes")


class ProjectQuery(PageQuery):
    """Which projects."""

    archived = Kinds("archived", "active", False, data_key="status")


class ProjectIn(Schema):
    """What can be written of a project."""

    name = LooseText(NAME, validate=[validate.Length(min=1)])
    description = LooseText(DESCRIPTION, allow_none=True)
    starts_on = CompactDay(data_key="startDate", allow_none=True)
    ends_on = CompactDay(data_key="endDate", allow_none=True)
    company_id = LooseNumber(most=LARGEST, data_key="companyId", allow_none=True)
    status = LooseText(allow_none=True, validate=[validate.OneOf(("active", "archived"))])


class NewProjectIn(ProjectIn):
    """The same of a new one."""

    name = LooseText(NAME, required=True, validate=[validate.Length(min=1)])
    new_company = LooseText(
        NAME, data_key="newCompany", allow_none=True, metadata={"description": "Its name; found, or made."}
    )


class CompanyIn(Schema):
    """What can be written of a company."""

    name = LooseText(NAME, validate=[validate.Length(min=1)])
    address_one = LooseText(NAME, data_key="address-one", allow_none=True)
    address_two = LooseText(NAME, data_key="address-two", allow_none=True)
    city = LooseText(NAME, allow_none=True)
    state = LooseText(NAME, allow_none=True)
    zip = LooseText(NAME, allow_none=True)
    country_code = LooseText(NAME, data_key="country-code", allow_none=True)
    phone = LooseText(NAME, allow_none=True)
    website = LooseText(NAME, allow_none=True)
    email = LooseText(NAME, allow_none=True)


class NewCompanyIn(CompanyIn):
    """The same of a new one."""

    name = LooseText(NAME, required=True, validate=[validate.Length(min=1)])


class RatesIn(Schema):
    """What an hour costs on a project, from now on."""

    default = LooseAmount(decimals=rules.MICRO, most=10**9, data_key="project-default", allow_none=True)
    users = Named(
        LooseNumber(most=2**31 - 1),
        UserRate(decimals=rules.MICRO, most=10**9),
        most=RATES,
        allow_none=True,
        metadata={"example": {"414": {"rate": "50.00"}}},
    )


class TimeEntryQuery(PageQuery):
    """Which time entries."""

    from_ = CompactDay(data_key="fromdate")
    to = CompactDay(data_key="todate")
    person_id = WholeNumber(most=2**31 - 1, text=True, data_key="userId")
    billable = Kinds("billable", "non-billable", None, data_key="billableType")
    invoiced = Kinds("invoiced", "noninvoiced", None, data_key="invoicedType")


class Clock(fields.Field[clock.time]):
    """A time of day as HH:MM or HH:MM:SS."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> clock.time:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValidationError("Not a time: it is written HH:MM.")
        return clock.time.fromisoformat(value)


class TimeEntryIn(Schema):
    """What can be written of a time entry."""

    description = LooseText(DESCRIPTION, allow_none=True)
    person_id = LooseNumber(most=2**31 - 1, data_key="person-id", allow_none=True)
    date = CompactDay(allow_none=True)
    time = Clock(allow_none=True, metadata={"type": "string", "example": "14:25"})
    hours = LooseAmount(most=10_000, decimals=4, allow_none=True)
    minutes = LooseNumber(least=0, most=600_000, allow_none=True)
    billable = Flag(data_key="isbillable", metadata={"type": "string", "enum": ["1", "0"]}, allow_none=True)
