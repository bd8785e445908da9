// Starts the sandbox and lets this process reach it under Qlik's hostnames, so
// that Qlik's own client can be driven against it unchanged.

import { spawn } from "node:child_process";
import { createPrivateKey, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import tls from "node:tls";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

function program() {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
  const path = process.env.QLIK_SANDBOX_BIN ?? join(target, "debug", "qlik-sandbox");
  if (!existsSync(path)) throw new Error(`${path} is missing: cargo build -p sandbox`);
  return path;
}

/** Resolves once the file is there. */
function appears(dir, name, child) {
  return new Promise((resolve, reject) => {
    const watcher = watch(dir, check);
    child.once("exit", (code) => reject(new Error(`the sandbox ended with ${code}`)));
    function check() {
      if (!existsSync(join(dir, name))) return;
      watcher.close();
      resolve(JSON.parse(readFileSync(join(dir, name), "utf8")));
    }
    check();
  });
}

/** A sandbox of its own for one test file. */
export async function startSandbox({ portalOrigin = "https://portal.example" } = {}) {
  const dir = mkdtempSync(join(tmpdir(), "qlik-sandbox-"));
  const args = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--portal-origin", portalOrigin];
  args.push("--ca-file", join(dir, "ca.pem"), "--ready-file", join(dir, "ready.json"));
  const child = spawn(program(), args, { stdio: ["ignore", "ignore", "inherit"] });
  const ready = await appears(dir, "ready.json", child);
  const ca = readFileSync(join(dir, "ca.pem"), "utf8");
  const undo = redirect(ready.listen, ca);
  return {
    demo: ready.demo,
    async control(method, path, body) {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${ready.control}${path}`, { method, headers, body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return response.json();
    },
    async stop() {
      undo();
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
      rmSync(dir, { recursive: true });
    },
  };
}

/** Lets this process reach Qlik's hostnames at `listen`; gives what undoes it. */
// fetch, https and ws all end at tls.connect. Names and certificates are checked as
// ever; only the address changes, and one more authority is trusted.
export function redirect(listen, ca) {
  const [host, port] = listen.split(":");
  const connect = tls.connect;
  tls.connect = function (options, ...rest) {
    const name = options.servername || options.host;
    if (typeof name === "string" && (name.endsWith(".qlikcloud.com") || name === "login.qlik.com")) {
      options = { ...options, servername: name, host, port: Number(port), ca };
    }
    return connect.call(this, options, ...rest);
  };
  return () => {
    tls.connect = connect;
  };
}

/** Keeps cookies as a browser would, for the calls made while `work` runs. */
export async function withCookies(jar, work) {
  const plain = globalThis.fetch;
  globalThis.fetch = async (input, init = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await plain(input, { ...init, headers: { ...init.headers, cookie } });
    remember(jar, response);
    return response;
  };
  try {
    return await work();
  } finally {
    globalThis.fetch = plain;
  }
}

export function remember(jar, response) {
  for (const line of response.headers.getSetCookie()) {
    const [pair] = line.split(";");
    const at = pair.indexOf("=");
    jar.set(pair.slice(0, at), pair.slice(at + 1));
  }
}

/** A signing key with a self-signed certificate, for a JWT identity provider. */
export function signer(issuer, kid) {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "der" },
  });
  const key = createPrivateKey(privateKey);
  return {
    pem: certificate(key, publicKey),
    token(user, more = {}) {
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: issuer, aud: "qlik.api/login/jwt-session", sub: user.subject, subType: "user",
        name: user.email, email: user.email, email_verified: true, jti: randomUUID(),
        iat: now, nbf: now - 30, exp: now + 60, ...more,
      };
      const head = encode({ alg: "RS256", typ: "JWT", kid });
      const signed = `${head}.${encode(claims)}`;
      return `${signed}.${createSign("RSA-SHA256").update(signed).sign(key, "base64url")}`;
    },
  };
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

// The few DER shapes that a certificate is made of (RFC 5280, section 4.1).
function der(tag, ...parts) {
  const body = Buffer.concat(parts);
  if (body.length < 128) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const size = Buffer.from([body.length >> 8, body.length & 255]);
  return Buffer.concat([Buffer.from([tag, 0x82]), size, body]);
}

function certificate(key, spki) {
  const algorithm = der(0x30, Buffer.from("06092a864886f70d01010b0500", "hex"));
  const name = der(0x30, der(0x31, der(0x30, Buffer.from("0603550403", "hex"), der(0x0c, Buffer.from("portal")))));
  const dates = der(0x30, der(0x17, Buffer.from("240101000000Z")), der(0x17, Buffer.from("490101000000Z")));
  const version = der(0xa0, der(0x02, Buffer.from([2])));
  const serial = der(0x02, Buffer.from([1]));
  const body = der(0x30, version, serial, algorithm, name, dates, name, spki);
  const signature = createSign("RSA-SHA256").update(body).sign(key);
  const whole = der(0x30, body, algorithm, der(0x03, Buffer.from([0]), signature));
  return `-----BEGIN CERTIFICATE-----${whole.toString("base64")}-----END CERTIFICATE-----`;
}
