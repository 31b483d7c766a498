"""Clients that are slow or silent, at every port of the product: they keep nobody waiting."""

import socket
from contextlib import ExitStack
from uuid import uuid4

from deploy.parts import PARTS
from shared.caller import HEADER, Caller, sign
from tests.product import FINANCE, PATIENCE, Product

EACH = 24
"""Of each kind at each port: three times as many as there used to be threads."""


def begun(product: Product, part: str) -> list[bytes]:
    """Requests that get nowhere, one of each kind."""
    secret = (product.var / "caller-secret").read_text().strip()
    token = sign(Caller(workspace_id=str(uuid4()), key_id="k", scopes=("budgets:write",)), secret, part)
    shown = f"Authorization: Bearer {product.key}" if part == "gateway" else f"{HEADER}: {token}"
    path = f"{FINANCE}/{'budgets' if part == 'gateway' else part}"
    promised = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\n{shown}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    )
    return [b"G", promised.encode(), f"{promised}{{".encode()]


def test_slow_clients_stop_neither_the_gateway_nor_a_service(product: Product) -> None:
    product.made("/budgets", total_amount=1)  # from here the key is known, and no guess
    with ExitStack() as stack:
        slow: list[socket.socket] = []
        for number, part in enumerate(PARTS):
            for sent in begun(product, part) * EACH:
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", product.port + number), PATIENCE))
                sock.sendall(sent)
                slow.append(sock)
        product.wait_until_ready()
        budget = product.made("/budgets", total_amount=100)
        product.made("/expenses", amount=10, budget_id=budget["id"])
        assert product.call("GET", f"/budgets/{budget['id']}").json()["data"]["spent_amount"] == 10
        assert product.call("GET", "/invoices").json()["data"] == []
        assert len(slow) == len(PARTS) * 3 * EACH
