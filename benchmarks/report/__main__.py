"""Write the block of the README and docs/measured, and draw the pictures."""

from .page import FOLDER
from .pages import README, pictures, with_block, written

if __name__ == "__main__":
    README.write_text(with_block(README.read_text()))
    FOLDER.mkdir(exist_ok=True)
    for path, text in written().items():
        path.write_text(text)
    for picture in pictures():
        picture.write()
