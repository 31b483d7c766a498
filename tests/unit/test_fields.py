"""The fields: every spelling that is taken, and every one that is refused."""

from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError
from marshmallow.fields import Field

from shared.fields import (
    Amount,
    CurrencyCode,
    Day,
    Email,
    Named,
    Several,
    Text,
    TrueOrFalse,
    WebAddress,
    WholeNumber,
)
from shared.json_codec import loads
from shared.lengths import DESCRIPTION, NAME, NOTES
from shared.projects_dialect import LooseText


def why_not(field: Field, value: Any) -> list[str]:
    with pytest.raises(ValidationError) as why:
        field.deserialize(value)
    return list(why.value.messages)


@pytest.mark.parametrize("written", ["0", "0.1", "99999999.99", "1e2", "-0", "0.0", "1e18", "0e999999999", "1.0000000"])
def test_an_amount_is_the_number_that_was_written(written: str) -> None:
    assert Amount().deserialize(loads(written.encode())) == Decimal(written)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "Not a number."),
        (False, "Not a number."),
        ("1", "Not a number."),
        ("", "Not a number."),
        ([], "Not a number."),
        ({}, "Not a number."),
        (1.5, "Not a number."),
        (Decimal("NaN"), "Too large."),
        (Decimal("Infinity"), "Too large."),
        (Decimal("1e19"), "Too large."),
        (Decimal("-1e999999999"), "Too large."),
        (10**4000, "Too large."),
        (Decimal("0.00001"), "At most 4 decimals."),
        (Decimal("1e-999999999"), "At most 4 decimals."),
        (Decimal(f"0.{'1' * 1000}"), "At most 4 decimals."),
        (-1, "Must be greater than or equal to 0."),
        (None, "Field may not be null."),
    ],
)
def test_what_is_not_an_amount_is_refused(value: Any, said: str) -> None:
    assert why_not(Amount(), value) == [said]


def test_an_amount_has_bounds() -> None:
    field = Amount(most=Decimal("99999999.99"))
    assert field.deserialize(Decimal("99999999.99")) == Decimal("99999999.99")
    assert why_not(field, 100_000_000) == ["Must be greater than or equal to 0 and less than or equal to 99999999.99."]
    assert why_not(Amount(above=0), 0) == ["Must be greater than 0."]
    assert Amount(above=0, decimals=6).deserialize(Decimal("0.000001")) == Decimal("0.000001")


@pytest.mark.parametrize("text", ["0", "100.00", "1.5", "007", "9" * 18])
def test_where_numbers_are_text_a_plain_number_is_taken(text: str) -> None:
    assert Amount(text=True).deserialize(text) == Decimal(text)


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1_000", "1,5", "1e2", "+1", ".5", "5.", "NaN", "Infinity", "0x10", "\u0661", "1\n"]
)
def test_where_numbers_are_text_nothing_else_is_taken(text: str) -> None:
    assert why_not(Amount(text=True), text) == ["Not a number."]


@pytest.mark.parametrize("text", ["9" * 20, "9" * 30, f"{'9' * 26}.1234"])
def test_a_number_as_text_is_bounded_too(text: str) -> None:
    assert why_not(Amount(text=True), text) == ["Too large."]


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.integers() | st.text() | st.floats() | st.booleans())
def test_no_value_does_worse_than_being_refused(value: Any) -> None:
    for field in (Amount(), Amount(text=True), WholeNumber(), Day(), Text(), WebAddress(), Email(), CurrencyCode()):
        with suppress(ValidationError):
            field.deserialize(value)


@pytest.mark.parametrize(("written", "number"), [("2", 2), ("2.0", 2), ("2e0", 2), ("1e2", 100), ("1000000", 10**6)])
def test_a_number_without_a_fraction_is_whole(written: str, number: int) -> None:
    taken = WholeNumber().deserialize(loads(written.encode()))
    assert (taken, type(taken)) == (number, int)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Decimal("1.5"), "Not a whole number."),
        (Decimal("1e-999999999"), "Not a whole number."),
        (True, "Not a number."),
        ("2", "Not a number."),
        (0, "Must be greater than or equal to 1 and less than or equal to 1000000."),
        (-1, "Must be greater than or equal to 1 and less than or equal to 1000000."),
        (1_000_001, "Must be greater than or equal to 1 and less than or equal to 1000000."),
        (Decimal("1e999999999"), "Too large."),
        (10**4000, "Too large."),
    ],
)
def test_what_is_not_a_whole_number_is_refused(value: Any, said: str) -> None:
    assert why_not(WholeNumber(), value) == [said]


def test_text_is_kept_byte_for_byte() -> None:
    for text in ("", " a ", "e\u0301", "\u00e9", "line\nline\ttab", "\u202e\u200d", "\U0001f9fe", "=1+1", "<b>&"):
        assert Text().deserialize(text) == text


@pytest.mark.parametrize("letter", ["\x00", "\x01", "\r", "\x1b", "\x7f", "\x85", "\x9f", "\ud800"])
def test_control_characters_and_half_characters_are_refused(letter: str) -> None:
    assert why_not(Text(), f"a{letter}b") == ["Control characters are not allowed."]


@pytest.mark.parametrize("longest", [NAME, DESCRIPTION, NOTES])
def test_text_has_a_longest_length_in_characters(longest: int) -> None:
    assert Text(longest).deserialize("\U0001f9fe" * longest) == "\U0001f9fe" * longest
    assert why_not(Text(longest), "a" * (longest + 1)) == [f"Longer than maximum length {longest}."]


