"""Install commands of the error messages."""

import re
import tomllib

import pytest
from helpers.references import PACKAGE, ROOT

from sklearn_contrastive._install import DEEP, EXPORT, needs


@pytest.mark.parametrize(("extra", "packages"), [("deep", DEEP), ("export", EXPORT)])
def test_the_messages_name_all_packages_of_the_extra(extra, packages):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [re.match(r"[\w-]+", each)[0] for each in project["optional-dependencies"][extra]]
    assert tuple(required) == packages


def test_a_message_is_one_line_that_ends_with_a_command():
    message = needs("This", "PyTorch", *DEEP)
    assert message.startswith("This needs PyTorch, which is not installed: python -m pip install ")
    assert message.endswith("torch skorch timm pillow filelock tqdm")
    assert "\n" not in message


def test_no_page_or_message_installs_the_package_from_a_registry():
    # it is on none; from a checkout, `pip install ".[deep]"` works
    texts = [ROOT / "README.md"]
    for folder, pattern in ((PACKAGE, "*.py"), (ROOT / "docs", "*.rst"), (ROOT / "tests", "*.py")):
        texts += folder.rglob(pattern)
    wrong = re.compile(r"pip install\s+[\"']?sklearn-contrastive")
    assert not [text for text in texts if wrong.search(text.read_text(encoding="utf-8"))]
