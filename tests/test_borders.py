"""``except Exception`` stands only at borders (decision 43)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BORDERS = {
    ("connector/doctor/runner.py", "_run_check"): "a check: its error is its finding",
    ("connector/front.py", "begin"): "the web server: whatever the application raises is a 500",
    ("connector/front.py", "finish"): "the web server: whatever the application raises is a 500",
    ("connector/jobs/stages.py", "_run"): "a job: the batch is released and worked one by one",
    ("connector/jobs/stages.py", "_one_by_one"): "one item of a job: it spends a try",
    (
        "connector/jobs/reconcile.py",
        "_carry_out",
    ): "a night: recorded; what is no error of ours is raised again",
    ("connector/jobs/urgent.py", "_work"): "a piece of urgent work: worked one by one",
    ("connector/policy/templates.py", "render"): "an operator's template",
    ("connector/queue.py", "restore"): "a job from Redis, which anybody may have written",
    ("connector/sync/apply/applier.py", "_decide"): "one subject: a failed rule is its dead letter",
    ("connector/webhooks/metrics.py", "answered"): "counting never fails a recorded delivery",
    (
        "connector/webhooks/paypal/certificates.py",
        "_run",
    ): "a background thread: the next delivery asks again",
    ("connector/webhooks/paypal/certificates.py", "read"): "a certificate from outside",
    ("connector/webhooks/receiver.py", "_wake"): "waking never fails a recorded delivery",
    ("connector/webhooks/receiver.py", "receive"): "the web: a delivery that fails is answered with 503",
}
EVERYTHING = {"Exception", "BaseException"}


def catches_everything(handler: ast.ExceptHandler) -> bool:
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(one is None or (isinstance(one, ast.Name) and one.id in EVERYTHING) for one in types)


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def handlers(node: ast.AST, function: str = "") -> Iterator[str]:
    """The function of each handler that ends the error of everything."""
    for child in ast.iter_child_nodes(node):
        name = child.name if isinstance(child, ast.FunctionDef) else function
        if isinstance(child, ast.ExceptHandler) and catches_everything(child) and not raises_again(child):
            yield name
        yield from handlers(child, name)


def test_every_exception_is_caught_only_at_borders_or_raised_again() -> None:
    found = [
        (path.relative_to(ROOT).as_posix(), name)
        for path in ROOT.glob("connector/**/*.py")
        for name in handlers(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert set(found) == BORDERS.keys()
    assert len(found) == len(BORDERS)
