"""Error messages for packages that are not installed."""

__all__ = ["DEEP", "EXPORT", "needs"]

# packages of the extras of pyproject.toml. The messages name them instead of the extra, because
# this package is on no registry from which pip could install it with an extra
DEEP = ("torch", "skorch", "timm", "pillow", "filelock", "tqdm")
EXPORT = ("skl2onnx", "onnxruntime", "onnxscript", "skops")


def needs(what: str, missing: str, *packages: str) -> str:
    """Message that something needs packages, with the command that installs them.

    Parameters
    ----------
    what : str
        What was used.
    missing : str
        What it needs, in words.
    *packages : str
        Names of the packages to install.

    Returns
    -------
    message : str
        One line.

    Examples
    --------
    >>> from sklearn_contrastive._install import needs
    >>> needs("Reading image files", "Pillow", "pillow")
    'Reading image files needs Pillow, which is not installed: python -m pip install pillow'
    """
    return f"{what} needs {missing}, which is not installed: python -m pip install " + " ".join(
        packages
    )
