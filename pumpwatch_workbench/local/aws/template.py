"""The deployment template as the local stack reads it: parameters checked, its language worked out.

Only what Pumpwatch's template uses is understood; anything else is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pumpwatch.errors import PumpwatchError


class TemplateError(PumpwatchError):
    """The template, or a value given for one of its parameters, cannot be used as it is."""


_FASTEST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FASTEST):  # type: ignore[misc, valid-type]
    """YAML with CloudFormation's short forms: `!Ref X` is `{"Ref": "X"}`."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def load_template(path: Path) -> dict[str, Any]:
    """Return the template's document with every short form written out."""
    try:
        document = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except (OSError, yaml.YAMLError) as error:
        raise TemplateError(f"{path} cannot be read as a template: {error}") from None
    if not isinstance(document, dict) or "Resources" not in document:
        raise TemplateError(f"{path} is no template: it has no Resources")
    return document


Value = Any

NO_VALUE = object()
SUB = re.compile(r"\$\{(!?)([^}]+)\}")


class Template:
    """A template with values for its parameters.

    `physical` gives a resource's id (`Ref`), `attributes` an attribute of one (`GetAtt`, by
    "Name.Attribute"); both are filled while the resources are created.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, object],
        *,
        stack: str,
        region: str,
    ) -> None:
        self._document = document
        self.parameters = _values(document.get("Parameters", {}), parameters)
        self.physical: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        self._pseudo = {
            "AWS::StackName": stack,
            "AWS::Region": region,
            "AWS::AccountId": "123456789012",
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackId": f"arn:aws:cloudformation:{region}:123456789012:stack/{stack}/local",
        }

    def resources(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield name and properties (unresolved) of a type's resources whose condition holds."""
        for name, resource in self._document["Resources"].items():
            condition = resource.get("Condition")
            if resource["Type"] == kind and (condition is None or self._condition(condition)):
                yield name, resource.get("Properties", {})

    def functions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield name and properties (unresolved) of the functions, the Globals filled in."""
        common = self._document.get("Globals", {}).get("Function", {})
        for name, properties in self.resources("AWS::Serverless::Function"):
            variables = {
                **common.get("Environment", {}).get("Variables", {}),
                **properties.get("Environment", {}).get("Variables", {}),
            }
            yield name, {**common, **properties, "Environment": {"Variables": variables}}

    def refusals(self) -> list[str]:
        """Return what the template's rules say of the parameters and the region."""
        return [
            assertion["AssertDescription"]
            for rule in self._document.get("Rules", {}).values()
            if self.resolve(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.resolve(assertion["Assert"])
        ]

    def resolve(self, value: Value) -> Value:
        """Return the value with every function of the template language worked out."""
        if isinstance(value, list):
            return [made for item in value if (made := self.resolve(item)) is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in self._language():
                return self._language()[name](argument)
            if name.startswith("Fn::"):
                raise TemplateError(f"{name} is not understood by the local stack")
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _language(self) -> Mapping[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::Sub": self._sub,
            "Fn::GetAtt": self._attribute,
            "Fn::If": self._if,
            "Fn::Equals": lambda pair: self._text(pair[0]) == self._text(pair[1]),
            "Fn::Not": lambda argument: not self.resolve(argument[0]),
            "Fn::And": lambda all_of: all(map(self.resolve, all_of)),
            "Fn::Or": lambda any_of: any(map(self.resolve, any_of)),
            "Fn::Join": lambda pair: pair[0].join(map(self._text, self.resolve(pair[1]))),
            "Fn::Select": lambda pair: self.resolve(pair[1])[int(self.resolve(pair[0]))],
            "Fn::FindInMap": self._find_in_map,
            "Fn::Contains": lambda pair: self._text(pair[1]) in map(self._text, pair[0]),
            "Fn::EachMemberEquals": lambda pair: set(self._text(pair[0]).split(",")) == {pair[1]},
        }

    def _text(self, value: Value) -> str:
        resolved = self.resolve(value)
        return str(resolved).lower() if isinstance(resolved, bool) else str(resolved)

    def _ref(self, name: str) -> Value:
        if name == "AWS::NoValue":
            return NO_VALUE
        for known in (self._pseudo, self.parameters, self.physical):
            if name in known:
                return known[name]
        raise TemplateError(f"Ref {name}: the local stack has nothing of that name")

    def _attribute(self, path: list[str]) -> str:
        name = ".".join(path)
        if name not in self.attributes:
            raise TemplateError(f"GetAtt {name}: the local stack does not know this attribute")
        return self.attributes[name]

    def _sub(self, argument: Value) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in given:
                return self._text(given[name])
            return str(self._attribute(name.split(".", 1)) if "." in name else self._ref(name))

        return SUB.sub(value, text)

    def _if(self, argument: list[Value]) -> Value:
        condition, then, otherwise = argument
        return self.resolve(then if self._condition(condition) else otherwise)

    def _condition(self, name: str) -> bool:
        try:
            return bool(self.resolve(self._document["Conditions"][name]))
        except KeyError:
            raise TemplateError(f"the template has no condition {name}") from None

    def _find_in_map(self, argument: list[Value]) -> Value:
        name, first, second = map(self.resolve, argument)
        try:
            return self._document["Mappings"][name][first][second]
        except KeyError:
            raise TemplateError(f"the template has no mapping {name}.{first}.{second}") from None


def _values(declared: Mapping[str, Any], given: Mapping[str, object]) -> dict[str, str]:
    unknown = given.keys() - declared.keys()
    if unknown:
        raise TemplateError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values = {}
    for name, declaration in declared.items():
        if name not in given and "Default" not in declaration:
            raise TemplateError(f"parameter {name} needs a value")
        values[name] = _checked(name, str(given.get(name, declaration.get("Default"))), declaration)
    return values


def _checked(name: str, value: str, declaration: Mapping[str, Any]) -> str:
    problem = ""
    allowed = [str(value) for value in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        problem = f"not one of {', '.join(map(repr, allowed))}"
    if not re.fullmatch(declaration.get("AllowedPattern", ".*"), value, re.DOTALL):
        problem = str(declaration.get("ConstraintDescription", declaration.get("AllowedPattern")))
    if declaration["Type"] == "Number":
        problem = problem or _number_problem(value, declaration)
    if problem:
        raise TemplateError(f"parameter {name}={value!r} is not allowed: {problem}")
    return value


def _number_problem(value: str, declaration: Mapping[str, Any]) -> str:
    try:
        number = float(value)
    except ValueError:
        return "not a number"
    low, high = declaration.get("MinValue"), declaration.get("MaxValue")
    if (low is not None and number < low) or (high is not None and number > high):
        return f"not from {low} to {high}"
    return ""
