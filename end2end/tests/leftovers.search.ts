// After all else: no database, no write-ahead log and no server's log holds a
// secret that any test used, or anything that looks like one.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { found, knownSecrets, written } from "../fixtures/leftovers.ts";
import { people, WORLDS } from "../fixtures/world.ts";

const worlds = (): string[] => {
  if (!existsSync(WORLDS)) return [];
  return readdirSync(WORLDS)
    .map((name) => join(WORLDS, name))
    .filter((dir) => existsSync(join(dir, "known-secrets.json")));
};

test("no file that was written holds a secret", () => {
  test.setTimeout(120_000);
  test.skip(worlds().length === 0, "no test ran that writes anything");
  const leaks: string[] = [];
  let [files, live, logs] = [0, 0, 0];
  for (const dir of worlds()) {
    const secrets = knownSecrets(dir);
    expect(secrets.length, dir).toBeGreaterThanOrEqual(8);
    for (const path of written(dir)) {
      files += 1;
      live += Number(path.endsWith("-wal"));
      const bytes = readFileSync(path);
      logs += Number(path.endsWith("portal.log") && bytes.length > 0);
      leaks.push(...found(bytes, secrets).map((what) => `${what} in ${path.slice(WORLDS.length + 1)}`));
    }
  }
  // As many as there must be: something was searched.
  expect(logs).toBe(worlds().length);
  expect(live).toBeGreaterThan(0);
  expect(files).toBeGreaterThan(worlds().length * 3);
  expect(leaks).toEqual([]);
});

test("the search finds what is there", () => {
  test.skip(worlds().length === 0, "no test ran that writes anything");
  // What the product keeps in plain is found where it is kept, in the database as in its write-ahead log.
  const seen = new Map<string, number>();
  for (const path of worlds().flatMap(written)) {
    const kind = path.replace(/.*portal/, "portal");
    const hit = found(readFileSync(path), [people.ada.email]).length > 0;
    seen.set(kind, (seen.get(kind) ?? 0) + Number(hit));
  }
  expect(seen.get("portal.db")).toBeGreaterThan(0);
  expect(seen.get("portal.db-wal")).toBeGreaterThan(0);

  // Planted in a database, in each of the ways, a secret is found.
  const [dir] = worlds();
  const clean = readFileSync(join(dir ?? "", "portal.db"));
  const [key] = knownSecrets(dir ?? "").filter((secret) => secret.startsWith("eyJ"));
  const { password } = people.bea;
  expect(key).toBeDefined();
  expect(found(clean, [password, key ?? ""])).toEqual([]);
  const session = "q83vEjRWeJCrze8SNFZ4kA";
  const planted: [string, Buffer][] = [
    [password, Buffer.from(password)],
    [password, Buffer.from(encodeURIComponent(password))],
    [password, Buffer.from(`password=${password.replaceAll(" ", "+")}&next=`)],
    [password, Buffer.from(Buffer.from(password).toString("base64"))],
    [password, Buffer.from(Buffer.from(password).toString("hex"))],
    [session, Buffer.from(session, "base64url")],
    ["unheard of", Buffer.from(key ?? "")],
    ["unheard of", Buffer.from("-----BEGIN PRIVATE KEY-----")],
    ["unheard of", Buffer.from("308204bd020100300d06092a864886f70d0101010500048204a7", "hex")],
    ["unheard of", Buffer.from("cookie: eas.sid=abcdefghijkl; x=y")],
  ];
  for (const [secret, bytes] of planted) {
    const middle = Math.floor(clean.length / 2) + 1;
    const spoilt = Buffer.concat([clean.subarray(0, middle), bytes, clean.subarray(middle)]);
    expect(found(spoilt, [secret]), `${secret} as ${bytes.toString("latin1").slice(0, 20)}`).toHaveLength(1);
  }
});
