from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kinetrace.twin.packing.orders import HANDFUL, NULL, OPERATIONS, Order, State

PLAIN = Order(0, (False,), fragile=False, express=False, fed=False, scanner=True, large=False)
ORDERS = st.builds(
    Order,
    st.just(0),
    st.lists(st.booleans(), min_size=1, max_size=4).map(tuple),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


def by_rule(order):
    """Every operation that the rules ask for, in order."""
    state, done = State.of(order), []
    while not done or done[-1] != "Put on Back Table":
        done.append(state.expected())
        state = state.after(done[-1])
    return done


def test_operations_have_the_ids_of_openpack():
    assert list(OPERATIONS.values()) == [*range(100, 1001, 100), 8100]
    assert OPERATIONS[NULL] == 8100


def test_a_plain_order_takes_the_shortest_way():
    assert by_rule(PLAIN) == [
        "Picking",
        "Assemble Box",
        "Insert Items",
        "Close Box",
        "Fill out Order",
        "Attach Shipping Label",
        "Put on Back Table",
    ]


def test_a_box_that_lies_ready_is_assembled_first():
    assert by_rule(replace(PLAIN, fed=True))[0] == "Assemble Box"


def test_an_express_order_is_filled_out_as_soon_as_an_item_is_picked():
    assert by_rule(replace(PLAIN, express=True))[:2] == ["Picking", "Fill out Order"]


def test_a_fragile_box_is_labelled_and_scanned_where_there_is_a_scanner():
    fragile = by_rule(replace(PLAIN, fragile=True))
    assert fragile[4:6] == ["Attach Box Label", "Scan Label"]
    assert "Scan Label" not in by_rule(replace(PLAIN, fragile=True, scanner=False))


def test_items_with_a_wrong_label_are_relabelled_before_anything_else():
    assert by_rule(replace(PLAIN, relabel=(True,)))[1] == "Relocate Item Label"


def test_more_items_than_a_handful_need_another_round():
    done = by_rule(replace(PLAIN, relabel=(False,) * (HANDFUL + 1)))
    assert done.count("Picking") == done.count("Insert Items") == 2


@given(ORDERS, st.randoms(use_true_random=False))
def test_whatever_is_done_in_whatever_order_the_box_gets_ready(order, random):
    state, done = State.of(order), []
    while not done or done[-1] != "Put on Back Table":
        possible = state.possible()
        assert state.expected() in possible
        done.append(random.choice(possible))
        state = state.after(done[-1])
        assert len(done) < 20
    assert state.filled and state.shipping_label and state.box_label == order.fragile and not state.tray
    assert len(done) == len(set(done)) + 2 * (len(order.relabel) > HANDFUL) + (done.count("Relocate Item Label") == 2)
