"""
What a first sync would do to two exports, decided by the engine itself, without any account.

Nothing is written anywhere but in a temporary index that no other process can open. The
exports hold personal data: values are in the results, and in no message, log or ``repr``.
"""

from __future__ import annotations

from dynsync.preview._decisions import PreviewedField, PreviewedRecord
from dynsync.preview._exports import ExportColumns
from dynsync.preview._problems import InputRefused, Problem, Problems
from dynsync.preview._result import Preview, preview_files
from dynsync.preview._words import Bucket, FieldOutcome, FileRole

__all__ = [
    "Bucket",
    "ExportColumns",
    "FieldOutcome",
    "FileRole",
    "InputRefused",
    "Preview",
    "PreviewedField",
    "PreviewedRecord",
    "Problem",
    "Problems",
    "preview_files",
]
