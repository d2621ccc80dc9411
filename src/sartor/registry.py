"""Finds capabilities and studies through entry points; the built-in ones register exactly as a stranger's do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from sartor.domain.capability import Capability, CapabilityCard
from sartor.domain.genome import Region
from sartor.domain.report import FailedSection
from sartor.domain.study import Study, StudyCard
from sartor.errors import CapabilityBroken, CapabilityNotFound, StudyBroken, StudyNotFound

GROUP = "sartor.capabilities"
VERBS = ("gather", "assess", "explain")
STUDIES = "sartor.studies"
STUDY_VERBS = ("prepare", "fit", "validate", "publish")


@dataclass(frozen=True, slots=True)
class Registry:
    """The capabilities of one run, and those that could not be loaded (never dropped in silence)."""

    capabilities: tuple[Capability, ...]
    failed: tuple[FailedSection, ...] = ()

    def regions(self) -> tuple[Region, ...]:
        """Every stretch of the genome that any of the capabilities reads, sorted, without repeats."""
        found = {region for capability in self.capabilities for region in capability.card.regions}
        return tuple(sorted(found))

    def packs(self) -> tuple[str, ...]:
        """The names of all knowledge packs that any of the capabilities can use."""
        return tuple(sorted({pack for capability in self.capabilities for pack in capability.card.packs}))


def names() -> tuple[str, ...]:
    """The names of all installed capabilities, sorted."""
    return tuple(sorted(_installed()))


def load(only: Iterable[str] | None = None, *, strict: bool = True) -> Registry:
    """Load the capabilities named (all by default), in the order of their names.

    Raises CapabilityNotFound for a name that is not installed. One that cannot be loaded raises
    CapabilityBroken when `strict`, and becomes a failed section otherwise.
    """
    installed = _installed()
    wanted = sorted(installed) if only is None else list(dict.fromkeys(only))
    if unknown := [name for name in wanted if name not in installed]:
        raise CapabilityNotFound(
            f"no capability named {', '.join(unknown)}",
            where="--only",
            todo=f"choose from: {', '.join(sorted(installed)) or 'none is installed'}",
        )
    loaded: list[Capability] = []
    failed: list[FailedSection] = []
    for name in wanted:
        try:
            loaded.append(_load(installed[name]))
        except CapabilityBroken as error:
            if strict:
                raise
            failed.append(FailedSection(capability=name, slug=error.slug, reason=str(error)))
    return Registry(tuple(loaded), tuple(failed))


def study_names() -> tuple[str, ...]:
    """The names of all installed studies, sorted."""
    return tuple(sorted(_installed(STUDIES)))


def study(name: str) -> Study:
    """Load one study. Raises StudyNotFound or StudyBroken."""
    installed = _installed(STUDIES)
    if name not in installed:
        raise StudyNotFound(
            f"no study named {name}",
            where="sartor study",
            todo=f"choose from: {', '.join(sorted(installed)) or 'none'}",
        )
    point = installed[name]
    where = f"entry point {point.name} = {point.value}"
    try:
        found = point.load()
    except Exception as error:
        raise StudyBroken(
            f"the study {name} could not be loaded ({type(error).__name__}: {error})",
            where=where,
            todo="reinstall or remove the package that offers it",
        ) from error
    if problems := _shape_problems(found, name, STUDY_VERBS, StudyCard):
        raise StudyBroken(
            f"the study {name} is incomplete: {'; '.join(problems)}",
            where=where,
            todo="see docs/howto/write-a-study.md",
        )
    return found  # type: ignore[no-any-return]


def _installed(group: str = GROUP) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def _load(point: EntryPoint) -> Capability:
    where = f"entry point {point.name} = {point.value}"
    try:
        capability = point.load()
    except Exception as error:
        raise CapabilityBroken(
            f"the capability {point.name} could not be loaded ({type(error).__name__}: {error})",
            where=where,
            todo="reinstall or remove the package that offers it",
        ) from error
    if problems := _shape_problems(capability, point.name):
        raise CapabilityBroken(
            f"the capability {point.name} is incomplete: {'; '.join(problems)}",
            where=where,
            todo="see docs/howto/write-a-capability.md",
        )
    return capability  # type: ignore[no-any-return]


def _shape_problems(
    plugin: object,
    name: str,
    verbs: tuple[str, ...] = VERBS,
    kind: type[CapabilityCard] | type[StudyCard] = CapabilityCard,
) -> Sequence[str]:
    card = getattr(plugin, "card", None)
    problems = [f"no {verb}()" for verb in verbs if not callable(getattr(plugin, verb, None))]
    if not isinstance(card, kind):
        problems.append("no card")
    elif card.name != name:
        problems.append(f"its card says {card.name}")
    return problems
