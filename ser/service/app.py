"""The paths of the service."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from ser.inference.bundles import Bundle
from ser.inference.outputs.json_document import VERSION
from ser.service.asking import MEDIA_TYPES, check, describe_form
from ser.service.documents import SCHEMA_PATH, add_documents
from ser.service.form import read_form
from ser.service.gate import Gate
from ser.service.guard import Guard
from ser.service.metrics import Metrics
from ser.service.page import Page
from ser.service.pool import BusyError, DiedError, Pool, SlowError
from ser.service.problems import FAILED, answer_problems, describe, refusal
from ser.service.process import Answer
from ser.service.settings import ServeSettings

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What is heard. JSON is as `ser predict --format json` writes it.",
        "content": {media_type: {} for media_type in MEDIA_TYPES.values()}
        | {"application/json": {"schema": {"$ref": SCHEMA_PATH}}},
    },
    400: describe("The request is wrong; `detail` names each part that is."),
    403: describe("A page of another origin asked."),
    408: describe("The body came too slowly."),
    413: describe("The body is too large."),
    415: describe("The body is no form."),
    422: {
        "description": "The recording cannot be heard; `problems` says why, and what to do.",
        "content": {"application/json": {"schema": {"$ref": SCHEMA_PATH}}},
    },
    429: describe("Too many requests; `Retry-After` says in how many seconds to try again."),
    500: describe("The service failed."),
    503: describe("The process that heard the recording ended. Try again."),
    504: describe("The recording takes too long to hear."),
    507: describe("There is no room for the recording. Try again later."),
}


def build(settings: ServeSettings, bundles: list[Bundle], pool: Pool, page: Path | None) -> ASGIApp:
    """Return the service; the pool may start later."""
    metrics = Metrics(pool)
    app = FastAPI(
        title="Who sounds how, when, and how surely",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        description="Speech emotion recognition. A recording is heard as `ser predict` hears it, and not kept.",
    )
    answer_problems(app)
    _add_paths(app, settings, bundles, pool, metrics)
    add_documents(app)
    if page is not None:
        app.mount("/", Page(page))
    inner: ASGIApp = Gate(app, settings, pool)
    if settings.allow_origin:
        origins, methods, headers = settings.allow_origin, ["GET", "POST"], ["Retry-After"]
        inner = CORSMiddleware(inner, allow_origins=origins, allow_methods=methods, expose_headers=headers)
    return Guard(inner, settings.allow_origin, metrics)


def _add_paths(app: FastAPI, settings: ServeSettings, bundles: list[Bundle], pool: Pool, metrics: Metrics) -> None:
    names = [bundle.name for bundle in bundles]
    models = [_describe(bundle, default=bundle is bundles[0]) for bundle in bundles]

    @app.post("/v1/predict", responses=ANSWERS, response_class=Response, openapi_extra=describe_form())
    async def predict(request: Request) -> Response:
        """Hear a recording: up to 6 s as one clip, a longer one as a timeline."""
        form = await read_form(request)
        try:
            asked, job = check(form, names)
            answer = await _hear(pool, job, form.file.fileno(), settings)
        finally:
            form.close()
        metrics.sound_s.inc(answer.sound_s)
        if answer.outcome == "failed":
            raise refusal(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED)
        if answer.outcome == "refused":
            return Response(answer.document, HTTPStatus.UNPROCESSABLE_ENTITY, media_type="application/json")
        return Response(answer.document, media_type=MEDIA_TYPES[asked.format])

    @app.get("/v1/models")
    async def models_at_hand() -> list[dict[str, Any]]:
        """List the models with their figures."""
        return models

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that the service answers."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: describe("No process can hear at present.")})
    async def readyz() -> dict[str, int]:
        """Say how many processes can hear."""
        if not pool.ready:
            raise refusal(HTTPStatus.SERVICE_UNAVAILABLE, "No process can hear at present.", 1)
        return {"workers": pool.ready}

    @app.get("/metrics", response_class=Response)
    async def measured(request: Request) -> Response:
        """Count answers, sound and processes, in Prometheus's format."""
        text, media_type = metrics.write(request.headers.get("accept", ""))
        return Response(text, media_type=media_type)


async def _hear(pool: Pool, job: dict[str, Any], file: int, settings: ServeSettings) -> Answer:
    try:
        return await pool.hear(job, file)
    except BusyError:
        detail = "More recordings wait than can be heard soon. Try again later."
        error: HTTPException = refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, pool.retry_after_s)
    except SlowError:
        detail = f"It takes more than {settings.timeout_s} s to hear. Send it in parts, or use `ser predict`."
        error = refusal(HTTPStatus.GATEWAY_TIMEOUT, detail)
    except DiedError:
        detail = "The process that heard it ended. Try again; if it ends again, the recording is the reason."
        error = refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, 1)
    raise error


def _describe(bundle: Bundle, default: bool) -> dict[str, Any]:
    """Return what is known of a model, but for where it is."""
    told = ("revision", "licence", "sampling_rate", "min_confidence", "figures")
    return {"name": bundle.name, "default": default} | {key: bundle.config[key] for key in told if key in bundle.config}
