"""Prints the page's records as TypeScript, as `make docs` writes them to the extension's src/records.ts."""

from roadworthy.server.typescript import typescript

print(typescript(), end="")  # noqa: T201  (it is what the module is run for)
