"""FHIR R4 text to typed structs: whole where it is right, field by field where something in it is wrong."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from sartor.domain.provenance import Origin, Quarantined
from sartor.errors import MalformedInput, TruncatedInput
from sartor.io import fhir_types as fhir

_DECODER: msgspec.json.Decoder[fhir.Anything] = msgspec.json.Decoder(fhir.Anything)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()
_NEAR_TOP = 1 << 20
_BROKEN = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError)


class Placed(NamedTuple):
    """A resource and where it stands: its URL in the bundle, its line in NDJSON, its ordinal in the input."""

    resource: msgspec.Struct
    full_url: str
    line: int | None
    ordinal: int

    @property
    def name(self) -> str:
        """Such as "Condition/12"; by ordinal where the resource has no id."""
        identifier = getattr(self.resource, "id", "")
        return f"{self.kind}/{identifier}" if identifier else f"{self.kind}[{self.ordinal}]"

    @property
    def kind(self) -> str:
        """The resource type."""
        return type(self.resource).__name__


@dataclass(slots=True)
class Parsed:
    """The resources of one input, typed.

    resources:   those that could be decoded, in the order of the input; wrong fields left out.
    quarantined: wrong fields (kind "field"), and resources that could not be decoded at all (kind
                 "resource"): `total` is always the number of `resources` plus that of the latter.
    timestamp:   the time that the bundle says it was made, or "".
    """

    file: str = ""
    resources: list[Placed] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    timestamp: str = ""
    lost: int = 0

    @property
    def total(self) -> int:
        """How many resources the input has (bundles are not counted, what they hold is)."""
        return len(self.resources) + self.lost

    def counts(self) -> Counter[str]:
        """Decoded resources by type."""
        return Counter(placed.kind for placed in self.resources)

    def of(self, kind: type[msgspec.Struct]) -> list[Placed]:
        """Every resource of one type."""
        return [placed for placed in self.resources if type(placed.resource) is kind]

    def lose(self, reason: str, *, line: int | None, resource: str = "", todo: str = "") -> None:
        """Quarantine a whole resource."""
        origin = Origin(file=self.file, line=line, resource=resource or f"resource[{self.total}]")
        self.lost += 1
        self.quarantined.append(Quarantined(origin=origin, reason=reason, todo=todo, kind="resource"))


def parse(data: bytes, *, file: str = "") -> Parsed:
    """Decode a Bundle, a single resource, an array of resources, or NDJSON of any of these.

    Raises MalformedInput (with line and byte) or TruncatedInput when a single document is not JSON; in
    NDJSON the line is quarantined instead.
    """
    data = _plain(data, file)
    parsed = Parsed(file=file)
    try:
        _keep(parsed, _DECODER.decode(data), "", None)
    except _BROKEN:
        if _is_lines(data):
            _read_lines(parsed, data)
        else:
            _read_carefully(parsed, data, line=None)
    return parsed


def count(data: bytes, *, file: str = "") -> Counter[str]:
    """How many resources of each type, decoding nothing else."""
    data = _plain(data, file)
    counts: Counter[str] = Counter()
    try:
        _tally(counts, _COUNTER.decode(data))
    except _BROKEN:
        return parse(data, file=file).counts()
    return counts


class _CountedResource(msgspec.Struct, rename="camel", gc=False):
    resource_type: str
    entry: tuple[_CountedEntry, ...] = ()


class _CountedEntry(msgspec.Struct, gc=False):
    resource: _CountedResource | None = None


_COUNTER = msgspec.json.Decoder(_CountedResource)


def _tally(counts: Counter[str], resource: _CountedResource) -> None:
    if resource.resource_type != "Bundle":
        counts[resource.resource_type] += 1
        return
    for entry in resource.entry:
        if entry.resource is not None:
            _tally(counts, entry.resource)


def _plain(data: bytes, file: str) -> bytes:
    """UTF-8 without byte order mark; UTF-16 is what some Windows exports are."""
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16").encode("utf-8")
        except UnicodeError as error:
            raise MalformedInput("the file begins as UTF-16 and is not", where=file, todo="save it as UTF-8") from error
    return data


def _keep(parsed: Parsed, resource: Any, full_url: str, line: int | None) -> None:
    """Take a decoded resource over; a bundle's entries in its place."""
    if type(resource) is not fhir.Bundle:
        parsed.resources.append(Placed(resource, full_url, line, parsed.total))
        return
    parsed.timestamp = max(parsed.timestamp, resource.timestamp)
    keep, total = parsed.resources.append, parsed.total
    for entry in resource.entry:
        if type(entry.resource) is fhir.Bundle:
            _keep(parsed, entry.resource, entry.full_url, line)
            total = parsed.total
        elif entry.resource is not None:
            keep(Placed(entry.resource, entry.full_url, line, total))
            total += 1


