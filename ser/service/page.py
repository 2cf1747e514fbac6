"""The page for a browser: a folder of static files, where there is one."""

from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

START = "index.html"
BUILT = (Path(__file__).with_name("page"), Path(__file__).parents[2].joinpath("site", "dist"))  # installed; in a clone
# The page brings a policy of its own, which also names the inline styles that it has: a browser applies both
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' blob:; "
    "worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cache-Control": "no-cache",
}


def find_page(given: str | None) -> Path | None:
    """Return the page's folder, or None where it was not built; ValueError if what was given holds no page."""
    if given is not None and not (Path(given) / START).is_file():
        raise ValueError(f"--page is {given}; a folder with {START} is needed. Leave it out to serve without a page.")
    folders = BUILT if given is None else (Path(given),)
    return next((folder for folder in folders if (folder / START).is_file()), None)


class Page(StaticFiles):
    """The folder's files, with the headers of a page."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await super().__call__(scope, receive, with_headers)
