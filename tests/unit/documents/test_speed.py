"""Budgets of rendering, on the 2 cores of a small machine: a batch of letters is made in one go at night."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from arrears.documents.letters import render_letter
from tests.unit.documents.made_up import LANGUAGES, letter, templates

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_takes_less_than_150_milliseconds_when_warm(language: str) -> None:
    content = letter("lawyer_letter", language)
    render_letter(content, templates(), language)
    begun = time.perf_counter()
    for _ in range(20):
        render_letter(content, templates(), language)
    assert (time.perf_counter() - begun) / 20 < 0.15


def test_the_first_letter_of_a_process_takes_less_than_a_second_and_a_half() -> None:
    root = Path(__file__).parents[3]
    program = (
        "import time; begun = time.perf_counter()\n"
        "from tests.unit.documents.made_up import letter, templates\n"
        "from arrears.documents.letters import render_letter\n"
        "render_letter(letter('lawyer_letter', 'zh-CN'), templates(), 'zh-CN')\n"
        "print(time.perf_counter() - begun)"
    )
    env = {"PYTHONPATH": f"{root / 'layers' / 'common'}:{root}"}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=env)
    assert float(done.stdout) < 1.5
