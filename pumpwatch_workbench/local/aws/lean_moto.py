"""Replace slow paths of moto's DynamoDB for `pumpwatch run`; the answers stay the same.

* A transaction: moto copies the whole table with its stream, once for every operation in it (0.3 s
  for 500 items, growing, and 1 GB of garbage). After a cancelled transaction the table is that
  copy, so that a stream reader reads a shard that is no longer written to. Here only the items that
  the transaction names are kept and put back.
* An answer: moto looks for every possible field of every attribute under several names. Here the
  items and records, which are in the wire format already, are written as they are.
* An update: moto parses its expression twice, copies it and walks it ten times. Here an expression
  is parsed once and checked by moto once for the same names; afterwards only the values are put in.

For a process that serves one request at a time.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import moto.dynamodb.models
from moto.core.serialize import TimestampSerializer
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes, expressions, validators
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

Moto = Any
"""An object of moto's, which has no static type."""

dynamodb: Moto = moto.dynamodb.models
handler_class: Moto = DynamoHandler
streams_class: Moto = DynamoDBStreamsHandler
parser_class: Moto = expressions.UpdateExpressionParser  # type: ignore[attr-defined]
nodes: Moto = ast_nodes

_transact_as_moto = dynamodb.DynamoDBBackend.transact_write_items
_serialized_as_moto = handler_class.serialized
_parsed_as_moto = parser_class.make
_validator_of_moto = dynamodb.UpdateExpressionValidator
ACTIONS = [*dynamodb.UpdateExpressionExecutor.execution_map]
"""Classes of SET, ADD, REMOVE and DELETE."""
_checked: set[Moto] = set()
"""Expressions that were valid, each with its names and the names of its values."""
PLAIN_ANSWERS = frozenset(
    {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "GetRecords"}
)
"""Actions whose answers are only items, records and counts."""


def make_lean() -> None:
    """Replace the slow paths in this process."""
    dynamodb.copy = SimpleNamespace(deepcopy=_copy_all_but_tables)
    dynamodb.DynamoDBBackend.transact_write_items = _transact
    handler_class.serialized = streams_class.serialized = _serialized
    # Whoever changes a parsed expression copies it first.
    parser_class.make = lru_cache(_parsed_as_moto)
    dynamodb.UpdateExpressionValidator = _validator


def _copy_all_but_tables(value: Moto) -> Moto:
    return value if isinstance(value, Table) else copy.deepcopy(value)


def _transact(backend: Moto, transact_items: list[dict[str, Any]]) -> None:
    undo = _undo(backend, transact_items)
    try:
        _transact_as_moto(backend, transact_items)
    except Exception:
        undo()
        raise


def _undo(backend: Moto, transact_items: list[dict[str, Any]]) -> Callable[[], None]:
    """Return what puts back the named items and cuts off what the streams recorded since."""
    operations = [operation for item in transact_items for operation in item.values()]
    names = {operation.get("TableName") for operation in operations} & backend.tables.keys()
    tables = {name: backend.tables[name] for name in names}
    kept = []
    for operation in operations:
        table = tables.get(operation.get("TableName"))
        key = operation.get("Key") or operation.get("Item") or {}
        if table is not None and all(attribute in key for attribute in table.table_key_attrs):
            keys = backend.get_keys_value(table, key)
            kept.append((table, keys, copy.deepcopy(table.get_item(*keys))))
    shards = [table.stream_shard for table in tables.values() if table.stream_shard is not None]
    recorded = [(shard, len(shard.items)) for shard in shards]

    def put_back() -> None:
        for table, (hash_key, range_key), item in kept:
            items = table.items if range_key is None else table.items[hash_key]
            key = hash_key if range_key is None else range_key
            if item is None:
                items.pop(key, None)
            else:
                items[key] = item
        for shard, length in recorded:
            del shard.items[length:]

    return put_back


def _validator(expression: Moto, **given: Moto) -> SimpleNamespace:
    """Stand for moto's validator, which checks an expression in full and puts in the values."""
    names = given["expression_attribute_names"] or {}
    values = given["expression_attribute_values"] or {}

    def validate() -> Moto:
        known = expression, tuple(names.items()), tuple(values)
        if known in _checked:
            resolver = validators.ExpressionPathResolver(names)
            resolve = partial(resolver.resolve_expression_path, given["item"])
            clauses = expression.find_clauses(ACTIONS)
            actions = [_with_value(action, values, resolve) for action in clauses]
            if None not in actions:
                return nodes.UpdateExpression(actions)
        checked = _validator_of_moto(expression, **given).validate()
        _checked.add(known)
        return checked

    return SimpleNamespace(validate=validate)


def _with_value(action: Moto, values: Moto, resolve: Callable[[Moto], Moto]) -> Moto:
    """Return the action of an update with its value; None leaves the update to moto."""
    path, *operands = action.children
    operands = [_value(operand, values, resolve) for operand in operands]
    if None in operands or len(path.children) > 1:
        return None
    return type(action)([copy.copy(path), *operands])


def _value(operand: Moto, values: Moto, resolve: Callable[[Moto], Moto]) -> Moto:
    match operand:
        case nodes.UpdateExpressionValue(children=[single]):
            return _value(single, values, resolve)
        case nodes.ExpressionAttributeValue(children=[name]):
            return nodes.DDBTypedValue(DynamoType(values[name]))
        case nodes.UpdateExpressionFunction(children=["if_not_exists", path, otherwise]):
            present = resolve(path)
            missing = isinstance(present, nodes.NoneExistingPath)
            return _value(otherwise, values, resolve) if missing else present
    return None


def _serialized(handler: Moto, action_result: Moto) -> Moto:
    result = action_result.result
    if handler._get_action() not in PLAIN_ANSWERS or not isinstance(result, dict):
        return _serialized_as_moto(handler, action_result)
    try:
        present = {name: value for name, value in result.items() if value is not None}
        body = json.dumps(present, default=_unix_time)
    except TypeError:  # an item with bytes in it
        return _serialized_as_moto(handler, action_result)
    return 200, {"Content-Type": "application/x-amz-json-1.0", **handler.response_headers}, body


def _unix_time(value: object) -> object:
    if not isinstance(value, datetime):
        raise TypeError(f"a {type(value).__name__} is not JSON")
    return TimestampSerializer._timestamp_unixtimestamp(value)
