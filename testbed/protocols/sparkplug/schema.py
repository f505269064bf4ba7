"""The messages of Sparkplug B as descriptors for Google's protobuf, field by field.

Names, numbers and types are those of the specification (Sparkplug 3.0, chapter 6.4, and its payload's
definition). Data sets, templates, properties and metadata are passed over as unknown fields.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_PAYLOAD = (
    ("timestamp", 1, "UINT64"), ("metrics", 2, "Metric"), ("seq", 3, "UINT64"), ("uuid", 4, "STRING"),
    ("body", 5, "BYTES"),
)  # fmt: skip
_METRIC = (
    ("name", 1, "STRING"), ("alias", 2, "UINT64"), ("timestamp", 3, "UINT64"), ("datatype", 4, "UINT32"),
    ("is_historical", 5, "BOOL"), ("is_transient", 6, "BOOL"), ("is_null", 7, "BOOL"),
)  # fmt: skip
_VALUES = (
    ("int_value", 10, "UINT32"), ("long_value", 11, "UINT64"), ("float_value", 12, "FLOAT"),
    ("double_value", 13, "DOUBLE"), ("boolean_value", 14, "BOOL"), ("string_value", 15, "STRING"),
    ("bytes_value", 16, "BYTES"),
)  # fmt: skip


@cache
def payload_class() -> Any:
    """Return the class of a payload; made once, when the first one is needed."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="testbed/sparkplug_b.proto", package="testbed.sparkplug", syntax="proto2"
    )
    shape = descriptor_pb2.FieldDescriptorProto
    metric = file.message_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for fields, owner in (
        (_METRIC, metric),
        (_VALUES, metric),
        (_PAYLOAD, file.message_type.add(name="Payload")),
    ):
        for name, number, kind in fields:
            field = owner.field.add(name=name, number=number, label=shape.LABEL_OPTIONAL)
            if kind == "Metric":
                field.label, field.type = shape.LABEL_REPEATED, shape.TYPE_MESSAGE
                field.type_name = ".testbed.sparkplug.Metric"
                continue
            field.type = getattr(shape, f"TYPE_{kind}")
            if fields is _VALUES:
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("testbed.sparkplug.Payload"))
