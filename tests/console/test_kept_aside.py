"""What could not be taken is kept, so much of each node, and a node gone mad pushes out nobody else's."""

import pytest

from broker.contract import topics
from console.store import deliveries
from console.store.tables import set_aside

pytestmark = pytest.mark.system


def topics_aside(desk) -> list[str]:
    with desk.console.database.read() as connection:
        return [row.topic for row in connection.execute(set_aside.select().order_by(set_aside.c.id))]


def refuse(desk, topic: str, number: int) -> None:
    desk.intake.refuse(topic, str(number).encode(), "malformed")


def test_a_node_gone_mad_pushes_out_its_own_messages_only(desk, monkeypatch):
    monkeypatch.setattr(deliveries, "_KEPT_OF_NODE", 5)
    monkeypatch.setattr(deliveries, "MOST_ASIDE", 12)
    others = [topics.STATUS.of("n2"), topics.EVENT.of("n-1"), topics.EVENT.of("n11"), "elsewhere"]
    for number, topic in enumerate(others):
        refuse(desk, topic, number)
    for number in range(40):
        refuse(desk, (topics.STATUS if number % 2 else topics.EVENT).of("n_1"), number)
    aside = topics_aside(desk)
    assert aside[:4] == others
    assert aside[4:] == [(topics.STATUS if number % 2 else topics.EVENT).of("n_1") for number in range(35, 40)]


def test_all_nodes_together_are_bounded_by_the_oldest(desk, monkeypatch):
    monkeypatch.setattr(deliveries, "MOST_ASIDE", 6)
    names = [f"n{number}" for number in range(10)]
    for number, name in enumerate(names):
        refuse(desk, topics.STATUS.of(name), number)
    assert topics_aside(desk) == [topics.STATUS.of(name) for name in names[4:]]
