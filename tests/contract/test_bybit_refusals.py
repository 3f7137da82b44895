"""Every code and status that our endpoints can answer, and the class it must become.

Texts are left out on purpose: the exchange changes them.
"""

import pytest
from support.bybit_rows import ORDER
from support.doubles import ManualClock
from support.stub_bybit import ACCEPTED, FORBIDDEN_PAGE, Reply, ok, refused

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.refusals import is_trouble, word_of
from pumpwatch.errors import (
    BadCredentials,
    DuplicateOrder,
    ExchangeForbidden,
    ExchangeUnavailable,
    KeyRefused,
    OutcomeUnknown,
    Rejected,
    StopTrading,
)

POST, GET = e.CREATE_ORDER, e.OPEN_ORDERS

KEY_REFUSED = [10003, 10004, 10007, 33004, -2015]
BAD_KEY = [10005, 10010]
FORBIDDEN = [10008, 10009, 10018]
ACCOUNT = [10024, 10027, 10028]
NOTHING_DONE = [10002, 10006, 10429, 429]
IN_DOUBT = [10000, 10014, 10016, 10019, 110079, 131001, 131003, 170001, 170007, 170032, 170035]
IN_DOUBT += [170146, 170147, 170234, 3400214]
UNHEARD_OF = [-1, 1, 9999, 10011, 10099, 19999]
"""Nobody has documented what became of the request."""
DUPLICATE = [110072, 170141]
REFUSED = [10001, 10017, 10029, 10032, 30208, 30209, 30228, 110003, 110004, 110006, 110007]
REFUSED += [110009, 110012, 110013, 110017, 110020, 110023, 110074, 110090, 110092, 110093]
REFUSED += [110094, 110095, 110099, 110103, 110108, 110109, 110118, 110120, 110121, 110123]
REFUSED += [110125, 110132, 99999, 10404, 30135, 30256, 100028, 110005, 110011, 110021, 110029]
REFUSED += [110042, 110057, 110063, 110066, 110067, 110088, 110097, 110100, 110110, 110124]
REFUSED += [110131, 110137, 170131, 182103, 3200403, 3400139, 110043, 34040]
GONE = [110001, 110008, 110010]


def table(*groups):
    return [(code, kind) for codes, kind in groups for code in codes]


BOTH = table(
    (KEY_REFUSED, KeyRefused),
    (BAD_KEY, BadCredentials),
    (FORBIDDEN, ExchangeForbidden),
    (ACCOUNT, StopTrading),
)
ORDERS = BOTH + table(
    (NOTHING_DONE, ExchangeUnavailable),
    (IN_DOUBT + UNHEARD_OF, OutcomeUnknown),
    (DUPLICATE, DuplicateOrder),
    (REFUSED + GONE, Rejected),
)
QUESTIONS = BOTH + table(
    (NOTHING_DONE + IN_DOUBT + UNHEARD_OF + DUPLICATE + REFUSED + GONE, ExchangeUnavailable)
)


def send(session, endpoint):
    parameters = {"category": "linear", "symbol": "AUSDT"}
    return session.call(endpoint, **parameters)


@pytest.mark.parametrize(("code", "kind"), ORDERS)
def test_what_a_code_means_for_an_order(stub, session, code, kind):
    stub.answer(POST.path, refused(code, "why"), ACCEPTED)
    with pytest.raises(kind) as caught:
        send(session, POST)
    assert type(caught.value) is kind
    assert str(code) in str(caught.value)
    assert getattr(caught.value, "code", code) == code
    assert len(stub.sent(POST.path)) == 1


@pytest.mark.parametrize(("code", "kind"), QUESTIONS)
def test_what_a_code_means_for_a_question(stub, session, code, kind):
    stub.answer(GET.path, refused(code, "why"))
    with pytest.raises(kind) as caught:
        send(session, GET)
    assert type(caught.value) is kind
    assert getattr(caught.value, "code", code) == code
    again = {*NOTHING_DONE, *IN_DOUBT} - {10002}
    assert len(stub.sent(GET.path)) == (2 if code in again else 1)


STATUSES = [
    (401, KeyRefused, KeyRefused),
    (403, ExchangeForbidden, ExchangeForbidden),
    (404, Rejected, ExchangeUnavailable),
    (429, ExchangeUnavailable, ExchangeUnavailable),
    (400, OutcomeUnknown, ExchangeUnavailable),
    (409, OutcomeUnknown, ExchangeUnavailable),
    (500, OutcomeUnknown, ExchangeUnavailable),
    (502, OutcomeUnknown, ExchangeUnavailable),
    (503, OutcomeUnknown, ExchangeUnavailable),
    (504, OutcomeUnknown, ExchangeUnavailable),
    (530, OutcomeUnknown, ExchangeUnavailable),
    (201, OutcomeUnknown, ExchangeUnavailable),
    (204, OutcomeUnknown, ExchangeUnavailable),
    (302, OutcomeUnknown, ExchangeUnavailable),
    (408, OutcomeUnknown, ExchangeUnavailable),
    (418, OutcomeUnknown, ExchangeUnavailable),
    (425, OutcomeUnknown, ExchangeUnavailable),
]


@pytest.mark.parametrize(("status", "order", "question"), STATUSES)
def test_what_an_http_status_means(stub, session, status, order, question):
    for endpoint, kind in ((POST, order), (GET, question)):
        session.start_run(session._deadline)
        stub.answer(endpoint.path, Reply(FORBIDDEN_PAGE, status=status))
        with pytest.raises(kind) as caught:
            send(session, endpoint)
        assert type(caught.value) is kind
    assert len(stub.sent(POST.path)) == 1


@pytest.mark.parametrize("status", [201, 204, 408, 425, 500, 503])
def test_a_question_that_was_lost_on_the_way_is_asked_again(stub, session, status):
    stub.answer(GET.path, Reply(b"", status=status), ok({"list": []}))
    assert send(session, GET).result == {"list": []}
    assert len(stub.sent(GET.path)) == 2


WORDS = {408: "unavailable", 204: "unavailable", 10429: "rate_limited", 10007: "key_refused"}


def test_codes_are_counted_under_the_word_they_belong_to():
    assert {code: word_of(code) for code in WORDS} == WORDS
    assert is_trouble(408)
    assert is_trouble(204)


@pytest.mark.parametrize(("endpoint", "code"), [(e.SET_LEVERAGE, 110043), (e.TRADING_STOP, 34040)])
def test_nothing_to_change_is_a_success(stub, session, endpoint, code):
    stub.answer(endpoint.path, refused(code, "not modified"))
    send(session, endpoint)


@pytest.mark.parametrize("code", GONE)
def test_a_list_that_knows_no_such_order_does_not_end_the_search(stub, session, code):
    broker = BybitBroker(session, ManualClock(0))
    row = ORDER | {"orderId": "c18b", "symbol": "AUSDT"}
    stub.answer(e.OPEN_ORDERS.path, refused(code, "order not exists or too late to cancel"))
    stub.answer(e.ORDER_HISTORY.path, ok({"list": [row]}))
    assert broker.find_order("AUSDT", "order-1").exchange_id == "c18b"
    stub.answer(e.ORDER_HISTORY.path, refused(code))
    stub.answer(e.EXECUTIONS.path, ok({"list": []}))
    assert broker.find_order("AUSDT", "order-1") is None
    stub.answer(e.EXECUTIONS.path, refused(10002))
    with pytest.raises(ExchangeUnavailable):
        broker.find_order("AUSDT", "order-1")
