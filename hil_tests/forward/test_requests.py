"""How lines are cut into requests: none is lost, none is too large, the order stays."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from testbed.session.forward.delivery import _pieces, _weight
from testbed.session.forward.outbox import Part

LINES = st.lists(st.text("abc", min_size=1, max_size=40), min_size=1, max_size=50)


@given(LINES, st.integers(1, 200))
def test_the_pieces_of_a_part_are_its_lines_in_order_and_fit(lines, size):
    pieces = list(_pieces(Part("probe.temperature", lines), size))
    assert [line for piece in pieces for line in piece.lines] == lines
    assert all(_weight(piece) <= size or len(piece.lines) == 1 for piece in pieces)
    assert {piece.what for piece in pieces} == {"probe.temperature"}


@given(LINES, st.integers(2, 200))
def test_no_two_pieces_beside_each_other_would_fit_into_one(lines, size):
    pieces = list(_pieces(Part("probe.temperature", lines), size))
    for first, second in pairwise(pieces):
        assert _weight(first) + len(second.lines[0]) + 1 > size
