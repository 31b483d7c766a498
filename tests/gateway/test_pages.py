"""The descriptions that the gateway serves, and the page that shows them."""

import hashlib
import re
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from gateway.pages import ASSETS, DESCRIPTIONS, STATIC
from shared.dialects import DIALECTS, Dialect
from tests.gateway.conftest import Gateway


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_each_dialects_description_is_served_to_all(gateway: Gateway, dialect: Dialect) -> None:
    reply = gateway.get(f"/openapi/{dialect.name}.json", key=None)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert (reply.headers["Cache-Control"], gateway.asked) == ("no-cache", 0)
    assert reply.body == (DESCRIPTIONS / f"{dialect.name}.json").read_bytes()
    assert reply.json["info"]["title"] == dialect.title
    validate(reply.json)
    again = {"If-None-Match": reply.headers["ETag"]}
    assert gateway.get(f"/openapi/{dialect.name}.json", key=None, headers=again).status == 304


def test_there_is_no_description_of_another_name(gateway: Gateway) -> None:
    reply = gateway.get("/openapi/nobody.json")
    assert (reply.status, reply.json) == (404, {"message": "Resource not found"})
    assert gateway.get("/openapi/nobody.json", key=None).status == 401


@pytest.mark.parametrize("name", ["", *(f"/{name}" for name in ASSETS)])
def test_the_page_and_its_parts_are_served_to_all(gateway: Gateway, name: str) -> None:
    reply = gateway.get(f"/docs{name}", key=None)
    assert reply.status == 200
    assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Cache-Control"] == "public, max-age=3600"
    assert gateway.get(f"/docs{name}", key=None, headers={"If-None-Match": reply.headers["ETag"]}).status == 304


def test_the_page_loads_nothing_that_is_not_served(gateway: Gateway) -> None:
    page = gateway.get("/docs", key=None).body.decode()
    assert set(re.findall(r'(?:src|href)="/([^"]+)"', page)) == {*(f"docs/{name}" for name in ASSETS), "openapi.json"}


def test_the_menu_leads_to_every_document(gateway: Gateway) -> None:
    menu = gateway.get("/openapi.json", key=None).json
    assert [entry["name"] for entry in menu] == [dialect.name for dialect in DIALECTS]
    titles = [gateway.get(entry["url"], key=None).json["info"]["title"] for entry in menu]
    assert titles == [dialect.title for dialect in DIALECTS]


def test_the_bare_address_leads_to_the_page(gateway: Gateway) -> None:
    reply = gateway.get("/", key=None)
    assert (reply.status, reply.headers["Location"], reply.body) == (302, "/docs", b"")


@pytest.mark.parametrize("name", ["SHA256SUMS", "docs.html", "..%2fapp.py", "%2e%2e"])
def test_nothing_else_of_the_folder_is_served(gateway: Gateway, name: str) -> None:
    assert gateway.get(f"/docs/{name}", key=None).status in (401, 404)


def test_the_vendored_files_are_those_that_were_published() -> None:
    folder: Path = STATIC / "swagger-ui"
    sums = [line.split() for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in sums} == {file.name for file in folder.iterdir()} - {"SHA256SUMS", "README.md"}
    for digest, name in sums:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
