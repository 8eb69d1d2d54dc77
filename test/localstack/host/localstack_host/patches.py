"""What is adapted in LocalStack's own process when it starts. Nothing of its installation is edited."""

import glob
import os
import shutil


def apply():
    bind_gateway_to_its_host()
    use_installed_java()
    use_installed_dynamodb()


def bind_gateway_to_its_host():
    """LocalStack's server drops the host of GATEWAY_LISTEN for IPv4 and binds every interface."""
    from localstack import config
    from twisted.internet import endpoints

    hosts = {listen.port: listen.host for listen in config.GATEWAY_LISTEN}
    original = endpoints.TCP4ServerEndpoint.__init__

    def init(self, reactor, port, backlog=50, interface=""):
        original(self, reactor, port, backlog, interface or hosts.get(port, "127.0.0.1"))

    endpoints.TCP4ServerEndpoint.__init__ = init


def use_installed_java():
    """It would download one of its own."""
    from localstack.packages.java import JavaPackageInstaller

    java = os.environ.get("JAVA_HOME") or os.path.dirname(os.path.dirname(os.path.realpath(shutil.which("java"))))
    JavaPackageInstaller.install = lambda self, target=None: None
    JavaPackageInstaller.get_installed_dir = lambda self: java


def use_installed_dynamodb():
    """It would download DynamoDB Local from AWS; this one came from Maven Central, and listens on loopback alone."""
    from localstack.services.dynamodb.packages import DynamoDBLocalPackageInstaller
    from localstack.services.dynamodb.server import DynamodbServer

    library = os.environ["LOCALSTACK_HOST_DYNAMODB"]
    if not glob.glob(f"{library}/DynamoDBLocal-*.jar"):
        raise FileNotFoundError(f"There is no DynamoDB Local in {library}")
    DynamoDBLocalPackageInstaller.install = lambda self, target=None: None
    DynamoDBLocalPackageInstaller.get_installed_dir = lambda self: library
    original = DynamodbServer._create_shell_command

    def command(self):
        # java -Xmx… -javaagent:… -Djava.library.path=… -jar DynamoDBLocal.jar -port …
        asked = original(self)
        jar = asked.index("-jar")
        options = [part for part in asked[:jar] if not part.startswith(("-javaagent:", "-Djava.library.path="))]
        return [
            *options,
            f"-Djava.library.path={library}",
            f"-Dsqlite4java.library.path={library}",
            "-cp",
            f"{library}/*:{os.path.dirname(__file__)}",
            "LoopbackDynamoDb",
            *asked[jar + 2 :],
        ]

    DynamodbServer._create_shell_command = command
