"""A plugin of pytest's that writes down what became of each test, since what tests print mixes with what pytest does.

One line for setup, call and teardown each: the outcome and the test's name. An attempt that is made again does not count.
"""

import os


def pytest_runtest_logreport(report):
    if report.outcome == "rerun":
        return
    with open(os.environ["OUTCOMES"], "a") as outcomes:
        outcomes.write(f"{report.outcome} {report.nodeid}\n")
