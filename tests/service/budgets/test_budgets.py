"""Budgets through their routes: what can be written, what is refused, and what adds up."""

from typing import Any
from uuid import uuid4

import pytest

from tests.client import Client

BUDGETS = "/v1/dev/finance/budgets"


def make(budgets: Client, **facts: Any) -> dict[str, Any]:
    answer = budgets.post(BUDGETS, json=facts)
    assert answer.status_code == 201, answer.data
    data: dict[str, Any] = answer.json["data"]
    return data


def test_a_budget_reads_back_as_it_was_written(budgets: Client) -> None:
    written = make(budgets, name="Q1 2024", start_date="2024-01-01", end_date="2024-03-31", total_amount=10000.5)
    read = budgets.get(f"{BUDGETS}/{written['id']}")
    assert read.json["data"] == written
    assert b'"total_amount":10000.50,"spent_amount":0.00,"remaining_amount":10000.50' in read.data
    assert read.headers["ETag"] == '"1"'
