"""As much of JSON Schema as the schema of a report needs."""

from __future__ import annotations

import json

from tests.helpers.paths import ROOT

REPORT = json.loads((ROOT / "training" / "comparison" / "report_schema.json").read_text())
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
KNOWN = {
    *("$schema", "title", "description", "$ref", "$defs", "type", "required", "additionalProperties"),
    *("properties", "items", "enum", "const", "minimum", "maximum", "minItems", "maxItems"),
}


def problems(value, schema=REPORT, where="report"):
    """Return what is wrong with a value, a line each."""
    assert set(schema) <= KNOWN, f"{where}: a keyword that this check does not know"
    if "$ref" in schema:
        schema = REPORT["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    found = []
    types = schema.get("type", [*TYPES])
    if not any(_is(value, name) for name in ([types] if isinstance(types, str) else types)):
        return [f"{where}: expected {types}, received {value!r}"]
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        found.append(f"{where}: unexpected {value!r}")
    if _is(value, "number"):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        found += [] if low <= value <= high else [f"{where}: {value} is out of range"]
    if isinstance(value, list):
        low, high = schema.get("minItems", 0), schema.get("maxItems", len(value))
        found += [] if low <= len(value) <= high else [f"{where}: {len(value)} items"]
        for place, item in enumerate(value):
            found += problems(item, schema.get("items", {}), f"{where}[{place}]")
    if isinstance(value, dict):
        missing = set(schema.get("required", ())) - set(value)
        found += [f"{where}: {name} is missing" for name in sorted(missing)]
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            if inner is False:
                found.append(f"{where}: unknown key {name}")
            else:
                found += problems(item, inner, f"{where}.{name}")
    return found


def _is(value, name):
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
