"""What a table shows as a file's text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tui.table import RowTable
from wsmon.domain.visible import escaped, visible
from wsmon.services.documents import dated

_FORMULA = ("=", "+", "-", "@")


def as_csv(table: RowTable[Any]) -> str:
    """The rows and columns that are shown; a text that a spreadsheet would calculate gets an apostrophe."""
    columns = table.shown_columns()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.title for column in columns])
    for index in range(len(table.rows)):
        cells = [visible(column.cell(table.rows.at(index)).text) for column in columns]
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) and not _number(cell) else cell for cell in cells])
    return out.getvalue()


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_json(table: RowTable[Any]) -> str:
    """Everything known of the rows that are shown."""
    rows = [dated(asdict(table.rows.at(index))) for index in range(len(table.rows))]
    return escaped(json.dumps(rows, ensure_ascii=False, default=str)) + "\n"


FORMATS: dict[str, Callable[[RowTable[Any]], str]] = {"csv": as_csv, "json": as_json}
