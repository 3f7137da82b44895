"""How the local stack reads a template: its language, its parameters, and what it refuses."""

import pytest

from pumpwatch_workbench.local.aws.template import Template, TemplateError, load_template

TEXT = """
Parameters:
  Stage:
    Type: String
    Default: dev
    AllowedPattern: "^[a-z]+$"
    ConstraintDescription: small letters
  Mode: {Type: String, Default: a, AllowedValues: [a, b]}
  Size: {Type: Number, Default: 3, MinValue: 1, MaxValue: 5}
  Needed: {Type: String}
Mappings:
  Regions: {eu-central-1: {short: fra}}
Conditions:
  IsB: !Equals [!Ref Mode, b]
  NotB: !Not [!Condition IsB]
  Both: !And [!Condition IsB, !Equals ["1", 1]]
  Either: !Or [!Condition IsB, !Condition NotB]
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {A: 1}}
  Gone: {Type: AWS::S3::Bucket, Condition: IsB}
"""


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(TEXT)
    return load_template(path)


@pytest.fixture
def template(document):
    made = Template(document, {"Needed": "x"}, stack="st", region="eu-central-1")
    made.physical["Table"] = "st-Table"
    made.attributes["Table.StreamArn"] = "arn:stream"
    return made


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "Table"}, "st-Table"),
        ({"Ref": "AWS::StackName"}, "st"),
        ({"Fn::GetAtt": ["Table", "StreamArn"]}, "arn:stream"),
        (
            {"Fn::Sub": "${Stage}/${Table}/${Table.StreamArn}/${!Kept}"},
            "dev/st-Table/arn:stream/${Kept}",
        ),
        ({"Fn::Sub": ["${Own}-${Stage}", {"Own": {"Ref": "Size"}}]}, "3-dev"),
        ({"Fn::Join": ["-", [{"Ref": "Stage"}, "x"]]}, "dev-x"),
        ({"Fn::Select": ["1", ["a", {"Ref": "Stage"}]]}, "dev"),
        ({"Fn::If": ["IsB", "yes", "no"]}, "no"),
        ({"Fn::If": ["NotB", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ({"Fn::FindInMap": ["Regions", {"Ref": "AWS::Region"}, "short"]}, "fra"),
        ({"keep": 1, "drop": {"Ref": "AWS::NoValue"}}, {"keep": 1}),
        ([1, {"Ref": "AWS::NoValue"}, {"Ref": "Size"}], [1, "3"]),
        ({"Fn::If": ["IsB", 1, {"Ref": "AWS::NoValue"}]}, None),
    ],
)
def test_language_is_worked_out(template, value, expected):
    assert template.resolve({"x": value}).get("x") == expected


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Nothing"},
        {"Fn::GetAtt": ["Table", "Nothing"]},
        {"Fn::Sub": "${Nothing}"},
        {"Fn::If": ["Nothing", 1, 2]},
        {"Fn::FindInMap": ["Regions", "us-east-1", "short"]},
        {"Fn::ImportValue": "x"},
        {"Fn::Transform": {}},
    ],
)
def test_what_is_not_understood_is_an_error_and_never_a_guess(template, value):
    with pytest.raises(TemplateError):
        template.resolve(value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameter Needed needs a value"),
        ({"Needed": "x", "Other": "y"}, "no parameter Other"),
        ({"Needed": "x", "Stage": "Dev"}, "Stage='Dev' is not allowed: small letters"),
        ({"Needed": "x", "Mode": "c"}, "Mode='c' is not allowed: not one of 'a', 'b'"),
        ({"Needed": "x", "Size": "6"}, "Size='6' is not allowed: not from 1 to 5"),
        ({"Needed": "x", "Size": "0"}, "not from 1 to 5"),
        ({"Needed": "x", "Size": "many"}, "not a number"),
    ],
)
def test_parameters_are_checked_as_cloudformation_would(document, parameters, message):
    with pytest.raises(TemplateError, match=message):
        Template(document, parameters, stack="st", region="eu-central-1")


def test_resource_whose_condition_is_false_is_left_out(document):
    for mode, expected in (("a", []), ("b", ["Gone"])):
        made = Template(document, {"Needed": "x", "Mode": mode}, stack="s", region="eu-central-1")
        assert [name for name, _ in made.resources("AWS::S3::Bucket")] == expected


@pytest.mark.parametrize("text", ["just text", "{", "Parameters: {}"])
def test_file_that_is_no_template_is_refused(tmp_path, text):
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(TemplateError):
        load_template(path)


def test_absent_file_is_refused(tmp_path):
    with pytest.raises(TemplateError, match="cannot be read"):
        load_template(tmp_path / "nothing.yaml")
