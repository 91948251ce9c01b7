"""A server of our own and requests to it: what the demo, the killing, the SDK's requests and the benchmarks share.

Nothing but Python 3.9 or later is needed.

Invariants:
  * A server started here listens on the loopback address only, and is ended by its own process id.
  * Leaving `running()` ends the server, whatever happened inside, also a SIGTERM to this script.
  * An answer is kept as the bytes that came; `Answer.exact()` reads it with every number's text.
"""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
import uuid

HOST = "127.0.0.1"
JSON_TYPE = "application/json"
RECORDS_TYPE = "application/json; format=pandas-records"
LINES_TYPE = "application/x-ndjson"

# What a request may take before it counts as hanging. Ours take milliseconds.
ANSWER_SECONDS_MAX = 30.0
# From the start of the process to its first answer; recovery included.
START_SECONDS_MAX = 30.0
# Between two looks at whether it answers: benchmarks time the start.
START_POLL_SECONDS = 0.0005
# From SIGTERM to the end: requests under way are answered and the log is sealed.
STOP_SECONDS_MAX = 10.0


class Failed(Exception):
    """Something is not as it must be; the message says what."""


def must(condition, message):
    if not condition:
        raise Failed(message)


# Requests and answers.

class Answer:
    """What came back: status, headers by lower-case name, the body's bytes, and what it took."""

    def __init__(self, status, headers, body, seconds):
        self.status = status
        self.headers = headers
        self.body = body
        self.seconds = seconds

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Failed(f"the answer is no JSON ({error}): {excerpt(self.body)}") from error

    def exact(self):
        """The body with each number as its text, so that 1.50 and 1.5 differ."""
        return exact(self.body)

    @property
    def problem(self):
        """The sentence in an error's body, in any of the shapes that the API's families have."""
        try:
            body = json.loads(self.body)
        except ValueError:
            return excerpt(self.body)
        if isinstance(body, dict):
            for key in ("msg", "message", "error"):
                if isinstance(body.get(key), str):
                    return body[key]
        return excerpt(self.body)


def exact(text):
    """JSON with each number as a string that no string of ours can be: its text after a NUL."""
    return json.loads(text, parse_float=_number_text, parse_int=_number_text,
                      parse_constant=_no_number)


def _number_text(text):
    return "\0" + text


def _no_number(text):
    raise Failed(f"the answer holds {text}, which is no JSON")


def excerpt(body, limit=300):
    text = body.decode("utf-8", "replace")
    return text if len(text) <= limit else text[:limit] + " …"


class Connection:
    """One kept-alive connection. Not for several threads at once."""

    def __init__(self, port, timeout=ANSWER_SECONDS_MAX):
        self._http = http.client.HTTPConnection(HOST, port, timeout=timeout)

    def send(self, method, path, body=None, content_type=JSON_TYPE, headers=None):
        """Sends bytes or a JSON document. Raises OSError or HTTPException where no answer came;
        the request is not sent again: whether it was carried out is then unknown."""
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body, separators=(",", ":")).encode()
        headers = dict(headers or {})
        if body is not None:
            headers["Content-Type"] = content_type
        start = time.monotonic()
        try:
            self._http.request(method, path, body, headers)
            response = self._http.getresponse()
            content = response.read()
        except BaseException:
            self._http.close()
            raise
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, content, time.monotonic() - start)

    def close(self):
        self._http.close()


def multipart(parts):
    """A multipart/form-data body of (name, file name or None, media type, bytes), and its type."""
    boundary = uuid.uuid4().hex
    pieces = []
    for name, file_name, media_type, content in parts:
        disposition = f'form-data; name="{name}"'
        if file_name is not None:
            disposition += f'; filename="{file_name}"'
        pieces.append(f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
                      f"Content-Type: {media_type}\r\n\r\n".encode())
        pieces += [content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"multipart/form-data; boundary={boundary}"


def model_upload(name, workspace_id, model, file_name):
    """The body of models/upload_and_convert, and its type."""
    metadata = {
        "name": name, "visibility": "public", "workspace_id": workspace_id,
        "conversion": {"framework": "onnx", "python_version": "3.8", "requirements": []}}
    return multipart([
        ("metadata", None, JSON_TYPE, json.dumps(metadata).encode()),
        ("file", file_name, "application/octet-stream", model)])


# The server.

def free_port(wanted=0):
    """`wanted`, or with 0 any port, if nobody listens there: else another's server would answer."""
    with socket.socket() as probe:
        # As servers do, so that the port of one that has just stopped is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise Failed(f"port {wanted} is not free: {error}") from error
        return probe.getsockname()[1]


class Server:
    """A process that serves `data`. What it says goes to the end of the file `log`."""

    def __init__(self, executable, data, log, port=None, options=()):
        self.port = free_port(port or 0)
        self.executable = executable
        self.data = data
        self.log = log
        self.started_at = time.monotonic()
        with open(log, "ab") as output:
            try:
                # A session of its own: Ctrl-C reaches this script alone, which then stops it.
                self._process = subprocess.Popen(
                    [str(executable), "serve", "--data", str(data), "--host", HOST,
                     "--port", str(self.port), *options],
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
            except OSError as error:
                raise Failed(f"cannot start {executable}: {error}") from error

    @property
    def url(self):
        return f"http://{HOST}:{self.port}"

    @property
    def process_id(self):
        return self._process.pid

    @property
    def has_ended(self):
        return self._process.poll() is not None

    def wait_until_healthy(self, connection=None):
        """The first answer of /healthz, and the seconds since the process was started. It is asked on `connection`,
        which stays open, or on one of its own."""
        deadline = self.started_at + START_SECONDS_MAX
        own = Connection(self.port, timeout=5)
        while True:
            try:
                answer = (connection or own).send("GET", "/healthz")
                must(answer.status == 200, f"/healthz answers {answer.status}: {answer.problem}")
                return answer, time.monotonic() - self.started_at
            except (OSError, http.client.HTTPException):
                must(not self.has_ended, f"the server ended at once:\n{self.last_words()}")
                must(time.monotonic() < deadline,
                     f"the server did not answer within {START_SECONDS_MAX:.0f} s:\n"
                     f"{self.last_words()}")
                time.sleep(START_POLL_SECONDS)
            finally:
                own.close()

    def kill(self):
        """As a power cut would end it: at once, with nothing written."""
        self._process.kill()
        self._process.wait()

    def stop(self):
        """Asks it to stop and waits; its exit status, or None where it had to be killed."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
                return None
        return self._process.returncode

    def wait(self):
        return self._process.wait()

    def last_words(self, line_count=12):
        try:
            with open(self.log, "rb") as file:
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        quoted = ["    | " + line for line in lines[-line_count:]]
        return "\n".join(quoted) or "    | (it said nothing)"


@contextlib.contextmanager
def running(executable, data, log, port=None):
    server = Server(executable, data, log, port)
    try:
        yield server
    finally:
        server.stop()


def end_as_interrupted():
    """Lets SIGTERM and SIGHUP unwind this script, so that what it started is ended too."""
    def unwind(number, _):
        sys.exit(128 + number)
    signal.signal(signal.SIGTERM, unwind)
    signal.signal(signal.SIGHUP, unwind)