def _is_lines(data: bytes) -> bool:
    """Whether this is NDJSON: not one JSON text, and a line near the top is a resource by itself."""
    if not data.lstrip().startswith(b"{") or _members(data) is not None:
        return False
    near_top = [line for line in data[:_NEAR_TOP].split(b"\n") if line.strip()]
    if len(near_top) == 1:
        near_top = [line for line in data.split(b"\n", 3)[:3] if line.strip()]
    return len(near_top) > 1 and any("resourceType" in (_members(line) or ()) for line in near_top)


def _members(data: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """The members of a JSON object, undecoded; None when it is not a JSON object."""
    try:
        return _OBJECT.decode(data)
    except _BROKEN:
        return None


def _read_lines(parsed: Parsed, data: bytes) -> None:
    """NDJSON: each line by itself, so that a broken one costs no other."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            _keep(parsed, _DECODER.decode(line), "", number)
            continue
        except _BROKEN:
            pass
        try:
            _read_carefully(parsed, line, line=number)
        except (MalformedInput, TruncatedInput) as error:
            parsed.lose(error.what, line=number, resource=f"line {number}", todo=error.todo)


def _read_carefully(parsed: Parsed, data: bytes, *, line: int | None) -> None:
    """A document with something wrong in it: resource by resource, then field by field."""
    text = data.strip()
    try:
        if text.startswith(b"["):
            for item in _ARRAY.decode(data):
                _read_resource(parsed, bytes(item), "", line)
        else:
            _read_object(parsed, _OBJECT.decode(data), data, "", line)
    except _BROKEN as error:
        raise _broken(data, error, parsed.file, line) from error


def _read_object(parsed: Parsed, members: dict[str, msgspec.Raw], data: bytes, full_url: str, line: int | None) -> None:
    if bytes(members.get("resourceType", b"")) != b'"Bundle"':
        _read_resource(parsed, data, full_url, line)
        return
    if (stamp := _text(members.get("timestamp"))) is not None:
        parsed.timestamp = max(parsed.timestamp, stamp)
    try:
        entries = _ARRAY.decode(members.get("entry", msgspec.Raw(b"[]")))
    except _BROKEN:
        parsed.lose("the bundle's entry is not a list", line=line, resource="Bundle", todo="export the bundle again")
        return
    for item in entries:
        _read_entry(parsed, item, line)


def _read_entry(parsed: Parsed, item: msgspec.Raw, line: int | None) -> None:
    members = _members(item)
    if members is None:
        parsed.lose("the bundle's entry is not an object", line=line)
        return
    resource = members.get("resource")
    if resource is not None and bytes(resource) != b"null":
        _read_resource(parsed, bytes(resource), _text(members.get("fullUrl")) or "", line)


def _read_resource(parsed: Parsed, data: bytes, full_url: str, line: int | None) -> None:
    """One resource: typed at once, or salvaged field by field, or quarantined."""
    try:
        _keep(parsed, _DECODER.decode(data), full_url, line)
        return
    except _BROKEN:
        pass
    members = _members(data)
    if members is None:
        parsed.lose("the resource is not a JSON object", line=line)
        return
    kind = _text(members.get("resourceType"))
    if kind == "Bundle":
        _read_object(parsed, members, data, full_url, line)
    elif kind in fhir.READ:
        _salvage_resource(parsed, members, kind, full_url, line)
    elif kind in fhir.COUNTED:
        parsed.resources.append(Placed(fhir.COUNTED[kind](), full_url, line, parsed.total))
    elif kind is None:
        parsed.lose("the resource has no readable resourceType", line=line)
    else:
        parsed.lose(f"FHIR R4 has no resource type {kind[:60]!r}", line=line)


def _salvage_resource(
    parsed: Parsed, members: dict[str, msgspec.Raw], kind: str, full_url: str, line: int | None
) -> None:
    problems: list[tuple[str, str]] = []
    fields: dict[str, Any] = {}
    for known in msgspec.structs.fields(fhir.READ[kind]):
        if known.encode_name not in members:
            continue
        try:
            value = _ANY.decode(members[known.encode_name])
        except _BROKEN as error:
            problems.append((known.encode_name, _reason(error)))
            continue
        _take(fields, known, value, known.encode_name, problems)
    placed = Placed(fhir.READ[kind](**fields), full_url, line, parsed.total)
    parsed.resources.append(placed)
    for path, reason in problems:
        origin = Origin(file=parsed.file, line=line, resource=placed.name, field=path)
        parsed.quarantined.append(Quarantined(origin=origin, reason=reason, kind="field"))


def _take(
    fields: dict[str, Any], known: msgspec.structs.FieldInfo, value: Any, path: str, problems: list[tuple[str, str]]
) -> None:
    """Put the right parts of a field's value into `fields`, and what is wrong into `problems`."""
    if value is None:
        return
    salvaged = _salvage(value, known.type, path, problems)
    if salvaged is not msgspec.UNSET:
        fields[known.name] = salvaged


def _salvage(value: Any, wanted: Any, path: str, problems: list[tuple[str, str]]) -> Any:
    """The part of `value` that fits the type, UNSET when none does."""
    options = [option for option in get_args(wanted) if option is not NoneType]
    if get_origin(wanted) is tuple:
        return _salvage_list(value, options[0], path, problems)
    if options:
        wanted = options[0]
    if wanted is msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(value))
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct) and isinstance(value, dict):
        fields: dict[str, Any] = {}
        for known in msgspec.structs.fields(wanted):
            if known.encode_name in value:
                _take(fields, known, value[known.encode_name], f"{path}.{known.encode_name}", problems)
        return wanted(**fields)
    try:
        return msgspec.convert(value, wanted)
    except _BROKEN as error:
        problems.append((path, _reason(error)))
        return msgspec.UNSET


