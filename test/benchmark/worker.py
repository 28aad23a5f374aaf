"""One contender in its own process: `worker.py KIND URL`, or `worker.py KIND URL WORK COUNT`.

With a workload and a count it runs the workload that many times and exits, so that the whole process is measured.
Otherwise it reads commands from standard input and prints one number for each:

    call WORK COUNT   the CPU seconds per call
    memory WORK       the peak of the bytes that Python allocates during one call
    growth WORK       the growth of the peak RSS in bytes during one call
    first COUNT       the CPU seconds of the concurrent first calls of that many threads
    threads COUNT     the calls per second of that many threads
"""

import sys
from collections.abc import Callable

SMALL = "00000000-0000-4000-8000-000000000003"
LARGE = "00000000-0000-4000-8000-000000010000"
TOKEN = "a-token-of-the-benchmark"

Works = dict[str, Callable[[], object]]


def baseline(host: str) -> Works:
    import json

    import urllib3

    pool = urllib3.PoolManager(maxsize=32)
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}
    writing = {**headers, "Content-Type": "application/json"}

    def read(environment: str) -> object:
        return json.loads(pool.request("GET", f"{host}/environment/{environment}/secret", headers=headers).data)

    def create() -> object:
        body = json.dumps({"key": "A_KEY", "value": "a value"})
        return json.loads(pool.request("POST", f"{host}/environment/{SMALL}/secret", body=body, headers=writing).data)

    return {
        "list-3": lambda: read(SMALL),
        "list-10000": lambda: read(LARGE),
        "create": create,
        "delete": lambda: pool.request("DELETE", f"{host}/environment/{SMALL}/secret/{LARGE}", headers=headers),
    }


def with_client(host: str) -> Works:
    """The calls with this package or a generated client: the same code works for both."""
    import qovery

    api = qovery.EnvironmentSecretApi(qovery.ApiClient(qovery.Configuration(host=host, access_token=TOKEN)))

    def create() -> object:
        return api.create_environment_secret(SMALL, secret_request=qovery.SecretRequest(key="A_KEY", value="a value"))

    return {
        "list-3": lambda: api.list_environment_secrets(SMALL),
        "list-10000": lambda: api.list_environment_secrets(LARGE),
        "create": create,
        "delete": lambda: api.delete_environment_secret(SMALL, LARGE),
    }


def cpu_of_a_call(work: Callable[[], object], count: int) -> float:
    import time

    started = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - started) / count


def peak(work: Callable[[], object]) -> int:
    import tracemalloc

    tracemalloc.start()
    work()
    return tracemalloc.get_traced_memory()[1]


def growth(work: Callable[[], object]) -> int:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def cpu_of_first_calls(work: Callable[[], object], threads: int) -> float:
    import threading
    import time

    ready = threading.Barrier(threads + 1)

    def call() -> None:
        ready.wait()
        work()

    workers = [threading.Thread(target=call) for _ in range(threads)]
    for worker in workers:
        worker.start()
    started = time.process_time()
    ready.wait()
    for worker in workers:
        worker.join()
    return time.process_time() - started


def calls_a_second(work: Callable[[], object], threads: int) -> float:
    import threading
    import time

    each = 40
    ready = threading.Barrier(threads + 1)

    def loop() -> None:
        work()  # opens every connection before the clock starts
        ready.wait()
        for _ in range(each):
            work()

    workers = [threading.Thread(target=loop) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    started = time.perf_counter()
    for worker in workers:
        worker.join()
    return threads * each / (time.perf_counter() - started)


def main() -> None:
    kind, url, *workload = sys.argv[1:]
    works = (baseline if kind == "baseline" else with_client)(url)
    if workload:
        work, count = workload
        for _ in range(int(count)):
            works[work]()
        return
    for line in sys.stdin:
        order, *words = line.split()
        result: float
        if order == "call":
            result = cpu_of_a_call(works[words[0]], int(words[1]))
        elif order == "memory":
            result = peak(works[words[0]])
        elif order == "growth":
            result = growth(works[words[0]])
        elif order == "first":
            result = cpu_of_first_calls(works["list-3"], int(words[0]))
        else:
            result = calls_a_second(works["list-3"], int(words[0]))
        print(result, flush=True)


if __name__ == "__main__":
    main()
