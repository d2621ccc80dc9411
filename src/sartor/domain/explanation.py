"""Why a finding is what it is, and what would change it."""

from __future__ import annotations

from pydantic import JsonValue

from sartor.domain.code import Frozen


class Wording(Frozen):
    """A sentence to be said: its key in the wording table and what fills its places."""

    key: str
    values: dict[str, JsonValue] = {}


class Contribution(Frozen):
    """How much one fact speaks for (positive) or against (negative) the conclusion; `unit` says in what."""

    fact: str
    weight: float | None = None
    unit: str = ""
    wording: Wording | None = None


class Explanation(Frozen):
    """The reasons of one finding, as keys of sentences for two audiences.

    headline:    one line that a hurried reader sees.
    clinician:   what it means and why, in order.
    patient:     the same in plain language.
    would_change: what other facts would change the conclusion.
    limits:      what the conclusion does not cover.
    """

    finding: str
    headline: Wording
    clinician: tuple[Wording, ...] = ()
    patient: tuple[Wording, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    would_change: tuple[Wording, ...] = ()
    limits: tuple[Wording, ...] = ()
