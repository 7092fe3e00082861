"""`python -m docs.generators`: writes every generated page again and says which ones changed."""

from docs.generators import DOCS, PAGES, text_of
from vatt.main import configure_terminal, import_tensorflow

configure_terminal()
import_tensorflow()
for name in PAGES:
    file, text = DOCS / name, text_of(name)
    changed = not file.is_file() or file.read_text(encoding="utf-8") != text
    file.write_text(text, encoding="utf-8")
    print(f"docs/{name}: {'written' if changed else 'as it was'}")
