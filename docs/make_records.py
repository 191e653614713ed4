"""Prints docs/records.md: every table and its columns, from the docstrings of deepsport/records.py.

python docs/make_records.py > docs/records.md
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from deepsport import records

HEAD = """# Tables

Every record type of `deepsport/records.py` and the table it is stored in, in the order of the pipeline. Columns are fields,
nested ones are structs (`evidence.idx_start`), and every table has one column more, `_unit`: the unit of work that wrote the row.
Read them typed with `Catalog(workspace).read(Question)`, or with SQL:
`Catalog(workspace).sql("select task, count(*) from questions group by all")`.

A test compares this page with the code; make it again with `python docs/make_records.py > docs/records.md`.
"""


def records_page() -> str:
    """The page as Markdown."""
    source = ast.parse(Path(records.__file__).read_text(encoding="utf-8"))
    classes = {node.name: node for node in source.body if isinstance(node, ast.ClassDef)}
    parts = [HEAD]
    for record_type, table in records.TABLES.items():
        node = classes[record_type.__name__]
        parts.append(f"## {table}: {node.name}\n\n{_words(ast.get_docstring(node))}\n")
        rows = [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in _fields(node)]
        parts.append("\n".join(["| column | type | meaning |", "|---|---|---|", *rows]) + "\n")
    parts.append(f"## made\n\n{_words(ast.get_docstring(classes['Made']))} It is a struct in every derived record.\n")
    rows = [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in _fields(classes["Made"])]
    parts.append("\n".join(["| column | type | meaning |", "|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _fields(node: ast.ClassDef) -> list[tuple[str, str, str]]:
    """Name, type and meaning of each field; the meaning is the string below it."""
    found = []
    followers = [*node.body[1:], None]
    for line, below in zip(node.body, followers, strict=True):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id != "model_config":
            said = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
            kind = ast.unparse(line.annotation).replace(" | ", " or ").replace(", ...]", "]").replace("tuple[", "list[")
            found.append((line.target.id, kind, _words(str(said)).replace("|", "\\|")))
    return found


def _words(text: str | None) -> str:
    return " ".join((text or "").replace("``", "`").split())


if __name__ == "__main__":
    sys.stdout.write(records_page())
