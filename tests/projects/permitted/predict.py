import asyncio
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

from cog import BasePredictor

import helper


class Item:
    def __init__(self, number):
        self.number = number


class Predictor(BasePredictor):
    def setup(self):
        self.setup_thread = threading.current_thread()
        try:
            asyncio.get_running_loop()
            self.loop_in_setup = True
        except RuntimeError:
            self.loop_in_setup = False

    def predict(self, what: str) -> str:
        return str(getattr(self, what)())

    def main_thread(self):
        main = threading.main_thread()
        return self.setup_thread is main and threading.current_thread() is main

    def sync_setup_has_no_loop(self):
        return not self.loop_in_setup

    def signal_handler(self):
        seen = []
        before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
        os.kill(os.getpid(), signal.SIGUSR1)
        while not seen:
            time.sleep(0.001)
        signal.signal(signal.SIGUSR1, before)
        return seen == [signal.SIGUSR1]

    def interval_timer(self):
        def expire(number, frame):
            raise TimeoutError

        before = signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        try:
            time.sleep(600)
        except TimeoutError:
            return True
        finally:
            signal.signal(signal.SIGALRM, before)

    def arguments_are_the_programs_name(self):
        return len(sys.argv) == 1

    def stdin_is_empty(self):
        return sys.stdin.read() == ""

    def one_module(self):
        import predict

        return predict.Predictor is type(self)

    def what_it_defines_is_pickled(self):
        return pickle.loads(pickle.dumps(Item(3))).number == 3

    def script(self):
        return subprocess.check_output([sys.executable, "worker.py"]).decode().strip() == "helped"

    def command(self):
        code = "import cog, helper; print(helper.NAME, cog.BasePredictor.__name__)"
        return subprocess.check_output([sys.executable, "-c", code]).decode() == "helped BasePredictor\n"

    def forks(self):
        return self._pool("fork")

    def forkservers(self):
        return self._pool("forkserver")

    def spawns(self):
        return self._pool("spawn")

    def what_it_defines_is_spawned(self):
        return self._pool("spawn", Item)

    def _pool(self, method, kind=None):
        with multiprocessing.get_context(method).Pool(1) as pool:
            results = pool.apply_async(helper.work, ((kind or helper.Job)(4),)).get(30)
        return results == (4, "helped", "BasePredictor")

    def sleep_is_cancelled(self):
        print("asleep", flush=True)
        time.sleep(600)

    def forks_of_forks(self):
        context = multiprocessing.get_context("fork")
        process = context.Process(target=self._fork_again)
        process.start()
        process.join()
        return process.exitcode == 0

    def _fork_again(self):
        own = [os.open(os.devnull, os.O_RDONLY) for _ in range(64)]
        pid = os.fork()
        if pid == 0:
            os._exit(sum(os.read(each, 1) != b"" for each in own))  # all of them are still open
        os._exit(os.waitpid(pid, 0)[1] != 0)

    def forks_are_ended_by_terminate(self):
        process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        process.start()
        process.terminate()
        process.join(20)
        return process.exitcode == -signal.SIGTERM

    def forks_print(self):
        process = multiprocessing.get_context("fork").Process(target=print, args=("from a fork",))
        process.start()
        process.join()
        return True

    def spawned_print(self):
        process = multiprocessing.get_context("spawn").Process(target=print, args=("from a spawned one",))
        process.start()
        process.join()
        return True
