"""GET /docs: Swagger UI, whose script and style are served by this service and not by a CDN; GET /redoc."""

from importlib.resources import files
from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from core.errors import NotFound

router = APIRouter(include_in_schema=False)

ASSETS: Final = "/docs/assets"

SCRIPT: Final = "swagger-ui-bundle.js"
STYLE: Final = "swagger-ui.css"
ICON: Final = "favicon.png"

MEDIA_TYPES: Final = {SCRIPT: "text/javascript", STYLE: "text/css", ICON: "image/png"}

FOLDER: Final = Path(str(files(fastapi_offline))) / "static"
"""The package carries the distribution files of Swagger UI 5."""

CACHED: Final = {"cache-control": "public, max-age=86400"}
"""A day: the files change with a release of the service only, and have an `ETag`."""

SETTINGS: Final = {"validatorUrl": None}
"""Swagger UI's default sends the address of the description to a validator on the internet."""


@router.get("/docs")
async def read_docs(request: Request) -> HTMLResponse:
    """Return the page."""
    prefix = request.scope.get("root_path", "").rstrip("/")
    return get_swagger_ui_html(
        openapi_url=f"{prefix}{request.app.openapi_url}",
        title=f"{request.app.title}: API reference",
        swagger_js_url=f"{prefix}{ASSETS}/{SCRIPT}",
        swagger_css_url=f"{prefix}{ASSETS}/{STYLE}",
        swagger_favicon_url=f"{prefix}{ASSETS}/{ICON}",
        swagger_ui_parameters=SETTINGS,
    )


@router.get("/redoc")
async def redirect_redoc(request: Request) -> RedirectResponse:
    """Redirect to the one page: ReDoc loads its logo from the internet."""
    return RedirectResponse(f"{request.scope.get('root_path', '').rstrip('/')}/docs")


@router.get(ASSETS + "/{name}")
async def read_asset(name: str) -> FileResponse:
    """Return a file of the page."""
    if name not in MEDIA_TYPES:
        raise NotFound(f"the documentation has no file {name[:80]!r}")
    return FileResponse(FOLDER / name, media_type=MEDIA_TYPES[name], headers=CACHED)
