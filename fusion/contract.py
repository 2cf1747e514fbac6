"""The contract between a branch and the fusion of branches, as one table: → fusion/contract.schema.json.

A branch (audio, text, video, …) hands over one Parquet file: a row an utterance with COLUMNS, and about the file as a
whole ABOUT, JSON under the key `branch` of the Parquet schema's metadata. Both are described in JSON Schema.
"""

from pathlib import Path

import pyarrow as pa

from ser.corpora.emotions import EMOTIONS
from ser.storage.errors import reporting
from ser.storage.files import write_json

VERSION = "1.0"  # a new first number where old readers would go wrong, a new second one where something is added
SCHEMA = Path("fusion/contract.schema.json")
ABOUT_KEY = b"branch"

# Column: type in Parquet, and JSON Schema of its value. What may be null may be null in Parquet, too
COLUMNS = {
    "utterance": (
        pa.string(),
        {
            "type": "string",
            "minLength": 1,
            "description": "What branches are joined by: the same in each of them, once in a file.",
        },
    ),
    "clip": (
        pa.string(),
        {"type": "string", "minLength": 1, "description": "The branch's own name of what it heard, read or saw."},
    ),
    "speaker": (
        pa.string(),
        {"type": "string", "minLength": 1, "description": "Who speaks, the same in each branch."},
    ),
    "fold": (
        pa.int32(),
        {"type": ["integer", "null"], "description": "Test fold of the utterance; null: the model had no folds."},
    ),
    "seed": (
        pa.int32(),
        {"type": ["integer", "null"], "description": "Seed of the training that predicts it; null: it had none."},
    ),
    "emotion": (
        pa.string(),
        {"enum": [*EMOTIONS, None], "description": "The label; null: not labelled."},
    ),
    "log_probabilities": (
        pa.list_(pa.float32(), len(EMOTIONS)),
        {
            "type": "array",
            "items": {"type": "number", "maximum": 0},
            "minItems": len(EMOTIONS),
            "maxItems": len(EMOTIONS),
            "description": "Natural logarithms of the calibrated probabilities, finite, in the order of `classes`; "
            "their exponentials sum to 1.",
        },
    ),
    "predicted": (
        pa.string(),
        {"enum": [*EMOTIONS], "description": "The emotion with the highest log-probability."},
    ),
    "embedding": (
        pa.list_(pa.float32(), 0),  # of any length, but of one in a file
        {
            "type": "array",
            "items": {"type": "number"},
            "minItems": 1,
            "description": "What the branch's encoder makes of the clip, finite, as long in every row of a file.",
        },
    ),
}

LISTS = ("log_probabilities", "embedding")

ABOUT = {
    "type": "object",
    "description": "About the file: JSON under the key `branch` of the Parquet schema's metadata.",
    "required": ["contract_version", "modality", "model", "protocol", "classes", "encoder", "simulated"],
    "properties": {
        "contract_version": {"type": "string", "pattern": rf"^{VERSION.partition('.')[0]}\.[0-9]+$"},
        "modality": {"type": "string", "minLength": 1, "description": "audio, text, video, …: names the branch."},
        "model": {"type": "string", "minLength": 1, "description": "What gave the log-probabilities."},
        "protocol": {"type": "string", "minLength": 1, "description": "How it was kept from what it predicts."},
        "classes": {"enum": [[*EMOTIONS]], "description": "The order of log_probabilities."},
        "encoder": {"type": "string", "minLength": 1, "description": "What gave the embeddings."},
        "embedding_layer": {"type": "integer", "minimum": 0, "description": "Of the encoder; 0 is its input."},
        "sample_rate_hz": {"type": "integer", "minimum": 1, "description": "Of the waveforms the encoder hears."},
        "simulated": {"type": "boolean", "description": "Whether the rows are drawn at random: figures mean nothing."},
    },
}


def has_type(column: str, found: pa.DataType) -> bool:
    """Whether a Parquet column has the contract's type: embeddings of any fixed length, others as they stand."""
    kind = COLUMNS[column][0]
    if column not in LISTS:
        return found == kind
    fixed = pa.types.is_fixed_size_list(found) and found.value_type == kind.value_type
    return fixed and found.list_size > 0 and found.list_size == (kind.list_size or found.list_size)


def may_be_null(column: str) -> bool:
    """Whether a row may have no value there."""
    described = COLUMNS[column][1]
    return None in described.get("enum", ()) or "null" in described.get("type", ())


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of a row; that of the metadata stands in `$defs.branch`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A row of a branch, contract {VERSION}",
        "type": "object",
        "required": [*COLUMNS],
        "properties": {name: described for name, (_, described) in COLUMNS.items()},
        "$defs": {"branch": ABOUT},
    }


def main() -> None:
    with reporting("contract"):
        write_json(json_schema(), SCHEMA)


if __name__ == "__main__":
    main()
