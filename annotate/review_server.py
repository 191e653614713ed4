"""The Label Studio server as push and pull see it: a checked connection, the review project, its tasks page by page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError
from pydantic import SecretStr

from annotate.label_config import PREDICTION_VERSION, control_names, labelling_config
from deepsport.errors import UserError

CLIP_FOLDER = "clips"
"""Review clips lie here, below the server's document root; Label Studio serves subfolders only."""

_PAGE_SIZE = 500
_TIMEOUT_S = 60.0
_OVERLAP = timedelta(seconds=60)
"""Read again before the watermark: covers transactions that were still open when it was taken."""

_INSTRUCTION = """Watch the clip, then judge the question.<br>
<b>accept</b>: the proposed answer is right, and the green stretch shows it.<br>
<b>fix</b>: another answer is right, or the stretch is off. Give the right answer (again, if only the stretch is off) and move the
stretch. For a choice the answer must be one of the options.<br>
<b>reject</b>: the question should not be asked; say why.<br>
Keep one green stretch: the frames on which the answer can be seen."""


@dataclass(frozen=True, slots=True)
class ReviewServer:
    """A Label Studio that answered and took our token."""

    url: str
    client: LabelStudio


def connect(url: str | None, token: SecretStr | None, *, timeout_s: float = _TIMEOUT_S) -> ReviewServer:
    """A checked connection. The token is a legacy token or a personal access token.

    Raises: UserError when the address or the token is missing or wrong, or the server does not answer.
    """
    if not url or token is None or not token.get_secret_value():
        missing = "DEEPSPORT_LABEL_STUDIO_TOKEN" if url else "DEEPSPORT_LABEL_STUDIO_URL"
        raise UserError(f"Label Studio: set {missing}; `python -m annotate.label_studio up` starts a server and says both")
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{url}: not the address of a Label Studio; it starts with http:// or https://")
    url = url.rstrip("/")
    with faults_explained(url):
        client = LabelStudio(base_url=url, api_key=token.get_secret_value(), timeout=timeout_s)  # type: ignore[no-untyped-call]
        user = client.users.whoami()
        if not getattr(user, "email", None):
            raise UserError(f"{url}: something answers, but it is no Label Studio; mend the address")
    return ReviewServer(url, client)


@contextmanager
def faults_explained(url: str) -> Iterator[None]:
    """Faults of the network and the server as one line with a remedy; the token is in none of them."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise UserError(f"{url}: Label Studio did not answer in time; look at its log, and run the command again") from error
    except httpx.TransportError as error:
        raise UserError(
            f"{url}: no Label Studio answers ({error}); start it with `python -m annotate.label_studio up`, or mend"
            " DEEPSPORT_LABEL_STUDIO_URL"
        ) from error
    except ApiError as error:
        if error.status_code in (401, 403):
            raise UserError(
                f"{url}: Label Studio refuses the token; copy a personal access token from its Account & Settings page into"
                " DEEPSPORT_LABEL_STUDIO_TOKEN (a legacy token works only where the server enables them)"
            ) from error
        raise UserError(f"{url}: Label Studio answered {error.status_code}: {_detail(error)}") from error


def _detail(error: ApiError) -> str:
    body = error.body
    if isinstance(body, dict):
        body = body.get("validation_errors") or body.get("detail") or body
    return str(body)[:300]


def find_project(server: ReviewServer, title: str) -> int | None:
    """Id of the project with exactly this title, the oldest if there are several; None when there is none."""
    listed: Iterable[Any] = server.client.projects.list(title=title, page_size=100)  # also gives titles that contain it
    return min((int(project.id) for project in listed if project.title == title), default=None)


def ready_project(server: ReviewServer, title: str, folder: Path) -> int:
    """Id of the project with our form and access to the clips; what is missing is made."""
    client = server.client
    project_id = find_project(server, title)
    if project_id is None:
        made = client.projects.create(
            title=title,
            label_config=labelling_config(),
            expert_instruction=_INSTRUCTION,
            show_instruction=True,
            model_version=PREDICTION_VERSION,
            show_collab_predictions=True,
            enable_empty_annotation=False,
        )
        assert made.id is not None
        project_id = made.id
    else:
        config = client.projects.get(project_id).label_config or ""
        if config != labelling_config():
            if control_names(config) != control_names(labelling_config()):
                raise UserError(f"{server.url}: the project {title!r} has another form than ours; push under another title")
            client.projects.update(project_id, label_config=labelling_config())
    wanted = str(folder.absolute())
    if not any(storage.path == wanted for storage in client.import_storage.local.list(project=project_id)):
        try:
            client.import_storage.local.create(project=project_id, path=wanted, use_blob_urls=True, title=CLIP_FOLDER)
        except ApiError as error:
            if error.status_code != 400:
                raise
            raise UserError(
                f"{server.url}: Label Studio cannot serve {wanted} ({_detail(error)}); start it with"
                f" LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={Path(wanted).parent}"
                f" (`python -m annotate.label_studio up --media-root {folder.parent}` does)"
            ) from error
    return project_id


def _tasks(server: ReviewServer, project_id: int, filters: Sequence[dict[str, Any]], include: str | None = None) -> Iterator[Any]:
    """Tasks by ascending id. Pages start after the last id seen: page numbers slip when a task is deleted meanwhile."""
    last = 0
    while True:
        after = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
        query = {"filters": {"conjunction": "and", "items": [*filters, after]}, "ordering": ["tasks:id"]}
        pager: Any = server.client.tasks.list(
            project=project_id, page=1, page_size=_PAGE_SIZE, query=json.dumps(query), include=include
        )
        page = list(pager.items or [])  # items is this page alone; iterating the pager would ask for page 2
        yield from page
        if len(page) < _PAGE_SIZE:
            return
        last = page[-1].id


def external_ids(server: ReviewServer, project_id: int) -> set[str]:
    """External ids of all tasks of a project."""
    # include= makes this four times as fast as the default listing.
    found = (task.data.get("external_id") for task in _tasks(server, project_id, (), include="id,data"))
    return {external_id for external_id in found if isinstance(external_id, str)}


def changed_tasks(server: ReviewServer, project_id: int, since: str | None) -> Iterator[Any]:
    """Annotated tasks that changed since the watermark and before this call.

    What changes while we read is left to the next pull: else a task read early and annotated then could lie before the next
    watermark, and be lost.
    """
    newest_first = {"filters": {"conjunction": "and", "items": []}, "ordering": ["-tasks:updated_at"]}
    newest: Any = server.client.tasks.list(
        project=project_id, page=1, page_size=1, query=json.dumps(newest_first), include="id,updated_at"
    )
    if not newest.items:
        return
    until = moment(newest.items[0].updated_at)
    filters: list[dict[str, Any]] = [
        {"filter": "filter:tasks:total_annotations", "operator": "greater", "type": "Number", "value": 0}
    ]
    if since is not None:
        start = utc(moment(since) - _OVERLAP)
        filters.append({"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": start})
    for task in _tasks(server, project_id, filters):
        if moment(task.updated_at) <= until:
            yield task


def moment(value: str | datetime) -> datetime:
    """A time of the server as a datetime in UTC; the API gives some as text, some parsed."""
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def utc(value: datetime) -> str:
    """ISO 8601 with a fixed number of digits, so that text sorts as time does.

    >>> utc(moment("2026-11-23T08:39:05+02:00"))
    '2026-11-23T06:39:05.000000Z'
    """
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
