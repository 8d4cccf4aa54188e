"""Packages that only some functions need."""


def missing_package(where: str, package: str) -> ImportError:
    """What to raise where a package is not installed that an extra of its name brings."""
    return ImportError(
        f"{where}: expected the package {package}, which is not installed; run "
        f"pip install lamina[{package}]"
    )
