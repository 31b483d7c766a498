"""The Python that the product starts on."""

import pytest

from deploy import python


@pytest.mark.parametrize("version", [(3, 11, 7), (3, 11, 15), (3, 12, 5), (3, 13, 0), (3, 14, 1), (4, 0, 0)])
def test_it_starts_where_letters_are_safe(version: tuple[int, ...]) -> None:
    python.check(version)


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 99), (3, 11, 6), (3, 12, 0), (3, 12, 4)])
def test_it_says_which_it_needs_where_they_are_not(version: tuple[int, ...]) -> None:
    with pytest.raises(SystemExit, match=r"is too old: 3\.11\.7, 3\.12\.5 or a later one of each is needed"):
        python.check(version)
