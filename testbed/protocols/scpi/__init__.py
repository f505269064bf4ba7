"""Standard Commands for Programmable Instruments: SCPI-99 over IEEE 488.2."""

from .address import ScpiAddress, ScpiSettings, SetTemplate, check_scpi, parse_parameter, parse_query
from .blocks import BlockSpec, Take, encode_block, find_block, line_end, whole_lines
from .headers import HeaderPattern, MessageError, MessageUnit, next_path, parse_unit, split_outside_quotes
from .lines import LONGEST, Line, LineReader
from .status import QUEUE_LENGTH, Status
from .values import ErrorEntry, Identity, format_number, parse_number, shown

__all__ = [
    "LONGEST",
    "QUEUE_LENGTH",
    "BlockSpec",
    "ErrorEntry",
    "HeaderPattern",
    "Identity",
    "Line",
    "LineReader",
    "MessageError",
    "MessageUnit",
    "ScpiAddress",
    "ScpiSettings",
    "SetTemplate",
    "Status",
    "Take",
    "check_scpi",
    "encode_block",
    "find_block",
    "format_number",
    "line_end",
    "next_path",
    "parse_number",
    "parse_parameter",
    "parse_query",
    "parse_unit",
    "shown",
    "split_outside_quotes",
    "whole_lines",
]
