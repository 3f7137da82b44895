"""The deployed stack on a person's machine: real template, real handlers, an AWS stand-in."""

from .aws import AwsServer, LocalStackError
from .functions import FunctionFailed, Invocation, LocalFunction
from .pushgateway import Pushgateway
from .queues import QueueReader
from .stack import LocalStack
from .streams import StreamReader
from .template import TemplateError

__all__ = [
    "AwsServer",
    "FunctionFailed",
    "Invocation",
    "LocalFunction",
    "LocalStack",
    "LocalStackError",
    "Pushgateway",
    "QueueReader",
    "StreamReader",
    "TemplateError",
]
