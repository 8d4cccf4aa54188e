"""From the path of a table to its columns: CSV and its kin, also packed by gzip, and Parquet."""

from lamina.cli._read._format import TextFormat, text_format
from lamina.cli._read._parquet import index_columns
from lamina.cli._read._table import Kept, read_kept_table, read_table

__all__ = ["Kept", "TextFormat", "index_columns", "read_kept_table", "read_table", "text_format"]
