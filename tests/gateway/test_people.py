"""People in the words of `projects`: what is read and written of them, and what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from gateway.keys import actions as keys
from gateway.people import api
from shared.db import now
from tests.gateway.conftest import Gateway
from tests.gateway.office import ADA, KEY_SECRET, Office

DONE = {"STATUS": "OK"}
NOT_FOUND = {"STATUS": "Error", "MESSAGE": "Resource not found"}
TAKEN = {"STATUS": "Error", "MESSAGE": "Somebody else has this e-mail address"}
WRAPPER = 'The body must be {"person": {...}}'
WRONG = "Invalid request parameters: "
AS_JSON = {"content_type": "application/json"}
OWNER = {
    "id": "1",
    "first-name": "Owner",
    "last-name": "",
    "email-address": "",
    "user-name": "",
    "user-type": "account",
    "company-id": "",
    "companyId": "",
    "administrator": "1",
    "deleted": "0",
}
CALLS = [
    ("GET", "/people.json", "invoices:read"),
    ("GET", "/people/1.json", "invoices:read"),
    ("GET", "/me.json", "invoices:read"),
    ("POST", "/people.json", "admin"),
    ("PUT", "/people/1.json", "admin"),
    ("DELETE", "/people/1.json", "admin"),
]


def timeless(person: dict[str, str]) -> dict[str, str]:
    """The person without the moments, which must look like ones."""
    for name in ("created-at", "last-changed-on"):
        assert len(person[name]) == len("2015-06-17T12:00:47Z")
        assert person[name].startswith(f"{now():%Y-%m-%dT}")
        assert person[name].endswith("Z")
    return {name: said for name, said in person.items() if name not in ("created-at", "last-changed-on")}


# Reading


def test_the_person_of_the_first_key_is_the_owner(office: Office) -> None:
    listed = office.get("/people.json")
    assert (listed.status_code, list(listed.json)) == (200, ["people"])
    assert list(map(timeless, listed.json["people"])) == [OWNER]
    me = office.get("/me.json")
    assert (me.status_code, me.json) == (200, {"person": listed.json["people"][0]})
    assert me.headers["ETag"] == '"1"'


def test_me_is_whose_key_it_is(office: Office) -> None:
    number = office.made()
    me = office.get("/me.json", key=office.key_of("ada@example.com", scopes=["invoices:read"]))
    assert (me.status_code, me.json["person"]) == (200, office.shown(number))


def test_a_list_has_fifty_people_a_page_and_says_in_headers_how_many_there_are(office: Office) -> None:
    numbers = [1, *(office.made(**{"email-address": f"p{number}@example.com"}) for number in range(51))]
    for path, shown, headers in (
        ("/people.json", numbers[:50], ["1", "2", "52"]),
        ("/people.json?page=2", numbers[50:], ["2", "2", "52"]),
        ("/people.json?page=3", [], ["3", "2", "52"]),
        ("/people.json?pageSize=500&fields=x", numbers, ["1", "1", "52"]),
        ("/people.json?pageSize=7&page=8", numbers[49:], ["8", "8", "52"]),
    ):
        answer = office.get(path)
        assert [int(person["id"]) for person in answer.json["people"]] == shown
        assert [answer.headers[name] for name in ("x-page", "x-pages", "x-records")] == headers


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("page=0", "page: Must be greater than or equal to 1 and less than or equal to 1000000000."),
        ("page=x", "page: Not a number."),
        ("pageSize=0", "pageSize: Must be greater than or equal to 1 and less than or equal to 500."),
        ("pageSize=501", "pageSize: Must be greater than or equal to 1 and less than or equal to 500."),
    ],
)
def test_a_page_that_cannot_be_is_refused(office: Office, query: str, why: str) -> None:
    answer = office.get(f"/people.json?{query}")
    assert (answer.status_code, answer.json) == (400, {"STATUS": "Error", "MESSAGE": WRONG + why})


def test_everything_that_is_read_is_text_and_as_it_is_described(office: Office) -> None:
    person = office.shown(office.made())
    assert list(person) == list(api.PERSON)
    assert all(isinstance(said, str) for said in person.values())


# Writing


def test_a_new_person_is_told_by_an_id_alone(office: Office) -> None:
    answer = office.post(**ADA)
    assert (answer.status_code, answer.data) == (201, b'{"STATUS":"OK","id":2}')
    assert answer.headers["id"] == "2"
    assert timeless(office.shown(2)) == OWNER | ADA | {
        "id": "2",
        "user-name": "ada@example.com",
        "administrator": "0",
    }


def test_a_number_is_taken_as_a_name_and_what_is_unknown_is_left_out(office: Office) -> None:
    number = office.made(**{"first-name": 7, "last-name": 1.50, "administrator": "1", "id": "99", "nick": {"a": 1}})
    shown = office.shown(number)
    assert (number, shown["id"], shown["first-name"], shown["last-name"]) == (2, "2", "7", "1.5")
    assert shown["administrator"] == "0"


@pytest.mark.parametrize("blank", [{"last-name": ""}, {"last-name": None}])
def test_a_person_may_have_one_name(office: Office, blank: dict[str, Any]) -> None:
    number = office.made(**blank)
    assert office.shown(number)["last-name"] == ""
    assert office.put(number, **{"last-name": "Byron"}).json == DONE
    assert office.put(number, **blank).json == DONE
    assert office.shown(number)["last-name"] == ""


def test_an_update_changes_what_it_names(office: Office) -> None:
    number = office.made()
    before = office.shown(number)
    answer = office.put(number, **{"last-name": "Lovelace"})
    assert (answer.status_code, answer.data) == (200, b'{"STATUS":"OK"}')
    after = office.shown(number)
    assert after | {"last-changed-on": ""} == before | {"last-name": "Lovelace", "last-changed-on": ""}


def test_a_person_who_was_read_can_be_sent_back(office: Office) -> None:
    number = office.made()
    assert office.put(number, **{"email-address": ""}).json == DONE
    for each in (1, number):
        before = office.shown(each)
        assert before["email-address"] == ""
        assert office.put(each, **before).json == DONE
        assert office.shown(each) | {"last-changed-on": ""} == before | {"last-changed-on": ""}


def test_an_update_can_insist_on_a_version(office: Office) -> None:
    number = office.made()
    for tag, status in (('"2"', 412), ('"1"', 200), ('"1"', 412)):
        body = {"person": {"last-name": "Lovelace"}}
        answer = office.open("PUT", f"/people/{number}.json", json=body, headers={"If-Match": tag})
        assert answer.status_code == status
    assert office.get(f"/people/{number}.json").headers["ETag"] == '"2"'
    assert office.delete(number, headers={"If-Match": '"1"'}).status_code == 412
    assert office.delete(number, headers={"If-Match": '"2"'}).status_code == 200


def test_every_change_is_an_entry_of_the_history(office: Office) -> None:
    number = office.made()
    office.put(number, **{"last-name": "Lovelace"})
    office.delete(number)
    entries = [entry for entry in office.rows("audit") if entry.subject_id == str(number)]
    assert [(entry.subject, entry.action, entry.member_id) for entry in entries] == [
        ("member", "created", 1),
        ("member", "updated", 1),
        ("member", "deleted", 1),
    ]
    changes = [entry.changes if isinstance(entry.changes, dict) else json.loads(entry.changes) for entry in entries]
    assert changes == [
        {
            "first_name": [None, "Ada"],
            "last_name": [None, "Byron"],
            "email": [None, "ada@example.com"],
            "role": [None, "member"],
            "deleted": [None, False],
        },
        {"last_name": ["Byron", "Lovelace"]},
        {"deleted": [False, True]},
    ]


# What is refused


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (ADA, 422, WRAPPER),
        ({}, 422, WRAPPER),
        ({"person": None}, 422, WRAPPER),
        ({"person": [ADA]}, 422, WRAPPER),
        ({"people": ADA}, 422, WRAPPER),
        ([ADA], 422, WRAPPER),
        ({"person": {}}, 400, None),
        ({"person": ADA | {"first-name": ""}}, 400, f"{WRONG}first-name: Field may not be null."),
        ({"person": ADA | {"first-name": True}}, 400, f"{WRONG}first-name: Not a valid string."),
        ({"person": ADA | {"first-name": "a\0b"}}, 400, f"{WRONG}first-name: Control characters are not allowed."),
        ({"person": ADA | {"last-name": "a\x1b"}}, 400, f"{WRONG}last-name: Control characters are not allowed."),
        ({"person": ADA | {"last-name": "x" * 256}}, 400, f"{WRONG}last-name: Longer than maximum length 255."),
        ({"person": ADA | {"email-address": "ada"}}, 400, f"{WRONG}email-address: Not a valid email address."),
        ({"person": ADA | {"email-address": ""}}, 400, f"{WRONG}email-address: Field may not be null."),
        ({"person": ADA | {"email-address": 7}}, 400, f"{WRONG}email-address: Not a valid string."),
    ],
)
def test_what_is_no_person_is_refused_and_changes_nothing(office: Office, body: Any, status: int, why: str) -> None:
    before = office.everything()
    answer = office.open("POST", "/people.json", json=body)
    missing = f"{WRONG}first-name: Missing data for required field.; email-address: Missing data for required field."
    assert (answer.status_code, answer.json) == (status, {"STATUS": "Error", "MESSAGE": why or missing})
    if why and body != {"person": ADA | {"email-address": ""}}:  # an update need name nothing, and may take that away
        assert office.open("PUT", "/people/1.json", json=body).status_code == status
    assert office.everything() == before


@pytest.mark.parametrize(
    ("sent", "status", "why"),
    [
        ({"data": b""}, 400, f"{WRONG}json: A JSON object is required."),
        ({"data": b"{", **AS_JSON}, 400, f"{WRONG}json: Not valid JSON."),
        ({"data": b'{"person":{},"person":{}}', **AS_JSON}, 400, f"{WRONG}json: A key appears twice."),
        ({"data": {"person": "x"}}, 415, "Content-Type must be application/json"),
        ({"data": b" " * 1_048_577}, 413, "The request body is too large"),
        ({"data": b"{", "method": "PATCH"}, 405, "Method not allowed"),
    ],
)
def test_what_is_no_json_is_refused(office: Office, sent: dict[str, Any], status: int, why: str) -> None:
    before = office.everything()
    answer = office.open(path="/people.json", **{"method": "POST"} | sent)
    assert (answer.status_code, answer.json) == (status, {"STATUS": "Error", "MESSAGE": why})
    assert office.everything() == before


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "1e3", "9" * 19])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_id_is_a_positive_whole_number(office: Office, method: str, number: str) -> None:
    answer = office.open(method, f"/people/{number}.json", json={"person": {}})
    assert (answer.status_code, answer.json) == (
        400,
        {"STATUS": "Error", "MESSAGE": f"{WRONG}id: Must be a positive integer."},
    )


@pytest.mark.parametrize("path", ["/people/2.json", f"/people/{'9' * 18}.json", "/people/1/x.json", "/me/x.json"])
def test_who_is_not_there_is_not_found(office: Office, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = office.open(method, path, json={"person": {}})
        assert (answer.status_code, answer.json) == (404, NOT_FOUND)


def test_two_people_of_a_workspace_have_two_addresses_whatever_their_capitals(office: Office) -> None:
    ada, bob = office.made(), office.made(**{"email-address": "bob@example.com"})
    before = office.everything()
    for answer in (
        office.post(**ADA),
        office.post(**ADA | {"email-address": "ADA@example.COM"}),
        office.put(bob, **{"email-address": "Ada@Example.com"}),
    ):
        assert (answer.status_code, answer.json) == (422, TAKEN)
    assert office.everything() == before
    assert office.put(ada, **{"email-address": "Ada@Example.com"}).json == DONE
    assert office.delete(ada).json == DONE
    assert office.put(bob, **{"email-address": "ada@example.com"}).json == DONE


def test_of_several_who_add_the_same_person_at_once_one_does(office: Office) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: office.post(**ADA).status_code, range(6)))
    assert sorted(answers) == [201, *[422] * 5]
    assert office.get("/people.json").headers["x-records"] == "2"


def test_who_has_a_live_key_cannot_be_deleted(office: Office) -> None:
    number = office.made()
    kept = [office.key_of("Ada@example.com", expires_at=now() + timedelta(days=1)), office.key_of("ada@example.com")]
    office.key_of("ada@example.com", expires_at=now() - timedelta(seconds=1))
    before = office.everything()
    for key in kept:
        answer = office.delete(number)
        assert (answer.status_code, answer.json) == (
            422,
            {"STATUS": "Error", "MESSAGE": "This person has a live API key, which must be revoked first"},
        )
        assert office.everything() == before
        keys.revoke(office.db, KEY_SECRET, key)
        before = office.everything()  # the history tells of it
    assert office.delete(number).json == DONE


def test_who_is_deleted_is_nowhere(office: Office) -> None:
    number = office.made()
    answer = office.delete(number)
    assert (answer.status_code, answer.data) == (200, b'{"STATUS":"OK"}')
    for method in ("GET", "PUT", "DELETE"):
        gone = office.open(method, f"/people/{number}.json", json={"person": {"first-name": "Eve"}})
        assert (gone.status_code, gone.json) == (404, NOT_FOUND)
    listed = office.get("/people.json")
    assert ([person["id"] for person in listed.json["people"]], listed.headers["x-records"]) == (["1"], "1")


def test_a_key_for_the_address_of_who_is_deleted_makes_a_new_person(office: Office) -> None:
    number = office.made()
    office.delete(number)
    me = office.get("/me.json", key=office.key_of("ada@example.com")).json["person"]
    assert (me["id"], me["email-address"]) == (str(number + 1), "ada@example.com")


def test_another_workspaces_people_are_not_there(office: Office) -> None:
    number = office.made()
    stranger = office.issue("Beta")
    before = office.everything()
    for method in ("GET", "PUT", "DELETE"):
        body = {"person": {"first-name": "Eve"}}
        answer = office.open(method, f"/people/{number}.json", key=stranger, json=body)
        assert (answer.status_code, answer.json) == (404, NOT_FOUND)
    assert office.everything() == before
    (theirs,) = office.get("/people.json", key=stranger).json["people"]
    assert theirs["id"] == "1"
    same = office.open("POST", "/people.json", key=stranger, json={"person": ADA})
    assert same.status_code == 201


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_every_call_needs_its_scope(office: Office, method: str, path: str, scope: str) -> None:
    other = ["invoices:write", "invoices:approve", "budgets:read", "budgets:write", "expenses:read", "expenses:write"]
    if scope == "admin":
        other.append("invoices:read")
    key = office.issue(scopes=other)
    before = office.everything()
    answer = office.open(method, path, key=key, json={"person": ADA})
    assert (answer.status_code, answer.json) == (
        403,
        {"STATUS": "Error", "MESSAGE": f"This API key lacks the scope {scope}"},
    )
    assert office.everything() == before
    allowed = office.open(method, path, key=office.issue(scopes=[scope]), json={"person": ADA})
    assert allowed.status_code in (200, 201, 422)


def test_a_new_person_can_be_asked_for_again_under_the_same_key(office: Office) -> None:
    def asked(**person: Any) -> Any:
        return office.open("POST", "/people.json", json={"person": person}, headers={"Idempotency-Key": "k"})

    first, again, other = asked(**ADA), asked(**ADA), asked(**ADA | {"first-name": "Eve"})
    assert (again.status_code, again.data) == (first.status_code, first.data) == (201, b'{"STATUS":"OK","id":2}')
    assert [answer.headers.get("id") for answer in (first, again)] == ["2", "2"]
    assert [answer.headers.get("Idempotency-Replayed") for answer in (first, again)] == [None, "true"]
    assert (other.status_code, other.json["MESSAGE"]) == (422, "This Idempotency-Key was used for another request")
    assert office.get("/people.json").headers["x-records"] == "2"


# As every path of the gateway


def test_what_can_be_asked_about_people_is_described_beside_what_the_services_answer(gateway: Gateway) -> None:
    told = gateway.get("/openapi/projects.json", key=None).json
    calls = {
        (method.upper(), path)
        for path, item in told["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and operation["tags"] == ["people"]
    }
    assert calls == {(method, path.replace("/1.", "/{person_id}.")) for method, path, _ in CALLS}


def test_an_answer_about_people_is_guarded_counted_and_has_one_request_id(gateway: Gateway) -> None:
    reply = gateway.get("/me.json", headers={"X-Request-Id": "r-1", "X-Caller": "forged"})
    assert (reply.status, reply.headers.get_all("Content-Type")) == (200, ["application/json"])
    assert reply.headers.get_all("X-Request-Id") == ["r-1"]
    assert reply.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert reply.headers.get_all("Cache-Control") == ["no-store"]
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    assert gateway.asked == 0


def test_a_body_of_unknown_length_is_taken_and_bounded(gateway: Gateway) -> None:
    said = {"Content-Type": "application/json"}
    body = json.dumps({"person": ADA}).encode()
    reply = gateway.call("POST", "/people.json", headers=said, body=iter([body[:10], body[10:]]))
    assert (reply.status, reply.headers["id"]) == (201, "2")
    reply = gateway.call("POST", "/people.json", headers=said, body=iter([b" " * 65536] * 17))
    assert (reply.status, reply.json) == (413, {"STATUS": "Error", "MESSAGE": "The request body is too large"})


def test_head_says_what_get_would(gateway: Gateway) -> None:
    asked, got = gateway.call("HEAD", "/me.json"), gateway.get("/me.json")
    assert (asked.status, asked.body) == (200, b"")
    assert (asked.headers["Content-Length"], asked.headers["ETag"]) == (str(len(got.body)), got.headers["ETag"])


@pytest.mark.parametrize("path", ["/internal/people/1", "/internal/openapi.json", "/people/../internal/openapi.json"])
def test_what_services_keep_among_themselves_is_nowhere(gateway: Gateway, path: str) -> None:
    assert gateway.get(path).status == 404
    assert gateway.get(path, key=None).status == 401