def test_the_lengths_are_those_of_the_contract() -> None:
    assert (NAME, DESCRIPTION, NOTES) == (255, 2_000, 10_000)


@pytest.mark.parametrize("value", [1, True, Decimal("1.5"), [], {}])
def test_what_is_not_text_is_refused(value: Any) -> None:
    assert why_not(Text(), value) == ["Not a valid string."]


def test_a_date_is_read() -> None:
    assert Day().deserialize("2024-02-29") == date(2024, 2, 29)
    assert Day().deserialize("0001-01-01") == date.min
    assert Day().deserialize("9999-12-31") == date.max


@pytest.mark.parametrize(
    "value",
    [
        "20240401",
        "2024-W01-1",
        "2024-02-30",
        "2023-02-29",
        "2024-4-1",
        "2024-13-01",
        "0000-01-01",
        "2024-04-01T00:00:00",
        "2024-04-01 ",
        "2024-04-01\n",
        "24-04-01",
        "01/04/2024",
        "\u0662\u0660\u0662\u0664-04-01",
        "today",
        "",
        20240401,
        True,
        [],
    ],
)
def test_no_other_spelling_of_a_date_is_taken(value: Any) -> None:
    assert why_not(Day(), value) == ["Not a valid date."]


@pytest.mark.parametrize("value", ["a@example.com", "first.last+tag@sub.example.org", "o'neil@example.com"])
def test_an_email_address_is_taken(value: str) -> None:
    assert Email().deserialize(value) == value


@pytest.mark.parametrize(
    "value", ["", "a", "a@", "@b.com", "a b@c.com", "a@b..com", "a@example.com\n", "a@b.com,c@d.com"]
)
def test_what_is_no_email_address_is_refused(value: str) -> None:
    assert why_not(Email(), value) == ["Not a valid email address."]


def test_an_email_address_of_more_than_255_characters_is_refused() -> None:
    assert "Longer than maximum length 255." in why_not(Email(), f"{'a' * 250}@example.com")


@pytest.mark.parametrize(
    "value",
    [
        "http://example.com",
        "https://example.com/receipts/1.pdf?a=b#c",
        "HTTPS://EXAMPLE.COM/",
        "http://localhost:8080/x",
        "http://[::1]/x",
        "https://b\u00fccher.example/",
    ],
)
def test_a_web_address_is_kept_as_it_was_written(value: str) -> None:
    assert WebAddress().deserialize(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "htt\np://example.com",
        "http://exa\tmple.com",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "data:text/html,x",
        "http://",
        "http:///path",
        "https:example.com",
        "//example.com",
        "example.com",
        "http://exam ple.com",
        " http://example.com",
        "http://[::1",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com:x/",
        "http://example.com/\u2028",
    ],
)
def test_what_is_no_web_address_is_refused(value: str) -> None:
    assert why_not(WebAddress(), value) == ["Not an http or https URL."]


@pytest.mark.parametrize("code", ["USD", "EUR", "JPY", "BHD"])
def test_a_currency_is_known_by_its_code(code: str) -> None:
    assert CurrencyCode().deserialize(code) == code


@pytest.mark.parametrize("code", ["usd", "US", "XXX", "XAU", "ABC", "", "U$D"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    assert why_not(CurrencyCode(), code) == ["Not an ISO 4217 currency code."]


def test_true_and_false_are_taken() -> None:
    assert [TrueOrFalse().deserialize(value) for value in (True, False)] == [True, False]


@pytest.mark.parametrize("value", [0, 1, Decimal(1), "true", "yes", "", [], {}])
def test_what_stands_for_true_or_false_is_refused(value: Any) -> None:
    assert why_not(TrueOrFalse(), value) == ["Not a valid boolean."]


class Watched(Field):
    """Takes everything, and notes it."""

    def __init__(self, looked_at: list[Any]) -> None:
        super().__init__()
        self.looked_at = looked_at

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        self.looked_at.append(value)
        return value


def test_a_list_that_is_too_long_is_refused_before_any_of_it_is_looked_at() -> None:
    looked_at: list[Any] = []
    several = Several(Watched(looked_at), least=1, most=2)
    assert several.deserialize([1, 2]) == looked_at == [1, 2]
    assert why_not(several, [1, 2, 3]) == ["Length must be between 1 and 2."]
    assert why_not(several, []) == ["Length must be between 1 and 2."]
    assert looked_at == [1, 2]
    assert why_not(several, "12") == ["Not a valid list."]


def test_a_map_of_too_many_names_is_refused_before_any_of_it_is_looked_at() -> None:
    looked_at: list[Any] = []
    named = Named(Watched(looked_at), Watched(looked_at), most=2)
    assert named.deserialize({"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert looked_at == ["a", "b", 1, 2]
    assert why_not(named, {"a": 1, "b": 2, "c": 3}) == ["Longer than maximum length 2."]
    assert looked_at == ["a", "b", 1, 2]
    assert why_not(named, ["a"]) == ["Not a valid mapping type."]


@pytest.mark.parametrize("written", ["1e-999999999", "1e999999999", "1e256", "1e-256"])
def test_a_number_that_would_be_too_long_as_text_is_refused_before_it_is_spelled_out(written: str) -> None:
    assert why_not(LooseText(), Decimal(written)) == [f"Longer than maximum length {NAME}."]


@pytest.mark.parametrize(("written", "text"), [("1e-3", "0.001"), ("1E3", "1000"), ("12.50", "12.50"), ("0", "0")])
def test_a_number_is_text_as_it_reads_without_an_exponent(written: str, text: str) -> None:
    assert LooseText().deserialize(Decimal(written)) == text
