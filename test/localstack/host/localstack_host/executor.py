"""Runs Lambda functions as Node processes: one process an execution environment, and to it one socket pair (the child's end is named by its
first argument; JSON, a line a message) in place of LocalStack's HTTP endpoint for containers."""

import json
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from localstack_host import emf

LOG = logging.getLogger(__name__)
BOOTSTRAP = Path(__file__).with_name("bootstrap.mjs")
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB, and what Lambda adds around it.
LARGEST_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
HEAP_SHARE = 0.9
SMALLEST_HEAP_MB = 64
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
END = "\x1eEND "


def error_of(type_, message):
    return json.dumps({"errorType": type_, "errorMessage": message}).encode()


class ProcessRuntimeExecutor(RuntimeExecutor):
    process: subprocess.Popen | None = None

    def start(self, env_vars):
        code = str(self.function_version.config.code.get_unzipped_code_location())
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.environment = {**inherited, **{k: str(v) for k, v in env_vars.items()}, "LAMBDA_TASK_ROOT": code}
        self.directory, self.stopped = code, False
        self._spawn()

    def _spawn(self):
        ours, theirs = socket.socketpair()
        heap = max(int(int(self.function_version.config.memory_size) * HEAP_SHARE), SMALLEST_HEAP_MB)
        command = [
            os.environ["LOCALSTACK_HOST_NODE"],
            "--enable-source-maps",
            f"--max-old-space-size={heap}",
            str(BOOTSTRAP),
            str(theirs.fileno()),
        ]
        self.lines, self.lines_changed, begun = [], threading.Condition(), time.perf_counter()
        with theirs:
            self.process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.socket, self.reader = ours, ours.makefile("r", encoding="utf-8", newline="\n")
        threading.Thread(
            target=self._drain, args=(self.process, self.lines, self.lines_changed), daemon=True
        ).start()
        message = self._receive()
        if message is None:
            exited = error_of("Runtime.ExitError", "Runtime exited without providing a reason").decode()
            message = {"type": "init_error", "payload": exited}
        if message["type"] == "init_error":
            self._kill()
            LOG.warning(
                "%s does not start: %s\n%s",
                self.function_version.qualified_arn,
                message["payload"],
                self.get_logs(),
            )
            raise StatusErrorException("Environment startup failed", payload=message["payload"].encode())
        self.init_ms = (time.perf_counter() - begun) * 1000

    @staticmethod
    def _drain(process, lines, changed):
        for line in process.stdout:
            with changed:
                lines.append(line.decode("utf-8", "replace"))
                changed.notify_all()
        process.stdout.close()
        process.wait()
        with changed:
            lines.append(None)
            changed.notify_all()

    def _receive(self):
        try:
            line = self.reader.readline()
            return json.loads(line) if line else None
        except (OSError, ValueError):
            return None

    def _kill(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            try:
                # A session of its own: it and what it started, and nobody else.
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def stop(self):
        self.stopped = True
        self._kill()

    def invoke(self, payload):
        request, settings = payload["invoke-id"], self.function_version.config
        cold = self.init_ms
        try:
            # It died, or a timeout killed it: Lambda begins a new one in its place.
            if self.process.poll() is not None:
                self._kill()
                self._spawn()
                cold = self.init_ms
        except StatusErrorException as error:
            return self._finish(request, error.payload, True, 0, None, [])
        self.init_ms = None
        mark, timed_out, begun = len(self.lines), threading.Event(), time.perf_counter()

        def on_timeout():
            timed_out.set()
            self._kill()

        timer = threading.Timer(settings.timeout, on_timeout)
        timer.daemon = True
        timer.start()
        invocation = {
            "id": request,
            "arn": payload["invoked-function-arn"],
            "deadline": int((time.time() + settings.timeout) * 1000),
            "trace": payload.get("trace-id"),
            "payload": payload["payload"],
        }
        try:
            self.socket.sendall((json.dumps(invocation) + "\n").encode())
            message = self._receive()
        except OSError:
            message = None
        finally:
            timer.cancel()
        duration_ms = (time.perf_counter() - begun) * 1000
        if message is None and self.stopped:
            stopped = error_of("Sandbox.Stopped", "execution environment stopped")
            raise StatusErrorException("environment stopped", payload=stopped)
        body, is_error, last = self._outcome(request, message, timed_out.is_set())
        lines = self._lines_until(mark, f"{END}{request}\n" if message else None)
        return self._finish(request, body, is_error, duration_ms, cold, lines + last)

    def _outcome(self, request, message, timed_out):
        """The response, whether it is an error, and what Lambda itself logs of it."""
        if message is None and timed_out:
            now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            text = f"{now} {request} Task timed out after {self.function_version.config.timeout:.2f} seconds"
            return error_of("Sandbox.Timedout", text), True, [text + "\n\n"]
        if message is None:
            text = f"RequestId: {request} Error: Runtime exited with error: {self._exit_reason()}"
            return error_of("Runtime.ExitError", text), True, [text + "\n"]
        body = message["payload"].encode()
        if len(body) > LARGEST_RESPONSE_BYTES:
            text = f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE_BYTES} bytes)."
            return error_of("Function.ResponseSizeTooLarge", text), True, []
        return body, not message["ok"], []

    def _exit_reason(self):
        try:
            code = self.process.wait(2)
        except subprocess.TimeoutExpired:
            return "unknown"
        return f"exit status {code}" if code >= 0 else f"signal: {signal.Signals(-code).name}"

    def _lines_until(self, mark, end):
        """Node writes to a pipe synchronously, so the line `end` came before the reply. Without a reply: until the output ends."""
        with self.lines_changed:
            self.lines_changed.wait_for(
                lambda: (end in self.lines[mark:] if end else False) or (self.lines and self.lines[-1] is None),
                timeout=2,
            )
            lines = [line for line in self.lines[mark:] if line is not None and not line.startswith(END)]
            ended = bool(self.lines) and self.lines[-1] is None
            self.lines[:] = [None] if ended else []
        return lines

    def _finish(self, request, body, is_error, duration_ms, cold, lines):
        settings, version = self.function_version.config, self.function_version.id.qualifier
        init = f"\tInit Duration: {cold:.2f} ms" if cold else ""
        logs = "".join(
            [
                f"START RequestId: {request} Version: {version}\n",
                *lines,
                f"END RequestId: {request}\n",
                f"REPORT RequestId: {request}\tDuration: {duration_ms:.2f} ms\t"
                f"Billed Duration: {int(duration_ms) + 1} ms\tMemory Size: {settings.memory_size} MB\t"
                f"Max Memory Used: {settings.memory_size} MB{init}\n",
            ]
        )
        if any('"_aws"' in line for line in lines):
            emf.publish(self.function_version.id, lines)
        return InvocationResult(request, body, is_error=is_error, logs=logs)

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return config.HOSTNAME_FROM_LAMBDA or "127.0.0.1"

    def get_runtime_endpoint(self):
        # Only containers call back over HTTP.
        return ""

    def get_logs(self):
        return "".join(line for line in getattr(self, "lines", []) if line)

    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass
