"""The text of a call is read strictly: a bracket that is not there is asked for where it is missed."""

from __future__ import annotations

import pytest

from model.errors import ConditionError
from rules.language import call_of


@pytest.mark.parametrize(("text", "column"), [("mean value(10 s)", 6), ("mean)value(, 10 s)", 5)])
def test_a_function_without_its_bracket_is_refused_where_it_should_stand(text: str, column: int) -> None:
    with pytest.raises(ConditionError, match=f"column {column}: expected an opening bracket"):
        call_of(text)
