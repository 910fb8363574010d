"""When the publisher sends again. That it delivers, through a broker that dies, is tests/system/test_node_system.py."""

from edge.adapters.mqtt_publisher import RESEND_LONGEST_S, RESEND_S, Patience


def test_a_console_that_is_away_for_a_day_is_not_buried_in_copies():
    patience, resent = Patience(), []
    patience.sent(0.0)
    for now_s in range(24 * 3600):
        if patience.is_over(now_s):
            resent.append(now_s)
            patience.sent(now_s)
    assert resent[:4] == [21, 62, 143, 304]
    assert len(resent) < 24 * 3600 / RESEND_LONGEST_S + 5


def test_an_answer_makes_it_quick_again():
    patience = Patience()
    patience.sent(0.0)
    for now_s in (1000.0, 2000.0, 3000.0):
        assert patience.is_over(now_s)
        patience.sent(now_s)
    assert not patience.is_over(3000.0 + RESEND_S + 1)
    patience.heard()
    assert patience.is_over(3000.0 + RESEND_S + 1)
