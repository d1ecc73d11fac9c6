import asyncio
import threading

from cog import BasePredictor


class Predictor(BasePredictor):
    async def setup(self):
        self.loop, self.thread = asyncio.get_running_loop(), threading.current_thread()

    async def predict(self, what: str) -> str:
        return str(getattr(self, what)())

    def loop_runs_in_setup(self):
        return asyncio.get_running_loop() is self.loop

    def async_main_thread(self):
        main = threading.main_thread()
        return self.thread is main and threading.current_thread() is main
