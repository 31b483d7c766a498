"""Every example of the `finance` document, sent to the running product. An example is a file that names its source."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from openapi_spec_validator import validate

from shared.dialects import DIALECTS
from tests.product import Product

EXAMPLES = sorted((Path(__file__).parent / "finance").glob("*.json"))
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256))


def test_there_is_an_example_for_each_call_and_each_error_of_the_document() -> None:
    assert len(EXAMPLES) == 13 + 4


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_document_tells_the_truth(file: Path, product: Product) -> None:
    example = json.loads(file.read_text())
    known = ""
    for given in example["given"]:
        known = _send(product, given, known).json()["data"]["id"]
    answer = _send(product, example["request"], known)
    assert answer.status_code == example["status"], answer.text
    if answer.status_code == 204:
        assert answer.content == b""
    if "data" in example:
        assert answer.json()["data"].items() >= example["data"].items()
    if "first" in example:
        assert answer.json()["data"][0].items() >= example["first"].items()
    if "error" in example:
        assert answer.json().items() >= example["error"].items()


def test_a_created_thing_is_found_where_its_location_says(product: Product) -> None:
    for path in ("/invoices", "/budgets", "/expenses"):
        made = product.call("POST", path, json={})
        assert made.status_code == 201
        found = requests.get(
            product.url + made.headers["Location"], headers={"Authorization": f"Bearer {product.key}"}, timeout=30
        )
        assert found.json() == made.json()
        assert found.headers["ETag"] == made.headers["ETag"]


@pytest.mark.parametrize("name", [dialect.name for dialect in DIALECTS])
def test_each_description_is_valid_and_every_answer_in_it_has_an_example(product: Product, name: str) -> None:
    described = requests.get(f"{product.url}/openapi/{name}.json", timeout=30).json()
    validate(described)
    for path, item in described["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            assert operation["summary"], (method, path)
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    assert kind != "application/json" or "example" in content, (method, path, status)


def _send(product: Product, request: dict[str, Any], known: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {request['key']}"} if "key" in request else {}
    filled = json.loads(json.dumps(request).replace(":id", known))
    files = {"receipt": ("receipt.jpg", JPEG)} if request.get("receipt") else None
    return product.call(
        request["method"],
        filled["path"],
        headers=headers,
        json=filled.get("json"),
        data=filled.get("form"),
        files=files,
    )
