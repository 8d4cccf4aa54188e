"""Files that are no tables, told by their content: what each is, and what to do with it."""

import re

HEAD_BYTES = 4096
PARQUET = b"PAR1"
_UNPACK = "unpack it first"
_AS_CSV = "save its table as CSV or Parquet"
_NO_TABLE = "give a CSV, TSV or Parquet file"

# Place of the mark, the mark, what the file is, and what to do. No text holds such a mark.
_MARKS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel or other Office file", _AS_CSV),
    (0, b"\x28\xb5\x2f\xfd", "packed by Zstandard", _UNPACK),
    (0, b"\xfd7zXZ\x00", "packed by xz", _UNPACK),
    (4, b"1AY&SY", "packed by bzip2", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "packed by LZ4", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (257, b"ustar\x00", "a tar archive", _UNPACK),
    (257, b"ustar  \x00", "a tar archive", _UNPACK),
    (0, b"ARROW1\x00\x00", "an Arrow or Feather file", _AS_CSV),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", _AS_CSV),
    (0, b"\x93NUMPY", "a numpy array", _AS_CSV),
    (0, b"SQLite format 3\x00", "an SQLite database", _AS_CSV),
    (0, b"Obj\x01", "an Avro file", _AS_CSV),
    (0, b"$FL2@(#)", "an SPSS file", _AS_CSV),
    (0, b"<stata_dta>", "a Stata file", _AS_CSV),
    (0, b"\x80\x04\x95", "a Python pickle", _AS_CSV),
    (0, b"\x80\x05\x95", "a Python pickle", _AS_CSV),
    (0, b"RDX2\nX\n", "an R data file", _AS_CSV),
    (0, b"RDX3\nX\n", "an R data file", _AS_CSV),
    (0, b"X\n\x00\x00", "an R data file", _AS_CSV),
    (0, b"%PDF-1.", "a PDF document", _NO_TABLE),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image", _NO_TABLE),
    (0, b"\xff\xd8\xff", "a JPEG image", _NO_TABLE),
    (0, b"GIF87a", "a GIF image", _NO_TABLE),
    (0, b"GIF89a", "a GIF image", _NO_TABLE),
    (3, b"\x00\x00\x00\x00\x00{", "a model file", "the table comes behind the model"),
)
_TEXTS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"\s*<(!doctype\s+html|html)\b", re.I), "an HTML page", _AS_CSV),
    (re.compile(rb"\s*<\?xml\b", re.I), "an XML file", _AS_CSV),
    (re.compile(rb'\s*(\[\s*)?\{\s*"[^"]*"\s*:'), "a JSON file", _AS_CSV),
    (
        re.compile(rb"\s*(%[^\n]*\n\s*)*@relation\b", re.I),
        "an ARFF file",
        "give its rows with --skip and the number of the line '@data', --no-header and "
        "--columns with the names of its attributes",
    ),
)


def is_gzip(head: bytes) -> bool:
    """Whether a file begins as gzip's do: two bytes, the method, and flags of which 5 are known."""
    return head.startswith(b"\x1f\x8b\x08") and len(head) > 3 and head[3] < 0x20


def is_parquet(head: bytes, tail: bytes) -> bool:
    """Whether a file begins and ends as Parquet files do."""
    return head.startswith(PARQUET) and tail.endswith(PARQUET)


def describe_other_kind(head: bytes) -> tuple[str, str] | None:
    """What a file is that holds no table that can be read, and what to do; None for any other."""
    if head.startswith(b"PK\x03\x04"):
        return _describe_zip(head)
    for place, mark, what, remedy in _MARKS:
        if head[place:].startswith(mark):
            return what, remedy
    for pattern, what, remedy in _TEXTS:
        if pattern.match(head):
            return what, remedy
    if head.startswith(PARQUET) and not head.isascii():
        return "a Parquet file without its end", "copy it again, it was cut short"
    return None


def _describe_zip(head: bytes) -> tuple[str, str]:
    if b"opendocument.spreadsheet" in head:
        return "an OpenDocument spreadsheet", "save its sheet as CSV"
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return "an Excel workbook", "save its sheet as CSV"
    return "a ZIP archive", _UNPACK
