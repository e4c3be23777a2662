"""Put BackpropRegressor, MLPRegressor and SGDRegressor through the same cases.

    python benchmarks/bench_reliability.py
    python benchmarks/bench_reliability.py --only "4 interrupts"

A table of how many cases each has passed; then what failed and how, and the figures of
cases that measure something. Every case runs in a process of its own, for some end in a
crash or not at all; what a case asks for is said in reliability_cases.py. Estimators
have their defaults but for what a case is about. Bad input is to be refused and the
earlier model to be kept: SGDRegressor drops it before it looks at what it is given, and
that one flaw fails nearly all of its cases there. Times and memory are of this machine,
and want it quiet.
"""

import argparse
import multiprocessing
import signal
import warnings

from reliability_cases import CASES, ESTIMATORS

PATIENCE = 600  # seconds for a case


def attempt(case, kind, answer):
    """Run a case, and send whether it passed and what it has to say."""
    warnings.simplefilter("ignore")
    try:
        answer.send((True, case(kind)))
    except AssertionError as error:
        answer.send((False, str(error) or "differs"))
    except BaseException as error:
        answer.send((False, f"{type(error).__name__}: {error}"))


def outcome(case, kind):
    """Whether a case passes, and a figure or a reason, or None."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=attempt, args=(case, kind, sender))
    process.start()
    sender.close()
    try:
        if not receiver.poll(PATIENCE):
            return False, f"not over after {PATIENCE} s"
        return receiver.recv()
    except EOFError:
        process.join()
        code = process.exitcode
        end = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return False, f"crashed: {end}"
    finally:
        process.kill()
        process.join()


def report(item, cases):
    """Run the cases of an item, and print its line of the table."""
    said, passed = [], dict.fromkeys(ESTIMATORS, 0)
    for case in cases:
        for name, kind in ESTIMATORS.items():
            good, words = outcome(cases[case], kind)
            passed[name] += good
            if words:
                words = " ".join(words.split())[:90]
                said.append(f"  {'  ' if good else '✗ '}{name}, {case}: {words}")
    columns = (f"{n} of {len(cases)}" for n in passed.values())
    print(f"{item:<18}" + "".join(f"{c:>20}" for c in columns), flush=True)
    return said


def main():
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=CASES, help="one item")
    only = parser.parse_args().only
    print(f"{'cases passed':<18}" + "".join(f"{name:>20}" for name in ESTIMATORS))
    items = [only] if only else CASES
    said = {item: report(item, CASES[item]) for item in items}
    print("\nFailures (✗) and figures\n")
    for item, lines in said.items():
        print("\n".join([item, *lines]))


if __name__ == "__main__":
    main()
