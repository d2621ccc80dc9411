"""The errors that Sartor raises; each carries a slug that leads to docs/reference/errors.md.

SartorError
├── InputError                a file that was handed in cannot be used
│   ├── UnrecognisedInput     unrecognised-input      no reader knows this file
│   ├── MalformedInput        malformed-input         the file breaks its own format
│   ├── TruncatedInput        truncated-input         the file ends too early
│   ├── UnsortedInput         unsorted-input          records are out of order
│   ├── UnknownBuild          unknown-build           no genome build can be established
│   ├── BuildConflict         build-conflict          the file contradicts the build it claims
│   ├── UnknownSample         unknown-sample          the sample asked for is not in the file
│   └── ConflictingInputs     conflicting-inputs      two files contradict each other
├── UsageError                wrong-usage             options that do not go together
├── CapabilityError
│   ├── CapabilityNotFound    capability-not-found    no capability of that name is installed
│   ├── CapabilityBroken      capability-broken       it could not be loaded
│   └── CapabilityCrashed     capability-crashed      it failed while it ran
├── KnowledgeError
│   ├── PackNotFound          pack-not-found          no knowledge pack of that name
│   ├── PackInvalid           pack-invalid            its content contradicts its manifest or schema
│   └── PackUnreachable       pack-unreachable        the upstream service did not answer
├── StudyError
│   ├── StudyNotFound         study-not-found         no study of that name is installed
│   ├── StudyBroken           study-broken            it could not be loaded
│   ├── ConfigInvalid         config-invalid          its configuration cannot be followed
│   ├── LeakFound             leak-found              the cohort would teach a model what it cannot know
│   └── TooFewData            too-few-data            the cohort cannot answer the question
├── ModelRefused              model-refused           a model folder is altered, unsafe or of another format
├── MissingExtra              missing-extra           an optional dependency is not installed
├── OutputError               output-failed           a result could not be written
├── SelfTestFailed            selftest-failed         a shipped case gave another result here
├── WorkerDied                worker-died             a process ended while it assessed a patient
├── BatchFailed               batch-failed            every patient of a batch failed
├── Unexpected                unexpected-error        a defect of Sartor
└── Interrupted               interrupted             the user stopped the command
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import ClassVar


class SartorError(Exception):
    """Any error that Sartor reports: what happened, where, and what to do about it."""

    slug: ClassVar[str] = "error"

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        self.what = what
        self.where = where
        self.todo = todo
        super().__init__(", ".join(part for part in (what, where, todo) if part))

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the journey between worker processes."""
        return (_rebuild, (type(self), self.what, self.where, self.todo))

    def line(self) -> str:
        """The last line that the command line prints on stderr."""
        return f"error[{self.slug}]: {self}"


def failing_place(error: BaseException) -> str:
    """Where an unforeseen exception came from; its own text is left out, since it may hold a patient's values."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"


def _rebuild(kind: type[SartorError], what: str, where: str, todo: str) -> SartorError:
    return kind(what, where=where, todo=todo)


class InputError(SartorError):
    """A file that was handed in cannot be used."""

    slug = "input"


class UnrecognisedInput(InputError):
    """No reader recognises the file by its content."""

    slug = "unrecognised-input"


class MalformedInput(InputError):
    """The file breaks the rules of its own format."""

    slug = "malformed-input"


class TruncatedInput(InputError):
    """The file ends before its format says that it may."""

    slug = "truncated-input"


class UnsortedInput(InputError):
    """Records are not in the order that the format, or its index, promises."""

    slug = "unsorted-input"


class UnknownBuild(InputError):
    """No genome build can be established from header, contigs or reference bases."""

    slug = "unknown-build"


class BuildConflict(InputError):
    """The file claims one genome build and its bases belong to another."""

    slug = "build-conflict"


class UnknownSample(InputError):
    """The sample asked for is not in the file, or the file has several and none was named."""

    slug = "unknown-sample"


class ConflictingInputs(InputError):
    """Two inputs contradict each other, such as records of two different people."""

    slug = "conflicting-inputs"


class UsageError(SartorError):
    """Options that do not go together or have no such value."""

    slug = "wrong-usage"


class CapabilityError(SartorError):
    """Something is wrong with a capability."""

    slug = "capability"


class CapabilityNotFound(CapabilityError):
    """No capability of that name is installed."""

    slug = "capability-not-found"


class CapabilityBroken(CapabilityError):
    """A capability is installed but could not be loaded."""

    slug = "capability-broken"


class CapabilityCrashed(CapabilityError):
    """A capability failed while it ran; its section is shown as failed."""

    slug = "capability-crashed"


class KnowledgeError(SartorError):
    """Something is wrong with reference knowledge."""

    slug = "knowledge"


class PackNotFound(KnowledgeError):
    """No knowledge pack of that name is known or installed."""

    slug = "pack-not-found"


class PackInvalid(KnowledgeError):
    """A pack's content contradicts its manifest, its hash or its schema."""

    slug = "pack-invalid"


class PackUnreachable(KnowledgeError):
    """The service that a pack comes from did not answer."""

    slug = "pack-unreachable"


class StudyError(SartorError):
    """Something is wrong with a study, its configuration or its cohort."""

    slug = "study"


class StudyNotFound(StudyError):
    """No study of that name is installed."""

    slug = "study-not-found"


class StudyBroken(StudyError):
    """A study is installed but could not be loaded."""

    slug = "study-broken"


class ConfigInvalid(StudyError):
    """The configuration cannot be followed; the message lists every fault at once."""

    slug = "config-invalid"


class LeakFound(StudyError):
    """The cohort would teach a model what it cannot know when it is used; the message lists every leak."""

    slug = "leak-found"


class TooFewData(StudyError):
    """There are too few rows, events or classes to answer the question."""

    slug = "too-few-data"


class ModelRefused(SartorError):
    """A model folder is altered, unsafe, incomplete or of a format that this release does not know."""

    slug = "model-refused"


class MissingExtra(SartorError):
    """An optional dependency is not installed; the message names the exact pip command."""

    slug = "missing-extra"


class OutputError(SartorError):
    """A result could not be written."""

    slug = "output-failed"


class SelfTestFailed(SartorError):
    """A shipped clinical case gave another result on this machine."""

    slug = "selftest-failed"


class WorkerDied(SartorError):
    """The process that assessed a patient ended without an answer; the patient is a failed row of the batch."""

    slug = "worker-died"


class BatchFailed(SartorError):
    """Every patient of a batch failed; the table with the reasons was written."""

    slug = "batch-failed"


class Unexpected(SartorError):
    """Something failed that no other error describes: a defect of Sartor, to be reported."""

    slug = "unexpected-error"


class Interrupted(SartorError):
    """The user stopped the command; results already written are whole."""

    slug = "interrupted"
