"""Errors say what, where and what to do, and survive the journey between processes."""

import pickle

import pytest

from sartor import errors


def all_kinds(kind=errors.SartorError):
    return [kind, *(each for child in kind.__subclasses__() for each in all_kinds(child))]


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.slug)
def test_the_line_and_the_journey(kind):
    error = kind("it broke", where="file:3", todo="mend it")
    assert error.line() == f"error[{kind.slug}]: it broke, file:3, mend it"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert again.line() == error.line()
