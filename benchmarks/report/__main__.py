"""Write the block of the README and docs/measured.rst."""

from .pages import MEASURED, README, measured_page, with_block

if __name__ == "__main__":
    README.write_text(with_block(README.read_text()))
    MEASURED.write_text(measured_page())
