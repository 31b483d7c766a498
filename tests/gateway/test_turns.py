"""Connections that keep the processor, and how they make way for one another."""

import socket
import time
from contextlib import closing

import gevent

from deploy.client import SLICE, Client


def test_those_who_keep_the_processor_go_on_in_turn() -> None:
    order: list[int] = []

    def hog(number: int, client: Client) -> None:
        client.allow(60.0)
        for _ in range(20):
            order.append(number)
            until = time.thread_time() + SLICE * 1.5
            while time.thread_time() < until:
                client.take_turns()

    ours, theirs = zip(*(socket.socketpair() for _ in range(4)), strict=True)
    clients = [Client(sock, "127.0.0.1") for sock in ours]
    gevent.joinall([gevent.spawn(hog, number, client) for number, client in enumerate(clients)], raise_error=True)
    for sock in (*clients, *theirs):
        with closing(sock):
            pass
    most = max(order[at : at + 8].count(number) for at in range(len(order) - 8) for number in range(4))
    assert len(order) == 80
    assert most <= 4