def _salvage_list(value: Any, wanted: Any, path: str, problems: list[tuple[str, str]]) -> Any:
    if not isinstance(value, list):
        problems.append((path, f"expected a list, found {_found(value)}"))
        return msgspec.UNSET
    each = [_salvage(item, wanted, f"{path}[{index}]", problems) for index, item in enumerate(value)]
    return tuple(item for item in each if item is not msgspec.UNSET)


_JSON_NAMES = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def _found(value: Any) -> str:
    return _JSON_NAMES.get(type(value), "null")


def _reason(error: Exception) -> str:
    """A decoder's message in our words; it never holds the value itself."""
    match = re.match(r"Expected `([^`]*)`, got `([^`]*)`", str(error))
    if match is None:
        return "its text is not valid JSON" if isinstance(error, (msgspec.DecodeError, UnicodeError)) else "not usable"
    names = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list",
             "object": "an object", "null": "null"}  # fmt: skip
    wanted = " or ".join(names.get(name.strip(), name.strip()) for name in match[1].split("|"))
    return f"expected {wanted}, found {names.get(match[2], match[2])}"


def _text(raw: msgspec.Raw | None) -> str | None:
    """The text that this raw JSON is, or None when it is something else."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except _BROKEN:
        return None


def _broken(data: bytes, error: Exception, file: str, line: int | None) -> MalformedInput | TruncatedInput:
    """The error to raise for a document that is not JSON, with line and byte."""
    if "truncated" in str(error) or not data.strip():
        return TruncatedInput(
            f"the JSON text ends too early, after byte {len(data)}", where=file, todo="fetch or export it again"
        )
    match = re.search(r"\(byte (\d+)\)", str(error))
    byte = int(match[1]) if match else 0
    row = line if line is not None else data.count(b"\n", 0, byte) + 1
    column = byte - data.rfind(b"\n", 0, byte)
    why = "it is nested too deep" if isinstance(error, RecursionError) else "it is not valid JSON"
    place = f"{file}:{row}" if file else f"line {row}"
    return MalformedInput(
        f"the file cannot be read as FHIR because {why} at line {row}, column {column} (byte {byte})",
        where=place,
        todo="export it again, or correct that place",
    )
