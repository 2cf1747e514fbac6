"""A model card in Markdown → a page."""

from pathlib import Path

from markdown_it import MarkdownIt

PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; img-src 'self'" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Model card</title>
    <link rel="icon" href="icon.svg" />
    <link rel="stylesheet" href="style.css" />
  </head>
  <body>
    <main>
      <p><a href="./">Back to the page</a></p>
      <article>
{content}
      </article>
    </main>
  </body>
</html>
"""


def card_page(path: Path) -> str:
    """Return the page of a card; its metadata for the Hugging Face hub are left out."""
    _, _, markdown = path.read_text(encoding="utf-8").removeprefix("---\n").partition("\n---\n")
    return PAGE.format(content=MarkdownIt("commonmark").enable("table").render(markdown))
