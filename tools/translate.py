"""Print template.yaml as CloudFormation gets it: what SAM makes of each function, event and state machine.

It needs SAM's translator, which is in .venv-tools, so it is run there: `.venv-tools/bin/python tools/translate.py`.
"""

import copy
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.template import ROOT, load

#: Where what is built lies once it is uploaded, by type: the translator takes no paths.
UPLOADED = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


def translate(template: dict[str, Any]) -> dict[str, Any]:
    """The template without SAM's resources.

    Raises:
        samtranslator.model.exceptions.InvalidDocumentException: SAM does not take it.
    """
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    uploaded = copy.deepcopy(template)
    for body in uploaded["Resources"].values():
        if body["Type"] in UPLOADED:
            body["Properties"][UPLOADED[body["Type"]]] = "s3://bucket/key"
    defaults = {name: body["Default"] for name, body in template.get("Parameters", {}).items() if "Default" in body}
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    translated: dict[str, Any] = translator.translate(uploaded, defaults)
    return translated


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "template.yaml"
    json.dump(translate(load(path)), sys.stdout)
