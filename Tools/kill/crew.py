"""Threads that ask one server until it is killed, and what they found amiss."""

import http.client
import random
import threading

from client import Connection, Failed


class Crew:
    """Threads of a round, each with a connection and chances of its own."""

    def __init__(self, server, seed, jobs):
        """`jobs` are functions of a connection and a source of chance, with what else each is given."""
        self.server = server
        self.is_over = threading.Event()
        self.failures = []
        self.threads = [
            threading.Thread(target=self.work, args=(random.Random(f"{seed}{number}"), *job))
            for number, job in enumerate(jobs)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def join(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise Failed(self.failures[0])

    def work(self, chance, job, *arguments):
        connection = Connection(self.server.port)
        try:
            job(connection, chance, *arguments)
        except (OSError, http.client.HTTPException) as error:
            # No answer: that is what this is about, but only where we did it.
            if not self.is_over.is_set():
                self.failures.append(f"no answer from a server that nobody had killed: {error!r}")
        except Failed as failure:
            self.failures.append(str(failure))
        finally:
            connection.close()
